/* chart.js - stacked areas over time: data.series, made by series() of pagedata.py. */

/* A round step of at least @least from those that @unit has. */
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
    14400, 21600, 43200, 86400, 172800, 604800, 2592000];
const stepOf = least => SECONDS.find(step => step >= least) || SECONDS[SECONDS.length - 1];
const powerOf2 = least => 2 ** Math.ceil(Math.log2(Math.max(least, 1)));

function timeText(seconds, step) {
    if (step >= 86400)
        return `${Math.round(seconds / 86400)} d`;
    if (step >= 3600)
        return `${Math.round(seconds / 3600)} h`;
    const minutes = Math.floor(seconds / 60), rest = seconds - 60 * minutes;
    if (step >= 60 || (minutes && !rest))
        return `${minutes} min`;
    const short = `${Number(rest.toFixed(1))} s`;
    return minutes ? `${minutes} min ${short}` : short;
}

class Chart {
    constructor(box, set, colours, title) {
        this.box = box;
        this.set = set;
        this.colours = colours;
        this.title = title;
        this.times = data.series.times;
        this.sums = set.values.map(values => {
            let sum = 0;
            return values && values.map(value => sum += value);
        });
        this.most = Math.max(1, ...this.sums.filter(Boolean).map(sums => sums[sums.length - 1]));
        this.length = Math.max(...this.times.filter(time => time !== null), 0.1);
        this.at = null;
        this.svg = drawn('svg', { role: 'img', tabindex: 0 });
        this.svg.addEventListener('mousemove', event => this.point(event));
        this.svg.addEventListener('mouseleave', () => this.show(null));
        this.svg.addEventListener('blur', () => this.show(null));
        this.svg.addEventListener('keydown', event => this.key(event));
        this.legend = element('ul', { 'class': 'legend' });
        box.append(this.svg, this.legend);
        this.addLegend();
        keepDrawn(box, width => this.draw(width));
    }

    x(time) {
        return this.left + time / this.length * this.width;
    }

    y(value) {
        return 8 + (1 - value / this.top) * this.height;
    }

    draw(width) {
        this.left = 62;
        this.width = width - this.left - 12;
        this.height = 208;
        const step = powerOf2(this.most / 6);
        this.top = Math.ceil(this.most / step) * step;
        this.svg.replaceChildren();
        this.svg.setAttribute('width', width);
        this.svg.setAttribute('height', this.height + 46);
        this.svg.setAttribute('aria-label', `${this.title}: at most ${bytes(this.most)} in ` +
            `${timeText(this.length, 0)}. Arrow keys read it.`);
        this.axes(step);
        for (let i = 0; i < this.set.names.length; i++)
            this.svg.append(drawn('path', { d: this.area(i), fill: this.colours[i] }));
        this.events();
        this.cursor = this.line('cursor', 0, 0, 8, 8 + this.height);
        this.cursor.setAttribute('visibility', 'hidden');
        this.svg.append(this.cursor);
    }

    line(name, x1, x2, y1, y2) {
        return drawn('line', { 'class': name, x1, x2, y1, y2 });
    }

    axes(step) {
        for (let value = 0; value <= this.top; value += step) {
            const y = this.y(value);
            this.svg.append(
                this.line('grid', this.left, this.left + this.width, y, y),
                drawn('text', { x: this.left - 8, y: y + 4, 'text-anchor': 'end' },
                    value ? bytes(value).replace(/\.0+ /, ' ') : '0'));
        }
        const every = stepOf(this.length / this.width * 72);
        for (let i = 0; i * every <= this.length; i++) {
            const x = this.x(i * every);
            this.svg.append(
                this.line('grid', x, x, 8 + this.height, 13 + this.height),
                drawn('text', { x, y: 25 + this.height, 'text-anchor': 'middle' },
                    timeText(i * every, every)));
        }
        this.svg.append(drawn('text', { 'class': 'dim', x: this.left + this.width,
            y: 41 + this.height, 'text-anchor': 'end' }, 'since the start of the recording'));
    }

    /* A closed path for each stretch between breaks. */
    area(i) {
        let path = '', up = [], down = [];
        const end = () => {
            if (up.length)
                path += 'M' + up.join('L') + 'L' + down.reverse().join('L') + 'Z';
            up = [];
            down = [];
        };
        this.sums.forEach((sums, at) => {
            if (!sums)
                return end();
            const x = this.x(this.times[at]).toFixed(1);
            up.push(`${x} ${this.y(sums[i]).toFixed(1)}`);
            down.push(`${x} ${this.y(i ? sums[i - 1] : 0).toFixed(1)}`);
        });
        end();
        return path;
    }

    events() {
        let free = 0;
        const marks = data.series.events.map(([time, name]) => [this.x(time), name]);
        for (const [x] of marks)
            this.svg.append(this.line('mark', x, x, 8, 8 + this.height));
        for (const [x, name] of marks) {
            /* No word over another one, nor past the edge. */
            if (x < free || x > this.left + this.width - 50)
                continue;
            this.svg.append(drawn('text', { 'class': 'event', x: x + 4, y: 18 }, name));
            free = x + 60;
        }
    }

    addLegend() {
        const last = this.set.values[this.set.values.map(Boolean).lastIndexOf(true)];
        this.set.names.forEach((name, i) => {
            if (!this.set.values.some(values => values && values[i]))
                return;
            const patch = element('i', { style: `background:${this.colours[i]}` });
            this.legend.append(element('li', {}, patch, name + ' ',
                element('b', {}, bytes(last[i]))));
        });
    }

    point(event) {
        const left = this.svg.getBoundingClientRect().left + this.left;
        const time = (event.clientX - left) / this.width * this.length;
        const far = at => Math.abs(this.times[at] - time);
        let best = null;
        this.times.forEach((at, i) => {
            if (at !== null && (best === null || far(i) < far(best)))
                best = i;
        });
        this.show(best, event.clientX, event.clientY);
    }

    key(event) {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step)
            return;
        event.preventDefault();
        let at = this.at === null ? (step > 0 ? -1 : this.times.length) : this.at;
        do
            at += step;
        while (this.times[at] === null);
        if (this.times[at] === undefined)
            return;
        const box = this.svg.getBoundingClientRect();
        this.show(at, box.left + this.x(this.times[at]), box.top + 40);
    }

    show(at, x, y) {
        this.at = at;
        this.cursor.setAttribute('visibility', at === null ? 'hidden' : 'visible');
        if (at === null)
            return hideTip();
        this.cursor.setAttribute('x1', this.x(this.times[at]));
        this.cursor.setAttribute('x2', this.x(this.times[at]));
        const values = this.set.values[at];
        const lines = this.set.names.map((name, i) => [values[i], name])
            .filter(([value]) => value).reverse()
            .map(([value, name]) => `${name}: ${bytes(value)}`);
        const sum = bytes(this.sums[at][values.length - 1]);
        showTip([`after ${timeText(this.times[at], 0)}: ${sum}`, ...lines].join('\n'), x, y);
    }
}

if (data.series) {
    const named = order => order.map(i => `var(--s${i})`);
    const { parts, modules } = data.series;
    new Chart(byId('chart-parts'), parts, named([0, 1, 2, 3, 4, 5, 6]), 'Held memory by part');
    new Chart(byId('chart-modules'), modules, [...named([0, 3, 1, 4, 2, 7]).slice(0,
        modules.names.length - 1), 'var(--s5)'], 'Live memory by module');
} else {
    byId('no-time').hidden = false;
    document.querySelector('.charts').hidden = true;
}
