"""The log: what each line carries and how it looks; one set-up for the whole process.

Owns: structlog's configuration. Lines are written by `structlog.get_logger().info("what_happened",
field=value)`, fields only by keyword; `log_text` cleans them, `log_output` takes them away.
Must not: raise into whoever logs.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

import attrs
import msgspec
import structlog
import trio
from structlog.typing import EventDict

from traderd.errors import ConfigError
from traderd.runtime.env import Env
from traderd.runtime.journald import JournalWriter, journal_line, journal_of
from traderd.runtime.log_disk import DiskLog
from traderd.runtime.log_output import LineWriter, LogLine, LogRing
from traderd.runtime.log_text import (
    BLOCKS,
    MILLISECONDS,
    Plain,
    clean_field,
    clean_text,
    describe,
    says_nothing_new,
)

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
UNTOLD_MAX: Final = 50
"""Bounds the lines from beside the loop that wait for it."""
_SYNONYMS: Final = {"warn": "warning", "exception": "error", "fatal": "critical"}
_RESERVED: Final = ("at", "level", "event", "environment")
_Render: TypeAlias = Callable[[dict[str, Plain]], str]


@attrs.frozen(kw_only=True)
class LogStatistics:
    """How the log is doing."""

    lines: int
    lines_lost: int
    """Lines that the terminal, pipe or disk did not take."""
    subscriber_failures: int


@attrs.define(eq=False)
class Threshold:
    """The first processor: lets a line through or drops it, by the level of now."""

    level: str

    def __call__(self, _logger: Any, method: str, event_dict: EventDict) -> EventDict:
        """Return the line as it is, or raise structlog.DropEvent."""
        # Loggers that were bound before the level was changed pass here too.
        if LEVELS.index(_SYNONYMS.get(method, method)) < LEVELS.index(self.level):
            raise structlog.DropEvent
        return event_dict


@attrs.define(eq=False)
class FromBeside:
    """Lines of a thread beside the loop: written at once, told to the screens when the loop logs again."""

    _write: Callable[[str, EventDict], None] | None = None
    _untold: deque[LogLine] = attrs.Factory(lambda: deque(maxlen=UNTOLD_MAX))

    def begin(self, writer: LineWriter | JournalWriter, finish: _Finish) -> None:
        """Write with a writer of its own: the other may be in the middle of a line."""

        def write(level: str, fields: EventDict) -> None:
            line = finish.line(level, fields)
            writer.write_line(finish.text(line))
            self._untold.append(line)

        self._write = write

    def __call__(self, level: str, event: str, /, **fields: str) -> None:
        """Write one line."""
        self.write(level, {"event": event, **fields})

    def write(self, level: str, fields: EventDict) -> None:
        """Write one line of which the event is a field too."""
        assert self._write is not None
        self._write(level, fields)

    def take(self) -> Iterator[LogLine]:
        """Yield the lines that no screen has yet."""
        while self._untold:
            yield self._untold.popleft()


@attrs.frozen(kw_only=True)
class Log:
    """The configured log."""

    ring: LogRing
    writer: LineWriter | JournalWriter
    threshold: Threshold
    from_beside: FromBeside = attrs.Factory(FromBeside)
    finish: _Finish

    @contextmanager
    def kept_in(self, directory: Path, *, bytes_max: int) -> Iterator[None]:
        """Keep the lines in files of the directory as well while the context is open, those in the ring first.

        Files of an earlier run that was allowed more are cut at once. Under journald, which keeps the lines itself, and with
        `bytes_max` 0 nothing is kept, and nothing that is there is touched.
        """
        if bytes_max == 0 or isinstance(self.writer, JournalWriter):
            yield
            return
        disk = DiskLog(directory, bytes_max=bytes_max)
        disk.fit()
        for line in self.ring.lines():
            disk.write_line(self.finish.as_json(line))
        self.finish.disk = disk
        try:
            yield
        finally:
            self.finish.keep_untold()
            self.finish.disk = None
            disk.close()

    def statistics(self) -> LogStatistics:
        """Return the figures of now."""
        return LogStatistics(
            lines=self.ring.lines_seen,
            lines_lost=self.writer.lines_lost
            + (0 if self.finish.disk is None else self.finish.disk.lines_lost),
            subscriber_failures=self.ring.subscriber_failures,
        )


def configure_log(
    *,
    env: Env,
    level: str,
    stream: TextIO,
    environment: str,
    as_json: bool | None = None,
) -> Log:
    """Set up structlog for the process and return the log; calling it again replaces the set-up.

    `as_json` None means fields where the stream is the journal's, lines for people on a terminal and JSON elsewhere.
    Warnings and worse of the standard library's loggers are led into the same log.

    Raises:
        ConfigError: no such level.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"log level {level!r} is not one of {', '.join(LEVELS)}")
    threshold = Threshold(level.lower())
    render, writer = _choose_form(env, stream, as_json)
    ring, from_beside = LogRing(), FromBeside()
    finish = _Finish(
        env=env,
        environment=environment,
        ring=ring,
        render=render,
        from_beside=from_beside,
        has_loop=trio.lowlevel.in_trio_run(),
    )
    log = Log(ring=ring, writer=writer, threshold=threshold, from_beside=from_beside, finish=finish)
    log.from_beside.begin(_choose_form(env, stream, as_json)[1], finish)
    structlog.configure(
        processors=[
            threshold,
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            finish,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[0]),
        logger_factory=lambda *_: _Output(log.writer),
        cache_logger_on_first_use=False,
    )
    # Adding the same handler again changes nothing; it finds the newest set-up at each record.
    logging.getLogger().addHandler(_STANDARD_LIBRARY)
    return log


def _choose_form(
    env: Env, stream: TextIO, as_json: bool | None
) -> tuple[_Render, LineWriter | JournalWriter]:
    """Return how lines look and who writes them; here and nowhere else is it decided."""
    writer, on_terminal = LineWriter(stream), _is_terminal(stream)
    journal = journal_of(env, stream) if as_json is None else None
    if journal is not None:
        return journal_line, JournalWriter(journal, writer)
    if not on_terminal if as_json is None else as_json:
        return _render_json, writer
    return _console_renderer(colors=on_terminal and not env.variables.get("NO_COLOR")), writer


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False  # closed


@attrs.define(kw_only=True, eq=False)
class _Finish:
    """The last processor: cleans the fields, keeps the line in the ring and on the disk, renders it."""

    env: Env
    environment: str
    ring: LogRing
    render: _Render
    from_beside: FromBeside
    has_loop: bool
    disk: DiskLog | None = None

    def __call__(self, _logger: Any, method: str, event_dict: EventDict) -> str:
        if self.has_loop and not trio.lowlevel.in_trio_run():
            # A library warns in a thread: the screens and the files are the loop's alone, and waking a task from here loses it.
            self.from_beside.write(method, event_dict)
            raise structlog.DropEvent
        self.keep_untold()
        line = self.line(method, event_dict)
        self._keep(line)
        return self.text(line)

    def keep_untold(self) -> None:
        """Tell the screens and the files what was logged beside the loop; only the loop may."""
        for told in self.from_beside.take():
            self._keep(told)

    def _keep(self, line: LogLine) -> None:
        if self.disk is not None:
            self.disk.write_line(self.as_json(line))
        self.ring.add(line)

    def line(self, method: str, event_dict: EventDict) -> LogLine:
        """Return the cleaned line."""
        level = _SYNONYMS.get(method, method)
        said = event_dict.pop("event", "")
        event = clean_text(said if isinstance(said, str) else describe(said))
        fields: dict[str, Plain] = {}
        for name, value in event_dict.items():
            shown = clean_text(f"{name}_" if name in _RESERVED else name)
            if name in BLOCKS and isinstance(value, str):
                fields[shown] = clean_text(value, block=True)
            else:
                fields[shown] = clean_field(name, value)
        at = _format_time(self.env.wall_ns())
        return LogLine(at=at, level=level, event=event, fields=fields)

    def text(self, line: LogLine) -> str:
        """Return the line as it is written."""
        return self.render(self._whole(line))

    def as_json(self, line: LogLine) -> str:
        """Return the line as it is kept on the disk."""
        return _render_json(self._whole(line))

    def _whole(self, line: LogLine) -> dict[str, Plain]:
        return {
            "at": line["at"],
            "level": line["level"],
            "event": line["event"],
            "environment": self.environment,
            **line["fields"],
        }


def _format_time(at_ns: int) -> str:
    seconds, rest = divmod(at_ns, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, tz=UTC).replace(tzinfo=None)
    return f"{stamp.isoformat()}.{rest // 1_000:06d}Z"


def _render_json(line: dict[str, Plain]) -> str:
    return msgspec.json.encode(line).decode()


def _console_renderer(*, colors: bool) -> _Render:
    renderer = structlog.dev.ConsoleRenderer(
        colors=colors,
        timestamp_key="at",
        sort_keys=False,
        # The traceback is text by now, cleaned; a pretty one would print local variables and so secrets.
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(line: dict[str, Plain]) -> str:
        event = str(line["event"])
        shown: dict[str, Any] = {
            name: value
            for name, value in line.items()
            if name in _RESERVED or not says_nothing_new(value, event)
        }
        shown["at"] = f"{str(line['at'])[:MILLISECONDS]}Z"
        box = shown.pop("box", None)
        text = str(renderer(None, "", shown))
        return text if box is None else f"{text}\n{box}"

    return render


class _Output:
    """What structlog calls with the finished line, by the name of the level."""

    def __init__(self, writer: LineWriter | JournalWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.write_line
        self.warn = self.exception = self.fatal = self.msg = self.log = writer.write_line


class _FromStandardLibrary(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as exc:  # noqa: BLE001 - a library's wrong format; the raw text still says something
            message = f"{record.msg} ({type(exc).__name__} while formatting)"
        structlog.get_logger().log(
            record.levelno, message, logger=record.name, exc_info=record.exc_info
        )


_STANDARD_LIBRARY: Final = _FromStandardLibrary(level=logging.WARNING)
