// @ts-check
/* What ran when, what waited, and what it cost. */

import { saveAs } from "./controls.js";
import { h } from "./elements.js";
import { trim } from "./lists.js";
import { counted, lookOf, visible } from "./texts.js";

/** @import { Context, View } from "./panel.js" */
/** A step, or some that are near each other. @typedef {{ lane: number, from: number, to: number, step: number, n: number, kind: number, name: number, flags: number }} Block */
/** @typedef {{ power: number, from: number, blocks: number[][], more: number[][], waits: number[][], spent: (number | null)[][] }} Tile */

// the name of a language, which nobody asks for: a file is searched for addresses
const SVG = "http\x3a//www.w3.org/2000/svg";
const ERROR = 1, CRITICAL = 2, POINT = 4;
const LANE = 26, BAR = 20, AXIS = 30, LABEL = 18, TOKENS = 48, COST = 36, KEPT_TILES = 48, MOST_TILES = 4;
const ORDERED = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].map((seconds) => seconds * 1e9);

/** A length of time for people. @param {number} ns */
export function spanText(ns) {
  for (const [unit, size] of /** @type {[string, number][]} */ ([["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]])) {
    if (ns < 60e9 && (ns >= size || !ns)) return `${Number((ns / size).toPrecision(3))} ${unit}`;
  }
  const minutes = Math.floor(Math.round(ns / 1e9) / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(ns / 1e9) % 60} s` : `${counted(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** The round step between two ticks that is at least so large: of time in nanoseconds, or a number.
 * @param {number} least @param {boolean} timed */
function roundStep(least, timed) {
  const long = timed && least > 20e9 ? ORDERED.find((each) => each >= least) : undefined;
  if (long) return long;
  const day = timed && least > 20e9 ? 86_400e9 : 1, size = 10 ** Math.floor(Math.log10(Math.max(1, least / day)));
  return day * /** @type {number} */ ([1, 2, 5, 10].map((each) => each * size).find((each) => each >= least / day * 0.999));
}

/** Ticks of an axis: where, and what is written there. @param {number} from @param {number} to @param {{ unit: number, recorded: boolean }} head @param {number} most
 * @returns {[at: number, label: string][]} */
export function ticksOf(from, to, { unit, recorded }, most) {
  const step = roundStep(((to - from) * unit) / Math.max(1, most), recorded), found = /** @type {[number, string][]} */ ([]);
  const [name, size] = to * unit >= 1e9 || !recorded ? ["s", 1e9] : to * unit >= 1e6 ? ["ms", 1e6] : ["µs", 1e3], places = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9)));
  for (let n = Math.ceil((from * unit) / step); n * step <= to * unit; n++) {
    found.push([(n * step) / unit, !recorded ? counted(n * step) : step >= 60e9 ? spanText(n * step).replace(/ 0 (s|min)$/, "") : `${(n * step / size).toFixed(places)} ${name}`]);
  }
  return found;
}

/** What tiles hold of a stretch of time, each once, in the order of time. @param {Tile[]} tiles @param {number} from @param {number} to */
export function joinedTiles(tiles, from, to) {
  const blocks = /** @type {Map<string, Block>} */ (new Map()), waits = new Map(), more = new Map(), spent = new Map();
  const seen = (/** @type {number} */ one, /** @type {number} */ two) => one <= to && two >= from;
  for (const tile of tiles) {
    const at = tile.from;
    for (const [lane, begin, end, step, n, kind, name, flags] of tile.blocks) if (seen(begin + at, end + at)) blocks.set(`${lane}:${step}`, { lane, from: begin + at, to: end + at, step, n, kind, name, flags });
    for (const [begin, end] of tile.waits) if (seen(begin + at, end + at)) waits.set(begin + at, [begin + at, end + at]);
    for (const [begin, end, n] of tile.more) if (seen(begin + at, end + at)) more.set(begin + at, [begin + at, end + at, n]);
    tile.spent.forEach(([begin, ...figures], place) => spent.set(`${tile.power}:${at}:${place}`, [Number(begin) + at, ...figures]));
  }
  return { blocks: [...blocks.values()].sort((one, two) => one.from - two.from || one.lane - two.lane), waits: [...waits.values()], more: [...more.values()], spent: [...spent.values()] };
}

/** Tokens and dollars in bins: by place, fresh input, cached input, output, dollars; and the largest of each.
 * @param {(number | null)[][]} spent @param {number} from @param {number} to @param {number} length of a bin */
export function binned(spent, from, to, length) {
  const bins = /** @type {Map<number, number[]>} */ (new Map());
  for (const [at, read, cached, wrote, cost] of spent) {
    const place = Math.floor(Number(at) / length), bin = bins.get(place) ?? [0, 0, 0, 0], kept = Math.min(cached ?? 0, read ?? cached ?? 0);
    if ((place + 1) * length <= from || place * length >= to) continue;
    bins.set(place, [bin[0] + (read ?? kept) - kept, bin[1] + kept, bin[2] + (wrote ?? 0), bin[3] + (cost ?? 0)]);
  }
  const all = [...bins.values()];
  return { bins, tokens: Math.max(0, ...all.map(([fresh, cached, wrote]) => fresh + cached + wrote)), dollars: Math.max(0, ...all.map((bin) => bin[3])) };
}

/** A part of a picture. @param {string} tag @param {Record<string, string | number>} given @param {...(Node | string)} inside @returns {any} */
function drawn(tag, given, ...inside) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) node.setAttribute(name, String(value));
  node.append(...inside.map((each) => typeof each === "string" ? visible(each) : each));
  return node;
}
/** How a kind is painted: filled, or only its edge. @param {string} look @param {boolean} many @param {number} wide @returns {Record<string, string | number>} */
const paintOf = (look, many, wide) => look === "other" || look === "agent" ? { fill: "var(--block)", stroke: `var(--${look === "agent" ? "system" : "edge"})`, "stroke-width": look === "agent" ? 2 : 1 }
  : { fill: `var(--${look === "error" ? "bad" : look})`, rx: look === "model" ? Math.min(many ? 2 : 7, wide / 4) : 0 };

/** @param {Context} context @returns {View} */
export function timelineView(context) {
  let run = -1, at = -1, head = /** @type {any} */ (null), from = 0, to = 1, ticket = 0, width = 0, frame = 0;
  let moved = false, seen = joinedTiles([], 0, 1), bars = /** @type {any[]} */ ([]), active = "", here = /** @type {[number, number] | null} */ (null), svg = /** @type {any} */ (null);
  const tiles = /** @type {Map<string, Tile>} */ (new Map());
  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => any} */ onclick) => h("button", { type: "button", "aria-label": label, title: label, onclick }, text);
  const tools = h("div", { class: "wi-bar" }, button("+", "Zoom in ( + )", () => zoom(0.5)), button("−", "Zoom out ( − )", () => zoom(2)), button("All", "Show all ( 0 )", () => zoom(Infinity)),
    button("◀", "Earlier", () => pan(-0.5)), button("▶", "Later", () => pan(0.5)), button("Save SVG", "Save as SVG", () => saveSvg()), button("Save PNG", "Save as PNG", () => savePng()));
  const words = h("div", { class: "wi-words" }), joinedNote = h("p", { class: "wi-soft", role: "status" }), legend = h("p", { class: "wi-legend" }), longest = h("details", { class: "wi-longest" });
  const chart = h("div", { class: "wi-chart" });
  const node = h("div", { class: "wi-timeline" }, tools, words, joinedNote, chart, legend, longest);
  const look = (/** @type {Block} */ block) => lookOf(head.kinds[block.kind]);
  const keyOf = (/** @type {Block} */ block) => `${block.lane}:${block.step}`;

  // ---- what is in sight
  /** Fetch what a stretch of time needs. @param {number} begin @param {number} end @returns {Promise<Tile[] | null>} */
  async function fetchTiles(begin, end) {
    const of = run, power = Math.max(0, Math.min(head.power, Math.floor(Math.log2(end - begin)))), size = 2 ** power, asked = [];
    for (let place = Math.floor(begin / size); place * size < end && asked.length < MOST_TILES; place++) asked.push(place);
    const got = await Promise.all(asked.map(async (place) => {
      const key = `${power}:${place}`, kept = tiles.get(key) ?? (await context.ask({ type: "timeline", run: of, part: power, from: place })).tile;
      if (kept && of === run) { tiles.delete(key); tiles.set(key, kept); }
      return kept;
    }));
    trim(tiles, KEPT_TILES);
    return of === run ? [...new Set(got.filter(Boolean))] : null;
  }
  /** Show a stretch of time. @param {number} begin @param {number} end */
  async function look_(begin, end) {
    const mine = ++ticket, least = Math.min(head.recorded ? 16 : 4, head.span), length = Math.max(least, Math.min(end - begin, head.span));
    from = Math.max(0, Math.min(begin + (end - begin - length) / 2, head.span - length));
    to = from + length;
    const got = await fetchTiles(from, to);
    if (!got || mine !== ticket) return;
    seen = joinedTiles(got, from, to);
    draw();
  }
  /** @param {number} factor @param {number} [around] */
  function zoom(factor, around) {
    const chosen = seen.blocks.find((block) => keyOf(block) === active && document.activeElement?.closest?.("svg") === svg);
    const centre = around ?? (chosen ? (Math.max(from, chosen.from) + Math.min(to, chosen.to)) / 2 : (from + to) / 2);
    return factor === Infinity ? look_(0, head.span) : look_(centre - (centre - from) * factor, centre + (to - centre) * factor);
  }
  /** @param {number} by */
  const pan = (by) => look_(Math.max(0, from + by * (to - from)), Math.max(0, from + by * (to - from)) + (to - from));

  // ---- drawing
  /** @param {number} place */
  const x = (place) => ((place - from) / (to - from)) * (width - 4) + 2;
  /** @param {number} begin @param {number} end @returns {[number, number]} the left edge and the width, cut to what is in sight */
  const cut_ = (begin, end) => { const left = Math.max(-2, x(begin)); return [left, Math.max(3, Math.min(width + 2, x(end)) - left)]; };
  function draw() {
    width = Math.max(200, chart.clientWidth);
    const focused = svg?.contains(document.activeElement), top = /** @type {number[]} */ ([]), inside = [drawn("defs", {}, hatch("wait", "var(--edge)", 6), hatch("cached", "var(--strong)", 3))];
    let y = AXIS;
    for (const [name, lanes] of head.groups) {
      if (name) { inside.push(label(y, name)); y += LABEL; }
      for (let lane = 0; lane < lanes; lane++, y += LANE) top.push(y);
    }
    const end = y, parts = [...waitsAt(end), ...axis(end), ...inside.slice(1)];
    bars = seen.blocks.map((block) => bar(block, top[block.lane]));
    parts.push(...bars.flat());
    if (head.more) {
      parts.push(label(y, "more at once"), ...seen.more.map(([begin, last, n]) => { const [left, wide] = cut_(begin, last); return drawn("g", {}, drawn("rect", { x: left, y: y + LABEL, width: wide, height: 16, fill: "var(--line)" }), ...(wide > 40 ? [drawn("text", { x: left + 4, y: y + LABEL + 12 }, `+${n}`)] : [])); }));
      y += LABEL + LANE;
    }
    const [money, below] = spending(y);
    const marker = here && here[1] >= from && here[0] <= to ? [drawn("path", { d: `M${x(here[0])} ${AXIS - 6}V${end}`, stroke: "var(--strong)", "stroke-width": 2, "stroke-dasharray": "4 3", "pointer-events": "none" }),
      drawn("path", { d: `M${x(here[0]) - 6} ${AXIS - 14}h12l-6 8z`, fill: "var(--strong)", "pointer-events": "none" })] : [];
    const made = drawn("svg", { width, height: below, viewBox: `0 0 ${width} ${below}`, role: "group", "aria-label": `Timeline. ${head.words.join(" ")}`, "font-size": 12, fill: "var(--text)", "font-family": "system-ui, sans-serif" },
      inside[0], ...parts, ...money, ...marker);
    bars = bars.map(([each]) => each);
    if (svg) svg.replaceWith(made); else chart.append(made);
    svg = made;
    const place = Math.max(0, seen.blocks.findIndex((block) => keyOf(block) === active), active ? -1 : seen.blocks.findIndex((block) => block.step === at));
    settle(place, focused);
    const n = seen.blocks.reduce((most, block) => Math.max(most, block.n), 0), many = seen.blocks.filter((block) => block.n > 1).length;
    joinedNote.textContent = n > 1 ? `${counted(many)} of ${counted(seen.blocks.length)} blocks stand for several steps, up to ${counted(n)}: zoom in (+) to see each.` : "";
  }
  /** @param {string} name @param {string} colour @param {number} size */
  const hatch = (name, colour, size) => drawn("pattern", { id: `${context.uid}${name}`, width: size, height: size, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, drawn("rect", { width: 1, height: size, fill: colour }));
  /** @param {number} y @param {string} text */
  const label = (y, text) => drawn("text", { x: 6, y: y + 13, fill: "var(--soft)", stroke: "var(--page)", "stroke-width": 4, "paint-order": "stroke" }, text);
  /** @param {number} end */
  const axis = (end) => ticksOf(from, to, head, width / 90).flatMap(([place, text]) => {
    const near = x(place) > width - 40 ? "end" : x(place) < 30 ? "start" : "middle";
    return [drawn("path", { d: `M${x(place)} ${AXIS - 6}V${end}`, stroke: "var(--line)" }), drawn("text", { x: x(place), y: 13, fill: "var(--soft)", "text-anchor": near }, text)];
  });
  /** @param {number} end */
  const waitsAt = (end) => seen.waits.flatMap(([begin, last]) => {
    if (x(last) - x(begin) < 2) return [];
    const [left, wide] = cut_(begin, last), text = `waits ${spanText((last - begin) * head.unit)}`, told = wide > text.length * 6.6 + 8 ? text : text.slice(6), fits = wide > told.length * 6.6 + 8;
    return [drawn("rect", { x: left, y: AXIS, width: wide, height: end - AXIS, fill: `url(#${context.uid}wait)`, opacity: 0.55 }, drawn("title", {}, text)),
      ...(fits ? [drawn("text", { x: left + wide / 2, y: end - 6, "text-anchor": "middle", stroke: "var(--page)", "stroke-width": 4, "paint-order": "stroke" }, told)] : [])];
  });
  /** A bar, and what stands on it. @param {Block} block @param {number} y */
  function bar(block, y) {
    const [left, wide] = cut_(block.from, block.to), [shape, kind, word] = look(block), failed = block.flags & ERROR, name = head.names[block.name] ?? "";
    const told = block.n > 1 ? `${counted(block.n)} steps from step ${block.step} on, most of them ${word}` : `step ${block.step}, ${word}${name ? ` ${name}` : ""}`;
    const long = block.flags & POINT ? "" : head.recorded ? `, ${spanText((block.to - block.from) * head.unit)}` : "", text = `${told}${long}${failed ? ", error" : ""}${block.flags & CRITICAL ? ", on the critical path" : ""}`;
    const chosen = block.n === 1 && block.step === at, small = block.n > 1 ? 4 : 0;
    const rect = drawn("rect", { x: left, y: y + 2 + small, width: wide, height: BAR - 2 * small, role: "button", tabindex: -1, "aria-label": text, class: "wi-block", "data-key": keyOf(block), ...paintOf(kind, block.n > 1, wide), ...(chosen ? { stroke: "var(--text)", "stroke-width": 4, "aria-current": "true" } : {}) }, drawn("title", {}, text));
    rect.addEventListener("click", () => { if (!dragged) { active = keyOf(block); context.go(block.step); } });
    const on = kind === "other" || kind === "agent" ? "var(--text)" : "var(--page)", room = Math.floor((wide - 24) / 6.6), put = (/** @type {number} */ far, /** @type {string} */ what, /** @type {any} */ more) => drawn("text", { x: left + far, y: y + 16, "pointer-events": "none", "aria-hidden": "true", fill: on, ...more }, what);
    const caption = block.n > 1 ? `×${counted(block.n)}` : name || word;
    return [rect, ...(block.flags & CRITICAL ? [drawn("rect", { x: left, y: y + BAR + 2, width: wide, height: 3, fill: "var(--text)", "pointer-events": "none" })] : []),
      ...(wide > 16 && block.n === 1 ? [put(4, shape, {})] : []), ...(room > 2 ? [put(block.n > 1 ? 6 : 18, caption.length > room ? `${caption.slice(0, room - 1)}…` : caption, {})] : []),
      ...(failed ? [put(Math.max(0, wide - 8), "✕", { fill: "var(--bad)", stroke: "var(--page)", "stroke-width": 4, "paint-order": "stroke", "font-weight": 700, "text-anchor": "middle" })] : [])];
  }
  /** The lanes of tokens and dollars. @param {number} y @returns {[any[], number]} */
  function spending(y) {
    // as many bins of a tile as fill some pixels: a power of two
    const length = 2 ** Math.max(0, Math.ceil(Math.log2(((to - from) * 8) / width))), { bins, tokens, dollars } = binned(seen.spent, from, to, length), wide = x(length) - x(0), parts = /** @type {any[]} */ ([]);
    const each = head.recorded ? ` in ${spanText(length * head.unit)}` : length > 1 ? ` in ${length} steps` : " in a step";
    /** @param {number} high @param {number} most @param {[number, string][]} ways @param {string} text */
    const lane = (high, most, ways, text) => {
      parts.push(label(y, text), drawn("path", { d: `M2 ${y + LABEL + high + 0.5}H${width - 2}`, stroke: "var(--line)" }));
      bins.forEach((bin, place) => ways.reduce((base, [figure, fill]) => {
        const tall = (bin[figure] / most) * high;
        if (tall > 0) parts.push(drawn("rect", { x: x(place * length), y: base - tall, width: Math.max(1, Math.min(wide - 1, 24)), height: Math.max(0.5, tall), fill }));
        return base - tall;
      }, y + LABEL + high));
      y += LABEL + high + 8;
    };
    if (tokens) lane(TOKENS, tokens, [[1, `url(#${context.uid}cached)`], [0, "var(--strong)"], [2, "var(--tool)"]], `tokens: up to ${counted(tokens)}${each}`);
    if (dollars) lane(COST, dollars, [[3, "var(--input)"]], `US dollars: up to ${Number(dollars.toPrecision(3))}${each}`);
    return [parts, y + 4];
  }
  /** @param {number} place @param {boolean} focus */
  function settle(place, focus) {
    const block = seen.blocks[place];
    svg.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    if (!block) return;
    bars[place].setAttribute("tabindex", "0");
    if (focus) { active = keyOf(block); bars[place].focus({ preventScroll: true }); }
    if (focus || moved) bars[place].scrollIntoView({ block: "nearest", inline: "nearest" });
    moved = false;
  }
  /** The next bar, beyond what is in sight too. @param {number} way */
  async function step(way) {
    const place = bars.findIndex((each) => each.getAttribute("tabindex") === "0"), next = document.activeElement && svg.contains(document.activeElement) ? place + way : place;
    if (seen.blocks[next]) return settle(next, true);
    const length = to - from, last = seen.blocks[place], edge = way > 0 ? to : from;
    for (let far = length; edge + way * (far - length) > 0 && edge + way * (far - length) < head.span; far *= 2) {
      const begin = way > 0 ? edge : Math.max(0, edge - far), end = way > 0 ? Math.min(head.span, edge + far) : edge, got = end > begin ? await fetchTiles(begin, end) : null;
      if (!got) return;
      const beyond = joinedTiles(got, begin, end).blocks.filter((block) => !last || (block.from - last.from || block.lane - last.lane) * way > 0), found = way > 0 ? beyond[0] : beyond[beyond.length - 1];
      if (!found) continue;
      active = keyOf(found);
      const middle = Math.max(begin, found.from);
      await look_(middle - length / 2, middle + length / 2);
      return settle(Math.max(0, seen.blocks.findIndex((block) => block.step === found.step)), true);
    }
  }

  // ---- a picture of it
  /** @returns {{ text: string, high: number }} */
  function picture() {
    const copy = svg.cloneNode(true), colours = getComputedStyle(chart), high = Number(svg.getAttribute("height")) + 18 * head.words.length + 8;
    for (const each of copy.querySelectorAll("[role]")) for (const name of ["role", "tabindex", "class", "data-key", "aria-current"]) each.removeAttribute(name);
    copy.setAttribute("role", "img");
    copy.setAttribute("height", high);
    copy.setAttribute("viewBox", `0 0 ${width} ${high}`);
    copy.prepend(drawn("rect", { width, height: high, fill: "var(--page)" }));
    copy.append(...head.words.map((/** @type {string} */ text, /** @type {number} */ place) => drawn("text", { x: 4, y: high - 18 * (head.words.length - place) + 8 }, text)));
    return { text: new XMLSerializer().serializeToString(copy).replace(/var\((--[a-z-]+)\)/g, (_, name) => colours.getPropertyValue(name).trim()), high };
  }
  const saveSvg = () => { if (svg) saveAs(new Blob([picture().text], { type: "image/svg+xml" }), "timeline.svg"); };
  async function savePng() {
    if (!svg) return;
    const { text, high } = picture(), image = new Image(), scale = high > 4_000 ? 1 : 2;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = h("canvas", { width: width * scale, height: high * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, width * scale, high * scale);
    canvas.toBlob((/** @type {Blob | null} */ blob) => { if (blob) saveAs(blob, "timeline.png"); else context.say("The picture is too large for this browser; save it as SVG."); });
  }

  // ---- what a reader does
  let held = /** @type {{ x: number, box: any } | null} */ (null), dragged = false;
  const placeAt = (/** @type {MouseEvent} */ event) => from + ((event.clientX - svg.getBoundingClientRect().left - 2) / (width - 4)) * (to - from);
  chart.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => { dragged = false; if (svg && event.button === 0) held = { x: event.clientX, box: null }; });
  chart.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!held || !svg || (!held.box && Math.abs(event.clientX - held.x) < 6)) return;
    if (!held.box) svg.append(held.box = drawn("rect", { y: 0, height: svg.getAttribute("height"), fill: "var(--strong)", opacity: 0.25, "pointer-events": "none" }));
    dragged = true;
    const left = svg.getBoundingClientRect().left;
    held.box.setAttribute("x", Math.min(held.x, event.clientX) - left);
    held.box.setAttribute("width", Math.abs(event.clientX - held.x));
  });
  window.addEventListener("pointerup", (event) => {
    const box = held?.box, begin = held?.x ?? 0;
    held = null;
    if (!box) return;
    box.remove();
    const other = placeAt(/** @type {any} */ ({ clientX: begin })), ends = [placeAt(event), other].sort((one, two) => one - two);
    look_(Math.max(0, ends[0]), ends[1]);
  }, { signal: context.signal });
  chart.addEventListener("focusin", (/** @type {any} */ event) => { active = event.target.dataset.key ?? active; });
  chart.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    if (!svg || (!event.ctrlKey && !event.shiftKey)) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.4 : 1 / 1.4, placeAt(event)); else pan(Math.sign(event.deltaY || event.deltaX) * 0.2);
  }, { passive: false });
  const watcher = new ResizeObserver(() => { if (svg && chart.clientWidth && Math.max(200, chart.clientWidth) !== width && !frame) frame = requestAnimationFrame(() => { frame = 0; if (svg) draw(); }); });
  watcher.observe(chart);

  /** Show another run. */
  async function open() {
    const of = run;
    [head, active, here, seen] = [null, "", null, joinedTiles([], 0, 1)];
    tiles.clear();
    svg?.remove();
    svg = null;
    const reply = await context.ask({ type: "timeline", run, part: -1 });
    if (of !== run || !reply.head) return;
    head = reply.head;
    words.replaceChildren(...head.words.map((/** @type {string} */ text) => h("p", {}, text)));
    const looks = new Map(head.kinds.map((/** @type {string} */ kind) => [lookOf(kind).join(), lookOf(kind)]));
    legend.replaceChildren(...[...looks.values()].slice(0, 12).map(([shape, name, word]) => h("span", { class: `wi-kind-${name}` }, `${shape} ${word}`)), h("span", {}, "✕ error"),
      ...(head.longest.length ? [h("span", {}, "▁ critical path"), h("span", {}, "▨ nothing runs")] : []), ...(head.spends ? [h("span", {}, "tokens: ▨ input from a cache, "), h("span", { class: "wi-kind-model" }, "■ other input"), h("span", { class: "wi-kind-tool" }, "■ output")] : []));
    const row = (/** @type {any[]} */ [number, kind, name, ms]) => h("tr", {}, h("td", {}, h("button", { type: "button", onclick: () => context.go(number) }, `step ${number}`)), h("td", {}, lookOf(kind).slice(0, 3).filter((_, place) => place !== 1).join(" ")), h("td", {}, name), h("td", {}, spanText(ms * 1e6)));
    longest.hidden = !head.longest.length;
    longest.replaceChildren(h("summary", {}, `The longest ${head.longest.length === 1 ? "step" : `${head.longest.length} steps`}`), h("table", {}, h("thead", {}, h("tr", {}, ...["step", "kind", "name", "took"].map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, ...head.longest.map(row))));
    await look_(0, head.span);
  }
  /** Find when the step that is read was, and keep it in sight. */
  async function locate() {
    const of = run, step = at;
    let found = /** @type {[number, number] | null} */ (head.recorded ? null : [at, at + 1]);
    if (head.recorded) {
      const own = (await context.ask({ type: "step", run, step })).step, place = (/** @type {string} */ ns) => Number((BigInt(ns) - BigInt(head.origin)) / BigInt(head.unit));
      if (own?.start_ns !== undefined) found = [place(own.start_ns), place(own.end_ns ?? own.start_ns)];
    }
    if (of !== run || step !== at || !head) return;
    here = found;
    if (here && (here[1] < from || here[0] > to)) await look_(here[0] - (to - from) / 2, here[0] + (to - from) / 2); else draw();
  }
  /** @type {Record<string, () => any>} */
  const keys = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "−": () => zoom(2), 0: () => zoom(Infinity), ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => settle(0, true), End: () => settle(bars.length - 1, true) };
  /** @param {KeyboardEvent} event */
  function key(event) {
    const target = /** @type {any} */ (event.target), block = seen.blocks.find((each) => keyOf(each) === target.dataset?.key);
    if (!svg || longest.contains(target) || (!node.contains(target) && !/^[-+=−0]$/.test(event.key))) return false;
    if (block && (event.key === "Enter" || event.key === " ")) return active = keyOf(block), context.go(block.step), true;
    return Object.hasOwn(keys, event.key) && (keys[event.key](), true);
  }
  return {
    name: "timeline", label: "Timeline", node, key,
    async show(state) {
      const other = state.run !== run, away = state.at !== at;
      [run, at] = [state.run, state.at];
      if (run >= 0 && other) await open();
      moved = away && !other;
      if (run === state.run && head && (other || away)) locate();
    },
    stop() { watcher.disconnect(); cancelAnimationFrame(frame); },
  };
}

/** What a file answers of timelines: where a tile is not, the one above holds as much.
 * @param {(name: string) => Promise<any>} get @param {(name: string) => boolean} has @returns {Record<string, (message: any) => Promise<any>>} */
export function timelineAnswers(get, has) {
  return {
    async timeline({ run, part, from }) {
      const top = await get(`l${run}`);
      if (part < 0) return { head: top.head };
      for (let power = part, place = from; power < top.head.power; power++, place = Math.floor(place / 2)) {
        if (has(`l${power}-${place}-${run}`)) return get(`l${power}-${place}-${run}`);
      }
      return { tile: top.tile };
    },
  };
}
