"""Order entry as it was until June 2026 (Kalshi: V1 order writes): served in the legacy dialect, gone in today's.

Owns: the paths, the replies with whole orders in them, and the three rules that V2 has no words for: market orders,
a maximum cost, and the floor under a position.
Must not: decide what the venue decides; V2's order desk carries everything out.
"""

from __future__ import annotations

import attrs
from msgspec import UNSET, UnsetType

from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.kalshi.wire.order_request import request_count, request_price
from traderd.kalshi.wire.request_body import decode_request, invalid_parameters
from traderd.kalshi.wire.rest import Wire
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import Side
from traderd.model.units import ONE_DOLLAR, Count, Price, format_count, notional
from traderd.paper import choices
from traderd.paper.rest.batches import decode_items
from traderd.paper.rest.call import (
    Access,
    Call,
    Desk,
    Handler,
    PerItem,
    Route,
    Routes,
    answer,
    refuse,
)
from traderd.paper.rest.legacy import MONEY_PER_CENT, whole
from traderd.paper.rest.legacy_portfolio import legacy_order
from traderd.paper.rest.order_desk import COST_CANCEL, COST_CREATE, OrderDesk, Whose, error_of
from traderd.paper.rest.order_replies import BatchReply
from traderd.paper.rest.order_requests import batch_size, decode_batch
from traderd.paper.rest.scope import asked_subaccount, one_subaccount
from traderd.paper.rest.v1_requests import (
    NO_FLOOR,
    AmendV1,
    CancelBatchV1,
    CancelItemV1,
    CreateV1,
    DecreaseV1,
    as_v2,
    count_of,
    price_of,
    reductions_of,
    side_of,
)
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import order_body
from traderd.paper.venue.collateral import acquired_price
from traderd.paper.venue.matching import crosses
from traderd.paper.venue.messages import AmendTerms, VenueRefusal
from traderd.paper.venue.records import VenueOrder

GONE = Refusal(
    status=410,
    code="deprecated_v1_order_endpoint",
    message="Please switch to the V2 endpoints",
    details="https://docs.kalshi.com/api-reference/orders/create-order-v2",
)


class CancelReplyV1(Wire, frozen=True, kw_only=True):
    """What a cancel did."""

    order: portfolio.Order
    reduced_by: int
    reduced_by_fp: str


class AmendReplyV1(Wire, frozen=True, kw_only=True):
    """An order before and after."""

    old_order: portfolio.Order
    order: portfolio.Order


class CreatedItemV1(Wire, frozen=True, kw_only=True):
    """What became of one order of a batch."""

    client_order_id: str | UnsetType = UNSET
    order: portfolio.Order | UnsetType = UNSET
    error: dict[str, str] | UnsetType = UNSET


class CanceledItemV1(Wire, frozen=True, kw_only=True):
    """What became of one cancel of a batch."""

    order_id: str
    order: portfolio.Order | UnsetType = UNSET
    reduced_by: int = 0
    reduced_by_fp: str = "0.00"
    error: dict[str, str] | UnsetType = UNSET


def routes(desk: Desk) -> Routes:
    """Return the V1 writes in the dialect that is spoken."""
    v1 = OrdersV1(OrderDesk(desk.venue))
    legacy = desk.settings.is_legacy

    def trade(handler: Handler, cost: int | PerItem = COST_CREATE) -> Route:
        return Route(handler=handler if legacy else _gone, access=Access.TRADE, cost=cost)

    return {
        "/portfolio/orders": {"POST": trade(v1.create)},
        "/portfolio/orders/batched": {
            "POST": trade(v1.create_batch, PerItem(COST_CREATE, batch_size)),
            "DELETE": trade(v1.cancel_batch, PerItem(COST_CANCEL, batch_size)),
        },
        "/portfolio/orders/{}": {"DELETE": trade(v1.cancel, COST_CANCEL)},
        "/portfolio/orders/{}/amend": {"POST": trade(v1.amend)},
        "/portfolio/orders/{}/decrease": {"POST": trade(v1.decrease)},
    }


def _gone(call: Call) -> Response:
    return refuse(GONE)


@attrs.frozen
class OrdersV1:
    """Handlers over one order desk."""

    desk: OrderDesk

    # --- create -----------------------------------------------------------------------------------

    def create(self, call: Call) -> Response:
        """`POST /portfolio/orders`: 201."""
        request = decode_request(call.request.body, CreateV1, "CreateOrderRequest")
        return answer(portfolio.OrderEnvelope(order=_body(self._place(call, request))), 201)

    def create_batch(self, call: Call) -> Response:
        """`POST /portfolio/orders/batched`: 201, whatever became of its items."""
        items = decode_batch(call.request.body, "BatchCreateOrdersRequest")
        requests = decode_items(items, CreateV1, "CreateOrderRequest")
        return answer(BatchReply(orders=[self._create_one(call, each) for each in requests]), 201)

    def _create_one(self, call: Call, request: CreateV1 | RequestRefused) -> CreatedItemV1:
        if isinstance(request, RequestRefused):
            return CreatedItemV1(error=error_of(request))
        client_order_id = request.client_order_id or UNSET
        try:
            order = self._place(call, request)
        except (RequestRefused, VenueRefusal) as exc:
            return CreatedItemV1(client_order_id=client_order_id, error=error_of(exc))
        return CreatedItemV1(client_order_id=client_order_id, order=_body(order))

    def _place(self, call: Call, request: CreateV1) -> VenueOrder:
        order = as_v2(request, lambda side: self._crossing_price(request.ticker, side))
        account = self.desk.venue.account(call.account_id)
        # A repeated create has to prove its first arrival, before anything that may have changed since.
        if request.client_order_id not in account.client_order_ids:
            self._check_cost(request, order)
            self._check_floor(call, request, order)
        return self.desk.place(call, order, in_no_terms=request.side == "no")

    def _crossing_price(self, ticker: str, side: Side) -> Price:
        grid = self.desk.venue.market(ticker).grid
        price = grid.floor(ONE_DOLLAR) if side is Side.BID else grid.ceil(Price(0))
        assert price is not None, "every grid has a price"
        return price

    def _check_cost(self, request: CreateV1, order: rest.CreateOrderRequest) -> None:
        # The order is fill or kill, so what the book asks for all of it now is what it will cost.
        if request.buy_max_cost is None:
            return
        side, limit, left = Side(order.side), request_price(order.price), request_count(order.count)
        cost = 0
        fees = self.desk.venue.market(request.ticker).fees
        for price, size in self.desk.venue.book_of(request.ticker).levels(side.opposite):
            if not left or not crosses(side, limit, price):
                break
            taken = min(left, size)
            cost += notional(acquired_price(side, price), taken)
            if choices.MAX_COST_HAS_FEES:
                cost += fees.trade_fee(price, taken, is_taker=True)
            left = Count(left - taken)
        if cost > request.buy_max_cost * MONEY_PER_CENT:
            raise VenueRefusal(409, "fill_or_kill_insufficient_resting_volume")

    def _check_floor(self, call: Call, request: CreateV1, order: rest.CreateOrderRequest) -> None:
        if request.sell_position_floor is None:
            return
        if request.action != "sell" or request.sell_position_floor != NO_FLOOR:
            raise invalid_parameters("sell_position_floor is for selling, and can only be 0")
        account = self.desk.venue.account(call.account_id)
        wallet = account.wallet(one_subaccount(call, request.subaccount))
        closable = wallet.closable(MarketTicker(request.ticker), Side(order.side))
        if closable < request_count(order.count):
            raise VenueRefusal(*choices.POSITION_FLOOR)

    # --- cancel -----------------------------------------------------------------------------------

    def cancel(self, call: Call) -> Response:
        """`DELETE /portfolio/orders/{order_id}`."""
        whose = Whose(subaccount=asked_subaccount(call, call.query("CancelOrder")))
        reply = self.desk.cancel(call, call.parameter, whose)
        body = CancelReplyV1(
            order=_body(reply.order),
            reduced_by=whole(reply.reduced_by),
            reduced_by_fp=format_count(reply.reduced_by),
        )
        return answer(body)

    def cancel_batch(self, call: Call) -> Response:
        """`DELETE /portfolio/orders/batched`, whose items are in a JSON body."""
        request = decode_request(call.request.body, CancelBatchV1, "BatchCancelOrdersRequest")
        return answer(BatchReply(orders=[self._cancel_one(call, each) for each in request.items()]))

    def _cancel_one(self, call: Call, item: CancelItemV1) -> CanceledItemV1:
        whose = Whose(subaccount=item.subaccount, engine=item.exchange_index)
        try:
            reply = self.desk.cancel(call, item.order_id, whose)
        except (RequestRefused, VenueRefusal) as exc:
            return CanceledItemV1(order_id=item.order_id, error=error_of(exc))
        return CanceledItemV1(
            order_id=item.order_id,
            order=_body(reply.order),
            reduced_by=whole(reply.reduced_by),
            reduced_by_fp=format_count(reply.reduced_by),
        )

    # --- changes ----------------------------------------------------------------------------------

    def amend(self, call: Call) -> Response:
        """`POST /portfolio/orders/{order_id}/amend`."""
        request = decode_request(call.request.body, AmendV1, "AmendOrderRequest")
        order = self.desk.venue.order(call.account_id, call.parameter)
        price = price_of(request)
        count = count_of(request.count, request.count_fp)
        current, renamed = request.client_order_id, request.updated_client_order_id
        terms = AmendTerms(
            ticker=MarketTicker(request.ticker),
            side=side_of(request.action, request.side),
            price=order.price if price is None else price,
            count=order.initial_count if count is None else count,
            client_order_id=ClientOrderId(current) if current else None,
            updated_client_order_id=ClientOrderId(renamed) if renamed else None,
        )
        reply = self.desk.amend(call, call.parameter, terms, self._whose(call, request))
        return answer(AmendReplyV1(old_order=_body(reply.before), order=_body(reply.order)))

    def decrease(self, call: Call) -> Response:
        """`POST /portfolio/orders/{order_id}/decrease`."""
        request = decode_request(call.request.body, DecreaseV1, "DecreaseOrderRequest")
        by, to = reductions_of(request)
        order = self.desk.decrease(call, call.parameter, by, to, self._whose(call, request))
        return answer(portfolio.OrderEnvelope(order=_body(order)))

    def _whose(self, call: Call, request: AmendV1 | DecreaseV1) -> Whose:
        # V1 took the subaccount in the body, and its successors in the query.
        asked = asked_subaccount(call, call.query("ChangeOrder"))
        subaccount = request.subaccount if request.subaccount is not None else asked
        return Whose(subaccount=subaccount, engine=request.exchange_index)


def _body(order: VenueOrder) -> portfolio.Order:
    return legacy_order(order_body(order), order)
