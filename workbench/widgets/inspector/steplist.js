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

/** @param {Context} context @param {Row[]} [first] the first page of the first run */
export function stepsView(context, first) {
  const { uid, ask, dispatch, go, signal } = context, s = context.state;
  /** @type {Map<string, Row[] | null>} pages of steps, the last used at the end; null while one is asked for */
  const pages = new Map();
  let hitsOf = /** @type {number[] | null} */ (null), hitsIn = new Set(), timer = 0;
  const hitSet = () => { const { hits } = s(); if (hitsOf !== hits) { hitsOf = hits; hitsIn = new Set(hits); } return hitsIn; };
  /** The step of a place in the list. @param {number} at */
  const stepAt = (at) => keptSteps(s())?.[at] ?? at;
  const many = () => keptSteps(s())?.length ?? stepsOf(s());
  const list = virtualList({
    id: `${uid}s`, label: "Steps", class: "wi-steps", pick: (at) => go(stepAt(at)), need, draw: (at) => stepCells(stepAt(at), rowAt(at)),
    look: (at) => (rowAt(at)?.[3] === "error" ? "wi-bad " : "") + (hitSet().has(stepAt(at)) ? "wi-hit" : ""),
  });
  const chips = h("div", { class: "wi-chips", role: "group", "aria-label": "Steps shown" }), bar = h("div", { class: "wi-bar" }, chips);

  /** Under what a page is kept: one of all steps, or the steps themselves. @param {number} at a page */
  function keyOf(at) {
    const kept = keptSteps(s()), { run, only } = s();
    if (!kept || !only) return `${run}:${at}`;
    return `${run}:${only.what}:${only.agent}:${only.what === "hits" ? s().query : ""}:${at}:${Math.min(PAGE, kept.length - at * PAGE)}`;
  }
  /** @param {number} at a place in the list @returns {Row | undefined} */
  const rowAt = (at) => pages.get(keyOf(Math.floor(at / PAGE)))?.[at % PAGE];
  /** @param {string} key @param {Row[] | null} rows */
  function keep(key, rows) {
    pages.delete(key);
    pages.set(key, rows);
    trim(pages, KEPT);
  }
  /** Ask for the pages in sight, once scrolling rests. @param {number} from @param {number} to */
  function need(from, to) {
    const missing = /** @type {number[]} */ ([]);
    for (let at = Math.floor(from / PAGE); at <= Math.floor(Math.max(from, to - 1) / PAGE); at++) {
      const key = keyOf(at), rows = pages.get(key);
      if (rows) keep(key, rows); else if (rows === undefined) missing.push(at);
    }
    clearTimeout(timer);
    if (missing.length && s().run >= 0 && many()) timer = window.setTimeout(() => missing.forEach(fetchPage), 20);
  }
  /** @param {number} at */
  async function fetchPage(at) {
    const key = keyOf(at), { run } = s(), [from, to] = [at * PAGE, (at + 1) * PAGE];
    if (pages.get(key) !== undefined) return;
    keep(key, null);
    const reply = await ask({ type: "rows", run, from, to, ...(s().only ? { steps: keptSteps(s())?.slice(from, to) } : {}) });
    if (signal.aborted) return;
    if (reply.rows) keep(key, reply.rows); else pages.delete(key);
    if (run === s().run && reply.rows) list.draw();
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
    const kept = keptSteps(now), at = kept ? rankOf(kept, now.at) : now.at, n = many();
    list.show(n, n && (!kept || kept[at] === now.at) ? at : -1, move);
  }
  return {
    name: "steps", label: "Steps", list, node: h("div", { class: "wi-view" }, bar, list.node), bar,
    /** @param {State} now @param {State} before */
    show(now, before) {
      const changed = differing(now, before);
      if (changed("run", "at", "hits", "runs", "only", "kept", "view")) place(now, changed("run", "at", "only", "view"));
      if (changed("only", "agents", "query", "run")) drawChips();
    },
    stop() { clearTimeout(timer); list.stop(); },
    fits: () => list.fits(), draw: () => list.draw(), reveal: () => place(s(), true), showOnly,
    keep: (/** @type {Row[]} */ rows) => keep("0:0", rows),
    /** The row of a step, if it is known. @param {number} step @returns {Row | undefined} */
    rowOf(step) {
      const kept = keptSteps(s());
      return pages.get(`${s().run}:${Math.floor(step / PAGE)}`)?.[step % PAGE] ?? (kept ? rowAt(rankOf(kept, step)) : undefined);
    },
    /** The step so many further in the list. @param {number} by */
    further(by) {
      const kept = keptSteps(s()), { at } = s();
      if (!kept) return Math.max(0, Math.min(at + by, stepsOf(s()) - 1));
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
