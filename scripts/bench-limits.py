#!/usr/bin/env python3
"""bench-limits.py - the limits that the figures of a bench are held against.

A module of bench-report.py. limits() gives a Limit for each. A limit that is
about several sizes or kernels is judged by the worst of them.
"""

import collections
import importlib
import math
import os
import re
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
bounds = importlib.import_module('trace-bounds')

# figure is net of the empty loop, raw has it; spread is that of figure, from
# the quartiles of what it was made of. least: the bound is a lower one. where:
# the size and kernel of the worst figure.
Limit = collections.namedtuple(
    'Limit', 'what figure bound least where spread raw',
    defaults=(False, '', 0, None))


def kept(limit):
    """True or False; None if there is no figure."""
    if limit.figure is None:
        return None
    if limit.least:
        return limit.figure >= limit.bound
    return limit.figure <= limit.bound


def close(limit):
    """Is the bound so near that the spread could decide?"""
    return limit.figure is not None and \
        abs(limit.figure - limit.bound) < limit.spread / 2


def digits(value, spread):
    """@value with as many decimals as @spread leaves a meaning to."""
    if value is None:
        return '-'
    places = 3 if spread <= 0 else -math.floor(math.log10(spread))
    return '%.*f' % (min(max(places, 1), 3), value)


def verdict(limit):
    said = {True: 'ok', False: 'MISSED', None: 'not measured'}[kept(limit)]
    return said + (', within spread' if close(limit) else '')

TIMES = ('ns_per_op', 'instructions_per_op')


class Figures:
    """What was measured, by key."""

    def __init__(self, figures):
        self.all = figures
        self.by_key = {}
        for f in figures:
            key = (f['bed'], series(f['kernel']), f['workload'], f['allocator'],
                   f['heap'] or f['size'], f['cpus'],
                   'time' if f['metric'] in TIMES else f['metric'])
            # Of what several boots have, the first: the one with fewest CPUs.
            self.by_key.setdefault(key, f)

    def find(self, bed, workload, allocator, size, kernel=None, cpus=1,
             metric='time'):
        """The figure as it was written, or None."""
        for key, figure in self.by_key.items():
            if key[0] == bed and key[2:] == (workload, allocator, size, cpus,
                                             metric) and \
                    kernel in (None, key[1]):
                return figure
        return None

    def get(self, *args, **kwargs):
        """Its value alone."""
        return (self.find(*args, **kwargs) or {}).get('value')

    def boots(self, bed, workload, allocator, size, cpus, field):
        """The same figure of every boot that has it."""
        return {f['boot']: f[field] for f in self.all
                if (f['bed'], f['workload'], f['allocator'], f['size'],
                    f['cpus']) == (bed, workload, allocator, size, cpus) and
                f['metric'] in TIMES}

    def sizes(self, bed, workload):
        return sorted({key[4] for key in self.by_key
                       if key[0] == bed and key[2] == workload})


def series(release):
    return '.'.join(release.split('.')[:2])


Ratio = collections.namedtuple('Ratio', 'value where spread raw',
                               defaults=('', 0, None))
UNKNOWN = Ratio(None)


def worst(found):
    """The greatest Ratio there is."""
    return max((r for r in found if r.value is not None),
               key=lambda r: r.value, default=UNKNOWN)


def ratio_of(a, b, where=''):
    """The figure @a to the figure @b, with the spread that both give it."""
    if not a or not b or b['value'] <= 0:
        return UNKNOWN
    value = a['value'] / b['value']
    spread = value * math.hypot(*(f.get('spread', 0) / f['value']
                                  for f in (a, b) if f['value'] > 0))
    raw = a['raw'] / b['raw'] if a.get('raw') and b.get('raw') else None
    return Ratio(value, where, spread, raw)


def ratios(figures, bed, workload, ours, theirs, sizes, kernels=(None,)):
    """Ours to theirs at each size on each kernel."""
    for kernel in kernels:
        for size in sizes:
            found = ratio_of(figures.find(bed, workload, ours, size, kernel),
                             figures.find(bed, workload, theirs, size, kernel),
                             ' '.join(filter(None, (
                                 workload, str(size or ''), kernel))))
            if found.value is not None:
                yield found


SMALL = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024)
LARGE = (65536, 262144, 1048576)
STACKS = (8192, 16384, 32768, 65536, 131072, 262144)
STOCK = ('6.1', '6.12')
ICOUNT = STOCK + ('7.2',)

# what, bed, workloads, ours, theirs, sizes, kernels, at most
RATIOS = (
    ('pair, 8 to 1024 bytes, ns: to kmalloc', 'uml-up', ('pair',),
     'goslab', 'kmalloc', SMALL, (None,), 0.80),
    ('pair, 8 to 1024 bytes, ns: cache to kmem_cache', 'uml-up', ('pair',),
     'goslab_cache', 'kmem_cache', SMALL, (None,), 0.90),
    ('pair, 8 to 1024 bytes, ns: to the floor', 'uml-up', ('pair',),
     'goslab', 'floor', SMALL, (None,), 2.2),
    ('pair, 2 to 8 KiB, ns: to kmalloc', 'uml-up', ('pair',),
     'goslab', 'kmalloc', (2048, 4096, 8192), (None,), 0.75),
    ('pair, above 8 to 32 KiB, ns: to kmalloc', 'uml-up', ('pair',),
     'goslab', 'kmalloc', (12288, 16384, 24576, 32768), (None,), 0.30),
    ('batch, 8 to 64 bytes, ns: to kmalloc', 'uml-up', ('batch',),
     'goslab', 'kmalloc', (8, 16, 32, 64), (None,), 0.90),
    ('batch, 256 bytes to 4 KiB, ns: to kmalloc', 'uml-up', ('batch',),
     'goslab', 'kmalloc', (256, 512, 1024, 2048, 4096), (None,), 0.65),
    ('pair, 256 KiB, ns: cache to kmem_cache', 'uml-up', ('pair',),
     'goslab_cache', 'kmem_cache', (262144,), (None,), 2.0),
    ('large, 64 KiB to 1 MiB, ns: to kmalloc', 'uml-up', ('pair',),
     'goslab', 'kmalloc', LARGE, (None,), 0.50),
    ('large, 64 KiB to 1 MiB, instructions: to kmalloc', 'qemu-icount',
     ('pair',), 'goslab', 'kmalloc', LARGE, ICOUNT, 0.50),
    ('pair, instructions, 6.1 and 6.12: cache to kmem_cache', 'qemu-icount',
     ('pair',), 'goslab_cache', 'kmem_cache', SMALL, STOCK, 0.55),
    ('pair, instructions, 6.1 and 6.12: to kmalloc', 'qemu-icount', ('pair',),
     'goslab', 'kmalloc', SMALL, STOCK, 0.50),
    ('pair, instructions, 7.2: cache to kmem_cache', 'qemu-icount', ('pair',),
     'goslab_cache', 'kmem_cache', SMALL, ('7.2',), 0.95),
    ('pair, instructions, 7.2: to kmalloc', 'qemu-icount', ('pair',),
     'goslab', 'kmalloc', SMALL, ('7.2',), 0.85),
    ('batch, instructions, 6.1 and 6.12: cache to kmem_cache', 'qemu-icount',
     ('batch',), 'goslab_cache', 'kmem_cache',
     (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096), STOCK, 0.70),
    ('trace as recorded, ns: to SLUB', 'uml-up', ('trace',), 'goslab',
     'kmem_cache', (0,), (None,), bounds.TIME['goslab']),
    ('trace through malloc, ns: to kmalloc', 'uml-up', ('trace_malloc',),
     'goslab', 'kmalloc', (0,), (None,), bounds.TIME['goslab_malloc']),
    ('producer_consumer, instructions: to kmalloc', 'qemu-icount',
     ('producer_consumer',), 'goslab', 'kmalloc', (64, 256, 1024), ICOUNT,
     0.75),
    ('larson, instructions: to kmalloc', 'qemu-icount', ('larson',), 'goslab',
     'kmalloc', (0,), ICOUNT, 0.75),
    ('xmalloc, instructions: to kmalloc', 'qemu-icount', ('xmalloc',),
     'goslab', 'kmalloc', (0,), ICOUNT, 0.75),
    ('mstress, instructions: to kmalloc', 'qemu-icount', ('mstress',),
     'goslab', 'kmalloc', (0,), ICOUNT, 0.70),
) + tuple(
    ('%s, %d KiB, instructions: to %s' % (workload, size >> 10, peer), 'qemu-icount',
     (workload,), 'goslab', way, (size,), ICOUNT, 1.0)
    for workload in ('stack', 'stack_batch')
    for way, peer in (('pages', 'alloc_pages()'), ('kmalloc', 'kmalloc'))
    for size in STACKS)


def held_limits(figures):
    """Peak held on the trace."""
    for workload, way in (('trace', 'goslab'),
                          ('trace_malloc', 'goslab_malloc')):
        held = figures.get('uml-up', workload, 'goslab', 0, metric='bytes_held')
        asked = figures.get('uml-up', workload, 'goslab', 0,
                            metric='bytes_requested')
        yield Limit('%s: peak held, to requested' % workload,
                    held / asked if held else None, bounds.HELD[way])
    theirs = figures.get('uml-up', 'trace_malloc', 'kmalloc', 0,
                         metric='bytes_held')
    yield Limit('trace_malloc: peak held, to what kmalloc holds',
                held / theirs if held and theirs else None,
                bounds.HELD_TO_KMALLOC)


def quartile_distance(values):
    """Of a few values, as many as there were boots."""
    if len(values) < 2:
        return 0
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return high - low


def cpu_limits(figures):
    """
    What two CPUs do to each other, by the best stretch of each boot: where the
    host puts them differs from boot to boot. Scaling by the best boot, mixed
    objects by the median.
    """
    one, two = (figures.boots('uml-smp', 'pair_cpus', 'goslab', 64, n, 'best')
                for n in (1, 2))
    mixed = figures.boots('uml-smp', 'pair_mixed', 'goslab', 64, 2, 'best')
    scales = [2 * one[b] / two[b] for b in two if b in one]
    yield Limit('pair on two CPUs: times one CPU, best of %d' % len(scales),
                max(scales, default=None), 1.8, least=True,
                spread=quartile_distance(scales))
    locks = figures.get('uml-smp', 'pair_cpus', 'goslab', 64, cpus=2,
                        metric='central_locks_per_mop')
    # Those that the first allocations and idle drains take.
    yield Limit('pair on two CPUs: central locks per million', locks, 20)
    slower = [mixed[b] / two[b] for b in mixed]
    yield Limit('objects mixed between two CPUs, then pairs: to unmixed',
                statistics.median(slower) if slower else None, 1.2,
                spread=quartile_distance(slower))


# bed, kernel, CPUs, what it is, at most
MIXES = (
    ('uml-smp', '7.2', 2, '2 CPUs of uml-smp', 0.90),
    ('uml-smp', '7.2', 8, '8 CPUs of uml-smp', 1.5),
    ('qemu-smp', '6.12', 8, '8 CPUs, stock 6.12', 0.50),
    ('qemu-smp', '7.2', 8, '8 CPUs, own 7.2', 0.70),
)


def mix_limits(figures):
    """
    All sizes on all CPUs: the whole time, for where CPUs are more than the host
    has, the empty loop alone takes as long as the scheduler likes.
    """
    for bed, kernel, cpus, what, bound in MIXES:
        ours, theirs = (figures.find(bed, 'mix', allocator, 0, kernel, cpus)
                        for allocator in ('goslab', 'kmalloc'))
        found = ratio_of(ours, theirs)
        yield Limit('mix, %s, whole time: to kmalloc' % what, found.raw, bound,
                    spread=found.spread, raw=found.raw)
    for metric, bound in (('central', 10000), ('heap', 2000)):
        yield Limit('mix, 8 CPUs of uml-smp: %s locks per million' % metric,
                    figures.get('uml-smp', 'mix', 'goslab', 0, cpus=8,
                                metric=metric + '_locks_per_mop'), bound)


def heap_limits(figures):
    for size in figures.sizes('uml-up', 'random_replace'):
        found = worst(ratios(figures, 'uml-up', 'random_replace', 'goslab',
                             'kmalloc', (size,)))
        yield Limit('random replace in %d MiB, ns: to kmalloc' % (size >> 20),
                    found.value, 0.80, spread=found.spread, raw=found.raw)


def batches(directory):
    """Objects that a hold of a central lock moves, by class size."""
    found = {}
    path = os.path.join(directory, 'uml-smp-batch', 'caches')
    if os.path.exists(path):
        with open(path) as file:
            for line in file:
                words = line.split()
                if 'tunables' in words and words[0].startswith('malloc-'):
                    found[int(words[3])] = int(words[words.index('tunables') + 2])
    return found


def lock_limits(figures, directory):
    """Acquisitions for each batch of objects that is got and put back."""
    batch = batches(directory)
    known = []
    for size in figures.sizes('uml-smp', 'batch'):
        locks = figures.get('uml-smp', 'batch', 'goslab', size,
                            metric='central_locks_per_mop')
        fits = [s for s in batch if s >= size]
        if locks is None or not fits:
            continue
        # An operation is an allocation and a free: two moves of an object.
        per_object = locks / 1e6 / 2
        known.append(Ratio(per_object * min(32, batch[min(fits)]),
                           'batch %d' % size))
    found = worst(known)
    yield Limit('locks, batch: per min(32, batch of the class) objects',
                found.value, 1, where=found.where)


def region_limits(figures):
    """A piece of a region, its share of the reset in it, to a pair of malloc."""
    for what, bed, kernels in (('ns', 'uml-up', (None,)),
                               ('instructions', 'qemu-icount', ICOUNT)):
        found = worst([ratio_of(
            figures.find(bed, 'region', 'goslab', size, kernel),
            figures.find(bed, 'pair', 'goslab', size, kernel),
            ' '.join(filter(None, (str(size), kernel))))
            for size in (16, 64, 256, 1024) for kernel in kernels])
        yield Limit('region, 16 to 1024 bytes, %s: to goslab_malloc' % what,
                    found.value, 0.333, where=found.where, spread=found.spread,
                    raw=found.raw)


def text_of(directory, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return ''
    with open(path) as file:
        return file.read()


# fit, granules, at most: a short bitmap is searched as fast as a tree
POOLS = (
    ('first', 1024, 1.1),
    ('first', 16384, 0.5),
    ('first', 262144, 0.6),
    ('best', 1024, 0.9),
    ('best', 16384, 0.2),
    ('best', 262144, 0.2),
)


def pool_limits(directory):
    """An allocation and a free of a pool over a range, to genalloc's."""
    found = {(way, fit, int(granules)): (int(alloc) + int(free), int(failed))
             for way, fit, granules, alloc, free, failed in re.findall(
                 r'^(goslab|genalloc) (\w+) +(\d+) granules: alloc +(\d+) free +(\d+) '
                 r'cycles, (\d+) of', text_of(directory, 'pools.txt'), re.M)}
    for fit, granules, bound in POOLS:
        ours, theirs = (found.get((way, fit, granules)) for way in ('goslab', 'genalloc'))
        yield Limit('pool, %s fit, %d granules, instructions: to genalloc' % (
            fit, granules), ours[0] / theirs[0] if ours and theirs else None, bound)
    failed = [sum(n for (way, fit, _), (_, n) in found.items()
                  if way == name and fit != 'next') for name in ('goslab', 'genalloc')]
    yield Limit('pool: allocations that fail and do not in genalloc',
                max(failed[0] - failed[1], 0) if found else None, 0)


def leakscan_limits(directory):
    """How often a scan of ours fits into one of kmemleak's, by the worst round."""
    rounds = [int(theirs) / int(ours) for ours, theirs in re.findall(
        r'^round \d+: goslab (\d+) ms, kmemleak (\d+) ms',
        text_of(directory, 'leakscan.txt'), re.M) if int(ours)]
    yield Limit('leakscan: times as fast as kmemleak, worst of %d' % len(rounds),
                min(rounds, default=None), 5, least=True,
                spread=quartile_distance(rounds))


# Beds that also run by themselves.
ALONE = {'pools': pool_limits, 'leakscan': leakscan_limits}


def limits(all_figures, directory):
    """Every limit there is."""
    figures = Figures(all_figures)
    for what, bed, workloads, ours, theirs, sizes, kernels, bound in RATIOS:
        found = worst([r for w in workloads for r in ratios(
            figures, bed, w, ours, theirs, sizes, kernels)])
        yield Limit(what, found.value, bound, False, found.where, found.spread,
                    found.raw)
    yield from held_limits(figures)
    yield from cpu_limits(figures)
    yield from mix_limits(figures)
    yield from heap_limits(figures)
    yield from region_limits(figures)
    yield from lock_limits(figures, directory)
    for of in ALONE.values():
        yield from of(directory)
