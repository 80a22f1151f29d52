"""Candlesticks of one market, of several, and of an event's markets."""

import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import NOW, TICKER, ask, bid, market, terms, venue
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.rest import candles
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.listings import Result

OTHER = "KXDEMO-26DEC31-B"
NOW_S = NOW // NS_PER_S
ONE = f"/series/KXDEMO/markets/{TICKER}/candlesticks"
EVENT = "/series/KXDEMO/events/KXDEMO-26DEC31/candlesticks"


def traded(settings=None) -> Reader:
    """Return a reader at 180 s: a trade at 0.40 at once, then quotes of 0.45 from 60 s on."""
    built = venue(market(), market(OTHER))
    reader = Reader(built, settings)
    built.create_order("ann", bid("5", "0.40"), None, reader.now)
    built.create_order("bob", ask("2", "0.40"), None, reader.now)
    built.create_order("ann", terms("bid", "1", "0.10", ticker=OTHER), None, reader.now)
    reader.later(60)
    built.create_order("ann", bid("1", "0.45"), None, reader.now)
    reader.later(120)
    return reader


def asked(path: str, start: int, end: int, interval: int = 1, **more: str) -> str:
    query = f"start_ts={NOW_S + start}&end_ts={NOW_S + end}&period_interval={interval}"
    return "&".join([f"{path}?{query}", *(f"{name}={value}" for name, value in more.items())])


def bids(found: list[dict]) -> list[tuple[int, str]]:
    return [(each["end_period_ts"] - NOW_S, each["yes_bid"]["close_dollars"]) for each in found]


def test_one_markets_candles():
    shown = traded().get(asked(ONE, 0, 240))
    assert shown["ticker"] == TICKER
    told = shown["candlesticks"]
    assert bids(told) == [(0, "0.4000"), (60, "0.4500"), (120, "0.4500"), (180, "0.4500")]
    assert [each["volume_fp"] for each in told] == ["2.00", "0.00", "0.00", "0.00"]
    assert told[0]["price"]["close_dollars"] == "0.4000"
    assert told[1]["price"] == {"previous_dollars": "0.4000"}


def test_what_happens_just_after_a_minutes_end_is_in_the_next_one_at_once():
    reader = traded()
    reader.now = Timestamp(reader.now + NS_PER_S // 1000)
    reader.venue.create_order("bob", ask("1", "0.45"), None, reader.now)
    told = reader.get(asked(ONE, 181, 240))["candlesticks"]
    assert [(each["end_period_ts"] - NOW_S, each["volume_fp"]) for each in told] == [(240, "1.00")]


@pytest.mark.parametrize(("interval", "ends"), [(60, [0, 3600]), (1440, [75_600])])
def test_longer_periods(interval, ends):
    # 8:00 UTC is 3:00 in New York, 21 hours before the end of its day.
    told = traded().get(asked(ONE, -7200, 100_000, interval))["candlesticks"]
    assert [each["end_period_ts"] - NOW_S for each in told] == ends


def test_several_markets_and_what_is_not_there():
    path = asked("/markets/candlesticks", 0, 60, market_tickers=f"{OTHER},NOPE,{TICKER}")
    shown = traded().get(path)["markets"]
    assert [each["market_ticker"] for each in shown] == [OTHER, TICKER]
    assert bids(shown[0]["candlesticks"]) == [(0, "0.1000"), (60, "0.1000")]


def test_an_events_markets():
    shown = traded().get(asked(EVENT, 60, 120))
    assert shown["market_tickers"] == [TICKER, OTHER]
    assert [bids(each) for each in shown["market_candlesticks"]] == [
        [(60, "0.4500"), (120, "0.4500")],
        [(60, "0.1000"), (120, "0.1000")],
    ]
    assert shown["adjusted_end_ts"] == NOW_S + 120


def test_the_latest_before_the_start_comes_first_where_no_period_stands():
    reader = traded()
    reader.venue.life.determine(TICKER, Result.YES, None, reader.now)
    reader.later(60)
    # Nothing changes after the market settled, so periods end there.
    assert reader.get(asked(ONE, 3000, 3060))["candlesticks"] == []
    (carried,) = reader.get(asked(ONE, 3000, 3060, include_latest_before_start="true"))[
        "candlesticks"
    ]
    assert carried["end_period_ts"] == NOW_S + 3000
    assert carried["price"] == {"previous_dollars": "0.4000"}
    assert carried["volume_fp"] == "0.00"
    # A standing period shows the same by itself, and nothing came before the first.
    for start in (120, -600):
        plain = reader.get(asked(ONE, start, 180))
        assert plain == reader.get(asked(ONE, start, 180, include_latest_before_start="true"))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{ONE}?start_ts=1&end_ts=2", "'PeriodInterval' failed on the 'required' tag"),
        (f"{ONE}?start_ts=1&period_interval=1", "'EndTs' failed on the 'required' tag"),
        (f"{ONE}?end_ts=1&period_interval=1", "'StartTs' failed on the 'required' tag"),
        (f"{ONE}?start_ts=1&end_ts=2&period_interval=5", "'oneof' tag"),
        (f"{ONE}?start_ts=3&end_ts=2&period_interval=1", "start_ts must not be after end_ts"),
        (f"{ONE}?start_ts=x&end_ts=2&period_interval=1", "invalid syntax"),
        ("/markets/candlesticks?start_ts=1&end_ts=2&period_interval=1", "'MarketTickers' failed"),
        (
            "/markets/candlesticks?start_ts=1&end_ts=2&period_interval=1&market_tickers="
            + ",".join(map(str, range(101))),
            "'max' tag",
        ),
    ],
)
def test_bad_questions(path, words):
    status, text = traded().refusal(path)
    assert status == 400
    assert words in text


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/series/KXDEMO/markets/NOPE/candlesticks", "market_not_found"),
        (f"/series/NOPE/markets/{TICKER}/candlesticks", "market_not_found"),
        ("/series/KXDEMO/events/NOPE/candlesticks", "not_found"),
        ("/series/NOPE/events/KXDEMO-26DEC31/candlesticks", "not_found"),
    ],
)
def test_what_is_not_there(path, code):
    assert traded().refusal(asked(path, 0, 60)) == (404, code)


def test_too_many_candles_are_refused_but_an_events_are_cut(monkeypatch):
    monkeypatch.setattr(candles, "CANDLES_MAX", 5)
    reader = traded()
    assert len(reader.get(asked(ONE, -(10**6), 10**6))["candlesticks"]) == 4
    path = asked("/markets/candlesticks", -(10**6), 10**6, market_tickers=f"{OTHER},{TICKER}")
    status, text = reader.refusal(path)
    assert status == 400
    assert text.startswith("8 candlesticks are more than the maximum of 5")
    shown = reader.get(asked(EVENT, -(10**6), 10**6))
    assert [bids(each) for each in shown["market_candlesticks"]] == [
        [(0, "0.4000"), (60, "0.4500")],
        [(0, "0.1000"), (60, "0.1000")],
    ]
    assert shown["adjusted_end_ts"] == NOW_S + 60
    reader.later(120)
    assert reader.refusal(asked(ONE, -(10**6), 10**6))[0] == 400


def test_history_has_candles_of_its_own():
    reader = traded(ExchangeSettings(historical_after_s=1))
    reader.venue.life.determine(TICKER, Result.YES, None, reader.now)
    reader.later(60)
    reader.later(2)
    assert reader.refusal(asked(ONE, 0, 60)) == (404, "market_not_found")
    assert reader.get(asked(EVENT, 0, 60))["market_tickers"] == [OTHER]


def test_december_2025_has_integers_beside_them():
    (candle,) = traded(LEGACY).get(asked(ONE, 0, 0))["candlesticks"]
    assert (candle["volume"], candle["yes_bid"]["close"], candle["price"]["mean"]) == (2, 40, 40)
