import importlib.util

import pytest

from tests.architecture.sources import ROOT
from traderd.core.book import Top
from traderd.core.observation import Observation, OwnOrder
from traderd.errors import BadInput
from traderd.model.book_events import BookGrade
from traderd.model.commands import CancelOrder, PlaceOrder
from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import LINEAR_CENT, Market, MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import OrderOwner, OrderStatus, Side
from traderd.model.units import Count, Price, Timestamp, format_price, parse_count, parse_price

DECI_CENT = PriceGrid((PriceBand(start=Price(0), end=Price(10_000), step=Price(10)),))
TAPERED = PriceGrid((
    PriceBand(start=Price(0), end=Price(1_000), step=Price(10)),
    PriceBand(start=Price(1_000), end=Price(9_000), step=Price(100)),
    PriceBand(start=Price(9_000), end=Price(10_000), step=Price(10)),
))


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location(
        "spread_maker_under_test", ROOT / "plugins" / "spread_maker.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def maker(plugin):
    return plugin.SpreadMaker(plugin.Parameters())


def own(side, price, count="5", status=OrderStatus.RESTING, key=None):
    return OwnOrder(
        key=key or f"{side.value}-{price}",
        side=side,
        price=parse_price(price),
        remaining=parse_count(count),
        status=status,
    )


def seen(
    bid,
    ask,
    *,
    orders=(),
    position="0",
    usable=True,
    ticker="KXDEMO-A",
    grid=LINEAR_CENT,
    bid_count="100",
    ask_count="100",
):
    market = Market(
        ticker=MarketTicker(ticker),
        event_ticker=EventTicker("KXDEMO"),
        title="",
        status=MarketStatus.ACTIVE,
        grid=grid,
        close_time=Timestamp(10**18),
    )
    top = Top(
        bid=None if bid is None else parse_price(bid),
        bid_count=parse_count(bid_count),
        ask=None if ask is None else parse_price(ask),
        ask_count=parse_count(ask_count),
    )
    return Observation(
        at=Timestamp(0),
        market=market,
        book_usable=usable,
        book_grade=BookGrade.A if usable else BookGrade.F,
        book_causes=(),
        bid=top.bid,
        bid_count=top.bid_count,
        ask=top.ask,
        ask_count=top.ask_count,
        last_known=top,
        last_trade=None,
        position=parse_count(position),
        orders=tuple(orders),
    )


def said(commands):
    """Return commands as a transcript: `place bid 0.4500 x 5`, `cancel bid-0.45`."""
    lines = []
    for command in commands:
        if isinstance(command, PlaceOrder):
            terms = command.terms
            lines.append(f"place {terms.side.value} {format_price(terms.price)}")
        else:
            assert isinstance(command, CancelOrder)
            lines.append(f"cancel {command.key}")
    return lines


@pytest.mark.parametrize(
    ("bid", "ask", "quotes"),
    [
        # No room: join. Room for a step on both sides with something left between: improve.
        ("0.45", "0.46", ["place bid 0.4500", "place ask 0.4600"]),
        ("0.45", "0.47", ["place bid 0.4500", "place ask 0.4700"]),
        ("0.45", "0.48", ["place bid 0.4600", "place ask 0.4700"]),
        ("0.40", "0.60", ["place bid 0.4100", "place ask 0.5900"]),
        ("0.01", "0.99", ["place bid 0.0200", "place ask 0.9800"]),
    ],
)
def test_it_quotes_both_sides_a_step_inside_where_there_is_room(maker, bid, ask, quotes):
    assert said(maker.decide(seen(bid, ask))) == quotes


@pytest.mark.parametrize(
    ("grid", "bid", "ask", "quotes"),
    [
        (DECI_CENT, "0.450", "0.453", ["place bid 0.4510", "place ask 0.4520"]),
        (DECI_CENT, "0.450", "0.452", ["place bid 0.4500", "place ask 0.4520"]),
        # The two sides lie in bands of different steps.
        (TAPERED, "0.099", "0.140", ["place bid 0.1000", "place ask 0.1300"]),
        (TAPERED, "0.099", "0.100", ["place bid 0.0990", "place ask 0.1000"]),
        (TAPERED, "0.890", "0.905", ["place bid 0.8900", "place ask 0.9050"]),
    ],
)
def test_every_price_is_one_that_the_market_allows(maker, grid, bid, ask, quotes):
    commands = maker.decide(seen(bid, ask, grid=grid))
    assert said(commands) == quotes
    assert all(grid.allows(command.terms.price) for command in commands)


def test_on_any_book_of_any_grid_the_quotes_are_allowed_and_do_not_cross(plugin):
    for grid in (LINEAR_CENT, DECI_CENT, TAPERED):
        prices = [Price(p) for p in range(10, 10_000, 10) if grid.allows(Price(p))]
        for low in range(0, len(prices), 7):
            for high in range(low + 1, len(prices), 11):
                maker = plugin.SpreadMaker(plugin.Parameters())
                bid, ask = format_price(prices[low]), format_price(prices[high])
                first, second = maker.decide(seen(bid, ask, grid=grid))
                assert grid.allows(first.terms.price)
                assert grid.allows(second.terms.price)
                assert prices[low] <= first.terms.price < second.terms.price <= prices[high]


def test_quotes_never_take_and_have_the_size_that_was_asked_for(plugin):
    maker = plugin.SpreadMaker(plugin.Parameters(order_contracts="2.5"))
    for command in maker.decide(seen("0.45", "0.48")):
        assert command.terms.post_only is True
        assert command.terms.count == Count(250)
        assert command.attribution.owner is OrderOwner.STRATEGY


def test_quotes_that_are_where_they_should_be_are_left_alone(maker):
    orders = (own(Side.BID, "0.45"), own(Side.ASK, "0.46"))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == []


def test_a_quote_that_was_left_behind_is_cancelled_first_and_replaced_after(maker):
    old = own(Side.BID, "0.40")
    assert said(maker.decide(seen("0.45", "0.46", orders=(old,)))) == [
        "cancel bid-0.40",
        "place ask 0.4600",
    ]
    # The cancel is under way: the order can still fill, so nothing is put beside it.
    going = own(Side.BID, "0.40", status=OrderStatus.CANCELLING)
    rest = own(Side.ASK, "0.46")
    assert said(maker.decide(seen("0.45", "0.46", orders=(going, rest)))) == []
    assert said(maker.decide(seen("0.45", "0.46", orders=(rest,)))) == ["place bid 0.4500"]


@pytest.mark.parametrize(
    "status",
    [OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.CANCELLING],
    ids=lambda status: status.value,
)
def test_there_is_never_a_second_order_of_a_side_while_one_can_fill(maker, status):
    orders = (own(Side.BID, "0.40", status=status), own(Side.ASK, "0.50", status=status))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == []


def test_alone_at_the_top_it_does_not_outbid_itself(maker):
    orders = (own(Side.BID, "0.41"), own(Side.ASK, "0.59"))
    book = seen("0.41", "0.59", orders=orders, bid_count="5", ask_count="5")
    assert said(maker.decide(book)) == []


def test_when_others_join_at_the_top_it_goes_a_step_inside(maker):
    orders = (own(Side.BID, "0.41"), own(Side.ASK, "0.59"))
    book = seen("0.41", "0.59", orders=orders, bid_count="25", ask_count="5")
    assert said(maker.decide(book)) == ["cancel bid-0.41"]


@pytest.mark.parametrize(
    ("position", "quotes"),
    [
        ("39.99", ["place bid 0.4500", "place ask 0.4600"]),
        ("40", ["place ask 0.4600"]),
        ("45", ["place ask 0.4600"]),
        ("-39.99", ["place bid 0.4500", "place ask 0.4600"]),
        ("-40", ["place bid 0.4500"]),
    ],
)
def test_at_its_bound_it_only_quotes_the_side_that_reduces(maker, position, quotes):
    assert said(maker.decide(seen("0.45", "0.46", position=position))) == quotes


def test_at_its_bound_the_resting_quote_that_adds_is_cancelled(maker):
    orders = (own(Side.BID, "0.45"), own(Side.ASK, "0.46"))
    book = seen("0.45", "0.46", position="40", orders=orders)
    assert said(maker.decide(book)) == ["cancel bid-0.45"]


@pytest.mark.parametrize(
    ("bid", "ask", "usable"),
    [("0.45", "0.46", False), (None, "0.46", True), ("0.45", None, True), (None, None, False)],
)
def test_without_a_book_it_can_trust_it_takes_its_quotes_away(maker, bid, ask, usable):
    orders = (
        own(Side.BID, "0.45"),
        own(Side.ASK, "0.46", status=OrderStatus.CANCELLING),
        own(Side.ASK, "0.47", status=OrderStatus.SENT),
    )
    book = seen(bid, ask, usable=usable, orders=orders)
    # An order whose cancel is under way, or that has no answer yet, cannot be cancelled again.
    assert said(maker.decide(book)) == ["cancel bid-0.45"]


def test_it_stays_inside_its_number_of_markets(plugin):
    maker = plugin.SpreadMaker(plugin.Parameters(markets_max=2))
    asked = ["A", "B", "C", "A", "C", "B"]
    quoted = [t for t in asked if maker.decide(seen("0.45", "0.46", ticker=t))]
    assert quoted == ["A", "B", "A", "B"]


@pytest.mark.parametrize(
    "settings",
    [
        {"order_contracts": "0"},
        {"order_contracts": -5},
        {"order_contracts": "many"},
        {"position_contracts_max": 0},
        {"markets_max": 0},
        {"order_contracts": "0.001"},
    ],
    ids=str,
)
def test_parameters_that_cannot_be_are_told_at_the_start(plugin, settings):
    with pytest.raises(BadInput):
        plugin.SpreadMaker(plugin.Parameters(**settings))


def test_it_is_offered_under_its_name_and_runs_in_the_simulation(plugin):
    (spec,) = plugin.traderd_strategies()
    assert (spec.name, spec.enabled_in_sim) == ("spread_maker", True)
    assert isinstance(spec.make(spec.parameters()), plugin.SpreadMaker)
