#!/usr/bin/env python3
"""bench-plot.py JSON DIR - plots of what bench-report.py wrote, as SVG.

Pairs and batches by size for each boot, the ratio to kmalloc of all workloads,
random replacement by the size of the heap, and memory. Needs matplotlib
(scripts/setup.sh bench).
"""

import json
import os
import sys

import matplotlib
matplotlib.use('Agg')
matplotlib.rcParams['svg.hashsalt'] = 'goslab'
matplotlib.rcParams['svg.fonttype'] = 'none'
import matplotlib.pyplot as plt
import matplotlib.ticker

TIMES = ('ns_per_op', 'instructions_per_op')
# In every plot an allocator has the same colour.
COLOURS = {'goslab': '#1f77b4', 'goslab_cache': '#17becf',
           'kmalloc': '#d62728', 'kmem_cache': '#ff7f0e',
           'mempool': '#9467bd', 'pages': '#8c564b', 'floor': '#7f7f7f',
           'glibc': '#d62728', 'tcmalloc': '#1f77b4', 'jemalloc': '#2ca02c',
           'mimalloc': '#ff7f0e'}


def save(figure, directory, name):
    figure.tight_layout()
    figure.savefig(os.path.join(directory, name + '.svg'),
                   metadata={'Date': None})
    plt.close(figure)


def size_ticks(axes, sizes):
    axes.set_xscale('log', base=2)
    axes.set_xticks(sizes)
    axes.set_xticklabels(
        ['%dM' % (s >> 20) if s >= 1 << 20 else '%dK' % (s >> 10)
         if s >= 1024 else str(s) for s in sizes], rotation=60, fontsize=7)
    axes.minorticks_off()


def by_size(figures, boot, workload, directory, key='size'):
    """One plot: a line for each allocator."""
    mine = [f for f in figures if f['boot'] == boot and f[key] and
            f['workload'] == workload and f['metric'] in TIMES]
    sizes = sorted({f[key] for f in mine})
    if len(sizes) < 2:
        return
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for name in COLOURS:
        line = sorted((f[key], f['value'], f['spread']) for f in mine
                      if f['allocator'] == name)
        if line:
            x, y, spread = zip(*line)
            axes.plot(x, y, label=name, color=COLOURS[name], marker='.',
                      linewidth=1.2)
            axes.fill_between(x, [b - s / 2 for b, s in zip(y, spread)],
                              [b + s / 2 for b, s in zip(y, spread)],
                              color=COLOURS[name], alpha=0.2, linewidth=0)
    unit = 'ns' if mine[0]['metric'] == 'ns_per_op' else 'instructions'
    axes.set_yscale('log')
    size_ticks(axes, sizes)
    axes.set_xlabel('bytes of an object' if key == 'size' else
                    'bytes of live objects')
    axes.set_ylabel(unit + ' per operation')
    axes.set_title('%s, %s, Linux %s' % (workload, boot, mine[0]['kernel']))
    axes.grid(True, alpha=0.3)
    axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.legend(fontsize=7)
    save(figure, directory, '%s-%s' % (boot, workload))


def to_kmalloc(figures, boot, directory):
    """A bar for each workload and size: goslab to kmalloc."""
    table = {}
    for f in figures:
        if f['boot'] == boot and f['metric'] in TIMES:
            name = '%s %s' % (f['workload'], f['heap'] or f['size'] or '')
            table.setdefault(name, {})[f['allocator']] = f['value']
    bars = [(name, row['goslab'] / row['kmalloc']) for name, row in
            table.items() if row.get('kmalloc', 0) > 0 and 'goslab' in row]
    if not bars:
        return
    figure, axes = plt.subplots(figsize=(7, 1 + 0.16 * len(bars)))
    axes.barh([b[0] for b in bars], [min(b[1], 2.5) for b in bars],
              color=[COLOURS['goslab'] if b[1] <= 1 else COLOURS['kmalloc']
                     for b in bars])
    axes.axvline(1, color='black', linewidth=0.8)
    axes.invert_yaxis()
    axes.tick_params(labelsize=6)
    axes.set_xlabel('goslab to kmalloc: less is better')
    axes.set_title(boot)
    save(figure, directory, boot + '-to-kmalloc')


def memory(figures, directory):
    """Held to requested at the peak, goslab's by its parts."""
    value = {(f['workload'], f['allocator'], f['metric']): f['value']
             for f in figures if f['workload'].startswith('memory')}
    loads = sorted({key[0] for key in value})
    if not loads:
        return
    figure, axes = plt.subplots(figsize=(6, 4))
    parts = ('peak_spans', 'peak_free_runs', 'peak_metadata')
    for i, load in enumerate(loads):
        asked = value[load, 'goslab', 'peak_requested']
        bottom = 0
        for part, colour in zip(parts, ('#1f77b4', '#aec7e8', '#17becf')):
            height = value.get((load, 'goslab', part), 0) / asked
            axes.bar(i - 0.2, height, 0.35, bottom=bottom, color=colour,
                     label=part[5:].replace('_', ' ') if not i else None)
            bottom += height
        axes.bar(i + 0.2, value[load, 'kmalloc', 'peak_held'] /
                 value[load, 'kmalloc', 'peak_requested'], 0.35,
                 color=COLOURS['kmalloc'], label='kmalloc' if not i else None)
    axes.axhline(1, color='black', linewidth=0.8)
    axes.set_xticks(range(len(loads)))
    axes.set_xticklabels(loads)
    axes.set_ylabel('peak held to peak requested')
    axes.legend(fontsize=7)
    save(figure, directory, 'memory')


def main():
    path, directory = sys.argv[1:]
    with open(path) as file:
        figures = json.load(file)
    for boot in sorted({f['boot'] for f in figures}):
        for workload in ('pair', 'batch', 'batch_reverse', 'batch_shuffled'):
            by_size(figures, boot, workload, directory)
        for workload in ('random_replace', 'random_replace_touched'):
            by_size(figures, boot, workload, directory, 'heap')
        if boot != 'user':
            to_kmalloc(figures, boot, directory)
    memory(figures, directory)


if __name__ == '__main__':
    main()
