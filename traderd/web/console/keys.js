// Everything without a mouse: one key each, where nobody is typing.  Each key opens what asks before it acts.

import { byId } from "./dom.js";
import { askVerb } from "./verbs.js";

const KEYS = {
  p: () => askVerb("pause"),
  r: () => askVerb("resume"),
  c: () => askVerb("cancel-all"),
  f: () => askVerb("flatten"),
  k: () => askVerb("kill"),
  o: () => byId("ticket").elements.namedItem("count").focus(),
  b: () => byId("book-ticker").focus(),
  l: () => byId("log").focus(),
  "/": () => byId("log-text").focus(),
  "?": () => byId("keys-dialog").showModal(),
};

export function wireKeys() {
  document.addEventListener("keydown", (event) => {
    // What was in focus in a dialog stays so until the next frame after it was closed.
    const isTyping = event.target instanceof HTMLElement && event.target.closest("input, select, textarea")
      && !event.target.closest("dialog:not([open])");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("keys-open").addEventListener("click", () => byId("keys-dialog").showModal());
  byId("keys-close").addEventListener("click", () => byId("keys-dialog").close());
}
