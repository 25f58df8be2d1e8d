// @ts-check
/* All runs of a task, those of one path together, and where success and failure part. */

import { chooseMark, titleOf } from "./cells.js";
import { h } from "./elements.js";
import { MOST_CHOSEN } from "./state.js";
import { counted, some } from "./texts.js";

/** @import { Context } from "./panel.js" */
/** A run there: its place, whether it did its task, the number of its path. @typedef {[run: number, done: boolean | null, path: number]} Stacked */

/** Of the runs of a task, those to compare one with: first others than it in outcome, then like it, in turn.
 * @param {number} run @param {Stacked[]} runs @returns {number[]} */
export function mixed(run, runs, most = MOST_CHOSEN) {
  const done = runs.find((each) => each[0] === run)?.[1], rest = runs.filter((each) => each[0] !== run).sort((one, two) => one[0] - two[0]);
  const queues = [rest.filter((each) => each[1] !== done), rest.filter((each) => each[1] === done)], chosen = [run];
  while (chosen.length < most && queues.some((each) => each.length)) {
    for (const queue of queues) if (queue.length && chosen.length < most) chosen.push(/** @type {Stacked} */ (queue.shift())[0]);
  }
  return chosen;
}

/** What some runs are called beside each other: what they share is left out, and what would be called alike has its id.
 * @param {RunRow[]} rows all @param {number[]} runs places @returns {(run: number) => string} */
export function namesOf(rows, runs) {
  const alike = runs.every((run) => rows[run]?.trial !== undefined && rows[run].task !== undefined && rows[run].task === rows[runs[0]].task);
  const plain = (/** @type {number} */ run) => alike ? `trial ${rows[run].trial}` : rows[run] ? titleOf(rows[run]) : `run ${run}`, seen = runs.map(plain);
  return (run) => seen.filter((each) => each === plain(run)).length > 1 && rows[run].task !== undefined ? `${plain(run)} (${rows[run].id.slice(0, 6)})` : plain(run);
}
/** How it ended. @param {boolean | null | undefined} done @returns {[text: string, look: string]} */
const ending = (done) => done === true ? ["✓", "wi-good"] : done === false ? ["✗", "wi-failed"] : ["·", "wi-soft"];
const WORDS = new Map([[true, "succeeded"], [false, "failed"]]);

/** How many of some runs did what. @param {Stacked[]} runs */
function endings(runs) {
  const of = (/** @type {boolean | null} */ done) => runs.filter((each) => each[1] === done).length;
  return [[of(true), "succeeded"], [of(false), "failed"], [of(null), "not known"]].filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(", ");
}

/** @param {Context} context @param {(run: number) => void} choose takes a run into the comparison, or out of it */
export function stackOf(context, choose) {
  const words = h("p", { class: "wi-stack-words" }), earlier = h("button", { type: "button", onclick: () => load(stack.from - 40) }, "Earlier places"), later = h("button", { type: "button", onclick: () => load(stack.from + 40) }, "Later places");
  const table = h("div", { class: "wi-stack-grid", role: "grid", tabindex: "0", "aria-label": "All runs of this task" });
  const node = h("section", { class: "wi-stack", "aria-label": "All runs of this task" }, words, h("div", { class: "wi-bar" }, earlier, later), table);
  let stack = /** @type {any} */ (null), asked = "", row = 0, column = 0;

  /** @param {number} from */
  async function load(from) {
    const { run } = context.state(), key = asked = `${run}:${from}`, reply = run < 0 ? {} : await context.ask({ type: "stack", run, from: Math.max(-1, from) });
    if (asked !== key || context.signal.aborted) return;
    const same = stack?.task === reply.task;
    stack = reply.runs ? reply : null;
    if (!same) row = Math.max(0, stack?.runs.findIndex((/** @type {Stacked} */ each) => each[0] === run) ?? 0);
    draw();
  }
  function draw() {
    table.hidden = !stack;
    words.textContent = "";
    if (!stack) return words.append("This run does not say which task it is of. Put runs into the comparison with x in the list of runs.");
    const { runs, cells, from } = stack, many = Math.max(0, ...cells.map((/** @type {any[]} */ each) => each.length)), left = stack.n_columns - from - many;
    const kept = stack.n_runs > runs.length ? ` The first ${runs.length} are stacked.` : "", more = stack.n_more ? ` Of long runs only the first calls are shown; ${counted(stack.n_more)} are not.` : "";
    words.append(h("b", {}, `Task ${stack.task}: ${some(stack.n_runs, "run")}, ${endings(runs)}. `), stack.words, kept, more);
    earlier.hidden = from <= 0;
    later.hidden = left <= 0;
    table.style.setProperty("--columns", String(Math.max(1, many)));
    const heads = Array.from({ length: many }, (_, at) => h("span", { role: "columnheader", class: from + at === stack.split ? "wi-split" : "" }, from + at === stack.split ? `▼ ${from + at} part` : String(from + at)));
    const common = heads.map((_, at) => commonest(cells.map((/** @type {any[]} */ each) => each[at]?.[1] ?? -1)));
    const rows = [h("div", { role: "row", class: "wi-stack-head" }, h("span", { role: "columnheader" }, stack.by === "tools" ? "run, and the tools it called" : "run, and who acted"), ...heads)];
    const names = namesOf(context.state().runs, runs.map((/** @type {Stacked} */ each) => each[0]));
    let path = -1;
    runs.forEach((/** @type {Stacked} */ each, /** @type {number} */ at) => {
      if (each[2] !== path) {
        path = each[2];
        const like = runs.filter((/** @type {Stacked} */ other) => other[2] === path);
        rows.push(h("div", { role: "row", class: "wi-stack-path" }, h("span", { role: "rowheader" }, `Path ${path + 1}: ${some(like.length, "run")}, ${endings(like)}${cells[at].some(Boolean) || from ? "" : "; no calls"}`)));
      }
      rows.push(runRow(each, at, many, common, names));
    });
    table.replaceChildren(...rows);
    mark();
  }
  /** @param {Stacked} each @param {number} at @param {number} many @param {number[]} common @param {(run: number) => string} names */
  function runRow([run, done], at, many, common, names) {
    const { run: open } = context.state(), [sign, look] = ending(done);
    const head = h("span", { role: "rowheader", id: idOf(at, 0), "data-run": String(run), "data-cell": `${at},0` },
      chooseMark(context.state(), run), h("span", { class: look, role: "img", "aria-label": WORDS.get(/** @type {any} */ (done)) ?? "outcome not known" }, sign), ` `, run === open ? h("b", {}, names(run), h("span", { class: "wi-hidden" }, " (open)")) : names(run));
    const cells = Array.from({ length: many }, (_, place) => {
      const cell = stack.cells[at][place], split = stack.from + place === stack.split ? " wi-split" : "";
      if (!cell) return h("span", { role: "gridcell", id: idOf(at, place + 1), class: `wi-none${split}`, "data-cell": `${at},${place + 1}`, "aria-label": "nothing" }, "");
      const [step, word, failed] = cell, other = common[place] !== word;
      return h("span", { role: "gridcell", id: idOf(at, place + 1), class: `${other ? "wi-other" : ""}${split}`, "data-cell": `${at},${place + 1}`, title: `step ${step}: ${stack.names[word]}${failed ? ", error" : ""}${other ? ", not what most do here" : ""}` },
        `${failed ? "✕ " : ""}${other ? "≠ " : ""}${stack.names[word]}`);
    });
    return h("div", { role: "row", class: "wi-stack-run" }, head, ...cells);
  }
  const idOf = (/** @type {number} */ at, /** @type {number} */ place) => `${context.uid}k${at}-${place}`;
  function mark() {
    row = Math.max(0, Math.min(row, stack.runs.length - 1));
    column = Math.max(0, Math.min(column, stack.cells[row].length));
    table.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    const cell = table.querySelector(`[data-cell='${row},${column}']`);
    cell?.setAttribute("aria-selected", "true");
    table.setAttribute("aria-activedescendant", cell?.id ?? "");
    return cell;
  }
  /** @param {number} down @param {number} right */
  function step(down, right) {
    row += down;
    column += right;
    mark()?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const openHere = () => context.open(stack.runs[row][0], column ? stack.cells[row][column - 1]?.[0] : undefined);
  table.addEventListener("click", (/** @type {any} */ event) => {
    const at = event.target.closest("[data-cell]")?.dataset.cell, chosen = event.target.closest("[data-choose]")?.dataset.choose;
    if (!at) return;
    [row, column] = at.split(",").map(Number);
    mark();
    if (chosen === undefined) openHere(); else choose(Number(chosen));
  });
  /** @type {Record<string, () => any>} */
  const keys = {
    ArrowDown: () => step(1, 0), j: () => step(1, 0), ArrowUp: () => step(-1, 0), k: () => step(-1, 0), ArrowRight: () => step(0, 1), ArrowLeft: () => step(0, -1),
    Home: () => step(0, -column), End: () => step(0, Infinity), x: () => choose(stack.runs[row][0]), Enter: openHere,
  };
  return {
    node, load: () => load(-1), draw: () => { if (stack) draw(); }, focus: () => table.focus(),
    /** @param {KeyboardEvent} event */
    key: (event) => Boolean(stack && table.contains(/** @type {any} */ (event.target)) && Object.hasOwn(keys, event.key) && (keys[event.key](), true)),
  };
}

/** The commonest of some numbers; of several the first. @param {number[]} values */
function commonest(values) {
  const counts = new Map();
  for (const each of values) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort((one, two) => two[1] - one[1])[0]?.[0] ?? -1;
}
