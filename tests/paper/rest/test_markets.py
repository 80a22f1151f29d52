"""One market or all that pass the filters."""

import pytest

from tests.paper.rest.reads import Reader
from tests.paper.venues import CLOSE, NOW, list_market, market, venue
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result, VenueMarket

SECOND = NS_PER_S
FUTURE, OPEN, PAUSED, CLOSED, SETTLED = (
    "KXA-1-FUT",
    "KXA-1-OPEN",
    "KXA-2-PAU",
    "KXB-1-CLO",
    "KXB-2-SET",
)
NOW_S, CLOSE_S = NOW // NS_PER_S, CLOSE // NS_PER_S
ALL = [FUTURE, OPEN, PAUSED, CLOSED, SETTLED]


def listed(ticker: str, created: int = 0) -> VenueMarket:
    made = market(ticker)
    made.created_at = Timestamp(NOW + created * SECOND)
    return made


def one_of_each(**settings) -> Reader:
    """Return a reader at 61 s with a market of each status, created 1 s apart."""
    built = venue(*(listed(ticker, n) for n, ticker in enumerate(ALL[1:], 1)))
    reader = Reader(built, ExchangeSettings(**settings))
    future = listed(FUTURE)
    future.status, future.open_time = future.status.INITIALIZED, Timestamp(NOW + 3000 * SECOND)
    list_market(built, future)
    built.floor.markets = {ticker: built.floor.markets[ticker] for ticker in ALL}
    built.life.pause(PAUSED, NOW)
    built.life.close(CLOSED, NOW)
    built.life.determine(SETTLED, Result.YES, None, NOW)
    reader.later(61)
    return reader


def tickers(reader: Reader, query: str) -> list[str]:
    return [each["ticker"] for each in reader.get(f"/markets{query}")["markets"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("?status=unopened", [FUTURE]),
        ("?status=open", [OPEN]),
        ("?status=paused", [PAUSED]),
        ("?status=closed", [CLOSED]),
        ("?status=settled", [SETTLED]),
        ("?event_ticker=KXA-1", [FUTURE, OPEN]),
        ("?series_ticker=KXB", [CLOSED, SETTLED]),
        ("?series_ticker=KXA&status=open", [OPEN]),
        (f"?tickers={CLOSED},{OPEN},NOPE", [OPEN, CLOSED]),
        ("?event_ticker=NOPE", []),
        ("?mve_filter=only", []),
        ("?mve_filter=exclude&limit=0", ALL),
        (f"?min_created_ts={NOW_S + 3}", [CLOSED, SETTLED]),
        (f"?max_created_ts={NOW_S + 1}&status=open", [OPEN]),
        (f"?max_close_ts={NOW_S}", [CLOSED, SETTLED]),
        (f"?min_close_ts={CLOSE_S}", [FUTURE, OPEN, PAUSED]),
        (f"?min_close_ts={NOW_S}&status=closed", [CLOSED]),
        (f"?min_settled_ts={NOW_S + 60}&max_settled_ts={NOW_S + 61}", [SETTLED]),
        (f"?max_settled_ts={NOW_S}&status=settled", []),
        (f"?min_updated_ts={NOW_S}", [SETTLED]),
        (f"?max_updated_ts={NOW_S}", [FUTURE, OPEN, PAUSED, CLOSED]),
        (f"?min_updated_ts={NOW_S - 1}&series_ticker=KXB&mve_filter=exclude", [CLOSED, SETTLED]),
        ("?cursor=garbage", ALL),
    ],
)
def test_markets_are_filtered(query, expected):
    assert tickers(one_of_each(), query) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("status=active", "invalid status filter"),
        ("status=finalized", "invalid status filter"),
        ("min_created_ts=1&max_close_ts=2", "min_created_ts and max_created_ts cannot be combined"),
        ("min_settled_ts=1&min_updated_ts=1", "only one filter by time"),
        ("min_created_ts=1&status=closed", "cannot be combined with status closed"),
        ("min_close_ts=1&status=open", "cannot be combined with status open"),
        ("max_settled_ts=1&status=paused", "cannot be combined with status paused"),
        ("min_updated_ts=1&status=open", "cannot be combined with status open"),
        ("min_updated_ts=1&event_ticker=A", "only be combined with mve_filter=exclude"),
        ("min_updated_ts=1&tickers=A", "only be combined with mve_filter=exclude"),
        ("min_updated_ts=1&mve_filter=only", "only be combined with mve_filter=exclude"),
        ("min_updated_ts=1&series_ticker=A", "requires mve_filter=exclude"),
    ],
)
def test_what_does_not_go_together_is_refused_in_the_nested_shape(query, words):
    reader = one_of_each()
    status, text = reader.refusal(f"/markets?{query}")
    assert status == 400
    assert words in text
    assert (
        b'"code":"bad_request","message":"bad request"' in reader.response(f"/markets?{query}").body
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "limit=1001",
            "'GetMarketsParams.Limit' Error:Field validation for 'Limit' failed on the 'lte'",
        ),
        ("limit=-1", "'gte' tag"),
        ("limit=ten", "invalid syntax"),
        ("min_close_ts=1790000000000", "MinCloseTs"),
        ("mve_filter=combo", "MveFilter"),
        ("tickers=" + ",".join(map(str, range(1001))), "'max' tag"),
    ],
)
def test_what_is_out_of_range_is_refused_in_the_msg_shape(query, words):
    status, text = one_of_each().refusal(f"/markets?{query}")
    assert status == 400
    assert words in text


def test_markets_come_in_pages_that_go_on_behind_what_changed():
    reader = one_of_each()
    first = reader.get("/markets?limit=2&status=open")
    assert first["cursor"] == ""
    first = reader.get("/markets?limit=3")
    assert [each["ticker"] for each in first["markets"]] == ALL[:3]
    rest = reader.get(f"/markets?limit=3&cursor={first['cursor']}")
    assert [each["ticker"] for each in rest["markets"]] == ALL[3:]
    assert rest["cursor"] == ""


def test_one_market_and_one_that_is_not_there():
    reader = one_of_each()
    assert reader.get(f"/markets/{OPEN}")["market"]["ticker"] == OPEN
    assert reader.get("/markets/KXA%2D1-OPEN")["market"]["ticker"] == OPEN
    assert reader.refusal("/markets/NOPE") == (404, "market_not_found")


def test_what_settled_before_the_cutoff_is_not_live():
    reader = one_of_each(historical_after_s=30)
    assert SETTLED in tickers(reader, "")
    reader.later(31)
    assert tickers(reader, "") == ALL[:-1]
    assert tickers(reader, f"?tickers={SETTLED}") == []
    assert reader.refusal(f"/markets/{SETTLED}") == (404, "market_not_found")
