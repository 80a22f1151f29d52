"""A daemon that runs for long keeps its journal short, and a restart finds everything."""

import apsw
import pytest
import trio

from tests.simulation.harness import fresh, simulated_daemon, simulated_exchange
from traderd.app import JOURNAL_FILE
from traderd.config import Config, JournalConfig
from traderd.model.commands import Calibrate
from traderd.services import journal_compaction
from traderd.services.journal_compaction import traderd_services
from traderd.store.archive import archive_path

AFTER = {"journal__compact_after_events": 10}


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch):
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 0)


async def trade(simulated, count: int) -> list[str]:
    keys = []
    for _ in range(count):
        outcome = await simulated.place("bid", "1", "0.0100")
        await simulated.cancel(outcome.key)
        keys.append(outcome.key)
    return keys


def told(simulated) -> list[str]:
    return [line["event"] for line in simulated.lines() if "journal compacted" in line["event"]]


async def test_it_compacts_while_the_daemon_trades_and_a_restart_finds_all(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, **AFTER) as first:
            _, ask = first.touch()
            bought = await first.place("bid", "2", ask)
            keys = await trade(first, 4)
            await first.wait_until(lambda: told(first), within_s=300)
            keys += await trade(first, 2)
            journal, ledger = first.daemon.shared.journal, first.view.ledger
            money = ledger.cash, ledger.realized_pnl, ledger.fees_paid, ledger.fill_count
            assert journal.events_kept < journal.position
            first.kill()
            await first.ended.wait()
        assert "events to keep at hand" in told(first)[0]
        async with simulated_daemon(state, at=at, **AFTER) as second:
            (line,) = [x["event"] for x in second.lines() if "gave back" in x["event"]]
            assert "(a checkpoint of the first " in line
            ledger = second.view.ledger
            assert (ledger.cash, ledger.realized_pnl, ledger.fees_paid, ledger.fill_count) == money
            for key in (*keys, bought.key):
                assert not second.view.order(key).status.is_live
            outcome = await second.send(Calibrate())
            assert outcome.ok
            assert second.view.conditions.halts == {}


async def test_both_files_together_have_every_event_once(tmp_path, autojump_clock):
    state = fresh(tmp_path / "state")
    async with simulated_daemon(state, **AFTER) as simulated:
        await trade(simulated, 4)
        await simulated.wait_until(lambda: told(simulated), within_s=300)
        await trade(simulated, 1)
        simulated.stop()
        await simulated.ended.wait()
    path = state / JOURNAL_FILE
    found = [
        position
        for one in (archive_path(path), path)
        for (position,) in apsw.Connection(str(one)).execute(
            "SELECT position FROM journal ORDER BY position"
        )
    ]
    assert found == list(range(1, found[-1] + 1))
    assert len(found) > 20


async def test_a_disk_that_refuses_the_archive_is_told_and_stops_no_order(tmp_path, autojump_clock):
    state = fresh(tmp_path / "state")
    archive_path(state / JOURNAL_FILE).mkdir(parents=True)
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(state, at=at, **AFTER) as simulated,
    ):
        await trade(simulated, 4)
        await simulated.wait_until(
            lambda: simulated.said("the journal was not compacted: the archive"), within_s=300
        )
        assert (await simulated.place("bid", "1", "0.0100")).ok
        assert simulated.view.conditions.halts == {}
        journal = simulated.daemon.shared.journal
        assert journal.events_kept == journal.durable_position


async def test_a_short_journal_is_left_alone(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await trade(simulated, 3)
        await trio.sleep(journal_compaction.LOOK_EVERY_S * 3)
        assert told(simulated) == []
    assert not archive_path(tmp_path / JOURNAL_FILE).exists()


def test_0_turns_it_off():
    assert traderd_services(Config(journal=JournalConfig(compact_after_events=0))) == []
    assert [one.name for one in traderd_services(Config())] == ["journal_compaction"]


async def test_a_start_that_replays_much_writes_the_checkpoint_and_the_move_follows(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, journal__compact_after_events=0) as first:
            await trade(first, 4)
            first.stop()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, **AFTER) as second:
            journal = second.daemon.shared.journal
            assert journal.checkpoint.position > 20
            await second.wait_until(lambda: told(second), within_s=300)
            assert journal.first_position > journal.checkpoint.position
