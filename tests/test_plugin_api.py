import ast
import importlib

import pytest

from tests.architecture.sources import python_files
from traderd import plugin_api
from traderd.core.observation import OwnOrder
from traderd.errors import BadInput
from traderd.model.commands import AmendOrder, CancelOrder, DecreaseOrder
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderOwner, OrderStatus, Side, TimeInForce
from traderd.model.units import Count, Price
from traderd.plugin_api import StrategySpec, amend, cancel, decrease, place

TERMS = {
    "ticker": MarketTicker("KXDEMO-A"),
    "side": Side.BID,
    "price": Price(4_500),
    "count": Count(500),
}


def test_everything_on_offer_is_there_and_listed_in_order():
    assert [name for name in plugin_api.__all__ if not hasattr(plugin_api, name)] == []
    assert len(plugin_api.__all__) == len(dict.fromkeys(plugin_api.__all__))


def test_everything_that_our_own_plugins_import_is_on_offer():
    for path in python_files("plugins"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "traderd.plugin_api":
                names = [alias.name for alias in node.names]
                assert [name for name in names if name not in plugin_api.__all__] == []


def test_place_makes_an_order_of_a_strategy():
    command = place(**TERMS, post_only=True, time_in_force=TimeInForce.GOOD_TILL_CANCELED)
    assert (command.terms.ticker, command.terms.side) == (TERMS["ticker"], Side.BID)
    assert (command.terms.price, command.terms.count) == (Price(4_500), Count(500))
    assert command.terms.post_only is True
    # The actor fills in whose it is: a strategy cannot name another one.
    assert (command.attribution.owner, command.attribution.strategy) == (OrderOwner.STRATEGY, None)


@pytest.mark.parametrize(
    "change",
    [{"count": Count(0)}, {"count": Count(-100)}, {"price": Price(0)}, {"price": Price(10_000)}],
    ids=str,
)
def test_terms_that_cannot_be_are_refused_where_they_are_made(change):
    with pytest.raises(BadInput):
        place(**{**TERMS, **change})


def test_cancel_names_the_order_by_its_key():
    order = OwnOrder(
        key="7a5e-1-1",
        side=Side.BID,
        price=Price(4_500),
        remaining=Count(500),
        status=OrderStatus.RESTING,
    )
    assert cancel(order) == CancelOrder(key="7a5e-1-1")


def test_amend_and_decrease_name_the_order_by_its_key():
    order = OwnOrder(
        key="7a5e-1-1",
        side=Side.BID,
        price=Price(4_500),
        remaining=Count(500),
        status=OrderStatus.RESTING,
    )
    assert amend(order, price=Price(4_600)) == AmendOrder(key="7a5e-1-1", price=Price(4_600))
    assert decrease(order, to=Count(200)) == DecreaseOrder(key="7a5e-1-1", to=Count(200))
    with pytest.raises(BadInput):
        amend(order)


def test_a_strategys_order_may_have_a_time_to_live():
    assert place(**TERMS, expires_in_s=30).expires_in_s == 30


def test_a_strategy_runs_only_when_it_is_asked_for():
    assert StrategySpec(name="mine", make=list, parameters=dict).enabled_in_sim is False


def test_the_example_in_the_docstring_is_a_plugin(tmp_path):
    text = plugin_api.__doc__.split("hook:\n")[1].split("Must not")[0]
    example = "\n".join(line[4:] for line in text.splitlines())
    source = f"Mine = list\nMyParameters = dict\n{example}"
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    (folder / "example_of_the_docstring.py").write_text(source)
    (folder / "example_of_the_docstring.py").chmod(0o644)
    plugins = importlib.import_module("traderd.plugin_manager").load_plugins([folder])
    assert plugins.failed == []
    assert list(plugins.strategies()) == ["mine"]
