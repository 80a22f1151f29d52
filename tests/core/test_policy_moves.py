"""What each move of a policy means: where quotes go, what they never do, and how they follow."""

import pytest

from tests.core.observations import plain_observation
from traderd.core.observation import OwnOrder, PriceSource
from traderd.core.policy_moves import PolicyMove, PolicySizes, commands_for
from traderd.model.commands import AmendOrder, CancelOrder, PlaceOrder
from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import LINEAR_CENT, Market, MarketStatus
from traderd.model.orders import OrderStatus, Side, TimeInForce
from traderd.model.units import Count, Price, Timestamp

M = PolicyMove
MARKET = Market(
    ticker=MarketTicker("M"),
    event_ticker=EventTicker("E"),
    title="",
    status=MarketStatus.ACTIVE,
    grid=LINEAR_CENT,
    close_time=Timestamp(10**18),
)


def own(side, price, remaining=500, *, count=500, key="k", status=OrderStatus.RESTING, **more):
    return OwnOrder(
        key=key,
        side=side,
        price=Price(price),
        remaining=Count(remaining),
        count=Count(count),
        status=status,
        **more,
    )


def seen(bids=((4000, 9000), (3900, 100)), asks=((4300, 9000), (4400, 100)), orders=(), **more):
    return plain_observation(MARKET, bids=bids, asks=asks, orders=orders, **more)


def prices(observation, bid, ask):
    """Return (side, price) of the orders that two moves place."""
    return [(one.terms.side.value, one.terms.price) for one in commands_for(observation, bid, ask)]


@pytest.mark.parametrize(
    ("move", "bid", "ask"),
    [(M.BEHIND, 3900, 4400), (M.JOIN, 4000, 4300), (M.IMPROVE, 4100, 4200)],
)
def test_quotes_go_where_the_move_says(move, bid, ask):
    placed = commands_for(seen(), move, move)
    assert [(one.terms.side, one.terms.price) for one in placed] == [
        (Side.BID, bid),
        (Side.ASK, ask),
    ]
    assert all(one.terms.post_only and one.terms.count == 500 for one in placed)


def test_keeping_and_pulling_place_nothing():
    assert commands_for(seen(), M.KEEP, M.PULL) == []


def test_two_quotes_never_meet_in_a_spread_of_two():
    narrow = seen(asks=((4200, 9000),))
    assert prices(narrow, M.IMPROVE, M.IMPROVE) == [("bid", 4000), ("ask", 4200)]
    assert prices(narrow, M.IMPROVE, M.JOIN) == [("bid", 4100), ("ask", 4200)]


def test_without_room_inside_the_spread_it_joins():
    assert prices(seen(asks=((4100, 9000),)), M.IMPROVE, M.PULL) == [("bid", 4000)]


def test_it_never_bids_against_itself():
    alone = seen(bids=((4100, 500), (4000, 900)), orders=(own(Side.BID, 4100),))
    assert commands_for(alone, M.IMPROVE, M.PULL) == []
    (back,) = commands_for(alone, M.JOIN, M.PULL)
    assert back == AmendOrder(key="k", price=Price(4000), count=Count(500))


def test_at_the_end_of_the_grid_it_stays_where_it_can_be():
    assert prices(seen(bids=((100, 9000),)), M.BEHIND, M.PULL) == [("bid", 100)]


def test_taking_pulls_its_own_quote_and_takes_at_once_or_not_at_all():
    pulled, taken = commands_for(seen(orders=(own(Side.BID, 4000),)), M.TAKE, M.KEEP)
    assert pulled == CancelOrder(key="k")
    assert isinstance(taken, PlaceOrder)
    assert (taken.terms.price, taken.terms.time_in_force) == (
        4300,
        TimeInForce.IMMEDIATE_OR_CANCEL,
    )
    assert commands_for(seen(asks=()), M.TAKE, M.KEEP) == []


def test_no_order_makes_the_position_larger_than_it_may_be():
    sizes = PolicySizes(order_count=Count(500), position_max=Count(1200))
    nearly = seen(position=Count(1000))
    bid, ask = commands_for(nearly, M.JOIN, M.JOIN, sizes)
    assert (bid.terms.count, ask.terms.count) == (200, 500)
    full = seen(position=Count(1200), orders=(own(Side.BID, 4000),))
    assert commands_for(full, M.KEEP, M.PULL, sizes) == [CancelOrder(key="k")]
    assert commands_for(seen(position=Count(-1200)), M.PULL, M.TAKE, sizes) == []


def test_a_quote_that_filled_a_little_keeps_its_place_and_one_that_filled_much_is_filled_up():
    little = seen(orders=(own(Side.BID, 4000, remaining=300),))
    assert commands_for(little, M.JOIN, M.PULL) == []
    much = seen(orders=(own(Side.BID, 4000, remaining=200),))
    assert commands_for(much, M.JOIN, M.PULL) == [
        AmendOrder(key="k", price=Price(4000), count=Count(800))
    ]


def test_what_is_under_way_is_left_alone_and_a_second_quote_is_pulled():
    changing = own(Side.BID, 3900, changing=True)
    second = own(Side.BID, 3800, key="second")
    assert commands_for(seen(orders=(changing, second)), M.JOIN, M.PULL) == [
        CancelOrder(key="second")
    ]
    sent = own(Side.ASK, 4300, status=OrderStatus.SENT)
    assert commands_for(seen(orders=(sent,)), M.PULL, M.PULL) == []


def test_without_a_book_to_trust_every_quote_is_pulled_and_nothing_placed():
    blind = seen(source=PriceSource.LAST_KNOWN, orders=(own(Side.BID, 4000),))
    assert commands_for(blind, M.KEEP, M.TAKE) == [CancelOrder(key="k")]
