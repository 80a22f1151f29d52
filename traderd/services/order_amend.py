"""Changing resting orders: amend and decrease.

Owns: the way of a change from the risk gate to its outcome. The change is in the journal before it leaves; while it is
under way the worse of old and new terms counts; it is sent once. Each amend gives the order another client order id and
names the present one, so that it can happen at most once, and its record proves it. So does the decrease of a leased
order: a renewal that was sent before it, and arrives after it, names the id that the order had and is refused, whereas
it would undo a decrease that kept the id. Where a pause refuses the amend, or the disk does not take the new id at once,
it is decreased plainly, unless a renewal may still arrive: what only takes risk away does not depend on a disk, but an
order must never bear an id that a restart would not know it by. What stays unclear is fenced and resolved by reading the
order (`amend_resolver`).
Must not: decide what to change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf, isinf
from typing import Final

import attrs
import trio

from traderd.core.last_gate import LastGate
from traderd.core.order import Order
from traderd.core.order_folds import NOT_SENT
from traderd.errors import (
    BadInput,
    ExchangeRefused,
    ExchangeUnavailable,
    InvariantViolation,
    NoTurn,
    OutcomeUnknown,
    StoreError,
)
from traderd.kalshi.limits import Traffic
from traderd.kalshi.order_calls import Amended
from traderd.model import events as ev
from traderd.model.commands import AmendOrder, Answer, DecreaseOrder, Outcome
from traderd.model.ids import ClientOrderId
from traderd.model.orders import AmendKind, AmendTerms, OrderStatus, OrderTerms
from traderd.model.units import Count
from traderd.services.context import Context
from traderd.services.order_change import (
    describe,
    left_after,
    new_terms,
    no_order,
    not_changeable,
    with_terms,
)
from traderd.services.order_change_facts import ChangeFacts
from traderd.services.order_look import look
from traderd.services.order_outcomes import (
    EXCHANGE_PAUSED,
    NO_TURN,
    TRADING_PAUSED,
    code_of,
    tell_denied,
)
from traderd.services.order_renewals import RenewalsUnderWay

CHANGED_MEANWHILE: Final = frozenset({
    "not_found",
    "order_id_and_client_order_id_mismatch",
    "invalid_order_size",
    "cannot_update_filled_order",
    "invalid_amend_qty_for_order",
})
"""Refusals after which the order is read: it is not what we took it for."""
PAUSED: Final = frozenset({EXCHANGE_PAUSED, TRADING_PAUSED})
DISK_S: Final = 0.5
"""How long a decrease waits until its new id is on the disk: a hundred commits of a healthy one."""


class OrderAmender:
    """Carries out changes of resting orders."""

    def __init__(
        self,
        context: Context,
        gate: LastGate,
        renewals: RenewalsUnderWay,
        *,
        resolve: Callable[[Order], None],
        halt: Callable[[str], None],
    ) -> None:
        """`resolve` starts finding out about an order, `halt` stops new risk; neither waits."""
        self._context, self._gate, self._renewals = context, gate, renewals
        self._facts, self._halt = ChangeFacts(context, resolve), halt

    async def amend(self, command: AmendOrder) -> Outcome:
        """Amend one order; cancelling after it left makes its outcome unknown, never lost."""
        context = self._context
        order = context.view.order(command.key)
        refused = not_changeable(order, command.key)
        if refused is not None or order is None:
            return refused or no_order(command.key)
        try:
            new = new_terms(order, command)
        except BadInput as exc:
            return Outcome(answer=Answer.DENIED, key=order.key, sentence=str(exc))
        denied = context.view.judge_amend(order, new, now=context.now())
        if denied is not None:
            attribution = command.attribution or order.attribution
            outcome = tell_denied(context, new, attribution, denied)
            return attrs.evolve(outcome, key=order.key)
        with context.shared.lifecycle.activity():
            return await self._intend_amend(order, new)

    async def _intend_amend(self, order: Order, new: OrderTerms) -> Outcome:
        key = self._context.shared.order_ids.next_id()
        terms = AmendTerms(
            kind=AmendKind.AMEND, price=new.price, count=new.count, client_order_id=key
        )
        stopped = await self._intend(order, terms, key)
        return stopped or await self._send(order, terms)

    async def _intend(self, order: Order, terms: AmendTerms, key: ClientOrderId) -> Outcome | None:
        """Bring a change that takes a new id to the disk and past the last gate; returns what stopped it, if it did."""
        new = with_terms(order, terms.price, terms.count)
        added = Count(max(0, new.count - order.count))
        # From the verdict to the journal nothing may wait.
        self._facts.requested(order, terms)
        self._gate.admit(key, new, added=added)
        stopped = await self._journaled(order, key)
        if stopped is None:
            stopped = self._change_is_void(order, terms)
        if stopped is not None:
            self._gate.withdraw(key)
            return self._facts.failed(order, NOT_SENT, f"not sent: {stopped}", Answer.UNAVAILABLE)
        return self._let_out(order, key, new)

    def _let_out(self, order: Order, key: ClientOrderId, new: OrderTerms) -> Outcome | None:
        """Let a change pass the last gate; returns what became of it when it may not leave."""
        try:
            self._gate.let_out(key, new)
        except InvariantViolation as exc:
            self._halt(str(exc))
            return self._facts.failed(order, NOT_SENT, str(exc), Answer.UNAVAILABLE)
        return None

    async def decrease(self, command: DecreaseOrder) -> Outcome:
        """Make one order smaller; it only takes risk away, so halts and pauses do not stop it."""
        order = self._context.view.order(command.key)
        refused = not_changeable(order, command.key)
        if refused is not None or order is None:
            return refused or no_order(command.key)
        try:
            to = left_after(order, command)
        except BadInput as exc:
            return Outcome(answer=Answer.DENIED, key=order.key, sentence=str(exc))
        terms = AmendTerms(
            kind=AmendKind.DECREASE,
            price=order.price,
            count=Count(order.count - order.remaining + to),
            client_order_id=self._context.shared.order_ids.next_id() if order.is_leased else None,
        )
        with self._context.shared.lifecycle.activity():
            # Like a cancel it does not depend on a disk: what it took away the record tells.
            self._facts.requested(order, terms)
            if (key := terms.client_order_id) is None:
                return await self._send(order, terms, decrease_to=to)
            new = with_terms(order, terms.price, terms.count)
            self._gate.admit(key, new, added=Count(0))
            not_on_disk = await self._journaled(order, key, budget_s=DISK_S)
            if (void := self._change_is_void(order, terms)) is not None:
                self._gate.withdraw(key)
                return self._facts.failed(order, NOT_SENT, f"not sent: {void}", Answer.UNAVAILABLE)
            if not_on_disk is not None:
                self._gate.withdraw(key)
            elif (stopped := self._let_out(order, key, new)) is not None:
                return stopped
            return await self._send(order, terms, decrease_to=to, not_on_disk=not_on_disk)

    async def _journaled(
        self, order: Order, key: ClientOrderId, *, budget_s: float = inf
    ) -> str | None:
        """Wait until the intent is on the disk; returns why it may not be sent, None when it may."""
        journal = self._context.shared.journal
        try:
            with trio.move_on_after(budget_s) as scope:
                await journal.wait_durable(journal.position)
        except StoreError as exc:
            return f"it could not be journaled: {exc}"
        except trio.Cancelled:
            self._gate.withdraw(key)
            self._facts.failed(
                order, NOT_SENT, "the daemon was stopped before that", Answer.UNAVAILABLE
            )
            raise
        late = f"it did not reach the disk within {budget_s:g} s"
        return late if scope.cancelled_caught else None

    async def _send(
        self,
        order: Order,
        terms: AmendTerms,
        *,
        decrease_to: Count | None = None,
        not_on_disk: str | None = None,
    ) -> Outcome:
        try:
            done = await self._ask(order, terms, decrease_to, not_on_disk)
        except ExchangeRefused as exc:
            code = code_of(exc)
            outcome = attrs.evolve(
                self._facts.failed(order, code, str(exc), Answer.REJECTED), rule=code
            )
            if code in CHANGED_MEANWHILE:
                await look(self._context, order)
            return outcome
        except ExchangeUnavailable as exc:
            held_back = NO_TURN if isinstance(exc, NoTurn) else ""
            outcome = self._facts.failed(order, NOT_SENT, f"not sent: {exc}", Answer.UNAVAILABLE)
            return attrs.evolve(outcome, rule=held_back)
        except OutcomeUnknown as exc:
            return self._facts.unknown(order, str(exc))
        except trio.Cancelled:
            words = "the daemon was stopped while the change was in flight"
            self._facts.unknown(order, words, is_counted=False)
            raise
        return await self._accepted(order, terms, done)

    async def _ask(
        self, order: Order, terms: AmendTerms, decrease_to: Count | None, not_on_disk: str | None
    ) -> Amended:
        rest, order_id = self._context.venue.rest, order.order_id
        assert order_id is not None, "an order that rests has an order id"
        if decrease_to is not None and terms.client_order_id is None:
            return await rest.decrease_order(order_id, ticker=order.ticker, to=decrease_to)
        try:
            if not_on_disk is None:
                return await rest.amend_order(
                    order_id,
                    ticker=order.ticker,
                    side=order.side,
                    terms=terms,
                    present_id=order.exchange_client_id,
                    still_wanted=partial(self._change_is_void, order, terms),
                    # What only takes risk away goes with the cancels.
                    traffic=None if decrease_to is None else Traffic.CANCEL,
                )
            why = not_on_disk
        except ExchangeRefused as exc:
            if decrease_to is None or code_of(exc) not in PAUSED:
                raise
            why = str(exc)
        assert decrease_to is not None, "an amend that is not on the disk was not sent"
        # A pause stops amends, but not what is like a cancel; nor does a disk.
        self._may_decrease_plainly(order, why)
        return await rest.decrease_order(order_id, ticker=order.ticker, to=decrease_to)

    def _may_decrease_plainly(self, order: Order, why: str) -> None:
        """Refuse a decrease that keeps the order's id while a renewal, which would undo it, may still arrive."""
        wait_s = self._renewals.may_arrive_s(order.key, trio.current_time())
        if wait_s > 0:
            when = "its answer came" if isinf(wait_s) else f"{wait_s:.0f} s"
            raise ExchangeUnavailable(
                f"{why}, and a renewal of order {order.key} that may still arrive would undo a decrease; "
                f"cancel it, or try again {'when' if isinf(wait_s) else 'in'} {when}"
            )

    def _change_is_void(self, order: Order, terms: AmendTerms) -> str | None:
        """Return why a change that waited for the disk or its turn is not to be sent any more, None when it is."""
        if order.status is not OrderStatus.RESTING:
            return f"order {order.key} is {order.status.value}"
        if terms.kind is AmendKind.DECREASE:
            # It takes risk away, so only the kill switch stops it, which cancels the order.
            killed = self._context.view.conditions.killed
            return None if killed is None else "the kill switch stands, which cancels the order"
        new = with_terms(order, terms.price, terms.count)
        stopped = self._context.view.judge_amend_conditions(order, new)
        return None if stopped is None else stopped.sentence

    async def _accepted(self, order: Order, terms: AmendTerms, done: Amended) -> Outcome:
        context, has_id = self._context, terms.client_order_id is not None
        assert order.order_id is not None
        if has_id and terms.kind is AmendKind.DECREASE and done.client_order_id is None:
            return await self._decreased_plainly(order)
        context.publish(
            ev.AmendAccepted(
                at=context.now(),
                order_id=order.order_id,
                price=terms.price,
                # How much had filled when a decrease without an id made it smaller only the record tells.
                count=terms.count if has_id else None,
                client_order_id=done.client_order_id or terms.client_order_id,
                exchange_at=done.exchange_at,
            )
        )
        if not has_id or done.remaining_count == 0:
            # It ended, by a trade or because it may only rest; or it is smaller by what only the record tells.
            await look(context, order)
        return Outcome(answer=Answer.DONE, key=order.key, sentence=describe(order))

    async def _decreased_plainly(self, order: Order) -> Outcome:
        """Read how much of a leased order is left: a renewal must never repeat the total from before its decrease."""
        await look(self._context, order)
        if order.pending is not None:
            self._facts.unknown(order, "it was decreased, which its record does not show yet")
        return Outcome(answer=Answer.DONE, key=order.key, sentence=describe(order))
