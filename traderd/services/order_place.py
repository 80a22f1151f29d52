"""Placing orders, one or several at a time.

Owns: the way of a new order from the risk gate to its outcome. Judging, reserving and handing to the journal happen
without an `await` between them; the intent is on disk before the request leaves; no write is ever repeated. Several
orders are judged one after the other, each counting for the next, and travel in batches; each stands and falls alone,
and when a whole answer is lost each of them is in doubt by itself.
Must not: decide what to trade.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Final

import attrs
import trio

from traderd.core.dead_man import lease_until
from traderd.core.last_gate import LastGate
from traderd.core.order import Order
from traderd.errors import (
    ExchangeRefused,
    ExchangeUnavailable,
    InvariantViolation,
    OutcomeUnknown,
    StoreError,
)
from traderd.kalshi.order_calls import CreateResult, PlacedOrder
from traderd.model import events as ev
from traderd.model.commands import Answer, Outcome, PlaceOrder, PlaceOrders
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderTerms, TimeInForce
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services.context import Context
from traderd.services.order_group_open import GroupUnavailable
from traderd.services.order_groups import GroupKeeper
from traderd.services.order_outcomes import OrderOutcomes, tell_denied
from traderd.services.order_policies import lease_s, ttl_s
from traderd.services.order_words import summary, worst

STOPPED_BEFORE: Final = "not sent, because the daemon was stopped before that"


@attrs.frozen(kw_only=True)
class Intent:
    """An order that passed the risk gate and counts against the limits."""

    key: ClientOrderId
    terms: OrderTerms
    command: PlaceOrder


class OrderPlacer:
    """Places orders."""

    def __init__(
        self,
        context: Context,
        gate: LastGate,
        groups: GroupKeeper,
        *,
        resolve: Callable[[Order], None],
        market_paused: Callable[[MarketTicker, str], None],
        halt: Callable[[str], None],
    ) -> None:
        """None of the three callbacks waits: they find out about an order, leave a market alone, stop new risk."""
        self._context, self._gate, self._groups, self._halt = context, gate, groups, halt
        self._outcomes = OrderOutcomes(
            context, groups, resolve=resolve, market_paused=market_paused
        )

    async def place(self, command: PlaceOrder) -> Outcome:
        """Place one order; cancelling after it left makes its outcome unknown, never lost."""
        group_id = await self._group_of(command)
        if isinstance(group_id, Outcome):
            return group_id
        intent = self._intend(command, group_id)
        if isinstance(intent, Outcome):
            return intent
        doubt = self._doubt(command.terms.ticker)
        # Only what is really under way makes the daemon `acting`, not what was denied.
        with self._context.shared.lifecycle.activity():
            (outcome,) = await self._carry_out([intent])
        return attrs.evolve(outcome, sentence=outcome.sentence + doubt) if outcome.ok else outcome

    def _doubt(self, ticker: MarketTicker) -> str:
        # A person may trade on a book that no strategy may; it is said what they traded on.
        view, now = self._context.view, self._context.now()
        quality = view.quality(ticker, now)
        if quality is None or quality.grade.is_at_least(view.limits.min_book_grade):
            return ""
        return f"; book grade {quality.grade.value}: {'; '.join(quality.causes)}"

    async def place_many(self, command: PlaceOrders) -> Outcome:
        """Place several orders; the answer is the worst of theirs, and `items` has each."""
        group_ids = [await self._group_of(each) for each in command.orders]
        # From here to the journal nothing waits: each intent counts for the verdict on the next.
        steps = [
            group_id if isinstance(group_id, Outcome) else self._intend(each, group_id)
            for each, group_id in zip(command.orders, group_ids, strict=True)
        ]
        intents = [step for step in steps if isinstance(step, Intent)]
        if intents:
            with self._context.shared.lifecycle.activity():
                outcomes = iter(await self._carry_out(intents))
        items = tuple(step if isinstance(step, Outcome) else next(outcomes) for step in steps)
        return Outcome(answer=worst(items), sentence=summary(items), items=items)

    async def _group_of(self, command: PlaceOrder) -> str | Outcome | None:
        """Return the group that an order must carry, or what became of the order when it gets no further."""
        attribution, ticker = command.attribution, command.terms.ticker
        if self._context.view.only_closes(command.terms, attribution):
            # A group that was triggered would stop it, and what only closes needs no bound on what it opens.
            return None
        if self._groups.must_open(attribution, ticker):
            # To open a group is a write: it leaves only for an order that may leave.
            denied = self._denied(command, self._leased(command, None)[0])
            if denied is not None:
                return denied
        try:
            return await self._groups.group_for(attribution, ticker)
        except GroupUnavailable as exc:
            return Outcome(answer=Answer.UNAVAILABLE, sentence=f"not sent: {exc}")

    def _denied(self, command: PlaceOrder, terms: OrderTerms) -> Outcome | None:
        """Ask the risk gate; returns its refusal, which is published, None when the order may be placed."""
        context, attribution = self._context, command.attribution
        denied = context.view.judge(
            terms,
            now=context.now(),
            attribution=attribution,
            price_is_worst=command.price_is_worst,
        )
        return None if denied is None else tell_denied(context, terms, attribution, denied)

    def _intend(self, command: PlaceOrder, group_id: str | None) -> Intent | Outcome:
        context, attribution = self._context, command.attribution
        terms, good_until = self._leased(command, group_id)
        if (refused := self._denied(command, terms)) is not None:
            return refused
        key = context.shared.order_ids.next_id()
        context.publish(
            ev.OrderIntended(
                at=context.now(),
                client_order_id=key,
                terms=terms,
                attribution=attribution,
                is_leased=terms.expires_at != good_until,
                good_until=good_until,
            )
        )
        self._gate.admit(key, terms)
        return Intent(key=key, terms=terms, command=command)

    def _leased(
        self, command: PlaceOrder, group_id: str | None
    ) -> tuple[OrderTerms, Timestamp | None]:
        """Return the terms as they are sent, and the expiry that was asked for."""
        terms, config = command.terms, self._context.config
        if group_id is not None:
            terms = attrs.evolve(terms, order_group_id=group_id)
        if terms.time_in_force is not TimeInForce.GOOD_TILL_CANCELED:
            return terms, None
        owner = command.attribution.owner
        now = self._context.exchange_now()
        good_until, seconds = terms.expires_at, command.expires_in_s or ttl_s(config, owner)
        if good_until is None and seconds is not None:
            good_until = Timestamp((now + seconds * NS_PER_S) // NS_PER_S * NS_PER_S)
        lease = lease_s(config, owner)
        expires_at = lease_until(now, lease, good_until) if lease else good_until
        # In a pause no lease can be renewed, so a leased order ends with its begin (control C13).
        return attrs.evolve(
            terms, expires_at=expires_at, cancel_on_pause=bool(lease) or terms.cancel_on_pause
        ), good_until

    async def _carry_out(self, intents: Sequence[Intent]) -> list[Outcome]:
        stopped = await self._journaled(intents)
        if stopped is not None:
            return [self._withdrawn(intent, stopped) for intent in intents]
        outcomes: list[Outcome] = []
        at_once = self._context.venue.rest.creates_at_once()
        for start in range(0, len(intents), at_once):
            batch = list(islice(intents, start, start + at_once))
            try:
                outcomes += await self._send(batch)
            except trio.Cancelled:
                for intent in intents[start + at_once :]:
                    self._withdrawn(intent, STOPPED_BEFORE)
                raise
        return outcomes

    async def _journaled(self, intents: Sequence[Intent]) -> str | None:
        """Wait until the intents are on the disk; returns why they may not be sent, None when they may."""
        journal = self._context.shared.journal
        try:
            await journal.wait_durable(journal.position)
        except StoreError as exc:
            return f"not sent, because it could not be journaled: {exc}"
        except trio.Cancelled:
            for intent in intents:
                self._withdrawn(intent, STOPPED_BEFORE)
            raise
        return None

    def _withdrawn(self, intent: Intent, sentence: str) -> Outcome:
        self._gate.withdraw(intent.key)
        return self._outcomes.not_placed(intent.key, sentence)

    def _let_out(self, intent: Intent) -> Outcome | None:
        """Let one order pass the last gate; returns why it may not leave, None when it may."""
        # While the disk wrote, a person may have halted, or the daemon may have left its working state.
        attribution = intent.command.attribution
        stopped = self._context.view.judge_conditions(intent.terms, attribution)
        if stopped is not None:
            withdrawn = self._withdrawn(intent, f"not sent: {stopped.sentence}")
            return attrs.evolve(withdrawn, rule=stopped.rule)
        try:
            self._gate.let_out(intent.key, intent.terms)
        except InvariantViolation as exc:
            self._halt(str(exc))
            return self._outcomes.not_placed(intent.key, str(exc))
        return None

    async def _send(self, batch: list[Intent]) -> list[Outcome]:
        context = self._context
        held = [self._let_out(intent) for intent in batch]
        leaving = [intent for intent, why in zip(batch, held, strict=True) if why is None]
        at = context.now()
        context.publish(*(ev.OrderSent(at=at, client_order_id=each.key) for each in leaving))
        try:
            results = iter(await self._ask(leaving))
        except trio.Cancelled:
            for each in leaving:
                # Not counted: that we stopped waiting is no error of the exchange.
                self._outcomes.unknown(
                    each.key,
                    "the daemon was stopped while the request was in flight",
                    is_counted=False,
                )
            raise
        outcomes, is_counted = [], True
        for intent, why in zip(batch, held, strict=True):
            if why is None:
                result = next(results)
                why = self._outcomes.settle(intent.key, result, is_counted=is_counted)
                # One request is one error, however many orders it carried.
                is_counted = is_counted and isinstance(result, PlacedOrder)
            outcomes.append(why)
        return outcomes

    async def _ask(self, leaving: list[Intent]) -> Sequence[CreateResult | ExchangeUnavailable]:
        """Send what leaves, once; returns what became of each.  Cancelling leaves all of them unknown."""
        rest = self._context.venue.rest
        try:
            if len(leaving) == 1:
                (one,) = leaving
                wanted = partial(self._may_not_leave, leaving)
                return [await rest.create_order(one.key, one.terms, still_wanted=wanted)]
            if leaving:
                return await rest.create_orders(
                    tuple((each.key, each.terms) for each in leaving),
                    still_wanted=partial(self._may_not_leave, leaving),
                )
        except (ExchangeRefused, ExchangeUnavailable, OutcomeUnknown) as exc:
            # What is said of the whole request is true of every order in it.
            return [exc] * len(leaving)
        return []

    def _may_not_leave(self, leaving: list[Intent]) -> str | None:
        """Return why orders that waited for their turn are not to be sent any more, None when they are."""
        now = self._context.exchange_now()
        for each in leaving:
            if each.terms.expires_at is not None and each.terms.expires_at <= now:
                return "its time to live is over"
            stopped = self._context.view.judge_conditions(each.terms, each.command.attribution)
            if stopped is not None:
                return stopped.sentence
        return None
