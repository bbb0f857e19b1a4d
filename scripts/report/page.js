/* page.js - what the parts of the page share; tables that sort and filter. */

const data = JSON.parse(document.getElementById('data').textContent);
const byId = id => document.getElementById(id);
const count = value => Math.round(value).toLocaleString('en-US');

const counted = (value, name) => `${count(value)} ${name}${value === 1 ? '' : 's'}`;

/* Three digits and a unit of 1024, as page.py has them. */
function bytes(value) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
    let power = 0;
    while (Math.abs(value) >= 1024 && power < units.length - 1) {
        value /= 1024;
        power++;
    }
    const digits = !power || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return value.toFixed(digits) + ' ' + units[power];
}

function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, value);
    made.append(...children);
    return made;
}

/* The parser makes the first one, so that no name space is spelled out here. */
const SVG = (() => {
    const box = document.createElement('div');
    box.innerHTML = '<svg></svg>';
    return box.firstChild.namespaceURI;
})();

function drawn(name, attributes = {}, text = null) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, value);
    if (text !== null)
        made.textContent = text;
    return made;
}

/* Colours are those of the style sheet: they follow light and dark. */
const colour = name =>
    getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

/* Calls @draw now, when the width of @box changes, and when light turns dark. */
function keepDrawn(box, draw) {
    let width = 0;
    new ResizeObserver(() => {
        if (box.clientWidth && box.clientWidth !== width) {
            width = box.clientWidth;
            draw(width);
        }
    }).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw(width));
}

const tip = byId('tip');

function showTip(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + 'px';
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 8 : y + 18) + 'px';
}

function hideTip() {
    tip.hidden = true;
}

addEventListener('scroll', hideTip, true);

/* Numbers are in data-v; names with malloc-8 before malloc-16; what is missing last. */
const byName = new Intl.Collator('en', { numeric: true }).compare;

function sortTable(table, index, descending) {
    const body = table.tBodies[0];
    const text = table.tHead.rows[0].cells[index].className === 'text';
    const key = row => {
        const cell = row.cells[index];
        return text ? cell.textContent : cell.dataset.v === '' ? NaN : Number(cell.dataset.v);
    };
    const order = (a, b) => text ? byName(a, b) : a - b;
    const rows = [...body.rows].map(row => [key(row), row]);
    rows.sort(([a], [b]) => Number.isNaN(a) - Number.isNaN(b) ||
        (descending ? order(b, a) : order(a, b)) || 0);
    body.append(...rows.map(([, row]) => row));
    for (const [i, head] of [...table.tHead.rows[0].cells].entries())
        if (head.hasAttribute('aria-sort'))
            head.setAttribute('aria-sort', i !== index ? 'none' :
                descending ? 'descending' : 'ascending');
}

function filterTable(table, words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows];
    let shown = 0;
    for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !wanted.every(word => text.includes(word));
        shown += !row.hidden;
    }
    document.querySelector(`output[for="${table.id}"]`).textContent =
        (shown === rows.length ? '' : `${count(shown)} of `) + counted(rows.length, 'row');
}

for (const table of document.querySelectorAll('table')) {
    for (const [index, head] of [...table.tHead.rows[0].cells].entries())
        head.querySelector('button')?.addEventListener('click', () => {
            /* First the largest figure, or the first name. */
            const before = head.getAttribute('aria-sort');
            sortTable(table, index, before === 'none' ? head.className !== 'text' :
                before === 'ascending');
        });
    const input = document.querySelector(`input[data-table="${table.id}"]`);
    input.addEventListener('input', () => filterTable(table, input.value));
    filterTable(table, '');
}
