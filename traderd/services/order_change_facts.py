"""The facts of changing an order: asked for, failed, unknown; in the journal, in the log and in the answer.

Owns: that a change which failed or is unknown is told once in each of them, and that an unknown one is found out about.
Must not: send anything.
"""

from __future__ import annotations

from collections.abc import Callable

from traderd.core.order import Order
from traderd.model import events as ev
from traderd.model.commands import Answer, Outcome
from traderd.model.orders import AmendTerms
from traderd.services.context import Context


class ChangeFacts:
    """Tells what becomes of changes."""

    def __init__(self, context: Context, resolve: Callable[[Order], None]) -> None:
        """`resolve` starts finding out about an order; it does not wait."""
        self._context, self._resolve = context, resolve

    def requested(self, order: Order, terms: AmendTerms) -> None:
        """Journal that a change is asked for; it may be sent when that is on the disk."""
        assert order.order_id is not None
        self._context.publish(
            ev.AmendRequested(at=self._context.now(), order_id=order.order_id, terms=terms)
        )

    def failed(self, order: Order, code: str, sentence: str, answer: Answer) -> Outcome:
        """Tell that nothing of a change happened, and return the answer."""
        assert order.order_id is not None
        at = self._context.now()
        self._context.publish(
            ev.AmendFailed(at=at, order_id=order.order_id, code=code, sentence=sentence)
        )
        self._context.log.warning(
            f"order {order.key} was not changed: {sentence}", order=order.key, code=code
        )
        return Outcome(answer=answer, key=order.key, sentence=sentence)

    def unknown(self, order: Order, sentence: str, *, is_counted: bool = True) -> Outcome:
        """Tell that nobody knows what became of a change, begin to find out, and return the answer."""
        assert order.order_id is not None
        at = self._context.now()
        self._context.publish(
            ev.AmendOutcomeUnknown(
                at=at, order_id=order.order_id, sentence=sentence, is_counted=is_counted
            )
        )
        self._context.log.error(
            f"the terms of an order are unknown, its market is fenced: {sentence}", order=order.key
        )
        if order.terms_unknown:
            self._resolve(order)
        return Outcome(answer=Answer.UNKNOWN, key=order.key, sentence=sentence)
