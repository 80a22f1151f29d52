// The log and the transition history: bounded lists that follow the newest line until somebody scrolls up.

import { byId, clock, duration, fillPairs, make } from "./dom.js";

const LINES_KEPT = 1000;
const TRANSITIONS_KEPT = 50;
const LEVELS = ["debug", "info", "warning", "error", "critical"];
const AT_BOTTOM_PX = 24;

// {a: {b: 1}} becomes [["a.b", 1]]: metadata is two levels deep and reads better flat.
function flat(record, prefix = "") {
  return Object.entries(record ?? {}).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${name}.`) : [[prefix + name, fieldText(value)]]);
}

const fieldText = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

export class Log {
  constructor() {
    this.list = byId("log");
    this.level = byId("log-level");
    this.text = byId("log-text");
    this.level.addEventListener("change", () => this.filter());
    this.text.addEventListener("input", () => this.filter());
    byId("log-copy").addEventListener("click", () => this.copy());
  }

  clear() {
    this.list.replaceChildren();
  }

  add(line) {
    const list = this.list;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < AT_BOTTOM_PX;
    const { box, ...others } = line.fields ?? {};
    const event = box ? `${line.event}\n${box}` : line.event;
    const fields = Object.entries(others).map(([name, value]) => `${name}=${fieldText(value)}`).join(" ");
    const item = make("li", { "data-level": line.level },
      make("time", { datetime: line.at, title: line.at }, String(line.at ?? "").slice(11, 23)),
      make("span", { class: "level" }, line.level), make("span", { class: "event" }, event),
      make("span", { class: "fields", title: fields }, fields));
    item.hidden = !this.shows(item);
    list.append(item);
    if (list.childElementCount > LINES_KEPT) list.firstElementChild.remove();
    if (follows) list.scrollTop = list.scrollHeight;
  }

  shows(item) {
    const loudEnough = LEVELS.indexOf(item.dataset.level) >= LEVELS.indexOf(this.level.value);
    return loudEnough && item.textContent.toLowerCase().includes(this.text.value.trim().toLowerCase());
  }

  filter() {
    this.list.dataset.level = this.level.value;
    for (const item of this.list.children) item.hidden = !this.shows(item);
    this.list.scrollTop = this.list.scrollHeight;
  }

  async copy() {
    const shown = [...this.list.children].filter((item) => !item.hidden);
    const text = shown.map((item) => [item.firstElementChild.dateTime, ...[...item.children].slice(1).map((part) => part.textContent)].join(" ")).join("\n");
    const button = byId("log-copy");
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = `Copied ${shown.length} ${shown.length === 1 ? "line" : "lines"}`;
    } catch (error) {
      button.textContent = `Not copied: ${error.message}`;
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }
}

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
    if (this.list.childElementCount > TRANSITIONS_KEPT) this.list.lastElementChild.remove();
  }

  // As the daemon does: of round trips to `acting` in a row only the last is kept, or the way up would be pushed out.
  forgetRoundTrip(record) {
    const [back, out] = this.list.children;
    const isRoundTrip = record.to_state === "acting" && out && out.dataset.from === "ready" && out.dataset.to === "acting" &&
      back.dataset.from === "acting" && back.dataset.to === "ready";
    if (isRoundTrip) for (const item of [back, out]) item.remove();
  }
}
