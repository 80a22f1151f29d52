"""A verb with an `Idempotency-Key` is done once, over SIGKILL and a new start beside an exchange that lives on."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_kill_and_restart import ask_exchange, settings_for
from tests.process_tools import DaemonProcess, running_daemon, running_exchange, wait_for
from traderd.store.start_record import STARTS_FILE

MARKET = "KXWNBAGAME-26AUG07PHXCONN-PHX"
ORDER = {
    "ticker": MARKET,
    "side": "bid",
    "price_dollars": "0.0100",
    "count": "1",
    "post_only": True,
}
QUIET = {"strategies__spread_maker__enabled": "false"}
SLOW_REPLIES = """
[[fault]]
kind = "slow_reply"
method = "POST"
path = "/portfolio/events/orders"
min_ms = 20000
max_ms = 20000
"""

pytestmark = pytest.mark.process


def post(
    daemon: DaemonProcess, key: str, verb: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any], str | None]:
    """Return the status, the body and the header that tells an answer which was given before."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=35)
    headers = {
        "Authorization": f"Bearer {(daemon.state_dir / 'control.token').read_text().strip()}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }
    try:
        connection.request("POST", f"/v3/commands/{verb}", json.dumps(body), headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
        return answer.status, document, answer.getheader("Idempotency-Replayed")
    finally:
        connection.close()


def kill(daemon: DaemonProcess) -> None:
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    (daemon.state_dir / STARTS_FILE).unlink()


def slow_down(keys: Path, plan: Path) -> None:
    plan.write_text(SLOW_REPLIES)
    words = ["exchange", "faults", "--keys-dir", str(keys), "--set", str(plan)]
    subprocess.run([sys.executable, "-m", "traderd", *words], check=True, capture_output=True)


def test_a_key_is_known_after_a_kill_and_its_order_is_placed_once(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with running_exchange(tmp_path / "exchange") as ready:
        settings = settings_for(ready) | QUIET
        with running_daemon(state_dir, **settings) as daemon, ThreadPoolExecutor(1) as others:
            daemon.wait_ready()
            placed = post(daemon, "answered", "place", ORDER)
            assert (placed[0], placed[1]["answer"], placed[2]) == (200, "done", None)
            slow_down(tmp_path / "exchange" / "keys", tmp_path / "plan.toml")
            asking = others.submit(post, daemon, "unanswered", "place", ORDER)
            wait_for(
                lambda: len(ask_exchange(ready).orders) == 2, within_s=60, what="the second order"
            )
            kill(daemon)
            with pytest.raises((OSError, http.client.HTTPException)):
                asking.result()
        with running_daemon(state_dir, **settings) as daemon:
            daemon.wait_ready()
            again = post(daemon, "answered", "place", ORDER)
            lost = post(daemon, "unanswered", "place", ORDER)
            other = post(daemon, "answered", "place", ORDER | {"count": "2"})
            word = ask_exchange(ready)
            daemon.client.command("cancel-all", {})
            assert daemon.stop() == 0
    assert again == (*placed[:2], "true")
    assert (lost[0], lost[1]["error"]["code"], lost[2]) == (409, "outcome_lost", None)
    assert (other[0], other[1]["error"]["code"]) == (409, "key_reused")
    assert len(word.orders) == 2
