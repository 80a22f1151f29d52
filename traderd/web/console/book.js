// One market: how good its book is, the ladder (asks above, bids below, both best at the spread), and what is read off it.

import { byId, duration, exact, fillPairs, isHeld, make, setText } from "./dom.js";

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
    for (const id of ["book", "book-grade", "book-reads"]) byId(id).hidden = true;
    setText(byId("book-words"), `Waiting for the book of ${ticker}…`);
    this.onWatch(ticker);
    document.dispatchEvent(new CustomEvent("book-chosen", { detail: ticker }));
  }

  show(book) {
    if (book.ticker !== this.ticker) return;
    const table = byId("book");
    // A book that cannot be trusted has only the prices that were known last.
    const shown = book.usable ? book : book.last_known ?? {};
    table.hidden = !shown.bids && !shown.asks;
    table.classList.toggle("unusable", !book.usable);
    this.showQuality(book);
    this.showReads(book, shown);
    const asks = (shown.asks ?? []).slice(0, LEVELS);
    const bids = (shown.bids ?? []).slice(0, LEVELS);
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
      return make("tr", { class: kind }, make("td", { class: "own" }, mine ? `● ${mine.map((left) => exact(left)).join(" + ")}` : " "),
        make("td", { class: "number price" }, this.level(kind, price)), size);
    };
    const spread = shown.spread ? `spread ${exact(shown.spread)}` : "one side is empty";
    const middle = make("tr", { class: "spread" }, make("td", { colspan: 3 }, spread));
    const body = table.tBodies[0];
    if (isHeld(body)) return;
    const focused = [...body.querySelectorAll("button")].indexOf(document.activeElement);
    body.replaceChildren(...asks.map(row("ask")).reverse(), middle, ...bids.map(row("bid")));
    if (focused >= 0) body.querySelectorAll("button")[focused]?.focus();
    const more = (shown.bid_levels ?? 0) + (shown.ask_levels ?? 0) - asks.length - bids.length;
    setText(byId("book-more"), more > 0 ? `${more} further levels are not shown` : " ");
  }

  // Choosing a price puts it on the order ticket.
  level(kind, price) {
    const button = make("button", { type: "button", class: "ticker", title: kind === "ask" ? "Bid at this price" : "Ask at this price", tabindex: -1 }, exact(price));
    button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("level", { detail: { kind, price } })));
    return button;
  }

  showQuality(book) {
    const { grade, causes = [], line_silent_s: silent } = book.quality ?? {};
    const badge = byId("book-grade");
    badge.hidden = !grade;
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
    list.hidden = shown.mid === undefined;
    list.classList.toggle("unusable", !book.usable);
    fillPairs(list, [
      ["Mid / microprice ($)", `${exact(shown.mid)} / ${exact(shown.microprice)}`],
      ["Last trade ($)", exact(book.last_trade)],
      ["Imbalance (−1 to 1)", exact(shown.imbalance, { signed: true })],
      ["Depth bid / ask", `${exact(shown.bid_depth)} / ${exact(shown.ask_depth)}`],
    ]);
  }
}
