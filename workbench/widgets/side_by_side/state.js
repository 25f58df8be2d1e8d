// @ts-check
/* What the panel of systems side by side shows, as one state, and what follows from it. Pure. */

import { h } from "../inspector/elements.js";
import { wordDiff } from "../inspector/worddiff.js";

/** @import { Piece } from "../inspector/worddiff.js" */
/**
 * @typedef {{ a: number, b: number, metric: number, sort: string, by: number, down: boolean, text: string, where: number[] | null,
 *   low: number | null, high: number | null, differing: boolean, picked: number | null }} Question
 * @typedef {[text: string, cut: boolean]} Excerpt
 * @typedef {{ row: number, id: string, input: Excerpt, references: Excerpt[], texts: (Excerpt | null)[], values: (number | null)[][] }} Row
 * @typedef {{ name: string, signature: string, direction: string | null, low: number, high: number, digits: number }} Metric
 * @typedef {{ name: string, colour: string, glyph: string }} System
 * @typedef {{ text: string | null, n: number, repeats?: number, error?: string }} Told
 * @typedef {{ n_rows: number, page: number, n_references: number, baseline: number, systems: System[], metrics: Metric[], columns: string[], found: any }} First
 */

/** A column that is no system: the references. */
export const REFERENCE = -1;

/** @param {Question} question @param {First} first */
export const initialView = (question, first) => ({ question, at: 0, n: 0, pins: /** @type {number[]} */ ([]), basis: first.n_references ? REFERENCE : question.b, row: /** @type {number | null} */ (null) });
/** @typedef {ReturnType<typeof initialView>} View */

/** The question after something was chosen; sorting by what sorts already turns it round, and then lets it be.
 * @param {Question} q @param {{ sort: string, metric: number, by?: number }} how @returns {Question} */
export function sortedBy(q, { sort, metric, by = 0 }) {
  const same = q.sort === sort && q.metric === metric && (sort !== "value" || q.by === by);
  if (!same) return { ...q, sort, metric, by, down: true };
  return q.down ? { ...q, down: false } : { ...q, sort: "order", by: 0, down: true };
}
/** Whether a question leaves rows out. @param {Question} q */
export const isNarrow = (q) => Boolean(q.text || q.where || q.differing || q.low !== null || q.high !== null || q.picked !== null);
/** A question that keeps all rows. @param {Question} q @returns {Question} */
export const widened = (q) => ({ ...q, text: "", where: null, low: null, high: null, differing: false, picked: null });
/** Pin a column, or let it go. @param {number[]} pins @param {number} column */
export const pinned = (pins, column) => pins.includes(column) ? pins.filter((each) => each !== column) : [...pins, column];
/** The columns in order: what is pinned, then the reference, the two that are compared, and the others.
 * @param {View} s @param {First} first */
export const columnsOf = ({ pins, question }, first) => [...new Set([...pins, ...(first.n_references ? [REFERENCE] : []), ...numberedOf(question, first)])];
/** The systems in the order of the keys that pin them: the two that are compared, then the others. @param {Question} question @param {First} first */
export const numberedOf = ({ a, b }, { systems }) => [...new Set([a, b, ...systems.keys()])];
/** How far a value is up the scale of its metric, 0 to 1; better is more. @param {Metric} metric @param {number} value */
export function shareOf({ low, high, direction }, value) {
  if (low >= high) return 0;
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return direction === "down" ? 1 - share : share;
}
/** Whether a difference is for the better: 1, −1, or 0 where neither end is. @param {Metric} metric @param {number} delta */
export const senseOf = ({ direction }, delta) => direction ? Math.sign(delta) * (direction === "down" ? -1 : 1) : 0;
/** @param {number | null | undefined} value @param {number} digits */
export const figure = (value, digits) => value === null || value === undefined ? "–" : value.toFixed(digits).replace(/^-(0(?:\.0*)?)$/, "$1").replace("-", "−");
/** A difference with its sign. @param {number | null} value @param {number} digits */
export const signed = (value, digits) => (value && value > 0 && Number(value.toFixed(digits)) ? "+" : "") + figure(value, digits);

/** A text as it differs from the nearest of some others: nodes with what only it has marked. Of texts that go on nothing is said of the end.
 * @param {string[]} bases @param {string} text @param {{ cut?: boolean, both?: boolean }} [how] `both`: also what only the other has, where most is common
 * @returns {(Node | string)[]} */
export function markedText(bases, text, { cut = false, both = false } = {}) {
  const changed = (/** @type {Piece[]} */ of) => of.reduce((sum, [op, part]) => sum + (op === "=" ? 0 : part.length), 0);
  const pieces = bases.map((basis) => wordDiff(basis, text).pieces).reduce((one, other) => changed(other) < changed(one) ? other : one), last = cut ? pieces.findLastIndex(([op]) => op === "=") : pieces.length;
  const common = pieces.reduce((sum, [op, part]) => sum + (op === "=" ? part.length : 0), 0), struck = both && common >= changed(pieces.filter(([op]) => op === "-"));
  return pieces.flatMap(([op, part], at) => {
    if (op === "=" || (op === "+" && at > last)) return [part];
    if (op === "-" && !struck) return [];
    const words = part.trim(), start = part.length - part.trimStart().length;
    return words ? [part.slice(0, start), h(op === "+" ? "ins" : "del", {}, words), part.slice(start + words.length)] : [part];
  });
}
