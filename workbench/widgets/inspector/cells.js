// @ts-check
/* One line of the lists: a run, a step. */

import { h } from "./elements.js";
import { summed } from "./filters.js";
import { counted, duration, lookOf, money, short, some } from "./texts.js";

/** @import { Group } from "./filters.js" */

/** How a run ended, in a word and a mark. @param {RunRow} run @returns {[word: string, look: string]} */
export function ended(run) {
  if (run.outcome === undefined) return [run.status === "unset" ? "" : run.status, run.status === "error" ? "wi-failed" : ""];
  return run.outcome >= 1 - 1e-6 ? ["✓ succeeded", "wi-good"] : run.outcome <= 1e-6 ? ["✗ failed", "wi-failed"] : [`◐ ${run.outcome.toFixed(2)}`, ""];
}
/** What a run is called. @param {RunRow} run */
export const titleOf = (run) => run.task === undefined ? run.id : `task ${run.task}${run.trial === undefined ? "" : `, trial ${run.trial}`}`;

/** The figures of a run by the sort that shows them first. @param {State} s @param {number} place @returns {Record<string, string>} */
function figuresOf(s, place) {
  const run = s.runs[place], own = s.coded[place], hits = s.counts[place]?.n, facts = /** @type {Record<string, string>} */ ({});
  if (hits) facts.hits = some(hits, "hit");
  facts.steps = some(run.n_steps, "step");
  if (run.n_errors) facts.errors = some(run.n_errors, "error");
  if (s.loops[place]) facts.loops = some(s.loops[place], "loop");
  if (run.n_findings) facts.findings = some(run.n_findings, "finding");
  if (run.n_notes) facts.annotations = some(run.n_notes, "annotation");
  if (own?.n || own?.done) facts.coded = `✎ ${counted(own.n)}${own.done ? ", coded" : ""}`;
  if (run.cost_usd !== undefined) facts.cost = money(run.cost_usd);
  if (run.ms !== undefined) facts.time = duration(run.ms);
  if (run.tokens !== undefined) facts.tokens = `${short(run.tokens)} token${run.tokens === 1 ? "" : "s"}`;
  if (run.n_tools) facts.tools = some(run.n_tools, "tool");
  return facts;
}
/** The mark that puts a run side by side with others. @param {State} s @param {number} place */
export function chooseMark(s, place) {
  const here = s.chosen.includes(place);
  return h("span", { class: "wi-choose", "data-choose": String(place), role: "img", "aria-label": here ? "in the comparison" : "not in the comparison", title: here ? "take it out of the comparison ( x )" : "compare it ( x )" }, here ? "☑" : "☐");
}
/** What the list shows of a run. @param {State} s @param {number} place @returns {Node[]} */
export function runCells(s, place) {
  const run = s.runs[place], [done, look] = ended(run), { [s.sort]: first, ...rest } = figuresOf(s, place), ranked = s.ranked[place];
  const [mark, ...word] = done.split(" "), title = s.group === "task" ? run.trial === undefined ? run.id : `trial ${run.trial}` : titleOf(run);
  const figures = [first, ...Object.values(rest)].filter(Boolean).join(" · ");
  const beside = [...run.scores ?? [], ...run.ratings ?? []], told = ranked ? [`? step ${ranked[0]}, ${ranked[1]}, ${Math.round(100 * ranked[2])} %`] : beside;
  // the name needs the room: of an outcome the mark is seen, and the word heard
  return [h("span", { class: "wi-run-name", title }, title), h("span", { class: `wi-outcome ${look}`, title: done || "outcome not known" }, mark || "–", ...(word.length ? [h("span", { class: "wi-hidden" }, ` ${word.join(" ")}`)] : [])),
    h("span", { class: "wi-soft wi-facts", title: figures }, [...(ranked ? beside : []), figures].join(" · ")), ...(told.length ? [h("span", { class: "wi-facts wi-told" }, told.join(" · "))] : []), chooseMark(s, place)];
}
/** What the list shows of runs under one heading. @param {State} s @param {Group} group @returns {Node[]} */
export function groupCells(s, group) {
  const [rate, facts] = summed(group.places.map((at) => s.runs[at]));
  return [h("span", { class: "wi-run-name" }, h("span", { class: "wi-shape", "aria-hidden": "true" }, group.folded ? "▸" : "▾"), group.label, h("span", { class: "wi-hidden" }, group.folded ? ", closed" : ", open")),
    h("span", { class: "wi-outcome" }, some(group.places.length, "run")), h("span", { class: "wi-soft wi-facts" }, `${rate} · ${facts}`)];
}

/** What the list shows of a step. @param {number} at @param {Row | undefined} row @returns {Node[]} */
export function stepCells(at, row) {
  if (!row) return [h("span", { class: "wi-at" }, String(at)), h("span", { class: "wi-soft" }, "…")];
  const [kind, name, text, status, tokens, ms] = row, [shape, look, word] = lookOf(kind);
  return [h("span", { class: "wi-at" }, String(at)), h("span", { class: `wi-kind wi-kind-${look}` }, h("span", { class: "wi-shape", "aria-hidden": "true" }, shape), word),
    h("span", { class: "wi-name" }, name), h("span", { class: "wi-line" }, text),
    // that all went well is nothing to say
    ...(/^(ok|unset)$/.test(status) ? [] : [h("span", { class: `wi-state wi-state-${status === "error" ? "error" : "other"}` }, status === "error" ? "✕ error" : status)]),
    h("span", { class: "wi-figure" }, tokens === null ? "" : `${counted(tokens)} tok`), h("span", { class: "wi-figure" }, duration(ms))];
}
