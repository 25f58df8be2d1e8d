// @ts-check
/* Pages that a kernel makes. */

import { mount } from "./panel.js";

/** Pages that a kernel makes. @param {any} model @returns {Source} */
export function kernel(model) {
  /** @type {Map<number, (reply: any) => void>} */
  const waiting = new Map();
  // the views of one widget hear each other's replies
  let n = Math.floor(Math.random() * 2 ** 40);
  let shows = /** @type {(opening: any) => void} */ (() => {});
  const heard = (/** @type {any} */ reply) => {
    if (reply?.type === "show") return shows(reply.opening);
    waiting.get(reply?.id)?.(reply); waiting.delete(reply?.id);
  };
  model.on("msg:custom", heard);
  return {
    first: model.get("first"),
    opening: () => model.get("opening"),
    sent: (hear) => { shows = hear; },
    ask: (message) => new Promise((resolve) => { waiting.set(++n, resolve); model.send({ ...message, id: n }); }),
    close: () => model.off("msg:custom", heard),
  };
}

/** The widget. @param {{ model: any, el: HTMLElement }} context */
export function render({ model, el }) {
  return mount(el, kernel(model));
}
