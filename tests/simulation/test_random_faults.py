"""Hours of random faults, after which daemon and exchange agree about everything: a failure is one integer."""

from functools import partial
from pathlib import Path
from random import Random

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import simulated_daemon
from tests.simulation.weather import live_people, make_weather
from traderd.core.conditions import BREAKER_HALT
from traderd.model.commands import ClearHalt, Pause, Resume
from traderd.runtime.simulation import run_simulated


async def survive(state_dir: Path, seed: int, duration_s: float) -> None:
    rng = Random(seed)
    async with simulated_daemon(
        state_dir,
        seed=seed,
        strategies=True,
        exchange__events_per_s=3.0,
        risk__max_open_orders=rng.choice((5, 20)),
        risk__breaker_errors=rng.choice((2, 5)),
    ) as simulated:
        total = simulated.exchange.venue.total_money()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(make_weather, simulated, rng)
            nursery.start_soon(live_people, simulated, rng)
            await trio.sleep(duration_s)
            nursery.cancel_scope.cancel()
        simulated.exchange.faults.clear()
        simulated.exchange.resume()
        await trio.sleep(60.0)
        await simulated.send(Pause(reason="the storm is over"))
        if BREAKER_HALT in simulated.view.conditions.halts:
            await simulated.send(ClearHalt(halt_id=BREAKER_HALT))
        await invariants.settle(simulated)
        # The storm was one: work was done and doubt was met.
        assert simulated.view.ledger.fill_count > 0
        await invariants.check_everything(simulated)
        assert (await simulated.send(Resume())).ok
        await invariants.check_progress(simulated)
        assert simulated.exchange.venue.total_money() == total
        simulated.stop()
        await simulated.ended.wait()
    invariants.check_journal(state_dir)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_of_faults_leave_no_disagreement(tmp_path, seed):
    run_simulated(partial(survive, tmp_path, seed, 600.0), seed=seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 112))
def test_three_hours_of_faults_leave_no_disagreement(tmp_path, seed):
    run_simulated(partial(survive, tmp_path, seed, 10_800.0), seed=seed)
