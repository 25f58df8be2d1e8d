// @ts-check
/* Which runs stand side by side. */

import { MOST_CHOSEN } from "./state.js";
import { some } from "./texts.js";

/** @import { Context } from "./panel.js" */

/** Take a run into the comparison, or out of it. @param {Context} context @param {number} run */
export function choose({ state, say, dispatch }, run) {
  const before = state().chosen, runs = before.includes(run) ? before.filter((each) => each !== run) : [...before, run];
  if (runs.length > MOST_CHOSEN) return say(`Up to ${MOST_CHOSEN} runs can stand side by side; take one out first.`);
  dispatch({ type: "choose", runs });
  say(`${some(runs.length, "run")} in the comparison.`);
}

/** Hear the marks in a list of runs, which are no choice of a run to read. @param {Context} context @param {HTMLElement} list */
export function hearMarks(context, list) {
  list.addEventListener("click", (/** @type {any} */ event) => {
    const mark = event.target.closest?.("[data-choose]");
    if (mark) { event.stopPropagation(); choose(context, Number(mark.dataset.choose)); }
  }, true);
}
