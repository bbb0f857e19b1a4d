#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""bench-sampling.py DIR - what the heap profile costs, by rate, in a table.

DIR is the output of a boot that ran scripts/guest/sampling.sh under QEMU -icount: a
nanosecond is an instruction. Ends with 1 if the default rate costs more than 2 % of
an operation on the trace, or with objects of up to 1 KiB.
"""

import json
import pathlib
import sys

DEFAULT = '524288'
BOUND = 1.02
SMALL = 1024


def loops(path):
    """(workload, size) -> instructions of an operation."""
    found = {}
    for line in path.read_text().splitlines():
        if not line.startswith('{"workload"'):
            continue
        row = json.loads(line)
        if row['allocator'] == 'goslab' and \
                row['metric'] == 'instructions_per_op':
            found[row['workload'], row['size']] = row['value']
    return found


def trace(path):
    """(workload, 0) -> instructions of an event, the empty replay taken off."""
    text = json.loads(path.read_text())['trace_time']
    empty = text['empty']['plain']['median']
    return {(name, 0): (text[way]['plain']['median'] - empty) / text['events']
            for name, way in (('trace', 'goslab'),
                              ('trace_malloc', 'goslab_malloc'))}


def title(rate):
    if rate == '0':
        return 'off'
    return rate.replace('s', '+stacks')


def main():
    folder = pathlib.Path(sys.argv[1])
    at = {}
    for path in folder.glob('results-*'):
        rate = path.name.split('-')[1]
        at[rate] = {**loops(path), **trace(folder / ('trace-' + rate))}
    if '0' not in at or DEFAULT not in at:
        sys.exit('bench-sampling.py: no figures in %s' % folder)
    order = sorted(at, key=lambda r: (r != '0', 's' in r, -int(r.strip('s'))))
    print('Instructions of an operation, by sample_rate')
    print('%-14s%8s' % ('workload', 'size') +
          ''.join('%15s' % title(rate) for rate in order) + '%10s' % 'default')
    worst = 0
    for key in sorted(at['0']):
        ratio = at[DEFAULT][key] / at['0'][key]
        if key[1] <= SMALL:
            worst = max(worst, ratio)
        print('%-14s%8s' % (key[0], key[1] or '-') +
              ''.join('%15.1f' % at[rate][key] for rate in order) +
              '%10.3f' % ratio)
    print('Traces, and objects of up to %d bytes: the default costs %.1f %% at '
          'most, bound %.0f %%: %s' % (
              SMALL, 100 * (worst - 1), 100 * (BOUND - 1),
              'ok' if worst <= BOUND else 'MISSED'))
    return worst > BOUND


sys.exit(main())
