"""The state file on the disk: rows in, rows out. Everything here blocks.

Owns: the one connection, its table, and the words of every disk error.
Must not: await, or know what a row means.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

import apsw
import attrs

from traderd.errors import StoreError
from traderd.paper.state.rows import CLEAR, Row
from traderd.store.sqlite_file import FileKind, open_file, transaction

APPLICATION_ID: Final = 0x74726478
"""`trdx` in ASCII: tells a state file from a journal and from any other SQLite file."""
SCHEMA_VERSION: Final = 1

_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE records (
    kind TEXT NOT NULL,             -- a word of paper/state/rows.py
    key TEXT NOT NULL,
    position INTEGER NOT NULL,      -- when it was first written: the order of orders, fills and trades
    body BLOB NOT NULL,             -- JSON
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX by_position ON records (kind, position);
"""
_STATE: Final = FileKind(
    name="exchange state",
    application_id=APPLICATION_ID,
    version=SCHEMA_VERSION,
    schema=_SCHEMA,
    cure="restore it from a copy, or start the exchange with another --state file",
)
_WRITE: Final = (
    "INSERT INTO records (kind, key, position, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
)


@attrs.define(eq=False)
class StateFile:
    """One open state file."""

    path: Path
    _connection: apsw.Connection
    _position: int

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was ever written to it."""
        return self._position == 0

    def write(self, rows: Sequence[Row]) -> None:
        """Commit all rows in one transaction; returns when they are on the disk (synchronous=FULL).

        Raises:
            StoreError: nothing of this batch was written.
        """
        try:
            with transaction(self._connection):
                for row in rows:
                    kind, key, body = row
                    if row == CLEAR:
                        self._connection.execute("DELETE FROM records")
                        continue
                    if body is None:
                        self._connection.execute(
                            "DELETE FROM records WHERE kind = ? AND key = ?", (kind, key)
                        )
                        continue
                    self._position += 1
                    self._connection.execute(_WRITE, (kind, key, self._position, body))
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the exchange state {self.path} could not be written: {exc}. What was written earlier is safe. "
                "Make room on the disk or repair it, then start the exchange again"
            ) from exc

    def read(self, kind: str) -> Iterator[bytes]:
        """Yield every body of one kind, first written first; raises StoreError."""
        try:
            found = self._connection.execute(
                "SELECT body FROM records WHERE kind = ? ORDER BY position", (kind,)
            )
            for row in found:
                yield cast("bytes", row[0])
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the exchange state {self.path} could not be read: {exc}; {_STATE.cure}"
            ) from exc

    def keep_newest(self, kind: str, count: int) -> None:
        """Forget all rows of one kind but the `count` written last; raises StoreError."""
        try:
            with transaction(self._connection):
                self._connection.execute(
                    "DELETE FROM records WHERE kind = ? AND position <= (SELECT position FROM records"
                    " WHERE kind = ? ORDER BY position DESC LIMIT 1 OFFSET ?)",
                    (kind, kind, count),
                )
        except (apsw.Error, OSError) as exc:
            raise StoreError(f"the exchange state {self.path} could not be written: {exc}") from exc

    def close(self) -> None:
        """Fold the write-ahead log into the file and close; raises StoreError if the disk refuses."""
        try:
            self._connection.close()
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the exchange state {self.path} could not be closed: {exc}. Nothing is lost: "
                "its write-ahead log is read at the next start"
            ) from exc


def open_state(path: Path) -> StateFile:
    """Open the file, make it when it is missing, and check it whole; the caller holds the lock.

    Raises:
        StoreError: not a state file, of another version, damaged, or not writable; says the cure.
    """
    connection, is_new = open_file(path, _STATE)
    try:
        if is_new:
            with transaction(connection):
                connection.execute(_STATE.schema)
        last = connection.execute("SELECT coalesce(max(position), 0) FROM records").fetchall()
    except (apsw.Error, OSError) as exc:
        connection.close(True)
        raise StoreError(
            f"the exchange state {path} cannot be opened: {exc}; {_STATE.cure}"
        ) from exc
    return StateFile(path, connection, cast("int", last[0][0]))
