// What stops new risk (halts, pauses), and how far the limits are used.

import { button, byId, clean, clock, exact, fillPairs, make, money, outside, setHidden, setText } from "./dom.js";
import { Keyed } from "./keyed.js";
import { askVerb } from "./verbs.js";

const halts = new Keyed(byId("halts"), halt);
const pauses = new Keyed(byId("pauses"), pause);
const scopeOf = (one) => [one.ticker, one.strategy && `strategy ${one.strategy}`].filter(Boolean).join(", ") || "everything";

function item(one, kind, id, at, label, onClick) {
  const by = one.by || (one.author === "person" ? "" : one.author) || "a person";
  const told = [...(at ? [`, ${clock(at)}`] : []), ...(kind === "Halt" ? [" · ", outside(id)] : [])];
  return make("li", { "data-key": id }, make("span", { class: "what" }, make("strong", {}, `${kind}: `, outside(scopeOf(one))), " ", outside(one.reason), " ",
    make("span", { class: "quiet" }, "· ", outside(by), ...told)), button(label, onClick));
}

function halt(one) {
  return item(one, "Halt", one.id, one.raised_at, "Clear…", () => askVerb("clear-halt", { halt_id: one.id }, one.id));
}

function pause(one) {
  const scope = Object.fromEntries(["ticker", "strategy"].filter((name) => one[name]).map((name) => [name, one[name]]));
  return item(one, "Paused", `${one.ticker ?? ""}/${one.strategy ?? ""}`, one.paused_at, "Resume…", () => askVerb("resume", scope, scopeOf(one)));
}

export function showHalts(status) {
  const standing = status.halts ?? [];
  const paused = status.pauses ?? [];
  setHidden(byId("halts-panel"), standing.length + paused.length === 0);
  halts.show(standing, (one) => one.id);
  pauses.show(paused, (one) => `${one.ticker} ${one.strategy}`);
  const flag = byId("paused");
  setHidden(flag, paused.length === 0);
  flag.title = paused.map((one) => clean(`${scopeOf(one)}: ${one.reason}`)).join("\n");
  setHidden(byId("halted"), standing.length === 0);
  byId("pause").disabled = Boolean(status.paused);
  byId("resume").disabled = paused.length === 0;
}

const WORDS = (name) => name.replaceAll("_", " ").replace(/ dollars$/, "");

export function showRisk(status) {
  const risk = status.risk ?? {};
  const limits = risk.limits ?? {};
  const account = status.account ?? {};
  fillPairs(byId("risk-used"), [
    ["Exposure / limit", `$${money(account.exposure_dollars)} / ${limits.max_exposure_dollars ?? "–"}`],
    ["Open orders / limit", `${account.open_orders ?? "–"} / ${limits.max_open_orders ?? "–"}`],
    ["Loss of the day ($)", money(risk.daily_loss_dollars)], ["Drawdown ($)", money(risk.drawdown_dollars)],
    ["Errors in a row", exact(risk.errors_of_last_answers)],
    ["Rules of plugins", (risk.plugin_rules ?? []).join(", ") || "none"],
  ]);
  const raised = (status.degraded ?? {})["raised limits"];
  const line = byId("limits-waiting");
  setHidden(line, !raised);
  setText(line, raised);
  byId("confirm-limits").disabled = !raised;
  const text = JSON.stringify(limits);
  if (byId("limits").dataset.shown === text) return;
  byId("limits").dataset.shown = text;
  fillPairs(byId("limits"), Object.entries(limits).map(([name, value]) => [WORDS(name), value]), "No limits are known.");
}
