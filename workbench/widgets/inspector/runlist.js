// @ts-check
/* The list of runs: sorted, grouped, and of them those that are asked for. */

import { groupCells, runCells } from "./cells.js";
import { chip, choice, refill } from "./controls.js";
import { h } from "./elements.js";
import { entriesOf, facetCounts, FACET_NAMES, GROUP_NAMES, shownRuns } from "./filters.js";
import { virtualList } from "./lists.js";
import { differing } from "./state.js";
import { counted } from "./texts.js";

/** @import { Context } from "./panel.js" */
/** @import { Group } from "./filters.js" */
/** @import { State } from "./state.js" */

const SORT_NAMES = [["order", "as read"], ["outcome", "outcome"], ["errors", "errors"], ["steps", "steps"], ["tokens", "tokens"], ["cost", "cost"], ["time", "time"], ["tools", "tools"], ["annotations", "annotations"], ["suspects", "suspicion"], ["hits", "hits"]];
/** Chips of a facet; the rest is in a list. */
const MOST_CHIPS = 10;
const LOW = 44, HIGH = 62;

/** @param {Context} context */
export function runsSection(context) {
  const { uid, ask, dispatch, open, say, signal } = context, s = context.state;
  // what is hidden from whoever codes sorts nothing
  const told = (/** @type {string} */ name) => context.coding.hints !== false || !/^(outcome|suspects)$/.test(name);
  let entries = /** @type {(number | Group)[]} */ ([]), places = /** @type {number[]} */ ([]), ranking = false;
  const list = virtualList({
    id: `${uid}r`, label: "Runs", class: "wi-runs", row: LOW, pick: (at) => pick(at), look: (at) => typeof entries[at] === "number" ? "" : "wi-group",
    draw: (at) => { const entry = entries[at]; return typeof entry === "number" ? runCells(s(), entry) : groupCells(s(), entry); },
  });
  const count = h("span", { class: "wi-soft" });
  const filter = h("input", { type: "search", "aria-label": "Filter runs", placeholder: "Filter runs by name", autocomplete: "off", oninput: () => dispatch({ type: "list", text: filter.value.trim() }) });
  const sort = choice("Runs sorted by", SORT_NAMES.filter(([value]) => told(value)).map(([value, text]) => [value, value === "order" ? text : `by ${text}`]), (value) => { dispatch({ type: "list", sort: value }); if (value === "suspects") rankAll(); });
  const way = h("button", { type: "button", class: "wi-way", onclick: () => dispatch({ type: "list", flip: !s().flip }) });
  const group = choice("Runs grouped by", [["none", "no groups"], ...GROUP_NAMES.filter(told).map((each) => [each, `per ${each}`])], (value) => dispatch({ type: "list", group: value }));
  const active = h("div", { class: "wi-chips", role: "group", "aria-label": "Filters in use" });
  const facets = h("div", { class: "wi-facets" }), more = h("details", { class: "wi-filters" }, h("summary", {}, "Filters"), facets);
  more.addEventListener("toggle", () => drawFacets());

  /** What a value of a facet is called. @param {string} facet @param {string} value */
  const worded = (facet, value) => facet === "tool" ? s().tools[Number(value)] ?? value : facet === "with" ? `with ${value}` : value;
  function drawActive() {
    const chosen = Object.entries(s().facets).flatMap(([facet, values]) => values.map((value) => {
      const text = worded(facet, value);
      return h("button", { type: "button", class: "wi-chip wi-on", "data-key": text, "aria-label": `Remove the filter ${text}`, onclick: () => dispatch({ type: "facet", facet, value }) }, `${text} ×`);
    }));
    if (chosen.length > 1 || (chosen.length && s().text)) chosen.push(h("button", { type: "button", class: "wi-chip", "data-key": "all", onclick: () => { filter.value = ""; dispatch({ type: "unfiltered" }); } }, "Show all runs"));
    refill(active, chosen);
    active.hidden = !chosen.length;
  }
  function drawFacets() {
    if (!more.open) return;
    const counts = facetCounts(s());
    refill(facets, FACET_NAMES.filter(told).flatMap((facet) => {
      const values = counts[facet], chosen = s().facets[facet] ?? [];
      if (!values.length || (values.length === 1 && !["with", "outcome"].includes(facet) && !chosen.length)) return [];
      const toggle = (/** @type {string} */ value) => dispatch({ type: "facet", facet, value });
      const chips = values.slice(0, MOST_CHIPS).map(([value, n]) => chip(`${worded(facet, value)} ${counted(n)}`, chosen.includes(value), () => toggle(value)));
      const rest = values.slice(MOST_CHIPS).map(([value, n]) => [value, `${worded(facet, value)} (${counted(n)})`]);
      if (rest.length) chips.push(choice(`More: ${facet}`, [["", `${counted(rest.length)} more …`], ...rest], (value) => { if (value) toggle(value); }));
      return [h("div", { class: "wi-chips", role: "group", "aria-label": `Filter by ${facet}` }, h("span", { class: "wi-soft" }, facet), ...chips)];
    }));
  }
  /** Rank the suspects of all runs, once, a slice at a time. */
  async function rankAll() {
    if (ranking || s().rankedTo >= s().nRuns) return;
    ranking = true;
    for (let run = 0; run >= 0;) {
      const reply = await ask({ type: "suspect_counts", run });
      if (signal.aborted) return;
      if (!reply.ranked) { ranking = false; return say("The suspects could not be ranked."); }
      run = reply.next;
      dispatch({ type: "ranked", ranked: reply.ranked, loops: reply.loops, to: run < 0 ? s().nRuns : run });
    }
    ranking = false;
    const n = Object.keys(s().ranked).length;
    say(n ? `Suspects were ranked in ${counted(n)} runs that did not succeed; the clearest stands first.` : "No run has suspects: all of them succeeded.");
  }
  /** Where the keys are in the list. */
  const cursor = () => {
    const { head, run } = s();
    const at = entries.findIndex((entry) => head === null ? entry === run : typeof entry !== "number" && entry.key === head);
    return at < 0 && head === null ? entries.findIndex((entry) => typeof entry !== "number" && entry.folded && entry.places.includes(run)) : at;
  };
  /** @param {number} at */
  function pick(at) {
    const entry = entries[at];
    if (typeof entry === "number") open(entry); else if (entry) dispatch({ type: "fold", key: entry.key });
  }
  return {
    list, node: list.node,
    nodes: [h("div", { class: "wi-bar" }, h("h2", {}, "Runs "), count), filter, h("div", { class: "wi-bar wi-order" }, sort, way, group), active, more, list.node],
    /** @param {number} by */
    move(by) {
      const at = Math.max(0, Math.min(cursor() + by, entries.length - 1)), entry = entries[at];
      if (typeof entry === "number") open(entry); else if (entry) dispatch({ type: "head", key: entry.key });
    },
    /** Open or close the group that the keys are at. @param {boolean} [folded] @returns {boolean} whether there is one */
    fold(folded) {
      const { head, run } = s(), at = entries.find((entry) => typeof entry !== "number" && (head === null ? entry.places.includes(run) : entry.key === head));
      if (!at || typeof at === "number" || (folded === undefined && head === null)) return false;
      dispatch({ type: "fold", key: at.key, folded });
      return true;
    },
    /** @param {State} now @param {State} before */
    show(now, before) {
      const changed = differing(now, before);
      if (!changed("runs", "sort", "flip", "text", "facets", "group", "folded", "head", "run", "chosen", "counts", "coded", "ranked", "loops", "rankedTo")) return;
      const sorted = changed("runs", "sort", "flip", "text", "facets", "rankedTo") || (changed("counts") && (now.sort === "hits" || now.facets.with?.includes("hits")));
      if (sorted) places = shownRuns(now);
      if (sorted || changed("group", "folded")) entries = entriesOf(now, places);
      list.tall(now.rankedTo >= 0 || now.scored ? HIGH : LOW);
      if (changed("sort", "flip", "group", "facets")) list.node.scrollTop = 0;
      list.show(entries.length, cursor(), changed("run", "head"));
      const ranked = ranking ? `; ${counted(Math.max(0, now.rankedTo))} ranked` : "", read = now.runs.length < now.nRuns ? ` (${counted(now.runs.length)} read so far)` : "";
      count.textContent = `${counted(places.length)} of ${counted(now.nRuns)}${read}${ranked}`;
      way.textContent = now.flip ? "↑" : "↓";
      way.setAttribute("aria-label", now.flip ? "Turn the order round: it is from the last" : "Turn the order round");
      if (changed("facets", "text", "tools")) drawActive();
      if (changed("facets", "text", "runs", "rankedTo", "counts")) drawFacets();
    },
    stop: () => list.stop(), fits: () => list.fits(),
  };
}
