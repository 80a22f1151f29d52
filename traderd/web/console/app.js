// The page: takes messages from the connection and hands each to the part that shows it.

import { Book } from "./book.js";
import { wireButtons } from "./commands.js";
import { openConnection } from "./connection.js";
import { byId, setText } from "./dom.js";
import { Log, Transitions } from "./log.js";
import { showAccount, showEnvironment, showHalts, showLink, showState, showStatus } from "./status.js";
import { Fills, Orders, Positions } from "./tables.js";

const orders = new Orders();
const positions = new Positions();
const fills = new Fills();
const log = new Log();
const transitions = new Transitions();
const book = new Book((ticker) => connection.watch(ticker));
let version = null;
let status = null;

const handlers = {
  hello(data) {
    // A page from before an upgrade would speak to the new daemon in the old way.
    if (version !== null && version !== data.version) location.reload();
    version = data.version;
    for (const part of [orders, positions, fills, log, transitions]) part.clear();
    showEnvironment(data.environment);
  },
  trader_status(data) {
    status = data;
    showStatus(status);
    for (const market of data.universe?.markets ?? []) book.offer(market.ticker);
  },
  trading_state(data) {
    if (status === null) return;
    status.account = { ...status.account, ...(data.account ?? data) };
    showAccount(status.account);
  },
  state_transition(data) {
    transitions.add(data);
    // The history of a late joiner comes after its status, so only news may move the state.
    const isNews = status !== null && !(status.transitions ?? []).some((known) => known.timestamp === data.timestamp);
    if (isNews) showState(data.to_state, 0);
  },
  order(data) { orders.show(data); book.offer(data.ticker); },
  position(data) { positions.show(data); book.offer(data.ticker); },
  fill(data) { fills.show(data); book.offer(data.ticker); },
  book(data) { book.show(data); },
  log(data) { log.add(data); },
  halt(data) {
    if (status === null) return;
    const others = (status.halts ?? []).filter((halt) => halt.id !== data.id);
    status.halts = data.cleared ? others : [...others, data];
    showHalts(status.halts);
  },
  error(data) { setText(byId("command-outcome"), data.sentence); },
};

const connection = openConnection({
  onState: showLink,
  onMessage(message) { handlers[message.type]?.(message.data); },
});

wireButtons((verb) => {
  if (status !== null) showStatus({ ...status, paused: verb === "pause" });
});
