// @ts-check
/* One rater's sitting. Python owns what is stored; this module owns the moment: an answer shows at
   once, is held by the browser until Python says that it is stored, and is sent again until then.

   In this order: the state (pure), texts (pure), elements, the controls of the questions, the panel
   around them, the sitting (connection, storage, clock), and the two ways in: `mount`, `render`. */

/**
 * @typedef {{ op_id: string, view_id?: string, n: number, kind: string, item: string,
 *   question?: string, target?: string, value?: any, undoes?: string, reason?: string,
 *   text?: string, client_time?: string, shown_at?: string, visible_s?: number }} Act
 * @typedef {{ act: Act, since: number, tries: number, due: number }} Held
 * @typedef {{ item: string, status: string, purpose: string }} Entry
 * @typedef {{ type: string, [part: string]: any }} News what happened: a message, or the rater
 * @typedef {{ question: any, target: string }} Asked
 * @typedef {{ send(message: object): void, onMessage(fn: (message: any) => void): void,
 *   onOpen(fn: () => void): void, onClose(fn: () => void): void }} Transport
 * @typedef {{ node: HTMLElement, keys: string[], press(key: string): boolean, focus(): void,
 *   done(): boolean, required: boolean, steady: boolean }} Group what keys go to; the focus moves on from it
 *   once it is done, unless it is steady
 * @typedef {{ node: HTMLElement, groups: Group[], refresh(): void }} Control
 * @typedef {{ question: any, target: string, texts: any, value(): any, pending(): boolean, refused(): boolean,
 *   set(value: any, delay?: number): void, changed(): void, signal: AbortSignal }} Ask
 */

// ---------------------------------------------------------------------------------- the state

/** How long an act may be without an acknowledgement before that is said, and it is sent again. */
const PATIENCE = 3000;
/** After so many times that the other side is taken for gone. */
const SILENCE = 4;
/** At most so many acts are sent in one go: servers limit what comes at once. */
const BATCH = 50;

/** @param {string} viewId @param {number} patience milliseconds */
export const initial = (viewId = "", patience = PATIENCE) => ({
  viewId, patience, now: 0,
  /** a state came, ever; and since the connection was opened last */
  known: false, ready: false, connected: true, ended: "",
  store: "", rater: "", task: /** @type {any} */ (null), pool: false,
  items: /** @type {Entry[]} */ ([]), contents: /** @type {Record<string, any>} */ ({}),
  /** the acts that stood when the state was sent, and those seen since */
  base: /** @type {Act[]} */ ([]), acts: /** @type {Act[]} */ ([]), held: /** @type {Held[]} */ ([]),
  n: 0, at: 0, saved: 0, views: 1, tabs: /** @type {string[]} */ ([]),
  notice: "", refusal: "", failure: "", keeps: true,
  feedback: /** @type {Record<string, { right: boolean, text: string }>} */ ({}),
});
/** @typedef {ReturnType<typeof initial>} State */

/** @param {State} s @param {Act[]} acts those that are not known yet */
const unknown = (s, acts) => acts.filter((act) => !s.acts.some((each) => each.op_id === act.op_id));
/** @param {State} s @param {Act[]} acts */
const largest = (s, acts) => acts.reduce((n, act) => Math.max(n, act.n), s.n);
/** @param {Act} act @param {number} now @returns {Held} */
const holding = (act, now) => ({ act, since: now, tries: 0, due: 0 });
/** @param {State} s @param {string} opId */
const without = (s, opId) => s.held.filter((each) => each.act.op_id !== opId);

/** By what happens, the state after it.
 * @type {Record<string, (s: State, e: any) => State>} */
const AFTER = {
  open: (s) => ({ ...s, ready: false, connected: true }),
  shut: (s) => ({ ...s, ready: false, connected: false }),
  tick: (s) => s,
  state(s, e) {
    // Another store, or another rater, must never get what this one did not acknowledge.
    const same = s.known && e.store === s.store && e.rater === s.rater;
    const held = !same ? [] : s.ready ? s.held : s.held.map((each) => ({ ...each, due: 0 }));
    const open = new Set(held.map((each) => each.act.op_id));
    // the rater stays at the item, or at the end, where what a pool gives comes next
    const here = !same ? -1 : s.at === s.items.length ? Math.min(s.at, e.items.length)
      : e.items.findIndex((each) => each.item === s.items[s.at].item);
    return {
      ...s, known: true, ready: true, connected: true, ended: "", failure: "", held,
      store: e.store, rater: e.rater, task: e.task, pool: Boolean(e.pool), items: e.items,
      contents: { ...(same ? s.contents : {}), ...e.contents }, base: e.answers,
      acts: same ? s.acts.filter((act) => act.kind === "undo" || open.has(act.op_id) || act.n > e.n) : [],
      n: Math.max(e.n, same ? s.n : 0), at: here < 0 ? e.position : here,
      saved: Math.max(e.saved, same ? s.saved : 0), views: e.views ?? 1, notice: e.notice ?? "",
      feedback: same ? s.feedback : {},
    };
  },
  /** acts that an earlier page, or another tab, left in the browser's storage */
  found(s, e) {
    const acts = unknown(s, e.acts);
    const next = { ...s, acts: [...s.acts, ...acts], n: largest(s, acts),
      held: [...s.held, ...acts.map((act) => holding(act, s.now))] };
    return acts.length ? { ...next, at: e.first ? firstOpen(next) : next.at } : s;
  },
  act: (s, e) => ({
    ...s, acts: [...s.acts, e.act], held: [...s.held, holding(e.act, s.now)], n: largest(s, [e.act]),
    refusal: "",
  }),
  /** what another tab did */
  elsewhere(s, e) {
    const acts = unknown(s, [e.act]);
    return { ...s, acts: [...s.acts, ...acts], n: largest(s, acts) };
  },
  /** how much another tab knows to be saved */
  counted: (s, e) => ({ ...s, saved: Math.max(s.saved, e.saved) }),
  /** what another tab was refused */
  dropped: (s, e) => ({
    ...s, held: without(s, e.op_id), acts: s.acts.filter((act) => act.op_id !== e.op_id),
  }),
  tab: (s, e) => ({
    ...s, tabs: [...s.tabs.filter((each) => each !== e.view_id), ...(e.here ? [e.view_id] : [])],
  }),
  sent: (s, e) => ({
    ...s,
    held: s.held.map((each) => !e.op_ids.includes(each.act.op_id) ? each
      : { ...each, tries: each.tries + 1, due: s.now + s.patience * 2 ** Math.min(each.tries, 3) }),
  }),
  saved(s, e) {
    const held = without(s, e.op_id);
    const more = (e.more ?? []).filter((each) => !s.items.some((old) => old.item === each.item));
    const items = s.items.map((each) => each.item === e.item ? { ...each, status: e.status } : each);
    return {
      ...s, held, connected: true, saved: Math.max(s.saved, e.saved), items: [...items, ...more],
      contents: { ...s.contents, ...e.contents }, failure: held.length ? s.failure : "",
      feedback: e.feedback ? { ...s.feedback, [e.item]: e.feedback } : s.feedback,
    };
  },
  refused(s, e) {
    const ours = !e.op_id || s.held.some((each) => each.act.op_id === e.op_id);
    return { ...AFTER.dropped(s, e), connected: true, refusal: ours ? String(e.reason) : s.refusal };
  },
  failed: (s, e) => ({ ...s, connected: true, failure: String(e.reason) }),
  contents: (s, e) => ({ ...s, contents: { ...s.contents, ...e.contents } }),
  views: (s, e) => ({ ...s, views: e.views, notice: e.views > 1 ? s.notice : "" }),
  closed: (s, e) => ({ ...s, ready: false, ended: String(e.reason || "This session has ended.") }),
  forgetful: (s) => ({ ...s, keeps: false }),
  go: (s, e) => ({ ...s, at: Math.max(0, Math.min(e.at, s.items.length)), refusal: "" }),
};
/** What may come from Python. */
const MESSAGES = new Set(["state", "saved", "refused", "failed", "contents", "views", "closed"]);

/** The state after something happened; never changes the one before.
 * @param {State} state @param {News} event @returns {State} */
export function reduce(state, event) {
  const after = Object.hasOwn(AFTER, event.type) ? AFTER[event.type] : null;
  return after ? after({ ...state, now: event.now ?? state.now }, event) : state;
}

/** @param {string} kind @param {string} item @param {string} question @param {string} target */
const slot = (kind, item, question = "", target = "") => JSON.stringify([kind, item, question, target]);

/** @param {Act} a @param {Act} b whether `a` was done after `b`, in whatever order they arrived */
const later = (a, b) => a.n !== b.n ? a.n > b.n
  : (a.client_time ?? "") !== (b.client_time ?? "") ? (a.client_time ?? "") > (b.client_time ?? "")
  : a.op_id > b.op_id;

/** The acts that stand: the last of each kind, what was undone left out.
 * @param {State} state @returns {Map<string, Act>} */
export function current(state) {
  const undone = new Set(state.acts.map((act) => act.undoes));
  const found = new Map();
  for (const act of [...state.base, ...state.acts]) {
    if (act.kind === "undo" || undone.has(act.op_id)) continue;
    const key = slot(act.kind, act.item, act.question, act.target);
    if (!found.has(key) || later(act, found.get(key))) found.set(key, act);
  }
  return found;
}

/** What is asked about an item: comparative questions once, others for each output.
 * @param {any} task @param {any} content @returns {Asked[]} */
export const asked = (task, content) => task.questions.flatMap((question) =>
  (question.comparative ? [""] : content.outputs.map((output) => output.letter))
    .map((target) => ({ question, target })));

/** @param {State} state @param {Entry} entry @param {Map<string, Act>} acts */
export function statusOf(state, entry, acts = current(state)) {
  const content = state.contents[entry.item];
  if (!content) return entry.status;
  const answers = asked(state.task, content).map(({ question, target }) =>
    ({ question, act: acts.get(slot("answer", entry.item, question.name, target)) }));
  const skip = acts.get(slot("skip", entry.item));
  if (skip && !answers.some(({ act }) => act && later(act, skip))) return "skipped";
  return answers.every(({ question, act }) => act || !question.required) ? "answered" : "open";
}

/** @param {State} state the place of the first item that is not done, or the end */
export function firstOpen(state) {
  const acts = current(state);
  const at = state.items.findIndex((entry) => statusOf(state, entry, acts) === "open");
  return at < 0 ? state.items.length : at;
}

/** @param {State} s how long the oldest act has waited, in milliseconds */
const waiting = (s) => s.held.reduce((most, each) => Math.max(most, s.now - each.since), 0);
/** @param {number} n @param {string} word */
const counted = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** How much is saved, in words. @param {State} s */
export function saying(s) {
  const late = s.held.length > 0 && waiting(s) >= s.patience;
  return { late, text: `saved ${s.saved} of ${s.saved + s.held.length}${late ? " · not saved yet" : ""}` };
}

/** What the rater must know now, most pressing first.
 * @param {State} s @param {boolean} page whether this is a page of its own, or in a notebook */
export function notices(s, page = false) {
  const held = `This browser holds ${counted(s.held.length, "act")} that ${s.held.length === 1 ? "is" : "are"} not saved yet`;
  const again = page
    ? "It goes on by itself when the server is back; you can also close this page and open your link again later, in this browser."
    : "To go on, run this cell again, after restarting the kernel if need be; if that does not help, reload the page.";
  const gone = !s.connected || waiting(s) >= SILENCE * s.patience;
  const found = [];
  if (s.ended) found.push(`${s.ended} ${s.held.length ? `${held}.` : "Everything is saved."}`);
  else if (gone && !s.failure) {
    const kept = s.held.length ? `${held}${s.keeps ? ", and keeps them" : ""}.` : "Nothing is lost: all you did is saved.";
    found.push(`The connection to the ${page ? "server" : "kernel"} is gone. ${kept} ${again}`);
  } else if (s.failure) found.push(`Not saved yet: ${s.failure}`);
  if (!s.keeps) {
    found.push("This browser's storage is full or forbidden, so answers that are not saved yet are lost when this page "
      + "is closed: keep it open until all is saved.");
  }
  if (s.refusal) found.push(`This was not accepted: ${s.refusal}`);
  const twice = "This session is open in more than one place. That is safe: all show and save the same work.";
  if (s.notice || s.views > 1 || s.tabs.length) found.push(s.notice || twice);
  return found;
}

// --------------------------------------------------------------------------------------- texts

/** How many code points stand before a place counted in UTF-16 units.
 * @param {string} text @param {number} units */
export function toPoints(text, units) {
  let points = 0;
  for (let at = 0; at < Math.min(units, text.length); points += 1) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return points;
}

/** The place in UTF-16 units after so many code points.
 * @param {string} text @param {number} points */
export function toUnits(text, points) {
  let units = 0;
  for (let done = 0; done < points && units < text.length; done += 1) {
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  }
  return units;
}

const COMMANDS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]|\r(?!\n)/gu;
const TAGS = /(\u{1f3f4})?[\u{e0000}-\u{e007f}]+/gu;
/** Show what commands: controls, bidirectional ones, halves of characters, and hidden tags become
 * visible marks of the same length, so that places in the text stay what they are.
 * @param {string} text */
export const visible = (text) => text
  .replace(TAGS, (tags, flag) => flag ? tags : "\u{1f3f7}".repeat(tags.length / 2))
  .replace(COMMANDS, (mark) => mark < " " ? String.fromCharCode(0x2400 + mark.charCodeAt(0)) : "\ufffd");

/** Ranks without gaps. @param {Record<string, number>} ranks */
export function dense(ranks) {
  const used = [...new Set(Object.values(ranks))].sort((a, b) => a - b);
  return Object.fromEntries(Object.entries(ranks).map(([letter, rank]) => [letter, used.indexOf(rank) + 1]));
}

const WORDS = /\s+|[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}])[\p{L}\p{N}\p{M}_])+|./gsu;
/** More than this many pairs of words are not compared. */
const PAIRS = 4_000_000;

/** The words of two texts by a longest common subsequence: "same", "less" (only in the first) and
 * "more" (only in the second); null when the texts are too long to compare.
 * @param {string} one @param {string} two @returns {[string, string][] | null} */
export function wordDiff(one, two) {
  const a = one.match(WORDS) ?? [], b = two.match(WORDS) ?? [];
  let head = 0, tail = 0;
  while (head < Math.min(a.length, b.length) && a[head] === b[head]) head += 1;
  while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const left = a.slice(head, a.length - tail), right = b.slice(head, b.length - tail);
  if (left.length * right.length > PAIRS) return null;
  const steps = [["same", a.slice(0, head).join("")], ...common(left, right), ["same", a.slice(a.length - tail).join("")]];
  /** @type {[string, string][]} */
  const merged = [];
  for (const [how, words] of steps) {
    if (merged.length && merged[merged.length - 1][0] === how) merged[merged.length - 1][1] += words;
    else if (words) merged.push([how, words]);
  }
  return merged;
}

/** @param {string[]} a @param {string[]} b @returns {[string, string][]} word by word */
function common(a, b) {
  const width = b.length + 1;
  // a space fits anywhere, and must not be kept at the cost of a word
  const worth = a.map((each) => /[\p{L}\p{N}]/u.test(each) ? 3 : 1);
  // the worth of the best common subsequence of a[i:] and b[j:]; at most 3 · 2,000 by PAIRS
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1] + worth[i]
        : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  /** @type {[string, string][]} */
  const steps = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    const how = i < a.length && j < b.length && a[i] === b[j] ? "same"
      : j >= b.length || (i < a.length && table[(i + 1) * width + j] >= table[i * width + j + 1]) ? "less" : "more";
    steps.push([how, how === "more" ? b[j] : a[i]]);
    if (how !== "more") i += 1;
    if (how !== "less") j += 1;
  }
  return steps;
}

/** Cut a text at every end of a span; each piece says which spans cover it.
 * @param {number} length @param {{ start: number, end: number }[]} spans */
export function pieces(length, spans) {
  const cuts = [...new Set([0, length, ...spans.flatMap((span) => [span.start, span.end])])]
    .filter((at) => at >= 0 && at <= length).sort((a, b) => a - b);
  return cuts.slice(1).map((end, at) => ({
    start: cuts[at], end,
    covering: spans.flatMap((span, which) => span.start <= cuts[at] && span.end >= end ? [which] : []),
  }));
}

// ------------------------------------------------------------------------------------ elements

let serial = 0;
/** Each panel of a notebook is a module of its own, and their groups of radio buttons must not be one. */
const OWN = uuid().slice(0, 8);

/** Make an element. Strings become text nodes, so nothing that anybody wrote is ever read as HTML.
 * @param {string} tag @param {Record<string, any>} parts attributes; functions listen; null is left out
 * @param {...any} children @returns {any} */
function h(tag, parts = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part === "function") node.addEventListener(name.slice(2), part);
    else if (part !== null && part !== undefined && part !== false) node.setAttribute(name, part === true ? "" : String(part));
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** @param {string} key a key, as it is shown on what it presses */
const kbd = (key) => key ? h("kbd", { "aria-hidden": "true" }, key) : null;
/** A button that shows its key.
 * @param {string} words @param {string} key @param {() => any} act @param {Record<string, any>} more attributes */
const button = (words, key, act, more = {}) => h("button", {
  type: "button", class: "wr-button", "aria-keyshortcuts": ({ "↵": "Enter", "⌫": "Backspace", "": null })[key] ?? (key || null),
  onclick: act, ...more,
}, words, key ? " " : null, kbd(key));
/** @param {string} text read, not seen */
const unseen = (text) => h("span", { class: "wr-unseen" }, text);
/** @param {any} node @param {string} text only if it is another, so that it is announced once */
function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
/** @param {any} node @param {boolean} shown */
const show = (node, shown) => { node.hidden = !shown; };

const TAGS_SHOWN = new Set("p ul ol li strong em code pre blockquote table thead tbody tr th td br hr del".split(" "));
/** Build Markdown from its tree; what is not known is its text. Headings are paragraphs here, or a
 * text could change the outline of the page.
 * @param {any[]} tree @param {number} depth @returns {any[]} */
function markdown(tree, depth = 0) {
  return tree.map((node) => {
    if (!Array.isArray(node) || depth > 80) return visible(String(node));
    const [tag, children] = node, inner = markdown(children ?? [], depth + 1);
    if (/^h[1-4]$/.test(tag)) return h("p", { class: `wr-heading wr-${tag}` }, inner);
    if (!TAGS_SHOWN.has(tag)) return inner;
    if (tag === "br" || tag === "hr") return h(tag);
    return h(tag, tag === "pre" ? { tabindex: "0" } : {}, inner);
  });
}

/** Fold a long text, with a button that shows all of it.
 * @param {any} node @param {string} text @param {string} name */
function folded(node, text, name) {
  if (text.length < 2_500 && text.split("\n", 42).length < 42) return node;
  const size = `${text.length.toLocaleString("en")} characters`;
  const button = h("button", { type: "button", class: "wr-more", "aria-expanded": "false", onclick: () => {
    const open = !node.classList.toggle("wr-folded");
    button.setAttribute("aria-expanded", String(open));
    words.textContent = open ? "Show less" : `Show all ${size}`;
  } });
  const words = h("span", {}, `Show all ${size}`);
  button.append(words, unseen(` of ${name}`));
  node.classList.add("wr-folded");
  return h("div", {}, node, button);
}

/** @param {[string, string][]} diff @param {string} side what is only on this side is marked */
const marked = (diff, side) => diff.filter(([how]) => how === "same" || how === side).flatMap(([how, words]) => {
  // the space after a word is no difference that anybody looks for
  const end = words.trimEnd().length || words.length;
  return how === "same" ? visible(words) : [h("mark", { class: "wr-only" }, visible(words.slice(0, end))), words.slice(end)];
});

/** A text that is shown: plain, code, or Markdown from its tree.
 * @param {any} task @param {string} text @param {string} name
 * @param {{ tree?: any[], pieces?: any[] }} more its Markdown, or its text in pieces */
function shownText(task, text, name, { tree, pieces: parts } = {}) {
  const code = task.format === "code";
  const node = h(code ? "pre" : "div", { class: `wr-text${tree ? " wr-markdown" : ""}`, dir: code ? "ltr" : task.direction ?? "auto",
    tabindex: code ? "0" : null, role: code ? "group" : null, "aria-label": code ? name : null },
  tree ? markdown(tree) : parts ?? visible(text));
  if (!text) node.append(h("em", { class: "wr-soft" }, "(empty)"));
  return folded(node, text, name);
}

// -------------------------------------------------------------------- controls of the questions

/** @param {any} node @param {Partial<Group>} parts @returns {Group} */
const group = (node, parts) => ({
  node, keys: [], press: () => false, focus: () => node.focus({ preventScroll: true }), done: () => true,
  required: true, steady: false, ...parts,
});

/** One of some, as radio buttons, or some of them, as boxes to tick.
 * @param {{ options: { label: string, value: any, key?: string, note?: string }[], legend?: string,
 *   boxes?: boolean, chosen(value: any): boolean, choose(value: any): void, required?: boolean,
 *   done(): boolean, column?: boolean }} parts */
function choice({ options, legend, boxes, chosen, choose, done, required, column }) {
  const name = `wr-${OWN}-${serial += 1}`;
  const inputs = options.map(({ value, key }) => h("input", {
    type: boxes ? "checkbox" : "radio", name, "aria-keyshortcuts": key, onchange: () => choose(value),
  }));
  const labels = options.map(({ label, note, key }, at) => h("label", { class: "wr-option" }, inputs[at],
    h("bdi", {}, visible(label)), note && h("small", {}, h("bdi", {}, visible(note))), kbd(key ?? "")));
  const row = h("div", { class: `wr-options${column ? " wr-list" : ""}` }, labels);
  const node = legend ? h("fieldset", { class: "wr-part" }, h("legend", {}, legend), row) : row;
  const press = (key) => {
    const at = options.findIndex((each) => each.key?.toLowerCase() === key);
    if (at < 0 || inputs[at].matches(":disabled")) return false;
    inputs[at].focus();
    choose(options[at].value);
    return true;
  };
  const refresh = () => inputs.forEach((input, at) => { input.checked = chosen(options[at].value); });
  refresh();
  return { node, refresh, inputs, group: group(node, {
    press, done, required, steady: boxes, keys: options.map((each) => each.key ?? ""),
    focus: () => (inputs.find((input) => input.checked) ?? inputs[0]).focus({ preventScroll: true }),
  }) };
}

/** @param {number} at the key of the option at this place */
const digit = (at) => at < 9 ? String(at + 1) : "";

/** @param {any} question @returns {number[]} */
const values = (question) => Array.from({ length: Math.round((question.high - question.low) / question.step) + 1 },
  (_, at) => Number((question.low + at * question.step).toFixed(6)));

/** @param {Ask} ask @returns {Control} */
function scale(ask) {
  const { question } = ask, all = values(question), labels = question.labels ?? {};
  const digits = all.every((value) => Number.isInteger(value) && value >= 0 && value <= 10);
  const key = (value, at) =>
    !digits ? digit(at) : value < 10 ? String(value) : all[0] > 0 ? "0" : "";
  const made = choice({
    options: all.map((value, at) => ({ label: String(value), value, key: key(value, at), note: labels[String(value)] })),
    chosen: (value) => ask.value() === value, choose: (value) => ask.set(value),
    done: () => ask.value() !== undefined, required: question.required,
  });
  made.node.classList.toggle("wr-scale", Object.keys(labels).length > 0);
  return { node: made.node, groups: [made.group], refresh: made.refresh };
}

/** @param {Ask} ask @returns {Control} a slider, with a box for the number; unset until it is moved */
function slider(ask) {
  const { question } = ask, { low, high, step } = question;
  const limits = { min: low, max: high, step };
  const typed = () => set(box.value === "" ? null : Number(box.value), 800);
  const range = h("input", { type: "range", ...limits, "aria-label": "Slider", onclick: () => set(Number(range.value), 0),
    oninput: () => set(Number(range.value), 400),
    onkeyup: (event) => /^(Arrow|Home|End|Page)/.test(event.key) && set(Number(range.value), 400) });
  const box = h("input", {
    type: "number", ...limits, inputmode: "decimal", placeholder: "–", "aria-label": `Number from ${low} to ${high}`, oninput: typed,
  });
  const problem = h("span", { class: "wr-problem", role: "alert" });
  let draft = false;
  const set = (value, delay) => {
    const steps = (value - low) / step;
    const right = value !== null && value >= low && value <= high && Math.abs(steps - Math.round(steps)) < 1e-6;
    draft = !right;
    tell(problem, right || value === null ? "" : `A number from ${low} to ${high}${step === 1 ? "" : ` in steps of ${step}`}, please.`);
    if (!right) ask.set(undefined);
    else if (value !== ask.value() || ask.pending()) ask.set(value, delay);
    draw(right ? value : undefined, value);
  };
  const draw = (value, text) => {
    range.classList.toggle("wr-unset", value === undefined);
    range.setAttribute("aria-valuetext", value === undefined ? "not set" : String(value));
    if (value !== undefined || text === null) range.value = String(value ?? low);
    if (document.activeElement !== box) box.value = value === undefined ? "" : String(value);
  };
  const anchors = Object.entries(question.labels ?? {}).map(([value, text]) => [Number(value), String(text)])
    .sort((a, b) => Number(a[0]) - Number(b[0]));
  const node = h("div", { class: "wr-slider" }, h("div", { class: "wr-track" }, range, box, kbd("0–9")), problem,
    h("ul", { class: "wr-anchors" },
      anchors.map(([value, text]) => h("li", {}, h("b", {}, String(value)), " ", h("bdi", {}, visible(String(text)))))));
  const digits = "0123456789".split("");
  const press = (key) => {
    // the box has the focus before the browser types the digit
    if (digits.includes(key)) { box.value = ""; box.focus(); }
    return false;
  };
  const refresh = () => { if (!draft) draw(ask.value(), null); };
  refresh();
  return { node, refresh, groups: [group(node, {
    press, keys: digits, done: () => !draft && ask.value() !== undefined, required: question.required,
    focus: () => range.focus({ preventScroll: true }),
  })] };
}

/** @param {Ask} ask @returns {Control} */
function preference(ask) {
  const { question } = ask;
  const words = question.strength === 2 ? ["slightly", "much"] : question.strength === 3 ? ["slightly", "clearly", "much"] : [];
  /** @type {any} a choice whose strength is still to come */
  let draft = null;
  const now = () => draft ?? ask.value() ?? {};
  const settle = (value) => {
    const letter = value.choice === "A" || value.choice === "B";
    const whole = letter && question.strength === 1 ? { ...value, strength: 1 } : letter ? value : { choice: value.choice };
    draft = letter && !whole.strength ? value : null;
    draft ? ask.changed() : ask.set(whole);
    refresh();
  };
  const done = () => draft === null && ask.value() !== undefined;
  const sides = choice({
    options: [{ label: "A is better", value: "A", key: "A" }, ...(question.tie ? [{ label: "Tie", value: "tie", key: "T" }] : []),
      ...(question.both_bad ? [{ label: "Both bad", value: "both bad", key: "X" }] : []), { label: "B is better", value: "B", key: "B" }],
    chosen: (value) => now().choice === value, choose: (value) => settle({ ...now(), choice: value }),
    done: () => now().choice !== undefined, required: question.required,
  });
  const degrees = choice({
    legend: "How much better?",
    options: Array.from({ length: question.strength }, (_, at) => ({ label: words[at] ?? String(at + 1), value: at + 1, key: digit(at) })),
    chosen: (value) => now().strength === value, choose: (value) => settle({ ...now(), strength: value }),
    done, required: question.required,
  });
  const refresh = () => {
    degrees.node.disabled = !["A", "B"].includes(now().choice);
    sides.refresh();
    degrees.refresh();
  };
  const parts = question.strength > 1 ? [sides, degrees] : [sides];
  refresh();
  return { node: h("div", {}, parts.map((part) => part.node)), groups: parts.map((part) => part.group), refresh };
}

/** @param {Ask} ask @returns {Control} */
function ranking(ask) {
  const letters = Object.keys(ask.texts), { question } = ask;
  /** @type {Record<string, number>} the ranks as the rater put them, perhaps with gaps */
  let raw = {};
  const same = () => JSON.stringify(sorted(dense(raw))) === JSON.stringify(sorted(ask.value() ?? {}));
  const sorted = (ranks) => letters.map((letter) => ranks[letter]);
  const full = () => letters.every((letter) => raw[letter]);
  const place = (letter, rank) => {
    const other = question.ties ? undefined : letters.find((each) => each !== letter && raw[each] === rank);
    if (other && raw[letter]) raw[other] = raw[letter];
    else if (other) delete raw[other];
    raw = { ...raw, [letter]: rank };
    full() ? ask.set(dense(raw)) : ask.changed();
    refresh();
  };
  const rows = letters.map((letter) => choice({
    legend: `Output ${letter}`,
    options: letters.map((_, at) => ({ label: ["1st", "2nd", "3rd"][at] ?? `${at + 1}th`, value: at + 1, key: digit(at) })),
    chosen: (rank) => raw[letter] === rank, choose: (rank) => place(letter, rank),
    done: () => raw[letter] !== undefined, required: question.required,
  }));
  const order = h("p", { class: "wr-soft", role: "status" });
  const refresh = () => {
    if ((full() || ask.value()) && !ask.pending() && !same()) raw = { ...(ask.value() ?? {}) };
    rows.forEach((row) => row.refresh());
    const ranks = dense(raw), used = [...new Set(Object.values(ranks))].sort((a, b) => a - b);
    const tied = used.map((rank) => letters.filter((letter) => ranks[letter] === rank).join(" = "));
    tell(order, full() ? `Best first: ${tied.join(", then ")}` : "");
  };
  refresh();
  return { node: h("div", { class: "wr-rows" }, rows.map((row) => row.node), order), groups: rows.map((row) => row.group), refresh };
}

/** @param {Ask} ask @returns {Control} */
function bestWorst(ask) {
  const letters = Object.keys(ask.texts);
  /** @type {Record<string, string>} */
  let draft = {};
  const now = () => ({ ...ask.value(), ...draft });
  const choose = (end, letter) => {
    const other = end === "best" ? "worst" : "best", before = now();
    const after = { ...before, [end]: letter };
    // the same output cannot be both: they change places
    if (after[other] === letter) after[other] = before[end];
    draft = after;
    if (after.best && after.worst) { draft = {}; ask.set({ best: after.best, worst: after.worst }); } else ask.changed();
    refresh();
  };
  const ends = ["best", "worst"].map((end) => choice({
    legend: end === "best" ? "The best" : "The worst",
    options: letters.map((letter, at) => ({ label: letter, value: letter, key: digit(at) })),
    chosen: (letter) => now()[end] === letter, choose: (letter) => choose(end, letter),
    done: () => now()[end] !== undefined, required: ask.question.required,
  }));
  const refresh = () => ends.forEach((end) => end.refresh());
  return { node: h("div", { class: "wr-rows" }, ends.map((end) => end.node)), groups: ends.map((end) => end.group), refresh };
}

/** @param {Ask} ask @returns {Control} */
function labels(ask) {
  const { options, several, required } = ask.question;
  const choose = (option) => {
    const before = ask.value() ?? [];
    if (!several) ask.set(option);
    else if (option === null) ask.set([]);
    else ask.set(options.filter((each) => before.includes(each) !== (each === option)));
  };
  const chosen = (option) => !several ? ask.value() === option
    : option === null ? ask.value()?.length === 0 : Boolean(ask.value()?.includes(option));
  const made = choice({
    options: [...options.map((label, at) => ({ label, value: label, key: digit(at) })),
      ...(several ? [{ label: "None of these", value: null, key: "0" }] : [])],
    boxes: several, chosen, required, done: () => ask.value() !== undefined, column: true,
    choose: (option) => { choose(option); made.refresh(); },
  });
  return { node: made.node, groups: [made.group], refresh: made.refresh };
}

/** A box of text whose words are never taken away: what is typed stays until it is the answer.
 * @param {Ask} ask @param {string} first what stands in it before there is an answer
 * @param {(text: string) => boolean} fit @param {Record<string, any>} parts */
function textBox(ask, first, fit, parts) {
  let dirty = false;
  const box = h("textarea", { dir: "auto", ...parts, oninput: () => {
    dirty = true;
    const text = box.value.replace(/[\ud800-\udfff]/gu, "\ufffd");
    ask.set(fit(text) ? text : undefined, 1500);
  } });
  const refresh = () => {
    const now = ask.value() ?? first;
    if (now === box.value) dirty = false;
    else if (ask.refused()) dirty = true;
    else if (!dirty) box.value = now;
  };
  refresh();
  return { box, refresh, done: () => ask.value() !== undefined && fit(box.value) };
}

/** @param {Ask} ask @returns {Control} */
function text(ask) {
  const { required, longest, lines } = ask.question;
  const made = textBox(ask, "", (words) => !required || words.trim() !== "", {
    rows: lines, maxlength: longest, "aria-label": ask.question.text || ask.question.name,
  });
  return { node: made.box, refresh: made.refresh, groups: [group(made.box, { done: made.done, required })] };
}

/** @param {Ask} ask @returns {Control} */
function correction(ask) {
  const first = Object.values(ask.texts)[0] ?? "";
  const rows = Math.min(14, Math.max(3, Math.ceil(first.length / 60)));
  const made = textBox(ask, first, () => true, { rows, "aria-label": "The text, to be corrected" });
  const as = button("The text is right as it is", "", () => ask.set(first));
  const changes = h("p", { class: "wr-changes", dir: "auto" });
  const draw = () => {
    const now = made.box.value, diff = now === first ? [] : wordDiff(first, now) ?? [];
    drawn = now;
    changes.replaceChildren(...diff.map(([how, words]) => how === "same" ? visible(words)
      : how === "less" ? h("del", {}, unseen(" removed: "), visible(words)) : h("ins", {}, unseen(" added: "), visible(words))));
    if (diff.length) changes.prepend(h("b", {}, "Your changes: "));
    show(changes, diff.length > 0);
  };
  let drawn = "", soon = 0;
  made.box.addEventListener("input", () => { clearTimeout(soon); soon = window.setTimeout(refresh, 150); });
  const refresh = () => {
    made.refresh();
    show(as, ask.value() === undefined && made.box.value === first);
    if (drawn !== made.box.value) draw();
  };
  drawn = first;
  show(changes, false);
  refresh();
  const groups = [group(made.box, { done: made.done, required: ask.question.required })];
  return { node: h("div", {}, made.box, as, changes), refresh, groups };
}

/** Mark the spans in a region whose text is `words`; a number after each tells which it is.
 * @param {any} region @param {string} words @param {any[]} spans each with its number, offsets in points */
function drawSpans(region, words, spans) {
  const text = visible(words);
  const places = spans.filter((span) => !span.whole)
    .map((span) => ({ ...span, start: toUnits(words, span.start), end: toUnits(words, span.end) }));
  region.replaceChildren(...pieces(text.length, places).map(({ start, end, covering }) => {
    const inner = document.createTextNode(text.slice(start, end));
    return covering.reduceRight((node, which, depth) => h("span", {
      class: `wr-span wr-severity-${Math.min(places[which].level, 2)} wr-depth-${Math.min(depth, 3)}`,
      "data-ends": places[which].end === end ? places[which].number : null,
    }, node), inner);
  }));
}

/** The part of a region that is selected, in UTF-16 units; null when there is none.
 * @param {any} region */
function selected(region) {
  const selection = document.getSelection();
  if (!selection?.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!region.contains(range.startContainer) || !region.contains(range.endContainer)) return null;
  const before = document.createRange();
  before.selectNodeContents(region);
  before.setEnd(range.startContainer, range.startOffset);
  const start = before.toString().length;
  return { start, end: start + range.toString().length };
}

/** @param {any} region @param {number} units put the caret there */
function placeCaret(region, units) {
  const walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
  let left = units;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (left <= length) return document.getSelection()?.collapse(node, left);
    left -= length;
  }
}

/** @param {Ask} ask @param {any} task @param {string} source @returns {Control}
 *
 * The text is editable for the browser, so that its caret, its selection and its reading order work
 * as everywhere, in any script; every change is prevented, or drawn over. */
function spans(ask, task, source) {
  const { question } = ask, output = Object.values(ask.texts)[0] ?? "";
  const texts = /** @type {Record<string, string>} */ ({ source, output });
  const sides = ["source", "output"].filter((side) => question.sides.includes(side) && (side === "output" || source));
  const severities = Object.keys(question.severities), few = question.categories.length <= 9;
  let category = few ? 0 : -1, severity = 0, drawn = "";
  /** @type {{ side: string, start: number, end: number } | null} */
  let part = null;
  /** @type {any} */
  let wanted = null;
  const all = () => ask.value() ?? [];
  const place = (span) => [span.side, span.start, span.end, span.category, span.severity];
  const less = (a, b) => {
    const [one, two] = [place(a), place(b)], at = one.findIndex((each, i) => each !== two[i]);
    return at < 0 ? 0 : one[at] < two[at] ? -1 : 1;
  };
  const put = (marks) => { ask.set([...marks].sort(less)); refresh(); };
  const chosen = () => ({ category: question.categories[category], severity: severities[severity] });

  /** @param {any} extent mark it, once its category is known */
  const add = (extent) => {
    wanted = category < 0 ? extent : null;
    if (wanted) { tell(said, "Choose a category, then press Enter."); picker.focus(); return; }
    const span = { ...extent, ...chosen() }, region = regions[extent.side];
    if (span.whole || !all().some((each) => less(each, span) === 0)) put([...all(), span]);
    tell(said, `Marked ${severities.length > 1 ? `${span.severity} ` : ""}${span.category}.`);
    // of many categories the last one is seldom the next one, and a wrong one is easily overlooked
    if (!few) [category, picker.selectedIndex] = [-1, 0];
    part = null;
    region.focus({ preventScroll: true });
    if (!span.whole) placeCaret(region, toUnits(texts[extent.side], extent.end));
  };
  const mark = () => {
    if (!part) { tell(said, "Select a part of the text first."); return false; }
    const { side, start, end } = part;
    add({ side, start: toPoints(texts[side], start), end: toPoints(texts[side], end) });
    return true;
  };
  const whole = () => add({ side: "output", start: 0, end: 0, whole: true });

  const regions = Object.fromEntries(sides.map((side) => [side, h("div", {
    class: `wr-text wr-marking${task.format === "code" ? " wr-code" : ""}`, contenteditable: "true", role: "textbox",
    "aria-readonly": "true", "aria-multiline": "true",
    tabindex: "0", spellcheck: "false", inputmode: "none", dir: task.direction ?? "auto",
    "aria-label": `${side === "source" ? "Source" : "Output"}: select what is wrong with Shift and the arrow keys, then press `
      + (few ? "the number of a category" : "Enter"),
    onbeforeinput: (event) => event.preventDefault(), ondrop: (event) => event.preventDefault(),
    oninput: () => draw(true),
  })]));
  const heard = () => {
    for (const side of sides) {
      const found = selected(regions[side]);
      if (found) part = { side, ...found };
      else if (document.activeElement === regions[side] && part?.side === side) part = null;
    }
    const words = part ? [...texts[part.side].slice(part.start, part.end)].slice(0, 60).join("") : "";
    tell(picked, part ? `Selected: “${visible(words)}”` : "Select what is wrong: with the mouse, or with Shift and the arrow keys.");
  };
  document.addEventListener("selectionchange", heard, { signal: ask.signal });

  const one = (at) => { category = at; ways.refresh(); if (part) mark(); };
  const ways = choice({
    legend: "Category",
    options: (few ? question.categories : []).map((label, at) => ({ label, value: at, key: digit(at) })),
    chosen: (at) => category === at, choose: one, done: () => true,
  });
  const picker = h("select", { "aria-label": "Category", "aria-keyshortcuts": "K", onchange: () => { category = picker.selectedIndex - 1; },
    onkeydown: (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      wanted ? add(wanted) : mark();
    } },
  h("option", {}, "choose a category"), question.categories.map((each) => h("option", {}, visible(each))));
  const degrees = choice({
    legend: "Severity of the next mark", options: severities.map((label, at) => ({ label, value: at })),
    chosen: (at) => severity === at, choose: (at) => { severity = at; degrees.refresh(); }, done: () => true,
  });
  degrees.node.querySelector("legend").append(" ", kbd("V"));
  const none = button("No errors", "0", () => put([]));
  const picked = h("p", { class: "wr-soft wr-picked" }), said = h("p", { class: "wr-soft", role: "status" });
  const list = h("ol", { class: "wr-marks" });

  const row = (span, at) => {
    const words = visible([...texts[span.side]].slice(span.start, span.end).join(""));
    const change = (parts) => put(all().map((each, i) => i === at ? { ...each, ...parts } : each));
    const menu = (name, from) => h("select", {
      "aria-label": `${name} of mark ${at + 1}`, onchange: (event) => change({ [name]: from[event.target.selectedIndex] }),
    }, from.map((each) => h("option", { selected: each === span[name] }, visible(each))));
    const where = h("p", {}, span.side === "source" ? "source: " : null, span.whole ? "the whole text" : ["“", h("bdi", {}, words), "”"]);
    return h("li", {}, where,
      question.categories.length > 1 && menu("category", question.categories), severities.length > 1 && menu("severity", severities),
      button("Delete", "", () => {
        put(all().filter((_, i) => i !== at));
        tell(said, `Mark ${at + 1} is deleted.`);
        (list.querySelector("button") ?? regions[sides[sides.length - 1]]).focus({ preventScroll: true });
      }, { "aria-label": `Delete mark ${at + 1}` }));
  };
  /** @param {boolean} anew even if nothing changed, since the browser wrote into the text */
  const draw = (anew = false) => {
    const marks = all(), look = JSON.stringify(marks);
    if (look === drawn && !anew) return;
    drawn = look;
    const numbered = marks.map((span, at) => ({ ...span, number: at + 1, level: severities.indexOf(span.severity) }));
    for (const side of sides) drawSpans(regions[side], texts[side], numbered.filter((span) => span.side === side));
    list.replaceChildren(...marks.map(row));
  };
  const refresh = () => {
    draw();
    show(list, all().length > 0);
    none.classList.toggle("wr-chosen", ask.value()?.length === 0);
    none.setAttribute("aria-pressed", String(ask.value()?.length === 0));
    show(none, all().length === 0);
  };
  const press = (key) => {
    heard();  // the browser may not have told of the last selection yet
    if (key === "v") {
      severity = (severity + 1) % severities.length;
      degrees.refresh();
      tell(said, `The next mark is ${severities[severity]}.`);
    } else if (key === "o" && question.whole) whole();
    else if (key === "0" && !all().length) put([]);
    else if (key === "k" && !few) picker.focus();
    else if (key === "enter" && part) return mark();
    else if (few && /^[1-9]$/.test(key) && Number(key) <= question.categories.length) one(Number(key) - 1);
    else return false;
    return true;
  };
  drawn = "-";
  refresh();
  ways.refresh();
  degrees.refresh();
  heard();
  const menu = h("label", { class: "wr-part" }, h("span", {}, "Category ", kbd("K")), picker);
  const kinds = few ? question.categories.length > 1 && ways.node : menu;
  const node = h("div", { class: "wr-spans" },
    h("div", { class: "wr-column" }, sides.map((side) => [
      sides.length > 1 && h("p", { class: "wr-side" }, side === "source" ? "Source" : "Output"), folded(regions[side], texts[side], side),
    ]), picked),
    h("div", { class: "wr-column" }, kinds, severities.length > 1 && degrees.node,
      h("div", { class: "wr-buttons" }, button("Mark the selection", "↵", mark), none,
        question.whole && button("Something is missing, or the whole text is wrong", "O", whole)),
      said, list));
  return { node, refresh, groups: [group(node, {
    press, steady: true, done: () => ask.value() !== undefined, required: question.required,
    focus: () => (regions.output ?? regions.source).focus({ preventScroll: true }),
  })] };
}

/** @type {Record<string, (ask: Ask, task: any, source: string) => Control>} */
const CONTROLS = {
  scale: (ask) => ask.question.buttons ?? values(ask.question).length <= 11 ? scale(ask) : slider(ask),
  preference, ranking, "best-worst": bestWorst, labels, text, correction, spans,
};

// ----------------------------------------------------------------------------------- the panel

/** A question with its control, as one fieldset.
 * @param {any} app @param {any} content @param {Asked} what @param {AbortSignal} signal @returns {Control} */
function questionOf(app, content, { question, target }, signal) {
  const about = content.outputs.filter((output) => target === "" || output.letter === target);
  const texts = Object.fromEntries(about.map((output) => [output.letter, output.text]));
  const answer = app.answerTo("answer", content.item, question.name, target);
  const ask = { ...answer, question, target, texts, changed: app.refresh, signal };
  const control = CONTROLS[question.kind](ask, app.state().task, content.source);
  const node = h("fieldset", { class: "wr-question" },
    h("legend", {}, content.outputs.length > 1 && target ? unseen(`Output ${target}: `) : null,
      h("bdi", {}, visible(question.text || question.name)),
      question.required ? null : h("span", { class: "wr-soft" }, " (optional)")),
    question.help ? h("details", { class: "wr-help" }, h("summary", {}, "More about this question"),
      h("p", { class: "wr-text", dir: "auto" }, visible(question.help))) : null,
    control.node);
  return { ...control, node };
}

/** @param {string} title @param {number} level @param {any} body */
const card = (title, level, body) => h("div", { class: "wr-card", role: "group", "aria-label": title }, h(`h${level}`, {}, title), body);

/** The words in which outputs differ: of two each against the other, of more each against the first.
 * @param {any[]} outputs @returns {Record<string, any[]>} by letter, the pieces to show */
function differences(outputs) {
  const [first, ...others] = outputs;
  const diffs = others.map((other) => wordDiff(first.text, other.text));
  if (diffs.includes(null)) return {};
  const found = others.map((other, at) => [other.letter, marked(/** @type {any} */ (diffs[at]), "more")]);
  if (others.length === 1 && diffs[0]) found.unshift([first.letter, marked(diffs[0], "less")]);
  return Object.fromEntries(found);
}

/** Images, by their content only; whatever else is named is not fetched.
 * @param {string[]} images */
const pictures = (images) => images.map((uri, at) => /^data:image\/(png|jpeg|gif|webp)[;,]/.test(uri)
  ? h("img", { src: uri, alt: `Image ${at + 1} of this item` }) : h("p", { class: "wr-soft" }, "(an image that cannot be shown)"));

/** What raters answered, for who decides between them.
 * @param {any[]} others */
const sideBySide = (others) => h("table", { class: "wr-others" }, h("caption", {}, "What the raters answered"),
  h("thead", {}, h("tr", {}, ["who", "question", "output", "answer"].map((name) => h("th", { scope: "col" }, name)))),
  h("tbody", {}, others.map(({ who, question, target, value }) => h("tr", {},
    [who, question, target, typeof value === "object" ? JSON.stringify(value) : value]
      .map((part) => h("td", {}, h("bdi", {}, visible(String(part ?? "")))))))));

/** One item: its texts, and what is asked about them.
 * @param {any} app @param {Entry} entry @param {any} content @param {number} level of its headings @returns {Control & { stop(): void }} */
function itemOf(app, entry, content, level) {
  const { task } = app.state(), stopper = new AbortController(), several = content.outputs.length > 1;
  const controls = asked(task, content).map((what) => ({ ...what, ...questionOf(app, content, what, stopper.signal) }));
  const marks = controls.filter(({ question }) => question.kind === "spans");
  const parts = [];
  if (content.source && !marks.some(({ question }) => !several && question.sides.includes("source"))) {
    parts.push(card("Source", level, shownText(task, content.source, "the source", { tree: content.source_tree })));
  }
  if (content.reference) parts.push(card("Reference", level, shownText(task, content.reference, "the reference")));
  if (content.images?.length) parts.push(h("div", { class: "wr-images" }, pictures(content.images)));
  const diff = task.diff && several && task.format !== "markdown" ? differences(content.outputs) : {};
  const outputs = content.outputs.map((output) => {
    const own = controls.filter(({ target }) => target === output.letter);
    const name = several ? `Output ${output.letter}` : "Output";
    const body = marks.some(({ target }) => target === output.letter) ? null
      : shownText(task, output.text, name, { tree: output.tree, pieces: diff[output.letter] });
    return card(name, level, [body, several ? own.map(({ node }) => node) : null]);
  });
  const differ = Object.keys(diff).length ? h("label", { class: "wr-option wr-differ" },
    h("input", { type: "checkbox", checked: true, "aria-keyshortcuts": "D", onchange: () => node.classList.toggle("wr-plain") }),
    content.outputs.length > 2 ? "Mark the words that differ from A" : "Mark the words that differ", kbd("D")) : null;
  const alone = several ? controls.filter(({ target }) => !target) : controls;
  const feedback = h("div", { class: "wr-feedback", role: "status" });
  const texts = h("div", { class: "wr-texts" }, parts, differ, (several || !marks.length) && h("div", { class: "wr-outputs" }, outputs));
  const node = h("div", { class: `wr-body${several || marks.length ? "" : " wr-beside"}` }, texts,
    h("div", { class: "wr-questions" }, content.others?.length > 0 && sideBySide(content.others), alone.map(({ node }) => node), feedback));
  const refresh = () => {
    controls.forEach((control) => control.refresh());
    const told = app.status(entry) === "answered" ? app.state().feedback[entry.item] : null;
    feedback.className = `wr-feedback${told ? told.right ? " wr-right" : " wr-wrong" : ""}`;
    tell(feedback, told ? `${told.right ? "Right." : "Not quite."}${told.text ? ` ${visible(told.text)}` : ""}` : "");
  };
  // keys go from question to question as the eye does
  const groups = controls.flatMap((control) => control.groups)
    .sort((a, b) => a.node.compareDocumentPosition(b.node) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1);
  return { node, groups, refresh, stop: () => stopper.abort() };
}

/** @param {any} task @param {any} example @param {number} level */
function exampleOf(task, example, level) {
  const several = example.outputs.length > 1;
  const texts = [["Source", example.source], ["Reference", example.reference]].filter(([, words]) => words)
    .map(([name, words]) => card(name, level + 1, shownText(task, words, name)));
  const outputs = example.outputs.map((words, at) => card(`Output${several ? ` ${String.fromCharCode(65 + at)}` : ""}`, level + 1,
    shownText(task, words, "the output", { tree: example.trees?.[at] })));
  return [...texts, h("div", { class: "wr-outputs" }, outputs), h("div", { class: "wr-markdown" }, markdown(example.explanation ?? []))];
}

/** @param {any} task @param {number} level @returns {any[]} the instructions, and the examples below them */
const instructionsOf = (task, level) => [
  h("div", { class: "wr-markdown" }, markdown(task.instructions ?? [])),
  ...(task.examples ?? []).map((example, at) =>
    h("div", { class: "wr-example" }, h(`h${level}`, {}, `Example ${at + 1}`), exampleOf(task, example, level))),
];

const KEYS = [
  ["1 – 9, 0", "choose the answer with this number, in the question that has the focus or is next"],
  ["A, B, T, X", "A is better, B is better, tie, both bad"],
  ["Tab, Shift + Tab", "go to the next or the last control"],
  ["Enter", "next item, when all that must be answered is (Ctrl + Enter in a text box)"],
  ["Backspace, ←", "back to the item before (← outside the answers)"],
  ["U, Ctrl + Z", "undo your last act, wherever it was"],
  ["S", "skip this item, with a reason"],
  ["C", "comment"],
  ["D", "mark the words that differ, or not"],
  ["Esc", "leave a text box, close a menu"],
  ["Shift + arrows", "in a text to be marked: select; with Ctrl by words"],
  ["1 – 9, V, O", "in a text to be marked: mark as this category; another severity; something is missing"],
  ["?", "these keys"],
];

const MISSING = "Please answer what is still open, or skip the item with a reason.";

/** Where what is typed is text, and no command. @param {any} target */
const isTyping = (target) => target.matches?.("textarea, input:not([type=radio], [type=checkbox], [type=range])");

/** The key that was pressed, whatever the alphabet of the keyboard. @param {KeyboardEvent} event */
function keyOf(event) {
  const code = /^(Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code ?? "");
  if (/^[0-9a-z?]$/i.test(event.key) || event.key.length > 1 || !code) return event.key.toLowerCase();
  return code[1] === "Key" || !event.shiftKey ? code[2].toLowerCase() : event.key;
}

/** @param {number} level @returns {any} the window that lists the keys */
function keysShown(level) {
  const line = ([key, does]) => h("div", {}, h("dt", {}, key.split(", ").map((each) => [h("kbd", {}, each), " "])), h("dd", {}, does));
  const node = h("dialog", { class: "wr-keys", "aria-label": "Keys" }, h(`h${level}`, {}, "Keys"), h("dl", {}, KEYS.map(line)),
    button("Close", "", () => node.close()));
  return node;
}

/** What stays around the items: above them title, progress and notices, below them what can be done.
 * @param {any} app @param {number} level of its title @param {Record<string, () => any>} does by button */
function frame(app, level, does) {
  const title = h(`h${level}`, { class: "wr-title" }, "Connecting …"), saved = h("p", { class: "wr-saved", role: "status" });
  const place = h("p", { class: "wr-place" }), bar = h("progress", { "aria-label": "Items done", max: "1", value: "0" });
  const notes = h("div", { class: "wr-notices", role: "alert" }), hint = h("p", { class: "wr-hint", role: "alert" });
  const told = h("div"), guide = h("details", { class: "wr-guide" }, h("summary", {}, "Instructions"), told);
  const holder = h("div", { class: "wr-item", role: "group", "aria-label": "Item" }), badge = h("span", { class: "wr-badge" });
  const back = button("Back", "⌫", does.back), undo = button("Undo", "U", does.undo), help = button("Keys", "?", does.help);
  const skip = button("Skip", "S", does.skip, { "aria-expanded": "false" });
  const comment = button("Comment", "C", does.comment, { "aria-expanded": "false" });
  const next = button("Next", "↵", does.next, { class: "wr-button wr-next" }), keys = keysShown(level + 1);
  const more = "more about it, if you like";
  const note = h("input", { type: "text", maxlength: 1000, dir: "auto", placeholder: more, "aria-label": more });
  const skipping = h("fieldset", { class: "wr-panel" }, h("legend", {}, "Why is this item skipped?"));
  const commenting = h("div", { class: "wr-panel" });
  const actions = h("div", { class: "wr-actions" },
    h("div", { class: "wr-buttons", role: "group", "aria-label": "Items" }, back, undo, skip, comment, help, next), hint, skipping, commenting);
  const root = h("div", { class: `workbench-rating${app.page ? " wr-page" : ""}`, "data-lm-suppress-shortcuts": "true", tabindex: "-1" },
    h("div", { class: "wr-head" }, title, h("div", { class: "wr-progress" }, place, saved), bar), notes, guide, holder, actions, keys);
  show(guide, false);
  return {
    root, title, saved, place, bar, notes, hint, told, guide, holder, badge,
    back, next, skip, comment, keys, note, skipping, commenting, actions,
  };
}

/** All that a rater sees, and the keys.
 * @param {HTMLElement} el @param {any} app */
function panel(el, app) {
  const level = app.page ? 1 : 2;
  const {
    root, title, saved, place, bar, notes, hint, told, guide, holder, badge,
    back, next, skip, comment, keys, note, skipping, commenting, actions,
  } = frame(app, level, {
    back: app.back, undo: app.undo, next: () => forward(), help: () => keys.showModal(),
    skip: () => toggle("skip"), comment: () => toggle("comment"),
  });
  const panels = { skip: { node: skipping, button: skip }, comment: { node: commenting, button: comment } };
  el.append(root);

  /** @type {(Control & { stop(): void }) | null} */
  let item = null;
  /** @type {any} */
  let remark = null;
  let shownTask = "", shownItem = "", shownNotes = "";
  /** @type {any} */
  let taskDrawn = null;
  const usable = () => (item?.groups ?? []).filter((each) => !each.node.matches(":disabled"));
  const active = () => {
    const all = usable();
    return all.find((each) => each.node.contains(document.activeElement)) ?? all.find((each) => each.required && !each.done())
      ?? all.find((each) => !each.done()) ?? all[0];
  };
  const toggle = (name, open = panels[name].node.hidden) => {
    for (const [each, { node, button: opener }] of Object.entries(panels)) {
      show(node, each === name && open);
      opener.setAttribute("aria-expanded", String(each === name && open));
    }
    if (open) note.value = "";
    (open ? panels[name].node.querySelector("button, textarea") : root).focus({ preventScroll: !open });
  };
  const say = (words) => tell(hint, words);
  const focusFirst = () => (usable().find((each) => each.required && !each.done()) ?? usable()[0])?.focus();

  function forward() {
    app.flush();
    const missing = usable().find((each) => each.required && !each.done());
    if (missing && app.status(app.entry()) !== "skipped") {
      say(MISSING);
      missing.focus();
      document.activeElement?.scrollIntoView({ block: "nearest" });
    } else if (app.entry()?.purpose === "training" && app.waits()) say("One moment: the answer to your answer is on its way.");
    else app.next();
  }

  /** Build what is about the task. @param {any} task */
  function drawTask(task) {
    tell(title, visible(task.title || task.name));
    told.replaceChildren(...instructionsOf(task, level + 1));
    show(guide, Boolean(task.instructions?.length || task.examples?.length));
    const reasons = task.skip_reasons.map((reason, at) =>
      button(visible(reason), digit(at), () => { toggle("skip", false); app.skip(reason, note.value); }));
    skipping.replaceChildren(skipping.children[0], note, ...reasons, button("Do not skip", "Esc", () => toggle("skip", false)));
    show(skip, task.skip_reasons.length > 0);
    show(comment, task.comments);
  }

  /** Build the item at hand, or the end. @param {State} state @param {boolean} moved */
  function drawItem(state, moved) {
    const entry = state.items[state.at], content = entry && state.contents[entry.item];
    // a text that comes late must not leave the focus nowhere: the keys would go to the notebook
    const within = holder.contains(document.activeElement);
    item?.stop();
    item = content ? itemOf(app, entry, content, level + 2) : null;
    const total = state.pool ? "" : ` of ${state.items.length}`;
    const heading = h(`h${level + 1}`, { tabindex: "-1" }, entry ? `Item ${state.at + 1}${total}` : "Thank you",
      entry?.purpose === "training" ? h("span", { class: "wr-badge" }, "training") : null, badge);
    holder.replaceChildren(heading, ...(entry ? [item?.node ?? h("p", { role: "status" }, "Loading …")] : theEnd()));
    remark = entry && textBox(app.answerTo("comment", entry.item), "", () => true,
      { rows: 3, maxlength: 10_000, "aria-label": "Comment on this item" });
    commenting.replaceChildren(...(remark ? [remark.box] : []));
    show(skipping, false);
    show(commenting, false);
    say("");
    if (moved || within) item ? focusFirst() : heading.focus({ preventScroll: true });
    if (!moved) return;
    const { top } = holder.getBoundingClientRect();
    if (top < 0 || top > window.innerHeight / 2) holder.scrollIntoView({ block: "start" });
  }

  function theEnd() {
    const open = app.open();
    const words = open ? `${counted(open, "item")} ${open === 1 ? "is" : "are"} still open.`
      : "All items are done. You can go back and change answers, or close this page once all is saved.";
    const go = open ? [button("Go to the first open item", "", app.toOpen, { class: "wr-button wr-next" })] : [];
    return [h("p", {}, words), h("p", { class: "wr-total" }), ...go];
  }

  /** Draw what changed. @param {boolean} moved whether the rater went somewhere, so that the focus goes along */
  function refresh(moved = false) {
    const state = app.state(), { text, late } = saying(state), said = notices(state, app.page);
    tell(saved, state.known ? text : "");
    saved.classList.toggle("wr-late", late);
    if (said.join("\n") !== shownNotes) notes.replaceChildren(...said.map((words) => h("p", {}, visible(words))));
    shownNotes = said.join("\n");
    show(holder, state.known);
    show(actions, state.known && !state.ended);
    if (!state.known) return;
    const entry = state.items[state.at], first = shownTask === "";
    const task = state.task === taskDrawn ? shownTask : JSON.stringify(state.task);
    taskDrawn = state.task;
    if (task !== shownTask) drawTask(state.task);
    if (first) guide.open = state.at === 0;
    const now = entry ? `${task}${entry.item}${Boolean(state.contents[entry.item])}` : `${task}${app.open()}`;
    if (now !== shownItem || moved) drawItem(state, moved);
    if (moved && state.at > 0) guide.open = false;
    [shownTask, shownItem] = [task, now];
    item?.refresh();
    remark?.refresh();
    drawProgress(state, text);
  }

  /** @param {State} state @param {string} text */
  function drawProgress(state, text) {
    const done = state.items.length - app.open(), left = app.minutesLeft();
    const end = state.at >= state.items.length, total = state.pool ? "" : ` of ${state.items.length}`;
    tell(place, end ? `${done}${total} done` : `item ${state.at + 1}${total} · ${done} done${left ? ` · about ${left} min left` : ""}`);
    actions.classList.toggle("wr-over", end);
    [bar.max, bar.value] = [Math.max(1, state.items.length), done];
    holder.querySelectorAll(".wr-total").forEach((node) => tell(node, text));
    back.disabled = state.at === 0;
    for (const each of [skip, comment, next]) each.disabled = end;
    const ready = usable().every((each) => !each.required || each.done());
    next.classList.toggle("wr-ready", ready);
    if (ready && hint.textContent === MISSING) say("");
    comment.classList.toggle("wr-chosen", Boolean(remark?.box.value));
    const entry = state.items[state.at], reason = entry && app.status(entry) === "skipped" ? app.reason(entry) : "";
    tell(badge, reason ? `skipped: ${visible(reason)}` : "");
  }

  /** Give a key to the question that has the focus, or comes next. @param {string} key */
  function answerBy(key) {
    const here = active();
    const others = /[abtx]/.test(key) ? usable().filter((each) => each !== here && each.keys.includes(key.toUpperCase())) : [];
    const taker = here?.press(key) ? here : others.find((each) => each.press(key));
    if (!taker) return false;
    say("");
    const all = usable(), rest = all.slice(all.indexOf(taker) + 1).find((each) => each.required && !each.done());
    if (!taker.steady && taker.done() && rest) {
      rest.focus();
      document.activeElement?.scrollIntoView({ block: "nearest" });
    }
    return true;
  }

  /** @type {Record<string, () => any>} */
  const COMMANDS_BY_KEY = {
    u: app.undo,
    s: () => !skip.hidden && !skip.disabled && toggle("skip"),
    c: () => !comment.hidden && !comment.disabled && toggle("comment"),
    "?": () => keys.showModal(), enter: () => !next.disabled && forward(), backspace: app.back, arrowleft: app.back,
    d: () => /** @type {any} */ (item?.node.querySelector(".wr-differ input"))?.click(),
  };

  /** @param {KeyboardEvent} event */
  function command(event) {
    const target = /** @type {any} */ (event.target), key = keyOf(event), control = event.ctrlKey || event.metaKey;
    const typing = isTyping(target), marking = Boolean(target.closest?.(".wr-marking"));
    if (control) return !typing && key === "z" && !event.shiftKey ? (app.undo(), true) : key === "enter" && (forward(), true);
    if (key === "escape" && !(skipping.hidden && commenting.hidden)) return toggle("skip", false), true;
    if (key === "escape") return typing && (root.focus({ preventScroll: true }), true);
    if (typing) return key === "enter" && target.type === "number" && (forward(), true);
    if (!skipping.hidden && /^[1-9]$/.test(key)) return skipping.querySelectorAll("button")[Number(key) - 1]?.click(), true;
    if (target.matches?.("select") || (key === "enter" && target.matches?.("button, summary"))) return false;
    if (key === "enter" && marking && active()?.press("enter")) return true;
    if (key === "arrowleft" && (marking || target.matches?.("input"))) return false;
    if (marking && /^(backspace|delete)$/.test(key)) return true;
    if (key.length === 1 && key !== "?" && answerBy(key)) return true;
    return Object.hasOwn(COMMANDS_BY_KEY, key) && (COMMANDS_BY_KEY[key](), true);
  }
  const listener = (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || keys.open || app.state().ended || !app.state().known) return;
    if (command(event)) { event.preventDefault(); event.stopPropagation(); }
  };
  (app.page ? document : root).addEventListener("keydown", listener, { signal: app.signal });
  // what is no key here must be none of the notebook's either, where d and d delete the cell
  const keep = (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter" || !(event.ctrlKey || event.metaKey)) event.stopPropagation(); };
  if (!app.page) root.addEventListener("keydown", keep, { signal: app.signal });
  return { refresh, say, remove: () => { item?.stop(); root.remove(); } };
}

// --------------------------------------------------------------------------------- the sitting

/** A name that no other act has. @returns {string} */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // a page that is not secure (http on another host) has no randomUUID
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** What the browser keeps of acts that are not saved yet, one entry for each: two tabs that wrote one
 * list would overwrite each other's.
 * @param {string} prefix */
function keeper(prefix) {
  const key = (opId) => `${prefix}:${opId}`;
  const trying = (act) => { try { return act(); } catch { return undefined; } };
  const read = (name) => trying(() => {
    const act = JSON.parse(localStorage.getItem(name) ?? "null");
    // a rater's name may hold a colon: another's acts are not ours
    return act && name === key(act.op_id) ? act : undefined;
  });
  return {
    /** @param {Act} act @returns {boolean} whether it is kept */
    put: (act) => trying(() => { localStorage.setItem(key(act.op_id), JSON.stringify(act)); return true; }) ?? false,
    drop: (opId) => trying(() => localStorage.removeItem(key(opId))),
    all: () => (trying(() => Object.keys(localStorage)) ?? []).filter((name) => name.startsWith(`${prefix}:`))
      .map(read).filter(Boolean).sort((a, b) => a.n - b.n),
    read,
  };
}

/** How long this item has been in sight: a hidden tab does not count. */
function stopwatch() {
  let sum = 0, since = document.hidden ? null : performance.now(), shownAt = new Date().toISOString();
  return {
    restart() { [sum, since, shownAt] = [0, document.hidden ? null : performance.now(), new Date().toISOString()]; },
    turn() {
      if (since !== null) sum += performance.now() - since;
      since = document.hidden ? null : performance.now();
    },
    seconds: () => Math.round(Math.min(86_400_000, sum + (since === null ? 0 : performance.now() - since))) / 1000,
    shownAt: () => shownAt,
  };
}

/** Put a rater's panel into an element.
 * @param {HTMLElement} el
 * @param {Transport} transport what carries messages to Python and back; it reconnects by itself
 * @param {{ page?: boolean, patience?: number }} options whether the page is ours (its keys too), and
 *   after how many milliseconds an act is sent again
 * @returns {() => void} takes it away again */
export function mount(el, transport, { page = false, patience = PATIENCE } = {}) {
  const viewId = uuid(), stopper = new AbortController(), { signal } = stopper, watch = stopwatch();
  let state = initial(viewId, patience), acts = current(state);
  let keep = keeper(""), greetings = 0, greeted = 0, fetched = -Infinity;
  /** @type {BroadcastChannel | null} */
  let channel = null;
  /** @type {Map<string, { value: any, timer: number, commit(): void }>} what is still being typed */
  const pending = new Map();
  /** @type {number[]} seconds in sight of the items done here */
  const durations = [];

  const dispatch = (event, moved = false) => {
    state = reduce(state, { ...event, now: performance.now() });
    acts = current(state);
    view.refresh(moved);
  };
  const say = (message) => { try { transport.send(message); return true; } catch { return false; } };
  const hello = () => {
    [greeted, greetings] = [performance.now(), greetings + 1];
    say({ type: "hello", view_id: viewId });
  };
  const post = (news) => channel?.postMessage({ view_id: viewId, ...news });

  /** Send what is due, oldest first. */
  function pump() {
    if (!state.ready || state.ended) return;
    const due = state.held.filter((each) => each.due <= performance.now()).slice(0, BATCH), sent = [];
    for (const { act } of due) {
      if (!say({ type: "act", ...act })) { dispatch({ type: "shut" }); break; }
      sent.push(act.op_id);
    }
    if (sent.length) dispatch({ type: "sent", op_ids: sent });
  }

  /** Do something that is to be stored. @param {any} parts its kind, item and content */
  function act(parts) {
    /** @type {Act} */
    const made = {
      op_id: uuid(), view_id: viewId, n: state.n + 1, client_time: new Date().toISOString(),
      shown_at: watch.shownAt(), visible_s: watch.seconds(), ...parts,
    };
    const kept = keep.put(made);
    dispatch({ type: "act", act: made });
    if (kept !== state.keeps && !kept) dispatch({ type: "forgetful" });
    post({ act: made });
    pump();
  }

  const flush = () => [...pending.values()].forEach((each) => each.commit());
  /** An answer, or a comment: what it is now, and how to change it.
   * @param {string} kind @param {string} item @param {string} question @param {string} target */
  function answerTo(kind, item, question = "", target = "") {
    const key = slot(kind, item, question, target), part = kind === "comment" ? "text" : "value";
    const stored = () => /** @type {any} */ (acts.get(key))?.[part];
    const commit = () => {
      const value = pending.get(key)?.value;
      clearTimeout(pending.get(key)?.timer);
      pending.delete(key);
      const entry = state.items.find((each) => each.item === item);
      const same = JSON.stringify(value) === JSON.stringify(stored()) || (value === "" && stored() === undefined);
      if (same && (!entry || statusOf(state, entry, acts) !== "skipped")) return;
      act({ kind, item, ...(kind === "answer" ? { question, target } : {}), [part]: value });
    };
    return {
      value: () => pending.has(key) ? pending.get(key)?.value : stored(),
      pending: () => pending.has(key),
      refused: () => state.refusal !== "",
      set(value, delay = 0) {
        clearTimeout(pending.get(key)?.timer);
        pending.delete(key);
        if (value !== undefined) pending.set(key, { value, commit, timer: window.setTimeout(commit, delay) });
        if (value !== undefined && !delay) commit();
        view.refresh();
      },
    };
  }

  const entry = () => state.items[state.at];
  const open = () => state.items.filter((each) => statusOf(state, each, acts) === "open").length;
  /** Fetch the items around this one that are not here yet. */
  function fetch() {
    const around = state.items.slice(Math.max(0, state.at - 1), state.at + 3).map((each) => each.item);
    const wanted = around.filter((each) => !state.contents[each]);
    if (!wanted.length || !state.ready || performance.now() - fetched < patience) return;
    fetched = performance.now();
    say({ type: "fetch", items: wanted });
  }
  function go(at) {
    flush();
    if (at > state.at && entry() && watch.seconds() > 0) durations.push(watch.seconds());
    fetched = -Infinity;
    watch.restart();
    dispatch({ type: "go", at }, true);
    fetch();
  }
  function undo() {
    flush();
    const mine = [...acts.values()].filter((each) => state.items.some(({ item }) => item === each.item));
    const last = mine.reduce((one, two) => one && later(one, two) ? one : two, /** @type {Act | null} */ (null));
    if (!last) return view.say("There is nothing to undo.");
    const at = state.items.findIndex(({ item }) => item === last.item);
    if (at !== state.at) go(at);
    act({ kind: "undo", item: last.item, undoes: last.op_id });
    view.say(`Undone: ${last.kind === "answer" ? `the answer${last.target ? ` about output ${last.target}` : ""}` : `the ${last.kind}`}.`);
  }

  const view = panel(el, {
    page, signal, answerTo, flush, entry, undo, open, state: () => state, refresh: () => view.refresh(),
    status: (each) => each && statusOf(state, each, acts),
    reason: (each) => acts.get(slot("skip", each.item))?.reason ?? "",
    back: () => state.at > 0 && go(state.at - 1), next: () => go(state.at + 1), toOpen: () => go(firstOpen(state)),
    skip(reason, note) {
      flush();
      act({ kind: "skip", item: entry().item, reason, ...(note ? { text: note } : {}) });
      go(state.at + 1);
    },
    waits: () => waiting(state) < patience && state.held.some((each) => each.act.item === entry()?.item),
    minutesLeft: () => {
      const sorted = [...durations].sort((a, b) => a - b), typical = sorted[Math.floor(sorted.length / 2)];
      return sorted.length > 2 && !state.pool && open() ? Math.max(1, Math.round(typical * open() / 60)) : 0;
    },
  });

  /** Begin with a store and a rater: what an earlier page left, and the other tabs. @param {boolean} first */
  function begin(first) {
    const prefix = `workbench-rating:${state.store}:${state.rater}`;
    keep = keeper(prefix);
    channel?.close();
    channel = "BroadcastChannel" in window ? new BroadcastChannel(prefix) : null;
    channel?.addEventListener("message", ({ data }) => {
      if (data.act) dispatch({ type: "elsewhere", act: data.act });
      else if (data.dropped) dispatch({ type: "dropped", op_id: data.dropped });
      else if (data.saved) dispatch({ type: "counted", saved: data.saved });
      else dispatch({ type: "tab", view_id: data.view_id, here: data.here });
      if (data.asks) post({ here: true });
    });
    post({ here: true, asks: true });
    dispatch({ type: "found", acts: keep.all(), first }, page && first);
    watch.restart();
  }

  transport.onMessage((message) => {
    if (signal.aborted || !message || !MESSAGES.has(message.type)) return;
    const known = state.known && message.type === "state" && message.store === state.store && message.rater === state.rater;
    const undone = state.held.some(({ act: each }) => each.op_id === message.op_id && each.kind === "undo");
    const first = !state.known;
    dispatch(message);
    if (message.type === "state") {
      greetings = 0;
      if (!known) begin(first);
      pump();
    }
    if (message.type === "saved" || message.type === "refused") keep.drop(message.op_id);
    if (message.type === "refused") post({ dropped: message.op_id });
    if (message.type === "saved") post({ saved: state.saved });
    // an undo may bring back an answer that is older than this page
    if (message.type === "saved" && undone) hello();
    if (message.type === "contents") fetched = -Infinity;
    fetch();
  });
  transport.onOpen(() => { dispatch({ type: "open" }); hello(); });
  transport.onClose(() => dispatch({ type: "shut" }));

  const ticking = window.setInterval(() => {
    if (!state.ready && !state.ended && performance.now() - greeted > patience * 2 ** Math.min(greetings, 3)) hello();
    if (state.held.length) dispatch({ type: "tick" });
    pump();
    fetch();
  }, Math.min(500, patience / 4));
  const bye = () => { flush(); say({ type: "bye", view_id: viewId }); post({ here: false }); };
  document.addEventListener("visibilitychange", () => { watch.turn(); if (document.hidden) flush(); }, { signal });
  window.addEventListener("pagehide", bye, { signal });
  window.addEventListener("pageshow", (event) => event.persisted && hello(), { signal });
  window.addEventListener("storage", (event) => {
    const found = event.newValue && event.key && keep.read(event.key);
    if (found) dispatch({ type: "elsewhere", act: found });
  }, { signal });
  window.addEventListener("beforeunload", (event) => {
    flush();
    if (!state.keeps && state.held.length) event.preventDefault();
  }, { signal });
  view.refresh();
  return () => {
    if (signal.aborted) return;
    bye();
    stopper.abort();
    clearInterval(ticking);
    channel?.close();
    view.remove();
  };
}

// ---------------------------------------------------------------------------------- a notebook

/** The widget: messages over the comm. @param {{ model: any, el: HTMLElement }} context */
function render({ model, el }) {
  /** @type {[string, any][]} */
  const listening = [];
  const on = (name, heard) => { listening.push([name, heard]); model.on(name, heard); };
  const remove = mount(el, {
    send: (message) => model.send(message),
    onMessage: (heard) => on("msg:custom", heard),
    onOpen: (opened) => opened(),
    // when the kernel is gone; a message that comes all the same shows that it is back
    onClose: (closed) => { on("comm:close", closed); on("comm_live_update", closed); },
  });
  return () => {
    listening.forEach(([name, heard]) => model.off(name, heard));
    remove();
  };
}

export default { render };
