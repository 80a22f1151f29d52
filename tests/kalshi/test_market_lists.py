"""Bulk reads: what is asked, in which pace, and that one odd market does not hide the others."""

import pytest
import trio

from tests.kalshi.test_rest import MARKET, opened
from traderd.errors import ExchangeProtocolError, ExchangeRefused
from traderd.kalshi.market_lists import (
    MARKET_PAGES_MAX,
    PAUSE_S,
    TICKERS_PER_REQUEST,
    Search,
)
from traderd.model.events import TradePrinted
from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp

A, B, C = (MarketTicker(letter) for letter in "ABC")
TRADE = {
    "trade_id": "t1",
    "ticker": "A",
    "count_fp": "7.77",
    "yes_price_dollars": "0.5200",
    "no_price_dollars": "0.4800",
    "taker_outcome_side": "yes",
    "taker_book_side": "bid",
    "created_time": "2026-11-14T15:48:42.609997Z",
    "is_block_trade": False,
}


def market(ticker, **changes):
    return MARKET | {"ticker": ticker} | changes


async def test_listings_have_volume_and_open_time(exchange, autojump_clock):
    row = market("A", volume_24h_fp="12.50", open_time="2026-11-15T06:29:30Z", status="initialized")
    exchange.reply(200, {"markets": [row], "cursor": ""})
    async with opened(exchange) as client:
        (found,) = (await client.lists.listings([A, B])).listings
    assert (found.market.ticker, found.volume_24h) == ("A", 1_250)
    assert found.market.open_time == 1_794_724_170 * NS_PER_S
    assert found.market.status is MarketStatus.INITIALIZED
    (request,) = exchange.requests
    assert (request.path, request.query["tickers"]) == ("/trade-api/v2/markets", "A,B")


async def test_a_market_without_an_open_time_has_none(exchange, autojump_clock):
    exchange.reply(200, {"markets": [market("A")], "cursor": ""})
    async with opened(exchange) as client:
        (found,) = (await client.lists.listings([A])).listings
    assert (found.market.open_time, found.volume_24h) == (None, 0)


async def test_many_tickers_are_asked_for_in_several_requests_with_a_pause(
    exchange, autojump_clock
):
    for _ in range(3):
        exchange.reply(200, {"markets": [], "cursor": ""})
    tickers = [MarketTicker(f"M{number}") for number in range(2 * TICKERS_PER_REQUEST + 1)]
    began = trio.current_time()
    async with opened(exchange) as client:
        assert await client.lists.listings(tickers) == Search(listings=())
    sizes = [len(request.query["tickers"].split(",")) for request in exchange.requests]
    assert sizes == [TICKERS_PER_REQUEST, TICKERS_PER_REQUEST, 1]
    assert trio.current_time() - began >= 2 * PAUSE_S


@pytest.mark.parametrize(
    ("place", "query"),
    [
        ({"series": SeriesTicker("KXS"), "status": "open"}, "series_ticker=KXS&status=open"),
        ({"event": EventTicker("KXS-1")}, "event_ticker=KXS-1"),
        ({}, ""),
    ],
)
async def test_a_search_asks_for_its_place_and_never_for_combos(
    exchange, autojump_clock, place, query
):
    exchange.reply(200, {"markets": [market("A")], "cursor": "c1"})
    exchange.reply(200, {"markets": [market("B")], "cursor": ""})
    began = trio.current_time()
    async with opened(exchange) as client:
        search = await client.lists.find(**place)
    assert [listing.market.ticker for listing in search.listings] == ["A", "B"]
    assert search.complete
    expected = [part for part in (*query.split("&"), "mve_filter=exclude", "limit=1000") if part]
    assert exchange.requests[0].target.partition("?")[2].split("&") == expected
    assert exchange.requests[1].query["cursor"] == "c1"
    assert trio.current_time() - began >= PAUSE_S


async def test_one_odd_market_does_not_hide_the_others(exchange, autojump_clock):
    rows = [market("A"), market("B", price_ranges=[]), market("C", volume_24h_fp="many")]
    rows += [market("D", status=5), market("E" * 1_000), 7]
    exchange.reply(200, {"markets": rows, "cursor": ""})
    exchange.reply(200, {"markets": rows, "cursor": ""})
    async with opened(exchange) as client:
        for search in (await client.lists.find(), await client.lists.listings([A, B, C])):
            assert [listing.market.ticker for listing in search.listings] == [A]
            # The last two have no name that anybody could follow.
            assert sorted(search.unreadable) == ["", B, C, "D"]
            assert search.unreadable[B].startswith("market B: ")
            assert search.unreadable["D"].startswith("market: ")


async def test_a_market_that_reads_as_it_is_known_is_the_known_one(exchange, autojump_clock):
    for title in ("t", "t", "another"):
        exchange.reply(200, {"markets": [market("A", title=title)], "cursor": ""})
    async with opened(exchange) as client:
        (first,) = (await client.lists.find()).listings
        (again,) = (await client.lists.find(known=lambda ticker: first.market)).listings
        (changed,) = (await client.lists.listings([A], known=lambda ticker: first.market)).listings
    assert again.market is first.market
    assert changed.market.title == "another"


async def test_an_answer_without_markets_and_cursor_is_no_empty_list(exchange, autojump_clock):
    exchange.reply(200, {})
    async with opened(exchange) as client:
        with pytest.raises(ExchangeProtocolError, match="without rows and cursor"):
            await client.lists.find()


async def test_a_page_of_odd_markets_only_does_not_end_the_search(exchange, autojump_clock):
    exchange.reply(200, {"markets": [market("A")], "cursor": "c1"})
    exchange.reply(200, {"markets": [market("B", price_ranges=[])], "cursor": "c2"})
    exchange.reply(200, {"markets": [market("C")], "cursor": ""})
    async with opened(exchange) as client:
        search = await client.lists.find()
    assert [listing.market.ticker for listing in search.listings] == ["A", "C"]
    assert (search.complete, len(search.unreadable)) == (True, 1)


async def test_an_endless_search_ends_and_says_so(exchange, autojump_clock):
    for number in range(MARKET_PAGES_MAX):
        exchange.reply(200, {"markets": [market(f"M{number}")], "cursor": f"c{number}"})
    async with opened(exchange) as client:
        search = await client.lists.find()
    assert (len(search.listings), search.complete) == (MARKET_PAGES_MAX, False)


async def test_the_series_of_a_category(exchange, autojump_clock):
    exchange.reply(200, {"series": [{"ticker": "KXA", "title": "a"}, {"ticker": "KXB"}]})
    exchange.reply(200, {"series": None})
    async with opened(exchange) as client:
        assert await client.lists.series_of("Climate and Weather") == ("KXA", "KXB")
        assert await client.lists.series_of("Nothing") == ()
    assert exchange.requests[0].query == {"category": "Climate and Weather"}


async def test_trades_are_read_from_a_second_on_and_marked_as_late(exchange, autojump_clock):
    block = TRADE | {"trade_id": "t0", "is_block_trade": True}
    exchange.reply(200, {"trades": [TRADE, block], "cursor": "more"})
    since = Timestamp(1_794_671_322 * NS_PER_S + 999)
    async with opened(exchange) as client:
        reading = await client.lists.trades(MarketTicker("A"), since=since, pages_max=1)
    assert not reading.complete
    trade, agreed = reading.rows
    assert (agreed.trade_id, agreed.is_block) == ("t0", True)
    assert trade == TradePrinted(
        trade_id="t1",
        ticker=MarketTicker("A"),
        price=Price(5_200),
        count=Count(777),
        taker_side=Side.BID,
        at=trade.at,
        exchange_at=Timestamp(1_794_671_322_609_997_000),
        backfilled=True,
    )
    (request,) = exchange.requests
    assert request.query == {"ticker": "A", "min_ts": "1794671322", "limit": "1000"}


async def test_trades_can_be_read_to_the_end_of_a_second(exchange, autojump_clock):
    exchange.reply(200, {"trades": [], "cursor": ""})
    async with opened(exchange) as client:
        await client.lists.trades(
            A, since=Timestamp(5), until=Timestamp(9 * NS_PER_S + 1), pages_max=1
        )
    (request,) = exchange.requests
    assert (request.query["min_ts"], request.query["max_ts"]) == ("0", "10")


@pytest.mark.parametrize(
    "changes",
    [
        {"taker_book_side": "ask"},
        {"trade_id": ""},
        {"count_fp": "x"},
        {"created_time": ""},
        {"created_time": "1969-12-31T23:59:59Z"},
        {"created_time": "2040-01-01T00:00:00Z"},
        {"created_time": 5},
        {"trade_id": "x" * 1_000},
    ],
)
async def test_a_trade_that_cannot_be_read_hides_no_other_and_is_told(
    exchange, autojump_clock, changes
):
    rows = [TRADE | {"trade_id": "t2"} | changes, TRADE]
    exchange.reply(200, {"trades": rows, "cursor": ""})
    async with opened(exchange) as client:
        reading = await client.lists.trades(MarketTicker("A"), since=Timestamp(0), pages_max=1)
    assert [trade.trade_id for trade in reading.rows] == ["t1"]
    assert not reading.complete
    assert reading.unreadable.startswith("trade")


async def test_the_categories_are_those_of_the_search(exchange, autojump_clock):
    exchange.reply(200, {"tags_by_categories": {"Sports": ["Baseball"], "World": None}})
    async with opened(exchange) as client:
        assert await client.lists.categories() == ("Sports", "World")
    assert exchange.requests[0].path == "/trade-api/v2/search/tags_by_categories"


async def test_a_series_or_event_exists_unless_the_exchange_itself_says_no(
    exchange, autojump_clock
):
    gone = {"error": {"code": "not_found", "message": "not found"}}
    exchange.reply(200, {"series": {}})
    exchange.reply(404, gone)
    exchange.reply(404, {"message": "a proxy"})
    async with opened(exchange) as client:
        assert await client.lists.knows_series(SeriesTicker("KXS"))
        assert not await client.lists.knows_event(EventTicker("KX/E"))
        with pytest.raises(ExchangeRefused):
            await client.lists.knows_event(EventTicker("KXE"))
    assert [request.path for request in exchange.requests[:2]] == [
        "/trade-api/v2/series/KXS",
        "/trade-api/v2/events/KX%2FE",
    ]
