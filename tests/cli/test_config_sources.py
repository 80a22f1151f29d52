import pytest

from tests.cli.doctor_tools import KEY_ID
from tests.simulation.harness import REPOSITORY
from traderd.cli.config_sources import all_settings, inspect, strategy_problems
from traderd.config import STRATEGIES, Config, load_config
from traderd.config_strategies import DEFAULTS, StrategySettings, strategy_settings
from traderd.config_values import settings_of
from traderd.errors import ConfigError
from traderd.plugin_manager import load_plugins


@pytest.fixture(scope="module")
def plugins():
    return load_plugins([REPOSITORY / "plugins"])


def look(directory, *, flags=None, **variables):
    return inspect(variables=variables, directory=directory, config_file=None, flags=flags or {})


def by_name(found, plugins):
    rows = all_settings(found, found.config, plugins.strategies())
    return {row.name: row for row in rows}


def test_each_value_has_the_strongest_place_that_gave_it(tmp_path, plugins):
    (tmp_path / "traderd.toml").write_text(
        '[risk]\nmax_open_orders = 1\nbreaker_errors = 2\nmax_event_loss_dollars = "7"\nday_hour = 3\n'
    )
    (tmp_path / ".env.sim").write_text("TRADERD_RISK__BREAKER_ERRORS=3\n")
    found = look(
        tmp_path,
        flags={"risk.day_hour": "5"},
        TRADERD_RISK__MAX_EVENT_LOSS_DOLLARS="8",
    )
    rows = by_name(found, plugins)
    told = {
        name.removeprefix("risk."): (rows[name].value, rows[name].where)
        for name in rows
        if name.startswith("risk.") and rows[name].where != "default"
    }
    assert told == {
        "max_open_orders": (1, str(tmp_path / "traderd.toml")),
        "breaker_errors": (3, ".env.sim: TRADERD_RISK__BREAKER_ERRORS"),
        "max_event_loss_dollars": ("8", "variable TRADERD_RISK__MAX_EVENT_LOSS_DOLLARS"),
        "day_hour": (5, "--set"),
    }
    assert (found.file, found.dotenv_files) == (tmp_path / "traderd.toml", (tmp_path / ".env.sim",))
    assert found.problems == ()


@pytest.mark.parametrize(
    ("flags", "variables", "dotenv", "where"),
    [
        ({"environment": "paper"}, {}, "", "--environment"),
        ({}, {"KALSHI_ENV": "demo"}, "", "variable KALSHI_ENV"),
        ({}, {}, "TRADERD_ENVIRONMENT=paper\n", ".env: TRADERD_ENVIRONMENT"),
    ],
    ids=["flag", "variable", "file"],
)
def test_where_the_environment_was_chosen(tmp_path, flags, variables, dotenv, where):
    (tmp_path / ".env").write_text(dotenv)
    found = look(tmp_path, flags=flags, **variables)
    assert (found.environment, found.environment_where) == ("paper", where)


def test_every_setting_of_the_tree_and_of_every_strategy_is_listed_once(tmp_path, plugins):
    found = look(tmp_path)
    names = [row.name for row in all_settings(found, found.config, plugins.strategies())]
    assert len(set(names)) == len(names)
    assert set(settings_of(Config, free=STRATEGIES)) < set(names)
    assert "strategies.spread_maker.markets_max" in names
    assert "strategies.spread_maker.enabled" in names


def test_the_defaults_of_every_strategy_can_be_given_and_change_nothing():
    given = {key: value for key, value in DEFAULTS.items() if value is not None}
    assert strategy_settings("any", given) == strategy_settings("any", {}) == StrategySettings()


def test_what_the_daemon_would_refuse_at_its_start_is_a_problem_with_its_place(tmp_path):
    flags = {"market_data.markets": "", "risk.max_order_contracts": "0"}
    found = look(tmp_path, flags=flags)
    assert [problem.partition(";")[0] for problem in found.problems] == [
        "market_data.markets (--set) names no market",
        "risk.max_order_contracts (--set) must be above 0, it is 0",
    ]
    with pytest.raises(ConfigError) as refused:
        load_config(variables={}, directory=tmp_path, flags=flags)
    assert str(refused.value) == found.problems[0]


def test_all_faults_are_told_at_once_and_the_rest_still_holds(tmp_path, plugins):
    (tmp_path / "traderd.toml").write_text(
        '[risk]\nmax_open_order = 3\nbreaker_errors = "many"\nmax_open_orders = 7\n'
        "max_order_contracts = 0\n[strategies.spread_maker]\nx = 1\n[strategies.nobody]\n"
        "enabled = true\n"
    )
    found = look(tmp_path)
    assert [problem.split()[0] for problem in found.problems] == [
        "risk.max_open_order",
        "risk.breaker_errors",
        "risk.max_order_contracts",
    ]
    assert found.config.risk.max_open_orders == 7
    problems = strategy_problems(found.config, plugins)
    assert [problem.split()[0] for problem in problems] == [
        "strategies.spread_maker.x",
        "strategies.nobody",
    ]


def test_files_that_cannot_be_read_leave_no_configuration(tmp_path):
    (tmp_path / "traderd.toml").write_text("[")
    found = look(tmp_path)
    assert found.config is None
    assert "traderd.toml cannot be read" in found.problems[0]


def test_no_secret_is_shown(tmp_path, plugins):
    found = look(
        tmp_path,
        flags={
            "strategies.spread_maker.api_token": "hunter2",
            "exchange.key_id": KEY_ID,
            "notify.telegram.token": "hunter2",
            "notify.webhook.url": "https://example.test/hunter2?x=hunter2",
            "notify.webhook.secret": "hunter2hunter2hunter2",
        },
    )
    rows = by_name(found, plugins)
    assert rows["exchange.key_id"].value == "1a2b…"
    assert rows["notify.webhook.url"].value == "https://example.test/[masked]"
    assert "hunter2" not in str(rows)


def test_an_unset_value_says_what_it_comes_to(tmp_path, plugins):
    rows = by_name(look(tmp_path, flags={"environment": "local"}), plugins)
    assert rows["trading.enabled"].means == "false"
    assert rows["exchange.embedded"].means == "false"
    assert rows["state_dir"].means.endswith("traderd/local")
    assert rows["strategies.spread_maker.enabled"].means == "false"
    rows = by_name(look(tmp_path, flags={"trading.enabled": "false"}), plugins)
    assert rows["trading.enabled"].means == ""


def test_the_section_of_a_plugin_that_was_switched_off_is_no_fault(tmp_path):
    plugins = load_plugins([REPOSITORY / "plugins"], disabled={"spread_maker": "switched off"})
    found = look(tmp_path, flags={"strategies.spread_maker.markets_max": "2"})
    assert strategy_problems(found.config, plugins) == []
