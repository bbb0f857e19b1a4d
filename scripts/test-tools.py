#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test-tools.py [NAME...] - tests of the tools that "make install-tools" installs.

Prints KTAP: "ok N name" or "not ok N name", below what is wrong. With names only
the tests that have one of them in theirs. Ends with 1 if a test failed. Needs no
kernel: the debugfs files are those in scripts/fixtures/tools.
"""
import contextlib
import importlib
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
SCRIPTS = pathlib.Path(__file__).resolve().parent
TOP = SCRIPTS.parent
FIXTURES = SCRIPTS / 'fixtures' / 'tools'
FILES = FIXTURES / 'debugfs'
TOOL = SCRIPTS / 'goslabtop'
MAN = TOP / 'Documentation' / 'man' / 'goslabtop.8'
sys.path.insert(0, str(SCRIPTS))
Terminal = importlib.import_module('terminal').Terminal


def load(path):
    """A script as a module, whatever its name ends with."""
    loader = importlib.machinery.SourceFileLoader(path.name, str(path))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(path.name, loader))
    loader.exec_module(module)
    return module


top = load(TOOL)
docs = load(SCRIPTS / 'check-docs.py')


def run(*args):
    """(status, stdout, stderr) of goslabtop in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = top.main([str(arg) for arg in args])
        except SystemExit as end:
            status = end.code or 0
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return status, out.getvalue(), err.getvalue()


def once(*args, root=FILES):
    status, out, err = run('-o', '-r', root, *args)
    assert (status, err) == (0, ''), err
    return out


def table(text):
    """The rows below the titles, as lists of words."""
    return [line.split() for line in text.split('\n\n')[1].splitlines()[1:]]


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def copy(self, name='copy'):
        """A copy of the debugfs files that a test may change."""
        return pathlib.Path(shutil.copytree(FILES, self.dir / name))

    def patch(self, **names):
        """Other values for globals of the tool, until the test ends."""
        for name, value in names.items():
            self.addCleanup(setattr, top, name, getattr(top, name))
            setattr(top, name, value)

    def fails(self, words, *args):
        """One line on stderr that has the words, nothing else, status 1."""
        status, out, err = run(*args)
        self.assertRegex(err, r'\Agoslabtop: [^\n]*\n\Z')
        self.assertIn(words, err)
        self.assertEqual((status, out), (1, ''))


class Fixtures(Case):
    """The files are what the kernel prints."""

    FORMATS = (('class_row', 'classes', r' +\w+ +\d'), ('cache_row', 'caches', r'\w'),
               ('gs_owners_show', 'owners', r' +\d'), ('show_cpu', 'mcaches', r' +\d'),
               ('heap_row', 'heaps', r'(\S+ +){7}\S+$'),
               ('module_rows', 'heaps', r'\w\S* +(\d+ +){2}\S+$'))

    def test_fixture_formats(self):
        source = ''.join(path.read_text() for path in
                         (TOP / 'goslab' / 'watch').glob('*.c'))
        for function, name, row in self.FORMATS:
            form = ''.join(text for text in docs.literals(source, function)
                           if '%' in text).replace(r'\n', '')
            form = re.sub(r'%(-?\d*)(?:ll|l|z)?[du]', r'%\1d', form)
            lines = [line for line in (FILES / name).read_text().splitlines()[1:]
                     if re.match(row, line) and line[0] != '#']
            self.assertTrue(lines, function)
            for line in lines:
                words = [(what, word) for what, word in
                         zip(form.split(), line.split()) if what[0] == '%']
                self.assertEqual(form % tuple(
                    int(word) if what[-1] == 'd' else word
                    for what, word in words), line)

    def test_fixture_names(self):
        known = docs.printed()
        for name in top.FORMATS:
            titles = [line for line in (FILES / name).read_text().splitlines()
                      if line.startswith('#') or ' class ' in line]
            words = set(re.findall(r'[a-z_]+', re.sub(
                r': (tunables|slabdata)', '', ' '.join(titles)))) - {'name'}
            self.assertEqual(words, known[name] - {'name'}, name)
        self.assertEqual(set(re.findall(r'^\w+', (FILES / 'stats').read_text(),
                                        re.M)), known['stats'])

    def test_fixture_sums(self):
        """I5, and what the memory lines leave out: nothing."""
        stats = top.parse_stats((FILES / 'stats').read_text())
        self.assertEqual(stats['bytes_held'],
                         sum(stats[part] for part in top.PARTS))
        sizes = [float(size) for line in once().splitlines()
                 if re.match(' (Live|Cached)', line)
                 for size in re.findall(r'([\d.]+)K', line)]
        live, held, _, *parts = sizes
        self.assertAlmostEqual(held, live + sum(parts), delta=0.05)


class Once(Case):
    """What --once prints."""

    # The first row for each letter, the view's own order for the others.
    FIRST = {
        'class': ('cache', {'a': 'cache', 'b': '1', 'c': 'cache', 'l': 'cache',
                            'v': 'cache', 'n': '0', 'o': 'cache', 'p': '65',
                            's': '67', 'u': '0'}),
        'cache': ('flow_key', {'a': 'flow_key', 'b': 'malloc-16',
                               'c': 'flow_entry', 'l': 'flow_entry',
                               'v': 'flow_entry', 'n': 'flow_entry',
                               'o': 'flow_key', 'p': 'probe_ring',
                               's': 'probe_ring', 'u': 'journal-4096'}),
        'heap': ('default', {'a': 'default', 'c': 'default', 'n': 'default',
                             'u': 'journal'}),
        'module': ('flow_engine', {'a': 'flow_engine', 'c': 'flow_engine',
                                   'n': 'blk_journal', 's': 'blk_journal'}),
        'cpu': ('0', {'c': '0', 'l': '0', 'n': '0', 'o': '0', 'u': '2',
                      'v': '0'}),
    }

    def test_views(self):
        for view in top.VIEWS:
            want = (FIXTURES / ('goslabtop-%s.txt' % view)).read_text()
            self.assertEqual(once('-w', view), want, view)
            titles = want.split('\n\n')[1].split('\n')[0]
            self.assertLessEqual(len(titles.split(' MADE BY')[0]), 80, view)
        self.assertEqual(once(), once('--view=cache'))

    def test_sort_letters(self):
        for view, (own, first) in self.FIRST.items():
            keys = [column[0] for column in top.VIEWS[view].columns]
            plain = once('-w', view)
            for letter, key in top.SORTS.items():
                text = once('-w', view, '-s', letter)
                names = [row[keys.index('name')] for row in table(text)]
                self.assertEqual(names[0], first.get(letter, own),
                                 view + letter)
                if letter not in first:
                    self.assertEqual(text, plain, view + letter)
                elif key in keys and letter != 'n':
                    figures = [float(row[keys.index(key)].rstrip('K%'))
                               for row in table(text)
                               if row[keys.index(key)] != '-']
                    self.assertEqual(figures, sorted(figures, reverse=True))

    def test_names_in_order(self):
        names = [row[-1] for row in table(once('-s', 'n'))]
        self.assertLess(names.index('malloc-64'), names.index('malloc-192'))
        self.assertEqual([row[-1] for row in table(once('-w', 'class', '-sn'))],
                         [str(i) for i in range(68)] + ['cache', 'heap', 'tiny'])

    def test_large_of_heap(self):
        """Objects of several sizes: the file says 0, we say nothing."""
        root = self.copy()
        with open(root / 'caches', 'a') as file:
            file.write('scratch-large         65     65      0    0    0 : tunables    0'
                       '    0    0 : slabdata     65     65      0\n')
        row, = (row for row in table(once(root=root)) if row[-1] == 'scratch-large')
        self.assertEqual(row, ['65', '65', '100%', '-', '65', '-', '-', 'scratch-large'])
        last = table(once('-s', 'c', root=root))[-1]
        self.assertEqual(last[-1], 'scratch-large')

    def test_human(self):
        text = once('--human', '-w', 'heap')
        self.assertIn(': 2.8M / 5.4M / 6.0M\n', text)
        self.assertRegex(text, r'650 +105\.6K +128\.0K +82% +168\.0K +256\.0K')
        self.assertEqual([top.size_text(size, True) for size in
                          (0, 1023, 1024, 5 << 30, 3 << 50)],
                         ['0B', '1023B', '1.0K', '5.0G', '3072.0T'])

    def test_cache_size(self):
        """It is what classes says, longer spans and large pages or not."""
        exact = {row[3]: row[6] for row in table(once('-w', 'class'))
                 if row[10] not in ('0', 'cache', 'heap', 'tiny')}
        for pages in (top.KERNEL_PAGE, 4096, 65536):
            self.patch(KERNEL_PAGE=pages)
            for row in table(once()):
                if row[7] in ('malloc-1024', 'malloc-1792', 'noscan-8192'):
                    self.assertEqual(row[6], exact[row[3]], row)

    def test_nothing_allocated(self):
        root = self.copy()
        for name in ('caches', 'owners'):
            lines = (root / name).read_text().splitlines()
            (root / name).write_text('\n'.join(
                lines[:2 if name == 'caches' else 3]) + '\n')
        self.assertIn('Objects (% used)    : 0 / 0 (0.0%)', once(root=root))
        self.assertEqual(table(once('-w', 'module', root=root)),
                         [['0', '0K', '0%', '-', 'goslab_replay']])

    def test_new_columns(self):
        """Columns that a later goslab adds at the end change nothing."""
        root = self.copy()
        for name in top.FORMATS:
            lines = (root / name).read_text().splitlines()
            (root / name).write_text('\n'.join(
                line + ' more' if line and 'version' not in line else line
                for line in lines) + '\n')
        with open(root / 'stats', 'a') as file:
            file.write('more: 1\n')
        for view in top.VIEWS:
            self.assertEqual(once('-w', view, root=root), once('-w', view))

    def test_hostile_names(self):
        root = self.copy()
        owners = (FILES / 'owners').read_bytes()
        (root / 'owners').write_bytes(
            owners.replace(b'net_probe', b'\x1b[2J\xe9'))
        self.assertIn(' ?[2J?\n', once('-w', 'module', root=root))

    def test_pipe(self):
        """A reader that goes away ends it without a word."""
        script = 'set -o pipefail; python3 "$1" -o -r "$2" -w class | true'
        said = subprocess.run(['bash', '-c', script, '-', TOOL, FILES],
                              capture_output=True, check=False)
        self.assertEqual((said.stdout, said.stderr), (b'', b''))


class Errors(Case):
    """One line that says what to do."""

    def test_options(self):
        self.fails("invalid choice: 'x'", '-s', 'x')
        self.fails("invalid choice: 'node'", '-w', 'node')
        self.fails('a number above 0', '-d', '0')
        self.fails('a number above 0', '-d', 'nan')
        self.fails('see goslabtop --help', '--sideways')

    def test_no_copy(self):
        self.fails('/stats: No such file or directory; --root takes copies from '
                   '/sys/', '-o', '-r', self.dir / 'none')
        root = self.copy()
        for view in top.VIEWS.values():
            os.remove(root / view.file)
        for name, view in top.VIEWS.items():
            self.fails('/%s: No such file' % view.file, '-o', '-w', name, '-r',
                       root)
        self.fails('Not a directory; --root', '-o', '-r', root / 'stats')

    def test_not_mounted(self):
        self.patch(DEBUGFS=str(self.dir), ROOT=str(self.dir / 'goslab'))
        self.fails('not mounted; do: mount -t debugfs none ', '-o')

    def test_not_loaded(self):
        self.patch(DEBUGFS='/', ROOT='/no-goslab-here')
        self.fails('goslab is not loaded; do: insmod goslab.ko', '-o')

    def test_other_goslab(self):
        root = self.copy()
        os.remove(root / 'heaps')
        self.patch(ROOT=str(root))
        self.fails('heaps: no such file: not a format', '-o', '-w', 'heap',
                   '-r', root)

    def test_no_permission(self):
        root = self.copy()
        os.chmod(root, 0)
        self.addCleanup(os.chmod, root, 0o700)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            if not os.geteuid():
                os.setuid(65534)
            os.write(theirs, json.dumps(run('-o', '-r', root)).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(theirs)
        with open(ours) as file:
            status, out, err = json.load(file)
        self.assertEqual((status, out, err), (
            1, '', 'goslabtop: %s/stats: Permission denied; run goslabtop as '
            'root\n' % root))

    def test_lockdown(self):
        self.patch(os=type('', (), dict(vars(os), geteuid=lambda: 0)))
        error = top.explain('/d', 'stats', PermissionError(1, 'Not permitted'))
        self.assertIn('/d/stats: Not permitted; kernel lockdown', str(error))

    def test_versions(self):
        for name, view in (('caches', 'cache'), ('heaps', 'heap'),
                           ('owners', 'module'), ('mcaches', 'cpu')):
            root = self.copy(name)
            text = (root / name).read_text()
            (root / name).write_text(re.sub(r'(version: \d\.)\d', r'\g<1>9', text))
            self.fails('%s: first line "' % name, '-o', '-w', view, '-r', root)

    def test_formats(self):
        for name, view, old, new, words in (
                ('classes', 'class', 'live', 'alive', 'no column "live"'),
                ('classes', 'class', '1536', '15x6', 'row "6 64 12 15x6 1094'),
                ('owners', 'module', ' net_probe', '', 'row "453 87392"'),
                ('heaps', 'heap', '\n\n', '\n', 'heaps: '),
                ('stats', 'cpu', 'bytes_tails', 'tails', 'no line "bytes_tails:"')):
            root = self.copy(words.split()[-1].strip('"'))
            text = (root / name).read_text()
            (root / name).write_text(text.replace(old, new))
            status, out, err = run('-o', '-w', view, '-r', root)
            self.assertEqual((status, out), (1, ''))
            self.assertIn(words, re.sub(' +', ' ', err))
            self.assertRegex(err, r'\A[^\n]*not a format[^\n]*\n\Z')

    def test_no_terminal(self):
        said = subprocess.run([TOOL, '-r', FILES], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        self.assertEqual((said.returncode, said.stdout, said.stderr), (
            1, '', 'goslabtop: the live view needs a terminal; use --once\n'))


class Live(Case):
    """The live view in a terminal of its own."""

    # The second argument stands for /sys/kernel/debug/goslab.
    RUNNER = '''
import sys
top = {'__name__': 'top'}
exec(open(sys.argv[1]).read(), top)
top.update(ROOT=sys.argv[2], DEBUGFS='/')
%s
sys.exit(top['main'](['-r', sys.argv[2]] + sys.argv[3:]))
'''

    def start(self, *args, term='vt100', before=''):
        self.root = self.copy()
        self.tty = Terminal([sys.executable, '-c', self.RUNNER % before, TOOL,
                             self.root, *args], term=term)
        self.addCleanup(self.tty.close)
        if term == 'vt100' and not before:
            self.first('flow_key')

    def first(self, name):
        """This name is in the first row below the titles."""
        self.tty.sees(r'(NAME|CLASS|HEAP|MODULE|CPU|MODULES) *\n.* %s\b' % name)

    def rename(self):
        """What goslab knows changes."""
        path = self.root / 'caches'
        path.write_text(path.read_text().replace('flow_key ', 'flow_new '))

    def quits(self):
        self.tty.type('q')
        self.assertEqual(self.tty.end(), (0, '', True))

    def test_live_keys(self):
        self.start('-d', '600')
        self.assertNotEqual(self.tty.state(), self.tty.before)
        self.tty.shows(once().splitlines()[:24])
        for key, name in (('s', 'probe_ring'), ('C', 'flow_entry'),
                          ('b', 'malloc-16'), ('u', 'journal-4096'),
                          ('?', 'journal-4096'), ('\x1bOA', 'journal-4096'),
                          ('1', '0'), ('2', 'journal-4096'),
                          ('3', 'journal'), ('\t', 'flow_engine'),
                          ('5', '2'), ('n', '0'), ('\t', '0'),
                          ('2', 'flow_entry'), ('o', 'flow_key')):
            self.tty.type(key)
            self.first(name)
        self.quits()

    def test_live_refresh(self):
        self.start('-d', '600')
        self.rename()
        self.tty.type('s')
        self.first('probe_ring')
        self.tty.type('o')
        self.first('flow_key')
        self.tty.type(' ')
        self.first('flow_new')
        self.tty.type('Q')
        self.assertEqual(self.tty.end(), (0, '', True))

    def test_live_delay(self):
        self.start('-d', '0.1')
        self.rename()
        self.first('flow_new')
        self.quits()

    def test_live_resize(self):
        self.start('-d', '600')
        lines = once().splitlines()
        for height, width in ((12, 40), (9, 200), (2, 3), (1, 1), (40, 120)):
            self.tty.resize(height, width)
            self.tty.shows([line[:width].rstrip() for line in lines[:height]])
        self.quits()

    def test_live_resize_before_wait(self):
        """It is seen although ncurses does not wake up for it."""
        self.start('-d', '600', before="""
import fcntl, struct, termios
def wait_key(screen, due, wait=top['wait_key'], done=[]):
    if not done:
        done.append(fcntl.ioctl(0, termios.TIOCSWINSZ,
                                struct.pack('4H', 3, 20, 0, 0)))
    return wait(screen, due)
top['wait_key'] = wait_key
""")
        self.tty.screen.resize(3, 20)
        self.tty.shows([line[:20] for line in once().splitlines()[:3]])
        self.quits()

    def test_live_signals(self):
        for send, status in ((lambda: self.tty.type('\x03'), 0),
                             (lambda: self.tty.child.terminate(),
                              128 + signal.SIGTERM)):
            self.start('-d', '600', term='xterm')
            self.tty.sees(r'\x1b\[\?1049h(.|\n)*NAME', raw=True)
            send()
            self.assertEqual(self.tty.end(), (status, '', True))
            self.assertIn('\x1b[?1049l', self.tty.raw)
            shutil.rmtree(self.root)

    def test_live_unloaded(self):
        self.start('-d', '0.1', term='xterm')
        self.tty.sees('NAME', raw=True)
        shutil.rmtree(self.root)
        self.assertEqual(self.tty.end(), (
            1, 'goslabtop: goslab was unloaded; do: insmod goslab.ko\n', True))
        self.assertIn('\x1b[?1049l', self.tty.raw)

    def test_live_other_format(self):
        self.start('-d', '600')
        (self.root / 'heaps').write_text('heaps - version: 2.0\n')
        self.tty.type('3')
        status, err, restored = self.tty.end()
        self.assertRegex(err, r'\Agoslabtop: heaps: first line .*\n\Z')
        self.assertEqual((status, restored), (1, True))

    def test_live_odd_terminal(self):
        self.start(term='no-such-terminal')
        status, err, restored = self.tty.end()
        self.assertRegex(err, r'\Agoslabtop: terminal "no-such-terminal": .*\n\Z')
        self.assertEqual((status, restored), (1, True))


class Install(Case):
    """What stands beside the tool."""

    def options(self):
        return [name for action in top.make_parser()._actions
                for name in action.option_strings]

    def test_help(self):
        status, out, err = run('--help')
        self.assertEqual((status, err), (0, ''))
        for letter in top.SORTS:
            self.assertRegex(out, r'\b%s: \w' % letter)
        self.assertEqual(run('-V'), (0, 'goslabtop 1.0\n', ''))

    def test_man_page(self):
        text = MAN.read_text().replace('\\-', '-')
        for name in self.options() + list(top.VIEWS):
            self.assertRegex(text, r'(?m)^\.BR?( .*)? ?%s\b' % re.escape(name))
        for name in ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'KEYS', 'FILES',
                     'EXIT STATUS', 'SEE ALSO'):
            self.assertIn('\n.SH %s\n' % name, text)
        for view in top.VIEWS.values():
            self.assertIn(view.file, text)
            for _, title, _ in view.columns:
                self.assertRegex(text, r'[\s"]%s\b' % re.escape(title.strip()))
        if shutil.which('groff'):
            said = subprocess.run(['groff', '-man', '-t', '-ww', '-z', MAN],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((said.returncode, said.stderr), (0, ''))

    def complete(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
            '_goslabtop; printf "%s\\n" "${COMPREPLY[@]}"'
        path = SCRIPTS / 'completion' / 'goslabtop.bash'
        return subprocess.run(['bash', '-c', script, '-', path, 'goslabtop', *words],
                              capture_output=True, text=True,
                              check=True).stdout.split()

    def test_completion(self):
        self.assertEqual(sorted(self.complete('-')), sorted(self.options()))
        self.assertEqual(self.complete('-w', ''), list(top.VIEWS))
        self.assertEqual(self.complete('--view', 'c'), ['class', 'cache', 'cpu'])
        self.assertEqual(self.complete('-s', ''), list(top.SORTS))
        self.assertEqual(self.complete('-d', ''), [])

    def test_drgn_pages(self):
        """goslab-drgn: man page and completion have its commands and options."""
        drgn = load(SCRIPTS / 'goslab-drgn')
        parser = drgn.make_parser()
        commands = next(action.choices for action in parser._actions
                        if isinstance(action.choices, dict))
        page = SCRIPTS.parent / 'Documentation' / 'man' / 'goslab-drgn.8'
        text = page.read_text().replace('\\-', '-')
        names = {name for each in [parser, *commands.values()]
                 for action in each._actions for name in action.option_strings}
        for name in names:
            self.assertRegex(text, r'(?m)^\.BR? .*%s\b' % re.escape(name))
        for name in commands:
            self.assertRegex(text, r'(?m)^\.BR? "?%s\b' % name)
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); ' \
            '_goslab_drgn; printf "%s\\n" "${COMPREPLY[@]}"'

        def complete(*words):
            return set(subprocess.run(
                ['bash', '-c', script, '-', SCRIPTS / 'completion' / 'goslab-drgn.bash',
                 'goslab-drgn', *words], capture_output=True, text=True,
                check=True).stdout.split())

        def options(parser):
            return {name for action in parser._actions for name in action.option_strings}

        self.assertEqual(complete('-'), options(parser))
        self.assertEqual(complete(''), set(commands))
        for name, command in commands.items():
            self.assertEqual(complete(name, '-'), options(command))
        self.assertEqual(complete('objects', '-M', ''), set())
        if shutil.which('groff'):
            said = subprocess.run(['groff', '-man', '-ww', '-z', page],
                                  capture_output=True, text=True, check=False)
            self.assertEqual((said.returncode, said.stderr), (0, ''))

    @unittest.skipUnless(shutil.which('make'), 'make is not there')
    def test_install(self):
        subprocess.run(['make', '-s', '-C', TOP, 'install-tools', 'PREFIX=/usr',
                        'DESTDIR=%s' % self.dir], check=True,
                       stdout=subprocess.DEVNULL)
        files = {str(path.relative_to(self.dir)): oct(path.stat().st_mode)[-3:]
                 for path in self.dir.rglob('*') if path.is_file()}
        tools = re.search(r'^TOOLS = (.*)', (TOP / 'Makefile').read_text(),
                          re.M)[1].split()
        self.assertIn('goslabtop', tools)
        self.assertEqual(files, {path % tool: mode for tool in tools
                                 for path, mode in (
            ('usr/bin/%s', '755'), ('usr/share/man/man8/%s.8', '644'),
            ('usr/share/bash-completion/completions/%s', '644'))} | {
                'usr/share/goslab/' + path.name: '644' for path in
                (SCRIPTS / 'report').glob('*.*')})

    def test_documentation(self):
        """tools.rst shows what is printed."""
        text = (TOP / 'Documentation' / 'tools.rst').read_text()
        examples = re.findall(r'^    # goslabtop (-o.*)\n((?:    .*\n|\n)+)', text,
                              re.M)
        self.assertTrue(examples)
        for args, shown in examples:
            shown = re.sub('^    ', '', shown, flags=re.M).rstrip()
            printed = once(*args.split()).rstrip()
            if shown.endswith('\n...'):
                shown = shown[:-len('...')]
                printed = printed[:len(shown)]
            self.assertEqual(shown, printed)


class Ktap(unittest.TestResult):
    """Results as "ok N name"."""

    def say(self, test, bad='', remark=''):
        name = test.id().split('.')[-1].replace('test_', '', 1)
        print('%sok %d %s%s' % ('not ' if bad else '', self.testsRun, name, remark))
        if bad:
            print(re.sub('^', '# ', bad.rstrip(), flags=re.M))

    def addSuccess(self, test):
        self.say(test)

    def addSkip(self, test, reason):
        self.say(test, remark=' # SKIP ' + reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say(test, self.errors[-1][1])


def run_cases(*cases):
    """Runs them, or what the arguments name, and says how they went: 1 for a failure."""
    suite = unittest.TestSuite()
    for case in cases:
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(case):
            if not sys.argv[1:] or any(arg in test.id() for arg in sys.argv[1:]):
                suite.addTest(test)
    print('KTAP version 1\n1..%d' % suite.countTestCases())
    result = suite.run(Ktap())
    return int(not result.wasSuccessful())


if __name__ == '__main__':
    sys.exit(run_cases(Fixtures, Once, Errors, Live, Install))
