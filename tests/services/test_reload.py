"""Settings read again: what can change does at once, everything else is told, nonsense changes nothing."""

import msgspec
import pytest
import structlog
import trio

from tests.simulation.harness import simulated_daemon
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.model.commands import Answer, Halt, Reload, denied
from traderd.runtime.inbox import Policy
from traderd.services.console_source import DaemonSource
from traderd.services.context import Context
from traderd.web.repeats import Repeats


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


async def test_no_secret_of_the_settings_gets_into_the_answer_the_log_or_the_journal(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        shared = simulated.daemon.shared
        notify = shared.config.notify
        replace = msgspec.structs.replace
        telegram = replace(notify.telegram, token="12:canary", chat_id="7")
        webhook = replace(
            notify.webhook, url="https://example.test/canary", secret="canary-canary-canary"
        )
        wanting(
            simulated,
            notify={"telegram": telegram, "webhook": webhook},
            exchange={"key_id": "1a2b3c4d-canary"},
        )
        changed = shared.levers.reread()
        mine = {"mine": {"api_token": "canary", "secrets": {"one": "canary"}}}
        shared.levers.reread = lambda: replace(changed, strategies=mine)
        source = DaemonSource(Context(name="web", shared=shared, log=structlog.get_logger()))
        for dry_run in (True, False):
            answer, _ = await Repeats(source.requests).once(
                f"key-{dry_run}",
                ("reload", "digest"),
                lambda: source.command("reload", {"dry_run": dry_run}),  # noqa: B023
            )
            assert "notify.telegram.token" in str(answer)
            assert "canary" not in str(answer)
        await trio.sleep(5.0)
        assert simulated.said("notify.webhook.secret from the default to [masked]")
        assert "canary" not in str(simulated.lines())
        files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
        assert any(path.name.startswith("journal") for path in files)
        assert [path.name for path in files if b"canary" in path.read_bytes()] == []


@pytest.mark.parametrize("halted", [False, True])
async def test_what_changes_while_the_files_are_read_refuses_a_reload_that_was_decided_before(
    tmp_path, autojump_clock, halted
):
    async with simulated_daemon(tmp_path) as simulated:
        shared, changed, answers = simulated.daemon.shared, denied("it changed"), []
        wanting(simulated, risk={"max_open_orders": 1})
        reread, real = shared.levers.reread, simulated.env.run_blocking

        async def slow(function, *args):
            if function is reread:
                await trio.sleep(1.0)
            return await real(function, *args)

        def unless():
            return changed if simulated.view.conditions.halts else None

        async def reload():
            answers.append(await shared.commands.send(Reload(), unless))

        simulated.env.run_blocking = slow
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reload)
            await trio.sleep(0.5)
            if halted:
                await simulated.send(Halt(reason="rain"))
        assert (answers == [changed]) is halted
        assert simulated.view.limits.max_open_orders == (10 if halted else 1)
