"""Three spellings of one candle."""

import msgspec

from traderd.model.units import Count, Price
from traderd.paper.rest.candle_bodies import candle_body, historical_candle
from traderd.paper.venue.candles import Candle
from traderd.paper.venue.quotes import Bar


def prices(*values: int) -> Bar:
    opened, low, high, close = map(Price, values)
    return Bar(open=opened, low=low, high=high, close=close)


BUSY = Candle(
    ends_s=1_800_000_060,
    bid=prices(4000, 3900, 4200, 4100),
    ask=prices(4400, 4300, 4500, 4450),
    price=prices(4300, 4100, 4400, 4200),
    mean=Price(4267),
    previous=Price(4000),
    volume=Count(777),
    open_interest=Count(1050),
)
QUIET = Candle(ends_s=1_800_000_120, bid=prices(0, 0, 0, 0), ask=prices(*[10_000] * 4))


def built(body) -> dict:
    return msgspec.to_builtins(body)


def test_a_live_candle_has_suffixes():
    assert built(candle_body(BUSY, legacy=False)) == {
        "end_period_ts": 1_800_000_060,
        "yes_bid": {
            "open_dollars": "0.4000",
            "low_dollars": "0.3900",
            "high_dollars": "0.4200",
            "close_dollars": "0.4100",
        },
        "yes_ask": {
            "open_dollars": "0.4400",
            "low_dollars": "0.4300",
            "high_dollars": "0.4500",
            "close_dollars": "0.4450",
        },
        "price": {
            "open_dollars": "0.4300",
            "low_dollars": "0.4100",
            "high_dollars": "0.4400",
            "close_dollars": "0.4200",
            "mean_dollars": "0.4267",
            "previous_dollars": "0.4000",
            "min_dollars": "0.4200",
            "max_dollars": "0.4200",
        },
        "volume_fp": "7.77",
        "open_interest_fp": "10.50",
    }


def test_a_period_without_trades_has_no_prices():
    # As captured: `"price":{}`.
    assert built(candle_body(QUIET, legacy=False))["price"] == {}
    assert built(candle_body(QUIET, legacy=True))["price"] == {}


def test_december_2025_has_integers_beside_them():
    shown = built(candle_body(BUSY, legacy=True))
    assert (shown["volume"], shown["open_interest"]) == (7, 10)
    assert (shown["yes_bid"]["open"], shown["yes_ask"]["close"]) == (40, 45)
    assert (shown["price"]["mean"], shown["price"]["previous"], shown["price"]["max"]) == (
        43,
        40,
        42,
    )
    assert shown["price"]["mean_dollars"] == "0.4267"


def test_a_historical_candle_has_none_and_shows_null():
    shown = built(historical_candle(BUSY))
    assert shown["yes_bid"] == {
        "open": "0.4000",
        "low": "0.3900",
        "high": "0.4200",
        "close": "0.4100",
    }
    assert shown["price"] == {
        "open": "0.4300",
        "low": "0.4100",
        "high": "0.4400",
        "close": "0.4200",
        "mean": "0.4267",
        "previous": "0.4000",
    }
    assert (shown["volume"], shown["open_interest"]) == ("7.77", "10.50")
    assert set(built(historical_candle(QUIET))["price"].values()) == {None}
