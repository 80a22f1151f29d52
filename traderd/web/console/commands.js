// Sends verbs.  The control token is asked for once and kept for the life of the tab.

import { byId, environmentOf, setText } from "./dom.js";

const STORED = "traderd-control-token";
// How long the bar says that something was done. What was not stays until the next verb: somebody has to see it.
const DONE_SHOWN_MS = 60000;
let forgetting = null;

function clearOutcome() {
  clearTimeout(forgetting);
  const outcome = byId("command-outcome");
  outcome.replaceChildren();
  delete outcome.dataset.answer;
}

function askForToken(what, complaint) {
  const dialog = byId("token-dialog");
  const input = byId("token");
  setText(byId("token-text"), `${complaint}To ${what} in ${environmentOf()}, give the control token.`);
  input.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const end = (token) => { dialog.close(); resolve(token); };
    dialog.querySelector("form").onsubmit = (event) => { event.preventDefault(); end(input.value.trim()); };
    byId("token-cancel").onclick = () => end(null);
    dialog.oncancel = () => resolve(null);
  });
}

async function send(verb, body, token, stateVersion) {
  const response = await fetch(`/v3/commands/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}`, ...(stateVersion ? { "If-Match": `"${stateVersion}"` } : {}) },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

// The answer as {status, body}, or null when nobody gave a token.  Throws when the daemon does not answer.
// With a state's version it is refused when that is not the state any more.
export async function command(verb, body, what, stateVersion = null) {
  clearOutcome();
  let token = sessionStorage.getItem(STORED);
  let complaint = "";
  for (;;) {
    token ??= await askForToken(what, complaint);
    if (!token) return null;
    const answer = await send(verb, body, token, stateVersion);
    const isReadOnly = answer.body.error?.code === "read_only";
    if (answer.status !== 401 && !isReadOnly) {
      // Too many wrong tokens: whether this one is right was not even looked at.
      if (answer.status !== 429) sessionStorage.setItem(STORED, token);
      return answer;
    }
    sessionStorage.removeItem(STORED);
    token = null;
    complaint = isReadOnly ? "That token only reads. " : "The daemon does not know that token. ";
  }
}

// What a person reads of an answer: "done: 3 orders are cancelled", or what is wrong and the cure.
export function wordsOf({ body }) {
  if (body.error) return `${body.error.sentence} ${body.error.cure}`.trim();
  return `${body.answer}: ${body.sentence}`;
}

export const isDone = ({ body }) => body.answer === "done";

// Shows what came of a verb; the colour tells it too.
export function showAnswer(element, answer, words = wordsOf(answer)) {
  setText(element, words);
  element.dataset.answer = answer.body.answer ?? "error";
}

export function showFailure(element, words) {
  setText(element, words);
  element.dataset.answer = "error";
}

// A write is never sent twice: a person looks first.
export const showUnanswered = (element, error) => showFailure(element, `It was not answered (${error.message}). Look at the orders before you try again.`);

// Does a verb without questions and shows in the bar how it went.
export async function commandNow(verb, body, what) {
  const outcome = byId("command-outcome");
  try {
    const answer = await command(verb, body, what);
    if (answer === null) return null;
    clearOutcome();
    showAnswer(outcome, answer);
    if (isDone(answer)) forgetting = setTimeout(clearOutcome, DONE_SHOWN_MS);
    return answer;
  } catch (error) {
    clearOutcome();
    showFailure(outcome, `${verb} was not answered: ${error.message}`);
    return null;
  }
}
