"""Notes of plugins: a small durable store of keys and values, one section for each plugin.

Owns: `plugin_notes.sqlite3` beside the journal, its bounds, and the one writer. Reading and writing are plain calls on what
is in memory, so that a strategy may do both; what was written is on the disk within moments, and `wait_durable` tells when.
The newest value of a key is kept, so a plugin that writes without end fills nothing.
Must not: share a connection or a failure with the journal: a plugin's notes never stop an order.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import apsw
import attrs
import trio

from traderd.errors import BadInput, StoreError
from traderd.runtime.env import Env
from traderd.store.sqlite_file import FileKind, open_file, transaction

NOTES_FILE: Final = "plugin_notes.sqlite3"
APPLICATION_ID: Final = 0x74726E6F
"""`trno` in ASCII."""
KEY_CHARACTERS_MAX: Final = 64
KEYS_MAX: Final = 256
"""Bounds the keys of one plugin."""
VALUE_BYTES_MAX: Final = 4_096
"""Bounds one value as JSON: what is larger belongs into a file of the plugin's own."""
CLOSE_BUDGET_S: Final = 2.0
"""Bounds the last commit when the daemon ends."""

Row: TypeAlias = tuple[str, str, str | None]
"""(plugin, key, JSON); no JSON: the key is gone."""

_KIND: Final = FileKind(
    name="notes of plugins",
    application_id=APPLICATION_ID,
    version=1,
    schema=f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
CREATE TABLE notes (
    plugin TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,   -- JSON
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;
""",
    cure="move it away: plugins begin without notes then",
)


class NotesFile:
    """The SQLite file; everything here blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None

    def read(self) -> dict[str, dict[str, str]]:
        """Return every note as JSON, by plugin and key; none when there is no file. Raises StoreError."""
        if not self._path.exists():
            return {}
        try:
            rows = self._open().execute("SELECT plugin, key, value FROM notes ORDER BY plugin, key")
            found: dict[str, dict[str, str]] = {}
            for plugin, key, value in cast("list[tuple[str, str, str]]", rows.fetchall()):
                found.setdefault(plugin, {})[key] = value
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the notes of plugins {self._path} cannot be read: {exc}; {_KIND.cure}"
            ) from exc
        return found

    def write(self, rows: tuple[Row, ...]) -> None:
        """Commit these rows durably, all or none; the first one makes the file. Raises StoreError."""
        try:
            connection = self._open()
            with transaction(connection):
                for plugin, key, value in rows:
                    if value is None:
                        connection.execute(
                            "DELETE FROM notes WHERE plugin = ? AND key = ?", (plugin, key)
                        )
                    else:
                        connection.execute(
                            "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                            (plugin, key, value),
                        )
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the notes of plugins {self._path} cannot be written: {exc}; make room on the disk or repair it"
            ) from exc

    def close(self) -> None:
        """Close the file, if it was ever opened."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            connection, is_new = open_file(self._path, _KIND)
            if is_new:
                with transaction(connection):
                    connection.execute(_KIND.schema)
            self._connection = connection
        return self._connection


class NoteBook:
    """The notes of all plugins in memory, and what of them is not on the disk yet."""

    def __init__(self, notes: dict[str, dict[str, str]] | None = None) -> None:
        self._notes = notes or {}
        self._changed: dict[tuple[str, str], None] = {}
        self._work = trio.Event()
        self._written = trio.Event()
        self.failed: str | None = None
        """Why nothing is written any more, None while all is well."""

    def section(self, plugin: str) -> Notes:
        """Return the notes of one plugin; there is no way from there to another's."""
        return Notes(self, self._notes.setdefault(plugin, {}), plugin)

    def touch(self, plugin: str, key: str) -> None:
        """Note that a key changed."""
        self._changed[plugin, key] = None
        self._work.set()

    async def wait_work(self) -> None:
        """Wait until something is not on the disk yet.  Cancelling is safe."""
        await self._work.wait()

    def take_changes(self) -> tuple[Row, ...]:
        """Return what is to be written, once."""
        self._work = trio.Event()
        changed, self._changed = self._changed, {}
        return tuple((plugin, key, self._notes[plugin].get(key)) for plugin, key in changed)

    def give_back(self, rows: tuple[Row, ...], failure: str | None) -> None:
        """Hear that rows were written, or why not."""
        self.failed = failure
        if failure is not None:
            self._changed = {(plugin, key): None for plugin, key, _ in rows} | self._changed
        self._written.set()
        self._written = trio.Event()

    async def wait_failed(self) -> str:
        """Wait until the disk refuses, and return its words.  Cancelling is safe."""
        while self.failed is None:
            await self._written.wait()
        return self.failed

    async def wait_durable(self) -> None:
        """Return when every change so far is on the disk; raises StoreError when it cannot be.  Cancelling is safe."""
        await trio.lowlevel.checkpoint()
        while self.is_behind and self.failed is None:
            await self._written.wait()
        if self.failed is not None:
            raise StoreError(self.failed)

    @property
    def is_behind(self) -> bool:
        """Tell whether something is not on the disk yet."""
        return bool(self._changed) or self._is_writing

    _is_writing = False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[tuple[Row, ...]]:
        """Hand out what is to be written; it counts as behind until the block ends.  Cancelling loses nothing."""
        rows = self.take_changes()
        self._is_writing = True
        failure: str | None = "the daemon ended"
        try:
            yield rows
            failure = None
        except StoreError as exc:
            failure = str(exc)
            raise
        finally:
            self._is_writing = False
            self.give_back(rows, failure)


@attrs.frozen(eq=False)
class Notes:
    """The notes of one plugin: JSON values under short keys, which survive restarts."""

    _book: NoteBook
    _values: dict[str, str]
    _plugin: str

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, `default` when it was never put; it is a copy."""
        text = self._values.get(key)
        return default if text is None else json.loads(text)

    def put(self, key: str, value: Any) -> None:
        """Keep a JSON value (texts, numbers, true and false, None, lists, dicts with text keys); durable within moments.

        Raises:
            BadInput: the value is not JSON, or past a bound; nothing was changed.
        """
        if not isinstance(key, str) or not 1 <= len(key) <= KEY_CHARACTERS_MAX:
            raise BadInput(f"a note's key is a text of 1 to {KEY_CHARACTERS_MAX} characters")
        text = _json_of(key, value)
        if key not in self._values and len(self._values) >= KEYS_MAX:
            raise BadInput(f"a plugin keeps at most {KEYS_MAX} notes; delete one first")
        if self._values.get(key) != text:
            self._values[key] = text
            self._book.touch(self._plugin, key)

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is no error."""
        if self._values.pop(key, None) is not None:
            self._book.touch(self._plugin, key)

    def keys(self) -> tuple[str, ...]:
        """Return the keys, sorted."""
        return tuple(sorted(self._values))

    async def wait_durable(self) -> None:
        """Return when everything put so far is on the disk; raises StoreError.  Cancelling is safe."""
        await self._book.wait_durable()


def _json_of(key: str, value: Any) -> str:
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except (TypeError, ValueError, RecursionError) as exc:
        raise BadInput(f"the note {key!r} is no JSON value: {exc}") from exc
    # What would come back as something else (a tuple as a list, a key 1 as "1") is refused now, not after the restart.
    if not _is_alike(json.loads(text), value):
        raise BadInput(
            f"the note {key!r} would come back changed; use lists, and texts as keys of dicts"
        )
    if len(text.encode()) > VALUE_BYTES_MAX:
        raise BadInput(
            f"the note {key!r} has {len(text.encode())} bytes as JSON, at most {VALUE_BYTES_MAX} are kept"
        )
    return text


def _is_alike(back: Any, value: Any) -> bool:
    if isinstance(value, dict):
        return (
            isinstance(back, dict)
            and all(isinstance(key, str) for key in value)
            and all(_is_alike(back[key], item) for key, item in value.items())
        )
    if isinstance(value, list | tuple):
        return isinstance(value, list) and all(map(_is_alike, back, value))
    return bool(back == value)


@asynccontextmanager
async def open_notes(*, env: Env, directory: Path) -> AsyncIterator[NoteBook]:
    """Read the notes and run their writer while the context is open.

    Errors of the body come out as they are. Leaving writes what waits, within CLOSE_BUDGET_S and even when cancelled. When
    the disk fails, `failed` says so and the notes stay in memory.

    Raises:
        StoreError: the file cannot be read.
    """
    file = NotesFile(directory / NOTES_FILE)
    # Nobody has notes in the usual case, and then no thread is asked.
    notes = await env.run_blocking(file.read) if (directory / NOTES_FILE).exists() else {}
    book = NoteBook(notes)
    body_error: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_write_for_ever, env, file, book)
            try:
                yield book
            except Exception as exc:  # noqa: BLE001 - raised again below, outside the nursery's group
                body_error = exc
            nursery.cancel_scope.cancel()
    finally:
        with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
            await _write_rest(env, file, book)
    if body_error is not None:
        raise body_error


async def _write_for_ever(env: Env, file: NotesFile, book: NoteBook) -> None:
    while book.failed is None:
        await book.wait_work()
        await _write_once(env, file, book)


async def _write_once(env: Env, file: NotesFile, book: NoteBook) -> None:
    try:
        async with book.writing() as rows:
            await env.run_blocking(file.write, rows)
    except StoreError:
        # `writing` has noted it, and nobody here could do more about it.
        return


async def _write_rest(env: Env, file: NotesFile, book: NoteBook) -> None:
    if book.is_behind:
        await _write_once(env, file, book)
    file.close()
