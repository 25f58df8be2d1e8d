// @ts-check
/* What somebody codes, from when the page takes it until it is saved. Pure, but for the browser's storage. */

/**
 * @typedef {{ kind: string, step?: number, part?: number, start?: number, end?: number, quote?: string, find?: any }} Target
 * @typedef {{ op_id: string, n: number, kind: string, run: string, client_time?: string, annotation?: string, undoes?: string, done?: boolean,
 *   target?: Target, labels?: string[], severity?: string, comment?: string }} Act
 * @typedef {{ act: Act, since: number, tries: number, due: number }} Held
 */

/** How long an act may be without an answer before that is said, and it is sent again. */
export const WAIT = 3_000;
/** After so many times that the kernel is taken for gone. */
const SILENCE = 4;

export const unsaved = () => ({
  known: false, n: 0, saved: 0, now: 0, acts: /** @type {Act[]} */ ([]), held: /** @type {Held[]} */ ([]),
  /** what the journal said of the run that is open */
  base: { run: "", n: 0, saved: 0, codes: /** @type {any[]} */ ([]), done: false, last: /** @type {any[]} */ ([]), finished: /** @type {Record<string, boolean>} */ ({}) },
  refusal: "", failure: "", keeps: true,
});
/** @typedef {ReturnType<typeof unsaved>} Outbox */

/** @param {Outbox} s @param {Act[]} acts */
const unheard = (s, acts) => acts.filter((act) => !s.acts.some((each) => each.op_id === act.op_id));
/** The oldest act that is not saved, or the next. @param {Outbox} s */
export const firstOpen = (s) => s.held.reduce((n, { act }) => Math.min(n, act.n), s.n + 1);
/** @param {Outbox} s @param {Act[]} acts */
const highest = (s, acts) => acts.reduce((n, act) => Math.max(n, act.n), s.n);
/** @param {Outbox} s @param {string} op */
const released = (s, op) => s.held.filter((each) => each.act.op_id !== op);
/** @param {Act} act @param {number} now @returns {Held} */
const holding = (act, now) => ({ act, since: now, tries: 0, due: 0 });

/** By what happens, the outbox after it. @type {Record<string, (s: Outbox, e: any) => Outbox>} */
const NEXT = {
  counted: (s, e) => ({ ...s, known: s.known || e.known === true, n: Math.max(s.n, e.n ?? 0), saved: Math.max(s.saved, e.saved) }),
  base(s, e) {
    // what was not saved when this was asked for may be missing in it, and what came later then says what became of that
    const open = new Set(s.held.map((each) => each.act.op_id));
    const acts = s.acts.filter((act) => act.run !== e.base.run || act.kind === "undo" || open.has(act.op_id) || act.n >= e.before || act.n > e.base.n);
    return { ...s, acts, base: e.base, n: Math.max(s.n, e.base.n), saved: Math.max(s.saved, e.base.saved), failure: "" };
  },
  found(s, e) {
    const acts = unheard(s, e.acts);
    return { ...s, acts: [...s.acts, ...acts], n: highest(s, acts), held: [...s.held, ...acts.map((act) => holding(act, s.now))] };
  },
  act: (s, e) => ({ ...s, acts: [...s.acts, e.act], held: [...s.held, holding(e.act, s.now)], n: highest(s, [e.act]), refusal: "" }),
  /** what another tab did */
  elsewhere(s, e) {
    const acts = unheard(s, [e.act]);
    return { ...s, acts: [...s.acts, ...acts], n: highest(s, acts) };
  },
  sent: (s, e) => ({ ...s, held: s.held.map((each) => each.act.op_id !== e.op_id ? each
    : { ...each, tries: each.tries + 1, due: s.now + e.wait * 2 ** Math.min(each.tries, 3) }) }),
  saved: (s, e) => ({ ...s, held: released(s, e.op_id), saved: Math.max(s.saved, e.saved), failure: "" }),
  dropped: (s, e) => ({ ...s, held: released(s, e.op_id), acts: s.acts.filter((act) => act.op_id !== e.op_id), refusal: e.reason ?? s.refusal }),
  failed: (s, e) => ({ ...s, failure: e.reason }),
  forgetful: (s) => ({ ...s, keeps: false }),
  tick: (s) => s,
};
/** The outbox after something happened; never changes the one before. @param {Outbox} s @param {any} e @returns {Outbox} */
export const posted = (s, e) => Object.hasOwn(NEXT, e.type) ? NEXT[e.type]({ ...s, now: e.now ?? s.now }, e) : s;

/** @param {Act} a @param {Act} b whether `a` was done after `b`, in whatever order they arrived */
const after = (a, b) => a.n !== b.n ? a.n > b.n
  : (a.client_time ?? "") !== (b.client_time ?? "") ? (a.client_time ?? "") > (b.client_time ?? "") : a.op_id > b.op_id;
/** @param {Outbox} s */
const undoneIn = (s) => new Set(s.acts.map((act) => act.undoes));
/** @param {Outbox} s @param {string} run what the journal said of this run */
const baseOf = (s, run) => s.base.run === run ? s.base : unsaved().base;

/** One's own annotations of a run that stand, in the order of its steps. @param {Outbox} s @param {string} run @returns {Act[]} */
export function standing(s, run) {
  const undone = undoneIn(s), found = /** @type {Map<string, Act>} */ (new Map());
  const told = baseOf(s, run).codes.filter((each) => each.who === "").map((each) => ({ ...each, kind: "annotate" }));
  for (const act of [...told, ...s.acts.filter((each) => each.run === run && /^(annotate|delete)$/.test(each.kind))]) {
    const name = act.annotation ?? act.op_id, last = found.get(name);
    if (!undone.has(act.op_id) && (!last || after(act, last))) found.set(name, { ...act, annotation: name });
  }
  return [...found.values()].filter((act) => act.kind === "annotate").sort((a, b) => (a.target?.step ?? -1) - (b.target?.step ?? -1) || a.n - b.n);
}
/** The acts on a run that can be undone. @param {Outbox} s @param {string} run @returns {any[]} */
const undoable = (s, run) => {
  const undone = undoneIn(s), mine = s.acts.filter((act) => act.run === run && act.kind !== "undo");
  return [...baseOf(s, run).last.filter((each) => !mine.some((act) => act.op_id === each.op_id)), ...mine].filter((each) => !undone.has(each.op_id));
};
/** The last act on a run that was not undone. @param {Outbox} s @param {string} run @returns {any} */
export const lastAct = (s, run) => undoable(s, run).reduce((one, two) => one && after(one, two) ? one : two, null);
/** Whether a run is marked as coded. @param {Outbox} s @param {string} run */
export function isCoded(s, run) {
  const ends = undoable(s, run).filter((act) => act.kind === "done" && act.done !== undefined);
  if (ends.length) return ends.reduce((one, two) => after(one, two) ? one : two).done;
  // what was undone here is known again once the journal has told
  return baseOf(s, run).done && !baseOf(s, run).last.some((each) => each.kind === "done" && undoneIn(s).has(each.op_id));
}

/** How long the oldest act has waited, in milliseconds. @param {Outbox} s */
const waited = (s) => s.held.reduce((most, each) => Math.max(most, s.now - each.since), 0);
/** How much is saved, in words. @param {Outbox} s @param {number} wait */
export const savedWords = (s, wait = WAIT) => `saved ${s.saved} of ${s.saved + s.held.length}${s.held.length && waited(s) >= wait ? " · not saved yet" : ""}`;
/** What the coder must know now. @param {Outbox} s @param {number} wait @returns {string[]} */
export function troubles(s, wait = WAIT) {
  const found = [], n = s.held.length, held = `This browser holds ${n} act${n === 1 ? "" : "s"} not saved yet`;
  if (s.failure && n) found.push(`Not saved yet: ${s.failure}`);
  else if (waited(s) >= SILENCE * wait) found.push(`The kernel does not answer. ${held}${s.keeps ? ", and keeps them" : ""}. Run this cell again, after restarting the kernel if need be.`);
  if (!s.keeps) found.push("This browser's storage is full or forbidden: keep this page open until all is saved.");
  if (s.refusal) found.push(`This was not accepted: ${s.refusal}`);
  return found;
}

/** What the browser keeps of acts that are not saved yet, one entry for each: two tabs that wrote one list would overwrite each other's.
 * @param {string} prefix */
export function keeper(prefix) {
  const key = (/** @type {string} */ op) => `${prefix}:${op}`;
  const trying = (/** @type {() => any} */ work) => { try { return work(); } catch { return undefined; } };
  const read = (/** @type {string} */ name) => trying(() => {
    const act = JSON.parse(localStorage.getItem(name) ?? "null");
    return act && name === key(act.op_id) ? act : undefined;
  });
  return {
    /** @param {Act} act @returns {boolean} whether it is kept */
    put: (act) => trying(() => { localStorage.setItem(key(act.op_id), JSON.stringify(act)); return true; }) ?? false,
    drop: (/** @type {string} */ op) => trying(() => localStorage.removeItem(key(op))),
    all: () => /** @type {Act[]} */ ((trying(() => Object.keys(localStorage)) ?? []).filter((/** @type {string} */ name) => name.startsWith(`${prefix}:`)).map(read).filter(Boolean).sort((/** @type {Act} */ a, /** @type {Act} */ b) => a.n - b.n)),
    read,
  };
}

/** A name that no other act has. @returns {string} */
export function newName() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // a page that is not secure (http on another host) has no randomUUID
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Characters of a text, as Python counts them. @param {string} text */
const pointsOf = (text) => [...text].length;
/** How often a text holds another, also where it overlaps. @param {string} text @param {string} sought */
function timesIn(text, sought) {
  let n = 0;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + 1)) n += 1;
  return n;
}
/** What is marked in the step that is shown: where it stands, or by what the journal finds it; null for nothing.
 * @param {HTMLElement} detail @returns {any} */
export function markedIn(detail) {
  const chosen = document.getSelection();
  if (!chosen || chosen.isCollapsed || !chosen.rangeCount) return null;
  const range = chosen.getRangeAt(0), within = (/** @type {Node} */ node) => /** @type {HTMLElement | null | undefined} */ ((node instanceof Element ? node : node.parentElement)?.closest(".wi-part"));
  if (!detail.contains(range.startContainer) || !detail.contains(range.endContainer)) return null;
  const box = within(range.startContainer), quote = range.toString();
  if (!quote.trim()) return null;
  if (!box || box !== within(range.endContainer)) return { wrong: "Mark text within one part of the step." };
  const part = Number(box.dataset.part), shown = box.querySelector(".wi-body") ?? box, first = shown.firstElementChild;
  const before = document.createRange(), exact = first?.matches("pre.wi-text") && first.contains(range.startContainer) && first.contains(range.endContainer);
  before.setStart(shown, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = pointsOf(before.toString());
  if (exact) return { part, start, end: start + pointsOf(quote), quote: [...quote].slice(0, 2_000).join("") };
  // what is shown as a tree or a table stands elsewhere in the text as it was read
  return { quote, find: { part, nth: timesIn(before.toString(), quote), of: timesIn(shown.textContent ?? "", quote) } };
}
