#!/usr/bin/env python3
"""summary.py FILE... - the table of a test run, from the JSON of ktap.py.

FILE is ORDER-RUN.json, with the field "seconds" added by test.sh, or RUN.json. One
row a suite, one column a run: cases passed, "+nF" failed, "+nS" skipped. The last
line is "N passed, N failed, N skipped"; the exit status is 1 if any failed.
"""

import json
import os
import re
import sys

KINDS = ('passed', 'failed', 'skipped')


def cell(suite):
    """A suite's three counts in a few characters."""
    if suite is None:
        return '.'
    text = str(suite['passed'])
    if suite['failed']:
        text += '+%dF' % suite['failed']
    if suite['skipped']:
        text += '+%dS' % suite['skipped']
    return text


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        print('  '.join(cells))


def load(path):
    with open(path) as file:
        run = json.load(file)
    name = os.path.basename(path)[:-len('.json')]
    run['name'] = re.sub(r'^\d+-', '', name)
    run.setdefault('seconds', 0)
    return run


def main():
    runs = [load(path) for path in sys.argv[1:]]
    names = sorted({name for run in runs for name in run['suites']})
    label = lambda name: name if name != '-' else '(no suite)'
    rows = [['suite'] + [run['name'] for run in runs]]
    rows += [[label(name)] + [cell(run['suites'].get(name)) for run in runs]
             for name in names]
    rows.append(['other failures'] +
                [str(len(run['problems']) or '.') for run in runs])
    rows.append(['seconds'] + [str(run['seconds']) for run in runs])
    print_table(rows)
    for run in runs:
        for text in run['failures'] + run['problems']:
            print('FAILED %s: %s' % (run['name'], text))
    total = {kind: sum(run[kind] for run in runs) for kind in KINDS}
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % total)
    sys.exit(1 if total['failed'] or not total['passed'] else 0)


if __name__ == '__main__':
    main()
