"""The order service: the only one that sends, cancels and finds out about orders.

Owns: the way of a command from the risk gate to its outcome. Judging, reserving and handing to the journal
happen without an `await` between them; the intent is on disk before the request leaves; no write is ever
repeated. What stays unclear is fenced by the engine and resolved by `order_resolver`.
Must not: decide what to trade.
"""

from __future__ import annotations

import attrs
import trio

from traderd.config import Config
from traderd.core.last_gate import LastGate
from traderd.core.orders import Order
from traderd.errors import (
    ExchangeRefused,
    ExchangeUnavailable,
    InvariantViolation,
    OutcomeUnknown,
    StoreError,
)
from traderd.model import events as ev
from traderd.model.commands import (
    Answer,
    CancelOrder,
    CancelOrders,
    Command,
    Outcome,
    PlaceOrder,
)
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import OrderOwner, OrderStatus, OrderTerms
from traderd.model.units import show_count, show_price
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Policy
from traderd.services.context import Context
from traderd.services.order_cancel import OrderCanceller
from traderd.services.order_resolver import OrderResolver

DUPLICATE_CODE = "order_already_exists"
EXCHANGE_PAUSED = "exchange_is_paused"
TRADING_PAUSED = "trading_is_paused"
MARKET_PAUSE_RETRY_S = 30.0
"""How long a market that refused an order as paused is left alone."""
IN_FLIGHT = (OrderStatus.INTENT, OrderStatus.SENT)
IN_DOUBT = (*IN_FLIGHT, OrderStatus.UNKNOWN)
IN_FLIGHT_BUDGET_S = 1.0
"""Bounds the drain's wait for requests under way: an order still in flight then is unknown, and resolved at the next start."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the order service when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="orders", run=run, after=("risk",), on_crash=OnCrash.HALT, drain=drain)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve order commands until cancelled; a request in flight then becomes an unknown outcome."""
    async with trio.open_nursery() as nursery:
        resolver = OrderResolver(context)
        desk = OrderDesk(context, nursery, resolver)
        with (
            context.shared.commands.serve(PlaceOrder, CancelOrder, CancelOrders) as requests,
            context.subscribe(ev.OrderChanged, policy=Policy.LOSSLESS) as changes,
        ):
            nursery.start_soon(desk.canceller.watch, changes)
            task_status.started()
            desk.take_over()
            async for request in requests:
                nursery.start_soon(desk.handle, request)


async def drain(context: Context) -> None:
    """Cancel what strategies have resting, and verify it; orders of people stay.

    Cancelling gives up; also then the orders that may be left at the exchange are told by name.
    """
    try:
        await _end_orders_of_strategies(context)
    finally:
        left = [order.key for order in context.view.own_live_orders() if _may_be_left(order)]
        if left:
            keys = ", ".join(left)
            context.log.error(f"orders that may be left at the exchange: {keys}", orders=left)


def _may_be_left(order: Order) -> bool:
    return order.attribution.owner is OrderOwner.STRATEGY or order.status in IN_DOUBT


async def _end_orders_of_strategies(context: Context) -> None:
    with (
        trio.move_on_after(IN_FLIGHT_BUDGET_S),
        context.subscribe(ev.OrderChanged, policy=Policy.LOSSLESS) as changes,
    ):
        while any(o.status in IN_FLIGHT for o in context.view.own_live_orders()):
            await changes.receive()
    outcome = await context.send(CancelOrders(owner=OrderOwner.STRATEGY))
    log = context.log.info if outcome.ok else context.log.error
    log(f"strategy orders at the stop: {outcome.sentence}")


class OrderDesk:
    """Carries out order commands, each in a task of its own."""

    def __init__(self, context: Context, nursery: trio.Nursery, resolver: OrderResolver) -> None:
        """`nursery` is the service's: the search for an unknown order outlives its command."""
        self._context, self._nursery, self._resolver = context, nursery, resolver
        self._gate = LastGate()
        self.canceller = OrderCanceller(context)

    def take_over(self) -> None:
        """Find out about the orders that an earlier run of this service left without an answer."""
        for ticker in tuple(self._context.view.conditions.markets_paused):
            self._nursery.start_soon(self._try_market_again, ticker)
        for order in self._context.view.own_live_orders():
            if order.status in IN_FLIGHT and order.client_order_id is not None:
                self._unknown(
                    order.client_order_id, "the order service ended before an answer came"
                )
            elif order.status is OrderStatus.UNKNOWN:
                self._nursery.start_soon(self._resolver.resolve, order)
            elif order.status is OrderStatus.CANCELLING:
                # Nobody may know whether that cancel left; asking again is safe.
                self._nursery.start_soon(self.canceller.cancel, order.key)

    async def handle(self, request: CommandRequest[Command, Outcome]) -> None:
        """Carry out one command and answer it."""
        activity = self._context.shared.lifecycle.activity
        with request as command:
            match command:
                case PlaceOrder():
                    request.answer(await self.place(command))
                case CancelOrder():
                    with activity():
                        request.answer(await self.canceller.cancel(command.key))
                case CancelOrders():
                    with activity():
                        request.answer(await self.canceller.cancel_many(command))
                case _:
                    raise InvariantViolation(f"{type(command).__name__} is not an order command")

    async def place(self, command: PlaceOrder) -> Outcome:
        """Place one order; cancelling after it left makes its outcome unknown, never lost."""
        context, terms, owner = self._context, command.terms, command.attribution.owner
        denied = context.view.judge(terms, owner=owner, now=context.now())
        if denied is not None:
            context.publish(
                ev.OrderDenied(
                    at=context.now(),
                    terms=terms,
                    attribution=command.attribution,
                    rule=denied.rule,
                    sentence=denied.sentence,
                )
            )
            return Outcome(
                answer=Answer.DENIED, sentence=f"denied by rule {denied.rule}: {denied.sentence}"
            )
        # Only what is really under way makes the daemon `acting`, not what was denied.
        doubt = self._doubt(terms.ticker)
        with context.shared.lifecycle.activity():
            outcome = await self._intend_and_send(command)
        return attrs.evolve(outcome, sentence=outcome.sentence + doubt) if outcome.ok else outcome

    def _doubt(self, ticker: MarketTicker) -> str:
        # A person may trade on a book that no strategy may; it is said what they traded on.
        view, now = self._context.view, self._context.now()
        quality = view.quality(ticker, now)
        if quality is None or quality.grade.is_at_least(view.limits.min_book_grade):
            return ""
        return f"; book grade {quality.grade.value}: {'; '.join(quality.causes)}"

    async def _intend_and_send(self, command: PlaceOrder) -> Outcome:
        context, terms = self._context, command.terms
        key = context.shared.order_ids.next_id()
        # From the verdict to the journal nothing may wait: a second order judged in between would
        # not see this one.
        context.publish(
            ev.OrderIntended(
                at=context.now(), client_order_id=key, terms=terms, attribution=command.attribution
            )
        )
        self._gate.admit(key, terms)
        try:
            await context.shared.journal.wait_durable(context.shared.journal.position)
        except StoreError as exc:
            self._gate.withdraw(key)
            return self._not_placed(key, f"not sent, because it could not be journaled: {exc}")
        except trio.Cancelled:
            self._gate.withdraw(key)
            self._not_placed(key, "not sent, because the daemon was stopped before that")
            raise
        # While the disk wrote, a person may have halted, or the daemon may have left its working state.
        stopped = context.view.judge_conditions(terms)
        if stopped is not None:
            self._gate.withdraw(key)
            return self._not_placed(key, f"not sent: {stopped.sentence}")
        return await self._send(key, terms)

    async def _send(self, key: ClientOrderId, terms: OrderTerms) -> Outcome:
        context = self._context
        try:
            self._gate.let_out(key, terms)
        except InvariantViolation as exc:
            self._halt(str(exc))
            return self._not_placed(key, str(exc))
        context.publish(ev.OrderSent(at=context.now(), client_order_id=key))
        try:
            placed = await context.venue.rest.create_order(key, terms)
        except ExchangeRefused as exc:
            return self._refused(key, exc)
        except ExchangeUnavailable as exc:
            return self._not_placed(key, f"not sent: {exc}")
        except OutcomeUnknown as exc:
            return self._unknown(key, str(exc))
        except trio.Cancelled:
            self._unknown(key, "the daemon was stopped while the request was in flight")
            raise
        context.publish(
            ev.OrderAccepted(
                at=context.now(),
                client_order_id=key,
                order_id=placed.order_id,
                fill_count=placed.fill_count,
                remaining_count=placed.remaining_count,
            )
        )
        return Outcome(answer=Answer.DONE, sentence=self._describe(key), key=key)

    def _refused(self, key: ClientOrderId, refusal: ExchangeRefused) -> Outcome:
        if refusal.code == DUPLICATE_CODE:
            # The id was burned by this very order: an earlier attempt of ours arrived after all.
            return self._unknown(key, str(refusal))
        code = "post_only_cross" if refusal.details == "post only cross" else refusal.code
        at = self._context.now()
        if code == EXCHANGE_PAUSED:
            self._context.publish(ev.VenuePaused(at=at, sentence=refusal.message))
        elif code == TRADING_PAUSED:
            self._market_paused(key, refusal.message)
        self._context.publish(
            ev.OrderRejected(at=at, client_order_id=key, code=code, sentence=str(refusal))
        )
        self._context.log.warning(f"order rejected: {refusal}", order=key, code=code)
        return Outcome(answer=Answer.REJECTED, sentence=str(refusal), key=key)

    def _market_paused(self, key: ClientOrderId, sentence: str) -> None:
        # The exchange says this of one halted market as well as of all of trading; which of them it is,
        # only its status tells, and calibration asks for that.
        order = self._context.view.order(key)
        assert order is not None, "an order that was sent is in the register"
        self._context.publish(
            ev.VenuePaused(at=self._context.now(), sentence=sentence, ticker=order.ticker)
        )
        self._nursery.start_soon(self._try_market_again, order.ticker)

    async def _try_market_again(self, ticker: MarketTicker) -> None:
        await trio.sleep(MARKET_PAUSE_RETRY_S)
        self._context.publish(ev.VenueResumed(at=self._context.now(), ticker=ticker))

    def _not_placed(self, key: ClientOrderId, sentence: str) -> Outcome:
        at = self._context.now()
        self._context.publish(ev.OrderNotPlaced(at=at, client_order_id=key, sentence=sentence))
        self._context.log.warning(f"order not placed: {sentence}", order=key)
        return Outcome(answer=Answer.UNAVAILABLE, sentence=sentence, key=key)

    def _unknown(self, key: ClientOrderId, sentence: str) -> Outcome:
        at = self._context.now()
        self._context.publish(ev.OrderOutcomeUnknown(at=at, client_order_id=key, sentence=sentence))
        order = self._context.view.order(key)
        self._context.log.error(
            f"the outcome of an order is unknown, its market is fenced: {sentence}", order=key
        )
        if order is not None and order.status is OrderStatus.UNKNOWN:
            self._nursery.start_soon(self._resolver.resolve, order)
        return Outcome(answer=Answer.UNKNOWN, sentence=sentence, key=key)

    def _halt(self, reason: str) -> None:
        self._context.publish(
            ev.HaltRaised(
                at=self._context.now(),
                halt_id="last_gate",
                author=ev.Author.MACHINE,
                reason=reason,
            )
        )

    def _describe(self, key: ClientOrderId) -> str:
        order = self._context.view.order(key)
        assert order is not None, "an accepted order is in the register"
        return describe_order(order)


def describe_order(order: Order) -> str:
    """Return an order for people: `bid 5 @ $0.4500 of TICKER rests`."""
    words = {
        OrderStatus.RESTING: "rests",
        OrderStatus.EXECUTED: "is filled",
        OrderStatus.CANCELED: "ended without resting",
    }
    status = words.get(order.status, f"is {order.status.value}")
    # The reply tells the count at once; the fills themselves may come later.
    count = max(order.filled, order.reported_filled)
    filled = "" if count == 0 else f", {show_count(count)} filled"
    return (
        f"{order.side.value} {show_count(order.count)} @ {show_price(order.price)} of "
        f"{order.ticker} {status}{filled}"
    )
