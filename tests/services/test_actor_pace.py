"""A strategy that takes too much of the loop is looked at less often, fairly, and told once."""

from collections import Counter

import pytest
import trio

from tests.services.strategy_files import outcomes, probe, report, write_probe
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.strategy_events import TickOutcome
from traderd.services.actor_pace import SHARE_RULE

BUDGET = (TickOutcome.BUDGET, SHARE_RULE)
PART = "loop share of probe"
SLOW = """
    def decide(self, observation):
        self.seen.append(observation.ticker)
        self.clock.ahead += self.clock.takes
        return ()
    def on_trade(self, observation, trade):
        self.clock.ahead += self.clock.takes
    class clock:
        ahead, takes = 0.0, 0.0
"""


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


async def test_a_crash_of_the_actor_leaves_no_word_behind_and_quarantines_nobody(
    slow, autojump_clock
):
    await slow.wait_until(lambda: PART in slow.view.conditions.degraded, within_s=10.0)
    probe(slow).clock.takes = 0.0
    slow.daemon.shared.levers.restart_any("actor", "a test")
    await slow.wait_until(lambda: PART not in slow.view.conditions.degraded, within_s=60.0)
    await trio.sleep(5.0)
    assert report(slow).status.value == "running"
