"""Keeping the journal short: a checkpoint of what its events make, and the move of what it covers to the archive.

Owns: the order of the steps, which makes a crash at any point harmless: the checkpoint is valid, then the archive has the
rows, then the journal lets go of them. Each step is short, and between two of them the journal's own commits have their turn.
Must not: fold, or decide when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias

from traderd.runtime.env import Env
from traderd.store.archive import append_rows, archive_path, covered, ends_of, rows_for
from traderd.store.checkpoint_table import add_row, drop_others, make_valid
from traderd.store.database import Checkpoint, Database
from traderd.store.journal import Journal

LINES_A_STEP: Final = 20
"""Bounds the lines that are taken between two rests: about 0.5 ms."""
ROW_BYTES: Final = 200_000
"""When the lines taken so far become one row of the checkpoint: a commit of a few milliseconds."""
LET_GO_AT_ONCE: Final = 500
"""Bounds the rows that one commit removes from the journal: about 2 ms."""

Rest: TypeAlias = Callable[[], Awaitable[None]]
"""Lets others run between two steps."""


async def write_checkpoint(
    journal: Journal, lines: Iterable[bytes], *, position: int, code: str, rest: Rest
) -> int:
    """Write a checkpoint beside the one there is, make it the one, and return its size in bytes.

    Cancelling at any point leaves the old one or the new one whole, or none while one of the same position is replaced,
    which is of other code or could not be read.

    Raises:
        StoreError: it could not be written; what there was is as it is after a cancel.
    """
    if journal.checkpoint.position == position:
        # Its rows have the same names: half replaced they must not pass for whole.
        await journal.in_turn(make_valid, Checkpoint())
    number = size = waiting_bytes = 0
    waiting: list[bytes] = []
    for count, line in enumerate(lines, start=1):
        waiting.append(line)
        waiting_bytes += len(line)
        if waiting_bytes >= ROW_BYTES:
            number, size = number + 1, size + waiting_bytes
            await journal.in_turn(add_row, position, number, waiting)
            waiting, waiting_bytes = [], 0
        if count % LINES_A_STEP == 0:
            await rest()
    if waiting:
        number, size = number + 1, size + waiting_bytes
        await journal.in_turn(add_row, position, number, waiting)
    await journal.in_turn(make_valid, Checkpoint(position=position, rows=number, code=code))
    while await journal.in_turn(drop_others):
        await rest()
    return size


async def archive_covered(journal: Journal, env: Env, *, rest: Rest) -> int:
    """Move the rows that the checkpoint covers to the archive and return how many the journal let go of.

    Cancelling at any point loses nothing: the next call goes on.

    Raises:
        StoreError: the archive cannot be used, or a disk refused; no row is in neither file.
    """
    path, owner = archive_path(journal.path), journal.instance_id
    ends = await env.run_blocking(ends_of, path, owner)
    # As it is now: whoever writes meanwhile would be chased event by event, each with a sync of its own.
    enough = await journal.in_turn(covered)
    while rows := await journal.in_turn(rows_for, ends):
        ends = await env.run_blocking(append_rows, path, owner, rows)
        await rest()
        if ends.newest is not None and ends.newest[0] >= enough:
            break
    before = journal.first_position
    if ends.newest is not None:
        up_to = min(ends.newest[0], await journal.in_turn(covered))
        await journal.in_turn(Database.note_archived, up_to)
    while await journal.in_turn(Database.let_go, LET_GO_AT_ONCE):
        await rest()
    return journal.first_position - before
