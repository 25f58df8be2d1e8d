// @ts-check
/* One step in full. */

import { keyed } from "./controls.js";
import { h } from "./elements.js";
import { askedBox, bringNote, partBox, settleShown } from "./rendering.js";
import { stepsOf } from "./state.js";
import { counted, lookOf, parsed, permalink } from "./texts.js";
import { copyButton } from "./values.js";

/** @import { Context } from "./panel.js" */
/** @import { State } from "./state.js" */

/** The pane that shows a step. @param {Pick<Context, "ask" | "go" | "say" | "signal" | "state">} context @param {(at: number) => void} after what is done when a step is shown */
export function detailPane({ ask, go, say, signal, state }, after) {
  const node = h("section", { class: "wi-detail", tabindex: "0", "aria-label": "Step" });
  // a step is told in haste, without what joins it to others, where the kernel has not read its run
  let of = "", plain = false, hasty = false, step = /** @type {any} */ (null);
  const drawn = (/** @type {Element} */ part) => { settleShown(part, state()); };
  const watcher = new ResizeObserver(() => settleShown(node, state()));
  watcher.observe(node);
  signal.addEventListener("abort", () => watcher.disconnect());
  // what is opened may hold what is searched for
  node.addEventListener("toggle", (/** @type {any} */ event) => { const body = event.target.closest(".wi-body"); if (body && state().query) drawn(body); }, true);
  node.addEventListener("wi-reveal", async (/** @type {any} */ event) => {
    const [, part, start, end] = event.detail, where = `Characters ${counted(start)} to ${counted(end)} of part ${part}`;
    say(`${where}${await bringNote(node, event.detail) ? "" : " are not in what is shown of this step: load more parts"}.`);
  });
  async function load(again = false) {
    const { run, at } = state(), key = `${run}:${at}`;
    of = key;
    if (run < 0 || !stepsOf(state())) { step = null; return node.replaceChildren(); }
    const reply = await ask({ type: "step", run, step: at, here: true });
    if (of !== key || signal.aborted) return;
    const before = again ? JSON.stringify(step?.parts) : null;
    [step, hasty] = [reply.step, reply.hasty === true];
    if (!step) return node.replaceChildren(h("p", {}, "This step could not be read."));
    const within = node.contains(document.activeElement), made = stepView(step, { run: state().runs[run], place: run, at, ask, go, plain: () => plain, drawn });
    if (before === JSON.stringify(step.parts)) return join(made);
    node.replaceChildren(...made);
    node.scrollTop = 0;
    if (within) node.focus({ preventScroll: true });
    mark();
    after(at);
  }
  /** Renew what was told in haste, and leave the texts as somebody may have opened them. @param {any[]} made */
  function join(made) {
    for (const name of ["wi-links", "wi-meta"]) {
      const fresh = made.find((each) => each.classList?.contains(name)), old = node.querySelector(`:scope > .${name}`);
      if (fresh && old) old.replaceWith(fresh); else if (fresh) node.firstElementChild?.after(fresh);
    }
  }
  /** Mark what is searched for, and bring the first of it into sight. */
  function mark() {
    const { query, hits, at } = state(), marked = settleShown(node, state());
    node.querySelector(".wi-elsewhere")?.remove();
    if (marked) {
      const top = node.querySelector(".wi-found-text").getBoundingClientRect().top - node.getBoundingClientRect().top;
      if (top < 0 || top > node.clientHeight - 20) node.scrollTop += top - node.clientHeight / 3;
    } else if (query && hits.includes(at)) node.firstElementChild?.after(h("p", { class: "wi-soft wi-elsewhere" }, "What is searched for is in this step, but not in what is shown of it: load more, or open what is closed."));
  }
  return {
    node,
    /** @param {State} now @param {State} before */
    show(now, before) {
      if (now.run !== before.run || now.at !== before.at) load();
      else if (now.query !== before.query || now.how !== before.how || now.hits !== before.hits) mark();
      else if (now.notes !== before.notes) settleShown(node, now);
    },
    /** Ask again for what was told in haste: the kernel has read the run. */
    again() { if (hasty) load(true); },
    /** Show texts as they are, or as what they mean. */
    turn() {
      plain = !plain;
      for (const modes of node.querySelectorAll(".wi-modes")) (plain ? modes.querySelector("[data-way=text]") : modes.firstElementChild)?.click();
      say(plain ? "Texts are shown as they are." : "Texts are shown as what they mean.");
    },
    /** Go to the call of this result, or to the result of this call. @param {number} way */
    follow(way) {
      const to = way < 0 ? step?.call_step : step?.answers?.[0];
      if (Number.isInteger(to)) go(to); else say(way < 0 ? "No step is known that asked for this one." : "No step is known that answers this one.");
    },
  };
}

/** A step in full. @param {any} step
 * @param {{ run: RunRow, place: number, at: number, ask(message: any): Promise<any>, go(at: number): void, plain(): boolean, drawn(node: Element): void }} around @returns {Node[]} */
function stepView(step, { run, place, at, ask, go, plain, drawn }) {
  const [shape, look, word] = lookOf(step.kind), link = permalink(run, place, at);
  const head = h("div", { class: "wi-bar wi-head" }, h("h2", {}, h("span", { class: `wi-kind wi-kind-${look}` }, h("span", { class: "wi-shape", "aria-hidden": "true" }, shape), `${at} ${word}`), ` ${step.tool ?? step.agent ?? step.name ?? ""}`),
    h("code", { class: "wi-link", title: link }, link), copyButton("Copy link", () => link));
  const facts = [];
  for (const name of ["status", "agent", "model", "tool_call_id", "finish_reason", "name", "span_id", "source"]) {
    if (step[name] !== undefined && step[name] !== "unset") facts.push([name.replaceAll("_", " "), step[name]]);
  }
  for (const [name, value] of Object.entries(step.usage ?? {})) facts.push([name.replaceAll("_", " "), name === "cost_usd" ? String(value) : counted(Number(value))]);
  if (step.flags) facts.push(["flags", step.flags.join(", ")]);
  const links = linksOf(step).map(([to, words, key]) => keyed(words, key ?? "", () => go(to)));
  const asking = (/** @type {any} */ what) => (/** @type {number} */ from) => ask({ ...what, run: place, step: at, from });
  const around = (/** @type {number} */ number) => ({ step: at, number, plain, drawn, more: asking({ type: "text", part: number }) });
  const views = (/** @type {any} */ { parts, from }) => parts.map((/** @type {any} */ part, /** @type {number} */ place) => partView(part, around(from + place)));
  const rest = h("button", { type: "button" });
  let shown = step.parts.length;
  const settle = () => { rest.textContent = `Show more parts (${counted(step.n_parts - shown)} left)`; rest.hidden = shown >= step.n_parts; };
  rest.addEventListener("click", async () => {
    const { step: page } = await ask({ type: "step", run: place, step: at, from: shown });
    if (!page?.parts.length || page.from !== shown) return;
    shown += page.parts.length;
    rest.before(...views(page));
    settle();
  });
  settle();
  const asked = (/** @type {string} */ style, /** @type {string} */ label, /** @type {any} */ what) => {
    const details = h("details", { class: `wi-asked ${style}` }, h("summary", {}, label));
    details.addEventListener("toggle", () => { if (details.open && details.childElementCount === 1) details.append(askedBox(asking(what), around(-1))); });
    return details;
  };
  const more = h("div");
  // a step without a text may hold something else
  if (!step.n_parts) asking({ type: "text", part: -1 })(0).then((reply) => {
    const text = parsed(reply.text ?? "")?.extra;
    if (text) more.append(h("section", { class: "wi-extra" }, partBox({ type: "extra", role: "", text }, around(-1), [h("h3", {}, "what the log says of it")])));
  });
  const wrong = [step.error_type, step.error_message].filter(Boolean).join(": ");
  return [head, ...(links.length ? [h("div", { class: "wi-bar wi-links" }, ...links)] : []), ...(wrong ? [h("p", { class: "wi-error" }, wrong)] : []), ...views(step), rest, more,
    h("dl", { class: "wi-meta" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])),
    asked("wi-raw", "Raw: the whole step as it was read", { type: "text", part: -1 }), asked("wi-source", "Source: the bytes in the file", { type: "source" })];
}

/** Where a step leads to: each step, and in words why. @param {any} step @returns {[to: number, words: string, key?: string][]} */
function linksOf(step) {
  const links = /** @type {[number, string, string?][]} */ ([]);
  if (Number.isInteger(step.call_step)) links.push([step.call_step, `asked for by step ${step.call_step}`, "["]);
  (step.answers ?? []).forEach((/** @type {number} */ answer, /** @type {number} */ nth) => links.push([answer, `answered by step ${answer}`, nth ? "" : "]"]));
  if (Number.isInteger(step.parent)) links.push([step.parent, `inside step ${step.parent}${step.links?.caller ? `: ${step.links.caller}` : ""}`]);
  for (const [to, words] of step.links?.others ?? []) links.push([to, `${words}: step ${to}`]);
  return links;
}

const TITLES = /** @type {Record<string, string>} */ ({ tool_call: "arguments", tool_call_response: "result", server_tool_call: "arguments", server_tool_call_response: "result" });
/** A part of a step. @param {any} part @param {import("./rendering.js").Around} around @returns {HTMLElement} */
function partView(part, around) {
  const words = [part.role, TITLES[part.type] ?? part.type, part.name ?? "", part.broken ? "(broken JSON)" : "", part.mime_type ?? ""];
  return h("section", { class: `wi-part wi-part-${/^[a-z_]+$/.test(part.type) ? part.type : "opaque"}`, "data-part": String(around.number) },
    partBox(part, around, [h("h3", {}, words.filter(Boolean).join(" · "))]));
}
