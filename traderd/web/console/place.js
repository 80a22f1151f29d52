// The order ticket: one order by hand.  What it can cost at most is worked out exactly, before it is sent.

import { command, isDone, showAnswer, showUnanswered } from "./commands.js";
import { byId, environmentOf, money, setText } from "./dom.js";

const DOLLAR = 10000n; // prices in 1/10 000 $, counts in 1/100 contract, so money is in 1/1 000 000 $

const form = byId("ticket");
const field = (name) => form.elements.namedItem(name);

// "0.45" with 4 places is 4500n; null when it is no such number.
function whole(text, places) {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text.trim());
  if (!match || (!match[1] && !match[2]) || (match[2] ?? "").length > places) return null;
  return BigInt((match[1] || "0") + (match[2] ?? "").padEnd(places, "0"));
}

function worstCost(side, priceText, countText) {
  const price = whole(priceText, 4);
  const count = whole(countText, 2);
  if (price === null || count === null || price <= 0n || price >= DOLLAR || count <= 0n) return null;
  const cost = (side === "bid" ? price : DOLLAR - price) * count;
  return `${cost / 1000000n}.${String(cost % 1000000n).padStart(6, "0")}`;
}

function showCost() {
  const cost = worstCost(field("side").value, field("price_dollars").value, field("count").value);
  setText(byId("ticket-cost"), cost === null ? "Price between 0 and 1 $, count above 0." : `At most $${money(cost)} and fees, in ${environmentOf()}.`);
  byId("ticket-place").disabled = cost === null || !field("ticker").value;
}

let isUnderWay = false;

async function place() {
  if (isUnderWay) return;
  isUnderWay = true;
  const outcome = byId("ticket-outcome");
  setText(outcome, "Under way…");
  const order = {
    ticker: field("ticker").value, side: field("side").value, price_dollars: field("price_dollars").value.trim(),
    count: field("count").value.trim(), time_in_force: field("time_in_force").value, post_only: field("post_only").checked,
  };
  try {
    const answer = await command("place", order, "place an order");
    if (answer === null) {
      setText(outcome, "Nothing was sent.");
      outcome.dataset.answer = "";
    } else {
      showAnswer(outcome, answer);
      if (isDone(answer)) startAnew();
    }
  } catch (error) {
    showUnanswered(outcome, error);
  }
  isUnderWay = false;
}

// The next order begins with its count, also for whoever pressed the button, which waits for one.
function startAnew() {
  field("count").value = "";
  if (document.activeElement === byId("ticket-place")) field("count").focus({ preventScroll: true });
  showCost();
}

export function wireTicket() {
  form.addEventListener("input", showCost);
  form.addEventListener("submit", (event) => { event.preventDefault(); place(); });
  // A level of the ladder is a price to take: an ask is bought, a bid is sold.
  document.addEventListener("level", ({ detail }) => {
    field("side").value = detail.kind === "ask" ? "bid" : "ask";
    field("price_dollars").value = detail.price;
    showCost();
    field("count").focus();
  });
  document.addEventListener("book-chosen", ({ detail }) => {
    field("ticker").value = detail;
    setText(byId("ticket-ticker"), detail);
    showCost();
  });
  showCost();
}
