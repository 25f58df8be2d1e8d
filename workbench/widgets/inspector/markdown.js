// @ts-check
/* Markdown as elements. Whatever an agent wrote stays text: HTML is shown, no address is ever loaded, and only an
   http(s) address can be followed. Every expression here takes a time that grows with the text, not with its square. */

import { codeBox } from "./code.js";
import { h } from "./elements.js";
import { tableBox } from "./tables.js";

/** An element as a list: its tag, what is inside, and what else it needs.
 * @typedef {string | [tag: string, inside: any, more?: any]} Branch */

/** What lies deeper is a plain paragraph, or has no emphasis of its own; nor has what comes after so much of a paragraph. */
const DEEPEST_BLOCK = 8, DEEPEST_MARK = 20, MOST_TOKENS = 8_000;
const FENCE_LINE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/, HEADING_LINE = /^ {0,3}(#{1,6})(?=[ \t]|$)/, QUOTE_LINE = /^ {0,3}> ?/, ITEM_LINE = /^( {0,3})([-*+]|\d{1,9}[.)])( +|$)/;

/** @param {string} line */
const isRule = (line) => /^ {0,3}[-*_]/.test(line) && /^([-*_])\1{2,}$/.test(line.replace(/[ \t]/g, ""));
/** @param {string | undefined} line the one below the names of columns */
const isColumns = (line) => line !== undefined && line.includes("|") && line.includes("-") && /^\|?:?-+:?(\|:?-+:?)*\|?$/.test(line.replace(/[ \t]/g, ""));
/** @param {string} line */
const begins = (line) => FENCE_LINE.test(line) || HEADING_LINE.test(line) || QUOTE_LINE.test(line) || ITEM_LINE.test(line) || isRule(line);
/** @param {string | undefined} line below a heading */
const isUnderline = (line) => line !== undefined && /^(=+|-{2,})$/.test(line.trim());

/** Markdown as a tree. @param {string} text @returns {Branch[]} */
export function markdownTree(text) {
  return blocksOf(text.split("\n").map((line) => line.replace(/\r$/, "").replace(/^[ \t]+/, (blank) => blank.replaceAll("\t", "    "))), 0);
}

/** @param {string[]} lines @param {number} depth @returns {Branch[]} */
function blocksOf(lines, depth) {
  const found = /** @type {Branch[]} */ ([]);
  const inner = (/** @type {string[]} */ some) => depth < DEEPEST_BLOCK ? blocksOf(some, depth + 1) : [/** @type {Branch} */ (["p", [some.join("\n")]])];
  const until = (/** @type {number} */ at, /** @type {(line: string, at: number) => boolean} */ goes) => { while (at < lines.length && goes(lines[at], at)) at++; return at; };
  for (let at = 0; at < lines.length;) {
    const line = lines[at], from = at++, fence = FENCE_LINE.exec(line), heading = HEADING_LINE.exec(line);
    if (!line.trim()) continue;
    if (/^ {4}/.test(line)) {
      at = until(at, (each) => /^ {4}/.test(each) || !each.trim());
      found.push(["code", lines.slice(from, at).map((each) => each.slice(4)).join("\n").trimEnd(), ""]);
    } else if (fence) {
      const indent = line.search(/\S/), ends = (/** @type {string} */ each) => each.trim().startsWith(fence[1]) && each.trim() === fence[1][0].repeat(each.trim().length);
      at = until(at, (each) => !ends(each));
      found.push(["code", lines.slice(from + 1, at++).map((each) => each.slice(Math.min(indent, Math.max(0, each.search(/\S/))))).join("\n"), fence[2].trim()]);
    } else if (heading) {
      let end = line.trimEnd().length;
      while (line[end - 1] === "#") end--;
      if (!/[ \t]/.test(line[end - 1] ?? "")) end = Math.max(heading[0].length, line.trimEnd().length);
      found.push([`h${heading[1].length}`, inlineOf(line.slice(heading[0].length, end).trim())]);
    } else if (isRule(line)) found.push(["hr", []]);
    else if (QUOTE_LINE.test(line)) {
      at = until(at, (each) => QUOTE_LINE.test(each));
      found.push(["blockquote", inner(lines.slice(from, at).map((each) => each.replace(QUOTE_LINE, "")))]);
    } else if (ITEM_LINE.test(line)) {
      const [list, next] = listOf(lines, from, inner);
      found.push(list);
      at = next;
    } else if (line.includes("|") && isColumns(lines[at])) {
      at = until(at + 1, (each) => each.includes("|") && Boolean(each.trim()));
      found.push(["table", lines.slice(from + 2, at).map(rowOf), rowOf(line)]);
    } else {
      at = until(at, (each, next) => Boolean(each.trim()) && !begins(each) && !isUnderline(each) && !(each.includes("|") && isColumns(lines[next + 1])));
      const single = at === from + 1 && isUnderline(lines[at]);
      found.push([single ? (lines[at].includes("=") ? "h1" : "h2") : "p", inlineOf(lines.slice(from, at).join("\n").trim())]);
      if (single) at++;
    }
  }
  return found;
}

/** A list, and the line after it. @param {string[]} lines @param {number} at @param {(lines: string[]) => Branch[]} inner @returns {[Branch, number]} */
function listOf(lines, at, inner) {
  const first = /** @type {RegExpExecArray} */ (ITEM_LINE.exec(lines[at])), ordered = /^\d/.test(first[2]), items = /** @type {Branch[]} */ ([]);
  while (at < lines.length) {
    const item = ITEM_LINE.exec(lines[at]);
    if (!item || item[2].at(-1) !== first[2].at(-1) || isRule(lines[at])) break;
    const blank = item[3].length > 4 ? 1 : Math.max(1, item[3].length), width = item[1].length + item[2].length + blank, own = [lines[at++].slice(width)];
    for (let ended = false; at < lines.length; at++) {
      const next = lines[at], indent = next.search(/\S/);
      // writers indent by two what belongs to "1." too
      if (indent >= 0 && indent < Math.min(width, item[1].length + 2) && (ended || begins(next))) break;
      ended = indent < 0;
      own.push(next.slice(Math.max(0, Math.min(indent, width))));
    }
    own[0] = own[0].replace(/^\[([ xX])\] /, (_, done) => done === " " ? "☐ " : "☑ ");
    const [head, ...rest] = inner(own);
    items.push(["li", head?.[0] === "p" ? [...head[1], ...rest] : head === undefined ? [] : [head, ...rest]]);
  }
  return [[ordered ? "ol" : "ul", items, ordered ? parseInt(first[2], 10) : undefined], at];
}

/** The cells of a row. @param {string} line @returns {Branch[][]} */
function rowOf(line) {
  const cells = [""], text = line.trim();
  for (let at = text[0] === "|" ? 1 : 0; at < text.length; at++) {
    if (text[at] === "\\" && text[at + 1] === "|") cells[cells.length - 1] += text[++at];
    else if (text[at] !== "|") cells[cells.length - 1] += text[at];
    else if (at < text.length - 1) cells.push("");
  }
  return cells.map((cell) => inlineOf(cell.trim()));
}

const TARGET = String.raw`\( {0,3}((?:[^\s()]|\([^\s()]{0,200}\)){0,2000})( {1,3}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))? {0,3}\)`;
const INLINE = String.raw`\\[!-/:-@[-\`{-~]|\`+|!?\[((?:[^[\]\\\n]|\\.){0,500})\]${TARGET}|<(https?://[^\s<>]{1,2000})>|\*+|_+|~~`;
/** What stands beside a run of marks. @param {string | undefined} letter @returns {"letter" | "blank" | "mark"} */
const besideOf = (letter) => letter === undefined || /\s/.test(letter) ? "blank" : /[a-z\d]/i.test(letter) || !/[\p{P}\p{S}]/u.test(letter) ? "letter" : "mark";

/** @typedef {{ mark: string, n: number, end: number, opens: string[], closes: number }} Emphasis */

/** What stands in a paragraph. @param {string} text @returns {Branch[]} */
function inlineOf(text) {
  const tokens = /** @type {(Branch | Emphasis)[]} */ ([]), open = /** @type {Emphasis[]} */ ([]), runs = runsOf(text), next = new RegExp(INLINE, "g");
  const nOpen = /** @type {Record<string, number>} */ ({ "*": 0, _: 0, "~": 0 });
  let at = 0;
  for (let found = next.exec(text); found && tokens.length < MOST_TOKENS; found = next.exec(text)) {
    const [mark, label, target, title, address] = found, { index } = found, first = mark[0];
    let end = index + mark.length;
    tokens.push(text.slice(at, index));
    if (first === "\\") tokens.push(mark[1]);
    else if (first === "`") {
      const close = nextRun(runs, mark.length, index);
      if (close < 0) tokens.push(mark);
      else {
        const code = text.slice(end, close).replaceAll("\n", " ");
        tokens.push(["code1", [/^ .* $/.test(code) && code.trim() ? code.slice(1, -1) : code]]);
        end = close + mark.length;
      }
    } else if (address !== undefined) tokens.push(["a", [address], address]);
    else if (first === "!") tokens.push(["em", [`image: ${label} (${target}${title ?? ""})`]]);
    else if (first === "[") tokens.push(["a", inlineOf(label), target + (title ?? "")]);
    else tokens.push(emphasis(text, mark, index, open, nOpen));
    next.lastIndex = at = end;
  }
  tokens.push(text.slice(at));
  return nested(tokens);
}

/** Where runs of backticks stand, by their length. @param {string} text */
function runsOf(text) {
  const runs = /** @type {Map<number, number[]>} */ (new Map());
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    if (!runs.has(run.length)) runs.set(run.length, []);
    runs.get(run.length)?.push(index);
  }
  return runs;
}
/** The next run of a length after a place, or -1. @param {Map<number, number[]>} runs @param {number} length @param {number} at */
function nextRun(runs, length, at) {
  const places = runs.get(length) ?? [];
  let low = 0, high = places.length;
  while (low < high) { const middle = (low + high) >> 1; if (places[middle] > at) high = middle; else low = middle + 1; }
  return places[low] ?? -1;
}

/** A run of marks: it ends what it can, and may begin something itself. @param {string} text @param {string} run @param {number} index
 * @param {Emphasis[]} open what has begun @param {Record<string, number>} nOpen how much of each mark @returns {Emphasis} */
function emphasis(text, run, index, open, nOpen) {
  const mark = run[0], end = index + run.length, before = besideOf(text[index - 1]), after = besideOf(text[end]), own = /** @type {Emphasis} */ ({ mark, n: run.length, end, opens: [], closes: 0 });
  const left = after !== "blank" && (after !== "mark" || before !== "letter"), right = before !== "blank" && (before !== "mark" || after !== "letter");
  const closes = right && (mark !== "_" || !left || after === "mark"), opens = left && (mark !== "_" || !right || before === "mark");
  while (closes && own.n && nOpen[mark]) {
    let at = open.length - 1;
    while (open[at].mark !== mark) at--;
    const other = open[at], n = Math.min(2, own.n, other.n);
    // __init__ is a name, and no strong "init"
    if (mark === "_" && n === 2 && index - other.end < 60 && /^\w+$/.test(text.slice(other.end, index))) break;
    for (const each of open.splice(at + 1)) nOpen[each.mark]--;
    other.opens.push(mark === "~" ? "del" : n === 2 ? "strong" : "em");
    own.closes++;
    other.n -= n;
    own.n -= n;
    if (!other.n) { open.pop(); nOpen[mark]--; }
  }
  if (opens && own.n) { open.push(own); nOpen[mark]++; }
  return own;
}

/** @param {(Branch | Emphasis)[]} tokens @returns {Branch[]} */
function nested(tokens) {
  const path = /** @type {Branch[][]} */ ([[]]);
  const add = (/** @type {Branch} */ branch) => {
    const place = path[path.length - 1], last = place.length - 1;
    if (typeof branch === "string" && typeof place[last] === "string") place[last] += branch; else if (branch !== "") place.push(branch);
  };
  for (const token of tokens) {
    if (typeof token === "string" || Array.isArray(token)) { add(token); continue; }
    path.length -= token.closes;
    add(token.mark.repeat(token.n));
    for (const tag of token.opens.reverse()) {
      const inside = path.length > DEEPEST_MARK ? path[path.length - 1] : [];
      if (path.length <= DEEPEST_MARK) path[path.length - 1].push([tag, inside]);
      path.push(inside);
    }
  }
  return path[0];
}

/** Markdown as elements. Headings are paragraphs, or a text could change the outline of the page. @param {string} text @returns {Node} */
export const markdownBox = (text) => h("div", { class: "wi-markdown" }, ...markdownTree(text).map(elementOf));

/** @param {Branch} branch @returns {Node | string} */
function elementOf(branch) {
  if (typeof branch === "string") return branch;
  const [tag, inside, more] = branch;
  if (tag === "code") return codeBox(inside, more);
  if (tag === "table") return tableBox(more, inside, (cell) => cell.map(elementOf));
  const nodes = inside.map(elementOf);
  if (tag === "a") return linkOf(nodes, inside, more);
  if (tag === "code1") return h("code", {}, ...nodes);
  if (/^h\d/.test(tag)) return h("p", { class: `wi-heading wi-${tag}` }, ...nodes);
  return h(tag, more > 1 ? { start: String(more) } : {}, ...nodes);
}

/** What links somewhere, with its address in sight. @param {(Node | string)[]} nodes @param {Branch[]} inside @param {string} address */
function linkOf(nodes, inside, address) {
  const told = inside.length === 1 && inside[0] === address ? [] : [` (${address})`], href = address.split(" ", 1)[0];
  if (!/^https?:\/\/[^/]/i.test(href) || !URL.canParse(href)) return h("span", {}, ...nodes, ...told);
  quiet();
  return h("span", {}, h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...nodes), ...told);
}
/** Let no browser look up the hosts of links before somebody follows one. */
function quiet() {
  const name = "x-dns-prefetch-control";
  if (!document.querySelector(`meta[http-equiv="${name}"]`)) document.head.append(h("meta", { "http-equiv": name, content: "off" }));
}
