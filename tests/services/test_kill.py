"""The kill switch in the daemon: nothing but cancels leaves, and nothing rests."""

import signal

import pytest
import trio

from tests.simulation.harness import (
    TICKERS,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.core.conditions import KILL_HALT
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE
from traderd.model.commands import (
    AmendOrder,
    Answer,
    ClearHalt,
    Kill,
)
from traderd.model.events import Author
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderStatus
from traderd.model.units import parse_price
from traderd.paper.faults.faults import FaultRule
from traderd.paper.faults.plan import FaultKind
from traderd.services import kill
from traderd.store.latch import LATCH_FILE, read_latch


def resting(simulated) -> list:
    orders = simulated.exchange.venue.orders(simulated.account_id)
    return [order for order in orders if order.status is OrderStatus.RESTING]


def place_foreign(simulated, price: str = "0.0100") -> None:
    """Let the account have an order that this daemon did not place."""
    exchange = simulated.exchange
    exchange.venue.create_order(
        simulated.account_id,
        order_terms("bid", "1", price, ticker=TICKERS[1]),
        ClientOrderId("by-hand"),
        exchange.now(),
    )
    exchange.settle()


async def test_a_kill_cancels_ours_and_others_and_verifies_it(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        for _ in range(3):
            assert (await simulated.place("bid", "1", "0.0100")).ok
        place_foreign(simulated)
        outcome = await simulated.send(Kill(reason="odd prices", by="ann"))
        assert outcome.ok
        assert outcome.sentence.startswith(
            "killed: 4 orders were resting, none rests now, verified"
        )
        assert resting(simulated) == []
        halt = simulated.view.conditions.halts[KILL_HALT]
        assert (halt.author, halt.by, halt.reason) == (Author.PERSON, "ann", "odd prices")
        assert read_latch(tmp_path).by == "ann"
        await simulated.wait_until(lambda: simulated.view.own_live_orders() == ())


async def test_with_only_ours_the_orders_of_others_stay(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        place_foreign(simulated)
        outcome = await simulated.send(Kill(reason="x", only_ours=True))
        assert outcome.ok
        assert "1 order of ours was resting, none of ours rests now, 1 of others left" in (
            outcome.sentence
        )
        (left,) = resting(simulated)
        assert left.client_order_id == "by-hand"
        await trio.sleep(5.0)
        assert len(resting(simulated)) == 1


async def test_nothing_that_would_place_or_amend_passes_not_even_a_reduction(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        assert (await simulated.place("bid", "3", ask)).ok
        await simulated.wait_until(lambda: simulated.view.position(TICKERS[0]) is not None)
        await simulated.send(Kill(reason="x"))
        for side, price in (("bid", "0.0100"), ("ask", bid)):
            denied = await simulated.place(side, "1", price)
            assert denied.answer is Answer.DENIED
            assert denied.sentence.startswith("denied by rule kill: the kill switch was pulled")


async def test_an_order_that_waits_for_its_turn_does_not_leave_any_more(tmp_path, autojump_clock):
    """I13: what stands in the token queue when the latch is set never reaches the exchange."""
    async with simulated_daemon(tmp_path, risk__max_open_orders=100) as simulated:
        exchange, outcomes = simulated.exchange, []
        simulated.daemon.shared.venue.rest.throttle.learn_sizes(BASIC_READ, BASIC_WRITE)

        async def place(number: int) -> None:
            outcomes.append(await simulated.place("bid", "1", "0.0100"))

        async with trio.open_nursery() as nursery:
            for number in range(40):
                nursery.start_soon(place, number)
            await simulated.wait_until(lambda: len(exchange.venue.orders(simulated.account_id)) > 3)
            created = len(exchange.venue.orders(simulated.account_id))
            assert created < 20
            await simulated.send(Kill(reason="x"))
        assert len(exchange.venue.orders(simulated.account_id)) - created <= 6, "those on the wire"
        held_back = [outcome for outcome in outcomes if outcome.answer is Answer.UNAVAILABLE]
        assert held_back
        assert all("kill switch" in outcome.sentence for outcome in held_back)
        assert resting(simulated) == []


async def test_it_survives_a_restart_and_only_a_person_ends_it_by_its_id(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        async with simulated_daemon(state, at=at) as simulated:
            await simulated.send(Kill(reason="x"))
            simulated.kill()
            await simulated.ended.wait()
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED
            machine = ClearHalt(halt_id=KILL_HALT, author=Author.MACHINE)
            assert (await simulated.send(machine)).answer is Answer.DENIED
            assert (state / LATCH_FILE).exists()
            assert KILL_HALT in simulated.view.conditions.halts
            assert (await simulated.send(ClearHalt(halt_id=KILL_HALT))).ok
            assert not (state / LATCH_FILE).exists()
            assert (await simulated.place("bid", "1", "0.0100")).ok
        async with simulated_daemon(state, at=at) as simulated:
            assert KILL_HALT not in simulated.view.conditions.halts


async def test_a_file_that_was_made_while_no_daemon_ran_is_honoured_at_the_start(
    tmp_path, autojump_clock
):
    state = tmp_path / "state"
    state.mkdir()
    (state / LATCH_FILE).touch()
    async with simulated_daemon(state) as simulated:
        halt = simulated.view.conditions.killed
        assert halt.reason == "the file kill.latch was found"
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED


@pytest.mark.parametrize("pulled", ["by a file without a daemon", "before a crash"])
async def test_a_sweep_that_nobody_finished_is_finished_by_the_next_start_in_its_whole_scope(
    tmp_path, autojump_clock, pulled
):
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        if pulled == "before a crash":
            async with simulated_daemon(state, at=at) as simulated:
                place_foreign(simulated)
                simulated.exchange.faults.refuse_requests("/portfolio", 503)
                await simulated.send(Kill(reason="x", wait=False))
                simulated.kill()
                await simulated.ended.wait()
                simulated.exchange.faults.clear()
        else:
            state.mkdir()
            (state / LATCH_FILE).touch()
        async with simulated_daemon(state, at=at) as simulated:
            if pulled != "before a crash":
                place_foreign(simulated)
            await simulated.wait_until(lambda: resting(simulated) == [], within_s=5.0)
            await simulated.wait_until(
                lambda: simulated.said("KILL: verified: no order rests at the exchange")
            )
            assert read_latch(state).verified


async def test_once_it_was_verified_a_restart_leaves_what_others_placed_since(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = tmp_path / "state"
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.send(Kill(reason="x"))).ok
            assert read_latch(state).verified
            simulated.kill()
            await simulated.ended.wait()
            place_foreign(simulated)
        async with simulated_daemon(state, at=at) as simulated:
            await simulated.wait_until(
                lambda: simulated.said(
                    "verified: no order of ours rests at the exchange, 1 of others"
                )
            )
            assert len(resting(simulated)) == 1


async def test_an_order_of_unknown_fate_is_named_and_nothing_is_verified_before_it_is_known(
    tmp_path, autojump_clock
):
    """N3: a create that is on its way for 14 s rests after a sweep that believed the list."""
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.set_plan([
            FaultRule(
                kind=FaultKind.SLOW_REQUEST,
                method="POST",
                path="/portfolio/events/orders",
                min_ms=14_000,
                max_ms=14_000,
                times=1,
            )
        ])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.place, "bid", "5", "0.0100")
            await simulated.wait_until(
                lambda: any(
                    order.status is OrderStatus.UNKNOWN for order in simulated.view.live_orders()
                ),
                within_s=12.0,
            )
            (order,) = simulated.view.live_orders()
            at_once = await simulated.send(Kill(reason="x", wait=False))
            assert f"what became of 1 order ({order.key})" in at_once.sentence
            assert [item.key for item in at_once.items] == [order.key]
            outcome = await simulated.send(Kill(reason="x"))
        assert outcome.ok or order.key in outcome.sentence
        assert not (outcome.ok and simulated.view.own_live_orders())
        assert outcome.answer is Answer.UNKNOWN, "the search goes on for longer than a verb waits"
        await simulated.wait_until(lambda: simulated.view.own_live_orders() == (), within_s=120.0)
        assert resting(simulated) == []


@pytest.mark.parametrize("way", ["file", "signal"])
async def test_a_file_and_a_signal_pull_it_too(tmp_path, autojump_clock, way):
    """C12: command, signal, file."""
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        place_foreign(simulated)
        if way == "file":
            (tmp_path / LATCH_FILE).touch()
        else:
            simulated.env.raise_signal(signal.SIGUSR1)
        await simulated.wait_until(lambda: simulated.view.conditions.killed, within_s=1.0)
        await simulated.wait_until(lambda: resting(simulated) == [], within_s=2.0)
        await simulated.wait_until(lambda: simulated.said("KILL: verified"), within_s=2.0)


async def test_a_signal_makes_the_file_so_that_it_holds_without_a_journal(tmp_path, autojump_clock):
    """A daemon that dies right after the signal, and whose journal is lost, starts latched all the same."""
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            simulated.env.raise_signal(signal.SIGUSR1)
            await simulated.wait_until(lambda: (state / LATCH_FILE).exists(), within_s=0.2)
            simulated.kill()
            await simulated.ended.wait()
        found = read_latch(state)
        assert (found.by, found.only_ours, found.verified) == ("signal", False, False)
        for each in state.glob("journal*"):
            each.unlink()
        async with simulated_daemon(state, at=at) as again:
            assert again.view.conditions.killed.by == "signal"
            assert (await again.place("bid", "1", "0.0100")).answer is Answer.DENIED
            assert (await again.send(ClearHalt(halt_id=KILL_HALT))).ok
            assert read_latch(state) is None


async def test_a_halt_of_the_journal_whose_file_was_lost_makes_it_again(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as simulated:
            assert (await simulated.send(Kill(reason="odd prices", by="ann"))).ok
        (state / LATCH_FILE).unlink()
        async with simulated_daemon(state, at=at):
            assert (read_latch(state).by, read_latch(state).reason) == ("ann", "odd prices")


async def test_a_signal_that_a_person_undoes_while_the_disk_writes_leaves_no_file(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        write = kill.KillSwitch._write_file

        async def slow(self, told):
            await trio.sleep(5.0)
            return await write(self, told)

        monkeypatch.setattr(kill.KillSwitch, "_write_file", slow)
        simulated.env.raise_signal(signal.SIGUSR1)
        await simulated.wait_until(lambda: simulated.view.conditions.killed, within_s=1.0)
        assert (await simulated.send(ClearHalt(halt_id=KILL_HALT))).ok
        await trio.sleep(10.0)
        assert read_latch(tmp_path) is None
        assert simulated.view.conditions.killed is None


async def test_it_holds_although_the_disk_is_full_and_says_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        simulated.env.disk_words = "no space left"
        outcome = await simulated.send(Kill(reason="x"))
        assert outcome.ok
        assert "not in the journal" in outcome.sentence
        assert (tmp_path / LATCH_FILE).exists()
        assert resting(simulated) == []


async def test_while_the_exchange_does_not_answer_the_latch_holds_and_the_cancels_go_on(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        simulated.exchange.faults.refuse_requests("/portfolio", 503)
        outcome = await simulated.send(Kill(reason="x"))
        assert outcome.answer is Answer.UNKNOWN
        assert "it is not verified that no order rests" in outcome.sentence
        assert "the daemon goes on cancelling" in outcome.sentence
        assert (await simulated.place("bid", "1", "0.0100")).answer is not Answer.DONE
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: resting(simulated) == [], within_s=10.0)


async def test_without_waiting_it_answers_as_soon_as_the_latch_holds(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        simulated.exchange.faults.delay_requests(5.0)
        before = trio.current_time()
        outcome = await simulated.send(Kill(reason="x", wait=False))
        assert trio.current_time() - before < 1.0
        assert outcome.sentence.startswith(
            "nothing but cancels leaves any more, and the cancels go on"
        )
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: resting(simulated) == [])


async def test_fills_are_recorded_while_it_works(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        assert (await simulated.place("bid", "2", bid, post_only=True)).ok
        simulated.exchange.faults.delay_requests(0.5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.send, Kill(reason="x"))
            await trio.sleep(0.2)
            simulated.trade_through("ask", bid)
        await simulated.wait_until(lambda: simulated.view.position(TICKERS[0]) is not None)
        assert simulated.view.position(TICKERS[0]).count == 200


async def test_an_order_of_unknown_fate_that_turns_up_later_is_cancelled(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.lose_reply_of_next("POST", "/portfolio/events/orders")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.place, "bid", "1", "0.0100")
            await trio.sleep(0.05)
            await simulated.send(Kill(reason="x"))
        await simulated.wait_until(lambda: resting(simulated) == [])
        await trio.sleep(60.0)
        assert resting(simulated) == []
        assert simulated.view.own_live_orders() == ()


async def test_what_is_placed_after_it_was_cleared_is_left_alone(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.refuse_requests("/portfolio/orders", 503)
        await simulated.send(Kill(reason="x", wait=False))
        await simulated.send(ClearHalt(halt_id=KILL_HALT))
        simulated.exchange.faults.clear()
        assert (await simulated.place("bid", "1", "0.0100")).ok
        await trio.sleep(30.0)
        assert len(resting(simulated)) == 1


async def test_amends_and_renewals_do_not_leave(tmp_path, autojump_clock, monkeypatch):
    """I13 and C13: the renewal of a short expiry is an amend, too."""

    async def cancels_nothing(*_, **__) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(kill, "sweep", cancels_nothing)
    async with simulated_daemon(tmp_path, trading__dead_man_s=20) as simulated:
        placed = await simulated.place("bid", "1", "0.0100", strategy=True)
        assert placed.ok
        amends = []
        real = simulated.exchange.venue.amend_order

        def amend(*args, **kwargs):
            amends.append(args)
            return real(*args, **kwargs)

        monkeypatch.setattr(simulated.exchange.venue, "amend_order", amend)
        await simulated.wait_until(lambda: len(amends) == 1)
        simulated.daemon.kill("test")
        outcome = await simulated.send(AmendOrder(key=placed.key, price=parse_price("0.02")))
        assert outcome.answer in {Answer.DENIED, Answer.UNAVAILABLE}
        await simulated.wait_until(lambda: simulated.view.own_live_orders() == ())
        assert len(amends) == 1
        assert simulated.said("was not renewed: the kill switch stands")


async def test_a_second_kill_sweeps_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.send(Kill(reason="x"))).ok
        place_foreign(simulated)
        outcome = await simulated.send(Kill(reason="y"))
        assert "1 order was resting" in outcome.sentence
        assert simulated.view.conditions.killed.reason == "x"


async def test_without_trading_nobody_serves_it(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__enabled=False) as simulated:
        assert (await simulated.send(Kill(reason="x"))).answer is Answer.UNAVAILABLE


async def test_whoever_reads_later_is_told_what_rested_before_the_cancels(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        keys = [(await simulated.place("bid", "1", f"0.0{n}00")).key for n in (1, 2, 3)]
        first = await simulated.send(Kill(reason="x", wait=False))
        assert [item.key for item in first.items] == keys
        assert {item.answer for item in first.items} == {Answer.DONE}
        # Asked again while the first sweep is at work, these are still the orders that are meant.
        await trio.sleep(0.1)
        again = await simulated.send(Kill(reason="x"))
        assert again.sentence.startswith("killed: 3 orders were resting, none rests now")
        assert [item.key for item in again.items] == keys
        said = [f"bid 1 @ $0.0{n}00 of {TICKERS[0]} is canceled" for n in (1, 2, 3)]
        assert [item.sentence for item in again.items] == said


async def test_an_order_of_somebody_else_is_named_among_those_that_were_cancelled(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        ours = await simulated.place("bid", "1", "0.0100")
        place_foreign(simulated)
        outcome = await simulated.send(Kill(reason="x"))
        assert outcome.sentence.startswith("killed: 2 orders were resting, none rests now")
        first, other = outcome.items
        assert first.key == ours.key
        assert other.key
        assert other.sentence.endswith((" is canceled", " rests no more"))
