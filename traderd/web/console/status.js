// The bar, the way up, the account, services, halts, refusals.

import { byId, direction, duration, exact, fillPairs, make, money, setAge, setText, tickAges } from "./dom.js";
import { showFeed } from "./feed.js";
import { emptyRow } from "./tables.js";

const WAY_UP = [
  ["startup", ""], ["initializing", "→"], ["orderbook_connect", "→"], ["trading_client_connect", "→"],
  ["kalshi_data_sync", "→"], ["ready", "→"], ["acting", "⇄"],
];

export function showEnvironment(environment) {
  document.body.dataset.environment = environment;
  setText(byId("environment"), environment);
  document.title = `${environment} · traderd`;
}

export function showState(state, sinceSeconds) {
  const element = byId("state");
  setText(element, state);
  element.dataset.state = state;
  setAge(byId("state-time"), sinceSeconds);
  showPath(state);
}

function showPath(state) {
  const current = WAY_UP.findIndex(([name]) => name === state);
  const steps = WAY_UP.map(([name, join], index) => {
    // `acting` and `ready` take turns, so neither is past when the other is current.
    const isPast = index < current && name !== "ready";
    return step(name, state, { class: isPast ? "past" : null, "data-join": join });
  });
  for (const name of ["error", "shutdown"]) {
    if (name === "error" || state === name) steps.push(step(name, state, { class: "apart" }));
  }
  byId("path").replaceChildren(...steps);
}

function step(name, state, attributes) {
  const current = name === state ? "step" : null;
  return make("li", { ...attributes, "data-state": name, "aria-current": current }, make("span", {}, name));
}

export function showLink(kind, sentence) {
  const element = byId("link");
  element.dataset.link = kind;
  // What is shown while the connection is down is memory, and it should look like it.
  document.body.dataset.connection = kind;
  setText(element, sentence);
}

export function showStatus(status) {
  showState(status.state, status.state_since_s);
  showHealth(status);
  showAccount(status.account ?? {});
  showFeed(status);
  showServices(status.services ?? {});
  showHalts(status.halts ?? []);
  showWhy(status.why_no_trade ?? {});
  byId("paused").hidden = !status.paused;
  byId("pause").disabled = status.paused === true;
  byId("resume").disabled = status.paused !== true;
  setText(byId("version"), `traderd ${status.version} · up ${duration(status.uptime_s)} · times in UTC`);
}

function showHealth(status) {
  const element = byId("health");
  element.dataset.health = status.health;
  setText(element, status.health);
  element.title = (status.health_parts ?? [])
    .map((part) => `${part.name}: ${part.value}${part.status === "ok" ? "" : ` (${part.status})`}`).join("\n");
  const reasons = [...(status.problems ?? [])];
  for (const [part, reason] of Object.entries(status.degraded ?? {})) {
    if (!reasons.some((known) => known.startsWith(part))) reasons.push(`${part}: ${reason}`);
  }
  const list = byId("problems");
  list.hidden = reasons.length === 0;
  list.dataset.health = status.health;
  list.replaceChildren(...reasons.map((reason) => make("li", {}, reason)));
}

export function showAccount(account) {
  setText(byId("balance"), money(account.balance_dollars));
  const age = account.balance_age_s;
  byId("balance").title = age == null ? "never read" : `read ${Math.round(age)} s before this status`;
  setText(byId("portfolio-value"), money(account.portfolio_value_dollars));
  for (const [id, value] of [["realized", account.realized_pnl_dollars], ["unrealized", account.unrealized_pnl_dollars]]) {
    setText(byId(id), money(value, { signed: true }));
    byId(id).className = direction(value);
  }
  setText(byId("fees"), money(account.fees_dollars));
  setText(byId("open-orders"), account.open_orders);
  setText(byId("position-count"), account.positions);
  setText(byId("fill-count"), account.fills);
}

function showServices(services) {
  const body = byId("services").tBodies[0];
  const rows = Object.entries(services).map(([name, service]) => {
    const inbox = service.inbox ?? {};
    const label = make("span", { "data-status": service.status, title: service.status }, name);
    const first = make("td", {}, label);
    const troubled = service.status !== "running" ? service.status : "";
    const detail = [troubled, service.detail].filter(Boolean).join(": ");
    if (detail) first.append(make("span", { class: "detail" }, detail));
    return make("tr", { "data-key": name }, first,
      make("td", { class: "number" }, service.restarts),
      make("td", { class: "number" }, `${inbox.depth ?? 0} / ${inbox.peak ?? 0}`),
      make("td", { class: "number" }, inbox.dropped ?? 0));
  });
  body.replaceChildren(...(rows.length ? rows : [emptyRow(body)]));
}

export function showHalts(halts) {
  byId("halts-panel").hidden = halts.length === 0;
  byId("halts").replaceChildren(...halts.map((halt) => make("li", { "data-key": halt.id },
    make("strong", {}, halt.ticker || "everything"), ` ${halt.reason} `,
    make("span", { class: "quiet" }, `by ${halt.author}, ${halt.id}`))));
}

function showWhy(counters) {
  const pairs = Object.entries(counters).sort((a, b) => b[1] - a[1]);
  fillPairs(byId("why"), pairs.map(([rule, count]) => [rule, exact(count)]), "Nothing was refused.");
}

setInterval(tickAges, 1000);
