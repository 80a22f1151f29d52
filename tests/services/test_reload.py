"""Settings read again: what can change does at once, everything else is told, nonsense changes nothing."""

import msgspec
import pytest

from tests.simulation.harness import simulated_daemon
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.model.commands import Answer, Reload
from traderd.runtime.inbox import Policy


def wanting(simulated, **sections):
    """Let the files say something else from now on."""
    shared = simulated.daemon.shared

    def reread():
        changed = {
            name: msgspec.structs.replace(getattr(shared.config, name), **values)
            for name, values in sections.items()
        }
        return msgspec.structs.replace(shared.config, **changed)

    shared.levers.reread = reread


async def test_a_lowered_limit_binds_the_next_order_and_is_in_the_journal(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        wanting(simulated, risk={"max_open_orders": 1, "breaker_errors": 2})
        with simulated.daemon.shared.bus.subscribe(
            ev.LimitsSet, name="test", policy=Policy.LOSSLESS
        ) as told:
            outcome = await simulated.send(Reload(by="ann"))
            assert (outcome.answer, outcome.sentence) == (
                Answer.DONE,
                "2 of 2 changed settings taken",
            )
            (event,) = await told.receive()
        assert dict(event.limits)["max_open_orders"] == "1"
        assert simulated.view.conditions.breaker_limit == 2
        assert (await simulated.place("bid", "1", "0.0100")).ok
        assert "max_open_orders = 1" in (await simulated.place("bid", "1", "0.0100")).sentence


async def test_a_raised_limit_waits_for_a_word_and_is_told_aloud(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        wanting(simulated, risk={"max_open_orders": 50}, log={"level": "warning"})
        outcome = await simulated.send(Reload())
        assert outcome.answer is Answer.DENIED
        assert outcome.sentence.startswith(
            "1 of 2 changed settings taken, 1 refused: risk.max_open"
        )
        assert [item.answer for item in outcome.items] == [Answer.DONE, Answer.DENIED]
        assert simulated.view.limits.max_open_orders == 10
        assert (await simulated.send(Reload(raise_limits=True, by="ann"))).ok
        assert simulated.view.limits.max_open_orders == 50
        assert simulated.said(
            "a risk limit was raised by ann: risk.max_open_orders from 10 to 50 [C17]"
        )


async def test_a_dry_run_tells_and_changes_nothing(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        before = simulated.daemon.shared.config
        wanting(simulated, risk={"max_open_orders": 1}, web={"port": 1})
        outcome = await simulated.send(Reload(dry_run=True))
        assert [item.sentence.split(": ")[1].split(",")[0] for item in outcome.items] == [
            *("would be taken", "not taken")
        ]
        assert simulated.daemon.shared.config is before
        assert simulated.view.limits.max_open_orders == 10


async def test_settings_that_do_not_fit_change_nothing(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        before = simulated.daemon.shared.config

        def reread():
            raise ConfigError("risk.max_open_orders (traderd.toml) must be a whole number, not 'x'")

        simulated.daemon.shared.levers.reread = reread
        outcome = await simulated.send(Reload())
        assert outcome.answer is Answer.DENIED
        assert outcome.sentence.startswith(
            "nothing was changed: risk.max_open_orders (traderd.toml)"
        )
        assert simulated.daemon.shared.config is before


async def test_what_is_taken_must_fit_to_what_is_kept(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        # Each of both is right in its file; without the raise of the upper end the band is empty.
        wanting(simulated, risk={"max_price_dollars": "0.995", "min_price_dollars": "0.992"})
        outcome = await simulated.send(Reload())
        assert outcome.answer is Answer.DENIED
        assert outcome.sentence.startswith("nothing was changed: risk.min_price_dollars")


async def test_nothing_new_is_no_fault(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        wanting(simulated)
        assert (await simulated.send(Reload())).sentence == "no setting has changed"


@pytest.mark.parametrize("level", ["debug", "warning"])
async def test_the_level_of_the_log_changes_for_loggers_that_exist(tmp_path, autojump_clock, level):
    async with simulated_daemon(tmp_path) as simulated:
        wanting(simulated, log={"level": level})
        await simulated.send(Reload())
        before = len(simulated.lines())
        await simulated.place("bid", "1", "0.0100")
        levels = {line["level"] for line in simulated.lines()[before:]}
        assert ("debug" in levels) == (level == "debug")
        assert level == "debug" or not levels & {"debug", "info"}
