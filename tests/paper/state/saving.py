"""A venue whose changes go into rows as they would on a disk, and the same venue read back from them."""

from __future__ import annotations

import itertools
from collections import defaultdict

import msgspec

from tests.paper.venues import STANDARD, TICKER, market, venue
from traderd.paper.state.changes import StateChanges
from traderd.paper.state.restore import restore
from traderd.paper.state.rows import Row, thing_of
from traderd.paper.venue.venue import Venue

OTHER = "KXDEMO-26DEC31-B"


class RowStore:
    """The table of a state file as a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}
        self.changes: StateChanges | None = None

    def write(self, rows: list[Row]) -> None:
        for kind, key, body in rows:
            if body is None:
                self.rows.pop((kind, key), None)
            else:
                self.rows[kind, key] = body

    def things(self) -> dict[str, list]:
        found = defaultdict(list)
        for (kind, _), body in self.rows.items():
            found[kind].append(thing_of(kind, body))
        return found


def tracked_venue() -> Venue:
    return venue(market(fees=STANDARD), market(OTHER, fees=STANDARD), tracks=True)


def read_back(store: RowStore, ids_from: int) -> Venue:
    numbers = itertools.count(ids_from)
    again = Venue(ids=lambda: f"id-{next(numbers)}", tracks=True)
    restore(again, store.things())
    return again


def save(built: Venue, store: RowStore, now: int) -> None:
    built.take_outbox()
    if store.changes is None:
        store.changes = StateChanges(built)
    store.write(store.changes.take(at=now))


def picture(built: Venue) -> dict[str, object]:
    """Return everything that anybody could ask a venue about."""
    accounts = {}
    for account_id in built.account_ids():
        account = built.account(account_id)
        accounts[account_id] = {
            "orders": list(account.orders.values()),
            "fills": account.fills,
            "client ids": account.client_order_ids,
            "groups": list(account.groups.values()),
            "members": {name: built.groups.members(g) for name, g in account.groups.items()},
            "settlements": account.settlements,
            "moves": account.cash_moves,
            "transfers": list(account.transfers.values()),
            "target": account.target,
            "money": [
                (number, wallet.cash, wallet.reserved, wallet.nets)
                for number, wallet in account.wallets.items()
            ],
            "positions": built.positions(account_id, None),
        }
    whole = {
        "accounts": accounts,
        "markets": built.markets(),
        "events": built.events(),
        "series": built.series(),
        "books": {str(m.ticker): built.book(m.ticker) for m in built.markets()},
        "queues": {
            str(m.ticker): [
                (o.order_id, o.remaining_count)
                for o in sorted(built.book_of(m.ticker).orders(), key=lambda o: o.priority)
            ]
            for m in built.markets()
        },
        "trades": built.trades(),
        "paused": (built.paused, built.pauses.by_calendar, built.pauses.by_command),
        "money": built.total_money(),
    }
    return msgspec.json.decode(msgspec.json.encode(whole))


__all__ = ["OTHER", "TICKER", "RowStore", "picture", "read_back", "save", "tracked_venue"]
