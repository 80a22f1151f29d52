// The log: a bounded list that follows the newest line until somebody scrolls up.

import { button, byId, clean, cleanBlock, make } from "./dom.js";
import { later } from "./drawing.js";
import { fieldText } from "./transitions.js";

const LINES_KEPT = 1000;
const LEVELS = ["debug", "info", "warning", "error", "critical"];
const AT_BOTTOM_PX = 24;
// Lines are put up a little later, once for all that came together.
const SHOWN_AFTER_MS = 200;

export class Log {
  constructor() {
    this.list = byId("log");
    this.level = byId("log-level");
    this.service = byId("log-service");
    this.text = byId("log-text");
    this.services = new Set();
    this.waiting = [];
    this.show = () => this.flush();
    for (const select of [this.level, this.service]) select.addEventListener("change", () => this.filter());
    this.text.addEventListener("input", () => this.filter());
    byId("log-copy").addEventListener("click", () => this.copy(byId("log-copy"), this.textShown()));
    byId("log-older").addEventListener("click", () => this.loadOlder());
  }

  clear() {
    this.waiting = [];
    this.list.replaceChildren();
  }

  add(line) {
    this.waiting.push(this.item(line));
    // Nothing is put up while nobody can see the page.
    if (this.waiting.length > LINES_KEPT) this.waiting.shift();
    later(this.show, SHOWN_AFTER_MS);
  }

  flush() {
    const list = this.list;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < AT_BOTTOM_PX;
    list.append(...this.waiting.splice(0));
    for (let over = list.childElementCount - LINES_KEPT; over > 0; over -= 1) list.firstElementChild.remove();
    if (follows) list.scrollTop = list.scrollHeight;
  }

  item(line) {
    const { box, ...others } = line.fields ?? {};
    const fields = cleanBlock(Object.entries(others).map(([name, value]) => `${name}=${fieldText(value)}`).join(" "));
    const service = others.service ?? "";
    this.offerService(service);
    const item = make("li", { "data-level": line.level, "data-service": service, "data-at": line.at },
      make("time", { datetime: line.at, title: line.at }, String(line.at ?? "").slice(11, 23)),
      make("span", { class: "level" }, line.level), make("span", { class: "event" }, line.event));
    if (box) item.append(this.box(cleanBlock(box)));
    const shown = make("span", { class: "fields" }, document.createTextNode(fields));
    shown.title = fields;
    item.append(shown);
    item.hidden = !this.shows(item);
    return item;
  }

  // The status box is there to be pasted into a chat, so it has a button of its own and copies as it is.
  box(text) {
    const copier = button("Copy box", () => this.copy(copier, text));
    return make("div", { class: "box" }, make("pre", { tabindex: 0 }, document.createTextNode(text)), copier);
  }

  offerService(name) {
    if (!name || this.services.has(name)) return;
    this.services.add(name);
    const after = [...this.service.options].slice(1).find((option) => option.value > name);
    this.service.add(new Option(clean(name), name), after ?? null);
  }

  shows(item) {
    const loudEnough = LEVELS.indexOf(item.dataset.level) >= LEVELS.indexOf(this.level.value);
    const fromThere = !this.service.value || item.dataset.service === this.service.value;
    return loudEnough && fromThere && item.textContent.toLowerCase().includes(this.text.value.trim().toLowerCase());
  }

  filter() {
    this.list.dataset.level = this.level.value;
    for (const item of this.list.children) item.hidden = !this.shows(item);
    this.list.scrollTop = this.list.scrollHeight;
  }

  // A page gets the newest lines when it comes; the daemon keeps more.
  async loadOlder() {
    const button = byId("log-older");
    try {
      const answer = await (await fetch(`/v3/log?limit=${LINES_KEPT}`)).json();
      const first = this.list.firstElementChild?.dataset.at ?? "9";
      const older = answer.log.filter((line) => line.at < first);
      const room = LINES_KEPT - this.list.childElementCount;
      this.list.prepend(...older.slice(Math.max(0, older.length - room)).map((line) => this.item(line)));
      this.list.scrollTop = 0;
      button.textContent = older.length ? `${older.length} older` : "No older lines";
    } catch (error) {
      button.textContent = `Not read: ${error.message}`;
    }
    setTimeout(() => { button.textContent = "Older"; }, 2000);
  }

  textShown() {
    const shown = [...this.list.children].filter((item) => !item.hidden);
    return shown.map((item) => {
      const part = (selector) => item.querySelector(selector)?.textContent ?? "";
      const box = part("pre");
      return [item.dataset.at, part(".level"), box ? `${part(".event")}\n${box}\n` : part(".event"), part(".fields")].join(" ").trimEnd();
    }).join("\n");
  }

  async copy(button, text) {
    button.dataset.label ??= button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      const count = text === "" ? 0 : text.split("\n").length;
      button.textContent = `Copied ${count} ${count === 1 ? "line" : "lines"}`;
    } catch (error) {
      button.textContent = `Not copied: ${error.message}`;
    }
    setTimeout(() => { button.textContent = button.dataset.label; }, 2000);
  }
}
