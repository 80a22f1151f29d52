"""One market without a network: what a strategy sees there is what it would see in a daemon."""

from itertools import cycle

import attrs
import msgspec
import pytest
import trio

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from tests.simulation.harness import simulated_daemon
from traderd.core.observation_vector import VECTOR_FIELDS
from traderd.core.observe import observe
from traderd.core.policy_moves import PolicyMove, commands_for
from traderd.gym.session import STRATEGY, MarketSession, one_market
from traderd.model.commands import PlaceOrder
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner
from traderd.model.units import NS_PER_S, Money, Timestamp
from traderd.paper.scenario import default_scenario

M = PolicyMove
SEED = 7
RATE = 5.0
SCENARIO = default_scenario()
TICKER = MarketTicker(SCENARIO.markets[4].ticker)
SCRIPT = (
    *((M.JOIN, M.JOIN), (M.TAKE, M.KEEP), (M.IMPROVE, M.PULL), (M.BEHIND, M.BEHIND)),
    *((M.PULL, M.TAKE), (M.JOIN, M.IMPROVE), (M.KEEP, M.KEEP), (M.TAKE, M.PULL)),
)
"""Moves of a strategy that does a bit of everything."""
UNALIKE = ("book_age_s", "balance")
"""The daemon audits its books and reads its balance at times of its own."""
AGES = tuple(name for name in VECTOR_FIELDS if "_s_" in f"{name}_")


def session(**given):
    return MarketSession(one_market(SCENARIO, TICKER), **{"seed": SEED, "rate": 1.6} | given)


async def live_steps(state_dir, steps):
    """Trade by the script in a whole daemon; returns when the exchange began, and what was seen and done when."""
    async with simulated_daemon(
        state_dir, seed=SEED, exchange__events_per_s=RATE, market_data__markets=(TICKER,)
    ) as daemon:
        mine = Attribution(owner=OrderOwner.STRATEGY, strategy=STRATEGY)
        told = []
        for _, (bid, ask) in zip(range(steps), cycle(SCRIPT), strict=False):
            await trio.sleep(5)
            seen = observe(daemon.view, TICKER, STRATEGY, Timestamp(daemon.env.wall_ns()))
            told.append((seen, bid, ask))
            # As the actor sends them: what frees room goes first.
            for command in sorted(
                commands_for(seen, bid, ask), key=lambda one: isinstance(one, PlaceOrder)
            ):
                if isinstance(command, PlaceOrder):
                    command = attrs.evolve(command, attribution=mine)
                await daemon.send(command)
        opened = daemon.exchange.venue.market(TICKER).created_at
        assert daemon.view.position(TICKER).fees_paid > 0
        return opened, told


def unlike(ours, theirs):
    """Return the numbers that differ, ages by more than the time that an order takes to its exchange."""
    return {
        name: (one, other)
        for name, one, other in zip(VECTOR_FIELDS, ours.vector(), theirs.vector(), strict=True)
        if name not in UNALIKE and abs(one - other) > (0.05 if name in AGES else 0)
    }


async def test_the_same_seed_and_moves_look_as_they_do_in_a_served_session(
    tmp_path, autojump_clock
):
    opened, told = await live_steps(tmp_path, 40)
    alone = MarketSession(SCENARIO, seed=SEED, rate=RATE, ticker=TICKER, start=opened)
    for seen, bid, ask in told:
        alone.advance(seen.at)
        assert unlike(alone.observe(), seen) == {}
        assert alone.observe().market == seen.market
        alone.send(commands_for(alone.observe(), bid, ask))
    assert len({seen.position for seen, *_ in told}) > 3


def test_equal_seeds_make_equal_episodes_and_others_do_not():
    def prints(seed):
        world, found = session(seed=seed), []
        for bid, ask in SCRIPT * 5:
            world.send(commands_for(world.observe(), bid, ask))
            world.advance(Timestamp(world.now + 5 * NS_PER_S))
            found.append(world.observe().fingerprint())
        return found

    assert prints(1) == prints(1)
    assert prints(1) != prints(2)


def test_the_profit_is_what_the_exchange_says_that_the_account_gained():
    world = session()
    for bid, ask in SCRIPT * 10:
        world.send(commands_for(world.observe(), bid, ask))
        world.advance(Timestamp(world.now + 5 * NS_PER_S))
    balance = world.venue.balance("policy")
    gained = balance.cash + balance.portfolio_value - Money(1_000_000_000)
    assert world.profit_at_close() == gained != 0
    assert world.profit_at_mid() != world.profit_at_close()
    world.venue.check_money()


def test_the_balance_is_read_every_30_seconds_and_soon_after_a_fill():
    world = session(rate=0.01)
    before = world.observe().balance
    world.send(commands_for(world.observe(), M.TAKE, M.KEEP))
    assert world.observe().balance == before
    world.advance(Timestamp(world.now + 4 * NS_PER_S))
    assert world.observe().position == 500
    after = world.observe().balance
    assert after < before
    world.send(commands_for(world.observe(), M.JOIN, M.KEEP))
    world.advance(Timestamp(world.now + 10 * NS_PER_S))
    assert world.observe().balance == after
    world.advance(Timestamp(world.now + 20 * NS_PER_S))
    assert world.observe().balance < after


def test_a_market_that_closes_ends():
    scenario = one_market(SCENARIO, TICKER)
    short = msgspec.structs.replace(scenario.markets[0], closes_in_s=60)
    world = MarketSession(msgspec.structs.replace(scenario, markets=(short,)), seed=SEED, rate=1.6)
    world.advance(Timestamp(world.now + 60 * NS_PER_S - 1))
    assert world.is_open
    world.advance(Timestamp(world.now + 1))
    assert not world.is_open


def test_a_scenario_without_that_market_is_refused_with_those_it_has():
    with pytest.raises(ValueError, match=f"has no market NOPE; it has .*{TICKER}"):
        one_market(SCENARIO, "NOPE")
