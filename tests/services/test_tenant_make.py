"""Which strategies run and with what, and the sentences when that cannot be."""

import attrs
import pytest

from traderd.config import Config
from traderd.core.strategy_context import StrategyContext
from traderd.core.strategy_parameters import tunable
from traderd.errors import BadInput, ConfigError
from traderd.model.ids import StrategyName
from traderd.plugin_api import StrategySpec
from traderd.services.tenant_make import make_strategy, make_tenant, make_tenants


@attrs.frozen(kw_only=True)
class Parameters:
    size: int = tunable(1, ge=1)


class Plain:
    def __init__(self, parameters):
        self.parameters = parameters

    def decide(self, observation):
        return ()

    def on_parameters(self, parameters):
        self.parameters = parameters


class WithContext(Plain):
    def __init__(self, parameters, context):
        super().__init__(parameters)
        self.context = context


def spec(make=Plain, **more):
    return StrategySpec(name="mine", make=make, parameters=Parameters, **more)


def config(**section):
    return Config(strategies={"mine": {"enabled": True, **section}})


def test_a_strategy_gets_its_parameters_and_a_context_if_it_asks():
    (tenant,) = make_tenants(config(size=3), {"mine": spec(WithContext)})
    assert tenant.strategy.parameters == tenant.parameters == Parameters(size=3)
    assert tenant.strategy.context is tenant.context
    assert tenant.context.name == "mine"
    (tenant,) = make_tenants(config(), {"mine": spec(Plain)})
    assert tenant.strategy.parameters == Parameters()


def test_what_people_changed_since_the_start_is_taken_again():
    tuned = {StrategyName("mine"): {"size": "7"}}
    (tenant,) = make_tenants(config(size=3), {"mine": spec()}, tuned=tuned)
    assert tenant.parameters == Parameters(size=7)


def test_the_budgets_come_from_the_section_and_are_no_parameters():
    (tenant,) = make_tenants(
        config(commands_per_s=4, callback_budget_ms=20, share_percent=50), {"mine": spec()}
    )
    assert (tenant.budget.per_s, tenant.times.budget_s) == (4, 0.02)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"size": 0}, "strategies.mine.size must be at least 1, not 0"),
        ({"sise": 0}, "strategies.mine.sise does not exist; known are: size"),
        (
            {"share_percent": 0},
            "strategies.mine.share_percent must be a whole number from 1 to 100",
        ),
    ],
)
def test_a_wrong_setting_is_named(section, sentence):
    with pytest.raises(ConfigError) as caught:
        make_tenants(config(**section), {"mine": spec()})
    assert str(caught.value).startswith(sentence)


def test_one_that_is_not_enabled_is_not_made():
    assert make_tenant(Config(), spec(), tuned={}) is None
    assert make_tenant(Config(), spec(enabled_in_sim=True), tuned={}) is not None


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ({}, "it has no method decide and none of on_book, on_trade, on_fill, on_timer"),
        ({"decide": 1, "on_book": 1}, "it has decide and on_book, which are the same"),
        ({"decide": 1}, "size is live-tunable, but the strategy has no method on_parameters"),
    ],
)
def test_an_object_that_is_no_strategy_is_refused_with_the_reason(methods, words):
    members = {name: lambda self, *rest: () for name in methods}
    made = type("Odd", (), members)
    with pytest.raises(BadInput, match=words):
        make_strategy(
            spec(lambda parameters: made()), Parameters(), StrategyContext(StrategyName("mine"))
        )


def test_one_whose_maker_fails_is_told_with_the_cure():
    def fails(parameters):
        raise ZeroDivisionError("oops")

    with pytest.raises(
        ConfigError, match=r"strategies.mine: it cannot be made: ZeroDivisionError: oops"
    ):
        make_tenants(config(), {"mine": spec(fails)})
