# SPDX-License-Identifier: GPL-2.0
"""pagedata.py - what the page of goslab-report draws, from what was read.

A module of goslab-report. Each part is made from one Source and is bounded, so
that the page is, whatever the machine holds: POINTS of time, CELLS of the map,
NODES of the flame graph. What is left out or thrown together is said in notes.
"""
import collections
import io

SCHEMA_PARTS = (
    ('bytes_live', 'live objects'),
    ('bytes_cached', 'magazines of CPUs'),
    ('bytes_pending', 'waiting for a grace period'),
    ('bytes_free_in_spans', 'free in spans'),
    ('bytes_tails', 'tails of spans'),
    ('bytes_free_runs', 'free runs of pages'),
    ('bytes_metadata', 'metadata'))
POINTS, CELLS, NODES, SHOWN_MODULES = 600, 1 << 16, 5000, 6
ARENA_PAGES = 512
# Bases of arenas are only listed for as many.
ARENAS_NAMED = 4096
SPAN_COLUMNS = ('node', 'state', 'pages', 'size', 'live', 'cached', 'class',
                'objects', 'arena', 'page')
TYPES = (('inuse_space', 'bytes that live'), ('inuse_objects', 'objects that live'),
         ('alloc_space', 'bytes allocated'), ('alloc_objects', 'objects allocated'))


class Source:
    """All that was read of one goslab, over time or at once."""

    def __init__(self, where, kernel, delay):
        self.where, self.kernel, self.delay = where, kernel, delay
        # The last figures; those since which it was loaded without a break.
        self.figures = self.first = None
        self.when = self.first_when = None
        self.loaded = True
        # (time, stats, live bytes by module), None where goslab was not loaded.
        self.points, self.events, self.texts = [], [], {}

    def add_sample(self, when, figures):
        if self.first is None or not self.loaded:
            self.first, self.first_when = figures, when
        self.loaded = True
        self.figures, self.when = figures, when
        self.points.append((when, [figures['stats'][part] for part, _ in SCHEMA_PARTS],
                            {row['module']: row['bytes'] for row in figures['modules']}))

    def add_text(self, when, name, text):
        self.texts[name] = (when, text)

    def add_event(self, when, event):
        self.events.append((when, event))
        if event == 'unloaded':
            self.points.append(None)
            self.loaded = False

    def recorded(self):
        return self.delay is not None


# Over time.

def thin(points):
    """At most POINTS of them: of those that fall together the one with most held."""
    step = -(-len(points) // POINTS)
    for i in range(0, len(points), step):
        group = points[i:i + step]
        if None in group:
            yield None
        most = max((point for point in group if point),
                   key=lambda point: sum(point[1]), default=None)
        if most:
            yield most


def series(source, notes):
    """The two charts: held memory by part, live memory by module."""
    start = next(point[0] for point in source.points if point)
    points = list(thin(source.points))
    if len(source.points) > POINTS:
        notes.append('The charts have %d points for %d samples: of those that fall '
                     'together, the one with most held.' % (
                         len(points), len(source.points)))
    most = collections.Counter()
    for point in filter(None, points):
        for module, size in point[2].items():
            most[module] = max(most[module], size)
    modules = [module for module, _ in most.most_common(SHOWN_MODULES)]

    def by_module(point):
        named = [point[2].get(module, 0) for module in modules]
        return named + [sum(point[2].values()) - sum(named)]

    return {
        'times': [point and round(point[0] - start, 3) for point in points],
        'parts': {'names': [name for _, name in SCHEMA_PARTS],
                  'values': [point and point[1] for point in points]},
        'modules': {'names': modules + ['all others'],
                    'values': [point and by_module(point) for point in points]},
        'events': [[round(when - start, 3), event] for when, event in source.events
                   if event != 'missed']}


# The map.

def read_arenas(text):
    """base -> (number, in_spans, free, runs), in the order of addresses."""
    arenas = {}
    if not text.startswith('arenas - version: 1.0\n'):
        return arenas
    for line in text.splitlines()[2:]:
        base, in_spans, free, runs = line.split()[:4]
        arenas.setdefault(base, (len(arenas), int(in_spans), int(free), int(runs)))
    return arenas


def read_spans(text, arenas):
    """Spans as (first page, pages, size, live, cached, objects, state, class, node).

    None if it is not said where they are. An arena that came after the file arenas
    was read gets a number here.
    """
    lines = io.StringIO(text)
    if next(lines, '') != 'spans - version: 1.0\n':
        return None
    titles = next(lines, '').strip('# \n').split()
    if not set(SPAN_COLUMNS) <= set(titles):
        return None
    node, state, pages, size, live, cached, name, objects, arena, page = map(
        titles.index, SPAN_COLUMNS)
    spans = []
    for line in lines:
        row = line.split()
        if row[arena] not in arenas:
            arenas[row[arena]] = (len(arenas), 0, 0, 0)
        spans.append((
            arenas[row[arena]][0] * ARENA_PAGES + int(row[page]), int(row[pages]),
            int(row[size]), int(row[live]), int(row[cached]), int(row[objects]),
            row[state], row[name], int(row[node])))
    spans.sort()
    return spans


class Names(dict):
    """Numbers its keys in the order in which it sees them."""

    def __missing__(self, key):
        self[key] = len(self)
        return self[key]


def exact_cells(spans, classes, states):
    """Seven numbers for each span, its first page as the distance from the last."""
    flat, last = [], 0
    for first, pages, _, live, cached, objects, state, name, node in spans:
        flat += (first - last, pages, classes[name], states[state], live, cached,
                 objects, node)
        last = first
    return flat


def binned_cells(spans, pages_per_cell, classes):
    """Six numbers for each cell with spans: its distance from the last one, pages of
    spans, spans, percent of the objects' bytes that live, the class with most of the
    pages, and these pages."""
    sums, of_class = {}, collections.defaultdict(collections.Counter)
    for first, pages, size, live, _, objects, _, name, _ in spans:
        end = first + pages
        for cell in range(first // pages_per_cell, -(-end // pages_per_cell)):
            part = (min(end, (cell + 1) * pages_per_cell) -
                    max(first, cell * pages_per_cell))
            total = sums.get(cell)
            if not total:
                total = sums[cell] = [0, 0, 0, 0]
            total[0] += part
            total[1] += 1
            total[2] += live * size * part // pages
            total[3] += objects * size * part // pages
            of_class[cell][name] += part
    flat, last = [], 0
    for cell in sorted(sums):
        pages, count, live, room = sums[cell]
        name, most = of_class[cell].most_common(1)[0]
        flat += (cell - last, pages, count, round(100 * live / room) if room else 0,
                 classes[name], most)
        last = cell
    return flat


def arena_map(source, notes):
    """What the map shows, or None and a note."""
    if 'spans' not in source.texts:
        notes.append('There is no map: the file spans was not read.')
        return None
    when, text = source.texts['spans']
    arenas = read_arenas(source.texts.get('arenas', (0, ''))[1])
    spans = read_spans(text, arenas)
    if spans is None:
        notes.append('There is no map: the file spans is not one that says in which '
                     'page of which arena spans begin.')
        return None
    pages = max([len(arenas) * ARENA_PAGES] + [s[0] + s[1] for s in spans[-1:]])
    per_cell = 1
    while pages > per_cell * CELLS:
        per_cell *= 2
    classes, states = Names(), Names()
    held = collections.Counter()
    for span in spans:
        held[span[7]] += span[1]
    for name, _ in held.most_common():
        classes[name]
    if per_cell > 1:
        notes.append('The map has a cell for %d pages, for there are %s spans on %s '
                     'pages: a cell has the colour of the class with most of its '
                     'pages.' % (per_cell, format(len(spans), ','),
                                 format(pages, ',')))
        cells = binned_cells(spans, per_cell, classes)
    else:
        cells = exact_cells(spans, classes, states)
    return {'pages': pages, 'perCell': per_cell, 'cells': cells, 'spans': len(spans),
            'classes': [[name, held[name]] for name in classes],
            'states': list(states), 'when': when,
            'arenas': [[base, *row[1:]] for base, row in arenas.items()]
            if len(arenas) <= ARENAS_NAMED else []}


# The flame graph.

class Node:
    """A function below its callers; values as TYPES."""

    def __init__(self, name):
        self.name, self.values, self.below = name, [0] * len(TYPES), {}

    def add(self, stack, values):
        node = self
        for name in [None, *stack]:
            if name is not None:
                node = node.below.setdefault(name, Node(name))
            for i, value in enumerate(values):
                node.values[i] += value

    def all(self):
        nodes = [self]
        for node in nodes:
            nodes += node.below.values()
        return nodes

    def rows(self, kept, depth=0, out=None):
        """[depth, name, values] of those in @kept, callers first."""
        out = [] if out is None else out
        out.append([depth, self.name, self.values])
        for child in sorted(self.below.values(), key=lambda node: node.name):
            if id(child) in kept:
                child.rows(kept, depth + 1, out)
        return out


def stacks_of(source, profile, notes):
    """(stack from the outermost caller, values as TYPES) of what was sampled."""
    when, text = source.texts.get('profile', (0, ''))
    try:
        found = profile.parse('profile', text, int(when * 1e9)) if text else None
    except profile.Error as error:
        notes.append('The profile could not be read: %s.' % error)
        found = None
    records = found.records if found else []
    if any(address for record in records for address in record.addresses):
        if not any(any(record.symbols) for record in records):
            profile.add_names([found], None)
        for sample in profile.samples_of(found):
            objects, size, live, live_size = sample.values
            yield ([profile.label(frame) for frame in reversed(sample.frames)],
                   (live_size, live, size, objects))
        return
    notes.append('The flame graph is made of call sites: there is no profile with '
                 'addresses.')
    for site in source.figures['sites']:
        yield ([site['module'] or '(none)', site['caller']],
               (site['bytes'], site['objects'], site['allocs'] * site['size'],
                site['allocs']))


def flame(source, profile, notes):
    root = Node('all')
    for stack, values in stacks_of(source, profile, notes):
        root.add(stack or ['(no stack)'], values)
    nodes = root.all()
    if len(nodes) > NODES:
        # A caller has at least what it calls: none of those kept loses its callers.
        nodes.sort(key=lambda node: max(
            value / total for value, total in zip(node.values, root.values) if total),
            reverse=True)
        notes.append('The flame graph has the %s largest of %s frames.' % (
            format(NODES, ','), format(len(nodes), ',')))
    return {'types': TYPES, 'rows': root.rows({id(node) for node in nodes[:NODES]})}
