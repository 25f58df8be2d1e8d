// @ts-check
/* The list of steps: all of a run, or those of one sort. */

import { stepCells } from "./cells.js";
import { chip, choice, refill } from "./controls.js";
import { h } from "./elements.js";
import { trim, virtualList } from "./lists.js";
import { differing, keptSteps, PAGE, rankOf, stepsOf } from "./state.js";
import { counted } from "./texts.js";

/** @import { Context } from "./panel.js" */
/** @import { Only, Row, State } from "./state.js" */

/** Pages of steps that are kept. */
const KEPT = 64;
/** Agents that have a chip each; more are in a list. */
const FEW_AGENTS = 3;

/** Where steps stand in a list in which each of some stretches is one row. Pure. @param {[start: number, n: number][]} folds ascending */
export function foldedPlaces(folds) {
  let hidden = 0;
  const starts = /** @type {number[]} */ ([]), places = /** @type {number[]} */ ([]), upTo = /** @type {number[]} */ ([]);
  for (const [start, n] of folds) { starts.push(start); places.push(start - hidden); upTo.push(hidden += n - 1); }
  const last = (/** @type {number[]} */ list, /** @type {number} */ at) => rankOf(list, at + 1) - 1;
  return {
    hidden,
    stepAt: (/** @type {number} */ place) => { const nth = last(places, place); return nth < 0 ? place : places[nth] === place ? starts[nth] : place + upTo[nth]; },
    placeOf: (/** @type {number} */ step) => { const nth = last(starts, step); return nth < 0 ? step : Math.max(places[nth], step - upTo[nth]); },
  };
}

/** @param {Context} context @param {Row[]} [first] the first page of the first run */
export function stepsView(context, first) {
  const { uid, ask, dispatch, go, signal } = context, s = context.state;
  /** @type {Map<string, Row[] | null>} pages of steps, the last used at the end; null while one is asked for */
  const pages = new Map();
  /** Pages that the kernel told before it had read their run, so without what joins its steps; and the run that it has read since. */
  const hasty = new Set();
  let whole = -1;
  let hitsOf = /** @type {number[] | null} */ (null), hitsIn = new Set(), timer = 0;
  const hitSet = () => { const { hits } = s(); if (hitsOf !== hits) { hitsOf = hits; hitsIn = new Set(hits); } return hitsIn; };
  /** Stretches of like steps, and of these the first steps of those that are open. @type {[start: number, n: number, text: string][]} */
  let folds = [];
  let places = foldedPlaces([]), folding = true;
  const opened = new Set();
  /** The step of a place in the list. @param {number} at */
  const stepAt = (at) => keptSteps(s())?.[at] ?? places.stepAt(at);
  const many = () => keptSteps(s())?.length ?? stepsOf(s()) - places.hidden;
  const list = virtualList({
    id: `${uid}s`, label: "Steps", class: "wi-steps", need, draw: cellsOf,
    pick: (at) => { const step = stepAt(at), fold = foldOf(step); if (fold?.[0] === step && isClosed(fold)) turnFold(fold, false); go(step); },
    look: (at) => (rowAt(at)?.[3] === "error" ? "wi-bad " : "") + (isHit(stepAt(at)) ? "wi-hit" : ""),
  });
  list.node.addEventListener("click", (/** @type {any} */ event) => {
    const fold = event.target.closest(".wi-folded") && foldOf(stepAt(Number(event.target.closest(".wi-row").dataset.at)));
    if (!fold || isClosed(fold)) return;
    event.stopImmediatePropagation();
    turnFold(fold, true);
  }, true);
  const chips = h("div", { class: "wi-chips", role: "group", "aria-label": "Steps shown" }), bar = h("div", { class: "wi-bar" }, chips);

  /** Under what a page is kept: one of all steps, or the steps themselves. @param {number} at a page */
  function keyOf(at) {
    const kept = keptSteps(s()), { run, only } = s();
    if (!kept || !only) return `${run}:${at}`;
    return `${run}:${only.what}:${only.agent}:${only.what === "hits" ? s().query : ""}:${at}:${Math.min(PAGE, kept.length - at * PAGE)}`;
  }
  /** Where the row of a place stands among those of which pages are kept. @param {number} at */
  const nthOf = (at) => keptSteps(s()) ? at : stepAt(at);
  /** @param {number} at a place in the list @returns {Row | undefined} */
  const rowAt = (at) => pages.get(keyOf(Math.floor(nthOf(at) / PAGE)))?.[nthOf(at) % PAGE];
  /** @param {string} key @param {Row[] | null} rows */
  function keep(key, rows) {
    pages.delete(key);
    pages.set(key, rows);
    trim(pages, KEPT);
  }
  /** Ask for the pages in sight, once scrolling rests. @param {number} from @param {number} to */
  function need(from, to) {
    const missing = /** @type {number[]} */ ([]);
    const wanted = new Set(Array.from({ length: Math.max(1, to - from) }, (_, at) => Math.floor(nthOf(from + at) / PAGE)));
    for (const at of wanted) {
      const key = keyOf(at), rows = pages.get(key);
      if (rows) keep(key, rows);
      if (rows === undefined || (hasty.has(key) && whole === s().run)) missing.push(at);
    }
    clearTimeout(timer);
    if (missing.length && s().run >= 0 && many()) timer = window.setTimeout(() => missing.forEach(fetchPage), 20);
  }
  /** @param {number} at */
  async function fetchPage(at) {
    const key = keyOf(at), { run } = s(), [from, to] = [at * PAGE, (at + 1) * PAGE];
    const known = pages.get(key);
    if (known === null || (known && !hasty.delete(key))) return;
    if (!known) keep(key, null);
    const reply = await ask({ type: "rows", run, from, to, ...(s().only ? { steps: keptSteps(s())?.slice(from, to) } : {}) });
    if (signal.aborted) return;
    if (reply.rows) keep(key, reply.rows); else if (!known) pages.delete(key);
    if (reply.hasty) hasty.add(key);
    if (run === s().run && reply.rows) list.draw();
  }

  /** The stretch that a step is of. @param {number} step */
  function foldOf(step) {
    if (keptSteps(s())) return undefined;
    let [low, high] = [0, folds.length];
    while (low < high) { const half = (low + high) >> 1; if (folds[half][0] <= step) low = half + 1; else high = half; }
    const fold = folds[low - 1];
    return fold && step < fold[0] + fold[1] ? fold : undefined;
  }
  /** @param {[number, number, string]} fold */
  const isClosed = (fold) => folding && !opened.has(fold[0]);
  /** Whether a row holds what is searched for. @param {number} step */
  function isHit(step) {
    const { hits } = s(), fold = foldOf(step);
    return fold && isClosed(fold) ? hits[rankOf(hits, step)] < fold[0] + fold[1] : hitSet().has(step);
  }
  /** @param {number} at */
  function cellsOf(at) {
    const step = stepAt(at), row = rowAt(at), fold = foldOf(step), cells = (/** @type {Row | undefined} */ each) => stepCells(step, each);
    if (!fold || !folding || fold[0] !== step) return cells(row);
    const closed = isClosed(fold), n = counted(fold[1]), last = fold[0] + fold[1] - 1, shown = cells(closed && row ? [row[0], row[1], fold[2] || `to step ${last}`, row[3], null, null] : row);
    return [...shown.slice(0, 3), h("span", { class: "wi-folded", title: closed ? `${n} steps like this, to step ${last}: open them ( → )` : `fold these ${n} steps ( ← )` }, closed ? "▸ " : "▾ ", `${n} ×`, h("span", { class: "wi-hidden" }, closed ? " folded" : " open")), ...shown.slice(3)];
  }
  /** Arrange the list anew, the step that is read in it. @param {boolean} [move] */
  function arrange(move = true) {
    const fold = foldOf(s().at);
    if (fold && fold[0] !== s().at) opened.add(fold[0]);
    places = foldedPlaces(/** @type {any} */ (folds.filter(isClosed)));
    place(s(), move);
    drawChips();
  }
  /** Close or open a stretch. @param {[number, number, string]} fold @param {boolean} closed */
  function turnFold(fold, closed) {
    if (closed) opened.delete(fold[0]); else opened.add(fold[0]);
    if (closed && s().at !== fold[0] && foldOf(s().at) === fold) go(fold[0]);
    arrange();
  }
  /** Ask which steps of the open run are alike. */
  async function fetchFolds() {
    const { run } = s(), found = /** @type {typeof folds} */ ([]);
    for (let from = 0; from >= 0 && run >= 0;) {
      const reply = await ask({ type: "folds", run, from });
      if (signal.aborted || s().run !== run || !reply.folds) return;
      found.push(...reply.folds);
      from = reply.next;
    }
    if (!found.length) return;
    folds = found;
    arrange();
  }
  /** Show steps of one sort only; of the same again, all. @param {Only | null} only */
  async function showOnly(only) {
    const now = s().only;
    if (!only || (now?.what === only.what && now?.agent === only.agent)) return dispatch({ type: "only", only: null });
    dispatch({ type: "only", only });
    const { run } = s();
    for (let from = 0; from >= 0 && only.what !== "hits";) {
      const reply = await ask({ type: "places", run, what: only.what, agent: only.agent, from });
      if (signal.aborted || !reply.places || s().only !== only) return;
      from = reply.next;
      dispatch({ type: "kept", run, only, places: reply.places });
    }
  }
  function drawChips() {
    const { only, agents, query } = s();
    const one = (/** @type {Only["what"]} */ what, /** @type {string} */ label, agent = -1) => chip(label, only?.what === what && only.agent === agent, () => showOnly({ what, agent, label }));
    const sorts = [chip("all", !only, () => showOnly(null)), one("model", "model"), one("tool", "tools"), one("error", "errors"), ...(query ? [one("hits", "hits")] : [])];
    if (folds.length && !only) sorts.push(chip(`fold like steps ${counted(folds.length)}`, folding, () => { folding = !folding; arrange(); }, { title: "steps in a row that are alike and say little become one row" }));
    if (agents.length <= FEW_AGENTS) sorts.push(...agents.map((name, at) => one("agent", name, at)));
    else {
      const pick = choice("Agent", [["", "all agents"], ...agents.map((name, at) => [String(at), name])], (value) => showOnly(value ? { what: "agent", agent: Number(value), label: agents[Number(value)] } : null));
      pick.value = only?.what === "agent" ? String(only.agent) : "";
      sorts.push(pick);
    }
    refill(chips, [h("span", { class: "wi-soft" }, "show"), ...sorts]);
  }
  /** Put the step that is read into the list, and into sight. @param {State} now @param {boolean} move */
  function place(now, move) {
    const kept = keptSteps(now), at = kept ? rankOf(kept, now.at) : places.placeOf(now.at), n = many();
    list.show(n, n && (!kept || kept[at] === now.at) ? at : -1, move);
  }
  return {
    name: "steps", label: "Steps", list, node: h("div", { class: "wi-view" }, bar, list.node), bar,
    /** @param {State} now @param {State} before */
    show(now, before) {
      const changed = differing(now, before), fold = changed("at") && foldOf(now.at);
      if (changed("run")) {
        [folds, places] = [[], foldedPlaces([])];
        opened.clear();
        if (before.run < 0) fetchFolds(); // of a run after it, once somebody stays there
      } else if (fold && isClosed(fold) && fold[0] !== now.at) arrange();
      if (changed("run", "at", "hits", "runs", "only", "kept", "view")) place(now, changed("run", "at", "only", "view"));
      if (changed("only", "agents", "query", "run")) drawChips();
    },
    stop() { clearTimeout(timer); list.stop(); },
    /** @param {KeyboardEvent} event */
    key(event) {
      const fold = /^Arrow(Left|Right)$/.test(event.key) && list.node.contains(/** @type {Node} */ (event.target)) && foldOf(s().at), closes = event.key === "ArrowLeft";
      if (!fold || !folding || isClosed(fold) === closes) return false;
      turnFold(fold, closes);
      return true;
    },
    fits: () => list.fits(), draw: () => list.draw(), reveal: () => place(s(), true), showOnly, fetchFolds,
    /** Keep the first page of the first run. @param {Row[]} rows @param {boolean} isHasty */
    keep(rows, isHasty) { keep("0:0", rows); if (isHasty) hasty.add("0:0"); },
    /** Ask again for what was told in haste: the kernel has read the run. */
    again() { whole = s().run; list.draw(); },
    /** The row of a step, if it is known. @param {number} step @returns {Row | undefined} */
    rowOf(step) {
      const kept = keptSteps(s());
      return pages.get(`${s().run}:${Math.floor(step / PAGE)}`)?.[step % PAGE] ?? (kept ? rowAt(rankOf(kept, step)) : undefined);
    },
    /** The step so many further in the list. @param {number} by */
    further(by) {
      const kept = keptSteps(s()), { at } = s();
      if (!kept) return places.stepAt(Math.max(0, Math.min(places.placeOf(at) + by, many() - 1)));
      const place = rankOf(kept, at), from = by > 0 && kept[place] !== at ? place - 1 : place;
      return kept[Math.max(0, Math.min(from + by, kept.length - 1))] ?? at;
    },
    /** What is said of the place. @param {State} now */
    told(now) {
      const n = stepsOf(now), kept = keptSteps(now);
      if (!n) return now.run < 0 ? "" : "this run has none";
      return `step ${now.at} of ${counted(n)} (from 0)${kept ? `; ${counted(kept.length)} shown` : ""}`;
    },
  };
}
