"""The private routes: create and cancel orders, and read what the account has (Kalshi: order entry, portfolio).

Owns: the way from bodies and queries to the venue and back. One engine and one subaccount exist: index 0 of each.
Must not: decide what the venue decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from traderd.kalshi.wire import portfolio, rest, serve
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.kalshi.wire.order_request import decode_create_order, order_terms_from_request
from traderd.model.ids import ClientOrderId, EventTicker
from traderd.model.orders import BalanceRecord, OrderStatus
from traderd.model.units import NS_PER_MS, format_count
from traderd.paper.rest.call import Call, answer, refuse
from traderd.paper.rest.query import Query, page_of, within
from traderd.paper.serving.http_server import Response
from traderd.paper.to_wire import (
    created_body,
    event_position_body,
    fill_record,
    order_body,
    position_body,
)
from traderd.paper.venue.accounts import Position
from traderd.paper.venue.messages import VenueFill, VenueOrder
from traderd.paper.venue.venue import Venue

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
EVENTS_MAX: Final = 10
FILL_TICKERS_MAX: Final = 100
SUBACCOUNT_MAX: Final = 63
ENGINES: Final = (None, -1, 0)
"""What `exchange_index` may be: not given, find it, and the one engine there is."""

ORDER_STATUSES: Final = {
    "resting": OrderStatus.RESTING,
    "canceled": OrderStatus.CANCELED,
    "executed": OrderStatus.EXECUTED,
}
V1_GONE: Final = Refusal(
    status=410,
    code="deprecated_v1_order_endpoint",
    message="Please switch to the V2 endpoints",
    details="https://docs.kalshi.com/api-reference/orders/create-order-v2",
)
ACCOUNT_LIMITS: Final = {
    "usage_tier": "basic",
    "read": {"refill_rate": 200, "bucket_capacity": 600},
    "write": {"refill_rate": 100, "bucket_capacity": 100},
    "grants": [],
}
"""The Basic tier (Kalshi: account limits); the paper exchange does not enforce it."""


@attrs.frozen
class Portfolio:
    """Handlers over one venue."""

    venue: Venue

    def create_order(self, call: Call) -> Response:
        """`POST /portfolio/events/orders`: 201 exactly."""
        request = decode_create_order(call.request.body)
        _check_placement(request)
        terms = order_terms_from_request(request)
        order = self.venue.create_order(
            call.account_id,
            terms,
            ClientOrderId(request.client_order_id) if request.client_order_id else None,
            call.now,
            cancel_on_pause=bool(request.cancel_order_on_pause),
        )
        return answer(created_body(order), 201)

    def cancel_order(self, call: Call) -> Response:
        """`DELETE /portfolio/events/orders/{order_id}`."""
        query = call.query("CancelOrderV2")
        elsewhere = _elsewhere(query)
        ticker = query.text("market_ticker")
        order = self.venue.order(call.account_id, call.parameter)
        if elsewhere or ticker not in (None, order.ticker):
            raise RequestRefused(Refusal(status=404, code="not_found", message="not found"))
        reply = self.venue.cancel_order(call.account_id, order.order_id, call.now)
        body = rest.CancelReply(
            order_id=order.order_id,
            reduced_by=format_count(reply.reduced_by),
            ts_ms=call.now // NS_PER_MS,
        )
        return answer(body)

    def gone(self, call: Call) -> Response:
        """Any V1 order write: 410 since June 2026."""
        return refuse(V1_GONE)

    def orders(self, call: Call) -> Response:
        """`GET /portfolio/orders`, newest first."""
        query = call.query("GetOrders")
        limit, cursor = _page(query)
        status = query.choice("status", tuple(ORDER_STATUSES))
        events = query.words("event_ticker", at_most=EVENTS_MAX)
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        kept: Sequence[VenueOrder] = ()
        if not _elsewhere(query):
            orders = self.venue.orders(
                call.account_id,
                ticker=query.text("ticker"),
                status=None if status is None else ORDER_STATUSES[status],
            )
            kept = [
                order
                for order in orders
                if within(order.created_at, low, high)
                and (not events or self._event(order.ticker) in events)
            ]
        page, following = page_of(kept, lambda o: o.order_id, limit=limit, cursor=cursor)
        bodies = [order_body(order) for order in page]
        return answer(portfolio.OrderList(orders=bodies, cursor=following))

    def order(self, call: Call) -> Response:
        """`GET /portfolio/orders/{order_id}`."""
        order = self.venue.order(call.account_id, call.parameter)
        return answer(portfolio.OrderEnvelope(order=order_body(order)))

    def fills(self, call: Call) -> Response:
        """`GET /portfolio/fills`, newest first."""
        query = call.query("GetFills")
        limit, cursor = _page(query)
        tickers = query.words("ticker", at_most=FILL_TICKERS_MAX)
        low, high = query.seconds("min_ts"), query.seconds("max_ts")
        kept: Sequence[VenueFill] = ()
        if not _elsewhere(query):
            fills = self.venue.fills(call.account_id, order_id=query.text("order_id"))
            kept = [
                fill
                for fill in fills
                if within(fill.at, low, high) and (not tickers or fill.ticker in tickers)
            ]
        # A trade's id is shared by both its sides, so the order's id belongs to the name of a fill.
        page, following = page_of(
            kept, lambda f: f"{f.trade_id}/{f.order_id}", limit=limit, cursor=cursor
        )
        bodies = [serve.fill_to_wire(fill_record(fill)) for fill in page]
        return answer(portfolio.FillList(fills=bodies, cursor=following))

    def positions(self, call: Call) -> Response:
        """`GET /portfolio/positions`."""
        query = call.query("GetPositions")
        limit, cursor = _page(query)
        wanted = query.words("count_filter", at_most=2)
        settled = query.choice("settlement_status", ("unsettled", "settled", "all")) == "settled"
        ticker, event = query.text("ticker"), query.text("event_ticker")
        kept: Sequence[Position] = ()
        # Nothing settles yet, so nothing is found among the settled.
        if not settled and not _elsewhere(query):
            kept = [
                position
                for position in self.venue.positions(call.account_id)
                if ticker in (None, position.ticker)
                and event in (None, self._event(position.ticker))
                and _counts(position, wanted)
            ]
        page, following = page_of(kept, lambda p: p.ticker, limit=limit, cursor=cursor)
        by_event: dict[EventTicker, list[Position]] = {}
        for position in page:
            by_event.setdefault(self._event(position.ticker), []).append(position)
        body = portfolio.PositionList(
            cursor=following,
            market_positions=[position_body(position) for position in page],
            event_positions=[event_position_body(e, group) for e, group in by_event.items()],
        )
        return answer(body)

    def balance(self, call: Call) -> Response:
        """`GET /portfolio/balance`: what is available, collateral of resting orders already taken off."""
        _elsewhere(call.query("GetBalance"))
        held = self.venue.balance(call.account_id)
        record = BalanceRecord(balance=held.available, portfolio_value=held.portfolio_value)
        return answer(serve.balance_to_wire(record, updated_at=call.now))

    def limits(self, call: Call) -> Response:
        """`GET /account/limits`."""
        return answer(ACCOUNT_LIMITS)

    def _event(self, ticker: str) -> EventTicker:
        return self.venue.market(ticker).event_ticker


def _page(query: Query) -> tuple[int, str | None]:
    limit = query.integer("limit", LIMIT_DEFAULT, low=1, high=LIMIT_MAX)
    return limit, query.text("cursor")


def _elsewhere(query: Query) -> bool:
    """Tell whether a query is about another engine or subaccount than the only ones there are."""
    subaccount = query.integer("subaccount", 0, low=0, high=SUBACCOUNT_MAX)
    return subaccount != 0 or query.integer("exchange_index", 0, low=-1, high=1000) > 0


def _counts(position: Position, wanted: Sequence[str]) -> bool:
    amounts = {"position": position.count, "total_traded": position.total_traded}
    return not wanted or any(amounts.get(name) for name in wanted)


def _check_placement(request: rest.CreateOrderRequest) -> None:
    if request.exchange_index not in ENGINES:
        raise RequestRefused(
            Refusal(status=404, code="market_not_found", message="market not found")
        )
    if request.subaccount not in (None, 0):
        raise RequestRefused(
            Refusal(
                status=400,
                code="invalid_parameters",
                message="invalid parameters",
                details="this account has no subaccounts",
            )
        )
    if request.order_group_id:
        raise RequestRefused(
            Refusal(status=404, code="order_group_not_found", message="order group not found")
        )
