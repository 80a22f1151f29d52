// The verbs that ask before they act: what each does in one sentence, which fields it takes, how it is confirmed.
// `previews`: the daemon can say beforehand what it would do.  `typed`: the verb must be written out to be confirmed;
// in production that goes for every verb that has `weighs`.  `byPerson`: the daemon keeps who asked for it.
// `loosens`: it lets risk in, so it is refused when the state, a halt or a pause changed after the dialog was opened.

export const VERBS = {
  pause: {
    title: "Pause", meaning: "No new risk is taken. Orders that rest stay, cancels still go.",
    fields: ["ticker", "strategy", "reason"], previews: true, byPerson: true,
  },
  resume: {
    title: "Resume", meaning: "New risk may be taken again. Halts stay.",
    fields: ["ticker", "strategy"], previews: true, byPerson: true, weighs: true, loosens: true,
  },
  "cancel-all": {
    title: "Cancel all orders", meaning: "Every order of ours is cancelled. Positions stay, and strategies may place again.",
    fields: ["ticker", "strategy"], previews: true, weighs: true,
  },
  flatten: {
    title: "Flatten", meaning: "Pauses, cancels order by order, then closes positions at the prices of the book.",
    fields: ["ticker", "strategy"], previews: true, byPerson: true, typed: true,
  },
  kill: {
    title: "Kill", meaning: "Pauses, cancels every order of the account and verifies it at the exchange. It holds, also over a restart, until a person clears the halt.",
    fields: ["reason"], previews: true, byPerson: true, typed: true, always: true,
  },
  "clear-halt": {
    title: "Clear the halt", meaning: "New risk may be taken again where this halt was the reason that it could not.",
    fields: [], previews: true, byPerson: true, weighs: true, loosens: true,
  },
  "confirm-limits": {
    title: "Confirm the limits", meaning: "The higher limits of the settings hold from now on.",
    fields: [], previews: true, byPerson: true, weighs: true, loosens: true,
  },
  "release-strategy": {
    title: "Release the strategy", meaning: "A strategy that was set aside gets its ticks again.",
    fields: [], byPerson: true, weighs: true, loosens: true,
  },
  "reset-strategy": {
    title: "Reset the strategy", meaning: "A strategy that its order group stopped may place again.",
    fields: [], weighs: true,
  },
  calibrate: { title: "Calibrate", meaning: "Reads orders, fills, positions and the balance from the exchange now.", fields: [] },
  "reload-plugin": { title: "Reload the plugin", meaning: "Its old code is ended, the file is read anew.", fields: [], byPerson: true, weighs: true },
  "disable-plugin": { title: "Disable the plugin", meaning: "It is ended and stays off, also after a restart.", fields: [], byPerson: true, weighs: true },
  "enable-plugin": { title: "Enable the plugin", meaning: "It is read and started.", fields: [], byPerson: true, weighs: true },
};
