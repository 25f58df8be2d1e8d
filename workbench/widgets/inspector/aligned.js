// @ts-check
/* Runs side by side: where they part, and what came of it. */

import { ended } from "./cells.js";
import { choose } from "./choosing.js";
import { keyed } from "./controls.js";
import { differenceView, wholeStep } from "./differing.js";
import { h } from "./elements.js";
import { MOST_ROWS, topFor, trim, windowOf } from "./lists.js";
import { mixed, namesOf, stackOf } from "./stacked.js";
import { MOST_CHOSEN } from "./state.js";
import { counted, duration, lookOf, money, short, some } from "./texts.js";

/** @import { Context, View } from "./panel.js" */
/** A page of places: where a step was moved to, what differs, and of each run its step. @typedef {[moved: number | null, note: string, cells: ([at: number, kind: string, name: string, text: string, status: string] | null)[]]} AlignedPlace */

const TALL = 44, PLACES_OF_PAGE = 50, KEPT_PAGES = 40, LONGEST_PLAIN = 5, REST_MS = 60;
/** What is done at a place: a shape, a word, a look. @type {Record<string, [string, string, string]>} */
const OPERATIONS = {
  "=": ["=", "match", "match"], "~": ["≠", "change", "change"], "+": ["+", "insert", "insert"], "-": ["−", "delete", "delete"],
  ">": ["⇠", "moved from", "insert"], "<": ["⇢", "moved to", "delete"],
};

/** The rows of a grid: places, and for each long stretch that matches, unless it is unfolded, the one before its first place in
 * negative: -1 - place. @param {string} operations @param {Set<number>} unfolded first places of stretches @returns {number[]} */
function foldedRows(operations, unfolded) {
  const rows = [];
  for (let at = 0; at < operations.length;) {
    const end = stretchEnd(operations, at);
    if (end - at > LONGEST_PLAIN && !unfolded.has(at)) rows.push(-1 - at); else for (let place = at; place < Math.max(end, at + 1); place++) rows.push(place);
    at = Math.max(end, at + 1);
  }
  return rows;
}
/** Where a stretch that matches ends. @param {string} operations @param {number} at */
function stretchEnd(operations, at) {
  while (operations[at] === "=") at++;
  return at;
}
/** The next place that does not match, or the one before; -1 for none. @param {string} operations @param {number} at @param {number} way */
function nextDifference(operations, at, way) {
  for (let place = at + way; place >= 0 && place < operations.length; place += way) if (operations[place] !== "=") return place;
  return -1;
}
/** A figure beside that of the first run. @param {number | undefined} own @param {number | undefined} first @param {(n: number) => string} shown */
function beside(own, first, shown) {
  if (own === undefined) return "";
  const by = own - (first ?? own);
  return `${shown(own)}${first === undefined ? "" : by ? ` (${by > 0 ? "+" : "−"}${shown(Math.abs(by))})` : " (=)"}`;
}

/** @param {Context} context @returns {View & { compare(): void }} */
export function alignedView(context) {
  const { uid, ask, say, dispatch } = context, { signal } = context;
  let chosen = /** @type {number[]} */ ([]), asked = "", operations = "", first = /** @type {number | null} */ (null), rows = /** @type {number[]} */ ([]);
  let unfolded = new Set(), place = 0, column = 1, stacked = false, frame = 0, timer = 0, shownAt = "", focus = false;
  /** @type {Map<number, AlignedPlace[] | null>} */
  const pages = new Map();

  // ---- what is in the page
  const chips = h("div", { class: "wi-picks", role: "list", "aria-label": "Compared runs" }), words = h("p", { class: "wi-parting" });
  const button = (/** @type {string} */ text, /** @type {() => any} */ onclick) => h("button", { type: "button", onclick }, text);
  const stackButton = keyed("All runs as paths", "p", () => turnStack());
  const moves = [keyed("First difference", "d", () => firstOne()), keyed("Previous", "N", () => difference(-1)), keyed("Next", "n", () => difference(1))];
  const hint = h("p", { class: "wi-hint" });
  const head = h("div", { class: "wi-aligned-row wi-aligned-head", role: "row", "aria-rowindex": "1" }), sizer = h("div", { class: "wi-sizer", role: "rowgroup" });
  const grid = h("div", { class: "wi-aligned-grid", role: "grid", tabindex: "0", "aria-label": "Runs side by side" }, h("div", { class: "wi-aligned-top", role: "rowgroup" }, head), sizer);
  const texts = h("section", { class: "wi-difference", tabindex: "0", "aria-label": "What differs" });
  const stack = stackOf(context, toggle), both = h("div", { class: "wi-aligned-both" }, grid, texts);
  const node = h("div", { class: "wi-aligned" }, h("div", { class: "wi-bar" }, keyed("Other runs of this task", "c", compare), stackButton, chips), hint, h("div", { class: "wi-bar" }, words, ...moves), both, stack.node);
  grid.addEventListener("scroll", soon, { passive: true });
  const watcher = new ResizeObserver(soon);
  watcher.observe(grid);

  // ---- which runs
  /** @param {number} run */
  function toggle(run) { choose(context, run); }
  async function compare() {
    const { run } = context.state(), reply = run < 0 ? {} : await ask({ type: "stack", run, from: -1 });
    if (signal.aborted || run !== context.state().run) return;
    if (!(reply.runs?.length > 1)) say("There is no other run of this task; put runs into the comparison with x.");
    else {
      [stacked, focus] = [false, true];
      dispatch({ type: "choose", runs: mixed(run, reply.runs) });
    }
    dispatch({ type: "view", view: "aligned" });
    if (!both.hidden) grid.focus({ preventScroll: true });
  }
  const nameOf = (/** @type {number} */ run) => namesOf(context.state().runs, chosen)(run);
  function drawChips() {
    chips.replaceChildren(...chosen.map((run, at) => h("span", { class: "wi-pick", role: "listitem" },
      h("button", { type: "button", title: at ? "compare the others with this one" : "the others are compared with this one", onclick: () => dispatch({ type: "choose", runs: [run, ...chosen.filter((each) => each !== run)] }) }, `${at ? "" : "1st: "}${nameOf(run)}`),
      h("button", { type: "button", "aria-label": `Take ${nameOf(run)} out`, onclick: () => { toggle(run); (chips.querySelector("button") ?? stackButton).focus(); } }, "×"))));
  }
  function turnStack(on = !stacked) {
    stacked = on;
    settle();
    if (on) stack.load();
    (on ? stack : grid).focus();
  }
  /** Show what there is to show. */
  function settle() {
    const few = chosen.length < 2;
    stackButton.setAttribute("aria-pressed", String(stacked));
    hint.textContent = few ? `Choose two to ${MOST_CHOSEN} runs: mark them in the list of runs (click ☐, or press x), or press c. ${chosen.length ? "One is chosen." : "None is chosen yet."}` : "";
    hint.hidden = !few;
    stack.node.hidden = !few && !stacked;
    both.hidden = few || stacked || !operations;
    words.hidden = few || stacked;
    for (const each of moves) each.hidden = both.hidden;
  }

  // ---- the alignment
  async function load() {
    const key = asked = chosen.join();
    [operations, first, shownAt] = ["", null, ""];
    pages.clear();
    unfolded = new Set();
    grid.removeAttribute("data-runs");
    words.textContent = chosen.length > 1 ? "Aligning …" : "";
    settle();
    if (chosen.length < 2) return;
    const runs = chosen;
    let read = "", reply = /** @type {any} */ ({});
    do {
      reply = await ask({ type: "align", runs, from: read.length });
      if (asked !== key || signal.aborted) return;
      read += reply.operations ?? "";
    } while (reply.operations && read.length < reply.n_places);
    if (reply.operations === undefined) { words.textContent = reply.reason ?? "These runs could not be aligned."; return; }
    [operations, first] = [read, reply.first];
    words.textContent = told(reply.n_places);
    drawHead();
    settle();
    grid.dataset.runs = key;
    if (focus && !both.hidden) grid.focus({ preventScroll: true });
    focus = false;
    if (operations) go(first ?? 0);
  }
  /** @param {number} n */
  function told(n) {
    const counts = Object.entries(OPERATIONS).map(([letter, [, word]]) => [operations.split(letter).length - 1, { "~": "changed", "+": "inserted", "-": "deleted", ">": "moved here", "<": "moved away" }[letter] ?? word]);
    const all = `${some(n, "place")}: ${counts.filter(([many]) => many).map(([many, word]) => `${counted(Number(many))} ${word}`).join(", ")}.`;
    return `${first === null ? "They never part." : `They part at place ${first}.`} ${all}`;
  }
  function drawHead() {
    const { runs } = context.state(), one = runs[chosen[0]];
    grid.style.setProperty("--runs", String(chosen.length));
    grid.setAttribute("aria-colcount", String(chosen.length + 1));
    head.replaceChildren(h("span", { role: "columnheader", "aria-colindex": "1" }, "place"), ...chosen.map((place, at) => {
      const run = runs[place] ?? {}, to = at ? one : undefined, n = (/** @type {number} */ each) => counted(each);
      const done = runs[place] ? ended(run) : ["", ""];
      const facts = [`${beside(run.n_steps, to?.n_steps, n)} steps`, run.tokens === undefined ? "" : `${beside(run.tokens, to?.tokens, short)} tokens`,
        beside(run.cost_usd, to?.cost_usd, money), beside(run.ms, to?.ms, duration)];
      return h("span", { role: "columnheader", "aria-colindex": String(at + 2) }, h("b", { title: run.id ?? "" }, nameOf(place)), " ", h("span", { class: done[1] }, done[0]), h("span", { class: "wi-soft wi-head-facts" }, facts.filter(Boolean).join(" · ")));
    }));
  }

  // ---- the grid
  const seenHeight = () => Math.max(TALL, (grid.clientHeight || 400) - head.offsetHeight);
  function soon() { if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); }); }
  function draw() {
    if (both.hidden) return;
    const seen = windowOf({ n: rows.length, view: seenHeight(), top: grid.scrollTop, row: TALL }), drawn = [];
    sizer.style.height = `${seen.height}px`;
    grid.setAttribute("aria-rowcount", String(rows.length + 1));
    for (let at = seen.from; at < Math.min(seen.to, seen.from + MOST_ROWS - 1); at++) {
      const each = rows[at] < 0 ? foldRow(-1 - rows[at]) : placeRow(rows[at]);
      each.setAttribute("aria-rowindex", String(at + 2));
      each.style.transform = `translateY(${at * TALL + seen.shift}px)`;
      drawn.push(each);
    }
    sizer.replaceChildren(...drawn);
    grid.setAttribute("aria-activedescendant", sizer.querySelector(".wi-here")?.id ?? "");
    const shown = rows.slice(seen.from, seen.to).filter((each) => each >= 0);
    need(shown.map((each) => Math.floor(each / PLACES_OF_PAGE)));
  }
  const cellId = (/** @type {number} */ at, /** @type {number} */ number) => `${uid}a${at}-${number}`;
  /** @param {number} at */
  function foldRow(at) {
    const n = stretchEnd(operations, at) - at, here = place >= at && place < at + n;
    return h("div", { class: "wi-aligned-row wi-fold", role: "row", "data-fold": String(at), ...(here ? { "aria-selected": "true" } : {}) },
      h("span", { role: "gridcell", id: cellId(at, 0), class: here ? "wi-here" : "", "aria-colspan": String(chosen.length + 1) }, `⋯ ${counted(n)} equal places (${at} to ${at + n - 1}); Enter unfolds them`));
  }
  /** @param {number} at */
  function placeRow(at) {
    const [shape, word, look] = OPERATIONS[operations[at]], [moved, note, cells] = pages.get(Math.floor(at / PLACES_OF_PAGE))?.[at % PLACES_OF_PAGE] ?? [null, "", []];
    const here = (/** @type {number} */ number) => at === place && number === column ? " wi-here" : "";
    const said = h("span", { role: "gridcell", id: cellId(at, 0), class: `wi-operation${here(0)}`, "data-column": "0" },
      h("span", {}, `${at} `, h("b", { "aria-hidden": "true" }, shape), ` ${word} `, ...(moved === null ? [] : [h("button", { type: "button", tabindex: "-1", "data-to": String(moved), title: "go there ( m )" }, String(moved))])), h("span", { class: "wi-soft", title: note }, note));
    const shown = chosen.map((_, run) => {
      const cell = cells[run], how = { role: "gridcell", id: cellId(at, run + 1), "data-column": String(run + 1) };
      if (!cell) return h("span", { ...how, class: `wi-none${here(run + 1)}` }, cells.length ? "no step" : "…");
      const [step, kind, name, text, status] = cell, [sign, kindLook, kindWord] = lookOf(kind);
      return h("span", { ...how, class: here(run + 1).trim() }, h("span", {}, h("span", { class: "wi-soft" }, `${step} `), h("span", { class: `wi-kind-${kindLook}` }, h("span", { "aria-hidden": "true" }, `${sign} `), kindWord), " ", h("span", { class: "wi-cell-name" }, name), ...(status === "error" ? [h("b", { class: "wi-failed" }, " ✕ error")] : [])), h("span", { class: "wi-cell-text" }, text));
    });
    return h("div", { class: `wi-aligned-row wi-is-${look}`, role: "row", "data-place": String(at), ...(at === place ? { "aria-selected": "true" } : {}) }, said, ...shown);
  }
  /** @param {number[]} numbers of pages */
  function need(numbers) {
    const key = asked;
    for (const number of new Set(numbers)) {
      const page = pages.get(number);
      if (page !== undefined) { pages.delete(number); pages.set(number, page); continue; }
      pages.set(number, null);
      ask({ type: "aligned", runs: chosen, from: number * PLACES_OF_PAGE }).then((reply) => {
        if (asked !== key || signal.aborted) return;
        if (reply.places) pages.set(number, reply.places); else pages.delete(number);
        trim(pages, KEPT_PAGES);
        if (reply.places) { soon(); showTexts(); }
      });
    }
  }
  /** The row of a place, which may be folded. @param {number} at */
  const rowOfPlace = (at) => rows.findLastIndex((each) => (each < 0 ? -1 - each : each) <= at);
  /** Select a place. @param {number} at */
  function go(at) {
    place = at;
    say("");
    rows = foldedRows(operations, unfolded);
    const row = rowOfPlace(at);
    sizer.style.height = `${rows.length * TALL}px`;
    grid.scrollTop = topFor({ n: rows.length, view: seenHeight(), top: grid.scrollTop, at: row, row: TALL });
    draw();
    clearTimeout(timer);
    timer = window.setTimeout(showTexts, REST_MS);
  }
  /** @param {number} by rows */
  function move(by) {
    const row = Math.max(0, Math.min(rowOfPlace(place) + by, rows.length - 1));
    go(rows[row] < 0 ? -1 - rows[row] : rows[row]);
  }
  function firstOne() {
    if (first === null) say("The runs never part."); else go(first);
    grid.focus({ preventScroll: true });
  }
  /** @param {number} way */
  function difference(way) {
    const at = nextDifference(operations, place, way);
    if (at < 0) say(`There is no difference ${way > 0 ? "after" : "before"} this place.`); else go(at);
    grid.focus({ preventScroll: true });
  }
  const isFolded = () => rows[rowOfPlace(place)] < 0;
  function enter() {
    const cells = pages.get(Math.floor(place / PLACES_OF_PAGE))?.[place % PLACES_OF_PAGE]?.[2] ?? [];
    if (isFolded()) { unfolded.add(-1 - rows[rowOfPlace(place)]); return go(place); }
    const run = cells[column - 1] ? column - 1 : cells.findIndex(Boolean);
    if (run >= 0) context.open(chosen[run], /** @type {any} */ (cells[run])[0]);
  }
  function followMove() {
    const moved = pages.get(Math.floor(place / PLACES_OF_PAGE))?.[place % PLACES_OF_PAGE]?.[0];
    if (moved === null || moved === undefined) say("The step at this place was not moved."); else go(moved);
  }

  // ---- the texts
  async function showTexts() {
    const page = pages.get(Math.floor(place / PLACES_OF_PAGE))?.[place % PLACES_OF_PAGE], key = `${asked}:${place}`;
    if (isFolded()) { shownAt = ""; return texts.replaceChildren(h("p", { class: "wi-soft" }, "Equal places; Enter unfolds them.")); }
    if (!page || shownAt === key || both.hidden) return;
    shownAt = key;
    const [moved, note, cells] = page, [shape, word] = OPERATIONS[operations[place]], at = place;
    const stale = () => shownAt !== key || signal.aborted;
    const steps = await Promise.all(cells.map((cell, run) => cell ? wholeStep(ask, chosen[run], cell[0]) : null));
    if (stale()) return;
    const shown = await differenceView(steps, chosen.map(nameOf), stale);
    if (stale()) return;
    const opens = cells.flatMap((cell, run) => cell ? [button(`Open step ${cell[0]} of ${nameOf(chosen[run])}`, () => context.open(chosen[run], cell[0]))] : []);
    texts.replaceChildren(h("h2", {}, `Place ${at}: ${shape} ${word}${moved === null ? "" : ` ${moved}`}${note ? `; ${note}` : ""}`), ...shown, h("div", { class: "wi-bar" }, ...opens));
    texts.scrollTop = 0;
    texts.dataset.place = String(at);
  }

  // ---- what happens
  grid.addEventListener("click", (/** @type {any} */ event) => {
    const { to } = event.target.closest?.("[data-to]")?.dataset ?? {}, row = event.target.closest?.("[role=row]")?.dataset ?? {};
    if (to !== undefined) return go(Number(to));
    column = Number(event.target.closest?.("[data-column]")?.dataset.column ?? column) || 1;
    if (row.fold !== undefined) { unfolded.add(Number(row.fold)); go(Number(row.fold)); } else if (row.place !== undefined) go(Number(row.place));
  });
  grid.addEventListener("dblclick", enter);
  const aside = (/** @type {number} */ by) => { column = Math.max(1, Math.min(column + by, chosen.length)); draw(); sizer.querySelector(".wi-here")?.scrollIntoView({ block: "nearest", inline: "nearest" }); };
  const screen = () => Math.max(1, Math.floor(seenHeight() / TALL) - 1);
  /** @type {Record<string, () => any>} of the grid */
  const keys = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1), PageDown: () => move(screen()), PageUp: () => move(-screen()),
    Home: () => move(-Infinity), End: () => move(Infinity), ArrowRight: () => aside(1), ArrowLeft: () => aside(-1), Enter: enter, m: followMove,
  };
  /** @type {Record<string, () => any>} of all the view */
  const common = { n: () => difference(1), N: () => difference(-1), d: firstOne };
  /** From the texts to the places, and from these to the steps of the run. */
  function leave() {
    if (document.activeElement !== grid) return grid.focus({ preventScroll: true });
    dispatch({ type: "view", view: "steps" });
    context.stage().focus();
  }
  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === "p") return turnStack(), true;
    if (!stack.node.hidden && stack.key(event)) return true;
    if (both.hidden) return false;
    if (event.key === "Escape") return leave(), true;
    if (texts.contains(/** @type {any} */ (event.target)) && /^(Arrow|Page|Home|End)/.test(event.key)) return false;
    if (Object.hasOwn(common, event.key)) return common[event.key](), true;
    return grid.contains(/** @type {any} */ (event.target)) && Object.hasOwn(keys, event.key) && (keys[event.key](), true);
  }
  return {
    name: "aligned", label: "Side by side", node, key, compare,
    show(state, before) {
      const turned = state.view !== before.view, other = chosen !== state.chosen;
      if (other) {
        chosen = state.chosen;
        drawChips();
        load();
      } else if (state.runs !== before.runs) { drawChips(); if (operations) drawHead(); }
      if (turned) { settle(); soon(); }
      if (stack.node.hidden) return;
      if (turned || other || state.run !== before.run) stack.load();
    },
    stop: () => { watcher.disconnect(); cancelAnimationFrame(frame); clearTimeout(timer); },
  };
}
