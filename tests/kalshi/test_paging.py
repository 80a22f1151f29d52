"""Lists are read to their end, and a list that begins again is noticed."""

import msgspec
import pytest
import trio

from traderd.errors import ExchangeProtocolError, ExchangeUnavailable
from traderd.kalshi import paging
from traderd.kalshi.paging import read_pages, read_some_pages
from traderd.kalshi.request import Requester
from traderd.kalshi.transport import make_http_client
from traderd.kalshi.wire.portfolio import MarketPosition, PositionRows


def row(ticker, count="1.00"):
    return {
        "ticker": ticker,
        "position_fp": count,
        "market_exposure_dollars": "0",
        "realized_pnl_dollars": "0",
        "fees_paid_dollars": "0",
    }


def positions_of(page):
    rows = page.market_positions
    return [msgspec.json.decode(raw, type=MarketPosition) for raw in rows] if rows else rows


async def read(exchange):
    async with make_http_client(exchange.env, base_url=exchange.base_url) as http:
        rows = await read_pages(
            Requester(exchange.env, http, "/trade-api/v2", None),
            "/portfolio/positions",
            {"filter": "f"},
            PositionRows,
            positions_of,
            lambda position: position.ticker,
        )
    return [(position.ticker, position.position_fp) for position in rows]


def page(exchange, tickers, cursor="", **changes):
    exchange.reply(200, {"market_positions": [row(t) for t in tickers], "cursor": cursor} | changes)


async def test_cursors_are_followed_until_an_empty_one(exchange, autojump_clock):
    page(exchange, ["A", "B"], "c1")
    page(exchange, ["C"], "c2")
    page(exchange, [], "")
    assert [ticker for ticker, _ in await read(exchange)] == ["A", "B", "C"]
    assert [request.query for request in exchange.requests] == [
        {"filter": "f", "limit": "1000"},
        {"filter": "f", "limit": "1000", "cursor": "c1"},
        {"filter": "f", "limit": "1000", "cursor": "c2"},
    ]


@pytest.mark.parametrize("last", [{"cursor": None}, {"cursor": ""}])
async def test_the_last_page_may_say_so_in_any_way(exchange, autojump_clock, last):
    page(exchange, ["A"], **last)
    assert await read(exchange) == [("A", "1.00")]


async def test_a_list_may_be_null_or_the_cursor_missing(exchange, autojump_clock):
    exchange.reply(200, {"market_positions": None, "cursor": ""})
    assert await read(exchange) == []
    exchange.reply(200, {"market_positions": []})
    assert await read(exchange) == []
    exchange.reply(200, {"cursor": ""})
    assert await read(exchange) == []


async def test_an_empty_object_is_no_page_and_never_an_empty_account(exchange, autojump_clock):
    exchange.reply(200, {})
    with pytest.raises(ExchangeProtocolError, match="without rows and cursor"):
        await read(exchange)


async def test_a_row_that_moved_between_pages_is_kept_once_in_its_last_reading(
    exchange, autojump_clock
):
    page(exchange, ["A", "B"], "c1")
    exchange.reply(200, {"market_positions": [row("B", "2.00"), row("C")], "cursor": ""})
    assert await read(exchange) == [("A", "1.00"), ("B", "2.00"), ("C", "1.00")]


BEGINS_AGAIN = (
    ([("AB", "c1"), ("NAB", "c2")], "began again"),
    ([("ABC", "c1"), ("BC", "c2")], "began again"),
    ([("A", "c1"), ("B", "c2"), ("C", "c1")], "cursor came back"),
)
"""Pages that do not go on where the cursor pointed: a row came in, a page without news, a cursor that repeats."""


@pytest.mark.parametrize(("pages", "words"), BEGINS_AGAIN)
async def test_a_list_that_begins_again_is_read_anew(exchange, autojump_clock, pages, words):
    """R14: what changed under way is read whole or not at all."""
    for tickers, cursor in pages:
        page(exchange, tickers, cursor)
    page(exchange, ["N", "A"], "c1")
    page(exchange, ["B"], "")
    assert [ticker for ticker, _ in await read(exchange)] == ["N", "A", "B"]


@pytest.mark.parametrize(("pages", "words"), BEGINS_AGAIN)
async def test_a_list_that_never_stops_to_change_is_no_list(exchange, autojump_clock, pages, words):
    for _ in range(paging.READINGS_MAX):
        for tickers, cursor in pages:
            page(exchange, tickers, cursor)
    with pytest.raises(ExchangeUnavailable, match=f"{words}, 3 times"):
        await read(exchange)


async def test_paging_for_ever_is_an_error(exchange, autojump_clock, monkeypatch):
    monkeypatch.setattr(paging, "PAGES_MAX", 5)
    for number in range(5):
        page(exchange, [f"T{number}"], f"c{number}")
    with pytest.raises(ExchangeProtocolError, match="more than 5 pages"):
        await read(exchange)


async def test_a_failure_in_the_middle_is_never_a_shorter_list(exchange, autojump_clock):
    page(exchange, ["A"], "c1")
    exchange.reply(503)
    with pytest.raises(ExchangeUnavailable):
        await read(exchange)


async def test_some_pages_say_whether_they_were_all(exchange, autojump_clock):
    async def some(pages_max, pause_s=0.0):
        async with make_http_client(exchange.env, base_url=exchange.base_url) as http:
            return await read_some_pages(
                Requester(exchange.env, http, "/trade-api/v2", None),
                "/portfolio/positions",
                {},
                PositionRows,
                positions_of,
                lambda position: position.ticker,
                pages_max=pages_max,
                pause_s=pause_s,
            )

    page(exchange, ["A"], "c1")
    page(exchange, ["B"], "c2")
    cut = await some(2)
    assert ([row.ticker for row in cut.rows], cut.complete) == (["A", "B"], False)
    page(exchange, ["A"], "c1")
    page(exchange, ["B"])
    began = trio.current_time()
    whole = await some(2, pause_s=3.0)
    assert ([row.ticker for row in whole.rows], whole.complete) == (["A", "B"], True)
    # Between requests, not before the first or after the last.
    assert trio.current_time() - began == pytest.approx(3.0)
