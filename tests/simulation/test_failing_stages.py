"""Every way in which the three stages can fail, one after the other or together: the real supervisor asks the real
table of states for each step, and always comes back up.
"""

from __future__ import annotations

import io
from collections import Counter
from contextlib import nullcontext
from functools import partial
from itertools import combinations, pairwise, product
from random import Random
from typing import Any, Final

import pytest
import structlog
import trio

from traderd.app import risk_limits
from traderd.config import Config
from traderd.core.engine import Engine
from traderd.core.view import StateView
from traderd.model.events import Event, StateChanged
from traderd.model.states import TRANSITIONS, WORKING, State
from traderd.runtime.bus import Bus
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.service import Service
from traderd.runtime.simulation import SimEnv, run_simulated
from traderd.runtime.supervisor import CLIMB_CAP_S, Stage, Supervisor
from traderd.services.lifecycle import Lifecycle
from traderd.services.stages import CLIMB, SYNC, TRADING_CLIENT

AT_START, WHEN_READY = "at its start", "when it stands"
QUIET_S: Final = 2 * CLIMB_CAP_S
"""No news for so long means that nothing is left to recover."""
GROUPS: Final = [group for size in (1, 2, 3) for group in combinations(CLIMB, size)]
FAILURES: Final = list(product(GROUPS, (AT_START, WHEN_READY)))
"""Every set of stages that can fail together, and when."""
SINGLES: Final = [failure for failure in FAILURES if len(failure[0]) == 1]
CLIMBED: Final = (State.ORDERBOOK_CONNECT, State.TRADING_CLIENT_CONNECT, State.KALSHI_DATA_SYNC)
CHANGES_MAX: Final = 6
"""Bounds the haste: one more change than a whole climb has."""

Failure = tuple[tuple[str, ...], str]


class BreakingStage:
    """A stage that fails when it is told: at its next start, or while it stands."""

    def __init__(self, name: str) -> None:
        self.name, self.fails_at_start = name, False
        self._broken = trio.Event()

    def fail(self, moment: str) -> None:
        self.fails_at_start = moment == AT_START
        self._broken.set()

    async def run(self, context: Any, *, task_status: trio.TaskStatus[None]) -> None:
        self._broken = trio.Event()
        await trio.sleep(0.01)
        if self.fails_at_start:
            self.fails_at_start = False
            raise OSError(f"{self.name} fails {AT_START}")
        task_status.started()
        await self._broken.wait()
        raise OSError(f"{self.name} fails {WHEN_READY}")


class World:
    """A supervisor over breaking stages, and the part of the daemon that turns its steps into states."""

    def __init__(self) -> None:
        env, config = SimEnv(seed=1), Config()
        engine = Engine(limits=risk_limits(config))
        self.recorded: list[Event] = []
        self.bus: Bus[Event] = Bus(
            fold=engine.apply, record=self.recorded.extend, on_incident=pytest.fail
        )
        self.view = StateView(engine)
        self.lifecycle = Lifecycle(
            env=env,
            config=config,
            bus=self.bus,
            view=self.view,
            host="127.0.0.1",
            api_url="http://sim",
            ws_url="ws://sim",
            log=structlog.wrap_logger(structlog.PrintLogger(io.StringIO())),
        )
        self.stages = {name: BreakingStage(name) for name in CLIMB}
        self.supervisor = Supervisor(
            env=env,
            services=[],
            stages=[
                Stage(
                    service=Service(name=name, run=stage.run),
                    deadline_s=30.0,
                    needs=(TRADING_CLIENT,) if name == SYNC else (),
                )
                for name, stage in self.stages.items()
            ],
            contexts=dict.fromkeys(CLIMB),
            listener=self.lifecycle,
        )

    def fail(self, failure: Failure) -> None:
        group, moment = failure
        for name in group:
            self.stages[name].fail(moment)

    def states(self) -> list[State]:
        return [event.to_state for event in self.recorded if isinstance(event, StateChanged)]


async def wait_quiet(changes: Inbox[Any]) -> None:
    """Wait until nothing has changed for a long time."""
    patience = trio.CancelScope(deadline=trio.current_time() + QUIET_S)
    with patience:
        async for _ in changes:
            patience.deadline = trio.current_time() + QUIET_S


async def live_through(
    sequence: tuple[Failure, ...], *, busy: bool, haste: Random | None
) -> list[State]:
    """Fail as the sequence says, come up, stop, and return the states on the way.

    The first failure at a start is one of the first climb. In haste, the next failure comes a few changes
    of the state later, wherever the recovery is then; otherwise it waits until all is well again.
    """
    world = World()
    world.lifecycle.initialize()
    failures = list(sequence)
    if failures[0][1] == AT_START:
        world.fail(failures.pop(0))
    with world.bus.subscribe(StateChanged, name="test", policy=Policy.LOSSLESS) as changes:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.supervisor.run)
            with world.lifecycle.activity() if busy else nullcontext():
                for failure in (None, *failures):
                    if failure is not None:
                        world.fail(failure)
                    if haste is None:
                        await wait_quiet(changes)
                    else:
                        with trio.move_on_after(QUIET_S):
                            for _ in range(haste.randint(1, CHANGES_MAX)):
                                await changes.receive()
                await wait_quiet(changes)
                assert world.view.state is (State.ACTING if busy else State.READY)
            world.supervisor.stop("the test is done")
    return world.states()


async def live_through_all(
    sequences: list[tuple[Failure, ...]], seed: int, *, busy: bool, hasty: bool
) -> dict[tuple[State, State], int]:
    """Return how often each step was taken."""
    haste = Random(seed) if hasty else None
    steps: Counter[tuple[State, State]] = Counter()
    for sequence in sequences:
        states = await live_through(sequence, busy=busy, haste=haste)
        assert states[-1] is State.SHUTDOWN, sequence
        # Stages that fail together may be one error, when one stands on the other.
        assert hasty or states.count(State.ERROR) >= len(sequence), sequence
        steps.update(pairwise(states))
    return steps


def check_steps(steps: dict[tuple[State, State], int]) -> None:
    """Check that all steps are in the table, and that every failure happened that was meant to happen."""
    assert [step for step in steps if step[1] not in TRANSITIONS[step[0]]] == []
    assert [state for state in CLIMBED if (State.ERROR, state) not in steps] == []
    assert [state for state in CLIMBED if (state, State.ERROR) not in steps] == []
    assert any((state, State.ERROR) in steps for state in WORKING)


@pytest.mark.parametrize("hasty", [False, True], ids=["one after the other", "in haste"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with a command in flight"])
def test_no_failures_ask_for_a_step_that_is_not_in_the_table_and_all_are_recovered_from(
    busy, hasty
):
    sequences = [*product(FAILURES, repeat=2), *product(SINGLES, repeat=3)]
    assert (len(FAILURES), len(SINGLES), len(sequences)) == (14, 6, 196 + 216)
    check_steps(
        run_simulated(partial(live_through_all, sequences, 1, busy=busy, hasty=hasty), seed=1)
    )


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_no_three_groups_that_fail_in_any_order_ask_for_a_step_that_is_not_in_the_table(seed):
    sequences = list(product(FAILURES, repeat=3))
    assert len(sequences) == 14**3
    hasty, busy = seed % 2 == 0, seed % 4 < 2
    check_steps(
        run_simulated(partial(live_through_all, sequences, seed, busy=busy, hasty=hasty), seed=seed)
    )
