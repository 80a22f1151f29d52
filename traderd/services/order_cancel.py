"""Cancelling orders, and believing it only when the order's own record says so.

Owns: the way of a cancel. Repeating a cancel is safe, so an unclear answer is followed by a look and, if the
order still rests, by "try again"; a 404 starts a look at the order and its fills, it proves nothing by itself.
Must not: touch orders that this daemon did not place, unless they are named one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio

from traderd.core.conditions import venue_pause_words
from traderd.core.dry_run import chosen_orders
from traderd.core.order import Order
from traderd.errors import ExchangeError, ExchangeRefused
from traderd.model import events as ev
from traderd.model.commands import Answer, CancelOrders, Outcome
from traderd.model.ids import OrderId
from traderd.model.orders import OrderStatus
from traderd.runtime.inbox import Inbox
from traderd.runtime.retry import Backoff
from traderd.services.cancel_batches import CancelBatches
from traderd.services.context import Context
from traderd.services.order_look import look

CONFIRM_S = 0.5
"""How long the feed may take to confirm a cancel before the order is read: reads lag by 360 ms."""
READS_MAX = 4
"""Bounds the looks at one order after a cancel; the periodic sync looks again."""
ATTEMPTS_MAX = 5
"""Bounds how often one cancel is sent while the answers are unclear: about two seconds of trouble."""
AGAIN_FIRST_S = 0.2
AGAIN_CAP_S = 1.0
CANCELS_AT_ONCE = 4
"""Bounds cancels under way together: half of the connections, so that reads are not starved."""
PLACED_S = 2.0
"""How long a cancel waits for the answer to the place of its order, without which there is nothing to cancel by; most answers
take a tenth of that, and what takes longer is in doubt soon."""
ON_ITS_WAY = (OrderStatus.INTENT, OrderStatus.SENT)
NOT_FOUND = "not_found"
TOO_MANY_REQUESTS = 429


class OrderCanceller:
    """Cancels, and waits for the record."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Replaced each time it is set: whoever waits for the next end waits for the event of now.
        self._news = trio.Event()

    async def watch(self, changes: Inbox[Any]) -> None:
        """Wake whoever waits for a change of an order, until cancelled."""
        async for _ in changes:
            self._news.set()
            self._news = trio.Event()

    async def cancel(self, key: str) -> Outcome:
        """Cancel one order, also one whose place is still on its way.

        Cancelling this call leaves the order to the periodic sync.
        """
        await self._wait_answered(key)
        return await self._cancel_known(key)

    async def _cancel_known(self, key: str) -> Outcome:
        order = self._context.view.order(key)
        if order is None:
            return Outcome(
                answer=Answer.DENIED,
                sentence=f"no order {key!r} is known; `traderd orders` lists them",
            )
        if not order.status.is_live:
            return Outcome(
                answer=Answer.DENIED,
                key=key,
                sentence=f"order {key} is {order.status.value} already",
            )
        if order.order_id is None:
            return Outcome(
                answer=Answer.UNAVAILABLE,
                key=key,
                sentence=f"order {key} is {order.status.value} and has no order id yet; try again",
            )
        return await self._cancel_live(order)

    async def cancel_many(self, command: CancelOrders) -> Outcome:
        """Cancel all live orders that fit, at the same time, and say what is left."""
        chosen = chosen_orders(self._context.view, command)
        batches = CancelBatches(self._context, self._wait_ends)
        limiter = trio.CapacityLimiter(CANCELS_AT_ONCE)
        answers: list[Outcome] = []
        async with trio.open_nursery() as nursery:
            # What the batches left, and what was not in one: each by itself, as often as it takes.
            for order in await batches.cancel(chosen):
                nursery.start_soon(self._cancel_in_turn, order.key, limiter, answers)
        left = [order for order in chosen if order.status.is_live]
        if left:
            keys = ", ".join(order.key for order in left)
            return Outcome(
                answer=Answer.UNKNOWN,
                sentence=f"{len(chosen) - len(left)} of {len(chosen)} orders ended; not sure of {keys}"
                f"{self._cure()}",
                items=tuple(answer for answer in answers if not answer.ok),
            )
        count = "1 order" if len(chosen) == 1 else f"{len(chosen)} orders"
        return Outcome(
            answer=Answer.DONE,
            sentence=f"{count} ended, verified at the exchange" if chosen else "no order was open",
        )

    def _cure(self) -> str:
        if (reason := self._context.view.conditions.venue_paused) is not None:
            return f"; {venue_pause_words('the exchange', reason)}, so cancel again when it goes on"
        return "; cancel again, or let `traderd kill` cancel every order"

    async def _cancel_in_turn(
        self, key: str, limiter: trio.CapacityLimiter, answers: list[Outcome]
    ) -> None:
        # Not in the turn of another one, whose place was answered long ago.
        await self._wait_answered(key)
        async with limiter:
            answers.append(await self._cancel_known(key))

    async def _cancel_live(self, order: Order) -> Outcome:
        context, order_id = self._context, order.order_id
        assert order_id is not None
        context.publish(ev.CancelRequested(at=context.now(), order_id=order_id))
        problem = ""
        backoff = Backoff(first_s=AGAIN_FIRST_S, cap_s=AGAIN_CAP_S, rng=context.env.rng)
        for _ in range(ATTEMPTS_MAX):
            try:
                problem = await self._ask(order, order_id)
            except ExchangeRefused as exc:
                return self._failed(order, exc.code, str(exc))
            if not problem or not order.status.is_live:
                break
            # Repeating a cancel is safe, and an order that should be gone is worth it.
            await trio.sleep(backoff.next_delay())
        await self._confirm(order)
        if order.status.is_live:
            return self._failed(order, "unconfirmed", problem or "no record confirmed the cancel")
        return Outcome(
            answer=Answer.DONE, key=order.key, sentence=f"order {order.key} is {order.status.value}"
        )

    async def _ask(self, order: Order, order_id: OrderId) -> str:
        """Send one cancel; returns what was unclear about the answer, an empty text when nothing was."""
        context = self._context
        try:
            canceled = await context.venue.rest.cancel_order(order_id, order.ticker)
        except ExchangeRefused as exc:
            if exc.code == NOT_FOUND:
                return ""  # gone, filled or never there: the record will tell
            if exc.status == TOO_MANY_REQUESTS:
                return str(exc)
            raise
        except ExchangeError as exc:
            return str(exc)
        context.publish(
            ev.CancelAcknowledged(
                at=context.now(), order_id=order_id, reduced_by=canceled.reduced_by
            )
        )
        return ""

    async def _confirm(self, order: Order) -> None:
        for _ in range(READS_MAX):
            with trio.move_on_after(CONFIRM_S):
                await self._wait_end(order)
            if not order.status.is_live:
                return
            await look(self._context, order)
            if not order.status.is_live:
                return

    async def _wait_answered(self, key: str) -> None:
        order = self._context.view.order(key)
        with trio.move_on_after(PLACED_S):
            while order is not None and order.status in ON_ITS_WAY and order.order_id is None:
                await self._news.wait()

    async def _wait_end(self, order: Order) -> None:
        while order.status.is_live:
            await self._news.wait()

    async def _wait_ends(self, orders: Sequence[Order]) -> None:
        with trio.move_on_after(CONFIRM_S):
            while any(order.status.is_live for order in orders):
                await self._news.wait()

    def _failed(self, order: Order, code: str, sentence: str) -> Outcome:
        context, order_id = self._context, order.order_id
        assert order_id is not None
        if order.status is OrderStatus.CANCELLING:
            context.publish(
                ev.CancelFailed(at=context.now(), order_id=order_id, code=code, sentence=sentence)
            )
        context.log.warning(f"cancel of {order.key} failed: {sentence}", order=order.key)
        return Outcome(
            answer=Answer.UNKNOWN,
            key=order.key,
            sentence=f"order {order.key} may still rest: {sentence}; try again",
        )
