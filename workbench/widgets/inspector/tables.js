// @ts-check
/* Tables: lists of records, and texts with a separator. */

import { wideBox } from "./code.js";
import { h } from "./elements.js";
import { counted, Numeral } from "./texts.js";

const ROWS_AT_ONCE = 50, MOST_COLUMNS = 20, MOST_RECORDS = 5_000, LONGEST_CELL = 500;

/** A table, some rows at a time. @template Cell @param {Cell[]} header @param {Cell[][]} rows @param {(cell: Cell) => (Node | string)[]} shown @returns {HTMLElement} */
export function tableBox(header, rows, shown) {
  const body = h("tbody"), names = header.slice(0, MOST_COLUMNS), left = header.length - names.length;
  const table = h("table", {}, h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, ...shown(name))))), body), box = h("div", {}, wideBox("table", table));
  let n = 0;
  const more = h("button", { type: "button", onclick: () => add() });
  function add() {
    for (const row of rows.slice(n, n + ROWS_AT_ONCE)) {
      const cells = left > 0 ? row.slice(0, MOST_COLUMNS) : row;
      body.append(h("tr", {}, ...cells.map((cell) => h("td", {}, ...shown(cell)))));
    }
    n += ROWS_AT_ONCE;
    more.textContent = `Show more rows (${counted(rows.length - n)} left)`;
    if (n < rows.length) return box.append(more);
    if (more === document.activeElement) more.closest(".wi-detail")?.focus();
    more.remove();
  }
  add();
  if (left > 0) box.prepend(h("p", { class: "wi-soft" }, `The first ${MOST_COLUMNS} of ${counted(header.length)} columns.`));
  return box;
}

/** @param {any} value */
const isFlat = (value) => value === null || typeof value !== "object" || value instanceof Numeral;
/** @param {any} value @returns {string} */
const cellText = (value) => value === undefined ? "" : value instanceof Numeral ? value.source : typeof value === "string" && value.length > LONGEST_CELL ? `${value.slice(0, LONGEST_CELL)}…` : String(value);

/** The table of a list of flat objects; undefined of anything else. @param {any} value @returns {(() => HTMLElement) | undefined} */
export function recordsTable(value) {
  if (!Array.isArray(value) || value.length < 2 || value.length > MOST_RECORDS) return undefined;
  if (!value.every((each) => each !== null && typeof each === "object" && !Array.isArray(each) && !(each instanceof Numeral) && Object.values(each).every(isFlat))) return undefined;
  const names = [...new Set(value.flatMap((each) => Object.keys(each)))];
  if (!names.length || names.length > 500) return undefined;
  const shown = names.slice(0, MOST_COLUMNS);
  return () => tableBox(names, value.map((each) => shown.map((name) => Object.hasOwn(each, name) ? cellText(each[name]) : "")), (cell) => [cell]);
}

/** The table of a text of comma- or tab-separated values, if it looks like one. @param {string} text @param {boolean} whole
 * @returns {(() => HTMLElement) | undefined} */
export function separatedTable(text, whole) {
  const head = text.slice(0, 4_000).split("\n", 1)[0], mark = head.includes("\t") ? "\t" : ",";
  if (!head.includes(mark) || !text.includes("\n")) return undefined;
  const rows = separated(text, mark);
  // the last row may go on in what is not here yet
  if (!whole) rows.pop();
  const names = rows[0] ?? [], fits = rows.length > 2 && names.length > (mark === "," ? 2 : 1);
  if (!fits || new Set(names).size < names.length || names.some((name) => !name.trim() || name.length > 40) || rows.slice(0, 50).some((row) => row.length !== names.length)) return undefined;
  return () => tableBox(names, rows.slice(1), (cell) => [cellText(cell)]);
}
/** @param {string} text @param {string} mark */
function separated(text, mark) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const row = rows[rows.length - 1], last = row.length - 1, letter = text[at];
    if (letter === '"' && quoted && text[at + 1] === '"') { row[last] += '"'; at++; }
    else if (letter === '"' && (quoted || row[last] === "")) quoted = !quoted;
    else if (quoted || (letter !== mark && letter !== "\n")) { if (letter !== "\r") row[last] += letter; }
    else if (letter === mark) row.push("");
    else if (at < text.length - 1) rows.push([""]);
  }
  return rows;
}
