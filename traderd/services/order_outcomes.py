"""What the exchange's answers to new orders mean: one event and one outcome for each.

Owns: the way from an answer, a refusal or silence to what is published, logged and answered.
Must not: send anything, or decide what may leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.core.order import Order
from traderd.core.order_folds import TOO_MANY_REQUESTS, rejection_code
from traderd.core.verdict import Denied
from traderd.errors import ExchangeRefused, ExchangeUnavailable, NoTurn, OutcomeUnknown
from traderd.kalshi.errors import TOO_MANY_REQUESTS as TOO_MANY_REQUESTS_STATUS
from traderd.kalshi.order_calls import CreateResult
from traderd.model import events as ev
from traderd.model.commands import Answer, Outcome
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import Attribution, OrderStatus, OrderTerms
from traderd.services.context import Context
from traderd.services.order_groups import GroupKeeper
from traderd.services.order_words import describe_placed, in_doubt

DUPLICATE_CODE: Final = "order_already_exists"
EXCHANGE_PAUSED: Final = "exchange_is_paused"
TRADING_PAUSED: Final = "trading_is_paused"
NO_TURN: Final = "no_turn"
"""The rule of an order that was held back: it found no turn within the account's message limits."""


class OrderOutcomes:
    """Publishes what became of new orders."""

    def __init__(
        self,
        context: Context,
        groups: GroupKeeper,
        *,
        resolve: Callable[[Order], None],
        market_paused: Callable[[MarketTicker, str], None],
    ) -> None:
        """Neither callback waits: they find out about an order, and leave a market alone."""
        self._context, self._groups = context, groups
        self._resolve, self._market_paused = resolve, market_paused

    def settle(
        self, key: ClientOrderId, result: CreateResult | ExchangeUnavailable, *, is_counted: bool
    ) -> Outcome:
        """Publish what the answer to one order says; one request counts as one error at most."""
        if isinstance(result, ExchangeRefused):
            return self._refused(key, result, is_counted=is_counted)
        if isinstance(result, ExchangeUnavailable):
            held_back = NO_TURN if isinstance(result, NoTurn) else ""
            return attrs.evolve(self.not_placed(key, f"not sent: {result}"), rule=held_back)
        if isinstance(result, OutcomeUnknown):
            return self.unknown(key, str(result), is_counted=is_counted)
        self._context.publish(
            ev.OrderAccepted(
                at=self._context.now(),
                client_order_id=key,
                order_id=result.order_id,
                fill_count=result.fill_count,
                remaining_count=result.remaining_count,
            )
        )
        order = self._context.view.order(key)
        assert order is not None, "an accepted order is in the register"
        return Outcome(answer=Answer.DONE, sentence=describe_placed(order, result), key=key)

    def _refused(
        self, key: ClientOrderId, refusal: ExchangeRefused, *, is_counted: bool
    ) -> Outcome:
        code = code_of(refusal)
        if code == DUPLICATE_CODE:
            # The id was burned by this very order: an earlier attempt of ours arrived after all.
            return self.unknown(key, str(refusal), is_counted=is_counted)
        at, order = self._context.now(), self._context.view.order(key)
        assert order is not None, "an order that was sent is in the register"
        assert order.terms is not None, "and it is ours"
        if code == EXCHANGE_PAUSED:
            self._context.publish(ev.VenuePaused(at=at, sentence=refusal.message))
        elif code == TRADING_PAUSED:
            self._market_paused(order.ticker, refusal.message)
        self._groups.refused(order.terms.order_group_id, code)
        self._context.publish(
            ev.OrderRejected(
                at=at,
                client_order_id=key,
                code=code,
                sentence=str(refusal),
                is_counted=is_counted,
            )
        )
        self._context.log.warning(f"order rejected: {refusal}", order=key, code=code)
        return Outcome(answer=Answer.REJECTED, sentence=str(refusal), key=key, rule=code)

    def not_placed(self, key: ClientOrderId, sentence: str) -> Outcome:
        """Publish that an order never left."""
        at = self._context.now()
        self._context.publish(ev.OrderNotPlaced(at=at, client_order_id=key, sentence=sentence))
        self._context.log.warning(f"order not placed: {sentence}", order=key)
        return Outcome(answer=Answer.UNAVAILABLE, sentence=sentence, key=key)

    def unknown(self, key: ClientOrderId, sentence: str, *, is_counted: bool) -> Outcome:
        """Publish that nobody knows what became of an order, and begin to find out."""
        tell_unknown(self._context, key, sentence, is_counted=is_counted)
        order = self._context.view.order(key)
        if order is not None and order.status is OrderStatus.UNKNOWN:
            self._resolve(order)
        words = in_doubt(key, sentence)
        return Outcome(answer=Answer.UNKNOWN, sentence=words, key=key)


def code_of(refusal: ExchangeRefused) -> str:
    """Return a refusal's code as the rules know it: in lower case, and one word for every 429."""
    if refusal.status == TOO_MANY_REQUESTS_STATUS:
        return TOO_MANY_REQUESTS
    return rejection_code(refusal.code, refusal.details)


def tell_denied(
    context: Context, terms: OrderTerms, attribution: Attribution, denied: Denied
) -> Outcome:
    """Publish that the risk gate did not let an order or a change through, and return that as an outcome."""
    context.publish(
        ev.OrderDenied(
            at=context.now(),
            terms=terms,
            attribution=attribution,
            rule=denied.rule,
            sentence=denied.sentence,
            control=denied.control,
            number=denied.number,
            limit=denied.limit,
        )
    )
    return Outcome(answer=Answer.DENIED, sentence=denied.words, rule=denied.rule)


def tell_unknown(
    context: Context, key: ClientOrderId, sentence: str, *, is_counted: bool = True
) -> None:
    """Publish and log that nobody knows what became of an order; one request is counted as one error."""
    context.publish(
        ev.OrderOutcomeUnknown(
            at=context.now(), client_order_id=key, sentence=sentence, is_counted=is_counted
        )
    )
    context.log.error(
        f"the outcome of an order is unknown, its market is fenced: {sentence}", order=key
    )
