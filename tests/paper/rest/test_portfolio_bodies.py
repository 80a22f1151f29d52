"""Bodies of settlements, queue positions and resting value."""

import msgspec

from tests.paper.venues import NOW, TICKER
from traderd.model.ids import EventTicker, OrderId
from traderd.model.units import Count, Money, Price
from traderd.paper.rest.portfolio_bodies import (
    queue_position_body,
    resting_value_body,
    settlement_body,
)
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import QueuePlace
from traderd.paper.venue.records import Settlement


def test_a_scalar_settlement_tells_its_value_in_cents():
    settlement = Settlement(
        account_id="ann",
        subaccount=0,
        ticker=TICKER,
        event_ticker=EventTicker("E"),
        result=Result.SCALAR,
        value=Price(2_550),
        yes_count=Count(150),
        yes_cost=Money(600_000),
        no_count=Count(0),
        no_cost=Money(0),
        revenue=Money(380_000),
        fees=Money(17_500),
        at=NOW,
    )
    body = settlement_body(settlement)
    assert (body.market_result, body.value, body.revenue) == ("scalar", 25, 38)
    assert (body.yes_count_fp, body.fee_cost) == ("1.50", "0.017500")


def test_a_place_and_a_value():
    place = QueuePlace(order_id=OrderId("o"), ticker=TICKER, ahead=Count(250))
    assert msgspec.to_builtins(queue_position_body(place)) == {
        "order_id": "o",
        "market_ticker": TICKER,
        "queue_position_fp": "2.50",
    }
    assert resting_value_body(Money(1_239_999)).total_resting_order_value == 123
