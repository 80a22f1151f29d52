// Three charts: the price of the market that is looked at, our profit, and how busy the feed is.
// A chart is a picture, so JavaScript numbers will do here; amounts to read stand elsewhere as exact texts.

import { byId } from "./dom.js";
import { later } from "./drawing.js";

const POINTS_KEPT = 3600;
const HEIGHT = 150;
const scheme = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
const clockOf = (at) => new Date(at * 1000).toISOString().slice(11, 19);
const numberOf = (text) => (text === null || text === undefined ? null : Number(text));

class Chart {
  constructor(id, lines, { places, whole = false }) {
    this.root = byId(id);
    this.lines = lines;
    this.places = places;
    this.whole = whole;
    this.data = [[], ...lines.map(() => [])];
    this.plot = null;
    this.isDirty = false;
    this.width = 0;
    this.show = () => this.draw();
    new ResizeObserver(([entry]) => this.resize(entry.contentRect.width)).observe(this.root);
    scheme.addEventListener("change", () => this.remake());
  }

  set(points) {
    this.data = [points.map(([at]) => at), ...this.lines.map((_, index) => points.map((point) => numberOf(point[index + 1])))];
    this.isDirty = true;
  }

  // One point a second is enough for a line; a later one of the same second takes its place.
  add(at, ...values) {
    const times = this.data[0];
    const last = times.length - 1;
    if (last >= 0 && at < times[last]) return;
    const index = last >= 0 && times[last] === at ? last : last + 1;
    times[index] = at;
    values.forEach((value, line) => { this.data[line + 1][index] = numberOf(value); });
    if (times.length > POINTS_KEPT) for (const column of this.data) column.shift();
    this.isDirty = true;
  }

  draw() {
    if (!this.isDirty || document.hidden || this.width === 0) return;
    // uPlot writes the first legend itself, a little later; ours comes with the next drawing.
    this.isDirty = this.plot === null;
    if (this.plot === null) this.make();
    else this.plot.setData(this.data);
    const last = this.data[0].length - 1;
    // Without a pointer on the chart the legend tells the newest values.
    if (last >= 0 && !(this.plot.cursor.left >= 0)) this.plot.setLegend({ idx: last }, false);
    const said = this.lines.map(({ label }, index) => `${label} ${this.data[index + 1][last]?.toFixed(this.places) ?? "not known"}`);
    this.root.setAttribute("aria-label", `${this.root.dataset.title}: ${last < 0 ? "nothing yet" : said.join(", ")}`);
  }

  make() {
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
    const series = this.lines.map(({ label, color, stepped }) => ({
      label, stroke: colour(color), width: 1.5, points: { show: false }, spanGaps: false,
      ...(stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      value: (_, value) => (value === null || value === undefined ? "–" : value.toFixed(this.places)),
    }));
    this.plot = new uPlot({
      width: this.width, height: HEIGHT,
      scales: { y: { range: (_, low, high) => this.range(low, high) } },
      axes: [{ ...axis, space: 70, values: (_, times) => times.map(clockOf) }, { ...axis, size: 54 }],
      series: [{ label: "UTC", value: (_, at) => (at === null ? "–" : clockOf(at)) }, ...series],
    }, this.data, this.root);
  }

  // A line that does not move stands in the middle, and a rate begins at nothing.
  range(low, high) {
    if (this.whole) return [0, Math.max(1, high ?? 1)];
    if (low === null || high === null) return [0, 1];
    const room = high > low ? (high - low) * 0.1 : 10 ** -(this.places - 1);
    return [low - room, high + room];
  }

  remake() {
    this.plot?.destroy();
    this.plot = null;
    this.isDirty = true;
    this.draw();
  }

  // To ask the page for a width would make it lay out at once what has just been written.
  resize(width) {
    this.width = Math.round(width);
    if (this.plot && this.width) this.plot.setSize({ width: this.width, height: HEIGHT });
    else this.draw();
  }
}

const price = new Chart("chart-price", [{ label: "bid", color: "--bid", stepped: true }, { label: "ask", color: "--ask", stepped: true }], { places: 4 });
const profit = new Chart("chart-profit", [{ label: "realized − fees", color: "--focus" }, { label: "unrealized", color: "--warn" }], { places: 2 });
const rate = new Chart("chart-rate", [{ label: "deltas/s", color: "--focus" }], { places: 1, whole: true });
let ticker = null;

export function chooseChart(name) {
  if (name === ticker) return;
  ticker = name;
  price.set([]);
}

// The last hour as the daemon kept it: a late joiner sees what went before.
export function showHistory({ ticker: of, points }) {
  if (of === null) profit.set(points);
  else if (of === ticker) price.set(points);
}

export function chartStatus(status) {
  const now = Math.floor(Date.now() / 1000);
  const rates = status.market_data?.deltas_per_second ?? [];
  if (rate.data[0].length === 0) rate.set(rates.map((value, index) => [now - rates.length + 1 + index, value]));
  else if (rates.length) rate.add(now, rates[rates.length - 1]);
  const account = status.account ?? {};
  if (account.realized_pnl_dollars !== undefined) profit.add(now, Number(account.realized_pnl_dollars) - Number(account.fees_dollars), account.unrealized_pnl_dollars);
}

export function chartBook(book) {
  if (book.ticker === ticker) price.add(Math.floor(Date.now() / 1000), book.best_bid, book.best_ask);
}

export function wireCharts() {
  setInterval(() => { for (const chart of [price, profit, rate]) later(chart.show, 0); }, 1000);
}
