import inspect

import pluggy
import pytest

from traderd import hookspecs
from traderd.config import Config
from traderd.plugin_api import PROJECT_NAME, hookimpl

HOOKS = [name for name in vars(hookspecs) if name.startswith("traderd_")]
ARGUMENTS = {
    "traderd_services": {"config": Config()},
    "traderd_strategies": {},
    "traderd_risk_rules": {"config": Config()},
}


@pytest.fixture
def manager():
    manager = pluggy.PluginManager(PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    return manager


def test_these_are_the_hooks():
    # A new hook needs its words in the documentation, so it is added here by hand.
    assert list(ARGUMENTS) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_pluggy_knows_each_hook_as_a_specification(manager, hook):
    caller = getattr(manager.hook, hook)
    assert caller.has_spec()
    assert list(caller.spec.argnames) == list(ARGUMENTS[hook])


@pytest.mark.parametrize("hook", HOOKS)
def test_a_specification_says_what_it_returns_and_cannot_be_called(hook):
    function = getattr(hookspecs, hook)
    assert function.__doc__.startswith("Return ")
    assert inspect.signature(function).return_annotation.startswith("list[")
    with pytest.raises(AssertionError, match="never called"):
        function(**ARGUMENTS[hook])


@pytest.mark.parametrize("hook", HOOKS)
def test_an_implementation_may_leave_arguments_out(manager, hook):
    class Plugin:
        pass

    plugin = Plugin()
    setattr(plugin, hook, hookimpl(lambda: ["something"]))
    manager.register(plugin)
    manager.check_pending()
    assert getattr(manager.hook, hook)(**ARGUMENTS[hook]) == [["something"]]
