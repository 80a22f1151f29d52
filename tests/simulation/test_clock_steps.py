"""Somebody sets the machine's clock while money is on its way: nothing is lost, and nothing is called absent.

T2: no clock of ours decides what the exchange has.
"""

import pytest
import trio

from tests.simulation.harness import (
    TICKERS,
    SimulatedDaemon,
    fresh,
    simulated_daemon,
    simulated_exchange,
)
from traderd.core.balance_proof import Proof
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer, Calibrate
from traderd.model.events import BookGrade, FeedName
from traderd.model.orders import OrderStatus, TimeInForce
from traderd.model.units import NS_PER_S
from traderd.paper.faults.faults import ORDERS
from traderd.services.book_repair import LOOK_S
from traderd.services.market_data import STAGE

SETTLE_S = 100.0
"""Long enough for the offset of the clocks to be learned anew."""
FORTH_AND_BACK = [(0, 1, 0), (1, 0, -1), (0, -1, 1), (-1, 1, -1)]
"""Where the clock stands at the start, while the order leaves, and while it is searched for, in hours."""


async def set_clock(simulated: SimulatedDaemon, hours: float, *, wait_s: float = SETTLE_S) -> None:
    simulated.env.wall_step_ns = round(hours * 3_600 * NS_PER_S)
    await trio.sleep(wait_s)


def theirs(simulated: SimulatedDaemon) -> list[int]:
    return [p.count for p in simulated.exchange.venue.positions(simulated.account_id)]


@pytest.mark.parametrize(("before", "leaving", "searching"), FORTH_AND_BACK)
@pytest.mark.parametrize("taker", [False, True], ids=["resting", "executed"])
async def test_an_unknown_order_is_found_wherever_the_clock_is_set_meanwhile(
    tmp_path, autojump_clock, before, leaving, searching, taker
):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "s"), at=at) as simulated,
    ):
        await set_clock(simulated, before, wait_s=31.0)
        await set_clock(simulated, leaving)
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        price, how = "0.0100", {}
        if taker:
            price, how = simulated.touch()[1], {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}
        outcome = await simulated.place("bid", "5", price, **how)
        assert outcome.answer is Answer.UNKNOWN
        order = simulated.view.order(outcome.key)
        await set_clock(simulated, searching, wait_s=0.0)
        await simulated.wait_until(lambda: order.status is not OrderStatus.UNKNOWN, within_s=40.0)
        assert order.status is (OrderStatus.EXECUTED if taker else OrderStatus.RESTING)
        await trio.sleep(60.0)
        position = simulated.view.position(TICKERS[0])
        assert [position.count if position else 0] == (theirs(simulated) or [0])
        assert dict(simulated.view.conditions.halts) == {}


async def test_an_order_of_a_run_whose_clock_was_wrong_is_not_called_absent(
    tmp_path, autojump_clock
):
    """The intent is stamped an hour ahead; the next run, with the right clock, must find it nonetheless."""
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "s")
        async with simulated_daemon(state, at=at) as simulated:
            await set_clock(simulated, 1)
            simulated.exchange.faults.delay_requests(5.0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(simulated.place, "bid", "5", "0.0100")
                await trio.sleep(2.0)
                simulated.kill()
                nursery.cancel_scope.cancel()
        at.exchange.faults.clear()
        await trio.sleep(10.0)
        async with simulated_daemon(state, at=at) as simulated:
            (order,) = simulated.view.own_live_orders()
            assert order.created_at > at.exchange.now() + 3_000 * NS_PER_S
            await simulated.wait_until(lambda: order.status is OrderStatus.RESTING, within_s=40.0)


async def test_the_end_of_an_order_is_noticed_although_its_last_news_seems_to_be_of_the_future(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "s")
        async with simulated_daemon(state, at=at) as simulated:
            await set_clock(simulated, 1)
            key = (await simulated.place("bid", "5", "0.0100")).key
            await trio.sleep(1.0)
            simulated.kill()
        async with simulated_daemon(state, at=at) as simulated:
            await trio.sleep(31.0)
            order = simulated.view.order(key)
            assert order.updated_at > at.exchange.now() + 3_000 * NS_PER_S
            simulated.hush_feeds()
            at.exchange.venue.cancel_order(simulated.account_id, order.order_id, at.exchange.now())
            assert (await simulated.send(Calibrate())).answer is Answer.DONE
            assert order.status is OrderStatus.CANCELED


@pytest.mark.parametrize("hours", [(1, 0), (-1, 0), (2, -1), (0, -1)])
async def test_a_fill_that_only_a_reading_tells_is_booked_after_every_step(
    tmp_path, autojump_clock, hours
):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "s"), at=at) as simulated,
    ):
        await trio.sleep(31.0)
        for one in hours:
            await set_clock(simulated, one)
        read_from = simulated.view.account.fills_read_from
        assert abs(read_from - simulated.exchange.now()) < 40 * NS_PER_S
        simulated.hush_feeds()
        bid, _ = simulated.touch()
        await simulated.place("bid", "5", bid)
        simulated.trade_through("ask", bid)
        await trio.sleep(35.0)
        assert simulated.view.position(TICKERS[0]).count == theirs(simulated)[0] == 500
        assert dict(simulated.view.conditions.halts) == {}


@pytest.mark.parametrize("hours", [0, -1, 1])
async def test_a_mismatch_is_seen_however_wrong_the_clock_is(
    tmp_path, autojump_clock, monkeypatch, hours
):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "s"), at=at) as simulated,
    ):
        await set_clock(simulated, hours)
        bid, ask = simulated.touch()
        await simulated.place("bid", "5", ask)
        await trio.sleep(20.0)
        simulated.hush_feeds()

        async def nothing(**_: object) -> RowReading[object]:
            return RowReading(rows=())

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, "read_fills", nothing)
        await simulated.place("bid", "5", bid)
        simulated.trade_through("ask", bid)
        await trio.sleep(90.0)
        assert list(simulated.view.conditions.halts) == [f"position:{TICKERS[0]}"]
        assert simulated.view.account.proof.status is Proof.UNEXPLAINED


@pytest.mark.parametrize("hours", [0, -1, 1])
async def test_leases_end_when_the_account_cannot_be_read_whatever_the_clock_says(
    tmp_path, autojump_clock, hours
):
    """I20: an age that seems to be below 0 is not fresh."""
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "s"), at=at) as simulated,
    ):
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        order = simulated.view.order(placed.key)
        await trio.sleep(31.0)
        simulated.exchange.faults.refuse_requests("/portfolio/positions", 500)
        await set_clock(simulated, hours, wait_s=400.0)
        found = simulated.exchange.venue.order(simulated.account_id, order.order_id)
        assert not found.status.is_live


async def test_a_step_is_told_once_and_stamps_never_go_back(tmp_path, autojump_clock):
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(fresh(tmp_path / "s"), at=at) as simulated,
    ):
        shared = simulated.daemon.shared
        before = shared.env.wall_ns()
        await set_clock(simulated, -1)
        assert shared.env.wall_ns() - before == round(SETTLE_S * NS_PER_S)
        assert simulated.count("clock was set back by 3600.0 s") == 1
        # The exchange's clock is as near as before: nothing that is signed is refused meanwhile.
        assert abs(shared.venue.rest.clock_offset_ms) < 1_000


@pytest.mark.parametrize(("slept_s", "looks"), [(2, 26), (600, 0)])
async def test_books_from_before_the_machine_slept_are_not_taken_for_new(
    tmp_path, autojump_clock, slept_s, looks
):
    async with simulated_daemon(tmp_path) as simulated:
        shared, feed = simulated.daemon.shared, simulated.view.feed(FeedName.MARKET_DATA)
        book, now = simulated.view.book(TICKERS[0]), shared.env.wall_ns
        await trio.sleep(35.0)

        async def hear_nothing(max_bytes: int | None = None) -> bytes:
            await trio.sleep_forever()
            raise AssertionError

        # The peer gave us up meanwhile: nothing comes after what the read that is under way brings.
        stream = shared.extras[STAGE].lines[0].feed._line._tap._inner
        stream.receive_some = hear_nothing
        await trio.sleep(12.0)
        assert simulated.view.quality(TICKERS[0], now()).grade is BookGrade.A
        simulated.exchange.faults.refuse_websockets(503)
        simulated.env.wall_step_ns += slept_s * NS_PER_S
        grades = []
        for _ in range(50):
            grades.append(simulated.view.quality(TICKERS[0], now()).grade)
            await trio.sleep(LOOK_S / 25)
        # A long silence counts at once; that there was a short one is found at the next look.
        assert set(grades[looks:]) == {BookGrade.F}
        assert feed.losses == 1
        assert not book.usable
        assert simulated.said("the machine slept, or its clock was set forward")
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: book.usable, within_s=10.0)
        assert (feed.losses, feed.connection) == (1, 2)
