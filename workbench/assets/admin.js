// @ts-check
/* How far everybody is, for whoever looks after a study. Every text becomes a text node. */

const EVERY = 5_000;

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {Record<string, any>} parts @param {...any} children */
function node(tag, parts = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(parts)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** @param {string} token */
const enter = (token) => post("/enter", { token });

/** @param {string} url @param {object} body */
const post = (url, body) => fetch(url, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

/** @param {number | null} value @param {number} digits */
const number = (value, digits = 1) => value === null ? "–" : value.toFixed(digits).replace("-", "−");

/** @param {number | null} minutes */
function ago(minutes) {
  if (minutes === null) return "never";
  if (minutes < 1) return "just now";
  return minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

/** @param {any} rater @param {number} limit @returns {[string, string]} */
function status(rater, limit) {
  if (rater.n_items && rater.n_answered + rater.n_skipped >= rater.n_items) return ["done", ""];
  if (rater.stuck) return [`stuck: no act for ${limit} min or more`, "stuck"];
  if (rater.pages) return ["connected", ""];
  return [rater.until ? "away" : "no link", ""];
}

/** @param {any} rater */
async function revoke(rater) {
  if (!confirm(`Take back the links of ${rater.rater}? Open pages are closed at once.`)) return;
  const answer = await post("/admin/revoke", { rater: rater.rater }).catch(() => null);
  at("said").textContent = answer?.ok ? "The links were taken back." : "That did not work; try again.";
  await refresh();
}

const PEOPLE = ["rater", "answered", "skipped", "s per item", "checks right", "last act", "status", "link"];

/** @param {any} rater @param {number} limit */
function person(rater, limit) {
  const [words, kind] = status(rater, limit);
  const cells = [
    rater.rater, `${rater.n_answered} of ${rater.n_items}`, String(rater.n_skipped),
    number(rater.seconds_per_item), rater.n_known ? `${rater.n_right} of ${rater.n_known}` : "–",
    ago(rater.idle_min), words,
    rater.until ? node("button", {
      type: "button", "data-rater": rater.rater, "aria-label": `Take back the links of ${rater.rater}`,
      click: () => revoke(rater),
    }, "Take back") : "none",
  ];
  return node("tr", {}, ...cells.map((cell, n) => node("td", {
    "data-of": PEOPLE[n], class: n === 0 ? "name" : n === 6 && kind ? kind : null,
  }, cell)));
}

/** @param {string} caption @param {string[]} header @param {Node[]} rows */
const table = (caption, header, rows) => node("table", { "aria-label": caption },
  node("thead", {}, node("tr", {}, ...header.map((each) => node("th", { scope: "col" }, each)))),
  node("tbody", {}, ...rows));

/** @param {any} state */
function agreement(state) {
  const rows = state.agreement.rows.map((/** @type {any} */ row) => node("tr", {}, ...[
    row.question, row.coefficient, row.scale ?? "–",
    row.ci_low === null ? number(row.value, 3) : `${number(row.value, 3)} [${number(row.ci_low, 3)}, ${number(row.ci_high, 3)}]`,
    String(row.n_items ?? "–"), String(row.n_ratings ?? "–"),
  ].map((cell) => node("td", {}, cell))));
  const header = ["question", "coefficient", "scale", "value [95 %]", "items", "ratings"];
  const note = state.agreement.note;
  return [
    node("h2", {}, "Agreement so far"),
    ...(note ? [node("p", {}, note)] : []),
    ...(rows.length ? [node("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Agreement so far" },
      table("Agreement so far", header, rows))] : []),
  ];
}

/** @param {any} state */
function draw(state) {
  const stuck = state.raters.filter((/** @type {any} */ each) => each.stuck).length;
  at("title").textContent = state.title || "Overview";
  const bar = node("progress", { max: Math.max(1, state.n_items), value: state.n_answered, "aria-label": "items answered" });
  const held = document.activeElement?.getAttribute("data-rater");
  at("figures").replaceChildren(
    node("p", {}, `${state.n_answered} of ${state.n_items} items answered, ${state.n_acts} ${state.n_acts === 1 ? "act" : "acts"} saved, ${stuck} of ${state.raters.length} raters stuck.`),
    bar,
    ...(state.healthy ? [] : [node("p", { class: "stuck", role: "alert" }, "The store does not answer; pages keep what is not saved.")]),
    ...agreement(state),
    node("h2", {}, "Raters"),
    node("div", { class: "people" }, table("Raters", PEOPLE, state.raters.map((/** @type {any} */ each) => person(each, state.stuck_min)))),
  );
  // whoever was on a button stays there
  if (held) [...document.querySelectorAll("button")].find((each) => each.dataset.rater === held)?.focus();
}

async function refresh() {
  const answer = await fetch("/admin/state").catch(() => null);
  const told = await answer?.json().catch(() => null);
  if (answer?.ok && told) draw(told);
  else at("said").textContent = told?.reason ?? "The server does not answer; this page tries again by itself.";
  return Boolean(answer?.ok);
}

async function start() {
  const token = location.hash.slice(1);
  if (token) {
    history.replaceState(null, "", location.pathname);
    const answer = await enter(token).catch(() => null);
    if (answer && !answer.ok) {
      at("said").textContent = (await answer.json().catch(() => ({}))).reason ?? "You cannot come in.";
      return;
    }
  }
  let silent = true;
  for (;;) {
    if (!document.hidden || silent) {
      const well = await refresh();
      if (well && silent) at("said").textContent = "";
      silent = !well;
    }
    await new Promise((done) => setTimeout(done, EVERY));
  }
}

window.addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });
start();
