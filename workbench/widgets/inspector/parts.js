// @ts-check
/* The parts: what the first screen can do without, and what stands in its place until it comes.

   In a notebook the first script holds all that is imported here and in panel.js from the top; each
   line of PARTS is a script of its own, with whatever else only it imports, which the panel asks the
   kernel for as soon as the first screen stands. In a file all are at hand. */

import { h } from "./elements.js";
import { initial } from "./state.js";

/** @import { Context, View } from "./panel.js" */

/** By name, how each part comes, and what it holds. @type {Record<string, () => Promise<any>>} */
export const PARTS = {
  coding: () => import("./coding.js"), // annotations: the form, the list, and the outbox of what is not stored yet
  tree: () => import("./tree.js"), // the tree of spans and agents
  timeline: () => import("./timeline.js"), // bars, waits, the critical path, the lanes of tokens and dollars
  aligned: () => import("./aligned.js"), // runs side by side, all runs of a task as paths, what differs word by word
};

/** A view, or a section of the panel, that is made when its part has come; before, it says that it waits.
 * @param {Context} context @param {{ name: string, label: string, always?: boolean, hidden?: boolean, make(part: any): View }} how
 *   `always`: it is in sight beside each view; `hidden`: nobody needs to hear that it waits
 * @returns {View & { bring(then?: (view: any) => void): void }} `bring` asks for the part, and does something to what was made of it */
export function laterView(context, { name, label, always = false, hidden = false, make }) {
  const words = h("p", { class: "wi-hint", role: "status" }), holder = h("div", { hidden }, words);
  let made = /** @type {View | null} */ (null), asked = false, wanted = /** @type {((view: any) => void) | undefined} */ (undefined);
  async function ask() {
    asked = true;
    words.textContent = `${label}: this part of the panel is on its way, and comes when the kernel answers.`;
    try {
      const part = await context.part(name);
      if (context.signal.aborted) return;
      made = make(part);
    } catch (error) {
      [asked, holder.hidden] = [false, false];
      words.textContent = `${label}: this part of the panel could not be loaded (${error}). Come back to try again.`;
      throw error;
    }
    holder.replaceWith(made.node);
    const state = context.state();
    if (always || state.view === name) made.show(state, initial());
    if (state.view === name) wanted?.(made); // who went elsewhere waits no longer
  }
  return {
    name, label,
    get node() { return made?.node ?? holder; },
    show(state, before) { if (made) made.show(state, before); else if (!asked && state.view !== before.view) ask(); },
    key: (event) => made?.key?.(event) ?? false,
    stop: () => made?.stop(),
    bring(then) {
      if (made) return then?.(made);
      if (then) { wanted = then; context.dispatch({ type: "view", view: name }); } // what it waits for is to be seen
      if (!asked) ask();
    },
  };
}
