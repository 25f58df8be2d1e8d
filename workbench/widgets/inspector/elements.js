// @ts-check
/* Elements of the page. What agents wrote is only ever a text node. */

import { visible } from "./texts.js";

/** @param {string} tag @param {Record<string, any>} [given] @param {...(Node | string)} inside @returns {any} */
export function h(tag, given = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") node.toggleAttribute(name, value);
    else node.setAttribute(name, value);
  }
  node.append(...inside.map((each) => typeof each === "string" ? visible(each) : each));
  return node;
}
