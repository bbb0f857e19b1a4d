#!/usr/bin/env python3
"""bench-short.py DIR RECORDED [--record] - instructions against those recorded.

DIR has results-N of a short run under QEMU -icount. With --record they become
RECORDED; without, each figure of goslab is a KTAP case that fails when it is
more than 5 % above the recorded one, and so is the fast path against its golden
file. A figure that is not recorded, or no longer measured, is a failure. KTAP
goes to stdout; the exit status is 1 if a case failed. Another compiler makes
other code: then, and only then, the cases are skipped.
"""

import glob
import json
import os
import subprocess
import sys

SCRIPTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, SCRIPTS)
import fastpath

OURS = ('goslab', 'goslab_cache')
SHOWN = OURS + ('kmalloc', 'kmem_cache', 'pages', 'floor')
ALLOWED = 1.05


def read(directory):
    """Instructions of an operation by "workload.allocator.size"."""
    found = {}
    for path in sorted(glob.glob(os.path.join(directory, 'results-*'))):
        with open(path) as file:
            for line in file:
                if line.startswith('{"locks"'):
                    continue
                figure = json.loads(line)
                if figure['allocator'] in SHOWN and \
                        figure['metric'] == 'instructions_per_op':
                    found['%(workload)s.%(allocator)s.%(size)d' % figure] = \
                        round(figure['value'], 1)
    if not found:
        sys.exit('bench-short.py: no figures in ' + directory)
    return found


def case(number, name, now, recorded):
    """The line of one figure; whether it failed."""
    if recorded is None or now is None:
        return 'not ok %d %s # %s' % (
            number, name, 'not measured any more' if now is None else
            'not recorded: RECORD=1 scripts/bench.sh'), True
    bad = now > recorded * ALLOWED
    return '%sok %d %s # %.1f instructions, recorded %.1f' % (
        'not ' if bad else '', number, name, now, recorded), bad


def check(found, recorded):
    """KTAP of all figures of goslab, and of the fast path."""
    ours = [name for name in dict.fromkeys([*found, *recorded['figures']])
            if name.split('.')[1] in OURS]
    other = fastpath.compiler_of(fastpath.MODULE) != recorded['compiler']
    failed = False
    print('KTAP version 1\n1..%d' % (len(ours) + 1))
    for number, name in enumerate(ours, 1):
        if other:
            print('ok %d %s # SKIP recorded with %s' % (
                number, name, recorded['compiler']))
            continue
        line, bad = case(number, name, found.get(name),
                         recorded['figures'].get(name))
        failed |= bad
        print(line)
    said = subprocess.run([sys.executable,
                           os.path.join(SCRIPTS, 'fastpath.py'), '--check'],
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    for line in said.stdout.splitlines():
        print('# ' + line)
    other = said.returncode == fastpath.NOT_COMPARED
    bad = said.returncode and not other
    print('%sok %d fastpath%s' % ('not ' if bad else '', len(ours) + 1,
                                  ' # SKIP other compiler' if other else ''))
    return failed or bad


def main():
    directory, path = sys.argv[1:3]
    found = read(directory)
    if '--record' in sys.argv:
        with open(path, 'w') as file:
            json.dump({'compiler': fastpath.compiler_of(fastpath.MODULE),
                       'kernel': fastpath.kernel_of(fastpath.MODULE),
                       'figures': found}, file, indent=1)
            file.write('\n')
        print('%d figures recorded in %s' % (len(found), path))
        return
    with open(path) as file:
        recorded = json.load(file)
    sys.exit(1 if check(found, recorded) else 0)


if __name__ == '__main__':
    main()
