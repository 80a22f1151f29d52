"""The journal's SQLite file: opening, checking, reading, appending. Everything here blocks.

Owns: the one connection, its pragmas, the schema version, and the words of every disk error.
Must not: await, or know what a row means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias, cast

import apsw
import attrs

from traderd import __version__
from traderd.errors import StoreError
from traderd.model.ids import INSTANCE_ID_CHARACTERS, InstanceId
from traderd.store.sqlite_file import FileKind, open_file, transaction

APPLICATION_ID: Final = 0x74726164
"""`trad` in ASCII: tells our files from any other SQLite file."""
SCHEMA_VERSION: Final = 2
MIGRATIONS: Final = {
    1: "ALTER TABLE meta ADD COLUMN written_by TEXT NOT NULL DEFAULT ''",
}
"""From each older version to the next. A version is never changed once people have files of it."""
PAGE_ROWS: Final = 1_000
"""Bounds the rows in memory while reading: about 0.5 MB, 2 ms of work."""

Row: TypeAlias = tuple[int, int, str, bytes]
"""(position, at_ns, kind, body)."""

_CHECK_CURE = "restore it from a copy, or move it away: the next start rebuilds from the exchange"


@attrs.define(eq=False)
class Database:
    """One open journal file."""

    path: Path
    instance_id: InstanceId
    generation: int
    last_position: int
    written_by: str
    """The version of traderd that opened it before us; an empty text: nobody knows."""
    _connection: apsw.Connection

    def append(self, rows: Sequence[Row]) -> None:
        """Commit all rows in one transaction; returns when they are on the disk (synchronous=FULL).

        Raises:
            StoreError: nothing of this batch was written.
        """
        try:
            with transaction(self._connection):
                self._connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)
        except (apsw.Error, OSError, OverflowError) as exc:
            raise StoreError(
                f"the journal {self.path} could not be written: {exc}. What was written earlier is safe. "
                "Make room on the disk or repair it, then start traderd again"
            ) from exc
        self.last_position = rows[-1][0]

    def read(self, *, after: int, up_to: int) -> Iterator[Row]:
        """Yield rows in order, one page in memory at a time and no statement left open between pages.

        Raises:
            StoreError: the file cannot be read, or a position is missing.
        """
        expected = after + 1
        while expected <= up_to:
            rows = self._read_page(expected - 1, up_to)
            for row in rows:
                if row[0] != expected:
                    break
                yield row
                expected += 1
            if not rows or rows[-1][0] >= expected:
                raise StoreError(
                    f"the journal {self.path} has no row {expected}: somebody changed it; {_CHECK_CURE}"
                )

    def _read_page(self, after: int, up_to: int) -> list[Row]:
        try:
            rows = self._connection.execute(
                "SELECT position, at_ns, kind, body FROM journal"
                " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
                (after, up_to, PAGE_ROWS),
            ).fetchall()
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the journal {self.path} could not be read: {exc}; {_CHECK_CURE}"
            ) from exc
        # The table is STRICT, so SQLite itself vouches for the column types.
        return cast("list[Row]", rows)

    def close(self) -> None:
        """Fold the write-ahead log into the file and close; raises StoreError if the disk refuses."""
        try:
            self._connection.close()
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the journal {self.path} could not be closed: {exc}. Nothing is lost: "
                "its write-ahead log is read at the next start"
            ) from exc


def open_database(path: Path, *, new_instance_id: str) -> Database:
    """Open the file, make it when it is missing, check it whole, and raise its generation durably.

    The caller holds the lock. `new_instance_id` is used only for a new file.

    Raises:
        StoreError: not a journal, of a newer version, damaged, or not writable; says the cure.
    """
    connection, is_new = open_file(path, _journal())
    try:
        return _prepare(connection, path, new_instance_id, is_new)
    except (apsw.Error, OSError) as exc:
        connection.close(True)
        raise StoreError(f"the journal {path} cannot be opened: {exc}; {_CHECK_CURE}") from exc
    except BaseException:
        connection.close(True)
        raise


def move_away(path: Path) -> None:
    """Rename the file of an earlier run to `<name>.previous`, replacing the one before it.

    The caller holds the lock. Raises StoreError.
    """
    previous = path.with_name(f"{path.name}.previous")
    try:
        # The log of recent writes goes with its file; without it the file would be an older state.
        for ending in ("-wal", "-shm", ""):
            previous.with_name(previous.name + ending).unlink(missing_ok=True)
            source = path.with_name(path.name + ending)
            if source.exists():
                source.rename(previous.with_name(previous.name + ending))
    except OSError as exc:
        raise StoreError(
            f"the journal {path} of the last run cannot be set aside: {exc}; move it away by hand"
        ) from exc


def _journal() -> FileKind:
    schema = resources.files("traderd.store").joinpath("schema.sql").read_text(encoding="utf-8")
    return FileKind(
        name="journal",
        application_id=APPLICATION_ID,
        version=SCHEMA_VERSION,
        schema=schema,
        cure=_CHECK_CURE,
        migrations=MIGRATIONS,
    )


def _prepare(
    connection: apsw.Connection, path: Path, new_instance_id: str, is_new: bool
) -> Database:
    with transaction(connection):
        if is_new:
            _create(connection, new_instance_id)
        # Raised and committed before anything else can use it: no crash can roll it back.
        before = connection.execute("SELECT written_by FROM meta").fetchall()
        connection.execute(
            "UPDATE meta SET generation = generation + 1, written_by = ?", (__version__,)
        )
    meta = connection.execute("SELECT instance_id, generation FROM meta").fetchall()
    if len(meta) != 1:
        raise StoreError(f"the journal {path} does not say whose it is; {_CHECK_CURE}")
    instance_id, generation = cast("tuple[str, int]", meta[0])
    last = connection.execute("SELECT coalesce(max(position), 0) FROM journal").fetchall()
    return Database(
        path=path,
        instance_id=InstanceId(instance_id),
        generation=generation,
        last_position=cast("int", last[0][0]),
        written_by=str(before[0][0]),
        connection=connection,
    )


def _create(connection: apsw.Connection, new_instance_id: str) -> None:
    instance_id = new_instance_id[:INSTANCE_ID_CHARACTERS].lower()
    connection.execute(_journal().schema)
    connection.execute("INSERT INTO meta VALUES (1, ?, 0, '')", (instance_id,))
