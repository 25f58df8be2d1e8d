// @ts-check
/* Texts that agents wrote, shown as what they are, and never obeyed. */

import { codeBox, diffBox, isDiff, reachable, replacedBox } from "./code.js";
import { h } from "./elements.js";
import { markdownBox } from "./markdown.js";
import { dataStart, fileBox, pictureBox, picturesIn } from "./pictures.js";
import { recordsTable, separatedTable } from "./tables.js";
import { counted, parsed, visible } from "./texts.js";
import { valueBox } from "./values.js";

/** What a part needs to know of what is around it.
 * @typedef {{ step: number, number: number, more(from: number): Promise<any>, plain(): boolean, drawn(node: Element): void }} Around */
/** A way to show a text: its name, and what makes it; the last is the text itself. @typedef {[name: string, draw: () => Node[]]} Way */

/** So much of a text is shown as what it means; the rest as it is. */
const MOST_MEANT = 65_536, MOST_LINES_MEANT = 1_200;
/** A JSON text up to so long is loaded at once, in so many parts of a step. */
const LONGEST_WHOLE = 160_000, MOST_WHOLE = 10;
const CODE_NAMES = new Set("bash cmd code command file_text new_source new_str new_string patch diff python query replacement_text script source sql text".split(" "));
const EDITS = [["old_str", "new_str"], ["old_string", "new_string"], ["search", "replace"], ["old_text", "new_text"], ["old", "new"]];
const CALLS = new Set(["tool_call", "server_tool_call"]), FILES = new Set(["blob", "file"]), PROSE = new Set(["text", "reasoning"]);

/** So much of a text as is shown as what it means. @param {string} text */
function headOf(text) {
  let end = -1;
  for (let n = 0; n < MOST_LINES_MEANT; n++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0 || end >= MOST_MEANT) return text.slice(0, MOST_MEANT);
  }
  return text.slice(0, end + 1);
}
/** @param {any} part @param {string} text */
const isFile = (part, text) => FILES.has(part.type) || (part.type === "uri" && dataStart(text) > 0);
/** @param {string} text as a result of a tool: comments of code look like headings */
const isMarkup = (text) => /^ {0,3}```/m.test(text) || /^ {0,3}\|?[ \t]{0,9}:?-{2,200}:?[ \t]{0,9}\|/m.test(text) || picturesIn(text).length > 0;
/** @param {string} text */
const maybeMarkup = (text) => /^ {0,3}(#{1,6}[ \t]|[-*+] |\d{1,9}[.)] |> )|\*\*[^*\n]{1,200}\*\*|`[^`\n]{1,200}`|\]\(/m.test(text);
/** @param {string} text whether it is anything but paragraphs */
const isMarked = (text) => /[*_`~]|^ {0,3}([#|>]|[-+] |\d{1,9}[.)] |---|===)|\]\(|<https?:/m.test(text);
/** Pictures in a text stand below it. @param {string} text */
const withoutPictures = (text) => text.replace(/(!\[[^\]\n]{0,200}\]\()data:image\/[\w.+-]{1,20};base64,[A-Za-z0-9+/=]+\)?/g, "$1below)");

/** The ways to show a text, the best one first. @param {any} part @param {string} text @param {number} total @param {boolean} whole @param {Around} how @returns {Way[]} */
function waysOf(part, text, total, whole, how) {
  const head = headOf(text), ways = /** @type {Way[]} */ ([]), value = whole ? parsed(text) : undefined;
  const meant = (/** @type {Node} */ node, /** @type {string} */ what) => head.length === text.length ? [node]
    : [node, h("p", { class: "wi-soft" }, `Only the first ${counted(head.length)} characters are shown as ${what}; the rest is text.`), h("pre", { class: "wi-text" }, text.slice(head.length))];
  const markdown = /** @type {Way} */ (["Markdown", () => meant(markdownBox(withoutPictures(head)), "Markdown")]);
  if (isFile(part, text)) ways.push(fileWay(part, text, total, how));
  else if (value !== undefined) {
    const special = CALLS.has(part.type) ? argumentsWay(value) : undefined, table = recordsTable(value);
    if (special) ways.push(special);
    if (table) ways.push(["Table", () => [table()]]);
    ways.push(["Tree", () => [valueBox(value)]]);
  } else if (part.type !== "uri" && text) {
    const prose = PROSE.has(part.type) && /^(assistant|user|system|developer)$/.test(part.role), diff = isDiff(head), table = separatedTable(head, whole && head.length === text.length);
    if (prose && isMarked(head) && !/^(diff |--- |@@ )/.test(text)) ways.push(markdown);
    if (diff) ways.push(["Diff", () => meant(diffBox(head), "a difference")]);
    if (table) ways.push(["Table", () => meant(table(), "a table")]);
    if (!prose && isMarkup(head)) ways.push(markdown);
  }
  ways.push(["Text", () => [h("pre", { class: "wi-text" }, text)]]);
  // offered, though not the first choice
  if (ways.length === 1 && !PROSE.has(part.type) && value === undefined && !CALLS.has(part.type) && part.type !== "uri" && maybeMarkup(head)) ways.push(markdown);
  return ways;
}

/** @param {any} part @param {string} text @param {number} total @param {Around} how @returns {Way} */
function fileWay(part, text, total, how) {
  const from = dataStart(text), type = part.mime_type || /^data:([\w.+/-]*)/.exec(text)?.[1] || "";
  if (/^image\//.test(type) && !/svg/.test(type) && text) return ["Picture", () => [pictureBox(from, how, total - from)]];
  return ["File", () => [fileBox(type, from, total, how)]];
}

/** Arguments of which some are code, or an old and a new text. @param {any} value @returns {Way | undefined} */
function argumentsWay(value) {
  if (Array.isArray(value)) return undefined;
  const isText = (/** @type {string} */ name) => Object.hasOwn(value, name) && typeof value[name] === "string";
  const edit = EDITS.find((names) => names.every(isText)), code = Object.keys(value).filter((name) => isText(name) && CODE_NAMES.has(name) && !edit?.includes(name) && value[name].trim());
  if (!edit && !code.length) return undefined;
  const shown = () => {
    const rest = Object.entries(value).filter(([name]) => !code.includes(name) && !edit?.includes(name));
    const named = (/** @type {string} */ name, /** @type {Node} */ node) => [h("p", { class: "wi-key" }, name), node];
    return [...(rest.length ? [valueBox(Object.fromEntries(rest))] : []), ...code.flatMap((name) => named(name, codeBox(value[name]))),
      ...(edit ? named(edit.join(" → "), replacedBox(value[edit[0]], value[edit[1]])) : [])];
  };
  return [edit ? "Diff" : "Code", shown];
}

/** By the element that it is drawn in, what is known of a part's text.
 * @type {WeakMap<Element, { number: number, text(): string, isText(): boolean, asText(): void, more(): Promise<boolean> }>} */
const DRAWN = new WeakMap();

/** A part's text in the way that suits it; more comes when it is asked for.
 * @param {any} part with text, and n_chars if it is longer @param {Around} how @param {Node[]} title @returns {HTMLElement} */
export function partBox(part, how, title = []) {
  let { text } = part, length = [...text].length, total = part.n_chars ?? length, chosen = "", now = "", loading = false;
  const modes = h("div", { class: "wi-modes", role: "group", "aria-label": "Shown as" }), body = h("div", { class: "wi-body" }), pictures = h("div"), rest = h("button", { type: "button" });
  const box = h("div", { class: "wi-shown" }, h("div", { class: "wi-part-bar" }, ...title, modes), body, pictures), drawn = new Set();
  DRAWN.set(body, { number: how.number, text: () => text, isText: () => now === "Text", asText() { chosen = "Text"; draw(); }, more: async () => length < total && load() });
  /** @param {string} [added] what came since, if it only has to be added to what is drawn */
  function draw(added = "") {
    const ways = waysOf(part, text, total, length >= total, how), [name, make] = ways.find(([each]) => each === (chosen || (how.plain() ? "Text" : ""))) ?? ways[0];
    const last = body.lastElementChild, stays = added && name === now && last?.matches("pre.wi-text") && (name === "Text" || headOf(text).length <= text.length - added.length);
    now = name;
    const names = ways.length > 1 ? ways.map(([each]) => each) : [];
    if ([...modes.children].map((each) => each.textContent).join() !== names.join()) modes.replaceChildren(...names.map((each) => h("button", { type: "button", "data-way": each === "Text" ? "text" : "", onclick: () => { chosen = each; draw(); } }, each)));
    for (const button of modes.children) button.setAttribute("aria-pressed", String(button.textContent === name));
    if (stays) last.append(visible(added)); else body.replaceChildren(...make());
    settle();
  }
  function settle() {
    if (!isFile(part, text)) for (const from of picturesIn(text.slice(0, 1_000_000))) if (!drawn.has(from)) { drawn.add(from); pictures.append(pictureBox(from, how)); }
    rest.textContent = `Load more (${counted(total - length)} of ${counted(total)} characters left)`;
    how.drawn(box);
    if (length < total && now !== "Picture" && now !== "File") return rest.parentNode ? undefined : box.append(rest);
    if (rest === document.activeElement) rest.closest(".wi-detail")?.focus();
    rest.remove();
  }
  /** @returns {Promise<boolean>} whether anything came */
  async function load() {
    if (loading) return false; // a button that is disabled loses the focus
    loading = true;
    const reply = await how.more(length);
    loading = false;
    if (!reply.text) return false;
    [total, text, length] = [reply.n_chars, text + reply.text, length + [...reply.text].length];
    draw(reply.text);
    return true;
  }
  rest.addEventListener("click", load);
  draw();
  // half a JSON text is no tree
  if (length < total && total <= LONGEST_WHOLE && how.number < MOST_WHOLE && /^\s*[[{]/.test(text) && !isFile(part, text)) (async () => { while (length < total && await load() && box.isConnected); })();
  return box;
}

/** A text that is asked for when it is looked at. @param {(from: number) => Promise<any>} more @param {Around} how @returns {HTMLElement} */
export function askedBox(more, how) {
  const box = h("div", {}, h("p", { class: "wi-soft", role: "status" }, "…"));
  more(0).then((reply) => {
    if (typeof reply.text !== "string") return box.replaceChildren(h("p", {}, reply.reason ?? "This could not be read."));
    const told = reply.reason ? [h("p", { class: "wi-soft" }, reply.reason)] : [];
    box.replaceChildren(...told, partBox({ type: "source", role: "", text: reply.text, n_chars: reply.n_chars }, { ...how, more, plain: () => true }));
  });
  return box;
}

const MOST_MARKED = 500, LONGEST_SEARCHED = 4_000, MARKING_MS = 50;
/** What is searched for as an expression; undefined of one that could keep the page busy, or is none here.
 * @param {string} query @param {{ regex: boolean, exact: boolean }} how */
function soughtIn(query, { regex, exact }) {
  if (!query || (regex && /\)[*+{]/.test(query))) return undefined;
  try { return new RegExp(regex ? query : query.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), exact ? "gu" : "giu"); } catch { return undefined; }
}
/** @param {Element} root @returns {Text[]} */
function textsIn(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), nodes = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) nodes.push(/** @type {Text} */ (node));
  return nodes;
}
/** Mark what is searched for in what is shown. @param {Element} root @param {string} query @param {{ regex: boolean, exact: boolean }} how
 * @returns {boolean} whether it is there */
function markHits(root, query, how) {
  const sought = soughtIn(query, how), until = performance.now() + MARKING_MS;
  if (!sought) return false;
  let n = 0;
  for (const node of textsIn(root)) {
    if (node.parentElement?.closest("button, .wi-modes")) continue;
    const text = node.data, pieces = [];
    let at = 0;
    for (const { 0: found, index } of (how.regex ? text.slice(0, LONGEST_SEARCHED) : text).matchAll(sought)) {
      if (n >= MOST_MARKED || performance.now() > until) break;
      if (!found) continue;
      n++;
      pieces.push(text.slice(at, index), h("mark", { class: "wi-found-text" }, found));
      at = index + found.length;
    }
    if (pieces.length) node.replaceWith(...pieces, text.slice(at));
    if (n >= MOST_MARKED || performance.now() > until) break;
  }
  return n > 0;
}

/** Where a text holds another, also where it overlaps. @param {string} text @param {string} sought */
function placesIn(text, sought) {
  const found = [];
  for (let at = sought ? text.indexOf(sought) : -1; at >= 0; at = text.indexOf(sought, at + 1)) found.push(at);
  return found;
}
/** Characters as Python counts them, as JavaScript does. @param {string} text @param {number} points */
function unitsOf(text, points) {
  let at = 0;
  for (let n = 0; n < points && at < text.length; n++) at += /** @type {number} */ (text.codePointAt(at)) > 0xffff ? 2 : 1;
  return at;
}
/** Where words that people marked stand in what is shown; nothing where that is not certain.
 * @param {string} text as it was read @param {string} shown @param {boolean} isText @param {number} start @param {number} end @returns {[number, number] | undefined} */
function shownAt(text, shown, isText, start, end) {
  const from = unitsOf(text, start), to = unitsOf(text, end), quote = text.slice(from, to);
  if (from >= text.length) return undefined;
  if (isText) return [from, to];
  const all = placesIn(text, quote), unescaped = () => { try { return String(JSON.parse(`"${quote}"`)); } catch { return quote; } };
  for (const form of [visible(quote), unescaped()]) {
    const found = placesIn(shown, form), at = found.length === all.length ? found[all.indexOf(from)] : found.length === 1 ? found[0] : -1;
    if (at >= 0) return [at, at + form.length];
  }
  return undefined;
}
/** Mark what people marked in a text. @param {Element} body @param {any[]} notes */
function markNotes(body, notes) {
  const drawn = DRAWN.get(body), own = notes.filter((each) => each.range[1] === drawn?.number);
  if (!drawn || !own.length) return;
  const nodes = textsIn(body), shown = nodes.map((node) => node.data).join("");
  const ranges = own.flatMap(({ range: [name, , start, end, nth] }) => { const at = shownAt(drawn.text(), shown, drawn.isText(), start, end); return at ? [{ name, nth, from: at[0], to: at[1] }] : []; });
  const edges = ranges.flatMap(({ from, to }) => [from, to]).sort((one, two) => one - two);
  let at = 0;
  for (const node of nodes) {
    const { data } = node, cuts = [at, ...new Set(edges.filter((each) => each > at && each < at + data.length)), at + data.length], start = at;
    const pieces = cuts.slice(1).map((to, nth) => {
      const piece = data.slice(cuts[nth] - start, to - start), over = ranges.filter((each) => each.from < to && each.to > cuts[nth]);
      return over.length ? h("mark", { class: `wi-noted${over.length > 1 ? " wi-noted-more" : ""}`, "data-names": over.map((each) => each.name).join(" "), "data-nth": over.filter((each) => each.from === cuts[nth]).map((each) => each.nth).join(" ") }, piece) : piece;
    });
    at += data.length;
    if (pieces.some((each) => typeof each !== "string")) node.replaceWith(...pieces);
  }
}
/** Bring what people marked into sight, as text if need be. @param {Element} root @param {any[]} range @returns {Promise<boolean>} whether it is there */
export async function bringNote(root, [name, number]) {
  const drawn = DRAWN.get(/** @type {Element} */ (root.querySelector(`.wi-part[data-part="${number}"] .wi-body`))), marks = () => [...root.querySelectorAll(`mark[data-names~="${name}"]`)];
  if (drawn && !marks().length) drawn.asText();
  while (drawn && !marks().length && await drawn.more());
  for (const each of root.querySelectorAll(".wi-noted-here")) each.classList.remove("wi-noted-here");
  for (const each of marks()) each.classList.add("wi-noted-here");
  marks()[0]?.scrollIntoView({ block: "nearest" });
  return marks().length > 0;
}

/** After something was drawn: mark what is searched for, and what people marked, and let the keyboard reach what scrolls.
 * @param {Element} root @param {{ query: string, how: { regex: boolean, exact: boolean }, notes: any[], at: number }} state @returns {boolean} whether what is searched for is there */
export function settleShown(root, { query, how, notes, at }) {
  for (const mark of root.querySelectorAll("mark:is(.wi-found-text, .wi-noted)")) { const { parentNode } = mark; mark.replaceWith(...mark.childNodes); parentNode?.normalize(); }
  const here = notes.filter((each) => each.range && each.step === at), marked = [...(root.matches(".wi-body") ? [root] : root.querySelectorAll(".wi-body, .wi-error"))].map((each) => {
    const found = markHits(each, query, how);
    markNotes(each, here);
    return found;
  });
  reachable(root);
  return marked.includes(true);
}
