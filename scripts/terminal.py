"""terminal.py - a terminal in which a test runs a program.

A module of test-tools.py. The program sees a VT100 of any size; the test types,
and looks at the screen.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# How long something may take that should come at once; machines are shared.
PATIENCE = 10


class Screen:
    """What a terminal shows that knows as much as a VT100."""

    TOKEN = re.compile(r'\x1b\[([?\d;]*)([A-Za-z])|\x1b[()].|\x1b[=>78M]'
                       r'|[\x00-\x1a\x1c-\x1f]|[^\x00-\x1f]+')

    def __init__(self, height, width):
        self.rows, self.rest, self.y, self.x = [], '', 0, 0
        self.saved = 0, 0
        self.resize(height, width)

    def resize(self, height, width):
        self.height, self.width = height, width
        rows = self.rows[:height] + [''] * (height - len(self.rows))
        self.rows = [row[:width].ljust(width) for row in rows]
        self.y, self.x = min(self.y, height - 1), min(self.x, width - 1)
        self.top, self.bottom = 0, height - 1

    def feed(self, text):
        """Shows text; what is cut off in a sequence waits for its end."""
        text, place = self.rest + text, 0
        while place < len(text):
            token = self.TOKEN.match(text, place)
            if not token:
                break
            place = token.end()
            if token[2]:
                numbers = [int(n or 0) for n in token[1].lstrip('?').split(';')]
                self.control(token[2], numbers)
            elif token[0][0] >= ' ':
                self.write(token[0])
            else:
                self.move(token[0])
        self.rest = text[place:]

    def write(self, text):
        for char in text:
            if self.x == self.width:
                self.y, self.x = min(self.y + 1, self.height - 1), 0
            row = self.rows[self.y]
            self.rows[self.y] = row[:self.x] + char + row[self.x + 1:]
            self.x += 1

    def go(self, y, x):
        self.y = min(max(y, 0), self.height - 1)
        self.x = min(max(x, 0), self.width - 1)

    def move(self, char):
        if char == '\r':
            self.x = 0
        elif char == '\b':
            self.go(self.y, self.x - 1)
        elif char == '\t':
            self.go(self.y, self.x + 8 - self.x % 8)
        elif char == '\x1b7':
            self.saved = self.y, self.x
        elif char == '\x1b8':
            self.go(*self.saved)
        elif char in ('\n', '\x1bM'):
            end, step = (self.bottom, 1) if char == '\n' else (self.top, -1)
            if self.y == end:
                self.rows.pop(self.top if step > 0 else self.bottom)
                self.rows.insert(end, ' ' * self.width)
            else:
                self.y = min(max(self.y + step, 0), self.height - 1)

    def control(self, letter, numbers):
        count, row = numbers[0] or 1, self.rows[self.y]
        if letter == 'H':
            self.go(count - 1, (numbers + [1])[1] - 1)
        elif letter in 'AB':
            self.go(self.y + (count if letter == 'B' else -count), self.x)
        elif letter in 'CD':
            self.go(self.y, self.x + (count if letter == 'C' else -count))
        elif letter == 'r':
            self.top, self.bottom = count - 1, (numbers + [self.height])[1] - 1
            self.y = self.x = 0
        elif letter == 'K' and numbers[0] == 1:
            self.rows[self.y] = ' ' * (self.x + 1) + row[self.x + 1:]
        elif letter in 'KJ':
            self.rows[self.y] = row[:self.x].ljust(self.width)
            if letter == 'J':
                self.rows[self.y + 1:] = [' ' * self.width] * (
                    self.height - self.y - 1)
        elif letter not in 'hlm':
            raise AssertionError('the screen does not know CSI ' + letter)


class Terminal:
    """A program in a terminal; raw is all that it wrote, screen what is seen."""

    def __init__(self, command, size=(24, 80), term='vt100'):
        self.master, self.slave = pty.openpty()
        self.term, self.screen, self.raw = term, Screen(*size), ''
        self.resize(*size)
        self.before = self.state()
        env = {key: value for key, value in os.environ.items()
               if key not in ('LINES', 'COLUMNS')}
        self.child = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave,
            stderr=subprocess.PIPE, env=dict(env, TERM=term), text=True,
            start_new_session=True, preexec_fn=self.enter)

    @staticmethod
    def enter():
        """What a shell does for a program, in the program's process."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # A test that runs in the background ignores it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def close(self):
        self.child.kill()
        self.child.wait()
        self.child.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def state(self):
        """The settings that a program must put back."""
        return termios.tcgetattr(self.slave)

    def resize(self, height, width):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack('4H', height, width, 0, 0))
        self.screen.resize(height, width)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            text = os.read(self.master, 65536).decode()
            self.raw += text
            if self.term == 'vt100':
                self.screen.feed(text)

    def sees(self, pattern, raw=False):
        """Waits until the screen, or all that was written, has the pattern."""
        end = time.monotonic() + PATIENCE
        while True:
            text = self.raw if raw else '\n'.join(self.screen.rows)
            if re.search(pattern, text):
                return
            if time.monotonic() > end or self.child.poll() is not None:
                raise AssertionError('no %r on the screen:\n%s' % (pattern, text))
            self.read(0.05)

    def shows(self, lines):
        """Waits until the screen has these lines and blanks."""
        self.sees(r'\A' + r' *\n'.join(map(re.escape, lines)) + r'[ \n]*\Z')

    def end(self):
        """Waits for the program's end: (status, stderr, settings put back)."""
        end = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            if time.monotonic() > end:
                raise AssertionError('the program does not end')
            self.read(0.02)
        self.read(0)
        return (self.child.returncode, self.child.stderr.read(),
                self.state() == self.before)
