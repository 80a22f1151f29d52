// The dialog of a verb: what it means, what the daemon says it would do, a confirmation, and the outcome.

import { command, isDone, showAnswer, showFailure, showUnanswered, wordsOf } from "./commands.js";
import { byId, environmentOf, make, setText, stateVersionOf } from "./dom.js";
import { VERBS } from "./verb_words.js";

const FIELDS = ["ticker", "strategy", "reason"];
const PREVIEW_AFTER_MS = 350;
const AUTHOR = "console";

const dialog = byId("verb-dialog");
const confirm = byId("verb-confirm");
const typed = byId("verb-typed");
const inputs = Object.fromEntries(FIELDS.map((name) => [name, byId(`verb-${name}`)]));
let open = null;
let timer = null;

// `fixed` are the parts of the body that the place where it was asked decides, such as {halt_id}.
export function askVerb(verb, fixed = {}, about = "") {
  const words = VERBS[verb];
  const environment = environmentOf();
  const mustType = words.typed || (words.weighs && environment === "production");
  open = { verb, words, fixed, phrase: mustType ? phraseOf(verb, environment) : "", isAllowed: false, isOver: false, asked: 0 };
  setText(byId("verb-title"), about ? `${words.title}: ${about}` : words.title);
  setText(byId("verb-environment"), environment);
  setText(byId("verb-meaning"), words.meaning);
  for (const name of FIELDS) {
    inputs[name].value = "";
    inputs[name].disabled = false;
    inputs[name].closest("label").hidden = !words.fields.includes(name);
  }
  byId("verb-typed-row").hidden = !mustType;
  setText(byId("verb-phrase"), open.phrase);
  typed.value = "";
  typed.disabled = false;
  setText(confirm, words.title);
  confirm.className = words.typed ? "danger" : "primary";
  confirm.hidden = false;
  setText(byId("verb-close"), "Cancel");
  for (const id of ["verb-outcome", "verb-items"]) byId(id).hidden = true;
  if (!dialog.open) dialog.showModal();
  (mustType ? typed : byId("verb-close")).focus();
  preview();
}

// Production is named as well, so that nobody kills there what they meant to kill here.
const phraseOf = (verb, environment) => (environment === "production" ? `${verb} production` : verb);

function body() {
  const given = FIELDS.filter((name) => open.words.fields.includes(name) && inputs[name].value.trim());
  return {
    ...open.fixed, ...Object.fromEntries(given.map((name) => [name, inputs[name].value.trim()])),
    ...(open.words.byPerson ? { author: AUTHOR } : {}),
  };
}

async function preview() {
  const mine = open;
  const asked = (mine.asked += 1);
  mine.decidedBy = mine.words.loosens ? stateVersionOf() : null;
  const place = byId("verb-preview");
  place.hidden = !mine.words.previews;
  mine.isAllowed = !mine.words.previews;
  judge();
  if (!mine.words.previews) return;
  setText(place, "Asking what it would do…");
  place.dataset.answer = "";
  try {
    const answer = await command(mine.verb, { ...body(), dry_run: true }, mine.words.title.toLowerCase());
    if (answer === null) { dialog.close(); return; }
    if (mine !== open || asked !== mine.asked) return;
    mine.isAllowed = isDone(answer);
    showAnswer(place, answer, wordsOf(answer).replace(/^done: /, ""));
    showItems(answer.body.items);
  } catch (error) {
    if (mine !== open || asked !== mine.asked) return;
    showFailure(place, `The preview was not answered: ${error.message}`);
  }
  // To kill must be possible also when nothing can be said about it beforehand.
  if (mine.words.always) mine.isAllowed = true;
  judge();
}

function judge() {
  confirm.disabled = open.isOver || !open.isAllowed || (open.phrase !== "" && typed.value.trim() !== open.phrase);
}

function showItems(items = []) {
  const list = byId("verb-items");
  list.hidden = items.length === 0;
  list.replaceChildren(...items.map((item) => make("li", { "data-answer": item.answer }, item.answer === "done" ? item.sentence : `${item.answer}: ${item.sentence}`)));
}

async function carryOut() {
  const mine = open;
  mine.isOver = true;
  judge();
  const outcome = byId("verb-outcome");
  outcome.hidden = false;
  outcome.dataset.answer = "";
  setText(outcome, "Under way…");
  try {
    const answer = await command(mine.verb, body(), mine.words.title.toLowerCase(), mine.decidedBy);
    if (mine !== open) return;
    if (answer === null) { dialog.close(); return; }
    showAnswer(outcome, answer);
    showItems(answer.body.items);
  } catch (error) {
    showUnanswered(outcome, error);
  }
  confirm.hidden = true;
  byId("verb-preview").hidden = true;
  byId("verb-typed-row").hidden = true;
  for (const name of FIELDS) inputs[name].disabled = true;
  setText(byId("verb-close"), "Close");
  byId("verb-close").focus();
}

export function wireVerbs() {
  for (const button of document.querySelectorAll("button[data-verb]")) {
    button.addEventListener("click", () => askVerb(button.dataset.verb));
  }
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!confirm.disabled && !confirm.hidden) carryOut();
  });
  byId("verb-close").addEventListener("click", () => dialog.close());
  typed.addEventListener("input", judge);
  for (const name of FIELDS) {
    inputs[name].addEventListener("input", () => {
      // What was said of another scope must not be confirmed for this one.
      open.isAllowed = open.words.always === true;
      open.asked += 1;
      judge();
      clearTimeout(timer);
      timer = setTimeout(preview, PREVIEW_AFTER_MS);
    });
  }
}
