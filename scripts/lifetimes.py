#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""lifetimes.py TRACE - would it pay to keep short-lived and long-lived apart?

Replays a trace (.kmt or .kmt.xz, Documentation/trace-format.rst) as spans of size classes
and counts the bytes of spans at the peak and at the end, and the blocks of 64 KiB that
have a live span at the end, placed as goslab/back/pagefiller.c does it. Objects are apart
  not at all
  by cache            as caches of goslab are, whatever lives long
  by an oracle        that knows when each object will be freed: an upper bound
  by cache and size   which foretell what most of their objects do, as far as a trace
                      tells of call sites; known from the same trace, so a bound, too
either in spans of their own, or in spans as ever whose blocks are apart.
An object is long-lived if it lives for more than so many events; never freed counts.
"""

import bisect
import collections
import lzma
import os
import re
import struct
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE, BLOCK_PAGES = 8192, 8
AGES = 1000, 10000, 100000


def size_classes():
    """Bytes of an object and of a span, of each class."""
    with open(os.path.join(TOP, 'goslab/base/sizeclass_table.h')) as table:
        return [(int(a), int(b)) for a, b in re.findall(
            r'^ \* +\d+ +(\d+) +(\d+) +\d+ +\d+ +[\d.]+%', table.read(), re.M)]


def load(path):
    """Objects in the order of their allocation, and the order of all events."""
    with (lzma.open if path.endswith('.xz') else open)(path, 'rb') as file:
        data = file.read()
    magic, caches, _, count = struct.unpack_from('<4sIII', data)
    if magic != b'KMT2':
        sys.exit('lifetimes.py: %s is no trace' % path)
    objects, events, live = [], [], {}
    at = struct.iter_unpack('<IIHBB', data[16 + 32 * caches:][:12 * count])
    for now, (slot, size, cache, _, is_free) in enumerate(at):
        if is_free:
            number = live.pop(slot)
            objects[number][2] = now - objects[number][2]
            events.append(~number)
        else:
            live[slot] = len(objects)
            events.append(len(objects))
            objects.append([size, cache, now])
    for number in live.values():
        objects[number][2] = float('inf')
    return objects, events


class Blocks:
    """Pages in blocks: the lowest at least half live, else the lowest with room."""

    def __init__(self):
        self.free, self.kind = [], []

    def take(self, pages, kind):
        """The block that gets a span, and those behind it that a long one fills."""
        room = [b for b, n in enumerate(self.free) if n >= pages and
                (n == BLOCK_PAGES or self.kind[b] == kind)]
        half = [b for b in room if self.free[b] <= BLOCK_PAGES // 2]
        begun = [b for b in room if self.free[b] < BLOCK_PAGES]
        at = (half or begun or room or [len(self.free)])[0]
        if at == len(self.free):
            self.free.append(max(BLOCK_PAGES, pages))
            self.kind.append(kind)
        self.kind[at] = kind
        self.free[at] -= pages
        return at

    def in_use(self):
        return sum(n < BLOCK_PAGES for n in self.free)


def replay(objects, events, span_kind, block_kind):
    """Peak and end of the bytes in spans, and blocks in use at the end."""
    classes = size_classes()
    sizes = [size for size, _ in classes]
    blocks, partial = Blocks(), collections.defaultdict(dict)
    where, held, peak = {}, 0, 0
    for event in events:
        number = event if event >= 0 else ~event
        if event < 0:
            span = where.pop(number)
            span[0] += 1
            partial[span[3]].pop(id(span), None)
            if span[0] < span[1]:
                # The one that was freed into last comes first.
                partial[span[3]][id(span)] = span
            else:
                held -= span[2]
                blocks.free[span[4]] += span[2] // PAGE
            continue
        cls = bisect.bisect_left(sizes, objects[number][0])
        key = cls, span_kind(number)
        if not partial[key]:
            size, length = classes[cls]
            at = blocks.take(length // PAGE, block_kind(number, cls))
            span = [length // size, length // size, length, key, at]
            partial[key][id(span)] = span
            held += length
            peak = max(peak, held)
        last, span = partial[key].popitem()
        span[0] -= 1
        if span[0]:
            partial[key][last] = span
        where[number] = span
    return peak, held, blocks.in_use()


def mostly(objects, key, age):
    """The keys of which more than half of the objects live longer than @age."""
    n = collections.Counter(), collections.Counter()
    for number, (_, _, life) in enumerate(objects):
        n[life > age][key(number)] += 1
    return {k for k in n[True] if n[True][k] > n[False][k]}


def main():
    objects, events = load(sys.argv[1])
    sizes = [size for size, _ in size_classes()]

    def site(number):
        return objects[number][1], objects[number][0]

    def class_of(number):
        return bisect.bisect_left(sizes, objects[number][0])

    def show(what, spans, blocks):
        peak, end, n = replay(objects, events, spans, blocks)
        print('%-34s %9d %9d %7d' % (what, peak, end, n), flush=True)

    print('%-34s %9s %9s %7s' % ('apart', 'peak', 'end', 'blocks'))
    show('not', lambda n: 0, lambda n, c: 0)
    show('spans, cache', lambda n: objects[n][1], lambda n, c: 0)
    for age in AGES:
        long_sites = mostly(objects, site, age)
        long_classes = mostly(objects, class_of, age)
        show('spans, oracle, %d' % age, lambda n: objects[n][2] > age,
             lambda n, c: objects[n][2] > age)
        show('spans, cache and size, %d' % age, lambda n: site(n) in long_sites,
             lambda n, c: site(n) in long_sites)
        show('blocks, size class, %d' % age, lambda n: 0,
             lambda n, c: c in long_classes)


main()
