// @ts-check
/* What people say of a run, a step, or a piece of a text: written down here, kept in the journal. */

import { keyed, pressed } from "./controls.js";
import { h } from "./elements.js";
import { firstOpen, isCoded, keeper, lastAct, markedIn, newName, posted, savedWords, standing, troubles, unsaved, WAIT } from "./outbox.js";
import { counted, visible } from "./texts.js";

/** @import { Context, View } from "./panel.js" */
/** @import { Act, Target } from "./outbox.js" */

/** The name of a run, as the journal's panel knows it. @param {RunRow | undefined} run */
const runKey = (run) => run ? `${run.id}${run.long_id ?? ""}` : "";

/** What an annotation is about, in words. @param {any} target */
const aboutWords = (target) => ({ run: "the run", step: `step ${target.step}`, omission: `missing after step ${target.step}`, range: `in step ${target.step}` })[/** @type {string} */ (target.kind)] ?? "";

/** The form in which an annotation is written. @param {string} uid @param {any} scheme
 * @param {{ save(form: any): void, cancel(): void }} to */
function annotationForm(uid, scheme, to) {
  let about = /** @type {any} */ ({}), chosen = new Set(), severity = "";
  const title = h("h3", {}), define = h("p", { class: "wi-soft", "aria-live": "polite" }), wrong = h("p", { class: "wi-error", role: "alert", hidden: true });
  const quoted = h("p", { class: "wi-quote", hidden: true });
  const words = h("input", { id: `${uid}q`, type: "text", autocomplete: "off", placeholder: "or mark them in the text first" }), wordsRow = h("p", { class: "wi-field" }, h("label", { for: `${uid}q` }, "Only these words"), words);
  const comment = h("textarea", { id: `${uid}c`, rows: "1", maxlength: "4000" });
  const option = (/** @type {any} */ each, /** @type {() => void} */ pick) => h("button", { type: "button", onclick: pick, "aria-keyshortcuts": each.key, "aria-pressed": "false", class: "wi-label", title: [each.name, each.text].filter(Boolean).join(": "), onfocus: () => tell(each), onpointerenter: () => tell(each) }, pressed(each.key), " ", each.name);
  const tell = (/** @type {any} */ each) => { define.textContent = each.text ? visible(`${each.name}: ${each.text}`) : ""; };
  const labels = new Map(scheme.labels.map((/** @type {any} */ each) => [each.key, { each, node: option(each, () => pick(each.key)) }]));
  const grave = new Map(scheme.severities.map((/** @type {any} */ each) => [each.key, { each, node: option(each, () => pick(each.key)) }]));
  const groups = /** @type {string[]} */ ([...new Set(scheme.labels.map((/** @type {any} */ each) => each.group))]);
  const node = h("section", { class: "wi-form", role: "group", "aria-labelledby": `${uid}f`, hidden: true }, title, quoted,
    ...groups.map((group) => h("div", { class: "wi-labels", role: "group", "aria-label": group || "Labels" }, ...(group ? [h("span", { class: "wi-soft" }, group)] : []),
      ...[...labels.values()].filter(({ each }) => each.group === group).map(({ node: button }) => button))),
    define, wordsRow, h("p", { class: "wi-field" }, h("label", { for: `${uid}c` }, "Comment ", pressed("/")), comment), wrong,
    h("div", { class: "wi-bar wi-form-end" }, ...(grave.size ? [h("div", { class: "wi-bar", role: "group", "aria-label": "Severity" }, ...[...grave.values()].map(({ node: button }) => button))] : []),
      keyed("Save", "Enter", () => save()), keyed("Cancel", "Escape", () => to.cancel())),
    h("details", {}, h("summary", {}, `Definitions of ${scheme.name}`), h("p", { class: "wi-soft" }, scheme.text), h("dl", { class: "wi-meta" }, ...scheme.labels.flatMap((/** @type {any} */ each) => [h("dt", {}, each.name), h("dd", {}, each.text)]))));
  title.id = `${uid}f`;
  /** @param {string} key */
  function pick(key) {
    const label = labels.get(key), grade = grave.get(key);
    if (!label && !grade) return false;
    if (label) chosen.has(label.each.name) ? chosen.delete(label.each.name) : chosen.add(label.each.name);
    else severity = severity === grade.each.name ? "" : grade.each.name;
    tell((label ?? grade).each);
    draw();
    return true;
  }
  function draw() {
    for (const { each, node: button } of labels.values()) button.setAttribute("aria-pressed", String(chosen.has(each.name)));
    for (const { each, node: button } of grave.values()) button.setAttribute("aria-pressed", String(severity === each.name));
  }
  /** @param {string} text */
  const refuse = (text) => { wrong.textContent = visible(text); wrong.hidden = !text; };
  function save() {
    if (!chosen.size && !comment.value.trim()) return refuse("Choose a label, or write a comment.");
    to.save({ ...about, labels: [...chosen], severity, comment: comment.value, words: wordsRow.hidden ? "" : words.value });
  }
  return {
    node, refuse,
    /** @param {any} given what it is about, and what is said of it already */
    open(given) {
      [about, chosen, severity] = [{ run: given.run, target: given.target, annotation: given.annotation }, new Set(given.labels ?? []), given.severity ?? ""];
      comment.value = given.comment ?? "";
      const typed = given.target.find?.part === -1;
      words.value = typed ? given.target.quote : "";
      wordsRow.hidden = given.target.kind !== "step" && !typed;
      quoted.textContent = visible(given.target.quote ?? "");
      quoted.hidden = !given.target.quote || typed;
      title.textContent = `${given.annotation ? "Change" : "Annotate"}: ${aboutWords(given.target)}`;
      define.textContent = "";
      refuse("");
      draw();
      node.hidden = false;
      labels.values().next().value.node.focus();
      node.scrollIntoView({ block: "nearest" });
    },
    /** @param {any} event @returns {boolean} whether the key meant something here */
    key(event) {
      const { target, key } = event;
      if (key === "Escape") return target === comment && comment.value ? labels.values().next().value.node.focus() : to.cancel(), true;
      if (key === "Enter" && !(target === comment && event.shiftKey) && !/^(Cancel|Definitions)/.test(target.matches?.("button, summary") ? target.textContent : "")) return save(), true;
      if (target.matches?.("input, textarea")) return false;
      return key === "/" ? (comment.focus(), true) : pick(key);
    },
  };
}

/** @param {Context} context @returns {View} */
export function codingSection(context) {
  const { coding, dispatch, say, signal, detail, go } = context, on = Boolean(coding.annotator), wait = coding.wait ?? WAIT;
  let box = unsaved(), fetched = 0, overdue = Infinity, tries = 0, editing = false, at = "";
  const prefix = `workbench-coding:${coding.store}:${coding.rules ? "rules" : "codes"}:${coding.annotator}`, keep = keeper(prefix);
  const channel = on && "BroadcastChannel" in window ? new BroadcastChannel(prefix) : null;
  const here = () => context.state().runs[context.state().run], key = () => runKey(here());

  // ---- what is in the page
  const heading = h("h2", {}, "Annotations"), saved = h("span", { class: "wi-soft wi-saved", role: "status" }), notes = h("div", { class: "wi-trouble", role: "alert" });
  const list = h("ul", { class: "wi-codes" }), finished = h("p", { class: "wi-soft", hidden: true });
  const done = keyed("Run coded", "D", () => finish(), { "aria-pressed": "false" });
  const keepMark = { onmousedown: (/** @type {Event} */ event) => event.preventDefault() }; // a button that takes the focus takes what is marked
  const tools = [keyed("Annotate step", "a", () => begin("step"), keepMark), keyed("Run", "A", () => begin("run"), { "aria-label": "Annotate run" }),
    keyed("Omission after it", "o", () => begin("omission")), keyed("Undo", "u", () => undo()), done];
  const form = on ? annotationForm(`${context.uid}e`, coding.scheme, { save: (given) => store(given), cancel: () => close() }) : null;
  const readOnly = coding.file ? h("p", { class: "wi-soft" }, "This is a file: annotations can be read here, and written in the notebook.") : "";
  const quiet = h("p", { class: "wi-soft wi-quiet" }, on && coding.hints === false ? "Outcomes, scores, findings and suspects are hidden while you code." : "");
  const node = h("section", { class: "wi-coding", "aria-label": "Annotations", tabindex: "-1", hidden: true },
    h("div", { class: "wi-bar" }, heading, saved), ...(on ? [h("div", { class: "wi-bar wi-code-tools" }, ...tools)] : []), notes, ...(form ? [form.node] : []), finished, list, quiet, readOnly);

  // ---- the outbox
  /** @param {any} event */
  function happen(event) {
    box = posted(box, { ...event, now: performance.now() });
    draw();
  }
  /** @param {any} news */
  const broadcast = (news) => channel?.postMessage(news);
  /** Do something that is to be stored. @param {any} parts */
  function act(parts) {
    const made = { op_id: newName(), n: box.n + 1, client_time: new Date().toISOString(), ...parts };
    const kept = keep.put(made);
    happen({ type: "act", act: made });
    if (!kept) happen({ type: "forgetful" });
    broadcast({ act: made });
    pump();
  }
  /** Send what is due, oldest first. */
  function pump() {
    if (!box.known) return;
    for (const { act: each } of box.held.filter((held) => held.due <= performance.now()).slice(0, 20)) send(each);
  }
  /** @param {Act} each */
  async function send(each) {
    happen({ type: "sent", op_id: each.op_id, wait });
    const place = context.state().runs.findIndex((run) => runKey(run) === each.run);
    let reply;
    try { reply = await context.post({ type: "code", run: place, act: each }); } catch { return; }
    if (signal.aborted || !reply) return;
    if (reply.saved) {
      keep.drop(each.op_id);
      happen({ type: "saved", op_id: each.op_id, saved: reply.saved.saved });
      broadcast({ saved: box.saved });
      // an undo may bring back what is older than this page, and so may what became of an act that is saved late; words were found by the kernel
      if (each.kind === "undo" || each.n < box.base.n || each.target?.find) fetchCodes();
    } else if (reply.refused) {
      keep.drop(each.op_id);
      happen({ type: "dropped", op_id: each.op_id, reason: reply.refused });
      broadcast({ dropped: each.op_id });
      // what was written is not lost
      if (each.kind === "annotate" && !editing) { edit(each); form?.refuse(reply.refused); }
    } else if (reply.failed) happen({ type: "failed", reason: reply.failed });
  }
  /** Ask how much is stored, until that is known; and what each run has. */
  async function greet() {
    const coded = /** @type {Record<number, any>} */ ({});
    for (let from = 0; from >= 0;) {
      const reply = await context.post({ type: "coded", run: 0, from });
      if (signal.aborted || box.known) return;
      for (const [place, n, over] of reply.coded) coded[place] = { n, done: over };
      from = reply.next;
      if (from < 0) {
        happen({ type: "counted", n: reply.n, saved: reply.saved, known: true });
        happen({ type: "found", acts: keep.all() });
      }
    }
    dispatch({ type: "coded", coded });
    pump();
  }
  /** Ask what there is of the run that is open; again, if no answer comes. */
  async function fetchCodes() {
    const run = context.state().run, name = key(), before = firstOpen(box), codes = [];
    if (run < 0) return;
    const turn = ++fetched;
    for (let from = 0; from >= 0;) {
      overdue = performance.now() + wait * 2 ** Math.min(tries, 3);
      const reply = await context.post({ type: "codes", run, from }).catch(() => null);
      if (signal.aborted || turn !== fetched || !reply?.codes) return;
      codes.push(...reply.codes);
      from = reply.next ?? -1;
      if (from < 0) {
        [overdue, tries] = [Infinity, 0];
        const told = { n: 0, saved: 0, done: false, last: [], finished: {}, ...reply.state };
        happen({ type: "base", before, base: { ...told, run: name, codes } });
      }
    }
  }

  // ---- what a coder does
  /** @param {string} kind */
  function begin(kind) {
    const { run, at: step } = context.state();
    if (!on || run < 0) return undefined;
    if (!box.known) return say("The journal has not answered yet.");
    if (kind === "run") return edit({ run: key(), target: { kind } });
    if (!here().n_steps) return say("This run has no steps.");
    const marked = kind === "step" ? markedIn(detail) : null;
    if (marked?.wrong) return say(marked.wrong);
    if (!marked) return edit({ run: key(), target: { kind, step } });
    edit({ run: key(), target: { kind: "range", step, ...marked } });
    return undefined;
  }
  /** @param {any} given */
  function edit(given) {
    editing = true;
    form?.open(given);
  }
  function close() {
    editing = false;
    if (form) form.node.hidden = true;
    node.scrollTop = 0; // how much is saved is to be seen
    context.stage().focus();
  }
  /** @param {any} given */
  function store({ run, target, annotation, labels, severity, comment, words }) {
    const { step } = target, about = words ? { kind: "range", step, quote: words, find: { part: -1 } } : target;
    act({ kind: "annotate", run, target: about, labels, severity, comment, ...(annotation ? { annotation } : {}) });
    close();
  }
  function undo() {
    if (!on || !box.known) return;
    const last = lastAct(box, key());
    if (!last) return say("There is nothing to undo in this run.");
    act({ kind: "undo", run: key(), undoes: last.op_id });
    say(`Undone: ${({ annotate: "the annotation", delete: "the deletion", done: "run coded" })[/** @type {string} */ (last.kind)]}.`);
  }
  function finish() {
    if (!on || !box.known || context.state().run < 0) return;
    const over = !isCoded(box, key());
    act({ kind: "done", run: key(), done: over });
    say(over ? "This run counts as coded." : "This run is open again.");
  }

  // ---- drawing
  /** @param {any} each @param {boolean} own */
  function item(each, own) {
    if (each.told) {
      const { name, label, score, explanation, by } = each.told, text = explanation && h("p", {}, explanation);
      // what is said of the whole run stands beside each step
      const folded = text && each.told.step === undefined && explanation.length > 140;
      return h("li", {}, h("b", {}, [name, label].filter(Boolean).join(": ") + (score ? ` (${score})` : "")), h("span", { class: "wi-soft" }, `${each.told.omission ? " · missing after this step" : ""}${each.told.step === undefined ? " · about the run" : ""} · said by ${by ?? "the source"}`), ...(folded ? [h("details", {}, h("summary", {}, `${explanation.slice(0, 80)}…`), text)] : text ? [text] : []));
    }
    const names = each.labels.length ? each.labels.join(", ") : "(comment)";
    const more = { labels: each.labels, severity: each.severity, comment: each.comment };
    const buttons = !on ? [] : own ? [keyed("Change", "", () => edit({ run: key(), target: each.target, annotation: each.annotation, ...more }), { "aria-label": `Change ${names}` }),
      keyed("Delete", "", () => { act({ kind: "delete", run: key(), annotation: each.annotation }); node.focus({ preventScroll: true }); }, { "aria-label": `Delete ${names}` })]
      : [keyed("Accept", "", () => act({ kind: "annotate", run: key(), target: each.target, ...more }), { "aria-label": `Accept ${names} of ${each.who}` })];
    const { kind, start, end, part } = each.target, nth = kind === "range" && numbers.get(nameOf(each));
    const where = nth ? [keyed(`${nth} · characters ${counted(start)} to ${counted(end)} of part ${part}`, "", () => detail.dispatchEvent(new CustomEvent("wi-reveal", { detail: rangeOf(each) })), { class: "wi-where", title: "show them in the text" })] : [];
    return h("li", { "data-op": each.op_id }, ...(own ? [] : [h("span", { class: "wi-who" }, each.who), " "]), h("b", {}, names), h("span", { class: "wi-soft" }, `${each.severity ? ` ${each.severity},` : ""} ${aboutWords(each.target)}`),
      ...(each.target.quote ? [h("p", { class: "wi-quote" }, each.target.quote)] : []), ...(each.comment ? [h("p", {}, each.comment)] : []), ...(where.length || buttons.length ? [h("div", { class: "wi-bar" }, ...where, ...buttons)] : []));
  }
  const nameOf = (/** @type {any} */ each) => each.annotation ?? each.op_id;
  /** The stretches of texts that are marked in each step, numbered. */
  let numbers = /** @type {Map<string, number>} */ (new Map());
  const rangeOf = (/** @type {any} */ each) => numbers.has(nameOf(each)) ? [nameOf(each), each.target.part, each.target.start, each.target.end, numbers.get(nameOf(each))] : undefined;
  /** @param {any[]} all */
  function number(all) {
    const found = all.map((each) => each.target ?? {}).flatMap(({ kind, start }, at) => kind === "range" && Number.isInteger(start) ? [all[at]] : []);
    found.sort(({ target: a }, { target: b }) => a.step - b.step || a.part - b.part || a.start - b.start || a.end - b.end);
    numbers = new Map(found.map((each, at) => [nameOf(each), at + 1 - found.findIndex((other) => other.target.step === each.target.step)]));
  }
  let drawn = "", told = "";
  function draw() {
    const s = context.state(), run = key(), mine = standing(box, run);
    const others = box.base.run === run ? box.base.codes.filter((each) => each.who !== "") : [];
    const stepOf = (/** @type {any} */ each) => each.told ? each.told.step : each.target.step;
    const all = [...mine.map((each) => ({ ...each, who: "" })), ...others];
    const near = [...all.filter((each) => stepOf(each) === s.at), ...all.filter((each) => stepOf(each) === undefined)];
    node.hidden = !on && !all.length && !(coding.file && others.length);
    const words = on && box.known ? savedWords(box, wait) : "";
    if (saved.textContent !== words) saved.textContent = words;
    const said = troubles(box, wait);
    if (said.join("\n") !== told) notes.replaceChildren(...said.map((each) => h("p", {}, each)));
    told = said.join("\n");
    const over = isCoded(box, run), ends = Object.entries(box.base.run === run ? box.base.finished : {});
    const shown = JSON.stringify([run, s.at, over, ends, all.map((each) => [each.op_id, each.target?.start])]);
    if (shown === drawn) return;
    drawn = shown;
    number(all);
    quiet.hidden = all.length > 0;
    heading.textContent = all.length ? `Annotations: ${near.length} here, ${all.length} in this run` : "Annotations";
    const focus = list.contains(document.activeElement);
    list.replaceChildren(...near.map((each) => item(each, each.who === "" && on)));
    if (focus) node.focus({ preventScroll: true });
    done.setAttribute("aria-pressed", String(over));
    finished.hidden = !ends.length;
    finished.textContent = ends.map(([who, ended]) => `${who} ${ended ? "has coded this run" : "is not done"}`).join(", ");
    tellPanel(s, mine, others, over);
  }
  /** Let the panel's lists show what there is. @param {any} s @param {Act[]} mine @param {any[]} others @param {boolean} over */
  function tellPanel(s, mine, others, over) {
    const line = (/** @type {any} */ each) => [each.who, each.target.kind === "omission" ? "missing after it:" : "", each.labels.join(", "), each.comment].filter(Boolean).join(" ");
    const told = [...mine, ...others.filter((each) => !each.told)].filter((each) => each.target?.step !== undefined)
      .map((each) => ({ type: "note", step: /** @type {any} */ (each.target).step, text: line(each).slice(0, 200), range: rangeOf(each) })).sort((a, b) => a.step - b.step);
    if (JSON.stringify(told) !== JSON.stringify(s.notes)) dispatch({ type: "notes", run: s.run, notes: told });
    const count = s.coded[s.run] ?? { n: 0, done: false };
    if (on && box.base.run === key() && (count.n !== mine.length || count.done !== over)) dispatch({ type: "coded", coded: { [s.run]: { n: mine.length, done: over } } });
  }

  // ---- other tabs, and the passing of time
  channel?.addEventListener("message", ({ data }) => {
    if (data.act) happen({ type: "elsewhere", act: data.act });
    else if (data.dropped) happen({ type: "dropped", op_id: data.dropped });
    else if (data.saved) happen({ type: "counted", saved: data.saved });
  });
  window.addEventListener("storage", (event) => {
    const found = on && event.newValue && event.key && keep.read(event.key);
    if (found) happen({ type: "elsewhere", act: found });
  }, { signal });
  window.addEventListener("beforeunload", (event) => { if (!box.keeps && box.held.length) event.preventDefault(); }, { signal });
  let greeted = 0, greetings = 0;
  function tick() {
    if (!box.known && performance.now() >= greeted) {
      greeted = performance.now() + wait * 2 ** Math.min(greetings++, 3);
      greet().catch(() => {});
    }
    if (performance.now() >= overdue) {
      tries += 1;
      fetchCodes();
    }
    if (box.held.length) happen({ type: "tick" });
    pump();
  }
  const ticking = on ? window.setInterval(tick, Math.min(500, wait / 4)) : 0;

  /** @type {Record<string, () => any>} */
  const KEYS_HERE = { a: () => begin("step"), A: () => begin("run"), o: () => begin("omission"), D: finish, u: undo };
  return {
    name: "coding", label: "Annotations", node,
    show(state, before) {
      if (state.run !== before.run) fetchCodes();
      if (`${state.run}:${state.at}` !== at || state.runs !== before.runs) { at = `${state.run}:${state.at}`; draw(); }
    },
    stop() {
      clearInterval(ticking);
      channel?.close();
    },
    key(event) {
      const target = /** @type {any} */ (event.target);
      if (!on || !form) return false;
      if (editing && form.node.contains(target)) return form.key(event);
      if (target.matches?.("input, select, textarea") || !Object.hasOwn(KEYS_HERE, event.key)) return false;
      KEYS_HERE[event.key]();
      return true;
    },
  };
}
