"""Cancelling: believed only when the order's own record says so."""

import trio

from tests.simulation.harness import TICKERS, order_terms, simulated_daemon, simulated_exchange
from traderd.model.commands import Answer, Calibrate, CancelOrders
from traderd.model.ids import StrategyName
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.paper.faults.faults import ORDERS


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


async def test_an_order_in_flight_has_no_id_yet_and_says_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        simulated.exchange.faults.delay_replies(1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.place, "bid", "1", "0.0100")
            await trio.sleep(0.5)
            (order,) = simulated.view.live_orders()
            outcome = await simulated.cancel(order.key)
            assert outcome.answer is Answer.UNAVAILABLE
            assert "has no order id yet; try again" in outcome.sentence
            many = await simulated.send(CancelOrders())
            assert many.answer is Answer.UNKNOWN
            assert many.sentence == f"0 of 1 orders ended; not sure of {order.key}"


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


async def test_many_are_cancelled_by_market_or_owner(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        machine = await simulated.place("bid", "1", "0.0100", strategy=True)
        person = await simulated.place("bid", "1", "0.0100")
        other = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        outcome = await simulated.send(CancelOrders(owner=OrderOwner.STRATEGY))
        assert outcome.sentence == "1 orders ended, verified at the exchange"
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
        assert outcome.sentence == "no order was open"
        assert simulated.view.order(theirs.key).status is OrderStatus.RESTING
