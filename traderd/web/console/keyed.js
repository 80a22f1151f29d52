// Lists whose items stay: one is written to only when its record changed, and only where it differs, so selection and what a
// person opened survive a status every second.

import { isHeld } from "./dom.js";
import { patchNode } from "./drawing.js";

export class Keyed {
  // `make(record)` gives the elements of one record; `empty()` what stands there while there is none.
  constructor(parent, make, empty) {
    this.parent = parent;
    this.make = make;
    this.empty = empty;
    this.known = new Map();
  }

  show(records, keyOf) {
    // The next status brings the same news.
    if (isHeld(this.parent)) return;
    const kept = new Map();
    for (const record of records) {
      const key = keyOf(record);
      const text = JSON.stringify(record);
      const old = this.known.get(key);
      kept.set(key, old?.text === text ? old : { text, parts: this.renew(old, record) });
    }
    this.known = kept;
    const wanted = [...kept.values()].flatMap(({ parts }) => parts);
    if (wanted.length === 0) wanted.push(...(this.nothing ??= this.empty?.() ?? []));
    this.place(wanted);
  }

  renew(old, record) {
    const parts = [this.make(record)].flat();
    return parts.map((part, index) => {
      const before = old?.parts[index];
      if (!before) return part;
      const [was, is] = [detailsOf(before), detailsOf(part)];
      // What a person opened or closed stays so until the record itself has another word on it.
      if (was && is && was.dataset.begins === is.dataset.begins) is.open = was.open;
      return patchNode(before, part);
    });
  }

  // Moves only what is not where it should be.
  place(wanted) {
    const parent = this.parent;
    wanted.forEach((element, index) => {
      if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    });
    while (parent.childElementCount > wanted.length) parent.lastElementChild.remove();
  }
}

const detailsOf = (element) => (element?.tagName === "DETAILS" ? element : element?.querySelector("details"));
