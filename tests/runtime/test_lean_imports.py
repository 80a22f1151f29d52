"""What a daemon never shows is not loaded, and commands can still have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from traderd.runtime.lean_imports import TERMINAL_TOOLS, without_terminal_tools

ROOT = Path(__file__).resolve().parents[2]

IMPORT_AS_THE_DAEMON_DOES = """
import sys
from traderd.runtime.lean_imports import TERMINAL_TOOLS, without_terminal_tools
with without_terminal_tools():
    import traderd.app
    import traderd.services.web
print([name for name in TERMINAL_TOOLS if name in sys.modules])
import rich.table
print(rich.table.__name__)
"""


def test_the_daemons_parts_load_no_terminal_tools_and_a_command_can_load_them_afterwards() -> None:
    told = subprocess.run(
        [sys.executable, "-c", IMPORT_AS_THE_DAEMON_DOES],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.splitlines() == ["[]", "rich.table"]


LEAN = """
import sys
import traderd.cli.main
from traderd.runtime.lean_imports import HTTP_2, OTHER_WAYS, lean_imports
with lean_imports(HTTP_2):
    import traderd.app
with lean_imports():
    import traderd.services.web_app, traderd.web.server
print([name for name in (*OTHER_WAYS, "httpcore._async.http2", "packaging") if name in sys.modules])
import typing_extensions
print(typing_extensions.__name__)
"""


def test_the_whole_daemon_loads_nothing_that_there_is_another_way_for() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LEAN], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert told.splitlines() == ["[]", "typing_extensions"]


def test_an_import_inside_fails_as_if_it_were_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in TERMINAL_TOOLS]:
        monkeypatch.delitem(sys.modules, name)
    with without_terminal_tools(), pytest.raises(ImportError):
        import rich  # noqa: F401
    assert "rich" not in sys.modules


def test_what_is_loaded_already_stays_loaded() -> None:
    import rich

    with without_terminal_tools():
        import rich as again
    assert again is rich
    assert sys.modules["rich"] is rich
