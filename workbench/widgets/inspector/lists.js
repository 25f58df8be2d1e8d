// @ts-check
/* Lists of any length, of which only the rows in sight are in the page. */

import { h } from "./elements.js";

/** The height of a row in pixels, and how high a browser lets all rows together be. */
export const ROW = 28;
const TALLEST = 15_000_000;
/** No list has more rows in the page than this. */
export const MOST_ROWS = 60;

/** Which rows are in sight, and where they stand. Above a height that browsers allow, the scroll bar
 * goes through all rows in larger steps.
 * @param {{ n: number, view: number, top: number, row?: number, tallest?: number }} list */
export function windowOf({ n, view, top, row = ROW, tallest = TALLEST }) {
  const all = n * row, height = Math.min(all, tallest), room = Math.max(1, height - view);
  const virtual = all > height ? Math.min(1, Math.max(0, top / room)) * (all - view) : top;
  const many = Math.min(MOST_ROWS, Math.ceil(view / row) + 8), first = Math.floor(virtual / row);
  const from = Math.max(0, Math.min(first - Math.max(0, Math.floor((many - view / row) / 2)), n - many));
  return { from, to: Math.min(n, from + many), height, shift: top - virtual };
}

/** Where to scroll so that a row is in sight; where it is already, the same place.
 * @param {{ n: number, view: number, top: number, at: number, row?: number, tallest?: number }} list */
export function topFor({ n, view, top, at, row = ROW, tallest = TALLEST }) {
  const all = n * row, height = Math.min(all, tallest), room = Math.max(1, height - view), scaled = all > height;
  const virtual = scaled ? (top / room) * (all - view) : top;
  if (at * row >= virtual && (at + 1) * row <= virtual + view) return top;
  const wanted = Math.max(0, Math.min(all - view, at * row - (view - row) / 2));
  return scaled ? (wanted / (all - view)) * room : wanted;
}

/** Forget what was put into a map first, until so many are left. @param {Map<any, any>} map @param {number} most */
export function trim(map, most) {
  while (map.size > most) map.delete(map.keys().next().value);
}

/** A list of rows of one height, of which only those in sight are in the page.
 * @param {{ id: string, label: string, class: string, row?: number, draw(at: number): Node[], look?(at: number): string,
 *   pick(at: number): void, need?(from: number, to: number): void, role?: string, more?(at: number): Record<string, string> }} how */
export function virtualList(how) {
  let { row = ROW } = how;
  const sizer = h("div", { class: "wi-sizer", role: "presentation" });
  const node = h("div", { class: `wi-list ${how.class}`, role: how.role ?? "listbox", tabindex: "0", "aria-label": how.label }, sizer);
  let n = 0, chosen = -1, frame = 0;
  const view = () => node.clientHeight || 400;
  function draw() {
    const seen = windowOf({ n, view: view(), top: node.scrollTop, row });
    sizer.style.height = `${seen.height}px`;
    const rows = [];
    for (let at = seen.from; at < seen.to; at++) {
      const each = h("div", {
        class: `wi-row ${how.look?.(at) ?? ""}`, role: how.role === "tree" ? "treeitem" : "option", id: `${how.id}-${at}`, "aria-selected": String(at === chosen),
        "aria-posinset": String(at + 1), "aria-setsize": String(n), "data-at": String(at), ...how.more?.(at),
      }, ...how.draw(at));
      each.style.transform = `translateY(${at * row + seen.shift}px)`;
      each.style.height = `${row}px`;
      rows.push(each);
    }
    sizer.replaceChildren(...rows);
    node.setAttribute("aria-activedescendant", chosen >= seen.from && chosen < seen.to ? `${how.id}-${chosen}` : "");
    how.need?.(seen.from, seen.to);
  }
  const soon = () => { if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); }); };
  node.addEventListener("scroll", soon, { passive: true });
  node.addEventListener("click", (/** @type {any} */ event) => {
    const at = event.target.closest?.(".wi-row")?.dataset.at;
    if (at !== undefined) how.pick(Number(at));
  });
  const watcher = new ResizeObserver(soon);
  watcher.observe(node);
  return {
    node, draw, stop: () => { watcher.disconnect(); cancelAnimationFrame(frame); },
    /** Give all rows another height. @param {number} height */
    tall: (height) => { row = height; },
    fits: () => Math.max(1, Math.floor(view() / row) - 1),
    /** @param {number} many @param {number} at @param {boolean} [move] whether the chosen one must be in sight */
    show(many, at, move = true) {
      [n, chosen] = [many, at];
      node.hidden = n === 0;
      sizer.style.height = `${Math.min(n * row, TALLEST)}px`;
      if (move && at >= 0) node.scrollTop = topFor({ n, view: view(), top: node.scrollTop, at, row });
      draw();
    },
  };
}
