#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""test-drgn.py DIR MODULES - tests goslab-drgn on the dumps that drgn.sh made.

DIR/dump has the dumps, DIR/out what the guest's debugfs said at these moments, MODULES
goslab.ko and its clients. Prints KTAP: "ok N name" or "not ok N name", above it what is
wrong. Ends with 1 if a test failed.
"""
import collections
import importlib.machinery
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
from cases import equal, run_cases

SCRIPTS = pathlib.Path(__file__).resolve().parent
TOOL = SCRIPTS / 'goslab-drgn'
DIR, MODULES = (pathlib.Path(arg) for arg in sys.argv[1:])
KO = MODULES / 'goslab.ko'


def load(path):
    loader = importlib.machinery.SourceFileLoader('goslab_drgn', str(path))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('goslab_drgn', loader))
    loader.exec_module(module)
    return module


tool = load(TOOL)
attached = {}


def goslab(moment):
    if moment not in attached:
        attached[moment] = tool.attach(tool.open_core(str(DIR / 'dump' / moment)), str(KO))
    return attached[moment]


def run(*args, program=(TOOL,)):
    """(status, stdout, stderr) of the tool in a process of its own."""
    done = subprocess.run([*program, *map(str, args)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def said(moment, *args):
    status, out, err = run('-c', DIR / 'dump' / moment, '-m', KO, *args)
    equal((status, err), (0, ''))
    return [line.split() for line in out.splitlines()]


def debugfs(moment, name, words=0):
    """The rows of a file, without titles; those with so many words."""
    rows = [line.split() for line in (DIR / 'out' / moment / name).read_text().splitlines()
            if not line.startswith('#') and 'version' not in line]
    return [row for row in rows if row and (not words or len(row) == words)]


def fails(words, *args, program=(TOOL,)):
    """One line that has the words, nothing else, status 1."""
    status, out, err = run(*args, program=program)
    if words not in err or not re.fullmatch(r'goslab-drgn: [^\n]*\n', err):
        raise AssertionError('said %r, not %r' % (err, words))
    equal((status, out), (1, ''))


# The figures of debugfs, out of memory.

def test_heaps():
    """The default heap and that of a client: objects, bytes, whose it is."""
    wanted = {row[0]: (row[4], row[5], row[7]) for row in debugfs('loaded', 'heaps', 8)}
    equal(len(wanted), 2)
    equal({row[1]: (row[4], row[5], row[6]) for row in said('loaded', 'heaps')[1:]}, wanted)


def test_classes():
    """Live objects of each cache and of each class of malloc that has any."""
    wanted = {row[0]: row[1] for row in debugfs('loaded', 'caches') if row[1] != '0'}
    # caches leaves out the classes of heaps and large objects.
    found = {row[1]: row[5] for row in said('loaded', 'classes')[1:]}
    equal({name: found.get(name) for name in wanted}, wanted)
    equal(found['large'], '10')
    assert len(wanted) >= 6 and any(name.startswith('charge-heap') for name in found)


def test_modules():
    for moment, state in (('loaded', 'loaded'), ('gone', 'gone')):
        wanted = sorted([row[0], row[1], state, row[2]]
                        for row in debugfs(moment, 'owners') if row[0] != '0')
        equal(sorted(said(moment, 'modules')[1:]), wanted)


def test_leaks():
    """What modules own, by the place of allocation: as callsites has it."""
    for moment, owners in (('loaded', ['goslab_leak', 'goslab_charge']), ('gone', [])):
        wanted, found = collections.Counter(), collections.Counter()
        for size, n, _, module, place in (
                line.split(maxsplit=4) for line in
                (DIR / 'out' / moment / 'callsites').read_text().splitlines()[2:]):
            if n != '0':
                wanted[module, place] += int(size)
        for row in said(moment, 'leaks', *owners):
            if row[0] == 'module':
                module = row[1]
            elif row[0] != 'OBJECTS':
                found[module, ' '.join(row[5:])] += int(row[1])
        equal(found, wanted)
        assert len(wanted) >= 6, wanted
    equal(' '.join(said('gone', 'leaks')[0]),
          'module goslab_leak (gone) has 37 objects of 416240 bytes')
    equal(' '.join(said('loaded', 'leaks')[0]),
          'no module that has gone has left objects behind')


def test_objects():
    """Those of a cache, of a heap, of a module, and no more than asked for."""
    equal(len(said('loaded', 'objects', '-C', 'leak')), 1 + 5)
    equal(len(said('loaded', 'objects', '-M', 'goslab_leak')), 1 + 37)
    heap = {row[0]: int(row[4]) for row in debugfs('loaded', 'heaps', 8)}
    equal(len(said('loaded', 'objects', '-H', 'charge-heap')), 1 + heap['charge-heap'])
    equal(len(said('loaded', 'objects', '-n', '3')), 1 + 3)
    for row in said('loaded', 'objects', '-C', 'leak')[1:]:
        equal(row[1:5], ['304', 'leak', 'default', 'goslab_leak'])
        assert row[5].startswith('lose_in_cache+0x') and row[6] == '[goslab_leak]', row


# Addresses.

def test_find():
    """Each byte at an end of a live object leads to it, its neighbours do not."""
    gs, n = goslab('loaded'), 0
    for live in gs.objects():
        for offset in (0, 1, live.size - 1):
            found = gs.find(live.address + offset)
            equal((found.live.address, found.offset, found.live.owner, found.state),
                  (live.address, offset, live.owner, 'live'))
        for beside in (live.address - 1, live.address + live.size):
            found = gs.find(beside)
            assert not found or not found.live or found.live.address != live.address
        n += 1
    equal(n, sum(int(row[0]) for row in debugfs('loaded', 'owners')))


def test_find_says():
    address = said('loaded', 'objects', '-C', 'leak')[1][0]
    lines = [' '.join(line) for line in said('loaded', 'find', '%x' % (int(address, 16) + 17))]
    equal(lines[0], '%#x: an object, byte 17 of it' % (int(address, 16) + 17))
    equal(lines[1:3], ['object %s size 304 live' % address, 'module goslab_leak (loaded)'])
    assert re.fullmatch(r'site lose_in_cache\+\S+ \[goslab_leak\] cpu=\d pid=\d+', lines[3])
    equal(lines[4], 'class leak, heap default')
    assert re.fullmatch(r'span 0x\w+, 1 pages of 8192 bytes, small, node 0', lines[5])


def test_find_nothing():
    gs = goslab('loaded')
    for address in (0, gs.radix.base.value_() - 1, (1 << 64) - 1,
                    gs.radix.base.value_() + gs.radix.size.value_(),
                    gs.static('gs_radix').address_):
        equal(gs.find(address), None)
    equal(' '.join(said('loaded', 'find', '0x10')[0]), '0x10: not of goslab')


def test_find_freed():
    """Objects that are free, and pages of the heap without a span."""
    gs, kinds = goslab('loaded'), collections.Counter()
    for base, table in gs.arenas():
        for i, span in enumerate(table):
            if span != gs.no_span:
                found = gs.find(base + (i << tool.PAGE_SHIFT))
                kinds[found.what, found.state] += 1
                equal(found.live is not None, found.state == 'live')
    for kind in (('free pages', None), ('an object', 'live')):
        assert kinds[kind], kinds
    assert kinds['an object', 'cached'] + kinds['an object', 'free'], kinds


def test_tiny():
    """A block with 8 bytes, 3 bytes and an open rest; see goslab/front/tiny.c."""
    mask = (1 << 0 | 1 << 16 + 7) + (1 << 8 | 1 << 16 + 10) + (1 << 12)

    def value(n):
        return types.SimpleNamespace(value_=lambda: n)

    span = types.SimpleNamespace(cap=value(512), objects=types.SimpleNamespace(address_=41))
    # 41 + 512, aligned, and two bitmaps of 64 bytes: the mask of block 2.
    place = 560 + 2 * 64 + 4 * 2
    gs = types.SimpleNamespace(order='<', prog=types.SimpleNamespace(
        read=lambda address, n: mask.to_bytes(n, 'little') if address == place else None))
    equal([tool.Goslab.tiny(gs, span, 2, byte) for byte in (0, 7, 8, 10, 11, 12, 15)],
          [(0, 8), (0, 8), (8, 11), (8, 11), None, None, None])


def test_constants():
    text = (SCRIPTS.parent / 'goslab' / 'base' / 'layout.h').read_text()
    for name, value in (('GS_PAGE_SHIFT', tool.PAGE_SHIFT), ('GS_TINY_BLOCK', tool.TINY_BLOCK)):
        equal(re.search(r'#define %s\s+(\d+)' % name, text)[1], str(value))


# How it is run, and errors.

def test_inside_drgn():
    """As a script of drgn, whose program it takes."""
    args = ['-m', KO, 'heaps']
    status, out, _ = run('-c', DIR / 'dump' / 'loaded', TOOL, *args, program=('drgn',))
    equal((status, out), run('-c', DIR / 'dump' / 'loaded', *args)[:2])


def test_other_module():
    dump = DIR / 'dump' / 'loaded'
    fails('no goslab.ko with debug', '-c', dump, '-m', MODULES / 'goslab_leak.ko', 'heaps')
    fails('No such file', '-c', dump, '-m', '/none.ko', 'heaps')
    with tempfile.NamedTemporaryFile(suffix='.ko') as file:
        subprocess.run(['objcopy', '-g', KO, file.name], check=True)
        fails('no goslab.ko with debug', '-c', dump, '-m', file.name, 'heaps')
        image = bytearray(KO.read_bytes())
        note = next(offset for name, _, offset, _ in tool.sections_of(bytes(image))
                    if name == '.note.gnu.build-id')
        image[note + 20] ^= 1
        pathlib.Path(file.name).write_bytes(image)
        fails('another build ID', '-c', dump, '-m', file.name, 'heaps')


def test_other_dump():
    fails('No such file', '-c', '/none', '-m', KO, 'heaps')
    fails(str(KO), '-c', KO, '-m', KO, 'heaps')
    # Without goslab: the name of its module is another one.
    path = DIR / 'dump' / 'without'
    memory = (DIR / 'dump' / 'gone').read_bytes()
    module = tool.find_module(tool.open_core(str(DIR / 'dump' / 'gone')),
                              goslab('gone').prog)
    name = bytes(module.name)[:16]
    path.write_bytes(memory.replace(name, b'another' + name[7:]))
    fails('goslab is not loaded in this dump', '-c', path, '-m', KO, 'heaps')


def test_without_drgn():
    fails('apt-get install python3-drgn', 'heaps', program=('/usr/bin/python3', '-S', TOOL))


run_cases(globals())
