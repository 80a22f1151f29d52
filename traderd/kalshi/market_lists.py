"""Bulk reads of what is public: markets by filter, series of a category, trades of a market.

Owns: the queries, and that bulk reads are slow on purpose: they share the account's read tokens with what trading needs.
Must not: choose among markets, or remember what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote

import attrs
import msgspec
import trio
from msgspec import UnsetType

from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.paging import Reading, read_some_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import events, rest
from traderd.kalshi.wire.decoder import latest_believed
from traderd.kalshi.wire.translate import listing_from_wire, trade_from_wire
from traderd.model.events import TradePrinted
from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import Market, MarketListing
from traderd.model.units import NS_PER_S, Timestamp

W = TypeVar("W")

TICKERS_PER_REQUEST: Final = 100
"""Bounds the URL: about 4 KiB."""
PAUSE_S: Final = 0.2
"""Between two requests of a bulk read: 50 of the 200 tokens a second that the lowest tier may read."""
NOT_FOUND: Final = 404
MARKET_PAGES_MAX: Final = 100
"""Bounds one search: 100 000 markets, more than are ever open in the series that one daemon follows."""


Known: TypeAlias = Callable[[MarketTicker], Market | None]
"""Gives a market as it is known to who asks: one that reads alike is that one, so that a list read again is not kept twice."""


def nothing_known(_: MarketTicker) -> None:
    """Return None: whoever asks knows no market, or keeps none of what is read."""
    return


@attrs.frozen(kw_only=True)
class Search:
    """What was found."""

    listings: tuple[MarketListing, ...]
    complete: bool = True
    """False: there were more than MARKET_PAGES_MAX pages."""
    unreadable: dict[MarketTicker, str] = attrs.Factory(dict)
    """Why markets were left out: one odd market must not hide the others."""


@attrs.frozen
class MarketLists:
    """Bulk reads of one exchange; they raise as reads of the REST client do, and cancelling is safe."""

    _requester: Requester

    async def listings(
        self, tickers: Sequence[MarketTicker], *, known: Known = nothing_known
    ) -> Search:
        """Return these markets; one that the exchange does not know is missing from the answer."""
        found: list[MarketListing] = []
        unreadable: dict[MarketTicker, str] = {}
        for start in range(0, len(tickers), TICKERS_PER_REQUEST):
            if start:
                await trio.sleep(PAUSE_S)
            names = ",".join(tickers[start : start + TICKERS_PER_REQUEST])
            found += (await self._read({"tickers": names}, unreadable, known)).rows
        return Search(listings=tuple(found), unreadable=unreadable)

    async def find(
        self,
        *,
        series: SeriesTicker | None = None,
        event: EventTicker | None = None,
        status: str | None = None,
        known: Known = nothing_known,
    ) -> Search:
        """Return the markets of a series, of an event or of the whole exchange, combos left out.

        Args:
            series: only those of this series.
            event: only those of this event.
            status: a word of the filter, which are not those of the field (Kalshi: `open` is `active`).
            known: markets that need no second copy.
        """
        words = {"series_ticker": series, "event_ticker": event, "status": status}
        query = {name: word for name, word in words.items() if word}
        unreadable: dict[MarketTicker, str] = {}
        # A combo cannot be traded like a market (Kalshi: RFQ only), and there are tens of thousands.
        reading = await self._read(query | {"mve_filter": "exclude"}, unreadable, known)
        return Search(
            listings=tuple(reading.rows), complete=reading.complete, unreadable=unreadable
        )

    async def is_exclusive(self, event: EventTicker) -> bool:
        """Tell whether at most one market of an event pays, as the exchange describes it."""
        envelope = await self._requester.get(f"/events/{event}", events.EventEnvelope)
        return envelope.event.mutually_exclusive

    async def series_of(self, category: str) -> tuple[SeriesTicker, ...]:
        """Return the series of a category, which is compared exactly."""
        answer = await self._requester.get("/series", rest.SeriesList, {"category": category})
        return tuple(SeriesTicker(series.ticker) for series in answer.series or ())

    async def categories(self) -> tuple[str, ...]:
        """Return the names of all categories."""
        path = "/search/tags_by_categories"
        answer = await self._requester.get(path, rest.CategoryTags)
        return tuple(answer.tags_by_categories or ())

    async def knows_series(self, ticker: SeriesTicker) -> bool:
        """Tell whether there is such a series, whatever markets it has."""
        return await self._knows(f"/series/{quote(ticker, safe='')}")

    async def knows_event(self, ticker: EventTicker) -> bool:
        """Tell whether there is such an event."""
        return await self._knows(f"/events/{quote(ticker, safe='')}")

    async def _knows(self, path: str) -> bool:
        try:
            await self._requester.get(path, rest.Anything)
        except ExchangeRefused as exc:
            # A 404 without the exchange's own word may be a proxy's.
            if exc.status == NOT_FOUND and exc.code == "not_found":
                return False
            raise
        return True

    async def trades(
        self,
        ticker: MarketTicker,
        *,
        since: Timestamp,
        until: Timestamp | None = None,
        pages_max: int,
    ) -> Reading[TradePrinted]:
        """Return a market's trades, newest first; incomplete, the oldest are missing, or one that cannot be read.

        Args:
            ticker: the market's.
            since: from the second of this moment on, by the exchange's clock.
            until: to the end of the second of this one, None to the newest; one that is still to come may be refused.
            pages_max: how many pages of 1 000 are read.
        """
        query = {"ticker": ticker, "min_ts": str(since // NS_PER_S)}
        if until is not None:
            query["max_ts"] = str(until // NS_PER_S + 1)
        odd: list[str] = []
        reading = await read_some_pages(
            self._requester,
            "/markets/trades",
            query,
            rest.TradeList,
            lambda page: _rows(page.trades, rest.Trade, "trade", lambda _, why: odd.append(why)),
            lambda row: row.trade_id,
            pages_max=pages_max,
            pause_s=PAUSE_S,
        )
        at = Timestamp(self._requester.env.wall_ns())
        latest = latest_believed(at, self._requester.clock_offset_ms)
        trades: list[TradePrinted] = []
        for row in reading.rows:
            try:
                trades.append(trade_from_wire(row, at=at, latest=latest))
            except ExchangeProtocolError as exc:
                odd.append(str(exc))
        return Reading(trades, reading.complete and not odd, odd[0] if odd else "")

    async def _read(
        self, query: dict[str, str], unreadable: dict[MarketTicker, str], known: Known
    ) -> Reading[MarketListing]:
        # Page by page, because a market as it is sent is twenty times what is kept of it.
        return await read_some_pages(
            self._requester,
            "/markets",
            query,
            rest.MarketList,
            lambda page: _listings(page, unreadable, known),
            lambda listing: listing.market.ticker,
            pages_max=MARKET_PAGES_MAX,
            pause_s=PAUSE_S,
        )


def _rows(
    raws: list[msgspec.Raw] | UnsetType | None,
    kind: type[W],
    what: str,
    leave_out: Callable[[msgspec.Raw, str], None],
) -> list[W] | UnsetType | None:
    # One odd row must not hide the others.
    if not isinstance(raws, list):
        return raws
    rows: list[W] = []
    for raw in raws:
        try:
            rows.append(rest.decode_body(raw, kind, what))
        except ExchangeProtocolError as exc:
            leave_out(raw, str(exc))
    return rows


def _listings(
    page: rest.MarketList, unreadable: dict[MarketTicker, str], known: Known
) -> list[MarketListing] | UnsetType | None:
    def leave_out(raw: msgspec.Raw, why: str) -> None:
        unreadable[_ticker_of(raw)] = why

    rows = _rows(page.markets, rest.MarketRead, "market", leave_out)
    if not isinstance(rows, list):
        return rows
    listings: list[MarketListing] = []
    for row in rows:
        try:
            listing = listing_from_wire(row)
        except ExchangeProtocolError as exc:
            unreadable[MarketTicker(row.ticker)] = str(exc)
            continue
        before = known(listing.market.ticker)
        if before == listing.market:
            listing = attrs.evolve(listing, market=before)
        listings.append(listing)
    return listings


def _ticker_of(raw: msgspec.Raw) -> MarketTicker:
    # Empty where not even that can be read.
    try:
        return MarketTicker(rest.decode_body(raw, rest.Named, "market").ticker)
    except ExchangeProtocolError:
        return MarketTicker("")
