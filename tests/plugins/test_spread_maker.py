import attrs
import pytest
import trio

from tests.core.observations import plain_observation
from tests.plugin_files import plugin_module
from tests.services.strategy_files import outcomes
from tests.simulation.harness import simulated_daemon
from traderd.core.observation import OwnOrder, PriceSource
from traderd.errors import BadInput
from traderd.model.book_events import BookGrade
from traderd.model.commands import AmendOrder, CancelOrder, DecreaseOrder, PlaceOrder
from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import LINEAR_CENT, Market, MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import OrderOwner, OrderStatus, Side
from traderd.model.strategy_events import TickOutcome
from traderd.model.units import (
    Count,
    Price,
    Timestamp,
    format_price,
    parse_count,
    parse_price,
    show_count,
)

DECI_CENT = PriceGrid((PriceBand(start=Price(0), end=Price(10_000), step=Price(10)),))
TAPERED = PriceGrid((
    PriceBand(start=Price(0), end=Price(1_000), step=Price(10)),
    PriceBand(start=Price(1_000), end=Price(9_000), step=Price(100)),
    PriceBand(start=Price(9_000), end=Price(10_000), step=Price(10)),
))


@pytest.fixture(scope="module")
def plugin():
    return plugin_module("spread_maker")


@pytest.fixture
def maker(plugin):
    return plugin.SpreadMaker(plugin.Parameters())


def own(side, price, count="5", status=OrderStatus.RESTING, *, filled="0", changing=False):
    return OwnOrder(
        key=f"{side.value}-{price}",
        side=side,
        price=parse_price(price),
        remaining=parse_count(count),
        status=status,
        count=Count(parse_count(count) + parse_count(filled)),
        changing=changing,
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
    return plain_observation(
        market,
        source=PriceSource.LIVE if usable else PriceSource.LAST_KNOWN,
        book_grade=BookGrade.A if usable else BookGrade.F,
        bids=() if bid is None else ((parse_price(bid), parse_count(bid_count)),),
        asks=() if ask is None else ((parse_price(ask), parse_count(ask_count)),),
        orders=tuple(orders),
        position=parse_count(position),
        account_position=parse_count(position),
    )


def said(commands):
    """Return commands as a transcript: `place bid 0.4500 x 5`, `cancel bid-0.45`."""
    lines = []
    for command in commands:
        if isinstance(command, PlaceOrder):
            terms = command.terms
            lines.append(f"place {terms.side.value} {format_price(terms.price)}")
        elif isinstance(command, AmendOrder):
            price, count = format_price(command.price), show_count(command.count)
            lines.append(f"amend {command.key} to {price} x {count}")
        elif isinstance(command, DecreaseOrder):
            lines.append(f"decrease {command.key} to {show_count(command.to)}")
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


def test_a_quote_that_was_left_behind_is_moved_by_an_amend(maker):
    old = own(Side.BID, "0.40")
    assert said(maker.decide(seen("0.45", "0.46", orders=(old,)))) == [
        "amend bid-0.40 to 0.4500 x 5",
        "place ask 0.4600",
    ]
    # The total of an amend has what filled in it, so that the quote is whole again.
    part = own(Side.BID, "0.40", "2", filled="3")
    rest = own(Side.ASK, "0.46")
    assert said(maker.decide(seen("0.45", "0.46", orders=(part, rest)))) == [
        "amend bid-0.40 to 0.4500 x 8"
    ]


def test_while_a_change_is_under_way_nothing_is_asked_twice(maker):
    rest = own(Side.ASK, "0.46")
    for going in (
        own(Side.BID, "0.40", status=OrderStatus.CANCELLING),
        own(Side.BID, "0.40", changing=True),
    ):
        assert said(maker.decide(seen("0.45", "0.46", orders=(going, rest)))) == []
    assert said(maker.decide(seen("0.45", "0.46", orders=(rest,)))) == ["place bid 0.4500"]


def test_a_quote_waits_until_our_own_other_quote_has_moved_out_of_its_way(maker):
    orders = (own(Side.BID, "0.40"), own(Side.ASK, "0.45"))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == [
        "amend ask-0.45 to 0.4600 x 5"
    ]
    orders = (own(Side.BID, "0.40"), own(Side.ASK, "0.46"))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == [
        "amend bid-0.40 to 0.4500 x 5"
    ]


def test_a_second_order_of_a_side_is_taken_away(maker):
    orders = (own(Side.BID, "0.45"), own(Side.BID, "0.44"), own(Side.ASK, "0.46"))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == ["cancel bid-0.44"]


@pytest.mark.parametrize(
    ("position", "quotes"),
    [
        ("0", ["place bid 0.4100", "place ask 0.5900"]),
        ("20", ["place bid 0.4000", "place ask 0.5800"]),
        ("39", ["place bid 0.3900", "place ask 0.5800"]),
        ("-20", ["place bid 0.4200", "place ask 0.6000"]),
        ("-39", ["place bid 0.4200", "place ask 0.6100"]),
    ],
)
def test_the_quotes_lean_against_the_position(maker, position, quotes):
    assert said(maker.decide(seen("0.40", "0.60", position=position))) == quotes


def test_a_leaning_quote_never_reaches_the_other_side_of_the_book(plugin):
    maker = plugin.SpreadMaker(plugin.Parameters(skew_dollars="0.50"))
    assert said(maker.decide(seen("0.40", "0.43", position="39"))) == ["place ask 0.4100"]
    maker = plugin.SpreadMaker(plugin.Parameters(skew_dollars="0.50"))
    assert said(maker.decide(seen("0.57", "0.60", position="-39"))) == ["place bid 0.5900"]


@pytest.mark.parametrize(
    ("least", "quotes"),
    [
        ("0.02", ["place bid 0.4500", "place ask 0.4700"]),
        ("0.03", ["place bid 0.4400", "place ask 0.4800"]),
        ("0.06", ["place bid 0.4300", "place ask 0.4900"]),
    ],
)
def test_the_quotes_keep_a_least_spread(plugin, least, quotes):
    maker = plugin.SpreadMaker(plugin.Parameters(min_spread_dollars=least))
    assert said(maker.decide(seen("0.45", "0.47"))) == quotes


def test_a_smaller_size_shrinks_the_quotes_that_rest_where_they_are(plugin, maker):
    orders = (own(Side.BID, "0.45"), own(Side.ASK, "0.46", "2", filled="3"))
    maker.on_parameters(plugin.Parameters(order_contracts=3))
    assert said(maker.decide(seen("0.45", "0.46", orders=orders))) == ["decrease bid-0.45 to 3"]


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
    assert said(maker.decide(book)) == ["amend bid-0.41 to 0.4200 x 5"]


@pytest.mark.parametrize(
    ("position", "quotes"),
    [
        ("39.99", ["place bid 0.4400", "place ask 0.4600"]),
        ("40", ["place ask 0.4600"]),
        ("45", ["place ask 0.4600"]),
        ("-39.99", ["place bid 0.4500", "place ask 0.4700"]),
        ("-40", ["place bid 0.4500"]),
    ],
)
def test_at_its_bound_it_only_quotes_the_side_that_reduces(plugin, position, quotes):
    maker = plugin.SpreadMaker(plugin.Parameters(skew_dollars="0.01"))
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


def test_a_market_that_is_shown_no_more_makes_room_for_another(plugin):
    maker = plugin.SpreadMaker(plugin.Parameters(markets_max=1))
    look = seen("0.45", "0.46", ticker="A")
    assert maker.decide(look)
    after = Timestamp(plugin.GONE_NS - 1)
    assert not maker.decide(attrs.evolve(seen("0.45", "0.46", ticker="B"), at=after))
    gone = Timestamp(plugin.GONE_NS)
    assert maker.decide(attrs.evolve(seen("0.45", "0.46", ticker="B"), at=gone))
    assert not maker.decide(attrs.evolve(look, at=gone))


def test_new_code_looks_after_the_orders_and_positions_that_it_finds(plugin):
    maker = plugin.SpreadMaker(plugin.Parameters(markets_max=1))
    assert maker.decide(seen("0.45", "0.48", ticker="A"))
    left = seen("0.45", "0.48", ticker="B", orders=(own(Side.BID, "0.30"),))
    assert said(maker.decide(left))[0] == "amend bid-0.30 to 0.4600 x 5"
    assert maker.decide(seen("0.45", "0.48", ticker="C", position="40"))
    assert not maker.decide(seen("0.45", "0.48", ticker="D"))


@pytest.mark.parametrize(
    "settings",
    [
        {"order_contracts": "0"},
        {"order_contracts": -5},
        {"order_contracts": "many"},
        {"position_contracts_max": 0},
        {"markets_max": 0},
        {"order_contracts": "0.001"},
        {"min_spread_dollars": "1.5"},
        {"skew_dollars": "-0.01"},
    ],
    ids=str,
)
def test_parameters_that_cannot_be_are_told_at_the_start(plugin, settings):
    (name,) = settings
    with pytest.raises(BadInput, match=f"^{name}"):
        plugin.Parameters(**settings)


def test_it_is_offered_under_its_name_and_runs_in_the_simulation(plugin):
    (spec,) = plugin.traderd_strategies()
    assert (spec.name, spec.enabled_in_sim) == ("spread_maker", True)
    assert isinstance(spec.make(spec.parameters()), plugin.SpreadMaker)


async def test_on_the_paper_exchange_it_moves_its_quotes_and_trades(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, strategies=True, exchange__events_per_s=10) as simulated:
        await trio.sleep(300.0)
        view = simulated.view
        assert view.ledger.fill_count > 10
        counts = outcomes(simulated, "spread_maker")
        assert sum(counts.values()) == view.ticks.ticks["spread_maker"]
        assert counts[TickOutcome.ORDER, ""] > 20
        assert view.conditions.halts == {}
        amended = [o for o in view.recent_orders(500) if o.exchange_client_id is not None]
        assert len(amended) >= 5, "quotes are moved, not cancelled and placed"
        bound = parse_count("45")
        held = [abs(position.count) for position in view.ledger.positions.values()]
        assert max(held) <= bound
        quoting = {order.ticker for order in view.live_orders()}
        assert 1 <= len(quoting) <= 4
