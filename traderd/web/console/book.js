// One market: how good its book is, the ladder (asks above, bids below, both best at the spread), and what is read off it.

import { byId, duration, exact, fillPairs, isHeld, make, setHidden, setText } from "./dom.js";

const LEVELS = 10;

export class Book {
  constructor(onWatch) {
    this.onWatch = onWatch;
    this.ticker = null;
    this.known = new Set();
    this.ladder = new Ladder(byId("book").tBodies[0]);
    this.input = byId("book-ticker");
    this.input.addEventListener("change", () => this.choose(this.input.value.trim()));
    document.addEventListener("ticker", (event) => this.choose(event.detail));
  }

  // Remembers tickers seen in other tables; the first one is shown without being asked for.
  offer(ticker) {
    if (!ticker || this.known.has(ticker)) return;
    this.known.add(ticker);
    byId("tickers").append(make("option", { value: ticker }));
    if (this.ticker === null && document.activeElement !== this.input) this.choose(ticker);
  }

  choose(ticker) {
    if (!ticker) return;
    this.ticker = ticker;
    this.input.value = ticker;
    for (const id of ["book", "book-grade", "book-reads"]) setHidden(byId(id), true);
    setText(byId("book-words"), `Waiting for the book of ${ticker}…`);
    this.onWatch(ticker);
    document.dispatchEvent(new CustomEvent("book-chosen", { detail: ticker }));
  }

  show(book) {
    if (book.ticker !== this.ticker) return;
    const table = byId("book");
    // A book that cannot be trusted has only the prices that were known last.
    const shown = book.usable ? book : book.last_known ?? {};
    setHidden(table, !shown.bids && !shown.asks);
    table.classList.toggle("unusable", !book.usable);
    this.showQuality(book);
    this.showReads(book, shown);
    this.showLevels(book, shown);
  }

  showLevels(book, shown) {
    if (isHeld(this.ladder.body)) return;
    const asks = (shown.asks ?? []).slice(0, LEVELS);
    const bids = (shown.bids ?? []).slice(0, LEVELS);
    // A share of the longest bar is a picture, not an amount, so a JavaScript number will do.
    const longest = Math.max(1, ...[...asks, ...bids].map(([, count]) => Number(count)));
    const own = new Map();
    for (const order of book.own_orders ?? []) {
      const key = `${order.side} ${order.price_dollars}`;
      own.set(key, [...(own.get(key) ?? []), order.remaining]);
    }
    for (const [kind, levels] of [["ask", asks], ["bid", bids]]) {
      this.ladder.show(kind, levels.map(([price, count]) => ({ price, count, share: Number(count) / longest, own: own.get(`${kind} ${price}`) })));
    }
    setText(this.ladder.middle, shown.spread ? `spread ${exact(shown.spread)}` : "one side is empty");
    const more = (shown.bid_levels ?? 0) + (shown.ask_levels ?? 0) - asks.length - bids.length;
    setText(byId("book-more"), more > 0 ? `${more} further levels are not shown` : " ");
  }

  showQuality(book) {
    const { grade, causes = [], line_silent_s: silent } = book.quality ?? {};
    const badge = byId("book-grade");
    setHidden(badge, !grade);
    badge.dataset.grade = grade ?? "";
    setText(badge, grade);
    const age = book.age_s === undefined || book.age_s === null ? "" : `last change ${duration(book.age_s)} ago`;
    const heard = silent === undefined || silent === null ? "" : `line heard ${duration(silent)} ago`;
    // A book that cannot be trusted gives its reason as the first cause of its grade.
    const why = book.usable ? causes : causes.slice(1);
    const trust = book.usable ? "" : `Not usable: ${book.reason || "no reason given"} · below are the prices known last`;
    setText(byId("book-words"), [trust, ...why, age, heard].filter(Boolean).join(" · "));
  }

  showReads(book, shown) {
    const list = byId("book-reads");
    setHidden(list, shown.mid === undefined);
    list.classList.toggle("unusable", !book.usable);
    fillPairs(list, [
      ["Mid / microprice ($)", `${exact(shown.mid)} / ${exact(shown.microprice)}`],
      ["Last trade ($)", exact(book.last_trade)],
      ["Imbalance (−1 to 1)", exact(shown.imbalance, { signed: true })],
      ["Depth bid / ask", `${exact(shown.bid_depth)} / ${exact(shown.ask_depth)}`],
    ]);
  }
}

// Ten times a second most of a ladder is as it was, so its rows stay: best at the spread, where a side grows and shrinks at its end.
class Ladder {
  constructor(body) {
    this.body = body;
    this.rows = { ask: [], bid: [] };
    this.middle = make("td", { colspan: 3 });
    body.append(make("tr", { class: "spread" }, this.middle));
    body.addEventListener("keydown", (event) => this.step(event));
  }

  show(kind, levels) {
    const rows = this.rows[kind];
    while (rows.length > levels.length) rows.pop().root.remove();
    while (rows.length < levels.length) {
      const row = this.row(kind);
      rows.push(row);
      if (kind === "ask") this.body.prepend(row.root);
      else this.body.append(row.root);
    }
    levels.forEach((level, index) => this.write(rows[index], level));
  }

  write(row, { price, count, share, own }) {
    row.price.value = price;
    setText(row.price, exact(price));
    setText(row.size, exact(count));
    const depth = `${Math.round(share * 100)}%`;
    if (row.size.style.getPropertyValue("--depth") !== depth) row.size.style.setProperty("--depth", depth);
    setText(row.own, own ? `● ${own.map((left) => exact(left)).join(" + ")}` : " ");
  }

  // Tab comes to the best price of each side, the arrows go from there through all.
  step(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const prices = [...this.body.querySelectorAll("button")];
    prices[prices.indexOf(event.target) + step]?.focus();
  }

  // Choosing a price puts it on the order ticket.
  row(kind) {
    const price = make("button", { type: "button", class: "ticker", title: kind === "ask" ? "Bid at this price" : "Ask at this price", tabindex: this.rows[kind].length ? -1 : 0 });
    price.addEventListener("click", () => document.dispatchEvent(new CustomEvent("level", { detail: { kind, price: price.value } })));
    const own = make("td", { class: "own" });
    const size = make("td", { class: "number size" });
    return { root: make("tr", { class: kind }, own, make("td", { class: "number price" }, price), size), own, price, size };
  }
}
