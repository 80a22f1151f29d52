"""Each step of a market's life has its own fields, and only those."""

import msgspec
import pytest

from tests.paper.venues import CLOSE, FREE, NOW, TICKER, market
from traderd.model.ids import EventTicker, SeriesTicker
from traderd.model.units import NS_PER_S, Price
from traderd.paper.feed import lifecycle_bodies
from traderd.paper.venue.fees import FeeSchedule, FeeType
from traderd.paper.venue.listings import Event, Result
from traderd.paper.venue.messages import EventFeesChanged, Lifecycle, MarketChanged

OPENS, CLOSES = NOW // NS_PER_S, CLOSE // NS_PER_S
RANGES = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]
FIELDS = {
    Lifecycle.ACTIVATED: {"is_deactivated": False},
    Lifecycle.DEACTIVATED: {"is_deactivated": True},
    Lifecycle.CLOSE_DATE_UPDATED: {"close_ts": CLOSES},
    Lifecycle.DETERMINED: {
        "result": "yes",
        "determination_ts": OPENS,
        "settlement_value": "1.0000",
    },
    Lifecycle.SETTLED: {"settled_ts": OPENS},
    Lifecycle.GRID_UPDATED: {"price_level_structure": "linear_cent", "price_ranges": RANGES},
    Lifecycle.METADATA_UPDATED: {
        "yes_sub_title": "A wins",
        "strike_type": "between",
        "floor_strike": 0,
        "cap_strike": 2.5,
    },
    Lifecycle.CREATED: {
        "exchange_index": 0,
        "open_ts": OPENS,
        "close_ts": CLOSES,
        "price_level_structure": "linear_cent",
        "price_ranges": RANGES,
        "additional_metadata": {
            "name": "A wins",
            "title": TICKER,
            "yes_sub_title": "A wins",
            "no_sub_title": "A wins",
            "rules_primary": "",
            "rules_secondary": "",
            "can_close_early": True,
            "event_ticker": "KXDEMO-26DEC31",
            "expected_expiration_ts": CLOSES,
            "strike_type": "between",
            "floor_strike": 0,
            "cap_strike": 2.5,
        },
    },
}


def shown(body) -> dict:
    return msgspec.json.decode(msgspec.json.encode(body))


@pytest.mark.parametrize("kind", list(Lifecycle))
def test_a_step_shows_the_fields_that_belong_to_it(kind):
    told = market()
    told.result, told.settlement_value = Result.YES, Price(10_000)
    told.strike_type, told.floor_strike, told.cap_strike = "between", 0, 2.5
    body = lifecycle_bodies.market_lifecycle(MarketChanged(kind=kind, market=told, at=NOW))
    assert shown(body) == {"market_ticker": TICKER, "event_type": kind.value} | FIELDS[kind]


def test_a_market_without_a_strike_shows_none():
    body = lifecycle_bodies.market_lifecycle(
        MarketChanged(kind=Lifecycle.METADATA_UPDATED, market=market(), at=NOW)
    )
    assert shown(body) == {
        "market_ticker": TICKER,
        "event_type": "metadata_updated",
        "yes_sub_title": "A wins",
    }


def test_an_event_is_told_with_its_way_of_returning_collateral():
    event = Event(ticker=EventTicker("E"), series_ticker=SeriesTicker("S"), title="Who?")
    told = {
        "event_ticker": "E",
        "exchange_index": 0,
        "title": "Who?",
        "subtitle": "",
        "collateral_return_type": "",
        "series_ticker": "S",
    }
    assert shown(lifecycle_bodies.event_lifecycle(event)) == told
    event.mutually_exclusive, event.sub_title, event.strike_at = True, "Now", NOW
    assert shown(lifecycle_bodies.event_lifecycle(event)) == told | {
        "subtitle": "Now",
        "collateral_return_type": "MECNET",
        "strike_date": OPENS,
    }


@pytest.mark.parametrize(
    ("fees", "told"),
    [
        (None, (None, None)),
        (FREE, ("quadratic", 0)),
        (
            FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES, multiplier=500),
            ("quadratic_with_maker_fees", 0.5),
        ),
    ],
)
def test_a_fee_override_that_is_gone_is_null(fees, told):
    changed = EventFeesChanged(event_ticker=EventTicker("E"), fees=fees, at=NOW)
    assert shown(lifecycle_bodies.event_fees(changed)) == {
        "event_ticker": "E",
        "fee_type_override": told[0],
        "fee_multiplier_override": told[1],
    }
