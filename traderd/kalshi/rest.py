"""Kalshi's REST API as methods over the model.

Owns: the endpoints, and what a write's answer must have to be believed.
Must not: retry (a write may have happened; reads are the caller's to repeat), limit the rate, or keep state of orders.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlsplit

import attrs
from msgspec import UNSET, UnsetType

from traderd.errors import (
    ExchangeProtocolError,
    ExchangeRefused,
    OutcomeUnknown,
    UnitError,
)
from traderd.kalshi.auth import Signer
from traderd.kalshi.market_lists import MarketLists
from traderd.kalshi.paging import read_pages
from traderd.kalshi.request import Requester, RestStatistics
from traderd.kalshi.transport import make_http_client
from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.numbers import Number
from traderd.kalshi.wire.order_request import create_order_request
from traderd.kalshi.wire.translate import (
    balance_from_wire,
    fill_from_wire,
    order_record_from_wire,
    orderbook_from_wire,
    position_from_wire,
)
from traderd.model.events import Levels
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
    OrderTerms,
    PositionRecord,
)
from traderd.model.units import NS_PER_S, Count, Timestamp, parse_count
from traderd.runtime.env import Env

ORDER_BOOKS_MAX: Final = 100
"""Bounds the books of one request (Kalshi: `tickers`, 1 to 100)."""


@attrs.frozen(kw_only=True)
class PlacedOrder:
    """The exchange has the order; what is neither filled nor remaining was canceled at once."""

    order_id: OrderId
    fill_count: Count
    remaining_count: Count


@attrs.frozen(kw_only=True)
class Canceled:
    """The exchange took this much off the book; less than expected when a fill was faster."""

    reduced_by: Count


@attrs.frozen(eq=False)
class BooksRead:
    """What one request for order books brought."""

    books: dict[MarketTicker, tuple[Levels, Levels]] = attrs.Factory(dict)
    """Bids and asks in YES prices."""
    unreadable: list[str] = attrs.Factory(list)
    """Why each of the others could not be read."""


@asynccontextmanager
async def open_rest(
    *,
    env: Env,
    base_url: str,
    signer: Signer | None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[RestClient]:
    """Open a client for one exchange; `signer` None reads public data only.

    Nothing is sent on opening.  Errors of the body pass through as they are.  Cancelling closes the connections.
    """
    async with make_http_client(env, base_url=base_url, ssl_context=ssl_context) as http:
        yield RestClient(Requester(env, http, urlsplit(base_url).path, signer))


class RestClient:
    """One exchange's REST API.

    Every method may raise ExchangeUnavailable, ExchangeRefused (AuthenticationRefused) and ExchangeProtocolError;
    the two writes raise OutcomeUnknown where a read would raise the first or the last.  Cancelling a read is safe;
    cancelling a write leaves its outcome unknown.
    """

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self.lists = MarketLists(requester)
        """Reads of markets, series and trades in bulk."""

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus ours in milliseconds; 0 until an answer proves otherwise."""
        return self._requester.clock_offset_ms

    def statistics(self) -> RestStatistics:
        """Return the counters."""
        return self._requester.statistics()

    # --- reads ------------------------------------------------------------------------------------

    async def exchange_status(self) -> rest.ExchangeStatus:
        """Return whether the exchange takes orders; a 5xx that says so in the same shape is an answer too."""
        endpoint = "GET /exchange/status"
        answer = await self._requester.send("GET", "/exchange/status")
        if answer.status >= 500:
            try:
                return rest.decode_body(answer.body, rest.ExchangeStatus, endpoint)
            except ExchangeProtocolError:
                raise self._requester.refusal(answer, endpoint, writes=False) from None
        return self._requester.decode(answer, rest.ExchangeStatus, endpoint)

    async def order_books(self, tickers: Sequence[MarketTicker]) -> BooksRead:
        """Return bids and asks in YES prices of these markets; one that the exchange leaves out is missing.

        One request: the caller names at most ORDER_BOOKS_MAX markets, and asks for more when it suits.
        """
        endpoint = "/markets/orderbooks"
        answer = await self._requester.get(endpoint, rest.OrderBookList, {"tickers": list(tickers)})
        read = BooksRead()
        for raw in answer.orderbooks or ():
            # One odd book must not hide a hundred others.
            try:
                row = rest.decode_body(raw, rest.TickerBook, f"GET {endpoint}")
                read.books[MarketTicker(row.ticker)] = orderbook_from_wire(row)
            except ExchangeProtocolError as exc:
                read.unreadable.append(str(exc))
        return read

    async def account_limits(self) -> rest.AccountLimits:
        """Return the account's token buckets."""
        return await self._requester.get("/account/limits", rest.AccountLimits)

    async def order(self, order_id: OrderId) -> OrderRecord | None:
        """Return one order, None when the exchange says that it does not exist."""
        try:
            envelope = await self._requester.get(
                f"/portfolio/orders/{quote(order_id, safe='')}", portfolio.OrderEnvelope
            )
        except ExchangeRefused as exc:
            # A 404 without the exchange's own word may be a proxy's.
            if exc.status == 404 and exc.code == "not_found":
                return None
            raise
        return order_record_from_wire(envelope.order)

    async def orders(
        self,
        *,
        status: OrderStatus | None = None,
        ticker: MarketTicker | None = None,
        since: Timestamp | None = None,
    ) -> tuple[OrderRecord, ...]:
        """Return all orders, newest first; `since` is cut to its second."""
        rows = await read_pages(
            self._requester,
            "/portfolio/orders",
            _query(status=status.value if status else None, ticker=ticker, min_ts=since),
            portfolio.OrderList,
            lambda page: page.orders,
            lambda row: row.order_id,
        )
        return tuple(order_record_from_wire(row) for row in rows)

    async def fills(
        self,
        *,
        since: Timestamp | None = None,
        ticker: MarketTicker | None = None,
        order_id: OrderId | None = None,
    ) -> tuple[Fill, ...]:
        """Return all fills, newest first; `since` is cut to its second."""
        rows = await read_pages(
            self._requester,
            "/portfolio/fills",
            _query(ticker=ticker, order_id=order_id, min_ts=since),
            portfolio.FillList,
            lambda page: page.fills,
            lambda row: f"{row.trade_id} {row.order_id}",
        )
        at = Timestamp(self._requester.env.wall_ns())
        return tuple(fill_from_wire(row, at=at) for row in rows)

    async def positions(self) -> tuple[PositionRecord, ...]:
        """Return the positions in unsettled markets; they lag fills by about a second."""
        rows = await read_pages(
            self._requester,
            "/portfolio/positions",
            {},
            portfolio.PositionList,
            lambda page: page.market_positions,
            lambda row: row.ticker,
        )
        return tuple(position_from_wire(row) for row in rows)

    async def balance(self) -> BalanceRecord:
        """Return cash and the value of positions."""
        return balance_from_wire(await self._requester.get("/portfolio/balance", portfolio.Balance))

    # --- writes -----------------------------------------------------------------------------------

    async def create_order(self, client_order_id: ClientOrderId, terms: OrderTerms) -> PlacedOrder:
        """Place one order; sent once, never again.

        Raises:
            ExchangeUnavailable: there was no connection, nothing was sent.
            ExchangeRefused: a clear no, no order exists (409 `order_already_exists`: an earlier send arrived).
            OutcomeUnknown: anything else; look the order up before anything new is sent to its market.
        """
        endpoint = "POST /portfolio/events/orders"
        answer = await self._requester.send(
            "POST",
            "/portfolio/events/orders",
            body=rest.encode_body(create_order_request(terms, client_order_id)),
            writes=True,
        )
        reply = self._requester.decode(answer, rest.CreateOrderReply, endpoint, writes=True)
        _same(endpoint, "client_order_id", reply.client_order_id or UNSET, client_order_id)
        if not reply.order_id:
            raise OutcomeUnknown(f"{endpoint}: the answer has no order id")
        return PlacedOrder(
            order_id=OrderId(reply.order_id),
            fill_count=_count(endpoint, "fill_count", reply.fill_count),
            remaining_count=_count(endpoint, "remaining_count", reply.remaining_count),
        )

    async def cancel_order(self, order_id: OrderId, ticker: MarketTicker) -> Canceled:
        """Cancel one order; `ticker` routes the request to the engine that holds it.

        Raises:
            ExchangeUnavailable: there was no connection, nothing was sent.
            ExchangeRefused: a clear no; 404 `not_found` means gone, by a fill or a cancel.
            OutcomeUnknown: anything else.
        """
        endpoint = "DELETE /portfolio/events/orders/{order_id}"
        answer = await self._requester.send(
            "DELETE",
            f"/portfolio/events/orders/{quote(order_id, safe='')}",
            params={"market_ticker": ticker},
            writes=True,
        )
        reply = self._requester.decode(answer, rest.CancelReply, endpoint, writes=True)
        _same(endpoint, "order_id", reply.order_id, order_id)
        return Canceled(reduced_by=_count(endpoint, "reduced_by", reply.reduced_by))


def _query(*, min_ts: Timestamp | None = None, **words: str | None) -> dict[str, str]:
    query = {name: word for name, word in words.items() if word is not None}
    return query if min_ts is None else query | {"min_ts": str(min_ts // NS_PER_S)}


def _count(endpoint: str, field: str, number: Number) -> Count:
    # Only writes come here: an answer that cannot be read says nothing about what happened.
    try:
        count = parse_count(number, what=field)
    except UnitError as exc:
        raise OutcomeUnknown(f"{endpoint}: {exc}") from exc
    if count < 0:
        raise OutcomeUnknown(f"{endpoint}: {field} {number} is below 0")
    return count


def _same(endpoint: str, field: str, told: str | UnsetType | None, ours: str) -> None:
    # Kalshi's replies could describe a wrong order.
    if isinstance(told, str) and told != ours:
        raise OutcomeUnknown(f"{endpoint}: the answer is about another {field}: {told!r}")
