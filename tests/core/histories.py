"""Random histories of an account: what a journal may hold, made of every kind of fact that it keeps."""

from collections.abc import Callable
from random import Random

import attrs

from tests.core import builders as b
from traderd.core.engine import Engine
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model import states as st
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.ids import MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus, Side
from traderd.model.units import Count, Money

TICKERS = tuple(MarketTicker(f"KX{letter}-26-Y") for letter in "ABCDEF")
STRATEGIES = tuple(StrategyName(name) for name in ("maker", "taker"))
WHO = (
    b.PERSON,
    *(Attribution(owner=OrderOwner.STRATEGY, strategy=name) for name in STRATEGIES),
)
WAY_UP = (b.INITIALIZING, b.BOOKS, b.CLIENT, b.SYNC, b.READY)


@attrs.define(eq=False)
class History:
    """Makes one event after the other that may follow on those before; the same seed, the same history."""

    rng: Random
    engine: Engine
    """Folds everything, as a replay does."""
    events: list[ev.Event] = attrs.Factory(list)
    orders: int = 0
    trades: int = 0
    steps: int = 0

    def grow(self, count: int) -> None:
        """Add so many events."""
        makers = self._makers()
        end = len(self.events) + count
        while len(self.events) < end:
            self.steps += 1
            event = self.rng.choice(makers)()
            if self.events and self.rng.random() < 0.1:
                # Told again, maybe long after.
                event = self.rng.choice(self.events[-200:])
            try:
                self.engine.apply(event)
            except IllegalTransition:
                continue
            self.events.append(event)

    @property
    def at(self) -> float:
        return self.steps * 0.25

    def _makers(self) -> list[Callable[[], ev.Event]]:
        return [
            *([self._intended] * 4),
            *([self._sent] * 4),
            *([self._accepted] * 4),
            *([self._reported] * 5),
            *([self._filled] * 6),
            *(self._rejected, self._unknown, self._not_placed, self._vanished),
            *(self._cancel, self._cancel_failed, self._cancelled),
            *(self._amend, self._amended, self._amend_failed, self._amend_unknown),
            *(self._settled, self._moved, self._accept_balance, self._synced, self._synced),
            *(self._halt, self._clear, self._pause, self._resume),
            *(self._group, self._trigger, self._reset, self._end_group),
            *(self._limits, self._baseline, self._state),
        ]

    # --- orders ---

    def _number(self) -> int:
        return self.rng.randint(max(0, self.orders - 30), self.orders)

    def _key(self) -> str:
        return f"abcdef01-1-{self._number()}"

    def _order_id(self) -> str:
        return f"x{self._number()}"

    def _of(self, number: int) -> tuple[MarketTicker, Side]:
        return TICKERS[number % len(TICKERS)], Side.BID if number % 2 else Side.ASK

    def _intended(self) -> ev.Event:
        self.orders += 1
        ticker, side = self._of(self.orders)
        what = b.terms(side, "0.50", self.rng.randint(1, 20), ticker=ticker)
        who = self.rng.choice(WHO)
        return b.intended(f"abcdef01-1-{self.orders}", what, attribution=who, at=self.at)

    def _sent(self) -> ev.Event:
        return b.sent(self._key(), at=self.at)

    def _accepted(self) -> ev.Event:
        number = self._number()
        return b.accepted(f"abcdef01-1-{number}", f"x{number}", at=self.at)

    def _reported(self) -> ev.Event:
        number = self._number()
        ticker, side = self._of(number)
        status = self.rng.choice((OrderStatus.RESTING, OrderStatus.CANCELED, OrderStatus.EXECUTED))
        foreign = self.rng.random() < 0.2
        return b.reported(
            status,
            self.rng.randint(0, 5),
            at=self.at,
            order_id=f"foreign{number}" if foreign else f"x{number}",
            key=None if foreign else f"abcdef01-1-{number}",
            what=b.terms(side, "0.50", 10, ticker=ticker),
        )

    def _filled(self) -> ev.Event:
        number = self._number()
        ticker, side = self._of(number)
        self.trades += 1
        return b.filled(
            f"t{self.trades}",
            self.rng.randint(1, 5),
            side=side,
            at_price=f"0.{self.rng.randint(10, 90)}",
            fee=self.rng.choice(("0", "0.0175", "0.02")),
            order_id=f"x{number}",
            key=None,
            ticker=ticker,
            at=self.at,
        )

    def _rejected(self) -> ev.Event:
        return b.rejected(self._key(), self.rng.choice(("insufficient_balance", "what_is_this")))

    def _unknown(self) -> ev.Event:
        return b.unknown(self._key(), at=self.at)

    def _not_placed(self) -> ev.Event:
        return b.not_placed(self._key())

    def _vanished(self) -> ev.Event:
        return b.vanished(self._key(), at=self.at)

    def _cancel(self) -> ev.Event:
        return b.cancel_requested(self._order_id(), at=self.at)

    def _cancelled(self) -> ev.Event:
        return b.cancel_acknowledged(self._order_id())

    def _cancel_failed(self) -> ev.Event:
        return b.cancel_failed(self._order_id())

    def _amend(self) -> ev.Event:
        order_id = self._order_id()
        return b.amend_requested("0.40", 12, order_id=order_id, new_id=f"{order_id}b", at=self.at)

    def _amended(self) -> ev.Event:
        order_id = self._order_id()
        return b.amend_accepted("0.40", 12, order_id=order_id, new_id=f"{order_id}b")

    def _amend_failed(self) -> ev.Event:
        return b.amend_failed(order_id=self._order_id())

    def _amend_unknown(self) -> ev.Event:
        return b.amend_unknown(order_id=self._order_id())

    # --- money ---

    def _settled(self) -> ev.Event:
        ticker = MarketTicker(self.rng.choice((*TICKERS[4:], f"KXOLD-{self.rng.randint(0, 9)}")))
        count = b.contracts(self.rng.randint(1, 9))
        settlement = Settlement(
            ticker=ticker,
            result="yes",
            yes_count=count,
            no_count=Count(0),
            cost=Money(count * 5_000),
            revenue=Money(count * 10_000),
            fees_paid=Money(0),
            settled_at=b.second(self.at),
        )
        return ev.MarketSettled(at=b.second(self.at), settlement=settlement)

    def _moved(self) -> ev.Event:
        move = CashMove(
            move_id=f"m{self.rng.randint(0, 40)}",
            kind=self.rng.choice(tuple(MoveKind)),
            amount=Money(self.rng.randint(-9, 9) * 1_000_000),
            fee=Money(0),
            moved_at=b.second(self.at),
        )
        return ev.CashMoved(at=b.second(self.at), move=move)

    def _accept_balance(self) -> ev.Event:
        return ev.BalanceAccepted(at=b.second(self.at), amount=Money(self.rng.randint(-9, 9)))

    def _synced(self) -> ev.Event:
        records = [
            b.position_record(self.rng.randint(-5, 5), ticker=ticker)
            for ticker in self.rng.sample(TICKERS, 2)
        ]
        kind = self.rng.choice(("initial", "update"))
        return b.synced(
            *records, sync_type=kind, started=self.at, balance=str(self.rng.randint(900, 1100))
        )

    # --- conditions ---

    def _halt(self) -> ev.Event:
        return b.halt(f"h{self.rng.randint(0, 3)}", self.rng.choice(tuple(ev.Author)))

    def _clear(self) -> ev.Event:
        halts = (*self.engine.conditions.halts, "h0", "breaker")
        return b.cleared(self.rng.choice(halts), self.rng.choice(tuple(ev.Author)))

    def _pause(self) -> ev.Event:
        ticker = self.rng.choice((None, TICKERS[0]))
        return ev.TradingPaused(at=b.second(self.at), reason="lunch", ticker=ticker)

    def _resume(self) -> ev.Event:
        ticker = self.rng.choice((None, TICKERS[0]))
        return ev.TradingResumed(at=b.second(self.at), ticker=ticker)

    def _group(self) -> ev.Event:
        return ev.OrderGroupOpened(
            at=b.second(self.at),
            group_id=f"g{self.rng.randint(0, 3)}",
            strategy=self.rng.choice(STRATEGIES),
            exchange_index=0,
            limit=b.contracts(10),
        )

    def _trigger(self) -> ev.Event:
        return ev.OrderGroupTriggered(
            at=b.second(self.at), group_id="g0", strategy=STRATEGIES[0], sentence="a burst"
        )

    def _reset(self) -> ev.Event:
        return ev.OrderGroupReset(at=b.second(self.at), strategy=STRATEGIES[0])

    def _end_group(self) -> ev.Event:
        group = f"g{self.rng.randint(0, 3)}"
        return ev.OrderGroupEnded(at=b.second(self.at), group_id=group)

    def _limits(self) -> ev.Event:
        return ev.LimitsSet(
            at=b.second(self.at), limits=(("risk.max_open_orders", str(self.rng.randint(1, 9))),)
        )

    def _baseline(self) -> ev.Event:
        return ev.LossBaselineMoved(
            at=b.second(self.at), day="2026-11-25", day_start=Money(5), peak=Money(self.steps)
        )

    def _state(self) -> ev.Event:
        if self.rng.random() < 0.3:
            step = st.State.STARTUP, b.INITIALIZING
        else:
            number = self.rng.randint(1, len(WAY_UP) - 1)
            step = st.STATE_OF[type(WAY_UP[number - 1])], WAY_UP[number]
        return ev.StateChanged(
            at=b.second(self.at),
            from_state=step[0],
            to_state=st.STATE_OF[type(step[1])],
            context="a test",
            metadata=step[1],
        )


def history(seed: int, count: int) -> list[ev.Event]:
    """Return a random history of so many events."""
    story = History(rng=Random(seed), engine=Engine(limits=b.limits()))
    story.grow(count)
    return story.events
