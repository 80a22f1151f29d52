"""A daemon in a simulated market, for trying a plugin: a quiet start, a gap, a rejected order, a pause, fills, and an ordered stop.

Owns: the market's programme. All of it runs in one process under a virtual clock over in-memory streams; the same seed gives the
same run.
Must not: replace any part of the daemon but its `Env`.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from traderd.app import Daemon, run_daemon
from traderd.config import load_config
from traderd.core.look import take_look
from traderd.errors import describe_error
from traderd.model.commands import ClearHalt, PlaceOrder
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side, TimeInForce
from traderd.model.states import State
from traderd.model.units import ONE_CONTRACT, Price, Timestamp
from traderd.paper.exchange import PaperExchange
from traderd.paper.faults.faults import ORDERS
from traderd.plugin_manager import PluginManager
from traderd.runtime.simulation import SimEnv, run_simulated
from traderd.services.paper_exchange import EXTRA
from traderd.store.database import open_database
from traderd.store.journal import JOURNAL_FILE

READY_WITHIN_S: Final = 120.0
STOP_WITHIN_S: Final = 30.0
GAP_S: Final = 5.0
"""How long market data is away."""
PAUSE_S: Final = 10.0
REJECTED_S: Final = 5.0
"""How long the exchange says no to new orders."""
EVENTS_PER_S: Final = 4.0
"""How busy the street is: a handful of changes a second over all markets."""
LOOK_EVERY_S: Final = 0.1
QUIET_END_S: Final = 3.0
"""What is left at the end for answers to arrive."""
ASKED_MARKETS: Final = 3
"""Bounds the markets in which a person places orders, so that the plugin's still fit into the limits."""
UNUSED_ID: Final = "00000000"
"""The journal has an id already."""


@attrs.define(kw_only=True)
class Trace:
    """What one run left behind."""

    fingerprint: str = ""
    """Of every fact in the journal."""
    events: int = 0
    fills: int = 0
    orders: int = 0
    lines: list[dict[str, Any]] = attrs.Factory(list)
    """The log."""
    faults: list[str] = attrs.Factory(list)
    """What kept the run from its course."""
    steps: list[str] = attrs.Factory(list)


def run_world(
    plugins: PluginManager, *, settings: dict[str, Any], minutes: int, seed: int
) -> Trace:
    """Run a daemon with these plugins for some simulated minutes."""
    with tempfile.TemporaryDirectory(prefix="traderd-check-") as directory:
        return run_simulated(
            partial(_live, plugins, settings, minutes * 60.0, seed, Path(directory)), seed=seed
        )


async def _live(
    plugins: PluginManager, settings: dict[str, Any], seconds: float, seed: int, directory: Path
) -> Trace:
    trace, log = Trace(), io.StringIO()
    flags = {
        "state_dir": str(directory),
        "web.enabled": False,
        "exchange.seed": seed,
        "exchange.events_per_s": EVENTS_PER_S,
        "log.level": "debug",
    } | settings
    config = load_config(variables={}, directory=directory, flags=flags)
    main = partial(
        run_daemon,
        config,
        env=SimEnv(seed=seed),
        log_stream=log,
        directory=directory,
        plugins=plugins,
    )
    try:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                daemon: Daemon = await nursery.start(main)
                await _programme(daemon, seconds, trace)
                daemon.stop("the check is over")
                scope.deadline = trio.current_time() + STOP_WITHIN_S
        if scope.cancelled_caught:
            trace.faults.append(f"the daemon did not stop within {STOP_WITHIN_S:g} s")
    except* Exception as group:  # noqa: BLE001 - whatever ends the daemon is what the report tells
        trace.faults.append(f"the daemon ended: {describe_error(group)}")
    trace.lines = [json.loads(line) for line in log.getvalue().splitlines()]
    _read_journal(directory / JOURNAL_FILE, trace)
    return trace


async def _programme(daemon: Daemon, seconds: float, trace: Trace) -> None:
    view = daemon.shared.view
    with trio.move_on_after(READY_WITHIN_S):
        while view.state not in {State.READY, State.ACTING}:  # noqa: ASYNC110 - the state tells nobody
            await trio.sleep(LOOK_EVERY_S)
    if view.state not in {State.READY, State.ACTING}:
        trace.faults.append(f"the daemon was not ready within {READY_WITHIN_S:g} s")
        return
    exchange: PaperExchange = daemon.shared.extras[EXTRA]
    part_s = max(1.0, (seconds - GAP_S - PAUSE_S - REJECTED_S) / len(STEPS))
    for name, step in STEPS.items():
        await trio.sleep(part_s)
        trace.steps.append(name)
        await step(daemon, exchange)
    await trio.sleep(QUIET_END_S)
    look = take_look(
        view,
        at=Timestamp(daemon.shared.env.wall_ns()),
        environment=daemon.shared.config.environment,
        trading=True,
    )
    for metric in daemon.shared.extensions.metrics:
        # As a scrape does it: what a metric raises is noted by its guard, and is no end of the check.
        with suppress(Exception):
            metric.item.read(look)
    trace.fills = view.ledger.fill_count


async def _fill(daemon: Daemon, exchange: PaperExchange) -> None:
    """Let the street take the best level on both sides of every market, where our own orders may rest."""
    for ticker in daemon.shared.view.followed:
        bids, asks = exchange.venue.book(ticker)
        now = exchange.now()
        if bids:
            exchange.venue.street.take(ticker, Side.ASK, bids[0][0], bids[0][1], now)
        if asks:
            exchange.venue.street.take(ticker, Side.BID, asks[0][0], asks[0][1], now)
    exchange.settle()
    await trio.sleep(1.0)


async def _ask(daemon: Daemon, exchange: PaperExchange) -> None:
    """Place small orders of a person on both sides, so that rules are asked and others act besides the plugin."""
    for ticker in daemon.shared.view.followed[:ASKED_MARKETS]:
        bids, asks = exchange.venue.book(ticker)
        for side, levels in ((Side.BID, bids), (Side.ASK, asks)):
            if levels:
                terms = OrderTerms(
                    ticker=MarketTicker(ticker),
                    side=side,
                    price=Price(levels[0][0]),
                    count=ONE_CONTRACT,
                    time_in_force=TimeInForce.GOOD_TILL_CANCELED,
                    post_only=True,
                )
                person = Attribution(owner=OrderOwner.PERSON)
                await daemon.shared.commands.send(PlaceOrder(terms=terms, attribution=person))


async def _gap(daemon: Daemon, exchange: PaperExchange) -> None:
    exchange.faults.drop_websockets("orderbook_delta")
    exchange.faults.refuse_websockets(503)
    await trio.sleep(GAP_S)
    exchange.faults.accept_websockets()


async def _reject(daemon: Daemon, exchange: PaperExchange) -> None:
    exchange.faults.refuse_requests(ORDERS, 400)
    await trio.sleep(REJECTED_S)
    exchange.faults.clear()
    # The breaker has halted a strategy that went on asking, as it should; a person lets it go on.
    for halt_id in tuple(daemon.shared.view.conditions.halts):
        await daemon.shared.commands.send(ClearHalt(halt_id=halt_id, by="the check"))


async def _pause(daemon: Daemon, exchange: PaperExchange) -> None:
    exchange.pause()
    await trio.sleep(PAUSE_S)
    exchange.resume()


STEPS: Final = {
    "orders of a person": _ask,
    "fills": _fill,
    "gap": _gap,
    "rejected orders": _reject,
    "pause": _pause,
    "more fills": _fill,
}
"""The programme, in its order."""


def _read_journal(path: Path, trace: Trace) -> None:
    if not path.exists():
        return
    digest = hashlib.sha256()
    database = open_database(path, new_instance_id=UNUSED_ID)
    try:
        for _, _, kind, body in database.read(after=0, up_to=database.last_position):
            digest.update(kind.encode() + b"\0" + body + b"\n")
            trace.events += 1
            trace.orders += kind == "order_intended"
    finally:
        database.close()
    trace.fingerprint = digest.hexdigest()
