/* map.js - the arena map: data.map, made by arena_map() of pagedata.py. */

const ARENA_PAGES = 512, NAMED = 9, LABEL = 76;

/* The numbers of data.map.cells, one object for each span or cell. */
function unpackMap(map) {
    const found = [], length = map.perCell > 1 ? 6 : 8;
    let at = 0;
    for (let i = 0; i < map.cells.length; i += length) {
        const [step, ...numbers] = map.cells.slice(i, i + length);
        at += step;
        found.push({ first: at, ...(map.perCell > 1 ? binned : exact)(map, at, ...numbers) });
    }
    return found;
}

function binned({ classes, perCell }, at, pages, spans, use, kind, most) {
    return { end: at + 1, kind, use: use / 100, text:
        `${count(pages)} of ${count(perCell)} pages are in ${counted(spans, 'span')}\n` +
        `most of them of ${classes[kind][0]} (${count(most)} pages)\n` +
        `${use} % of the objects' bytes are live` };
}

function exact({ classes, states }, at, pages, kind, state, live, cached, objects, node) {
    const name = classes[kind][0] === '-' ? 'large object' : classes[kind][0];
    return { end: at + pages, kind, use: objects ? live / objects : 0, text:
        `${name}: span of ${counted(pages, 'page')}, ${states[state]}, ` +
        `node ${node}\n${count(live)} of ${count(objects)} objects live, ` +
        `${count(cached)} in magazines` };
}

class ArenaMap {
    constructor(box, map) {
        this.box = box;
        this.map = map;
        this.found = unpackMap(map);
        this.total = Math.ceil(map.pages / map.perCell);
        this.owner = new Int32Array(this.total).fill(-1);
        this.found.forEach((span, i) => this.owner.fill(i, span.first, span.end));
        this.at = null;
        this.canvas = element('canvas', { tabindex: 0, role: 'img' });
        box.append(this.canvas);
        this.canvas.addEventListener('mousemove', event => this.point(event));
        this.canvas.addEventListener('mouseleave', () => this.show(null));
        this.canvas.addEventListener('blur', () => this.show(null));
        this.canvas.addEventListener('keydown', event => this.key(event));
        byId('map-mode').addEventListener('change', () => this.draw(this.width));
        keepDrawn(box, width => this.draw(width));
    }

    /* Cells of a row: arenas are as high as there is room for. */
    layout(width) {
        const arena = Math.max(ARENA_PAGES / this.map.perCell, 1), arenas = this.total / arena;
        const high = [4, 2, 1].find(n => arenas * n <= 96) || 1;
        const room = 2 ** Math.floor(Math.log2(Math.max(width - LABEL, 32) / 2));
        this.columns = Math.min(arena >= 128 ? arena / Math.min(high, arena / 128) : 256, room);
        this.size = Math.max(2, Math.floor((width - LABEL) / this.columns));
        this.tall = Math.min(Math.max(this.size, 6), 14);
        /* Where rows begin: those without spans are left out, arenas have a gap between them. */
        this.tops = new Map();
        this.height = 0;
        let last = 0;
        for (const row of new Set(this.found.flatMap(span => this.rowsOf(span)))) {
            const number = Math.floor(row * this.columns / arena);
            if (this.columns < arena && number !== last)
                this.height += 5;
            last = number;
            this.tops.set(row, this.height);
            this.height += this.tall;
        }
    }

    rowsOf({ first, end }) {
        const row = Math.floor(first / this.columns);
        const length = Math.floor((end - 1) / this.columns) - row + 1;
        return Array.from({ length }, (_, i) => row + i);
    }

    /* The fainter, the less is used. */
    fill(kind, use) {
        const byUse = byId('map-mode').value === 'use';
        const steps = Math.round(use * 16), key = kind * 32 + steps;
        if (this.mixed.has(key))
            return this.mixed.get(key);
        const name = byUse ? 's0' : kind < NAMED ? `s${[0, 3, 1, 4, 2, 7, 8, 9, 5][kind]}` : 's6';
        const part = 0.22 + 0.78 * steps / 16;
        const [full, none] = [colour(name), this.empty].map(hex =>
            [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)));
        const mix = full.map((value, i) => Math.round(value * part + none[i] * (1 - part)));
        const made = `rgb(${mix.join(' ')})`;
        this.mixed.set(key, made);
        return made;
    }

    draw(width) {
        const ratio = devicePixelRatio || 1;
        this.width = width;
        this.layout(width);
        this.canvas.width = width * ratio;
        this.canvas.height = this.height * ratio;
        this.canvas.style.width = `${width}px`;
        this.canvas.style.height = `${this.height}px`;
        this.canvas.setAttribute('aria-label', `Arena map of ${count(this.map.pages)} pages with ` +
            `${count(this.map.spans)} spans. Arrow keys read it.`);
        this.pen = this.canvas.getContext('2d');
        this.pen.scale(ratio, ratio);
        this.mixed = new Map();
        this.empty = colour('empty');
        for (const row of this.tops.keys())
            for (let column = 0; column < this.columns; column++)
                this.cell(row * this.columns + column);
        this.labels();
        this.legend();
    }

    cell(cell, marked = false) {
        const y = this.tops.get(Math.floor(cell / this.columns));
        const span = this.found[this.owner[cell]];
        const x = LABEL + cell % this.columns * this.size;
        if (cell >= this.total)
            return;
        /* A line between spans, none within one. */
        const line = this.size > 4 && (!span || span.end === cell + 1) ? 1 : 0;
        this.pen.clearRect(x, y, this.size, this.tall);
        this.pen.fillStyle = marked ? colour('text') :
            span ? this.fill(span.kind, span.use) : this.empty;
        this.pen.fillRect(x, y, this.size - line, this.tall - 1);
    }

    labels() {
        this.pen.fillStyle = colour('dim');
        this.pen.font = '11px system-ui, "DejaVu Sans", sans-serif';
        this.pen.textBaseline = 'top';
        let free = 0, last = null;
        for (const [row, y] of this.tops) {
            const number = Math.floor(row * this.columns * this.map.perCell / ARENA_PAGES);
            if (y < free || number === last)
                continue;
            this.pen.fillText(`arena ${count(number)}`, 0, y + 1);
            free = y + 13;
            last = number;
        }
    }

    legend() {
        const { classes } = this.map, legend = byId('map-legend');
        const item = (fill, name, pages) => legend.append(element('li', {}, element('i', {
            style: `background:${fill}` }), name + ' ', element('b', {}, pages)));
        legend.replaceChildren();
        if (byId('map-mode').value === 'use') {
            for (const use of [0, 0.25, 0.5, 0.75, 1])
                item(this.fill(0, use), `${100 * use} %`, 'live');
        } else {
            classes.slice(0, NAMED).forEach(([name, pages], i) => item(this.fill(i, 1),
                name === '-' ? 'large objects' : name, bytes(pages * 8192)));
            const rest = classes.slice(NAMED).reduce((sum, [, pages]) => sum + pages, 0);
            if (rest)
                item(this.fill(NAMED, 1), `${classes.length - NAMED} other classes`,
                    bytes(rest * 8192));
        }
        item(this.empty, 'no span', '');
    }

    text(cell) {
        const span = this.found[this.owner[cell]], first = cell * this.map.perCell;
        const number = Math.floor(first / ARENA_PAGES), arena = this.map.arenas[number];
        const page = first % ARENA_PAGES, per = this.map.perCell;
        const where = `arena ${count(number)}, ` +
            (per > 1 ? `${count(per)} pages from page ${page} on` : `page ${page}`);
        if (span)
            return `${where}\n${span.text}`;
        return `${where}\nno span here` + (!arena ? '' :
            `\narena at ${arena[0]}: ${arena[1]} pages in spans, ` +
            `${arena[2]} free in ${arena[3]} runs`);
    }

    point(event) {
        const box = this.canvas.getBoundingClientRect(), y = event.clientY - box.top;
        const column = Math.floor((event.clientX - box.left - LABEL) / this.size);
        const found = [...this.tops].find(([, top]) => y >= top && y < top + this.tall);
        const cell = found ? found[0] * this.columns + column : this.total;
        const inside = column >= 0 && column < this.columns && cell < this.total;
        this.show(inside ? cell : null, event.clientX, event.clientY);
    }

    /* Left and right by a cell, up and down by a row that is shown. */
    step(name) {
        const rows = [...this.tops.keys()];
        if (this.at === null)
            return rows[0] * this.columns;
        const column = this.at % this.columns + ({ ArrowLeft: -1, ArrowRight: 1 }[name] || 0);
        const down = Math.floor(column / this.columns) +
            ({ ArrowUp: -1, ArrowDown: 1 }[name] || 0);
        const row = rows[rows.indexOf(Math.floor(this.at / this.columns)) + down];
        const cell = row * this.columns + (column + this.columns) % this.columns;
        return cell < this.total ? cell : this.at;
    }

    key(event) {
        if (!event.key.startsWith('Arrow') || !this.tops.size)
            return;
        event.preventDefault();
        const cell = this.step(event.key), box = this.canvas.getBoundingClientRect();
        this.show(cell, box.left + LABEL + cell % this.columns * this.size,
            box.top + this.tops.get(Math.floor(cell / this.columns)));
        byId('map-said').textContent = this.text(cell).replaceAll('\n', ', ');
    }

    show(cell, x, y) {
        if (this.at !== null)
            this.cell(this.at);
        this.at = cell;
        if (cell === null)
            return hideTip();
        this.cell(cell, true);
        showTip(this.text(cell), x, y);
    }
}

if (data.map) {
    byId('map-lead').textContent = `${count(data.map.pages)} pages of 8 KiB in ` +
        `${counted(data.map.pages / ARENA_PAGES, 'arena')}, ${counted(data.map.spans, 'span')}. ` +
        (data.map.perCell > 1 ? `A cell is ${count(data.map.perCell)} pages. ` :
            'A cell is a page. ') +
        'The fainter a cell, the fewer of its objects live. Rows without spans are left out.';
    new ArenaMap(byId('map-graph'), data.map);
} else {
    byId('map').querySelector('.tools').hidden = true;
    byId('map-lead').textContent = 'There is none: see the notes.';
}
