// How market data does: connections, rate, lag, grades, what was lost, and the two clocks of silence.

import { byId, duration, exact, fillPairs, make, setHidden, setText } from "./dom.js";
import { patch } from "./drawing.js";

const SECONDS_SHOWN = 60;
const SPARK_HEIGHT = 32;
// Kalshi pings every 10 s, so a line that is silent for longer than this is not well.
const LINE_SILENT_S = 16;

export function showFeed(status) {
  const data = status.market_data ?? {};
  showLinks(status.metrics ?? {}, data, status.mode);
  const rates = data.deltas_per_second ?? [];
  const peak = rates.length ? ` · peak ${Math.max(...rates)}` : "";
  setText(byId("feed-rate"), `${data.per_second?.deltas ?? "–"}${peak}`);
  drawSpark(rates);
  showGrades(data.book_grade_markets ?? {});
  showNumbers(data, status.services ?? {});
}

function showLinks(metrics, data, mode) {
  const stands = metrics.ws_connection_status === "connected";
  const all = data.connections === data.connections_wanted;
  const lines = data.connections_wanted > 1 ? ` ${data.connections}/${data.connections_wanted}` : "";
  const time = stands ? ` ${duration(metrics.connection_uptime)}` : "";
  showLight("feed-link", stands ? (all ? "live" : "stale") : "lost", `market data${lines}${time}`);
  setHidden(byId("private-link"), mode === "orderbook_only");
  showLight("private-link", metrics.private_feed === "connected" ? "live" : "lost", "private");
}

function showLight(id, kind, words) {
  byId(id).dataset.link = kind;
  setText(byId(id), words);
}

// One point a second, the newest at the right edge; the line says how busy, the number beside it how busy exactly.
function drawSpark(rates) {
  const svg = byId("feed-spark");
  const top = Math.max(1, ...rates);
  const shown = rates.slice(-SECONDS_SHOWN);
  const points = shown.map((rate, index) => {
    const x = SECONDS_SHOWN - shown.length + index;
    return `${x},${(SPARK_HEIGHT - 1 - (rate / top) * (SPARK_HEIGHT - 3)).toFixed(1)}`;
  });
  svg.firstElementChild.setAttribute("points", points.join(" "));
  svg.setAttribute("aria-label", `Deltas per second over the last minute, at most ${top}`);
}

function showGrades(grades) {
  const most = Math.max(1, ...Object.values(grades));
  patch(byId("grades"), Object.entries(grades).map(([grade, count]) => {
    const bar = make("span", { class: "bar-of" });
    bar.style.setProperty("--share", `${Math.round((count / most) * 100)}%`);
    return make("li", { "data-grade": grade, class: count ? null : "none", title: `${count} books of grade ${grade}` },
      bar, make("strong", {}, grade), ...(count ? [` ${exact(count)}`] : []));
  }));
}

function showNumbers(data, services) {
  const dropped = Object.values(services).reduce((sum, service) => sum + (service.inbox?.dropped ?? 0), 0);
  const audits = data.book_audits_total ?? {};
  const shed = data.markets_shed ? `, ${data.markets_shed} given up` : "";
  const bad = (number) => (number ? { class: "warn" } : {});
  const silent = data.line_silence_seconds;
  fillPairs(byId("feed-numbers"), [
    ["Books usable", `${data.markets_connected ?? "–"} of ${data.markets_wanted ?? "–"}${shed}`,
      bad(data.markets_connected !== data.markets_wanted)],
    ["Too poor for strategies", exact(data.markets_below_grade), bad(data.markets_below_grade)],
    ["Lag p50 / p99 (ms)", pair(milliseconds(data.lag_seconds?.["0.5"]), milliseconds(data.lag_seconds?.["0.99"]))],
    ["Line heard", ago(silent), bad(silent > LINE_SILENT_S)],
    ["Last market message", ago(data.message_age_seconds)],
    ["Gaps / resyncs", pair(exact(data.gaps_total), exact(data.resyncs_total))],
    ["Dropped: deltas / events", pair(exact(data.dropped_deltas_total), exact(dropped)), bad(dropped)],
    ["Frames refused", exact(data.frames_refused_total), bad(data.frames_refused_total)],
    ["Connections lost", exact(data.connection_losses_total)],
    ["Audits agreed / wrong", pair(exact(audits.agreed), exact(audits.wrong)), bad(audits.wrong)],
    ["Deltas / snapshots", pair(exact(data.deltas_total), exact(data.snapshots_total))],
    ["Trades seen", exact(data.trades_total)],
    ["Received (kB/s)", kilobytes(data.per_second?.bytes)],
  ]);
}

const pair = (one, other) => `${one} / ${other}`;
const milliseconds = (seconds) => (seconds === undefined || seconds === null ? "–" : (seconds * 1000).toFixed(1));
const kilobytes = (bytes) => (bytes === undefined || bytes === null ? "–" : (bytes / 1000).toFixed(1));
const ago = (seconds) => (seconds === undefined || seconds === null ? "–" : `${duration(seconds)} ago`);
