// The bar and the account; the rest of a status goes to the parts that show it.

import { chartStatus } from "./charts.js";
import { byId, direction, duration, make, money, setAge, setText, tickAges } from "./dom.js";
import { later, patch } from "./drawing.js";
import { showFeed } from "./feed.js";
import { showHealth, showParts } from "./health.js";
import { showHalts, showRisk } from "./risk.js";
import { showServices } from "./services.js";
import { showStrategies } from "./strategies.js";

const MARK = { production: "● LIVE ", paper: "", local: "", sim: "" };

export function showEnvironment(environment) {
  document.body.dataset.environment = environment;
  setText(byId("environment"), environment);
  document.title = `${MARK[environment] ?? ""}${environment} · traderd`;
}

// `count` moves each second: it is seen, and not said aloud.
export function showLink(kind, words, count = "") {
  byId("link").dataset.link = kind;
  // What is shown while the connection is down is memory, and it should look like it.
  document.body.dataset.connection = kind;
  setText(byId("link-words"), words);
  setText(byId("link-count"), count || " ");
}

let latest = null;

// The daemon tells its status every second, and ten times a second while its state changes: nobody reads these so fast.
const PANELS_EVERY_MS = 950;
const PANELS = [showParts, showFeed, showServices, showRisk, showStrategies].map((show) => () => show(latest));

export function showStatus(status) {
  latest = status;
  document.body.dataset.stateVersion = status.state_version;
  showHealth(status);
  showHalts(status);
  showAccount(status.account ?? {});
  for (const draw of PANELS) later(draw, 0, PANELS_EVERY_MS);
  chartStatus(status);
  const isTrading = status.mode !== "orderbook_only";
  document.body.classList.toggle("no-trading", !isTrading);
  setText(byId("version"), `traderd ${status.version} · ${isTrading ? "trading" : "order book only"} · up ${duration(status.uptime_s)} · times in UTC`);
}

export function showAccount(account) {
  setText(byId("balance"), money(account.balance_dollars));
  setAge(byId("balance-age"), account.balance_age_s);
  setText(byId("portfolio-value"), money(account.portfolio_value_dollars));
  for (const [id, value] of [["realized", account.realized_pnl_dollars], ["unrealized", account.unrealized_pnl_dollars]]) {
    setText(byId(id), money(value, { signed: true }));
    byId(id).className = direction(value);
  }
  setText(byId("fees"), money(account.fees_dollars));
  setText(byId("open-orders"), account.open_orders);
  setText(byId("position-count"), account.positions);
  setText(byId("fill-count"), account.fills);
  if (account.balance_proof) showBalance(account);
}

// The balance on each of the exchange's engines, and whether our own entries prove it.
function showBalance(account) {
  const proof = account.balance_proof;
  const row = (name, value, seconds) => {
    const age = make("td", { class: "number" });
    setAge(age, seconds);
    return make("tr", {}, make("td", {}, name), make("td", { class: "number" }, money(value)), age);
  };
  const shards = account.balance_by_shard ?? [];
  patch(byId("shards").tBodies[0], [
    ...shards.map((shard) => row(`shard ${shard.exchange_index}`, shard.balance_dollars, account.balance_age_s)),
    row("whole, by the exchange", proof.exchange_dollars, proof.read_age_s), row("whole, by our entries", proof.ours_dollars, proof.proved_age_s)]);
  const words = byId("balance-proof");
  words.classList.toggle("trouble", proof.is_drift);
  setText(words, `${proof.status}: ${proof.sentence}`);
}

setInterval(tickAges, 1000);
