// @ts-check
/* The spans and agents of a run as a tree, of which only the rows in sight are in the page. */

import { h } from "./elements.js";
import { trim, virtualList } from "./lists.js";
import { PAGE } from "./state.js";
import { counted, duration, lookOf, money } from "./texts.js";

/** @import { Context, View } from "./panel.js" */
/** @import { State } from "./state.js" */
/** What is shown of a node. @typedef {[node: number, kind: string, name: string, text: string, status: string, nBelow: number, nInside: number, nErrors: number,
 *   tokens: number | null, cost: number | null, ms: number | null]} Node_ */
/** A node that is open: where it stands, and how many are right below it. @typedef {{ up: number, place: number, n: number }} Open */
/** Nodes below one node, in the order of the rows, between which none is open. @typedef {{ node: number, from: number, to: number, level: number, row: number }} Stretch */

/** The node above all others. */
const TOP = -1;
const KEPT_NODES = 64, MOST_SIBLINGS = 1_000, DEEPEST_INDENT = 12, FEW = 10;

/** The rows of a tree, as stretches; nothing calls itself, however deep the tree is.
 * @param {Map<number, Open>} open @returns {Stretch[]} */
export function unfolded(open) {
  /** @type {Map<number, [place: number, node: number][]>} */
  const inside = new Map();
  for (const [node, { up, place }] of open) {
    if (node === TOP) continue;
    const beside = inside.get(up);
    if (beside) beside.push([place, node]); else inside.set(up, [[place, node]]);
  }
  for (const beside of inside.values()) beside.sort((one, two) => one[0] - two[0]);
  const found = [], path = open.has(TOP) ? [{ node: TOP, from: 0, passed: 0 }] : [];
  for (let row = 0; path.length;) {
    const here = path[path.length - 1], next = inside.get(here.node)?.[here.passed++], to = next ? next[0] + 1 : /** @type {Open} */ (open.get(here.node)).n;
    if (to > here.from) found.push({ node: here.node, from: here.from, to, level: path.length, row });
    row += to - here.from;
    here.from = to;
    if (next) path.push({ node: next[1], from: 0, passed: 0 }); else path.pop();
  }
  return found;
}

/** @param {Context} context @returns {View} */
export function treeView(context) {
  let run = -1, at = -1, open = new Map(), stretches = /** @type {Stretch[]} */ ([]), n = 0, cursor = 0, ticket = 0, timer = 0;
  /** @type {Map<string, Node_[] | null>} pages of nodes, the last used at the end; null while one is asked for */
  const pages = new Map();
  const told = h("p", { class: "wi-soft" });
  const list = virtualList({
    id: `${context.uid}n`, label: "Tree of the run", class: "wi-nodes", role: "tree", need, draw: (row) => nodeCells(row), pick: (row) => { cursor = row; enter(); },
    look: (row) => nodeAt(row)?.[4] === "error" ? "wi-bad" : "",
    more(row) {
      const { level, node, place } = placeOf(row), own = nodeAt(row), how = { "aria-level": String(level), "aria-posinset": String(place + 1), "aria-setsize": String(open.get(node)?.n) };
      return own?.[5] ? { ...how, "aria-expanded": String(open.has(own[0])) } : how;
    },
  });
  const node = h("div", { class: "wi-tree-view" }, told, list.node);
  list.node.addEventListener("click", (/** @type {any} */ event) => {
    if (!event.target.closest(".wi-twist")) return;
    event.stopPropagation();
    cursor = Number(event.target.closest(".wi-row").dataset.at);
    toggle();
  }, { capture: true });

  /** Where a row stands. @param {number} row */
  function placeOf(row) {
    let low = 0, high = stretches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (stretches[middle].row <= row) low = middle; else high = middle - 1;
    }
    const { node, from, level, row: first } = stretches[low];
    return { node, level, place: from + row - first };
  }
  /** @param {number} node @param {number} place */
  const rowOf = (node, place) => {
    const found = stretches.find((each) => each.node === node && each.from <= place && place < each.to);
    return found ? found.row + place - found.from : -1;
  };
  /** @param {number} row @returns {Node_ | undefined} */
  function nodeAt(row) {
    if (row < 0 || row >= n) return undefined;
    const { node, place } = placeOf(row);
    return pages.get(`${node}:${Math.floor(place / PAGE)}`)?.[place % PAGE];
  }
  /** @param {number} row @returns {Node[]} */
  function nodeCells(row) {
    const { level } = placeOf(row), own = nodeAt(row), deep = level - 1 > DEEPEST_INDENT ? ` ${level}` : "";
    const twist = h("span", { class: "wi-twist", "aria-hidden": "true" }, own?.[5] ? open.has(own[0]) ? "▾" : "▸" : "");
    twist.style.marginLeft = `${Math.min(level - 1, DEEPEST_INDENT) * 14}px`;
    if (!own) return [h("span", { class: "wi-at" }), twist, h("span", { class: "wi-soft" }, "…")];
    const [number, kind, name, text, status, , nInside, nErrors, tokens, cost, ms] = own, [shape, look, word] = lookOf(kind);
    const facts = [nInside ? `${counted(nInside)} inside` : "", tokens === null ? "" : `${counted(tokens)} tok`, cost === null ? "" : money(cost), duration(ms)];
    return [h("span", { class: "wi-at" }, number < steps() ? String(number) : ""), twist, h("span", { class: `wi-kind wi-kind-${look}` }, h("span", { class: "wi-shape", "aria-hidden": "true" }, shape), word + deep),
      h("span", { class: "wi-name" }, name), h("span", { class: "wi-line" }, text),
      ...(nErrors ? [h("span", { class: "wi-state-error" }, `✕ ${counted(nErrors)} inside`)] : []), ...(status === "error" ? [h("span", { class: "wi-state-error" }, "✕ error")] : []),
      h("span", { class: "wi-figure wi-sums" }, facts.filter(Boolean).join(" · "))];
  }
  const steps = () => context.state().runs[run]?.n_steps ?? 0;

  // ---- pages of nodes
  /** @param {number} from @param {number} to */
  function need(from, to) {
    const missing = new Set();
    for (let row = from; row < to; row++) {
      const { node, place } = placeOf(row), key = `${node}:${Math.floor(place / PAGE)}`, rows = pages.get(key);
      if (rows) { pages.delete(key); pages.set(key, rows); } else if (rows === undefined) missing.add(key);
    }
    clearTimeout(timer);
    if (missing.size) timer = window.setTimeout(() => missing.forEach((key) => { const [node, page] = key.split(":").map(Number); fetchNodes(node, page).then(() => list.draw()); }), 20);
  }
  /** @param {number} node @param {number} page */
  async function fetchNodes(node, page) {
    const key = `${node}:${page}`, of = run, kept = pages.get(key);
    if (kept !== undefined) return kept;
    pages.set(key, null);
    const reply = await context.ask({ type: "tree", run: of, step: node, from: page * PAGE });
    if (of !== run) return null;
    if (!reply.nodes) return pages.delete(key), null;
    pages.set(key, reply.nodes);
    trim(pages, KEPT_NODES);
    if (node === TOP && !open.has(TOP)) open.set(TOP, { up: TOP, place: 0, n: reply.n });
    return /** @type {Node_[]} */ (reply.nodes);
  }
  /** Draw what is open now, a row in sight. @param {number} row */
  function unfold(row) {
    stretches = unfolded(open);
    const last = stretches[stretches.length - 1];
    n = last ? last.row + last.to - last.from : 0;
    cursor = Math.max(0, Math.min(row, n - 1));
    list.show(n, cursor);
  }
  /** Open all above a step, and choose it. @param {number} step */
  async function reveal(step) {
    const mine = ++ticket, of = run, path = [];
    for (let more = true; more;) {
      const reply = await context.ask({ type: "path", run: of, step, from: path.length });
      if (mine !== ticket || !reply.path) return;
      path.push(...reply.path);
      more = reply.more && reply.path.length > 0;
    }
    if (!open.has(TOP)) (await fetchNodes(TOP, 0))?.slice(0, FEW).forEach((each, place) => { if (each[5] && (each[5] <= PAGE || open.get(TOP).n === 1)) open.set(each[0], { up: TOP, place, n: each[5] }); });
    if (mine !== ticket || !open.has(TOP)) return;
    path.forEach(([each, place, below], height) => { if (height && below) open.set(each, { up: path[height + 1]?.[0] ?? TOP, place, n: below }); });
    stretches = unfolded(open);
    unfold(path.length ? rowOf(path[1]?.[0] ?? TOP, path[0][1]) : 0);
  }

  // ---- what a reader does
  function enter() {
    const own = nodeAt(cursor);
    if (!own) return list.show(n, cursor);
    if (own[0] >= steps()) return toggle();
    list.show(n, cursor);
    at = own[0];
    context.go(own[0]);
  }
  /** @param {boolean} [on] */
  function toggle(on) {
    const own = nodeAt(cursor), { node: up, place } = placeOf(cursor);
    if (own?.[5] && (on ?? !open.has(own[0]))) open.set(own[0], { up, place, n: own[5] }); else if (own) open.delete(own[0]);
    unfold(cursor);
  }
  /** Open all beside the node. */
  async function openSiblings() {
    const { node: up, place } = placeOf(cursor), { n: many } = open.get(up), of = run;
    for (let page = 0; page * PAGE < Math.min(many, MOST_SIBLINGS); page++) {
      const nodes = await fetchNodes(up, page);
      if (of !== run) return;
      nodes?.forEach((each, at) => { if (each[5]) open.set(each[0], { up, place: page * PAGE + at, n: each[5] }); });
    }
    if (many > MOST_SIBLINGS) context.say(`Of ${counted(many)} nodes side by side the first ${counted(MOST_SIBLINGS)} were opened.`);
    stretches = unfolded(open);
    unfold(rowOf(up, place));
  }
  /** @param {number} row */
  function move(row) {
    cursor = Math.max(0, Math.min(row, n - 1));
    const own = nodeAt(cursor);
    if (own && own[0] < steps()) enter(); else list.show(n, cursor);
  }
  /** @type {Record<string, () => any>} */
  const keys = {
    ArrowDown: () => move(cursor + 1), ArrowUp: () => move(cursor - 1), Home: () => move(0), End: () => move(n - 1),
    PageDown: () => move(cursor + list.fits()), PageUp: () => move(cursor - list.fits()),
    ArrowRight() { const own = nodeAt(cursor); if (own?.[5]) { if (open.has(own[0])) move(cursor + 1); else toggle(true); } },
    ArrowLeft() {
      const own = nodeAt(cursor), { node: up } = placeOf(cursor);
      if (own && open.has(own[0])) toggle(false); else if (up !== TOP) move(rowOf(open.get(up).up, open.get(up).place));
    },
    Enter: () => { if (nodeAt(cursor)?.[0] === at) context.detail.focus(); else enter(); }, "*": openSiblings,
  };
  return {
    name: "tree", label: "Tree", node,
    show(state) {
      if (state.run !== run) {
        [run, at] = [state.run, -1];
        [open, stretches, n] = [new Map(), [], 0];
        pages.clear();
        list.show(0, -1);
        told.textContent = steps() ? "" : "This run has no steps.";
      }
      if (run >= 0 && steps() && state.at !== at) { at = state.at; reveal(at); }
    },
    stop() { clearTimeout(timer); list.stop(); },
    key: (event) => n > 0 && list.node.contains(event.target) && Object.hasOwn(keys, event.key) && (keys[event.key](), true),
  };
}

/** What a file answers of trees. @param {(name: string) => Promise<any>} get @returns {Record<string, (message: any) => Promise<any>>} */
export function treeAnswers(get) {
  const UPS = 20_000;
  return {
    async tree({ run, step, from }) {
      const { starts, pages } = await get(`t${run}`);
      const at = starts.findLastIndex((/** @type {number[]} */ [node, first]) => node < step || (node === step && first <= from));
      return (pages ?? await get(`t${at}-${run}`))[`${step}:${from}`] ?? { nodes: [], n: 0 };
    },
    async path({ run, step, from }) {
      const head = await get(`t${run}`), path = [];
      let node = step;
      for (let far = 0; node >= 0 && path.length < 1_000; far++) {
        const [ups, places, below] = head.up ?? await get(`u${Math.floor(node / UPS)}-${run}`), own = node % UPS;
        if (far >= from) path.push([node, places[own], below[own]]);
        node = ups[own];
      }
      return { path, more: node >= 0 };
    },
  };
}
