#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""test-report.py [NAME...] - tests of goslab-record and goslab-report.
test-report.py --picture FILE - the picture of Documentation/tools.rst anew.

Prints KTAP: "ok N name" or "not ok N name", below what is wrong. With names only
the tests that have one of them in theirs. Ends with 1 if a test failed, which one
that needs the browser does where there is none. Needs no kernel: the recording in
scripts/fixtures/report is one of scripts/recording.sh.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import clickcases  # noqa: E402
import recordcases  # noqa: E402
from reportlib import (FIGURES, LINES, PATIENCE, RECORDING, SCRIPTS, TEXTS,  # noqa: E402
                       Case, million, page, pagedata, record, report, tools)


class Read(Case):
    """What goslab-report takes, and what it says of the rest."""

    def test_cut_off(self):
        """At any byte of the end the lines before it are there."""
        lines = [line for line in LINES if 'text' not in line][:6]
        for name in ('cut.jsonl', 'cut.jsonl.gz'):
            path = self.dir / name
            out = record.Recording(str(path))
            for line in lines:
                out.add(**line)
            out.close()
            whole, counts = path.read_bytes(), []
            for lost in (1, 2, 9, len(path.read_bytes()) // 2):
                path.write_bytes(whole[:-lost])
                found = [line for _, line in report.lines_of(path)]
                self.assertEqual(found, lines[:len(found)])
                counts.append(len(found))
            self.assertEqual(counts[:3], [6, 6, 6] if name.endswith('.gz') else [6, 5, 5])
            self.assertGreater(counts[3], 0)

    def test_bad_recordings(self):
        head, sample = {'goslab_recording': 1}, {'time': 1, 'sample': FIGURES}
        for words, *lines in (
                ('not a recording',), ('not a recording', {}), ('no sample', head),
                ('version 2, and this program knows 1', {'goslab_recording': 2}),
                (':2: version 3', head, {'time': 1, 'sample': {'version': 3}}),
                (':2: not the figures', head, {'time': 1, 'sample': {}}),
                (':2: not a line', head, {'time': 1, 'sample': {'version': 1}}),
                (':2: not a line', head, {'time': 1, 'text': ''}),
                (':2: not a line', head, 7, sample)):
            self.fails(report, words, self.recording(*lines), '-o', '-')
        path = self.recording(head)
        path.write_text(path.read_text() + '{\n' + json.dumps(sample) + '\n')
        self.fails(report, ':2: not a line of a recording', path, '-o', '-')
        self.fails(report, 'No such file', self.dir / 'none')
        self.fails(report, 'not both', path, '--dir', self.dir)
        path.write_bytes(b'\x1f\x8b' + b'x' * 50)
        self.fails(report, 'one.jsonl: ', path)

    def test_missing_figures(self):
        """Figures of the right version that lack something."""
        figures = dict(FIGURES)
        del figures['cpus']
        self.fails(report, "missing or odd: KeyError('cpus')", '--dir',
                   self.copies(figures), '-o', '-')

    def test_output(self):
        child = subprocess.run([sys.executable, SCRIPTS / 'goslab-report', '--dir',
                                self.copies(), '-o', '-'], capture_output=True,
                               text=True, check=True, timeout=PATIENCE)
        self.assertEqual(child.stderr, '')
        self.assertTrue(child.stdout.endswith('</html>\n'))
        self.fails(report, 'No such file', '--dir', self.copies(), '-o',
                   self.dir / 'no' / 'x')


class Page(Case):
    """What is on the page, without a browser."""

    def test_whole(self):
        """One file: nothing is fetched, and nothing says from where."""
        text, _ = self.page(RECORDING)
        self.assertNotIn('://', text)
        self.assertNotRegex(text, r'<link|<img|<iframe| src=|@import|url\(')
        self.assertLess(len(text), 600 << 10)
        for ident in re.findall(r'href="#(\w+)"', text):
            self.assertIn('id="%s"' % ident, text)

    def test_escaped(self):
        """Nothing that was read is more than text."""
        evil = '</script><script>alert(1)</script><b a="\'&'
        figures = json.loads(json.dumps(FIGURES))
        figures['modules'][0]['module'] = figures['sites'][0]['caller'] = evil
        figures['heaps'][0]['name'] = figures['heaps'][0]['classes'][0]['name'] = evil
        spans = TEXTS['spans'].replace(' malloc-', ' </script><script>x')
        lines = ({'goslab_recording': 1, 'kernel': evil, 'delay': 1},
                 {'time': 1, 'sample': figures},
                 {'time': 2, 'file': 'spans', 'text': spans},
                 {'time': 2, 'file': 'arenas', 'text': TEXTS['arenas']})
        text, _ = self.page(self.recording(*lines))
        self.assertNotIn(evil, text)
        self.assertEqual(text.count('<script'), 2)
        self.assertEqual(text.count('</script'), 2)
        self.assertGreater(text.count(page.escape(evil)), 3)
        self.assertNotIn('<b a', text)

    def test_figures(self):
        """The tables have the figures of the last sample."""
        text, _ = self.page(RECORDING)
        for table, rows, size in (
                ('modules', FIGURES['modules'], 'bytes'),
                ('sites', FIGURES['sites'], 'bytes'), ('cpus', FIGURES['cpus'], 'room'),
                ('heaps', FIGURES['heaps'], 'held')):
            found = re.search(r'id="t-%s".*?</table>' % table, text, re.S)[0]
            self.assertEqual(found.count('<tr>'), 1 + len(rows))
            for row in rows:
                self.assertIn('<td data-v="%d" title="%s bytes">' % (
                    row[size], format(row[size], ',')), found)

    def test_growth(self):
        """Between the first sample since loading and the last one."""
        older = json.loads(json.dumps(FIGURES))
        older['modules'][0]['bytes'] -= 5000
        lines = [{'goslab_recording': 1, 'delay': 1}, {'time': 1, 'sample': FIGURES},
                 {'time': 2, 'event': 'unloaded'}, {'time': 3, 'event': 'loaded'},
                 {'time': 3, 'sample': older}, {'time': 4, 'sample': FIGURES}]
        text, _ = self.page(self.recording(*lines))
        self.assertIn('<td data-v="5000" title="5,000 bytes" class="grows">+4.88 KiB',
                      text)
        data = self.data(self.recording(*lines))
        self.assertEqual(data['series']['times'], [0, None, 2, 3])
        self.assertEqual(data['series']['events'], [[1, 'unloaded'], [2, 'loaded']])

    def test_snapshot_columns(self):
        """What only a recording has is no column of a snapshot."""
        self.assertIn('>Growth<', self.page(RECORDING)[0])
        self.assertNotIn('>Growth<', self.page('--dir', self.copies())[0])

    def test_ends_unloaded(self):
        """A recording that was ended while goslab was not there."""
        text, _ = self.page(self.recording(
            {'goslab_recording': 1, 'delay': 1}, {'time': 1, 'sample': FIGURES},
            {'time': 2, 'event': 'unloaded'}))
        self.assertIn('goslab was not loaded at the end', text)
        self.assertIn(page.bytes_text(FIGURES['stats']['bytes_held']), text)

    def test_waste(self):
        """Live, in magazines, free, tails: they are all of a class's spans."""
        source = report.read_recording(RECORDING)
        for row in page.waste(source).rows:
            self.assertAlmostEqual(sum(part for _, part in row[-1]), 100, delta=0.01)
            self.assertEqual(row[9], row[4] - row[5])

    def test_bytes_text(self):
        for value, text in ((0, '0 B'), (1023, '1023 B'), (1024, '1.00 KiB'),
                            (10240, '10.0 KiB'), (524288, '512 KiB'),
                            (5 << 20, '5.00 MiB'), (-2048, '-2.00 KiB'),
                            (1 << 60, '1024 PiB')):
            self.assertEqual(page.bytes_text(value), text)

    def test_many_samples(self):
        """Peaks stay, and breaks."""
        source = pagedata.Source('x', None, 1)
        for i in range(10000):
            figures = {'stats': dict.fromkeys((n for n, _ in pagedata.SCHEMA_PARTS), 0),
                       'modules': []}
            figures['stats']['bytes_live'] = 7777 if i == 4321 else 5
            source.add_sample(i, figures)
            if i == 5000:
                source.add_event(i, 'unloaded')
        notes = []
        found = pagedata.series(source, notes)
        self.assertLessEqual(len(found['times']), pagedata.POINTS + 1)
        self.assertEqual(found['times'].count(None), 1)
        self.assertEqual(max(v[0] for v in found['parts']['values'] if v), 7777)
        self.assertEqual(len(notes), 1)

    def test_flame(self):
        """Callers are above what they call; each has at least that."""
        rows = self.data(RECORDING)['flame']['rows']
        self.assertEqual(rows[0][:2], [0, 'all'])
        self.assertGreater(max(depth for depth, _, _ in rows), 4)
        self.assertTrue(any(name.startswith('lose_large [') for _, name, _ in rows))
        sums, path = {}, {}
        for i, (depth, _, values) in enumerate(rows):
            path[depth] = i
            if depth:
                above = sums.setdefault(path[depth - 1], [0] * 4)
                sums[path[depth - 1]] = [a + b for a, b in zip(above, values)]
        for i, total in sums.items():
            self.assertTrue(all(a >= b for a, b in zip(rows[i][2], total)), rows[i])
        found = report.profile.parse('x', TEXTS['profile'], 0)
        live = sum(s.values[3] for s in report.profile.samples_of(found))
        self.assertEqual(rows[0][2][0], live)

    def test_flame_of_sites(self):
        """Without a profile, or where addresses are hidden."""
        hidden = re.sub('0x[0-9a-f]+', '0x0', TEXTS['profile'])
        for texts in ({'spans': TEXTS['spans']}, {'profile': hidden}):
            shutil.rmtree(self.dir / 'debugfs', ignore_errors=True)
            rows = self.data('--dir', self.copies(**texts))['flame']['rows']
            self.assertEqual(rows[0][2][0], sum(s['bytes'] for s in FIGURES['sites']))

    def test_flame_limit(self):
        source = pagedata.Source('x', None, None)
        source.figures = {'sites': [
            {'module': 'm%d' % (i % 9), 'caller': 'f%d' % i, 'bytes': i, 'objects': 1,
             'allocs': 1, 'size': 1} for i in range(9000)]}
        notes = []
        rows = pagedata.flame(source, report.profile, notes)['rows']
        self.assertEqual(len(rows), pagedata.NODES)
        self.assertIn('f8999', {name for _, name, _ in rows})
        self.assertEqual(sum('largest of 9,010 frames' in note for note in notes), 1)

    def test_map(self):
        """Each span is in its page of its arena."""
        found = self.data(RECORDING)['map']
        arenas = [line.split()[0] for line in TEXTS['arenas'].splitlines()[2:]]
        wanted = []
        for line in TEXTS['spans'].splitlines()[2:]:
            row = line.split()
            wanted.append((arenas.index(row[9]) * 512 + int(row[10]), int(row[3]),
                           row[7], row[2], int(row[5]), int(row[6]), int(row[8])))
        flat, at, spans = found['cells'], 0, []
        for i in range(0, len(flat), 8):
            at += flat[i]
            _, pages, kind, state, live, cached, objects, _ = flat[i:i + 8]
            spans.append((at, pages, found['classes'][kind][0], found['states'][state],
                          live, cached, objects))
        self.assertEqual(spans, sorted(wanted))
        self.assertEqual((found['perCell'], len(found['arenas'])), (1, len(arenas)))

    def test_no_map(self):
        """Of a goslab that does not say where spans are."""
        old = '\n'.join(' '.join(line.split()[:9]) for line in
                        TEXTS['spans'].splitlines()) + '\n'
        text, _ = self.page('--dir', self.copies(spans=old))
        self.assertIn('There is no map', text)
        shutil.rmtree(self.dir / 'debugfs')
        self.assertIn('There is no map', self.page('--dir', self.copies(arenas=''))[0])

    def test_million_spans(self):
        """A page of a size that a browser opens, of a map that says what a cell is."""
        path = million()
        text = path.read_text()
        found = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])['map']
        self.assertEqual((found['spans'], found['perCell']), (1000000, 16))
        cells = [found['cells'][i:i + 6] for i in range(0, len(found['cells']), 6)]
        self.assertEqual(sum(cell[1] for cell in cells), 1000000)
        self.assertIn('a cell for 16 pages', text)
        self.assertLess(path.stat().st_size, 4 << 20)


def main():
    if sys.argv[1:2] == ['--picture']:
        clickcases.picture(*sys.argv[2:])
        return 0
    return tools.run_cases(recordcases.Fixtures, recordcases.Record, Read, Page,
                           recordcases.Beside, clickcases.Clicks)


if __name__ == '__main__':
    sys.exit(main())
