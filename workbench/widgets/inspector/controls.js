// @ts-check
/* Small controls that parts of the panel share. */

import { h } from "./elements.js";

/** @param {string} label @param {string[][]} options @param {(value: string) => void} chosen */
export function choice(label, options, chosen) {
  const node = h("select", { "aria-label": label, onchange: () => chosen(node.value) }, ...options.map(([value, text]) => h("option", { value }, text)));
  return node;
}
/** A key that does the same as a button; it is heard by its own name. @param {string} key */
export const pressed = (key) => h("kbd", { "aria-hidden": "true" }, key);
/** A button, and the key that does the same. @param {string} words @param {string} key @param {() => any} act @param {Record<string, any>} [more] */
export const keyed = (words, key, act, more = {}) => h("button", { type: "button", onclick: act, ...(key ? { "aria-keyshortcuts": key } : {}), ...more }, words, ...(key ? [" ", pressed(key)] : []));
/** A button that is on or off. @param {string} text @param {boolean} on @param {() => void} toggled @param {Record<string, string>} [more] */
export const chip = (text, on, toggled, more = {}) => h("button", { type: "button", class: "wi-chip", "aria-pressed": String(on), "data-key": text.replace(/ [\d,]+$/, ""), onclick: toggled, ...more }, text);

/** Let the browser save a file. @param {Blob} blob @param {string} name */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Put nodes into a box, and the focus back to where it was. @param {HTMLElement} box @param {(Node | string)[]} nodes */
export function refill(box, nodes) {
  const held = /** @type {HTMLElement | null} */ (box.contains(document.activeElement) ? document.activeElement : null), key = held?.dataset.key;
  box.replaceChildren(...nodes);
  if (!held) return;
  const again = [...box.querySelectorAll("button, select")].find((each) => /** @type {HTMLElement} */ (each).dataset.key === key) ?? box.querySelector("button");
  /** @type {HTMLElement | null} */ (again)?.focus();
}
