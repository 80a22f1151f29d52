"""Opens and closes markets by the clock, because the exchange says nothing then.

Owns: the timers, by the exchange's clock as far as its offset is known.
Must not: judge what an open or closed market means.
"""

from __future__ import annotations

import math
from typing import Any, Final, NoReturn

import attrs
import trio

from traderd.core.market_life import BEFORE_CLOSE
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketStatus
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.inbox import Policy
from traderd.services.context import Context

WAIT_S_MIN: Final = 0.001
"""Bounds the wait from below: two clocks that are rounded differently must not be looked at in a circle."""
LOOK_S_MAX: Final = 30.0
"""Bounds how long a step of the wall clock, or of the exchange's, can go unnoticed."""


async def run_market_clock(context: Context) -> NoReturn:
    """Publish what opens or closes, when it does, until cancelled."""
    with context.subscribe(
        ev.MarketsListed,
        ev.MarketLifecycleChanged,
        ev.UniverseChanged,
        policy=Policy.LATEST,
        key=_key,
    ) as news:
        while True:
            wait_s = max(WAIT_S_MIN, min(tell_due(context), LOOK_S_MAX))
            due_at = trio.current_time() + wait_s
            with trio.move_on_at(due_at):
                # The exchange tells of every market there is.
                while not any(_concerns(context, event) for event in await news.receive()):
                    pass


def _key(event: Any) -> tuple[type, MarketTicker | None]:
    is_step = isinstance(event, ev.MarketLifecycleChanged)
    return type(event), event.ticker if is_step else None


def _concerns(context: Context, event: Any) -> bool:
    is_step = isinstance(event, ev.MarketLifecycleChanged)
    return not is_step or context.view.market(event.ticker) is not None


def tell_due(context: Context) -> float:
    """Publish every opening and closing that is due, and return the seconds until the next one."""
    now, at, markets = context.exchange_now(), context.now(), context.view.market_data.markets
    due: list[ev.MarketOpened | ev.MarketClosed] = []
    next_ns = math.inf
    for market in markets.values():
        step = next_step(market)
        if step is None:
            continue
        when, kind = step
        if when <= now:
            due.append(kind(at=at, ticker=market.ticker))
        else:
            next_ns = min(next_ns, when - now)
    if due:
        context.publish(*due)
        for event in due:
            word = "closes" if isinstance(event, ev.MarketClosed) else "opens"
            context.log.info(f"{event.ticker} {word}", ticker=event.ticker)
        # What opens now closes later.
        return 0.0
    return next_ns / NS_PER_S


def is_due(market: Market, now: Timestamp) -> bool:
    """Tell whether the clock would open or close this market at once, at this time of the exchange's clock."""
    step = next_step(market)
    return step is not None and step[0] <= now


def with_known_status(listed: Market, known: Market | None, now: Timestamp) -> Market:
    """Return a market as a list has it, but with the status that is known where the list has yet to notice an opening or a close.

    Our clock would only do again what the list takes back, and the market would be open in between.  The same object
    comes back where the list is not behind.  Kalshi: the status in its lists can lag some 30 s.

    Args:
        listed: as it was read just now.
        known: as it is in the state, None where it is not.
        now: by the exchange's clock.
    """
    if known is None or known.status is listed.status or not is_due(listed, now):
        return listed
    return attrs.evolve(listed, status=known.status)


def next_step(
    market: Market,
) -> tuple[Timestamp, type[ev.MarketOpened | ev.MarketClosed]] | None:
    """Return when the clock does something to a market, and what; None when it does nothing more."""
    if market.status not in BEFORE_CLOSE:
        return None
    opens = market.open_time
    is_coming = market.status is MarketStatus.INITIALIZED
    if is_coming and opens is not None and opens < market.close_time:
        return opens, ev.MarketOpened
    return market.close_time, ev.MarketClosed
