"""The checkpoint in the journal's file: written beside the old one, and valid from one commit on. Everything here blocks.

Owns: its table. A crash at any point leaves the old one or the new one whole.
Must not: know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import apsw

from traderd.errors import StoreError
from traderd.store.database import Checkpoint, Database
from traderd.store.sqlite_file import transaction

DROPPED_AT_ONCE: Final = 50
"""Bounds the rows that one commit removes: about 3 MB, a few milliseconds."""
_SEPARATOR: Final = b"\n"


def add_row(database: Database, position: int, number: int, lines: Sequence[bytes]) -> None:
    """Write one row of a new checkpoint; raises StoreError."""
    body = _SEPARATOR.join(lines)
    try:
        with transaction(database.connection):
            database.connection.execute(
                # One that a crash left unfinished may have the same numbers.
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                (position, number, body),
            )
    except (apsw.Error, OSError) as exc:
        raise _not_written(database, exc) from exc


def make_valid(database: Database, checkpoint: Checkpoint) -> None:
    """Let a checkpoint whose rows are all written be the one; raises StoreError."""
    try:
        with transaction(database.connection):
            database.connection.execute(
                "UPDATE meta SET checkpoint = ?, checkpoint_rows = ?, checkpoint_code = ?",
                (checkpoint.position, checkpoint.rows, checkpoint.code),
            )
    except (apsw.Error, OSError) as exc:
        raise _not_written(database, exc) from exc
    database.checkpoint = checkpoint


def drop_others(database: Database) -> bool:
    """Remove some rows of other checkpoints than the one; returns whether there may be more.  Raises StoreError."""
    connection, one = database.connection, database.checkpoint
    try:
        with transaction(connection):
            connection.execute(
                "DELETE FROM checkpoint WHERE rowid IN (SELECT rowid FROM checkpoint"
                " WHERE position <> ? OR number > ? LIMIT ?)",
                (one.position, one.rows, DROPPED_AT_ONCE),
            )
            return connection.changes() == DROPPED_AT_ONCE
    except (apsw.Error, OSError) as exc:
        raise _not_written(database, exc) from exc


def read_row(database: Database, number: int) -> list[bytes]:
    """Return the lines of one row of the checkpoint, the first is 1.

    Raises:
        StoreError: the row is missing, or the file cannot be read.
    """
    try:
        found = database.connection.execute(
            "SELECT body FROM checkpoint WHERE position = ? AND number = ?",
            (database.checkpoint.position, number),
        ).fetchall()
    except (apsw.Error, OSError) as exc:
        raise StoreError(f"the checkpoint cannot be read: {exc}") from exc
    if not found:
        raise StoreError(f"row {number} of the checkpoint is missing")
    return cast("bytes", found[0][0]).split(_SEPARATOR)


def _not_written(database: Database, exc: Exception) -> StoreError:
    return StoreError(
        f"the checkpoint in {database.path} could not be written: {exc}. Nothing is lost, the next start "
        "takes longer; make room on the disk or repair it"
    )
