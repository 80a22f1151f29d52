"""Public trades, live and archived, held against a capture's fields."""

import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import NOW, TICKER, ask, bid, market, terms, venue
from traderd.model.units import NS_PER_S
from traderd.paper.settings import ExchangeSettings

OTHER = "KXDEMO-26DEC31-B"
CAPTURED_FIELDS = {
    "count_fp",
    "created_time",
    "is_block_trade",
    "no_price_dollars",
    "taker_book_side",
    "taker_outcome_side",
    "taker_side",
    "ticker",
    "trade_id",
    "yes_price_dollars",
}
"""Of a public trade on the demo in June 2026."""
NOW_S = NOW // NS_PER_S


def traded(settings=None) -> Reader:
    """Return a reader after three trades, 10 s apart: 1 at 0.52, 2.5 at 0.47, and 1 of the other market."""
    built = venue(market(), market(OTHER))
    reader = Reader(built, settings)
    for order in (ask("5", "0.52"), bid("5", "0.47"), terms("bid", "1", "0.10", ticker=OTHER)):
        built.create_order("ann", order, None, reader.now)
    for order in (bid("1", "0.52"), ask("2.5", "0.47"), terms("ask", "1", "0.10", ticker=OTHER)):
        built.create_order("bob", order, None, reader.now)
        reader.later(10)
    return reader


def counts(reader: Reader, query: str = "", path: str = "/markets/trades") -> list[str]:
    return [trade["count_fp"] for trade in reader.get(path + query)["trades"]]


def test_trades_are_newest_first_and_tell_the_takers_side():
    shown = traded().get(f"/markets/trades?ticker={TICKER}")
    told = [
        (each["taker_book_side"], each["taker_outcome_side"], each["taker_side"], each["count_fp"])
        for each in shown["trades"]
    ]
    assert told == [("ask", "no", "no", "2.50"), ("bid", "yes", "yes", "1.00")]
    assert shown["trades"][0]["yes_price_dollars"] == "0.4700"
    assert shown["trades"][0]["no_price_dollars"] == "0.5300"
    assert all(each.keys() == CAPTURED_FIELDS for each in shown["trades"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1.00", "2.50", "1.00"]),
        (f"?ticker={OTHER}", ["1.00"]),
        ("?is_block_trade=true", []),
        ("?is_block_trade=false", ["1.00", "2.50", "1.00"]),
        (f"?min_ts={NOW_S + 10}", ["1.00", "2.50"]),
        (f"?max_ts={NOW_S + 10}", ["2.50", "1.00"]),
        (f"?min_ts={NOW_S + 1}&max_ts={NOW_S + 9}", []),
        ("?ticker=NOPE", []),
    ],
)
def test_trades_are_filtered(query, expected):
    assert counts(traded(), query) == expected


def test_trades_come_in_pages_that_news_do_not_move():
    reader = traded()
    first = reader.get(f"/markets/trades?limit=1&ticker={TICKER}")
    reader.venue.create_order("bob", bid("0.5", "0.52"), None, reader.now)
    rest = reader.get(f"/markets/trades?limit=1&ticker={TICKER}&cursor={first['cursor']}")
    assert [each["count_fp"] for each in rest["trades"]] == ["1.00"]
    assert rest["cursor"] == ""


def test_bad_parameters_are_refused():
    reader = traded()
    assert "GetTrades" in reader.refusal("/markets/trades?limit=1001")[1]
    assert "'oneof' tag" in reader.refusal("/markets/trades?is_block_trade=maybe")[1]
    assert "invalid syntax" in reader.refusal("/markets/trades?min_ts=x&is_block_trade=true")[1]


def test_each_trade_is_on_one_side_of_the_cutoff():
    reader = traded(ExchangeSettings(historical_after_s=20))
    # It is 30 s later, so what traded before 10 s is history, and what traded then is not.
    assert counts(reader) == ["1.00", "2.50"]
    assert counts(reader, path="/historical/trades") == ["1.00"]
    reader.later(1)
    assert counts(reader) == ["1.00"]
    assert counts(reader, path="/historical/trades") == ["2.50", "1.00"]
    assert counts(reader, f"?max_ts={NOW_S + 5}", "/historical/trades") == ["1.00"]
    assert counts(reader, f"?ticker={OTHER}", "/historical/trades") == []


def test_december_2025_has_integers_beside_it():
    trade = traded(LEGACY).get(f"/markets/trades?ticker={TICKER}")["trades"][0]
    assert (trade["count"], trade["yes_price"], trade["no_price"], trade["price"]) == (
        2,
        47,
        53,
        0.47,
    )
    assert trade.keys() > CAPTURED_FIELDS
