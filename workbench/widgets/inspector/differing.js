// @ts-check
/* The steps at one place in full, as they differ: arguments key by key, texts word by word. */

import { h } from "./elements.js";
import { counted, Numeral, parsed } from "./texts.js";
import { jsonOf } from "./values.js";
import { LONGEST_COMPARED, wordDiff } from "./worddiff.js";

/** @typedef {Record<string, any>} Told a step, or a part of it, as it was sent */

const FACTS = ["agent", "tool", "status", "error_type", "error_message", "finish_reason"], LONG = 2_000;

/** A step with the whole beginning of each text that is compared; null where there is none.
 * @param {(message: any) => Promise<any>} ask @param {number} run @param {number} step @returns {Promise<Told | null>} */
export async function wholeStep(ask, run, step) {
  const { step: page } = await ask({ type: "step", run, step });
  if (!page) return null;
  const parts = page.parts.map((/** @type {Told} */ part, /** @type {number} */ number) => ({ ...part, number })), kept = comparedParts(parts);
  for (const part of kept) {
    let length = [...part.text].length;
    while (part.n_chars > length && part.text.length <= LONGEST_COMPARED) {
      const more = await ask({ type: "text", run, step, part: part.number, from: length });
      if (!more.text) break;
      part.text += more.text;
      length += [...more.text].length;
    }
  }
  return { ...page, kept, n_left: page.n_parts - kept.length };
}

/** What an alignment looks at: what a step wrote and called; what it read where it wrote nothing. @param {Told[]} parts */
function comparedParts(parts) {
  const own = parts.filter((part) => part.direction === "out" || part.type === "tool_call");
  return own.length ? own : parts;
}

/** Parts of one sort beside each other. @param {(Told | null)[]} steps @returns {(Told | undefined)[][]} */
function besides(steps) {
  const rows = /** @type {Map<string, (Told | undefined)[]>} */ (new Map());
  steps.forEach((step, column) => {
    const seen = new Map();
    for (const part of step?.kept ?? []) {
      const sort = `${part.role} ${part.type}`, n = (seen.get(sort) ?? 0) + 1, key = `${sort} ${n}`;
      seen.set(sort, n);
      if (!rows.has(key)) rows.set(key, Array(steps.length).fill(undefined));
      /** @type {any} */ (rows.get(key))[column] = part;
    }
  });
  return [...rows.values()];
}

/** Everything about one place. @param {(Told | null)[]} steps @param {string[]} names of the runs @param {() => boolean} stale
 * @returns {Promise<HTMLElement[]>} */
export async function differenceView(steps, names, stale) {
  const missing = names.filter((_, at) => !steps[at]);
  if (missing.length) return [h("p", { class: "wi-soft" }, `No step here: ${missing.join("; ")}.`), ...await differenceView(steps.filter(Boolean), names.filter((_, at) => steps[at]), stale)];
  const facts = FACTS.filter((name) => new Set(steps.map((step) => step?.[name])).size > 1);
  const shown = facts.length ? [grid(names, facts.map((name) => [name.replaceAll("_", " "), steps.map((step) => [String(step?.[name] ?? "–")])]))] : [];
  for (const parts of besides(steps)) {
    const first = /** @type {Told} */ (parts.find(Boolean)), call = first.type === "tool_call";
    const called = [...new Set(parts.flatMap((part) => part?.name ? [part.name] : []))].join(" / ");
    shown.push(h("h3", {}, [first.role, call ? "arguments" : first.type === "tool_call_response" ? "result" : first.type.replaceAll("_", " "), called].filter(Boolean).join(" · ")),
      (call && await argumentsTable(parts, names)) || await textsBeside(parts, names));
    if (stale()) return [];
  }
  const left = steps.reduce((sum, step) => sum + (step?.n_left ?? 0), 0);
  if (left) shown.push(h("p", { class: "wi-soft" }, `${counted(left)} part${left === 1 ? "" : "s"} that the steps read, or that no page holds, ${left === 1 ? "is" : "are"} not compared: Enter opens a step.`));
  return shown;
}

/** Rows of cells under the names of the runs. @param {string[]} names @param {[string, ((Node | string)[] | null)[]][]} rows */
function grid(names, rows) {
  const head = h("tr", {}, h("td", {}), ...names.map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map(([name, cells]) => h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((cell) => h("td", {}, ...(cell ?? [h("span", { class: "wi-soft" }, "no such call")])))));
  return h("div", { class: "wi-wide", tabindex: "0", role: "region", "aria-label": "Compared" }, h("table", { class: "wi-compared" }, h("thead", {}, head), h("tbody", {}, ...body)));
}

/** Arguments key by key; null where some are no object. @param {(Told | undefined)[]} parts @param {string[]} names */
async function argumentsTable(parts, names) {
  const values = parts.map((part) => part && parsed(part.text));
  if (values.some((value, at) => parts[at] && (!value || Array.isArray(value)))) return null;
  const keys = [...new Set(values.flatMap((value) => value ? Object.keys(value) : []))].slice(0, 200);
  const rows = keys.map((key) => {
    const own = values.map((value) => value && Object.hasOwn(value, key) ? sameText(value[key]) : undefined), equal = new Set(own.filter((_, at) => values[at])).size === 1;
    return { key, equal, cells: values.map((value, at) => !value ? null : own[at] === undefined ? "not given" : jsonOf(value[key])) };
  }).sort((one, two) => Number(one.equal) - Number(two.equal));
  if (!rows.length) return h("p", { class: "wi-soft" }, "No arguments.");
  const drawn = /** @type {[string, ((Node | string)[] | null)[]][]} */ ([]);
  for (const { key, equal, cells } of rows) {
    const at = cells.findIndex((each) => each !== null), own = [];
    for (const [column, cell] of cells.entries()) own.push(cell === null ? null : equal || column === at ? [h("span", { class: equal ? "wi-soft" : "" }, cell.slice(0, LONGEST_COMPARED))] : await marked(/** @type {string} */ (cells[at]), cell, true));
    drawn.push([`${equal ? "=" : "≠"} ${key}`, own]);
  }
  return grid(names, drawn);
}
/** A value as a text that is the same for equal values: 1 and 1.0 are one number. @param {any} value @returns {string} */
function sameText(value) {
  if (value instanceof Numeral) return /^-?\d+$/.test(value.source) ? value.source : String(Number(value.source));
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sameText).join()}]`;
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${sameText(value[key])}`).join()}}`;
}

/** Texts beside each other, what the first has not marked in the others; equal ones once.
 * @param {(Told | undefined)[]} parts @param {string[]} names */
async function textsBeside(parts, names) {
  const texts = parts.map((part) => part && (part.type === "text" ? part.text : pretty(part.text))), first = texts.findIndex((text) => text !== undefined);
  if (parts.every(Boolean) && texts.every((text) => text === texts[0])) return h("div", {}, ...(names.length > 1 ? [h("p", { class: "wi-soft" }, "= the same in all")] : []), h("pre", { class: "wi-text" }, texts[0].slice(0, LONGEST_COMPARED)));
  const others = texts.filter((text, at) => text !== undefined && at !== first), alone = others.length === 1;
  const cells = /** @type {(Node | string)[][]} */ ([]);
  for (const [at, text] of texts.entries()) {
    if (text === undefined) cells.push([h("span", { class: "wi-soft" }, "nothing here")]);
    else if (at === first) cells.push(alone ? await marked(text, others[0], false, "+") : [text.slice(0, LONGEST_COMPARED)]);
    else cells.push(text === texts[first] ? [h("span", { class: "wi-soft" }, `= the same as ${names[first]}`)] : await marked(texts[first], text, true, alone ? "-" : ""));
  }
  return h("div", { class: "wi-beside", role: "list" }, ...cells.map((cell, at) => h("div", { role: "listitem" }, h("b", {}, names[at]), h("div", { class: "wi-text" }, ...cell))));
}
/** @param {string} text */
function pretty(text) {
  const value = parsed(text);
  return value === undefined ? text : jsonOf(value);
}

/** The pieces of two texts, without those of one sort. @param {string} one @param {string} other @param {boolean} told whether to say what was left out @param {string} [hidden] */
async function marked(one, other, told, hidden = "") {
  // nothing may keep the page from its reader
  if (one.length + other.length > LONG) await new Promise((resolve) => { setTimeout(resolve); });

  const { pieces, cut, rough } = wordDiff(one, other), said = [];
  if (cut) said.push(`Only the first ${counted(LONGEST_COMPARED)} characters are compared; Enter opens the step.`);
  if (rough) said.push("So much differs that words are not told apart.");
  return [...pieces.filter(([op]) => op !== hidden).map(([op, text]) => op === "=" ? text : h(op === "-" ? "del" : "ins", {}, text)), ...(told && said.length ? [h("p", { class: "wi-soft" }, said.join(" "))] : [])];
}
