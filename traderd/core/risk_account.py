"""What the risk gate remembers: messages, executions, losses, errors and refusals.

Owns: which events these follow, and the halts that come of them: a loss limit, a strategy that executes too often, too many
errors among the last answers. All of them are cleared only by a person, and clearing counts from there on.
Must not: judge orders; the rules do. A replay folds everything and halts nothing anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from traderd.core.conditions import BREAKER_HALT, EXECUTIONS_HALT
from traderd.core.error_rate import ErrorRate
from traderd.core.folding import Fold, both, quiet
from traderd.core.loss_watch import LOSS_HALTS, LossWatch, trading_day
from traderd.core.order_folds import ORDINARY_AMEND_FAILURES, ORDINARY_REJECTIONS
from traderd.core.plugin_rules import RiskRule
from traderd.core.risk_counters import WhyNoTrade
from traderd.core.risk_limits import NONE, RiskLimits
from traderd.core.throttle import Executions, MessageThrottle
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, StrategyName
from traderd.model.market import MarketStatus
from traderd.model.orders import AmendKind, Fill
from traderd.model.units import ONE_DOLLAR, Money, Price, Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine
    from traderd.core.position import Position

MAY_TRADE: Final = (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)
"""Markets whose positions can still be closed there."""


@attrs.define(eq=False)
class RiskState:
    """Everything the gate remembers that is no order, position or condition."""

    errors: ErrorRate
    messages: MessageThrottle = attrs.Factory(MessageThrottle)
    executions: Executions = attrs.Factory(Executions)
    loss: LossWatch = attrs.Factory(LossWatch)
    why: WhyNoTrade = attrs.Factory(WhyNoTrade)
    rules: Sequence[RiskRule] = ()
    """Of plugins."""
    limits_before: dict[str, str] = attrs.Factory(dict)
    """The texts of the limits that the newest run in the journal had."""
    _exclusive: dict[EventTicker, bool] = attrs.Factory(dict)
    _event_of: dict[MarketTicker, EventTicker] = attrs.Factory(dict)
    _markets_of: dict[EventTicker, tuple[MarketTicker, ...]] = attrs.Factory(dict)

    def is_exclusive(self, event: EventTicker) -> bool:
        """Tell whether at most one market of an event pays; an event that nobody described is none of these."""
        return self._exclusive.get(event, False)

    def knows_event(self, event: EventTicker) -> bool:
        """Tell whether the exchange has described this event."""
        return event in self._exclusive

    def exclusive_markets(self, tickers: Iterable[MarketTicker]) -> dict[MarketTicker, str]:
        """Return those of the markets that belong to an exclusive event, with that event."""
        found: dict[MarketTicker, str] = {}
        for ticker in tickers:
            event = self._event_of.get(ticker)
            if event is not None and self.is_exclusive(event):
                found[ticker] = event
        return found

    def list_markets(self, event: ev.MarketsListed) -> None:
        """Learn which event each market belongs to."""
        for market in event.markets:
            ticker, of = market.ticker, market.event_ticker
            if self._event_of.get(ticker) != of:
                self._event_of[ticker] = of
                before = self._markets_of.get(of, ())
                if ticker not in before:
                    self._markets_of[of] = (*before, ticker)

    def markets_of(self, event: EventTicker) -> Iterable[MarketTicker]:
        """Return the markets of an event that were ever listed here."""
        return self._markets_of.get(event, ())

    def describe_events(self, event: ev.EventsDescribed) -> None:
        """Learn which events are exclusive."""
        self._exclusive |= dict(event.exclusive)


def risk_state(limits: RiskLimits) -> RiskState:
    """Return a fresh state under these limits."""
    return RiskState(errors=ErrorRate(limits.breaker_window, limits.breaker_percent))


def with_risk(engine: Engine, table: dict[type, Fold]) -> dict[type, Fold]:
    """Return the engine's folds with what the risk gate remembers of the same events folded after them."""
    watcher = _Watcher(engine)
    for kind, watch in watcher.table().items():
        table[kind] = both(table.get(kind), watch)
    return table


@attrs.frozen
class _Watcher:
    engine: Engine

    def table(self) -> dict[type, Fold]:
        state = self.engine.risk
        return {
            ev.MarketsListed: quiet(state.list_markets),
            ev.EventsDescribed: quiet(state.describe_events),
            ev.OrderIntended: self._intended,
            ev.AmendRequested: self._amend_requested,
            ev.OrderDenied: quiet(state.why.note),
            ev.OrderFilled: self._filled,
            ev.MarketSettled: lambda event: self.judge_losses(event.at),
            ev.ProfitMarked: lambda event: self.judge_losses(event.at),
            ev.OrderAccepted: lambda event: self._answered(event.at, is_error=False),
            ev.AmendAccepted: lambda event: self._answered(event.at, is_error=False),
            ev.OrderRejected: self._rejected,
            ev.AmendFailed: self._amend_failed,
            ev.OrderOutcomeUnknown: self._outcome_unknown,
            ev.AmendOutcomeUnknown: self._outcome_unknown,
            ev.HaltCleared: self._cleared,
            ev.LossBaselineMoved: self._baseline,
            ev.LimitsSet: self._limits_set,
            ev.LimitsConfirmed: self._limits_set,
        }

    # --- messages and executions ---

    def _intended(self, event: ev.OrderIntended) -> list[ev.Event]:
        self.engine.risk.messages.note(event.terms.ticker, event.at)
        return []

    def _amend_requested(self, event: ev.AmendRequested) -> list[ev.Event]:
        order = self.engine.orders.get(event.order_id)
        if order is not None and event.terms.kind is AmendKind.AMEND:
            self.engine.risk.messages.note(order.ticker, event.at)
        return []

    def _filled(self, event: ev.OrderFilled) -> list[ev.Event]:
        fill, known = event.fill, self.engine.ledger.recent_fills
        if not known or known[-1] is not fill:
            # Told before.
            return []
        return [*self._executed(fill, event.at), *self.judge_losses(event.at)]

    def _executed(self, fill: Fill, at: Timestamp) -> list[ev.Event]:
        engine = self.engine
        order = engine.orders.find_for(fill)
        strategy = None if order is None else order.attribution.strategy
        if strategy is None:
            return []
        engine.risk.executions.note(strategy, at)
        if engine.recovering:
            # What an earlier run executed counts on; whether it was too much was judged then.
            return []
        quarter, minute = engine.risk.executions.counts(strategy, at)
        for count, limit, name, window in (
            (quarter, engine.limits.max_fills_per_15s, "max_fills_per_15s", "15 s"),
            (minute, engine.limits.max_fills_per_min, "max_fills_per_min", "a minute"),
        ):
            if limit != NONE and count > limit:
                reason = f"{count} fills within {window} and risk.{name} = {limit} [C7]"
                return self._halt(at, f"{EXECUTIONS_HALT}{strategy}", reason, strategy)
        return []

    # --- losses ---

    def judge_losses(self, at: Timestamp) -> list[ev.Event]:
        """Mark the account and return the halts of limits that are reached."""
        engine, loss = self.engine, self.engine.risk.loss
        if engine.recovering:
            return []
        limits, marked = engine.limits, mark_account(engine)
        if marked.waits_for:
            loss.bound(marked.profit)
        else:
            loss.mark(marked.profit, trading_day(at, limits.day_zone, limits.day_hour))
        return [
            halt
            for halt_id, reason in loss.breaches(limits)
            for halt in self._halt(at, halt_id, reason)
        ]

    def _baseline(self, event: ev.LossBaselineMoved) -> list[ev.Event]:
        if self.engine.recovering:
            self.engine.risk.loss.restore(event.day, event.day_start, event.peak)
        return []

    def _limits_set(self, event: ev.LimitsSet | ev.LimitsConfirmed) -> list[ev.Event]:
        engine, texts = self.engine, dict(event.limits)
        engine.risk.limits_before = texts
        if not engine.recovering:
            # In a replay the settings of now are compared with them once, at its end.
            engine.limit(engine.limits.with_texts(texts))
        return []

    # --- errors ---

    def _rejected(self, event: ev.OrderRejected) -> list[ev.Event]:
        if not event.is_counted or event.code in ORDINARY_REJECTIONS:
            return []
        return self._answered(event.at, is_error=True)

    def _outcome_unknown(
        self, event: ev.OrderOutcomeUnknown | ev.AmendOutcomeUnknown
    ) -> list[ev.Event]:
        return self._answered(event.at, is_error=True) if event.is_counted else []

    def _amend_failed(self, event: ev.AmendFailed) -> list[ev.Event]:
        if event.code in ORDINARY_AMEND_FAILURES:
            return []
        return self._answered(event.at, is_error=True)

    def _answered(self, at: Timestamp, *, is_error: bool) -> list[ev.Event]:
        breach = self.engine.risk.errors.note(is_error=is_error)
        if breach is None or self.engine.recovering:
            return []
        percent = self.engine.limits.breaker_percent
        return self._halt(at, BREAKER_HALT, f"{breach} and risk.breaker_percent = {percent}")

    def _cleared(self, event: ev.HaltCleared) -> list[ev.Event]:
        state = self.engine.risk
        if event.halt_id in self.engine.conditions.halts:
            # The author was not one who may.
            return []
        if event.halt_id == BREAKER_HALT:
            state.errors.forgive()
        elif event.halt_id in LOSS_HALTS:
            state.loss.forgive(event.halt_id)
        elif event.halt_id.startswith(EXECUTIONS_HALT):
            state.executions.forgive(event.halt_id.removeprefix(EXECUTIONS_HALT))
        return []

    def _halt(
        self, at: Timestamp, halt_id: str, reason: str, strategy: StrategyName | None = None
    ) -> list[ev.Event]:
        if halt_id in self.engine.conditions.halts:
            return []
        return [
            ev.HaltRaised(
                at=at,
                halt_id=halt_id,
                author=ev.Author.MACHINE,
                reason=reason,
                strategy=strategy,
            )
        ]


@attrs.frozen(kw_only=True)
class Marked:
    """What the account would be worth, closed now."""

    profit: Money
    """Realized less fees, with open positions at their marks; the most that it can be while a book is waited for."""
    waits_for: tuple[MarketTicker, ...]
    """Followed markets of open positions whose books were not told yet: what these are worth nobody knows."""


def mark_account(engine: Engine) -> Marked:
    """Mark every open position at the price at which it could be closed, none of which may blind the others.

    Where nobody asks for what is held, the last trade marks it, and without one it is worth nothing. A position of a market
    that is not followed, or has ended, counts as what it cost; one whose book was not told yet as if it paid in full:
    at a start that must halt nothing which the true marks would not.
    """
    total = engine.ledger.earned - engine.ledger.fees_booked
    waits_for: list[MarketTicker] = []
    for position in engine.ledger.open_positions():
        if _is_waited_for(engine, position.ticker):
            waits_for.append(position.ticker)
            mark: Price | None = _full(position)
        else:
            mark = _mark(engine, position)
        if mark is not None:
            total += position.unrealized_pnl(mark) or 0
    return Marked(profit=Money(total), waits_for=tuple(waits_for))


def marked_profit(engine: Engine) -> Money | None:
    """Return the profit at those marks, None while the first book of a followed market is waited for."""
    marked = mark_account(engine)
    return None if marked.waits_for else marked.profit


def _is_waited_for(engine: Engine, ticker: MarketTicker) -> bool:
    data = engine.market_data
    book = data.books.get(ticker)
    return (book is None or book.updated_at is None) and ticker in data.universe.followed


def _mark(engine: Engine, position: Position) -> Price | None:
    """Return the mark of a position, None where it counts as what it cost."""
    data, ticker = engine.market_data, position.ticker
    book = data.books.get(ticker)
    if book is None or book.updated_at is None:
        return None
    top = book.last_known_top()
    best = top.bid if position.count > 0 else top.ask
    if best is None:
        best = data.last_trade.get(ticker)
    if best is not None:
        return best
    market = data.markets.get(ticker)
    # After the close no book is left, and what it pays is not known: that is no loss.
    has_ended = market is not None and market.status not in MAY_TRADE
    return None if has_ended else Price(ONE_DOLLAR - _full(position))


def _full(position: Position) -> Price:
    return ONE_DOLLAR if position.count > 0 else Price(0)
