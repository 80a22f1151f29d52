"""A module that waits is read by the first use of one of its names, and nobody can tell the difference."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from traderd.runtime import names_on_demand as on_demand
from traderd.runtime.names_on_demand import WAITING, NameOnDemand, is_waiting, names_on_demand

ROOT = Path(__file__).resolve().parents[2]

LATE = """
import late_reads
late_reads.times += 1
class Base:
    word = "base"
    def __init__(self, given=0):
        self.given = given
class Odd(Exception):
    pass
def double(number):
    return 2 * number
TABLE = {"one": 1}
"""
USER = """
import late
from late import Base, double, TABLE
from late.inner import deep
"""


@pytest.fixture(autouse=True)
def _late_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "late"
    package.mkdir()
    (package / "__init__.py").write_text(LATE)
    (package / "inner.py").write_text(
        "from late import double\ndef deep(n): return double(n) + 1\n"
    )
    (tmp_path / "late_reads.py").write_text("times = 0\n")
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "broken.py").write_text("import late_reads\nlate_reads.times += 1\n1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(on_demand, "WAITING", ("late", "broken"))
    for name in ("late", "late.inner", "late_reads", "user", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name, sys)
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()


def reads() -> int:
    times = importlib.import_module("late_reads").times
    assert isinstance(times, int)
    return times


def test_a_module_of_the_block_is_read_when_one_of_its_names_is_called() -> None:
    with names_on_demand():
        user = importlib.import_module("user")
    assert reads() == 0
    assert is_waiting("late")
    assert is_waiting("late.inner")
    assert user.double(4) == 8
    assert reads() == 1
    assert not is_waiting("late")
    assert user.deep(4) == 9
    assert user.double(5) == 10
    assert reads() == 1


def test_a_module_that_is_touched_after_the_block_gives_its_own_names() -> None:
    with names_on_demand():
        user = importlib.import_module("user")
    # What is caught must be a class of exceptions.
    with pytest.raises(user.late.Odd):
        raise user.late.Odd
    assert reads() == 1
    assert importlib.import_module("late").double is user.late.double


def test_a_name_is_a_base_class_a_type_to_ask_for_and_a_thing_with_attributes() -> None:
    with names_on_demand():
        user = importlib.import_module("user")
        assert type(user.Base) is NameOnDemand

        class Derived(user.Base):  # type: ignore[misc]
            pass

        assert reads() == 1
    real = sys.modules["late"].Base
    assert Derived.__mro__ == (Derived, real, object)
    assert isinstance(Derived(7), user.Base)
    assert not isinstance(7, user.Base)
    assert issubclass(Derived, user.Base)
    assert user.Base(3).given == 3
    assert user.Base.word == "base"
    assert user.TABLE["one"] == 1
    assert (user.Base | None) == (real | None)
    assert (None | user.Base) == (None | real)


def test_what_is_read_in_the_block_has_the_real_names_of_what_it_imports() -> None:
    with names_on_demand():
        user = importlib.import_module("user")
        assert user.deep(4) == 9
        assert sys.modules["late.inner"].double is vars(sys.modules["late"])["double"]
        assert type(user.double) is NameOnDemand


def test_a_name_that_the_module_does_not_have_is_missed_at_its_use() -> None:
    with names_on_demand():
        nothing = importlib.import_module("late").nothing
    with pytest.raises(AttributeError, match="nothing"):
        nothing()


def test_a_module_that_cannot_be_read_fails_at_each_use() -> None:
    with names_on_demand():
        broken = importlib.import_module("broken")
    for attempt in (1, 2):
        with pytest.raises(ZeroDivisionError):
            _ = broken.name
        assert reads() == attempt
    assert is_waiting("broken")


def test_what_is_loaded_before_the_block_or_not_listed_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = importlib.import_module("late")
    with names_on_demand():
        assert importlib.import_module("late") is late
        assert importlib.import_module("user").double is late.double
    monkeypatch.delitem(sys.modules, "late")
    importlib.import_module("late")
    assert not is_waiting("late")
    assert not is_waiting("a_module_that_nobody_knows")


def test_after_the_block_imports_are_as_they_were() -> None:
    before = list(sys.meta_path)
    with pytest.raises(ValueError, match="in the block"), names_on_demand():
        raise ValueError("in the block")
    assert sys.meta_path == before


def test_who_comes_while_another_thread_reads_a_module_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "late" / "__init__.py").write_text(
        "import late_reads\nlate_reads.reading.set()\nlate_reads.go.wait(60)\ndef f(): return 1\n"
    )
    reads_of = importlib.import_module("late_reads")
    vars(reads_of).update(reading=threading.Event(), go=threading.Event())
    with names_on_demand():
        late = importlib.import_module("late")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(lambda: late.f())
        assert vars(reads_of)["reading"].wait(60)
        second = threads.submit(lambda: late.f())
        assert not wait([second], timeout=0.1).done
        vars(reads_of)["go"].set()
        assert (first.result(60), second.result(60)) == (1, 1)


def test_a_block_is_open_for_its_own_thread_only() -> None:
    with names_on_demand():
        with ThreadPoolExecutor() as threads:
            user = threads.submit(importlib.import_module, "user").result(60)
        assert reads() == 1
        assert type(user.double) is not NameOnDemand
        assert type(importlib.import_module("broken").name) is NameOnDemand
    with pytest.raises(ZeroDivisionError):
        _ = importlib.import_module("broken").other


@pytest.mark.parametrize("name", WAITING)
def test_every_module_that_waits_exists(name: str) -> None:
    assert importlib.util.find_spec(name) is not None


AS_THE_DAEMON_DOES = """
import sys
import traderd.cli
from traderd.runtime.lean_imports import HTTP_2, lean_imports
from traderd.runtime.names_on_demand import WAITING, NameOnDemand, is_waiting
with lean_imports(HTTP_2):
    import traderd.app
with lean_imports():
    import traderd.services.web_app, traderd.web.server
"""
ALL_WAIT_AND_ARE_THERE = """
print(sorted(name for name in WAITING if name in sys.modules and not is_waiting(name)))

import trio, quart, quart_trio
async def main():
    app = quart_trio.QuartTrio("plugin")
    async with app.app_context():
        print(await quart.render_template_string("{{ 6 * 7 }}"))
trio.run(main)
import asyncio
asyncio.run
from hypercorn.protocol import H2Protocol
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
print(H2Protocol.stream_send.__qualname__, load_ssh_public_key.__name__)
print(is_waiting("jinja2"), is_waiting("asyncio"))
"""


def test_the_daemons_parts_leave_them_all_waiting_and_each_is_there_for_who_wants_it() -> None:
    told = told_by(ALL_WAIT_AND_ARE_THERE)
    assert told.splitlines() == [
        "[]",
        "42",
        "H2Protocol.stream_send load_ssh_public_key",
        "False False",
    ]


WHO_HAS_WHICH = """
import json
print(json.dumps({
    module.__file__: [name for name, value in vars(module).items() if type(value) is NameOnDemand]
    for module in list(sys.modules.values())
    if any(type(value) is NameOnDemand for value in vars(module).values())
}))
"""


def told_by(what: str) -> str:
    """Return what a process of its own says that has imported what the daemon does."""
    return subprocess.run(
        [sys.executable, "-c", AS_THE_DAEMON_DOES + what],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def cannot_wait(source: str) -> set[str]:
    """Return the names of a module that are caught, raised, compared, matched, keys or defaults: only the real thing can be that."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        places: list[ast.expr | None] = []
        if isinstance(node, ast.ExceptHandler):
            places = [node.type]
        elif isinstance(node, ast.Raise):
            places = [node.exc if isinstance(node.exc, ast.Name) else None]
        elif isinstance(node, ast.Compare):
            places = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            places = [*node.keys]
        elif isinstance(node, ast.MatchClass):
            places = [node.cls]
        elif isinstance(node, ast.arguments):
            places = [*node.defaults, *node.kw_defaults]
        for place in places:
            if place is not None:
                found |= {each.id for each in ast.walk(place) if isinstance(each, ast.Name)}
    return found


def test_no_name_that_waits_is_caught_compared_or_a_key_where_it_was_imported() -> None:
    holders: dict[str, list[str]] = json.loads(told_by(WHO_HAS_WHICH))
    assert len(holders) > 5, "so that an empty answer is noticed"
    for file, names in holders.items():
        assert cannot_wait(Path(file).read_text(encoding="utf-8")).isdisjoint(names), file


def test_what_cannot_wait_is_found_in_every_form() -> None:
    source = """
try: pass
except (A, B): raise C
print(d is D, {E: 1}, raised(F()))
match d:
    case G(): pass
raise H()
def f(a=I, *, b=J, c: K = None): pass
"""
    assert cannot_wait(source) == {"A", "B", "C", "d", "D", "E", "G", "I", "J"}
