"""One complete reading of the account: every part, or nothing.

Owns: what is read, in which order, and what makes a reading whole. First the exchange's status; then positions and
orders; after them fills, settlements and the balance, so that what the positions contain is among them.
Must not: publish or correct anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import attrs
import trio

from traderd.errors import ExchangeError, ExchangeProtocolError, describe_error
from traderd.kalshi.account_reads import FillReading, UnreadableFill
from traderd.model.cash import Settlement
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import BalanceRecord, Fill, OrderRecord, OrderStatus, PositionRecord
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services.context import Context

FILL_OVERLAP_NS: Final = 60 * NS_PER_S
"""How far before the last complete reading the next one starts: fills may be listed late, and count once."""
CLOCK_STEP_NS: Final = NS_PER_S
"""By how much our clock must disagree with what went by for the reading's place in time to be in doubt."""
TRADES: Final = (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)
"""Markets whose positions are not paid out."""


@attrs.frozen(kw_only=True)
class AccountReading:
    """What the exchange said of the whole account."""

    started_at: Timestamp
    exchange_started_at: Timestamp
    """The same moment by the exchange's clock."""
    clock_held: bool
    """False: our clock was set while the account was read, so `exchange_started_at` is in doubt."""
    positions: tuple[PositionRecord, ...]
    orders: tuple[OrderRecord, ...]
    absent: tuple[str, ...]
    """Keys of orders that we believe live and the exchange does not know."""
    fills: tuple[Fill, ...]
    unreadable: tuple[UnreadableFill, ...]
    settlements: tuple[Settlement, ...]
    balance: BalanceRecord
    settling: tuple[MarketTicker, ...]
    """Markets of ours that do not trade any more and whose position is not listed."""


async def read_account(context: Context) -> AccountReading:
    """Read everything; raises ExchangeError when any part failed, and nothing was changed then."""
    rest, started_at, began_s = context.venue.rest, context.now(), context.env.monotonic()
    positions, (orders, absent) = await gather(rest.positions, partial(_orders, context))
    # After the positions, so that every fill and payout that they contain is among them.
    since = _since(context, started_at)
    fills, settlements, balance = await gather(
        partial(_fills, context, since),
        partial(rest.account.settlements, since=since),
        rest.balance,
    )
    if any(fill.ticker is None for fill in fills.unreadable):
        raise ExchangeProtocolError(f"GET /portfolio/fills: {fills.unreadable[0].words}")
    positions, settling, late = await _confirm_gone(context, positions, settlements)
    # Of now, less what went by: these answers have just shown how far the exchange's clock is from ours.
    took_ns = round((context.env.monotonic() - began_s) * NS_PER_S)
    ended_at = context.now()
    return AccountReading(
        started_at=started_at,
        exchange_started_at=Timestamp(ended_at + context.exchange_ahead_ns - took_ns),
        clock_held=abs(ended_at - started_at - took_ns) < CLOCK_STEP_NS,
        positions=positions,
        orders=orders,
        absent=absent,
        fills=fills.fills,
        unreadable=fills.unreadable,
        settlements=(*settlements, *late),
        balance=balance,
        settling=settling,
    )


async def gather(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run calls at the same time and return their results in order; the first error ends them all."""
    results: list[Any] = [None] * len(calls)

    async def run_one(index: int, call: Callable[[], Awaitable[Any]]) -> None:
        results[index] = await call()

    try:
        async with trio.open_nursery() as nursery:
            for index, call in enumerate(calls):
                nursery.start_soon(run_one, index, call)
    except* ExchangeError as group:
        unreadable = group.subgroup(ExchangeProtocolError) is not None
        kind = ExchangeProtocolError if unreadable else ExchangeError
        raise kind(describe_error(group)) from group
    return results


async def _orders(context: Context) -> tuple[tuple[OrderRecord, ...], tuple[str, ...]]:
    """Return the records of every resting order and of each that we believe live, and who has none."""
    rest = context.venue.rest
    # Not by the time of their last news: a clock that was ahead in an earlier run must not hide an order from us.
    asked_with = {order.key: order.updated_at for order in context.view.live_orders()}
    resting = await rest.orders(status=OrderStatus.RESTING)
    listed = {record.order_id for record in resting}
    # An order that moved between two pages is not listed; it is asked for by itself like one that ended.
    missing = [
        order
        for order in context.view.live_orders()
        if order.order_id is not None
        and order.order_id not in listed
        and order.updated_at == asked_with.get(order.key)
    ]
    records = await gather(
        *(partial(rest.order, order.order_id) for order in missing if order.order_id is not None)
    )
    absent = [order.key for order, record in zip(missing, records, strict=True) if record is None]
    return (*resting, *(record for record in records if record is not None)), tuple(absent)


async def _fills(context: Context, since: Timestamp) -> FillReading:
    """Return the fills since the last complete reading, and all fills of orders that still owe some."""
    rest, view = context.venue.rest, context.view
    # A fill may be listed late; an order whose record tells of more than we booked says which.
    owing = [order.order_id for order in view.owing_orders() if order.order_id is not None]
    readings = await gather(
        partial(rest.read_fills, since=since),
        *(partial(rest.read_fills, order_id=order_id) for order_id in owing),
    )
    return FillReading(
        fills=tuple(fill for reading in readings for fill in reading.fills),
        unreadable=tuple(row for reading in readings for row in reading.unreadable),
    )


def _since(context: Context, started_at: Timestamp) -> Timestamp:
    # Where the last complete reading began, not the newest fill: the feed may have brought a fill that
    # is younger than one that nobody has seen yet. Never later than now: whatever clock was wrong when, what
    # happens from here on is read.
    now_there = Timestamp(started_at + context.exchange_ahead_ns)
    read_from = context.view.account.fills_read_from
    return Timestamp(min(now_there, read_from or now_there) - FILL_OVERLAP_NS)


async def _confirm_gone(
    context: Context,
    positions: tuple[PositionRecord, ...],
    settlements: tuple[Settlement, ...],
) -> tuple[tuple[PositionRecord, ...], tuple[MarketTicker, ...], tuple[Settlement, ...]]:
    """Ask by itself for each position that the list lacks: one that moved between two pages is still there.

    Returns the positions with those, the markets whose position is gone and not paid out yet, and what was paid out
    so long before that the list of settlements no longer reaches back to it: they are listed as late as they please.
    """
    view, rest = context.view, context.venue.rest
    listed = {record.ticker for record in positions if record.count}
    listed |= {one.ticker for one in settlements}
    gone = [p.ticker for p in view.ledger.open_positions() if p.ticker not in listed]
    if not gone:
        return positions, (), ()
    found = await gather(*(partial(rest.account.position, ticker) for ticker in gone))
    back = tuple(record for record in found if record is not None and record.count)
    known = {record.ticker for record in (*positions, *back)}
    still_gone = [ticker for ticker in gone if ticker not in {record.ticker for record in back}]
    paid = await gather(*(partial(rest.account.settlement_of, one) for one in still_gone))
    late = tuple(settlement for settlement in paid if settlement is not None)
    unpaid = [one for one, settlement in zip(still_gone, paid, strict=True) if settlement is None]
    settling = [one for one in unpaid if one not in known and not await _trades(context, one)]
    return (*positions, *back), tuple(settling), late


async def _trades(context: Context, ticker: MarketTicker) -> bool:
    market = context.view.market(ticker)
    if market is None or market.status in TRADES:
        # What we know of it may be old, or of another run.
        found = await context.venue.rest.lists.listings([ticker])
        market = found.listings[0].market if found.listings else market
    return market is None or market.status in TRADES
