#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""top.py BED [FILE.svg] - goslabtop on a live kernel, in a terminal.

Boots User-Mode Linux with a load (guest/top.sh), whose console is a terminal, presses
keys and looks at the screen: each view shows what is loaded, and the figures change by
themselves. Prints KTAP; ends with 1 if something is not there. The modules of the bed
must be built. With FILE what the terminal showed is drawn there, for Documentation.
"""
import contextlib
import html
import importlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
SCRIPTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(SCRIPTS))
terminal = importlib.import_module('terminal')

SIZE = (24, 100)
# The machine must boot first.
terminal.PATIENCE = 120
# The views that are drawn, and how one would ask for them.
TITLES = {'cache': 'goslabtop -d 1 -s c', 'module': 'goslabtop -d 1 -w module'}
# A cell in reverse video has its character so much higher, in the private plane.
REVERSE = 0xe000


class Screen(terminal.Screen):
    """A screen that knows which cells are in reverse video."""

    reverse = False

    def write(self, text):
        super().write(''.join(chr(REVERSE + ord(char)) for char in text)
                      if self.reverse else text)

    def control(self, letter, numbers):
        if letter == 'm':
            for n in numbers:
                self.reverse = n == 7 or self.reverse and n not in (0, 27)
        super().control(letter, numbers)


def plain(char):
    return chr(ord(char) - REVERSE) if ord(char) >= REVERSE else char


def rows(top):
    return [''.join(map(plain, row)).rstrip() for row in top.screen.rows]


def shows(top, titles, *patterns):
    """Waits until there is a table with these titles and what matches the patterns."""
    end = time.monotonic() + terminal.PATIENCE
    while time.monotonic() < end:
        text = '\n'.join(rows(top))
        if all(re.search(p, text, re.M) for p in (titles,) + patterns):
            return text
        if top.child.poll() is not None:
            raise AssertionError('the machine ended:\n' + top.raw[-2000:] +
                                 top.child.stderr.read())
        top.read(0.1)
    raise AssertionError('not on the screen: %s\n%s' % ((titles,) + patterns, text))


def changes(top, seconds):
    """Different screens that are seen while no key is pressed."""
    end, seen = time.monotonic() + seconds, set()
    while time.monotonic() < end:
        top.read(0.3)
        seen.add('\n'.join(rows(top)))
    return len(seen)


# Drawing.

CELL, LINE, EDGE, BAR = 8.4, 18, 14, 30
INK, PAPER, FRAME = '#d8dee6', '#14181d', '#2a313a'


def svg(screens):
    """Terminals, one below the other, each with a title."""
    width = SIZE[1] * CELL + 2 * EDGE
    parts, y = [], 0
    for title, lines in screens:
        height = BAR + len(lines) * LINE + 2 * EDGE
        parts.append('<rect x="0.5" y="%.1f" width="%.1f" height="%.1f" rx="8" fill="%s" '
                     'stroke="%s"/>' % (y + 0.5, width - 1, height - 1, PAPER, FRAME))
        parts.append('<path d="M.5 %.1f h%.1f" stroke="%s"/>' % (y + BAR, width - 1, FRAME))
        parts.append('<text x="%.1f" y="%.1f" fill="#8b96a3" text-anchor="middle">%s</text>'
                     % (width / 2, y + 20, html.escape(title)))
        for i, line in enumerate(lines):
            parts += draw_line(line, EDGE, y + BAR + EDGE + i * LINE)
        y += height + EDGE
    return ('<svg xmlns="http:' '//www.w3.org/2000/svg" width="%.0f" height="%.0f" '
            'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">\n'
            '%s\n</svg>\n' % (width, y - EDGE, '\n'.join(parts)))


def draw_line(line, x, y):
    """Runs of cells of one look; each as long as its cells, whatever the font."""
    for run in re.finditer('[\ue000-\uefff]+|[^\ue000-\uefff]+', line):
        text, is_reverse = ''.join(map(plain, run[0])), run[0][0] >= chr(REVERSE)
        at, length = x + run.start() * CELL, len(text) * CELL
        if is_reverse:
            yield '<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (
                at, y, length, LINE, INK)
        for word in re.finditer(r'\S+', text):
            yield '<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s">%s</text>' % (
                at + word.start() * CELL, y + 13.5, len(word[0]) * CELL,
                PAPER if is_reverse else INK, html.escape(word[0]))


def picture(top, title):
    """The screen as it is, without blank lines at its end."""
    lines = list(top.screen.rows)
    while lines and not lines[-1].strip():
        lines.pop()
    return title, lines


def stop(top):
    """
    Whatever happened, no machine stays behind. It has a session of its own, and is the
    child of boot.sh; without it that ends, and cleans up.
    """
    children = pathlib.Path('/proc/%d/task/%d/children' % (top.child.pid, top.child.pid))
    if top.child.poll() is None:
        for pid in children.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            top.child.wait(10)
    top.close()


def main():
    bed, *file = sys.argv[1:]
    top = terminal.Terminal(
        [str(SCRIPTS / 'boot.sh'), bed, '--shell', '--', 'top.sh', str(SCRIPTS)], size=SIZE)
    top.screen = Screen(*SIZE)
    tests = (
        ('cache', 'c', r'OBJ/SLAB CACHE SIZE NAME$', r' charge$', r' stress'),
        ('class', '1', r'WASTE CLASS$', r' cache$'),
        ('module', '4', r'OBJ SIZE MODULE$', r' goslab_leak$', r' goslab_charge$',
         r' goslab_stress$'),
        ('heap', '3', r'HEAP +MADE BY', r'charge-heap +goslab_charge'),
        ('cpu', '5', r'HIT CPU$', r' 0$'))
    pictures, failed, n = [], 0, 0
    print('KTAP version 1\n1..%d' % (len(tests) + 2))
    try:
        for name, key, *patterns in tests:
            n += 1
            if name == 'cache':
                shows(top, *patterns)
            top.type(key)
            shows(top, *patterns)
            if name == 'cache':
                times = changes(top, 5)
                print('%sok %d live: %d screens in 5 s' % (
                    'not ' if times < 3 else '', n, times))
                failed += times < 3
                n += 1
            if name in TITLES:
                pictures.append(picture(top, TITLES[name]))
            print('ok %d view_%s' % (n, name))
        n += 1
        top.type('q')
        status, said, _ = top.end()
        if status or 'goslab-exit: 0' not in top.raw:
            raise AssertionError('ended with %d: %s%s' % (status, said, top.raw[-2000:]))
        print('ok %d quit' % n)
    except AssertionError as error:
        print(re.sub('^', '# ', str(error), flags=re.M))
        print('not ok %d broke off' % n)
        failed += 1
    finally:
        stop(top)
    if file and not failed:
        pathlib.Path(file[0]).write_text(svg(pictures))
    sys.exit(failed > 0)


main()
