// @ts-check
/* Numbers, names and JSON as texts. Pure. */

const COMMANDS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/gu;
/** A text with a visible mark for each control. @param {unknown} text */
export const visible = (text) => String(text).replace(COMMANDS, "\ufffd");

/** A step as Python. @param {RunRow} run @param {number} place @param {number} step */
export function permalink(run, place, step) {
  const escaped = (/** @type {string} */ mark) => [...Array(mark.length).keys()]
    .map((at) => `\\u${mark.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
  const name = run.long_id ? String(place) : JSON.stringify(run.id).replace(/[^\x20-\x7e]/g, escaped);
  return `runs[${name}].step(${step})`;
}

/** A step for people to read. @param {RunRow} run @param {number} step @param {Row | undefined} row */
export function textLink(run, step, row) {
  const told = row ? `: ${[lookOf(row[0])[2], row[1], row[2]].filter(Boolean).join(" ")}` : "";
  return `run ${run.id}${run.long_id ? "…" : ""}, step ${step} of ${counted(run.n_steps)} (from 0)${told}`;
}

/** @param {number} n */
export const short = (n) => n < 10_000 ? counted(n) : n < 999_500 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`;
/** @param {number} n */
export const counted = (n) => n.toLocaleString("en-US");
/** Dollars; where they are few, with as many digits as say something. @param {number} usd */
export const money = (usd) => `$${!usd ? "0" : usd >= 0.1 ? usd.toFixed(2) : usd >= 0.0001 ? usd.toFixed(4) : usd.toPrecision(1)}`;
/** A number of things. @param {number} n @param {string} what one of them is called */
export const some = (n, what) => `${counted(n)} ${what}${n === 1 ? "" : "s"}`;
/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return `${ms} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** A number as it stands in JSON: 12345678901234567890 is no number of JavaScript. */
export class Numeral { /** @param {string} source */ constructor(source) { this.source = source; } }
const LARGEST_JSON = 1_000_000, DEEPEST_JSON = 200;

/** How many brackets are open at once, outside strings. @param {string} text */
export function depthOf(text) {
  let open = 0, most = 0, quoted = false;
  for (let at = 0; at < text.length; at++) {
    const mark = text.charCodeAt(at);
    if (quoted) { if (mark === 92) at++; else if (mark === 34) quoted = false; }
    else if (mark === 34) quoted = true;
    else if (mark === 91 || mark === 123) most = Math.max(most, ++open);
    else if (mark === 93 || mark === 125) open--;
  }
  return most;
}

/** What a JSON text holds, if it is an object or a list that can be shown as a tree.
 * @param {string} text @returns {any} undefined where it cannot */
export function parsed(text) {
  if (!/^\s*[[{]/.test(text) || text.length > LARGEST_JSON || depthOf(text) > DEEPEST_JSON) return undefined;
  try {
    const reviver = (/** @type {string} */ _, /** @type {any} */ value, /** @type {any} */ context) =>
      typeof value === "number" && context?.source ? new Numeral(context.source) : value;
    return JSON.parse(text, /** @type {any} */ (reviver));
  } catch { return undefined; }
}

/** What kinds of steps look like: a shape, a colour, a word. @type {Record<string, [string, string, string]>} */
const KINDS = {
  chat: ["●", "model", "chat"], generate_content: ["●", "model", "chat"], text_completion: ["●", "model", "completion"],
  execute_tool: ["■", "tool", "tool"], "wb.input": ["▲", "input", "input"], "wb.system": ["◆", "system", "system"],
  "wb.error": ["✕", "error", "error"], invoke_agent: ["⬢", "agent", "agent"], invoke_workflow: ["⬢", "agent", "workflow"], retrieval: ["▼", "tool", "retrieval"],
};
/** @param {string} kind @returns {[string, string, string]} */
export const lookOf = (kind) => Object.hasOwn(KINDS, kind) ? KINDS[kind] : ["○", "other", kind.replace(/^wb\./, "").replaceAll("_", " ")];
/** @type {Record<string, string>} */
export const MARKS = { error: "✕", loop: "↻", policy: "§", finding: "!", suspect: "?", note: "✎" };
