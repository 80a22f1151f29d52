"""The order service: the only one that sends, changes, cancels and finds out about orders.

Owns: who carries out which command, what the service does about orders that an earlier run left, and the drain. The ways
of a command are `order_place`, `order_amend` and `order_cancel`; what stays unclear is fenced by the engine and resolved
by `order_resolver` and `amend_resolver`; `order_keeper` keeps what rests.
Must not: decide what to trade.
"""

from __future__ import annotations

import trio

from traderd.config import Config
from traderd.core.order import Order
from traderd.errors import InvariantViolation
from traderd.model import events as ev
from traderd.model.commands import (
    AmendOrder,
    Answer,
    CancelOrder,
    CancelOrders,
    Command,
    DecreaseOrder,
    Outcome,
    PlaceOrder,
    PlaceOrders,
    ResetStrategy,
)
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderOwner, OrderStatus, PolicyAction
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Policy
from traderd.services.amend_resolver import AmendResolver
from traderd.services.context import Context
from traderd.services.order_amend import OrderAmender
from traderd.services.order_cancel import OrderCanceller
from traderd.services.order_groups import GroupKeeper
from traderd.services.order_keeper import OrderKeeper
from traderd.services.order_outcomes import tell_unknown
from traderd.services.order_place import OrderPlacer
from traderd.services.order_policies import policy_of
from traderd.services.order_renewals import NO_EXPIRY, RenewalsUnderWay, set_expiry
from traderd.services.order_resolver import OrderResolver
from traderd.services.scopes import unknown_scope

MARKET_PAUSE_RETRY_S = 30.0
"""How long a market that refused an order as paused is left alone."""
IN_FLIGHT = (OrderStatus.INTENT, OrderStatus.SENT)
IN_DOUBT = (*IN_FLIGHT, OrderStatus.UNKNOWN)
IN_FLIGHT_BUDGET_S = 1.0
"""Bounds the drain's wait for requests under way: an order still in flight then is unknown, and resolved at the next start."""
OWNERS = (OrderOwner.STRATEGY, OrderOwner.PERSON)


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the order service when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="orders", run=run, after=("risk",), on_crash=OnCrash.HALT, drain=drain)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve order commands until cancelled; a request in flight then becomes an unknown outcome."""
    async with trio.open_nursery() as nursery:
        desk = OrderDesk(context, nursery)
        with (
            context.shared.commands.serve(*desk.commands) as requests,
            context.subscribe(ev.OrderChanged, policy=Policy.LOSSLESS) as changes,
            context.subscribe(ev.OrderChanged, policy=Policy.LOSSLESS) as lost,
            context.subscribe(ev.OrderGroupReported, policy=Policy.LOSSLESS) as group_news,
            context.subscribe(ev.FeedDisconnected, policy=Policy.LOSSLESS) as lines,
            context.subscribe(ev.AccountSynced, policy=Policy.LATEST, key=type) as readings,
        ):
            nursery.start_soon(desk.canceller.watch, changes)
            nursery.start_soon(desk.groups.watch, lost)
            nursery.start_soon(desk.groups.follow, group_news)
            nursery.start_soon(desk.groups.check_after, readings)
            nursery.start_soon(desk.keeper.watch_line, lines)
            nursery.start_soon(desk.keeper.run)
            task_status.started()
            desk.take_over()
            async for request in requests:
                nursery.start_soon(desk.handle, request)


async def drain(context: Context) -> None:
    """Do with resting orders what the policies say about a stop: cancel and verify, keep, or let expire.

    Cancelling gives up; also then the orders that may be left at the exchange against their policy are told by name.
    """
    try:
        await _wait_for_requests(context)
        for owner in OWNERS:
            await _end_orders_of(context, owner)
        await GroupKeeper(context).end_all()
    finally:
        left = [
            order.key for order in context.view.own_live_orders() if _may_be_left(context, order)
        ]
        if left:
            keys = ", ".join(left)
            context.log.error(f"orders that may be left at the exchange: {keys}", orders=left)


def _may_be_left(context: Context, order: Order) -> bool:
    policy = policy_of(context.config, order.attribution.owner)
    return policy.on_exit is PolicyAction.CANCEL or order.status in IN_DOUBT


async def _wait_for_requests(context: Context) -> None:
    with (
        trio.move_on_after(IN_FLIGHT_BUDGET_S),
        context.subscribe(ev.OrderChanged, policy=Policy.LOSSLESS) as changes,
    ):
        while any(_is_in_flight(order) for order in context.view.own_live_orders()):
            await changes.receive()


def _is_in_flight(order: Order) -> bool:
    return order.status in IN_FLIGHT or (order.pending is not None and not order.terms_unknown)


async def _end_orders_of(context: Context, owner: OrderOwner) -> None:
    action = policy_of(context.config, owner).on_exit
    orders = [o for o in context.view.own_live_orders() if o.attribution.owner is owner]
    if action is PolicyAction.CANCEL:
        outcome = await context.send(CancelOrders(owner=owner))
        log = context.log.info if outcome.ok else context.log.error
        log(f"{owner.value} orders at the stop: {outcome.sentence}")
    elif action is PolicyAction.EXPIRE and orders:
        context.log.info(
            f"{owner.value} orders at the stop: {len(orders)} end by themselves within "
            f"{context.config.trading.dead_man_s} s"
        )
    elif action is PolicyAction.KEEP and orders:
        keys = ", ".join(order.key for order in orders)
        context.log.info(
            f"{owner.value} orders at the stop: {len(orders)} stay at the exchange, as "
            f"trading.{owner.value}_orders.on_exit = keep says: {keys}"
        )
        for order in orders:
            if order.is_leased and order.status is OrderStatus.RESTING:
                under_way = RenewalsUnderWay(context.config.trading.unknown_quarantine_s)
                await set_expiry(context, order, order.good_until or NO_EXPIRY, under_way)


class OrderDesk:
    """Carries out order commands, each in a task of its own."""

    commands = (
        PlaceOrder,
        PlaceOrders,
        AmendOrder,
        DecreaseOrder,
        CancelOrder,
        CancelOrders,
        ResetStrategy,
    )

    def __init__(self, context: Context, nursery: trio.Nursery) -> None:
        """`nursery` is the service's: the search for an unknown order outlives its command."""
        self._context, self._nursery = context, nursery
        self._orders_in_doubt, self._amends_in_doubt = (
            OrderResolver(context),
            AmendResolver(context),
        )
        gate = context.shared.last_gate
        self.groups = GroupKeeper(context)
        self.canceller = OrderCanceller(context)
        under_way = RenewalsUnderWay(context.config.trading.unknown_quarantine_s)
        self._renewals = under_way
        self.keeper = OrderKeeper(context, self.canceller, nursery, under_way)
        self.placer = OrderPlacer(
            context,
            gate,
            self.groups,
            resolve=self._resolve,
            market_paused=self._leave_market_alone,
            halt=self._halt,
        )
        self.amender = OrderAmender(
            context, gate, under_way, resolve=self._resolve, halt=self._halt
        )

    def take_over(self) -> None:
        """Find out about what an earlier run of this service left without an answer; the keeper does the rest."""
        for ticker in tuple(self._context.view.conditions.markets_paused):
            self._nursery.start_soon(self._try_market_again, ticker)
        for order in self._context.view.own_live_orders():
            if order.is_leased:
                # A renewal of the earlier run may still arrive.
                self._renewals.unanswered(order.key, trio.current_time())
            if order.status in IN_FLIGHT and order.client_order_id is not None:
                tell_unknown(
                    self._context,
                    order.client_order_id,
                    "the order service ended before an answer came",
                    # No error of the exchange: a restart with many orders on their way must not trip the breaker.
                    is_counted=False,
                )
            elif order.status is OrderStatus.CANCELLING:
                # Nobody may know whether that cancel left; asking again is safe.
                self._nursery.start_soon(self.canceller.cancel, order.key)
            if _is_in_flight(order) and order.order_id is not None:
                self._context.publish(
                    ev.AmendOutcomeUnknown(
                        at=self._context.now(),
                        order_id=order.order_id,
                        sentence="the order service ended before an answer came",
                        is_counted=False,
                    )
                )
        for order in self._context.view.live_orders():
            self._resolve(order)

    def _resolve(self, order: Order) -> None:
        if order.status is OrderStatus.UNKNOWN:
            self._nursery.start_soon(self._orders_in_doubt.resolve, order)
        elif order.terms_unknown:
            self._nursery.start_soon(self._amends_in_doubt.resolve, order)

    async def handle(self, request: CommandRequest[Command, Outcome]) -> None:
        """Carry out one command and answer it."""
        await request.carry_out(self._carry_out)

    async def _carry_out(self, command: Command) -> Outcome:
        activity = self._context.shared.lifecycle.activity
        match command:
            case PlaceOrder():
                return await self.placer.place(command)
            case PlaceOrders():
                return await self.placer.place_many(command)
            case AmendOrder():
                return await self.amender.amend(command)
            case DecreaseOrder():
                return await self.amender.decrease(command)
            case CancelOrder():
                with activity():
                    return await self.canceller.cancel(command.key)
            case CancelOrders(ticker=ticker, strategy=strategy):
                if (unknown := unknown_scope(self._context, ticker, strategy)) is not None:
                    return Outcome(
                        answer=Answer.DENIED,
                        sentence=f"{unknown}, so no order was cancelled; check the name",
                    )
                with activity():
                    return await self.canceller.cancel_many(command)
            case ResetStrategy():
                return await self.groups.reset(command.strategy)
            case _:
                raise InvariantViolation(f"{type(command).__name__} is not an order command")

    def _leave_market_alone(self, ticker: MarketTicker, sentence: str) -> None:
        # The exchange says this of one halted market as well as of all of trading; which of them it is,
        # only its status tells, and calibration asks for that.
        self._context.publish(
            ev.VenuePaused(at=self._context.now(), sentence=sentence, ticker=ticker)
        )
        self._nursery.start_soon(self._try_market_again, ticker)

    async def _try_market_again(self, ticker: MarketTicker) -> None:
        await trio.sleep(MARKET_PAUSE_RETRY_S)
        self._context.publish(ev.VenueResumed(at=self._context.now(), ticker=ticker))

    def _halt(self, reason: str) -> None:
        self._context.publish(
            ev.HaltRaised(
                at=self._context.now(),
                halt_id="last_gate",
                author=ev.Author.MACHINE,
                reason=reason,
            )
        )
