#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-dropin.py TREE - is every name of slab mapped, or said not to be?

Looks for calls that allocate or free in the headers of a kernel tree. Each is
in goslab_slab_names.h, or a word of "What stays the kernel's" of dropin.rst, or
below because no module calls it.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
NAMES = TOP / 'goslab/include/linux/goslab_slab_names.h'
PAGE = TOP / 'Documentation/dropin.rst'

HEADERS = {
    'slab.h': r'k\w*(?:alloc|free|size|dup)\w*|kmem_\w+|kv\w+',
    'string.h': r'\w*dup\w*|kfree\w*',
    'mempool.h': r'mempool_\w*(?:slab|kmalloc|kfree|kvmalloc|kvfree)\w*',
    'rcupdate.h': r'kv?free_\w+',
}
# Of the kernel's inside, or made of names that are mapped.
INSIDE = re.compile(
    r'kmalloc_(index|type|obj|objs|flex)|kv?[mz]alloc_(obj|objs|flex)'
    r'|kmem_cache_(create|init|init_late)|kmem_dump_obj|kmem_valid_obj'
    r'|kv?free_rcu_(init|scheduler_running|arg_[12])|kvfree_call_rcu'
    r'|kvcalloc_node_noprof|kmem_buckets_\w+'
    r'|kmalloc_(trace|node_trace|token_t)|kvrealloc_node'
    r'|kmalloc_nolock_noprof|\w*_page_pool|slab_is_available')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)


def calls(path, pattern):
    """Names that a header declares, defines or expands to, as calls."""
    text = COMMENT.sub('', path.read_text())
    text = re.sub(r'#if 0.*?#endif', '', text, flags=re.S)
    return set(re.findall(r'(?<![\w.>])(%s)\s*\(' % pattern, text))


def main():
    tree = pathlib.Path(sys.argv[1])
    mapped = set(re.findall(r'^#define (\w+)', NAMES.read_text(), re.M))
    page = PAGE.read_text()
    stays = page[page.index("What stays the kernel's"):
                 page.index('What cannot be mapped')]
    said = set(re.findall(r'\w+', stays))
    bad = False
    for header, pattern in HEADERS.items():
        for name in sorted(calls(tree / 'include/linux' / header, pattern)):
            if name in mapped or name in said or INSIDE.fullmatch(name):
                continue
            print('%s: %s() is neither mapped nor in dropin.rst' % (header, name))
            bad = True
    sys.exit(bad)


if __name__ == '__main__':
    main()
