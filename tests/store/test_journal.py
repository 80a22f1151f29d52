"""The journal keeps its word: durable means on the disk, and a failure is never hidden."""

import shutil
import subprocess
import sys

import apsw
import pytest
import trio

from traderd.errors import AlreadyRunning, InvariantViolation, StoreError
from traderd.model.events import BookRestored, OrderSent, TradingPaused
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.units import Timestamp
from traderd.runtime.env import RealEnv
from traderd.store import journal as journal_module
from traderd.store.journal import open_journal


def sent(number: int) -> OrderSent:
    return OrderSent(at=Timestamp(number), client_order_id=ClientOrderId(f"0a1b2c3d-1-{number:x}"))


def numbers(journal) -> list[int]:
    return [event.at for event in journal.replay()]


def fill_the_disk(journal) -> None:
    connection = journal._database._connection
    connection.pragma("max_page_count", connection.pragma("page_count"))


def a_big_event() -> TradingPaused:
    return TradingPaused(at=Timestamp(1), reason="x" * 100_000)


async def test_what_was_appended_is_replayed_in_order_after_a_restart(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        for first in range(1, 4_000, 400):
            last = journal.append([sent(n) for n in range(first, first + 400)])
            await journal.wait_durable(last)
        assert last == 4_000
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == list(range(1, 4_001))
        assert journal.append([sent(5_000)]) == 4_001
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal)[-1] == 5_000


async def test_each_open_raises_the_generation_and_keeps_the_instance(autojump_clock, env, path):
    seen = []
    for _ in range(3):
        async with open_journal(env=env, path=path) as journal:
            seen.append((journal.instance_id, journal.generation))
    assert seen == [("abcdef01", 1), ("abcdef01", 2), ("abcdef01", 3)]


async def test_everything_that_waits_goes_to_the_disk_in_one_commit(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        positions = [journal.append([sent(n)]) for n in range(1, 201)]
        assert positions == list(range(1, 201))
        assert journal.statistics().pending == 200
        async with trio.open_nursery() as nursery:
            for position in positions:
                nursery.start_soon(journal.wait_durable, position)
        assert journal.statistics().commits == 1
        assert (journal.statistics().pending, journal.statistics().rows) == (0, 200)


async def test_what_comes_during_a_commit_shares_the_next_one(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        env.blocking_s = 0.010
        journal.append([sent(1)])
        await trio.sleep(0.005)
        for number in range(2, 50):
            journal.append([sent(number)])
        await journal.wait_durable(1)
        assert journal.statistics().rows == 1
        await journal.wait_durable(49)
        assert journal.statistics().commits == 2
        assert journal.statistics().last_commit_ms == pytest.approx(10)


async def test_a_wait_ends_when_its_row_is_on_the_disk_and_not_before(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        env.blocking_s = 2.0
        position = journal.append([sent(1)])
        with trio.move_on_after(1.9) as too_early:
            await journal.wait_durable(position)
        assert too_early.cancelled_caught
        await journal.wait_durable(position)
        reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        assert reader.execute("SELECT count(*) FROM journal").fetchall() == [(1,)]
        reader.close()


async def test_a_crash_keeps_every_row_that_was_durable(autojump_clock, env, path, tmp_path):
    async with open_journal(env=env, path=path) as journal:
        await journal.wait_durable(journal.append([sent(1), sent(2)]))
        env.blocking_s = 60.0
        journal.append([sent(3)])
        # The files as a power cut would leave them now: row 3 was handed over but is not durable.
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for file in path.parent.glob("journal.sqlite3*"):
            shutil.copy(file, crashed)
        env.blocking_s = 0.0
    async with open_journal(env=env, path=crashed / path.name) as journal:
        assert numbers(journal) == [1, 2]
        assert journal.generation == 2


async def test_leaving_writes_what_waits(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        journal.append([sent(1)])
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == [1]


async def test_leaving_by_cancellation_writes_what_waits(autojump_clock, env, path):
    env.blocking_s = 0.5
    with trio.move_on_after(5) as scope:
        async with open_journal(env=env, path=path) as journal:
            await trio.sleep(3)
            journal.append([sent(1)])
            scope.cancel()
            await trio.sleep_forever()
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == [1]


async def test_an_error_of_the_body_comes_out_bare_and_the_rows_are_kept(autojump_clock, env, path):
    async def use():
        async with open_journal(env=env, path=path) as journal:
            journal.append([sent(1)])
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        await use()
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == [1]


async def test_a_full_disk_fails_the_journal_for_good_and_loses_nothing_earlier(
    autojump_clock, env, path
):
    async with open_journal(env=env, path=path) as journal:
        await journal.wait_durable(journal.append([sent(1)]))
        assert journal.failed is None
        fill_the_disk(journal)
        position = journal.append([a_big_event()])
        with pytest.raises(StoreError, match=r"disk is full.*Make room"):
            await journal.wait_durable(position)
        # Room alone does not bring it back: what the disk did in between is not known.
        journal._database._connection.pragma("max_page_count", 1_000_000)
        with pytest.raises(StoreError, match="disk is full"):
            journal.append([sent(3)])
        # Not even for the row that is safe: who waits wants to send, and that could not be recorded.
        with pytest.raises(StoreError, match="disk is full"):
            await journal.wait_durable(1)
        assert "disk is full" in journal.failed
        assert journal.statistics().rows == 1
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == [1]


async def test_every_waiter_learns_of_the_failure(autojump_clock, env, path):
    refused = []

    async def wait(journal, position):
        try:
            await journal.wait_durable(position)
        except StoreError:
            refused.append(position)

    async with open_journal(env=env, path=path) as journal:
        fill_the_disk(journal)
        first, second = journal.append([a_big_event()]), journal.append([sent(2)])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, journal, first)
            nursery.start_soon(wait, journal, second)
    assert sorted(refused) == [1, 2]


async def lose_a_row_at_the_end(env, path, *, then: Exception | None) -> None:
    async with open_journal(env=env, path=path) as journal:
        fill_the_disk(journal)
        journal.append([a_big_event()])
        if then is not None:
            raise then


async def test_a_loss_at_the_very_end_is_an_error(autojump_clock, env, path):
    with pytest.raises(StoreError, match=r"1 events were not written at the end: .*disk is full"):
        await lose_a_row_at_the_end(env, path, then=None)


async def test_a_loss_at_the_end_does_not_hide_the_bodys_error(autojump_clock, env, path):
    with pytest.raises(KeyError) as caught:
        await lose_a_row_at_the_end(env, path, then=KeyError("body"))
    assert "1 events were not written" in caught.value.__notes__[0]


async def test_a_fact_that_found_no_room_fails_the_journal_and_the_others_are_written(
    autojump_clock, env, path, monkeypatch
):
    monkeypatch.setattr(journal_module, "PENDING_EVENTS_MAX", 10)
    async with open_journal(env=env, path=path) as journal:
        journal.append([sent(n) for n in range(1, 9)])
        with pytest.raises(StoreError, match="8 events wait for the disk"):
            journal.append([sent(9), sent(10), sent(11)])
        # Whoever published the refused fact and now waits for "everything so far" must not be let go.
        with pytest.raises(StoreError, match="8 events wait"):
            await journal.wait_durable(journal.position)
        with pytest.raises(StoreError, match="8 events wait"):
            journal.append([sent(9)])
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == list(range(1, 9))


async def test_a_list_that_is_just_full_is_fine(autojump_clock, env, path, monkeypatch):
    monkeypatch.setattr(journal_module, "PENDING_EVENTS_MAX", 10)
    async with open_journal(env=env, path=path) as journal:
        for first in (1, 11):
            position = journal.append([sent(n) for n in range(first, first + 10)])
            assert journal.position == position == first + 9
            await journal.wait_durable(position)
        assert journal.failed is None


async def test_a_batch_with_a_foreign_event_is_refused_whole(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        foreign = BookRestored(at=Timestamp(1), ticker=MarketTicker("A"))
        with pytest.raises(InvariantViolation, match="BookRestored"):
            journal.append([sent(1), foreign])
        assert journal.statistics().pending == 0
        assert journal.append([]) == 0


async def test_a_second_journal_in_the_same_directory_is_refused(autojump_clock, env, path):
    async with open_journal(env=env, path=path):
        with pytest.raises(AlreadyRunning, match=str(path.parent / "lock")):
            async with open_journal(env=env, path=path):
                pytest.fail("opened twice")
    async with open_journal(env=env, path=path) as journal:
        assert journal.generation == 2


async def test_a_refused_file_gives_the_lock_back(autojump_clock, env, path):
    path.parent.mkdir()
    path.write_bytes(b"not a database, not a database, not a database" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            async with open_journal(env=env, path=path):
                pytest.fail("opened")


async def test_a_position_that_was_never_handed_out_is_a_defect(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        with pytest.raises(InvariantViolation, match="position 1 was never"):
            await journal.wait_durable(1)


async def test_replay_is_for_the_start_only(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        journal.append([sent(1), sent(2)])
    async with open_journal(env=env, path=path) as journal:
        reading = journal.replay()
        assert next(reading).at == 1
        journal.append([sent(3)])
        with pytest.raises(InvariantViolation, match="before its first append"):
            next(reading)


async def test_an_undecodable_row_is_named(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        journal.append([sent(1), sent(2)])
    writer = apsw.Connection(str(path))
    writer.execute("UPDATE journal SET body = CAST('{' AS BLOB) WHERE position = 2")
    writer.close()
    async with open_journal(env=env, path=path) as journal:
        reading = journal.replay()
        assert next(reading).at == 1
        with pytest.raises(StoreError, match=r"row 2 \(order_sent\)"):
            next(reading)


async def test_a_journal_that_was_left_takes_nothing_more(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        position = journal.append([sent(1)])
    with pytest.raises(StoreError, match="closed"):
        journal.append([sent(2)])
    with pytest.raises(StoreError, match="closed"):
        await journal.wait_durable(position)


async def test_a_journal_can_be_set_aside_for_a_new_one(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        first = journal.instance_id
        journal.append([sent(1)])
    for _ in range(2):
        async with open_journal(env=env, path=path, set_aside=True) as journal:
            assert (numbers(journal), journal.generation) == ([], 1)
            assert journal.instance_id != first
            journal.append([sent(2)])
    previous = path.with_name("journal.sqlite3.previous")
    async with open_journal(env=env, path=previous) as journal:
        assert numbers(journal) == [2]


async def test_a_running_daemons_journal_is_not_set_aside(autojump_clock, env, path):
    async with open_journal(env=env, path=path) as journal:
        with pytest.raises(AlreadyRunning):
            async with open_journal(env=env, path=path, set_aside=True):
                pytest.fail("opened twice")
        await journal.wait_durable(journal.append([sent(1)]))
    async with open_journal(env=env, path=path) as journal:
        assert numbers(journal) == [1]


KILLED = """
import os, pathlib, signal, sys, trio
from traderd.model.events import OrderSent
from traderd.runtime.env import RealEnv
from traderd.store.journal import open_journal

async def main():
    async with open_journal(env=RealEnv(), path=pathlib.Path(sys.argv[1])) as journal:
        for number in range(1, 26):
            await journal.wait_durable(journal.append([OrderSent(at=number, client_order_id="a-1-1")]))
        journal.append([OrderSent(at=26, client_order_id="a-1-1")])
        os.kill(os.getpid(), signal.SIGKILL)

trio.run(main)
"""


def test_a_killed_process_leaves_every_durable_row_and_a_free_lock(path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert killed.returncode == -9

    async def read() -> tuple[int, list[int]]:
        async with open_journal(env=RealEnv(), path=path) as journal:
            return journal.generation, numbers(journal)

    generation, kept = trio.run(read)
    assert generation == 2
    assert kept[:25] == list(range(1, 26))
