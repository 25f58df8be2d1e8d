// @ts-check
/* Searching the runs of a file. Regular expressions are tried beside the page, where they can be stopped. */

/** @import { Row } from "./state.js" */

const PATIENCE_MS = 2_000, FEW_HITS = 5, LEAD = 24, FOUND = 60, TAIL = 100, MODELS = ["chat", "generate_content", "text_completion"];
const TRY = [
  "onmessage = ({ data: [text, flags, texts] }) => {",
  "  try { const sought = new RegExp(text, flags); postMessage(texts.map((each) => { const found = sought.exec(each); return found && [found.index, found.index + found[0].length]; })); }",
  "  catch (error) { postMessage(String(error.message ?? error)); }",
  "};",
].join("\n");

const partsOf = (/** @type {any} */ step, /** @type {(part: any) => boolean} */ fits) => step.parts.filter(fits).map((/** @type {any} */ part) => part.text);
/** In which texts of a step is looked. @type {Record<string, (step: any) => any[]>} */
const TEXTS = {
  everywhere: (step) => [step.tool, step.agent, step.name, step.kind, step.error_type, step.error_message, ...partsOf(step, () => true)],
  said: (step) => MODELS.includes(step.kind) ? partsOf(step, (part) => part.direction === "out" && /^(text|reasoning)$/.test(part.type)) : [],
  arguments: (step) => partsOf(step, (part) => part.type.endsWith("tool_call")),
  results: (step) => partsOf(step, (part) => part.type.endsWith("_response")),
  errors: (step) => [step.error_type, step.error_message, ...(step.status === "error" ? partsOf(step, (part) => part.type === "tool_call_response") : [])],
  tools: (step) => [step.tool, ...step.parts.filter((/** @type {any} */ part) => part.type === "tool_call" && part.direction === "out").map((/** @type {any} */ part) => part.name)],
};
const textsOf = (/** @type {any} */ step, /** @type {string} */ scope) => /** @type {string[]} */ ((TEXTS[scope] ?? TEXTS.everywhere)(step).filter(Boolean));

/** Where texts hold an expression first. @param {string} query @param {boolean} exact @param {string[]} texts @returns {Promise<([number, number] | null)[]>} */
function tried(query, exact, texts) {
  const trust = /** @type {any} */ (window).trustedTypes?.createPolicy("inspector", { createScriptURL: (/** @type {string} */ url) => url });
  const url = URL.createObjectURL(new Blob([TRY], { type: "text/javascript" })), worker = new Worker(trust ? trust.createScriptURL(url) : url);
  return /** @type {Promise<any>} */ (new Promise((resolve, reject) => {
    const slow = setTimeout(() => reject(new Error(`This expression takes longer than ${PATIENCE_MS / 1000} s for some steps; make it simpler, such as by fewer * and +.`)), PATIENCE_MS);
    worker.onerror = () => reject(new Error("Regular expressions cannot be tried in this page; search for a text."));
    worker.onmessage = ({ data }) => { clearTimeout(slow); if (typeof data === "string") reject(new Error(`This is no regular expression: ${data.replace(/^Invalid regular expression: /, "")}.`)); else resolve(data); };
    worker.postMessage([query, exact ? "" : "i", texts]);
  })).finally(() => { worker.terminate(); URL.revokeObjectURL(url); });
}
/** Where texts hold a query first. @param {any} message @param {string[]} texts @returns {Promise<([number, number] | null)[]>} */
async function spans({ query, regex, exact }, texts) {
  if (regex) return tried(query, exact, texts);
  const sought = exact ? query : query.toLowerCase();
  return texts.map((text) => { const at = (exact ? text : text.toLowerCase()).indexOf(sought); return at < 0 ? null : [at, at + sought.length]; });
}
/** What is wrong as an answer. @param {(message: any) => Promise<any>} answer */
const told = (answer) => (/** @type {any} */ message) => answer(message).catch((error) => ({ wrong: error.message }));

/** @param {{ n_runs: number, startsOf(run: number): number[], chunk(run: number, at: number): Promise<any>, chunkAt(run: number, step: number): number }} from */
export function searchAnswers({ n_runs, startsOf, chunk, chunkAt }) {
  /** @param {any} message */
  async function search(message) {
    const at = chunkAt(message.run, message.from), { from, steps } = await chunk(message.run, at);
    const found = await spans(message, steps.map((/** @type {any} */ step) => textsOf(step, message.scope).join("\n")));
    return { hits: found.flatMap((span, place) => span ? [from + place] : []), next: startsOf(message.run)[at + 1] ?? -1 };
  }
  /** @param {any} message */
  async function count(message) {
    const counts = [], until = performance.now() + 50;
    let { run, from } = message;
    while (run < n_runs && performance.now() < until) {
      const { hits, next } = await search({ ...message, run, from });
      if (hits.length) counts.push([run, hits.length, hits[0], hits.at(-1), hits.slice(0, FEW_HITS)]);
      from = Math.max(0, next);
      if (next < 0) run++;
    }
    await new Promise((resolve) => { setTimeout(resolve); });
    return { counts, next: run < n_runs ? [run, from] : null };
  }
  /** @param {any} message */
  async function snippets(message) {
    const of = await Promise.all(message.steps.map(async (/** @type {number} */ step) => {
      const { from, steps } = await chunk(message.run, chunkAt(message.run, step)), texts = textsOf(steps[step - from], message.scope);
      return [...texts, texts.join("\n")];
    }));
    const found = await spans(message, of.flat());
    const line = (/** @type {string} */ text) => text.replace(/\s+/g, " ");
    return { snippets: of.map((/** @type {string[]} */ texts) => {
      const own = found.splice(0, texts.length), at = own.findIndex(Boolean), [start, end] = own[at] ?? [0, 0], last = Math.min(end, start + FOUND);
      const text = texts[at] ?? "", lead = text.slice(Math.max(0, start - LEAD), start);
      return [start > LEAD ? `…${lead.slice(lead.indexOf(" ") + 1)}` : lead, text.slice(start, last), text.slice(last, last + TAIL) + (last + TAIL < text.length ? "…" : "")].map(line);
    }) };
  }
  return { search: told(search), count: told(count), snippets: told(snippets) };
}
