// @ts-check
/* Playing a run step by step. */

import { choice } from "./controls.js";
import { h } from "./elements.js";
import { stepsOf } from "./state.js";

/** @import { Context } from "./panel.js" */
/** @import { State } from "./state.js" */

const SPEEDS = [0.5, 1, 2, 4, 8], EVEN_MS = 1_000, SHORTEST_MS = 120, LONGEST_MS = 4_000;

/** How long a step stays. @param {number | null | undefined} took its own time in ms @param {number} speed @param {boolean} real whether by its own time, ten times as fast */
function staysFor(took, speed, real) {
  const own = real && took !== null && took !== undefined ? Math.min(LONGEST_MS, Math.max(SHORTEST_MS, took / 10)) : EVEN_MS;
  return own / speed;
}

/** @param {Context} context @param {{ next(): number, rowOf(step: number): any }} steps where the next step is */
export function player(context, steps) {
  const { go, say, signal } = context, s = context.state;
  let timer = 0, speed = 1, real = false, own = false;
  const button = h("button", { type: "button", class: "wi-play", onclick: () => toggle() });
  const rate = choice("Speed", SPEEDS.map((each) => [String(each), `${each}×`]), (value) => { speed = Number(value); });
  const pace = choice("Pace", [["even", "1 step a second"], ["real", "real time ×10"]], (value) => { real = value === "real"; });
  rate.value = "1";
  const label = () => { button.textContent = timer ? "‖ Pause" : "▶ Play"; rate.hidden = pace.hidden = !timer; };
  const wait = (/** @type {number} */ ms) => { timer = window.setTimeout(tick, ms); };
  /** @param {string} why */
  function stop(why) {
    if (!timer) return;
    clearTimeout(timer);
    timer = 0;
    label();
    say(why);
  }
  function tick() {
    if (s().late) return wait(250); // a busy kernel is waited for
    const at = steps.next();
    if (at === s().at) return stop(`Played to the end, step ${at}.`);
    own = true;
    go(at);
    own = false;
    wait(staysFor(steps.rowOf(at)?.[5], speed, real));
  }
  function toggle() {
    if (timer) return stop(`Paused at step ${s().at}.`);
    if (!stepsOf(s()) || steps.next() === s().at) return say("There is no step to go on to.");
    wait(staysFor(steps.rowOf(s().at)?.[5], speed, real));
    label();
    say(`Playing from step ${s().at}, ${speed}×; the space bar pauses.`);
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(`Paused at step ${s().at}.`); }, { signal });
  label();
  return {
    node: h("div", { class: "wi-playing", role: "group", "aria-label": "Playing" }, rate, pace, button), toggle, stop: () => stop(`Paused at step ${s().at}.`),
    /** @param {number} way */
    faster(way) {
      speed = SPEEDS[Math.max(0, Math.min(SPEEDS.indexOf(speed) + way, SPEEDS.length - 1))];
      rate.value = String(speed);
      say(`Speed ${speed}×.`);
    },
    /** @param {State} now @param {State} before */
    show(now, before) { if (!own && (now.run !== before.run || now.at !== before.at)) stop(`Paused at step ${now.at}.`); },
    end: () => { clearTimeout(timer); timer = 0; },
  };
}
