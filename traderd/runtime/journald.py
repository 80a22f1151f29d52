"""The journal of systemd: lines as fields that `journalctl` can be asked for.

Owns: the names of the fields, the journal's own protocol, and its bounds. Used only when the log's stream is the journal's
(`JOURNAL_STREAM`); when the journal's socket is not there, lines go to the stream as JSON.
Must not: clean values (`log_text` has), raise into whoever logs, or wait.
Source: systemd: "Native Journal Protocol", and systemd.journal-fields(7).
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final, TextIO

import msgspec

from traderd.runtime.datagrams import Datagrams
from traderd.runtime.env import Env
from traderd.runtime.log_output import LineWriter
from traderd.runtime.log_text import BLOCKS, Plain, plain_text

STREAM_VARIABLE: Final = "JOURNAL_STREAM"
SOCKET: Final = "/run/systemd/journal/socket"
IDENTIFIER: Final = "traderd"
PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""By the levels of syslog."""
NAMES: Final = {
    "order": "ORDER_ID",
    "client_order_id": "ORDER_ID",
    "order_id": "EXCHANGE_ORDER_ID",
    "market": "TICKER",
}
"""Fields of log lines whose name in the journal is not simply their own in capitals."""
OWN: Final = frozenset({
    *("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "ENVIRONMENT"),
    *("CODE_FILE", "CODE_LINE", "CODE_FUNC", "FIELDS_LEFT_OUT", "LINES_LOST"),
})
"""Names that a field of a log line does not get."""
NAME_CHARACTERS_MAX: Final = 64
"""Bounds a field's name, as the journal does."""
VALUE_BYTES_MAX: Final = 32_768
"""Bounds one field: four times what one text of a line may have, for lists of them."""
ENTRY_BYTES_MAX: Final = 262_144
"""Bounds one line with all its fields; further fields are named and left out."""
CUT: Final = "...{} bytes left out..."
_NOT_IN_NAMES: Final = re.compile(r"[^A-Z0-9_]")
_PACKAGES_OF_LOGGING: Final = (
    "structlog",
    "logging",
    "traderd.runtime.log",
    "traderd.runtime.journald",
)


class JournalLine(str):
    """A line as JSON, for where the journal's socket is not, with the entry that the journal gets."""

    __slots__ = ("entry",)
    entry: bytes


class JournalWriter:
    """Writes entries to the journal; what is no entry, and all when the journal is gone, goes to the stream."""

    def __init__(self, datagrams: Datagrams, stream: LineWriter) -> None:
        self._datagrams, self._stream = datagrams, stream
        self._lost = self._lost_since_told = 0

    @property
    def lines_lost(self) -> int:
        """Lines that neither the journal nor the stream took."""
        return self._lost + self._stream.lines_lost

    def write_line(self, text: str) -> None:
        """Write one line; never raises, never waits."""
        if not isinstance(text, JournalLine):
            self._stream.write_line(text)
            return
        entry = text.entry
        if self._lost_since_told:
            entry += b"".join(encode_field("LINES_LOST", str(self._lost_since_told)))
        try:
            self._send(entry)
        except BlockingIOError:
            # The journal does not keep up; its stream ends in the same place, so waiting there is no way out.
            self._lost += 1
            self._lost_since_told += 1
        except OSError:
            self._stream.write_line(str(text))
        else:
            self._lost_since_told = 0

    def _send(self, entry: bytes) -> None:
        try:
            self._datagrams.send(entry)
        except OSError as exc:
            if exc.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                raise
            self._datagrams.send_file(entry)


def journal_of(env: Env, stream: TextIO) -> Datagrams | None:
    """Return the way to the journal when this stream is the journal's, else None."""
    named = env.variables.get(STREAM_VARIABLE, "")
    if not named:
        return None
    try:
        found = os.fstat(stream.fileno())
        # Of a process that redirected its output the variable is still there, and no longer true.
        return env.datagrams(SOCKET) if named == f"{found.st_dev}:{found.st_ino}" else None
    except (OSError, ValueError):
        return None  # no file, closed, or there is no journal here


def journal_line(line: Mapping[str, Plain]) -> JournalLine:
    """Return a finished line (`at`, `level`, `event`, `environment` and its fields) as the journal takes it."""
    made = JournalLine(msgspec.json.encode(line).decode())
    made.entry = encode_entry(line)
    return made


def encode_entry(line: Mapping[str, Plain]) -> bytes:
    """Return a line as bytes of the journal's protocol, bounded."""
    pieces, size, left_out = [], 0, []
    for name, value in _fields(line):
        encoded = b"".join(encode_field(name, value))
        if size + len(encoded) > ENTRY_BYTES_MAX:
            left_out.append(name)
            continue
        size += len(encoded)
        pieces.append(encoded)
    if left_out:
        pieces += encode_field("FIELDS_LEFT_OUT", " ".join(left_out))
    return b"".join(pieces)


def encode_field(name: str, value: str) -> Iterator[bytes]:
    """Yield one field; a value with line breaks is told with its length, so that it cannot begin another field."""
    data = value.encode("utf-8", "backslashreplace")
    if len(data) > VALUE_BYTES_MAX:
        cut = CUT.format(len(data) - VALUE_BYTES_MAX)
        data = data[:VALUE_BYTES_MAX].decode("utf-8", "ignore").encode() + cut.encode()
    if b"\n" in data:
        yield name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
    else:
        yield name.encode() + b"=" + data + b"\n"


def field_name(name: str) -> str:
    """Return the journal's name of a field of ours: capitals, digits and underscores, beginning with a letter."""
    shown = NAMES.get(name) or _NOT_IN_NAMES.sub("_", name.upper()).strip("_")
    if not shown or not shown[0].isalpha() or shown in OWN:
        shown = f"FIELD_{shown}"
    return shown[:NAME_CHARACTERS_MAX]


def _fields(line: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    # Below the sentence, for whoever reads the journal as text.
    below = [str(line[name]) for name in BLOCKS if line.get(name)]
    yield "MESSAGE", "\n".join([str(line["event"]), *below])
    yield "PRIORITY", str(PRIORITIES[str(line["level"])])
    yield "SYSLOG_IDENTIFIER", IDENTIFIER
    yield "ENVIRONMENT", str(line["environment"])
    yield from _call_site()
    for name, value in line.items():
        if name in {"at", "level", "event", "environment", *BLOCKS} or value is None:
            continue
        yield field_name(name), plain_text(value)


def _call_site() -> Iterator[tuple[str, str]]:
    """Yield where the line was logged: the innermost call that is not of the log itself."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if not frame.f_globals.get("__name__", "").startswith(_PACKAGES_OF_LOGGING):
            break
    yield "CODE_FILE", frame.f_code.co_filename
    yield "CODE_LINE", str(frame.f_lineno)
    yield "CODE_FUNC", frame.f_code.co_qualname
