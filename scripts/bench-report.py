#!/usr/bin/env python3
"""bench-report.py DIR JSON [--whole|--only=BED] - the figures of a bench, and its limits.

DIR is what bench.sh made: a directory for each boot, with results-N, one JSON
object a line as goslab_bench.ko writes them. Writes all of them to JSON, with
bed and kernel, and prints a table for each bed and every limit with its figure.
Ends with 1 if a limit is missed or, with --whole, which says that every bed was
asked for, not measured. --only=pools and --only=leakscan print the limits of these
alone, all of which must be measured, and write nothing.
What the workloads and metrics are is in Documentation/performance.rst.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import importlib
limits = importlib.import_module('bench-limits')

COLUMNS = ('goslab', 'goslab_cache', 'kmalloc', 'kmem_cache', 'mempool',
           'pages', 'floor')
USER = ('glibc', 'tcmalloc', 'jemalloc', 'mimalloc')
TIMES = ('ns_per_op', 'instructions_per_op')
HALVES = tuple('alloc_' + metric for metric in TIMES)


def bed_of(boot):
    """The bed as the figures name it."""
    if boot.startswith('qemu-'):
        return 'qemu-icount'
    if boot.startswith('mix-qemu-'):
        return 'qemu-smp'
    if boot.startswith('uml-smp'):
        return 'uml-smp'
    return boot if boot == 'user' else 'uml-up'


def first_line(path):
    if not os.path.exists(path):
        return ''
    with open(path) as file:
        return file.readline().strip()


def lock_figures(line, figures):
    """What the counters of locks say of a load that used goslab alone."""
    head, _, counts = line.rpartition('} ')
    params = dict(word.split('=') for word in
                  json.loads(head + '}')['params'].split() if '=' in word)
    timed = [f for f in figures if f['metric'] in TIMES]
    if params.get('ways') != 'goslab' or not timed:
        return []
    before_c, before_h, after_c, after_h = map(int, counts.split())
    # Those of pair_cpus are of one thread.
    ops = sum(f['ops'] * (f['threads'] if f['workload'] == 'pair_cpus' else 1)
              for f in timed)
    base = {key: timed[-1][key] for key in
            ('workload', 'allocator', 'size', 'heap', 'cpus', 'threads')}
    return [dict(base, metric=metric, value=round(value * 1e6 / ops, 1),
                 spread=0) for metric, value in
            (('central_locks_per_mop', after_c - before_c),
             ('heap_locks_per_mop', after_h - before_h))]


def is_timed(boot, figure):
    """
    On uml-smp only ratios mean much: of goslab to itself on several CPUs, and of
    the mix to that of slab in the same boot.
    """
    return bed_of(boot) != 'uml-smp' or figure['metric'] not in TIMES + HALVES or (
        re.fullmatch('uml-smp(-pair-.)?', boot) and
        figure['workload'].startswith('pair_')) or (
            boot.startswith('uml-smp-mix-') and figure['threads'] > 1)


def read_boot(directory, boot):
    """All figures of a boot."""
    path = os.path.join(directory, boot)
    common = {'bed': bed_of(boot),
              'kernel': first_line(os.path.join(path, 'release')),
              'boot': boot}
    found = []
    for name in sorted(os.listdir(path)):
        if not re.fullmatch(r'results-\d+', name):
            continue
        figures, locks = [], []
        with open(os.path.join(path, name)) as file:
            for line in file:
                if line.startswith('{"locks"'):
                    locks = lock_figures(line, figures)
                else:
                    figures.append(json.loads(line))
        found += [f for f in figures if is_timed(boot, f)] + locks
    if boot.endswith('-init'):
        for figure in found:
            figure['workload'] += '_init_on_alloc'
    return [dict(common, **figure) for figure in found]


def read_trace(directory):
    """The replay of the recorded trace, in the form of the other figures."""
    path = os.path.join(directory, 'trace', 'results.json')
    if not os.path.exists(path):
        return []
    with open(path) as file:
        results = json.load(file)
    run = importlib.import_module('report-run').figures_of(
        results, 'trace', ('goslab', 'slab', 'goslab_malloc', 'kmalloc'))
    names = {'goslab': ('trace', 'goslab'), 'slab': ('trace', 'kmem_cache'),
             'goslab_malloc': ('trace_malloc', 'goslab'),
             'kmalloc': ('trace_malloc', 'kmalloc')}
    found = []
    for way, figures in run.items():
        workload, allocator = names[way]
        for metric, key in (('ns_per_op', 'ns_per_event'),
                            ('ns_per_op_touched', 'ns_per_event_touched'),
                            ('bytes_held', 'peak_held_bytes'),
                            ('bytes_requested', 'peak_requested_bytes')):
            spread = figures.get(key + '_spread', 0)
            raw = figures.get(key + '_raw')
            found.append({'bed': 'uml-up', 'kernel': results['release'],
                          'boot': 'trace', 'workload': workload,
                          'allocator': allocator, 'size': 0, 'heap': 0,
                          'cpus': 1, 'threads': 1, 'metric': metric,
                          'value': round(figures[key], 3),
                          'spread': round(spread, 3),
                          **({'raw': round(raw, 3)} if raw else {})})
    return found


def merge_user(figures):
    """Of the runs in user space the median."""
    groups = {}
    for figure in figures:
        if figure['bed'] == 'user':
            groups.setdefault((figure['workload'], figure['allocator'],
                               figure['size']), []).append(figure)
    rest = [f for f in figures if f['bed'] != 'user']
    for group in groups.values():
        group.sort(key=lambda f: f['value'])
        spread = group[len(group) * 3 // 4]['value'] - \
            group[len(group) // 4]['value']
        rest.append(dict(group[len(group) // 2], spread=round(spread, 3)))
    return rest


def print_table(rows):
    if not rows:
        return
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        line = [row[0].ljust(widths[0])]
        line += [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print('  ' + '  '.join(line).rstrip())


def label(figure):
    size = figure['heap'] or figure['size']
    for unit, name in ((1 << 30, ' GiB'), (1 << 20, ' MiB'), (1 << 10, ' KiB')):
        if size >= unit and size % unit == 0:
            return '%d%s' % (size // unit, name)
    return str(size) if size else 'mixed'


def number(value):
    return '%.1f' % value if value < 1000 else '%.0f' % value


def cell(figure):
    """A figure and, unless it is nothing beside it, its spread."""
    if figure is None:
        return '-'
    spread = number(figure.get('spread', 0))
    return number(figure['value']) + (
        ' ±' + spread if float(spread) else '')


def ratio_cells(row, ours, theirs):
    """Ours to theirs: net of the empty loop, and with it."""
    found = limits.ratio_of(row.get(ours), row.get(theirs))
    return ['-' if r is None else '%.2f' % r for r in (found.value, found.raw)]


def table_of(figures, columns):
    """Rows by workload and size; columns are allocators and ratios."""
    rows = {}
    for figure in figures:
        if figure['metric'] in TIMES:
            key = (figure['workload'], label(figure), figure['cpus'])
            rows.setdefault(key, {})[figure['allocator']] = figure
    if not rows:
        return []
    ratios = columns is COLUMNS
    head = ['workload', 'size', 'cpus'] + list(columns)
    table = [head + (['to kmalloc', 'raw', 'to kmem_cache', 'raw']
                     if ratios else [])]
    for key, row in rows.items():
        cells = [key[0], key[1], str(key[2])]
        cells += [cell(row.get(name)) for name in columns]
        if ratios:
            cells += ratio_cells(row, 'goslab', 'kmalloc')
            cells += ratio_cells(row, 'goslab_cache', 'kmem_cache')
        table.append(cells)
    return table


def print_other(figures):
    """Figures that are neither time nor instructions: bytes, locks."""
    rows = {}
    for figure in figures:
        if figure['metric'] not in TIMES + HALVES:
            key = (figure['workload'], label(figure), str(figure['cpus']),
                   figure['metric'])
            rows.setdefault(key, {})[figure['allocator']] = figure['value']
    names = ('goslab', 'kmalloc', 'kmem_cache')
    if rows:
        print_table([['workload', 'size', 'cpus', 'metric'] + list(names)] +
                    [list(key) + [format(row[n], ',') if n in row else '-'
                                  for n in names]
                     for key, row in rows.items()])


def print_boots(directory, figures):
    for boot in dict.fromkeys(f['boot'] for f in figures):
        mine = [f for f in figures if f['boot'] == boot]
        unit = 'instructions' if mine[0]['bed'] == 'qemu-icount' else 'ns'
        print('\n%s, Linux %s: %s per operation, less the empty loop' % (
            boot, mine[0]['kernel'], unit))
        config = first_line(os.path.join(directory, boot, 'config'))
        if config:
            print('  ' + config)
        print_table(table_of(mine, USER if boot == 'user' else COLUMNS))
        print_other(mine)


def limit_cells(limit):
    """As a row: what, figure, spread, raw, bound, verdict, worst."""
    return [limit.what, limits.digits(limit.figure, limit.spread),
            '±' + limits.digits(limit.spread, limit.spread)
            if limit.spread else '-',
            limits.digits(limit.raw, limit.spread),
            ('>= ' if limit.least else '<= ') + '%g' % limit.bound,
            limits.verdict(limit), limit.where or '-']


def print_limits(found):
    """Each with its figure. Return: how many are missed, and not measured."""
    print('\nLimits')
    print_table([['', 'figure', 'spread', 'raw', 'bound', '', 'worst']] +
                [limit_cells(limit) for limit in found])
    said = [limits.kept(limit) for limit in found]
    print('%d of %d limits kept, %d missed, %d not measured' % (
        said.count(True), len(said), said.count(False), said.count(None)))
    return said.count(False), said.count(None)


def only(directory, bed):
    """The limits of what is measured by itself. Return: the exit status."""
    missed, unknown = print_limits(list(limits.ALONE[bed](directory)))
    return 1 if missed or unknown else 0


def main():
    directory, output, *options = sys.argv[1:]
    for option in options:
        if option.startswith('--only='):
            sys.exit(only(directory, option[len('--only='):]))
    figures = []
    for boot in sorted(os.listdir(directory)):
        if boot in ('short', 'trace') or \
                not os.path.isdir(os.path.join(directory, boot)):
            continue
        figures += read_boot(directory, boot)
    figures = merge_user(figures) + read_trace(directory)
    with open(output, 'w') as file:
        file.write('[\n' + ',\n'.join(json.dumps(f) for f in figures) + '\n]\n')
    print_boots(directory, figures)
    missed, unknown = print_limits(list(limits.limits(figures, directory)))
    print('figures in %s, plots in %s' % (output, directory))
    sys.exit(1 if missed or ('--whole' in options and unknown) else 0)


if __name__ == '__main__':
    main()
