#!/usr/bin/env python3
"""mktraces.py DIR - small traces for scripts/guest/traces.sh.

Writes DIR/good-*.kmt, which goslab_replay.ko must replay, and DIR/bad-*.kmt,
each with one thing wrong, which it must refuse (Documentation/trace-format.rst).
"""

import os
import struct
import sys

ALLOC, FREE = 0, 1
CACHES = [(192, b'dentry'), (64, b'with a blank/and a slash')]
EVENTS = [(0, 100, 0, 0, ALLOC), (1, 192, 1, 1, ALLOC), (0, 0, 0, 1, FREE),
          (0, 64, 2, 0, ALLOC), (1, 0, 1, 0, FREE), (2, 4 << 20, 0, 1, ALLOC)]


def trace(caches=CACHES, slots=3, events=EVENTS, magic=b'KMT2', count=None):
    """A trace as bytes; count: of events, if the header shall lie."""
    count = len(events) if count is None else count
    data = struct.pack('<4sIII', magic, len(caches), slots, count)
    for size, name in caches:
        data += struct.pack('<I28s', size, name)
    for event in events:
        data += struct.pack('<IIHBB', *event)
    return data


def with_event(*event):
    """The good trace with another event at its end."""
    return trace(events=EVENTS + [event])


TRACES = {
    'good-all': trace(),
    'good-no-caches': trace(caches=[], events=EVENTS[:1]),
    'good-same-names': trace(caches=[(192, b'a'), (64, b'a')]),
    'bad-empty': b'',
    'bad-header-cut': trace()[:15],
    'bad-magic': trace(magic=b'KMT1'),
    'bad-caches-cut': trace()[:50],
    'bad-events-cut': trace()[:-1],
    'bad-longer': trace() + b'\0',
    'bad-no-events': trace(events=[]),
    'bad-no-slots': trace(slots=0),
    'bad-slots-huge': trace(slots=0xffffffff),
    'bad-events-huge': trace(count=0xffffffff),
    'bad-cache-size-0': trace(caches=[(0, b'a'), (64, b'b')]),
    'bad-cache-size-huge': trace(caches=[((4 << 20) + 1, b'a'), (64, b'b')]),
    'bad-slot': with_event(3, 8, 0, 0, ALLOC),
    'bad-cache': with_event(1, 8, 3, 0, ALLOC),
    'bad-op': with_event(1, 8, 0, 0, 2),
    'bad-size-0': with_event(1, 0, 0, 0, ALLOC),
    'bad-size-huge': with_event(1, (4 << 20) + 1, 0, 0, ALLOC),
    'bad-size-above-cache': with_event(1, 193, 1, 0, ALLOC),
    'bad-double-alloc': with_event(0, 8, 0, 0, ALLOC),
    'bad-free-of-nothing': with_event(1, 0, 1, 0, FREE),
    'bad-free-to-other-cache': with_event(0, 0, 1, 0, FREE),
}


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, data in TRACES.items():
        with open(os.path.join(sys.argv[1], name + '.kmt'), 'wb') as file:
            file.write(data)


if __name__ == '__main__':
    main()
