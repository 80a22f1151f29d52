"""The journal's SQLite file: opening, checking, reading, appending. Everything here blocks.

Owns: the one connection, its pragmas, the schema version, what its meta row says, and the words of every disk error. Its
checkpoint table is `checkpoint_table`'s, its oldest rows are moved by `archive`.
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
SCHEMA_VERSION: Final = 3
MIGRATIONS: Final = {
    1: "ALTER TABLE meta ADD COLUMN written_by TEXT NOT NULL DEFAULT ''",
    2: """
        CREATE TABLE checkpoint (
            position INTEGER NOT NULL,
            number   INTEGER NOT NULL,
            body     BLOB    NOT NULL,
            PRIMARY KEY (position, number)
        ) STRICT;
        ALTER TABLE meta ADD COLUMN checkpoint INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE meta ADD COLUMN checkpoint_rows INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE meta ADD COLUMN checkpoint_code TEXT NOT NULL DEFAULT '';
        ALTER TABLE meta ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
    """,
}
"""From each older version to the next. A version is never changed once people have files of it."""
PAGE_ROWS: Final = 1_000
"""Bounds the rows in memory while reading: about 0.5 MB, 2 ms of work."""

Row: TypeAlias = tuple[int, int, str, bytes]
"""(position, at_ns, kind, body)."""

CHECK_CURE: Final = (
    "restore it from a copy, or move it away: the next start rebuilds from the exchange"
)


@attrs.frozen(kw_only=True)
class Checkpoint:
    """Which checkpoint the file holds."""

    position: int = 0
    """It is the state that the rows up to here make; 0: there is none."""
    rows: int = 0
    code: str = ""
    """The code that made it, and that alone can read it (`fold_code`)."""


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
    checkpoint: Checkpoint = Checkpoint()
    archived: int = 0
    """Rows up to here are in the archive, and may be gone from here."""
    first_position: int = 1
    """The oldest row that is here; one more than `last_position` when none is."""

    @property
    def connection(self) -> apsw.Connection:
        """The one connection; whoever uses it has the journal's turn."""
        return self._connection

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
        while after < up_to:
            page = self.read_page(after=after, up_to=up_to)
            yield from page
            after = page[-1][0]

    def read_page(self, *, after: int, up_to: int, limit: int = PAGE_ROWS) -> list[Row]:
        """Return the next rows without a hole, at least one.

        Raises:
            StoreError: the file cannot be read, or a position is missing.
        """
        return read_page(self._connection, f"journal {self.path}", after, up_to, limit)

    def note_archived(self, position: int) -> None:
        """Note durably that rows up to here are in the archive.  Raises StoreError."""
        if position <= self.archived:
            return
        try:
            with transaction(self._connection):
                self._connection.execute("UPDATE meta SET archived = ?", (position,))
        except (apsw.Error, OSError) as exc:
            raise self._not_compacted(exc) from exc
        self.archived = position

    def let_go(self, limit: int) -> bool:
        """Remove the oldest rows that are in the archive; returns whether there may be more.  Raises StoreError."""
        if self.first_position > self.archived:
            return False
        try:
            with transaction(self._connection):
                self._connection.execute(
                    "DELETE FROM journal WHERE position <= ?",
                    (min(self.archived, self.first_position + limit - 1),),
                )
                removed = self._connection.changes()
        except (apsw.Error, OSError) as exc:
            raise self._not_compacted(exc) from exc
        self.first_position += removed
        return self.first_position <= self.archived and removed > 0

    def _not_compacted(self, exc: Exception) -> StoreError:
        return StoreError(
            f"the journal {self.path} could not be compacted: {exc}. Nothing is lost; make room on the disk "
            "or repair it"
        )

    def close(self) -> None:
        """Fold the write-ahead log into the file and close; raises StoreError if the disk refuses."""
        try:
            self._connection.close()
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the journal {self.path} could not be closed: {exc}. Nothing is lost: "
                "its write-ahead log is read at the next start"
            ) from exc


def read_page(
    connection: apsw.Connection, name: str, after: int, up_to: int, limit: int = PAGE_ROWS
) -> list[Row]:
    """Return the next rows of a journal table without a hole, at least one; `name` is for the sentences.

    Raises:
        StoreError: the file cannot be read, or a position is missing.
    """
    try:
        found = connection.execute(
            "SELECT position, at_ns, kind, body FROM journal"
            " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
            (after, up_to, limit),
        ).fetchall()
    except (apsw.Error, OSError) as exc:
        raise StoreError(f"the {name} could not be read: {exc}; {CHECK_CURE}") from exc
    # The table is STRICT, so SQLite itself vouches for the column types.
    rows = cast("list[Row]", found)
    for expected, row in enumerate(rows, start=after + 1):
        if row[0] != expected:
            rows = rows[: expected - after - 1]
            break
    if not rows:
        raise StoreError(f"the {name} has no row {after + 1}: somebody changed it; {CHECK_CURE}")
    return rows


def open_database(path: Path, *, new_instance_id: str) -> Database:
    """Open the file, make it when it is missing, check it whole, and raise its generation durably.

    The caller holds the lock. `new_instance_id` is used only for a new file.

    Raises:
        StoreError: not a journal, of a newer version, damaged, or not writable; says the cure.
    """
    connection, is_new = open_file(path, journal_kind())
    try:
        return _prepare(connection, path, new_instance_id, is_new)
    except (apsw.Error, OSError) as exc:
        connection.close(True)
        raise StoreError(f"the journal {path} cannot be opened: {exc}; {CHECK_CURE}") from exc
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


def journal_kind() -> FileKind:
    """Return what tells a journal from other files."""
    schema = resources.files("traderd.store").joinpath("schema.sql").read_text(encoding="utf-8")
    return FileKind(
        name="journal",
        application_id=APPLICATION_ID,
        version=SCHEMA_VERSION,
        schema=schema,
        cure=CHECK_CURE,
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
        raise StoreError(f"the journal {path} does not say whose it is; {CHECK_CURE}")
    instance_id, generation = cast("tuple[str, int]", meta[0])
    return _described(connection, path, instance_id, generation, str(before[0][0]))


def _described(
    connection: apsw.Connection, path: Path, instance_id: str, generation: int, written_by: str
) -> Database:
    ends = connection.execute(
        "SELECT coalesce(min(position), 0), coalesce(max(position), 0) FROM journal"
    ).fetchall()
    first, newest = cast("tuple[int, int]", ends[0])
    kept = connection.execute(
        "SELECT checkpoint, checkpoint_rows, checkpoint_code, archived FROM meta"
    ).fetchall()
    position, rows, code, archived = cast("tuple[int, int, str, int]", kept[0])
    # The newest rows may have been archived as well: their positions are never used again.
    last = max(newest, position, archived)
    return Database(
        path=path,
        instance_id=InstanceId(instance_id),
        generation=generation,
        last_position=last,
        written_by=written_by,
        connection=connection,
        checkpoint=Checkpoint(position=position, rows=rows, code=code),
        archived=archived,
        first_position=first or last + 1,
    )


def _create(connection: apsw.Connection, new_instance_id: str) -> None:
    instance_id = new_instance_id[:INSTANCE_ID_CHARACTERS].lower()
    connection.execute(journal_kind().schema)
    connection.execute(
        "INSERT INTO meta (only_row, instance_id, generation) VALUES (1, ?, 0)", (instance_id,)
    )
