"""The pure state of the daemon and the only way it changes: `apply(event)`.

Owns: which part folds which event, and what follows from it. Everyone sees one total order of events, so
replaying the journal through `apply` gives the same private state back.
Must not: send anything; what follows is returned as events, never as calls.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

import attrs

from traderd.core.account import Account
from traderd.core.account_folds import account_folds, attribute_fills, book_fill
from traderd.core.account_sync import mismatched_market
from traderd.core.conditions import Conditions
from traderd.core.folding import Fold, nothing, quiet
from traderd.core.invariants import with_invariants
from traderd.core.keyed_requests import KeyedRequests
from traderd.core.ledger import Ledger
from traderd.core.market_data import MarketData
from traderd.core.market_life import market_folds
from traderd.core.order_folds import ORDINARY_REJECTIONS, order_folds
from traderd.core.order_groups import OrderGroups
from traderd.core.orders import Change, OrderRegister
from traderd.core.plugin_rules import ask_plugins
from traderd.core.proposals import judge_conditions, proposal
from traderd.core.risk import Denied, RiskLimits, judge
from traderd.core.risk_account import RiskState, risk_state, with_risk
from traderd.core.tick_counts import TickCounts
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model.orders import Attribution, Fill, OrderRecord, OrderStatus, OrderTerms
from traderd.model.states import WORKING, State, next_state
from traderd.model.units import Timestamp

TRANSITIONS_KEPT: Final = 50
"""Bounds the history of states that screens show."""
HEALTH_KEPT: Final = 50
"""Bounds the history of health that screens show: changes, so it reaches back further the better things are."""
RESTARTING: Final = "restarting"
"""The status of a service that crashed and will be started again."""


@attrs.define(eq=False)
class Engine:
    """Folds events into state; asks nobody and tells nobody but its caller."""

    limits: RiskLimits
    market_data: MarketData = attrs.Factory(MarketData)
    orders: OrderRegister = attrs.Factory(OrderRegister)
    groups: OrderGroups = attrs.Factory(OrderGroups)
    ledger: Ledger = attrs.Factory(Ledger)
    account: Account = attrs.Factory(Account)
    conditions: Conditions = attrs.field(init=False)
    risk: RiskState = attrs.field(init=False)
    state: State = State.STARTUP
    state_since: Timestamp | None = None
    """Since when; `ready` and `acting` count as one, because `acting` only says that a command runs."""
    transitions: deque[ev.StateChanged] = attrs.Factory(lambda: deque(maxlen=TRANSITIONS_KEPT))
    left_since: deque[Timestamp | None] = attrs.Factory(lambda: deque(maxlen=TRANSITIONS_KEPT))
    """For each of `transitions`, when the state that it left had been entered; None: nobody knows."""
    denials: Counter[str] = attrs.Factory(Counter)
    """Denied orders per rule: "why no trade"."""
    ticks: TickCounts = attrs.Factory(TickCounts)
    """How every look of a strategy ended, and how strategies do."""
    requests: KeyedRequests = attrs.Factory(KeyedRequests)
    services: dict[str, ev.ServiceChanged] = attrs.Factory(dict)
    restarts: Counter[str] = attrs.Factory(Counter)
    """How often each service was restarted in this run."""
    health: ev.HealthChecked | None = None
    health_history: deque[ev.HealthChecked] = attrs.Factory(lambda: deque(maxlen=HEALTH_KEPT))
    """The checks that found something else than the one before."""
    _stepped_at: Timestamp | None = None
    recovering: bool = True
    """True while the journal is replayed: old errors do not trip the breaker anew."""
    _folds: dict[type, Fold] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.conditions = Conditions(breaker_limit=self.limits.breaker_errors)
        self.risk = risk_state(self.limits)
        self._folds = with_invariants(self, with_risk(self, self._table()))

    def apply(self, event: ev.Event) -> list[ev.Event] | None:
        """Fold one event and return what follows from it, in order; None when it is no news, so nobody must hear it.

        Raises:
            InvariantViolation: the event cannot follow on the present state; nothing was changed.
        """
        fold = self._folds.get(type(event))
        return [] if fold is None else fold(event)

    def settle(self) -> list[ev.Event]:
        """Return what follows from a whole batch of events, once all of them are folded."""
        return self.market_data.settle()

    def begin_run(self) -> None:
        """End the replay: the state starts from STARTUP, everything else stands as it was.

        A limit that lets more through than it did in the run before waits for a person's confirmation.
        """
        self.recovering = False
        self.limit(self.limits.tightened_by(self.risk.limits_before))
        self.state, self.state_since = State.STARTUP, None
        self.ticks.begin_run()
        self._expect_first_reading()

    def limit(self, limits: RiskLimits) -> None:
        """Let these limits hold from now on."""
        self.limits = limits
        self.conditions.breaker_limit = limits.breaker_errors
        self.risk.errors.window = limits.breaker_window
        self.risk.errors.percent = limits.breaker_percent

    def judge(
        self,
        terms: OrderTerms,
        *,
        now: Timestamp | None = None,
        attribution: Attribution | None = None,
        price_is_worst: bool = False,
    ) -> Denied | None:
        """Return why an order may not be placed at the time `now`, None if it may.

        Without `now` the book is graded as of the newest market data.
        """
        asked = proposal(
            self, terms, now=now, attribution=attribution, price_is_worst=price_is_worst
        )
        return judge(asked) or ask_plugins(self.risk.rules, asked)

    def judge_conditions(
        self, terms: OrderTerms, attribution: Attribution | None = None
    ) -> Denied | None:
        """Return which condition forbids that an order which was intended leaves now, None if none does."""
        return judge_conditions(self, terms, attribution)

    def _expect_first_reading(self) -> None:
        self.account.first_reading = True
        self.account.known_before = dict.fromkeys(self.ledger.positions)

    def _table(self) -> dict[type, Fold]:
        data, conditions = self.market_data, self.conditions
        return {
            **data.folds(),
            **market_folds(data, conditions),
            **order_folds(self),
            ev.FrameRefused: self._frame_refused,
            ev.OrderIntended: self._intended,
            ev.OrderDenied: self._denied,
            ev.OrderSent: self._sent,
            ev.OrderAccepted: self._accepted,
            ev.OrderRejected: self._rejected,
            ev.OrderOutcomeUnknown: self._unknown,
            ev.OrderNotPlaced: self._not_placed,
            ev.OrderVanished: self._vanished,
            ev.OrderReported: self._reported,
            ev.OrderFilled: self._filled,
            ev.CancelRequested: self._cancel_requested,
            # The order's own record confirms a cancel, not this reply; and a cancel that went
            # well says nothing about the orders that do not.
            ev.CancelAcknowledged: nothing,
            ev.CancelFailed: self._cancel_failed,
            **account_folds(self),
            **self.ticks.folds(),
            **self.requests.folds(),
            ev.HaltRaised: quiet(conditions.raise_halt),
            ev.HaltCleared: self._halt_cleared,
            ev.TradingPaused: quiet(conditions.pause),
            ev.TradingResumed: quiet(conditions.resume),
            ev.VenuePaused: quiet(conditions.pause_venue),
            ev.VenueResumed: quiet(conditions.resume_venue),
            ev.DegradedRaised: quiet(conditions.degrade),
            ev.DegradedCleared: quiet(conditions.recover),
            ev.StateChanged: self._state_changed,
            ev.ServiceChanged: self._service_changed,
            ev.HealthChecked: self._health_checked,
        }

    # --- orders -----------------------------------------------------------------------------------

    def _intended(self, event: ev.OrderIntended) -> list[ev.Event]:
        return _order_changed(self.orders.intend(event), event.at)

    def _denied(self, event: ev.OrderDenied) -> list[ev.Event]:
        self.denials[event.rule] += 1
        return []

    def _sent(self, event: ev.OrderSent) -> list[ev.Event]:
        return self._tell(event.client_order_id, OrderStatus.SENT, event.at, "")

    def _accepted(self, event: ev.OrderAccepted) -> list[ev.Event]:
        order = self.orders.get(event.client_order_id)
        follow: list[ev.Event] = []
        if order is not None:
            change = self.orders.accept(
                order, event.order_id, event.fill_count, event.remaining_count, event.at
            )
            attribute_fills(self, order)
            follow = _order_changed(change, event.at)
        self.conditions.count_order_success()
        return follow

    def _rejected(self, event: ev.OrderRejected) -> list[ev.Event]:
        follow = self._tell(event.client_order_id, OrderStatus.REJECTED, event.at, event.sentence)
        if event.is_counted and event.code not in ORDINARY_REJECTIONS:
            follow += self.count_error(event.at, event.sentence)
        return follow

    def _unknown(self, event: ev.OrderOutcomeUnknown) -> list[ev.Event]:
        follow = self._tell(event.client_order_id, OrderStatus.UNKNOWN, event.at, event.sentence)
        return follow + (self.count_error(event.at, event.sentence) if event.is_counted else [])

    def _not_placed(self, event: ev.OrderNotPlaced) -> list[ev.Event]:
        return self._tell(event.client_order_id, OrderStatus.NOT_PLACED, event.at, event.sentence)

    def _vanished(self, event: ev.OrderVanished) -> list[ev.Event]:
        order = self.orders.get(event.key)
        if order is None or not order.status.is_live:
            return []
        return _order_changed(self.orders.vanish(order, event.at, event.sentence), event.at)

    def _reported(self, event: ev.OrderReported) -> list[ev.Event]:
        reused = self._id_reused(event.record, event.at)
        change = self.orders.report(event.record, event.at)
        attribute_fills(self, change.order)
        follow = _order_changed(change, event.at)
        if (absent := self.orders.disproved_by(event.record)) is not None:
            sentence = f"its client order id belongs to order {event.record.order_id}"
            follow += self._tell(absent.key, OrderStatus.NOT_PLACED, event.at, sentence)
        return [*follow, *reused]

    def _filled(self, event: ev.OrderFilled) -> list[ev.Event]:
        fill = event.fill
        if self.ledger.knows(fill.trade_id, fill.order_id):
            return []
        reused = self._id_reused(fill, event.at)
        change = self.orders.fill(fill, event.at)
        booked = book_fill(self, fill, event.at)
        follow = [] if change is None else _order_changed(change, event.at)
        return [*follow, *booked, *reused]

    def _id_reused(self, fact: OrderRecord | Fill, at: Timestamp) -> list[ev.Event]:
        order = self.orders.reused_by(fact)
        halt_id = "" if order is None else f"id_reused:{order.key}"
        if order is None or halt_id in self.conditions.halts:
            return []
        return [
            ev.HaltRaised(
                at=at,
                halt_id=halt_id,
                author=ev.Author.MACHINE,
                reason=f"order {order.key} is a {order.side.value} of {order.ticker}, but the exchange "
                f"tells of a {fact.side.value} of {fact.ticker} under its id (order {fact.order_id}): "
                "find out who else uses our ids before you clear this",
            )
        ]

    def _cancel_requested(self, event: ev.CancelRequested) -> list[ev.Event]:
        return self._tell(event.order_id, OrderStatus.CANCELLING, event.at, "")

    def _cancel_failed(self, event: ev.CancelFailed) -> list[ev.Event]:
        order = self.orders.get(event.order_id)
        if order is None:
            return []
        return _order_changed(self.orders.cancel_refused(order, event.at, event.sentence), event.at)

    def _tell(self, key: str, told: OrderStatus, at: Timestamp, sentence: str) -> list[ev.Event]:
        order = self.orders.get(key)
        if order is None:
            return []
        return _order_changed(self.orders.tell(order, told, at, sentence), at)

    def count_error(self, at: Timestamp, sentence: str) -> list[ev.Event]:
        """Count an error of an order; returns the breaker's halt when it trips.

        A replay counts as well, or a crash would forgive what led to it, and halts nothing anew.
        """
        halt = self.conditions.count_order_error(at, sentence)
        return [] if halt is None or self.recovering else [halt]

    # --- conditions and states --------------------------------------------------------------------

    def _frame_refused(self, event: ev.FrameRefused) -> list[ev.Event]:
        data = self.market_data
        return [*data.refuse_frame(event), *data.drift.note(event, self.conditions.halts)]

    def _halt_cleared(self, event: ev.HaltCleared) -> list[ev.Event]:
        halt = self.conditions.halts.get(event.halt_id)
        if self.conditions.clear_halt(event) and halt is not None:
            ticker = mismatched_market(halt)
            if ticker is not None and event.author is ev.Author.PERSON:
                # A person who clears a mismatch accepts the exchange's number.
                self.account.may_carry_in[ticker] = None
        return []

    def _state_changed(self, event: ev.StateChanged) -> list[ev.Event]:
        current = self.state
        if self.recovering:
            # Earlier runs are history: where the one before ended does not matter, and the journal
            # leaves the steps to and from `acting` out.
            current = event.from_state
        target = next_state(current, event.metadata)
        if (event.from_state, event.to_state) != (current, target):
            raise IllegalTransition(
                f"{event.from_state.value} -> {event.to_state.value} was told, but the step is "
                f"{current.value} -> {target.value}"
            )
        if current is State.STARTUP:
            self._expect_first_reading()
        if not (current in WORKING and target in WORKING):
            self.state_since = event.at
        self.state = target
        self._remember(event)
        return []

    def _remember(self, event: ev.StateChanged) -> None:
        # A busy strategy steps to and from `acting` many times a minute. Of such round trips in a row
        # only the last is kept, or the way up would be forgotten within a minute.
        if event.to_state is State.ACTING and [
            (step.from_state, step.to_state) for step in self.transitions
        ][-2:] == [(State.READY, State.ACTING), (State.ACTING, State.READY)]:
            for history in (self.transitions, self.left_since):
                history.pop()
                history.pop()
        self.transitions.append(event)
        # An earlier run's end says nothing about how long this one was in its first state.
        self.left_since.append(None if event.from_state is State.STARTUP else self._stepped_at)
        self._stepped_at = event.at

    def _service_changed(self, event: ev.ServiceChanged) -> list[ev.Event]:
        self.services[event.name] = event
        if event.status == RESTARTING:
            self.restarts[event.name] += 1
        return []

    def _health_checked(self, event: ev.HealthChecked) -> list[ev.Event]:
        before, self.health = self.health, event
        if before is None or _subjects(before) != _subjects(event):
            self.health_history.append(event)
        return []


def _subjects(health: ev.HealthChecked) -> tuple[bool, tuple[str, ...]]:
    # What a problem is about; its numbers and words change from check to check.
    return health.healthy, tuple(problem.partition(":")[0] for problem in health.problems)


def _order_changed(change: Change, at: Timestamp) -> list[ev.Event]:
    order = change.order
    return [ev.OrderChanged(at=at, key=order.key, status=order.status, previous=change.previous)]
