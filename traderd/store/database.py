"""The journal's SQLite file: opening, checking, reading, appending. Everything here blocks.

Owns: the one connection, its pragmas, the schema version, and the words of every disk error.
Must not: await, or know what a row means.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final, TypeAlias, cast

import apsw
import attrs

from traderd.errors import StoreError
from traderd.model.ids import INSTANCE_ID_CHARACTERS, InstanceId

APPLICATION_ID: Final = 0x74726164
"""`trad` in ASCII: tells our files from any other SQLite file."""
SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 2_000
"""Bounds how long a commit waits for a person who has the file open in another program."""
PAGE_ROWS: Final = 1_000
"""Bounds the rows in memory while reading: about 0.5 MB, 2 ms of work."""
FILE_MODE: Final = 0o600

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
    _connection: apsw.Connection

    def append(self, rows: Sequence[Row]) -> None:
        """Commit all rows in one transaction; returns when they are on the disk (synchronous=FULL).

        Raises:
            StoreError: nothing of this batch was written.
        """
        try:
            with _transaction(self._connection):
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
    try:
        # Created here and not by SQLite, so that the account's history is private from its first byte.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except (apsw.Error, OSError) as exc:
        raise StoreError(
            f"the journal {path} cannot be opened: {exc}; check the file's owner and permissions"
        ) from exc
    try:
        return _prepare(connection, path, new_instance_id)
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


def _prepare(connection: apsw.Connection, path: Path, new_instance_id: str) -> Database:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    # Whose file it is comes first: a foreign one must not even get a write-ahead log from us.
    is_new = _check_identity(connection, path)
    damage = connection.pragma("quick_check")
    if damage != "ok":
        raise StoreError(f"the journal {path} is damaged ({damage}); {_CHECK_CURE}")
    if connection.pragma("journal_mode", "wal") != "wal":
        raise StoreError(
            f"the journal {path} cannot use a write-ahead log here; use a local file system"
        )
    connection.pragma("synchronous", "FULL")
    with _transaction(connection):
        if is_new:
            _create(connection, new_instance_id)
        # Raised and committed before anything else can use it: no crash can roll it back.
        connection.execute("UPDATE meta SET generation = generation + 1")
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
        connection=connection,
    )


@contextmanager
def _transaction(connection: apsw.Connection) -> Iterator[None]:
    # Not apsw's own context manager: when SQLite has already rolled back (a full disk), that one fails to
    # do it again and reports "cannot rollback" in the place of the disk's words.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_identity(connection: apsw.Connection, path: Path) -> bool:
    """Return whether the file is new; raises StoreError if it is not ours or too new for us."""
    application_id = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application_id == 0 and connection.pragma("schema_version") == 0:
        return True
    if application_id != APPLICATION_ID:
        raise StoreError(
            f"{path} is not a traderd journal (application id {application_id:#x}): move it away, "
            "or give traderd another state directory"
        )
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"the journal {path} has schema version {version} and this traderd reads {SCHEMA_VERSION}: "
            "start the version of traderd that wrote it"
        )
    return False


def _create(connection: apsw.Connection, new_instance_id: str) -> None:
    instance_id = new_instance_id[:INSTANCE_ID_CHARACTERS].lower()
    schema = resources.files("traderd.store").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.execute(schema)
    connection.execute("INSERT INTO meta VALUES (1, ?, 0)", (instance_id,))
