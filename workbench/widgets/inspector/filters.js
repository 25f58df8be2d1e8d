// @ts-check
/* Which runs are shown, in what order, and in which groups. Pure. */

import { counted, duration, short } from "./texts.js";

/** @import { RunRow, State } from "./state.js" */

/** Runs under one heading. @typedef {{ key: string, label: string, places: number[], folded: boolean }} Group */

/** @param {RunRow} run */
function outcomeOf(run) {
  if (run.outcome === undefined) return run.status === "error" ? "failed" : "unknown";
  return run.outcome >= 1 - 1e-6 ? "succeeded" : "failed";
}
/** What runs are told apart by, and what one has of it. @type {Record<string, (s: State, run: RunRow, at: number) => string[]>} */
const FACETS = {
  outcome: (_, run) => [outcomeOf(run)],
  with: (s, run, at) => /** @type {[string, any][]} */ ([["errors", run.n_errors], ["loops", s.loops[at]], ["annotations", run.n_notes || s.coded[at]?.n], ["findings", run.n_findings], ["suspects", s.ranked[at]], ["hits", s.counts[at]]])
    .flatMap(([name, has]) => has ? [name] : []),
  tool: (_, run) => (run.tools ?? []).map(String),
  agent: (_, run) => run.agent === undefined ? [] : [run.agent],
  model: (_, run) => run.model === undefined ? [] : [run.model],
};
export const FACET_NAMES = Object.keys(FACETS);

/** Whether a run is shown; of what is asked for by one facet any fits, of `with` all.
 * @param {State} s @param {number} at @param {string} [but] a facet that does not count */
export function fitsRun(s, at, but) {
  const run = s.runs[at], sought = s.text.toLowerCase();
  if (sought && ![run.id, run.task, run.agent, run.model, run.format, run.status, run.output].join(" ").toLowerCase().includes(sought)) return false;
  return FACET_NAMES.every((facet) => {
    const chosen = s.facets[facet];
    if (!chosen?.length || facet === but) return true;
    const own = FACETS[facet](s, run, at);
    return facet === "with" ? chosen.every((each) => own.includes(each)) : chosen.some((each) => own.includes(each));
  });
}
/** How many runs would be shown by each value of each facet, most first. @param {State} s @returns {Record<string, [value: string, n: number][]>} */
export function facetCounts(s) {
  return Object.fromEntries(FACET_NAMES.map((facet) => {
    const counts = /** @type {Map<string, number>} */ (new Map());
    s.runs.forEach((run, at) => {
      const n = Number(fitsRun(s, at, facet === "with" ? undefined : facet));
      for (const each of FACETS[facet](s, run, at)) counts.set(each, (counts.get(each) ?? 0) + n);
    });
    return [facet, [...counts].sort((one, two) => facet === "tool" ? Number(one[0]) - Number(two[0]) : two[1] - one[1] || (one[0] < two[0] ? -1 : 1))];
  }));
}

/** By which a run stands before another; largest first. @type {Record<string, (run: RunRow, s: State, at: number) => number | undefined>} */
const SORTS = {
  outcome: (run) => run.outcome === undefined ? (run.status === "error" ? 0 : undefined) : -run.outcome, errors: (run) => run.n_errors, steps: (run) => run.n_steps,
  tokens: (run) => run.tokens, cost: (run) => run.cost_usd, time: (run) => run.ms, tools: (run) => run.n_tools ?? 0, annotations: (run) => run.n_notes ?? 0,
  suspects: (_, s, at) => s.ranked[at]?.[2], hits: (_, s, at) => s.counts[at]?.n,
};
/** The places of the runs that are shown, in their order; those without the figure last. @param {State} s @returns {number[]} */
export function shownRuns(s) {
  const places = s.runs.flatMap((_, at) => fitsRun(s, at) ? [at] : []), key = SORTS[s.sort], way = s.flip ? -1 : 1;
  if (!key) return s.flip ? places.reverse() : places;
  const value = /** @type {Map<number, number | undefined>} */ (new Map(places.map((at) => [at, key(s.runs[at], s, at)])));
  return places.sort((one, two) => {
    const [a, b] = [value.get(one), value.get(two)];
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined) || one - two;
    return (b - a) * way || one - two;
  });
}

/** The groups that runs can stand in. @type {Record<string, (run: RunRow) => string | undefined>} */
const GROUPS = { task: (run) => run.task, agent: (run) => run.agent, model: (run) => run.model, outcome: outcomeOf, format: (run) => run.format };
export const GROUP_NAMES = Object.keys(GROUPS);
/** What the list holds: runs, and headings. @param {State} s @param {number[]} places @returns {(number | Group)[]} */
export function entriesOf(s, places) {
  const of = GROUPS[s.group];
  if (!of) return places;
  const groups = /** @type {Map<string, Group>} */ (new Map());
  for (const at of places) {
    const value = of(s.runs[at]), key = `${s.group}:${value}`;
    if (!groups.has(key)) groups.set(key, { key, label: value === undefined ? `no ${s.group}` : s.group === "outcome" ? value : `${s.group} ${value}`, places: [], folded: s.folded.includes(key) });
    groups.get(key)?.places.push(at);
  }
  return [...groups.values()].flatMap((group) => group.folded ? [group] : [group, ...group.places]);
}

/** @param {number[]} values */
function median(values) {
  const sorted = values.sort((one, two) => one - two), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
/** What runs did together: how many succeeded, and what they took. @param {RunRow[]} runs @returns {[string, string]} */
export function summed(runs) {
  const known = runs.filter((run) => outcomeOf(run) !== "unknown"), good = known.filter((run) => outcomeOf(run) === "succeeded").length;
  const all = (/** @type {"tokens" | "cost_usd" | "ms"} */ name) => runs.flatMap((run) => run[name] ?? []), sum = (/** @type {number[]} */ values) => values.reduce((one, two) => one + two, 0);
  const facts = [`median ${counted(median(runs.map((run) => run.n_steps)))} steps`], [tokens, costs, times] = [all("tokens"), all("cost_usd"), all("ms")];
  if (times.length) facts.push(`median ${duration(Math.round(median(times)))}`);
  if (costs.length) facts.push(`$${sum(costs).toFixed(2)} in all`);
  if (tokens.length) facts.push(`${short(sum(tokens))} tokens in all`);
  const told = known.length ? `${good} of ${known.length} succeeded (${Math.round(100 * good / known.length)} %)` : "no outcomes";
  return [told, facts.join(" · ")];
}
