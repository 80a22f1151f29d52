"""The journal: private facts in order, on the disk before anything depends on them.

Owns: positions, the list of rows that wait for the disk, the one writer task and its group commits, and whose turn it is
on the one connection.
Must not: drop a row, try a failed disk again, or decide what a failure means for trading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple

import attrs
import trio

from traderd.errors import InvariantViolation, StoreError
from traderd.model.events import Event
from traderd.model.ids import RUN_WORD_CHARACTERS, InstanceId
from traderd.runtime.env import Env
from traderd.store import codec
from traderd.store.archive import archive_path
from traderd.store.database import Checkpoint, Database, Row, move_away, open_database
from traderd.store.history import read_history
from traderd.store.lock import hold_lock

PENDING_EVENTS_MAX: Final = 100_000
"""Bounds the rows that wait for the disk: about 50 MB, or many minutes of the busiest account."""
CLOSE_BUDGET_S: Final = 10.0
"""Bounds the last commits when the journal closes: a full list takes about one second."""
JOURNAL_FILE: Final = "journal.sqlite3"
LOCK_FILE: Final = "lock"
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@attrs.frozen(kw_only=True)
class JournalStatistics:
    """How the journal is doing."""

    rows: int
    """Rows on the disk, those of earlier runs and of the archive included."""
    commits: int
    """Group commits of this run."""
    pending: int
    """Rows that wait for the disk."""
    last_commit_ms: float | None
    """How long the last group commit took; None before the first."""


@attrs.define(eq=False)
class Journal:
    """One open journal; made by `open_journal`."""

    _env: Env
    _database: Database
    run_word: str = ""
    """Drawn for this run: a journal that is restored from a copy has its generations again, but not its words."""
    _pending: list[Row] = attrs.field(factory=list, init=False)
    _commits: int = attrs.field(default=0, init=False)
    _last_commit_ms: float | None = attrs.field(default=None, init=False)
    _failed: str | None = attrs.field(default=None, init=False)
    _disk_failed: bool = attrs.field(default=False, init=False)
    _appended: bool = attrs.field(default=False, init=False)
    # Replaced each time it is set: whoever waits for the next change waits for the event of now.
    _work: trio.Event = attrs.field(factory=trio.Event, init=False)
    # Fair: a commit waits for one short step of a compaction at most.
    _turn: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _progress: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def instance_id(self) -> InstanceId:
        """Whose client order ids these are; made once with the file."""
        return self._database.instance_id

    @property
    def generation(self) -> int:
        """How often this journal was opened, this time included; durable before anything was sent."""
        return self._database.generation

    @property
    def position(self) -> int:
        """The last position handed out: waiting for it makes everything appended so far durable."""
        return self._pending[-1][0] if self._pending else self._database.last_position

    @property
    def failed(self) -> str | None:
        """Why nothing may depend on the journal any more, in the disk's words; None while all is well."""
        return self._failed

    def statistics(self) -> JournalStatistics:
        """Return the figures of now."""
        return JournalStatistics(
            rows=self._database.last_position,
            commits=self._commits,
            pending=len(self._pending),
            last_commit_ms=self._last_commit_ms,
        )

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._database.path

    @property
    def durable_position(self) -> int:
        """The newest row on the disk."""
        return self._database.last_position

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the file holds."""
        return self._database.checkpoint

    @property
    def first_position(self) -> int:
        """The oldest row that is not only in the archive."""
        return self._database.first_position

    @property
    def events_kept(self) -> int:
        """Events that are not only in the archive."""
        return self.durable_position - self.first_position + 1

    def replay(self, *, after: int = 0) -> Iterator[Event]:
        """Yield every event after a position that earlier runs wrote, in order; only before this run's first `append`.

        Raises:
            StoreError: a row cannot be read; names it and the cure.
            InvariantViolation: something was appended already (the writer has the connection then).
        """
        last = self._database.last_position
        while after < last:
            rows = read_history(self._database, after, last)
            for row in rows:
                if self._appended:
                    raise InvariantViolation(
                        "the journal can be replayed only before its first append"
                    )
                yield self.decoded(row)
            after = rows[-1][0]

    def decoded(self, row: Row) -> Event:
        """Return the event of a row; raises StoreError."""
        position, _, kind, body = row
        return codec.decode(kind, body, position=position, written_by=self._database.written_by)

    async def in_turn(self, step: Callable[[Database, *Ts], T], *args: *Ts) -> T:
        """Let one short step have the file between two commits; cancelling waits for it.

        Raises:
            StoreError: the journal has failed or is closed; or the step's own.
        """
        async with self._turn:
            if self._failed is not None:
                raise StoreError(self._failed)
            return await self._env.run_blocking(step, self._database, *args)

    def append(self, events: Sequence[Event]) -> int:
        """Hand events over to the writer, all or none, and return the last one's position; never blocks.

        A StoreError fails the journal for good: facts are missing from it, so nothing later is durable
        in the sense that counts.

        Raises:
            StoreError: the journal has failed, is closed, or too much waits for the disk.
            InvariantViolation: an event is not one of `events.JOURNALED`.
        """
        if self._failed is not None:
            raise StoreError(self._failed)
        if len(self._pending) + len(events) > PENDING_EVENTS_MAX:
            self._fail(
                f"{len(self._pending)} events wait for the disk under {self._database.path}: "
                "it is too slow or stuck; look at the disk, then start traderd again"
            )
            raise StoreError(self._failed)
        rows = [
            (position, event.at, *codec.encode(event))
            for position, event in enumerate(events, start=self.position + 1)
        ]
        self._pending.extend(rows)
        self._appended = True
        self._work.set()
        return self.position

    async def wait_durable(self, position: int) -> None:
        """Return when everything up to `position` is on the disk.  Cancelling is safe, nothing is lost.

        Raises:
            StoreError: the journal has failed, whether before or after this position: who waits is about
                to let something leave, and what leaves after a failure could not be recorded.
            InvariantViolation: no such position was handed out.
        """
        if position > self.position:
            raise InvariantViolation(f"position {position} was never handed out")
        await trio.lowlevel.checkpoint()
        while self._failed is None and self._database.last_position < position:
            await self._progress.wait()
        if self._failed is not None:
            raise StoreError(self._failed)

    async def write_for_ever(self) -> None:
        """Commit whatever waits, again and again, until the disk fails.  Cancelling loses nothing.

        For `open_journal` only: there is exactly one writer.
        """
        while not self._disk_failed:
            await self._work.wait()
            self._work = trio.Event()
            await self.commit_pending()

    async def commit_pending(self) -> None:
        """Commit every row that waits in one transaction; a failure is kept and told, not raised.

        For the writer and `open_journal` only.  Cancelling loses nothing: rows not committed still wait.
        """
        async with self._turn:
            await self._commit()

    async def _commit(self) -> None:
        batch = tuple(self._pending)
        if not batch or self._disk_failed:
            return
        started = self._env.monotonic()
        try:
            # A cancelled thread call has either not begun or runs to its end, so the rows
            # leave the list only when they are on the disk.
            await self._env.run_blocking(self._database.append, batch)
        except StoreError as exc:
            self._disk_failed = True
            self._fail(str(exc))
            return
        del self._pending[: len(batch)]
        self._commits += 1
        self._last_commit_ms = (self._env.monotonic() - started) * 1_000
        self._tell_progress()

    def _fail(self, words: str) -> None:
        self._failed = self._failed or words
        self._tell_progress()

    def _tell_progress(self) -> None:
        self._progress.set()
        self._progress = trio.Event()

    async def close(self) -> StoreError | None:
        """Close the file and return what went wrong at the end, if rows are left or the disk refused.

        For `open_journal` only, after its last `commit_pending`.  Not for a scope without a shield.
        """
        problem: StoreError | None = None
        try:
            await self._env.run_blocking(self._database.close)
        except StoreError as exc:
            problem = exc
        if self._pending:
            why = self._failed or f"the disk took longer than {CLOSE_BUDGET_S:g} s"
            problem = StoreError(f"{len(self._pending)} events were not written at the end: {why}")
        self._fail("the journal is closed")
        return problem


@asynccontextmanager
async def open_journal(
    *,
    env: Env,
    path: Path,
    set_aside: bool = False,
    while_locked: AbstractContextManager[None] | None = None,
) -> AsyncIterator[Journal]:
    """Lock the state directory, open and check the journal, and run its writer while the context is open.

    Errors of the body come out as they are, not in a group. Leaving writes what waits, within
    CLOSE_BUDGET_S and even when cancelled.

    Args:
        env: the outside world.
        path: the journal's file; its directory holds the lock.
        set_aside: begin anew, keeping an earlier file as `<name>.previous`: for an exchange that forgets as well.
        while_locked: entered as soon as the lock is held and left right before it is free again.

    Raises:
        AlreadyRunning: another daemon holds the lock.
        StoreError: the file is not ours, too new, damaged or not writable, or the last commit failed.
    """
    with hold_lock(path.parent / LOCK_FILE), while_locked or nullcontext():
        new_id = env.new_id()
        database = await env.run_blocking(_open, path, new_id, set_aside)
        journal = Journal(
            env=env, database=database, run_word=new_id[-RUN_WORD_CHARACTERS:].lower()
        )
        body_error: Exception | None = None
        problem: StoreError | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.write_for_ever)
                try:
                    yield journal
                except Exception as exc:  # noqa: BLE001 - raised again below, outside the nursery's group
                    body_error = exc
                nursery.cancel_scope.cancel()
        finally:
            already_failed = journal.failed is not None
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                await journal.commit_pending()
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                problem = await journal.close()
            # Who used a journal that failed earlier was told so then; only a new loss is an error here.
            if problem is not None and body_error is None and not already_failed:
                raise problem
        if body_error is not None:
            if problem is not None:
                body_error.add_note(str(problem))
            raise body_error


def _open(path: Path, new_instance_id: str, set_aside: bool) -> Database:
    if set_aside:
        move_away(path)
        move_away(archive_path(path))
    return open_database(path, new_instance_id=new_instance_id)
