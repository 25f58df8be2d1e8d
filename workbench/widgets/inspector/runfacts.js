// @ts-check
/* What is known of the open run, and links to where one reads. */

import { ended, titleOf } from "./cells.js";
import { h } from "./elements.js";
import { counted, duration, money, textLink } from "./texts.js";

/** @import { Context } from "./panel.js" */
/** @import { State } from "./state.js" */

/** @param {Context} context @param {(step: number) => any} rowOf */
export function runFacts(context, rowOf) {
  const { say } = context, s = context.state;
  const summary = h("summary", {}), facts = h("dl", { class: "wi-meta" }), link = h("code", { class: "wi-text-link" });
  const copy = h("button", { type: "button", onclick: () => navigator.clipboard?.writeText(link.textContent).then(() => say("The step is copied as text."), () => say("The text can be selected and copied.")) }, "Copy as text");
  const node = h("details", { class: "wi-run-facts" }, summary, facts, h("div", { class: "wi-bar" }, link, copy));
  node.addEventListener("toggle", () => draw());
  function draw() {
    const { run: place, at } = s(), run = s().runs[place];
    node.hidden = !run;
    if (!run) return;
    const [done, look] = ended(run);
    summary.replaceChildren(h("b", {}, titleOf(run)), " ", h("span", { class: look }, done), ...[...run.scores ?? [], ...run.ratings ?? []].map((each) => h("span", { class: "wi-soft" }, ` · ${each}`)));
    if (!node.open) return;
    const rows = /** @type {[string, string | undefined][]} */ ([
      ["run id", run.long_id ? `${run.id}…` : run.id], ["row id", run.row ?? run.task], ["output id", run.output], ["agent", run.agent], ["model", run.model], ["format", run.format],
      ["steps", counted(run.n_steps)], ["errors", counted(run.n_errors)], ["tools", run.n_tools === undefined ? undefined : counted(run.n_tools)], ["tokens", run.tokens === undefined ? undefined : counted(run.tokens)],
      ["cost", run.cost_usd === undefined ? undefined : money(run.cost_usd)], ["time", duration(run.ms) || undefined], ["findings", run.n_findings && counted(run.n_findings)], ["annotations", run.n_notes && counted(run.n_notes)],
      ...(run.scores ?? []).map((each) => ["score", each]), ...(run.ratings ?? []).map((each) => ["rating", each]),
    ]);
    facts.replaceChildren(...rows.flatMap(([name, value]) => value === undefined ? [] : [h("dt", {}, name), h("dd", {}, value)]));
    link.textContent = textLink(run, at, rowOf(at));
  }
  return { node, /** @param {State} now @param {State} before */ show(now, before) { if (now.run !== before.run || now.runs !== before.runs || now.at !== before.at) draw(); } };
}
