"""One complete reading of the account: every part, or nothing.

Owns: what is read, in which order, and what makes a reading whole. First the exchange's status; then positions and
orders; after them fills, settlements and the balance, so that what the positions contain is among them. One row that
cannot be read is told beside the others; nothing that it may be is called absent.
Must not: publish or correct anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import attrs
import trio

from traderd.core.order import Order
from traderd.core.unreadable import may_be
from traderd.errors import ExchangeError, ExchangeProtocolError, describe_error
from traderd.kalshi.order_reads import Listed
from traderd.kalshi.rows import RowReading
from traderd.model.cash import Settlement
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import BalanceRecord, Fill, OrderRecord, OrderStatus, PositionRecord
from traderd.model.rows import UnreadableRow
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services.context import Context

T = TypeVar("T")

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
    unreadable: tuple[UnreadableRow, ...]
    """Rows of any of the lists."""
    settlements: tuple[Settlement, ...]
    balance: BalanceRecord
    settling: tuple[MarketTicker, ...]
    """Markets of ours that do not trade any more and whose position is not listed."""


async def read_account(context: Context) -> AccountReading:
    """Read everything; raises ExchangeError when any part failed, and nothing was changed then."""
    rest, started_at, began_s = context.venue.rest, context.now(), context.env.monotonic()
    listed, (orders, absent) = await gather(rest.account.positions, partial(_orders, context))
    # After the positions, so that every fill and payout that they contain is among them.
    since = _since(context, started_at)
    fills, paid, balance = await gather(
        partial(_fills, context, since),
        partial(rest.account.settlements, since=since),
        rest.balance,
    )
    positions, settlements, settling = await _confirm_gone(context, listed, paid)
    # Of now, less what went by: these answers have just shown how far the exchange's clock is from ours.
    took_ns = round((context.env.monotonic() - began_s) * NS_PER_S)
    ended_at = context.now()
    return AccountReading(
        started_at=started_at,
        exchange_started_at=Timestamp(ended_at + context.exchange_ahead_ns - took_ns),
        clock_held=abs(ended_at - started_at - took_ns) < CLOCK_STEP_NS,
        positions=positions.rows,
        orders=tuple(one for one in orders if isinstance(one, OrderRecord)),
        absent=absent,
        fills=fills.rows,
        unreadable=_each_once(
            *(one for one in orders if isinstance(one, UnreadableRow)),
            *fills.unreadable,
            *positions.unreadable,
            *settlements.unreadable,
        ),
        settlements=settlements.rows,
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


async def _orders(context: Context) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
    """Return the records of every resting order and of each that we believe live, and who has none."""
    rest = context.venue.rest
    # Not by the time of their last news: a clock that was ahead in an earlier run must not hide an order from us.
    asked_with = {order.key: order.updated_at for order in context.view.live_orders()}
    reading = await rest.read_orders(status=OrderStatus.RESTING)
    listed = {record.order_id for record in reading.rows}
    listed |= {row.order_id for row in reading.unreadable if row.order_id is not None}
    # An order that moved between two pages is not listed; it is asked for by itself like one that ended.
    missing = [
        order
        for order in context.view.live_orders()
        if order.order_id is not None
        and order.order_id not in listed
        and order.updated_at == asked_with.get(order.key)
    ]
    found = await gather(*(partial(_order, context, order) for order in missing))
    absent = [
        order.key
        for order, record in zip(missing, found, strict=True)
        # What cannot be read may be this one.
        if record is None and not any(may_be(row, order) for row in reading.unreadable)
    ]
    records = (*reading.rows, *reading.unreadable, *(one for one in found if one is not None))
    return records, tuple(absent)


async def _order(context: Context, order: Order) -> Listed | None:
    assert order.order_id is not None, "only an order that the exchange has can be asked for"
    found = await context.venue.rest.read_order(order.order_id)
    # We know which market it is of, whatever the row says.
    return attrs.evolve(found, ticker=order.ticker) if isinstance(found, UnreadableRow) else found


def _each_once(*rows: UnreadableRow) -> tuple[UnreadableRow, ...]:
    # The fills of an order that owes some are read twice.
    return tuple({(row.kind, row.key): row for row in rows}.values())


async def _fills(context: Context, since: Timestamp) -> RowReading[Fill]:
    """Return the fills since the last complete reading, and all fills of orders that still owe some."""
    rest, view = context.venue.rest, context.view
    # A fill may be listed late; an order whose record tells of more than we booked says which.
    owing = [order.order_id for order in view.owing_orders() if order.order_id is not None]
    readings = await gather(
        partial(rest.read_fills, since=since),
        *(partial(rest.read_fills, order_id=order_id) for order_id in owing),
    )
    return RowReading(
        rows=tuple(fill for reading in readings for fill in reading.rows),
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
    context: Context, listed: RowReading[PositionRecord], paid: RowReading[Settlement]
) -> tuple[RowReading[PositionRecord], RowReading[Settlement], tuple[MarketTicker, ...]]:
    """Ask by itself for each position that the list lacks: one that moved between two pages is still there.

    Returns the positions with those; the settlements with what was paid out so long before that the list no longer
    reaches back to it, for they are listed as late as they please; and the markets whose position is gone and not paid
    out yet. A market with a row that cannot be read is none of these.
    """
    view, account = context.view, context.venue.rest.account
    told = {record.ticker for record in listed.rows if record.count}
    told |= {one.ticker for one in paid.rows}
    told |= {row.ticker for row in (*paid.unreadable, *listed.unreadable) if row.ticker is not None}
    gone = [p.ticker for p in view.ledger.open_positions() if p.ticker not in told]
    if not gone:
        return listed, paid, ()
    found = await gather(*(partial(account.position, ticker) for ticker in gone))
    back = _with(listed, found, if_row=lambda record: record.count != 0)
    there = {record.ticker for record in back.rows[len(listed.rows) :]}
    there |= {row.ticker for row in back.unreadable if row.ticker is not None}
    still_gone = [ticker for ticker in gone if ticker not in there]
    late = await gather(*(partial(account.settlement_of, one) for one in still_gone))
    unpaid = [one for one, settlement in zip(still_gone, late, strict=True) if settlement is None]
    known = {record.ticker for record in back.rows}
    settling = [one for one in unpaid if one not in known and not await _trades(context, one)]
    return back, _with(paid, late), tuple(settling)


def _with(
    reading: RowReading[T],
    found: list[T | UnreadableRow | None],
    *,
    if_row: Callable[[T], bool] = lambda _: True,
) -> RowReading[T]:
    odd = [one for one in found if isinstance(one, UnreadableRow)]
    rows = [one for one in found if one is not None and not isinstance(one, UnreadableRow)]
    return RowReading(
        rows=(*reading.rows, *filter(if_row, rows)),
        unreadable=(*reading.unreadable, *odd),
    )


async def _trades(context: Context, ticker: MarketTicker) -> bool:
    market = context.view.market(ticker)
    if market is None or market.status in TRADES:
        # What we know of it may be old, or of another run.
        found = await context.venue.rest.lists.listings([ticker])
        market = found.listings[0].market if found.listings else market
    return market is None or market.status in TRADES
