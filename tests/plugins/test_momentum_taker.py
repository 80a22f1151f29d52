"""The demo taker: what is a burst, when it gets out, and how long it waits."""

import attrs
import pytest
import trio

from tests.plugin_files import plugin_module
from tests.plugins.test_spread_maker import own, seen
from tests.services.strategy_files import outcomes
from tests.simulation.harness import simulated_daemon
from traderd.core.observation import RecentTrade
from traderd.core.strategy_context import StrategyContext
from traderd.errors import BadInput
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderStatus, Side, TimeInForce
from traderd.model.strategy_events import TickOutcome
from traderd.model.units import NS_PER_S, Count, Timestamp, format_price, parse_count, parse_price

NOW_S = 1_000


@pytest.fixture(scope="module")
def plugin():
    return plugin_module("momentum_taker")


def make(plugin, **settings):
    return plugin.MomentumTaker(
        plugin.Parameters(**settings), StrategyContext(StrategyName("momentum_taker"))
    )


def prints(*rows, at_s=NOW_S):
    """Return trades of (price, count, side), a second apart, the last one a second ago."""
    return tuple(
        RecentTrade(
            at=Timestamp((at_s - len(rows) + number) * NS_PER_S),
            price=parse_price(price),
            count=parse_count(count),
            taker_side=side,
        )
        for number, (price, count, side) in enumerate(rows)
    )


UP = prints(*[(f"0.4{n}", "5", Side.BID) for n in range(2, 6)])
DOWN = prints(*[(f"0.4{n}", "5", Side.ASK) for n in range(8, 4, -1)])


def look(bid="0.45", ask="0.46", *, trades=(), at_s=NOW_S, cost=None, **more):
    observation = seen(bid, ask, **more)
    return attrs.evolve(
        observation,
        at=Timestamp(at_s * NS_PER_S),
        trades=trades,
        average_cost=None if cost is None else parse_price(cost),
        market=attrs.evolve(observation.market, close_time=Timestamp(10_000 * NS_PER_S)),
    )


def said(commands):
    """Return commands as `ioc bid 0.4600 x 2`, with `to close` when it only reduces."""
    lines = []
    for command in commands:
        terms = command.terms
        assert terms.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        close = " to close" if terms.reduce_only else ""
        lines.append(
            f"ioc {terms.side.value} {format_price(terms.price)} x {terms.count // 100}{close}"
        )
    return lines


def test_it_follows_a_burst_to_either_side(plugin):
    assert said(make(plugin).decide(look(trades=UP))) == ["ioc bid 0.4600 x 2"]
    assert said(make(plugin).decide(look(trades=DOWN))) == ["ioc ask 0.4500 x 2"]


MIXED = (
    ("0.42", "5", Side.BID),
    ("0.43", "5", Side.ASK),
    ("0.44", "5", Side.BID),
    ("0.45", "5", Side.BID),
)


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({}, {"trades": UP[1:]}),
        ({}, {"trades": prints(*MIXED)}),
        ({"move_dollars": "0.04"}, {"trades": UP}),
        ({"window_s": 3}, {"trades": UP}),
        ({}, {"trades": UP, "ask": "0.50"}),
        ({}, {"trades": UP, "usable": False}),
        ({}, {"trades": UP, "ask": None}),
        ({"close_s": 9_000}, {"trades": UP}),
        ({}, {"trades": UP, "orders": (own(Side.BID, "0.46", status=OrderStatus.SENT),)}),
    ],
    ids=["few", "mixed", "move", "window", "spread", "doubt", "empty", "close", "under way"],
)
def test_what_is_no_burst_or_cannot_be_taken_is_left_alone(plugin, settings, changes):
    assert said(make(plugin, **settings).decide(look(**changes))) == []


def test_a_net_flow_that_is_strong_enough_counts_although_some_went_the_other_way(plugin):
    assert said(make(plugin, flow_percent=50).decide(look(trades=prints(*MIXED)))) != []
    assert said(make(plugin, flow_percent=51).decide(look(trades=prints(*MIXED)))) == []


@pytest.mark.parametrize(
    ("position", "bid", "ask", "exit_line"),
    [
        ("2", "0.49", "0.50", ["ioc ask 0.4900 x 2 to close"]),
        ("2", "0.48", "0.49", []),
        ("2", "0.44", "0.45", ["ioc ask 0.4400 x 2 to close"]),
        ("2", "0.45", "0.46", []),
        # NO at 0.46 gains when the YES ask falls: 1 - 0.51 = 0.49.
        ("-2", "0.50", "0.51", ["ioc bid 0.5100 x 2 to close"]),
        ("-2", "0.51", "0.52", []),
        ("-2", "0.55", "0.56", ["ioc bid 0.5600 x 2 to close"]),
    ],
)
def test_it_leaves_with_a_profit_or_a_loss(plugin, position, bid, ask, exit_line):
    observation = look(bid, ask, position=position, cost="0.46")
    assert said(make(plugin).decide(observation)) == exit_line


def test_it_leaves_after_its_time_and_before_the_close(plugin):
    taker = make(plugin, hold_s=60)
    for at_s, lines in ((1_000, []), (1_059, []), (1_060, ["ioc ask 0.4500 x 2 to close"])):
        assert said(taker.decide(look(position="2", cost="0.46", at_s=at_s))) == lines
    closing = make(plugin, close_s=8_990).decide(look(position="2", cost="0.46", at_s=1_010))
    assert said(closing) == ["ioc ask 0.4500 x 2 to close"]


def test_after_an_order_it_waits_market_by_market(plugin):
    taker = make(plugin, cooldown_s=30)
    assert said(taker.decide(look(trades=UP))) != []
    later = prints(*[(f"0.4{n}", "5", Side.BID) for n in range(2, 6)], at_s=NOW_S + 20)
    assert said(taker.decide(look(trades=later, at_s=NOW_S + 20))) == []
    assert said(taker.decide(look(trades=UP, ticker="KXDEMO-B"))) != []
    later = prints(*[(f"0.4{n}", "5", Side.BID) for n in range(2, 6)], at_s=NOW_S + 30)
    assert said(taker.decide(look(trades=later, at_s=NOW_S + 30))) != []


def test_a_size_that_is_changed_holds_from_the_next_entry(plugin):
    taker = make(plugin)
    taker.on_parameters(plugin.Parameters(order_contracts="2.5"))
    (command,) = taker.decide(look(trades=UP))
    assert command.terms.count == Count(250)


@pytest.mark.parametrize(
    "settings",
    [{"order_contracts": 0}, {"trades_min": 1}, {"flow_percent": 101}, {"hold_s": 0}],
    ids=str,
)
def test_parameters_that_cannot_be_are_told(plugin, settings):
    (name,) = settings
    with pytest.raises(BadInput, match=f"^{name}"):
        plugin.Parameters(**settings)


async def test_on_the_paper_exchange_it_enters_and_leaves_and_leaves_nothing_resting(
    tmp_path, autojump_clock
):
    settings = {
        "exchange__events_per_s": 20,
        "strategies__spread_maker__enabled": False,
        "strategies__momentum_taker__enabled": True,
        "strategies__momentum_taker__cooldown_s": 5,
        "strategies__momentum_taker__hold_s": 20,
    }
    async with simulated_daemon(tmp_path, strategies=True, **settings) as simulated:
        await trio.sleep(600.0)
        view = simulated.view
        counts = outcomes(simulated, "momentum_taker")
        assert counts[TickOutcome.ORDER, ""] >= 4
        assert sum(counts.values()) == view.ticks.ticks["momentum_taker"]
        assert view.ledger.fill_count >= 4
        sides = {fill.side for fill in view.recent_fills(100)}
        assert sides == {Side.BID, Side.ASK}
        assert view.live_orders() == ()
        assert view.conditions.halts == {}
        assert all(abs(position.count) <= 200 for position in view.ledger.positions.values())
