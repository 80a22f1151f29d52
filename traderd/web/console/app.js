// The page: takes messages from the connection and hands each to the part that shows it.

import { Book } from "./book.js";
import { chartBook, chooseChart, showHistory, wireCharts } from "./charts.js";
import { openConnection } from "./connection.js";
import { byId, setText } from "./dom.js";
import { wireFocus } from "./focus.js";
import { wireKeys } from "./keys.js";
import { Log } from "./log.js";
import { Machine } from "./machine.js";
import { wireTicket } from "./place.js";
import { showHalts } from "./risk.js";
import { readPlugins, wirePlugins } from "./services.js";
import { showAccount, showEnvironment, showLink, showStatus } from "./status.js";
import { wireWhy } from "./strategies.js";
import { Fills, Orders, Positions, Settlements } from "./tables.js";
import { Transitions } from "./transitions.js";
import { wireVerbs } from "./verbs.js";

// How long messages are worked off before the browser may paint and answer a person.
const SLICE_MS = 4;
// Nothing is painted while nobody can see the page, and a timer there comes once a second or once a minute: messages are worked off
// as they come, and what they leave goes in longer slices, so a hidden page cannot fall behind.
const HIDDEN_SLICE_MS = 100;
// What somebody waits for is shown as it comes, unless older messages wait: it does not queue behind the browser's own work.
const AT_ONCE = new Set(["state_transition", "halt", "fill", "order", "position"]);

const orders = new Orders();
const positions = new Positions();
const fills = new Fills();
const settlements = new Settlements();
const log = new Log();
const machine = new Machine();
const transitions = new Transitions();
document.addEventListener("book-chosen", ({ detail }) => chooseChart(detail));
wireTicket();
const book = new Book((ticker) => connection.watch(ticker));
let version = null;
let status = null;

const handlers = {
  hello(data) {
    // A page from before an upgrade would speak to the new daemon in the old way.
    if (version !== null && version !== data.version) location.reload();
    version = data.version;
    status = null;
    for (const part of [orders, positions, fills, log, machine, transitions]) part.clear();
    showEnvironment(data.environment);
    readPlugins();
  },
  trader_status(data) {
    status = data;
    machine.show(status.state, status.state_since_s);
    showStatus(status);
    settlements.show(status.settlements ?? []);
    for (const market of data.universe?.markets ?? []) book.offer(market.ticker);
  },
  trading_state(data) {
    if (status === null) return;
    status.account = { ...status.account, ...(data.account ?? data) };
    showAccount(status.account);
  },
  state_transition(data) {
    // The history of a late joiner comes after its status, so only news may move the state.
    const isNews = status !== null && !(status.transitions ?? []).some((known) => known.timestamp === data.timestamp);
    machine.note(data, isNews);
    transitions.add(data);
  },
  order(data) { orders.show(data); book.offer(data.ticker); },
  position(data) { positions.show(data); book.offer(data.ticker); },
  fill(data) { fills.show(data); book.offer(data.ticker); },
  book(data) { book.show(data); chartBook(data); },
  chart(data) { showHistory(data); },
  log(data) { log.add(data); },
  halt(data) {
    if (status === null) return;
    const others = (status.halts ?? []).filter((halt) => halt.id !== data.id);
    status.halts = data.cleared ? others : [...others, data];
    showHalts(status);
  },
  error(data) { setText(byId("command-outcome"), data.sentence); },
};

// A late joiner's history is hundreds of messages at once: they are worked off in slices, so that no task is long.
const waiting = [];
let timer = null;

function workOff() {
  clearTimeout(timer);
  const until = performance.now() + (document.hidden ? HIDDEN_SLICE_MS : SLICE_MS);
  let done = 0;
  try {
    while (done < waiting.length && (done === 0 || performance.now() < until)) {
      const message = waiting[done];
      done += 1;
      handlers[message.type]?.(message.data);
    }
  } finally {
    // Also when one of them could not be shown: those behind it are none the worse.
    waiting.splice(0, done);
    timer = waiting.length ? setTimeout(workOff) : null;
  }
}

const connection = openConnection({
  onState: showLink,
  onMessage(message) {
    waiting.push(message);
    if (document.hidden || (timer === null && AT_ONCE.has(message.type))) workOff();
    else timer ??= setTimeout(workOff);
  },
});

wireFocus();
wireVerbs();
wireKeys();
wirePlugins();
wireWhy();
wireCharts();
