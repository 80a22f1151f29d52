"""Cancelling: believed only when the order's own record says so."""

import pytest
import trio

from tests.simulation.harness import TICKERS, order_terms, simulated_daemon, simulated_exchange
from traderd.model.commands import Answer, Calibrate, CancelOrders, DryRun
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.paper.faults.faults import ORDERS
from traderd.services.order_cancel import PLACED_S


def status_there(simulated, key) -> OrderStatus:
    order = simulated.view.order(key)
    return simulated.exchange.venue.order(simulated.account_id, order.order_id).status


async def test_a_cancelled_order_is_gone_at_the_exchange(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        outcome = await simulated.cancel(placed.key)
        assert (outcome.answer, outcome.key) == (Answer.DONE, placed.key)
        assert outcome.sentence == f"order {placed.key} is canceled"
        assert status_there(simulated, placed.key) is OrderStatus.CANCELED


async def test_an_order_that_nobody_knows_or_that_has_ended_is_not_asked_about(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        await simulated.cancel(placed.key)
        requests = simulated.daemon.shared.venue.rest.statistics().requests
        ended, unknown = await simulated.cancel(placed.key), await simulated.cancel("nothing")
        assert (ended.answer, unknown.answer) == (Answer.DENIED, Answer.DENIED)
        assert ended.sentence == f"order {placed.key} is canceled already"
        assert "no order 'nothing' is known" in unknown.sentence
        assert simulated.daemon.shared.venue.rest.statistics().requests == requests


@pytest.mark.parametrize("many", [False, True])
async def test_an_order_in_flight_is_cancelled_once_its_place_is_answered(
    tmp_path, autojump_clock, many
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        simulated.exchange.faults.delay_replies(PLACED_S / 2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.place, "bid", "1", "0.0100")
            await trio.sleep(0.1)
            (order,) = simulated.view.live_orders()
            assert order.order_id is None
            outcome = await (
                simulated.send(CancelOrders()) if many else simulated.cancel(order.key)
            )
            assert outcome.answer is Answer.DONE
        assert status_there(simulated, order.key) is OrderStatus.CANCELED


async def test_an_order_whose_place_is_not_answered_for_long_has_no_id_yet_and_says_so(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        simulated.exchange.faults.delay_replies(3 * PLACED_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.place, "bid", "1", "0.0100")
            await trio.sleep(0.5)
            (order,) = simulated.view.live_orders()
            outcome = await simulated.cancel(order.key)
            assert outcome.answer is Answer.UNAVAILABLE
            assert "has no order id yet; try again" in outcome.sentence
            many = await simulated.send(CancelOrders())
            assert many.answer is Answer.UNKNOWN
            assert many.sentence == (
                f"0 of 1 orders ended; not sure of {order.key}; cancel again, or let `traderd kill` "
                "cancel every order"
            )
            assert "has no order id yet" in many.items[0].sentence


async def test_a_fill_that_was_faster_than_the_cancel_is_found(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        placed = await simulated.place("bid", "3", bid)
        simulated.hush_feeds()
        simulated.trade_through("ask", bid)
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        outcome = await simulated.cancel(placed.key)
        assert outcome.sentence == f"order {placed.key} is executed"
        # The exchange's 404 started a look at the fills as well, not only at the order.
        assert simulated.view.position(TICKERS[0]).count == 300


async def test_a_silent_feed_is_made_up_for_by_reading_the_order(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.hush_feeds()
        began = trio.current_time()
        assert (await simulated.cancel(placed.key)).ok
        assert 0.4 < trio.current_time() - began < 1.0


async def test_a_refused_cancel_leaves_the_order_resting(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.exchange.faults.refuse_requests(ORDERS, 429)
        outcome = await simulated.cancel(placed.key)
        assert outcome.answer is Answer.UNKNOWN
        assert "too_many_requests" in outcome.sentence
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING


async def test_two_cancels_of_one_order_both_get_their_answer(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.exchange.faults.delay_replies(0.2)
        outcomes = []

        async def cancel() -> None:
            outcomes.append(await simulated.cancel(placed.key))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            nursery.start_soon(cancel)
        assert [outcome.ok for outcome in outcomes] == [True, True]


async def test_a_pause_of_the_exchange_is_named_once_and_with_what_to_do(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.exchange.pause(whole_exchange=True)
        outcome = await simulated.send(CancelOrders())
        assert (outcome.answer, status_there(simulated, placed.key)) == (
            Answer.UNKNOWN,
            OrderStatus.RESTING,
        )
        assert "paused" in outcome.items[0].sentence
        await simulated.send(Calibrate())
        again = await simulated.send(CancelOrders())
        assert again.sentence == (
            f"0 of 1 orders ended; not sure of {placed.key}; the exchange is paused, so cancel again "
            "when it goes on"
        )
        simulated.exchange.resume()


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({"ticker": "NOPE"}, "market NOPE is not known here, so no order was cancelled"),
        ({"strategy": "NOPE"}, "strategy NOPE is not known here (known are: "),
    ],
)
async def test_a_name_that_nobody_knows_is_refused_and_not_taken_for_nothing_to_do(
    tmp_path, autojump_clock, scope, words
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        outcome = await simulated.send(CancelOrders(**scope))
        assert outcome.answer is Answer.DENIED
        assert words in outcome.sentence
        rehearsed = await simulated.send(DryRun(of=CancelOrders(**scope)))
        assert rehearsed.answer is Answer.DENIED
        assert words.partition(", so")[0] in rehearsed.sentence
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        assert (
            await simulated.send(CancelOrders(ticker=TICKERS[1]))
        ).sentence == "no order was open"


async def test_many_are_cancelled_by_market_or_owner(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        machine = await simulated.place("bid", "1", "0.0100", strategy=True)
        person = await simulated.place("bid", "1", "0.0100")
        other = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        outcome = await simulated.send(CancelOrders(owner=OrderOwner.STRATEGY))
        assert outcome.sentence == "1 order ended, verified at the exchange"
        assert [o.key for o in simulated.view.live_orders()] == [person.key, other.key]
        await simulated.send(CancelOrders(ticker=TICKERS[1]))
        assert [o.key for o in simulated.view.live_orders()] == [person.key]
        await simulated.send(CancelOrders())
        assert (await simulated.send(CancelOrders())).sentence == "no order was open"
        assert status_there(simulated, machine.key) is OrderStatus.CANCELED


async def test_orders_of_others_are_cancelled_only_by_name(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        foreign = simulated.exchange.venue.create_order(
            simulated.account_id, order_terms("bid", "1", "0.0100"), None, simulated.exchange.now()
        )
        await simulated.send(Calibrate())
        assert simulated.view.order(foreign.order_id).attribution.owner is OrderOwner.EXTERNAL
        assert (await simulated.send(CancelOrders())).sentence == "no order was open"
        assert status_there(simulated, foreign.order_id) is OrderStatus.RESTING
        assert (await simulated.cancel(foreign.order_id)).ok
        assert status_there(simulated, foreign.order_id) is OrderStatus.CANCELED


async def test_a_short_429_does_not_leave_an_order_behind_at_the_stop(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(tmp_path, at=at) as simulated:
            await simulated.place("bid", "1", "0.0100", strategy=True)
            at.exchange.faults.refuse_requests(ORDERS, 429)
            simulated.stop()
            await trio.sleep(0.4)
            at.exchange.faults.clear()
            await simulated.ended.wait()
            account_id = simulated.account_id
        (order,) = at.exchange.venue.orders(account_id)
        assert order.status is OrderStatus.CANCELED


async def test_only_the_orders_of_the_named_strategy_are_cancelled(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        theirs = await simulated.place("bid", "1", "0.0100", strategy=True)
        outcome = await simulated.send(CancelOrders(strategy=StrategyName("another")))
        assert outcome.answer is Answer.DENIED
        assert simulated.view.order(theirs.key).status is OrderStatus.RESTING


async def test_the_strategy_person_means_the_orders_of_persons(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "1", "0.0100")).ok
        outcome = await simulated.send(CancelOrders(strategy=StrategyName("person")))
        assert outcome.sentence == "1 order ended, verified at the exchange"
        assert simulated.view.own_live_orders() == ()
