// @ts-check
/* The panel: its parts, its keys, and what it asks for. */

import { choose, hearMarks } from "./choosing.js";
import { keyed } from "./controls.js";
import { detailPane } from "./detail.js";
import { h } from "./elements.js";
import { laterView, PARTS } from "./parts.js";
import { player } from "./playing.js";
import { runFacts } from "./runfacts.js";
import { runsSection } from "./runlist.js";
import { searchBar } from "./searchbar.js";
import { stepsView } from "./steplist.js";
import { differing, initial, reduce, stepsOf } from "./state.js";
import { MARKS, visible } from "./texts.js";

/** @import { News, State } from "./state.js" */
/** @typedef {{ first: any, ask(message: any): Promise<any>, part?(name: string): Promise<any>, close(): void, opening?(): any, sent?(hear: (opening: any) => void): void, moved?(run: RunRow, place: number, at: number): void }} Source what gives pages;
 * `part` brings a part of the panel that is no module beside this one; `opening` is the run and the step to begin at, `sent` tells where somebody is sent later, `moved` hears where one reads */
/** What the panel lends to its parts.
 * @typedef {{ uid: string, signal: AbortSignal, ask(message: any): Promise<any>, dispatch(event: News): void, open(run: number, at?: number): any,
 *   go(at: number): void, say(text: string): void, state(): State, coding: any, detail: HTMLElement, part(name: string): Promise<any>, post(message: any): Promise<any>, stage(): HTMLElement }} Context
 * `post` is `ask` for what is sent again until it is answered; `coding` says who codes; `stage` is what takes the keys in the view in sight */
/** A part of the panel. `show` is called after each change while the part is in sight, with the state and the one before.
 * @typedef {{ name: string, label: string, node: HTMLElement, show(state: State, before: State): void, stop(): void, key?(event: KeyboardEvent): boolean }} View */

const PASSING_MS = 200; // so long a run is looked at before it is gone through

/** By where they are heard, the keys and what they do. @type {Record<string, string[][]>} */
const HELP = {
  "Everywhere": [
    ["j k ↓ ↑", "next, previous step or run"], ["PgDn PgUp", "a screen further, back"], ["Home End", "first, last"], ["Enter", "open the run; read the step"],
    ["Esc", "back to the steps, then to the runs"], ["1 2 3 4", "steps, tree, timeline, side by side"], ["?", "these keys"],
  ],
  "Jump": [
    ["n N", "next, previous error"], ["t T", "next, previous tool call"], ["g G", "next, previous step of another agent"], ["s S", "next, previous suspect, likeliest first"],
    ["f F", "next, previous mark of the outline"], ["[ ]", "the call of this result, the result of this call"],
  ],
  "Search and play": [["/", "search; Enter and Shift+Enter go through what was found"], ["space", "play, pause"], ["+ −", "play faster, slower"], ["0", "show all steps again"], ["m", "texts as they are, or as what they mean"]],
  "Steps": [["← →", "fold, open steps that are alike"]],
  "Runs": [["← →", "close, open a group"], ["x", "put a run side by side with others, or take it out"], ["c", "side by side with the other runs of its task"]],
  "Tree": [["↓ ↑", "next, previous row"], ["← →", "close, open"], ["*", "open all beside it"]],
  "Timeline": [["← →", "from bar to bar"], ["+ − 0", "zoom in, out, show all"], ["Enter space", "read the step of the bar"]],
  "Side by side": [["d", "where the runs part"], ["n N", "next, previous difference"], ["← →", "from run to run"], ["m", "where a step was moved to"], ["p", "all runs of the task as paths"]],
};
const HELP_CODING = { "Annotations": [["a", "annotate the step, or what is marked in it"], ["A", "annotate the run"], ["o", "say what is missing after the step"], ["D", "the run is coded"], ["u", "undo"]] };
/** Who codes has keys of his own; where hints are hidden there is no suspect to go to.
 * @param {any} coding @returns {Record<string, string[][]>} */
function keysFor(coding) {
  const keys = { ...HELP, ...(coding?.annotator ? HELP_CODING : {}) };
  return coding?.hints === false ? { ...keys, Jump: HELP.Jump.filter(([names]) => names !== "s S") } : keys;
}
const PATIENCE = 2_000;

/** Put an inspector into an element.
 * @param {HTMLElement} el @param {Source} source @param {{ page?: boolean, patience?: number }} [options]
 * @returns {() => void} takes it away again */
export function mount(el, source, { page = false, patience = PATIENCE } = {}) {
  const uid = `wi${Math.random().toString(36).slice(2, 8)}`, stopper = new AbortController(), { signal } = stopper;
  let state = initial(), wanted = /** @type {number[] | null} */ (null);
  let waiting = 0, suspectAt = -1;

  /** Ask for a page, and say so when none comes. @param {any} message */
  async function ask(message) {
    waiting++;
    const timer = window.setTimeout(() => dispatch({ type: "late", late: true }), patience);
    try { return (await source.ask(message)) ?? {}; } catch { dispatch({ type: "late", late: true }); return { failed: "no connection" }; } finally {
      clearTimeout(timer);
      waiting--;
      if (state.late && !waiting) dispatch({ type: "late", late: false });
    }
  }

  // ---- what is in the page
  const status = h("p", { class: "wi-status wi-soft", role: "status" }), late = h("p", { class: "wi-late", role: "alert", hidden: true },
    "The kernel is busy, or gone: what was fetched can be read, and the rest comes when it answers.");
  const nSteps = h("span", {});
  const help = h("section", { class: "wi-help", hidden: true, tabindex: "0", "aria-label": "Keys" }, h("div", {}, ...Object.entries(keysFor(source.first.coding)).map(([where, keys]) => h("section", {}, h("h2", {}, where),
    h("dl", {}, ...keys.flatMap(([names, what]) => [h("dt", {}, ...names.split(" ").map((name) => h("kbd", {}, name))), h("dd", {}, what)]))))));
  const helpButton = keyed("Keys", "?", () => toggleHelp(), { "aria-expanded": "false" });
  const marks = h("div", { class: "wi-marks", role: "region", "aria-label": "Outline", tabindex: "0" });
  const rank = keyed("Rank suspects", "s", () => suspect(1)), blind = source.first.coding?.hints === false;
  const pane = detailPane({ ask, signal, state: () => state, go: (at) => go(at), say: (text) => say(text) }, (at) => { if (!steps.rowOf(at)) steps.draw(); }), detail = pane.node;
  /** @param {string} text */
  const say = (text) => { status.textContent = visible(text); };
  const context = { uid, signal, ask, dispatch, open, say, state: () => state, go: (/** @type {number} */ at) => go(at),
    coding: source.first.coding ?? {}, detail, part: source.part ?? ((/** @type {string} */ name) => PARTS[name]()), post: (/** @type {any} */ message) => source.ask(message), stage: () => stage() };
  const search = searchBar(context), runs = runsSection(context), steps = stepsView(context);
  const playing = player(context, { next: () => steps.further(1), rowOf: steps.rowOf }), facts = runFacts(context, steps.rowOf);
  steps.bar.append(playing.node);
  hearMarks(context, runs.node);
  const tree = laterView(context, { name: "tree", label: "Tree", make: ({ treeView }) => treeView(context) });
  const timeline = laterView(context, { name: "timeline", label: "Timeline", make: ({ timelineView }) => timelineView(context) });
  const aligned = laterView(context, { name: "aligned", label: "Side by side", make: ({ alignedView }) => alignedView(context) });
  const coding = laterView(context, { name: "coding", label: "Annotations", always: true, hidden: !context.coding.annotator, make: ({ codingSection }) => codingSection(context) });
  /** @type {View[]} */
  const views = [steps, tree, timeline, aligned];
  const tabs = views.map((view, at) => h("button", {
    type: "button", role: "tab", id: `${uid}t${at}`, "aria-controls": `${uid}v${at}`, "aria-selected": String(!at), tabindex: at ? "-1" : "0", onclick: () => turn(at),
  }, view.label));
  const panes = views.map((view, at) => h("div", { class: `wi-view wi-view-${view.name}`, role: "tabpanel", id: `${uid}v${at}`, "aria-labelledby": `${uid}t${at}`, hidden: at > 0 }, view.node));
  const root = h("div", { class: `workbench-inspector${page ? " wi-page" : ""}`, "data-lm-suppress-shortcuts": "true" },
    h("div", { class: "wi-tools", role: "search" }, ...(page ? [h("h1", {}, "Trajectories")] : []), ...search.nodes, helpButton), late, h("div", { class: "wi-over" }, help), search.results,
    h("div", { class: "wi-panes" },
      h("section", { class: "wi-left", "aria-label": "Runs and outline" },
        ...runs.nodes,
        h("div", { class: "wi-bar" }, h("h2", {}, "Outline"), rank), marks),
      h("section", { class: "wi-middle", "aria-label": "Steps of the run" }, h("div", { class: "wi-bar" }, h("div", { class: "wi-tabs", role: "tablist", "aria-label": "Views of the run" }, ...tabs)), ...panes),
      h("div", { class: "wi-right" }, facts.node, detail, coding.node)),
    h("div", { class: "wi-foot" }, nSteps, status));
  el.append(root);

  // ---- what happens
  /** @param {News} event */
  function dispatch(event) {
    const before = state;
    state = reduce(state, event);
    if (signal.aborted || state === before) return;
    refresh(before);
  }
  /** @param {State} before */
  function refresh(before) {
    const changed = differing(state, before);
    if (changed("run", "at")) say(""); // what was said of another step
    runs.show(state, before);
    steps.show(state, before);
    search.show(state, before);
    facts.show(state, before);
    playing.show(state, before);
    if (changed("run", "at", "runs", "only", "kept", "hits")) nSteps.textContent = steps.told(state);
    if (changed("marks", "suspects", "run", "notes")) drawMarks();
    late.hidden = !state.late;
    if (changed("view")) tabs.forEach((tab, at) => {
      const on = views[at].name === state.view;
      tab.setAttribute("aria-selected", String(on));
      tab.setAttribute("tabindex", on ? "0" : "-1");
      panes[at].hidden = !on;
    });
    if (state.view !== "steps") views.find((view) => view.name === state.view)?.show(state, before);
    coding.show(state, before);
    pane.show(state, before);
    if (changed("run", "at") && state.runs[state.run]) source.moved?.(state.runs[state.run], state.run, state.at);
  }
  /** @param {number | undefined} run @param {number} [at] */
  async function open(run, at) {
    if (run === undefined || !state.runs[run]) return;
    const same = run === state.run, passing = state.run >= 0;
    suspectAt = -1;
    dispatch({ type: "open", run, at });
    if (same) return;
    // who only passes through a run must not wait, in the next one, for the kernel to read all of this
    if (passing) await new Promise((done) => { setTimeout(done, PASSING_MS); });
    if (run !== state.run) return;
    if (passing) steps.fetchFolds();
    const reply = await ask({ type: "marks", run });
    if (reply.marks) dispatch({ ...reply, type: "marks", run });
    if (run === state.run) for (const each of [steps, pane]) each.again();
    if (state.query && run === state.run) search.look(run);
  }
  /** @param {number | undefined} at */
  function go(at) {
    if (at === undefined || at < 0 || !stepsOf(state)) return;
    const before = state.at;
    dispatch({ type: "go", at });
    if (state.at === before) steps.reveal(); // it may have been scrolled away from
  }
  /** @param {"error" | "tool" | "agent"} what @param {number} way */
  async function next(what, way) {
    const { run, at } = state;
    const reply = await ask({ type: "next", run, what, from: at, way });
    if (run !== state.run || reply.step === undefined) return;
    if (reply.step < 0) say(`There is no ${{ error: "error", tool: "tool call", agent: "step of another agent" }[what]} ${way > 0 ? "after" : "before"} this step.`); else go(reply.step);
  }
  /** @param {number} way */
  async function suspect(way) {
    const { run } = state;
    if (run < 0) return;
    if (!state.suspects) {
      say("Ranking the steps …");
      const reply = await ask({ type: "suspects", run });
      if (!reply.suspects) return say("The suspects could not be ranked.");
      say(reply.reason || "");
      dispatch({ type: "suspects", run, suspects: reply.suspects });
      if (reply.reason) return;
    }
    if (run !== state.run || !state.suspects?.length) return say("There is no suspect in this run.");
    suspectAt = (suspectAt + way + state.suspects.length) % state.suspects.length;
    if (suspectAt < 0) suspectAt = 0;
    go(state.suspects[suspectAt].step);
    say(`Suspect ${suspectAt + 1} of ${state.suspects.length}: ${state.suspects[suspectAt].text}`);
  }
  /** Go to the next mark of the outline. @param {number} way */
  function finding(way) {
    const all = [...(state.suspects ?? []), ...state.marks, ...state.notes].filter((mark) => (mark.step - state.at) * way > 0);
    const next = all.sort((one, two) => (one.step - two.step) * way)[0];
    if (!next) return say(`The outline has nothing ${way > 0 ? "after" : "before"} this step.`);
    go(next.step);
    say(`${next.type}: ${next.text}`);
  }
  /** @param {boolean} [on] */
  function toggleHelp(on = help.hidden) {
    help.hidden = !on;
    helpButton.setAttribute("aria-expanded", String(on));
  }

  const viewAt = () => views.findIndex((view) => view.name === state.view);
  /** What takes the keys in the view in sight; its tab where there is nothing yet. @returns {HTMLElement} */
  const stage = () => /** @type {HTMLElement[]} */ ([...panes[viewAt()].querySelectorAll("[tabindex='0']")]).find((each) => each.getClientRects().length) ?? tabs[viewAt()];
  /** Show another view of the run. @param {number} at */
  function turn(at) {
    dispatch({ type: "view", view: views[at].name });
    tabs[at].focus();
  }
  /** Show another view, and go into it. @param {number} at */
  function enter(at, tries = 20) {
    if (state.view !== views[at].name) turn(at);
    stage().focus({ preventScroll: true });
    // what it shows may be on its way
    if (tries && document.activeElement === tabs[at]) setTimeout(() => { if (document.activeElement === tabs[at] && !signal.aborted) enter(at, tries - 1); }, 50);
  }
  /** From where one is to the steps, and from these to the runs. */
  function back() {
    const { activeElement } = document;
    if (!help.hidden) return toggleHelp(false);
    if (activeElement === steps.list.node) return state.only ? steps.showOnly(null) : runs.node.focus();
    if (activeElement === stage()) dispatch({ type: "view", view: "steps" });
    stage().focus();
  }

  // ---- drawing
  function drawMarks() {
    const all = [...(state.suspects ?? []), ...[...state.marks, ...state.notes].sort((one, two) => one.step - two.step)];
    const button = (/** @type {Mark} */ mark) => h("button", { type: "button", title: mark.text, class: `wi-mark wi-mark-${Object.hasOwn(MARKS, mark.type) ? mark.type : "note"}`, onclick: () => { go(mark.step); stage().focus(); } },
      h("span", { class: "wi-shape", "aria-hidden": "true" }, MARKS[mark.type] ?? "•"), h("b", {}, `${mark.type} ${mark.step}`), ` ${mark.text}`);
    marks.replaceChildren(...(all.length ? all.map(button) : [h("p", { class: "wi-soft" }, blind ? "No errors." : "No errors, loops or findings.")]));
    if (state.suspects && rank === document.activeElement) stage().focus();
    rank.hidden = blind || state.suspects !== null;
  }

  // ---- keys
  const inRuns = () => root.contains(document.activeElement) && runs.node.contains(document.activeElement);
  /** @param {number} by */
  function move(by) {
    if (search.has()) return search.move(Math.sign(by));
    if (inRuns()) runs.move(by); else go(steps.further(by));
  }
  const screen = () => (inRuns() ? runs : steps).fits();
  /** @type {Record<string, () => any>} */
  const KEYS = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    PageDown: () => move(screen()), PageUp: () => move(-screen()), Home: () => move(-Infinity), End: () => move(Infinity),
    n: () => next("error", 1), N: () => next("error", -1), t: () => next("tool", 1), T: () => next("tool", -1),
    m: () => pane.turn(), "[": () => pane.follow(-1), "]": () => pane.follow(1), 1: () => enter(0), 2: () => enter(1), 3: () => enter(2), 4: () => enter(3),
    x: () => inRuns() && choose(context, state.run), c: () => aligned.bring((view) => view.compare()), s: () => suspect(1), S: () => suspect(-1), "/": () => search.focus(),
    g: () => next("agent", 1), G: () => next("agent", -1), f: () => finding(1), F: () => finding(-1), 0: () => steps.showOnly(null),
    " ": () => playing.toggle(), "+": () => playing.faster(1), ">": () => playing.faster(1), "-": () => playing.faster(-1), "<": () => playing.faster(-1), "?": () => toggleHelp(),
    Enter: () => { if (!inRuns() || !runs.fold()) (inRuns() || search.has() ? stage() : detail).focus(); },
    Escape: () => back(),
  };
  /** Keys that leave a run playing. */
  const BESIDE = [" ", "+", ">", "-", "<", "?", "/"];
  /** @param {KeyboardEvent} event */
  function command(event) {
    const target = /** @type {any} */ (event.target), typing = target.matches?.("input, select, textarea");
    if (target.role === "tab" && /^Arrow(Left|Right)$/.test(event.key)) return turn((tabs.indexOf(target) + (event.key === "ArrowRight" ? 1 : -1) + tabs.length) % tabs.length), true;
    if (event.key === "Escape" && !help.hidden) return toggleHelp(false), true; // it lies over all else
    if (coding.key?.(event)) return true;
    const view = views.find((each) => each.name === state.view);
    if (!typing && (view?.node.contains(target) || tabs.includes(target)) && view?.key?.(event)) return true;
    if (event.key === "Enter" && search.is(target)) return search.next(event.shiftKey ? -1 : 1), true;
    if (typing && event.key !== "Escape") return false;
    if (/^(Enter| )$/.test(event.key) && target.matches?.("button, summary, a")) return false;
    if (/^Arrow(Left|Right)$/.test(event.key) && inRuns()) return runs.fold(event.key === "ArrowLeft");
    // the step that is read is scrolled by the keys that scroll
    if (detail.contains(target) && /^(Arrow|Page|Home|End)/.test(event.key)) return false;
    if (!Object.hasOwn(KEYS, event.key)) return false;
    KEYS[event.key]();
    if (!BESIDE.includes(event.key)) playing.stop();
    return true;
  }
  const heard = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (command(event)) event.preventDefault();
    event.stopPropagation(); // what is no key here is none of the notebook's either
  };
  (page ? document : root).addEventListener("keydown", /** @type {any} */ (heard), { signal });
  // ---- the first page, then the parts, and the rest of the runs
  /** Go where somebody is sent, at once or when the run is known. @param {any} opening */
  function send(opening) {
    if (!Array.isArray(opening) || !opening.slice(0, 2).every(Number.isInteger)) opening = [0, 0];
    wanted = state.runs[opening[0]] ? null : opening;
    if (!wanted) open(opening[0], opening[1]);
  }
  const { first } = source;
  if (first.steps?.length && first.steps.length >= Math.min(100, first.runs[0].n_steps)) steps.keep(first.steps, first.hasty === true);
  dispatch({ type: "runs", from: 0, runs: first.runs, n_runs: first.n_runs, tools: first.tools ?? [], scored: first.scored === true });
  drawMarks();
  if (first.runs.length) send(source.opening?.()); else say(first.nothing);
  // after what the first screen asks for: the annotations first, for they are in sight
  setTimeout(() => { if (!signal.aborted) for (const each of [coding, tree, timeline, aligned]) each.bring(); });
  source.sent?.((opening) => { if (!signal.aborted) send(opening); });
  (async () => {
    while (state.runs.length < state.nRuns && !signal.aborted) {
      const reply = await ask({ type: "runs", from: state.runs.length });
      if (!reply.runs?.length) return;
      dispatch({ ...reply, type: "runs" });
      if (wanted && state.runs[wanted[0]]) send(wanted);
    }
  })();
  return () => {
    if (signal.aborted) return;
    stopper.abort();
    playing.end();
    search.stop();
    runs.stop();
    for (const view of views) view.stop();
    coding.stop();
    root.remove();
    source.close();
  };
}
