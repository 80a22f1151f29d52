"""Every field of the Market object, read back by the trader and held against captures."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.paper.rest.reads import LEGACY, Reader
from tests.paper.venues import NOW, STANDARD, TICKER, ask, bid, market, venue
from traderd.kalshi.wire import rest
from traderd.kalshi.wire.rest import decode_body
from traderd.kalshi.wire.translate import market_from_wire
from traderd.model.market import MarketStatus, PriceBand, PriceGrid
from traderd.model.units import NS_PER_S, ONE_DOLLAR, Price, Timestamp
from traderd.paper.rest.market_bodies import LegacyMarketBody, MarketBody
from traderd.paper.venue.listings import Result

PATH = f"/markets/{TICKER}"
DATA = Path(__file__).parents[2] / "data"


def reader(settings=None, **changes) -> Reader:
    listed = market()
    for name, value in changes.items():
        setattr(listed, name, value)
    return Reader(venue(listed), settings)


def body(reader: Reader) -> dict:
    return reader.get(PATH)["market"]


def quoted(settings=None) -> Reader:
    asked = reader(settings)
    asked.venue.create_order("ann", bid("3", "0.47"), None, NOW)
    asked.venue.create_order("bob", ask("5", "0.52"), None, NOW)
    return asked


def test_an_empty_book_shows_zero_bids_and_asks_of_a_dollar():
    shown = body(reader())
    assert shown["yes_bid_dollars"] == shown["no_bid_dollars"] == "0.0000"
    assert shown["yes_ask_dollars"] == shown["no_ask_dollars"] == "1.0000"
    assert shown["yes_bid_size_fp"] == shown["yes_ask_size_fp"] == "0.00"
    assert shown["last_price_dollars"] == shown["previous_price_dollars"] == "0.0000"
    assert shown["result"] == shown["expiration_value"] == ""
    assert shown.keys().isdisjoint({"settlement_ts", "settlement_value_dollars"})


def test_no_quotes_are_the_complement_of_yes_quotes():
    shown = body(quoted())
    assert (shown["yes_bid_dollars"], shown["no_ask_dollars"]) == ("0.4700", "0.5300")
    assert (shown["yes_ask_dollars"], shown["no_bid_dollars"]) == ("0.5200", "0.4800")
    assert (shown["yes_bid_size_fp"], shown["yes_ask_size_fp"]) == ("3.00", "5.00")


def test_the_trader_understands_it():
    grid = PriceGrid((
        PriceBand(start=Price(0), end=Price(1000), step=Price(10)),
        PriceBand(start=Price(1000), end=ONE_DOLLAR, step=Price(100)),
    ))
    asked = reader(grid=grid, title="Who wins?")
    read = decode_body(asked.response(PATH).body, rest.MarketEnvelope, "market")
    understood = market_from_wire(read.market)
    assert (understood.grid, understood.title) == (grid, "Who wins?")
    assert understood.status is MarketStatus.ACTIVE
    assert understood.close_time == asked.venue.market(TICKER).close_time


def test_what_a_market_may_have_beside_that():
    at = Timestamp(NOW + 3600 * NS_PER_S)
    shown = body(
        reader(
            is_scalar=True,
            expected_expiration_time=at,
            latest_expiration_time=Timestamp(at + NS_PER_S),
            fee_waiver_until=at,
            strike_type="between",
            floor_strike=70,
            cap_strike=71.5,
            rules_primary="If it rains.",
            rules_secondary="Rain is water.",
            can_close_early=False,
            early_close_condition="When it has rained.",
            settlement_timer_s=120,
        )
    )
    assert shown["market_type"] == "scalar"
    assert shown["expected_expiration_time"] == "2027-01-15T09:00:00Z"
    assert shown["latest_expiration_time"] == shown["expiration_time"] == "2027-01-15T09:00:01Z"
    assert shown["fee_waiver_expiration_time"] == "2027-01-15T09:00:00Z"
    assert (shown["strike_type"], shown["floor_strike"], shown["cap_strike"]) == (
        "between",
        70,
        71.5,
    )
    assert (shown["rules_primary"], shown["rules_secondary"]) == ("If it rains.", "Rain is water.")
    assert shown["early_close_condition"] == "When it has rained."
    assert (shown["can_close_early"], shown["settlement_timer_seconds"]) == (False, 120)


def test_volume_and_the_previous_fields_look_back_one_day():
    asked = quoted()
    asked.venue.create_order("bob", ask("1", "0.47"), None, NOW)
    asked.later(3600 * 23)
    shown = body(asked)
    assert (shown["volume_fp"], shown["volume_24h_fp"]) == ("1.00", "1.00")
    assert shown["previous_price_dollars"] == shown["previous_yes_bid_dollars"] == "0.0000"
    asked.later(3600 + 60)
    shown = body(asked)
    assert (shown["volume_fp"], shown["volume_24h_fp"]) == ("1.00", "0.00")
    assert shown["previous_price_dollars"] == "0.4700"
    assert (shown["previous_yes_bid_dollars"], shown["previous_yes_ask_dollars"]) == (
        "0.4700",
        "0.5200",
    )


@pytest.mark.parametrize(
    ("result", "value", "worth", "expiration_value"),
    [
        (Result.YES, None, "1.0000", "yes"),
        (Result.NO, None, "0.0000", "no"),
        (Result.SCALAR, Price(2500), "0.2500", "0.2500"),
    ],
)
def test_how_a_market_ended(result, value, worth, expiration_value):
    asked = quoted()
    asked.venue.create_order("bob", ask("1", "0.47"), None, NOW)
    asked.venue.life.determine(TICKER, result, value, NOW)
    shown = body(asked)
    assert (shown["status"], shown["result"]) == ("determined", result.value)
    assert (shown["settlement_value_dollars"], shown["expiration_value"]) == (
        worth,
        expiration_value,
    )
    assert "settlement_ts" not in shown
    asked.later(60)
    shown = body(asked)
    assert (shown["status"], shown["settlement_ts"]) == ("finalized", "2027-01-15T08:01:00Z")
    # As captured: no quotes any more, and what was open at the end stays.
    assert (shown["yes_bid_dollars"], shown["yes_ask_dollars"]) == ("0.0000", "1.0000")
    assert shown["open_interest_fp"] == "1.00"


def captured_markets() -> list[dict]:
    settled = json.loads((DATA / "rest_markets_settled_20260808.json").read_bytes())
    single = json.loads((DATA / "rest_market_and_orderbook_20260809.json").read_bytes())
    return [*settled["markets"], single["single"]["market"]]


def test_real_markets_have_our_required_fields_of_the_same_types():
    required = {
        field.name: field
        for field in msgspec.structs.fields(MarketBody)
        if field.required or field.default is not msgspec.UNSET
    }
    # Required since 2026-10-01, so not in captures of August.
    required.pop("settlement_bounds_type")
    for captured in captured_markets():
        assert required.keys() <= captured.keys()
        msgspec.convert(captured | {"settlement_bounds_type": "default"}, MarketBody, strict=True)


def test_what_real_markets_have_and_ours_do_not_is_known():
    ours = {field.name for field in msgspec.structs.fields(MarketBody)}
    theirs = set().union(*captured_markets())
    # Structured strikes, the moment of the occurrence and the deprecated subtitle are not in scenarios.
    assert theirs - ours == {"custom_strike", "occurrence_datetime", "subtitle"}


def test_december_2025_has_everything_twice():
    asked = quoted(LEGACY)
    asked.venue.create_order("bob", ask("1.5", "0.47"), None, NOW)
    shown = body(asked)
    legacy = {
        "yes_bid": 47,
        "yes_ask": 52,
        "no_bid": 48,
        "no_ask": 53,
        "last_price": 47,
        "previous_price": 0,
        "previous_yes_bid": 0,
        "previous_yes_ask": 0,
        "volume": 1,
        "volume_24h": 1,
        "open_interest": 1,
        "notional_value": 100,
        "response_price_units": "usd_cent",
        "risk_limit_cents": 0,
        "tick_size": 1,
        "subtitle": "",
        "category": "",
        # 1.5 contracts at 47 cents are bid for, and 5 contracts of NO at 48.
        "liquidity": 311,
        "liquidity_dollars": "3.1050",
    }
    assert {name: shown[name] for name in legacy} == legacy
    plain = body(quoted())
    assert plain["liquidity_dollars"] == "0.0000"
    assert plain.keys() & legacy.keys() == {"liquidity_dollars"}
    assert plain.keys() <= shown.keys()
    msgspec.convert(shown, LegacyMarketBody, strict=True)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("initialized", "initialized"),
        ("active", "active"),
        ("inactive", "closed"),
        ("closed", "closed"),
        ("determined", "determined"),
        ("disputed", "determined"),
        ("amended", "determined"),
        ("finalized", "settled"),
    ],
)
def test_december_2025_knew_five_words_of_status(status, word):
    opens = Timestamp(NOW + 60 * NS_PER_S)
    told = [
        body(reader(settings, status=MarketStatus(status), open_time=opens))["status"]
        for settings in (LEGACY, None)
    ]
    assert told == [word, status]


def test_december_2025_had_no_word_for_a_scalar_result():
    asked = reader(LEGACY, fees=STANDARD)
    asked.venue.life.determine(TICKER, Result.SCALAR, Price(2500), NOW)
    shown = body(asked)
    assert (shown["result"], shown["settlement_value"]) == ("", 25)
