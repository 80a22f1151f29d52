// The WebSocket: connects, says how it is, and comes back by itself.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15000;
// The daemon sends its status every 10 s, so three missed ones mean that something is stuck.
const STALE_AFTER_MS = 35000;

export function openConnection({ onMessage, onState }) {
  let socket = null;
  let attempt = 0;
  let lastNews = performance.now();
  let wanted = null;
  let isLive = false;

  function connect() {
    onState("connecting", attempt ? `reconnecting, attempt ${attempt}` : "connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}/v3/ws`);
    socket.addEventListener("message", (event) => {
      lastNews = performance.now();
      attempt = 0;
      if (!isLive) {
        isLive = true;
        onState("live", "live");
      }
      onMessage(JSON.parse(event.data));
    });
    socket.addEventListener("open", () => {
      if (wanted) socket.send(wanted);
    });
    socket.addEventListener("close", () => retry());
  }

  function retry() {
    isLive = false;
    attempt += 1;
    // Jitter keeps several open consoles from coming back in step.
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1)) * (0.7 + Math.random() * 0.3);
    const until = performance.now() + delay;
    const say = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      onState("lost", `connection lost, again in ${Math.max(left, 0)} s`);
    };
    say();
    const countdown = setInterval(say, 1000);
    setTimeout(() => { clearInterval(countdown); connect(); }, delay);
  }

  setInterval(() => {
    const silence = performance.now() - lastNews;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (silence > STALE_AFTER_MS) {
      isLive = false;
      onState("stale", `no news for ${Math.floor(silence / 1000)} s`);
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
