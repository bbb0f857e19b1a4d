#!/usr/bin/env python3
"""fastpath.py [--check|--update] [GOSLAB.KO] - what the fast paths are made of.

Counts, from objdump, the instructions of each function of FUNCTIONS on its
straight path (every conditional branch falls through, every jump is taken, up
to the return; with init_on_alloc=0) and in all of it, in goslab.ko as built for stock 6.1. --update
writes them to Documentation/fastpath.golden; --check compares with that file,
prints the difference and ends with 1 if there is one. Another compiler makes
other code: then --check only says so. Without either it prints the counts.

__fentry__ is a nop in a running kernel and counts as one instruction, no call.
"""

import difflib
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(TOP, 'Documentation', 'fastpath.golden')
# Exit status of --check: recorded with another compiler. That of a skip.
NOT_COMPARED = 77
BUILD = os.environ.get('GOSLAB_BUILD', os.path.join(TOP, 'build'))
MODULE = os.path.join(BUILD, 'qemu-6.1', 'modules', 'goslab.ko')

FUNCTIONS = ('__goslab_malloc_class', '__goslab_malloc', 'goslab_free',
             'goslab_cache_alloc', 'goslab_cache_free')

START = re.compile(r'^[0-9a-f]+ <([^>]+)>:$')
LINE = re.compile(r'^ *([0-9a-f]+):\t(\S.*)$')
RELOCATION = re.compile(r'^\s+[0-9a-f]+: R_\S+\t(\S+)')
TARGET = re.compile(r'^([0-9a-f]+) <')
JUMP = re.compile(r'^([0-9a-f]+) R_X86_64_\S+\s+(\S+)')
# Keys that Debian's kernels start with on, but are off where we count.
KEYS_OFF = ('init_on_alloc',)
RETURNS = ('__x86_return_thunk', '__x86_return_skl')


class Instruction:
    """One line of objdump and the symbol that it refers to, if any."""

    def __init__(self, address, text):
        self.address = address
        words = text.split('#')[0].split(None, 1)
        while words[0] in ('lock', 'rep', 'repz', 'bnd', 'notrack', 'cs', 'ds',
                           'data16'):
            self.locked = words[0] == 'lock'
            words = words[1].split(None, 1) if len(words) > 1 else ['nop']
            if self.locked:
                break
        else:
            self.locked = False
        self.name = words[0]
        self.operands = words[1].strip() if len(words) > 1 else ''
        self.symbol = None

    def target(self):
        match = TARGET.match(self.operands)
        return int(match[1], 16) if match and not self.symbol else None

    def is_return(self):
        return self.name.startswith('ret') or (
            self.name == 'jmp' and self.symbol in RETURNS)

    def is_branch(self):
        return self.name.startswith('j') and self.name != 'jmp'

    def is_call(self):
        return self.name.startswith('call') and self.symbol != '__fentry__'

    def is_locked(self):
        """xchg with memory locks without saying so."""
        return self.locked or (self.name.startswith('xchg') and
                               '(' in self.operands)

    def is_nop(self):
        return self.name.startswith('nop') or self.symbol == '__fentry__' or \
            (self.name == 'xchg' and self.operands == '%ax,%ax')


def functions(module):
    """Instructions of each function that is asked for."""
    text = subprocess.check_output(
        ['objdump', '-dr', '--no-show-raw-insn', module], text=True)
    found, body = {}, None
    for line in text.splitlines():
        start, code = START.match(line), LINE.match(line)
        if start:
            body = found.setdefault(start[1], [])
        elif code and body is not None:
            body.append(Instruction(int(code[1], 16), code[2]))
        elif RELOCATION.match(line) and body:
            symbol = RELOCATION.match(line)[1]
            body[-1].symbol = re.sub(r'[-+]0x[0-9a-f]+$', '', symbol)
    for body in found.values():
        while body and body[-1].is_nop():
            body.pop()      # only fills up to the next function
    return found


def jump_labels(module):
    """Where nops of static keys become jumps, and where they go."""
    text = subprocess.check_output(
        ['objdump', '-r', '-j', '__jump_table', module], text=True)
    symbols = [m[2] for m in map(JUMP.match, text.splitlines()) if m]
    jumps = {}
    for code, target, key in zip(*[iter(symbols)] * 3):
        if key.split('+')[0] in KEYS_OFF:
            jumps[int(code.split('+')[1], 16)] = int(target.split('+')[1], 16)
    return jumps


def straight(body, jumps):
    """The instructions from the entry to the return, no branch taken."""
    index = {ins.address: i for i, ins in enumerate(body)}
    path, i = [], 0
    while i < len(body) and len(path) < 1000:
        ins = body[i]
        path.append(ins)
        if ins.is_return():
            break
        if ins.address in jumps:
            i = index[jumps[ins.address]]
        elif ins.name == 'jmp':
            if ins.target() not in index:
                break       # a tail call
            i = index[ins.target()]
        else:
            i += 1
    return path


def counts(path):
    return {
        'instructions': len(path),
        'branches': sum(ins.is_branch() for ins in path),
        'calls': sum(ins.is_call() for ins in path) +
                 (path[-1].name == 'jmp' and not path[-1].is_return()),
        'locked': sum(ins.is_locked() for ins in path),
        'cli_sti': sum(ins.name in ('cli', 'sti') for ins in path),
        'flags': sum(ins.name.startswith(('pushf', 'popf')) for ins in path),
        'nops': sum(ins.is_nop() for ins in path),
        'stack': sum(ins.name in ('push', 'pop') for ins in path),
    }


def compiler_of(module):
    """What the compiler wrote into the module about itself."""
    text = subprocess.check_output(['readelf', '-p', '.comment', module],
                                   text=True)
    found = re.search(r'(GCC: .*|clang.*)', text)
    return found[1].strip() if found else 'unknown compiler'


def kernel_of(module):
    text = subprocess.check_output(['modinfo', '-F', 'vermagic', module],
                                   text=True)
    return text.split()[0]


def lines(module):
    """The golden file's text."""
    found, jumps = functions(module), jump_labels(module)
    yield 'compiler: ' + compiler_of(module)
    yield 'kernel: ' + kernel_of(module)
    for name in FUNCTIONS:
        if not found.get(name):
            sys.exit('fastpath.py: no %s in %s' % (name, module))
        path, whole = straight(found[name], jumps), found[name]
        for what, part in (('path', path), ('whole', whole)):
            yield '%s %s: %s' % (name, what, ' '.join(
                '%s=%d' % item for item in counts(part).items()))


def check(now):
    """Prints how the counts differ from the golden ones; the exit status."""
    with open(GOLDEN) as file:
        golden = [line.rstrip('\n') for line in file]
    if golden[0] != now[0]:
        print('fastpath: built by %s, recorded with %s: not compared' % (
            now[0].split(': ', 1)[1], golden[0].split(': ', 1)[1]))
        return NOT_COMPARED
    # A newer stable kernel is no reason; another series would be.
    difference = [line for line in difflib.unified_diff(
        golden[2:], now[2:], 'recorded', 'now', lineterm='', n=0)
        if not line.startswith('@@')]
    for line in difference:
        print(line)
    if not difference:
        print('fastpath: as recorded')
    else:
        print('fastpath: not as recorded; "RECORD=1 scripts/bench.sh" if it '
              'is meant to be')
    return 1 if difference else 0


def main():
    words = [w for w in sys.argv[1:] if not w.startswith('--')]
    module = words[0] if words else MODULE
    if not os.path.exists(module):
        sys.exit('fastpath.py: no %s: run scripts/modules.sh qemu-6.1' % module)
    now = list(lines(module))
    if '--update' in sys.argv:
        with open(GOLDEN, 'w') as file:
            file.write('\n'.join(now) + '\n')
        print('fastpath: recorded in ' + GOLDEN)
    elif '--check' in sys.argv:
        sys.exit(check(now))
    else:
        print('\n'.join(now))


if __name__ == '__main__':
    main()
