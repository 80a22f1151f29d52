"""Services that are killed, hang, freeze or flood at random, and a daemon that stays what it is."""

from functools import partial
from pathlib import Path

import pytest

from tests.simulation.chaos import DEADLY, HALF_HOUR_S, Strike, replay_line, survive
from traderd.runtime.simulation import run_simulated

WEEK_S = 7 * 86_400.0


def live_through(directory: Path, seed: int, test: str, duration_s: float = HALF_HOUR_S):
    """Run one seed; a failure says how it is run again."""
    try:
        return run_simulated(partial(survive, directory, seed, duration_s), seed=seed)
    except BaseException as exc:
        exc.add_note(replay_line(test, seed))
        raise


@pytest.mark.parametrize("seed", range(100))
def test_half_an_hour_of_chaos_harms_nobody_else(tmp_path, seed):
    chaos = live_through(tmp_path, seed, "test_half_an_hour_of_chaos_harms_nobody_else")
    assert chaos.strikes


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1_000])
def test_a_week_of_chaos_harms_nobody_else(tmp_path, seed):
    chaos = live_through(tmp_path, seed, "test_a_week_of_chaos_harms_nobody_else", WEEK_S)
    kinds = {strike for _, _, strike in chaos.strikes}
    assert kinds == set(Strike)
    struck = {name for _, name, strike in chaos.strikes if strike in DEADLY}
    assert {"orders", "risk", "health", "sync", "trading_client", "market_data"} <= struck
