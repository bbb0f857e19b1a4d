#!/usr/bin/env python3
"""report-run.py DIR KERNEL TRACE JSON - the figures of a run, as a table.

DIR is what run.sh made: up/ and smp/ with results.json of goslab_replay.ko and
debugfs/, the files of the allocator. KERNEL is the build directory of the timed
kernel, TRACE the name to print. Prints the table, which of the limits are kept,
and the debugfs files; writes the figures to JSON. What each of them means is in
Documentation/running.rst, and so are the keys.
"""

import importlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
bounds = importlib.import_module('trace-bounds')

RECORDED = ('goslab', 'slab')
THROUGH_MALLOC = ('goslab_malloc', 'kmalloc')
PARTS = ('spans', 'free_runs', 'metadata', 'parked')
SHOWN = ('stats', 'classes', 'caches', 'mcaches', 'mheap', 'owners', 'verify')

# The figures are only worth something with these known (scripts/config).
CONFIG = ('CC_OPTIMIZE_FOR_PERFORMANCE', 'SMP', 'PREEMPT', 'SLUB_TINY',
          'SLUB_DEBUG', 'SLUB_DEBUG_ON', 'SLAB_MERGE_DEFAULT',
          'SLAB_FREELIST_RANDOM', 'SLAB_FREELIST_HARDENED',
          'INIT_ON_ALLOC_DEFAULT_ON', 'MEMCG', 'KASAN', 'UBSAN',
          'DEBUG_KMEMLEAK', 'PROVE_LOCKING', 'PAGE_OWNER')


def per_event(timed, way, kind, which='median'):
    """ns for an event: of the loop, and of the loop less the empty one."""
    raw, empty = (timed[w][kind][which] / timed['events']
                  for w in (way, 'empty'))
    return raw, raw - empty


def times(timed, way):
    """All that is said of the time of one way."""
    raw, net = per_event(timed, way, 'plain')
    touched_raw, touched = per_event(timed, way, 'touched')
    spread, touched_spread = (
        (timed[way][kind]['upper_quartile'] - timed[way][kind]['quartile']) /
        timed['events'] for kind in ('plain', 'touched'))
    return {
        'events': timed['events'],
        'rounds': timed['rounds'],
        'ns_per_event': net,
        'ns_per_event_raw': raw,
        'ns_per_event_spread': spread,
        'ns_per_event_touched': touched,
        'ns_per_event_touched_spread': touched_spread,
        'ns_per_event_touched_raw': touched_raw,
    }


def memory(measured, way):
    """All that is said of the memory of one way."""
    figures = measured[way]
    result = {
        'peak_requested_bytes': measured['peak_requested'],
        'peak_object_bytes': figures['peak_objects'],
        'peak_held_bytes': figures['peak_held'],
        'end_held_bytes': figures['end']['held'],
    }
    if 'peak' in figures:
        result['peak_parts'] = {part: figures['peak'][part] for part in PARTS}
    for what in ('after', 'freed'):
        idle = {key.split('_')[1]: value for key, value in figures.items()
                if key.startswith(what + '_')}
        if idle:
            result['idle_' + what] = idle
    return result


def figures_of(results, name, ways):
    """Time and memory of each way that this trace was replayed."""
    timed, measured = results[name + '_time'], results[name + '_memory']
    return {way: dict(times(timed, way), **memory(measured, way))
            for way in ways if way in timed and way in measured}


def ratio(a, b):
    """a / b, or None where a trace is too short to tell."""
    return a / b if b > 0 else None


def number(value):
    if value is None:
        return '-'
    return format(value, ',') if isinstance(value, int) else '%.2f' % value


def row(name, figures, slub):
    """A line of the table; ratios are to SLUB's way of the same kind."""
    parts = figures.get('peak_parts')
    cells = [name, figures['events'], figures['ns_per_event'],
             '±' + number(figures['ns_per_event_spread']),
             figures['ns_per_event_raw'],
             ratio(figures['ns_per_event'], slub['ns_per_event']),
             ratio(figures['ns_per_event_raw'], slub['ns_per_event_raw']),
             figures['ns_per_event_touched'],
             ratio(figures['ns_per_event_touched'],
                   slub['ns_per_event_touched']),
             figures['peak_requested_bytes'], figures['peak_held_bytes']]
    cells += [parts[part] if parts else '-' for part in PARTS]
    cells.append(ratio(figures['peak_held_bytes'],
                       figures['peak_requested_bytes']))
    return [c if isinstance(c, str) else number(c) for c in cells]


HEAD = [['', '', 'ns per', '', '', 'to', 'to SLUB', 'objects', 'to', 'peak',
         'peak', 'in', 'free', 'meta-', 'parked', 'held by'],
        ['', 'events', 'event', 'spread', 'raw', 'SLUB', 'raw', 'touched',
         'SLUB', 'requested', 'held', 'spans', 'runs', 'data', 'per CPU',
         'requested']]


def table_rows(title, figures):
    """The pairs that were measured: goslab's way, then SLUB's."""
    rows = [[title] + [''] * (len(HEAD[0]) - 1)]
    for pair in (RECORDED, THROUGH_MALLOC):
        if pair[0] in figures:
            rows += [row('  ' + way, figures[way], figures[pair[1]])
                     for way in pair]
    return rows


def print_table(rows):
    widths = [max(len(r[i]) for r in rows if r[1] or i)
              for i in range(len(rows[0]))]
    for r in rows:
        line = [r[0].ljust(widths[0])]
        line += [c.rjust(w) for c, w in zip(r[1:], widths[1:])]
        print('  '.join(line).rstrip())


def idle_limits(run):
    """Idle memory of each way: (what, figure, bound)."""
    for way in ('goslab', 'goslab_malloc'):
        for what, live in (('after', run['end_bytes']), ('freed', 0)):
            idle = run.get(way, {}).get('idle_' + what, {}).get('10')
            if idle:
                yield ('%s: held 10 s later, %s live' % (way, number(live)),
                       idle['held'], bounds.idle(live))


def print_idle(run):
    """goslab's parts while nothing happens."""
    rows = [['', 'held', 'spans', 'free runs', 'metadata', 'parked']]
    for way in ('goslab', 'goslab_malloc'):
        for what, title in (('after', '%s s after the replay'),
                            ('freed', '%s s after all was freed')):
            idle = run.get(way, {}).get('idle_' + what, {})
            rows += [['  %s, %s' % (way, title % seconds)] +
                     [number(usage[part]) for part in ('held',) + PARTS]
                     for seconds, usage in idle.items()]
    print_table(rows)


def limits(run):
    """Every limit there is: (what, figure, bound); less or equal is kept."""
    for ours, theirs in (RECORDED, THROUGH_MALLOC):
        if ours not in run:
            continue
        yield ('%s: time, to %s' % (ours, theirs),
               ratio(run[ours]['ns_per_event'], run[theirs]['ns_per_event']),
               bounds.TIME[ours])
        yield ('%s: peak held, to requested' % ours,
               run[ours]['peak_held_bytes'] /
               run[ours]['peak_requested_bytes'], bounds.HELD[ours])
    yield ('goslab_malloc: peak held, to what kmalloc holds',
           run['goslab_malloc']['peak_held_bytes'] /
           run['kmalloc']['peak_held_bytes'], bounds.HELD_TO_KMALLOC)
    yield from idle_limits(run)


def print_limits(run):
    """Each limit with its figure; returns them for the JSON."""
    said = []
    for what, figure, bound in limits(run):
        bound = int(bound) if isinstance(figure, int) else bound
        kept = None if figure is None else figure <= bound
        said.append({'limit': what, 'figure': figure, 'bound': bound,
                     'kept': kept})
        print('  %-52s %13s  at most %13s  %s' % (
            what, number(figure), number(bound),
            {True: 'ok', False: 'MISSED', None: 'cannot tell'}[kept]))
    return said


def kernel_config(directory):
    """The options that matter for the figures, and the compiler."""
    values = dict.fromkeys(CONFIG, 'n')
    compiler = 'unknown compiler'
    with open(os.path.join(directory, '.config')) as config:
        for line in config:
            name, _, value = line.strip().partition('=')
            if name == 'CONFIG_CC_VERSION_TEXT':
                compiler = value.strip('"')
            elif name[len('CONFIG_'):] in values:
                values[name[len('CONFIG_'):]] = value
    return values, compiler


def print_kernel(up, config, compiler):
    print('Linux %s, User-Mode Linux, one CPU; %s' % (up['release'], compiler))
    line = ' '
    for name in CONFIG:
        word = ' %s=%s' % (name, config[name])
        if len(line + word) > 100:
            print(line)
            line = ' '
        line += word
    print(line)


def print_contents(smp):
    """What the SMP kernel found; it would have failed on any change."""
    for name in ('trace', 'generated'):
        for way in ('goslab', 'goslab_malloc'):
            found = smp.get(name + '_contents', {}).get(way)
            if found:
                print('  %-9s %-14s %9s events on %d CPUs, %d objects changed' %
                      (name, way, number(smp[name + '_contents']['events']),
                       found['cpus'], found['changed']))


def print_files(directory):
    for name in SHOWN:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            print('\n/sys/kernel/debug/goslab/%s' % name)
            with open(path) as file:
                sys.stdout.write(file.read())


def load(directory, machine):
    with open(os.path.join(directory, machine, 'results.json')) as file:
        return json.load(file)


def main():
    directory, kernel, trace, output = sys.argv[1:]
    up, smp = load(directory, 'up'), load(directory, 'smp')
    config, compiler = kernel_config(kernel)
    ways = RECORDED + THROUGH_MALLOC
    run = figures_of(up, 'trace', ways)
    if 'goslab' not in run:     # no caches were recorded: the same as malloc
        run.update(goslab=run['goslab_malloc'], slab=run['kmalloc'])
    run['end_bytes'] = up['trace_memory']['end_bytes']
    run['generated'] = figures_of(up, 'generated', ways)

    print()
    print_kernel(up, config, compiler)
    print('\nBytes; ns are medians of %d rounds, less the empty replay.' %
          run['goslab']['rounds'])
    print_table(HEAD + table_rows('%s' % os.path.basename(trace), run) +
                table_rows('generated, seed %d' % up['seed'],
                           run['generated']))
    print('\nIdle memory, %s bytes of the trace live until freed' %
          number(run['end_bytes']))
    print_idle(run)
    print('\nContents on the SMP kernel')
    print_contents(smp)
    print('\nLimits, for the trace')
    run['limits'] = print_limits(run)
    print_files(os.path.join(directory, 'up', 'debugfs'))
    run.update(trace=trace, release=up['release'], config=config,
               compiler=compiler, contents={
                   key: value for key, value in smp.items()
                   if key.endswith('_contents')})
    with open(output, 'w') as file:
        json.dump(run, file, indent=1)
        file.write('\n')
    kept = sum(limit['kept'] is True for limit in run['limits'])
    print('\nBoth machines unloaded everything, not one page stayed.')
    print('%d of %d limits kept; figures in %s' % (
        kept, len(run['limits']), output))


if __name__ == '__main__':
    main()
