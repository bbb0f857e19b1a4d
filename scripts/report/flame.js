/* flame.js - the flame graph: data.flame, made by flame() of pagedata.py. */

const FRAME = 18;
/* Names get colours that stay when values change. */
const WARM = ['#f2b880', '#eea772', '#f4c98f', '#e9b36b', '#f0a98a', '#f7d6a0', '#e8be8a',
    '#efc07a'];

function ofName(name) {
    const hash = [...name].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) >>> 0, 7);
    return WARM[hash % WARM.length];
}

class Flame {
    constructor(box, { types, rows }) {
        this.box = box;
        this.types = types;
        this.type = 0;
        this.word = '';
        this.nodes = rows.map(([depth, name, values]) => ({ depth, name, values, below: [] }));
        const path = [];
        for (const node of this.nodes) {
            node.above = path[node.depth - 1] || null;
            node.above?.below.push(node);
            path[node.depth] = node;
        }
        this.root = this.zoomed = this.nodes[0];
        this.svg = drawn('svg', { role: 'group' });
        box.append(this.svg);
        this.controls();
        keepDrawn(box, width => this.draw(width));
    }

    controls() {
        const type = byId('flame-type');
        this.types.forEach(([, title], i) => type.append(element('option', { value: i }, title)));
        type.addEventListener('change', () => {
            this.type = Number(type.value);
            this.zoom(this.root);
        });
        byId('flame-search').addEventListener('input', event => {
            this.word = event.target.value.toLowerCase();
            this.draw(this.width);
        });
        byId('flame-reset').addEventListener('click', () => {
            byId('flame-search').value = this.word = '';
            this.zoom(this.root);
        });
        this.box.addEventListener('keydown', event => {
            if (event.key === 'Escape')
                this.zoom(this.root);
        });
        this.box.addEventListener('mousemove', event => {
            const node = event.target.closest?.('g')?.node;
            if (node)
                showTip(this.text(node), event.clientX, event.clientY);
            else
                hideTip();
        });
        this.box.addEventListener('mouseleave', hideTip);
    }

    zoom(node) {
        this.zoomed = node;
        hideTip();
        this.draw(this.width);
    }

    value(node) {
        return node.values[this.type];
    }

    /* Of a value, in the type's unit, and its share. */
    amount(value) {
        const total = this.value(this.root);
        const isSize = this.types[this.type][0].endsWith('space');
        const text = isSize ? bytes(value) : `${count(value)} objects`;
        return total ? `${text}, ${(100 * value / total).toFixed(1)} %` : text;
    }

    text(node) {
        return `${node.name}\n${this.amount(this.value(node))} of ${this.types[this.type][1]}`;
    }

    hit(node) {
        return this.word && node.name.toLowerCase().includes(this.word);
    }

    draw(width) {
        this.width = width;
        this.rows = 0;
        this.svg.replaceChildren();
        for (let node = this.zoomed.above; node; node = node.above)
            this.frame(node, 0, width, 'past');
        this.branch(this.zoomed, 0, width);
        this.svg.setAttribute('width', width);
        this.svg.setAttribute('height', (this.rows + 1) * FRAME);
        this.svg.setAttribute('aria-label', `Flame graph of ${this.types[this.type][1]}`);
        this.say();
    }

    branch(node, x, width) {
        this.frame(node, x, width, '');
        const total = this.value(node);
        for (const child of node.below) {
            const part = total ? this.value(child) / total * width : 0;
            /* Narrower ones could not be seen. */
            if (part >= 0.5)
                this.branch(child, x, part);
            x += part;
        }
    }

    frame(node, x, width, name) {
        const classes = `${name} ${this.hit(node) ? 'hit' : ''}`.trim();
        const group = drawn('g', { 'class': classes, tabindex: 0, role: 'button',
            'aria-label': this.text(node).replace('\n', ', ') });
        const y = node.depth * FRAME, room = Math.floor((width - 8) / 6.4);
        group.node = node;
        group.append(drawn('rect', { x: x.toFixed(2), y, width: Math.max(width, 0.5).toFixed(2),
            height: FRAME, fill: ofName(node.name) }));
        if (room > 2)
            group.append(drawn('text', { x: x + 4, y: y + 13 },
                node.name.length <= room ? node.name : node.name.slice(0, room - 1) + '…'));
        group.addEventListener('click', () => this.zoom(node));
        group.addEventListener('keydown', event => {
            if (event.key === 'Enter' || event.key === ' ') {
                event.preventDefault();
                this.zoom(node);
                this.svg.querySelector('g:not(.past)').focus();
            }
        });
        this.rows = Math.max(this.rows, node.depth);
        this.svg.append(group);
    }

    /* The sum of the outermost frames that match: what they call is in it. */
    found(node) {
        return this.hit(node) ? this.value(node) :
            node.below.reduce((sum, child) => sum + this.found(child), 0);
    }

    say() {
        const name = this.zoomed === this.root ? 'In all ' : `${this.zoomed.name}: `;
        const found = this.word ? `; found ${this.amount(this.found(this.root))}` : '';
        byId('flame-said').textContent = name + this.amount(this.value(this.zoomed)) + found;
    }
}

new Flame(byId('flame-graph'), data.flame);
