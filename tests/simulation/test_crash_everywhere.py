"""Death at every checkpoint of an order's life loses nothing, doubles nothing, and leaves nothing unknown (D1, D2, D6).

Checkpoints are the steps of the daemon's tasks; between two of them nothing can happen. The same life has the same
checkpoints in every run, so `make test` dies at every few of them and `make soak` at each.
"""

from random import Random

import pytest

from tests.simulation.crash_everywhere import Death, checkpoints, die

EVERY = {"kill": 12, "cancel": 16, "power": 4}
"""How far apart the deaths of `make test` are: about eight seconds of them for each way."""
START_STEPS = 260
"""How many checkpoints a start has, about: where the second of two deaths may lie."""
LIFE_HAS_AT_LEAST = {"kill": 300, "cancel": 300, "power": 20}


@pytest.mark.parametrize("way", EVERY)
def test_death_at_checkpoints_all_over_an_orders_life_loses_and_doubles_nothing(tmp_path, way):
    every = EVERY[way]
    deaths = checkpoints(tmp_path, way, every=every, first=1 + every // 2)
    assert deaths >= LIFE_HAS_AT_LEAST[way] // every


@pytest.mark.parametrize("number", range(40, 300, 40))
def test_a_second_death_while_the_first_is_cleared_up_changes_nothing(tmp_path, number):
    # The first falls on an order's way, the second on the start after it.
    assert die(tmp_path, Death("kill", number, Random(number).randint(1, START_STEPS)))


@pytest.mark.soak
@pytest.mark.parametrize("way", EVERY)
def test_death_at_every_checkpoint_loses_and_doubles_nothing(tmp_path, way):
    assert checkpoints(tmp_path, way, every=1) >= LIFE_HAS_AT_LEAST[way]


@pytest.mark.soak
@pytest.mark.parametrize("way", ["kill", "cancel"])
def test_two_deaths_at_every_first_checkpoint_lose_and_double_nothing(tmp_path, way):
    rng = Random(1)
    deaths = checkpoints(tmp_path, way, every=1, again=lambda _: rng.randint(1, START_STEPS))
    assert deaths >= LIFE_HAS_AT_LEAST[way]
