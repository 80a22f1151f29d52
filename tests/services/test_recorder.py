"""What is written, what a full disk does, and how a start reads the journal back."""

from functools import partial

import apsw
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.app import JOURNAL_FILE
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, ClearHalt
from traderd.model.orders import BalanceRecord, OrderStatus
from traderd.model.units import Money, Timestamp
from traderd.services.recorder import JOURNAL_HALT, worth_keeping

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
