// The WebSocket: connects, says how it is, and comes back by itself.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
// The daemon sends its status every second, so a few missed ones mean that something is stuck.
const STALE_AFTER_MS = 5000;
// A line that died without a word (a laptop that slept, a network that changed) looks open for many minutes.
const GIVE_UP_AFTER_MS = 20000;

export function openConnection({ onMessage, onState }) {
  let socket = null;
  let attempt = 0;
  let lastNews = performance.now();
  let wanted = null;
  let isLive = false;
  let countdown = null;
  let timer = null;

  function connect() {
    clearInterval(countdown);
    clearTimeout(timer);
    timer = null;
    lastNews = performance.now();
    onState("connecting", attempt ? "reconnecting" : "connecting", attempt ? `attempt ${attempt}` : "");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(`${scheme}//${location.host}/v3/ws`);
    socket = mine;
    socket.addEventListener("message", (event) => {
      if (mine !== socket) return;
      lastNews = performance.now();
      attempt = 0;
      if (!isLive) {
        isLive = true;
        onState("live", "live");
      }
      onMessage(JSON.parse(event.data));
    });
    socket.addEventListener("open", () => {
      if (wanted) mine.send(wanted);
    });
    socket.addEventListener("close", () => { if (mine === socket) retry(); });
  }

  function retry() {
    isLive = false;
    attempt += 1;
    // Jitter keeps several open consoles from coming back in step.
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)) * (0.7 + Math.random() * 0.3);
    const until = performance.now() + delay;
    const say = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      onState("lost", "connection lost", `again in ${Math.max(left, 0)} s`);
    };
    say();
    countdown = setInterval(say, 1000);
    timer = setTimeout(connect, delay);
  }

  // Who comes back to the page, or gets a network again, does not wait for the rest of a long delay.
  function hurry() {
    if (timer !== null && !document.hidden) connect();
  }
  document.addEventListener("visibilitychange", hurry);
  window.addEventListener("online", hurry);

  setInterval(() => {
    const silence = performance.now() - lastNews;
    if (socket === null || socket.readyState > WebSocket.OPEN) return;
    if (silence > GIVE_UP_AFTER_MS) {
      const old = socket;
      socket = null;
      old.close();
      retry();
    } else if (silence > STALE_AFTER_MS && socket.readyState === WebSocket.OPEN) {
      isLive = false;
      onState("stale", "no news", `for ${Math.floor(silence / 1000)} s`);
    }
  }, 1000);

  connect();
  return {
    watch(ticker) {
      wanted = JSON.stringify({ watch: ticker });
      if (socket?.readyState === WebSocket.OPEN) socket.send(wanted);
    },
  };
}
