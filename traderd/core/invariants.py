"""What must be true whatever happens, looked at while the daemon trades; what is not true halts new risk.

Owns: the checks that are cheap enough to stay on for ever: of positions after each fill (I11), of every cap (I19) and of
ages (I20) at each look at the profit, of the steps of orders (I6) at each step. Each halt names the invariant, the
figures and the cure. Others are where they belong: steps of the state in `engine`, entries that sum to 0 in `ledger`,
tokens in `kalshi/limits`, what leaves the daemon in `last_gate` (I22), the deadline of a stop in `runtime/supervisor`.
Must not: run for market data, correct anything, or halt during a replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import attrs

from traderd.core.folding import Fold, both
from traderd.core.order_life import LIFE
from traderd.core.position import Position
from traderd.model import events as ev
from traderd.model.orders import OrderStatus
from traderd.model.units import NS_PER_S, Count, Timestamp, show_count

if TYPE_CHECKING:
    from traderd.core.engine import Engine

INVARIANT_HALT: Final = "invariant:"
"""How the halt id begins; the invariant's number follows, and one halt stands for all that it finds."""
CURE: Final = (
    "this is a defect of traderd: keep a copy of the journal and the log, compare with `traderd reconcile`, "
    "start again, and clear this when both agree"
)
S: Final = OrderStatus
ORDER_STEPS: Final = frozenset({
    *((previous, now) for (previous, _), now in LIFE.items()),
    *((status, status) for status in OrderStatus),
    # The exchange did not take the cancel.
    (S.CANCELLING, S.RESTING),
    # It had vanished, and its record shows that it is there.
    *((S.CANCELED, now) for now in (S.RESTING, S.EXECUTED)),
})
"""Every change of an order's status that can be true; the table of its life has the reasons."""


def with_invariants(engine: Engine, table: dict[type, Fold]) -> dict[type, Fold]:
    """Return the engine's folds with the checks after those that can break something."""
    watch = _Watch(engine)
    for kind, check in watch.table().items():
        table[kind] = both(table.get(kind), check)
    return table


@attrs.define(eq=False)
class _Watch:
    engine: Engine
    _looked_at: Timestamp | None = None
    """The daemon's time at the last look."""

    def table(self) -> dict[type, Fold]:
        return {
            ev.OrderChanged: self._stepped,
            ev.OrderFilled: self._filled,
            ev.AccountSynced: lambda event: self._look(event.at),
            ev.ProfitMarked: self._marked,
        }

    def _stepped(self, event: ev.OrderChanged) -> list[ev.Event]:
        if event.previous is None or (event.previous, event.status) in ORDER_STEPS:
            return []
        words = f"order {event.key} went from {event.previous.value} to {event.status.value}"
        return self._halt(event.at, "I6", words)

    def _filled(self, event: ev.OrderFilled) -> list[ev.Event]:
        if self.engine.recovering:
            return []
        position = self.engine.ledger.positions.get(event.fill.ticker)
        return (
            []
            if position is None
            else self._judge(event.at, "I11", [_fills_of(self.engine, position)])
        )

    def _marked(self, event: ev.ProfitMarked) -> list[ev.Event]:
        before, self._looked_at = self._looked_at, event.at
        return [
            *self._judge(event.at, "I20", _ages(self.engine, event.at, before)),
            *self._look(event.at),
        ]

    def _look(self, at: Timestamp) -> list[ev.Event]:
        engine = self.engine
        if engine.recovering:
            return []
        positions = engine.ledger.open_positions()
        return [
            *self._judge(at, "I11", (_fills_of(engine, position) for position in positions)),
            *self._judge(at, "I19", _beyond_caps(engine)),
        ]

    def _judge(
        self, at: Timestamp, name: str, found: Iterator[str | None] | list[str | None]
    ) -> list[ev.Event]:
        words = next((one for one in found if one is not None), None)
        return [] if words is None else self._halt(at, name, words)

    def _halt(self, at: Timestamp, name: str, words: str) -> list[ev.Event]:
        halt_id = f"{INVARIANT_HALT}{name}"
        if self.engine.recovering or halt_id in self.engine.conditions.halts:
            return []
        reason = f"invariant {name} does not hold: {words}; {CURE}"
        return [ev.HaltRaised(at=at, halt_id=halt_id, author=ev.Author.MACHINE, reason=reason)]


def _fills_of(engine: Engine, position: Position) -> str | None:
    # Two books are made of the same fills by different code: the account's, and those of who asked.
    if position.settled:
        return None
    by_owner = engine.ledger.strategies.held(position.ticker)
    by_fills = Count(position.count - position.carried_in)
    if by_owner == by_fills:
        return None
    return (
        f"the fills of {position.ticker} make {show_count(by_fills, signed=True)} contracts for the account, and "
        f"{show_count(by_owner, signed=True)} for those who asked"
    )


def _beyond_caps(engine: Engine) -> Iterator[str | None]:
    for part in (engine.orders, engine.ledger, engine.ledger.strategies):
        for name, held, cap in part.sizes():
            yield f"{held} {name} are kept, and {cap} is the cap" if held > cap else None


def _ages(engine: Engine, now: Timestamp, before: Timestamp | None) -> Iterator[str | None]:
    if before is not None and now < before:
        yield f"the daemon's time went back by {(before - now) / NS_PER_S:.3f} s"
    account = engine.account
    # Stamps of an earlier run may be ahead: its clock may have been.
    read_at = None if account.first_reading else account.read_at
    for what, at in (("the reading of the account", read_at), ("the state", engine.state_since)):
        if at is not None and at > now:
            yield f"{what} is of a time {(at - now) / NS_PER_S:.3f} s ahead"
    for position in engine.ledger.open_positions():
        book = engine.market_data.books.get(position.ticker)
        at = None if book is None else book.updated_at
        if at is not None and at > now:
            yield f"the book of {position.ticker} is of a time {(at - now) / NS_PER_S:.3f} s ahead"
