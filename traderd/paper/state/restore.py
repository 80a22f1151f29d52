"""A venue from what a state file holds.

Owns: putting every record back where it belongs, in an order in which whatever names another comes after it, and
rebuilding what is not kept: reservations, queues, agendas.
Must not: touch the file, or invent what it does not hold.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from traderd.errors import StoreError
from traderd.model.units import Count, Money
from traderd.paper.state.rows import GrantRow, KeyRow, LedgerRow
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.quotes import MINUTES_KEPT
from traderd.paper.venue.records import Resting, VenueOrder
from traderd.paper.venue.venue import Venue


@attrs.frozen(kw_only=True)
class Restored:
    """What a state file held beside the venue."""

    ledger: LedgerRow
    keys: tuple[KeyRow, ...]
    grants: tuple[GrantRow, ...]


def restore(venue: Venue, things: Mapping[str, Iterable[Any]]) -> Restored:
    """Fill an empty venue.

    Args:
        venue: without markets or accounts; its times go on where they ended.
        things: the records of each kind, first written first.

    Raises:
        StoreError: the records do not fit each other.
    """
    try:
        for kind, put in _ORDER.items():
            for thing in things.get(kind, ()):
                put(venue, thing)
        ledger = _only(things.get("ledger", ()))
        _rest_orders(venue, things)
        _restore_ledger(venue, ledger)
        keys = tuple(things.get("api_key", ()))
        grants = tuple(things.get("grant", ()))
    except (KeyError, AssertionError) as exc:
        raise StoreError(f"the state file contradicts itself: {exc!r}") from exc
    _settle_down(venue, ledger)
    return Restored(ledger=ledger, keys=keys, grants=grants)


def _only(rows: Iterable[LedgerRow]) -> LedgerRow:
    found = list(rows)
    if len(found) != 1:
        raise StoreError(f"the state file has {len(found)} ledger rows, not one")
    return found[0]


def _put_market(venue: Venue, market: Any) -> None:
    if market.event_ticker not in venue.floor.events:
        raise KeyError(market.event_ticker)
    venue.floor.add_market(market)
    venue.life.watch(market)


def _put_account(venue: Venue, row: Any) -> None:
    venue.floor.accounts[row.account_id] = Account(row.account_id, row.name, target=row.target)


def _put_wallet(venue: Venue, row: Any) -> None:
    account = venue.floor.accounts[row.account_id]
    wallet = account.wallets.get(row.number) or account.open_wallet(row.number)
    wallet.cash, wallet.nets, wallet.updated_at = row.cash, row.nets, row.updated_at


def _put_order(venue: Venue, order: VenueOrder) -> None:
    account = venue.floor.accounts[order.account_id]
    account.orders[order.order_id] = order
    if order.client_order_id is not None:
        account.client_order_ids[order.client_order_id] = order.order_id


def _put_position(venue: Venue, position: Any) -> None:
    wallet = venue.floor.accounts[position.account_id].wallets[position.subaccount]
    wallet.positions[position.ticker] = position


def _put_minute(venue: Venue, minute: Any) -> None:
    kept = venue.floor.quotes.minutes.setdefault(minute.ticker, deque(maxlen=MINUTES_KEPT))
    kept.append(minute)


_ORDER: Final[dict[str, Callable[[Venue, Any], None]]] = {
    "series": lambda v, r: v.floor.series.__setitem__(r.ticker, r),
    "event": lambda v, r: v.floor.events.__setitem__(r.ticker, r),
    "market": _put_market,
    "fee_change": lambda v, r: v.fee_calendar.pending.append(r),
    "account": _put_account,
    "wallet": _put_wallet,
    "group": lambda v, r: v.floor.accounts[r.account_id].groups.__setitem__(r.group_id, r),
    "order": _put_order,
    "burned_id": lambda v, r: v.floor.accounts[r.account_id].client_order_ids.__setitem__(
        r.client_order_id, r.order_id
    ),
    "position": _put_position,
    "fill": lambda v, r: v.floor.accounts[r.account_id].fills.append(r),
    "trade": lambda v, r: v.floor.trades.append(r),
    "minute": _put_minute,
    "settlement": lambda v, r: v.floor.accounts[r.account_id].settlements.append(r),
    "cash_move": lambda v, r: v.floor.accounts[r.account_id].cash_moves.append(r),
    "transfer": lambda v, r: v.floor.accounts[r.account_id].transfers.__setitem__(
        r.client_transfer_id, r
    ),
}


def _rest_orders(venue: Venue, things: Mapping[str, Iterable[Any]]) -> None:
    # By priority, so that every queue is as it was.
    resting: list[Resting] = [order for order in things.get("order", ()) if order.is_resting]
    resting.extend(things.get("street", ()))
    floor = venue.floor
    for order in sorted(resting, key=lambda each: each.priority):
        floor.books[order.ticker].add(order)
        if isinstance(order, VenueOrder):
            order.reserved, order.opening = Money(0), Count(0)
            wallet = floor.accounts[order.account_id].wallets[order.subaccount]
            wallet.rest(order, floor.markets[order.ticker].fees)
            floor.groups.rested(order)
            if order.expires_at is not None:
                heapq.heappush(floor.expiries, (order.expires_at, order.order_id, order.account_id))


def _restore_ledger(venue: Venue, ledger: LedgerRow) -> None:
    floor = venue.floor
    floor.fees_collected, floor.dust = ledger.fees_collected, ledger.dust
    floor.paid_in = ledger.paid_in
    floor.restore_priority(ledger.priority)
    venue.entry.paused = ledger.paused
    venue.pauses.by_calendar = ledger.paused_by_calendar
    venue.pauses.by_command = ledger.paused_by_command
    pending = venue.fee_calendar.pending
    venue.fee_calendar.done = [change for change in pending if change.due <= ledger.at]
    venue.fee_calendar.pending = [change for change in pending if change.due > ledger.at]
    venue.check_money()


def _settle_down(venue: Venue, ledger: LedgerRow) -> None:
    # Tickers are not kept: one look makes them, and nobody is there yet to be told.
    for market in venue.floor.markets.values():
        if market.is_active:
            venue.floor.changed(market.ticker, ledger.at)
    venue.take_outbox()
    venue.take_touched()
