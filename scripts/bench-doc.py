#!/usr/bin/env python3
"""bench-doc.py DIR JSON DOC - the figures of a bench for the documentation.

Writes DOC/performance-figures.inc, the tables that performance.rst includes,
from what bench-report.py wrote, and copies the plots that it shows to
DOC/performance/. Run by "DOC=1 make bench".
"""

import importlib
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
report = importlib.import_module('bench-report')
limits = importlib.import_module('bench-limits')

PLOTS = ('uml-up-pair', 'uml-up-batch', 'uml-up-to-kmalloc',
         'uml-heap-random_replace', 'qemu-6.12-pair', 'qemu-7.2-pair',
         'qemu-7.2-batch', 'memory')
BOOTS = (('uml-up', 'UP User-Mode Linux', report.COLUMNS),
         ('uml-heap', 'Random replacement, UP User-Mode Linux', report.COLUMNS),
         ('uml-up-paths', 'Below the magazine, UP User-Mode Linux',
          report.COLUMNS),
         ('trace', 'The recorded trace, UP User-Mode Linux', report.COLUMNS),
         ('qemu-6.1', 'Instructions, stock 6.1', report.COLUMNS),
         ('qemu-6.12', 'Instructions, stock 6.12', report.COLUMNS),
         ('qemu-7.2', 'Instructions, own 7.2', report.COLUMNS),
         ('qemu-7.2-paths', 'Below the magazine in instructions, own 7.2',
          report.COLUMNS),
         ('user', 'User space, on the machine itself', report.USER))


def rst_table(rows):
    """A simple table, the first row its head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    rule = '  '.join('=' * width for width in widths)
    lines = [rule]
    for i, row in enumerate(rows):
        # An empty first cell would continue the row above.
        cells = [(row[0] or '\\').ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append('  '.join(cells).rstrip())
        if not i:
            lines.append(rule)
    return lines + [rule, '']


def section(title, mark='-'):
    return [title, mark * len(title), '']


def limit_rows(found):
    yield ['limit', 'figure', 'spread', 'raw', 'bound', 'kept', 'worst']
    for limit in found:
        yield report.limit_cells(limit)


def other_rows(figures):
    """Bytes and locks, those that are not zero."""
    yield ['workload', 'size', 'cpus', 'metric', 'goslab', 'kmalloc']
    rows = {}
    for f in figures:
        if f['metric'] not in report.TIMES + report.HALVES:
            key = (f['workload'], report.label(f), str(f['cpus']), f['metric'])
            rows.setdefault(key, {})[f['allocator']] = f['value']
    for key, row in rows.items():
        if any(row.values()):
            yield list(key) + [format(row[n], ',') if n in row else '-'
                               for n in ('goslab', 'kmalloc')]


def pages(figures, directory):
    yield from ['.. SPDX-License-Identifier: GPL-2.0',
                '.. Written by "DOC=1 make bench"; do not edit.', '']
    yield from section('Limits')
    yield from rst_table(list(limit_rows(limits.limits(figures, directory))))
    for boot, title, columns in BOOTS:
        mine = [f for f in figures if f['boot'] == boot]
        if not mine:
            continue
        yield from section(title)
        yield 'Linux %s. %s' % (mine[0]['kernel'], report.first_line(
            os.path.join(directory, boot, 'config')))
        yield ''
        yield from rst_table(report.table_of(mine, columns))
    yield from section('Memory')
    yield from rst_table(list(other_rows(
        [f for f in figures if f['workload'].startswith('memory')])))
    yield from section('Locks and shared lines, SMP User-Mode Linux')
    yield from rst_table(list(other_rows(
        [f for f in figures if f['bed'] == 'uml-smp'])))


def main():
    directory, path, doc = sys.argv[1:]
    with open(path) as file:
        figures = json.load(file)
    with open(os.path.join(doc, 'performance-figures.inc'), 'w') as file:
        for line in pages(figures, directory):
            file.write(line.rstrip() + '\n')
    os.makedirs(os.path.join(doc, 'performance'), exist_ok=True)
    for name in PLOTS:
        plot = os.path.join(directory, name + '.svg')
        if os.path.exists(plot):
            shutil.copy(plot, os.path.join(doc, 'performance'))
    print('tables and plots written to ' + doc)


if __name__ == '__main__':
    main()
