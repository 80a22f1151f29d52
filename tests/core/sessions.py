"""Random but honest sessions: an exchange that keeps its own books, and a line that delivers when it likes.

The exchange here knows only facts (what rests, what traded) and tells them as events, late, doubled and out of
order. What the engine believes can so be compared with what is true.
"""

import random
from collections.abc import Callable

import attrs

from tests.core.builders import (
    ACTING,
    FAILED,
    OTHER,
    PERSON,
    READY,
    SYNC,
    TICKER,
    S,
    cleared,
    halt,
    second,
    step,
    tell,
)
from traderd.core.engine import Engine
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId, TradeId
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    PositionRecord,
    Side,
)
from traderd.model.states import State
from traderd.model.units import ONE_CONTRACT, Count, Money, Price, Timestamp
from traderd.services.recorder import worth_keeping

REJECTIONS = ("insufficient_balance", "post_only_cross", "trading_is_paused", "bad_request")


@attrs.define
class TrueOrder:
    """One order as the exchange knows it."""

    key: ClientOrderId
    order_id: OrderId
    terms: OrderTerms
    filled: int = 0
    status: OrderStatus = S.RESTING

    @property
    def remaining(self) -> int:
        return self.terms.count - self.filled if self.status is S.RESTING else 0

    def record(self) -> OrderRecord:
        return OrderRecord(
            order_id=self.order_id,
            client_order_id=self.key,
            ticker=self.terms.ticker,
            side=self.terms.side,
            price=self.terms.price,
            status=self.status,
            initial_count=self.terms.count,
            fill_count=Count(self.filled),
            remaining_count=Count(self.remaining),
        )


class Session:
    """Lives through random steps; `journal` is what the disk keeps of them."""

    def __init__(self, rng: random.Random, engine: Engine, *, careless: bool = False) -> None:
        """`careless`: somebody clears position halts without looking, and so accepts wrong numbers."""
        self.rng, self.engine, self.careless = rng, engine, careless
        self.lived: list[ev.Event] = []
        self.journal: list[ev.Event] = []
        self.true_orders: dict[OrderId, TrueOrder] = {}
        self.true_position: dict[MarketTicker, int] = {TICKER: 0, OTHER: 0}
        self.news: list[ev.Event] = []
        self.clock = 10.0
        self._numbers = iter(range(1, 1_000_000))

    @property
    def at(self) -> Timestamp:
        return second(self.clock)

    def publish(self, *events: ev.Event) -> None:
        self.clock += 1
        told = tell(self.engine, *events)
        self.lived += told
        self.journal += worth_keeping(told)

    def run(self, steps: int, *, watch: Callable[["Session"], None]) -> None:
        """Take random steps; `watch` looks at the state after each."""
        doings = (
            *(self.place,) * 4,
            *(self.hear,) * 8,
            *(self.trade,) * 4,
            *(self.cancel,) * 2,
            self.change_a_condition,
            self.change_the_state,
            self.read_the_account,
        )
        for _ in range(steps):
            self.rng.choice(doings)()
            watch(self)
        while self.news:
            self.hear(again=False)
            watch(self)

    # --- what a trader does ---

    def place(self) -> None:
        wanted = OrderTerms(
            ticker=self.rng.choice([TICKER, OTHER]),
            side=self.rng.choice(list(Side)),
            price=Price(self.rng.randint(41, 59) * 100),
            count=Count(self.rng.randint(1, 12) * ONE_CONTRACT),
        )
        denied = self.engine.judge(wanted)
        if denied is not None:
            self.publish(
                ev.OrderDenied(
                    at=self.at,
                    terms=wanted,
                    attribution=PERSON,
                    rule=denied.rule,
                    sentence=denied.sentence,
                )
            )
            return
        key = ClientOrderId(f"c{next(self._numbers)}")
        self.publish(
            ev.OrderIntended(at=self.at, client_order_id=key, terms=wanted, attribution=PERSON)
        )
        if self.rng.random() < 0.05:
            self.publish(ev.OrderNotPlaced(at=self.at, client_order_id=key, sentence="no disk"))
            return
        self.publish(ev.OrderSent(at=self.at, client_order_id=key))
        self._arrive(key, wanted)

    def cancel(self) -> None:
        known = [o for o in self.engine.orders.live() if o.order_id is not None]
        if not known:
            return
        order = self.rng.choice(known)
        assert order.order_id is not None
        self.publish(ev.CancelRequested(at=self.at, order_id=order.order_id))
        true = self.true_orders[order.order_id]
        if true.status is not S.RESTING or self.rng.random() < 0.2:
            self.news.append(
                ev.CancelFailed(
                    at=self.at, order_id=order.order_id, code="not_found", sentence="not found"
                )
            )
            return
        reduced, true.status = Count(true.remaining), S.CANCELED
        self.news.append(
            ev.CancelAcknowledged(at=self.at, order_id=order.order_id, reduced_by=reduced)
        )
        self._tell_record(true)

    # --- what the exchange does ---

    def _arrive(self, key: ClientOrderId, wanted: OrderTerms) -> None:
        fate = self.rng.random()
        if fate < 0.15:
            code = self.rng.choice(REJECTIONS)
            self.news.append(
                ev.OrderRejected(at=self.at, client_order_id=key, code=code, sentence=f"no: {code}")
            )
            return
        lost = ev.OrderOutcomeUnknown(at=self.at, client_order_id=key, sentence="no answer")
        if fate < 0.25:
            # The request was lost on its way: a search finds nothing, after the quarantine.
            self.publish(lost)
            self.news.append(
                ev.OrderNotPlaced(at=self.at, client_order_id=key, sentence="not found")
            )
            return
        true = TrueOrder(key, OrderId(f"x{next(self._numbers)}"), wanted)
        self.true_orders[true.order_id] = true
        if self.rng.random() < 0.3:
            self._execute(true)
        if fate < 0.4:
            self.publish(lost)
        else:
            self.news.append(
                ev.OrderAccepted(
                    at=self.at,
                    client_order_id=key,
                    order_id=true.order_id,
                    fill_count=Count(true.filled),
                    remaining_count=Count(true.remaining),
                )
            )
        self._tell_record(true)

    def trade(self) -> None:
        resting = [o for o in self.true_orders.values() if o.status is S.RESTING]
        if resting:
            true = self.rng.choice(resting)
            self._execute(true)
            self._tell_record(true)

    def _execute(self, true: TrueOrder) -> None:
        asked = true.terms
        count = self.rng.randint(1, true.remaining)
        # At the limit, or better for us.
        at_price = asked.price - asked.side.sign * self.rng.choice([0, 0, 100, 550])
        true.filled += count
        if true.remaining == 0:
            true.status = S.EXECUTED
        self.true_position[asked.ticker] += asked.side.sign * count
        fill = Fill(
            trade_id=TradeId(f"t{next(self._numbers)}"),
            order_id=true.order_id,
            ticker=asked.ticker,
            side=asked.side,
            price=Price(at_price),
            count=Count(count),
            fee=Money(self.rng.randint(0, 20_000)),
            is_taker=True,
            executed_at=self.at,
            client_order_id=self.rng.choice([true.key, None]),
        )
        self.news.append(ev.OrderFilled(at=self.at, fill=fill, source=ev.Source.FEED))

    def _tell_record(self, true: TrueOrder) -> None:
        self.news.append(ev.OrderReported(at=self.at, record=true.record(), source=ev.Source.FEED))

    def hear(self, *, again: bool = True) -> None:
        """Deliver any of the news that wait, and sometimes keep it to be told again."""
        if not self.news:
            return
        chosen = self.rng.randrange(len(self.news))
        event = self.news[chosen]
        if not again or self.rng.random() < 0.8:
            del self.news[chosen]
        self.publish(event)

    # --- what people and the daemon do ---

    def change_a_condition(self) -> None:
        author = self.rng.choice(list(ev.Author))
        halt_id = self.rng.choice(["h1", "h2", "breaker"])
        ticker = self.rng.choice([None, TICKER])
        mismatches = [name for name in self.engine.conditions.halts if name.startswith("position:")]
        if self.careless and mismatches:
            self.publish(cleared(self.rng.choice(mismatches), ev.Author.PERSON))
            return
        self.publish(
            self.rng.choice([
                ev.TradingPaused(at=self.at, reason="asked to"),
                ev.TradingResumed(at=self.at),
                ev.TradingResumed(at=self.at),
                halt(halt_id, author, ticker=ticker),
                *(cleared(name, ev.Author.PERSON) for name in ("h1", "h2", "breaker")),
                cleared(halt_id, author),
            ])
        )

    def change_the_state(self) -> None:
        ways = {
            State.READY: [ACTING, FAILED],
            State.ACTING: [READY],
            State.ERROR: [SYNC],
            State.KALSHI_DATA_SYNC: [READY],
        }
        self.publish(step(self.engine, self.rng.choice(ways[self.engine.state]), at=self.clock))

    def read_the_account(self) -> None:
        self.publish(
            ev.AccountSynced(
                at=self.at,
                started_at=self.at,
                sync_type=self.rng.choice(["initial", "update", "update"]),
                positions=tuple(
                    PositionRecord(
                        ticker=ticker,
                        count=Count(count),
                        exposure=Money(abs(count) * 5_000),
                        realized_pnl=Money(0),
                        fees_paid=Money(0),
                    )
                    for ticker, count in self.true_position.items()
                    if count
                ),
                balance=BalanceRecord(
                    # Often the same as before: a reading that tells nothing new is not journaled.
                    balance=Money(self.rng.choice([10**8, 10**9])),
                    portfolio_value=Money(0),
                ),
            )
        )
