"""Calibration: how long the daemon takes to compare a whole account with the exchange.

Owns: one exchange process with 180 positions and 100 resting orders, one daemon in this process, and the times of
whole calibrations as whoever asks for one has them: over loopback, and with 50 ms of latency in between.
Must not: be a test; both cores are busy while it runs.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import HERE, Row, bound_row, report
from tests.contract.signed_client import SignedClient
from tests.process_tools import running_exchange
from traderd.app import Daemon, run_daemon
from traderd.config import load_config
from traderd.model.commands import Answer, Calibrate
from traderd.model.states import State
from traderd.runtime.env import RealEnv

MARKETS: Final = 192
POSITIONS: Final = 180
ORDERS: Final = 100
ROUNDS: Final = 9
LATENCY_S: Final = 0.05
LOOPBACK_BOUND_MS: Final = 250.0
LATENCY_BOUND_MS: Final = 1_000.0
READY_WITHIN_S: Final = 60.0
CHUNK_BYTES: Final = 65_536


def fill_account(ready: dict[str, Any]) -> list[str]:
    """Take a contract of 180 markets and rest 100 bids; returns the markets."""
    client = SignedClient(ready)
    tickers = [row["ticker"] for row in client.all("/markets", "markets")]
    held = 0
    for ticker in tickers:
        if held == POSITIONS:
            break
        status, reply = client.place(
            ticker, "bid", "1.00", "0.9900", time_in_force="immediate_or_cancel"
        )
        held += status == 201 and float(reply["fill_count"]) > 0
    if held < POSITIONS:
        raise RuntimeError(f"only {held} markets could be bought")
    resting = 0
    for ticker in tickers:
        # Where somebody sells at a cent, a bid of a cent would not rest.
        status, _ = client.place(ticker, "bid", "1.00", "0.0100", post_only=True)
        resting += status == 201
        if resting == ORDERS:
            break
    client.close()
    return tickers


async def delay(source: trio.SocketStream, target: trio.SocketStream, one_way_s: float) -> None:
    """Forward bytes, each piece `one_way_s` after it came; pieces overtake nothing and hold nothing up."""
    send, receive = trio.open_memory_channel[tuple[float, bytes]](1_000)

    async def deliver() -> None:
        async with receive:
            async for due, piece in receive:
                await trio.sleep_until(due)
                await target.send_all(piece)
        await target.send_eof()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deliver)
        async with send:
            async for piece in source:
                await send.send((trio.current_time() + one_way_s, piece))


async def far_away(port: int, inner: trio.SocketStream) -> None:
    """Serve one connection to an exchange that is `LATENCY_S` away."""
    try:
        outer = await trio.open_tcp_stream("127.0.0.1", port)
        async with inner, outer, trio.open_nursery() as nursery:
            nursery.start_soon(delay, inner, outer, LATENCY_S / 2)
            nursery.start_soon(delay, outer, inner, LATENCY_S / 2)
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # One end hung up first, as ends of connections do.


async def times_ms(
    folder: Path, ready: dict[str, Any], port: int, tickers: list[str]
) -> list[float]:
    """Run a daemon against the exchange on `port` and return how long each calibration took."""
    entry = ready["accounts"][0]
    config = load_config(
        variables={},
        directory=folder,
        flags={
            "state_dir": str(folder),
            "web.enabled": False,
            "exchange.embedded": False,
            "exchange.rest_url": f"http://127.0.0.1:{port}{urlsplit(ready['rest_url']).path}",
            "exchange.ws_url": f"ws://127.0.0.1:{port}{urlsplit(ready['ws_url']).path}",
            "exchange.key_id": entry["key_id"],
            "exchange.key_file": entry["key_file"],
            "market_data.markets": tuple(tickers[:12]),
            "trading.sync_interval_s": 3_000,
        },
    )
    spent: list[float] = []
    main = partial(run_daemon, config, env=RealEnv(), log_stream=io.StringIO(), directory=folder)
    async with trio.open_nursery() as nursery:
        daemon: Daemon = await nursery.start(main)
        with trio.fail_after(READY_WITHIN_S):
            while daemon.shared.view.state is not State.READY:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.05)
        await trio.sleep(1.0)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            outcome = await daemon.shared.commands.send(Calibrate())
            spent.append((time.perf_counter() - started) * 1e3)
            if outcome.answer is not Answer.DONE:
                raise RuntimeError(outcome.sentence)
        view = daemon.shared.view
        found = len(view.ledger.open_positions()), len(view.live_orders())
        if found != (POSITIONS, ORDERS):
            raise RuntimeError(f"the daemon sees {found[0]} positions and {found[1]} orders")
        daemon.stop("measured")
    return spent


async def measure(folder: Path, ready: dict[str, Any], tickers: list[str]) -> list[Row]:
    """Return both rows."""
    port = urlsplit(ready["rest_url"]).port
    assert port is not None
    near = await times_ms(folder / "near", ready, port, tickers)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(
            partial(trio.serve_tcp, partial(far_away, port), 0, host="127.0.0.1")
        )
        far_port = listener.socket.getsockname()[1]
        far = await times_ms(folder / "far", ready, far_port, tickers)
        nursery.cancel_scope.cancel()
    what = f"calibration of {POSITIONS} positions and {ORDERS} orders"
    return [
        bound_row(f"{what}, loopback, median", statistics.median(near), LOOPBACK_BOUND_MS, "ms"),
        bound_row(f"{what}, loopback, slowest", max(near), LOOPBACK_BOUND_MS, "ms"),
        bound_row(f"{what}, 50 ms away, median", statistics.median(far), LATENCY_BOUND_MS, "ms"),
        bound_row(f"{what}, 50 ms away, slowest", max(far), LATENCY_BOUND_MS, "ms"),
    ]


def main() -> int:
    """Run both and print the rows."""
    (HERE / "results").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("near", "far"):
            (folder / part).mkdir()
        options = ("--markets", str(MARKETS))
        with running_exchange(folder, *options, account="trader:100000", events_per_s=0) as ready:
            tickers = fill_account(ready)
            return report(trio.run(measure, folder, ready, tickers), "calibration.json")


if __name__ == "__main__":
    sys.exit(main())
