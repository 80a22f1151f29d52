import ast
import sys
import textwrap
from pathlib import Path

import pytest

from traderd import __version__, plugin_checks
from traderd.plugin_api import API_VERSION, StrategySpec
from traderd.plugin_checks import (
    PluginFault,
    check_answer,
    check_demand,
    hooks_in,
    nearest_first,
    read_source,
    strategies_of,
)
from traderd.plugin_files import import_file
from traderd.plugin_opening import found_record, open_drop_in

HEAD = "from traderd.plugin_api import StrategySpec, hookimpl\n\n"


def write(tmp_path, text: str, name: str = "mine") -> Path:
    path = tmp_path / f"{name}.py"
    path.write_text(textwrap.dedent(text))
    path.chmod(0o644)
    return path


def fault_of(tmp_path, text: str) -> PluginFault:
    with pytest.raises(PluginFault) as caught:
        open_drop_in(found_record(write(tmp_path, text)))
    return caught.value


CASES = {
    "misspelled hook": (
        HEAD + "@hookimpl\ndef traderd_strategys():\n    return []\n",
        4,
        "there is no hook traderd_strategys",
        "did you mean traderd_strategies?",
    ),
    "misspelled argument": (
        HEAD + "@hookimpl\ndef traderd_services(confg):\n    return []\n",
        4,
        "traderd_services is not given 'confg'",
        "did you mean config?",
    ),
    "an argument where none is given": (
        HEAD + "@hookimpl\ndef traderd_strategies(world):\n    return []\n",
        4,
        "traderd_strategies is not given 'world'",
        "it takes no argument",
    ),
    "asynchronous": (
        HEAD + "@hookimpl\nasync def traderd_strategies():\n    return []\n",
        4,
        "is `async def`",
        "write `def`",
    ),
    "a generator": (
        HEAD + "@hookimpl\ndef traderd_strategies():\n    yield 1\n",
        4,
        "traderd_strategies yields",
        "return a list",
    ),
    "undecorated": (
        HEAD + "\ndef traderd_strategies():\n    return []\n",
        4,
        "traderd_strategies is not decorated",
        "write @hookimpl above it",
    ),
    "syntax": (HEAD + "def x(:\n    pass\n", 3, "SyntaxError", "correct the line"),
    "a missing package": (
        HEAD + "import a_package_nobody_has.part\n",
        3,
        "ModuleNotFoundError",
        f"{sys.executable} -m pip install a_package_nobody_has",
    ),
    "a name that the interface does not have": (
        "from traderd.plugin_api import StrategySpek\n",
        1,
        "StrategySpek",
        "did you mean StrategySpec?",
    ),
    "more of traderd than there is": (
        "import traderd.nothing_like_it\n",
        1,
        "ModuleNotFoundError",
        "import from traderd.plugin_api only",
    ),
    "an error in the module": (HEAD + "x = 1 / 0\n", 3, "ZeroDivisionError", "correct the line"),
    "another interface": (
        HEAD + "TRADERD_API = '99'\n",
        3,
        "version 99 of the plugin interface",
        "docs/plugins.md",
    ),
    "another traderd": (
        HEAD + "TRADERD_API: str = '>=99'\n",
        3,
        f"it asks for traderd >=99, this is {__version__}",
        "install that traderd",
    ),
    "a version that is none": (HEAD + "TRADERD_API = 'soon'\n", 3, "'soon' is no version", ">=0.1"),
    "a version that is no text": (
        HEAD + "TRADERD_API = 1\n",
        3,
        "must be a text",
        'TRADERD_API = "1"',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_told_with_its_line_and_a_cure(tmp_path, case):
    text, line, reason, cure = CASES[case]
    fault = fault_of(tmp_path, text)
    assert reason in fault.reason
    assert cure in fault.cure
    assert fault.line == line
    assert str(fault) == f"{fault.reason}; {fault.cure}"


def test_a_demand_is_judged_before_anything_of_the_module_runs(tmp_path):
    marker = tmp_path / "ran"
    text = f"open({str(marker)!r}, 'w')\nTRADERD_API = '99'\n"
    assert "version 99" in fault_of(tmp_path, text).reason
    assert not marker.exists()


@pytest.mark.parametrize("demand", [None, API_VERSION, ">=0.0.1", f"=={__version__}"])
def test_demands_that_are_met_say_nothing(demand):
    check_demand(demand)


def test_a_text_tells_its_hooks_and_strategies_without_being_run(tmp_path):
    broken = "@hookimpl\ndef traderd_risk_rules(config):\n    return [(\n"
    assert hooks_in(broken.encode()) == ("traderd_risk_rules",)
    text = HEAD + "raise SystemExit\nx = StrategySpec(name='inside', make=1, parameters=2)\n"
    assert read_source(text.encode(), Path("x.py")).strategies == ("inside",)
    assert strategies_of(write(tmp_path, text, "outside")) == ("outside", "inside")
    assert strategies_of(tmp_path / "gone.py") == ("gone",)


def test_an_answer_that_is_one_thing_instead_of_a_list_of_it_names_the_brackets(tmp_path):
    spec = StrategySpec(name="x", make=object, parameters=object)
    module = import_file(
        path := write(tmp_path, HEAD + "@hookimpl\ndef traderd_strategies():\n    return 1\n"),
        path.read_bytes(),
    )
    with pytest.raises(PluginFault, match=r"write `return \[...\]` around") as caught:
        check_answer("traderd_strategies", spec, StrategySpec, module)
    assert caught.value.line == 4
    assert check_answer("traderd_strategies", (spec,), StrategySpec, module) == [spec]


def test_the_hooks_are_those_that_are_specified():
    assert plugin_checks.HOOKS[0] == "traderd_services"
    tree = ast.parse(Path(plugin_checks.hookspecs.__file__).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert list(plugin_checks.HOOKS) == names


def test_names_are_told_with_the_likeliest_first():
    known = ["momentum_taker", "pnl_csv", "spread_maker"]
    assert nearest_first("SPREAD_MAKR", known)[0] == "spread_maker"
    assert nearest_first("zzz", known) == known, "nothing is alike, so the order stays"
    assert nearest_first("x", []) == []
