// Services and inboxes, and plugins: how each is, what waits for it, how long it takes, and the cure of what is wrong.

import { button, byId, exact, make, setText } from "./dom.js";
import { keyedRows, number } from "./tables.js";
import { askVerb } from "./verbs.js";

const PLUGINS_EVERY_MS = 10000;

const services = keyedRows("services", serviceRow);
const plugins = keyedRows("plugins", pluginRow);

// A tenth is read while times are short; long ones need their room.
const time = (ms) => ms.toFixed(ms < 100 ? 1 : 0);
const times = (one, other) => (one === undefined ? "–" : `${time(one)} / ${time(other)}`);

function serviceRow({ name, service, inbox }) {
  const first = make("td", {}, make("span", { "data-status": service?.status ?? "none" }, name));
  const troubled = service && service.status !== "running" ? service.status : "";
  const detail = [troubled, service?.detail].filter(Boolean).join(": ");
  if (service?.restarts) first.append(make("span", { class: "detail" }, `restarted ${service.restarts} ${service.restarts === 1 ? "time" : "times"}`));
  if (detail) first.append(make("span", { class: "detail" }, detail));
  if (inbox?.busy_s > 5) first.append(make("span", { class: "detail trouble" }, `busy with one batch for ${inbox.busy_s} s`));
  const lost = inbox?.dropped ? "warn" : "";
  return make("tr", { "data-key": name }, first, number(service ? service.restarts : "–", service?.restarts ? "spare warn" : "spare"),
    make("td", { class: "spare" }, inbox?.policy ?? "no inbox"), number(inbox ? `${exact(inbox.depth)} / ${exact(inbox.depth_max)}` : "–"),
    number(inbox ? exact(inbox.peak) : "–", "spare"), number(inbox ? exact(inbox.dropped) : "–", lost),
    number(inbox ? exact(inbox.conflated) : "–", "spare"), number(times(inbox?.handler_p50_ms, inbox?.handler_p99_ms)));
}

export function showServices(status) {
  const own = Object.entries(status.services ?? {}).map(([name, service]) => ({ name, service: { ...service, inbox: undefined }, inbox: service.inbox }));
  const others = Object.entries(status.other_inboxes ?? {}).map(([name, inbox]) => ({ name, inbox }));
  services.show([...own, ...others], (one) => `${one.service ? "service" : "inbox"} ${one.name}`);
}

function pluginRow(plugin) {
  const offers = Object.entries(plugin.offers ?? {}).map(([kind, names]) => `${kind}: ${names.join(", ")}`).join("; ");
  const about = make("td", { class: "wrap" }, offers || plugin.hooks.join(", ") || " ");
  for (const sentence of [plugin.reason, ...(plugin.failures ?? [])]) if (sentence) about.append(make("span", { class: "detail trouble" }, sentence));
  if (plugin.cure) about.append(make("span", { class: "detail" }, `What to do: ${plugin.cure}`));
  const verbs = plugin.origin === "built-in" ? [] : plugin.state === "running" ? ["reload", "disable"] : ["reload", "enable"];
  const buttons = verbs.map((verb) =>
    button(verb, () => askVerb(`${verb}-plugin`, { plugin: plugin.name }, plugin.name), { "aria-label": `${verb} ${plugin.name}` }));
  const calls = Object.values(plugin.calls ?? {}).filter((one) => one.p99_ms !== null);
  const slowest = calls.length ? Math.max(...calls.map((one) => one.p99_ms)).toFixed(2) : "–";
  return make("tr", { "data-key": plugin.name }, make("td", {}, make("span", { "data-status": plugin.state, title: plugin.file }, plugin.name)),
    make("td", { class: "state-of" }, plugin.state), make("td", { class: "spare" }, plugin.origin), about, number(slowest, "spare"), make("td", { class: "actions" }, ...(buttons.length ? buttons : [" "])));
}

// Plugins change seldom and their list is long, so it is read now and then instead of sent with every status.
export async function readPlugins() {
  if (document.hidden) return;
  try {
    const answer = await (await fetch("/v3/plugins")).json();
    const rank = (one) => (one.state !== "running" ? 0 : one.origin !== "built-in" ? 1 : 2);
    const found = [...answer.plugins].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
    const ours = found.filter((one) => rank(one) === 2).length;
    plugins.show(found.filter((one) => rank(one) < 2), (one) => one.name);
    setText(byId("plugins-note"), `and ${ours} built in, all running`);
  } catch {
    // The light at the top says that the daemon is gone; the next reading tells more.
    setText(byId("plugins-note"), "could not be read, again in 10 s");
  }
}

export function wirePlugins() {
  readPlugins();
  setInterval(readPlugins, PLUGINS_EVERY_MS);
}
