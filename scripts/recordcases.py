# SPDX-License-Identifier: GPL-2.0
"""recordcases.py - tests of goslab-record, and of what stands beside both tools.

A module of test-report.py.
"""
import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from reportlib import (FIGURES, LINES, PATIENCE, SCRIPTS, TEXTS, TOP, Case, docs, page,
                       pagedata, record, report, run, tools)

RECORD = SCRIPTS / 'goslab-record'


class Fixtures(Case):
    """The recording is of what the kernel prints."""

    def test_fixture_names(self):
        known = docs.printed()
        words = set(re.findall(r'"(\w+)":', json.dumps(FIGURES)))
        # These are of a table in the kernel's file.
        paths = set(FIGURES['latency'])
        self.assertEqual(words - paths, known['json'] | known['stats'])
        for name in ('spans', 'arenas'):
            titles = TEXTS[name].splitlines()[1].strip('# ').split()
            self.assertEqual(set(titles), known[name])
        self.assertTrue(set(pagedata.SPAN_COLUMNS) <= known['spans'])

    def test_fixture_sums(self):
        """The parts of the chart are all that is held."""
        for line in LINES:
            if 'sample' in line:
                stats = line['sample']['stats']
                parts = sum(stats[part] for part, _ in pagedata.SCHEMA_PARTS)
                self.assertAlmostEqual(stats['bytes_held'], parts,
                                       delta=stats['bytes_held'] / 5)


class Record(Case):
    """goslab-record."""

    def start(self, *args):
        """A recorder at work."""
        child = subprocess.Popen([sys.executable, RECORD, *map(str, args)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True)
        self.addCleanup(self.stop, child)
        return child

    @staticmethod
    def stop(child):
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()

    def wait_for(self, path, wanted):
        """The kinds of lines in a recording once they have @wanted in order."""
        end = time.monotonic() + PATIENCE
        while True:
            kinds = [line.get('event') or line.get('file') or
                     ('sample' if 'sample' in line else 'head')
                     for _, line in report.lines_of(path)] if path.exists() else []
            if re.search(wanted, ' '.join(kinds)):
                return kinds
            self.assertLess(time.monotonic(), end, '%s: only %s' % (wanted, kinds))
            time.sleep(0.02)

    def test_count(self):
        for name in ('a.jsonl', 'a.jsonl.gz'):
            path = self.dir / name
            self.assertEqual(run(record, '--dir', self.copies(), '-n', 3, '-d', 0.01,
                                 '-o', path), (0, '', ''))
            lines = [line for _, line in report.lines_of(path)]
            self.assertEqual(lines[0]['goslab_recording'], record.FORMAT)
            self.assertEqual([line['sample'] for line in lines if 'sample' in line],
                             [FIGURES] * 3)
            self.assertEqual([line['file'] for line in lines if 'file' in line],
                             list(record.TEXTS) * 2)
            self.assertEqual(lines[-1]['text'], TEXTS['profile'])
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        # zcat has no complaint.
        with gzip.open(path) as file:
            file.read()

    def test_standard_output(self):
        child = self.start('--dir', self.copies(), '-n', '2', '-d', '0.01', '-o', '-')
        out, err = child.communicate(timeout=PATIENCE)
        self.assertEqual((child.returncode, err), (0, ''))
        self.assertEqual(sum('sample' in json.loads(line)
                             for line in out.splitlines()), 2)

    def test_signals(self):
        """The last files are there, the file is whole, the status is 0."""
        for number in (signal.SIGINT, signal.SIGTERM):
            path = self.dir / ('%d.jsonl.gz' % number)
            child = self.start('--dir', self.copies(), '-d', 0.02, '-o', path)
            self.wait_for(path, 'profile sample sample')
            child.send_signal(number)
            self.assertEqual(child.wait(PATIENCE), 0)
            with gzip.open(path) as file:
                self.assertTrue(file.read().endswith(b'}\n'))
            self.wait_for(path, 'sample spans arenas profile$')

    def test_killed(self):
        """What was written before is there."""
        path = self.dir / 'killed.jsonl.gz'
        child = self.start('--dir', self.copies(), '-d', 0.02, '-o', path)
        self.wait_for(path, 'profile sample sample')
        child.kill()
        child.wait()
        self.assertEqual(report.read_recording(path).figures, FIGURES)

    def test_unloaded(self):
        """It waits until goslab is there again."""
        where, path = self.copies(), self.dir / 'gone.jsonl'
        child = self.start('--dir', where, '-d', 0.02, '-o', path)
        self.wait_for(path, 'profile sample')
        where.rename(self.dir / 'away')
        self.wait_for(path, 'unloaded$')
        time.sleep(0.1)
        (self.dir / 'away').rename(where)
        self.wait_for(path, 'sample unloaded loaded sample')
        child.terminate()
        self.assertEqual(child.wait(PATIENCE), 0)
        source = report.read_recording(path)
        self.assertEqual(source.points.count(None), 1)
        self.assertGreater(source.first_when, source.points[0][0])

    def test_missed(self):
        """A read that fails once is no end."""
        where, path = self.copies(), self.dir / 'missed.jsonl'
        child = self.start('--dir', where, '-d', 0.02, '-o', path)
        self.wait_for(path, 'profile sample')
        (where / 'json').write_text('{')
        self.wait_for(path, 'missed missed')
        (where / 'json').write_text(json.dumps(FIGURES))
        self.wait_for(path, 'missed sample')
        child.terminate()
        self.assertIn('samples are missing', child.communicate(timeout=PATIENCE)[1])
        self.assertEqual(child.returncode, 0)
        self.assertIn('samples are missing: they could', self.page(path)[0])

    def test_new_version(self):
        """Another schema ends it, in words."""
        where, path = self.copies(), self.dir / 'new.jsonl'
        child = self.start('--dir', where, '-d', 0.02, '-o', path)
        self.wait_for(path, 'profile sample')
        other = self.dir / 'other'
        other.write_text(json.dumps(dict(FIGURES, version=2)))
        other.rename(where / 'json')
        self.assertIn('version 2', child.communicate(timeout=PATIENCE)[1])
        self.assertEqual(child.returncode, 1)
        self.assertTrue(report.read_recording(path).figures)

    def test_full_disk(self):
        with open('/dev/full', 'wb') as full:
            child = subprocess.run(
                [sys.executable, RECORD, '--dir', self.copies(), '-o', '-'],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                timeout=PATIENCE)
        self.assertEqual(child.returncode, 1)
        self.assertRegex(child.stderr, r'\Agoslab-record: -: No space[^\n]*\n\Z')

    def test_progress(self):
        """On a terminal there is a line of progress."""
        terminal = tools.Terminal(
            ['sh', '-c', '"$@" 2>&1', 'sh', sys.executable, RECORD, '--dir',
             self.copies(), '-n', '2', '-d', '0.01', '-o', self.dir / 'x.jsonl'],
            size=(24, 200))
        self.addCleanup(terminal.close)
        terminal.sees(r'x\.jsonl: 2 samples\n?', raw=True)
        self.assertIn('KiB held', terminal.raw)
        self.assertEqual(terminal.end()[0], 0)

    def test_errors(self):
        where = self.copies()
        there = self.recording({})
        self.fails(record, 'one.jsonl is there; say', '--dir', where, '-o', there)
        self.fails(record, 'No such file', '--dir', where, '-o', self.dir / 'no' / 'x')
        self.fails(record, 'above 0', '-d', 0)
        self.fails(record, '0 or more', '-n', -1)
        self.fails(record, 'invalid float', '-d', 'x')
        self.fails(record, 'takes copies from', '--dir', self.dir / 'none')
        (where / 'json').write_text('[]')
        self.fails(record, 'not the figures of goslab', '--dir', where)
        (where / 'json').write_text('{"version":2}')
        self.fails(record, 'version 2, and this program knows 1', '--dir', where)
        (where / 'json').write_text('{')
        self.fails(record, 'not JSON', '--dir', where)

    def test_debugfs(self):
        """Why goslab's own directory cannot be read."""
        def look(**names):
            self.patch(record, **names)

        root = str(self.dir / 'goslab')
        look(DEBUGFS=str(self.dir), ROOT=root)
        for tool in (record, report):
            args = ('--dir', root)
            self.fails(tool, 'debugfs is not mounted', *args)
        self.patch(record.os.path, ismount=lambda path: True)
        for tool in (record, report):
            self.fails(tool, 'goslab is not loaded; do: insmod', *args)
        (self.dir / 'goslab').mkdir()
        self.fails(record, 'too old', *args)
        self.patch(record.pathlib.Path, read_text=self.refuse)
        self.patch(record.os, geteuid=lambda: 1000)
        self.fails(record, 'run goslab-record as root', *args)
        self.fails(report, 'run goslab-report as root', *args)
        self.patch(record.os, geteuid=lambda: 0)
        self.fails(record, 'lockdown', *args)

    @staticmethod
    def refuse(*_):
        raise PermissionError(13, 'Permission denied')


class Beside(Case):
    """What stands beside the tools: man pages, completion, installed copies."""

    BOTH = ((record, 'goslab-record'), (report, 'goslab-report'))

    @staticmethod
    def options(tool):
        return sorted(name for action in tool.make_parser()._actions
                      for name in action.option_strings)

    def test_help(self):
        for tool, name in self.BOTH:
            status, out, err = run(tool, '--help')
            self.assertEqual((status, err), (0, ''))
            self.assertIn(name, out)
            self.assertEqual(run(tool, '-V'), (0, name + ' 1.0\n', ''))

    def test_man_page(self):
        for tool, name in self.BOTH:
            path = TOP / 'Documentation' / 'man' / (name + '.8')
            text = path.read_text().replace('\\-', '-')
            for option in self.options(tool):
                self.assertRegex(text, r'(?m)^\.B[RI]?( .*)? ?%s\b' % re.escape(option))
            for kind in (*record.TEXTS, 'json'):
                self.assertRegex(text, r'\.IR? %s\b' % kind)
            if shutil.which('groff'):
                said = subprocess.run(['groff', '-man', '-ww', '-z', path],
                                      capture_output=True, text=True, check=False)
                self.assertEqual((said.returncode, said.stderr), (0, ''))

    def test_limits(self):
        """The man page has the limits of the page."""
        text = (TOP / 'Documentation' / 'man' / 'goslab-report.8').read_text()
        for limit in (page.ROWS, pagedata.POINTS, pagedata.NODES, pagedata.CELLS):
            self.assertRegex(text, r'\b%d (rows|points|frames)|\b%d\ncells' % (
                limit, limit))

    def complete(self, name, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
            '_%s; printf "%%s\\n" "${COMPREPLY[@]}"' % name.replace('-', '_')
        return sorted(subprocess.run(
            ['bash', '-c', script, '-', SCRIPTS / 'completion' / (name + '.bash'), name,
             *words], capture_output=True, text=True, check=True,
            cwd=TOP / 'goslab').stdout.split())

    def test_completion(self):
        for tool, name in self.BOTH:
            self.assertEqual(self.complete(name, '-'), self.options(tool))
            self.assertEqual(self.complete(name, '--dir', 'wat'), ['watch'])
            self.assertEqual(self.complete(name, '-o', 'Kb'), ['Kbuild'])
        self.assertEqual(self.complete('goslab-report', 'Kb'), ['Kbuild'])
        self.assertEqual(self.complete('goslab-record', '-n', ''), [])

    @unittest.skipUnless(shutil.which('make'), 'make is not there')
    def test_installed(self):
        """The installed program finds its parts, and says what is missing."""
        subprocess.run(['make', '-s', '-C', TOP, 'install-tools', 'PREFIX=/usr',
                        'DESTDIR=%s' % self.dir], check=True,
                       stdout=subprocess.DEVNULL)
        out = self.dir / 'x.html'
        command = [self.dir / 'usr/bin/goslab-report', '-o', out, '--dir', self.copies()]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        self.assertIn('goslab_leak', out.read_text())
        for gone, words in ((self.dir / 'usr/share/goslab/page.py', 'no page.py in'),
                            (self.dir / 'usr/bin/goslab-record', 'is missing')):
            gone.rename(self.dir / 'gone')
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(said.returncode, 1)
            self.assertRegex(said.stderr, r'\Agoslab-report: [^\n]*%s[^\n]*\n\Z' % words)
            (self.dir / 'gone').rename(gone)
