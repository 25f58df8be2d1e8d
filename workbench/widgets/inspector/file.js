// @ts-check
/* Pages out of the file that the inspector stands in. */

import { comparisons } from "./derived.js";
import { searchAnswers } from "./filesearch.js";
import { mount } from "./panel.js";
import { lookOf } from "./texts.js";
import { timelineAnswers } from "./timeline.js";
import { treeAnswers } from "./tree.js";

const KEPT_CHUNKS = 24, CUT = 4_000, PIECE = 40_000;

/** The data of a name in this page. @param {Document} page @param {string} name */
async function unpacked(page, name) {
  const bytes = Uint8Array.from(atob(page.getElementById(`wi-${name}`)?.textContent ?? ""), (mark) => mark.charCodeAt(0));
  return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
}

/** A step as a kernel would send it: long texts cut. @param {any} step */
function cutStep(step, from = 0) {
  const parts = step.parts.slice(from, from + 30).map((/** @type {any} */ part) => {
    const points = part.text.length > CUT ? [...part.text.slice(0, 2 * CUT)].slice(0, CUT).join("") : part.text;
    return points.length < part.text.length ? { ...part, text: points, n_chars: lengthOf(part.text) } : part;
  });
  return { ...step, parts, from, n_parts: step.parts.length };
}
/** Characters of a text, as Python counts them. @param {string} text */
const lengthOf = (text) => text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);

/** Pages out of the file. @param {Document} page @param {any} index @returns {Source} */
function file(page, index) {
  /** @type {Map<string, Promise<any>>} */
  const kept = new Map();
  const get = (/** @type {string} */ name) => {
    const data = kept.get(name) ?? unpacked(page, name);
    kept.delete(name);
    kept.set(name, data);
    while (kept.size > KEPT_CHUNKS) kept.delete(/** @type {string} */ (kept.keys().next().value));
    return data;
  };
  const startsOf = (/** @type {number} */ run) => /** @type {number[]} */ (index.chunks[run]);
  const chunkAt = (/** @type {number} */ run, /** @type {number} */ step) => Math.max(0, startsOf(run).findLastIndex((from) => from <= step));
  const stepAt = async (/** @type {number} */ run, /** @type {number} */ step) => {
    const chunk = await get(`r${run}-${chunkAt(run, step)}`);
    return chunk.steps[step - chunk.from];
  };
  /** @param {any} message */
  async function rows({ run, from, to, steps }) {
    const found = [];
    for (const step of steps ?? []) {
      const chunk = await get(`r${run}-${chunkAt(run, step)}`);
      found.push(chunk.rows[step - chunk.from]);
    }
    if (steps) return { rows: found };
    for (let at = chunkAt(run, from); at < startsOf(run).length && startsOf(run)[at] < to; at++) {
      const chunk = await get(`r${run}-${at}`);
      found.push(...chunk.rows.slice(Math.max(0, from - chunk.from), to - chunk.from));
    }
    return { from, rows: found };
  }
  /** @param {any} message */
  async function text({ run, step, part, from }) {
    const { answers, links, ...whole } = await stepAt(run, step), all = part < 0 ? JSON.stringify(whole, null, 2) : whole.parts[part].text;
    // where no character is two of JavaScript's, nothing has to be counted
    return { text: /[\ud800-\udfff]/.test(all) ? [...all].slice(from, from + PIECE).join("") : all.slice(from, from + PIECE), n_chars: lengthOf(all) };
  }
  /** Whether a step is of a sort. @param {string} what @param {string | null} agent @returns {(row: Row, step: any) => boolean} */
  const isOf = (what, agent) => ({
    error: (/** @type {Row} */ row) => row[3] === "error", tool: (/** @type {Row} */ row) => row[0] === "execute_tool", model: (/** @type {Row} */ row) => lookOf(row[0])[1] === "model",
    agent: (/** @type {Row} */ _, /** @type {any} */ step) => step.agent === agent, other: (/** @type {Row} */ _, /** @type {any} */ step) => step.agent !== undefined && step.agent !== agent,
  })[what] ?? (() => false);
  /** The next step of a sort; -1 where there is none. @param {number} run @param {number} from @param {number} way @param {(row: Row, step: any) => boolean} is */
  async function nearest(run, from, way, is) {
    for (let at = chunkAt(run, from); at >= 0 && at < startsOf(run).length; at += way) {
      const chunk = await get(`r${run}-${at}`), fits = (/** @type {Row} */ row, /** @type {number} */ place) => (chunk.from + place - from) * way > 0 && is(row, chunk.steps[place]);
      const place = way > 0 ? chunk.rows.findIndex(fits) : chunk.rows.findLastIndex(fits);
      if (place >= 0) return chunk.from + place;
    }
    return -1;
  }
  /** @param {any} message */
  async function next({ run, what, from, way }) {
    if (what !== "agent") return { step: await nearest(run, from, way, isOf(what, null)) };
    const named = await nearest(run, from + 1, -1, (_, step) => step.agent !== undefined);
    return { step: await nearest(run, from, way, isOf("other", named < 0 ? null : (await stepAt(run, named)).agent)) };
  }
  /** @param {any} message */
  async function places({ run, what, agent, from }) {
    const at = chunkAt(run, from), chunk = await get(`r${run}-${at}`), is = isOf(what, agent < 0 ? null : (await get(`r${run}`)).acting[agent]);
    return { places: chunk.rows.flatMap((/** @type {Row} */ row, /** @type {number} */ place) => is(row, chunk.steps[place]) ? [chunk.from + place] : []), next: startsOf(run)[at + 1] ?? -1 };
  }
  /** @type {Record<string, (message: any) => Promise<any>>} */
  const answers = {
    ...comparisons({ index, get, rows }), rows, text, next, places, ...searchAnswers({ n_runs: index.n_runs, startsOf, chunkAt, chunk: (run, at) => get(`r${run}-${at}`) }),
    suspect_counts: async () => ({ ranked: index.ranked, loops: index.loops, next: -1 }), marks: ({ run }) => get(`r${run}`), folds: async ({ run }) => ({ folds: (await get(`r${run}`)).folds, next: -1 }), suspects: ({ run }) => get(`r${run}`),
    codes: ({ run }) => get(`c${run}`), coded: async () => ({ coded: [], next: -1 }),
    ...treeAnswers(get), ...timelineAnswers(get, (name) => page.getElementById(`wi-${name}`) !== null),
    source: async ({ run, step }) => ({ reason: `This page holds steps as they were read, not the log they were read from. This one stands at ${(await stepAt(run, step)).source || "its beginning"} there.` }),
    step: async ({ run, step, from }) => ({ step: cutStep(await stepAt(run, step), from) }),
  };
  return { first: { runs: index.runs, n_runs: index.n_runs, nothing: index.nothing, tools: index.tools, scored: index.scored, coding: { file: true } }, ask: (message) => answers[message.type](message), ...address(page, index), close() {} };
}

/** Where one reads as the end of the page's address, `#run=…&step=…`. @param {Document} page @param {any} index */
function address(page, index) {
  const view = /** @type {Window} */ (page.defaultView);
  const nameOf = (/** @type {RunRow} */ run, /** @type {number} */ place) => run.long_id ? `:${place}` : run.id;
  let timer = 0;
  const opening = () => {
    const asked = new URLSearchParams(view.location.hash.slice(1)), name = asked.get("run");
    const place = name === null ? -1 : index.runs.findIndex((/** @type {RunRow} */ run, /** @type {number} */ at) => nameOf(run, at) === name);
    return place < 0 ? index.at : [place, Math.max(0, Number.parseInt(asked.get("step") ?? "0", 10) || 0)];
  };
  return {
    opening,
    /** @param {(opening: any) => void} hear */
    sent: (hear) => view.addEventListener("hashchange", () => hear(opening())),
    /** @param {RunRow} run @param {number} place @param {number} step */
    moved(run, place, step) {
      clearTimeout(timer); // browsers allow an address to change now and then only
      timer = view.setTimeout(() => view.history.replaceState(null, "", `#${new URLSearchParams({ run: nameOf(run, place), step: String(step) })}`), 200);
    },
  };
}

/** Show what this file holds. @param {Document} page */
export async function openFile(page) {
  const place = /** @type {HTMLElement} */ (page.getElementById("inspector"));
  try {
    mount(place, file(page, await unpacked(page, "index")), { page: true });
  } catch (error) {
    place.append(`This page could not be opened: ${error}. It needs a browser of 2023 or later.`);
    throw error;
  }
}
