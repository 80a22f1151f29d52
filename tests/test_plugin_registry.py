import sys

import pytest

from tests.test_plugin_checks import HEAD, write
from traderd.config import Config
from traderd.plugin_checks import PluginFault
from traderd.plugin_manager import load_plugins
from traderd.runtime.plugin_record import STRIKES_MAX, PluginState

CONFIG = Config()
RULES = """
from traderd.plugin_api import RiskRule, hookimpl

def check(question):
    return {body}

@hookimpl
def traderd_risk_rules(config):
    return [RiskRule(name="mine", check=check)]
"""


def strategy(name: str) -> str:
    return HEAD + (
        f"@hookimpl\ndef traderd_strategies():\n"
        f"    return [StrategySpec(name={name!r}, make=object, parameters=object)]\n"
    )


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    return tmp_path


# --- reload ---------------------------------------------------------------------------------------


def test_a_prepared_plugin_is_not_in_use_until_it_is_used(folder):
    write(folder, strategy("old"))
    plugins = load_plugins([folder])
    write(folder, strategy("new"))
    prepared = plugins.prepare("mine", CONFIG)
    assert list(plugins.strategies()) == ["old"]
    plugins.use(prepared, CONFIG)
    assert list(plugins.strategies()) == ["new"]
    assert plugins.records["mine"].offers == {"strategies": ("new",)}


@pytest.mark.parametrize(
    "text", ["def x(:\n", HEAD + "@hookimpl\ndef traderd_strategies():\n    return 5\n"]
)
def test_a_broken_new_form_leaves_the_old_one_as_it_was(folder, text):
    write(folder, strategy("old"))
    plugins = load_plugins([folder])
    module = sys.modules["traderd_dropin_mine"]
    write(folder, text)
    with pytest.raises(PluginFault):
        plugins.prepare("mine", CONFIG)
    assert list(plugins.strategies()) == ["old"]
    assert plugins.records["mine"].state is PluginState.RUNNING
    assert sys.modules["traderd_dropin_mine"] is module


def test_a_prepared_plugin_that_is_dropped_gives_its_name_back(folder):
    write(folder, strategy("old"))
    plugins = load_plugins([folder])
    module = sys.modules["traderd_dropin_mine"]
    plugins.drop(plugins.prepare("mine", CONFIG))
    assert sys.modules["traderd_dropin_mine"] is module


def test_a_new_form_may_keep_its_names_but_not_take_those_of_others(folder):
    write(folder, strategy("a"))
    write(folder, strategy("b"), "other")
    plugins = load_plugins([folder])
    plugins.ask_all(CONFIG)
    plugins.prepare("mine", CONFIG)
    write(folder, strategy("b"))
    with pytest.raises(PluginFault, match="plugin other offers one of that name too"):
        plugins.prepare("mine", CONFIG)


def test_what_is_no_drop_in_cannot_be_prepared(folder):
    plugins = load_plugins([folder])
    with pytest.raises(PluginFault, match="plugin orders is built-in"):
        plugins.prepare("orders", CONFIG)
    with pytest.raises(PluginFault, match=r"there is no plugin gone; looked for gone\.py in"):
        plugins.prepare("gone", CONFIG)


def test_whoever_misspells_a_plugin_is_told_what_can_be_reloaded_the_likeliest_first(folder):
    for name in ("aardvark", "my_maker", "_worker", "maker"):
        write(folder, strategy(name.strip("_")), name)
    plugins = load_plugins([folder])
    # One that came after the start can be loaded as well.
    write(folder, strategy("late"), "latecomer")
    with pytest.raises(PluginFault) as told:
        plugins.prepare("My_Makr", CONFIG)
    _, can = str(told.value).split("what can be reloaded: ")
    assert can.split(", ")[:2] == ["my_maker", "maker"]
    assert sorted(can.split(", ")) == ["aardvark", "latecomer", "maker", "my_maker"]


# --- rules ----------------------------------------------------------------------------------------


def rule_of(folder, body: str):
    write(folder, RULES.format(body=body))
    plugins = load_plugins([folder])
    (rule,) = plugins.risk_rules(CONFIG)
    return plugins, rule


def test_a_rule_that_allows_and_one_that_forbids_are_passed_on(folder):
    assert rule_of(folder, "None")[1].check(object()) is None
    assert rule_of(folder, "'no'")[1].check(object()) == "no"


@pytest.mark.parametrize("body", ["1 / 0", "True", "[]"])
def test_a_rule_that_fails_is_struck_and_then_quarantined_closed(folder, body):
    plugins, rule = rule_of(folder, body)
    told = []
    plugins.on_strike = lambda record, why, is_last: told.append((record.name, is_last))
    for _ in range(STRIKES_MAX):
        with pytest.raises((ZeroDivisionError, TypeError)):
            rule.check(object())
    assert told == [("mine", False), ("mine", False), ("mine", True)]
    sentence = rule.check(object())
    assert "plugin mine has risk rules and is quarantined, so nothing passes" in sentence
    assert "`traderd plugins disable mine`" in sentence
    assert len(told) == STRIKES_MAX


def test_rules_of_a_plugin_that_cannot_be_loaded_let_nothing_pass(folder):
    _, rule = rule_of(folder, "None)")
    assert rule.name == "mine"
    assert "is failed, so nothing passes: it cannot be imported" in rule.check(object())


def test_a_person_who_disables_such_a_plugin_goes_on_without_its_rules(folder):
    plugins, _ = rule_of(folder, "None)")
    plugins.switch_off("mine", "disabled by ann")
    assert plugins.risk_rules(CONFIG) == ()


def test_rules_keep_their_measurements_when_they_are_collected_again(folder):
    plugins, rule = rule_of(folder, "None")
    rule.check(object())
    (again,) = plugins.risk_rules(CONFIG)
    again.check(object())
    assert again is rule
    assert plugins.records["mine"].calls["risk rule mine"].calls == 2


# --- services -------------------------------------------------------------------------------------


def test_services_are_told_apart_by_whose_they_are(folder):
    write(
        folder,
        """
        from traderd.plugin_api import Service, hookimpl

        async def run(context, *, task_status): ...

        @hookimpl
        def traderd_services(config):
            return [Service(name="extra", run=run)]
        """,
    )
    plugins = load_plugins([folder])
    assert [one.name for one in plugins.services_of("mine", CONFIG)] == ["extra"]
    names = [one.name for one in plugins.built_in_services(CONFIG)]
    assert "extra" not in names
    assert {"orders", "plugins"} < {*names}
    assert plugins.services(CONFIG)[-1].name == "extra"
