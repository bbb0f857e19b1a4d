# SPDX-License-Identifier: GPL-2.0
"""cases.py - for scripts with tests: runs their functions test_*, a line of KTAP each."""

import re
import sys
import traceback


def equal(found, wanted):
    if found != wanted:
        raise AssertionError('%r is not %r' % (found, wanted))


def run_cases(names):
    """The tests among @names, in their order. Ends the script, with 1 if one failed."""
    tests = [(name[5:], test) for name, test in names.items()
             if name.startswith('test_')]
    failed = 0
    print('KTAP version 1\n1..%d' % len(tests))
    for i, (name, test) in enumerate(tests, 1):
        try:
            test()
            print('ok %d %s' % (i, name))
        except Exception:
            failed += 1
            print(re.sub('^', '# ', traceback.format_exc().rstrip(), flags=re.M))
            print('not ok %d %s' % (i, name))
    sys.exit(failed > 0)
