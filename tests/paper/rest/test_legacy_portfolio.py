"""The fields of December 2025 stand beside today's and never instead of them."""

import msgspec

from tests.paper.venues import NOW, STANDARD, ask, bid, market, venue
from traderd.model.market import PriceBand, PriceGrid
from traderd.model.units import ONE_DOLLAR, Count, Price
from traderd.paper.rest.legacy_portfolio import (
    legacy_event_position,
    legacy_fill,
    legacy_order,
    legacy_position,
)
from traderd.paper.to_wire import (
    event_position_body,
    event_total,
    fill_body,
    order_body,
    position_body,
)

FINE = PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(10)),))


def traded():
    built = venue(market(fees=STANDARD, grid=FINE))
    built.create_order("ann", bid("2.55", "0.445"), "mine", NOW)
    built.create_order("bob", ask("2.5", "0.445"), None, NOW)
    return built


def plain(body) -> dict:
    return msgspec.to_builtins(body)


def test_an_order_keeps_every_field_and_gets_integers():
    (order,) = traded().orders("ann")
    body = plain(order_body(order))
    legacy = plain(legacy_order(order_body(order), order))
    assert body.items() <= legacy.items()
    added = {name: legacy[name] for name in legacy.keys() - body.keys()}
    # 0.445 is half way, and rounds up; the NO price is what is left of a dollar.
    assert added == {
        "yes_price": 45,
        "no_price": 55,
        "initial_count": 2,
        "fill_count": 2,
        "remaining_count": 0,
        "taker_fees": 0,
        "maker_fees": 0,
        "taker_fill_cost": 0,
        "maker_fill_cost": 111,
        "queue_position": 0,
    }


def test_a_fills_price_is_that_of_what_was_acquired():
    built = traded()
    (ours,), (theirs,) = built.fills("ann"), built.fills("bob")
    mine, other = legacy_fill(fill_body(ours), ours), legacy_fill(fill_body(theirs), theirs)
    assert (mine.price, mine.client_order_id) == (0.45, "mine")
    assert (other.price, other.side, other.count) == (0.55, "no", 2)
    assert (mine.yes_price_fixed, mine.no_price_fixed) == ("0.4450", "0.5550")


def test_positions_get_integers_toward_zero():
    (position,) = traded().positions("bob")
    body = legacy_position(position_body(position), position, Count(199))
    assert (body.position, body.resting_orders_count, body.market_exposure) == (-2, 1, 139)
    summed = event_total([position] * 2)
    total = legacy_event_position(event_position_body("E", summed), summed)
    assert (total.total_cost_shares, total.event_exposure) == (5, 278)
