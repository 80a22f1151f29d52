"""The venue against a second, naive one: whatever is asked of both, both end up the same after every step.

After each step books, queues, orders, positions, cash, reservations, fees and open interest agree, no money came from
nowhere, and what was broadcast adds up to what is there (`twin_venues`).
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.simulation.twin_venues import STEPS, TwinVenues

# True random numbers inside each step keep the mix of steps as it is meant; a failure still shrinks to the few
# steps that it needs, and `note` says what they were.
randoms = st.randoms(use_true_random=True)


class VenueAgainstModel(RuleBasedStateMachine):
    @initialize(rng=randoms)
    def begin(self, rng: Random) -> None:
        self.twins = TwinVenues(rng)

    @rule(rng=randoms)
    def step(self, rng: Random) -> None:
        try:
            self.twins.step(rng)
        finally:
            note("; ".join(self.twins.story))


QUICK = settings(
    max_examples=250,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestVenueAgainstModel = VenueAgainstModel.TestCase
TestVenueAgainstModel.settings = QUICK


@pytest.mark.parametrize("seed", range(4))
def test_a_long_history_agrees(seed):
    rng = Random(seed)
    twins = TwinVenues(rng)
    for _ in range(600):
        twins.step(rng)


def test_the_histories_meet_every_refusal_and_every_end_there_is():
    answers: set[str] = set()
    ends: set[tuple[str, str | None]] = set()
    lives: set[str] = set()
    done: set[str] = set()
    fills = 0
    for seed in range(100, 150):
        rng = Random(seed)
        twins = TwinVenues(rng)
        for _ in range(150):
            twins.step(rng)
            lives |= {each.status for each in twins.model.markets.values()}
        answers |= {answer for _, answer in twins.answers}
        done |= twins.done
        fills += len(twins.model.fills)
        ends |= {(order.status, order.reason) for order in twins.model.orders}
    assert done == set(STEPS) | {"mend"}
    assert fills > 500
    assert answers >= {
        "ok",
        "available_balance_too_low",
        "exceeded_order_group_risk_limit",
        "exchange_is_paused",
        "fill_or_kill_insufficient_resting_volume",
        "insufficient_balance",
        "invalid_order",
        "invalid_order_size",
        "invalid_parameters",
        "invalid_price",
        "market_inactive",
        "not_found",
        "order_already_exists",
        "order_group_not_found",
        "trading_is_paused",
        "transfer_already_exists",
    }
    assert {reason for status, reason in ends if status == "canceled"} == {
        None,
        "CloseCancel",
        "ExpiryCancel",
        "HaltCancel",
        "PostOnlyCrossCancel",
        "ReduceOnlyCancel",
        "SelfTradeCancel",
        "Trade",
    }
    assert lives == {
        "active",
        "inactive",
        "closed",
        "determined",
        "disputed",
        "amended",
        "finalized",
    }


@pytest.mark.soak
def test_many_random_histories_agree():
    run_state_machine_as_test(
        VenueAgainstModel, settings=settings(QUICK, max_examples=500, stateful_step_count=120)
    )


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(20))
def test_thousands_of_seeded_histories_agree(batch):
    for number in range(100):
        rng = Random(10_000 + 100 * batch + number)
        twins = TwinVenues(rng)
        for _ in range(250):
            twins.step(rng)
