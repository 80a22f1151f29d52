from types import SimpleNamespace

import pytest

from traderd.plugin_api import Service, StrategySpec, hookimpl
from traderd.plugin_checks import HOOKS, PluginFault
from traderd.plugin_offers import OFFERS, ask, check_names, names_of


def spec(name: str) -> StrategySpec:
    return StrategySpec(name=name, make=object, parameters=object)


def plugin_with(**hooks) -> SimpleNamespace:
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def test_every_hook_is_an_offer():
    assert list(OFFERS) == list(HOOKS)


def test_a_plugin_without_the_hook_offers_nothing():
    assert ask(plugin_with(traderd_strategies=lambda: [spec("a")]), "traderd_services", {}) == []


def test_a_hook_is_asked_with_the_arguments_that_it_takes():
    async def run(context, *, task_status):
        pass

    plugin = plugin_with(traderd_services=lambda config: [Service(name=config, run=run)])
    (service,) = ask(plugin, "traderd_services", {"config": "given"})
    assert service.name == "given"


@pytest.mark.parametrize("answer", [None, "x", [1], {}])
def test_an_answer_that_is_no_list_of_what_it_should_be_is_a_fault(answer):
    with pytest.raises(PluginFault, match="must return a list of StrategySpec"):
        ask(plugin_with(traderd_strategies=lambda: answer), "traderd_strategies", {})


def test_a_name_that_another_has_or_that_comes_twice_is_a_fault():
    items = [spec("a"), spec("b")]
    assert names_of("traderd_strategies", items) == ("a", "b")
    check_names("traderd_strategies", items, {"c": "other"})
    with pytest.raises(PluginFault, match="'b' among its strategies, and plugin other offers"):
        check_names("traderd_strategies", items, {"b": "other"})
    with pytest.raises(PluginFault, match="it does so twice"):
        check_names("traderd_strategies", [spec("a"), spec("a")], {})
