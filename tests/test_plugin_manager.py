import os
import sys
import textwrap
import traceback
from pathlib import Path

import pluggy
import pytest

from traderd import plugin_files, plugin_manager, plugin_opening
from traderd.config import Config
from traderd.plugin_manager import (
    BUILT_IN_PLUGINS,
    ENTRY_POINT_GROUP,
    drop_in_directories,
    load_plugins,
)
from traderd.runtime.plugin_record import Origin, PluginState

GOOD = """
    from dataclasses import dataclass

    from traderd.plugin_api import StrategySpec, hookimpl

    @dataclass
    class Parameters:
        size: int = 5

    class Quiet:
        def __init__(self, parameters):
            self.parameters = parameters

        def decide(self, observation):
            return ()

    @hookimpl
    def traderd_strategies():
        return [StrategySpec(name={name!r}, make=Quiet, parameters=Parameters)]
"""
BUILT_IN_NAMES = [name.rpartition(".")[2] for name in BUILT_IN_PLUGINS]


@pytest.fixture(autouse=True)
def _forget_drop_ins():
    before = list(sys.modules)
    yield
    for name in [name for name in sys.modules if name not in before]:
        if name.startswith("traderd_dropin_"):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "plugins"
    path.mkdir(mode=0o755)
    path.chmod(0o755)
    return path


def put(folder: Path, name: str, text: str, *, mode: int = 0o644) -> Path:
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(text))
    path.chmod(mode)
    return path


def put_good(folder: Path, name: str, strategy: str | None = None) -> Path:
    return put(folder, name, GOOD.format(name=strategy or name))


def failures_of(plugins) -> dict[str, str]:
    return {Path(failed.where).name: failed.reason for failed in plugins.failed}


# --- what is found --------------------------------------------------------------------------------


def test_without_drop_ins_there_are_the_built_in_services():
    plugins = load_plugins([])
    assert list(plugins.names()) == BUILT_IN_NAMES
    names = [service.name for service in plugins.services(Config())]
    assert "paper_exchange" in names
    assert {"market_data", "trading_client", "sync", "orders", "risk", "web"} < set(names)
    assert plugins.failed == []


def test_drop_ins_are_looked_for_nearest_first(tmp_path):
    own, user, machine, _ = drop_in_directories(tmp_path)
    assert own == tmp_path / "plugins"
    assert user.parts[-2:] == ("traderd", "plugins")
    assert machine == Path("/etc/traderd/plugins")


def test_drop_ins_load_after_the_built_ins_directory_by_directory_and_by_name(tmp_path, folder):
    second = tmp_path / "second"
    second.mkdir(mode=0o755)
    for where, name in ((folder, "zebra"), (folder, "ape"), (second, "bear")):
        put_good(where, name)
    put_good(folder, "_private")
    (folder / "notes.txt").write_text("not a module")
    plugins = load_plugins([folder, tmp_path / "not there", second])
    assert list(plugins.names()) == [*BUILT_IN_NAMES, "ape", "zebra", "bear"]
    assert list(plugins.strategies()) == ["ape", "zebra", "bear"]
    assert plugins.failed == []


def test_of_two_files_of_one_name_the_nearer_counts_and_the_other_is_named(tmp_path, folder):
    far = tmp_path / "far"
    far.mkdir(mode=0o755)
    put_good(folder, "maker", "near")
    path = put_good(far, "maker", "far")
    plugins = load_plugins([folder, far])
    assert list(plugins.strategies()) == ["near"]
    (failed,) = plugins.failed
    assert failed.where == str(path)
    assert failed.reason == "a plugin called maker is loaded already; rename the file"


def test_a_drop_in_cannot_take_the_place_of_a_built_in(folder):
    put_good(folder, "orders")
    plugins = load_plugins([folder])
    assert failures_of(plugins) == {
        "orders.py": "a plugin called orders is loaded already; rename the file"
    }
    assert list(plugins.names()) == BUILT_IN_NAMES


def test_plugins_of_installed_packages_are_found_by_their_entry_point(tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "thirdparty-1.0.dist-info"
    info.mkdir(parents=True)
    put(site, "thirdparty_traderd", GOOD.format(name="installed"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{ENTRY_POINT_GROUP}]\nthirdparty = thirdparty_traderd\n"
    )
    monkeypatch.syspath_prepend(site)
    plugins = load_plugins([])
    assert list(plugins.strategies()) == ["installed"]
    assert plugins.names()[-1] == "thirdparty"


def test_an_installed_plugin_with_a_misspelled_hook_is_listed_and_stops_nothing(
    tmp_path, monkeypatch
):
    site = tmp_path / "site"
    info = site / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    put(
        site,
        "broken_traderd",
        "from traderd.plugin_api import hookimpl\n@hookimpl\ndef traderd_strategy(): ...\n",
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\nbroken = broken_traderd\n")
    monkeypatch.syspath_prepend(site)
    plugins = load_plugins([])
    (failed,) = plugins.failed
    assert failed.where == "broken_traderd"
    assert "there is no hook traderd_strategy" in failed.reason
    assert list(plugins.names()) == BUILT_IN_NAMES


# --- what is refused, while the others go on ------------------------------------------------------

BROKEN = {
    "syntax": (
        "x = 1\ndef traderd_strategies(:\n",
        ["it cannot be imported: SyntaxError", "line 2"],
    ),
    "import": (
        "import a_module_that_nobody_has\n",
        ["it cannot be imported: ModuleNotFoundError", "a_module_that_nobody_has"],
    ),
    "exiting": ("import sys\nsys.exit(3)\n", ["it cannot be imported: SystemExit: 3"]),
    "raising": ("raise ValueError('not today')\n", ["ValueError: not today"]),
    "typo": (
        "from traderd.plugin_api import hookimpl\n@hookimpl\ndef traderd_strategys(): ...\n",
        ["its hooks do not fit", "traderd_strategys", "did you mean", "traderd_strategies"],
    ),
    "argument": (
        "from traderd.plugin_api import hookimpl\n@hookimpl\ndef traderd_services(konfig): ...\n",
        ["its hooks do not fit", "konfig", "did you mean config?"],
    ),
    "asynchronous": (
        "from traderd.plugin_api import hookimpl\n@hookimpl\nasync def traderd_strategies(): ...\n",
        ["traderd_strategies is `async def`", "plain functions"],
    ),
    "undecorated": (
        "def traderd_strategies(): return []\n",
        ["it has no hook", "@hookimpl"],
    ),
    "empty": ("", ["it has no hook", "traderd_services or traderd_strategies"]),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_drop_in_that_cannot_be_used_is_named_with_the_reason(folder, kind):
    text, words = BROKEN[kind]
    put(folder, "broken", text)
    put_good(folder, "after")
    plugins = load_plugins([folder])
    assert list(failures_of(plugins)) == ["broken.py"]
    assert plugins.failed[0].where == str(folder / "broken.py")
    assert [word for word in words if word not in plugins.failed[0].reason] == []
    assert list(plugins.names()) == [*BUILT_IN_NAMES, "after"]
    assert list(plugins.strategies()) == ["after"]
    assert len(plugins.services(Config())) == len(load_plugins([]).services(Config()))


def test_all_kinds_of_trouble_at_once_leave_the_good_ones(folder):
    for kind, (text, _) in BROKEN.items():
        put(folder, f"broken_{kind}", text)
    put_good(folder, "alpha")
    put_good(folder, "zulu")
    plugins = load_plugins([folder])
    assert len(plugins.failed) == len(BROKEN)
    assert list(plugins.strategies()) == ["alpha", "zulu"]


LATE = {
    "raises": ("raise KeyError('later')", "KeyError: 'later'"),
    "returns nonsense": ("return ['a strategy']", "must return a list of StrategySpec"),
    "returns no list": ("return 5", "must return a list of StrategySpec, it returned an int"),
}


@pytest.mark.parametrize("kind", LATE)
def test_a_drop_in_whose_hook_fails_when_called_is_left_out_alone(folder, kind):
    body, words = LATE[kind]
    put(
        folder,
        "late",
        f"from traderd.plugin_api import hookimpl\n@hookimpl\ndef traderd_strategies(): {body}\n",
    )
    put_good(folder, "good")
    plugins = load_plugins([folder])
    assert plugins.failed == []
    assert list(plugins.strategies()) == ["good"]
    assert words in failures_of(plugins)["late.py"]
    assert "late" not in plugins.names()
    assert list(plugins.strategies()) == ["good"]
    assert len(plugins.failed) == 1


def test_a_built_in_whose_hook_fails_is_a_defect_and_not_left_out(monkeypatch):
    from traderd.services import risk

    def broken(config):
        raise KeyError("ours")

    monkeypatch.setattr(risk, "traderd_services", pluggy.HookimplMarker("traderd")(broken))
    with pytest.raises(KeyError, match="ours"):
        load_plugins([]).services(Config())


@pytest.mark.parametrize("mode", [0o757, 0o777], ids=oct)
def test_a_directory_that_others_can_write_to_is_refused_whole(folder, mode):
    put_good(folder, "maker")
    folder.chmod(mode)
    plugins = load_plugins([folder])
    (failed,) = plugins.failed
    assert failed.where == str(folder)
    assert failed.reason == f"others can write to it; run: chmod go-w {folder}"
    assert plugins.strategies() == {}


@pytest.mark.parametrize("mode", [0o646, 0o666], ids=oct)
def test_a_file_that_others_can_write_to_is_refused_unread(folder, mode):
    path = put(folder, "maker", "raise SystemExit('it was run')", mode=mode)
    put_good(folder, "other")
    plugins = load_plugins([folder])
    assert failures_of(plugins) == {"maker.py": f"others can write to it; run: chmod go-w {path}"}
    assert list(plugins.strategies()) == ["other"]


def test_what_only_our_own_group_can_write_to_is_loaded(folder):
    put_good(folder, "maker").chmod(0o664)
    folder.chmod(0o775)
    plugins = load_plugins([folder])
    assert plugins.failed == []
    assert list(plugins.strategies()) == ["maker"]


def test_what_another_group_can_write_to_is_refused(folder, monkeypatch):
    put_good(folder, "maker")
    folder.chmod(0o775)
    group = folder.stat().st_gid
    monkeypatch.setattr(os, "getgid", lambda: group + 1)
    (failed,) = load_plugins([folder]).failed
    assert failed.reason == f"its group {group} can write to it; run: chmod g-w {folder}"


def test_what_belongs_to_another_user_is_refused(folder, monkeypatch):
    put_good(folder, "maker")
    owner = folder.stat().st_uid
    monkeypatch.setattr(plugin_files, "ROOT", -1)
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    plugins = load_plugins([folder])
    (failed,) = plugins.failed
    assert failed.reason.startswith(f"it belongs to user {owner}, who is neither root nor ")
    assert failed.reason.endswith(f"run: chown {owner + 1} {folder}")
    assert plugins.strategies() == {}


def test_what_belongs_to_root_is_trusted_by_everybody(folder, monkeypatch):
    put_good(folder, "maker")
    owner = folder.stat().st_uid
    monkeypatch.setattr(plugin_files, "ROOT", owner)
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert list(load_plugins([folder]).strategies()) == ["maker"]


def test_of_two_strategies_of_one_name_the_second_plugin_is_left_out(folder):
    put_good(folder, "first", "maker")
    put_good(folder, "second", "maker")
    plugins = load_plugins([folder])
    assert list(plugins.strategies()) == ["maker"]
    (failed,) = plugins.failed
    assert failed.where.endswith("second.py")
    assert "'maker' among its strategies, and plugin first offers one" in failed.reason


# --- examples and switches ------------------------------------------------------------------------


def test_a_persons_own_module_hides_the_example_of_its_name(tmp_path, folder, monkeypatch):
    examples = tmp_path / "examples"
    examples.mkdir(mode=0o755)
    monkeypatch.setattr(plugin_files, "EXAMPLES", examples)
    monkeypatch.setattr(plugin_opening, "EXAMPLES", examples)
    put_good(folder, "maker", "mine")
    put_good(examples, "maker", "theirs")
    put_good(examples, "other")
    plugins = load_plugins([folder, examples])
    assert list(plugins.strategies()) == ["mine", "other"]
    assert plugins.failed == []
    assert plugins.records["other"].origin is Origin.EXAMPLE


def test_a_plugin_that_is_off_is_listed_and_not_imported(folder):
    put(folder, "maker", "raise SystemExit('it was run')")
    plugins = load_plugins([folder], disabled={"maker": "disabled by ann"})
    record = plugins.records["maker"]
    assert (record.state, record.reason) == (PluginState.OFF, "disabled by ann")
    assert plugins.failed == []


# --- what a loaded module can rely on -------------------------------------------------------------


def test_a_drop_in_finds_itself_by_its_name_so_annotations_resolve(folder):
    put(
        folder,
        "annotated",
        """
        from __future__ import annotations

        from dataclasses import dataclass, fields
        from typing import ClassVar, get_type_hints

        from traderd.plugin_api import hookimpl

        @dataclass
        class Parameters:
            shared: ClassVar[int] = 1
            size: Size = 5

        Size = int
        HINTS = get_type_hints(Parameters)

        @hookimpl
        def traderd_strategies():
            return []
        """,
    )
    plugins = load_plugins([folder])
    assert plugins.failed == []
    assert sys.modules["traderd_dropin_annotated"].HINTS["size"] is int


def test_a_traceback_through_a_drop_in_shows_its_file_and_line(folder):
    path = put(
        folder,
        "failing",
        """
        from traderd.plugin_api import hookimpl

        def decide(observation):
            return observation.nothing  # the line that a person wants to see

        @hookimpl
        def traderd_strategies():
            return []
        """,
    )
    load_plugins([folder])
    with pytest.raises(AttributeError) as caught:
        sys.modules["traderd_dropin_failing"].decide(object())
    shown = "".join(traceback.format_exception(caught.value))
    assert f'File "{path}", line 5, in decide' in shown
    assert "# the line that a person wants to see" in shown


def test_a_module_that_failed_leaves_nothing_half_loaded_behind(folder):
    put(folder, "broken", "raise ValueError")
    load_plugins([folder])
    assert "traderd_dropin_broken" not in sys.modules


def test_the_plugins_of_this_repository_load():
    root = Path(plugin_manager.__file__).parents[1]
    folder = root / "plugins"
    plugins = load_plugins([folder])
    assert plugins.failed == []
    assert "spread_maker" in plugins.strategies()


RULES = """
    from traderd.plugin_api import RiskRule, hookimpl

    @hookimpl
    def traderd_risk_rules(config):
        return [RiskRule(name="mine", check=lambda question: None)]
"""


def test_risk_rules_of_a_directory_that_is_refused_let_nothing_pass(folder):
    put(folder, "rules", RULES)
    put(folder, "quiet", GOOD.format(name="quiet"))
    folder.chmod(0o777)
    plugins = load_plugins([folder])
    (closed,) = plugins.risk_rules(Config())
    sentence = closed.check(None)
    assert "plugin rules has risk rules and is failed, so nothing passes" in sentence
    assert "its directory: others can write to it" in sentence
    # Nothing of it was run, and what has no rules is told once, with the directory.
    assert "quiet" not in plugins.records
    assert load_plugins([folder], disabled={"rules": "by ann"}).risk_rules(Config()) == ()
