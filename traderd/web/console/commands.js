// Pause and resume.  The control token is asked for once and kept for the life of the tab.

import { byId, setText } from "./dom.js";

const STORED = "traderd-control-token";

function askForToken(verb, complaint) {
  const dialog = byId("token-dialog");
  const input = byId("token");
  const environment = document.body.dataset.environment ?? "unknown";
  setText(byId("token-text"), `${complaint}To ${verb} trading in ${environment}, give the control token.`);
  input.value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const end = (token) => { dialog.close(); resolve(token); };
    dialog.querySelector("form").onsubmit = (event) => { event.preventDefault(); end(input.value.trim()); };
    byId("token-cancel").onclick = () => end(null);
    dialog.oncancel = () => resolve(null);
  });
}

async function send(verb, token) {
  const response = await fetch(`/v3/commands/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: "{}",
  });
  return { status: response.status, body: await response.json() };
}

export async function command(verb) {
  let token = sessionStorage.getItem(STORED);
  let complaint = "";
  for (;;) {
    token ??= await askForToken(verb, complaint);
    if (!token) return null;
    const answer = await send(verb, token);
    if (answer.status !== 401) {
      sessionStorage.setItem(STORED, token);
      return answer;
    }
    sessionStorage.removeItem(STORED);
    token = null;
    complaint = "The daemon does not know that token. ";
  }
}

export function wireButtons(onDone) {
  for (const verb of ["pause", "resume"]) {
    const button = byId(verb);
    button.addEventListener("click", async () => {
      const outcome = byId("command-outcome");
      try {
        const answer = await command(verb);
        if (answer === null) return;
        const error = answer.body.error;
        outcome.textContent = error ? `${error.sentence} ${error.cure}` : "";
        if (!error) onDone(verb);
      } catch (error) {
        outcome.textContent = `${verb} was not answered: ${error.message}`;
      }
    });
  }
}
