// Health: each part with what was measured, its threshold, and what to do when it is not well.

import { byId, clean, clock, make, outside, setHidden, setText } from "./dom.js";
import { Keyed } from "./keyed.js";

const parts = new Keyed(byId("health-parts"), part, () => [make("li", { class: "quiet" }, "Not checked yet.")]);
const history = new Keyed(byId("health-history"), (one) => make("li", {},
  make("time", { datetime: one.checked_at }, clock(one.checked_at)), " ",
  make("strong", { class: "light", "data-health": one.health }, one.health), " ", ...one.problems.flatMap((problem, index) => [index ? "; " : "", outside(problem)]).filter(Boolean)));

function part(record) {
  const isWell = record.status === "ok";
  const limit = record.limit ? `limit ${record.limit}` : record.critical ? "critical" : "";
  const summary = make("summary", {},
    make("span", { "data-part": record.status }, record.name),
    make("span", { class: "number" }, record.value), ...(limit ? [make("span", { class: "number quiet" }, limit)] : []));
  const body = [make("p", { class: "quiet" }, `${record.critical ? "Critical: without it the daemon cannot do its work." : "The daemon goes on without it and says so."}`)];
  if (record.sentence) body.unshift(make("p", { class: "trouble" }, record.sentence));
  body.push(make("p", {}, `${isWell ? "If it is not well" : "What to do"}: ${record.cure}`));
  const details = make("details", {}, summary, ...body);
  details.open = !isWell;
  details.dataset.begins = isWell ? "closed" : "open";
  return make("li", { "data-key": record.name }, details);
}

export function showHealth(status) {
  const element = byId("health");
  element.dataset.health = status.health;
  setText(element, status.health);
  const reasons = [...(status.problems ?? [])];
  for (const [name, reason] of Object.entries(status.degraded ?? {})) {
    if (!reasons.some((known) => known.startsWith(name))) reasons.push(`${name}: ${reason}`);
  }
  if (status.venue_paused) reasons.push(`The exchange is paused: ${status.venue_paused}`);
  const list = byId("problems");
  setHidden(list, reasons.length === 0);
  list.dataset.health = status.health;
  if (list.textContent !== reasons.map(clean).join("")) list.replaceChildren(...reasons.map((reason) => make("li", {}, reason)));
}

export function showParts(status) {
  // Numbers move with every check; only what a person would read anew is a change.
  parts.show(status.health_parts ?? [], (one) => one.name);
  history.show([...(status.health_history ?? [])].reverse().slice(0, 10), (one) => one.checked_at);
}
