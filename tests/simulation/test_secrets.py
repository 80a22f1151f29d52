"""A canary in every place where a secret may stand: nothing that the daemon writes or answers shows it."""

import json
from textwrap import dedent

import msgspec
import pytest
import structlog
import trio

from tests.services.strategy_files import report
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.commands import Answer, Reload
from traderd.model.strategy_commands import SetStrategyParameter
from traderd.model.strategy_events import TenantStatus
from traderd.services.console_source import DaemonSource
from traderd.services.context import Context

TOKEN = "canary-one-4711"
OTHER = "canary-two-4711"
PLUGIN = f"""
import attrs
from traderd.plugin_api import StrategySpec, hookimpl, setting, tunable

@attrs.frozen(kw_only=True)
class Parameters:
    api_token: str = tunable("")
    tokens: int = tunable(1, le=9)
    url: str = tunable("", doc="Where signals come from.")
    size: int = tunable(1, le=9)

class Mine:
    def __init__(self, parameters):
        self.parameters = parameters
        if parameters.size == 8:
            raise RuntimeError(f"no signals for {{parameters}}")
    def on_parameters(self, parameters):
        if parameters.size == 7:
            raise RuntimeError(f"cannot follow {{parameters}}")
        self.parameters = parameters
    def decide(self, observation):
        if self.parameters.size == 6 and observation.ticker == "{TICKERS[0]}":
            raise ValueError(f"401 for {{self.parameters.api_token!r}}")
        return ()

@hookimpl
def traderd_strategies():
    return [StrategySpec(name="mine", make=Mine, parameters=Parameters, enabled_in_sim=True)]
"""

LEAKY = """
import trio
from traderd.plugin_api import OnCrash, RiskRule, Service, hookimpl

@hookimpl
def traderd_services(config):
    async def run(context, *, task_status):
        task_status.started()
        await trio.sleep(1.0)
        raise ValueError(f"401 for {config.notify.telegram.token}")
    return [Service(name="leaky", run=run, on_crash=OnCrash.DEGRADE)]

@hookimpl
def traderd_risk_rules(config):
    def check(question):
        raise ValueError(f"cannot ask with {config.notify.telegram!r}")
    return [RiskRule(name="leaky", check=check)]
"""
BROKEN = """
from traderd.plugin_api import hookimpl

@hookimpl
def traderd_notifiers(config):
    raise ValueError(f"no notifier for {config.notify.webhook}")
"""


@pytest.fixture
async def simulated(tmp_path, autojump_clock):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "mine.py").write_text(dedent(PLUGIN))
    async with simulated_daemon(tmp_path, strategies__mine__api_token=TOKEN) as running:
        assert token_of(running) == TOKEN
        yield running


def token_of(simulated):
    """The strategy's own parameters, which must be the real ones."""
    return simulated.daemon.shared.settings.current.strategies["mine"]["api_token"]


async def set_live(simulated, name, value):
    return await simulated.send(SetStrategyParameter(strategy="mine", name=name, value=value))


def shown(simulated, name="api_token"):
    return {one.name: one for one in report(simulated, "mine").parameters}[name]


async def assert_nothing_shows(simulated, directory, *answers):
    """Look through log, screens, and every file that the daemon wrote."""
    await trio.sleep(5.0)
    shared = simulated.daemon.shared
    source = DaemonSource(Context(name="web", shared=shared, log=structlog.get_logger()))
    pages = [source.page(name, 200, None) for name in ("orders", "log", "transitions")]
    screens = [*answers, source.status(), source.health(), source.plugins(), *pages]
    assert "canary" not in msgspec.json.encode(screens).decode()
    assert "canary" not in simulated.log.getvalue()
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    assert any(path.name.startswith("journal") for path in files)
    assert [path.name for path in files if b"canary" in path.read_bytes()] == []


async def test_a_secret_parameter_is_not_tuned_live_and_the_cure_is_said(simulated, tmp_path):
    outcome = await set_live(simulated, "api_token", OTHER)
    assert outcome.answer is Answer.DENIED
    assert "strategies.mine.api_token is a secret or holds one" in outcome.sentence
    assert ".env file that only you can read, and restart the daemon" in outcome.sentence
    assert (shown(simulated).value, shown(simulated).tunable) == ("[masked]", False)
    # A number is no secret, whatever it is called.
    assert (await set_live(simulated, "tokens", "3")).ok
    assert (shown(simulated, "tokens").value, shown(simulated, "tokens").tunable) == ("3", True)
    await assert_nothing_shows(simulated, tmp_path, outcome)


async def test_a_secret_that_was_changed_in_the_file_waits_for_the_next_start(simulated, tmp_path):
    shared = simulated.daemon.shared
    section = {"api_token": OTHER, "size": 4}
    new = msgspec.structs.replace(shared.config, strategies={"mine": section})
    shared.levers.reread = lambda: new
    outcome = await simulated.send(Reload(by="ann"))
    assert outcome.answer is Answer.DENIED
    said = " ".join(one.sentence for one in outcome.items)
    assert (
        "strategies.mine.api_token ([masked]) was changed: not taken, it is a secret or holds one"
        in said
    )
    assert token_of(simulated) == TOKEN
    shared.levers.restart_any("actor", "a test")
    await trio.sleep(10.0)
    assert shown(simulated).value == "[masked]"
    await assert_nothing_shows(simulated, tmp_path, outcome)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "url",
            f"https://example.test/?of={TOKEN}",
            "strategies.mine.url is a secret or holds one",
        ),
        ("size", "8", "no signals for Parameters(api_token='[masked]'"),
        ("size", "7", "cannot follow Parameters(api_token='[masked]'"),
    ],
)
async def test_words_of_a_strategy_that_quote_its_secret_are_masked(
    simulated, tmp_path, name, value, words
):
    outcome = await set_live(simulated, name, value)
    assert words in outcome.sentence
    await assert_nothing_shows(simulated, tmp_path, outcome)


async def test_a_strategy_that_fails_with_its_secret_in_the_error_shows_it_nowhere(
    simulated, tmp_path
):
    assert (await set_live(simulated, "size", "6")).ok
    await simulated.wait_until(lambda: report(simulated, "mine").status is TenantStatus.QUARANTINED)
    assert "401 for '[masked]'" in report(simulated, "mine").reason
    assert any("401 for '[masked]'" in line.get("exception", "") for line in simulated.lines())
    await assert_nothing_shows(simulated, tmp_path, report(simulated, "mine"))


async def test_a_plugin_whose_errors_quote_the_configuration_shows_no_secret_of_it(
    tmp_path, autojump_clock
):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "leaky.py").write_text(LEAKY)
    (plugins / "broken.py").write_text(BROKEN)
    async with simulated_daemon(
        tmp_path,
        notify__telegram__token=TOKEN,
        notify__telegram__chat_id="7",
        notify__webhook__url=f"https://example.test/{OTHER}",
        notify__webhook__secret=f"{OTHER}-{OTHER}",
    ) as simulated:
        outcome = await simulated.place("bid", "1", "0.0100")
        assert "cannot ask with TelegramConfig(token='[masked]'" in outcome.sentence
        await trio.sleep(60.0)
        assert simulated.said("service leaky is ")
        told = "no notifier for WebhookConfig(url='[masked]', secret='[masked]'"
        assert any(told in json.dumps(line) for line in simulated.lines())
        await assert_nothing_shows(simulated, tmp_path, outcome)
