"""Keeps resting orders by the policy of their owners: renews leases, ends what an earlier run left, answers cut lines.

Owns: the dead-man's handle. Leased orders carry a short expiry at the exchange, and are renewed while the daemon is well;
`core/dead_man.py` says whether it is. Orders of a strategy that was stopped are canceled until none of them is left. A
renewal (`order_renewals.py`) is sent once and never repeated by itself; when it fails, the next look tries again while
there is time, and otherwise the order ends.
Must not: change price or size of an order.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NoReturn

import attrs
import trio

from traderd.core.dead_man import (
    Vitals,
    is_due,
    lease_until,
    reading_age_max_ns,
    unwell,
)
from traderd.core.order import Order
from traderd.model import events as ev
from traderd.model.commands import CancelOrders
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderOwner, OrderStatus, PolicyAction
from traderd.model.units import NS_PER_S
from traderd.runtime.inbox import Inbox
from traderd.services.context import Context
from traderd.services.order_cancel import OrderCanceller
from traderd.services.order_groups import group_of
from traderd.services.order_policies import lease_s, policy_of, why_stopped
from traderd.services.order_renewals import RenewalsUnderWay, set_expiry

LOOK_S: Final = 1.0
"""How often the orders are looked at."""
LATE_KEPT: Final = 5
"""For how many looks a stalled loop is remembered: what was stale after it must have had time to be seen."""
RENEWALS_AT_ONCE: Final = 4
"""Bounds renewals under way together: half of the connections."""
GROUP_ENDS_NS: Final = 3 * NS_PER_S
"""How long the exchange may take to cancel the orders of a triggered group; what rests longer is canceled from here."""
AGAIN_AFTER_S: Final = 3.0
"""How long after a failed renewal, or a failed cancel of an earlier run's order, it is tried again."""


@attrs.define(eq=False)
class OrderKeeper:
    """Looks until cancelled."""

    _context: Context
    _canceller: OrderCanceller
    _nursery: trio.Nursery
    """The service's: renewals run beside the looks, which also measure the loop."""
    _under_way: RenewalsUnderWay
    _late_ns: deque[int] = attrs.Factory(lambda: deque(maxlen=LATE_KEPT))
    _busy_until: dict[str, float] = attrs.Factory(dict)
    """Orders whose renewal or cancel is under way or must not be tried again yet, on Trio's clock."""
    _told: dict[MarketTicker, str] = attrs.Factory(dict)
    """Why orders of a market are not renewed, as it was logged."""
    _limiter: trio.CapacityLimiter = attrs.Factory(lambda: trio.CapacityLimiter(RENEWALS_AT_ONCE))

    async def run(self) -> NoReturn:
        """Look once a second, and note how late each look was."""
        while True:
            due = trio.current_time() + LOOK_S
            await trio.sleep_until(due)
            self._late_ns.append(round((trio.current_time() - due) * NS_PER_S))
            self.look()

    def look(self) -> None:
        """Start whatever the policies call for now."""
        context, now_s = self._context, trio.current_time()
        for key in [key for key, until in self._busy_until.items() if until <= now_s]:
            del self._busy_until[key]
        reasons: dict[MarketTicker, str] = {}
        for order in context.view.own_live_orders():
            if order.status is not OrderStatus.RESTING or order.key in self._busy_until:
                continue
            if why_stopped(context.view, order.attribution.strategy) is not None:
                if not self._ends_there(order):
                    self._start(order, self._take_down)
            elif self._must_end(order):
                self._start(order, self._end)
            elif self._must_renew(order):
                why = unwell(self._vitals(order.ticker))
                if why is None:
                    self._start(order, self._renew)
                else:
                    reasons[order.ticker] = why
        self._tell(reasons)

    def _start(self, order: Order, work: Any) -> None:
        self._busy_until[order.key] = float("inf")
        self._nursery.start_soon(self._carry_out, order, work)

    async def _carry_out(self, order: Order, work: Any) -> None:
        again_after_s = 0.0
        try:
            async with self._limiter:
                again_after_s = 0.0 if await work(order) else AGAIN_AFTER_S
        finally:
            self._busy_until[order.key] = trio.current_time() + again_after_s

    # --- an earlier run's orders ------------------------------------------------------------------

    def _must_end(self, order: Order) -> bool:
        policy = policy_of(self._context.config, order.attribution.owner)
        return (
            policy.on_restart is PolicyAction.CANCEL
            and self._context.view.working
            and self._is_from_before(order)
        )

    def _is_from_before(self, order: Order) -> bool:
        ids = self._context.shared.order_ids
        return order.client_order_id is not None and not ids.made(order.client_order_id)

    async def _end(self, order: Order) -> bool:
        outcome = await self._canceller.cancel(order.key)
        self._context.log.info(
            f"an earlier run's order {order.key} is not kept: {outcome.sentence}", order=order.key
        )
        return outcome.ok

    # --- a stopped strategy's orders --------------------------------------------------------------

    def _ends_there(self, order: Order) -> bool:
        # The exchange takes a triggered group down by itself; to cancel beside it would only meet 404s.
        group = group_of(self._context.view, order)
        if group is None or group.triggered_at is None:
            return False
        return self._context.now() - group.triggered_at < GROUP_ENDS_NS

    async def _take_down(self, order: Order) -> bool:
        # Whoever stopped it asks once for all of them; here is who goes on until the last of them has ended, also the
        # one that was not known to rest then.
        outcome = await self._canceller.cancel(order.key)
        strategy = order.attribution.strategy
        self._context.log.info(
            f"an order of the stopped strategy {strategy}: {outcome.sentence}",
            order=order.key,
            strategy=strategy,
        )
        return outcome.ok

    # --- leases -----------------------------------------------------------------------------------

    def _must_renew(self, order: Order) -> bool:
        config, owner = self._context.config, order.attribution.owner
        seconds, expires_at = lease_s(config, owner), order.expires_at
        if not order.is_leased or not seconds or expires_at is None or order.pending is not None:
            return False
        if order.good_until is not None and expires_at >= order.good_until:
            return False
        if policy_of(config, owner).on_restart is PolicyAction.EXPIRE and self._is_from_before(
            order
        ):
            return False
        return is_due(expires_at, self._context.exchange_now(), seconds)

    async def _renew(self, order: Order) -> bool:
        seconds = lease_s(self._context.config, order.attribution.owner)
        until = lease_until(self._context.exchange_now(), seconds, order.good_until)
        return await set_expiry(self._context, order, until, self._under_way)

    def _vitals(self, ticker: MarketTicker) -> Vitals:
        context, now = self._context, self._context.now()
        view, book = context.view, context.view.book(ticker)
        quality, read_at = view.quality(ticker, now), view.account.read_at
        return Vitals(
            is_working=view.working,
            journal_failure=context.shared.journal.failed,
            loop_late_ns=max(self._late_ns, default=0),
            reading_age_ns=None if read_at is None else now - read_at,
            reading_age_max_ns=reading_age_max_ns(context.config.trading.sync_interval_s),
            book_usable=book is not None and book.usable,
            book_lag_ns=None if quality is None else quality.lag_ns,
        )

    def _tell(self, reasons: dict[MarketTicker, str]) -> None:
        # Once per market and change of its reason.
        for ticker, why in reasons.items():
            if ticker not in self._told:
                self._context.log.warning(
                    f"orders of {ticker} are not renewed and end by themselves: {why}",
                    ticker=ticker,
                )
        self._told = reasons

    # --- a cut line -------------------------------------------------------------------------------

    async def watch_line(self, lines: Inbox[Any]) -> None:
        """Cancel what the policies say when the private connection is lost, until cancelled."""
        async for batch in lines:
            if not any(each.feed is ev.FeedName.PRIVATE for each in batch):
                continue
            for owner in (OrderOwner.STRATEGY, OrderOwner.PERSON):
                policy = policy_of(self._context.config, owner)
                if policy.on_disconnect is PolicyAction.CANCEL:
                    outcome = await self._canceller.cancel_many(CancelOrders(owner=owner))
                    self._context.log.warning(
                        f"the private connection is lost; orders of {owner.value}: {outcome.sentence}"
                    )
