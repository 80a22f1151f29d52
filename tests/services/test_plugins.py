from contextlib import asynccontextmanager

import pytest
import trio

from tests.plugin_files import put_plugin
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.commands import Answer, denied
from traderd.model.events import PluginChange, PluginChanged
from traderd.model.plugin_commands import DisablePlugin, EnablePlugin, ReloadPlugin
from traderd.runtime.inbox import Policy
from traderd.runtime.plugin_record import PluginState
from traderd.store.plugin_switches import read_switches

MAKER = """
import attrs
from traderd.plugin_api import Side, StrategySpec, cancel, hookimpl, parse_count, parse_price, place

@attrs.frozen
class Parameters:
    contracts: int = 1

class Maker:
    def __init__(self, parameters, context):
        self.count = parse_count(parameters.contracts, what="contracts")
        context.notes.put("made", context.notes.get("made", 0) + 1)

    def decide(self, observation):
        if observation.ticker != {ticker!r} or observation.own(Side.BID):
            return []
        return [place(ticker=observation.ticker, side=Side.BID, price=parse_price({price!r}),
                      count=self.count, post_only=True)]

@hookimpl
def traderd_strategies():
    return [StrategySpec(name="maker", make=Maker, parameters=Parameters, enabled_in_sim=True)]
"""
SERVICE = """
import trio
from traderd.plugin_api import Service, hookimpl
LIFE = []

async def run(context, *, task_status):
    {body}
    context.notes.put("starts", context.notes.get("starts", 0) + 1)
    task_status.started()
    await trio.sleep_forever()

async def drain(context):
    context.notes.put("drained", True)

@hookimpl
def traderd_services(config):
    return [Service(name="extra", run=run, drain=drain, after=("web",) if config.web.enabled else ())]
"""
RULE = """
from traderd.plugin_api import RiskRule, hookimpl

def check(question):
    return {answer}

@hookimpl
def traderd_risk_rules(config):
    return [RiskRule(name="mine", check=check)]
"""


def maker(price: str) -> str:
    return MAKER.format(ticker=TICKERS[0], price=price)


@asynccontextmanager
async def daemon_with(directory, plugins, **settings):
    for name, text in plugins.items():
        put_plugin(directory, name, text)
    async with simulated_daemon(directory, **settings) as simulated:
        yield simulated


def records_of(simulated):
    return simulated.daemon.shared.plugin_desk.plugins.records


def own_prices(simulated) -> list[int]:
    return [order.price for order in simulated.view.live_orders()]


async def changes_of(simulated, command):
    """Send a command and return its outcome with the facts that came of it."""
    shared = simulated.daemon.shared
    with shared.bus.subscribe(PluginChanged, name="test", policy=Policy.LOSSLESS) as inbox:
        outcome = await simulated.send(command)
        facts = []
        with trio.move_on_after(1):
            async for batch in inbox:
                facts += batch
    return outcome, facts


# --- reload ---------------------------------------------------------------------------------------


async def test_a_reload_exchanges_the_code_and_adopts_the_orders(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        (order,) = simulated.view.live_orders()
        put_plugin(tmp_path, "mine", maker("0.20"))
        outcome, facts = await changes_of(simulated, ReloadPlugin(plugin="mine", by="ann"))
        assert outcome.answer is Answer.DONE
        assert "plugin mine was reloaded from" in outcome.sentence
        assert "1 live orders adopted" in outcome.sentence
        await trio.sleep(3)
        # The new one sees the order of the old one as its own, and places none beside it.
        assert [one.key for one in simulated.view.live_orders()] == [order.key]
        await simulated.cancel(order.key)
        await simulated.wait_until(lambda: own_prices(simulated) == [2000])
        assert [(one.change, one.by) for one in facts] == [(PluginChange.RELOADED, "ann")]
        assert simulated.said(outcome.sentence)


async def test_what_changes_while_the_new_form_is_read_refuses_a_reload_that_was_decided_before(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": RULE.format(answer="'never'")}) as simulated:
        put_plugin(tmp_path, "mine", RULE.format(answer="None"))
        changed = denied("it changed")
        answers = iter([None, changed])
        outcome = await simulated.daemon.shared.commands.send(
            ReloadPlugin(plugin="mine"), lambda: next(answers)
        )
        assert outcome is changed
        assert "never" in (await simulated.place("bid", "1", "0.10")).sentence
        assert (await simulated.send(ReloadPlugin(plugin="mine"))).ok
        assert (await simulated.place("bid", "1", "0.10")).ok


async def test_a_broken_new_form_leaves_the_old_one_trading_and_says_where(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        put_plugin(tmp_path, "mine", "x = 1\ndef y(:\n")
        outcome, facts = await changes_of(simulated, ReloadPlugin(plugin="mine"))
        assert outcome.answer is Answer.DENIED
        assert "SyntaxError" in outcome.sentence
        assert "(line 2)" in outcome.sentence
        assert outcome.sentence.endswith("the form that runs goes on unchanged")
        assert [one.change for one in facts] == [PluginChange.RELOAD_REFUSED]
        (order,) = simulated.view.live_orders()
        await simulated.cancel(order.key)
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])


async def test_a_form_whose_strategy_cannot_be_made_changes_nothing(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        put_plugin(tmp_path, "mine", maker("0.20").replace("contracts: int = 1", "contracts: int"))
        outcome = await simulated.send(ReloadPlugin(plugin="mine"))
        assert outcome.answer is Answer.DENIED
        assert "maker" in outcome.sentence
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        assert records_of(simulated)["mine"].state is PluginState.RUNNING


async def test_a_file_that_came_while_the_daemon_runs_is_loaded(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        put_plugin(tmp_path, "mine", maker("0.10"))
        outcome = await simulated.send(ReloadPlugin(plugin="mine"))
        assert "plugin mine was loaded from" in outcome.sentence
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])


@pytest.mark.parametrize(
    ("name", "words"), [("orders", "is a part of traderd"), ("gone", "there is no plugin gone")]
)
async def test_what_is_no_plugin_of_a_person_is_refused(tmp_path, autojump_clock, name, words):
    async with simulated_daemon(tmp_path) as simulated:
        for command in (ReloadPlugin(plugin=name), DisablePlugin(plugin=name)):
            outcome = await simulated.send(command)
            assert outcome.answer is Answer.DENIED
            assert words in outcome.sentence
            assert "paper_exchange" not in outcome.sentence, "a part of traderd is no candidate"


# --- services -------------------------------------------------------------------------------------


async def test_a_service_of_a_plugin_is_drained_and_started_anew(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": SERVICE.format(body="pass")}) as simulated:
        notes = simulated.daemon.shared.plugin_desk.notes.section("mine")
        await simulated.wait_until(lambda: notes.get("starts") == 1)
        outcome = await simulated.send(ReloadPlugin(plugin="mine"))
        assert "services stopped: extra, started: extra" in outcome.sentence
        await simulated.wait_until(lambda: notes.get("starts") == 2)
        assert notes.get("drained") is True
        assert simulated.view.services["extra"].status == "running"


async def test_a_service_that_cannot_start_is_given_up_and_stops_nobody(tmp_path, autojump_clock):
    plugins = {"bad": SERVICE.format(body="raise ValueError('not today')"), "mine": maker("0.10")}
    async with daemon_with(tmp_path, plugins) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        await simulated.wait_until(lambda: simulated.view.services["extra"].status == "quarantined")
        detail = simulated.view.services["extra"].detail
        assert detail.startswith("it could not be started: ")
        assert "not today" in detail


async def test_a_service_that_names_a_stage_or_an_unknown_one_is_refused(tmp_path, autojump_clock):
    wrong = SERVICE.format(body="pass").replace(
        "drain=drain, after=", "drain=drain, stage='sync', after="
    )
    async with daemon_with(tmp_path, {"mine": wrong}) as simulated:
        record = records_of(simulated)["mine"]
        assert record.state is PluginState.QUARANTINED
        assert "only traderd's own services are stages" in record.reason
        assert "plugin:mine" in simulated.view.conditions.degraded


# --- rules ----------------------------------------------------------------------------------------


async def test_rules_change_with_a_reload(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": RULE.format(answer="'never'")}) as simulated:
        outcome = await simulated.place("bid", "1", "0.10")
        assert outcome.answer is Answer.DENIED
        assert "never" in outcome.sentence
        put_plugin(tmp_path, "mine", RULE.format(answer="None"))
        told = await simulated.send(ReloadPlugin(plugin="mine"))
        assert "risk rules in force: mine" in told.sentence
        assert (await simulated.place("bid", "1", "0.10")).ok


async def test_a_rule_that_raises_is_quarantined_closed_until_it_is_disabled(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": RULE.format(answer="1 / 0")}) as simulated:
        for _ in range(3):
            assert "ZeroDivisionError" in (await simulated.place("bid", "1", "0.10")).sentence
        await simulated.wait_until(lambda: "plugin:mine" in simulated.view.conditions.degraded)
        outcome = await simulated.place("bid", "1", "0.10")
        assert "is quarantined, so nothing passes" in outcome.sentence
        assert simulated.said("plugin mine is quarantined: 3 failures within 10 min")
        await simulated.send(DisablePlugin(plugin="mine"))
        assert (await simulated.place("bid", "1", "0.10")).ok
        assert "plugin:mine" not in simulated.view.conditions.degraded


# --- disable and enable ---------------------------------------------------------------------------


async def test_disable_cancels_orders_and_outlives_a_restart(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        outcome, facts = await changes_of(simulated, DisablePlugin(plugin="mine", by="ann"))
        assert "is disabled, also after a restart" in outcome.sentence
        assert own_prices(simulated) == []
        assert [(one.change, one.by) for one in facts] == [(PluginChange.DISABLED, "ann")]
        refused = await simulated.send(ReloadPlugin(plugin="mine"))
        assert "run `traderd plugins enable mine`" in refused.sentence
    assert read_switches(tmp_path)["mine"].by == "ann"
    async with simulated_daemon(tmp_path, strategies__maker__contracts=2) as simulated:
        await trio.sleep(5)
        assert own_prices(simulated) == []
        assert simulated.said("strategies.maker does not run: its plugin mine is off")
        assert (await simulated.send(EnablePlugin(plugin="mine"))).ok
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        # Its section of the configuration was kept while it was off.
        assert [order.count for order in simulated.view.live_orders()] == [200]
    assert read_switches(tmp_path) == {}


async def test_notes_of_a_strategy_outlive_reload_and_restart(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.send(ReloadPlugin(plugin="mine"))
    async with simulated_daemon(tmp_path) as simulated:
        assert simulated.daemon.shared.plugin_desk.notes.section("mine").get("made") == 3


async def test_plugins_that_fail_are_in_the_log_with_place_and_cure(tmp_path, autojump_clock):
    async with daemon_with(tmp_path, {"broken": "import nothing_here\n"}) as simulated:
        assert simulated.said(f"plugin {tmp_path}/plugins/broken.py:1 is left out")
        assert simulated.said("pip install nothing_here")


# --- quarantine -----------------------------------------------------------------------------------


async def test_a_quarantined_plugin_is_out_of_use_also_when_no_actor_runs_just_then(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        shared = simulated.daemon.shared
        record = records_of(simulated)["mine"]
        shared.levers.restart_any("actor", "a test ends it")
        await simulated.wait_until(lambda: simulated.view.services["actor"].status == "restarting")
        for number in range(3):
            reason = f"failure {number}"
            is_last = record.strike(shared.env.monotonic(), reason)
            shared.plugin_desk.strikes.add(record, reason, is_last)
        await simulated.wait_until(lambda: simulated.view.services["actor"].status == "running")
        await simulated.wait_until(lambda: own_prices(simulated) == [])
        await trio.sleep(10.0)
        assert own_prices(simulated) == []
        assert simulated.view.ticks.reports == ()


async def test_a_quarantine_that_was_broken_off_is_finished_by_the_next_start(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        # Its last strike was counted and nobody lived to act upon it.
        records_of(simulated)["mine"].quarantine("a test says so")
        await trio.sleep(5.0)
        assert own_prices(simulated) == [1000]
        simulated.daemon.shared.levers.restart_any("plugins", "a test ends it")
        await simulated.wait_until(lambda: own_prices(simulated) == [], within_s=10.0)


async def test_a_late_strike_of_the_old_form_takes_nothing_of_the_new_one_away(
    tmp_path, autojump_clock
):
    async with daemon_with(tmp_path, {"mine": maker("0.10")}) as simulated:
        await simulated.wait_until(lambda: own_prices(simulated) == [1000])
        shared, old = simulated.daemon.shared, records_of(simulated)["mine"]
        assert (await simulated.send(ReloadPlugin(plugin="mine"))).ok
        old.quarantine("a test says so")
        shared.plugin_desk.strikes.add(old, "the last of the old form", True)
        await trio.sleep(5.0)
        assert "plugin:mine" not in simulated.view.conditions.degraded
        assert [one.strategy for one in simulated.view.ticks.reports] == ["maker"]
        assert own_prices(simulated) == [1000]


async def test_a_plugin_that_calls_exit_is_contained_in_rule_hook_and_service(
    tmp_path, autojump_clock
):
    plugins = {
        "rule": RULE.format(answer="exit(1)"),
        "hook": "from traderd.plugin_api import hookimpl\n\n@hookimpl\ndef traderd_strategies():\n    exit(1)\n",
        "service": SERVICE.format(body="exit(1)"),
    }
    async with daemon_with(tmp_path, plugins) as simulated:
        assert "sys.exit(1)" in (await simulated.place("bid", "1", "0.10")).sentence
        assert records_of(simulated)["hook"].state is PluginState.FAILED
        await simulated.wait_until(lambda: simulated.view.services["extra"].status == "quarantined")
        assert "it called sys.exit()" in simulated.view.services["extra"].detail
        assert simulated.view.working
