#!/usr/bin/env python3
"""saturation.py DIRECTORY [JSON] - how many CPUs each lock of an operation feeds.

DIRECTORY has what bench.sh leaves of the beds qemu-7.2 and locks (BEDS="locks
qemu-7.2"). For each workload and allocator the table says of every lock that the
allocator takes: acquisitions an operation, with eight CPUs; the instructions of an
operation that it is held, by the hold that was measured on one CPU; and the
instructions of an operation divided by them: the number of CPUs that do nothing else
at which the lock is always held. With more CPUs it is the limit. Each size class of
goslab_malloc() has its own lock; "busiest of N" is the one that is held longest.
Locks of samples are 64 of each kind: those of records are taken by the address of the
object, so evenly; of those of sites the busiest is taken to have an eighth, where the
busiest class of the mix has a sixteenth of the samples. Locks of other kinds (the
central lists of caches, zones, partial slabs) count as one lock for each kind, so their
number is a lower bound. The shortest hold of all is
what lock_stat itself takes (some 400 instructions around a few of work); it is
subtracted from each hold. Locks that are taken under another one still make the hold
of that longer by as much.

Also, of the boots with eight CPUs, on one node and on two: how often an acquisition
found a lock taken.

Ends with 1 if a lock of goslab feeds fewer than LEAST CPUs.
"""

import collections
import glob
import json
import os
import re
import sys

LEAST = 256
# The central lists of goslab_malloc(), named by their class.
CENTRAL = re.compile(r'(malloc|noscan|tiny)-\d+')
# The locks that CPUs share, as lock_stat names them: of goslab the page heap, the
# central lists (the second kind is that of caches), the free lists of metadata, the
# radix tree, the record of the peak, records and sites of samples; of slab the partial
# slabs of a node and its sheaves; the kernel's free pages.
SHARED = re.compile(
    CENTRAL.pattern + r'|&mheap->lock|&mc->lock|&f->lock|radix_lock|peak_lock|'
    r'&(?:special|site)_locks\[i\]\.lock|'
    r'&n->list_lock|&barn->lock|&zone->_?lock')
# How many locks of a kind share what is counted for all of them.
SPREAD = {'&special_locks[i].lock': 64, '&site_locks[i].lock': 8}
NUMBERS = re.compile(r'^\s*(\S.*?):\s+((?:[\d.]+\s+){11}[\d.]+)\s*$')

Lock = collections.namedtuple('Lock', 'name acquired contended least held_us')


def read(path):
    """The figures of the bench in a file of lockstat.sh, and its locks."""
    figures, locks = [], []
    with open(path) as file:
        for line in file:
            if line.startswith('{'):
                figures.append(json.loads(line))
                continue
            match = NUMBERS.match(line)
            if match:
                n = [float(x) for x in match[2].split()]
                locks.append(Lock(match[1].strip(), n[7], n[1], n[8], n[10]))
    return figures, locks


def ops_of(figures):
    """Operations of a load."""
    return sum(f['ops'] for f in figures if 'ops' in f)


def instructions(directory, workload, allocator):
    """Of an operation on the same kernel without statistics of locks, or None."""
    for path in sorted(glob.glob(os.path.join(directory, 'qemu-7.2',
                                              'results-*'))):
        with open(path) as file:
            for line in file:
                figure = json.loads(line) if line.startswith('{"workload"') else {}
                if (figure.get('workload'), figure.get('allocator')) == \
                        (workload, allocator) and 'raw' in figure:
                    return figure['raw']
    return None


def is_shared(lock):
    """Is it one of the allocators', and was it taken?"""
    return lock.acquired and SHARED.fullmatch(
        lock.name.split('#')[0].split('/')[0])


def overhead(loads):
    """Microseconds of the shortest hold of all."""
    return min((lock.least for _, _, locks in loads for lock in locks
                if is_shared(lock)), default=0)


def rows_of(directory, boot):
    """A row for each lock of each load of a boot."""
    loads = [(path, *read(path)) for path in sorted(
        glob.glob(os.path.join(directory, boot, 'locks-*')))]
    least = overhead(loads)
    for path, figures, locks in loads:
        workload, allocator = os.path.basename(path).split('-')[1:3]
        ops = ops_of(figures)
        if not ops:
            sys.exit('saturation.py: no operations in %s' % path)
        whole = instructions(directory, workload, allocator) or \
            figures[-1].get('raw')
        for lock in locks:
            if not is_shared(lock):
                continue
            # Under -icount a microsecond is a thousand instructions.
            held = max(lock.held_us - least * lock.acquired, 0) * 1000 / ops
            yield {'workload': workload, 'allocator': allocator,
                   'lock': lock.name, 'acquired': lock.acquired / ops,
                   'contended': lock.contended / ops, 'held': held,
                   'operation': whole, 'spread': SPREAD.get(lock.name, 1)}


def unseen(rates, rows):
    """Rows for central lists that only eight CPUs took: held as long as the others of
    their load."""
    known = {(r['workload'], r['allocator'], r['lock']) for r in rows}
    loads = collections.defaultdict(list)
    for r in rows:
        if CENTRAL.fullmatch(r['lock']):
            loads[r['workload'], r['allocator']].append(r)
    for key in rates:
        same = loads[key[:2]]
        if key not in known and same and CENTRAL.fullmatch(key[2]):
            held, acquired = (sum(r[name] for r in same)
                              for name in ('held', 'acquired'))
            yield {**same[0], 'lock': key[2], 'held': held, 'acquired': acquired}


def with_rates_of(busy, rows):
    """The rows with the acquisitions of the boot with eight CPUs. On one CPU a thread
    frees what another one allocated before, which eight do at the same time."""
    rates = {(r['workload'], r['allocator'], r['lock']): r['acquired']
             for r in busy}
    loads = {key[:2] for key in rates}
    rows = list(rows)
    rows += unseen(rates, rows)
    for r in rows:
        load = r['workload'], r['allocator']
        if load in loads:
            rate = rates.get((*load, r['lock']), 0)
            r['held'] *= rate / r['acquired']
            r['acquired'] = rate
        if r['acquired']:
            r['cpus'] = r['operation'] / r['held'] * r['spread'] if r['held'] else None
            yield r


def busiest(rows):
    """The rows, but of the central lists of a load only the one held longest."""
    central = collections.defaultdict(list)
    for r in rows:
        if CENTRAL.fullmatch(r['lock']):
            central[r['workload'], r['allocator']].append(r)
        else:
            yield r
    for same in central.values():
        most = max(same, key=lambda r: r['held'])
        yield {**most, 'lock': '%s, busiest of %d' % (most['lock'], len(same))}


def show(rows):
    """The table."""
    print('%-18s %-8s %-28s %10s %8s %9s %7s' % (
        'workload', 'way', 'lock', 'taken/op', 'held/op', 'of', 'CPUs'))
    for r in sorted(busiest(rows), key=lambda r: (r['workload'], r['allocator'],
                                                  r['lock'])):
        print('%(workload)-18s %(allocator)-8s %(lock)-28s %(acquired)10.4f '
              '%(held)8.3f %(operation)9.0f' % r +
              (' %(cpus)7.0f' % r if r['cpus'] else '%8s' % 'any'))


def contended(rows):
    """Contended acquisitions an operation by workload and allocator."""
    sums = collections.Counter()
    for r in rows:
        sums[r['workload'], r['allocator']] += r['contended']
    return sums


def show_contended(machine, sums):
    """A line for each workload and allocator."""
    for (workload, allocator), n in sorted(sums.items()):
        print('%s, %s, %s: %.5f contended acquisitions an operation' % (
            workload, machine, allocator, n))


def main():
    """The tables; the exit status."""
    directory = sys.argv[1]
    eight = [*rows_of(directory, 'locks-8'),
             *rows_of(directory, 'locks-8-threads'),
             *rows_of(directory, 'locks-8-pairs')]
    rows = list(with_rates_of(eight, rows_of(directory, 'locks')))
    if not rows:
        sys.exit('saturation.py: nothing in %s/locks: run BEDS="locks qemu-7.2" '
                 'make bench' % directory)
    show(rows)
    busy = contended(eight)
    show_contended('8 CPUs', busy)
    show_contended('8 CPUs on 2 nodes',
                   contended(rows_of(directory, 'locks-8-nodes')))
    few = [r for r in rows if r['allocator'] == 'goslab' and r['cpus'] and
           r['cpus'] < LEAST]
    for r in few:
        print('MISSED: %(workload)s: %(lock)s feeds %(cpus).0f CPUs' % r)
    if len(sys.argv) > 2:
        with open(sys.argv[2], 'w') as file:
            json.dump({'locks': rows, 'contended_on_8': {
                ' '.join(key): n for key, n in busy.items()}}, file, indent=1)
    return 1 if few else 0


if __name__ == '__main__':
    sys.exit(main())
