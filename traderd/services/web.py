"""The console and the HTTP interface as a service.

Owns: bringing the bus to the browsers: each event becomes the message of its type.
Must not: import the web stack before it runs; it costs a tenth of a second and ten megabytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from traderd.config import CONTROL_SOCKET, Config
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.units import format_money
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.lean_imports import lean_imports
from traderd.services import documents
from traderd.services.condition_documents import halt_document
from traderd.services.console_source import DaemonSource
from traderd.services.context import Context

if TYPE_CHECKING:
    from traderd.web.live import LiveHub
    from traderd.web.server import ServedConsole

GOODBYE_S: Final = 0.5
"""Bounds the polite part of stopping; the supervisor gives the whole service one second."""
STATUS_INTERVAL_S: Final = 1.0
"""How often consoles get the whole status."""
PRIVATE: Final = (
    ev.OrderChanged,
    ev.OrderFilled,
    ev.PositionChanged,
    ev.TradingStateUpdated,
    ev.HaltRaised,
    ev.HaltCleared,
    ev.StateChanged,
)


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the console unless it is switched off."""
    if not config.web.enabled:
        return []
    return [Service(name="web", run=run, on_crash=OnCrash.DEGRADE)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve consoles until cancelled; then pages are told that the daemon goes, and connections are closed."""
    with lean_imports():
        from traderd.services.web_access import open_access
        from traderd.services.web_app import make_app
        from traderd.web.live import LiveHub
        from traderd.web.server import serve_console

    source = DaemonSource(context)
    hub, stop = LiveHub(source), trio.Event()
    directory = context.config.state_path()
    access, tls = await context.env.run_blocking(
        open_access, context.config, directory, (context.env.new_id(), context.env.new_id())
    )
    serve = partial(
        serve_console,
        make_app(context, source, hub, access, stop),
        env=context.env,
        host=context.config.web.host,
        port=context.config.web.port,
        socket_path=directory / CONTROL_SOCKET,
        stop=stop,
        tls=tls,
    )
    async with serving(serve, stop) as served, trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        await nursery.start(broadcast, context, source, hub)
        context.shared.levers.console_url = served.url
        context.log.info(f"console at {served.url}")
        task_status.started()


@asynccontextmanager
async def serving(
    serve: Callable[..., Awaitable[None]], stop: trio.Event
) -> AsyncIterator[ServedConsole]:
    """Serve while the context is open; leaving it, also by cancellation, asks politely first.

    What `serve` raises arrives in a group.
    """
    shield, ended = trio.CancelScope(shield=True), trio.Event()

    async def shielded(*, task_status: trio.TaskStatus[ServedConsole]) -> None:
        try:
            with shield:
                await serve(task_status=task_status)
        finally:
            ended.set()

    async with trio.open_nursery() as nursery:
        # Not cut short: a server that began while nobody waited for it any more could not be ended.
        with trio.CancelScope(shield=True):
            served = await nursery.start(shielded)
        try:
            yield served
        finally:
            stop.set()
            with trio.move_on_after(GOODBYE_S, shield=True):
                await ended.wait()
            shield.cancel(reason="the polite part of stopping is over")


async def broadcast(
    context: Context, source: DaemonSource, hub: LiveHub, *, task_status: trio.TaskStatus[None]
) -> None:
    """Turn events into messages until cancelled."""
    with (
        context.subscribe(*PRIVATE, policy=Policy.LOSSLESS) as private,
        context.shared.bus.subscribe(
            ev.BookChanged,
            name="web books",
            policy=Policy.LATEST,
            key=lambda event: event.ticker,  # type: ignore[union-attr]
        ) as books,
        context.shared.log_ring.subscribe(lambda line: hub.publish("log", dict(line))),
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_private, context, source, hub, private)
            nursery.start_soon(_mark_books, hub, books)
            task_status.started()
            while True:
                source.sample_charts()
                hub.mark_status()
                await trio.sleep(STATUS_INTERVAL_S)


async def _mark_books(hub: LiveHub, books: Inbox[Any]) -> None:
    async for batch in books:
        for event in batch:
            hub.mark_book(event.ticker)


async def _send_private(
    context: Context, source: DaemonSource, hub: LiveHub, private: Inbox[Any]
) -> None:
    async for batch in private:
        if not hub.statistics().clients:
            continue  # a newcomer is told how things stand anyhow
        for event in batch:
            _send_one(context, source, hub, event)


def _send_one(context: Context, source: DaemonSource, hub: LiveHub, event: Any) -> None:
    view = context.view
    match event:
        case ev.OrderChanged(key=key):
            order = source.order(key)
            if order is not None:
                hub.publish("order", order)
        case ev.OrderFilled(fill=fill):
            hub.publish("fill", documents.fill_document(fill, view))
        case ev.PositionChanged(ticker=ticker):
            position = view.position(ticker)
            assert position is not None, "a position that changed is in the ledger"
            hub.publish("position", documents.position_document(position, view))
        case ev.TradingStateUpdated():
            hub.publish("trading_state", trading_state_document(event, view))
        case ev.StateChanged():
            hub.publish("state_transition", source.transition(event))
            hub.mark_status()
        case ev.HaltRaised():
            hub.publish("halt", {**halt_document(event), "cleared": False})
            hub.mark_status()  # with the version of the state, by which a person may clear it
        case ev.HaltCleared():
            hub.publish("halt", {"id": event.halt_id, "cleared": True})
            hub.mark_status()
        case _:
            raise AssertionError(f"{type(event).__name__} has no message")


def trading_state_document(update: ev.TradingStateUpdated, view: StateView) -> dict[str, Any]:
    """Return one calibration's result and the account after it."""
    return {
        "account": documents.account_document(view, update.at),
        "sync_type": update.sync_type,
        "version": update.version,
        "balance_dollars": format_money(update.balance),
        "balance_change_dollars": format_money(update.balance_change),
        "portfolio_value_dollars": format_money(update.portfolio_value),
        "positions": update.position_count,
        "positions_change": update.position_count_change,
        "orders": update.order_count,
        "orders_change": update.order_count_change,
        "differences": [
            {"kind": d.kind, "subject": d.subject, "ours": d.ours, "theirs": d.theirs}
            for d in update.differences
        ],
    }
