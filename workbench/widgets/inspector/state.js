// @ts-check
/* What the inspector shows, as one state, and the state after each thing that happens. Pure. */

/**
 * @typedef {[kind: string, name: string, text: string, status: string, tokens: number | null, ms: number | null]} Row
 * @typedef {{ id: string, long_id?: boolean, format: string, task?: string, trial?: number, agent?: string, model?: string,
 *   status: string, outcome?: number, n_steps: number, n_errors: number, tokens?: number, cost_usd?: number, ms?: number, row?: string, output?: string,
 *   tools?: number[], n_tools?: number, n_notes?: number, n_findings?: number, scores?: string[], ratings?: string[] }} RunRow
 * @typedef {{ regex: boolean, exact: boolean, scope: string }} How how is searched
 * @typedef {{ what: "error" | "tool" | "model" | "agent" | "hits", agent: number, label: string }} Only which steps are shown
 * @typedef {{ type: string, step: number, text: string }} Mark
 * @typedef {{ type: string, [part: string]: any }} News
 */

/** Steps of a page. */
export const PAGE = 100;
/** Hits of a run that the list of results shows. */
const MOST_SHOWN = 5;
/** Runs that stand side by side. */
export const MOST_CHOSEN = 6;

export const initial = () => ({
  runs: /** @type {RunRow[]} */ ([]), nRuns: 0,
  sort: "order", flip: false, group: "none", folded: /** @type {string[]} */ ([]), head: /** @type {string | null} */ (null), // the heading that keys are at
  text: "", facets: /** @type {Record<string, string[]>} */ ({}), tools: /** @type {string[]} */ ([]), scored: false,
  ranked: /** @type {Record<number, [step: number, owner: string, confidence: number]>} */ ({}), loops: /** @type {Record<number, number>} */ ({}), rankedTo: -1,
  only: /** @type {Only | null} */ (null), kept: /** @type {number[] | null} */ (null), agents: /** @type {string[]} */ ([]),
  view: "steps", chosen: /** @type {number[]} */ ([]),
  run: -1, at: 0, marks: /** @type {Mark[]} */ ([]), suspects: /** @type {Mark[] | null} */ (null),
  query: "", how: /** @type {How} */ ({ regex: false, exact: false, scope: "everywhere" }), wrong: "", hits: /** @type {number[]} */ ([]), looking: false,
  counts: /** @type {Record<number, { n: number, first: number, last: number, some: number[] }>} */ ({}), counting: false, late: false,
  /** what whoever codes said of the open run, and of how many steps of each run */
  notes: /** @type {Mark[]} */ ([]), coded: /** @type {Record<number, { n: number, done: boolean }>} */ ({}),
});
/** @typedef {ReturnType<typeof initial>} State */

/** By what happens, the state after it. @type {Record<string, (s: State, e: any) => State>} */
const AFTER = {
  runs(s, e) {
    const runs = [...s.runs];
    e.runs.forEach((/** @type {RunRow} */ run, /** @type {number} */ at) => { runs[e.from + at] = run; });
    return { ...s, runs, nRuns: e.n_runs ?? s.nRuns, tools: e.tools ?? s.tools, scored: e.scored ?? s.scored };
  },
  list: (s, e) => ({ ...s, sort: e.sort ?? s.sort, flip: e.flip ?? s.flip, group: e.group ?? s.group, text: e.text ?? s.text, head: null }),
  facet(s, e) {
    const chosen = s.facets[e.facet] ?? [], rest = chosen.filter((each) => each !== e.value);
    return { ...s, head: null, facets: { ...s.facets, [e.facet]: rest.length < chosen.length ? rest : [...chosen, e.value] } };
  },
  unfiltered: (s) => ({ ...s, text: "", facets: {}, head: null }),
  fold(s, e) {
    const rest = s.folded.filter((each) => each !== e.key);
    return { ...s, head: e.key, folded: (e.folded ?? rest.length === s.folded.length) ? [...rest, e.key] : rest };
  },
  head: (s, e) => ({ ...s, head: e.key }),
  facts: (s, e) => s.runs[e.run] ? { ...s, runs: s.runs.map((run, at) => at === e.run ? { ...run, ...e.facts } : run) } : s,
  ranked(s, e) {
    const [ranked, loops] = [{ ...s.ranked }, { ...s.loops }];
    for (const [run, ...first] of e.ranked) ranked[run] = first;
    for (const [run, n] of e.loops) loops[run] = n;
    return { ...s, ranked, loops, rankedTo: e.to };
  },
  only: (s, e) => ({ ...s, only: e.only, kept: e.only && e.only.what !== "hits" ? [] : null }),
  kept: (s, e) => e.only === s.only && e.run === s.run ? { ...s, kept: [...s.kept ?? [], ...e.places] } : s,
  open: (s, e) => e.run === s.run ? { ...s, at: e.at ?? s.at, head: null }
    : { ...s, run: e.run, at: e.at ?? 0, head: null, marks: [], notes: [], agents: [], suspects: null, hits: [], only: null, kept: null, looking: s.query !== "" },
  view: (s, e) => ({ ...s, view: e.view }),
  choose: (s, e) => ({ ...s, chosen: e.runs.slice(0, MOST_CHOSEN) }),
  go: (s, e) => ({ ...s, at: Math.max(0, Math.min(e.at, stepsOf(s) - 1)) }),
  marks: (s, e) => e.run === s.run ? { ...s, marks: e.marks, agents: e.agents ?? [] } : s,
  notes: (s, e) => e.run === s.run ? { ...s, notes: e.notes } : s,
  coded: (s, e) => ({ ...s, coded: { ...s.coded, ...e.coded } }),
  suspects: (s, e) => e.run === s.run ? { ...s, suspects: e.suspects } : s,
  query: (s, e) => ({ ...s, query: e.query, how: e.how ?? s.how, wrong: "", hits: [], counts: {}, looking: e.query !== "", counting: e.query !== "" }),
  wrong: (s, e) => e.query === s.query ? { ...s, wrong: e.wrong, looking: false, counting: false } : s,
  hits: (s, e) => e.run === s.run && e.query === s.query && (e.how ?? s.how) === s.how ? { ...s, hits: [...s.hits, ...e.hits], looking: e.more } : s,
  counts(s, e) {
    if (e.query !== s.query || (e.how ?? s.how) !== s.how) return s;
    const counts = { ...s.counts };
    for (const [run, n, first, last, some] of e.counts) {
      const known = counts[run] ?? { n: 0, first, some: [] };
      counts[run] = { n: known.n + n, first: known.first, last, some: [...known.some, ...some].slice(0, MOST_SHOWN) };
    }
    return { ...s, counts, counting: e.more };
  },
  late: (s, e) => ({ ...s, late: e.late }),
};

/** The state after something happened; never changes the one before.
 * @param {State} s @param {News} e @returns {State} */
export const reduce = (s, e) => Object.hasOwn(AFTER, e.type) ? AFTER[e.type](s, e) : s;

/** Whether any of some members is another than it was. @param {State} now @param {State} before @returns {(...names: (keyof State)[]) => boolean} */
export const differing = (now, before) => (...names) => names.some((name) => now[name] !== before[name]);

/** How many steps the open run has. @param {State} s */
export const stepsOf = (s) => s.runs[s.run]?.n_steps ?? 0;

/** The steps that are shown, if not all are. @param {State} s @returns {number[] | null} ascending */
export const keptSteps = (s) => s.only === null ? null : s.only.what === "hits" ? s.hits : s.kept ?? [];

/** Where a place stands among others, or would stand. @param {number[]} places ascending @param {number} at */
export function rankOf(places, at) {
  let [low, high] = [0, places.length];
  while (low < high) {
    const half = (low + high) >> 1;
    if (places[half] < at) low = half + 1; else high = half;
  }
  return low;
}

/** The next of some places after one, or before it; the other end after the last. Undefined of none.
 * @param {number[]} places ascending @param {number} at @param {number} way */
export function nextPlace(places, at, way = 1) {
  if (way > 0) return places.find((each) => each > at) ?? places[0];
  return places.findLast((each) => each < at) ?? places.at(-1);
}
