"""Every field of the Event object."""

import msgspec

from tests.paper.venues import NOW, market
from traderd.model.ids import EventTicker, SeriesTicker
from traderd.paper.rest.event_bodies import event_body, metadata_body, multiplier
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.listings import Event


def event(**more) -> Event:
    return Event(
        ticker=EventTicker("KXDEMO-26DEC31"),
        series_ticker=SeriesTicker("KXDEMO"),
        title="Who wins?",
        updated_at=NOW,
        **more,
    )


def test_a_plain_event():
    assert msgspec.to_builtins(event_body(event(), legacy=False)) == {
        "event_ticker": "KXDEMO-26DEC31",
        "series_ticker": "KXDEMO",
        "title": "Who wins?",
        "sub_title": "",
        "collateral_return_type": "",
        "mutually_exclusive": False,
        "category": "",
        "settlement_sources": [],
        "product_metadata": {},
        "last_updated_ts": "2027-01-15T08:00:00Z",
        "exchange_index": 0,
    }


def test_what_an_event_may_have_beside_that():
    fees = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES, multiplier=500)
    made = event(mutually_exclusive=True, category="Sports", strike_at=NOW, fee_override=fees)
    shown = msgspec.to_builtins(event_body(made, [], legacy=True))
    assert (shown["collateral_return_type"], shown["mutually_exclusive"]) == ("MECNET", True)
    assert (shown["strike_date"], shown["category"]) == ("2027-01-15T08:00:00Z", "Sports")
    assert (shown["fee_type_override"], shown["fee_multiplier_override"]) == (
        "quadratic_with_maker_fees",
        0.5,
    )
    assert (shown["markets"], shown["available_on_brokers"]) == ([], False)


def test_multipliers_are_whole_numbers_where_they_can_be():
    shown = [
        multiplier(FeeSchedule(fee_type=FeeType.QUADRATIC, multiplier=each))
        for each in (0, 500, 1000, 1250)
    ]
    assert msgspec.json.encode(shown) == b"[0,0.5,1,1.25]"


def test_there_are_no_pictures():
    shown = metadata_body([market()])
    assert shown["market_details"] == [
        {"market_ticker": "KXDEMO-26DEC31-A", "image_url": "", "color_code": ""}
    ]
    assert (shown["image_url"], shown["settlement_sources"]) == ("", [])
