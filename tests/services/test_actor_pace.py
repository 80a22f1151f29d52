"""A strategy that takes too much of the loop is looked at less often, fairly, and told once."""

from collections import Counter

import pytest
import trio

from tests.services.strategy_files import outcomes, probe, report, write_probe
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.events import TradePrinted
from traderd.model.ids import StrategyName
from traderd.model.orders import Side
from traderd.model.strategy_commands import ReleaseStrategy
from traderd.model.strategy_events import TenantStatus, TickOutcome
from traderd.model.units import Count, Price
from traderd.services.actor_pace import SHARE_RULE

BUDGET = (TickOutcome.BUDGET, SHARE_RULE)
PART = "loop share of probe"
SLOW = """
    def decide(self, observation):
        self.seen.append(observation.ticker)
        self.take_time()
        return ()
    def on_trade(self, observation, trade):
        self.take_time()
    def take_time(self):
        self.clock.ahead += self.clock.takes
        if self.clock.is_broken:
            raise ValueError("broken")
    class clock:
        ahead, takes, is_broken = 0.0, 0.0, False
"""


def trade(at: int) -> TradePrinted:
    return TradePrinted(
        ticker=TICKERS[0],
        trade_id=f"flood-{at}",
        price=Price(5_000),
        count=Count(100),
        taker_side=Side.BID,
        at=at,
    )


@pytest.fixture
async def slow(tmp_path, autojump_clock, monkeypatch):
    """A daemon whose strategy takes as long for a look as its `clock` says, just below its budget."""
    write_probe(tmp_path, SLOW)
    async with simulated_daemon(
        tmp_path, exchange__events_per_s=5, strategies__probe__loop_percent=10
    ) as simulated:
        clock, env = probe(simulated).clock, type(simulated.env)
        clock.ahead = 0.0
        real: object = env.monotonic
        # What a callback takes passes for everybody, so the clock of the loop goes on by it too.
        monkeypatch.setattr(env, "monotonic", lambda self: real(self) + clock.ahead)
        probe(simulated).seen.clear()
        clock.takes = 0.090
        yield simulated
        clock.takes = 0.0


async def test_it_is_slowed_told_once_and_each_market_comes_round(slow, autojump_clock):
    await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
    assert "took" in slow.view.conditions.degraded[PART]
    clock, seen = probe(slow).clock, probe(slow).seen
    await trio.sleep(5.0)
    seen.clear()
    begun, before = slow.env.monotonic(), clock.ahead
    await trio.sleep(120.0)
    taken, passed = clock.ahead - before, slow.env.monotonic() - begun
    assert 0.05 < taken / passed < 0.12
    looks = Counter(seen)
    assert set(looks) == set(TICKERS)
    assert max(looks.values()) - min(looks.values()) <= 1
    assert slow.count("is slowed down") == 1
    assert outcomes(slow)[BUDGET] > 0
    assert report(slow).loop_percent_max == 10
    assert report(slow).status.value == "running"
    ticks = slow.view.ticks
    assert sum(row.count for row in ticks.rows.values()) == ticks.ticks["probe"]


async def test_it_has_its_full_pace_again_by_itself(slow, autojump_clock):
    await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
    probe(slow).clock.takes = 0.0
    await slow.wait_until(lambda: PART not in slow.view.conditions.degraded, within_s=90.0)
    assert slow.count("has its full pace again") == 1
    probe(slow).seen.clear()
    await trio.sleep(10.0)
    assert min(Counter(probe(slow).seen).values()) >= 9


async def test_trades_that_come_all_the_time_leave_the_markets_their_turns(slow, autojump_clock):
    async def trade_on():
        while True:
            slow.daemon.shared.bus.publish([trade(slow.daemon.shared.env.wall_ns())])
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trade_on)
        await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
        await trio.sleep(5.0)
        probe(slow).seen.clear()
        await trio.sleep(30.0)
        nursery.cancel_scope.cancel()
    looks = Counter(probe(slow).seen)
    assert set(looks) == set(TICKERS)
    assert max(looks.values()) - min(looks.values()) <= 1


async def test_one_that_was_quarantined_while_it_was_slow_is_looked_at_again_after_its_release(
    slow, autojump_clock
):
    await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
    probe(slow).clock.is_broken = True
    await slow.wait_until(
        lambda: (
            report(slow).status is TenantStatus.QUARANTINED
            and PART not in slow.view.conditions.degraded
        ),
        within_s=60.0,
    )
    await trio.sleep(1.0)
    probe(slow).clock.is_broken, probe(slow).clock.takes = False, 0.0
    await slow.send(ReleaseStrategy(strategy=StrategyName("probe")))
    probe(slow).seen.clear()
    await trio.sleep(5.0)
    assert min(Counter(probe(slow).seen)[ticker] for ticker in TICKERS) >= 4


async def test_a_crash_of_the_actor_leaves_no_word_behind_and_quarantines_nobody(
    slow, autojump_clock
):
    await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
    probe(slow).clock.takes = 0.0
    slow.daemon.shared.levers.restart_any("actor", "a test")
    await slow.wait_until(lambda: PART not in slow.view.conditions.degraded, within_s=60.0)
    await trio.sleep(5.0)
    assert report(slow).status.value == "running"
