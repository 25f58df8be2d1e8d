// @ts-check
/* Code and differences, line by line. */

import { h } from "./elements.js";
import { counted } from "./texts.js";

const LONGEST_COLOURED = 32_768, MOST_LINES = 500, MOST_COMPARED = 250_000;
const KEYWORDS = "and as assert async await break case catch class const continue def del do done echo elif else enum except export extends false finally fi fn for from func function global if impl import in interface is lambda let match mod new nil None not null or package pass pub raise return select self static struct super switch then this throw true True False try type use var void where while with yield";
const CODE_TOKENS = new RegExp(String.raw`(?<c>(?:^|\s)(?:#|\/\/).*|\/\*.{0,500}?\*\/)|(?<s>"(?:[^"\\]|\\.){0,500}"|'(?:[^'\\]|\\.){0,500}')|(?<n>\b\d[\w.]{0,40})|(?<k>\b(?:${KEYWORDS.replaceAll(" ", "|")})\b)`, "g");

/** A line with its comments, texts, numbers and words in colour. @param {string} line @returns {(Node | string)[]} */
function coloured(line) {
  const nodes = [];
  let at = 0;
  for (const { 0: token, index, groups } of line.matchAll(CODE_TOKENS)) {
    const kind = Object.entries(groups ?? {}).find(([, each]) => each !== undefined)?.[0];
    nodes.push(line.slice(at, index), h("span", { class: `wi-code-${kind}` }, token));
    at = index + token.length;
  }
  return [...nodes, line.slice(at)];
}

/** What may be wider than the pane: it scrolls, and then the keyboard reaches it. @param {string} label @param {...Node} inside */
export const wideBox = (label, ...inside) => h("div", { class: "wi-wide", role: "group", "aria-label": label }, ...inside);
/** Let the keyboard reach what scrolls, and nothing else. @param {Element} pane */
export function reachable(pane) {
  for (const box of pane.querySelectorAll(".wi-wide")) if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0"); else box.removeAttribute("tabindex");
}

/** Lines, some at a time. @template Line @param {Line[]} lines @param {(line: Line) => Node} shown @param {string} style */
function linesBox(lines, shown, style) {
  const pre = h("pre", { class: `wi-lines ${style}` }), box = wideBox(style.includes("diff") ? "difference" : "code", pre), whole = h("div", {}, box);
  let n = 0;
  const more = h("button", { type: "button", onclick: () => add() });
  function add() {
    pre.append(...lines.slice(n, n + MOST_LINES).flatMap((line) => [shown(line), "\n"]));
    n += MOST_LINES;
    more.textContent = `Show more lines (${counted(lines.length - n)} left)`;
    if (n < lines.length) return whole.append(more);
    if (more === document.activeElement) more.closest(".wi-detail")?.focus();
    more.remove();
  }
  add();
  return whole;
}

/** Code with numbers of lines, which nobody copies. @param {string} text @param {string} [language] @returns {Node} */
export function codeBox(text, language = "") {
  if (/^(diff|patch|udiff)$/i.test(language) || isDiff(text)) return diffBox(text);
  const plain = text.length > LONGEST_COLOURED || /^(te?xt|plain|output|console|log)$/i.test(language);
  const box = linesBox(text.replace(/\n$/, "").split("\n"), (line) => h("span", { class: "wi-code-line" }, ...(plain || line.length > 2_000 ? [line] : coloured(line))), "wi-code");
  if (language) box.prepend(h("span", { class: "wi-soft" }, language));
  return box;
}

const SEARCH_BLOCK = /^<{5,9} ?SEARCH/m;
/** @param {string} text */
export const isDiff = (text) => /^(diff --git |@@ -\d+(,\d+)? \+\d+(,\d+)? @@|--- .*\n\+\+\+ )/m.test(text) || (SEARCH_BLOCK.test(text) && /^>{5,9} ?REPLACE/m.test(text));

/** A difference: what its marks say is also what its lines are. @param {string} text @returns {Node} */
export const diffBox = (text) => changesBox(SEARCH_BLOCK.test(text) ? searchLines(text.split("\n")) : text.replace(/\n$/, "").split("\n"));

/** @param {string[]} lines each after +, −, a space or a mark of its own */
function changesBox(lines) {
  let within = false;
  return linesBox(lines, (line) => {
    if (/^@@ /.test(line)) within = true; else if (/^(diff |index |Index: )/.test(line)) within = false;
    const head = /^(@@ |diff |index |Index: )/.test(line) || (!within && /^(---|\+\+\+) /.test(line));
    const tag = head ? "span" : line[0] === "+" ? "ins" : line[0] === "-" ? "del" : "span";
    return h(tag, { class: `wi-diff-line${head ? " wi-diff-head" : ""}` }, line);
  }, "wi-diff");
}

/** SEARCH/REPLACE blocks as lines of a difference. @param {string[]} lines */
function searchLines(lines) {
  const found = /** @type {string[]} */ ([]);
  for (let at = 0; at < lines.length; at++) {
    const middle = /^<{5,9} ?SEARCH/.test(lines[at]) ? lines.findIndex((line, place) => place > at && /^={5,9}$/.test(line)) : -1;
    const end = middle < 0 ? -1 : lines.findIndex((line, place) => place > middle && /^>{5,9} ?REPLACE/.test(line));
    if (end < 0) { found.push(lines[at]); continue; }
    found.push("@@ search, replace @@", ...lineChanges(lines.slice(at + 1, middle), lines.slice(middle + 1, end)));
    at = end;
  }
  return found;
}

/** What was replaced by what. @param {string} before @param {string} after @returns {Node} */
export const replacedBox = (before, after) => changesBox(lineChanges(before === "" ? [] : before.split("\n"), after === "" ? [] : after.split("\n")));

/** The lines of two texts, those of one after "-", of the other after "+", of both after a space.
 * @param {string[]} one @param {string[]} two */
export function lineChanges(one, two) {
  let head = 0, tail = 0;
  while (head < one.length && one[head] === two[head]) head++;
  while (tail < one.length - head && tail < two.length - head && one[one.length - 1 - tail] === two[two.length - 1 - tail]) tail++;
  const a = one.slice(head, one.length - tail), b = two.slice(head, two.length - tail), same = (/** @type {string} */ line) => ` ${line}`;
  return [...one.slice(0, head).map(same), ...changesWithin(a, b), ...one.slice(one.length - tail).map(same)];
}
/** @param {string[]} a @param {string[]} b */
function changesWithin(a, b) {
  const removed = (/** @type {string} */ line) => `-${line}`, added = (/** @type {string} */ line) => `+${line}`;
  if (a.length * b.length > MOST_COMPARED) return [...a.map(removed), ...b.map(added)];
  // the longest lines in common, from the end
  const wide = b.length + 1, common = new Uint16Array((a.length + 1) * wide), found = [];
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) common[i * wide + j] = a[i] === b[j] ? common[(i + 1) * wide + j + 1] + 1 : Math.max(common[(i + 1) * wide + j], common[i * wide + j + 1]);
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { found.push(` ${a[i++]}`); j++; }
    else if (i < a.length && (j >= b.length || common[(i + 1) * wide + j] >= common[i * wide + j + 1])) found.push(removed(a[i++]));
    else found.push(added(b[j++]));
  }
  return found;
}
