// The state machine: drawn with its ways, the current state, the time in it, and the way that was taken last.

import { byId, duration, setAge, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const BOX = { width: 148, height: 30 };
// Where each state stands: [x, y] of its middle on a wide screen, and on a narrow one.
const PLACES = {
  startup: [[80, 62], [90, 32]], initializing: [[252, 62], [90, 80]], orderbook_connect: [[424, 62], [90, 128]],
  trading_client_connect: [[596, 62], [90, 176]], kalshi_data_sync: [[768, 62], [90, 224]],
  ready: [[940, 62], [90, 272]], acting: [[1112, 62], [90, 320]],
  error: [[596, 132], [290, 176]], shutdown: [[1112, 132], [290, 320]],
};
// Every state may also go to `error` and to `shutdown`; drawn one by one those would hide the rest.
const WAYS = [
  ["startup", "initializing"], ["initializing", "orderbook_connect"], ["orderbook_connect", "trading_client_connect"],
  ["orderbook_connect", "kalshi_data_sync"], ["orderbook_connect", "ready"], ["trading_client_connect", "kalshi_data_sync"],
  ["kalshi_data_sync", "ready"], ["ready", "acting"], ["acting", "ready"],
  ["error", "initializing"], ["error", "orderbook_connect"], ["error", "trading_client_connect"], ["error", "kalshi_data_sync"],
];
const narrow = matchMedia("(max-width: 700px)");

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export class Machine {
  constructor() {
    this.root = byId("machine");
    this.boxes = new Map();
    this.ways = new Map();
    this.current = "";
    this.last = null;
    this.stays = new Map(); // how long the last stay in a state lasted, in ms
    narrow.addEventListener("change", () => this.draw());
  }

  clear() {
    this.last = null;
    this.stays.clear();
  }

  // A state change, from the history or just now.
  note(record, isNews) {
    this.last = record;
    if (record.duration_ms !== null && record.duration_ms !== undefined) this.stays.set(record.from_state, record.duration_ms);
    if (isNews) this.show(record.to_state, 0);
    this.mark();
  }

  show(state, sinceSeconds) {
    const element = byId("state");
    setText(element, state);
    setAge(byId("state-time"), sinceSeconds);
    if (state === this.current) return;
    element.dataset.state = state;
    this.current = state;
    if (this.boxes.size === 0) this.draw();
    else this.mark();
  }

  // Everything is made once; a change of state changes only what it is about.
  draw() {
    const at = narrow.matches ? 1 : 0;
    const [width, height] = at ? [380, 340] : [1196, 156];
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const marker = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" },
      svg("path", { d: "M0 0 L8 4 L0 8 z" }));
    this.ways = new Map(WAYS.map(([from, to]) => [`${from} ${to}`, this.way(from, to)]));
    this.boxes = new Map(Object.keys(PLACES).map((name) => [name, this.box(name, at)]));
    this.root.replaceChildren(svg("defs", {}, marker), ...this.ways.values(), ...this.boxes.values());
    this.mark();
  }

  // Says where we are and which way was taken last.
  mark() {
    if (this.boxes.size === 0) return;
    for (const [name, box] of this.boxes) {
      const isNow = name === this.current;
      if (isNow !== box.hasAttribute("aria-current")) isNow ? box.setAttribute("aria-current", "step") : box.removeAttribute("aria-current");
      const stay = this.stays.get(name);
      const note = isNow ? "now" : stay === undefined ? "" : stay < 1000 ? `${Math.round(stay)} ms` : duration(stay / 1000);
      if (box.lastChild.textContent !== note) box.lastChild.textContent = note;
    }
    this.markWay();
    const way = this.last ? ` Last: ${this.last.from_state} to ${this.last.to_state}.` : "";
    this.root.setAttribute("aria-label", `State machine. Now: ${this.current}.${way} Every state may go to error and to shutdown.`);
  }

  markWay() {
    const { from_state: from, to_state: to } = this.last ?? {};
    for (const [name, way] of this.ways) {
      const isLast = name === `${from} ${to}`;
      if (way.classList.contains("last") !== isLast) way.classList.toggle("last", isLast);
      // A way that is not drawn for itself (to `error`, to `shutdown`) is drawn while it is the last one.
      if (!isLast && name === this.extra) {
        way.remove();
        this.ways.delete(name);
      }
    }
    if (!from || this.ways.has(`${from} ${to}`)) return;
    this.extra = `${from} ${to}`;
    const way = this.way(from, to);
    way.classList.add("last");
    this.ways.set(this.extra, way);
    this.boxes.values().next().value.before(way);
  }

  box(name, at) {
    const [x, y] = PLACES[name][at];
    // Above the box, where no way from `error` comes in, and on a narrow screen beside the way from the state before.
    const note = at ? svg("text", { x: 14, y: -19, class: "stay beside" }) : svg("text", { y: -22, class: "stay" });
    return svg("g", { class: "state", "data-state": name, transform: `translate(${x} ${y})` },
      svg("rect", { x: -BOX.width / 2, y: -BOX.height / 2, width: BOX.width, height: BOX.height, rx: 15 }),
      svg("text", { y: 4, class: "name" }, name), note);
  }

  way(from, to) {
    const at = narrow.matches ? 1 : 0;
    const [x1, y1] = PLACES[from][at];
    const [x2, y2] = PLACES[to][at];
    const d = at ? narrowPath(x1, y1, x2, y2) : widePath(x1, y1, x2, y2);
    return svg("path", { class: `way${from === "error" ? " back" : ""}`, d, "marker-end": "url(#tip)", "data-way": `${from} ${to}` });
  }
}

const HALF = BOX.width / 2;
const LOW = BOX.height / 2;

function widePath(x1, y1, x2, y2) {
  if (y1 !== y2) {
    const sign = y2 > y1 ? 1 : -1;
    return `M${x1} ${y1 + sign * LOW} C${x1} ${y1 + sign * 40} ${x2} ${y2 - sign * 40} ${x2} ${y2 - sign * LOW}`;
  }
  const forth = x2 > x1;
  const steps = Math.abs(x2 - x1) / 172;
  if (steps > 1.5) {
    // Past states that are left out: an arc above their names.
    const high = y1 - LOW - 18 - steps * 8;
    return `M${x1 + 30} ${y1 - LOW} C${x1 + 60} ${high} ${x2 - 60} ${high} ${x2 - 30} ${y2 - LOW}`;
  }
  // `ready` and `acting` go both ways, so the two lines stand apart.
  const shift = forth ? -4 : 4;
  return forth ? `M${x1 + HALF} ${y1 + shift} L${x2 - HALF} ${y2 + shift}` : `M${x1 - HALF} ${y1 + shift} L${x2 + HALF} ${y2 + shift}`;
}

function narrowPath(x1, y1, x2, y2) {
  if (x1 !== x2) {
    const sign = x2 > x1 ? 1 : -1;
    return `M${x1 + sign * HALF} ${y1} C${x1 + sign * 110} ${y1} ${x2 - sign * 110} ${y2} ${x2 - sign * HALF} ${y2}`;
  }
  const down = y2 > y1;
  if (Math.abs(y2 - y1) > 60) return `M${x1 - HALF} ${y1 + 6} C${x1 - 92} ${y1 + 10} ${x2 - 92} ${y2 - 10} ${x2 - HALF} ${y2 - 6}`;
  const shift = down ? -6 : 6;
  return `M${x1 + shift} ${y1 + (down ? LOW : -LOW)} L${x2 + shift} ${y2 + (down ? -LOW : LOW)}`;
}
