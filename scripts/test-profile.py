#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test-profile.py [--quiet] - tests goslab-profile.

Prints "ok N name" or "not ok N name" for each test, below it what is wrong, and
last the counts; --quiet leaves out what is ok. Ends with 1 if a test failed.
The tests of figures against "go tool pprof" are skipped, and counted as that,
where it is not installed.
"""

import contextlib
import decimal
import gzip
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
TOOL = HERE / 'goslab-profile'
FIXTURES = HERE / 'fixtures' / 'profile'
HEAP, BASE = str(FIXTURES / 'heap.txt'), str(FIXTURES / 'base.txt')
KALLSYMS = str(FIXTURES / 'kallsyms.txt')
ALL_TYPES = ['alloc_objects', 'alloc_space', 'inuse_objects', 'inuse_space']
RATE = 524288

# No compiled copy beside the tool.
sys.dont_write_bytecode = True


def tool():
    """goslab-profile as a module: it has no suffix, so import cannot find it."""
    loader = importlib.machinery.SourceFileLoader('goslab_profile', str(TOOL))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('goslab_profile', loader))
    loader.exec_module(module)
    return module


profile = tool()


def equal(found, wanted, what='value'):
    if found != wanted:
        raise AssertionError('%s is %r, not %r' % (what, found, wanted))


def call(*args, stdin=None):
    """Status, output and complaints of a run of the tool.

    In a child of this process: a new interpreter for each run takes longer than
    all the rest.
    """
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin or b'')
        files[0].seek(0)
        child = os.fork()
        if not child:
            for i, file in enumerate(files):
                os.dup2(file.fileno(), i)
            sys.stdout, sys.stderr = (os.fdopen(i, 'w') for i in (1, 2))
            status = 70
            try:
                profile.main(list(args))
                status = 0
            except SystemExit as end:
                status = end.code or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in files:
            file.seek(0)
        return status, files[1].read(), files[2].read().decode()


def output(*args):
    """The output of a run that must succeed and have nothing to say."""
    status, out, said = call(*args)
    equal((status, said), (0, ''), 'status and stderr of ' + ' '.join(args))
    return out


def fails(wanted, *args, stdin=None):
    """A run that must fail with one line, and with the words in it."""
    status, out, said = call(*args, stdin=stdin)
    equal((status, out), (1, b''), 'status and output of ' + ' '.join(args))
    equal(said.count('\n'), 1, 'number of lines of ' + repr(said))
    if wanted not in said:
        raise AssertionError('%r does not say %r' % (said, wanted))


@contextlib.contextmanager
def file_of(text):
    """The name of a file with the text."""
    with tempfile.NamedTemporaryFile('w', prefix='goslab-profile.') as file:
        file.write(text)
        file.flush()
        yield file.name


def bare(path):
    """A profile without its symbol lines."""
    return re.sub(r'^#\t0x.*\n', '', pathlib.Path(path).read_text(), flags=re.M)


def exact(count, size, rate):
    """What @count sampled objects of @size bytes stand for, to 40 digits."""
    with decimal.localcontext() as context:
        context.prec = 40
        chance = 1 - (-decimal.Decimal(size) / rate).exp()
        return int(count / chance), int(count * size / chance)


# A decoder of its own: it shares no line with the encoder.

def fields(data):
    """Field number -> its values in a message: int, or bytes if it has a length."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            length = varint()
            value = data[at:at + length]
            equal(len(value), length, 'length of field %d' % (key >> 3))
            at += length
        else:
            raise AssertionError('wire type %d' % (key & 7))
        found.setdefault(key >> 3, []).append(value)
    return found


def numbers(data):
    """The values of a packed field, signed."""
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            values.append(value - (1 << 64) if value >> 63 else value)
            value = shift = 0
    equal(shift, 0, 'bits left of a packed field')
    return values


def decode(data):
    """A profile.proto as plain dictionaries. Fails where an id leads nowhere."""
    whole = fields(gzip.decompress(data))
    strings = [text.decode() for text in whole[6]]
    equal(strings[0], '', 'string 0')
    equal(len(set(strings)), len(strings), 'number of different strings')
    used = {0}

    def text(message, field):
        index = message.get(field, [0])[0]
        used.add(index)
        return strings[index]

    def table(field):
        items = [fields(item) for item in whole.get(field, [])]
        ids = [item[1][0] for item in items]
        equal(sorted(ids), list(range(1, len(ids) + 1)), 'ids of %d' % field)
        return dict(zip(ids, items))

    def types(field):
        return [(text(item, 1), text(item, 2))
                for item in map(fields, whole[field])]

    mappings = {ident: {'file': text(item, 5), 'start': item.get(2, [0])[0],
                        'limit': item.get(3, [0])[0],
                        'functions': item.get(7, [0])[0]}
                for ident, item in table(3).items()}
    functions = {ident: (text(item, 2), text(item, 3))
                 for ident, item in table(5).items()}
    locations = {}
    for ident, item in table(4).items():
        lines = [fields(line) for line in item.get(4, [])]
        locations[ident] = {
            'address': item.get(3, [0])[0],
            'mapping': mappings[item[2][0]] if 2 in item else None,
            'names': [functions[line[1][0]] for line in lines]}
    samples = []
    for item in map(fields, whole.get(2, [])):
        labels = {}
        for tag in map(fields, item.get(3, [])):
            labels[text(tag, 1)] = tag[3][0] if 3 in tag else text(tag, 2)
        samples.append({'stack': [locations[i] for i in numbers(item[1][0])],
                        'values': numbers(item[2][0]), 'labels': labels})
    result = {'types': types(1), 'period_type': types(11),
              'period': whole[12][0], 'time': whole[9][0],
              'default': strings[whole[14][0]], 'samples': samples,
              'mappings': [mappings[ident] for ident in sorted(mappings)],
              'functions': functions, 'locations': locations}
    used.add(whole[14][0])
    equal(used, set(range(len(strings))), 'strings that are used')
    return result


# The tests; each is called test_NAME, and its name is NAME.

def test_parse():
    found = profile.parse(HEAP, pathlib.Path(HEAP).read_text(), 7)
    equal((found.rate, found.when, len(found.records)), (RATE, 7, 10))
    equal(found.facts['records'], 10)
    record = found.records[1]
    equal(record.values, (36, 36 * 65536, 12, 12 * 65536))
    equal(record.addresses[:2], [0xffffffffc0a5d08e, 0xffffffffc0a5d164])
    equal(record.symbols[0], ('leak_buffer', 'leaky', 0x2e, 0x50))
    equal(record.symbols[2], ('__x64_sys_ioctl', '', 0x8d, 0xd0))
    equal([symbol.name for symbol in found.records[6].symbols[:5]],
          ['entry_alloc'] + 3 * ['leak_tree'] + ['leaky_ioctl'])


def test_parse_odd():
    """What the format allows and the fixture does not have."""
    text = ('heap profile: 1: 8 [2: 16] @ heap/1\n'
            '   1: 8 [2: 16] @\n'
            '0: 0 [1: 8] @ 0xFFFFFFFF81000010\n'
            '#\t0xffffffff81000010\tf.isra.0+0x10/0x20 [mod 0123abcd]\n'
            '#\t0xffffffff81000010\tnot_there+0x1/0x2\n'
            '0: 0 [1: 8] @ 0xffffffff81000020\n'
            '#\t0xffffffff81000020\tnext_one+0x0/0x20\n'
            '# a remark\n')
    found = profile.parse('-', text, 0)
    equal(found.rate, 0)
    equal([r.addresses for r in found.records],
          [[], [0xffffffff81000010], [0xffffffff81000020]])
    equal(found.records[1].symbols[0], ('f.isra.0', 'mod', 0x10, 0x20))
    equal(found.records[2].symbols[0], None, 'name of the function after')


def test_scaling():
    for count, size, rate, wanted in (
            # 1 / (1 - exp(-size / rate)) times count and bytes, worked out apart.
            (1, 512, 524288, (1024, 524544)),
            (37, 512, 524288, (37906, 19408129)),
            (12, 65536, 524288, (102, 6692861)),
            (2, 1048576, 524288, (2, 2425393)),
            (1, 8, 524288, (65536, 524292)),
            (5, 100, 1, (5, 500)), (5, 100, 0, (5, 500)),
            (0, 0, 524288, (0, 0))):
        what = '%d of %d at %d' % (count, size, rate)
        equal(profile.unsampled(count, count * size, rate), wanted, what)
        if rate > 1 and count:
            equal(exact(count, size, rate), wanted, what + ' to 40 digits')
    # No division by zero where the chance is below the precision of a float.
    assert profile.unsampled(1, 8, 1 << 60)[0] == 1 << 57


def test_unbiased():
    """The mean of many scaled samples is what was allocated."""
    rng = random.Random(1)
    for size, rate in ((64, 4096), (4096, 4096), (30000, 4096)):
        chance = 1 - float((-decimal.Decimal(size) / rate).exp())
        allocs, rounds, total = 200, 300, 0
        for _ in range(rounds):
            hits = sum(rng.random() < chance for _ in range(allocs))
            total += profile.unsampled(hits, hits * size, rate)[1]
        mean, true = total / rounds, allocs * size
        error = size * (allocs * (1 - chance) / chance / rounds) ** 0.5
        # Five standard errors, and a byte that rounding down may cost.
        assert abs(mean - true) < 5 * error + 1 + true * 1e-9, (mean, true)


def check_stacks(samples):
    """Order, names and addresses of a stack of the fixture."""
    stack = samples[1]['stack']
    equal([place['names'][0][0] for place in stack],
          ['leak_buffer [leaky]', 'leaky_ioctl [leaky]', '__x64_sys_ioctl',
           'do_syscall_64', 'entry_SYSCALL_64_after_hwframe'])
    equal(stack[0]['names'], [('leak_buffer [leaky]', 'leak_buffer')])
    equal(stack[0]['address'], 0xffffffffc0a5d08d, 'the call, one byte before')
    equal([place['mapping']['file'] for place in stack],
          2 * ['[leaky]'] + 3 * ['[kernel.kallsyms]'])
    for sample in samples:
        for place in sample['stack']:
            where = place['mapping']
            assert where['start'] <= place['address'] < where['limit'], place


def test_proto():
    found = decode(output('-o', '-', HEAP))
    equal(found['types'], [('alloc_objects', 'count'), ('alloc_space', 'bytes'),
                           ('inuse_objects', 'count'), ('inuse_space', 'bytes')])
    equal((found['period_type'], found['period'], found['default']),
          ([('space', 'bytes')], RATE, 'inuse_space'))
    equal(found['time'], os.stat(HEAP).st_mtime_ns, 'time')
    equal([(m['file'], m['functions']) for m in found['mappings']],
          [('[kernel.kallsyms]', 1), ('[flowtab]', 1), ('[leaky]', 1)])
    sums = [0] * 4
    for live, live_bytes, count, size in re.findall(
            r'^(\d+): (\d+) \[(\d+): (\d+)\] @ 0x', pathlib.Path(HEAP).read_text(),
            re.M):
        one = int(size) // int(count)
        wanted = exact(int(count), one, RATE) + exact(int(live), one, RATE)
        assert int(live_bytes) == int(live) * one
        sample = found['samples'].pop(0)
        equal(sample['values'], list(wanted), 'values of size %d' % one)
        equal(sample['labels'], {'bytes': one})
        sums = [a + b for a, b in zip(sums, wanted)]
    equal(found['samples'], [], 'samples past the records')
    equal(sums[3], 72145638, 'sum of live bytes')
    check_stacks(decode(output('-o', '-', HEAP))['samples'])


def test_proto_type():
    found = decode(output('--type', 'alloc_space', '-o', '-', HEAP))
    equal(found['default'], 'alloc_space')


def test_proto_empty():
    text = 'heap profile: 0: 0 [0: 0] @ heap/1048576\n\n# goslab\n# rate = 524288\n'
    with file_of(text) as path:
        status, out, said = call('-o', '-', path)
    equal((status, said.count('nothing was sampled yet')), (0, 1), said)
    found = decode(out)
    equal((found['samples'], len(found['mappings'])), ([], 1))


def test_proto_without_names():
    """Places without a function are called by their address."""
    with file_of(bare(HEAP)) as path, file_of('ffffffff00000000 t f\n') as other:
        found = decode(output('-o', '-', '--kallsyms', other, path))
    place = found['samples'][1]['stack'][0]
    equal(place, {'address': 0xffffffffc0a5d08d, 'mapping': None,
                  'names': [('0xffffffffc0a5d08d', '0xffffffffc0a5d08d')]})
    equal(len(found['functions']), len(found['locations']))


def test_new_files():
    """No profile is overwritten unless its name is said."""
    with tempfile.TemporaryDirectory() as where:
        for name in ('goslab.001.pb.gz', 'goslab.002.pb.gz'):
            done = subprocess.run([sys.executable, str(TOOL), HEAP], cwd=where,
                                  capture_output=True, check=True)
            equal(done.stderr, b'goslab-profile: wrote %s\n' % name.encode())
            decode((pathlib.Path(where) / name).read_bytes())
        said = os.path.join(where, 'said')
        call('-o', said, HEAP)
        call('-o', said, '--folded', HEAP)
        equal(pathlib.Path(said).read_bytes(), output('--folded', HEAP))


def test_kallsyms():
    table = profile.parse_kallsyms(KALLSYMS, pathlib.Path(KALLSYMS).read_text())

    def name(address):
        found = profile.look_up(table, address)
        return found and (found.name, found.module, found.offset)

    equal(name(0xffffffffc0a5d026), ('leak_one', 'leaky', 0x16))
    # It returns to the first byte of leak_and_exit(), but leak_or_die() called.
    equal(name(0xffffffffc0a5d340), ('leak_or_die', 'leaky', 0x40))
    equal(name(0xffffffff81000001), ('startup_64', '', 1), 'the first alias')
    equal(name(0xffffffffc0a4d09c), None, 'name of init code that is gone')
    equal(name(0xffffffffc0a44008), None, 'name of data')
    equal(name(0xfffffffff0000000), None, 'name behind everything')
    equal(name(0), None, 'name of 0')


def test_kallsyms_names():
    """Without symbol lines the names are the same, but for the gone init code."""
    with file_of(bare(HEAP)) as path:
        found = output('--folded', '--kallsyms', KALLSYMS, path).decode()
    equal(found, output('--folded', HEAP).decode().replace(
        'flowtab_init [flowtab]', '0xffffffffc0a4d09b'))


def test_kallsyms_unasked():
    """A profile with names may be another machine's: no kallsyms of this one."""
    text = pathlib.Path(HEAP).read_text().replace(
        '#\t0xffffffffc0a4d09c\tflowtab_init+0x8c/0xf5 [flowtab]\n', '')
    with file_of(text) as path:
        assert b';0xffffffffc0a4d09b;' in output('--folded', path)


def test_hidden():
    """kptr_restrict: of kallsyms, of the profile, of both."""
    zeros = re.sub(r'^\S+', 16 * '0', pathlib.Path(KALLSYMS).read_text(), flags=re.M)
    with file_of(bare(HEAP)) as path, file_of(zeros) as hidden:
        status, out, said = call('--top', '--kallsyms', hidden, path)
    equal((status, said.count('\n'), said.count('kptr_restrict')), (0, 1, 1), said)
    assert b' 0xffffffffc0a5d08d\n' in out, out
    nowhere = re.sub(r'0x[0-9a-f]{16}', '0x0', pathlib.Path(HEAP).read_text())
    with file_of(nowhere) as path:
        equal(output('--folded', path), output('--folded', HEAP))
        found = decode(output('-o', '-', path))
    equal(found['samples'][1]['stack'][0]['names'][0][0], 'leak_buffer [leaky]')
    with file_of(re.sub(r'^#\t.*\n', '', nowhere, flags=re.M)) as path:
        status, out, said = call('--folded', path)
    equal((status, said.count('\n'), said.count('kptr_restrict')), (0, 1, 1), said)
    assert out.startswith(b'0x0;0x0;'), out


def test_folded():
    lines = output('--folded', HEAP).decode().splitlines()
    equal(len(lines), 7, 'stacks with live bytes')
    wanted = ('entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_ioctl;'
              'leaky_ioctl [leaky];leak_buffer [leaky] ')
    # Two sizes of one stack, each scaled for itself.
    value = exact(12, 65536, RATE)[1] + exact(47, 4096, RATE)[1]
    assert wanted + str(value) in lines, lines
    counts = output('--folded', '--type', 'alloc_objects', HEAP).decode()
    equal(len(counts.splitlines()), 8, 'stacks that allocated')
    text = 'heap profile: 1: 8 [1: 8] @ heap/2\n1: 8 [1: 8] @\n'
    with file_of(text) as path:
        equal(output('--folded', path), b'[unknown] 8\n')


def rows(*args):
    """Function -> (flat, flat%, sum%, cum, cum%) of a table."""
    lines = output('--top', *args).decode().splitlines()
    start = [i for i, line in enumerate(lines) if line.split()[:1] == ['flat']][0]
    return {' '.join(line.split()[5:]): tuple(line.split()[:5])
            for line in lines[start + 1:]}


def test_top():
    lines = output('--top', HEAP).decode().splitlines()
    equal(lines[0], 'Type: inuse_space')
    assert lines[1].startswith('Time: '), lines[1]
    equal(lines[2:5], [
        'Showing nodes accounting for 68.80MB, 100% of 68.80MB total',
        '      flat  flat%   sum%        cum   cum%',
        '   29.97MB 43.57% 43.57%    29.97MB 43.57%  leak_buffer [leaky]'])
    found = rows(HEAP)
    equal(list(found)[2:4], ['entry_alloc [flowtab]', 'flow_key_dup [flowtab]'])
    # One that calls itself counts once.
    equal(found['leak_tree [leaky]'], ('0', '0%', '100%', '2MB', '2.91%'))
    equal(found['entry_alloc [leaky]'][0], '2MB', 'of the other module')
    assert 'flow_gc_work [flowtab]' not in found


def test_top_options():
    lines = output('--top', '-n', '3', HEAP).decode().splitlines()
    equal((len(lines), lines[3]), (8, 'Showing top 3 nodes out of 30'))
    found = rows('--type', 'alloc_objects', '-n', '1', HEAP)
    value = str(exact(31, 48, RATE)[0] + exact(19, 96, RATE)[0])
    equal(found, {'flow_key_dup [flowtab]': (value, '47.27%', '47.27%', value,
                                             '47.27%')})


def test_units():
    for value, wanted in ((1, 0), (1023, 0), (1024, 1), (1 << 20, 2), (1 << 62, 5)):
        equal(profile.unit_of(value), wanted, 'unit of %d' % value)
    equal(profile.common_unit([5 << 20, 600 << 10], 6 << 20), 1)
    equal(profile.common_unit([5 << 20, 20 << 10], 6 << 20), 2)
    equal(profile.common_unit([], 0), 0)
    equal([profile.percent(*pair) for pair in
           ((1, 3), (1, 1), (1, 300), (0, 0), (-1, 2), (9996, 10000))],
          ['33.33%', '  100%', ' 0.33%', '    0%', '50.00%', '  100%'])


def test_diff():
    found = rows('--diff', BASE, HEAP)
    equal(found['leak_one [leaky]'],
          ('16392kB', '54.18%', '131.25%', '16392kB', '54.18%'))
    equal(found['leak_and_exit [leaky]'][0], '-2064.04kB')
    assert 'flow_table_alloc [flowtab]' not in found, 'what did not change'
    folded = output('--folded', '--diff', BASE, HEAP).decode()
    value = exact(1, 8192, RATE)[1] - exact(5, 8192, RATE)[1]
    assert 'leak_and_exit [leaky] %d\n' % value in folded, folded
    equal(output('--folded', '--diff', HEAP, HEAP), b'')
    samples = decode(output('-o', '-', '--diff', BASE, HEAP))['samples']
    old = [s for s in samples if s['labels'].get('pprof::base') == 'true']
    equal((len(samples), len(old)), (19, 9), 'samples, and those of the base')
    assert max(max(s['values']) for s in old) <= 0
    one = decode(output('-o', '-', HEAP))['samples']
    two = decode(output('-o', '-', BASE))['samples']
    for i in range(4):
        equal(sum(s['values'][i] for s in samples),
              sum(s['values'][i] for s in one) - sum(s['values'][i] for s in two))


def test_text():
    text = pathlib.Path(HEAP).read_bytes()
    equal(output('--text', HEAP), text)
    with file_of(bare(HEAP)) as path:
        named = output('--text', '--kallsyms', KALLSYMS, path).decode()
    assert '\tleak_or_die+0x40/0x40 [leaky]\n' in named, named
    status, out, _ = call('--folded', '-', stdin=named.encode())
    with file_of(bare(HEAP)) as path:
        equal((status, out), (0, output('--folded', '--kallsyms', KALLSYMS, path)))


def test_malformed():
    good = pathlib.Path(HEAP).read_text().splitlines(keepends=True)
    second = [i for i, line in enumerate(good) if line[0].isdigit()][1]
    for line in ('15: 983040 [38: 2490368] 0xffffffffc0a5d08e\n',
                 '15: 983040 [38: 2490368] @ 0xffffffffc0a5d08g\n',
                 '-1: 8 [38: 2490368] @ 0xffffffffc0a5d08e\n',
                 '0: 8 [38: 2490368] @ 0xffffffffc0a5d08e\n', 'x\n'):
        text = ''.join(good[:second] + [line] + good[second + 1:])
        with file_of(text) as path:
            fails('%s:%d: malformed: ' % (path, second + 1), path)
    for text in ('', 'x\n', 'heap profile: 1: 2 [3: 4] @ growth/2\n'):
        with file_of(text) as path:
            fails(path + ':1: not a heap profile', '--top', path)
    with file_of('ffffffff81000000 t\n') as names, file_of(bare(HEAP)) as path:
        fails(names + ':1: malformed', '--kallsyms', names, path)
    fails('- is compressed', '-', stdin=gzip.compress(b'x'))


def test_missing():
    nowhere = str(FIXTURES / 'nowhere')
    fails(nowhere + ': No such file or directory', nowhere)
    fails(nowhere + ': No such file or directory', '--diff', nowhere, HEAP)
    fails(str(FIXTURES) + ': Is a directory', str(FIXTURES))
    fails(nowhere + '/x: No such file or directory', '-o', nowhere + '/x', HEAP)
    with file_of(bare(HEAP)) as path:
        fails(nowhere + ': No such file', '--kallsyms', nowhere, path)


def test_off():
    text = 'heap profile: 0: 0 [0: 0] @ heap/0\n\n# goslab\n# rate = 0\n'
    with file_of(text) as path:
        fails('profiling is off: echo 524288 > '
              '/sys/module/goslab/parameters/sample_rate', path)
        fails('profiling is off', '--diff', path, HEAP)
    with file_of(text.replace('\n\n', '\n1: 8 [1: 8] @ 0x10\n#\t0x10\tf+0x1/0x2\n')
                 ) as path:
        status, out, said = call('--folded', path)
    equal((status, out, said.count('not scaled')), (0, b'f 8\n', 1), said)


def test_dropped():
    text = pathlib.Path(HEAP).read_text().replace('dropped = 0', 'dropped = 3')
    with file_of(text) as path:
        status, _, said = call('--top', path)
    equal((status, said.count('3 samples were dropped')), (0, 1), said)


def test_debugfs():
    """Each way in which the file of goslab cannot be there."""
    module, denied = tool(), PermissionError(13, 'Permission denied')
    with tempfile.TemporaryDirectory() as where:
        module.DEBUGFS = where
        path = where + '/goslab/profile'

        def said(error):
            return module.why_not(error, path)

        absent = FileNotFoundError(2, 'No such file or directory')
        assert said(absent).startswith('debugfs is not mounted: mount -t'), \
            said(absent)
        os.mkdir(where + '/block')
        assert said(absent).startswith('goslab is not loaded'), said(absent)
        os.mkdir(where + '/goslab')
        equal(said(absent), path + ': No such file or directory')
        module.os.geteuid, real = lambda: 1000, os.geteuid
        try:
            equal(said(denied), path + ' is for root only: use sudo')
        finally:
            os.geteuid = real
        module.os.geteuid = lambda: 0
        try:
            assert 'locked down' in said(denied), said(denied)
        finally:
            os.geteuid = real
        module.DEBUGFS = where + '/none'
        assert module.why_not(absent, where + '/none/goslab/profile').startswith(
            'debugfs is not mounted')


def test_options():
    done = subprocess.run([str(TOOL), '-V'], capture_output=True, check=True)
    equal(done.stdout, output('--version'), 'version said by the script itself')
    equal(output('--version').decode(), 'goslab-profile %s\n' % profile.VERSION)
    assert b'usage: goslab-profile' in output('-h')
    for args in (['--text', '--diff', BASE], ['--top', '--folded'], ['-n', '-1'],
                 ['--type', 'x'], ['--nothing'], [HEAP]):
        status, out, said = call(*args, HEAP)
        equal((status, out), (2, b''), said)


def test_options_written_down():
    """Each option is in the manual page and in the completion."""
    listed = re.findall(r'^  (-.*?)(?:   |$)', output('-h').decode(), re.M)
    words = set(re.findall(r'(?<!\w)--?[a-z]+', ' '.join(listed), re.I))
    equal(len(words), 14, 'number of options in ' + ' '.join(sorted(words)))
    words |= set(ALL_TYPES)
    page = (HERE.parent / 'Documentation/man/goslab-profile.8').read_text()
    page = page.replace('\\-', '-')
    completion = (HERE / 'completion/goslab-profile.bash').read_text()
    for name, text in (('manual page', page), ('completion', completion)):
        for word in sorted(words):
            assert re.search(r'(?<![\w-])%s(?![\w-])' % word, text), \
                '%s is not in the %s' % (word, name)


def test_page():
    """The examples of profile.rst are what the tool prints."""
    page = (HERE.parent / 'Documentation/profile.rst').read_text()
    examples = re.findall(r'^    \$ scripts/(goslab-profile .*)\n((?:    .*\n)+)',
                          page, re.M)
    assert len(examples) > 2, examples
    for command, wanted in examples:
        args = [str(HERE.parent / word) if word.startswith('scripts/') else word
                for word in command.split()[1:]]
        lines = output(*args).decode().splitlines()
        equal([line for line in lines if not line.startswith('Time: ')],
              [line[4:] for line in wanted.splitlines()
               if not line.startswith('    Time: ')], 'output of ' + command)


def complete(*words):
    """What bash offers for the last word."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_goslab_profile; printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(
        ['bash', '-c', script, 'bash', str(HERE / 'completion/goslab-profile.bash'),
         'goslab-profile', *words], capture_output=True, text=True, check=True,
        cwd=FIXTURES).stdout.split()


def test_completion():
    equal(complete('--to'), ['--top'])
    equal(complete('--type', 'inuse_s'), ['inuse_space'])
    equal(complete('--diff', 'ba'), ['base.txt'])
    equal(complete('he'), ['heap.txt'])
    equal(complete('-n', ''), [])


def pprof(*args):
    """The output of "go tool pprof"."""
    if not shutil.which('go'):
        raise AssertionError('go is missing: run scripts/setup.sh check')
    done = subprocess.run(['go', 'tool', 'pprof', *args], capture_output=True,
                          text=True, check=False, timeout=60)
    equal(done.returncode, 0, 'status of pprof, which says %r' % done.stderr)
    return done.stdout


def table_of(text):
    """The rows of a table, from the line of column heads on."""
    lines = text.splitlines()
    start = [i for i, line in enumerate(lines) if line.split()[:1] == ['flat']][0]
    return lines[start:]


@contextlib.contextmanager
def written(*args):
    with tempfile.TemporaryDirectory() as where:
        path = os.path.join(where, 'x.pb.gz')
        call('-o', path, *args)
        yield path


def test_pprof_top():
    """The tables of pprof are those of --top, line by line."""
    with file_of(bare(HEAP)) as nameless:
        for args in ([HEAP], [BASE], ['--diff', BASE, HEAP],
                     ['--kallsyms', KALLSYMS, nameless],
                     ['--kallsyms', KALLSYMS, '--diff', BASE, nameless]):
            for kind in ALL_TYPES if args == [HEAP] else ['inuse_space']:
                with written('--type', kind, *args) as path:
                    theirs = pprof('-top', '-nodefraction=0', path)
                mine = output('--top', '--type', kind, *args).decode()
                equal(table_of(theirs), table_of(mine), 'table of ' + kind)


def test_pprof_diff():
    """pprof subtracts one written profile from another as --diff does."""
    with written(HEAP) as new, written(BASE) as old:
        theirs = pprof('-top', '-nodefraction=0', '-diff_base=' + old, new)
    equal(table_of(theirs), table_of(output('--top', '--diff', BASE, HEAP).decode()))


def test_pprof_legacy():
    """pprof reads the text of goslab itself and scales it to the same values."""
    with written(HEAP) as path:
        texts = [pprof('-raw', '-symbolize=none', name) for name in (HEAP, path)]
    found = [re.findall(r'^ +(\d+) +(\d+) +(\d+) +(\d+): [\d ]+\n +bytes:\[(\d+)',
                        text, re.M) for text in texts]
    equal(len(found[0]), 10)
    equal(found[0], found[1], 'samples')


def main():
    quiet, counts = '--quiet' in sys.argv[1:], {'ok': 0, 'not ok': 0}
    tests = [(name[5:], test) for name, test in globals().items()
             if name.startswith('test_')]
    if not quiet:
        print('1..%d' % len(tests))
    for number, (name, test) in enumerate(tests, 1):
        lines, verdict = [], 'ok'
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                test()
        except Exception:
            verdict = 'not ok'
            lines = (said.getvalue() + traceback.format_exc()).splitlines()
        counts[verdict] += 1
        if verdict == 'not ok' or (verdict == 'ok' and not quiet):
            print('%s %d %s' % (verdict, number, name))
        for line in lines:
            print('# ' + line)
    print('# %(ok)d passed, %(not ok)d failed, 0 skipped' % counts)
    sys.exit(bool(counts['not ok']))


if __name__ == '__main__':
    main()
