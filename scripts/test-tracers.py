#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test-tracers.py DIR - trace-cmd and perf read what was recorded of goslab.

DIR has what guest/trace.sh left: trace.dat and perf.data, each of a client that
allocates and frees, and once more without freeing. Both tools must parse the format of
each event, without a warning, and show the same. Prints KTAP; ends with 1 if a test
failed.
"""
import collections
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from cases import equal, run_cases

DIR = pathlib.Path(sys.argv[1])
FORMATS = {
    'alloc': r'call_site=\S+ ptr=0x\w+ name=\S+ bytes_req=\d+ bytes_alloc=\d+ '
             r'gfp_flags=GFP_KERNEL node=0 module=goslab_leak',
    'free': r'call_site=\S+ ptr=0x\w+ name=\S+',
    'refill': r'name=\S+ node=0 objects=\d+ direct=(true|false)',
    'span_alloc': r'base=0x\w+ pages=\d+ size=\d+ node=0',
    'span_free': r'base=0x\w+ pages=\d+ size=\d+ node=0',
    'drain': r'cpu=\d+ all=(true|false)',
    'grow': r'block=0x\w+ bytes=\d+',
    'release': r'block=0x\w+ bytes=\d+',
    'heap_reset': r'call_site=\S+ name=\S+ objects=\d+ bytes=\d+',
    'heap_destroy': r'call_site=\S+ name=\S+ objects=\d+ bytes=\d+',
    'report': r'call_site=\S+ ptr=0x\w+ name=leak kind=live objects at the end',
}


def events(*command):
    """(event, text) of each event that a tool prints; it says nothing else."""
    done = subprocess.run(command, capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ''))
    lines = re.findall(r'(?:^| )(?:goslab:)?goslab_(\w+): +(.*?) *$', done.stdout, re.M)
    equal(len(lines), len([line for line in done.stdout.splitlines()
                           if line.strip() and not line.startswith('cpus=')]))
    return lines


def check(lines):
    """Each event as its format says, and those of the client in number."""
    for name, text in lines:
        if not re.fullmatch(FORMATS[name], text):
            raise AssertionError('goslab_%s: %r' % (name, text))
    counts = collections.Counter(name for name, _ in lines)
    equal((counts['alloc'], counts['free'], counts['report']), (2 * 67, 57 + 20, 1))
    for name in ('refill', 'span_alloc', 'span_free', 'grow'):
        assert counts[name], 'no goslab_' + name


def test_trace_cmd():
    check(events('trace-cmd', 'report', '-i', str(DIR / 'trace.dat')))


def test_perf_script():
    check(events('perf', 'script', '-i', str(DIR / 'perf.data'), '-F', 'trace:event,trace'))


def test_perf_report():
    """Fields as sort keys: how often which class was allocated."""
    done = subprocess.run(['perf', 'report', '-i', str(DIR / 'perf.data'), '--stdio',
                           '--no-children', '-n', '-t', ',', '-s', 'name,bytes_alloc'],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    equal((done.returncode, done.stderr), (0, ''))
    rows = {tuple(part.strip() for part in line.split(',')[1:])
            for line in done.stdout.splitlines() if line and line[0] != '#'}
    for row in (('20', 'malloc-208', '208'), ('20', 'large', '40960'), ('10', 'leak', '304')):
        assert row in rows, rows


run_cases(globals())
