// @ts-check
/* The page on which people rate: takes the link's token out of the address, keeps the connection,
   and gives it to the same module that rates in notebooks. */

import { mount } from "/static/rating.js";

const FIRST_WAIT = 250, LONGEST_WAIT = 15_000;
/** Everything that is sent is answered; without a word for so long, and then for longer, a connection
 * is taken for lost. Networks may go without saying so, and a store may be slow. */
const SILENCE = 20_000, LONGEST_SILENCE = 160_000;
const said = /** @type {HTMLElement} */ (document.getElementById("said"));

/** @param {string} text */
const say = (text) => { said.textContent = text; };

/** Exchange the token behind # for a cookie; the token stays in no address and no history.
 * @param {string} token */
function enter(token) {
  history.replaceState(null, "", location.pathname);
  return fetch("/enter", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }),
  });
}

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Ask until the server answers; it may be starting.
 * @param {() => Promise<Response>} ask */
async function answered(ask) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      const answer = await ask();
      if (answer.status < 500 && answer.status !== 429) return answer;
    } catch { /* no connection */ }
    say("The server does not answer; this page tries again by itself.");
    await pause(wait);
  }
}

/** A connection that comes back: after a break it opens again, later and later.
 * @param {string} who whose page this is; the server refuses when another link was opened meanwhile */
function transport(who) {
  const heard = /** @type {((message: any) => void)[]} */ ([]);
  const opened = /** @type {(() => void)[]} */ ([]), shut = /** @type {(() => void)[]} */ ([]);
  let socket = /** @type {WebSocket | null} */ (null), wait = FIRST_WAIT, ended = false;
  let timer = 0, silent = 0, patience = SILENCE;

  const hush = () => { clearTimeout(silent); silent = 0; };
  const lost = () => {
    const gone = socket;
    [silent, socket, patience] = [0, null, Math.min(patience * 2, LONGEST_SILENCE)];
    gone?.close();
    shut.forEach((each) => each());
    connect();
  };
  const connect = () => {
    clearTimeout(timer);
    const mine = new WebSocket(`${location.origin.replace(/^http/, "ws")}/live?who=${encodeURIComponent(who)}`);
    socket = mine;
    mine.onopen = () => opened.forEach((each) => each());
    mine.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (socket === mine) hush();
      patience = SILENCE;
      ended ||= message.type === "closed";
      if (message.type !== "closed") wait = FIRST_WAIT;
      heard.forEach((each) => each(message));
    };
    mine.onclose = () => {
      if (socket !== mine) return;
      hush();
      socket = null;
      shut.forEach((each) => each());
      if (ended) return;
      // not all at once when a server comes back
      timer = setTimeout(connect, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  };
  window.addEventListener("online", () => { if (!socket && !ended) connect(); });
  return {
    connect,
    /** @param {object} message */
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify(message));
      silent ||= setTimeout(lost, patience);
    },
    /** @param {(message: any) => void} listener */
    onMessage: (listener) => void heard.push(listener),
    /** @param {() => void} listener */
    onOpen: (listener) => void opened.push(listener),
    /** @param {() => void} listener */
    onClose: (listener) => void shut.push(listener),
  };
}

async function start() {
  const token = location.hash.slice(1);
  const answer = await answered(() => (token ? enter(token) : fetch("/me")));
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) return say(told.reason ?? "The server could not let you in; try again.");
  if (told.role === "admin") return location.replace("/admin");
  const link = transport(told.who);
  const page = /** @type {HTMLElement} */ (document.getElementById("page"));
  page.replaceChildren();
  mount(page, link, { page: true });
  link.connect();
}

// Another link opened in this tab is another person, or a newer link.
window.addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });
start();
