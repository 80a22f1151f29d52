"""The archive: the journal's oldest rows, in a file of their own, word for word. Everything here blocks.

Owns: the move of rows out of the journal. They are on the disk in the archive before the journal lets go of them, and
nothing is ever removed from the archive.
Must not: know what a row means, or decide which are old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Final, cast

import apsw
import attrs

from traderd.errors import StoreError
from traderd.model.ids import InstanceId
from traderd.store.database import Database, Row, read_page
from traderd.store.sqlite_file import FileKind, open_file, transaction

APPLICATION_ID: Final = 0x74726161
"""`traa` in ASCII."""
MOVED_AT_ONCE: Final = 2_000
"""Bounds the rows of one commit of the archive: about 0.5 MB, which the journal waits 4 ms for while they are read."""
KEPT_AT_HAND: Final = 10_000
"""How many of the newest events stay in the journal whatever the checkpoint covers: for who reads it without its daemon
(`doubtful_orders` looks at 5,000)."""
CURE: Final = (
    "put back the archive of the same time, or move it away and keep it: a new one is begun"
)


@attrs.define(eq=False)
class Archive:
    """One open archive."""

    path: Path
    first: int
    """The oldest position in it; 0 when it is empty."""
    last: int
    _connection: apsw.Connection

    def append(self, rows: Sequence[Row]) -> None:
        """Commit rows that follow on the last one; returns when they are on the disk.

        Raises:
            StoreError: nothing of them was written.
        """
        try:
            with transaction(self._connection):
                self._connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the archive {self.path} could not be written: {exc}. Nothing is lost, the journal keeps "
                "its rows; make room on the disk or repair it"
            ) from exc
        self.first, self.last = self.first or rows[0][0], rows[-1][0]

    def read(self, *, after: int, up_to: int, limit: int) -> list[Row]:
        """Return the next rows without a hole, at least one; raises StoreError."""
        return read_page(self._connection, f"archive {self.path}", after, up_to, limit)


@attrs.frozen(kw_only=True)
class Ends:
    """How far an archive goes."""

    path: Path
    newest: Row | None
    """Its newest row; None when it is empty."""


@contextmanager
def open_archive(path: Path, instance_id: InstanceId) -> Iterator[Archive]:
    """Open the archive of a journal, making it when there is none.

    Raises:
        StoreError: not an archive, of another journal, or not readable; says the cure.
    """
    schema = resources.files("traderd.store").joinpath("archive_schema.sql")
    kind = FileKind(
        name="archive",
        application_id=APPLICATION_ID,
        version=1,
        schema=schema.read_text(encoding="utf-8"),
        cure=CURE,
        checked_whole=False,
    )
    connection, is_new = open_file(path, kind)
    try:
        if is_new:
            with transaction(connection):
                connection.execute(kind.schema)
                connection.execute("INSERT INTO meta VALUES (1, ?)", (instance_id,))
        yield _described(connection, path, instance_id)
        connection.close()
    except (apsw.Error, OSError) as exc:
        raise StoreError(f"the archive {path} cannot be used: {exc}; {CURE}") from exc
    finally:
        with suppress(apsw.Error):
            connection.close(True)


def archive_path(journal: Path) -> Path:
    """Return where the archive of a journal is: beside it."""
    name, dot, endings = journal.name.partition(".")
    return journal.with_name(f"{name}-archive{dot}{endings}")


def ends_of(path: Path, instance_id: InstanceId) -> Ends:
    """Return how far the archive goes, making it when there is none; raises StoreError."""
    with open_archive(path, instance_id) as archive:
        return _ends(archive)


def append_rows(path: Path, instance_id: InstanceId, rows: Sequence[Row]) -> Ends:
    """Append rows and return how far the archive goes now; raises StoreError."""
    with open_archive(path, instance_id) as archive:
        archive.append(rows)
        return _ends(archive)


def rows_for(journal: Database, ends: Ends) -> list[Row]:
    """Return the next rows that the journal need not keep and the archive has not; none: it has them all.

    Raises:
        StoreError: the archive is another history's, or the journal cannot be read.
    """
    newest = None if ends.newest is None else ends.newest[0]
    if newest is not None:
        _check_history(journal, ends, newest)
    after, up_to = journal.first_position - 1 if newest is None else newest, covered(journal)
    return (
        [] if after >= up_to else journal.read_page(after=after, up_to=up_to, limit=MOVED_AT_ONCE)
    )


def covered(journal: Database) -> int:
    """Return up to which position the journal need not keep its rows."""
    return min(journal.checkpoint.position, journal.last_position - KEPT_AT_HAND)


def _ends(archive: Archive) -> Ends:
    last = archive.last
    newest = archive.read(after=last - 1, up_to=last, limit=1)[0] if last else None
    return Ends(path=archive.path, newest=newest)


def _check_history(journal: Database, ends: Ends, newest: int) -> None:
    if newest < journal.first_position - 1:
        problem = f"ends at event {newest}, and the journal begins at {journal.first_position}"
    elif newest > journal.last_position:
        problem = f"is newer than the journal: it has event {newest}"
    elif newest >= journal.first_position and [ends.newest] != journal.read_page(
        after=newest - 1, up_to=newest, limit=1
    ):
        problem = f"has another event {newest} than the journal"
    else:
        return
    raise StoreError(f"the archive {ends.path} {problem}; {CURE}")


def _described(connection: apsw.Connection, path: Path, instance_id: InstanceId) -> Archive:
    owner = connection.execute("SELECT instance_id FROM meta").fetchall()
    if owner != [(instance_id,)]:
        raise StoreError(f"the archive {path} is that of another journal; {CURE}")
    found = connection.execute(
        "SELECT coalesce(min(position), 0), coalesce(max(position), 0) FROM journal"
    ).fetchall()
    first, last = cast("tuple[int, int]", found[0])
    return Archive(path=path, first=first, last=last, connection=connection)
