"""The journal stays short: what a start must fold is bounded, and what it need not fold moves to the archive.

Owns: when the journal is compacted, and the second engine that makes the checkpoint. It folds the journal and nothing
else, as a start does, so what a checkpoint holds is what a replay would make. It works in steps of about a
millisecond with rests between them: the daemon's own work comes first.
Must not: touch the live state.
"""

from __future__ import annotations

from typing import Final

import trio

from traderd.config import Config
from traderd.core.checkpoint import take
from traderd.core.engine import Engine
from traderd.errors import InvariantViolation, StoreError
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context
from traderd.services.recorder import restore
from traderd.store import archive
from traderd.store.compaction import archive_covered, write_checkpoint
from traderd.store.fold_code import fold_code
from traderd.store.history import read_history

LOOK_EVERY_S: Final = 60.0
"""How often it looks whether the journal has grown long: at 100 events a second that is 6,000 more."""
EVENTS_A_STEP: Final = 50
"""Bounds the events that are folded between two rests: about 0.7 ms."""
PAGE_EVENTS: Final = 500
"""Bounds the events that are read at once: about 1 ms in a thread, and as long a wait for the journal's writer."""
REST_S: Final = 0.005
"""How long each rest is: about 85 % of the time is left to others, and 200,000 events take half a minute."""
AFTER_FAILURE_S: Final = 3_600.0
"""How long to wait after a disk refused: a person has to make room, and a day's events fit in the journal."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the compaction, unless it is turned off."""
    if config.journal.compact_after_events == 0:
        return []
    return [Service(name="journal_compaction", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Compact whenever it is due, until cancelled.  Cancelling at any point loses nothing."""
    task_status.started()
    while True:
        wait_s = LOOK_EVERY_S
        try:
            await compact_when_due(context)
        except (StoreError, InvariantViolation) as exc:
            # A row that cannot be folded is told at the next start as well, and stops that.
            context.log.error(f"the journal was not compacted: {exc}")
            wait_s = AFTER_FAILURE_S
        await trio.sleep(wait_s)


async def compact_when_due(context: Context) -> None:
    """Make a checkpoint when many events came since the last one, and move what one covers to the archive.

    Raises:
        StoreError: a file could not be read or written; says what is left undone and the cure.
    """
    journal, env = context.shared.journal, context.env
    limit = context.config.journal.compact_after_events
    usable = journal.checkpoint.position if journal.checkpoint.code == fold_code() else 0
    is_long = journal.durable_position - usable > limit
    # A start that replayed much wrote a checkpoint, and a run may have died half way through a move.
    if not is_long and usable - journal.first_position < archive.KEPT_AT_HAND:
        return
    begun, kept = env.monotonic(), journal.events_kept
    size: int | None = None
    if is_long:
        size = await make_checkpoint(context)
    moved = await archive_covered(journal, env, rest=rest)
    made = "" if size is None else f"; the checkpoint has {size / 1e6:.1f} MB"
    context.log.info(
        f"journal compacted: {kept:,} -> {journal.events_kept:,} events to keep at hand, {moved:,} archived"
        f"{made}; took {env.monotonic() - begun:.1f} s"
    )


async def make_checkpoint(context: Context) -> int:
    """Fold everything that is on the disk now into an engine of its own and write it down; returns the bytes.

    Raises:
        StoreError: a file could not be read or written; the old checkpoint is as it was.
    """
    journal = context.shared.journal
    up_to = journal.durable_position
    engine = Engine(limits=context.view.limits)
    at = await restore(engine, journal, context.log, rest)
    while at < up_to:
        rows = await journal.in_turn(read_history, at, up_to, PAGE_EVENTS)
        for start in range(0, len(rows), EVENTS_A_STEP):
            for row in rows[start : start + EVENTS_A_STEP]:
                engine.apply(journal.decoded(row))
            await rest()
        at = rows[-1][0]
    return await write_checkpoint(
        journal, take(engine), position=up_to, code=fold_code(), rest=rest
    )


async def rest() -> None:
    """Let others work.  Cancelling is safe."""
    await trio.sleep(REST_S)
