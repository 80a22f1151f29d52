"""Renewing the short expiry of a leased order, and knowing for how long such a request may still arrive.

Owns: the request of a renewal, what became of it, and the list of orders of which one may be on its way. Kalshi has no
way to name an expiry alone: a renewal repeats price and total, so one that waited while the order changed is not sent,
and one that arrives late would undo what changed the order without giving it another id.
Must not: decide when an order is renewed.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import attrs
import trio

from traderd.core.order import Order
from traderd.core.order_folds import NOT_SENT
from traderd.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    InvariantViolation,
    OutcomeUnknown,
)
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderStatus
from traderd.model.units import Count, Price, Timestamp
from traderd.services.context import Context
from traderd.services.order_look import look
from traderd.services.order_outcomes import code_of
from traderd.services.order_policies import why_stopped

NO_EXPIRY: Final = Timestamp(0)
"""Kalshi: an amend to this expiry takes it away."""


@attrs.define(eq=False)
class RenewalsUnderWay:
    """Orders whose renewal has left and may still arrive at the exchange."""

    quarantine_s: float
    """How long a request without an answer may still arrive."""
    _until: dict[str, float] = attrs.Factory(dict)
    """By order key, on Trio's clock; infinity while an answer is waited for."""

    def left(self, key: str) -> None:
        """Note that a renewal is about to leave."""
        self._until[key] = float("inf")

    def answered(self, key: str) -> None:
        """Note that it happened, was refused, or never left: nothing of it can arrive any more."""
        self._until.pop(key, None)

    def unanswered(self, key: str, now_s: float) -> None:
        """Note that no answer came."""
        self._until[key] = now_s + self.quarantine_s

    def may_arrive_s(self, key: str, now_s: float) -> float:
        """Return for how many seconds a renewal of this order may still arrive: 0 for none, infinity while one waits."""
        for old in [old for old, until in self._until.items() if until <= now_s]:
            del self._until[old]
        return self._until.get(key, now_s) - now_s


async def set_expiry(
    context: Context, order: Order, until: Timestamp, under_way: RenewalsUnderWay
) -> bool:
    """Give an order another expiry, NO_EXPIRY for none; tells whether the exchange took it.

    Cancelling leaves the order with the old or the new expiry, both of which are safe.
    """
    order_id = order.order_id
    assert order_id is not None, "an order that rests has an order id"
    try:
        await _ask(context, order, until, under_way)
    except ExchangeError as exc:
        code, sentence = _code(exc), str(exc)
    else:
        context.publish(ev.OrderRenewed(at=context.now(), order_id=order_id, expires_at=until))
        return True
    context.publish(
        ev.RenewalFailed(at=context.now(), order_id=order_id, code=code, sentence=sentence)
    )
    context.log.warning(
        f"order {order.key} was not renewed: {sentence}", order=order.key, code=code
    )
    if code not in {NOT_SENT, "unknown"}:
        # It has ended, or is not what we took it for.
        await look(context, order)
    return False


async def _ask(
    context: Context, order: Order, until: Timestamp, under_way: RenewalsUnderWay
) -> None:
    assert order.order_id is not None
    repeated = _Repeated.of(order)
    is_clear = False
    under_way.left(order.key)
    try:
        await context.venue.rest.renew_order(
            order.order_id,
            ticker=order.ticker,
            side=order.side,
            price=repeated.price,
            count=repeated.count,
            present_id=repeated.present_id,
            expires_at=until,
            still_wanted=partial(_renewal_is_void, context, order, repeated),
        )
        is_clear = True
    except ExchangeError as exc:
        is_clear = not isinstance(exc, OutcomeUnknown)
        raise
    finally:
        # A task that was stopped has no answer either.
        if is_clear:
            under_way.answered(order.key)
        else:
            under_way.unanswered(order.key, trio.current_time())


def _code(problem: ExchangeError) -> str:
    if isinstance(problem, ExchangeRefused):
        return code_of(problem)
    return NOT_SENT if isinstance(problem, ExchangeUnavailable) else "unknown"


@attrs.frozen
class _Repeated:
    """What a renewal repeats, as it was when its request was written."""

    price: Price
    count: Count
    present_id: ClientOrderId | None

    @classmethod
    def of(cls, order: Order) -> _Repeated:
        return cls(order.price, order.count, order.exchange_client_id)


def _renewal_is_void(context: Context, order: Order, repeated: _Repeated) -> str | None:
    """Return why a renewal that waited for its turn is not to be sent any more; None lets it out."""
    if context.view.conditions.killed is not None:
        return "the kill switch stands"
    if order.status is not OrderStatus.RESTING:
        return f"it is {order.status.value}"
    if order.pending is not None:
        return "a change of it is under way"
    if (stopped := why_stopped(context.view, order.attribution.strategy)) is not None:
        return stopped
    if _Repeated.of(order) != repeated:
        return "it has changed while its renewal waited"
    try:
        context.shared.last_gate.let_renewal_out(repeated.present_id, repeated.count)
    except InvariantViolation as exc:
        return str(exc)
    return None
