"""How the daemon ends, in order or not, and how the next one takes over."""

import shutil
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import (
    TICKERS,
    SimulatedDaemon,
    SimulatedExchange,
    fresh,
    simulated_daemon,
    simulated_exchange,
)
from traderd.model.commands import Answer, CancelOrders, ClearHalt, Halt, Kill, Pause
from traderd.model.events import Author
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.model.states import State
from traderd.paper.faults.faults import ORDERS
from traderd.runtime.simulation import run_simulated

STOP_S = 5.0


def resting(at) -> dict[str, OrderStatus]:
    orders = at.exchange.venue.orders(at.credentials.account_id)
    return {order.client_order_id: order.status for order in orders}


# --- the ordered stop -----------------------------------------------------------------------------


async def test_a_stop_cancels_orders_of_strategies_and_leaves_those_of_people(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
            machine = await simulated.place("bid", "1", "0.0100", strategy=True)
            person = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
            began = trio.current_time()
            simulated.env.raise_signal(signal.SIGTERM)
            await simulated.ended.wait()
            assert trio.current_time() - began < 1.0
            assert simulated.said("strategy orders at the stop: 1 order ended, verified")
            assert simulated.said(
                "person orders at the stop: 1 stay at the exchange, as trading.person_orders.on_exit = "
                f"keep says: {person.key}"
            )
            assert simulated.states()[-1] == State.SHUTDOWN.value
        assert resting(at) == {
            machine.key: OrderStatus.CANCELED,
            person.key: OrderStatus.RESTING,
        }


async def test_a_stop_ends_services_in_the_reverse_order_of_their_start(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, log__level="debug") as simulated:
        simulated.stop()
        await simulated.ended.wait()
    told: dict[str, list[str]] = {"running": [], "stopped": []}
    for line in simulated.lines():
        for status, names in told.items():
            if line["event"].endswith(f"is {status}") and "service" in line:
                names.append(line["service"])
    assert told["stopped"] == list(reversed(told["running"]))
    assert told["running"][-3:] == ["market_data", "trading_client", "sync"]
    assert len(told["running"]) >= 10


async def test_a_stop_ends_in_time_although_the_exchange_is_silent(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100", strategy=True)
        simulated.exchange.faults.delay_replies(1_000.0)
        began = trio.current_time()
        simulated.stop()
        await simulated.ended.wait()
        assert trio.current_time() - began < STOP_S
        # The cancel was carried out, and the feed said so.
        assert simulated.view.order(placed.key).status is OrderStatus.CANCELED


async def test_a_stop_ends_in_time_although_the_exchange_is_gone(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        machine = await simulated.place("bid", "1", "0.0100", strategy=True)
        person = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        faults = simulated.exchange.faults
        faults.refuse_requests("/", 503)
        faults.refuse_websockets(503)
        faults.drop_websockets()
        began = trio.current_time()
        simulated.stop()
        await simulated.ended.wait()
        assert trio.current_time() - began < STOP_S
        # What could not be verified is told by name; the order of a person rests on purpose.
        told = [line["orders"] for line in simulated.lines() if "may be left" in line["event"]]
        assert told == [[machine.key]]
        assert simulated.view.order(person.key).status is OrderStatus.RESTING


async def test_a_second_signal_stops_at_once(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
            placed = await simulated.place("bid", "1", "0.0100", strategy=True)
            at.exchange.faults.refuse_requests(ORDERS, 503)
            simulated.env.raise_signal(signal.SIGINT)
            await trio.sleep(0.1)
            assert not simulated.ended.is_set()
            began = trio.current_time()
            simulated.env.raise_signal(signal.SIGINT)
            await simulated.ended.wait()
            assert trio.current_time() - began < 0.1
            assert simulated.said("stopping at once; orders may be left at the exchange")
        assert resting(at) == {placed.key: OrderStatus.RESTING}


async def test_orders_in_flight_at_the_stop_are_known_before_it_ends(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
            at.exchange.faults.delay_replies(0.5)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(simulated.place, "bid", "1", "0.0100", strategy=True))
                await trio.sleep(0.1)
                simulated.stop()
            await simulated.ended.wait()
        assert list(resting(at).values()) == [OrderStatus.CANCELED]


# --- a restart ------------------------------------------------------------------------------------


async def test_what_happened_meanwhile_is_found_by_the_next_run(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            bid, _ = first.touch()
            stays = await first.place("bid", "2", "0.0100", ticker=TICKERS[1])
            fills = await first.place("bid", "3", bid)
            first.stop()
            await first.ended.wait()
            # While nobody looks, the street trades through the touch and our order in it.
            first.trade_through("ask", bid)
        async with simulated_daemon(state, at=at) as second:
            assert second.view.order(stays.key).status is OrderStatus.RESTING
            assert second.view.order(stays.key).attribution.owner is OrderOwner.PERSON
            assert second.view.order(fills.key).status is OrderStatus.EXECUTED
            assert second.said("fill_missed")
            assert second.said("the journal gave back")
            await invariants.settle(second)
            await invariants.check_everything(second)
            await invariants.check_progress(second)
        invariants.check_journal(state)


async def test_a_halt_and_a_pause_of_a_person_survive_death(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            assert (await first.send(Halt(reason="I want to look"))).ok
            assert (await first.send(Pause(reason="and to think"))).ok
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at) as second:
            halt = second.view.conditions.halts["person:account"]
            assert (halt.author, halt.reason) == (Author.PERSON, "I want to look")
            assert second.view.conditions.paused == "and to think"
            denied = await second.place("bid", "1", "0.0100")
            assert denied.answer is Answer.DENIED


async def test_an_order_that_was_on_its_way_at_death_is_found_and_never_sent_again(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            at.exchange.faults.delay_replies(1.0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(first.place, "bid", "1", "0.0100"))
                await trio.sleep(0.5)
                nursery.cancel_scope.cancel()
            # The feed told of it; what the journal has of that is what the disk had.
            first.kill()
            await first.ended.wait()
        at.exchange.faults.clear()
        async with simulated_daemon(state, at=at) as second:
            (order,) = second.view.live_orders()
            assert order.status is OrderStatus.RESTING
            await invariants.settle(second)
            await invariants.check_everything(second)
        assert len(resting(at)) == 1


async def test_an_order_that_was_journaled_but_never_left_is_not_placed(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            at.exchange.faults.lose_next_request("POST", ORDERS)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(first.place, "bid", "1", "0.0100"))
                await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, trading__unknown_quarantine_s=5) as second:
            (order,) = second.view.live_orders()
            assert order.status is OrderStatus.UNKNOWN
            assert (await second.place("bid", "1", "0.0100")).answer is Answer.DENIED
            await second.wait_until(lambda: order.status is OrderStatus.NOT_PLACED, within_s=15.0)
            assert (await second.place("bid", "1", "0.0100")).ok
        assert len(resting(at)) == 1


async def test_client_order_ids_of_two_runs_never_meet(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        state, keys = fresh(tmp_path / "state"), []
        for _ in range(3):
            async with simulated_daemon(state, at=at) as simulated:
                keys += [(await simulated.place("bid", "1", "0.0100")).key for _ in range(2)]
                simulated.kill()
                await simulated.ended.wait()
        assert len(dict.fromkeys(keys)) == 6
        assert Counter(resting(at).values()) == {OrderStatus.RESTING: 6}


# --- death at any moment --------------------------------------------------------------------------


class DeathAtStep(trio.abc.Instrument):
    """Kills a daemon before its n-th task step from now."""

    def __init__(self, simulated: SimulatedDaemon, steps: int) -> None:
        self._simulated, self._left = simulated, steps

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._left -= 1
        if self._left == 0:
            self._simulated.kill()


async def work_until_death(simulated: SimulatedDaemon, rng: Random) -> None:
    """Place, fill and cancel as fast as the limits allow."""
    while True:
        ticker = rng.choice(TICKERS[-4:])
        book = simulated.view.book(ticker)
        top = None if book is None else book.last_known_top()
        if rng.random() < 0.2:
            await simulated.send(CancelOrders(ticker=ticker))
        elif top is not None and top.bid is not None and top.ask is not None:
            price = rng.choice((top.bid, top.ask))
            await simulated.place(
                rng.choice(("bid", "ask")), "2", f"{price / 10_000:.4f}", ticker=ticker
            )
        await trio.sleep(rng.choice((0.0, 0.01, 0.1)))


async def die_once(at: SimulatedExchange, state: Path, rng: Random) -> int:
    """Run, die at a random step, and return how many orders were on their way then."""
    at.exchange.faults.delay_replies(rng.choice((0.0, 0.0, 0.005, 0.05)))
    async with simulated_daemon(
        state,
        at=at,
        seed=rng.randrange(2**32),
        strategies=True,
        ready=rng.random() < 0.8,
        risk__max_open_orders=20,
    ) as simulated:
        death = DeathAtStep(simulated, rng.randint(1, 3_000))
        trio.lowlevel.add_instrument(death)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(work_until_death, simulated, rng)
            await simulated.ended.wait()
            nursery.cancel_scope.cancel()
        trio.lowlevel.remove_instrument(death)
        in_flight = (OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN)
        return sum(order.status in in_flight for order in simulated.view.live_orders())


async def die_again_and_again(directory: Path, seed: int, deaths: int) -> None:
    rng, state, in_flight = Random(seed), fresh(directory / "state"), 0
    async with simulated_exchange(directory, seed=seed, events_per_s=20.0) as at:
        total = at.exchange.venue.total_money()
        for number in range(3 * deaths):
            # It goes on until one death met an order on its way, which is a matter of the seed.
            if number >= deaths and in_flight:
                break
            in_flight += await die_once(at, state, rng)
            at.exchange.faults.clear()
            async with simulated_daemon(state, at=at, seed=rng.randrange(2**32)) as survivor:
                assert (await survivor.send(CancelOrders())).answer in Answer
                await invariants.settle(survivor)
                await invariants.check_everything(survivor)
                await invariants.check_progress(survivor)
                survivor.stop()
                await survivor.ended.wait()
            invariants.check_journal(state)
        assert at.exchange.venue.total_money() == total
        # Death met the moments that it was meant to meet.
        assert in_flight > 0
        assert len(at.exchange.venue.fills(at.credentials.account_id)) > deaths


@pytest.mark.parametrize("seed", range(4))
def test_death_at_ten_random_steps_under_load_loses_and_doubles_nothing(tmp_path, seed):
    run_simulated(partial(die_again_and_again, tmp_path, seed, 10), seed=seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_death_at_fifty_random_steps_under_load_loses_and_doubles_nothing(tmp_path, seed):
    run_simulated(partial(die_again_and_again, tmp_path, seed, 50), seed=seed)


async def test_a_journal_that_was_restored_from_a_copy_makes_no_id_again(tmp_path, autojump_clock):
    """The copy has forgotten a run whose orders rest, and its generation is the copy's again."""
    async with simulated_exchange(tmp_path) as at:
        state, copy = fresh(tmp_path / "state"), tmp_path / "copy"
        async with simulated_daemon(state, at=at) as simulated:
            await simulated.place("bid", "1", "0.0100")
            simulated.stop()
            await simulated.ended.wait()
        shutil.copytree(state, copy)
        async with simulated_daemon(state, at=at) as simulated:
            for number, ticker in enumerate(TICKERS[:3]):
                await simulated.place("bid", f"{number + 2}", "0.0200", ticker=ticker)
            forgotten = {order.key for order in simulated.view.recent_orders(3)}
            simulated.stop()
            await simulated.ended.wait()
        shutil.rmtree(state)
        shutil.copytree(copy, state)
        # The same seed, so the same word is drawn: what the account is known to have used is left out all the same.
        for seed, same_word in ((2, False), (1, True)):
            async with simulated_daemon(state, at=at, seed=seed) as simulated:
                placed = [
                    await simulated.place("bid", f"{number + 2}", "0.0300", ticker=ticker)
                    for number, ticker in enumerate(TICKERS[:3])
                ]
                keys = {outcome.key for outcome in placed}
                assert all(outcome.ok for outcome in placed)
                assert not keys & forgotten
                words = {key.split("-")[1][-8:] for key in keys | forgotten}
                assert (len(words) == 1) is same_word
                simulated.stop()
                await simulated.ended.wait()
            if not same_word:
                shutil.rmtree(state)
                shutil.copytree(copy, state)


# --- an exchange that begins anew ------------------------------------------------------------------


async def test_a_new_embedded_exchange_forgets_halts_and_pauses_and_keeps_the_kill_latch(
    tmp_path, autojump_clock
):
    """As docs/halts.md says: only a person takes the latch away, whatever the exchange is."""
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(Halt(reason="a person's", by="ann"))
        await simulated.send(Pause(reason="lunch", by="ann"))
        assert (await simulated.send(Kill(reason="strange prices", by="ann"))).ok
    async with simulated_daemon(tmp_path) as simulated:
        conditions = simulated.view.conditions
        assert list(conditions.halts) == ["kill"]
        assert conditions.killed.reason == "strange prices"
        assert conditions.pauses == {}
        # It is told, or a person would wonder why nothing trades.
        assert simulated.said("halt kill: strange prices; `traderd clear-halt kill` ends it")
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED
        assert (await simulated.send(ClearHalt(halt_id="kill", by="ann"))).ok
        assert (await simulated.place("bid", "1", "0.0100")).ok
    async with simulated_daemon(tmp_path) as simulated:
        assert dict(simulated.view.conditions.halts) == {}
