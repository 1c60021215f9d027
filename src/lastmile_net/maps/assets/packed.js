/* Packed layers for Leaflet: binary columns in script elements, decoded once, drawn on canvas tiles. */
(() => {
"use strict";
const BITS = 29;
const TILE = 256;
const HALO = "rgba(255,255,255,0.95)";
const NODE = 16;
const LABEL_ROOM = 160;
const MOST_ZOOMS = 6;
const LABEL_EVERY = 420;
const FAR = 13;
const SIZES = [0.27, 0.32, 0.42, 0.6, 0.8, 1];
const SIGNS_FROM = 16;
const EDGE_FROM = 15;
const CHUNK = 24;
const OPENING = 250;

/* ---- decoding ---------------------------------------------------------------------------- */

function bytesOf(id) {
  const element = document.getElementById(id);
  const text = element.textContent;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/* Written and read by hand: a Blob, piped into a Response, takes some four times as long for a small stream. */
async function unzip(id) {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter(), reader = readable.getReader();
  writer.write(bytesOf(id));
  writer.close();
  const pieces = [];
  let size = 0;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    pieces.push(piece.value);
    size += piece.value.length;
  }
  if (pieces.length === 1) return pieces[0];
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) { bytes.set(piece, at); at += piece.length; }
  return bytes;
}

function joinBytes(bytes, size, width) {
  if (width === 1) return bytes;
  const out = new { 2: Uint16Array, 4: Uint32Array, 6: Float64Array }[width](size);
  for (let i = 0; i < size; i++) {
    let value = bytes[i] | (bytes[size + i] << 8);
    if (width > 2) value |= (bytes[2 * size + i] << 16) | (bytes[3 * size + i] << 24);
    out[i] = width === 6 ? (value >>> 0) + (bytes[4 * size + i] + 256 * bytes[5 * size + i]) * 2 ** 32 : value;
  }
  return out;
}

async function integers(id, header) {
  const stored = joinBytes(await unzip(id), header.size, header.width);
  if (!header.delta) return stored;
  const out = new Int32Array(header.size);
  let value = 0;
  for (let i = 0; i < header.size; i++) {
    const step = stored[i];
    value += (step >>> 1) ^ -(step & 1);
    out[i] = value;
  }
  return out;
}

/* ---- columns: decoded when first asked for ------------------------------------------------ */

class Texts {
  constructor(text, numbers) {
    this.text = text;
    this.numbers = numbers;
    const starts = [0];
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.starts = Uint32Array.from(starts);
  }
  word(number) {
    const end = number + 1 < this.starts.length ? this.starts[number + 1] - 1 : this.text.length;
    return this.text.slice(this.starts[number], end);
  }
  at(row) { return this.word(this.numbers ? this.numbers[row] : row); }
  words() { return Array.from(this.starts, (_, number) => this.word(number)); }
  wordAt(position) {
    let low = 0, high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= position) low = middle; else high = middle - 1;
    }
    return low;
  }
  /* Rows whose text contains the words sought, in that order: those that are just that first, then those that begin so. */
  find(sought, most) {
    const parts = sought.trim().split(/\s+/).filter(Boolean).map(pattern);
    if (!parts.length) return [];
    const inside = parts.join("[^\\n]*?");
    const sources = [`^${parts.join("[^\\S\\n]+")}$`, `^${inside}`, inside];
    const found = [...new Set(sources.flatMap((source) => this.matches(source, most)))];
    if (!this.numbers) return found.slice(0, most);
    const rank = new Map(found.map((number, i) => [number, i]));
    const rows = found.map(() => []);
    for (let row = 0; row < this.numbers.length; row++) rows[rank.get(this.numbers[row])]?.push(row);
    return rows.flat().slice(0, most);
  }
  matches(source, most) {
    const expression = new RegExp(source, "gim");
    const found = [];
    for (let hit = expression.exec(this.text); hit && found.length < most; hit = expression.exec(this.text)) {
      const word = this.wordAt(hit.index);
      found.push(word);
      expression.lastIndex = word + 1 < this.starts.length ? this.starts[word + 1] : this.text.length + 1;
    }
    return found;
  }
}

/* A word as a regular expression that does not mind accents, nor ss for \u00df. */
function pattern(word) {
  const alike = { a: "a\u00e0-\u00e6", c: "c\u00e7", e: "e\u00e8-\u00eb", i: "i\u00ec-\u00ef", n: "n\u00f1", o: "o\u00f2-\u00f6\u00f8", u: "u\u00f9-\u00fc" };
  return word.toLowerCase().replace(/ss|\u00df|./gsu, (letter) => {
    if (letter === "ss" || letter === "\u00df") return "(?:ss|\u00df)";
    return alike[letter] ? `[${alike[letter]}]` : letter.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
  });
}

class Columns {
  constructor(layer, about) {
    this.layer = layer;
    this.about = about;
    this.kept = new Map();
  }
  get(column) {
    if (!this.kept.has(column)) this.kept.set(column, this.decode(this.about[column]));
    return this.kept.get(column);
  }
  async decode(about) {
    if (about.how) return this.derive(about, await Promise.all([...about.columns, about.instead].map((name) => name && this.get(name))));
    if (about.theme !== undefined) return this.labels(about.theme);
    if (about.words) return this.texts(about);
    const values = await this.numbers(about);
    if (about.prefix === undefined) return { at: (row) => values[row], values };
    return new Lines((row) => about.prefix + values[row], this.layer.size);
  }
  async numbers({ numbers, decimals }) {
    const [stored, known] = await Promise.all([integers(this.id(numbers.key), numbers), numbers.known ? unzip(this.id(numbers.known)) : null]);
    const values = new Float64Array(this.layer.size), scale = 10 ** (decimals || 0);
    for (let row = 0, next = 0; row < values.length; row++) {
      values[row] = !known || known[row >> 3] >> (row & 7) & 1 ? (stored[next++] + numbers.least) / scale : NaN;
    }
    return values;
  }
  async texts({ words, codes }) {
    const [text, numbers] = await Promise.all([this.text(words), codes ? integers(this.id(codes.key), codes) : null]);
    const texts = new Texts(text, numbers);
    return { at: (row) => texts.at(row), texts };
  }
  async text(key) { return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await unzip(this.id(key))); }
  /* The different texts of a column; its rows stay packed. */
  async words(column) { return new Texts(await this.text(this.about[column].words), null).words(); }
  labels(theme) {
    const { classes } = this.layer.about.themes[theme], codes = this.layer.codes[theme];
    return new Lines((row) => classes[codes[row]].label, this.layer.size);
  }
  derive({ how }, parts) {
    const instead = parts.pop();
    if (how === "ratio") {
      const values = parts[0].values.map((value, row) => value / parts[1].values[row]).map((value) => (Number.isFinite(value) ? value : NaN));
      return { at: (row) => values[row], values };
    }
    return new Lines((row) => parts.map((part) => part.at(row)).filter((text) => text !== "").join(" ") || (instead ? instead.at(row) : ""), this.layer.size);
  }
  id(key) { return `${this.layer.key}-${key}`; }
}

/* Texts that are put together when asked for; all of them only when they are searched. */
class Lines {
  constructor(at, size) {
    this.at = at;
    this.size = size;
  }
  get texts() {
    if (!this.made) this.made = new Texts(Array.from({ length: this.size }, (_, row) => this.at(row)).join("\n"), null);
    return this.made;
  }
}

/* ---- a packed tree of boxes: sixteen neighbours to a node --------------------------------- */

class Tree {
  constructor(boxes) {
    this.levels = [boxes];
    while (this.levels[this.levels.length - 1].length > 4) {
      const below = this.levels[this.levels.length - 1];
      const size = Math.ceil(below.length / 4 / NODE);
      const above = new Int32Array(size * 4);
      for (let node = 0; node < size; node++) {
        let x0 = 2 ** 31 - 1, y0 = x0, x1 = -x0, y1 = -x0;
        const end = Math.min((node + 1) * NODE * 4, below.length);
        for (let at = node * NODE * 4; at < end; at += 4) {
          if (below[at] < x0) x0 = below[at];
          if (below[at + 1] < y0) y0 = below[at + 1];
          if (below[at + 2] > x1) x1 = below[at + 2];
          if (below[at + 3] > y1) y1 = below[at + 3];
        }
        above.set([x0, y0, x1, y1], node * 4);
      }
      this.levels.push(above);
    }
  }
  /* Items whose boxes meet the box, in stored order. */
  query(x0, y0, x1, y1) {
    const hits = [];
    const visit = (level, from, to) => {
      const boxes = this.levels[level];
      const end = Math.min(to, boxes.length / 4);
      for (let node = from; node < end; node++) {
        const at = node * 4;
        if (boxes[at] > x1 || boxes[at + 2] < x0 || boxes[at + 1] > y1 || boxes[at + 3] < y0) continue;
        if (level === 0) hits.push(node);
        else visit(level - 1, node * NODE, (node + 1) * NODE);
      }
    };
    const top = this.levels.length - 1;
    visit(top, 0, this.levels[top].length / 4);
    return hits;
  }
}

function boxesOf(x, y, starts) {
  const size = starts.length - 1;
  const boxes = new Int32Array(size * 4);
  for (let item = 0; item < size; item++) {
    let x0 = x[starts[item]], x1 = x0, y0 = y[starts[item]], y1 = y0;
    for (let v = starts[item] + 1; v < starts[item + 1]; v++) {
      if (x[v] < x0) x0 = x[v]; else if (x[v] > x1) x1 = x[v];
      if (y[v] < y0) y0 = y[v]; else if (y[v] > y1) y1 = y[v];
    }
    boxes[item * 4] = x0; boxes[item * 4 + 1] = y0; boxes[item * 4 + 2] = x1; boxes[item * 4 + 3] = y1;
  }
  return boxes;
}

/* ---- signs -------------------------------------------------------------------------------- */

function outline(path, shape, c, r) {
  const polygon = (...points) => {
    points.forEach(([x, y], i) => (i ? path.lineTo(c + x * r, c + y * r) : path.moveTo(c + x * r, c + y * r)));
    path.closePath();
  };
  if (shape === "diamond") polygon([0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]);
  else if (shape === "square") polygon([-0.95, -0.95], [0.95, -0.95], [0.95, 0.95], [-0.95, 0.95]);
  else if (shape === "triangle") polygon([0, -1.2], [1.15, 0.9], [-1.15, 0.9]);
  else if (shape === "down") polygon([0, 1.2], [1.15, -0.9], [-1.15, -0.9]);
  else if (shape === "bar") polygon([-1.3, -0.55], [1.3, -0.55], [1.3, 0.55], [-1.3, 0.55]);
  else if (shape === "cross") polygon([-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
    [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]);
  else path.arc(c, c, r, 0, 2 * Math.PI);
}

function sign(symbol, radius, ratio) {
  const half = Math.ceil(radius * 1.35 + 2);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * half * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.beginPath();
  outline(ctx, symbol.shape, half, symbol.shape === "ring" ? radius * 0.8 : radius);
  if (radius >= 2.2) {
    ctx.lineWidth = radius >= 4 ? 2.4 : 1;
    ctx.strokeStyle = HALO;
    ctx.stroke();
  }
  if (symbol.shape === "ring") {
    ctx.lineWidth = Math.max(1, radius * 0.45);
    ctx.strokeStyle = symbol.colour;
    ctx.stroke();
  } else {
    ctx.fillStyle = symbol.colour;
    ctx.fill();
  }
  return { canvas, half };
}

/* What nothing was drawn on stays as it is: on paper, wiping would paint it white. */
function wipe(ctx, canvas) {
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  if (canvas.inked) ctx.clearRect(0, 0, canvas.width, canvas.height);
}

const inks = new Map();
let inkwell = null;

/* A CSS colour as one pixel of a picture. */
function rgba(colour) {
  if (!inks.has(colour)) {
    inkwell = inkwell || new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    inkwell.clearRect(0, 0, 1, 1);
    inkwell.fillStyle = colour;
    inkwell.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = inkwell.getImageData(0, 0, 1, 1).data;
    inks.set(colour, ((a << 24) | (b << 16) | (g << 8) | r) >>> 0);
  }
  return inks.get(colour);
}

/* ---- hexagons ----------------------------------------------------------------------------- */

const HEX = 13;
const SHARES = ["#0072b2", "#5d9fc9", "#b7c9d3", "#f0c987", "#e8903c", "#c44e00"];

function hexCentre(q, r) { return [HEX * Math.sqrt(3) * (q + r / 2), HEX * 1.5 * r]; }

/* The hexagon that a point in pixels lies in, as one number; the nearest of three by cube rounding. */
function hexKey(x, y) {
  const fq = (Math.sqrt(3) / 3 * x - y / 3) / HEX, fr = (2 / 3 * y) / HEX;
  let q = Math.round(fq), r = Math.round(fr);
  const s = Math.round(-fq - fr);
  const dq = Math.abs(q - fq), dr = Math.abs(r - fr), ds = Math.abs(s + fq + fr);
  if (dq > dr && dq > ds) q = -r - s; else if (dr > ds) r = -q - s;
  return keyOf(q, r);
}

function keyOf(q, r) { return (q + 33554432) * 67108864 + r; }

function fillHexagon(ctx, x, y, size, colour) {
  ctx.fillStyle = colour;
  ctx.globalAlpha = 0.88;
  ctx.beginPath();
  for (let k = 0; k < 6; k++) {
    const turn = Math.PI / 3 * k + Math.PI / 6;
    ctx.lineTo(x + size * Math.cos(turn), y + size * Math.sin(turn));
  }
  ctx.closePath();
  ctx.fill();
  ctx.globalAlpha = 1;
}

/* Which hexagon each point lies in, at one zoom. */
class Hexagons {
  constructor({ x, y, size }, zoom) {
    const scale = 2 ** (zoom + 8 - BITS);
    this.numbers = new Map();
    this.of = new Uint32Array(size);
    let last = -1, number = 0;
    for (let i = 0; i < size; i++) {
      const key = hexKey(x[i] * scale, y[i] * scale);
      if (key !== last) {
        number = this.numbers.get(key);
        if (number === undefined) {
          number = this.numbers.size;
          this.numbers.set(key, number);
        }
        last = key;
      }
      this.of[i] = number;
    }
    const everybody = new Uint32Array(this.numbers.size);
    for (const number of this.of) everybody[number]++;
    this.most = everybody.reduce((most, value) => Math.max(most, value), 1);
    this.version = -1;
  }
  count(layer) {
    if (this.version === layer.version) return;
    this.version = layer.version;
    const all = new Uint32Array(this.numbers.size), gaps = new Uint32Array(this.numbers.size);
    const gap = Uint8Array.from({ length: 256 }, (_, c) => (layer.classes[c] && layer.classes[c].gap ? 1 : 0));
    const { of } = this, shown = layer.shown, kinds = layer.byClass ? layer.classes.length : 0;
    const votes = new Uint32Array(this.numbers.size * kinds);
    for (let i = 0; i < shown.length; i++) {
      const c = shown[i];
      if (c === 255) continue;
      all[of[i]]++;
      gaps[of[i]] += gap[c];
      if (kinds) votes[of[i] * kinds + c]++;
    }
    Object.assign(this, { all, gaps, gap, kinds, votes });
  }
  /* The class of most points in a hexagon; of several, the first. */
  commonest(number) {
    const votes = this.votes.subarray(number * this.kinds, (number + 1) * this.kinds);
    return votes.indexOf(Math.max(...votes));
  }
  /* A point changes from one class to another, 255 for none. */
  move(i, from, to) {
    const number = this.of[i];
    for (const [c, more] of [[from, -1], [to, 1]]) {
      if (c === 255) continue;
      this.all[number] += more;
      this.gaps[number] += more * this.gap[c];
      if (this.kinds) this.votes[number * this.kinds + c] += more;
    }
  }
  number(q, r) { return this.numbers.get(keyOf(q, r)); }
}

/* Rows sorted by their ranks, which are whole numbers from 1; rows without one are left out. */
class InOrder {
  constructor(ranks) {
    this.ranks = ranks;
    let most = 0;
    for (const rank of ranks) if (rank > most && rank !== Infinity) most = rank;
    this.starts = new Uint32Array(most + 2);
    for (const rank of ranks) if (rank <= most) this.starts[rank + 1]++;
    for (let rank = 1; rank < this.starts.length; rank++) this.starts[rank] += this.starts[rank - 1];
    this.rows = new Uint32Array(this.starts[most + 1]);
    const next = this.starts.slice();
    for (let row = 0; row < ranks.length; row++) if (ranks[row] <= most) this.rows[next[ranks[row]]++] = row;
  }
  /* Rows with ranks above the first and up to the last. */
  between(first, last) {
    const most = this.starts.length - 2, from = Math.min(first, most), to = Math.min(last, most);
    return this.rows.subarray(this.starts[from + 1], this.starts[to + 1]);
  }
}

/* ---- the layer ---------------------------------------------------------------------------- */

const queue = [];
let timer = 0, opening = true;

function decoding() { return [...layers.values()].some((layer) => !layer.isReady); }

/* Pictures cost the browser more than drawing does: while the page opens there are few of them, later many. */
function work() {
  const end = performance.now() + (opening ? OPENING : CHUNK);
  while (queue.length && performance.now() < end) queue.shift()();
  if (opening) opening = queue.length > 0 || decoding();
  timer = queue.length ? setTimeout(work, 0) : 0;
}

function wake(wait) {
  clearTimeout(timer);
  timer = setTimeout(work, wait);
}

/* Pixels of a canvas to one of the page. */
function sharpness() { return window.lastmile.paper ? 3 : Math.min(2, window.devicePixelRatio || 1); }

/* Draw now what waits to be drawn. */
function flush() { while (queue.length) queue.shift()(); }

function later(task) {
  queue.push(task);
  if (!timer) wake(opening && decoding() ? OPENING : 0);
}

const Packed = L.GridLayer.extend({
  initialize(name) {
    const about = JSON.parse(document.getElementById(name).textContent);
    L.GridLayer.prototype.initialize.call(this, {
      zIndex: about.style.z_index, tileSize: TILE, noWrap: true, updateWhenZooming: false, keepBuffer: 1, className: "lm-tiles",
    });
    Object.assign(this, { key: name, about, style: about.style, size: about.size, lines: about.lines });
    this.columns = new Columns(this, about.columns);
    this.version = 0;
    this.isReady = false;
    this.theme = 0;
    this.filter = null;
    this.hexagons = new Map();
    this.signs = new Map();
    this.ready = this.decode();
  },

  async decode() {
    const { streams, themes } = this.about;
    const id = (key) => `${this.key}-${key}`;
    const [x, y, counts, steps, ...codes] = await Promise.all([
      integers(id("x"), streams.x),
      integers(id("y"), streams.y),
      streams.counts ? integers(id("counts"), streams.counts) : null,
      streams.steps ? integers(id("steps"), streams.steps) : null,
      ...themes.map((theme) => (theme.codes ? integers(id(theme.key), theme.codes) : new Uint8Array(this.size))),
    ]);
    Object.assign(this, { x, y, steps, codes });
    this.starts = new Uint32Array(this.size + 1);
    for (let i = 0; i < this.size; i++) this.starts[i + 1] = this.starts[i] + (counts ? counts[i] : 1);
    this.boxes = boxesOf(x, y, this.starts);
    this.tree = new Tree(this.boxes);
    if (!this.lines) this.nearZoom = this.zoomWithRoom();
    this.isReady = true;
    this.setTheme(this.theme);
    if (timer && !decoding()) wake(0);
    return this;
  },

  /* The first zoom at which points mostly stand apart. They come in Z-order, so that those of one cell follow each other. */
  zoomWithRoom() {
    const { x, y, size } = this, apart = new Uint32Array(33);
    if (!this.style.hexagons || size < 500) return 0;
    for (let i = 1; i < size; i++) apart[32 - Math.clz32((x[i] ^ x[i - 1]) | (y[i] ^ y[i - 1]))]++;
    for (let zoom = 17; zoom > 0; zoom--) {
      const cells = 1 + apart.subarray(BITS - zoom - 3).reduce((sum, value) => sum + value, 0);
      if (size / cells > 8) return zoom + 1;
    }
    return 0;
  },

  /* ---- which class each feature shows ---- */

  setTheme(number) {
    this.theme = number;
    if (!this.isReady) return;
    this.classes = this.about.themes[number].classes;
    this.byClass = this.style.commonest !== "" && this.about.themes[number].column === this.style.commonest;
    this.paints = this.classes.map((entry) => rgba(entry.colour));
    this.signs.clear();
    this.thinnest = this.steps ? this.leastSteps(number) : new Uint8Array(256);
    this.restyle();
  },

  /* How wide the thinnest line of each class is, in steps: its own width, or that of the layer where classes vary. */
  leastSteps(theme) {
    const least = new Uint8Array(256).fill(255), most = new Uint8Array(256), { steps } = this, codes = this.codes[theme];
    for (let i = 0; i < this.size; i++) {
      least[codes[i]] = Math.min(least[codes[i]], steps[i]);
      most[codes[i]] = Math.max(most[codes[i]], steps[i]);
    }
    return most.some((step, c) => step > least[c]) ? least.fill(Math.min(...least)) : least.map((step) => (step === 255 ? 0 : step));
  },

  /* `filter(row, class)` gives the class to show, or 255 for none. */
  setFilter(filter) {
    const same = !filter && !this.filter;
    this.filter = filter;
    if (this.isReady && !same) this.restyle();
  },

  /* Features whose rank is above the last one show as class `over`, 255 for none; no ranks end it. */
  setLast(ranks, last, over) {
    const before = this.ranked;
    this.ranked = ranks ? { ranks, last, over } : null;
    if (!this.isReady) return;
    if (before && ranks === before.ranks && over === before.over && !this.stale) this.shift(before.last, last);
    else if (before || ranks) this.restyle();
  },

  /* Restyle and repaint only what comes or goes between two ranks. */
  shift(from, to) {
    const { ranks, over } = this.ranked, { filter, boxes } = this, codes = this.codes[this.theme];
    if (!this.inOrder || this.inOrder.ranks !== ranks) this.inOrder = new InOrder(ranks);
    const counted = [...this.hexagons.values()].filter((hexagons) => hexagons.version === this.version);
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (const i of this.inOrder.between(Math.min(from, to), Math.max(from, to))) {
      const old = this.showing[i];
      let c = ranks[i] > to ? over : codes[i];
      if (filter && c !== 255) c = filter(i, c);
      if (c === old) continue;
      this.showing[i] = c;
      for (const hexagons of counted) hexagons.move(i, old, c);
      const at = i * 4;
      x0 = Math.min(x0, boxes[at]); y0 = Math.min(y0, boxes[at + 1]); x1 = Math.max(x1, boxes[at + 2]); y1 = Math.max(y1, boxes[at + 3]);
    }
    this.version++;
    for (const hexagons of counted) hexagons.version = this.version;
    if (x0 <= x1) this.repaint([x0, y0, x1, y1]);
  },

  restyle() {
    this.stale = true;
    this.version++;
    this.repaint();
    if (this.labels) this.labels.repaint();
  },

  classify() {
    const codes = this.codes[this.theme], { size, filter } = this;
    if (!this.showing) this.showing = new Uint8Array(size);
    const shown = this.showing;
    if (this.ranked) {
      const { ranks, last, over } = this.ranked;
      for (let i = 0; i < size; i++) shown[i] = ranks[i] > last ? over : codes[i];
    } else shown.set(codes);
    if (filter) for (let i = 0; i < size; i++) if (shown[i] !== 255) shown[i] = filter(i, shown[i]);
  },

  /* How many features of each class lie within the bounds, and in all. */
  count(bounds) {
    const codes = this.shown, all = new Uint32Array(256), inside = new Uint32Array(256);
    const [x0, y0, x1, y1] = bounds;
    const { boxes } = this;
    for (let i = 0; i < this.size; i++) {
      const c = codes[i], at = i * 4;
      all[c]++;
      if (boxes[at] <= x1 && boxes[at + 2] >= x0 && boxes[at + 1] <= y1 && boxes[at + 3] >= y0) inside[c]++;
    }
    return { all, inside };
  },

  /* ---- drawing ---- */

  createTile(coords, done) {
    const canvas = document.createElement("canvas");
    const ratio = sharpness();
    canvas.width = canvas.height = TILE * ratio;
    canvas.coords = coords;
    const task = () => {
      if (!canvas.gone) this.paint(canvas, coords);
      canvas.painted = true;
      done(null, canvas);
    };
    if (this.isReady) later(task); else this.ready.then(() => later(task));
    return canvas;
  },

  /* Tiles are drawn for the very zoom of the map, halves and quarters too, not for the nearest whole one. */
  _setView(centre, zoom, ...rest) {
    this.exactZoom = zoom;
    L.GridLayer.prototype._setView.call(this, centre, zoom, ...rest);
  },

  _clampZoom() { return this.exactZoom; },

  /* Leaflet looks for tiles to give up after each one drawn: once after all of them is enough. */
  _pruneTiles() {
    if (this.pruning) return;
    this.pruning = true;
    queueMicrotask(() => {
      this.pruning = false;
      L.GridLayer.prototype._pruneTiles.call(this);
    });
  },

  _removeTile(key) {
    const tile = this._tiles[key];
    if (tile) tile.el.gone = true;
    L.GridLayer.prototype._removeTile.call(this, key);
  },

  /* Paint the tiles in use again; only those that meet a box, if there is one. Those still to be painted wait for that. */
  repaint(box) {
    if (!this._map || !this._tiles) return;
    for (const { current, el, coords } of Object.values(this._tiles)) {
      if (!current || !el.painted || (box && !this.meets(coords, box))) continue;
      this.paint(el, coords);
    }
  },

  meets({ x, y, z }, [x0, y0, x1, y1]) {
    const scale = 2 ** (z + 8 - BITS), room = 2 * HEX;
    return x0 * scale < (x + 1) * TILE + room && x1 * scale > x * TILE - room && y0 * scale < (y + 1) * TILE + room && y1 * scale > y * TILE - room;
  },

  /* Paper is finer than a screen. */
  asHexagons(zoom) { return !this.lines && zoom + (window.lastmile.paper ? 1 : 0) < this.nearZoom; },

  paint(canvas, coords) {
    const scale = 2 ** (coords.z + 8 - BITS);
    const ox = coords.x * TILE, oy = coords.y * TILE;
    const drawn = this.isReady && coords.z >= this.style.min_zoom;
    const gathered = drawn && this.asHexagons(coords.z);
    const hits = drawn && !gathered ? this.near(coords, 16) : [];
    const inked = gathered || hits.length > 0;
    if (!inked && !canvas.inked) return;
    const ctx = canvas.getContext("2d");
    const ratio = canvas.width / TILE;
    wipe(ctx, canvas);
    canvas.inked = inked;
    const view = { scale, ox, oy, ratio, zoom: coords.z };
    if (gathered) this.paintHexagons(ctx, view);
    else if (this.lines) this.paintLines(ctx, hits, view);
    else this.paintPoints(ctx, hits, view);
  },

  /* Features whose boxes meet a tile and some pixels around it, in stored order. */
  near({ x, y, z }, room) {
    const scale = 2 ** (z + 8 - BITS);
    return this.tree.query((x * TILE - room) / scale, (y * TILE - room) / scale, ((x + 1) * TILE + room) / scale, ((y + 1) * TILE + room) / scale);
  },

  /* Pixels that a point is wide to each side: small from afar, so that a town is no blot. */
  radius(zoom) {
    const at = Math.max(0, Math.min(SIZES.length - 1, zoom - FAR)), low = Math.floor(at), high = Math.ceil(at);
    return this.style.radius * (SIZES[low] + (SIZES[high] - SIZES[low]) * (at - low));
  },

  /* From afar every class is a dot, and colour alone tells them apart; from near each has its sign. */
  symbolAt(c, zoom, ratio) {
    const symbol = this.classes[c], gap = symbol.gap && !symbol.under, dot = this.style.hexagons && zoom < SIGNS_FROM;
    const radius = this.radius(zoom) * (gap ? (dot ? 1.12 : 1.25) : 1);
    const key = `${c}/${radius}/${ratio}`;
    if (!this.signs.has(key)) this.signs.set(key, sign(dot && symbol.shape !== "ring" ? { ...symbol, shape: "circle" } : symbol, radius, ratio));
    return this.signs.get(key);
  },

  paintPoints(ctx, hits, { scale, ox, oy, ratio, zoom }) {
    const present = new Map(), { shown } = this;
    for (const i of hits) {
      const c = shown[i];
      if (c === 255) continue;
      if (!present.has(c)) present.set(c, []);
      present.get(c).push(i);
    }
    const under = (c) => (this.classes[c].under ? -1 : c);
    for (const c of [...present.keys()].sort((a, b) => under(a) - under(b))) {
      const { canvas, half } = this.symbolAt(c, zoom, ratio);
      for (const i of present.get(c)) {
        ctx.drawImage(canvas, Math.round((this.x[i] * scale - ox - half) * ratio),
          Math.round((this.y[i] * scale - oy - half) * ratio));
      }
    }
  },

  /* Lines shorter than a pixel or two are dots, written straight into the picture; the others are stroked in batches. */
  paintLines(ctx, hits, view) {
    const { scale, ox, oy, ratio } = view;
    const batches = new Map();
    const small = 1.6 / scale;
    let picture = null, dots = null;
    const side = TILE * ratio, { shown } = this, far = this.style.road ? rgba(this.style.edge) : 0;
    for (const i of hits) {
      const c = shown[i], at = i * 4;
      if (c === 255) continue;
      const step = this.steps ? this.steps[i] : 0;
      if (this.boxes[at + 2] - this.boxes[at] < small && this.boxes[at + 3] - this.boxes[at + 1] < small) {
        if (!picture) {
          picture = ctx.createImageData(side, side);
          dots = new Uint32Array(picture.data.buffer);
        }
        const px = ((this.boxes[at] + this.boxes[at + 2]) / 2 * scale - ox) * ratio | 0;
        const py = ((this.boxes[at + 1] + this.boxes[at + 3]) / 2 * scale - oy) * ratio | 0;
        for (let dx = 0; dx <= (step > 1 ? 1 : 0); dx++) for (let dy = 0; dy <= (step > 1 ? 1 : 0); dy++) {
          if (px + dx >= 0 && py + dy >= 0 && px + dx < side && py + dy < side) {
            dots[(py + dy) * side + px + dx] = far || this.paints[c];
          }
        }
        continue;
      }
      const key = step * 256 + c;
      if (!batches.has(key)) batches.set(key, []);
      batches.get(key).push(i);
    }
    if (picture) ctx.putImageData(picture, 0, 0);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.takePen(ctx);
    const keys = [...batches.keys()].sort((a, b) => a - b);
    const coats = keys.map((key) => this.coats(key & 255, key >> 8, view.zoom));
    for (const turn of [0, 1]) {
      keys.forEach((key, k) => { if (coats[k][turn]) this.stroke(ctx, batches.get(key), view, coats[k][turn]); });
    }
    ctx.setLineDash([]);
  },

  takePen(ctx) {
    const { dash } = this.style;
    ctx.lineJoin = "round";
    ctx.lineCap = dash.length ? "butt" : "round";
    ctx.setLineDash(dash);
  },

  /* Colour and width of a line of a class and step; what comes first is its edge, where it has one. */
  coats(c, step, zoom) {
    const { edge, road } = this.style, edged = edge && zoom >= EDGE_FROM, width = this.lineWidth(step, zoom);
    const coat = { colour: road && !edged ? edge : this.classes[c].colour, width };
    return edged ? [{ colour: edge, width: width + 2.5 }, coat] : [coat];
  },

  /* Roads grow with the ground once one is near, other lines hardly. */
  lineWidth(step, zoom) {
    if (this.style.road) return Math.max(0.6, Math.min(18, this.style.width * (1 + step * 0.45) * 1.5 ** (zoom - EDGE_FROM)));
    const near = Math.min(1.5, Math.max(0.4, 0.4 + (zoom - 12) * 0.12));
    return Math.max(0.7, this.style.width * (1 + step * 0.55) * near);
  },

  /* Places are taken off the tile's corner here: a canvas reckons in single precision, too coarse for the world. */
  stroke(ctx, items, { scale, ox, oy }, { colour, width }) {
    const { x, y, starts } = this;
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const i of items) {
      const end = starts[i + 1];
      let v = starts[i];
      ctx.moveTo(x[v] * scale - ox, y[v] * scale - oy);
      for (v++; v < end; v++) ctx.lineTo(x[v] * scale - ox, y[v] * scale - oy);
    }
    ctx.stroke();
  },

  paintHexagons(ctx, { ox, oy, ratio, zoom }) {
    const hexagons = this.hexagonsAt(zoom);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const r0 = Math.floor((oy - HEX) / (HEX * 1.5)), r1 = Math.ceil((oy + TILE + HEX) / (HEX * 1.5));
    for (let r = r0; r <= r1; r++) {
      const q0 = Math.floor((ox - HEX) / (HEX * Math.sqrt(3)) - r / 2);
      const q1 = Math.ceil((ox + TILE + HEX) / (HEX * Math.sqrt(3)) - r / 2);
      for (let q = q0; q <= q1; q++) {
        const number = hexagons.number(q, r);
        if (number === undefined || !hexagons.all[number]) continue;
        const share = hexagons.gaps[number] / hexagons.all[number];
        const colour = this.byClass ? this.classes[hexagons.commonest(number)].colour : SHARES[shareStep(share)];
        const [x, y] = hexCentre(q, r);
        const size = HEX * (0.45 + 0.5 * Math.sqrt(hexagons.all[number] / hexagons.most));
        fillHexagon(ctx, x - ox, y - oy, size, colour);
      }
    }
  },

  hexagonsAt(zoom) {
    if (!this.hexagons.has(zoom)) {
      if (this.hexagons.size >= MOST_ZOOMS) this.hexagons.delete(this.hexagons.keys().next().value);
      this.hexagons.set(zoom, new Hexagons(this, zoom));
    }
    const hexagons = this.hexagons.get(zoom);
    hexagons.count(this);
    return hexagons;
  },

  /* ---- finding ---- */

  place(row) {
    const middle = this.starts[row] + ((this.starts[row + 1] - this.starts[row]) >> 1);
    return this.toLatLng(this.x[middle], this.y[middle]);
  },

  toLatLng(x, y) {
    const north = Math.PI * (1 - 2 * (y + 0.5) / 2 ** BITS);
    return L.latLng(Math.atan(Math.sinh(north)) * 180 / Math.PI, (x + 0.5) / 2 ** BITS * 360 - 180);
  },

  /* The feature nearest to a point of the map, within some pixels: [row, pixels] or null. */
  nearest(point, zoom, reach) {
    if (!this.isReady || zoom < this.style.min_zoom || this.asHexagons(zoom)) return null;
    const scale = 2 ** (zoom + 8 - BITS);
    const x = point.x / scale, y = point.y / scale, far = reach / scale;
    let best = null, least = far;
    for (const i of this.tree.query(x - far, y - far, x + far, y + far)) {
      if (this.shown[i] === 255) continue;
      const distance = this.distance(i, x, y);
      if (distance <= least) { least = distance; best = i; }
    }
    return best === null ? null : [best, least * scale];
  },

  distance(i, x, y) {
    let v = this.starts[i], least = Math.hypot(this.x[v] - x, this.y[v] - y);
    for (v++; v < this.starts[i + 1]; v++) {
      const ax = this.x[v - 1], ay = this.y[v - 1], dx = this.x[v] - ax, dy = this.y[v] - ay;
      const along = dx || dy ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy))) : 0;
      least = Math.min(least, Math.hypot(ax + along * dx - x, ay + along * dy - y));
    }
    return least;
  },

  hexagonAt(point, zoom) {
    if (!this.isReady || !this.asHexagons(zoom)) return null;
    const hexagons = this.hexagonsAt(zoom);
    const number = hexagons.numbers.get(hexKey(point.x, point.y));
    if (number === undefined || !hexagons.all[number]) return null;
    const most = this.byClass ? this.classes[hexagons.commonest(number)].label : "";
    return { all: hexagons.all[number], gaps: hexagons.gaps[number], most };
  },

  /* What shows that a feature is chosen. */
  outline(row) {
    const look = { color: "#111820", weight: 2.5, fill: false, interactive: false };
    if (!this.lines) return L.circleMarker(this.place(row), { ...look, radius: this.style.radius + 5 });
    const path = [];
    for (let v = this.starts[row]; v < this.starts[row + 1]; v++) path.push(this.toLatLng(this.x[v], this.y[v]));
    return L.polyline(path, { ...look, weight: this.style.width + 8, opacity: 0.35 });
  },

  async title(row) {
    if (!this.style.label) return this.about.name;
    return String((await this.columns.get(this.style.label)).at(row)) || this.about.name;
  },

  async tip(row) {
    const title = await this.title(row), shown = this.classes[this.shown[row]];
    return shown && shown.label && shown.label !== title ? `${title} \u00b7 ${shown.label}` : title;
  },

  async popupContent(row) {
    const box = document.createElement("div");
    box.className = "lm-popup";
    const heading = document.createElement("h3");
    heading.textContent = await this.title(row);
    const kind = document.createElement("p");
    kind.className = "lm-kind";
    const shown = this.classes[this.shown[row]];
    kind.append(swatch([[this, this.shown[row]]], this._map.getZoom()), shown && shown.label ? shown.label : this.about.name);
    const table = document.createElement("table");
    for (const [number, field] of this.about.popup.entries()) {
      const text = write((await this.columns.get(field.column)).at(row), field);
      if (text === "" || text === kind.textContent || (number === 0 && text === heading.textContent)) continue;
      const line = table.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = field.label;
      line.append(head);
      line.insertCell().textContent = text;
    }
    box.append(heading, kind, table);
    return box;
  },

  onAdd(map) {
    L.GridLayer.prototype.onAdd.call(this, map);
    pointerOf(map).layers.add(this);
    if (this.style.label_zoom !== null) this.labels = (this.labels || new Labels(this)).addTo(map);
  },

  onRemove(map) {
    pointerOf(map).layers.delete(this);
    if (this.labels) this.labels.remove();
    L.GridLayer.prototype.onRemove.call(this, map);
  },
});

/* ---- labels: tiles of their own, above what they name ----------------------------------------- */

const Labels = L.GridLayer.extend({
  initialize(owner) {
    const { label_z_index: zIndex, label_zoom: minZoom } = owner.style;
    L.GridLayer.prototype.initialize.call(this, { zIndex, minZoom, tileSize: TILE, noWrap: true, updateWhenZooming: false, keepBuffer: 1, className: "lm-tiles" });
    this.owner = owner;
  },

  _setView: Packed.prototype._setView,
  _clampZoom: Packed.prototype._clampZoom,
  _pruneTiles: Packed.prototype._pruneTiles,

  createTile(coords, done) {
    const canvas = document.createElement("canvas");
    const ratio = sharpness();
    canvas.width = canvas.height = TILE * ratio;
    const task = () => later(() => { this.paint(canvas, coords); done(null, canvas); });
    if (this.column) task(); else this.texts().then(task);
    return canvas;
  },

  async texts() {
    const { owner } = this;
    await owner.ready;
    if (!this.column) this.column = await owner.columns.get(owner.style.map_label || owner.style.label);
  },

  repaint() {
    if (!this._map || !this.column) return;
    for (const { current, el, coords } of Object.values(this._tiles)) if (current) this.paint(el, coords);
  },

  paint(canvas, coords) {
    const { owner } = this, ratio = canvas.width / TILE;
    const ctx = canvas.getContext("2d");
    wipe(ctx, canvas);
    canvas.inked = true;
    ctx.font = `${owner.lines ? 500 : 600} 11px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif`;
    ctx.textBaseline = "middle";
    ctx.textAlign = owner.lines ? "center" : "left";
    ctx.lineJoin = "round";
    ctx.lineWidth = 3.5;
    ctx.strokeStyle = HALO;
    ctx.fillStyle = owner.lines ? "#5f6c7b" : "#1f2933";
    const view = { scale: 2 ** (coords.z + 8 - BITS), ox: coords.x * TILE, oy: coords.y * TILE, ratio };
    const hits = owner.near(coords, LABEL_ROOM).filter((i) => owner.shown[i] !== 255);
    if (owner.lines) for (const i of hits) this.along(ctx, i, view);
    else this.beside(ctx, hits, view);
  },

  /* Texts to the right of points; one in each place. */
  beside(ctx, hits, { scale, ox, oy, ratio }) {
    const { x, y, style } = this.owner, taken = new Set();
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const i of hits) {
      const px = x[i] * scale, py = y[i] * scale, cell = `${Math.round(px / 30)}/${Math.round(py / 14)}`;
      if (taken.has(cell)) continue;
      taken.add(cell);
      this.write(ctx, String(this.column.at(i)), px - ox + style.radius + 3, py - oy);
    }
  },

  /* A text along a line, once for every so many pixels, where the line is long and straight enough. */
  along(ctx, i, { scale, ox, oy, ratio }) {
    const text = String(this.column.at(i));
    if (text === "") return;
    const { x, y, starts } = this.owner, width = ctx.measureText(text).width;
    const path = [];
    let length = 0;
    for (let v = starts[i]; v < starts[i + 1]; v++) {
      const px = x[v] * scale - ox, py = y[v] * scale - oy;
      if (path.length) length += Math.hypot(px - path[path.length - 1][0], py - path[path.length - 1][1]);
      path.push([px, py, length]);
    }
    const times = Math.floor(length / LABEL_EVERY) + 1;
    if (length < width * 1.15) return;
    for (let k = 0; k < times; k++) {
      const middle = length * (k + 0.5) / times;
      const [ax, ay] = pointAlong(path, middle - width / 2), [bx, by] = pointAlong(path, middle + width / 2);
      if (Math.hypot(bx - ax, by - ay) < width * 0.94) continue;
      const turn = Math.atan2(by - ay, bx - ax), upright = Math.abs(turn) > Math.PI / 2 ? turn + Math.PI : turn;
      ctx.setTransform(ratio, 0, 0, ratio, (ax + bx) / 2 * ratio, (ay + by) / 2 * ratio);
      ctx.rotate(upright);
      this.write(ctx, text, 0, 0);
    }
  },

  write(ctx, text, x, y) {
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  },
});

/* The point so many pixels along a path of [x, y, pixels so far]. */
function pointAlong(path, far) {
  let k = 1;
  while (k < path.length - 1 && path[k][2] < far) k++;
  const [ax, ay, from] = path[k - 1], [bx, by, to] = path[k], share = to > from ? (far - from) / (to - from) : 0;
  return [ax + share * (bx - ax), ay + share * (by - ay)];
}

/* Class that each feature shows, worked out when it is first needed. */
Object.defineProperty(Packed.prototype, "shown", { get() {
  if (this.stale) {
    this.stale = false;
    this.classify();
  }
  return this.showing;
} });

function shareStep(share) { return share === 0 ? 0 : Math.min(5, 1 + Math.floor(share * 5 - 1e-9)); }

function write(value, field) {
  if (typeof value !== "number") return value;
  if (Number.isNaN(value)) return "";
  const text = value.toLocaleString(document.documentElement.lang || undefined, { maximumFractionDigits: field.decimals });
  return field.unit ? `${text} ${field.unit}` : text;
}

/* ---- swatches: what the legend shows is drawn as the map draws it at a zoom -------------------- */

const SWATCH = { width: 24, height: 20 };

/* A small canvas with a `draw(zoom)` of its own; `sketch(ctx, ratio, zoom)` begins at its middle. */
function swatchOf(sketch, zoom) {
  const canvas = document.createElement("canvas");
  canvas.className = "lm-swatch";
  canvas.setAttribute("aria-hidden", "true");
  canvas.draw = (at) => {
    const ratio = sharpness(), ctx = canvas.getContext("2d");
    canvas.width = SWATCH.width * ratio;
    canvas.height = SWATCH.height * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, SWATCH.width / 2 * ratio, SWATCH.height / 2 * ratio);
    if (at !== undefined) sketch(ctx, ratio, at);
  };
  canvas.draw(zoom);
  return canvas;
}

/* Classes of layers, [layer, class] each, the later ones on top. */
function swatch(marks, zoom) {
  return swatchOf((ctx, ratio, at) => { for (const [layer, c] of marks) drawMark(ctx, ratio, layer, c, at); }, zoom);
}

function drawMark(ctx, ratio, layer, c, at) {
  const seen = Math.max(at, layer.style.min_zoom), shown = layer.isReady && layer.classes[c];
  if (!shown) return;
  if (layer.asHexagons(seen)) fillHexagon(ctx, 0, 0, HEX * 0.65, layer.byClass ? shown.colour : SHARES[shown.gap ? 5 : 0]);
  else if (layer.lines) strokeSample(ctx, layer, [[c, layer.thinnest[c]]], seen);
  else {
    const { canvas, half } = layer.symbolAt(c, seen, ratio);
    ctx.drawImage(canvas, -half, -half, 2 * half, 2 * half);
  }
}

/* A line that grows through all the widths of its layer. */
function widths(layer, zoom) {
  const pieces = [...layer.style.width_breaks, 0].map((_, step) => [0, step]);
  return swatchOf((ctx, ratio, at) => { if (layer.isReady) strokeSample(ctx, layer, pieces, at); }, zoom);
}

/* A line of all the colours of its layer, class after class. */
function colours(layer, zoom) {
  return swatchOf((ctx, ratio, at) => {
    if (layer.isReady) strokeSample(ctx, layer, layer.classes.map((_, c) => [c, layer.thinnest[c]]), Math.max(at, layer.style.min_zoom));
  }, zoom);
}

function hexagonSwatch(step) { return swatchOf((ctx) => fillHexagon(ctx, 0, 0, HEX * 0.65, SHARES[step]), 0); }

/* A line of pieces, [class, step] each. */
function strokeSample(ctx, layer, pieces, zoom) {
  const { width, height } = SWATCH, piece = width / pieces.length, coats = pieces.map(([c, step]) => layer.coats(c, step, zoom));
  layer.takePen(ctx);
  ctx.lineCap = "butt";
  for (const turn of coats[0].keys()) coats.forEach((coat, k) => {
    ctx.strokeStyle = coat[turn].colour;
    ctx.lineWidth = Math.min(coat[turn].width, height - 4);
    ctx.beginPath();
    ctx.moveTo(k * piece - width / 2, 0);
    ctx.lineTo((k + 1) * piece - width / 2, 0);
    ctx.stroke();
  });
}

/* ---- pointer: hover and click find what is nearest, topmost layer first -------------------- */

const pointers = new WeakMap();

function pointerOf(map) {
  if (!pointers.has(map)) pointers.set(map, new Pointer(map));
  return pointers.get(map);
}

class Pointer {
  constructor(map) {
    this.map = map;
    this.layers = new Set();
    this.tip = L.DomUtil.create("div", "lm-tip", map.getContainer());
    this.tip.hidden = true;
    this.say = ({ all, gaps, most }) => `${all} · ${most || `${gaps} (${Math.round(100 * gaps / all)} %)`}`;
    let waiting = false;
    map.on("mousemove", (event) => {
      this.last = event;
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; this.hover(this.last); });
    });
    map.on("mouseout movestart zoomstart", () => this.leave());
    map.on("click", (event) => this.click(event.latlng));
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === map.getContainer()) this.click(map.getCenter(), 200);
    });
  }
  find(latlng, reach) {
    const zoom = this.map.getZoom(), point = this.map.project(latlng, zoom);
    const layers = [...this.layers].filter((layer) => layer.style.interactive);
    layers.sort((a, b) => b.style.z_index - a.style.z_index);
    for (const layer of layers) {
      const found = layer.nearest(point, zoom, layer.lines ? Math.min(reach, 5) : reach);
      if (found) return { layer, row: found[0] };
      const hexagon = layer.hexagonAt(point, zoom);
      if (hexagon) return { layer, hexagon };
    }
    return null;
  }
  async hover(event) {
    const found = this.find(event.latlng, 9);
    this.map.getContainer().classList.toggle("lm-pointer", Boolean(found));
    if (!found) return this.leave();
    const text = found.hexagon ? this.say(found.hexagon) : await found.layer.tip(found.row);
    if (this.last !== event) return undefined;
    this.tip.textContent = text;
    this.tip.hidden = false;
    const { x, y } = event.containerPoint;
    this.tip.style.left = `${Math.min(x + 14, this.map.getSize().x - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.max(4, y - 30)}px`;
    return undefined;
  }
  leave() { this.last = null; this.tip.hidden = true; }
  async click(latlng, reach = 9) {
    const found = this.find(latlng, reach);
    if (found && found.hexagon) this.map.setView(latlng, Math.min(this.map.getZoom() + 2, this.map.getMaxZoom()));
    else if (found) await this.open(found.layer, found.row);
  }
  async open(layer, row) {
    const content = await layer.popupContent(row);
    const { x, y } = this.map.getSize();
    const room = { maxWidth: Math.min(340, x - 60), minWidth: Math.min(220, x - 60), maxHeight: Math.max(120, y - 150) };
    const popup = L.popup({ ...room, autoPanPaddingTopLeft: [12, 90], autoPanPaddingBottomRight: [12, 30] }).setLatLng(layer.place(row)).setContent(content);
    this.map.closePopup();
    const mark = layer.outline(row).addTo(this.map);
    popup.on("remove", () => mark.remove());
    popup.openOn(this.map);
  }
}

const layers = new Map();
window.lastmile = {
  BITS, SHARES, layers, pointerOf, swatch, widths, colours, hexagonSwatch, integers, shareStep, flush, paper: false,
  idle: () => !queue.length && (!window.lastmile.page || window.lastmile.page.isReady) && [...layers.values()].every((layer) => layer.isReady),
  packedLayer(name) {
    const layer = new Packed(name);
    layers.set(name, layer);
    return layer;
  },
};
})();
