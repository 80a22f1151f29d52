import inspect
import re

import pluggy
import pytest

from tests.architecture.sources import ROOT
from traderd import hookspecs
from traderd.config import Config
from traderd.plugin_api import PROJECT_NAME, hookimpl

PAGE = ROOT / "docs" / "hooks.md"
ROW = re.compile(
    r"^\| `(?P<hook>traderd_\w+)` \| (?P<argument>.*?) \| `(?P<kind>\w+)` \| (?P<meaning>.+?) \| (?P<examples>.+) \|$",
    re.MULTILINE,
)
HOOKS = [name for name in vars(hookspecs) if name.startswith("traderd_")]
ARGUMENTS = {
    "traderd_services": {"config": Config()},
    "traderd_strategies": {},
    "traderd_risk_rules": {"config": Config()},
    "traderd_notifiers": {"config": Config()},
    "traderd_routes": {"config": Config()},
    "traderd_metrics": {"config": Config()},
    "traderd_observations": {},
    "traderd_commands": {},
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


def test_the_page_has_a_row_for_each_hook_with_the_words_of_its_specification():
    rows = {row["hook"]: row for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
    assert list(rows) == HOOKS
    for hook, row in rows.items():
        function = getattr(hookspecs, hook)
        returned = inspect.signature(function).return_annotation
        assert row["kind"] == returned.removeprefix("list[").removesuffix("]")
        assert row["argument"].strip() == ("`config`" if ARGUMENTS[hook] else "")
        assert row["meaning"] == function.__doc__


def test_every_example_of_the_page_exists_and_has_the_hook():
    for row in ROW.finditer(PAGE.read_text(encoding="utf-8")):
        names = re.findall(r"`((?:plugins|traderd/services)/\w+\.py)`", row["examples"])
        assert names != []
        for name in names:
            assert f"def {row['hook']}(" in (ROOT / name).read_text(encoding="utf-8")
