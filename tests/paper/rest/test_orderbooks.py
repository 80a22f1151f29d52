"""Books of one market and of several, held against a capture."""

import json
from pathlib import Path

import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import NOW, TICKER, ask, bid, market, terms, venue
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result

OTHER = "KXDEMO-26DEC31-B"
CAPTURE = Path(__file__).parents[2] / "data" / "rest_market_and_orderbook_20260809.json"


def reader(settings=None) -> Reader:
    built = venue(market(), market(OTHER))
    for order in (bid("10", "0.45"), bid("3.5", "0.47"), ask("3", "0.52"), ask("5", "0.54")):
        built.create_order("ann", order, None, NOW)
    built.create_order("ann", terms("ask", "1", "0.90", ticker=OTHER), None, NOW)
    return Reader(built, settings)


BOOK = {
    "yes_dollars": [["0.4500", "10.00"], ["0.4700", "3.50"]],
    "no_dollars": [["0.4600", "5.00"], ["0.4800", "3.00"]],
}


def test_the_book_shows_bids_of_both_sides_ascending():
    assert reader().get(f"/markets/{TICKER}/orderbook") == {"orderbook_fp": BOOK}
    captured = json.loads(CAPTURE.read_bytes())["orderbook"]
    assert captured.keys() == {"orderbook_fp"}
    for side in captured["orderbook_fp"].values():
        assert side == sorted(side)


@pytest.mark.parametrize("depth", ["0", "-1", "100", ""])
def test_depth_may_ask_for_everything(depth):
    assert reader().get(f"/markets/{TICKER}/orderbook?depth={depth}")["orderbook_fp"] == BOOK


def test_depth_keeps_the_best_of_each_side():
    shown = reader().get(f"/markets/{TICKER}/orderbook?depth=1")["orderbook_fp"]
    assert shown == {"yes_dollars": [["0.4700", "3.50"]], "no_dollars": [["0.4800", "3.00"]]}


def test_an_empty_side_is_a_list():
    shown = reader().get(f"/markets/{OTHER}/orderbook")["orderbook_fp"]
    assert shown == {"yes_dollars": [], "no_dollars": [["0.1000", "1.00"]]}


def test_several_books_come_in_the_order_asked_for():
    books = reader().get(f"/markets/orderbooks?tickers={OTHER}&tickers=NOPE&tickers={TICKER}")
    assert [each["ticker"] for each in books["orderbooks"]] == [OTHER, TICKER]
    assert books["orderbooks"][1] == {"ticker": TICKER, "orderbook_fp": BOOK}
    assert reader().get(f"/markets/orderbooks?tickers={OTHER},{TICKER}") == reader().get(
        f"/markets/orderbooks?tickers={OTHER}&tickers={TICKER}"
    )


def test_what_cannot_be_asked_for():
    asked = reader()
    assert asked.refusal("/markets/NOPE/orderbook") == (404, "market_not_found")
    assert "'lte' tag" in asked.refusal(f"/markets/{TICKER}/orderbook?depth=101")[1]
    assert "'required' tag" in asked.refusal("/markets/orderbooks")[1]
    many = "&".join(f"tickers={n}" for n in range(101))
    assert "'max' tag" in asked.refusal(f"/markets/orderbooks?{many}")[1]


def test_history_has_no_book():
    asked = reader(ExchangeSettings(historical_after_s=1))
    asked.venue.life.determine(OTHER, Result.NO, None, NOW)
    asked.later(60)
    asked.later(2)
    assert asked.refusal(f"/markets/{OTHER}/orderbook") == (404, "market_not_found")
    assert asked.get(f"/markets/orderbooks?tickers={OTHER}") == {"orderbooks": []}


def test_december_2025_has_whole_contracts_beside_it():
    shown = reader(LEGACY).get(f"/markets/{TICKER}/orderbook?depth=1")
    assert shown["orderbook_fp"]["yes_dollars"] == [["0.4700", "3.50"]]
    assert shown["orderbook"] == {
        "yes": [[47, 3]],
        "no": [[48, 3]],
        "yes_dollars": [["0.4700", "3"]],
        "no_dollars": [["0.4800", "3"]],
    }
    whole = reader(LEGACY).get(f"/markets/{TICKER}/orderbook")["orderbook"]
    assert (whole["yes"], whole["no"]) == ([[45, 10], [47, 3]], [[46, 5], [48, 3]])
    assert [price for price, _ in whole["yes_dollars"]] == ["0.4500", "0.4700"]
    assert [price for price, _ in whole["no_dollars"]] == ["0.4600", "0.4800"]
