"""Compaction: no event is lost at any moment of it, and nobody waits for it."""

from contextlib import suppress
from pathlib import Path
from random import Random

import apsw
import pytest
import trio

from tests.simulation.power_cut import power_cut_disk, without_shared_memory
from tests.store.conftest import InlineEnv
from traderd.errors import StoreError
from traderd.model.events import OrderSent
from traderd.model.ids import ClientOrderId
from traderd.model.units import Timestamp
from traderd.store import compaction
from traderd.store.archive import archive_path, open_archive
from traderd.store.checkpoint_table import read_row
from traderd.store.compaction import archive_covered, write_checkpoint
from traderd.store.journal import Journal, open_journal

LINES = 45
CUTS_A_PART = 10


def sent(number: int) -> OrderSent:
    return OrderSent(at=Timestamp(number), client_order_id=ClientOrderId(f"0a1b2c3d-1-{number:x}"))


def list_lines(database):
    """Everything that the checkpoint holds."""
    rows = range(1, database.checkpoint.rows + 1)
    return [line for number in rows for line in read_row(database, number)]


def lines_of(position: int) -> list[bytes]:
    """What a checkpoint at this position holds."""
    return [b'["state at",%d,%d]' % (position, number) for number in range(LINES)]


async def append(journal: Journal, count: int) -> None:
    start = journal.position
    last = journal.append([sent(start + number) for number in range(1, count + 1)])
    await journal.wait_durable(last)


async def compact(journal: Journal, env: InlineEnv, rest=trio.lowlevel.checkpoint) -> int:
    position = journal.durable_position
    await write_checkpoint(journal, lines_of(position), position=position, code="c", rest=rest)
    return await archive_covered(journal, env, rest=rest)


def is_whole(journal: Journal, count: int) -> None:
    """Every event is there once and in order, and the checkpoint is one of one moment."""
    assert [event.at for event in journal.replay()] == list(range(1, count + 1))
    kept = journal.checkpoint
    found = list_lines(journal._database)
    assert found == (lines_of(kept.position) if kept.rows else [])
    assert journal.first_position <= kept.position + 1


@pytest.fixture(autouse=True)
def short_steps(monkeypatch):
    monkeypatch.setattr(compaction, "ROW_BYTES", 400)
    monkeypatch.setattr(compaction, "LET_GO_AT_ONCE", 20)
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 0)
    monkeypatch.setattr("traderd.store.archive.MOVED_AT_ONCE", 25)


async def test_the_journal_gets_short_and_the_archive_has_the_rest(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 100)
        assert await compact(journal, env) == 100
        assert (journal.first_position, journal.events_kept) == (101, 0)
        await append(journal, 5)
        assert journal.statistics().rows == 105
    rows = apsw.Connection(str(path)).execute("SELECT position FROM journal").fetchall()
    assert rows == [(n,) for n in range(101, 106)]
    with open_archive(archive_path(path), journal.instance_id) as archive:
        assert (archive.first, archive.last) == (1, 100)
    async with open_journal(env=env, path=path) as journal:
        assert [event.at for event in journal.replay(after=100)] == list(range(101, 106))
        is_whole(journal, 105)


async def test_positions_go_on_when_the_journal_was_emptied(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 20)
        await compact(journal, env)
    async with open_journal(env=env, path=path) as journal:
        is_whole(journal, 20)
        assert journal.append([sent(21)]) == 21
    async with open_journal(env=env, path=path) as journal:
        is_whole(journal, 21)


async def test_file_size_is_bounded_over_many_compactions(autojump_clock, env, path):
    sizes = []
    async with open_journal(env=env, path=path) as journal:
        for _ in range(8):
            await append(journal, 300)
            await compact(journal, env)
            sizes.append(journal._database.connection.pragma("page_count"))
    assert max(sizes[1:]) <= sizes[0] * 1.2


async def test_whatever_moment_it_is_cancelled_at_nothing_is_lost(autojump_clock, env, tmp_path):
    """The loop ends when a compaction ran to its end before its moment came."""
    moment, cancelled = 0, True
    while cancelled:
        moment += 1
        path = tmp_path / f"{moment}" / "journal.sqlite3"
        async with open_journal(env=env, path=path) as journal:
            await append(journal, 30)
            await compact(journal, env)
            await append(journal, 30)
            steps = 0
            with trio.CancelScope() as scope:

                async def rest(scope=scope, moment=moment):
                    nonlocal steps
                    steps += 1
                    if steps == moment:
                        scope.cancel()
                    await trio.lowlevel.checkpoint()

                # Every turn on the file is a moment as well.
                in_turn = Journal.in_turn

                async def counted(self, step, *args, rest=rest, in_turn=in_turn):
                    await rest()
                    return await in_turn(self, step, *args)

                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(Journal, "in_turn", counted)
                    await compact(journal, env, rest)
            cancelled = scope.cancelled_caught
        async with open_journal(env=env, path=path) as journal:
            is_whole(journal, 60)
            await append(journal, 1)
            await compact(journal, env)
        async with open_journal(env=env, path=path) as journal:
            is_whole(journal, 61)
            assert journal.events_kept == 0
    assert moment > 10


async def test_events_that_are_written_meanwhile_are_not_chased(
    autojump_clock, env, path, monkeypatch
):
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 50)
    steps: list[int] = []
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 100)
        await write_checkpoint(
            journal, lines_of(100), position=100, code="code", rest=trio.lowlevel.checkpoint
        )

        async def write_one_more() -> None:
            steps.append(journal.append([sent(len(steps) + 1_000)]))
            await journal.wait_durable(steps[-1])

        # Of 100 events 50 are to be moved; the writer makes one more of them old with every step.
        moved = await archive_covered(journal, env, rest=write_one_more)
        # Twice 25 to the archive and three times 20 out of the journal; chased it would be fifty steps.
        assert len(steps) <= 6
        assert 50 <= moved <= 50 + len(steps)


async def test_one_of_the_same_position_is_never_half_replaced(autojump_clock, env, path):
    """After an upgrade nothing new may have come since; its rows would be those of two versions."""
    moment, cancelled = 0, True
    while cancelled:
        moment += 1
        file = path.parent / f"{moment}" / "journal.sqlite3"
        async with open_journal(env=env, path=file) as journal:
            await append(journal, 30)
            old = [b"an earlier version's, row %d" % number for number in range(LINES)]
            rest = trio.lowlevel.checkpoint
            await write_checkpoint(journal, old, position=30, code="old", rest=rest)
            with trio.CancelScope() as scope:

                def lines(scope=scope, moment=moment):
                    for number, line in enumerate(lines_of(30), start=1):
                        if number == moment:
                            scope.cancel()
                        yield line

                await write_checkpoint(journal, lines(), position=30, code="new", rest=rest)
            cancelled = scope.cancelled_caught
        async with open_journal(env=env, path=file) as journal:
            found, code = list_lines(journal._database), journal.checkpoint.code
            assert (code, found) in [("old", old), ("", []), ("new", lines_of(30))]
            await write_checkpoint(journal, lines_of(30), position=30, code="new", rest=rest)
            assert list_lines(journal._database) == lines_of(30)
    assert moment > LINES // 2


async def test_an_intent_waits_for_one_short_step_at_most(autojump_clock, env, path):
    env.blocking_s = 0.010
    slowest = 0.0
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 200)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(compact, journal, env)
            for _ in range(50):
                begun = trio.current_time()
                await append(journal, 1)
                slowest = max(slowest, trio.current_time() - begun)
            nursery.cancel_scope.cancel()
    # Its own commit, and the step that was under way.
    assert slowest <= 0.0201


async def test_a_full_disk_stops_the_compaction_and_not_the_journal(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 50)
        await compact(journal, env)
        await append(journal, 50)
        connection = journal._database.connection
        connection.pragma("max_page_count", connection.pragma("page_count"))
        with pytest.raises(StoreError, match="Nothing is lost"):
            await write_checkpoint(
                journal,
                [b'"%s"' % (b"x" * 1_000)] * 1_000,
                position=100,
                code="c",
                rest=trio.lowlevel.checkpoint,
            )
        assert journal.failed is None
        await append(journal, 1)
    async with open_journal(env=env, path=path) as journal:
        is_whole(journal, 101)


async def test_a_closed_journal_gives_no_turn(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        pass
    with pytest.raises(StoreError, match="closed"):
        await journal.in_turn(read_row, 1)


# --- power cuts -----------------------------------------------------------------------------------


async def work_until_the_cut(path: Path, rng: Random) -> tuple[int, int]:
    """Append and compact at the same time; returns how many events were acknowledged, and how many asked for."""
    env = InlineEnv()
    acknowledged = asked = 0
    async with open_journal(env=env, path=path) as journal:
        acknowledged = asked = journal.position

        async def compact_again_and_again() -> None:
            while True:
                await compact(journal, env)

        async with trio.open_nursery() as nursery:

            async def guarded() -> None:
                with suppress(StoreError):
                    await compact_again_and_again()

            nursery.start_soon(guarded)
            with suppress(StoreError):
                while True:
                    count = rng.choice((1, 2, 60))
                    asked += count
                    await append(journal, count)
                    acknowledged = asked
            nursery.cancel_scope.cancel()
    return acknowledged, asked


def cut_once(path: Path, rng: Random) -> tuple[int, int, int]:
    acknowledged = asked = 0

    async def work() -> None:
        nonlocal acknowledged, asked
        with suppress(StoreError, apsw.IOError):
            acknowledged, asked = await work_until_the_cut(path, rng)

    with power_cut_disk() as disk:
        disk.writes_left = rng.randint(20, 500)
        trio.run(work)
        lost = disk.cut(rng)
    for one in (path, archive_path(path)):
        without_shared_memory(one)
    return acknowledged, asked, lost


async def look(path: Path, acknowledged: int, asked: int, seed: int) -> int:
    async with open_journal(env=InlineEnv(), path=path) as journal:
        count = journal.durable_position
        assert acknowledged <= count <= max(asked, acknowledged), f"seed {seed}"
        is_whole(journal, count)
        return journal.first_position


@pytest.mark.parametrize("part", range(4))
def test_no_event_and_no_checkpoint_is_lost_over_power_cuts(tmp_path, part):
    """Three cuts in a row of each pair of files, at random writes of journal and archive."""
    lost = compacted = 0
    for number in range(CUTS_A_PART):
        seed = part * CUTS_A_PART + number
        rng, path = Random(seed), tmp_path / f"{seed}" / "journal.sqlite3"
        known = 0
        for _ in range(3):
            acknowledged, asked, sectors = cut_once(path, rng)
            # A cut while the file is opened acknowledges nothing.
            known, asked = max(known, acknowledged), max(known, asked)
            first = trio.run(look, path, known, asked, seed)
            lost, compacted = lost + sectors, compacted + (first > 1)
    assert lost > CUTS_A_PART
    assert compacted > CUTS_A_PART


async def test_an_exchange_that_forgets_gets_a_new_archive_as_well(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        await append(journal, 30)
        await compact(journal, env)
    async with open_journal(env=env, path=path, set_aside=True) as journal:
        assert (journal.position, journal.checkpoint.position) == (0, 0)
        await append(journal, 20)
        await compact(journal, env)
        is_whole_now = journal.first_position
    assert is_whole_now == 21
    previous = path.with_name(f"{path.name}.previous")
    async with open_journal(env=env, path=previous) as journal:
        is_whole(journal, 30)
