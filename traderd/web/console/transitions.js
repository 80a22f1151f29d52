// The history of state changes: each opens to its metadata.

import { byId, clock, duration, fillPairs, make } from "./dom.js";
import { later } from "./drawing.js";

const KEPT = 50;
// The bar and the machine tell a change at once; its line in the history may wait for the one that follows it within milliseconds.
const SHOWN_AFTER_MS = 200;

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

const isStep = (one, from, to) => one?.record.from_state === from && one.record.to_state === to;

export class Transitions {
  constructor() {
    this.list = byId("transitions");
    this.known = []; // newest first, each with its item once it has one
    this.gone = []; // what is known no more and may still be in the list
    this.show = () => this.draw();
  }

  clear() {
    this.known = [];
    this.gone = [];
    this.list.replaceChildren();
  }

  add(record) {
    this.forgetRoundTrip(record);
    this.known.unshift({ record, item: null });
    this.forget(this.known.splice(KEPT));
    later(this.show, SHOWN_AFTER_MS);
  }

  // As the daemon does: of round trips to `acting` in a row only the last is kept, or the way up would be pushed out.
  forgetRoundTrip(record) {
    const isRoundTrip = record.to_state === "acting" && isStep(this.known[0], "acting", "ready") && isStep(this.known[1], "ready", "acting");
    if (isRoundTrip) this.forget(this.known.splice(0, 2));
  }

  forget(records) {
    this.gone.push(...records.filter(({ item }) => item !== null));
  }

  draw() {
    for (const { item } of this.gone.splice(0)) item.remove();
    const fresh = this.known.filter((one) => one.item === null);
    for (const one of fresh) one.item = this.item(one.record);
    this.list.prepend(...fresh.map(({ item }) => item));
  }

  item(record) {
    const took = lasted(record.duration_ms);
    const summary = make("summary", { title: record.timestamp }, make("time", { datetime: record.timestamp }, clock(record.timestamp)),
      make("span", {}, `${record.from_state} → ${record.to_state}`), make("span", { class: "quiet", title: `time in ${record.from_state}` }, took || " "));
    const pairs = make("dl", { class: "pairs" });
    fillPairs(pairs, flat(record.metadata), "no metadata");
    return make("li", {}, make("details", {}, summary, make("p", {}, record.context), pairs));
  }
}
