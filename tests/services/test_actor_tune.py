"""A changed section of a strategy is taken live: tried first, all of its parameters or none, and every change told."""

from textwrap import dedent

import msgspec
import pytest
import trio

from tests.services.strategy_files import probe, report, write_probe
from tests.simulation.harness import simulated_daemon
from traderd.model.commands import Answer, Reload
from traderd.model.strategy_commands import SetStrategyParameter
from traderd.model.strategy_events import TenantStatus

PROBE = """
    def decide(self, observation):
        return ()
    def on_parameters(self, parameters):
        if parameters.size == 7:
            raise ValueError("not seven")
        self.notes.append(parameters.size)
        self.size = parameters.size
"""


@pytest.fixture
async def simulated(tmp_path, autojump_clock):
    write_probe(tmp_path, PROBE)
    async with simulated_daemon(tmp_path, strategies__probe__size=2) as running:
        probe(running).notes.clear()
        yield running


async def reload_with(simulated, **section):
    """Let the file have this section of the probe from now on, and reload."""
    shared = simulated.daemon.shared
    new = msgspec.structs.replace(shared.config, strategies={"probe": section})
    shared.levers.reread = lambda: new
    return await simulated.send(Reload(by="ann"))


def value(simulated, name="size"):
    return {one.name: one.value for one in report(simulated).parameters}[name]


async def test_a_changed_parameter_reaches_the_running_strategy(simulated, autojump_clock):
    running = probe(simulated)
    outcome = await reload_with(simulated, size=4)
    assert outcome.ok
    assert [one.sentence for one in outcome.items] == ["strategies.probe.size from 2 to 4: taken"]
    assert (running.notes, value(simulated)) == ([4], "4")
    # What a person said in this run holds until the file says something new of it.
    assert (await simulated.send(SetStrategyParameter(strategy="probe", name="size", value="3"))).ok
    assert (await reload_with(simulated, size=4, loop_percent=9)).ok
    assert value(simulated) == "3"
    assert (await reload_with(simulated)).ok
    assert (value(simulated), report(simulated).loop_percent_max) == ("1", 25)
    assert simulated.daemon.shared.config.strategies["probe"] == {}


async def test_it_holds_after_a_crash_of_the_actor(simulated, autojump_clock):
    assert (await reload_with(simulated, size=4, commands_per_s=3)).ok
    simulated.daemon.shared.levers.restart_any("actor", "a test")
    await trio.sleep(10.0)
    assert (value(simulated), report(simulated).commands_per_s) == ("4", 3)
    assert (await reload_with(simulated, size=5, commands_per_s=3)).ok
    assert value(simulated) == "5"


async def test_a_value_that_cannot_be_changes_nothing_anywhere(simulated, autojump_clock):
    outcome = await reload_with(simulated, size=44, commands_per_s=3)
    assert (outcome.answer, outcome.sentence) == (
        Answer.DENIED,
        "nothing was changed: strategies.probe.size must be at most 9, not 44",
    )
    assert (probe(simulated).notes, report(simulated).commands_per_s) == ([], 10)
    assert "sizes" in (await reload_with(simulated, sizes=1)).sentence


async def test_parameters_are_taken_together_and_budgets_by_themselves(simulated, autojump_clock):
    outcome = await reload_with(
        simulated, size=4, fixed=5, callback_budget_ms=50, enabled=False, max_open_orders=3
    )
    assert outcome.answer is Answer.DENIED
    said = {one.sentence.split(" ")[0].rpartition(".")[2]: one for one in outcome.items}
    assert {name for name, one in said.items() if one.answer is Answer.DONE} == {
        "callback_budget_ms"
    }
    assert "taken together, and fixed waits" in said["size"].sentence
    assert "reads it when it starts; restart the daemon" in said["fixed"].sentence
    assert "whether the strategy runs at all" in said["enabled"].sentence
    assert (probe(simulated).notes, report(simulated).budget_ns) == ([], 50_000_000)
    assert report(simulated).status is TenantStatus.RUNNING


async def test_a_strategy_that_fails_to_take_them_is_told_and_quarantined(
    simulated, autojump_clock
):
    outcome = await reload_with(simulated, size=7, commands_per_s=3)
    assert outcome.answer is Answer.DENIED
    assert "failed to take its parameters over: not seven" in outcome.items[0].sentence
    assert simulated.daemon.shared.config.strategies["probe"] == {"size": 2}
    assert report(simulated).status is TenantStatus.QUARANTINED
    assert value(simulated) == "2"


async def test_one_that_can_be_made_once_only_refuses_and_the_reload_goes_on(
    tmp_path, autojump_clock
):
    made_once = """
        def __init__(self, parameters, context):
            self.seen.append(parameters.size)
            if self.seen.count(4) > 1:
                raise RuntimeError("its file is open already")
    """
    write_probe(tmp_path, f"{dedent(made_once).strip()}\n{dedent(PROBE).strip()}")
    async with simulated_daemon(tmp_path, strategies__probe__size=2) as simulated:
        outcome = await reload_with(simulated, size=4, commands_per_s=3)
        assert outcome.answer is Answer.DENIED
        assert "its file is open already" in outcome.items[0].sentence
        assert (value(simulated), report(simulated).status) == ("2", TenantStatus.RUNNING)
        assert simulated.daemon.shared.config.strategies["probe"] == {"size": 2}
