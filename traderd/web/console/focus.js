// Where the keyboard is: when an update takes away, moves or disables what had the focus, the focus goes to what stands there now.
// Nothing else on the page gives the focus to anything because of an update, and nothing here scrolls.

// One of many that are alike, each with the same controls.
const ROW = "tr, li, .strategy";
const PANEL = "[tabindex], section, main, header";
const CONTROLS = "button, summary, input, select, [tabindex]";

// What had the focus last, and all that is needed to find the next best once it is gone; dialogs look after themselves.
let place = null;
let isByKey = true;

const observer = new MutationObserver(() => keep());

function remember(element) {
  const row = element.closest(ROW);
  const list = row?.parentElement ?? element.parentElement;
  place = { element, row, list, key: row?.dataset.key, name: nameOf(element), panels: [] };
  for (let above = element.parentElement; above !== null; above = above.parentElement) if (above.matches(PANEL)) place.panels.push(above);
  locate();
  // Only what the element stands in is watched, so all that is written elsewhere costs nothing.
  observer.disconnect();
  for (let one = element; one !== null; one = one.parentElement) observer.observe(one, { childList: true, attributeFilter: ["disabled", "hidden"] });
}

function forget() {
  place = null;
  observer.disconnect();
}

function locate() {
  const { element, row, list } = place;
  place.at = row ? [...list.children].indexOf(row) : -1;
  place.index = controlsOf(row ?? list).indexOf(element);
}

const controlsOf = (parent) => [...parent.querySelectorAll(CONTROLS)];
const isUsable = (element) => element.isConnected && !element.disabled && element.closest("[hidden]") === null;
// Buttons that do the same in other rows say the same, except those that say what they choose.
const nameOf = (element) => (element.matches("button:not(.ticker)") ? element.textContent : element.localName);
const sameIn = (row) => controlsOf(row).find((one) => nameOf(one) === place.name && isUsable(one));
const isLost = () => [null, document.body].includes(document.activeElement) || document.activeElement.closest("dialog:not([open])") !== null;

function keep() {
  if (place === null) return;
  const isThere = document.activeElement === place.element;
  if (isThere && isUsable(place.element)) locate();
  else if (isThere || isLost()) giveBack();
}

function giveBack() {
  // While a dialog is open nothing outside takes the focus; it is given back when that closes.
  if (document.querySelector("dialog[open]")) return;
  focusOn(standIn() ?? place.panels.find(isUsable) ?? document.getElementById("main"));
}

function standIn() {
  const { element, row, list, key, index, at } = place;
  if (isUsable(element)) return element;
  const rows = row ? [...list.children] : [];
  const ours = rows.find((one) => one === row) ?? rows.find((one) => key !== undefined && one.dataset.key === key);
  const here = ours && (sameIn(ours) ?? [controlsOf(ours)[index]].find((one) => one && isUsable(one)));
  // Whoever works with a finger or the mouse and presses a key then does not mean what the focus went to by itself.
  if (here || !isByKey) return here;
  if (row) return [...rows.slice(at), ...rows.slice(0, at).reverse()].map(sameIn).find(Boolean);
  const beside = controlsOf(list).filter((one) => one.parentElement === list);
  const mine = beside.indexOf(element);
  return [...beside.slice(mine + 1), ...beside.slice(0, mine).reverse()].find(isUsable);
}

function focusOn(element) {
  if (!element.matches(CONTROLS)) {
    element.tabIndex = -1;
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  }
  element.focus({ preventScroll: true });
  remember(element);
}

function afterDialog() {
  if (document.querySelector("dialog[open]") || !isLost()) return;
  if (place !== null) giveBack();
  // A key opened it while nothing had the focus: Tab goes on at the verbs, not behind the end of the page.
  else if (isByKey) focusOn(document.querySelector("header"));
}

export function wireFocus() {
  document.addEventListener("focusin", ({ target }) => { if (!target.closest("dialog")) remember(target); });
  document.addEventListener("pointerdown", ({ target }) => {
    isByKey = false;
    // Pressing what takes no focus leaves what had it.
    if (place !== null && !place.element.contains(target) && !target.closest("dialog")) forget();
  }, true);
  document.addEventListener("keydown", (event) => {
    isByKey = true;
    // A key that is held presses one button once, not each that the focus comes to.
    if (event.repeat && event.key === "Enter" && event.target.closest?.("button")) event.preventDefault();
  }, true);
  for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", afterDialog);
}
