"""What is written, what a full disk does, and how a start reads the journal back."""

from functools import partial
from pathlib import Path

import apsw
import pytest
import trio

from tests.core.builders import limits
from tests.core.histories import history
from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from tests.store.conftest import InlineEnv
from traderd.app import JOURNAL_FILE
from traderd.config import JournalConfig
from traderd.core.checkpoint import take
from traderd.core.engine import Engine
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, ClearHalt
from traderd.model.orders import BalanceRecord, OrderStatus
from traderd.model.units import Money, Timestamp
from traderd.runtime.bus import Bus
from traderd.services import recorder
from traderd.services.recorder import JOURNAL_HALT, recover, worth_keeping
from traderd.store.archive import archive_path
from traderd.store.compaction import archive_covered, write_checkpoint
from traderd.store.database import Checkpoint
from traderd.store.journal import open_journal

AT = Timestamp(0)
BALANCE = BalanceRecord(balance=Money(1), portfolio_value=Money(0))
READING = ev.AccountSynced(at=AT, started_at=AT, sync_type="update", positions=(), balance=BALANCE)
UPDATE = partial(
    ev.TradingStateUpdated,
    at=AT,
    sync_type="update",
    version=2,
    balance=Money(1),
    portfolio_value=Money(0),
    position_count=0,
    position_count_change=0,
    order_count=0,
    order_count_change=0,
    differences=(),
)


def test_private_facts_are_kept_and_market_data_is_not():
    paused = ev.TradingPaused(at=AT, reason="lunch")
    degraded = ev.DegradedRaised(at=AT, part="a", reason="b")
    assert worth_keeping([degraded, paused, degraded]) == [paused]


def test_a_reading_is_kept_when_it_told_something_new():
    quiet = UPDATE(balance_change=Money(0))
    assert worth_keeping([READING, quiet]) == []
    assert worth_keeping([READING, UPDATE(balance_change=Money(5))]) == [READING]
    initial = UPDATE(balance_change=Money(0), sync_type="initial")
    assert worth_keeping([READING, initial]) == [READING]
    other = ev.Difference(kind="position", subject="T", ours="1", theirs="2")
    assert worth_keeping([READING, UPDATE(balance_change=Money(0), differences=(other,))]) == [
        READING
    ]


async def test_steps_to_and_from_acting_do_not_fill_the_journal(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "1", "0.0100")
        assert "acting" in simulated.states()
        simulated.stop()
        await simulated.ended.wait()
    rows = apsw.Connection(str(tmp_path / JOURNAL_FILE)).execute(
        "SELECT body FROM journal WHERE kind = 'state_changed'"
    )
    steps = [bytes(body).decode() for (body,) in rows]
    assert any("shutdown" in step for step in steps)
    assert not any("acting" in step for step in steps)


async def test_quiet_readings_do_not_fill_the_journal(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        position = simulated.daemon.shared.journal.position
        for _ in range(5):
            await simulated.send(Calibrate())
        assert simulated.daemon.shared.journal.position == position


async def test_a_disk_that_fails_halts_once_and_with_its_own_words(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.env.disk_words = "no space left"
        for ticker in TICKERS[:3]:
            outcome = await simulated.place("bid", "1", "0.0100", ticker=ticker)
            assert not outcome.ok
        halt = simulated.view.conditions.halts[JOURNAL_HALT]
        assert halt.reason == "no order can be made durable: no space left"
        assert simulated.count("HALT journal") == 1
        # The person who clears it without mending the disk still cannot place an order.
        assert (await simulated.send(ClearHalt(halt_id=JOURNAL_HALT))).ok
        outcome = await simulated.place("bid", "1", "0.0100")
        assert outcome.answer is Answer.UNAVAILABLE
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_a_new_journal_is_told_as_such(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert simulated.lines()[1]["event"] == "the journal is new"


async def test_a_restart_tells_what_the_journal_gave_back(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            _, ask = first.touch()
            await first.place("bid", "2", ask)
            kept = await first.place("bid", "1", "0.0100")
            first.hush_feeds()
            at.exchange.faults.lose_next_request("POST", "/portfolio/events")
            lost = await first.place("bid", "1", "0.0100", ticker=TICKERS[1])
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, ready=False) as second:
            (line,) = [line["event"] for line in second.lines() if "gave back" in line["event"]]
            assert line.endswith(
                "2 live orders (1 with an unknown outcome), 1 fills, 1 positions, 0 halts"
            )
            assert second.view.order(kept.key).status is OrderStatus.RESTING
            assert second.view.order(lost.key).status is OrderStatus.UNKNOWN


async def test_an_order_in_flight_at_death_is_unknown_and_trips_no_breaker(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            first.hush_feeds()
            at.exchange.faults.delay_replies(5.0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(first.place, "bid", "1", "0.0100"))
                await trio.sleep(1.0)
                first.kill()
                await first.ended.wait()
                nursery.cancel_scope.cancel()
        async with simulated_daemon(state, at=at, ready=False, risk__breaker_errors=1) as second:
            (order,) = second.view.live_orders()
            assert order.status is OrderStatus.UNKNOWN
            assert order.sentence == "the daemon ended before an answer came"
            assert second.said("(1 with an unknown outcome)")
            assert second.view.conditions.halts == {}
            # Nor is the next error of the exchange one too many.
            assert second.view.conditions.consecutive_errors == 0


# --- a start from a checkpoint --------------------------------------------------------------------

COUNT = 2_600


class Heard:
    """A log that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, words: str) -> None:
        self.said.append(words)

    warning = error = info


async def written(env: InlineEnv, path: Path, *, archived: int = 0) -> list[ev.Event]:
    """Write a journal with a random history, and move its first events to the archive."""
    events = history(5, COUNT)
    async with open_journal(env=env, path=path) as journal:
        await journal.wait_durable(journal.append(events))
        engine = Engine(limits=limits())
        if archived:
            for event in events[:archived]:
                engine.apply(event)
            await write_checkpoint(
                journal,
                take(engine),
                position=archived,
                code=recorder.fold_code(),
                rest=trio.lowlevel.checkpoint,
            )
            await archive_covered(journal, env, rest=trio.lowlevel.checkpoint)
    return events


async def started(
    env: InlineEnv, path: Path, compact_after: int = 0
) -> tuple[Engine, Heard, Checkpoint]:
    """Start on the journal, and return the engine, what was said, and the checkpoint that there is then."""
    engine, heard = Engine(limits=limits()), Heard()
    bus = Bus(fold=engine.apply, record=list, on_incident=print)
    settings = JournalConfig(compact_after_events=compact_after)
    async with open_journal(env=env, path=path) as journal:
        heard.info(await recover(engine, journal, bus, env, heard, settings))
        return engine, heard, journal.checkpoint


def state_of(engine: Engine) -> list[bytes]:
    return list(take(engine))


@pytest.fixture
def env(monkeypatch) -> InlineEnv:
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 0)
    return InlineEnv()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "journal.sqlite3"


async def test_a_start_from_the_checkpoint_finds_what_a_whole_replay_finds(
    autojump_clock, env, path, tmp_path
):
    await written(env, tmp_path / "whole.sqlite3")
    whole, heard, _ = await started(env, tmp_path / "whole.sqlite3")
    assert f"gave back {COUNT} events: " in heard.said[-1]
    await written(env, path, archived=2_000)
    engine, heard, _ = await started(env, path)
    assert state_of(engine) == state_of(whole)
    assert (
        f"gave back {COUNT} events (a checkpoint of the first 2000, and 600 in " in heard.said[-1]
    )


async def test_after_an_upgrade_everything_is_replayed_once_the_archive_included(
    autojump_clock, env, path, monkeypatch
):
    await written(env, path, archived=2_000)
    before, _, _ = await started(env, path)
    monkeypatch.setattr(recorder, "fold_code", lambda: "newer")
    engine, heard, checkpoint = await started(env, path, compact_after=1_000)
    assert state_of(engine) == state_of(before)
    assert heard.said[0].endswith("of another version: everything is replayed once")
    assert (checkpoint.position, checkpoint.code) == (COUNT, "newer")
    engine, heard, _ = await started(env, path, compact_after=1_000)
    assert state_of(engine) == state_of(before)
    assert "(a checkpoint of the first 2600, and 0 in " in heard.said[-1]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE checkpoint SET body = x'5b' WHERE number = 1",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET body = CAST(replace(body, 'fill_count', 'fill_cuont') AS BLOB)",
    ],
)
async def test_a_damaged_checkpoint_costs_time_only(autojump_clock, env, path, damage):
    await written(env, path, archived=2_000)
    before, _, _ = await started(env, path)
    connection = apsw.Connection(str(path))
    connection.execute(damage)
    connection.close()
    engine, heard, _ = await started(env, path)
    assert state_of(engine) == state_of(before)
    assert heard.said[0].startswith("the journal's checkpoint cannot be used (")


async def test_without_its_archive_a_start_is_refused_only_where_it_is_needed(
    autojump_clock, env, path, monkeypatch
):
    await written(env, path, archived=2_000)
    before, _, _ = await started(env, path)
    archive_path(path).unlink()
    engine, _, _ = await started(env, path)
    assert state_of(engine) == state_of(before)
    monkeypatch.setattr(recorder, "fold_code", lambda: "newer")
    with pytest.raises(StoreError, match=r"begins at event 2001.*archive .* is not there: put "):
        await started(env, path)


async def test_a_long_replay_tells_how_far_it_is_and_lets_others_work(
    autojump_clock, env, path, monkeypatch
):
    await written(env, path)
    ticks = 0

    def monotonic() -> float:
        nonlocal ticks
        ticks += 1
        return ticks * 3.0

    monkeypatch.setattr(env, "monotonic", monotonic)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        _, heard, _ = await started(env, path)
        nursery.cancel_scope.cancel()
    assert turns >= COUNT // recorder.EVENTS_A_STEP
    assert heard.said[0] == "replaying the journal: 1,000 of 2,600 events, about 10 s to go"


async def test_a_stop_during_a_long_replay_is_heard_at_once(autojump_clock, env, path):
    await written(env, path)
    with trio.CancelScope() as scope:
        scope.cancel()
        await started(env, path)
    assert scope.cancelled_caught
    engine, _, _ = await started(env, path)
    assert engine.ledger.fill_count > 100
