// @ts-check
/* A value of JSON as a tree that opens as far as it is looked at. */

import { h } from "./elements.js";
import { counted, Numeral, parsed } from "./texts.js";

const MOST_CHILDREN = 100, LONG_STRING = 2_000, MOST_OPENED = 3_000;

/** A button that copies a text, and says so. @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const said = h("span", { class: "wi-soft", role: "status" });
  const copy = () => (navigator.clipboard?.writeText(text()) ?? Promise.reject()).then(() => { said.textContent = "copied"; }, () => { said.textContent = "select and copy it"; });
  return h("span", {}, h("button", { type: "button", onclick: copy }, label), " ", said);
}

/** @param {any} value */
const isBranch = (value) => value !== null && typeof value === "object" && !(value instanceof Numeral);
/** A value as the JSON that it was, numbers as they stood there. @param {any} value */
export function jsonOf(value) {
  if (typeof value === "string") return value;
  const raw = /** @type {any} */ (JSON).rawJSON ?? Number;
  return value instanceof Numeral ? value.source : JSON.stringify(value, (_, each) => each instanceof Numeral ? raw(each.source) : each, 2);
}
/** @param {string} path @param {string} name @param {boolean} list */
const pathTo = (path, name, list) => list ? `${path}[${name}]` : /^[A-Za-z_]\w*$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;

/** A value as a tree, and what can be done with it. @param {any} value @returns {HTMLElement} */
export function valueBox(value) {
  /** @type {WeakMap<Element, { path: string, value: any, open?: () => void }>} */
  const known = new WeakMap();
  /** @param {any} value @param {string | null} name @param {string} path @param {number} depth @returns {HTMLElement} */
  function node(value, name, path, depth) {
    const key = name === null ? [] : [h("span", { class: "wi-key" }, name), ": "], inner = typeof value === "string" ? parsed(value) : undefined;
    if (!isBranch(inner ?? value) || !Object.keys(inner ?? value).length) {
      const own = h("div", { class: "wi-leaf", tabindex: "-1" }, ...key, leaf(value));
      known.set(own, { path, value });
      return own;
    }
    const entries = Object.entries(inner ?? value), list = Array.isArray(inner ?? value), within = inner === undefined ? path : `JSON.parse(${path})`;
    const size = `${inner === undefined ? "" : "JSON in a text "}${list ? "[" : "{"}${counted(entries.length)}${list ? "]" : "}"}`, summary = h("summary", { tabindex: "-1" }, ...key, h("span", { class: "wi-soft" }, size));
    const details = h("details", { class: "wi-branch" }, summary);
    let shown = 0;
    const more = () => {
      details.querySelector(":scope > button")?.remove();
      for (const [inside, each] of entries.slice(shown, shown + MOST_CHILDREN)) details.append(node(each, inside, pathTo(within, inside, list), depth + 1));
      shown += MOST_CHILDREN;
      if (shown < entries.length) details.append(h("button", { type: "button", onclick: more }, `Show more (${counted(entries.length - shown)} left)`));
    };
    const open = () => { if (!shown) more(); details.open = true; };
    known.set(summary, { path, value, open });
    details.addEventListener("toggle", () => { if (details.open && !shown) more(); });
    if (depth < 2 && entries.length <= 30 && inner === undefined) open();
    return details;
  }
  const tree = h("div", { class: "wi-text wi-tree" }, node(value, null, "$", 0)), box = h("div", {});
  let chosen = { path: "$", value };
  const path = h("code", {}), about = h("div", { class: "wi-bar", hidden: true }, path, copyButton("Copy path", () => chosen.path), copyButton("Copy value", () => jsonOf(chosen.value)));
  const expand = () => {
    let left = MOST_OPENED;
    for (let closed = all("details:not([open])"); closed.length && left > 0; closed = all("details:not([open])")) for (const each of closed) if (left > 0) { known.get(each.firstElementChild)?.open?.(); left -= each.childElementCount; }
  };
  const all = (/** @type {string} */ which) => /** @type {any[]} */ ([...tree.querySelectorAll(which)]);
  tree.querySelector("summary, .wi-leaf").setAttribute("tabindex", "0");
  tree.addEventListener("focusin", (/** @type {any} */ event) => {
    const own = known.get(event.target);
    if (!own) return;
    for (const each of all("[tabindex='0']")) each.setAttribute("tabindex", "-1");
    event.target.setAttribute("tabindex", "0");
    chosen = own;
    path.textContent = own.path.slice(0, 500);
    about.hidden = false;
  });
  tree.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {any} */ (event.target), way = { ArrowDown: 1, ArrowUp: -1 }[event.key], details = target.matches("summary") ? target.parentElement : null;
    if (!known.has(target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (way) {
      const seen = all("summary, .wi-leaf").filter((each) => !each.closest("details:not([open]) > :not(summary)"));
      seen[seen.indexOf(target) + way]?.focus();
    } else if (event.key === "ArrowRight" && details) known.get(target)?.open?.();
    else if (event.key === "ArrowLeft") { if (details?.open) details.open = false; else target.parentElement.closest("details")?.firstElementChild.focus(); }
    else return;
    event.preventDefault();
  });
  if (all("details").length > 1) box.append(h("div", { class: "wi-bar" }, h("button", { type: "button", onclick: expand }, "Expand all"), h("button", { type: "button", onclick: () => { for (const each of all("details details")) each.open = false; } }, "Collapse")));
  box.append(tree, about);
  return box;
}
/** @param {any} value */
function leaf(value) {
  if (isBranch(value)) return Array.isArray(value) ? "[ ]" : "{ }";
  if (typeof value !== "string") return h("span", { class: "wi-number" }, value instanceof Numeral ? value.source : String(value));
  const long = value.length > LONG_STRING;
  return h("span", { class: "wi-string" }, long ? `${value.slice(0, LONG_STRING)}… (${counted(value.length)} characters)` : value);
}
