// Strategies and why no trade: each one's ticks by how they ended, what the rules refused, and its own profit.

import { button, byId, direction, exact, make, money } from "./dom.js";
import { Keyed } from "./keyed.js";
import { keyedRows, number } from "./tables.js";
import { askVerb } from "./verbs.js";

// From what was asked first to what was asked last: a tick ends at one of these, and an order is what is left.
const OUTCOMES = [
  ["halted", "a halt stands, or the daemon may not trade now"], ["pause", "a person or the exchange paused"],
  ["no_book", "the market or its book is not known yet"], ["grade", "the book is worse than is demanded"],
  ["fenced", "an order of the market has an unknown outcome"], ["busy", "its last commands are under way"],
  ["budget", "it wanted more than it may have"], ["failed", "it raised an error"], ["no_signal", "it looked and wanted nothing"],
  ["denied", "a risk rule said no"], ["tokens", "the message limits had no room"], ["unavailable", "it could not be tried now"],
  ["rejected", "the exchange said no"], ["unknown", "nobody knows yet whether it arrived"],
  ["order", "a command was carried out"],
];
const MEANING = new Map(OUTCOMES);
const ORDER = new Map(OUTCOMES.map(([name], index) => [name, index]));
const WHY_EVERY_MS = 5000;
// More than there are markets, or a strategy that ticks often would hide one that failed.
const ROWS_SHOWN = 100;

const list = new Keyed(byId("strategies"), strategy, () => [make("p", { class: "quiet" }, "No strategy runs. `traderd plugins` lists what could.")]);
const denials = keyedRows("denials", denialRow);
const why = keyedRows("why", whyRow);

function funnel(tenant) {
  const outcomes = Object.entries(tenant.outcomes ?? {}).sort(([a], [b]) => (ORDER.get(a) ?? 99) - (ORDER.get(b) ?? 99));
  let left = tenant.ticks;
  const rows = outcomes.flatMap(([name, count]) => {
    // What had got as far as this, before it ended here.
    const share = tenant.ticks ? (left / tenant.ticks) * 100 : 0;
    const ended = tenant.ticks ? (count / tenant.ticks) * 100 : 0;
    left -= count;
    const bar = make("span", { class: "funnel-bar", "data-outcome": name });
    bar.style.setProperty("--share", `${share.toFixed(1)}%`);
    bar.style.setProperty("--ended", `${Math.min(share, ended).toFixed(1)}%`);
    return [make("dt", { title: MEANING.get(name) ?? "" }, name), make("dd", {}, bar),
      make("dd", { class: "number" }, exact(count)), make("dd", { class: "meaning quiet" }, MEANING.get(name) ?? " ")];
  });
  return make("dl", { class: "funnel", "aria-label": `How the ticks of ${tenant.strategy} ended` }, ...rows);
}

function strategy({ tenant, book, stopped }) {
  const head = make("div", { class: "head" }, make("strong", { "data-status": tenant.status }, tenant.strategy),
    make("span", { class: "quiet" }, tenant.status), make("span", { class: "grow" }));
  const verbs = make("span", { class: "verbs" });
  head.append(verbs);
  const ask = (verb, label) => verbs.append(button(label, () => askVerb(verb, { strategy: tenant.strategy }, tenant.strategy)));
  if (tenant.status === "quarantined") ask("release-strategy", "Release");
  if (stopped) ask("reset-strategy", "Reset");
  ask("pause", "Pause");
  ask("cancel-all", "Cancel its orders");
  const numbers = [
    `${exact(tenant.ticks)} ticks`, `callback p99 ${tenant.callback_p99_ms} of ${tenant.callback_budget_ms} ms`,
    tenant.over_budget ? `${exact(tenant.over_budget)} over budget` : "", tenant.failures ? `${exact(tenant.failures)} failures` : "",
    `${exact(tenant.commands)} commands`, `${tenant.in_flight} in flight`,
  ];
  const earned = book
    ? [make("p", {}, "Realized ", signed(book.realized_pnl_dollars), ", unrealized at bid ", signed(book.unrealized_at_bid_dollars), `, fees $${money(book.fees_dollars)}, ${exact(book.fills)} fills`)] : [];
  const parameters = (tenant.parameters ?? []).map((one) => `${one.name} = ${one.value}`).join(", ");
  return make("div", { class: "strategy", "data-key": tenant.strategy }, head,
    ...(tenant.reason || stopped ? [make("p", { class: "trouble" }, tenant.reason || stopped)] : []),
    make("p", { class: "quiet" }, numbers.filter(Boolean).join(" · ")), ...earned, funnel(tenant),
    ...(parameters ? [make("p", { class: "quiet small-text" }, parameters)] : []));
}

const signed = (value) => make("span", { class: direction(value) }, `$${money(value, { signed: true })}`);

function denialRow(one) {
  return make("tr", { "data-key": `${one.owner} ${one.rule}` }, make("td", {}, one.owner), make("td", {}, one.rule),
    number(exact(one.count)), make("td", { class: "wrap quiet" }, one.last_sentence));
}

function whyRow(row) {
  return make("tr", {}, make("td", {}, row.strategy), make("td", { class: "name" }, row.ticker),
    make("td", {}, row.rule ? `${row.outcome}: ${row.rule}` : row.outcome), number(exact(row.count)));
}

export function showStrategies(status) {
  const books = new Map((status.account?.strategies ?? []).map((book) => [book.strategy, book]));
  const stopped = status.strategies_stopped ?? {};
  const records = (status.tenants ?? []).map((tenant) => ({ tenant, book: books.get(tenant.strategy), stopped: stopped[tenant.strategy] }));
  list.show(records, (record) => record.tenant.strategy);
  denials.show(status.denials ?? [], (one) => `${one.owner} ${one.rule}`);
}

// Per market there are many rows, so they are read only while somebody looks.
async function readWhy() {
  if (!byId("why-panel").open || document.hidden) return;
  try {
    const answer = await (await fetch("/v3/why")).json();
    why.show(answer.rows.slice(0, ROWS_SHOWN), (row) => `${row.strategy} ${row.ticker} ${row.outcome} ${row.rule}`);
  } catch {
    // The light at the top says that the daemon is gone; what stands here is the last that was known.
    return;
  }
}

export function wireWhy() {
  byId("why-panel").addEventListener("toggle", readWhy);
  setInterval(readWhy, WHY_EVERY_MS);
}
