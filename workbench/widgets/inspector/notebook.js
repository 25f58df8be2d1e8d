// @ts-check
/* The inspector in a notebook: pages that a kernel makes, and parts that it sends. */

import { channelOf } from "./channel.js";
import { mount } from "./panel.js";

const PATIENCE_PART = 3_000; // then a part is asked for again: a message may be lost
/** What the parts take from this script; filled in where modules are joined. @type {Record<string, any>} */
const LENT = {};
/** The parts that came, by name. @type {Map<string, any>} */
const brought = new Map();

/** What a part exports. @param {string} text the script of the part */
async function opened(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try { return (await import(url)).default(LENT); } finally { URL.revokeObjectURL(url); }
}

/** Pages that a kernel makes. @param {any} model @returns {Source} */
export function kernel(model) {
  const { ask, sent, close } = channelOf(model);
  let closed = false;
  return {
    ask,
    sent,
    first: model.get("first"),
    opening: () => model.get("opening"),
    async part(name) {
      for (let wait = PATIENCE_PART; !brought.has(name) && !closed; wait *= 2) {
        const late = new Promise((resolve) => { setTimeout(resolve, wait); }), reply = await Promise.race([ask({ type: "part", name }), late]);
        if (reply?.text) brought.set(name, brought.get(name) ?? await opened(reply.text)); else await late;
      }
      return brought.get(name);
    },
    close() { closed = true; close(); },
  };
}

/** The widget. @param {{ model: any, el: HTMLElement }} context */
export function render({ model, el }) {
  return mount(el, kernel(model));
}

export default { render };
