"""What plugins add beside services, strategies and risk rules: the descriptions, and the list of all of them.

Owns: the shape of each description and the checks that refuse one which cannot be served, where it is made. What fails
later is noted in `faults` with file and line.
Must not: run anything (each hook has a host of its own), or import more than values: every plugin imports it.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import msgspec
import trio

from traderd.core.look import Look
from traderd.core.observation import Observation
from traderd.errors import TraderdError
from traderd.model.commands import Command, Outcome
from traderd.model.notices import NoticeClass, NoticeMessage
from traderd.model.units import Timestamp
from traderd.runtime.log_text import mask_texts

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
METRIC_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,79}")
PATH: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}(?:/[a-z0-9][a-z0-9_.-]{0,79})*")
UNITS: Final = ("seconds", "bytes", "dollars", "contracts", "ratio")
"""What a metric's name may end with; a plain count ends with none of them."""
NOT_IN_NAMES: Final = (
    *("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"),
    *("milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks"),
    *("kilobytes", "megabytes", "gigabytes", "bits", "gauge", "counter", "summary", "histogram"),
)
"""Prometheus: names have whole words, base units and no types; `promtool check metrics` complains otherwise."""
NOT_ENDINGS: Final = ("_total", "_sum", "_count", "_bucket")
"""Prometheus: endings that only counters and histograms have."""
NOT_LABELS: Final = ("le", "quantile")
"""Prometheus: labels that histograms and summaries have."""
FAULTS_MAX: Final = 200
"""Bounds the faults that are kept, one for each function of a plugin and kind of error."""

PACKAGE: Final = str(Path(__file__).parents[1])
LIBRARIES: Final = "/site-packages/"


# --- notifiers ------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class HttpAnswer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    """At most 64 KiB of it."""


class Post(Protocol):
    """The way out for a notifier."""

    async def __call__(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send one POST over https, or over http to this machine, and return the answer whatever its status.

        Never redirected, never repeated.  Cancelling closes the connection; the message may have arrived.

        Raises:
            NotDelivered: no answer came; the sentence names the host and nothing else of the address.
        """

    def now(self) -> Timestamp:
        """Return the wall clock, for signatures that hold a time."""


class NotDelivered(TraderdError):
    """A message was not taken; it is tried again unless that is pointless."""

    def __init__(
        self, sentence: str, *, retry_after_s: float | None = None, is_final: bool = False
    ) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
        """How long the receiver asks to be left alone."""
        self.is_final = is_final
        """Another try cannot help."""


@attrs.frozen(kw_only=True)
class Notifier:
    """A channel to a person."""

    name: str = attrs.field(validator=attrs.validators.matches_re(NAME))
    send: Callable[[NoticeMessage, Post], Awaitable[None]]
    """Delivers one message or raises NotDelivered; it is cancelled after ten seconds."""
    classes: tuple[NoticeClass, ...] = tuple(NoticeClass)
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Texts that must not be seen anywhere: the daemon masks them in its messages, its log and its answers."""


# --- routes ---------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class RouteRequest:
    """One request to a plugin's route."""

    method: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    """The JSON object of a POST; empty for a GET."""
    look: Look
    send: Callable[[Command], Awaitable[Outcome]]
    """Sends a command and waits for its outcome; raises BadInput for a GET, which only reads."""


@attrs.frozen(kw_only=True)
class RouteAnswer:
    """What a route answers."""

    body: str | bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200

    @classmethod
    def json(cls, value: Any, *, status: int = 200) -> RouteAnswer:
        """Return a value as JSON; money and prices must be texts by then."""
        return cls(body=msgspec.json.encode(value), content_type="application/json", status=status)


@attrs.frozen(kw_only=True)
class Route:
    """A path under `/x/<plugin>/`."""

    path: str = attrs.field(validator=attrs.validators.matches_re(PATH))
    """Without the prefix: `markets.csv`."""
    answer: Callable[[RouteRequest], Awaitable[RouteAnswer]]
    """Has two seconds.  BadInput becomes a 400 with its sentence."""
    method: str = attrs.field(default="GET", validator=attrs.validators.in_(("GET", "POST")))
    """A GET reads; a POST needs the control token, as verbs do."""
    meaning: str = ""
    """One sentence for `/x/`, the list of all routes."""


# --- metrics, features, commands ------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class PluginMetric:
    """A metric, served as `traderd_plugin_<name>`."""

    name: str = attrs.field(validator=attrs.validators.matches_re(METRIC_NAME))
    """Ends with its unit; a counter's with `_total` after it."""
    meaning: str = attrs.field(validator=attrs.validators.min_len(1))
    """One sentence."""
    unit: str = attrs.field(default="", validator=attrs.validators.in_(("", *UNITS)))
    labels: tuple[str, ...] = ()
    is_counter: bool = False
    """It only grows, except over a restart."""
    read: Callable[[Look], float | Mapping[tuple[str, ...], float] | None]
    """A pure function: one number, numbers by the values of the labels, or None while it is not known."""

    def __attrs_post_init__(self) -> None:
        total = "_total" if self.is_counter else ""
        if not self.name.endswith(total):
            raise ValueError(f"the metric {self.name} only grows, so its name must end with _total")
        if self.unit and not self.name.removesuffix(total).endswith(f"_{self.unit}"):
            raise ValueError(f"the metric {self.name} must end with its unit: _{self.unit}{total}")
        words = [word for word in self.name.split("_") if word in NOT_IN_NAMES]
        if words:
            raise ValueError(
                f"the metric {self.name} has {words[0]!r} in its name; use base units, in whole words"
            )
        if not self.is_counter and self.name.endswith(NOT_ENDINGS):
            raise ValueError(f"the metric {self.name} may go down, so it cannot end like that")
        for label in self.labels:
            if METRIC_NAME.fullmatch(label) is None or label in NOT_LABELS:
                raise ValueError(
                    f"the metric {self.name} has a label {label!r}; use small letters, and not {NOT_LABELS}"
                )


@attrs.frozen(kw_only=True)
class ObservationFeature:
    """A number that a plugin adds to every observation, under its name: an integer in the unit that it says."""

    name: str = attrs.field(validator=attrs.validators.matches_re(METRIC_NAME))
    unit: str
    """For people: `1/10 000`, `contracts`."""
    meaning: str
    read: Callable[[Observation], int]
    """A pure function of the observation, which is replayed from recordings: the same in, the same out."""


class DaemonReader(Protocol):
    """The running daemon as a command of a plugin sees it."""

    def get(self, path: str) -> Any:
        """Return the document that the daemon serves under a path.

        Raises:
            CommandFailed: no daemon runs here, it does not answer, or it refuses; ends the command with its exit code.
        """

    def command(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb and return its outcome; raises CommandFailed when it was not done."""


@attrs.frozen(kw_only=True)
class CommandAnswer:
    """What a command shows."""

    text: str
    document: Any
    """The same for `--json`."""
    exit_code: int = 0


@attrs.frozen(kw_only=True)
class CommandSpec:
    """A command `traderd <name>`; the options by which every command finds its daemon, and `--json`, are added."""

    name: str = attrs.field(validator=attrs.validators.matches_re(NAME))
    meaning: str
    """One sentence, shown in the list of commands."""
    example: str
    """`traderd pnl-csv --by day`."""
    run: Callable[..., CommandAnswer]
    """Called with the daemon and the values of `parameters` by their names."""
    parameters: tuple[Any, ...] = ()
    """`click.Option` and `click.Argument` objects."""

    def __attrs_post_init__(self) -> None:
        if not self.example.startswith(f"traderd {self.name}"):
            raise ValueError(f"the example of {self.name} must begin with `traderd {self.name}`")


# --- all of them ----------------------------------------------------------------------------------


def _always() -> bool:
    return True


@attrs.frozen
class Owned:
    """A description and the plugin that offers it."""

    plugin: str
    item: Any
    in_use: Callable[[], bool] = _always
    """False once the plugin is quarantined: then it is not called any more."""


@attrs.define
class Fault:
    """A function of a plugin that failed."""

    plugin: str
    what: str
    """`metric gross_exposure_dollars`."""
    where: str
    """`plugins/mine.py:12`; an empty text when the failure has no line."""
    error: str
    count: int = 1


@attrs.define(eq=False)
class Faults:
    """What failed in plugins, each kind once."""

    on_fault: Callable[[Fault, bool], None] = lambda *_: None
    """Told of each, also of one that came before, and whether it is a strike against the plugin."""
    hidden: tuple[str, ...] = ()
    """Texts that no words of a fault may show: the configuration's secrets, which plugins may read."""
    _kept: dict[tuple[str, str, str, str], Fault] = attrs.Factory(dict)

    def note(
        self,
        plugin: str,
        what: str,
        error: BaseException | str,
        *,
        masked: Callable[[str], str] = str,
        is_strike: bool = True,
    ) -> Fault:
        """Count a failure; returns it with its file and line.

        `masked` takes secrets out of its words; what a guard has counted already is no strike here.
        """
        words = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        text = mask_texts(masked(words), self.hidden)
        where = "" if isinstance(error, str) else line_of(error)
        key = (plugin, what, where, type(error).__name__)
        fault = self._kept.get(key)
        if fault is None:
            if len(self._kept) >= FAULTS_MAX:
                self._kept.pop(next(iter(self._kept)))
            fault = self._kept[key] = Fault(plugin, what, where, text, 0)
        fault.count, fault.error = fault.count + 1, text
        self.on_fault(fault, is_strike)
        return fault

    def all(self) -> tuple[Fault, ...]:
        """Return every fault, oldest first."""
        return tuple(self._kept.values())

    def forget(self, plugin: str) -> None:
        """Forget what failed in a plugin that was replaced."""
        self._kept = {key: fault for key, fault in self._kept.items() if fault.plugin != plugin}


def line_of(error: BaseException) -> str:
    """Return `file:line` of the innermost frame of an error that is not ours, else of the innermost one."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    plugin = [frame for frame in frames if _is_foreign(frame.filename)]
    frame = (plugin or frames)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _is_foreign(filename: str) -> bool:
    if filename.startswith(f"{PACKAGE}/"):
        # The examples that traderd carries are plugins like any other.
        return filename.startswith(f"{PACKAGE}/examples/")
    return LIBRARIES not in filename


@attrs.define(eq=False)
class Extensions:
    """Everything that plugins offer beside services, strategies and rules; a reload replaces it as a whole."""

    notifiers: tuple[Owned, ...] = ()
    routes: tuple[Owned, ...] = ()
    metrics: tuple[Owned, ...] = ()
    features: tuple[Owned, ...] = ()
    faults: Faults = attrs.Factory(Faults)
    forms: dict[str, object] = attrs.Factory(dict)
    """By plugin, the form of it that these lists are from."""
    _changed: trio.Event = attrs.Factory(trio.Event)

    def replace(
        self,
        *,
        notifiers: Iterable[Owned],
        routes: Iterable[Owned],
        metrics: Iterable[Owned],
        features: Iterable[Owned],
    ) -> None:
        """Take another list of each, and tell who waits for that."""
        self.notifiers, self.routes = tuple(notifiers), tuple(routes)
        self.metrics, self.features = tuple(metrics), tuple(features)
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    @property
    def changed(self) -> trio.Event:
        """What is set when the lists are replaced the next time."""
        return self._changed
