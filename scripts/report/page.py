# SPDX-License-Identifier: GPL-2.0
"""page.py - the page of goslab-report: tiles, tables, and the whole.

A module of goslab-report. Every name that was read goes through escape() or into
JSON without "<"; the page's own policy allows this script and no other.
"""
import base64
import collections
import hashlib
import html
import json
import time

import pagedata

ROWS = 2000
SCRIPTS = ('page.js', 'chart.js', 'map.js', 'flame.js')
BAR = ('live', 'magazines', 'pending', 'free', 'tails')
UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')

# kind: text, count, id, bytes, change (bytes with a sign), percent or bar.
Column = collections.namedtuple('Column', 'title kind hint')
Table = collections.namedtuple('Table', 'ident title lead columns rows sort')


def escape(text):
    return html.escape(str(text), quote=True)


def bytes_text(value):
    """Three digits and a unit of 1024."""
    size, power = abs(value), 0
    while size >= 1024 and power < len(UNITS) - 1:
        size, power = size / 1024, power + 1
    digits = 0 if not power or size >= 100 else 1 if size >= 10 else 2
    return '%s%.*f %s' % ('-' if value < 0 else '', digits, size, UNITS[power])


def counted(value, name):
    return '%s %s%s' % (format(value, ','), name, '' if value == 1 else 's')


def percent(part, whole):
    return 100 * part / whole if whole else None


def cell_text(kind, value):
    if value is None:
        return '–'
    if kind == 'bytes':
        return bytes_text(value)
    if kind == 'change':
        return ('+' if value > 0 else '') + bytes_text(value) if value else '0'
    return {'count': '{:,}', 'id': '{}', 'percent': '{:.1f} %', 'text': '{}'}[kind].format(value)


def bar_cell(parts):
    """A bar of (css class, part in percent)."""
    spans = ''.join('<i class="%s" style="width:%.2f%%"></i>' % (name, part)
                    for name, part in parts if part > 0)
    said = ', '.join('%s %.0f %%' % part for part in parts)
    return '<td><span class="bar" role="img" aria-label="%s" title="%s">%s</span>' % (
        escape(said), escape(said), spans)


def cell(column, value):
    if column.kind == 'bar':
        return bar_cell(value)
    text = escape(cell_text(column.kind, value))
    if column.kind == 'text':
        return '<td class="text">' + text
    exact = ' title="%s bytes"' % format(value, ',') if value is not None and \
        column.kind in ('bytes', 'change') else ''
    grows = ' class="grows"' if column.kind == 'change' and value and value > 0 else ''
    return '<td data-v="%s"%s%s>%s' % ('' if value is None else value, exact, grows,
                                       text)


def head_cell(column):
    hint = ' title="%s"' % escape(column.hint) if column.hint else ''
    kind = ' class="text"' if column.kind == 'text' else ''
    if column.kind == 'bar':
        return '<th scope="col"%s>%s' % (hint, escape(column.title))
    return '<th scope="col" aria-sort="none"%s><button type="button"%s>%s</button>' % (
        kind, hint, escape(column.title))


def table_html(table, notes):
    """A section with a table that sorts and filters."""
    rows = table.rows
    if len(rows) > ROWS:
        notes.append('%s: the first %s of %s rows, by %s.' % (
            table.title, format(ROWS, ','), format(len(rows), ','),
            table.columns[table.sort].title.lower()))
    if table.sort is not None:
        rows = sorted(rows, key=lambda row: -(row[table.sort] or 0))
    legend = ''
    if any(column.kind == 'bar' for column in table.columns):
        legend = '<ul class="legend">%s</ul>' % ''.join(
            '<li><i class="%s"></i>%s' % (name, name) for name in BAR)
    # What no row has, a snapshot or this kernel has not.
    kept = [i for i in range(len(table.columns))
            if not rows or any(row[i] is not None for row in rows)]
    heads = ''.join(head_cell(table.columns[i]) for i in kept)
    body = '\n'.join('<tr>' + ''.join(cell(table.columns[i], row[i]) for i in kept)
                     for row in rows[:ROWS])
    return '''<section id="%s"><h2>%s</h2><p>%s</p>
<div class="tools"><label>Filter <input type="search" data-table="t-%s"></label>
<output for="t-%s"></output></div>
<div class="wide"><table id="t-%s"><caption>%s</caption>
<thead><tr>%s</thead><tbody>
%s
</tbody></table></div>%s</section>
''' % (table.ident, escape(table.title), escape(table.lead), table.ident, table.ident,
       table.ident, escape(table.title), heads, body, legend)


# The tables.

def earlier(source, rows_of, key, what):
    """What a row had at the first sample, None if only now was looked at."""
    if source.first is source.figures:
        return lambda row: None
    old = collections.Counter()
    for row in rows_of(source.first):
        old[key(row)] += row[what]
    return lambda row: row[what] - old[key(row)]


CHANGE = Column('Growth', 'change', 'of the live bytes since the first sample')


def modules(source):
    figures = source.figures
    live = sum(row['bytes'] for row in figures['modules'])
    grown = earlier(source, lambda f: f['modules'], lambda row: row['module'], 'bytes')
    return Table('modules', 'Modules', 'Live objects of each client module, counted '
                 'one by one.', (
                     Column('Module', 'text', ''), Column('Objects', 'count', ''),
                     Column('Live', 'bytes', ''), Column('Of all', 'percent', ''),
                     Column('Mean size', 'bytes', ''), CHANGE), [
                         (row['module'], row['objects'], row['bytes'],
                          percent(row['bytes'], live),
                          row['bytes'] // max(row['objects'], 1), grown(row))
                         for row in figures['modules']], 2)


def sites(source):
    figures = source.figures
    rate = figures['sample_rate']
    lead = {0: 'Sampling is off: what was sampled before is as it was counted.',
            1: 'Every allocation since the profile began was sampled.'}.get(
        rate, 'Estimates from samples, one for each %s allocated; the error is one '
              'standard error, 1/√n of n samples.' % bytes_text(rate))
    key = [lambda row: tuple(row[name] for name in (
        'module', 'caller', 'size', 'stack'))]
    grown = earlier(source, lambda f: f['sites'], key[0], 'bytes')
    error = (lambda n: None if rate <= 1 or not n else 100 / n ** .5)
    return Table('sites', 'Call sites', lead, (
        Column('Caller', 'text', ''), Column('Module', 'text', ''),
        Column('Size', 'bytes', 'of an object'), Column('Objects', 'count', 'that live'),
        Column('Live', 'bytes', ''), CHANGE,
        Column('Allocated', 'count', 'objects since the profile began'),
        Column('Samples', 'count', ''), Column('± Error', 'percent', ''),
        Column('Stack', 'id', "number in the kernel's depot")), [
            (row['caller'], row['module'] or '–', row['size'], row['objects'],
             row['bytes'], grown(row), row['allocs'], row['samples'],
             error(row['samples']), row['stack'] or None)
            for row in figures['sites']], 4)


def waste(source):
    rows = []
    for heap in source.figures['heaps']:
        for row in heap['classes']:
            size = row['size']
            live, cached, pending = (row[name] * size for name in
                                     ('live', 'cached', 'pending'))
            # Large objects differ in size: their spans have one each.
            full = row['bytes'] - row['waste'] if not size else row['objects'] * size
            if not size:
                live = full
            free = max(full - live - cached - pending, 0)
            parts = [(name, percent(part, row['bytes']) or 0) for name, part in zip(
                BAR, (live, cached, pending, free, row['waste']))]
            other = heap['name'] if heap is not source.figures['heaps'][0] else None
            rows.append((row['name'], other or row['module'] or '–', size or None,
                         row['spans'], row['bytes'], live, cached, free, row['waste'],
                         row['bytes'] - live, percent(live, row['bytes']), parts))
    return Table('waste', 'Waste by class', 'Spans of each size class and cache: what '
                 'of them is live, and what is not.', (
                     Column('Class', 'text', ''),
                     Column('Of', 'text', 'a heap that is not the default one, or the '
                            'module of a cache'),
                     Column('Size', 'bytes', 'of an object'),
                     Column('Spans', 'count', ''), Column('Held', 'bytes', 'by spans'),
                     Column('Live', 'bytes', ''),
                     Column('Magazines', 'bytes', 'free objects in magazines of CPUs'),
                     Column('Free', 'bytes', 'free objects in spans'),
                     Column('Tails', 'bytes', 'behind the last object of spans'),
                     Column('Not live', 'bytes', ''), Column('Use', 'percent', ''),
                     Column('Parts', 'bar', '')), rows, 9)


def heaps(source):
    return Table('heaps', 'Heaps', 'A heap holds spans of its own, up to its quota.', (
        Column('Heap', 'text', ''), Column('Made by', 'text', ''),
        Column('Held', 'bytes', 'by its spans'), Column('Live', 'bytes', ''),
        Column('Use', 'percent', ''), Column('Objects', 'count', ''),
        Column('Peak', 'bytes', ''), Column('Quota', 'bytes', ''),
        Column('Refused', 'count', 'allocations that failed at the quota')), [
            (row['name'], row['made_by'] or '–', row['held'], row['bytes'],
             percent(row['bytes'], row['held']), row['objects'], row['peak'],
             row['quota'] or None, row['refused'])
            for row in source.figures['heaps']], 2)


def cpus(source):
    return Table('cpus', 'CPUs', 'What the magazines of each CPU hold, and how often '
                 'they were found empty or full.', (
                     Column('CPU', 'count', ''), Column('Slots', 'count', ''),
                     Column('Spans', 'count', 'that it owns'),
                     Column('Objects', 'count', 'free, in magazines'),
                     Column('Bytes', 'bytes', 'of these'),
                     Column('Room', 'bytes', 'that its magazines may hold'),
                     Column('Allocations', 'count', ''),
                     Column('Refills', 'count', ''), Column('Flushes', 'count', ''),
                     Column('Hits', 'percent', 'allocations without a refill')), [
                         (row['cpu'], row['slots'], row['spans'], row['objects'],
                          row['bytes'], row['room'], row['allocs'], row['refills'],
                          row['flushes'], percent(row['allocs'] - row['refills'],
                                                  row['allocs']))
                         for row in source.figures['cpus']], None)


# The whole.

def tiles(source):
    """(label, value, remark, loud) of each."""
    stats = source.figures['stats']
    held, live = stats['bytes_held'], stats['bytes_live']
    span = source.when - source.first_when
    allocs = stats['allocs'] - source.first['stats']['allocs']
    rate = '%s a second' % format(round(allocs / span), ',') if span > 0 else \
        'since loading'
    reports = stats['reports']
    return [
        ('Held', bytes_text(held), 'from the kernel', False),
        ('Live', bytes_text(live), counted(stats['objects_live'], 'object'),
         False),
        ('Held / live', '%.2f' % (held / live) if live else '–',
         '%s not live' % bytes_text(held - live), False),
        ('Peak held', bytes_text(stats['peak_bytes_held']), 'since loading', False),
        ('Allocations', format(stats['allocs'], ','), rate, False),
        ('Spans', format(stats['spans'], ','),
         '%s in free runs' % bytes_text(stats['bytes_free_runs']), False),
        ('Client modules', str(len(source.figures['modules'])),
         'in %s' % counted(len(source.figures['heaps']), 'heap'), False),
        ('Misuse', format(reports, ','), 'reports, see dmesg' if reports else
         'no reports', reports > 0)]


def tiles_html(source):
    return '<dl class="tiles">%s</dl>' % ''.join(
        '<div%s><dt>%s</dt><dd><b>%s</b><span>%s</span></dd></div>' % (
            ' class="loud"' if loud else '', escape(label), escape(value),
            escape(remark)) for label, value, remark, loud in tiles(source))


def clock(when):
    return time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(when))


def duration(seconds):
    seconds = round(seconds)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return '%d h %d min' % (hours, minutes) if hours else \
        '%d min %d s' % (minutes, seconds % 60) if minutes else '%d s' % seconds


def about(source):
    """The line below the title."""
    figures, samples = source.figures, sum(map(bool, source.points))
    facts = [('Source', source.where), ('Kernel', source.kernel or 'not known'),
             ('As of', clock(source.when)),
             ('Sampled', 'off' if not figures['sample_rate'] else
              'every allocation' if figures['sample_rate'] == 1 else
              'one of %s' % bytes_text(figures['sample_rate'])),
             ('Schema', str(figures['version']))]
    if source.recorded():
        facts.insert(2, ('Recorded', '%s, %s samples' % (
            duration(source.when - source.points[0][0]), format(samples, ','))))
    return '<ul class="about">%s</ul>' % ''.join(
        '<li>%s <b>%s</b>' % tuple(map(escape, fact)) for fact in facts)


def as_json(data):
    """JSON for a script element, in which nothing can end it."""
    return json.dumps(data, separators=(',', ':')).replace('<', '\\u003c')


def gathered(source, notes):
    """A word of what is missing, for the notes."""
    missed = sum(event == 'missed' for _, event in source.events)
    if missed:
        notes.append('%d samples are missing: they could not be read.' % missed)
    if not source.loaded:
        notes.append('goslab was not loaded at the end: figures are those of the last '
                     'sample.')
    for name, (when, _) in source.texts.items():
        if source.when - when > max(2 * (source.delay or 0), 5):
            notes.append('The file %s was read at %s, before the last sample.' % (
                name, clock(when)))


def make(source, profile, parts, version):
    """The page."""
    notes = []
    gathered(source, notes)
    data = {'series': pagedata.series(source, notes) if source.recorded() else None,
            'map': pagedata.arena_map(source, notes),
            'flame': pagedata.flame(source, profile, notes)}
    tables = {table.ident: table_html(table, notes) for table in (
        modules(source), sites(source), waste(source), heaps(source), cpus(source))}
    # One script: the policy names it by its hash.
    script = "'use strict';\n" + '\n'.join(
        (parts / name).read_text() for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    slots = {'title': escape(source.where), 'policy': digest, 'script': script,
             'style': (parts / 'page.css').read_text(), 'tiles': tiles_html(source),
             'about': about(source), 'data': as_json(data),
             'version': escape(version), 'made': clock(time.time()),
             'notes': ''.join('<li>' + escape(note) for note in notes) or
                      '<li>Nothing was left out.', **tables}
    text = (parts / 'page.html').read_text()
    # One pass: what is put in is not looked at again.
    first, *rest = text.split('{{')
    out = [first]
    for piece in rest:
        name, _, after = piece.partition('}}')
        out += (slots[name], after)
    return ''.join(out)
