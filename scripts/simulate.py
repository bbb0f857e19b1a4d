#!/usr/bin/env python3
"""simulate.py SATURATION.json [PLOT] - what locks do to throughput on many CPUs.

A discrete-event simulation. Each CPU does one operation after the other. After as
many as chance gives it takes one of the locks that saturation.py found, in the
order of arrival, and holds it as long as was measured; if another CPU had the lock
last, BOUNCE instructions more, for the line of the lock and the lines behind it.
The CPUs are spread evenly over the nodes; central lists, zones, slab's partial
lists and the page heap exist once per node. Locks of samples are many. Everything is an instruction: caches,
memory bandwidth and what locks outside the allocator do are left out. So the result
is what the allocator's own locks allow, no more.

Prints operations in a million instructions for each number of CPUs, and the share of
N times one CPU. With PLOT draws that, too (needs matplotlib).
"""

import collections
import heapq
import json
import random
import sys

CPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
NODES = 8
BOUNCE = 300
# Locks that there is one of for each node; the others are global.
PER_NODE = ('mheap->lock', 'mc->lock', 'malloc-', 'noscan-', 'tiny-', 'zone', 'list_lock',
            'barn')
LOCKS_TAKEN = 20000

Lock = collections.namedtuple('Lock', 'name rate hold per_node spread')


def locks_of(rows):
    """The locks of a workload and allocator."""
    return [Lock(r['lock'], r['acquired'], r['held'] / r['acquired'],
                 any(word in r['lock'] for word in PER_NODE), r['spread'])
            for r in rows]


def simulate(locks, operation, cpus, nodes, seed=1):
    """Operations in a million instructions."""
    chance = random.Random(seed)
    total = sum(lock.rate for lock in locks)
    if not total:
        return cpus * 1e6 / operation
    free = {}
    last = {}
    # What an operation takes besides its locks.
    alone = operation - sum(lock.rate * lock.hold for lock in locks)
    queue = [(chance.expovariate(total) * alone, cpu, 0) for cpu in range(cpus)]
    heapq.heapify(queue)
    weights = [lock.rate for lock in locks]
    taken, now = 0, 0
    least = max(LOCKS_TAKEN, 40 * cpus)
    while taken < least:
        now, cpu, _ = heapq.heappop(queue)
        lock, = chance.choices(locks, weights)
        node = cpu * nodes // cpus if lock.per_node else 0
        key = lock.name, node, chance.randrange(lock.spread)
        start = max(now, free.get(key, 0))
        hold = lock.hold + (BOUNCE if last.get(key, cpu) != cpu else 0)
        free[key] = start + hold
        last[key] = cpu
        taken += 1
        heapq.heappush(queue, (start + hold + chance.expovariate(total) * alone,
                               cpu, taken))
    return taken / total * 1e6 / now


def curve(rows, nodes=NODES):
    """Throughput by number of CPUs."""
    locks, operation = locks_of(rows), rows[0]['operation']
    return {n: simulate(locks, operation, n, min(nodes, n)) for n in CPUS}


def groups_of(rows):
    """Rows by workload and allocator."""
    groups = collections.OrderedDict()
    for row in rows:
        groups.setdefault((row['workload'], row['allocator']), []).append(row)
    return groups


def plot(curves, path):
    """Throughput of each allocator against CPUs, a picture for each workload."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    workloads = list(dict.fromkeys(w for w, _ in curves))
    columns = 4
    lines = -(-len(workloads) // columns)
    _, axes = plt.subplots(lines, columns, squeeze=False,
                           figsize=(2.8 * columns, 2.6 * lines))
    axes = list(axes.flat)
    for axis in axes[len(workloads):]:
        axis.axis('off')
    for axis, workload in zip(axes, workloads):
        for (name, allocator), found in curves.items():
            if name == workload:
                axis.loglog(list(found), list(found.values()), marker='.',
                            label=allocator)
        axis.set_title(workload, fontsize=9)
        axis.set_xlabel('CPUs', fontsize=8)
        axis.set_xticks([1, 8, 64, 512], ['1', '8', '64', '512'])
        axis.grid(alpha=.3)
    axes[0].set_ylabel('operations in 10^6 instructions', fontsize=8)
    axes[0].legend(fontsize=8)
    plt.tight_layout()
    plt.savefig(path)


def main():
    """The tables."""
    with open(sys.argv[1]) as file:
        rows = json.load(file)['locks']
    curves = {key: curve(group) for key, group in groups_of(rows).items()}
    print('%-18s %-8s' % ('workload', 'way') +
          ''.join('%9d' % n for n in CPUS))
    for (workload, allocator), found in curves.items():
        print('%-18s %-8s' % (workload, allocator) +
              ''.join('%9.0f' % v for v in found.values()))
        print('%-18s %-8s' % ('', 'share') +
              ''.join('%9.2f' % (v / n / found[1]) for n, v in found.items()))
    if len(sys.argv) > 2:
        plot(curves, sys.argv[2])
    return 0


if __name__ == '__main__':
    sys.exit(main())
