"""What must be true at every moment, watched at the exchange's door and at the process's own.

Owns: what leaves a process, what is on its disk by then, what the exchange takes, and which of the invariants that
breaks; over all processes that share one journal. What must be true afterwards is `invariants`.
Must not: ask the daemon what happened; only its state and limits, at the moment at which something leaves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from tests.simulation.harness import SimulatedDaemon, SimulatedExchange
from traderd.core.exposure import Leg, grouped_exposure
from traderd.core.fees import USUAL_MULTIPLIER
from traderd.core.order_life import LIFE
from traderd.core.position import Position
from traderd.errors import TraderdError
from traderd.model.events import OrderChanged
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderStatus, Side
from traderd.model.states import WORKING
from traderd.model.units import ONE_DOLLAR, Money, Timestamp
from traderd.paper.rate_limits import RateLimits, Tier
from traderd.store.database import Row

ORDERS: Final = "/portfolio/events/orders"
STEPS: Final = {(before, after) for (before, _), after in LIFE.items()} | {
    # A cancel that failed: the order rests as before.
    (OrderStatus.CANCELLING, OrderStatus.RESTING)
}
"""From which status to which an order may step."""


@attrs.define(eq=False)
class ExchangeWatch:
    """Watches one exchange and, one after the other, the daemons that trade on it."""

    at: SimulatedExchange
    max_open_orders: int
    max_exposure: Money
    max_position: int
    """Of one market, in 1/100 contract."""
    broken: list[str] = attrs.Factory(list)
    """What was broken, in sentences that begin with the invariant's number."""
    left: Counter[str] = attrs.Factory(Counter)
    """Writes that left, by kind."""
    taken: Counter[str] = attrs.Factory(Counter)
    """Writes that the exchange carried out, by kind."""
    throttled: int = 0
    """Answers 429 of the exchange's own buckets."""
    _durable: dict[str, None] = attrs.Factory(dict)
    _gone: dict[str, None] = attrs.Factory(dict)
    """Client order ids that left, of creates and of amends."""
    _orders: dict[str, str] = attrs.Factory(dict)
    """Which order of the exchange a client order id has made."""
    _exclusive: dict[MarketTicker, str] = attrs.Factory(dict)
    """The event of each market whose event pays one of them at most."""
    _simulated: SimulatedDaemon | None = None

    def __attrs_post_init__(self) -> None:
        venue: Any = self.at.exchange.venue
        for market in venue.markets():
            if venue.event(market.event_ticker).mutually_exclusive:
                self._exclusive[market.ticker] = market.event_ticker
        venue.create_order = self._watched_create(venue.create_order)
        for name, kind in (("amend_order", "amend"), ("decrease_order", "decrease")):
            setattr(venue, name, self._watched_change(getattr(venue, name), kind))
        venue.cancel_order = self._watched_cancel(venue.cancel_order)

    def follow(self, simulated: SimulatedDaemon) -> None:
        """Watch a process from now on; best before it has sent anything."""
        self._simulated = simulated
        simulated.env.on_send = self._look
        simulated.env.on_durable = self._note_durable
        bus: Any = simulated.daemon.shared.bus
        fan_out = bus._fan_out

        def look_and_fan_out(folded: list[Any]) -> None:
            self._look_at_steps(folded)
            fan_out(folded)

        bus._fan_out = look_and_fan_out

    def limit_tokens(self) -> None:
        """Give the account the lowest tier, and count what its buckets refuse."""
        rest: Any = self.at.exchange._rest
        rest._limits.tier = Tier.BASIC
        rest._limits = _CountedLimits(self, rest._limits)

    def check(self) -> None:
        """Fail with everything that was broken so far."""
        assert not self.broken, "\n".join(self.broken)

    # --- the process's door -----------------------------------------------------------------------

    def _note_durable(self, rows: Sequence[Row]) -> None:
        for _, _, kind, body in rows:
            if kind == "order_intended":
                self._durable[json.loads(body)["client_order_id"]] = None
            elif kind == "amend_requested":
                self._durable[json.loads(body)["terms"].get("client_order_id") or ""] = None

    def _look(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if ORDERS not in path or method == "GET":
            return
        if method == "DELETE":
            self.left["cancel"] += 1
        elif path.endswith("/decrease"):
            self.left["decrease"] += 1
        elif path.endswith("/amend"):
            asked = json.loads(body)
            new_id = asked.get("updated_client_order_id")
            self._leaves("amend" if new_id else "renewal", new_id)
        else:
            asked = json.loads(body)
            for order in asked.get("orders", (asked,)):
                self._leaves("create", order["client_order_id"])

    def _leaves(self, kind: str, client_order_id: str | None) -> None:
        self.left[kind] += 1
        simulated = self._simulated
        assert simulated is not None
        view, what = simulated.view, f"{kind} {client_order_id}"
        if client_order_id is not None:
            if client_order_id not in self._durable:
                self.broken.append(f"I5: {what} left before its intent was on the disk")
            if client_order_id in self._gone:
                self.broken.append(f"I22: {what} left twice")
            self._gone[client_order_id] = None
        if view.conditions.killed is not None:
            self.broken.append(f"I13: {what} left after the kill switch")
        if kind == "create":
            if view.state not in WORKING:
                self.broken.append(f"I10: {what} left while the daemon was {view.state.value}")
            if view.conditions.paused is not None:
                self.broken.append(f"I10: {what} left while paused")
            if view.account.first_reading:
                self.broken.append(f"I10: {what} left before the first reading of the account")
        self._look_at_ages()

    def _look_at_ages(self) -> None:
        simulated = self._simulated
        assert simulated is not None
        now = Timestamp(simulated.env.wall_ns())
        for ticker in simulated.view.followed:
            quality = simulated.view.quality(ticker, now)
            if quality is not None and quality.age_ns is not None and quality.age_ns < 0:
                self.broken.append(f"I20: the book of {ticker} has the age {quality.age_ns} ns")

    def _look_at_steps(self, folded: Iterable[Any]) -> None:
        for event in folded:
            if not isinstance(event, OrderChanged) or event.previous is None:
                continue
            if event.previous is not event.status and (event.previous, event.status) not in STEPS:
                step = f"{event.previous.value} to {event.status.value}"
                self.broken.append(f"I6: order {event.key} stepped from {step}")

    # --- the exchange's door ----------------------------------------------------------------------

    def _watched_create(self, create: Any) -> Any:
        def watched(
            account_id: str, terms: Any, client_order_id: Any, now: Any, **words: Any
        ) -> Any:
            before = self._exposures(account_id)
            order = create(account_id, terms, client_order_id, now, **words)
            self.taken["create"] += 1
            if account_id != self.at.credentials.account_id:
                return order
            if client_order_id in self._orders:
                self.broken.append(
                    f"I2: {client_order_id} made {self._orders[client_order_id]} and {order.order_id}"
                )
            self._orders[client_order_id] = order.order_id
            if client_order_id not in self._durable:
                self.broken.append(f"I5: {client_order_id} arrived, and no intent is on the disk")
            self._check_limits(account_id, before, f"create {client_order_id}", terms.ticker)
            return order

        return watched

    def _watched_change(self, change: Any, kind: str) -> Any:
        def watched(account_id: str, order_id: str, *args: Any, **words: Any) -> Any:
            before = self._exposures(account_id)
            reply = change(account_id, order_id, *args, **words)
            self.taken[kind] += 1
            ticker = self.at.exchange.venue.order(account_id, order_id).ticker
            self._check_limits(account_id, before, f"{kind} {order_id}", ticker)
            return reply

        return watched

    def _watched_cancel(self, cancel: Any) -> Any:
        def watched(*args: Any, **words: Any) -> Any:
            reply = cancel(*args, **words)
            self.taken["cancel"] += 1
            return reply

        return watched

    def _resting(self, account_id: str) -> list[Any]:
        orders = self.at.exchange.venue.orders(account_id)
        return [order for order in orders if order.status is OrderStatus.RESTING]

    def _exposures(self, account_id: str) -> tuple[Money, Money]:
        return self._exposure(account_id), Money(self._loss(account_id))

    def _loss(self, account_id: str) -> int:
        """Return what can be lost in the worst outcome, counted naively: nothing of the daemon's code is in it."""
        venue = self.at.exchange.venue
        groups: dict[str, list[MarketTicker]] = {}
        for market in venue.markets():
            groups.setdefault(self._exclusive.get(market.ticker, market.ticker), []).append(
                market.ticker
            )
        held = {row.ticker: (row.count, row.exposure) for row in venue.positions(account_id)}
        resting = self._resting(account_id)
        total = 0
        for tickers in groups.values():
            losses = []
            for winner in (*tickers, None):
                loss = 0
                for ticker in tickers:
                    pays = ONE_DOLLAR if ticker == winner else 0
                    count, cost = held.get(ticker, (0, 0))
                    loss += cost - abs(count) * (pays if count > 0 else ONE_DOLLAR - pays)
                    loss += sum(
                        max(0, (o.price - pays) * o.side.sign * o.remaining_count)
                        for o in resting
                        if o.ticker == ticker
                    )
                losses.append(loss)
            total += max(0, *losses)
        return total

    def _exposure(self, account_id: str) -> Money:
        venue = self.at.exchange.venue
        positions = {
            row.ticker: Position(ticker=row.ticker, count=row.count, cost=row.exposure)
            for row in venue.positions(account_id)
            if row.count
        }
        legs: dict[MarketTicker, list[Leg]] = {ticker: [] for ticker in positions}
        for order in self._resting(account_id):
            leg = (order.side, order.price, order.remaining_count)
            legs.setdefault(order.ticker, []).append(leg)
        return grouped_exposure(positions, legs, self._exclusive, lambda _: USUAL_MULTIPLIER)

    def _check_limits(
        self, account_id: str, before: tuple[Money, Money], what: str, ticker: MarketTicker
    ) -> None:
        resting = self._resting(account_id)
        if len(resting) > self.max_open_orders:
            self.broken.append(f"I1: {what} made {len(resting)} open orders")
        after = self._exposures(account_id)
        for name, now, then in zip(("exposure", "worst loss"), after, before, strict=True):
            if now > max(self.max_exposure, then):
                self.broken.append(f"I1: {what} made a {name} of {now}")
        if after[1] > after[0]:
            self.broken.append(f"I1: {after[1]} can be lost, and the exposure is {after[0]}")
        held = {row.ticker: row.count for row in self.at.exchange.venue.positions(account_id)}
        for side, sign in ((Side.BID, 1), (Side.ASK, -1)):
            adding = sum(
                order.remaining_count
                for order in resting
                if order.ticker == ticker and order.side is side
            )
            worst = sign * held.get(ticker, 0) + adding
            if adding and worst > self.max_position:
                self.broken.append(f"I1: {what} may become a position of {worst}")


@attrs.frozen(eq=False)
class _CountedLimits:
    """The exchange's own buckets, with a count of what they refuse."""

    watch: ExchangeWatch
    limits: RateLimits

    def take(self, *args: Any, **words: Any) -> None:
        try:
            self.limits.take(*args, **words)
        except TraderdError:
            self.watch.throttled += 1
            raise
