"""What a plugin does while it is tried: its calls and their times, and what no plugin should do at all.

Owns: noticing threads, sockets, child processes and words on the standard output that come from the plugin's own code, and an
answer of a strategy that is no list of commands.
Must not: change what the plugin does.
"""

from __future__ import annotations

import io
import sys
import threading  # sim-ok: only to tell whose thread it is that an audit event speaks of
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from types import FrameType
from typing import Any, Final

import attrs

from traderd.plugin_api import AmendOrder, CancelOrder, DecreaseOrder, PlaceOrder, StrategySpec

COMMANDS: Final = (PlaceOrder, CancelOrder, AmendOrder, DecreaseOrder)
THREAD: Final = "_thread.start_new_thread"
FORBIDDEN: Final = {
    THREAD: "starts a thread",
    "socket.__new__": "opens a socket",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.fork": "starts a process",
}
"""Audit events of Python, and what each means."""
FAULTS_MAX: Final = 100
"""Bounds the faults that are kept."""
CALLBACKS: Final = ("decide", "on_book", "on_trade", "on_fill", "on_timer", "on_parameters")

_watches: list[Watch] = []
"""Those in force: an audit hook stays for the life of the process, so there is one for all of them."""
_hooked: list[bool] = []


@attrs.define(eq=False)
class Watch:
    """What was noticed of one plugin."""

    path: str
    """The plugin's file."""
    clock: Callable[[], float]
    """Real seconds: the virtual clock stands still while a callback runs."""
    forbidden: list[str] = attrs.Factory(list)
    raised: list[str] = attrs.Factory(list)
    invalid: list[str] = attrs.Factory(list)
    calls: dict[str, int] = attrs.Factory(dict)
    worst_s: dict[str, float] = attrs.Factory(dict)
    commands: int = 0
    printed: io.StringIO = attrs.Factory(io.StringIO)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch while the block runs."""
        if not _hooked:
            _hooked.append(True)
            sys.addaudithook(_audit)
        _watches.append(self)
        start = threading.Thread.start
        # Python 3.11 has no audit event for it.
        threading.Thread.start = _noticed(start)  # type: ignore[assignment, method-assign]
        try:
            with redirect_stdout(self.printed):
                yield
        finally:
            threading.Thread.start = start  # type: ignore[method-assign]
            _watches.remove(self)

    def spec(self, spec: StrategySpec) -> StrategySpec:
        """Return a strategy's description whose object is watched."""
        make = spec.make

        @wraps(make)
        def made(*args: Any, **kwargs: Any) -> Any:
            strategy = make(*args, **kwargs)
            self._watch_object(strategy)
            return strategy

        return attrs.evolve(spec, make=made)

    def _watch_object(self, strategy: Any) -> None:
        kind = type(strategy)
        watched = {
            name: self.callback(name, getattr(kind, name))
            for name in CALLBACKS
            if callable(getattr(kind, name, None))
        }
        # A class of its own beside the plugin's: the object is the same, and so is what it holds.
        strategy.__class__ = type(kind.__name__, (kind,), {"__slots__": (), **watched})

    def callback(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is measured; commands that it returns are looked at."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            started = self.clock()
            try:
                answer = function(*args, **kwargs)
            except Exception as exc:
                self._note(
                    self.raised, f"{name} raised {type(exc).__name__}: {exc}{_line(exc, self.path)}"
                )
                raise
            finally:
                took = self.clock() - started
                self.calls[name] = self.calls.get(name, 0) + 1
                self.worst_s[name] = max(self.worst_s.get(name, 0.0), took)
            if name in CALLBACKS:
                self._look(name, answer)
            return answer

        return watched

    def _look(self, name: str, answer: Any) -> None:
        if answer is None:
            return
        if not isinstance(answer, list | tuple):
            self._note(
                self.invalid, f"{name} returned {type(answer).__name__}, not a list of commands"
            )
            return
        for command in answer:
            if isinstance(command, COMMANDS):
                self.commands += 1
            else:
                self._note(self.invalid, f"{name} returned {command!r} among its commands")

    def _note(self, faults: list[str], words: str) -> None:
        if len(faults) < FAULTS_MAX:
            faults.append(words)

    def audit(self, event: str, frame: FrameType | None) -> None:
        """Note an event of Python if it comes from the plugin's own code."""
        while frame is not None:
            if frame.f_code.co_filename == self.path:
                words = f"it {FORBIDDEN[event]} in line {frame.f_lineno}"
                if words not in self.forbidden:
                    self._note(self.forbidden, words)
                return
            frame = frame.f_back


def _noticed(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def noticed(thread: threading.Thread) -> None:
        _audit(THREAD, ())
        start(thread)

    return noticed


def _audit(event: str, _: tuple[Any, ...]) -> None:
    if event not in FORBIDDEN or threading.current_thread() is not threading.main_thread():
        return
    for watch in tuple(_watches):
        watch.audit(event, sys._getframe())


def _line(error: BaseException, path: str) -> str:
    traceback, line = error.__traceback__, None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return "" if line is None else f" (line {line})"
