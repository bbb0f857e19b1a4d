# SPDX-License-Identifier: GPL-2.0
"""reportlib.py - what the tests of goslab-record and goslab-report share.

A module of test-report.py. The recording in scripts/fixtures/report is one that
scripts/recording.sh made.
"""
import atexit
import contextlib
import functools
import gzip
import importlib
import io
import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
SCRIPTS = pathlib.Path(__file__).resolve().parent
TOP = SCRIPTS.parent
RECORDING = SCRIPTS / 'fixtures' / 'report' / 'recording.jsonl.gz'
browser = importlib.import_module('browser')
tools = importlib.import_module('test-tools')
docs = tools.docs
report = tools.load(SCRIPTS / 'goslab-report')
record, page, pagedata = report.record, report.page, report.pagedata
# How long a step may take that takes milliseconds; machines are shared.
PATIENCE = 120


def recorded():
    """The lines of the recording."""
    with gzip.open(RECORDING, 'rt') as file:
        return [json.loads(line) for line in file]


LINES = recorded()
FIGURES = [line['sample'] for line in LINES if 'sample' in line][-1]
TEXTS = {line['file']: line['text'] for line in LINES if 'text' in line}


def run(tool, *args):
    """(status, stdout, stderr) of a tool in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = tool.main([str(arg) for arg in args])
        except SystemExit as end:
            status = end.code or 0
    return status, out.getvalue(), err.getvalue()


class Case(unittest.TestCase):
    """A test with a directory of its own."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def patch(self, tool, **names):
        """Other values for globals of a tool, until the test ends."""
        for name, value in names.items():
            self.addCleanup(setattr, tool, name, getattr(tool, name))
            setattr(tool, name, value)

    def fails(self, tool, words, *args):
        """One line on stderr that has the words, nothing else, status 1."""
        status, out, err = run(tool, *args)
        self.assertRegex(err, r'\A%s: [^\n]*\n\Z' % tool.PROG)
        self.assertIn(words, err)
        self.assertEqual((status, out), (1, ''))

    def copies(self, figures=None, **texts):
        """A directory as debugfs has it."""
        where = self.dir / 'debugfs'
        where.mkdir(exist_ok=True)
        (where / 'json').write_text(json.dumps(figures or FIGURES))
        for name, text in (texts or TEXTS).items():
            (where / name).write_text(text)
        return where

    def recording(self, *lines, name='one.jsonl'):
        path = self.dir / name
        path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
        return path

    def page(self, *args):
        """The text of a page, and where it is."""
        path = self.dir / 'page.html'
        status, _, err = run(report, '-o', path, *args)
        self.assertEqual(status, 0, err)
        return path.read_text(), path

    def data(self, *args):
        text, _ = self.page(*args)
        return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


@functools.lru_cache(None)
def million():
    """A page of a snapshot with 1,000,000 spans; made once, for it takes seconds."""
    where = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, where)
    titles, heads = (''.join(TEXTS[name].splitlines(True)[:2])
                     for name in ('spans', 'arenas'))
    rows = ''.join('%%s%03x 0 central 1 %d %d 0 malloc-%d 9 %%s %d\n' % (
        i, 64 << i % 7, i % 10, 64 << i % 7, i) for i in range(500))
    bases = ['%013x' % i for i in range(2000)]
    (where / 'json').write_text(json.dumps(FIGURES))
    (where / 'spans').write_text(titles + ''.join(
        rows.replace('%s', base) for base in bases))
    (where / 'arenas').write_text(heads + ''.join(
        '%s 500 12 1 512\n' % base for base in bases))
    status, _, err = run(report, '-o', where / 'page.html', '--dir', where)
    assert status == 0, err
    return where / 'page.html'


def open_page(*args):
    """A browser that shows a page of goslab-report, and how to end with it."""
    where = tempfile.mkdtemp()
    path = pathlib.Path(where, 'page.html')
    status, _, err = run(report, '-o', path, *args)
    assert status == 0, err
    shown = browser.Browser()
    shown.open(path)
    return shown, lambda: (shown.close(), shutil.rmtree(where))
