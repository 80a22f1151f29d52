// Making elements and writing numbers.  Everything from outside becomes a text node or an attribute
// value, never markup, so a market's title cannot carry a script, and what cannot be seen is written out.

import { patch } from "./drawing.js";

export const byId = (id) => document.getElementById(id);

// make("td", {class: "number", title: "…"}, "text", otherElement)
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    // What a person reads of an attribute; the others must stay what they are.
    element.setAttribute(name, name === "title" || name === "aria-label" ? clean(value) : String(value));
  }
  element.append(...children.map((child) => (child instanceof Node ? child : textOf(child))));
  return element;
}

const textOf = (value) => (value === null || value === undefined || value === "" ? "–" : clean(value));

// As the daemon's log and its command line do (`clean_text`): C0 and C1 controls, DEL, line and paragraph separators, marks that
// reorder text, and lone surrogates are written as escapes.
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu;
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const LINE_BREAKS = new Set(["\n", "\t"]);

function escape(found) {
  const code = found.charCodeAt(0).toString(16);
  return SHORT[found] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}

export const clean = (value) => String(value).replace(UNPRINTABLE, escape);

// A text of several lines keeps its line breaks and tabs.
export const cleanBlock = (value) => String(value).replace(UNPRINTABLE, (found) => (LINE_BREAKS.has(found) ? found : escape(found)));

// A text from outside in the middle of a line: written from right to left it moves nothing that stands beside it. What is written
// out in it reads from the left, as on the command line.
export const outside = (value) => make("bdi", { dir: "ltr" }, value);

// A small button that does one thing.
export function button(label, act, attributes = {}) {
  const element = make("button", { type: "button", class: "small", ...attributes }, label);
  element.addEventListener("click", act);
  return element;
}

// What the page is about to act on; it is not known before the daemon said so.
export const environmentOf = () => document.body.dataset.environment ?? "unknown";

// What the daemon called its state when it last told it: whoever decides by it says so.
export const stateVersionOf = () => document.body.dataset.stateVersion ?? null;

export function setText(element, value) {
  const text = textOf(value);
  if (element.textContent !== text) element.textContent = text;
}

// To say of an element again that it is hidden, or shown, costs a frame.
export function setHidden(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

// Amounts are exact decimal texts.  They are cut and grouped as text, because a JavaScript number would round them.
function group(text) {
  const [, whole, rest = ""] = /^(\d+)(\.\d*)?$/.exec(text) ?? [null, text, ""];
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f") + rest;
}

// "998.7700" -> "998.77": at least two places, more only when they say something.
export function money(value, { signed = false } = {}) {
  if (value === null || value === undefined) return "–";
  const text = String(value);
  const negative = text.startsWith("-");
  let digits = negative ? text.slice(1) : text;
  if (digits.includes(".")) digits = digits.replace(/0+$/, "");
  const places = digits.includes(".") ? digits.length - digits.indexOf(".") - 1 : 0;
  if (places < 2) digits = (places === 0 ? digits.replace(/\.$/, "") + "." : digits) + "0".repeat(2 - places);
  const isZero = /^[0.]*$/.test(digits);
  const sign = negative ? "\u2212" : signed && !isZero ? "+" : "";
  return sign + group(digits);
}

// Keeps the places it was given, so that columns align at the point.
export function exact(value, { signed = false } = {}) {
  if (value === null || value === undefined) return "–";
  const text = String(value);
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  return (negative ? "\u2212" : signed && !/^[0.]*$/.test(digits) ? "+" : "") + group(digits);
}

export function direction(value) {
  const text = String(value ?? "");
  if (/^-?[0.]*$/.test(text)) return "";
  return text.startsWith("-") ? "down" : "up";
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  const pad = (n) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${pad(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${pad(Math.floor((s % 3600) / 60))} m`;
  return `${Math.floor(s / 86400)} d ${pad(Math.floor((s % 86400) / 3600))} h`;
}

export function clock(timestamp) {
  const match = /T(\d\d:\d\d:\d\d)/.exec(String(timestamp ?? ""));
  return match ? match[1] : textOf(timestamp);
}

// Ages go on between messages: an element remembers when it had which age, and one timer moves them all.
export function setAge(element, seconds) {
  if (seconds === null || seconds === undefined) {
    delete element.dataset.since;
    setText(element, "–");
    return;
  }
  element.dataset.since = String(performance.now() - seconds * 1000);
  setText(element, duration(seconds));
}

export function tickAges() {
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-since]")) {
    setText(element, duration((now - Number(element.dataset.since)) / 1000));
  }
}

// What a finger or the mouse is pressing must not be replaced under it: the click would go nowhere.
const HELD_AT_MOST_MS = 2000;
let held = null;
document.addEventListener("pointerdown", (event) => { held = { target: event.target, until: performance.now() + HELD_AT_MOST_MS }; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => { held = null; }), true);

export const isHeld = (element) => held !== null && performance.now() < held.until && element.contains(held.target);

export function fillPairs(list, pairs, empty) {
  const items = pairs.flatMap(([name, value, attributes]) => [make("dt", {}, name), make("dd", attributes ?? {}, value)]);
  patch(list, items.length ? items : [make("dt", {}, empty)]);
}
