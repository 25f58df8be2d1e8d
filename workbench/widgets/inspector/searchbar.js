// @ts-check
/* Searching all runs: what is sought, how, and what was found. */

import { titleOf } from "./cells.js";
import { chip, choice } from "./controls.js";
import { h } from "./elements.js";
import { trim, virtualList } from "./lists.js";
import { differing, nextPlace } from "./state.js";
import { counted, some } from "./texts.js";

/** @import { Context } from "./panel.js" */
/** @import { State } from "./state.js" */

const SCOPES = [["everywhere", "everywhere"], ["said", "in what models said"], ["arguments", "in arguments"], ["results", "in results"], ["errors", "in errors"], ["tools", "in tool names"]];
const SLOW_MS = 120, SNIPPETS = 20, KEPT_SNIPPETS = 2_000;

/** @param {Context} context */
export function searchBar(context) {
  const { uid, ask, dispatch, open, signal } = context, s = context.state;
  const how = { regex: false, exact: false, scope: "everywhere" };
  let typed = 0, entries = /** @type {{ run: number, step: number }[]} */ ([]), closed = false;
  /** @type {Map<string, string[] | null>} what stands around hits; null while it is asked for */
  const around = new Map();
  const input = h("input", { type: "search", "aria-label": "Search all steps", placeholder: "Search all steps ( / )", autocomplete: "off", spellcheck: "false", maxlength: "500", oninput: () => soon(SLOW_MS) });
  const switches = /** @type {const} */ (["regex", "exact"]).map((name) => chip(name === "regex" ? ".*" : "Aa", false, () => {
    how[name] = !how[name];
    switches[name === "regex" ? 0 : 1].setAttribute("aria-pressed", String(how[name]));
    soon(0);
  }, { "aria-label": name === "regex" ? "Regular expression" : "Match case" }));
  const scope = choice("Search in", SCOPES, (value) => { how.scope = value; soon(0); });
  const found = h("span", { class: "wi-soft wi-found", role: "status" }), close = h("button", { type: "button", onclick: () => { closed = true; draw(); context.stage().focus(); } }, "Close");
  const list = virtualList({
    id: `${uid}f`, label: "Search results", class: "wi-found-list", pick: (at) => open(entries[at].run, entries[at].step), draw: (at) => cells(at), need,
    look: (at) => entries[at]?.step < 0 ? "wi-group" : "",
  });
  const results = h("section", { class: "wi-results", "aria-label": "What was found", hidden: true }, list.node, close);
  const message = (/** @type {any} */ more) => ({ query: s().query, ...s().how, ...more });

  /** @param {number} at @returns {Node[]} */
  function cells(at) {
    const { run, step } = entries[at], { counts, runs } = s();
    if (step < 0) return [h("span", { class: "wi-run-name" }, titleOf(runs[run])), h("span", { class: "wi-soft" }, `${some(counts[run]?.n ?? 0, "hit")}${counts[run]?.n > counts[run]?.some.length ? `, of which the first ${counts[run].some.length}` : ""}`)];
    const [before, hit, after] = around.get(`${run}:${step}`) ?? ["…", "", ""];
    return [h("span", { class: "wi-at" }, String(step)), h("span", { class: "wi-line" }, before, h("mark", {}, hit), after)];
  }
  /** Ask for what stands around the hits in sight. @param {number} from @param {number} to */
  function need(from, to) {
    const missing = /** @type {Map<number, number[]>} */ (new Map());
    for (const { run, step } of entries.slice(from, to)) {
      if (step < 0 || around.has(`${run}:${step}`)) continue;
      around.set(`${run}:${step}`, null);
      missing.set(run, [...missing.get(run) ?? [], step]);
    }
    for (const [run, steps] of missing) fetchAround(run, steps.slice(0, SNIPPETS));
  }
  /** @param {number} run @param {number[]} steps */
  async function fetchAround(run, steps) {
    const { query, how: asked } = s(), reply = await ask({ type: "snippets", ...message({ run, steps }) });
    if (signal.aborted || query !== s().query || asked !== s().how) return;
    steps.forEach((step, at) => { if (reply.snippets?.[at]) around.set(`${run}:${step}`, reply.snippets[at]); else around.delete(`${run}:${step}`); });
    trim(around, KEPT_SNIPPETS);
    if (reply.snippets) list.draw();
  }

  /** @param {number} ms */
  function soon(ms) {
    clearTimeout(typed);
    typed = window.setTimeout(() => {
      const query = how.regex ? input.value : input.value.trim();
      around.clear();
      closed = false;
      dispatch({ type: "query", query, how: { ...how } });
      if (query) { look(s().run); count(); }
    }, ms);
  }
  /** Ask piece by piece, as long as the same is sought. @param {string} type @param {(reply: any) => any} took returns where to go on; null is nowhere @param {any} from */
  async function pieces(type, took, from) {
    const { query, how: asked } = s();
    while (from !== null) {
      const reply = await ask({ type, ...message(from) });
      if (signal.aborted || query !== s().query || asked !== s().how) return;
      if (reply.wrong) return dispatch({ type: "wrong", query, wrong: reply.wrong });
      from = took(reply);
    }
  }
  /** Look through a run. @param {number} run */
  const look = (run) => pieces("search", (reply) => {
    if (!reply.hits || run !== s().run) return null;
    dispatch({ type: "hits", run, query: s().query, how: s().how, hits: reply.hits, more: reply.next >= 0 });
    return reply.next >= 0 ? { run, from: reply.next } : null;
  }, { run, from: 0 });
  /** Count through all runs. */
  const count = () => pieces("count", (reply) => {
    if (!reply.counts) return null;
    dispatch({ type: "counts", query: s().query, how: s().how, counts: reply.counts, more: Boolean(reply.next) });
    return reply.next && { run: reply.next[0], from: reply.next[1] };
  }, { run: 0, from: 0 });

  function told() {
    const { query, wrong, hits, looking, counts, counting } = s();
    if (!query) return "";
    if (wrong) return wrong;
    const all = Object.values(counts).reduce((sum, each) => sum + each.n, 0), n = Object.keys(counts).length;
    return `${counted(hits.length)} in this run${looking ? " …" : ""}, ${counted(all)} in ${some(n, "run")}${counting ? " …" : ""}`;
  }
  /** @param {boolean} [move] whether what is open must be in sight */
  function draw(move = false) {
    const { counts, query, wrong } = s();
    entries = Object.entries(counts).flatMap(([run, { some }]) => s().runs[Number(run)] ? [-1, ...some].map((step) => ({ run: Number(run), step })) : []);
    results.hidden = closed || !query || wrong !== "" || !entries.length;
    list.show(entries.length, entries.findIndex(({ run, step }) => run === s().run && step === s().at), move);
  }
  return {
    nodes: [input, ...switches, scope, found], results, list, look,
    focus() {
      closed = false;
      draw();
      input.focus();
      input.select();
    },
    /** Whether keys go to the list of results. */
    has: () => list.node === document.activeElement,
    is: (/** @type {any} */ node) => node === input,
    /** Go through what was found: in this run, and then in the others. @param {number} way */
    next(way) {
      const { hits, counts, run, at, runs } = s(), there = way > 0 ? hits.at(-1) ?? -1 : hits[0] ?? -1;
      const others = Object.keys(counts).map(Number).filter((each) => runs[each] && each !== run);
      if (hits.length && ((way > 0 ? there > at : there < at) || !others.length)) return open(run, nextPlace(hits, at, way));
      const to = nextPlace(others, run, way);
      if (to !== undefined) open(to, way > 0 ? counts[to].first : counts[to].last);
    },
    /** Go through the list of results. @param {number} way */
    move(way) {
      const at = entries.findIndex(({ run, step }) => run === s().run && step === s().at);
      for (let to = at + way; to >= 0 && to < entries.length; to += way) if (entries[to].step >= 0) { open(entries[to].run, entries[to].step); list.show(entries.length, to); return; }
    },
    /** @param {State} now @param {State} before */
    show(now, before) {
      const changed = differing(now, before);
      if (changed("query", "how", "wrong", "hits", "counts", "looking", "counting")) {
        found.textContent = told();
        found.classList.toggle("wi-failed", now.wrong !== "");
        input.setAttribute("aria-invalid", String(now.wrong !== ""));
      }
      if (changed("query", "how", "wrong", "counts", "run", "at", "runs")) draw(changed("run", "at"));
    },
    stop() { clearTimeout(typed); list.stop(); },
  };
}
