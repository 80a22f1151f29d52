"""Keeping an exchange's state: what changed goes to the disk in group commits, in order.

Owns: the rows that wait for the disk, their tickets, and the one writer task. Whoever must not speak before the disk
has it waits for a ticket.
Must not: drop a row, try a failed disk again, or decide what changed or what a record is good for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import trio

from traderd.errors import StoreError
from traderd.paper.state.file import StateFile, open_state
from traderd.paper.state.rows import KIND_WORDS, Row, thing_of
from traderd.paper.venue.floor import TRADES_KEPT
from traderd.runtime.env import Env
from traderd.store.lock import hold_lock

Past: TypeAlias = dict[str, list[Any]]
"""The records of each kind that a state file holds."""
PENDING_ROWS_MAX: Final = 1_000_000
"""Bounds the rows that wait for the disk: about 500 MB, or a scenario of 100,000 markets being written anew."""
CLOSE_BUDGET_S: Final = 10.0
"""Bounds the last commit when the exchange stops."""


@attrs.define(eq=False)
class StateKeeper:
    """The writer of one state file; made by `open_keeper`."""

    file: StateFile
    _env: Env
    on_durable: Callable[[int], None] = lambda ticket: None
    """Told the ticket up to which everything is on the disk, in the task of the writer."""
    commits: int = attrs.field(default=0, init=False)
    _pending: list[Row] = attrs.field(factory=list, init=False)
    _handed: int = attrs.field(default=0, init=False)
    _durable: int = attrs.field(default=0, init=False)
    failed: str | None = attrs.field(default=None, init=False)
    """Why nothing may depend on the file any more; None while all is well."""
    _work: trio.Event = attrs.field(factory=trio.Event, init=False)
    _progress: trio.Event = attrs.field(factory=trio.Event, init=False)

    @property
    def is_durable(self) -> bool:
        """Tell whether everything handed over is on the disk."""
        return self._durable == self._handed

    async def read(self) -> Past | None:
        """Return the records of each kind, first written first; None if nothing was ever written.

        Raises:
            StoreError: the file cannot be read, or holds what this version cannot read.
        """
        return await self._env.run_blocking(_read, self.file)

    def submit(self, rows: Sequence[Row]) -> int:
        """Hand rows over and return their ticket; never blocks.

        Raises:
            StoreError: the disk has failed, or too much waits for it.
        """
        if self.failed is not None:
            raise StoreError(self.failed)
        if len(self._pending) + len(rows) > PENDING_ROWS_MAX:
            raise StoreError(f"too much waits for the disk under {self.file.path}")
        self._pending.extend(rows)
        self._handed += 1
        self._work.set()
        return self._handed

    async def wait_durable(self) -> None:
        """Return when everything handed over so far is on the disk.  Cancelling is safe.

        Raises:
            StoreError: the disk has failed; what was handed over is not on it.
        """
        ticket = self._handed
        while self.failed is None and self._durable < ticket:
            await self._progress.wait()
        if self.failed is not None:
            raise StoreError(self.failed)

    async def write_for_ever(self) -> None:
        """Commit whatever waits, again and again.  Cancelling loses nothing.

        Raises:
            StoreError: the disk failed: an exchange that cannot keep its word must not go on.
        """
        while True:
            await self._work.wait()
            self._work = trio.Event()
            await self.commit_pending()

    async def commit_pending(self) -> None:
        """Commit every row that waits in one transaction; raises StoreError."""
        batch, ticket = tuple(self._pending), self._handed
        if not batch:
            return
        try:
            # A cancelled thread call has either not begun or runs to its end, so the rows leave the list
            # only when they are on the disk.
            await self._env.run_blocking(self.file.write, batch)
        except StoreError as exc:
            self.failed = str(exc)
            self._tell_progress()
            raise
        del self._pending[: len(batch)]
        self.commits += 1
        self._durable = ticket
        self.on_durable(ticket)
        self._tell_progress()

    def _tell_progress(self) -> None:
        self._progress.set()
        self._progress = trio.Event()


def _read(file: StateFile) -> Past | None:
    if file.is_empty:
        return None
    # More trades than a venue keeps: they are only ever added.
    file.keep_newest("trade", TRADES_KEPT)
    return {kind: [thing_of(kind, body) for body in file.read(kind)] for kind in KIND_WORDS}


@asynccontextmanager
async def open_keeper(*, env: Env, path: Path) -> AsyncIterator[StateKeeper]:
    """Lock and open a state file; the caller runs `write_for_ever`.

    Leaving writes what waits, within CLOSE_BUDGET_S and even when cancelled.

    Raises:
        AlreadyRunning: another exchange uses the file.
        StoreError: the file is not ours, too new, damaged or not writable, or the last commit failed.
    """
    with hold_lock(path.with_name(f"{path.name}.lock"), instead="another --state file"):
        file = await env.run_blocking(open_state, path)
        keeper = StateKeeper(file, env)
        try:
            yield keeper
        finally:
            with trio.move_on_after(CLOSE_BUDGET_S, shield=True):
                if keeper.failed is None:
                    await keeper.commit_pending()
                await env.run_blocking(file.close)
