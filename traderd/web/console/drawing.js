// How the page is written to: only what differs, and what nobody waits for in slices, one before each frame.
// A change of state that comes while the browser lays out and paints waits for it, so what the browser has to do at once is small.

// Of what waits, as much as this goes before one frame: the layout and the painting of it take several times as long.
const SLICE_MS = 0.5;

const waiting = new Set();
const ready = [];
const drawnAt = new Map();

// Calls `draw` once, however often it was asked for: just before a frame, whose layout is then its own and needed anyhow, at the
// earliest in `afterMs` and `everyMs` after it was called last. Nothing is drawn while nobody can see the page.
export function later(draw, afterMs, everyMs = afterMs) {
  if (waiting.has(draw)) return;
  waiting.add(draw);
  const rest = (drawnAt.get(draw) ?? -Infinity) + everyMs - performance.now();
  setTimeout(() => {
    if (ready.push(draw) === 1) requestAnimationFrame(drawNext);
  }, Math.max(afterMs, rest));
}

function drawNext() {
  const until = performance.now() + SLICE_MS;
  try {
    do {
      const draw = ready.shift();
      waiting.delete(draw);
      drawnAt.set(draw, performance.now());
      draw();
    } while (ready.length && performance.now() < until);
  } finally {
    // Also when one of them could not be drawn: the others go on, and that one is tried again when it is asked for.
    if (ready.length) requestAnimationFrame(drawNext);
  }
}

// Makes what stands in `parent` like `wanted`. An element of the same kind in the same place stays, and so does what listens to it:
// a listener may know what its element stands for, never what it says, and a button that says something else is another one.
export function patch(parent, wanted) {
  wanted.forEach((fresh, index) => {
    const old = parent.childNodes[index];
    if (old === undefined) parent.append(fresh);
    else patchNode(old, fresh);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

// Gives the node that stands there afterwards: the old one when it could stay.
export function patchNode(old, fresh) {
  if (old === fresh) return old;
  if (old.nodeName !== fresh.nodeName || (old.nodeName === "BUTTON" && !old.isEqualNode(fresh))) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  patchAttributes(old, fresh);
  patch(old, [...fresh.childNodes]);
  return old;
}

function patchAttributes(old, fresh) {
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) === value) continue;
    // The policy of the page lets no attribute carry a style, only a script.
    if (name === "style") old.style.cssText = fresh.style.cssText;
    else old.setAttribute(name, value);
  }
}
