"""A feed that is as busy as it can be: the paper exchange's, or bare frames that were made before.

Owns: the server process of `exchange_serving.py`; it prints where it listens and blasts when all are there.
Must not: measure anything; the reader does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Count, Money, Price
from traderd.paper.exchange import PaperExchange
from traderd.paper.scenario import default_scenario
from traderd.paper.serve import ServeOptions, serve_exchange
from traderd.paper.serving.websocket_session import encode_text_frame
from traderd.runtime.env import RealEnv

TICKER = MarketTicker("KXWNBAGAME-26AUG07PHXCONN-PHX")
BURST = 50
"""Deltas between two turns of the loop: what a busy matching engine makes between two reads of its socket."""


async def blast(exchange: PaperExchange, deltas: int) -> None:
    """Change one level up and down until all deltas are made."""
    await wait_for_go()
    street, now = exchange.venue.street, exchange.now
    for number in range(deltas):
        if number % 2 == 0:
            street.add(TICKER, Side.BID, Price(100), Count(100), now())
        else:
            street.remove(TICKER, Side.BID, Price(100), Count(100), now())
        exchange.settle()
        if number % BURST == 0:
            await trio.lowlevel.checkpoint()


async def wait_for_go() -> None:
    """Return when a line comes in: every reader is there."""
    await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)


async def serve_exchange_feed(folder: Path, deltas: int) -> None:
    """Serve a real exchange and blast."""
    ready_file = folder / "ready.json"
    async with trio.open_nursery() as nursery:
        options = ServeOptions(
            host="127.0.0.1",
            port=0,
            scenario=default_scenario(),
            accounts={"reader": Money(1_000_000)},
            keys_dir=folder / "keys",
            ready_file=ready_file,
            flow_rate=0,
        )
        served = await nursery.start(partial(serve_exchange, options, env=RealEnv()))
        print((await trio.Path(ready_file).read_text(encoding="utf-8")).strip(), flush=True)
        await blast(served.exchange, deltas)
        await trio.sleep_forever()


async def serve_bare_frames(folder: Path, deltas: int) -> None:
    """Send frames of the same form that were made before, to whoever connects."""
    frames = [
        encode_text_frame(
            b'{"type":"orderbook_delta","sid":1,"seq":%d,"msg":{"market_ticker":"%b","market_id":'
            b'"957ed958-9b9b-4a98-b024-16a394cd214c","price_dollars":"0.0100","delta_fp":"1.00",'
            b'"side":"yes","ts":"2026-08-07T06:46:28.97871Z","ts_ms":1786085188978}}\n'
            % (number + 1, TICKER.encode())
        )
        for number in range(deltas)
    ]

    go = trio.Event()

    async def client(stream: trio.SocketStream) -> None:
        await go.wait()
        for first in range(0, len(frames), BURST):
            await stream.send_all(b"".join(frames[first : first + BURST]))
        await trio.sleep_forever()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, client, listeners)
        print(json.dumps({"bare_port": port}), flush=True)
        await wait_for_go()
        go.set()


def main() -> None:
    """Serve until killed."""
    mode, deltas = sys.argv[1], int(sys.argv[2])
    serving = serve_exchange_feed if mode == "exchange" else serve_bare_frames
    with tempfile.TemporaryDirectory() as folder:
        trio.run(serving, Path(folder), deltas)


if __name__ == "__main__":
    main()
