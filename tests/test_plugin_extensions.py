"""From hooks to hosts: whose each description is, strikes, and plugins that do not fit."""

import pytest

from tests.services.still_daemon import MARKET, still_daemon
from tests.services.test_metrics import scrape
from tests.simulation.harness import REPOSITORY
from traderd.config import Config
from traderd.plugin_extensions import refill
from traderd.plugin_manager import load_plugins
from traderd.runtime.plugin_record import STRIKES_MAX, PluginState
from traderd.services.extensions import Extensions
from traderd.services.observing import get_observation
from traderd.services.plugin_routes import PluginRoutes
from traderd.web.api import Refusal

HEAD = """
from traderd.plugin_api import *
from traderd.plugin_api import hookimpl
"""
BAD_METRIC = """
def read(look):
    raise KeyError("gone")

@hookimpl
def traderd_metrics(config):
    return [PluginMetric(name="gone", meaning="Gone.", read=read)]
"""
BAD_FEATURE = """
@hookimpl
def traderd_observations():
    return [ObservationFeature(name="half", unit="1", meaning="Half.", read=lambda seen: 0.5)]
"""
BAD_ROUTE = """
async def answer(request):
    return 1 / 0

@hookimpl
def traderd_routes(config):
    return [Route(path="zero", answer=answer)]
"""


@pytest.fixture
def plugin(tmp_path):
    directory = tmp_path / "plugins"
    directory.mkdir()

    def write(text, name="mine"):
        (directory / f"{name}.py").write_text(HEAD + text)
        return directory

    return write


def test_the_plugins_of_the_repository_offer_what_their_pages_say():
    extensions, plugins = Extensions(), load_plugins([REPOSITORY / "plugins"])
    refill(extensions, plugins, Config())
    assert plugins.failed == []
    assert extensions.notifiers == (), "none is set up"
    assert len([owned for owned in extensions.routes if owned.plugin == "pnl_csv"]) == 4
    assert {owned.item.name for owned in extensions.metrics} == {
        "gross_exposure_dollars",
        "day_profit_dollars",
    }
    assert [owned.item.name for owned in extensions.features] == ["trade_flow_imbalance"]


async def test_a_metric_that_keeps_failing_quarantines_its_plugin(autojump_clock, tmp_path, plugin):
    async with still_daemon(tmp_path, plugin_directories=(plugin(BAD_METRIC),)) as daemon:
        for _ in range(STRIKES_MAX + 2):
            assert b"traderd_plugin_gone" not in scrape(daemon)
        (owned,) = daemon.shared.extensions.metrics
        assert not owned.in_use()
        (fault,) = daemon.shared.extensions.faults.all()
        assert fault.count == STRIKES_MAX, "after that it is not called any more"
        assert fault.where.endswith("plugins/mine.py:6")
        log = daemon.log_text.getvalue()
        assert log.count("its metric gone failed at") == 1
        assert "plugins/mine.py:6: KeyError" in log


async def test_a_feature_that_is_no_whole_number_is_0_and_a_strike(
    autojump_clock, tmp_path, plugin
):
    async with still_daemon(tmp_path, plugin_directories=(plugin(BAD_FEATURE),)) as daemon:
        daemon.list_market()
        daemon.snapshot(bids={"0.46": "10"}, asks={})
        seen = get_observation(daemon.context("actor"), MARKET)
        assert seen.features == (("half", 0),)
        (fault,) = daemon.shared.extensions.faults.all()
        assert "must return a whole number, it returned float" in fault.error


async def test_a_route_that_keeps_failing_is_a_strike_each_time(autojump_clock, tmp_path, plugin):
    async with still_daemon(tmp_path, plugin_directories=(plugin(BAD_ROUTE),)) as daemon:
        host, statuses = PluginRoutes(daemon.context("web")), []
        for _ in range(STRIKES_MAX + 1):
            with pytest.raises(Refusal) as caught:
                await host.answer("GET", "mine", "zero", query={}, body={})
            statuses.append(caught.value.status)
        assert statuses == [500] * STRIKES_MAX + [503]


async def test_what_failed_is_forgotten_when_the_plugin_is_replaced(autojump_clock, plugin):
    directory = plugin(BAD_METRIC)
    extensions, plugins = Extensions(), load_plugins([directory])
    refill(extensions, plugins, Config())
    extensions.faults.note("mine", "metric gone", "bad")
    extensions.faults.note("other", "metric", "bad")
    refill(extensions, plugins, Config())
    assert len(extensions.faults.all()) == 2, "it is the same form"
    plugins.use(plugins.prepare("mine", Config()), Config())
    refill(extensions, plugins, Config())
    assert [fault.plugin for fault in extensions.faults.all()] == ["other"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@hookimpl\ndef traderd_metrics(config):\n    return [PluginMetric(name='A', meaning='a', read=str)]\n", "regex"),
        ("@hookimpl\ndef traderd_routes(config):\n    return [7]\n", "Route"),
        ("@hookimpl\ndef traderd_notifiers(config):\n    return config.nothing\n", "nothing"),
        ("@hookimpl\ndef traderd_commands():\n    raise OSError('disk')\n", "disk"),
        ("@hookimpl\ndef traderd_metrix(config):\n    return []\n", "traderd_metrics"),
    ],
)  # fmt: skip
def test_one_that_does_not_fit_is_listed_with_its_line_and_stops_nobody(plugin, text, words):
    plugins = load_plugins([plugin(text), REPOSITORY / "plugins"])
    plugins.ask_all(Config())
    refill(Extensions(), plugins, Config())
    record = plugins.records["mine"]
    assert record.state is PluginState.FAILED
    assert words in record.sentence
    assert record.line is not None
    assert "pnl_csv" in plugins.names()


def test_two_plugins_may_serve_the_same_path_but_not_the_same_metric(plugin):
    text = BAD_ROUTE + BAD_METRIC
    plugin(text)
    plugins = load_plugins([plugin(text, "other")])
    extensions = Extensions()
    refill(extensions, plugins, Config())
    assert [owned.plugin for owned in extensions.metrics] == ["mine"]
    assert "'gone' among its metrics" in plugins.records["other"].sentence
    plugin("\n" + BAD_ROUTE)
    plugins = load_plugins([plugin(BAD_ROUTE, "other")])
    refill(extensions, plugins, Config())
    assert [owned.plugin for owned in extensions.routes] == ["mine", "other"]
