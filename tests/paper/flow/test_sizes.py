"""The recorded distributions."""

from __future__ import annotations

from random import Random

from traderd.model.units import ONE_CONTRACT
from traderd.paper.flow.sizes import DISTANCE_WEIGHTS, draw_distance, draw_size


def test_distances_are_those_of_the_245_recorded_changes():
    assert sum(DISTANCE_WEIGHTS) == 245
    rng = Random(1)
    drawn = [draw_distance(rng) for _ in range(20_000)]
    for distance, weight in enumerate(DISTANCE_WEIGHTS):
        assert abs(drawn.count(distance) / 20_000 - weight / 245) < 0.02


def test_sizes_are_small_with_a_heavy_tail_and_never_nothing():
    rng = Random(1)
    drawn = sorted(draw_size(rng) for _ in range(20_000))
    assert drawn[0] >= ONE_CONTRACT
    assert 2_000 < drawn[10_000] < 3_000
    assert drawn[-1] > 1_000_000
    assert drawn[-1] <= 3_000_000
    whole = sum(size % ONE_CONTRACT == 0 for size in drawn)
    assert 0.68 < whole / 20_000 < 0.76
