"""Carries out a strategy's commands on the pure venue, as the order service does over the network.

Owns: the way of a command: risk gate, intent, the venue, and the events of each step in the order in which the daemon folds
them. Nothing is in doubt here and nothing waits, so there is no unknown outcome and no second look.
Must not: judge risk by rules of its own; the engine's gate does.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from traderd.core.order import Order
from traderd.core.order_folds import rejection_code
from traderd.core.view import StateView
from traderd.errors import BadInput
from traderd.model import events as ev
from traderd.model.commands import (
    AmendOrder,
    Answer,
    CancelOrder,
    Command,
    DecreaseOrder,
    Outcome,
    PlaceOrder,
)
from traderd.model.ids import ClientOrderIds, StrategyName
from traderd.model.orders import (
    AmendKind,
    AmendTerms,
    Attribution,
    OrderOwner,
    OrderStatus,
    OrderTerms,
)
from traderd.model.units import Count, Timestamp
from traderd.paper.venue.messages import AmendTerms as VenueAmend
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.venue import Venue

DONE = Outcome(answer=Answer.DONE, sentence="done")


@attrs.define(eq=False)
class Desk:
    """One strategy's orders on one venue."""

    view: StateView
    venue: Venue
    account_id: str
    strategy: StrategyName
    fold: Callable[[ev.Event], None]
    settle: Callable[[Timestamp], None]
    """Folds what the venue tells of the call just made."""
    ids: ClientOrderIds
    denied: int = 0
    """Commands that the gate refused."""
    _mine: Attribution = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._mine = Attribution(owner=OrderOwner.STRATEGY, strategy=self.strategy)

    def send(self, command: Command, now: Timestamp) -> Outcome:
        """Carry one command out; raises BadInput for one that a strategy may not give."""
        if isinstance(command, PlaceOrder):
            return self._place(command, now)
        if not isinstance(command, CancelOrder | AmendOrder | DecreaseOrder):
            raise BadInput(f"a strategy places, changes and cancels orders, not {command!r}")
        order = self.view.order(command.key)
        if order is None or order.order_id is None or order.status is not OrderStatus.RESTING:
            return Outcome(answer=Answer.DENIED, sentence=f"order {command.key} does not rest")
        if isinstance(command, CancelOrder):
            return self._cancel(order, now)
        if isinstance(command, DecreaseOrder):
            return self._decrease(order, command, now)
        return self._amend(order, command, now)

    # --- new orders -------------------------------------------------------------------------------

    def _place(self, command: PlaceOrder, now: Timestamp) -> Outcome:
        terms = command.terms
        denied = self.view.judge(terms, now=now, attribution=self._mine)
        if denied is not None:
            return self._no(terms, denied.rule, denied.sentence, now)
        key = self.ids.next_id()
        self.fold(
            ev.OrderIntended(at=now, client_order_id=key, terms=terms, attribution=self._mine)
        )
        self.fold(ev.OrderSent(at=now, client_order_id=key))
        try:
            placed = self.venue.create_order(self.account_id, terms, key, now)
        except VenueRefusal as exc:
            code = rejection_code(exc.code, exc.details)
            self.fold(
                ev.OrderRejected(at=now, client_order_id=key, code=code, sentence=exc.message)
            )
            return Outcome(answer=Answer.REJECTED, sentence=exc.message, key=key, rule=code)
        self.fold(
            ev.OrderAccepted(
                at=now,
                client_order_id=key,
                order_id=placed.order_id,
                fill_count=placed.fill_count,
                remaining_count=placed.remaining_count,
            )
        )
        self.settle(now)
        return DONE

    def _no(self, terms: OrderTerms, rule: str, sentence: str, now: Timestamp) -> Outcome:
        self.denied += 1
        self.fold(
            ev.OrderDenied(
                at=now, terms=terms, attribution=self._mine, rule=rule, sentence=sentence
            )
        )
        return Outcome(answer=Answer.DENIED, sentence=sentence, rule=rule)

    # --- orders that rest -------------------------------------------------------------------------

    def _cancel(self, order: Order, now: Timestamp) -> Outcome:
        assert order.order_id is not None, "an order that rests has an order id"
        self.fold(ev.CancelRequested(at=now, order_id=order.order_id))
        try:
            self.venue.cancel_order(self.account_id, order.order_id, now)
        except VenueRefusal as exc:
            code = rejection_code(exc.code, exc.details)
            self.fold(
                ev.CancelFailed(at=now, order_id=order.order_id, code=code, sentence=exc.message)
            )
            return Outcome(answer=Answer.REJECTED, sentence=exc.message, rule=code)
        self.settle(now)
        return DONE

    def _decrease(self, order: Order, command: DecreaseOrder, now: Timestamp) -> Outcome:
        left = order.remaining
        to = Count(left - command.by) if command.by is not None else (command.to or Count(0))
        if not 0 < to < left:
            return Outcome(answer=Answer.DENIED, sentence="nothing would be smaller")
        total = Count(order.count - left + to)
        terms = AmendTerms(kind=AmendKind.DECREASE, price=order.price, count=total)
        return self._change(
            order,
            terms,
            now,
            lambda order_id: self.venue.decrease_order(
                self.account_id, order_id, now, reduce_to=to
            ),
        )

    def _amend(self, order: Order, command: AmendOrder, now: Timestamp) -> Outcome:
        price = order.price if command.price is None else command.price
        count = order.count if command.count is None else command.count
        if (price, count) == (order.price, order.count) or count <= order.filled:
            return Outcome(answer=Answer.DENIED, sentence="there is nothing to change")
        assert order.terms is not None, "every order here is ours"
        new = attrs.evolve(order.terms, price=price, count=count, expires_at=None)
        denied = self.view.judge_amend(order, new, now=now)
        if denied is not None:
            return self._no(new, denied.rule, denied.sentence, now)
        key = self.ids.next_id()
        terms = AmendTerms(kind=AmendKind.AMEND, price=price, count=count, client_order_id=key)
        asked = VenueAmend(
            ticker=order.ticker,
            side=order.side,
            price=price,
            count=count,
            updated_client_order_id=key,
        )
        return self._change(
            order,
            terms,
            now,
            lambda order_id: self.venue.amend_order(self.account_id, order_id, asked, now),
        )

    def _change(
        self, order: Order, terms: AmendTerms, now: Timestamp, ask: Callable[[str], object]
    ) -> Outcome:
        order_id = order.order_id
        assert order_id is not None, "an order that rests has an order id"
        self.fold(ev.AmendRequested(at=now, order_id=order_id, terms=terms))
        try:
            ask(order_id)
        except VenueRefusal as exc:
            code = rejection_code(exc.code, exc.details)
            self.fold(ev.AmendFailed(at=now, order_id=order_id, code=code, sentence=exc.message))
            return Outcome(answer=Answer.REJECTED, sentence=exc.message, rule=code)
        self.fold(
            ev.AmendAccepted(
                at=now,
                order_id=order_id,
                price=terms.price,
                count=terms.count if terms.client_order_id is not None else None,
                client_order_id=terms.client_order_id,
                exchange_at=now,
            )
        )
        self.settle(now)
        return DONE
