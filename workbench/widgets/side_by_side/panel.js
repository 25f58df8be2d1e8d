// @ts-check
/* Systems side by side: a list of rows, a column per system, and the row that is read in full.
   The kernel filters and sorts; of its answers only the rows in sight are in the page. */

import { channelOf } from "../inspector/channel.js";
import { choice, keyed, refill } from "../inspector/controls.js";
import { h } from "../inspector/elements.js";
import { trim, virtualList } from "../inspector/lists.js";
import { counted, visible } from "../inspector/texts.js";
import { LONGEST_COMPARED } from "../inspector/worddiff.js";
import { columnsOf, figure, initialView, isNarrow, markedText, numberedOf, pinned, REFERENCE, senseOf, shareOf, signed, sortedBy, widened } from "./state.js";

/** @import { First, Metric, Question, Row, System, Told } from "./state.js" */

const ROW_PX = 94, NARROWEST = 210, METRIC_PX = [60, 80], LEAD_SHARE = 0.45, KEPT_PAGES = 64, MOST_METRICS = 4, PATIENCE = 2_000, TYPING = 120;

/** By key, what it does. */
const HELP = [
  ["j k ↓ ↑", "next, previous row"], ["PgDn PgUp", "a screen further, back"], ["Home End", "first, last row"], ["← →", "further columns"],
  ["Enter Esc", "read the row in full; back"], ["/", "search"], ["1 … 9", "pin a system, or let it go"], ["0", "pin the reference"],
  ["s S", "sort by the difference, its size, or not; turn round"], ["m M", "next, previous metric"], ["x", "exchange the two systems"],
  ["d", "only rows where the two differ"], ["w", "mark words against the reference, or the other system"], ["r", "all rows again"], ["?", "these keys"],
];

/** The widget. @param {{ model: any, el: HTMLElement }} context */
export function render({ model, el }) {
  const first = /** @type {First} */ (model.get("first")), { systems, metrics } = first, kernel = channelOf(model);
  const uid = `ws${Math.random().toString(36).slice(2, 8)}`, stopper = new AbortController(), { signal } = stopper;
  let s = initialView(model.get("opening"), first), asked = 0, waiting = 0, timer = 0, col = NARROWEST, sticky = 0;
  let wanted = /** @type {number[]} */ ([]), flying = 0, typed = /** @type {Partial<Question>} */ ({});
  /** Pages of rows, null while one is asked for; and the cells that were drawn of a row. @type {Map<number, Row[] | null>} */
  const pages = new Map();
  /** @type {Map<number, Node[]>} */
  const drawn = new Map();

  /** Ask the kernel, and say so when it does not answer. @param {any} message */
  async function ask(message) {
    waiting++;
    const late_ = window.setTimeout(() => { late.hidden = false; }, PATIENCE);
    const reply = await kernel.ask(message);
    clearTimeout(late_);
    if (!--waiting) late.hidden = true;
    return reply ?? {};
  }

  // ---- controls
  const labelled = (/** @type {string} */ text, /** @type {any} */ node) => h("label", { class: "ws-labelled" }, h("span", {}, text), node);
  const options = (/** @type {{ name: string }[]} */ all) => all.map(({ name }, at) => [String(at), name]);
  const pair = systems.length > 1;
  const search = h("input", { type: "search", placeholder: "Search texts", "aria-label": "Search texts", "aria-keyshortcuts": "/", oninput: () => soon({ text: search.value }) });
  const ofA = choice("System", options(systems), (value) => compare(Number(value), s.question.b)), ofB = choice("Other system", options(systems), (value) => compare(s.question.a, Number(value)));
  const ofMetric = choice("Metric", options(metrics), (value) => find({ metric: Number(value) }));
  const basis = choice("Words marked", [], (value) => setBasis(Number(value)));
  const slice = choice("Rows by column", [["", "all rows"], ...first.columns.map((name, at) => [String(at), name])], (value) => chooseColumn(value));
  const value = choice("Value of the column", [], (at) => find({ where: at === "" ? null : [Number(slice.value), Number(at)] }));
  const limit = (/** @type {string} */ label, /** @type {"low" | "high"} */ end) => {
    const node = h("input", { type: "number", step: "any", class: "ws-limit", "aria-label": label, placeholder: end === "low" ? "from" : "to", oninput: () => soon({ [end]: node.value === "" ? null : node.valueAsNumber }) });
    return node;
  };
  const low = limit("Smallest difference", "low"), high = limit("Largest difference", "high");
  const ofDelta = h("span", {});
  const differing = h("button", { type: "button", class: "wi-chip", "aria-pressed": "false", "aria-keyshortcuts": "d", onclick: () => find({ differing: !s.question.differing }) }, "texts differ");
  const picked = h("button", { type: "button", class: "wi-chip ws-picked", hidden: true, onclick: () => find({ picked: null }) }, "chosen rows ✕");
  const all = keyed("All rows", "r", () => { find(widened(s.question)); list.node.focus(); }, { hidden: true });
  const help = h("section", { class: "wi-help", hidden: true, tabindex: "0", "aria-label": "Keys" }, h("dl", {}, ...HELP.flatMap(([names, what]) => [h("dt", {}, ...names.split(" ").map((name) => h("kbd", {}, name))), h("dd", {}, what)])));
  const helpButton = keyed("Keys", "?", () => toggleHelp(), { "aria-expanded": "false" });
  const late = h("p", { class: "wi-late", role: "alert", hidden: true }, "The kernel is busy, or gone: what was fetched can be read, and the rest comes when it answers.");
  const status = h("p", { class: "wi-status", role: "status" }), legend = h("p", { class: "wi-soft ws-legend" });
  const nothing = h("p", { class: "wi-hint", hidden: true }, "No row is like that.");

  // ---- the list
  const head = h("div", { class: "ws-head", role: "group", "aria-label": "Columns" });
  const list = virtualList({
    id: uid, label: "Rows", class: "ws-list", row: ROW_PX, need, draw: cellsOf, pick: (at) => go(at),
    more: (at) => ({ "aria-label": spoken(rowAt(at), at) }),
  });
  const detail = h("section", { class: "wi-detail ws-detail", tabindex: "0", "aria-label": "The row in full" });
  const root = h("div", { class: "workbench-inspector workbench-side-by-side", "data-lm-suppress-shortcuts": "true" },
    h("div", { class: "wi-tools", role: "search" }, search, ...(pair ? [h("span", { class: "ws-pair" }, ofA, "−", ofB), ] : []), labelled("in", ofMetric), labelled("mark words", basis), helpButton),
    h("div", { class: "wi-over" }, help),
    h("div", { class: "wi-bar", role: "group", "aria-label": "Rows shown" }, ...(first.columns.length ? [labelled("rows", slice), value] : []), ...(pair ? [h("span", { class: "ws-labelled" }, ofDelta, low, "–", high), differing] : []), picked, all),
    late, h("div", { class: "ws-table" }, head, list.node, nothing), legend, detail, h("div", { class: "wi-foot" }, status));
  el.append(root);
  list.node.addEventListener("scroll", () => { if (head.scrollLeft !== list.node.scrollLeft) head.scrollLeft = list.node.scrollLeft; }, { passive: true, signal });
  // a button that is reached by Tab may move the head
  head.addEventListener("scroll", () => { if (head.scrollLeft !== list.node.scrollLeft) list.node.scrollLeft = head.scrollLeft; }, { passive: true, signal });

  // ---- what is asked for
  /** Ask once somebody stops typing. @param {Partial<Question>} changed */
  function soon(changed) {
    typed = { ...typed, ...changed };
    clearTimeout(timer);
    timer = window.setTimeout(() => find({}), TYPING);
  }
  /** Ask another question; the row that is read stays in sight, but for another order, which begins at its top.
   * @param {Partial<Question>} changed */
  async function find(changed) {
    clearTimeout(timer);
    const before = s.question, question = { ...before, ...typed, ...changed };
    typed = {};
    const kept = question.sort === before.sort && question.by === before.by && question.down === before.down && (question.sort === "order" || (question.metric === before.metric && question.a === before.a && question.b === before.b));
    s = { ...s, question };
    drawControls();
    const mine = ++asked, { row } = s, reply = await ask({ type: "find", question, row: kept ? row ?? -1 : -1 });
    if (mine !== asked || signal.aborted || !reply.rows) return;
    // who went on to another row while the kernel looked is not brought back
    if (kept && s.row !== row) find({}); else take(reply);
  }
  /** Show what a question found. @param {any} reply */
  function take(reply) {
    pages.clear();
    drawn.clear();
    keep(reply.from, reply.rows);
    s = { ...s, n: reply.n, at: Math.max(0, reply.at) };
    nothing.hidden = reply.n > 0;
    head.hidden = list.node.hidden = reply.n === 0;
    arrange();
    list.show(s.n, s.n ? s.at : -1);
    if (s.n) go(s.at); else { drawDetail(null); say(); }
    drawControls();
  }
  /** @param {number} from @param {Row[] | null} rows */
  function keep(from, rows) {
    pages.delete(from);
    pages.set(from, rows);
    trim(pages, KEPT_PAGES);
  }
  const pageOf = (/** @type {number} */ at) => Math.floor(at / first.page) * first.page;
  /** @param {number} at @returns {Row | undefined} */
  const rowAt = (at) => pages.get(pageOf(at))?.[at - pageOf(at)];
  /** Ask for the pages in sight, and the one after, the middle first. @param {number} from @param {number} to */
  function need(from, to) {
    const middle = (from + to - first.page) / 2;
    wanted = [];
    for (let at = pageOf(from); at < Math.min(s.n, to + first.page); at += first.page) if (pages.has(at)) keep(at, pages.get(at) ?? null); else wanted.push(at);
    wanted.sort((one, other) => Math.abs(one - middle) - Math.abs(other - middle));
    fetchWanted();
  }
  /** A few pages are asked for at once: whoever drags the scroll bar passes many that nobody sees. */
  function fetchWanted() {
    while (wanted.length && flying < 2) fetchPage(/** @type {number} */ (wanted.shift()));
  }
  /** @param {number} from */
  async function fetchPage(from) {
    const mine = asked;
    keep(from, null);
    flying++;
    const reply = await ask({ type: "rows", question: s.question, from });
    flying--;
    if (signal.aborted) return;
    if (mine !== asked) return fetchWanted();
    if (!reply.rows) { pages.delete(from); return; }
    keep(from, reply.rows);
    list.draw();
    if (s.row === null) go(s.at);
  }

  /** Read a row. @param {number} at its place in the list */
  async function go(at) {
    at = Math.max(0, Math.min(at, s.n - 1));
    s = { ...s, at, row: rowAt(at)?.row ?? null };
    list.show(s.n, at);
    say();
    const { row } = s, known = rowAt(at);
    if (row === null || !known) return;
    const reply = await ask({ type: "row", row });
    if (s.row === row && reply.texts && !signal.aborted) drawDetail(known, reply.texts);
  }
  /** @param {number} a @param {number} b */
  function compare(a, b) {
    if (s.basis >= 0) s = { ...s, basis: b };
    find({ a, b });
  }
  /** @param {number} column */
  function setBasis(column) {
    s = { ...s, basis: column };
    redraw();
  }
  /** @param {string} column */
  async function chooseColumn(column) {
    value.replaceChildren();
    if (column === "") return find({ where: null });
    await fillValues(Number(column));
    find({ where: value.options.length ? [Number(column), 0] : null });
  }
  /** @param {number} column */
  async function fillValues(column) {
    const reply = await ask({ type: "values", column });
    value.replaceChildren(...(reply.values ?? []).map((/** @type {[string, number]} */ [name, n], /** @type {number} */ at) => h("option", { value: String(at) }, `${name} (${counted(n)})`)));
  }

  // ---- drawing
  const roomOf = () => list.node.clientWidth || root.clientWidth || 900;
  /** Say how columns stand, as wide as there is room for. */
  function arrange() {
    const columns = columnsOf(s, first), room = roomOf();
    const [least, leadLeast] = METRIC_PX.map((px) => Math.max(NARROWEST, 20 + px * seen().length)), lead = Math.min(leadLeast, Math.round(room * LEAD_SHARE));
    col = Math.max(Math.min(least, room - lead), Math.floor((room - lead) / columns.length));
    // what is pinned stays, but for a column that must be left to scroll
    sticky = Math.max(0, Math.min(s.pins.length, Math.floor((room - lead) / col) - 1));
    root.style.setProperty("--ws-columns", `${lead}px repeat(${columns.length}, ${col}px)`);
    root.style.setProperty("--ws-wide", `${lead + col * columns.length}px`);
    root.style.setProperty("--ws-lead", `${lead}px`);
    drawHead(columns);
  }
  function redraw() {
    drawn.clear();
    arrange();
    list.draw();
    drawControls();
    if (s.n) go(s.at);
  }
  /** The metrics that have a column in the list, as many as there is room for; all are in the row in full. */
  const seen = () => {
    const n = Math.max(1, Math.min(MOST_METRICS, Math.floor((roomOf() * LEAD_SHARE - 20) / METRIC_PX[1])));
    const some = [...metrics.keys()].slice(0, n);
    return some.includes(s.question.metric) ? some : [...some.slice(0, -1), s.question.metric];
  };
  /** The place of a column that stays. @param {number} at @param {any} node */
  function placed(at, node) {
    if (at < sticky) { node.classList.add("ws-stays"); node.style.left = `calc(var(--ws-lead) + ${at * col}px)`; }
    return node;
  }
  const nameOf = (/** @type {number} */ column) => column === REFERENCE ? "reference" : systems[column].name;
  const glyphOf = (/** @type {number} */ column) => column === REFERENCE ? h("span", { class: "ws-glyph", "aria-hidden": "true" }, "¶") : h("span", { class: "ws-glyph", "aria-hidden": "true", style: `color:${systems[column].colour}` }, systems[column].glyph);

  /** @param {number[]} columns */
  function drawHead(columns) {
    const { a, b } = s.question;
    const sorter = (/** @type {string} */ key, /** @type {{ sort: string, metric: number, by?: number }} */ how, /** @type {string} */ told) => {
      const q = s.question, on = q.sort === how.sort && q.metric === how.metric && (how.sort !== "value" || q.by === how.by);
      const arrow = on ? (q.down ? " ↓" : " ↑") : "";
      return h("button", { type: "button", class: `ws-sorter${on ? " wi-on" : ""}`, "data-key": key, title: `${told}${metrics[how.metric].direction === "down" ? " (lower is better)" : ""}`, "aria-label": `${metrics[how.metric].name}: ${told}${on ? (q.down ? ", largest first" : ", smallest first") : ""}`, onclick: () => find(sortedBy(s.question, how)) }, metrics[how.metric].name, arrow);
    };
    const sorters = (/** @type {(metric: number) => any} */ make) => h("div", { class: "ws-figures", style: `--ws-metrics:${seen().length}` }, ...seen().map(make));
    const lead = h("div", { class: "ws-cell ws-lead" }, h("div", { class: "ws-name" }, pair ? `${nameOf(a)} − ${nameOf(b)}` : "row"),
      pair ? sorters((metric) => sorter(`d${metric}`, { sort: "delta", metric }, `sort by the difference ${nameOf(a)} − ${nameOf(b)}`)) : "");
    const others = columns.map((column, at) => placed(at, h("div", { class: "ws-cell" },
      h("div", { class: "ws-name" }, glyphOf(column), h("b", { title: nameOf(column) }, nameOf(column)), pinButton(column)),
      column === REFERENCE ? "" : sorters((metric) => sorter(`v${column}.${metric}`, { sort: "value", metric, by: column }, `sort by ${nameOf(column)}`)))));
    refill(head, [h("div", { class: "ws-grid" }, lead, ...others)]);
    head.scrollLeft = list.node.scrollLeft;
  }
  const pinButton = (/** @type {number} */ column) => h("button", { type: "button", class: "ws-pin", "data-key": `p${column}`, "aria-pressed": String(s.pins.includes(column)), "aria-label": `Pin ${nameOf(column)}`, title: "pin", onclick: () => pin(column) }, numberOf(column));
  const numberOf = (/** @type {number} */ column) => { const at = numberedOf(s.question, first).indexOf(column); return at < 9 ? String(at + 1) : "•"; };

  /** The cells of a row: what the kernel said of it, or that it is on its way. @param {number} at @returns {Node[]} */
  function cellsOf(at) {
    const row = rowAt(at);
    if (!row) return [h("div", { class: "ws-cell ws-lead wi-soft" }, `row ${counted(at + 1)} …`)];
    const known = drawn.get(row.row);
    if (known) return known;
    const made = [leadCell(row), ...columnsOf(s, first).map((column, nth) => placed(nth, textCell(row, column)))];
    drawn.set(row.row, made);
    trim(drawn, 4 * first.page);
    return made;
  }
  const figures = (/** @type {any[]} */ chips) => h("div", { class: "ws-figures", style: `--ws-metrics:${chips.length}` }, ...chips);
  /** @param {Row} row */
  function leadCell(row) {
    return h("div", { class: "ws-cell ws-lead" }, pair ? figures(seen().map((metric) => deltaChip(row, metric))) : "",
      h("div", { class: "ws-text" }, h("b", {}, row.id), " ", h("span", { class: "wi-soft" }, row.input[0], row.input[1] ? " …" : "")));
  }
  /** @param {Row} row @param {number} column */
  function textCell(row, column) {
    const own = column === REFERENCE ? row.references[0] : row.texts[column], others = s.basis === REFERENCE ? row.references : [row.texts[s.basis] ?? []].filter((each) => each.length);
    const cut = own?.[1] || others.some((each) => each[1]);
    const text = !own ? [h("span", { class: "wi-soft" }, column === REFERENCE ? "no reference" : "no output")]
      : column === s.basis || column === REFERENCE || !others.length ? [own[0]] : markedText(others.map(([each]) => each), own[0], { cut });
    return h("div", { class: `ws-cell${column === s.basis ? " ws-basis" : ""}` }, column === REFERENCE ? "" : figures(seen().map((metric) => valueChip(row, metric, column))),
      h("div", { class: `ws-text${column === REFERENCE ? " ws-tall" : ""}` }, ...text, own?.[1] ? " …" : ""));
  }
  /** @param {Row} row @param {number} metric @param {number} column */
  function valueChip(row, metric, column) {
    const value_ = row.values[metric][column], about = metrics[metric];
    return h("span", { class: "ws-value", style: `--ws-share:${value_ === null ? 0 : Math.round(100 * shareOf(about, value_))}` }, figure(value_, about.digits));
  }
  const deltaOf = (/** @type {Row} */ row, /** @type {number} */ metric) => {
    const [one, other] = [row.values[metric][s.question.a], row.values[metric][s.question.b]];
    return one === null || other === null ? null : one - other;
  };
  /** @param {Row} row @param {number} metric */
  function deltaChip(row, metric) {
    const delta = deltaOf(row, metric), about = metrics[metric], sense = delta === null ? 0 : senseOf(about, delta);
    const share = delta === null || about.high <= about.low ? 0 : Math.min(1, Math.abs(delta) / (about.high - about.low));
    return h("span", { class: `ws-value ws-delta${sense > 0 ? " ws-better" : sense < 0 ? " ws-worse" : ""}`, style: `--ws-share:${Math.round(100 * share)}` },
      signed(delta, about.digits), h("span", { "aria-hidden": "true" }, sense > 0 ? " ▲" : sense < 0 ? " ▼" : ""));
  }
  /** A row for the ear. @param {Row | undefined} row @param {number} at */
  function spoken(row, at) {
    if (!row) return `row ${at + 1}, on its way`;
    const { a, b, metric } = s.question, about = metrics[metric];
    const told = pair ? [`difference ${signed(deltaOf(row, metric), about.digits)}`, ...[a, b].map((each) => `${nameOf(each)} ${figure(row.values[metric][each], about.digits)}`)] : [`${about.name} ${figure(row.values[metric][a], about.digits)}`];
    return visible([`${row.id}, ${at + 1} of ${s.n}`, ...told].join("; "));
  }

  /** The row in full. @param {Row | null} row @param {Told[]} [told] */
  function drawDetail(row, told = []) {
    if (!row) return detail.replaceChildren(h("p", { class: "wi-soft" }, "No row to read."));
    const n = told.length - systems.length, [input, ...references] = told.slice(0, n), outputs = told.slice(n);
    const against = (s.basis === REFERENCE ? references : [outputs[s.basis]]).flatMap(({ text }) => text === null ? [] : [text]), cards = [];
    const isOpen = /** @type {any} */ (detail.querySelector("details"))?.open === true;
    const asked_ = input?.text ? [h("details", { class: "ws-input", open: isOpen }, h("summary", {}, h("b", {}, "input "), h("span", { class: "wi-soft" }, input.text.slice(0, 400))), card("", [], [input.text], input, row.row, 0))] : [];
    if (references.length) cards.push(h("div", { class: "ws-stack" }, ...references.map((each, at) => card(references.length > 1 ? `reference ${at + 1}` : "reference", [glyphOf(REFERENCE)], [each.text ?? ""], each, row.row, at + 1))));
    for (const column of columnsOf(s, first).filter((each) => each >= 0)) {
      const each = outputs[column], whole = each.text === null ? [h("span", { class: "wi-soft" }, each.error ?? "no output")]
        : column === s.basis || !against.length ? [each.text] : markedText(against, each.text, { both: true, cut: each.n > LONGEST_COMPARED });
      cards.push(card(nameOf(column), [glyphOf(column)], whole, each, row.row, n + column, h("dl", { class: "ws-told" }, ...metrics.flatMap((metric, at) => [h("dt", { title: metric.signature }, metric.name), h("dd", {}, valueChip(row, at, column)), h("dd", {}, ...toOther(row, at, column))]))));
    }
    detail.replaceChildren(h("h2", {}, row.id), ...asked_, h("div", { class: "ws-cards" }, ...cards));
    detail.scrollTop = 0;
  }
  /** What a value is beside the other system's. @param {Row} row @param {number} metric @param {number} column */
  function toOther(row, metric, column) {
    const [own, other] = [row.values[metric][column], row.values[metric][s.question.b]];
    if (column === s.question.b || own === null || other === null) return [];
    const sense = senseOf(metrics[metric], own - other);
    return [h("span", { class: sense > 0 ? "wi-good" : sense < 0 ? "wi-failed" : "wi-soft" }, ` ${signed(own - other, metrics[metric].digits)}${sense > 0 ? " ▲" : sense < 0 ? " ▼" : ""}`)];
  }
  /** @param {string} name @param {any[]} glyph @param {(Node | string)[]} text @param {Told} told @param {number} row @param {number} number @param {HTMLElement} [figures_] */
  function card(name, glyph, text, told, row, number, figures_) {
    const body = h("div", { class: "wi-text ws-whole" }, ...text), length = told.text?.length ?? 0;
    const more = told.n > [...(told.text ?? "")].length ? [moreButton(body, told, row, number)] : [];
    return h("article", { class: "ws-card" }, h("h3", {}, ...glyph, name, (told.repeats ?? 1) > 1 ? h("span", { class: "wi-soft" }, ` first of ${told.repeats}, values are their mean`) : ""), figures_ ?? "", length || text.length ? body : h("span", { class: "wi-soft" }, "empty"), ...more);
  }
  /** A text that is longer than a page goes on when it is asked to. @param {HTMLElement} body @param {Told} told @param {number} row @param {number} number */
  function moreButton(body, told, row, number) {
    let reached = [...(told.text ?? "")].length;
    const button = h("button", { type: "button", onclick: async () => {
      const reply = await ask({ type: "text", row, text: number, from: reached });
      if (!reply.text) return;
      body.append(visible(reply.text));
      reached += [...reply.text].length;
      button.textContent = words();
      button.hidden = reached >= told.n;
    } });
    const words = () => `more: ${counted(told.n - reached)} characters`;
    button.textContent = words();
    return button;
  }

  function drawControls() {
    const { question: q } = s, known = (/** @type {any} */ node, /** @type {any} */ now) => { if (node.value !== now) node.value = now; };
    known(ofA, String(q.a));
    known(ofB, String(q.b));
    known(ofMetric, String(q.metric));
    ofDelta.textContent = `${metrics[q.metric].name} difference`;
    basis.replaceChildren(...(first.n_references ? [h("option", { value: String(REFERENCE) }, "not in the reference")] : []), ...systems.map((each, at) => h("option", { value: String(at) }, `not in ${each.name}`)));
    known(basis, String(s.basis));
    if (document.activeElement !== search) known(search, q.text);
    for (const [node, now] of [[low, q.low], [high, q.high]]) if (document.activeElement !== node) known(node, now === null ? "" : String(now));
    slice.value = q.where ? String(q.where[0]) : slice.value;
    if (!q.where) { slice.value = ""; value.replaceChildren(); }
    value.hidden = !q.where;
    if (q.where && value.options.length) value.value = String(q.where[1]);
    differing.setAttribute("aria-pressed", String(q.differing));
    picked.hidden = q.picked === null;
    all.hidden = !isNarrow(q);
    legend.replaceChildren(h("ins", {}, "marked"), ` not in ${s.basis === REFERENCE && first.n_references > 1 ? "the nearest reference" : nameOf(s.basis)}; `, h("del", {}, "struck out"), ` only there (in the row in full). ${pair ? `▲ better, ▼ worse than ${nameOf(q.b)}; d` : "D"}eeper grounds are better values.`);
  }
  function say() {
    const { question: q, n, at } = s, of = n < first.n_rows ? `${counted(n)} of ${counted(first.n_rows)} rows` : `${counted(n)} rows`;
    const order = q.sort === "order" ? "in the dataset's order" : `${q.down ? "largest" : "smallest"} ${{ delta: "difference", size: "size of the difference", value: nameOf(q.by) }[q.sort]} in ${metrics[q.metric].name} first`;
    status.textContent = n ? visible(`Row ${counted(at + 1)} of ${of}, ${order}`) : "No row is like that.";
  }

  // ---- keys
  /** @param {number} column */
  function pin(column) {
    s = { ...s, pins: pinned(s.pins, column) };
    list.node.scrollLeft = 0;
    redraw();
  }
  function sortNext() {
    const { question: q } = s, next = { order: "delta", delta: "size", size: "order", value: "delta" }[q.sort] ?? "order";
    find({ sort: next, down: true });
  }
  /** @param {number} by */
  const metricBy = (by) => find({ metric: (s.question.metric + by + metrics.length) % metrics.length });
  /** @param {boolean} [on] */
  function toggleHelp(on = help.hidden) {
    help.hidden = !on;
    helpButton.setAttribute("aria-expanded", String(on));
  }
  function back() {
    if (!help.hidden) return toggleHelp(false);
    list.node.focus();
  }
  const sideways = (/** @type {number} */ way) => { list.node.scrollLeft += way * col; };
  /** @type {Record<string, () => any>} */
  const KEYS = {
    j: () => go(s.at + 1), ArrowDown: () => go(s.at + 1), k: () => go(s.at - 1), ArrowUp: () => go(s.at - 1), PageDown: () => go(s.at + list.fits()), PageUp: () => go(s.at - list.fits()),
    Home: () => go(0), End: () => go(s.n - 1), ArrowLeft: () => sideways(-1), ArrowRight: () => sideways(1), Enter: () => detail.focus(), Escape: back, "/": () => { search.focus(); search.select(); },
    s: sortNext, S: () => find({ down: !s.question.down }), m: () => metricBy(1), M: () => metricBy(-1), x: () => pair && compare(s.question.b, s.question.a),
    d: () => pair && find({ differing: !s.question.differing }), w: () => setBasis(s.basis === REFERENCE || !first.n_references ? s.question.b : REFERENCE), r: () => find(widened(s.question)), "?": () => toggleHelp(),
    0: () => first.n_references && pin(REFERENCE),
  };
  for (const at of systems.keys()) if (at < 9) KEYS[at + 1] = () => pin(numberedOf(s.question, first)[at]);
  /** @param {KeyboardEvent} event */
  function command(event) {
    const target = /** @type {any} */ (event.target), typing = target.matches?.("input, select, textarea");
    if (event.key === "Enter" && target === search) { find({ text: search.value }); list.node.focus(); return true; }
    if (typing && event.key !== "Escape") return false;
    if (/^(Enter| )$/.test(event.key) && target.matches?.("button")) return false;
    // the row that is read is scrolled by the keys that scroll
    if (detail.contains(target) && /^(Arrow|Page|Home|End)/.test(event.key)) return false;
    if (!Object.hasOwn(KEYS, event.key)) return false;
    KEYS[event.key]();
    return true;
  }
  root.addEventListener("keydown", (/** @type {any} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (command(event)) event.preventDefault();
    event.stopPropagation(); // what is no key here is none of the notebook's either
  }, { signal });

  // ---- the first page, and where somebody is sent later
  const resized = new ResizeObserver(() => { if (list.node.clientWidth) redrawWide(); });
  let wide = 0;
  function redrawWide() {
    if (list.node.clientWidth === wide) return;
    wide = list.node.clientWidth;
    drawn.clear();
    arrange();
    list.draw();
  }
  resized.observe(root);
  /** @param {Question} question */
  async function opened(question) {
    s = { ...s, question, row: null, basis: s.basis === REFERENCE ? REFERENCE : question.b };
    if (question.where) await fillValues(question.where[0]);
    await find({});
  }
  kernel.sent((question) => { if (!signal.aborted) opened(question); });
  if (first.found.rows.length) { take(first.found); if (s.question.where) fillValues(s.question.where[0]).then(drawControls); } else opened(s.question);
  return () => {
    stopper.abort();
    clearTimeout(timer);
    resized.disconnect();
    list.stop();
    kernel.close();
    root.remove();
  };
}

export default { render };
