"""The folds of amends, renewals and order groups.

Owns: what these events do to orders and groups, and what follows. An amend that happened, failed or is unclear counts
for the error breaker as an order does.
Must not: send anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from traderd.core import order_amends
from traderd.core.folding import Fold, nothing, quiet
from traderd.core.order import Order
from traderd.model import events as ev
from traderd.model.orders import OrderStatus
from traderd.model.units import Timestamp

if TYPE_CHECKING:
    from traderd.core.engine import Engine

TOO_MANY_REQUESTS: Final = "too_many_requests"
"""Stands for a 429, whatever code it bears: the throttle waits, and nothing was done."""
ORDINARY_REJECTIONS: Final = frozenset({
    "post_only_cross",
    "fill_or_kill_insufficient_resting_volume",
    "trading_is_paused",
    "exchange_is_paused",
    TOO_MANY_REQUESTS,
})
"""Codes that belong to the trade or to the rate, and are no sign of a fault: the breaker does not count them."""
NOT_SENT: Final = "not_sent"
NOT_APPLIED: Final = "not_applied"
NOT_FOUND: Final = "not_found"
ORDINARY_AMEND_FAILURES: Final = ORDINARY_REJECTIONS | {NOT_SENT, NOT_APPLIED, NOT_FOUND}
"""`not_found`: a fill or a cancel was faster. `not_applied` was counted when its outcome was unknown."""


def rejection_code(code: str, details: str | None) -> str:
    """Return the code of a refusal as the rules know it: in lower case, and an order that would cross has a word of its own."""
    return "post_only_cross" if (details or "").lower() == "post only cross" else code.lower()


def order_folds(engine: Engine) -> dict[type, Fold]:
    """Return the folds of these events, for the engine's table."""
    folds, groups = AmendFolds(engine), engine.groups
    return {
        ev.AmendRequested: folds.requested,
        ev.AmendAccepted: folds.accepted,
        ev.AmendFailed: folds.failed,
        ev.AmendOutcomeUnknown: folds.unknown,
        ev.OrderRenewed: folds.renewed,
        ev.RenewalFailed: nothing,
        ev.OrderGroupOpened: quiet(groups.open),
        ev.OrderGroupTriggered: quiet(groups.trigger),
        ev.OrderGroupReset: quiet(groups.reset),
        ev.OrderGroupEnded: quiet(groups.end),
        ev.OrderGroupReported: quiet(groups.report),
    }


@attrs.frozen
class AmendFolds:
    """The folds of one engine's amends."""

    engine: Engine

    def requested(self, event: ev.AmendRequested) -> list[ev.Event]:
        """Let the worse of old and new terms count from now on; raises IllegalTransition."""
        order = self.engine.orders.get(event.order_id)
        if order is None:
            return []
        order_amends.request_amend(order, event.terms, event.at)
        return _changed(order, event.at)

    def accepted(self, event: ev.AmendAccepted) -> list[ev.Event]:
        """Take the new terms over."""
        order = self.engine.orders.get(event.order_id)
        self.engine.conditions.count_order_success()
        if order is None:
            return []
        order_amends.amend_accepted(
            order,
            price=event.price,
            count=event.count,
            client_order_id=event.client_order_id,
            exchange_at=event.exchange_at,
            at=event.at,
        )
        return self._settled(order, event.at)

    def failed(self, event: ev.AmendFailed) -> list[ev.Event]:
        """Keep the old terms."""
        order = self.engine.orders.get(event.order_id)
        follow: list[ev.Event] = []
        if order is not None:
            order_amends.amend_failed(order, event.sentence, event.at)
            follow = self._settled(order, event.at)
        if event.code not in ORDINARY_AMEND_FAILURES:
            follow += self.engine.count_error(event.at, event.sentence)
        return follow

    def unknown(self, event: ev.AmendOutcomeUnknown) -> list[ev.Event]:
        """Fence the market: nobody knows by which terms the order rests."""
        order = self.engine.orders.get(event.order_id)
        follow: list[ev.Event] = []
        if order is not None:
            order_amends.amend_unknown(order, event.sentence, event.at)
            follow = _changed(order, event.at)
        if not event.is_counted:
            return follow
        return follow + self.engine.count_error(event.at, event.sentence)

    def renewed(self, event: ev.OrderRenewed) -> list[ev.Event]:
        """Note the later expiry."""
        order = self.engine.orders.get(event.order_id)
        if order is not None:
            order.expires_at = event.expires_at
        return []

    def _settled(self, order: Order, at: Timestamp) -> list[ev.Event]:
        # Fills may have reached the size that it has now while a larger one was still possible.
        if order.status.is_live and order.filled >= order.count:
            change = self.engine.orders.tell(order, OrderStatus.EXECUTED, at)
            return [
                ev.OrderChanged(at=at, key=order.key, status=order.status, previous=change.previous)
            ]
        return _changed(order, at)


def _changed(order: Order, at: Timestamp) -> list[ev.Event]:
    return [ev.OrderChanged(at=at, key=order.key, status=order.status, previous=order.status)]
