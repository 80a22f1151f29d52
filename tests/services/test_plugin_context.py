import attrs
import pytest
import trio

from tests.plugin_files import put_plugin
from tests.services.still_daemon import still_daemon
from tests.simulation.harness import simulated_daemon
from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model import events as ev
from traderd.model.events import Author
from traderd.runtime.inbox import Policy
from traderd.runtime.plugin_record import Origin, PluginRecord, PluginState
from traderd.services.context import Context
from traderd.services.plugin_context import PluginContext, plugin_context

PERSON = Author.PERSON


def record(name: str = "mine") -> PluginRecord:
    return PluginRecord(name=name, where=f"/x/{name}.py", origin=Origin.DROP_IN)


def context_in(daemon, plugin: PluginRecord) -> PluginContext:
    return plugin_context(daemon.context("plugins"), plugin, "its_service")


FORGED = {
    "the end of a kill": ev.HaltCleared(at=2, halt_id="kill", author=PERSON),
    "the end of a pause": ev.TradingResumed(at=2, by="ann"),
    "higher limits": ev.LimitsConfirmed(at=2, limits=(), raised=(), author=PERSON, by="ann"),
    "a position taken over": ev.PositionAccepted(at=2, ticker="KXA", by="ann"),
    "a difference ignored": ev.DifferenceIgnored(at=2, item="balance", amount=1, by="ann"),
    "a balance taken over": ev.BalanceAccepted(at=2, amount=1),
    "a strategy let go": ev.StrategyReleased(at=2, strategy="maker", by="ann"),
    "the exchange is back": ev.VenueResumed(at=2),
}


@pytest.mark.parametrize("what", FORGED)
async def test_a_fact_that_is_not_a_plugins_to_tell_changes_nothing_and_is_a_strike(
    autojump_clock, tmp_path, what
):
    async with still_daemon(tmp_path) as daemon:
        daemon.publish(
            ev.HaltRaised(at=1, halt_id="kill", author=PERSON, reason="x"),
            ev.TradingPaused(at=1, reason="lunch", by="ann"),
            ev.VenuePaused(at=1, sentence="maintenance"),
        )
        mine = record()
        context, heard = context_in(daemon, mine), [type(FORGED[what]), ev.DegradedRaised]
        own = ev.DegradedRaised(at=daemon.now(), part="mine: x", reason="y")
        published, before = daemon.shared.bus.published, attrs.evolve(daemon.view.limits)
        with context.subscribe(*heard, policy=Policy.LOSSLESS) as inbox:
            for publish in (context.publish, lambda *many: context.publish_batch(iter(many))):
                with pytest.raises(
                    BadInput, match=f"may not publish {type(FORGED[what]).__name__}"
                ):
                    # Whole or not at all: what it may publish stands before it.
                    publish(own, FORGED[what])
            assert inbox.statistics().depth == 0
        assert daemon.shared.bus.published == published
        conditions = daemon.view.conditions
        assert (conditions.killed.reason, conditions.paused) == ("x", "lunch")
        assert conditions.venue_paused == "maintenance"
        assert daemon.view.limits == before
        assert [reason for _, reason in mine.strikes] == [
            f"service its_service was refused: it may not publish {type(FORGED[what]).__name__}, which is a fact that "
            "only traderd tells; a service may publish DegradedRaised and DegradedCleared; for all else there are "
            "commands (docs/plugins.md)"
        ] * 2


async def test_its_own_news_and_what_it_listens_to_pass(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = context_in(daemon, record())
        with context.subscribe(ev.DegradedRaised) as inbox:
            context.publish(ev.DegradedRaised(at=context.now(), part="mine: x", reason="y"))
            assert [event.reason for event in await inbox.receive()] == ["y"]
            assert [each.name for each in daemon.shared.bus.statistics()] == ["its_service"]
        assert daemon.view.conditions.degraded == {"mine: x": "y"}
        context.clear_degraded("mine: x")
        context.clear_degraded("never told")
        assert daemon.view.conditions.degraded == {}
        assert (context.config, context.env) == (daemon.shared.config, daemon.shared.env)
        assert context.exchange_now() == context.now() == daemon.now()


async def test_nothing_in_it_leads_to_the_bus_the_commands_or_the_exchange(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        context = context_in(daemon, record())
        for name in ("shared", "venue", "strategy_notes"):
            assert hasattr(daemon.context("ours"), name)
            assert not hasattr(context, name)
        shared = daemon.shared
        hidden = (
            shared,
            shared.bus,
            shared.commands,
            shared.lifecycle,
            shared.venue,
            shared.journal,
        )
        public = [name for name in dir(context) if not name.startswith("_")]
        found = [name for name in public if any(getattr(context, name) is one for one in hidden)]
        assert found == []
        # What traderd's own services publish goes straight to the bus: no check of plugins costs them anything.
        assert "PluginContext" not in {kind.__name__ for kind in Context.__mro__}


async def test_a_persons_command_is_denied_with_a_sentence_and_told(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = context_in(daemon, record())
        daemon.publish(ev.HaltRaised(at=1, halt_id="kill", author=PERSON, reason="x"))
        outcome = await context.send(cm.ClearHalt(halt_id="kill", author=PERSON))
        assert outcome.answer is cm.Answer.DENIED
        assert (
            outcome.sentence == "halt 'kill' was not raised by this plugin, so it may not clear it"
        )
        assert (
            "plugin mine: halt 'kill' was not raised by this plugin" in daemon.log_text.getvalue()
        )
        assert (await context.send(cm.Resume())).answer is cm.Answer.DENIED
        # Nobody serves it in these parts of a daemon; that it got so far is the point.
        assert (await context.send(cm.Halt(reason="x"))).answer is cm.Answer.UNAVAILABLE


FORGER = """
from traderd.plugin_api import ClearHalt, Halt, Service, hookimpl
import traderd.model.events as ev
import trio

ANSWERS = []


async def run(context, *, task_status):
    task_status.started()
    ANSWERS.append(await context.send(Halt(reason="a source is silent")))
    await trio.sleep(5.0)
    ANSWERS.append(await context.send(ClearHalt(halt_id="plugin:forger:account")))
    await trio.sleep(5.0)
    while True:
        try:
            context.publish(ev.HaltCleared(at=context.now(), halt_id="person:account", author=ev.Author.PERSON))
        except ValueError:
            await trio.sleep(1.0)


@hookimpl
def traderd_services(config):
    return [Service(name="forger", run=run)]
"""


async def test_a_running_plugin_halts_and_clears_in_its_own_name_and_forging_quarantines_it(
    autojump_clock, tmp_path
):
    put_plugin(tmp_path, "forger", FORGER)
    async with simulated_daemon(tmp_path) as simulated:
        halts = simulated.view.conditions.halts
        await simulated.wait_until(lambda: "plugin:forger:account" in halts)
        assert halts["plugin:forger:account"].by == "forger"
        context = simulated.daemon.shared.extras["plugins"].hosts._context
        person = attrs.evolve(context, name="web")
        await person.send(cm.Halt(reason="a person's", by="ann"))
        await simulated.wait_until(lambda: "plugin:forger:account" not in halts)
        records = simulated.daemon.shared.plugin_desk.plugins.records
        await simulated.wait_until(lambda: records["forger"].state is PluginState.QUARANTINED)
        assert "person:account" in halts
        assert "may not publish HaltCleared" in records["forger"].reason
        assert simulated.said("plugin forger: service forger was refused: it may not publish")
        await trio.sleep(5.0)
        assert simulated.view.services["forger"].status == "stopped"
