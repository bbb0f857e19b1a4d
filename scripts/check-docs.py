#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""check-docs.py CHECK... - do Documentation/ and the sources agree?

debugfs: what watch/*.c prints is what debugfs.rst lists, name by name, and
the other way round. links: files, functions and constants that the
documentation names are there, index.rst has every page, and examples.rst every
example. locks: locking.rst
has every lock. api: api.rst has every public call, constant, kind of report and
module parameter. suites: each is built, and testing.rst has it.
"""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
DOC = TOP / 'Documentation'
WATCH = TOP / 'goslab' / 'watch'

LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
TABLES = ('heaps', 'owners', 'mcaches', 'classes', 'spans', 'arenas', 'guard', 'pools',
          'callsites', 'frag')
# It has what profile has, and the same section.
SAME = {'profile_peak': 'profile'}


def sections(page):
    """Title -> text of the sections of a page underlined with '='."""
    parts = re.split(r'^(\S.*)\n=+\n', (DOC / page).read_text(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def first_column(text):
    """``name`` at the start of table rows and of definitions."""
    return set(re.findall(r'^``([^`]+)``', text, re.M))


def literals(source, function):
    """The string literals of a function."""
    body = re.search(r'^\w[^\n]* \*?%s\(.*?^}' % function, source, re.M | re.S)
    return LITERAL.findall(body[0]) if body else []


def columns(source, name):
    """The words of a table's header line."""
    words = set()
    for text in literals(source, 'gs_%s_show' % name):
        if re.fullmatch(r'[a-z_]+', text):
            words.add(text)
        for line in text.split(r'\n'):
            if line.startswith('#'):
                words |= set(re.findall(r'(?<!%)\b[a-z_]{2,}\b', line))
    return words


def printed():
    """File -> names of lines or columns, as the sources print them."""
    source = ''.join(p.read_text() for p in sorted(WATCH.glob('*.c')))
    names = {file: set() for file in re.findall(r'\{ "(\w+)", &gs_', source)}
    for name in ('stats', 'memstats'):
        names[name] = set(re.findall(r'\bline\(m, "(\w+)"',
                                     (WATCH / (name + '.c')).read_text()))
    names['memstats'] |= set(literals(source, 'show_sizes')) & {
        'Size', 'Mallocs', 'Frees'}
    for name in TABLES:
        names[name] = columns(source, name)
    text = ''.join(literals(source, 'gs_caches_show'))
    names['caches'] = set(re.findall(r'<(\w+)>', text))
    text = r'\n'.join(literals(source, 'gs_mheap_show'))
    names['mheap'] = set(re.findall(r'(?:^|\\n)([a-z ]+):', text))
    text = ' '.join(literals(source, 'invariant_name'))
    names['json'] = set(re.findall(r'\b(?:number|text|begin|show_owners)\('
                                   r'[^;]*?"(\w+)"', (
                                       WATCH / 'json.c').read_text()))
    names['latency'] = set(literals((TOP / 'goslab/base/latency.c').read_text(),
                                    'gs_latency_name'))
    names['profile'] = set(re.findall(r'# (\w+) =', ''.join(literals(
        source, 'show_end'))))
    names['alloc_traces'] = set(re.findall(r'\b(\w+)=', ' '.join(literals(
        source, 'show_trace'))))
    names['leaks'] = set(re.findall(r'# (roots|scan):', ''.join(literals(
        source, 'show_header'))))
    names['verify'] = set(re.findall(r'\b([A-Z]\d)\b', text))
    return names


def check_debugfs():
    documented = sections('debugfs.rst')
    known = printed()
    listed = first_column(documented.get('Files', ''))
    for file in sorted(set(known) ^ listed):
        yield 'Documentation/debugfs.rst: file %s is in %s only' % (
            file, 'the sources' if file in known else 'the table of files')
    for file, names in known.items():
        rows = first_column(documented.get(file, ''))
        if file in SAME:
            continue
        if not names:
            yield 'goslab/watch: nothing that %s prints was found' % file
        for name in sorted(names ^ rows):
            yield 'Documentation/debugfs.rst: %s: %s is in %s only' % (
                file, name, 'the sources' if name in names else 'the page')


def all_sources(*folders):
    return '\n'.join(path.read_text() for folder in folders
                     for path in sorted((TOP / folder).rglob('*.[ch]')))


def check_locks():
    page = (DOC / 'locking.rst').read_text()
    text = all_sources('goslab')
    names = re.findall(r'DEFINE_(?:MUTEX|\w*SPINLOCK|RWLOCK)\((\w+)\)', text)
    names += re.findall(r'^struct (\w+) \{[^{}]*\bspinlock_t ', text, re.M)
    for name in sorted(set(names)):
        if not re.search(r'\b%s\b' % name, page):
            yield 'Documentation/locking.rst: nothing about the lock ' + name


def check_api():
    page = ' '.join((DOC / 'api.rst').read_text().split())
    header = '\n'.join(path.read_text() for path in sorted(
        (TOP / 'goslab/include/linux').glob('goslab*.h'))
        if path.name != 'goslab_sizeclass.h')
    names = re.findall(r'^ \* (goslab_\w+\(\)) - ', header, re.M)
    names += re.findall(r'^#define (GOSLAB_\w+)', header, re.M)
    report = (TOP / 'goslab/base/report.c').read_text()
    names += re.findall(r'\[GS_BUG_\w+\]\s*= "([^"]+)"', report)
    names += ['``%s``' % name for name in re.findall(
        r'^module_param\w*\((\w+)', all_sources('goslab'), re.M)]
    for name in names:
        if name not in page:
            yield 'Documentation/api.rst: nothing about ' + name


def check_suites():
    files = {path.name[:-len('_kunit.c')]
             for path in (TOP / 'kunit').glob('*_kunit.c')}
    built = set(re.findall(r'\b(\w+)_kunit\.o',
                           (TOP / 'kunit/Kbuild').read_text()))
    table = set(re.findall(r'^(\w+)  +\S', sections('testing.rst')['Suites'],
                           re.M)) - {'Suite'}
    for name in sorted(files - built):
        yield 'kunit/Kbuild: %s_kunit.o is not built' % name
    for name in sorted(files - table):
        yield 'Documentation/testing.rst: nothing about the suite ' + name
    for name in sorted(table - files):
        yield 'Documentation/testing.rst: there is no kunit/%s_kunit.c' % name


def check_examples():
    """Each is built, has its log for the test, and stands in examples.rst."""
    page = (DOC / 'examples.rst').read_text()
    built = (DOC / 'examples' / 'Kbuild').read_text()
    for path in sorted(p for p in DOC.glob('examples/*') if p.is_dir()):
        name, where = path.name, path.relative_to(TOP)
        if not re.search(r'^obj-m .*\b%s/' % name, built, re.M):
            yield 'Documentation/examples/Kbuild: %s/ is not built' % name
        for file in (name + '.c', 'expected'):
            if not (path / file).is_file():
                yield '%s: no file %s' % (where, file)
            if 'literalinclude:: examples/%s/%s\n' % (name, file) not in page:
                yield 'Documentation/examples.rst: %s/%s is not there' % (where, file)


def check_links():
    sources = all_sources('goslab', 'kunit')
    kbuild = ''.join(path.read_text() for path in
                     [TOP / 'goslab/Kbuild', *TOP.glob('goslab/compat/*e')])
    pages = sorted(DOC.glob('*.rst'))
    for page in pages + [TOP / 'README.md']:
        text, where = page.read_text(), page.relative_to(TOP)
        for name in sorted(set(re.findall(
                r'\b((?:goslab|kunit|scripts|Documentation)/'
                r'[\w/.-]*\.(?:sh|py|[ch]|rst|config|xz))\b', text))):
            if not (TOP / name).exists():
                yield '%s: no file %s' % (where, name)
        for name in sorted(set(re.findall(
                r'\b((?:__)?(?:goslab|gs)_\w+)\(', text))):
            if not re.search(r'\b%s\b' % name, sources):
                yield '%s: no function %s()' % (where, name)
        for name in sorted(set(re.findall(r'\bG(?:S|OSLAB)_[A-Z_]*[A-Z]\b',
                                          text))):
            if not re.search(r'\b%s\b' % name, sources + kbuild):
                yield '%s: nothing is called %s' % (where, name)
        for path, name in re.findall(
                r'``(goslab/[\w/]+\.[ch])``\s+``([\w.]+)``', text):
            if (TOP / path).exists() and not re.search(
                    r'\b%s\b' % name.split('.')[-1], (TOP / path).read_text()):
                yield '%s: no %s in %s' % (where, name, path)
    yield from check_examples()
    index = (DOC / 'index.rst').read_text()
    for page in pages:
        if page.stem != 'index' and \
                not re.search(r'^   %s$' % page.stem, index, re.M):
            yield 'Documentation/index.rst: no entry for %s' % page.stem


CHECKS = {
    'debugfs': check_debugfs,
    'links': check_links,
    'locks': check_locks,
    'api': check_api,
    'suites': check_suites,
}


def main():
    bad = [said for name in sys.argv[1:] for said in CHECKS[name]()]
    for said in bad:
        print(said)
    sys.exit(bool(bad))


if __name__ == '__main__':
    main()
