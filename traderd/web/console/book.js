// The price ladder of one market: asks above, bids below, both best at the spread.

import { byId, duration, exact, make, setText } from "./dom.js";

const LEVELS = 10;

export class Book {
  constructor(onWatch) {
    this.onWatch = onWatch;
    this.ticker = null;
    this.known = new Set();
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
    byId("book").hidden = true;
    setText(byId("book-note"), `Waiting for the book of ${ticker}…`);
    this.onWatch(ticker);
  }

  show(book) {
    if (book.ticker !== this.ticker) return;
    const table = byId("book");
    table.hidden = !book.bids && !book.asks;
    table.classList.toggle("unusable", !book.usable);
    const age = book.age_s === undefined || book.age_s === null ? "" : `last change ${duration(book.age_s)} ago`;
    setText(byId("book-note"), book.usable ? age : `Not usable: ${book.reason || "no reason given"}`);
    const asks = (book.asks ?? []).slice(0, LEVELS);
    const bids = (book.bids ?? []).slice(0, LEVELS);
    // A share of the longest bar is a picture, not an amount, so a JavaScript number will do.
    const longest = Math.max(1, ...[...asks, ...bids].map(([, count]) => Number(count)));
    const own = new Map();
    for (const order of book.own_orders ?? []) {
      const key = `${order.side} ${order.price_dollars}`;
      own.set(key, [...(own.get(key) ?? []), order.remaining]);
    }
    const row = (kind) => ([price, count]) => {
      const size = make("td", { class: "number size" }, exact(count));
      size.style.setProperty("--depth", `${Math.round((Number(count) / longest) * 100)}%`);
      const mine = own.get(`${kind} ${price}`);
      return make("tr", { class: kind }, make("td", { class: "own" }, mine ? `● ${mine.join(" + ")}` : " "),
        make("td", { class: "number price" }, exact(price)), size);
    };
    const spread = book.spread ? `spread ${exact(book.spread)}` : "one side is empty";
    const middle = make("tr", { class: "spread" }, make("td", { colspan: 3 }, spread));
    table.tBodies[0].replaceChildren(...asks.map(row("ask")).reverse(), middle, ...bids.map(row("bid")));
  }
}
