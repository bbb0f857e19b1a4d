# SPDX-License-Identifier: GPL-2.0
"""clickcases.py - goslab-report's page in a browser. A module of test-report.py."""
import base64
import pathlib
import unittest

from reportlib import RECORDING, TEXTS, million, open_page, pagedata


def picture(path):
    """Writes what the first screens of the page look like, with shorter tables."""
    web, end = open_page(RECORDING)
    try:
        web.send('Emulation.setDeviceMetricsOverride', width=1280, height=1880,
                 deviceScaleFactor=1, mobile=False)
        web.run("document.querySelectorAll('.wide').forEach("
                "box => box.style.maxHeight = '225px')")
        web.run('new Promise(done => setTimeout(done, 300))')
        pathlib.Path(path).write_bytes(base64.b64decode(web.picture()))
    finally:
        end()


class Clicks(unittest.TestCase):
    """The page in Chromium."""

    @classmethod
    def setUpClass(cls):
        cls.web, cls.end = open_page(RECORDING)
        cls.addClassCleanup(cls.end)

    def tearDown(self):
        """Nothing was complained of, and nothing was asked of the network."""
        self.assertEqual(self.web.complaints, [])
        self.assertEqual([url for url in self.web.requests
                          if not url.startswith('file:')], [])
        self.assertEqual(len(self.web.requests), 1)

    def column(self, table, index):
        """What a column shows, the rows that are hidden left out."""
        return self.web.run(
            "[...document.querySelectorAll('#t-%s tbody tr:not([hidden])')]"
            ".map(row => row.cells[%d].dataset.v ?? row.cells[%d].textContent)" % (
                table, index, index))

    def tip(self):
        return self.web.run("document.getElementById('tip').hidden ? null : "
                            "document.getElementById('tip').textContent")

    def said(self, ident):
        return self.web.run("document.getElementById('%s').textContent" % ident)

    def frames(self, more=''):
        return self.web.run("[...document.querySelectorAll('#flame-graph g%s')]"
                            ".map(g => g.getAttribute('aria-label'))" % more)

    def test_sort(self):
        head = '#t-sites th:nth-child(%d)'
        for index, number in ((3, True), (0, False)):
            self.web.click(head % (index + 1) + ' button')
            once = self.column('sites', index)
            self.web.place(head % (index + 1))
            self.web.run("document.querySelector('%s button').focus()" % head % (
                index + 1))
            self.web.key('Enter')
            twice = self.column('sites', index)
            state = self.web.run("document.querySelector('%s').getAttribute("
                                 "'aria-sort')" % head % (index + 1))
            self.assertEqual(state, 'ascending' if number else 'descending')
            if number:
                once, twice = [list(map(int, values)) for values in (once, twice)]
                self.assertEqual(once, sorted(once, reverse=True))
                self.assertEqual(twice, sorted(twice))
            else:
                self.assertEqual(once, twice[::-1])
            self.assertGreater(len(set(once)), 3)

    def test_filter(self):
        self.web.type('input[data-table=t-sites]', 'lose_ leak')
        rows = self.column('sites', 0)
        self.assertTrue(rows and all('lose_' in row for row in rows), rows)
        self.assertRegex(self.web.run(
            "document.querySelector('output[for=t-sites]').textContent"),
            r'^%d of \d+ rows$' % len(rows))

    def test_chart(self):
        self.assertTrue(self.web.run("document.getElementById('no-time').hidden"))
        width = self.web.place('#chart-parts svg')[2]
        self.web.hover('#chart-parts svg', width * 0.9)
        self.assertRegex(self.tip(), r'(?s)^after .*: .*iB\n.*live objects: ')
        self.web.run("document.querySelector('#chart-modules svg').focus()")
        self.web.key('ArrowRight')
        first = self.tip()
        self.web.key('ArrowRight')
        self.assertNotEqual(self.tip(), first)

    def test_flame(self):
        before = self.frames()
        self.assertGreater(len(before), 10)
        wanted = self.web.run('''(() => {
            const all = [...document.querySelectorAll('#flame-graph g')];
            const one = all.findIndex(g => g.node.depth === 4);
            all[one].id = 'one-frame';
            return all[one].node.name;
        })()''')
        self.web.hover('#one-frame')
        self.assertIn(wanted, self.tip())
        self.web.click('#one-frame')
        self.assertEqual(len(self.frames('.past')), 4)
        self.assertTrue(self.frames(':not(.past)')[0].startswith(wanted))
        self.assertTrue(self.said('flame-said').startswith(wanted))
        self.web.click('#flame-reset')
        self.assertEqual(self.frames(), before)

    def test_flame_keys(self):
        before = self.frames()
        self.web.run("document.querySelectorAll('#flame-graph g')[2].focus()")
        self.web.key('Enter')
        self.assertNotEqual(self.frames(), before)
        self.web.key('Escape')
        self.assertEqual(self.frames(), before)

    def test_flame_search(self):
        self.web.type('#flame-search', 'LOSE_LARGE')
        self.assertRegex(self.said('flame-said'), r'; found .* %$')
        hits = self.frames('.hit')
        self.assertTrue(hits and all('lose_large' in hit for hit in hits))
        self.web.click('#flame-reset')
        self.assertEqual(self.frames('.hit'), [])

    def test_flame_types(self):
        for i, (_, title) in enumerate(pagedata.TYPES):
            self.web.run("""(() => {
                const type = document.getElementById('flame-type');
                type.value = %d;
                type.dispatchEvent(new Event('change'));
            })()""" % i)
            self.assertIn(title, self.frames()[0])

    def test_map(self):
        """The first span is where the file says, by mouse and by key."""
        row = min((line.split() for line in TEXTS['spans'].splitlines()[2:]
                   if line.split()[9] == TEXTS['arenas'].splitlines()[2].split()[0]),
                  key=lambda row: int(row[10]))
        spot = self.web.run('''(() => {
            const map = new ArenaMap(document.createElement('div'), data.map);
            map.layout(document.getElementById('map-graph').clientWidth);
            const page = %s;
            return [LABEL + page %% map.columns * map.size + 1,
                map.tops.get(Math.floor(page / map.columns)) + 1];
        })()''' % row[10])
        self.web.hover('#map-graph canvas', *spot)
        tip = self.tip()
        self.assertRegex(tip, r'^arena 0, page %s\n' % row[10])
        self.assertIn('large object' if row[7] == '-' else row[7] + ':', tip)
        self.assertIn('%s of %s objects live' % tuple(
            format(int(row[i]), ',') for i in (5, 8)), tip)
        self.web.mouse('mouseMoved', 1, 1)
        self.web.run("document.querySelector('#map-graph canvas').focus()")
        self.web.key('ArrowRight')
        # The first key goes to the first page of the first row.
        rows, columns = self.web.run("""(() => {
            const map = new ArenaMap(document.createElement('div'), data.map);
            map.layout(document.getElementById('map-graph').clientWidth);
            const row = Math.floor(%s / map.columns);
            return [[...map.tops.keys()].filter(other => other < row).length,
                %s %% map.columns];
        })()""" % (row[10], row[10]))
        for _ in range(rows):
            self.web.key('ArrowDown')
        for _ in range(columns):
            self.web.key('ArrowRight')
        self.assertEqual(self.said('map-said'), tip.replace('\n', ', '))

    def test_map_colours(self):
        """Spans have colours, in both modes, in light and in dark."""
        def colours():
            return self.web.run('''(() => {
                const canvas = document.querySelector('#map-graph canvas');
                const pen = new OffscreenCanvas(canvas.width, canvas.height)
                    .getContext('2d', { willReadFrequently: true });
                pen.drawImage(canvas, 0, 0);
                return new Set(new Uint32Array(pen.getImageData(0, 0,
                    canvas.width, canvas.height).data.buffer)).size;
            })()''')

        self.assertGreater(colours(), 10)
        legend = self.said('map-legend')
        self.web.run("document.getElementById('map-mode').value = 'use'; "
                     "document.getElementById('map-mode').dispatchEvent("
                     "new Event('change'))")
        self.assertIn('75 %', self.said('map-legend'))
        self.web.theme('dark')
        self.assertGreater(colours(), 3)
        self.web.theme('light')
        self.web.run("document.getElementById('map-mode').value = 'class'; "
                     "document.getElementById('map-mode').dispatchEvent("
                     "new Event('change'))")
        self.assertEqual(self.said('map-legend'), legend)

    def test_accessible(self):
        """Names for what has no text."""
        self.assertEqual(self.web.run('''[
            ...document.querySelectorAll('svg, canvas')].filter(
                one => !one.getAttribute('aria-label')).length'''), 0)
        self.assertEqual(self.web.run('''[
            ...document.querySelectorAll('input, select')].filter(
                one => !one.labels.length).length'''), 0)

    def test_narrow(self):
        """Nothing is wider than the window, the map included."""
        for width in (1280, 500):
            self.web.send('Emulation.setDeviceMetricsOverride', width=width, height=900,
                          deviceScaleFactor=1, mobile=False)
            self.web.place('#map-graph canvas')
            self.assertTrue(self.web.run(
                'document.documentElement.scrollWidth <= innerWidth'))
            self.assertTrue(self.web.run('''(() => {
                const map = new ArenaMap(document.createElement('div'), data.map);
                const width = document.getElementById('map-graph').clientWidth;
                map.layout(width);
                return map.columns >= 64 && LABEL + map.columns * map.size <= width;
            })()'''))
        self.web.send('Emulation.clearDeviceMetricsOverride')

    def test_snapshot(self):
        """One moment has no chart; a million spans have a map."""
        self.web.open(million())
        self.assertFalse(self.web.run("document.getElementById('no-time').hidden"))
        self.assertEqual(self.web.run("document.querySelector('.charts').offsetHeight"), 0)
        self.web.hover('#map-graph canvas')
        self.assertRegex(self.tip(), r'of 16 pages are in \d+ spans')
