"""Kalshi's REST API as methods over the model.

Owns: the reads; the writes are `order_calls`.
Must not: retry (a write may have happened; reads are the caller's to repeat), or keep state of orders.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from traderd.errors import ExchangeProtocolError
from traderd.kalshi.account_reads import AccountReads
from traderd.kalshi.auth import Signer
from traderd.kalshi.fee_reads import FeeReads
from traderd.kalshi.limit_reads import learn_limits
from traderd.kalshi.limits import Shares, Traffic
from traderd.kalshi.market_lists import MarketLists
from traderd.kalshi.order_calls import OrderCalls
from traderd.kalshi.order_reads import Listed, read_order, read_orders
from traderd.kalshi.request import Requester, RestStatistics
from traderd.kalshi.rows import RowReading
from traderd.kalshi.throttle import Throttle
from traderd.kalshi.transport import make_http_client, make_ssl_context, make_write_lines
from traderd.kalshi.wire import portfolio, rest
from traderd.kalshi.wire.account import OURS
from traderd.kalshi.wire.translate import (
    balance_from_wire,
    orderbook_from_wire,
)
from traderd.model.events import Levels
from traderd.model.ids import MarketTicker, OrderId
from traderd.model.orders import (
    BalanceRecord,
    Fill,
    OrderRecord,
    OrderStatus,
)
from traderd.model.rows import UnreadableRow
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.env import Env

ORDER_BOOKS_MAX: Final = 100
"""Bounds the books of one request (Kalshi: `tickers`, 1 to 100)."""


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
    shares: Shares | None = None,
) -> AsyncIterator[RestClient]:
    """Open a client for one exchange; `signer` None reads public data only, `shares` divide its token buckets.

    Nothing is sent on opening.  Errors of the body pass through as they are.  Cancelling closes the connections.
    """
    tls = ssl_context or make_ssl_context(base_url)
    throttle = Throttle(env.monotonic, shares)
    lines = make_write_lines(env, base_url=base_url, ssl_context=tls)
    try:
        async with make_http_client(env, base_url=base_url, ssl_context=tls) as http:
            prefix = urlsplit(base_url).path
            yield RestClient(Requester(env, http, prefix, signer, lines=lines, throttle=throttle))
    finally:
        with trio.CancelScope(shield=True):
            # Each is closed by force, which waits for nobody.
            await lines.aclose()


class RestClient(OrderCalls):
    """One exchange's REST API.

    Every method may raise ExchangeUnavailable, ExchangeRefused (AuthenticationRefused) and ExchangeProtocolError;
    writes (see OrderCalls) raise OutcomeUnknown where a read would raise the first or the last.  Cancelling a read is safe;
    cancelling a write leaves its outcome unknown.
    """

    def __init__(self, requester: Requester) -> None:
        self._all = requester
        self._requester = requester.of(Traffic.RECONCILE)
        self._data = requester.of(Traffic.DATA)
        self.account = AccountReads(self._requester)
        """Reads of settlements and of cash that came and went."""
        self.fees = FeeReads(self._data)
        """Reads of published fees."""
        self.lists = MarketLists(requester.of(Traffic.BULK))
        """Reads of markets, series and trades in bulk."""
        self.prompt_lists = MarketLists(self._data)
        """The same reads for what is followed and may have changed: searches of what is not must not hold them up."""

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus ours in milliseconds; 0 until an answer proves otherwise."""
        return self._requester.clock_offset_ms

    def statistics(self) -> RestStatistics:
        """Return the counters."""
        return self._requester.statistics()

    # --- limits and connections -------------------------------------------------------------------

    def for_kill(self) -> RestClient:
        """Return this client with everything that it sends, reads too, ahead of all other traffic."""
        return RestClient(self._all.of(Traffic.KILL, only=True))

    @property
    def throttle(self) -> Throttle:
        """The account's token buckets."""
        return self._all.throttle

    async def learn_limits(self) -> rest.AccountLimits:
        """Read the account's token buckets and the list of costs, and go by them from now on."""
        return await learn_limits(self._requester)

    async def keep_warm(self) -> None:
        """Keep connections for orders and for cancels ready until cancelled."""
        await self._all.keep_warm()

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
        answer = await self._data.get(endpoint, rest.OrderBookList, {"tickers": list(tickers)})
        read = BooksRead()
        for raw in answer.orderbooks or ():
            # One odd book must not hide a hundred others.
            try:
                row = rest.decode_body(raw, rest.TickerBook, f"GET {endpoint}")
                read.books[MarketTicker(row.ticker)] = orderbook_from_wire(row)
            except ExchangeProtocolError as exc:
                read.unreadable.append(str(exc))
        return read

    async def order(self, order_id: OrderId) -> OrderRecord | None:
        """Return one order, None when the exchange says that it does not exist."""
        found = await self.read_order(order_id)
        if isinstance(found, UnreadableRow):
            raise ExchangeProtocolError(f"GET /portfolio/orders/{order_id}: {found.words}")
        return found

    async def read_order(self, order_id: OrderId) -> Listed | None:
        """Return one order as far as it can be read, None when the exchange says that it does not exist."""
        return await read_order(self._requester, order_id)

    async def read_orders(
        self,
        *,
        status: OrderStatus | None = None,
        ticker: MarketTicker | None = None,
        since: Timestamp | None = None,
        everywhere: bool = False,
    ) -> RowReading[OrderRecord]:
        """Return all orders, newest first, and the rows that could not be read.

        `since` is cut to its second; `everywhere`: those of all subaccounts.
        """
        query = _query(
            status=status.value if status else None,
            ticker=ticker,
            min_ts=since,
            subaccount=None if everywhere else str(OURS),
        )
        return await read_orders(self._requester, query)

    async def read_fills(
        self,
        *,
        since: Timestamp | None = None,
        ticker: MarketTicker | None = None,
        order_id: OrderId | None = None,
    ) -> RowReading[Fill]:
        """Return all fills, newest first, and the rows that could not be read; `since` is cut to its second."""
        query = _query(ticker=ticker, order_id=order_id, min_ts=since, subaccount=str(OURS))
        return await self.account.fills(query)

    async def balance(self) -> BalanceRecord:
        """Return cash and the value of positions."""
        return balance_from_wire(await self._requester.get("/portfolio/balance", portfolio.Balance))


def _query(*, min_ts: Timestamp | None = None, **words: str | None) -> dict[str, str]:
    query = {name: word for name, word in words.items() if word is not None}
    return query if min_ts is None else query | {"min_ts": str(min_ts // NS_PER_S)}
