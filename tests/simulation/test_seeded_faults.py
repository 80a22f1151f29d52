"""Storms of faults, one integer each: whatever happens on the way, the exchange's own books break no invariant.

Lost requests and replies, 500 with effect, doubled, late and lost frames, cancels against fills, storms of 429, pauses,
dropped sockets, steps of the clock, deaths. I1, I2, I5, I6, I10, I13, I20 and I22 are watched while it happens, at the
exchange's door and at the process's own; I3, I4, I9, I11, I12 and I14 are checked afterwards. (N1, N6, N9, P3, R4, R9,
R14, R18, T2, T4)
"""

import pytest

from tests.simulation.storm import Tally, weather_the

SEEDS = range(104)
PARTS = 4
SOAK_SEEDS = range(10_000, 13_000)
SOAK_PARTS = 60


def weather_part(directory, seeds) -> Tally:
    tally = Tally()
    for seed in seeds:
        weather_the(seed, directory / str(seed), tally)
    return tally


@pytest.mark.parametrize("part", range(PARTS))
def test_no_storm_breaks_an_invariant(tmp_path, part):
    met = weather_part(tmp_path, SEEDS[part::PARTS]).met
    # The storms were some: work was done, doubt was met, and processes died.
    assert met["fills"] > 40
    assert met["left create"] > 200
    assert met["place unknown"] + met["batch unknown"] > 4
    assert met["amend done"] > 5
    assert met["deaths"] > 3


@pytest.mark.soak
@pytest.mark.parametrize("part", range(SOAK_PARTS))
def test_thousands_of_storms_break_no_invariant(tmp_path, part):
    weather_part(tmp_path, SOAK_SEEDS[part::SOAK_PARTS])
