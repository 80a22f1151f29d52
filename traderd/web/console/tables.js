// Orders, positions, fills and settlements.  Rows are kept by key and changed in place, so a selection survives updates.

import { commandNow, isDone } from "./commands.js";
import { button, byId, clock, direction, duration, exact, isHeld, make, setAge } from "./dom.js";
import { patch } from "./drawing.js";
import { Keyed } from "./keyed.js";

const OVER = new Set(["executed", "canceled", "rejected", "not_placed"]);
// What is over makes room for what is open, so that an order that comes and goes does not move all that stands below the table.
const ROWS_FILLED = 10;
const OVER_AT_LEAST = 3;
const FILLS_KEPT = 200;
const LATER_MS = 150;

function emptyRow(body) {
  const columns = body.parentElement.tHead.rows[0].cells.length;
  return make("tr", {}, make("td", { class: "empty", colspan: columns }, body.dataset.empty));
}

// The rows of a table that comes whole with each status; `row(record)` makes one.
export function keyedRows(id, row) {
  const body = byId(id).tBodies[0];
  return new Keyed(body, row, () => [emptyRow(body)]);
}

const YES_NO = { bid: "bid · YES", ask: "ask · NO" };
const side = (word) => make("td", { class: word }, YES_NO[word] ?? word);
export const number = (text, extra = "") => make("td", { class: `number ${extra}` }, text);
const signed = (value, extra = "") => number(exact(value, { signed: true }), `${direction(value)} ${extra}`);

// Choosing a ticker anywhere shows its book.
function ticker(name) {
  // On a narrow screen a ticker breaks between its parts, where a person reads a pause.
  const parts = String(name).split(/(?<=-)/).flatMap((part, index) => (index ? [make("wbr"), part] : [part]));
  const chooser = make("button", { type: "button", class: "ticker", title: "Show the book" }, ...parts);
  chooser.addEventListener("click", () => document.dispatchEvent(new CustomEvent("ticker", { detail: name })));
  return make("td", { class: "name" }, chooser);
}

class Table {
  constructor(id, cells, { newestFirst = false, keep = Infinity } = {}) {
    this.body = byId(id).tBodies[0];
    this.cells = cells;
    this.newestFirst = newestFirst;
    this.keep = keep;
    this.rows = new Map();
    this.late = new Map();
    this.clear();
  }

  clear() {
    this.rows.clear();
    this.late.clear();
    this.body.replaceChildren(emptyRow(this.body));
  }

  put(key, record) {
    const row = this.rows.get(key) ?? make("tr", { "data-key": key });
    if (isHeld(row)) return this.putLater(key, record, row);
    this.late.delete(key);
    patch(row, this.cells(record));
    if (!this.rows.has(key)) {
      if (this.rows.size === 0) this.body.replaceChildren();
      this.rows.set(key, row);
      if (this.newestFirst) this.body.prepend(row); else this.body.append(row);
      if (this.rows.size > this.keep) this.remove(this.rows.keys().next().value);
    }
    return row;
  }

  // Of what came while a row was pressed only the newest matters.
  putLater(key, record, row) {
    const isWaiting = this.late.has(key);
    this.late.set(key, record);
    if (!isWaiting) setTimeout(() => { if (this.late.has(key)) this.show(this.takeLate(key)); }, LATER_MS);
    return row;
  }

  takeLate(key) {
    const record = this.late.get(key);
    this.late.delete(key);
    return record;
  }

  remove(key) {
    this.rows.get(key)?.remove();
    if (this.rows.delete(key) && this.rows.size === 0) this.clear();
  }
}

// The age of what is over stands still: how long it lived.
function age({ age_s: seconds, ended_at: ended }) {
  const cell = number(duration(seconds));
  if (ended) cell.title = `ended ${ended}`;
  else setAge(cell, seconds);
  return cell;
}

// A cancel takes risk away, so it is done at once; how it went is said in the bar.
function cancelCell(order) {
  const cell = make("td", { class: "actions" });
  if (OVER.has(order.status)) return cell;
  // Not `disabled`: the focus would leave it before anybody knows whether it was done.
  const canceller = button("Cancel", async () => {
    if (canceller.ariaDisabled) return;
    canceller.ariaDisabled = "true";
    const answer = await commandNow("cancel", { key: order.key }, "cancel an order");
    if (answer === null || !isDone(answer)) canceller.ariaDisabled = null;
  }, { "aria-label": `Cancel ${order.side} ${order.remaining} at ${order.price_dollars} of ${order.ticker}` });
  if (order.status === "cancelling") canceller.ariaDisabled = "true";
  cell.append(canceller);
  return cell;
}

export class Orders extends Table {
  constructor() {
    super("orders", (order) => [
      ticker(order.ticker), side(order.side), number(exact(order.price_dollars)), number(exact(order.count), "spare"),
      number(exact(order.filled), "extra"), number(exact(order.remaining)),
      make("td", { title: order.reason || order.order_id }, order.status), make("td", { class: "spare" }, order.owner), age(order), cancelCell(order),
    ]);
  }

  show(order) {
    const row = this.put(order.key, order);
    const isOver = OVER.has(order.status);
    // What is over sinks below what is open.
    if (isOver && !row.classList.contains("over")) this.body.append(row);
    if (!isOver && row === this.body.lastElementChild) this.body.querySelector("tr.over")?.before(row);
    row.classList.toggle("over", isOver);
    const over = [...this.body.querySelectorAll("tr.over")];
    const kept = Math.max(OVER_AT_LEAST, ROWS_FILLED - (this.rows.size - over.length));
    // The oldest of what is over goes.
    for (const old of over.slice(0, Math.max(0, over.length - kept))) this.remove(old.dataset.key);
  }
}

export class Positions extends Table {
  constructor() {
    super("positions", (position) => [
      // The side says which way; its count and both prices are the side's own.
      ticker(position.ticker), make("td", {}, position.side), number(exact(position.held)),
      number(exact(position.average_cost_dollars)), number(exact(position.held_mark_dollars), "spare"),
      signed(position.realized_pnl_dollars, "spare"), signed(position.unrealized_pnl_dollars),
      number(exact(position.fees_dollars), "spare"),
    ]);
  }

  show(position) {
    if (/^-?[0.]*$/.test(String(position.count))) this.remove(position.ticker);
    else this.put(position.ticker, position);
  }
}

export class Fills extends Table {
  constructor() {
    super("fills", (fill) => [
      make("td", { title: fill.executed_at }, clock(fill.executed_at)), ticker(fill.ticker), side(fill.side),
      number(exact(fill.price_dollars)), number(exact(fill.count)), number(exact(fill.fee_dollars), "spare"),
      make("td", { class: "spare" }, fill.is_taker ? "taker" : "maker"), make("td", { class: "spare" }, fill.order_key),
    ], { newestFirst: true, keep: FILLS_KEPT });
  }

  show(fill) {
    this.put(fill.trade_id, fill);
  }
}

export class Settlements extends Table {
  constructor() {
    super("settlements", (one) => [
      make("td", { title: one.settled_at }, String(one.settled_at).slice(0, 16).replace("T", " ")), ticker(one.ticker), make("td", {}, one.result),
      number(exact(one.count, { signed: true })), number(exact(one.cost_dollars), "spare"), number(exact(one.revenue_dollars)),
      signed(one.profit_dollars), number(exact(one.fees_dollars), "spare"),
    ]);
  }

  show(settlements) {
    const text = JSON.stringify(settlements);
    if (text === this.text) return;
    this.text = text;
    this.clear();
    for (const one of settlements) this.put(`${one.ticker} ${one.settled_at}`, one);
  }
}
