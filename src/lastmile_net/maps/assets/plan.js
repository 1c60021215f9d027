/* The panel of a plan's map: headline, search, legend, filters, budget, and the link that keeps them. */
(() => {
"use strict";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function vector(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/* Drawn on 16 by 16. */
const ICONS = {
  fit: "M2 3h12v10H2z M6 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  copy_link: "M6.5 9.5l3-3 M7.2 4.9l1.5-1.5a2.6 2.6 0 0 1 3.7 3.7l-1.5 1.5 M8.8 11.1l-1.5 1.5a2.6 2.6 0 0 1-3.7-3.7l1.5-1.5",
  print: "M4.5 6V2h7v4 M4.5 12H2V6h12v6h-2.5 M4.5 10h7v4h-7z",
  full_screen: "M2 6V2h4 M10 2h4v4 M14 10v4h-4 M6 14H2v-4",
};
/* Ways to show customers, as links name them; the last one for plans that have phases. */
const THEMES = ["plan", "today", "phases"];
const PHASES = 2;
/* Class of what lies beside the area that the map is of. */
const BESIDE = "beside";
const NARROW = "(max-width: 720px)";

class PlanPage {
  constructor(map, about) {
    this.map = map;
    this.about = about;
    this.words = about.words;
    this.layers = about.layers.map((entry) => ({ ...entry, packed: lastmile.layers.get(entry.layer) }));
    this.customers = this.layers.find((entry) => entry.key === "customers");
    this.number = new Intl.NumberFormat(this.language());
    this.state = { theme: 0, without: new Set(), hidden: new Set(), area: "", most: Infinity, budget: null };
    for (const entry of this.layers) if (!entry.shown) this.state.hidden.add(entry.key);
    this.rows = [];
    this.data = {};
  }

  language() { return document.documentElement.lang || "en"; }
  say(key) { return this.words[key] ?? key; }
  count(value) { return this.number.format(value); }
  money(value) {
    const { currency } = this.about;
    const options = { maximumFractionDigits: 0 };
    if (/^[A-Z]{3}$/.test(currency)) Object.assign(options, { style: "currency", currency, currencyDisplay: "narrowSymbol" });
    if (Math.abs(value) >= 1e7) Object.assign(options, { notation: "compact", maximumFractionDigits: 2 });
    const text = new Intl.NumberFormat(this.language(), options).format(value);
    return options.style || !currency ? text : `${text} ${currency}`;
  }
  /* A length in the unit of the whole that it is a part of. */
  metres(value, whole = value) {
    const [size, unit] = whole >= 10000 ? [value / 1000, "km"] : [value, "m"];
    const digits = size < 1 ? 2 : size < 100 ? 1 : 0;
    return `${new Intl.NumberFormat(this.language(), { maximumFractionDigits: digits }).format(size)} ${unit}`;
  }

  async start() {
    const container = this.map.getContainer();
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", this.say("map_name"));
    container.tabIndex = 0;
    lastmile.pointerOf(this.map).say = ({ all, gaps, most }) => this.say(most ? "hexagon_tip_most" : "hexagon_tip").replace("{all}", this.count(all))
      .replace("{gaps}", this.count(gaps)).replace("{share}", this.count(Math.round(100 * gaps / all))).replace("{most}", () => most);
    if (this.about.curve && this.customers) this.addLater();
    if (this.about.phases) this.addPhases();
    this.readLink();
    this.build();
    this.map.setMaxZoom(20);
    this.addControls();
    this.map.invalidateSize(false);
    this.setView();
    for (const entry of this.layers) {
      entry.packed.theme = this.themeOf(entry);
      this.show(entry);
    }
    window.addEventListener("beforeprint", () => this.toPaper());
    window.addEventListener("afterprint", () => this.fromPaper());
    this.map.on("moveend", () => { this.recount(); this.writeLink(); });
    window.addEventListener("hashchange", () => this.followLink());
    await Promise.all(this.layers.map((entry) => this.open(entry)));
    this.countNow();
    this.wait.remove();
    this.opened = true;
  }

  /* Whether nothing is on its way to the picture. */
  get isReady() { return Boolean(this.opened) && !this.loading && !this.dragging; }

  addLater() {
    const [plan] = this.customers.packed.about.themes;
    this.later = plan.classes.length;
    plan.classes.push({ value: "later", label: this.say("later"), colour: "#6ba6cd", shape: "ring", gap: true, under: true });
  }

  /* Phases that nothing on this map belongs to are told, too. */
  addPhases() {
    for (const { packed } of this.layers) {
      for (const { column, classes } of packed.about.themes) {
        if (column === "_phase") classes.push(...this.about.phases.filter(({ value }) => !classes.some((one) => one.value === value)));
      }
    }
  }

  /* How a layer is coloured: customers as one chose, trenches by phase or by kind. */
  themeOf({ packed }) {
    const { theme } = this.state;
    return packed === this.customers?.packed ? theme : Number(theme === PHASES && packed.about.themes.length > 1);
  }

  async open(entry) {
    const { packed } = entry, measured = packed.about.columns[entry.metres];
    const [lengths] = await Promise.all([measured && packed.columns.get(entry.metres), packed.ready]);
    if (measured) entry.lengths = lengths.values;
    if (this.state.budget !== null) await this.loadRanks(entry);
    if (entry === this.customers) {
      this.classRows();
      await this.fillFilters();
      if (this.filters()) await this.loadFilters();
    }
    this.applyTo(entry);
  }

  /* Columns that are unpacked when they are first asked for: most who look at a map never drag or filter. */
  async load(kind, ...given) {
    this.loading = (this.loading || 0) + 1;
    await this[kind](...given);
    this.loading--;
  }

  async loadRanks(entry) {
    const { packed, order } = entry;
    if (entry.ranks || !this.curve || !packed.about.columns[order]) return;
    const { values } = await packed.columns.get(order);
    entry.ranks = entry === this.customers ? values : values.map((rank) => (Number.isNaN(rank) ? Infinity : rank));
  }

  async loadAllRanks() { await Promise.all(this.layers.map((entry) => this.loadRanks(entry))); }

  async loadFilters() {
    const { columns } = this.customers.packed;
    if (this.state.area !== "" && columns.about.area_id && columns.about.area_id.codes) this.data.areas = (await columns.get("area_id")).texts;
    if (this.state.most !== Infinity && columns.about._per_home) this.data.perHome = (await columns.get("_per_home")).values;
  }

  /* ---- the page ---- */

  build() {
    const { say } = { say: (key) => this.say(key) };
    this.body = make("div", { class: "lm-body" });
    this.printed = make("span", { class: "lm-printed" });
    this.applied = make("p", { class: "lm-applied" });
    const head = make("header", { class: "lm-head" }, make("h1", {}, this.about.title), this.searchBox());
    this.panel = make("aside", { class: "lm-panel", "aria-label": this.about.title }, head, this.body,
      make("footer", { class: "lm-foot" }, make("span", {}, say("paper")), this.printed));
    this.body.append(this.headline(), this.customerSection(), ...this.budgetSection(), this.layerSection(), this.filterSection(), this.applied);
    this.handle = make("button", { type: "button", class: "lm-handle", title: say("panel"), "aria-label": say("panel"), onclick: () => this.togglePanel() },
      make("span", {}, say("panel_name")), make("i"));
    document.body.prepend(this.panel);
    document.body.append(this.handle);
    if (matchMedia(NARROW).matches) this.togglePanel();
    this.wait = make("div", { class: "lm-wait", role: "status" }, "…");
    document.body.append(this.wait);
    this.writeBudget();
  }

  togglePanel() {
    const closed = document.body.classList.toggle("lm-closed");
    this.handle.setAttribute("aria-expanded", String(!closed));
  }

  /* What stands in the corners of the map, laid out by Leaflet: nothing lies on anything else. */
  addControls() {
    const { map } = this, credit = make("span", {}, this.about.credit);
    const put = (position, element) => {
      const control = L.control({ position });
      control.onAdd = () => { L.DomEvent.disableClickPropagation(element); return element; };
      control.addTo(map);
    };
    L.control.zoom({ position: "topleft", zoomInTitle: this.say("zoom_in"), zoomOutTitle: this.say("zoom_out") }).addTo(map);
    put("topright", this.tools());
    L.control.scale({ imperial: false, position: "bottomleft", maxWidth: matchMedia(NARROW).matches ? 100 : 140 }).addTo(map);
    L.control.attribution({ prefix: false }).addAttribution(credit.innerHTML).addTo(map);
    new ResizeObserver(() => map.invalidateSize(false)).observe(map.getContainer());
  }

  tools() {
    const button = (key, action) => make("button", { type: "button", title: this.say(key), "aria-label": this.say(key), onclick: action },
      vector("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, vector("path", { d: ICONS[key] })), make("span", {}, this.say(key)));
    const link = button("copy_link", async () => {
      this.writeLink();
      try { await navigator.clipboard.writeText(location.href); this.tellCopied(link); } catch { window.prompt(this.say("copy_link"), location.href); }
    });
    const fullScreen = () => {
      if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen();
    };
    return make("div", { class: "lm-tools leaflet-control", role: "toolbar" }, button("fit", () => this.fit()), link,
      button("print", () => window.print()), document.fullscreenEnabled ? button("full_screen", fullScreen) : null);
  }

  tellCopied(link) {
    const tell = (key) => { link.lastChild.textContent = this.say(key); link.classList.toggle("lm-done", key === "copied"); };
    tell("copied");
    setTimeout(() => tell("copy_link"), 1500);
  }

  headline() {
    const { summary } = this.about;
    const units = summary.units || {}, customers = summary.customers || {}, cost = (summary.cost || {}).total;
    const figures = [];
    const figure = (key, text, note = "") => figures.push(make("div", { id: `lm-${key}` }, make("dt", {}, this.say(key)),
      make("dd", {}, text, note && make("small", {}, note))));
    if (units.total != null) figure("homes", this.count(units.total));
    if (customers.total != null) figure("customers", this.count(customers.total));
    if (cost != null) figure("cost", this.money(cost));
    if (cost != null && units.planned) figure("cost_per_home", this.money(cost / units.planned));
    if (summary.trench_m != null) figure("trench", this.metres(summary.trench_m));
    if (summary.gap != null) figure("gap", `${new Intl.NumberFormat(this.language(), { maximumFractionDigits: 2 }).format(100 * summary.gap)} %`, this.say("gap_note"));
    const scope = this.about.scope ? [make("p", { class: "lm-shares", id: "lm-scope" }, this.about.scope)] : [];
    const section = make("section", { id: "lm-headline" }, ...scope, make("dl", { class: "lm-figures" }, ...figures));
    if (units.total) section.append(...this.shares(units));
    for (const left of ["unmapped", "untold"]) {
      if (this.about[left]) section.append(make("p", { class: "lm-shares" }, this.say(left).replace("{n}", this.count(this.about[left]))));
    }
    return section;
  }

  shares(units) {
    const { shares } = this.about, gaps = shares.filter((one) => one.of === "unserved");
    const share = (key) => 100 * (units[key] || 0) / units.total;
    const paint = (element, colour) => { element.style.background = colour; return element; };
    const bar = make("div", { class: "lm-bar", "aria-hidden": "true" }, ...shares.map(({ colour, units: size }) => {
      const piece = paint(make("span"), colour);
      piece.style.width = `${100 * size / units.total}%`;
      return piece;
    }));
    const colourOf = (key) => (shares.find((one) => one.of === key) || { colour: "#9aa5b1" }).colour;
    const stripes = gaps.map(({ colour }, i) => `${colour} ${100 * i / gaps.length}% ${100 * (i + 1) / gaps.length}%`);
    const parts = [["existing", "served_today", colourOf("existing")], ["planned", "served_plan", colourOf("planned")],
      ["unserved", "not_served", gaps.length > 1 ? `linear-gradient(90deg, ${stripes.join(", ")})` : colourOf("unserved")]];
    const percent = new Intl.NumberFormat(this.language(), { maximumFractionDigits: 1, minimumFractionDigits: 1 });
    const list = make("ul", { class: "lm-shares" }, ...parts.map(([key, word, colour]) =>
      make("li", {}, paint(make("i"), colour), this.say(word), make("b", {}, `${this.count(units[key] || 0)} · ${percent.format(share(key))} %`))));
    return [bar, list];
  }

  heading(key, note) { return make("h2", {}, this.say(key), note ? make("small", {}, this.say(note)) : null); }

  customerSection() {
    const choice = (number, key) => make("label", {}, make("input", { type: "radio", name: "lm-theme", value: number, checked: this.state.theme === number,
      onchange: () => this.setTheme(number) }), this.say(key));
    this.classBox = make("div");
    this.hexagonText = make("span");
    this.shareBox = make("div", {}, ...lastmile.SHARES.map((_, i) => make("span", {}, lastmile.hexagonSwatch(i), i ? `≤ ${20 * i}` : "0")));
    this.hexagonBox = make("div", { class: "lm-hexagons", hidden: true }, this.hexagonText, this.shareBox);
    return make("section", { id: "lm-view", hidden: !this.customers }, this.heading("view", "legend"),
      make("div", { class: "lm-switch", role: "radiogroup", "aria-label": this.say("view") }, choice(0, "view_plan"), choice(1, "view_today"),
        this.about.phases ? choice(PHASES, "view_phases") : null),
      this.classBox, this.hexagonBox);
  }

  classRows() {
    const { packed } = this.customers, phases = this.state.theme === PHASES ? this.about.phases : [];
    const dug = this.layers.find(({ key }) => key === "trenches");
    const rows = packed.classes.map((entry, number) => {
      const phase = phases.findIndex(({ value }) => value === entry.value), marks = [[packed, number]];
      if (phase >= 0 && dug) marks.unshift([dug.packed, dug.packed.about.themes[1].classes.findIndex(({ value }) => value === entry.value)]);
      const output = make("output");
      const box = make("input", { type: "checkbox", checked: !this.state.without.has(entry.value), "data-class": entry.value, onchange: () => {
        if (box.checked) this.state.without.delete(entry.value); else this.state.without.add(entry.value);
        this.applyClasses();
        this.changed();
      } });
      entry.output = output;
      entry.number = number;
      return make("label", { class: "lm-row" }, box, this.swatch(...marks), make("span", {}, entry.label), output, this.phaseNote(phases[phase]));
    });
    const place = (number) => phases.findIndex(({ value }) => value === packed.classes[number].value) >>> 0;
    const order = [...rows.keys()].sort((a, b) => place(a) - place(b) || a - b);
    this.classBox.replaceChildren(...order.map((number) => rows[number]));
  }

  phaseNote(phase) {
    if (!phase) return null;
    const homes = this.say(phase.units === 1 ? "phase_home" : "phase_homes").replace("{n}", this.count(phase.units));
    return make("small", {}, phase.cost === null ? homes : `${this.money(phase.cost)} · ${homes}`);
  }

  swatch(...marks) { return lastmile.swatch(marks, this.map.getZoom()); }

  /* Signs change as one comes near, and so does the legend. */
  drawSwatches() { for (const one of this.panel.querySelectorAll(".lm-swatch")) one.draw(this.map.getZoom()); }

  layerSection() {
    const section = make("section", { id: "lm-layers" }, this.heading("layers", "legend"));
    for (const entry of [...this.layers].reverse()) {
      const { packed } = entry;
      entry.output = make("output");
      const box = make("input", { type: "checkbox", checked: !this.state.hidden.has(entry.key), "data-layer": entry.key, onchange: () => this.setLayer(entry, box.checked) });
      entry.box = box;
      entry.mark = make("span");
      entry.kinds = make("div");
      entry.rows = make("div", { class: "lm-layer" },
        make("label", { class: "lm-row" }, box, entry.mark, make("span", {}, packed.about.name), entry.output), entry.kinds);
      this.kindRows(entry);
      if (entry.key === "trenches") entry.rows.append(make("div", { class: "lm-class" }, lastmile.widths(packed), make("span", {}, this.say("width_note"))));
      section.append(entry.rows);
    }
    return section;
  }

  /* How a layer is drawn: one mark, a row for each of its classes, or the colours of the phases that stand with the customers. */
  kindRows({ packed, mark, kinds }) {
    if (packed === this.customers?.packed) return;
    const { classes } = packed.about.themes[this.themeOf({ packed })], phased = this.themeOf({ packed }) === 1;
    const told = classes.filter(({ value }) => value !== BESIDE), single = told.length < 2;
    mark.replaceChildren(...(phased ? [lastmile.colours(packed, this.map.getZoom())] : single ? [this.swatch([packed, Math.max(0, classes.indexOf(told[0]))])] : []));
    kinds.replaceChildren(...(phased || single ? [] : told.map((one) => make("div", { class: "lm-class" }, this.swatch([packed, classes.indexOf(one)]), make("span", {}, one.label)))));
  }

  filterSection() {
    this.areaBox = make("select", { onchange: async () => {
      this.state.area = this.areaBox.value;
      await this.load("loadFilters");
      this.applyTo(this.customers);
      if (this.state.area !== "") this.fitShown();
      this.changed();
    } });
    this.mostBox = make("input", { type: "number", min: 0, step: "any", placeholder: this.say("any"), oninput: async () => {
      this.state.most = this.mostBox.value === "" ? Infinity : Number(this.mostBox.value);
      await this.load("loadFilters");
      this.applyTo(this.customers);
      this.changed();
    } });
    this.areaLabel = make("label", { hidden: true }, this.say("area"), this.areaBox);
    this.mostLabel = make("label", { hidden: true }, this.say("most_per_home"), this.mostBox);
    this.filterBox = make("section", { class: "lm-filter", id: "lm-filter", hidden: true }, this.heading("filter"), this.areaLabel, this.mostLabel,
      make("button", { type: "button", onclick: () => this.reset() }, this.say("reset")));
    return this.filterBox;
  }

  async fillFilters() {
    const { columns, about } = this.customers.packed;
    if (columns.about.area_id && columns.about.area_id.codes) {
      const names = (await columns.words("area_id")).filter((name) => name !== "").sort(new Intl.Collator(this.language(), { numeric: true }).compare);
      this.areaBox.replaceChildren(make("option", { value: "" }, this.say("all_areas")), ...names.map((name) => make("option", { value: name }, name)));
      this.areaBox.value = this.state.area;
      this.areaLabel.hidden = names.length < 2;
    }
    this.mostLabel.hidden = !about.popup.some(({ column }) => column === "_per_home");
    if (this.state.most !== Infinity) this.mostBox.value = this.state.most;
    this.filterBox.hidden = this.areaLabel.hidden && this.mostLabel.hidden;
  }

  /* ---- what is shown ---- */

  setTheme(number) {
    this.state.theme = number;
    for (const entry of this.layers) {
      const { packed } = entry, theme = this.themeOf(entry);
      if (packed.theme !== theme) {
        Object.assign(packed, { filter: null, ranked: null });
        packed.setTheme(theme);
        this.kindRows(entry);
      }
      this.show(entry);
      this.applyTo(entry);
    }
    if (this.budgetBox) this.budgetBox.hidden = number !== 0;
    this.classRows();
    this.changed();
  }

  setLayer(entry, on) {
    if (on) this.state.hidden.delete(entry.key); else this.state.hidden.add(entry.key);
    this.show(entry);
    this.changed();
  }

  /* What is planned is not there today. */
  show(entry) {
    const notYet = entry.planned && this.state.theme === 1;
    if (notYet || this.state.hidden.has(entry.key)) entry.packed.remove(); else entry.packed.addTo(this.map);
    if (entry.rows) entry.rows.hidden = notYet;
  }

  reset() {
    Object.assign(this.state, { area: "", most: Infinity });
    this.state.without.clear();
    this.areaBox.value = "";
    this.mostBox.value = "";
    this.classRows();
    this.applyClasses();
    this.changed();
  }

  applyTo(entry) {
    if (!entry.packed.isReady) return;
    this.applyBudget(entry);
    entry.packed.setFilter(entry === this.customers ? this.customerFilter() : this.phaseFilter(entry));
  }

  /* A phase that is switched off takes its trenches along. */
  applyClasses() { for (const entry of this.state.theme === PHASES ? this.layers : [this.customers]) this.applyTo(entry); }

  phaseFilter(entry) {
    const off = entry.packed.classes.map(({ value }) => this.state.without.has(value));
    return this.themeOf(entry) === 1 && off.includes(true) ? (row, shown) => (off[shown] ? 255 : shown) : null;
  }

  applyBudget(entry) {
    const isCustomers = entry === this.customers;
    const step = this.state.theme === 0 ? this.step() : null;
    entry.packed.setLast(step && entry.ranks, step && step.build_order, isCustomers ? this.later : 255);
  }

  filters() { return this.state.area !== "" || this.state.most !== Infinity; }

  customerFilter() {
    const { without, area, most } = this.state;
    const { perHome, areas: names } = this.data;
    const areaNumber = area === "" || !names ? -1 : names.words().indexOf(area);
    const off = this.customers.packed.classes.map((entry) => without.has(entry.value));
    const areas = names ? names.numbers : null;
    if (!off.includes(true) && areaNumber < 0 && most === Infinity) return null;
    return (row, shown) => {
      if (off[shown]) return 255;
      if (areaNumber >= 0 && areas[row] !== areaNumber) return 255;
      if (most !== Infinity && perHome && perHome[row] > most) return 255;
      return shown;
    };
  }

  changed() { this.recount(); this.writeLink(); }

  /* Count again once nothing has moved for a moment. */
  recount() {
    clearTimeout(this.counting);
    this.counting = setTimeout(() => this.countNow(), 90);
  }

  countNow() {
    const bounds = this.map.getPixelBounds(), scale = 2 ** (this.map.getZoom() + 8 - lastmile.BITS);
    const box = [bounds.min.x / scale, bounds.min.y / scale, bounds.max.x / scale, bounds.max.y / scale];
    this.drawSwatches();
    for (const entry of this.layers) {
      const { packed } = entry;
      if (!packed.isReady) continue;
      if (entry === this.customers) {
        const { all, inside } = packed.count(box);
        packed.classes.forEach((one, c) => {
          if (!one.output) return;
          one.output.replaceChildren(make("b", {}, this.count(inside[c])), ` / ${this.count(all[c])}`);
        });
        const total = (numbers) => packed.classes.reduce((sum, _, c) => sum + numbers[c], 0);
        entry.output.replaceChildren(make("b", {}, this.count(total(inside))), ` / ${this.count(total(all))}`);
        this.hexagonBox.hidden = !packed.asHexagons(this.map.getZoom());
        this.shareBox.hidden = packed.byClass;
        this.hexagonText.textContent = this.say(packed.byClass ? "hexagons_most" : "hexagons");
      } else this.countLayer(entry, box);
      entry.output.parentElement.classList.toggle("lm-none", this.map.getZoom() < packed.style.min_zoom);
    }
  }

  countLayer(entry, [x0, y0, x1, y1]) {
    const { packed, lengths } = entry;
    const { boxes, shown, classes } = packed, beside = classes.findIndex(({ value }) => value === BESIDE);
    let all = 0, inside = 0;
    for (let i = 0; i < packed.size; i++) {
      if (shown[i] === 255 || shown[i] === beside) continue;
      const at = i * 4, size = lengths ? lengths[i] : 1;
      all += size;
      if (boxes[at] <= x1 && boxes[at + 2] >= x0 && boxes[at + 1] <= y1 && boxes[at + 3] >= y0) inside += size;
    }
    const write = (value) => (lengths ? this.metres(value, all) : this.count(value));
    entry.output.replaceChildren(make("b", {}, write(inside)), ` / ${write(all)}`);
  }

  /* ---- budget ---- */

  budgetSection() {
    const { curve } = this.about;
    if (!curve) return [];
    this.curve = curve;
    this.steps = curve.cost.length;
    const slider = make("input", { type: "range", min: 0, max: this.steps - 1, step: 1, value: this.state.budget ?? this.steps - 1,
      "aria-label": this.say("budget"), onfocus: () => this.load("loadAllRanks"), onpointerenter: () => this.load("loadAllRanks"),
      oninput: () => this.drag(Number(slider.value)), onchange: () => this.changed() });
    this.slider = slider;
    this.budgetText = make("b");
    this.homesText = make("b");
    this.customersText = make("b");
    this.boundText = make("b");
    this.boundLine = make("p", {}, this.say("budget_bound"), this.boundText);
    this.budgetBox = make("section", { class: "lm-budget", id: "lm-budget", hidden: this.state.theme !== 0 }, make("h2", {}, this.say("budget"), this.budgetText), slider,
      make("p", {}, this.say("budget_homes"), this.homesText), make("p", {}, this.say("budget_customers"), this.customersText), this.boundLine, this.drawCurve());
    return [this.budgetBox];
  }

  /* What the slider's position pays for; null without a slider, or when everything is paid for. */
  step(always = false) {
    if (!this.curve || (this.state.budget === null && !always)) return null;
    const position = this.state.budget ?? this.steps - 1;
    return Object.fromEntries(["cost", "units", "customers", "build_order", "upper_bound"].map((key) => [key, this.curve[key][position]]));
  }

  moneyAt(position) { return this.curve.total[0] * position / (this.steps - 1); }

  async drag(position) {
    this.state.budget = position === this.steps - 1 ? null : position;
    this.writeBudget();
    if (this.dragging) return;
    this.dragging = true;
    await this.loadAllRanks();
    requestAnimationFrame(() => {
      this.dragging = false;
      for (const entry of this.layers) if (entry.ranks) this.applyBudget(entry);
      this.frames = (this.frames || 0) + 1;
      this.recount();
    });
  }

  writeBudget() {
    if (!this.curve) return;
    const step = this.step(true);
    this.budgetText.textContent = this.money(this.moneyAt(this.state.budget ?? this.steps - 1));
    this.homesText.textContent = this.count(step.units);
    this.customersText.textContent = this.count(step.customers);
    this.boundLine.hidden = step.upper_bound === null;
    if (step.upper_bound !== null) this.boundText.textContent = this.count(Math.floor(step.upper_bound));
    const x = this.curveX(this.moneyAt(this.state.budget ?? this.steps - 1));
    this.marker.setAttribute("x1", x);
    this.marker.setAttribute("x2", x);
  }

  curveX(cost) { return 4 + 288 * cost / (this.curve.total[0] || 1); }

  drawCurve() {
    const { cost, units, upper_bound: bound } = this.curve;
    const most = Math.max(units[this.steps - 1], ...bound.slice(-1).map((value) => value || 0), 1);
    const y = (value) => 108 - 96 * value / most;
    const every = Math.max(1, Math.floor(this.steps / 400));
    const path = (values) => {
      const points = [];
      for (let i = 0; i < this.steps; i += every) if (values[i] !== null) points.push([this.curveX(cost[i]), y(values[i])]);
      if (values[this.steps - 1] !== null) points.push([this.curveX(cost[this.steps - 1]), y(values[this.steps - 1])]);
      return points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    };
    this.marker = vector("line", { y1: 8, y2: 108, stroke: "#1f2933", "stroke-width": 1.5 });
    const text = (x, at, anchor, words) => vector("text", { x, y: at, "text-anchor": anchor }, words);
    const drawn = [vector("line", { x1: 4, x2: 292, y1: 108, y2: 108, stroke: "#cbd2d9" }),
      vector("path", { d: `M4 108${path(units).replace("M", "L")}L292 108Z`, fill: "#0072b2", opacity: 0.1 }),
      vector("path", { d: path(units), fill: "none", stroke: "#0072b2", "stroke-width": 2 })];
    if (bound.some((value) => value !== null)) {
      drawn.push(vector("path", { d: path(bound), fill: "none", stroke: "#d55e00", "stroke-width": 1.5, "stroke-dasharray": "4 3" }),
        text(284, 101, "end", `┄ ${this.say("bound")}`));
    }
    drawn.push(this.marker, text(4, 122, "start", this.money(0)), text(292, 122, "end", this.money(cost[this.steps - 1])), text(4, 6, "start", this.count(most)));
    return vector("svg", { viewBox: "0 0 296 126", role: "img", "aria-label": this.say("curve") }, ...drawn);
  }

  /* ---- search ---- */

  searchBox() {
    const list = make("ul", { class: "lm-results", role: "listbox", id: "lm-results", hidden: true });
    const input = make("input", { type: "search", id: "lm-search", role: "combobox", autocomplete: "off", placeholder: this.say("search"), "aria-label": this.say("search"),
      "aria-controls": "lm-results", "aria-expanded": "false", "aria-autocomplete": "list" });
    let waiting = null, current = -1, serial = 0;
    const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); current = -1; };
    const mark = (number) => {
      const items = [...list.querySelectorAll("[role=option]")];
      if (!items.length) return;
      current = (number + items.length) % items.length;
      items.forEach((item, i) => item.setAttribute("aria-selected", String(i === current)));
      items[current].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", items[current].id);
    };
    const look = async () => {
      const mine = ++serial;
      if (input.value.trim() === "") { close(); return; }
      const found = await this.find(input.value);
      if (mine !== serial) return;
      list.replaceChildren(...found.map((hit, i) => make("li", { role: "option", id: `lm-hit-${i}`, "aria-selected": "false",
        onmousedown: (event) => { event.preventDefault(); close(); this.jump(hit); } }, hit.text, hit.note ? make("small", {}, hit.note) : null)));
      if (!found.length) list.append(make("li", { role: "note" }, this.say("nothing_found")));
      this.hits = found;
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      current = -1;
    };
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, 120); });
    input.addEventListener("focus", () => { for (const entry of this.layers) for (const column of entry.search) entry.packed.columns.get(column); }, { once: true });
    input.addEventListener("blur", () => setTimeout(close, 100));
    input.addEventListener("keydown", async (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(current + (event.key === "ArrowDown" ? 1 : -1)); }
      else if (event.key === "Escape") close();
      else if (event.key === "Enter") {
        event.preventDefault();
        clearTimeout(waiting);
        const chosen = current;
        if (chosen < 0) await look();
        const hit = (this.hits || [])[Math.max(0, chosen)];
        close();
        if (hit) this.jump(hit);
      }
    });
    return make("div", { class: "lm-search" }, input, list);
  }

  async find(sought, most = 12) {
    const hits = [], seen = new Set();
    for (const entry of [...this.layers].sort((a, b) => (b === this.customers) - (a === this.customers))) {
      for (const column of entry.search) {
        const told = await entry.packed.columns.get(column);
        const rows = told.texts ? told.texts.find(sought, most) : this.findNumber(told.values, sought, most);
        for (const row of rows) {
          const key = `${entry.key}/${row}`;
          if (seen.has(key) || hits.length >= most) continue;
          seen.add(key);
          const text = String(told.at(row)), title = await entry.packed.title(row);
          hits.push({ entry, row, text, note: title === text ? (entry === this.customers ? "" : entry.packed.about.name) : title });
        }
      }
    }
    return hits;
  }

  findNumber(values, sought, most) {
    const rows = [];
    for (let row = 0; row < values.length && rows.length < most; row++) if (String(values[row]).startsWith(sought.trim())) rows.push(row);
    return rows;
  }

  async jump({ entry, row }) {
    if (this.state.hidden.has(entry.key)) { entry.box.checked = true; this.setLayer(entry, true); }
    this.map.setView(entry.packed.place(row), Math.max(18, this.map.getZoom()), { animate: false });
    await lastmile.pointerOf(this.map).open(entry.packed, row);
  }

  /* ---- view and link ---- */

  fit() {
    const entries = this.customers ? [this.customers] : this.layers;
    const bounds = L.latLngBounds([]);
    for (const { packed } of entries) if (packed.about.bounds.length) bounds.extend(packed.about.bounds);
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [12, 12], maxZoom: 18, animate: false });
    else this.map.setView([20, 0], 2);
  }

  /* Lay the page out for a sheet of paper: the same piece of land, legend beside it, lines as sharp as print is. */
  toPaper() {
    if (lastmile.paper) return;
    const { map } = this, bounds = map.getBounds(), { area, most } = this.state;
    this.onScreen = [map.getCenter(), map.getZoom(), map.options.zoomSnap];
    lastmile.paper = true;
    this.printed.textContent = new Date().toLocaleDateString(this.language(), { dateStyle: "medium" });
    this.applied.textContent = [area && `${this.say("area")}: ${area}`, most !== Infinity && `${this.say("most_per_home")} ${this.money(most)}`].filter(Boolean).join("; ");
    document.body.classList.add("lm-paper");
    map.options.zoomSnap = 0;
    this.layOut(() => map.fitBounds(bounds, { animate: false }));
    this.countNow();
    const room = this.body.clientHeight, needed = this.body.scrollHeight;
    if (needed > room) this.body.style.zoom = room / needed;
  }

  fromPaper() {
    if (!lastmile.paper) return;
    const [centre, zoom, snap] = this.onScreen;
    lastmile.paper = false;
    this.body.style.zoom = "";
    document.body.classList.remove("lm-paper");
    this.map.options.zoomSnap = snap;
    this.layOut(() => this.map.setView(centre, zoom, { animate: false }));
  }

  /* Measure the page, look where one shall, and draw everything at once. */
  layOut(look) {
    this.map.invalidateSize({ animate: false, pan: false });
    look();
    for (const { packed } of this.layers) {
      if (!this.map.hasLayer(packed)) continue;
      packed.redraw();
      if (packed.labels) packed.labels.redraw();
    }
    lastmile.flush();
  }

  /* Look at the customers that the filters leave. */
  fitShown() {
    const { shown, x, y, size } = this.customers.packed;
    let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
    for (let i = 0; i < size; i++) {
      if (shown[i] === 255) continue;
      west = Math.min(west, x[i]); east = Math.max(east, x[i]); north = Math.min(north, y[i]); south = Math.max(south, y[i]);
    }
    const at = (px, py) => this.customers.packed.toLatLng(px, py);
    if (west <= east) this.map.fitBounds(L.latLngBounds(at(west, south), at(east, north)), { padding: [20, 20], maxZoom: 18, animate: false });
  }

  setView() {
    const view = this.view;
    if (view && view.every(Number.isFinite)) this.map.setView([view[1], view[2]], view[0], { animate: false });
    else this.fit();
  }

  readLink() {
    const link = new URLSearchParams(location.hash.slice(1));
    const known = new Set(this.layers.map((entry) => entry.key));
    this.view = link.has("map") ? link.get("map").split("/").map(Number) : null;
    if (link.has("layers")) {
      const on = new Set(link.get("layers").split(","));
      this.state.hidden = new Set([...known].filter((key) => !on.has(key)));
    }
    if (link.has("without")) this.state.without = new Set(link.get("without").split(","));
    const theme = THEMES.indexOf(link.get("show"));
    if (theme > 0 && (theme !== PHASES || this.about.phases)) this.state.theme = theme;
    if (link.has("area")) this.state.area = link.get("area");
    if (link.has("most") && Number.isFinite(Number(link.get("most")))) this.state.most = Number(link.get("most"));
    const budget = Number(link.get("budget") ?? NaN);
    if (this.about.curve && budget >= 0 && budget < this.about.curve.cost.length - 1) this.state.budget = Math.round(budget);
  }

  writeLink() {
    const centre = this.map.getCenter(), { state } = this;
    const link = new URLSearchParams();
    link.set("map", `${this.map.getZoom()}/${centre.lat.toFixed(5)}/${centre.lng.toFixed(5)}`);
    link.set("layers", this.layers.filter((entry) => !state.hidden.has(entry.key)).map((entry) => entry.key).join(","));
    if (state.theme) link.set("show", THEMES[state.theme]);
    if (state.without.size) link.set("without", [...state.without].join(","));
    if (state.area) link.set("area", state.area);
    if (state.most !== Infinity) link.set("most", state.most);
    if (state.budget !== null) link.set("budget", state.budget);
    this.written = `#${link.toString().replace(/%2F/g, "/").replace(/%2C/g, ",")}`;
    try { history.replaceState(null, "", this.written); } catch { /* a page inside a notebook has no address of its own */ }
  }

  followLink() {
    if (location.hash === this.written) return;
    location.reload();
  }
}

lastmile.planPage = (map, id) => {
  const page = new PlanPage(map, JSON.parse(document.getElementById(id).textContent));
  lastmile.page = page;
  page.start();
};
})();
