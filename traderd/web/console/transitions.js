// The history of state changes: each opens to its metadata.

import { byId, clock, duration, fillPairs, make } from "./dom.js";

const KEPT = 50;

// {a: {b: 1}} becomes [["a.b", 1]]: metadata is two levels deep and reads better flat.
function flat(record, prefix = "") {
  return Object.entries(record ?? {}).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${name}.`) : [[prefix + name, fieldText(value)]]);
}

export const fieldText = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

// "412 ms", "52.0 s", "3 m 07 s": as exact as a person can use.
function lasted(ms) {
  if (ms === undefined || ms === null) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms / 1000);
}

export class Transitions {
  constructor() {
    this.list = byId("transitions");
  }

  clear() {
    this.list.replaceChildren();
  }

  add(record) {
    const took = lasted(record.duration_ms);
    const summary = make("summary", { title: record.timestamp }, make("time", { datetime: record.timestamp }, clock(record.timestamp)),
      make("span", {}, `${record.from_state} → ${record.to_state}`), make("span", { class: "quiet", title: `time in ${record.from_state}` }, took || " "));
    const pairs = make("dl", { class: "pairs" });
    fillPairs(pairs, flat(record.metadata), "no metadata");
    this.forgetRoundTrip(record);
    this.list.prepend(make("li", { "data-from": record.from_state, "data-to": record.to_state },
      make("details", {}, summary, make("p", {}, record.context), pairs)));
    if (this.list.childElementCount > KEPT) this.list.lastElementChild.remove();
  }

  // As the daemon does: of round trips to `acting` in a row only the last is kept, or the way up would be pushed out.
  forgetRoundTrip(record) {
    const [back, out] = this.list.children;
    const isRoundTrip = record.to_state === "acting" && out && out.dataset.from === "ready" && out.dataset.to === "acting" &&
      back.dataset.from === "acting" && back.dataset.to === "ready";
    if (isRoundTrip) for (const item of [back, out]) item.remove();
  }
}
