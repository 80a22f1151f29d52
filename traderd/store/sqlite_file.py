"""One SQLite file of ours: opened, checked whole, and fully synced. Everything here blocks.

Owns: what every file of ours has in common: identity, schema version and its migrations, pragmas, transactions, and the
words for a file that cannot be used.
Must not: know a table, or await.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw
import attrs

from traderd.errors import StoreError

BUSY_TIMEOUT_MS: Final = 2_000
"""Bounds how long a commit waits for a person who has the file open in another program."""
FILE_MODE: Final = 0o600


@attrs.frozen(kw_only=True)
class FileKind:
    """What tells one kind of our files from another."""

    name: str
    """In sentences: `journal`."""
    application_id: int
    """SQLite's own field for whose file it is."""
    version: int
    schema: str
    """The SQL that makes a new one; it sets both numbers above as pragmas."""
    cure: str
    """What to do about a damaged one."""
    migrations: Mapping[int, str] = attrs.field(factory=dict)
    """The SQL that makes the next version of each older one that can still be read."""
    checked_whole: bool = True
    """Read from end to end when it is opened; not for a file that grows for years."""


class Identity(enum.Enum):
    """Whose a file is."""

    NEW = "new"
    """Nothing is in it yet."""
    OURS = "ours"
    FOREIGN = "foreign"
    OTHER_VERSION = "other version"
    """Ours, and of a version that this traderd cannot read."""


def open_file(path: Path, kind: FileKind) -> tuple[apsw.Connection, bool]:
    """Open or make a file, check it, and return its connection and whether it is new.

    A new one has no table yet: `create` makes them, inside the caller's first transaction.

    Raises:
        StoreError: not ours, of another version, damaged, or not writable; says the cure.
    """
    try:
        # Created here and not by SQLite, so that what it holds is private from its first byte.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except (apsw.Error, OSError) as exc:
        raise StoreError(
            f"the {kind.name} {path} cannot be opened: {exc}; check the file's owner and permissions"
        ) from exc
    try:
        return connection, _check(connection, path, kind)
    except (apsw.Error, OSError) as exc:
        connection.close(True)
        raise StoreError(f"the {kind.name} {path} cannot be opened: {exc}; {kind.cure}") from exc
    except BaseException:
        connection.close(True)
        raise


@contextmanager
def open_to_look(path: Path, *, busy_timeout_ms: int) -> Iterator[apsw.Connection]:
    """Open a file to read it beside whoever writes it: nothing is made, migrated or checked; raises apsw.Error."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(busy_timeout_ms)
        yield connection
    finally:
        connection.close(True)


def _check(connection: apsw.Connection, path: Path, kind: FileKind) -> bool:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    # Whose file it is comes first: a foreign one must not even get a write-ahead log from us.
    is_new = _check_identity(connection, path, kind)
    damage = connection.pragma("quick_check") if kind.checked_whole else "ok"
    if damage != "ok":
        raise StoreError(f"the {kind.name} {path} is damaged ({damage}); {kind.cure}")
    if connection.pragma("journal_mode", "wal") != "wal":
        raise StoreError(
            f"the {kind.name} {path} cannot use a write-ahead log here; use a local file system"
        )
    connection.pragma("synchronous", "FULL")
    if not is_new:
        _migrate(connection, path, kind)
    return is_new


def _migrate(connection: apsw.Connection, path: Path, kind: FileKind) -> None:
    # Step by step, each in one transaction: a crash leaves one version or the other, never a mixture.
    while (version := connection.pragma("user_version")) != kind.version:
        try:
            with transaction(connection):
                connection.execute(kind.migrations[version])
                connection.execute(f"PRAGMA user_version = {version + 1}")
        except (apsw.Error, OSError) as exc:
            raise StoreError(
                f"the {kind.name} {path} could not be brought from schema version {version} to "
                f"{version + 1}: {exc}. It is as it was: make room on the disk or repair it, then start "
                "traderd again"
            ) from exc


def identify(connection: apsw.Connection, kind: FileKind) -> Identity:
    """Return whose an open file is, without changing it; raises apsw.Error when it cannot be read."""
    application_id, version = schema_numbers(connection)
    if application_id == 0 and connection.pragma("schema_version") == 0:
        return Identity.NEW
    if application_id != kind.application_id:
        return Identity.FOREIGN
    is_readable = version == kind.version or version in kind.migrations
    return Identity.OURS if is_readable else Identity.OTHER_VERSION


def schema_numbers(connection: apsw.Connection) -> tuple[int, int]:
    """Return the application id and the schema version that a file names."""
    return connection.pragma("application_id"), connection.pragma("user_version")


def _check_identity(connection: apsw.Connection, path: Path, kind: FileKind) -> bool:
    """Return whether the file is new; raises StoreError if it is not ours or too new for us."""
    identity = identify(connection, kind)
    application_id, version = schema_numbers(connection)
    if identity is Identity.FOREIGN:
        raise StoreError(
            f"{path} is not a traderd {kind.name} (application id {application_id:#x}): move it away, "
            "or give traderd another place for its own"
        )
    if identity is Identity.OTHER_VERSION:
        raise StoreError(
            f"the {kind.name} {path} has schema version {version} and this traderd reads {kind.version}: "
            "start the version of traderd that wrote it"
        )
    return identity is Identity.NEW


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Commit what the body does, or nothing of it."""
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
