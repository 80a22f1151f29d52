"""The dead-man's handle: a healthy daemon's orders rest on, a sick or dead one's end by themselves."""

from functools import partial

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import (
    TICKERS,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.model.commands import AmendOrder, Answer, Halt, PlaceOrder
from traderd.model.events import Author, HaltRaised
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import NS_PER_S, Timestamp, parse_price
from traderd.paper.faults.faults import ORDERS

MAKER = StrategyName("maker")
MINUTE_S = 60.0


def statuses(at) -> dict[str, OrderStatus]:
    (account_id,) = at.exchange.venue.account_ids()
    orders = at.exchange.venue.orders(account_id)
    return {order.client_order_id: order.status for order in orders}


async def test_a_healthy_daemon_renews_and_the_order_keeps_its_place_and_its_id(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        person = await simulated.place("bid", "5", "0.0100", ticker=TICKERS[1])
        order = simulated.view.order(placed.key)
        first = order.expires_at
        assert order.is_leased
        assert simulated.view.order(person.key).expires_at is None
        await trio.sleep(5 * MINUTE_S)
        theirs = simulated.exchange.venue.order(simulated.account_id, order.order_id)
        assert (order.status, theirs.status) == (OrderStatus.RESTING, OrderStatus.RESTING)
        assert theirs.expires_at == order.expires_at > first + 4 * MINUTE_S * NS_PER_S
        assert theirs.client_order_id == placed.key
        assert (theirs.price, theirs.remaining_count) == (100, 500)
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_orders_of_a_daemon_that_was_killed_end_within_their_lease(tmp_path, autojump_clock):
    """Row D2 and control C13: `kill -9`, and nobody comes back."""
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(
            fresh(tmp_path / "state"), at=at, trading__dead_man_s=20
        ) as simulated:
            machine = await simulated.place("bid", "5", "0.0100", strategy=True)
            person = await simulated.place("bid", "5", "0.0100", ticker=TICKERS[1])
            await trio.sleep(MINUTE_S)
            assert simulated.view.order(machine.key).status is OrderStatus.RESTING
            simulated.kill()
            await simulated.ended.wait()
        await trio.sleep(20.1)
        assert statuses(at) == {
            machine.key: OrderStatus.CANCELED,
            person.key: OrderStatus.RESTING,
        }


async def test_an_amended_order_is_renewed_by_its_new_terms(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__dead_man_s=20) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        assert (await simulated.send(AmendOrder(key=placed.key, price=parse_price("0.02")))).ok
        await trio.sleep(MINUTE_S)
        order = simulated.view.order(placed.key)
        theirs = simulated.exchange.venue.order(simulated.account_id, order.order_id)
        assert (theirs.status, theirs.price) == (OrderStatus.RESTING, 200)
        assert theirs.client_order_id == order.exchange_client_id


async def test_a_renewal_never_passes_the_time_to_live(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__strategy_orders__ttl_s=90) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        order, began = simulated.view.order(placed.key), trio.current_time()
        await simulated.wait_until(lambda: not order.status.is_live, within_s=100.0)
        assert 88.0 < trio.current_time() - began < 91.0


async def test_orders_rest_on_although_trading_is_halted(tmp_path, autojump_clock):
    # A halt stops new risk; what rests is the policies' and the people's affair.
    async with simulated_daemon(tmp_path, trading__dead_man_s=20) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        await simulated.send(Halt(reason="I want to look"))
        await trio.sleep(MINUTE_S)
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING


@pytest.mark.parametrize("fault", ["requests", "everything", "books"])
async def test_orders_of_a_sick_daemon_end_by_themselves(tmp_path, autojump_clock, fault):
    """Rows N6, N13 and T4: who cannot see or act must not leave orders resting."""
    async with simulated_daemon(tmp_path, trading__dead_man_s=20) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        person = await simulated.place("bid", "5", "0.0100", ticker=TICKERS[1])
        faults = simulated.exchange.faults
        if fault != "books":
            faults.refuse_requests("/", 503)
        if fault != "requests":
            faults.refuse_websockets(503)
            faults.drop_websockets("orderbook_delta" if fault == "books" else None)
        await trio.sleep(21.0)
        order = simulated.view.order(placed.key)
        venue = simulated.exchange.venue
        assert venue.order(simulated.account_id, order.order_id).status is OrderStatus.CANCELED
        theirs = venue.order(simulated.account_id, simulated.view.order(person.key).order_id)
        assert theirs.status is OrderStatus.RESTING
        faults.clear()
        await simulated.wait_until(lambda: order.status is OrderStatus.CANCELED, within_s=90.0)


async def test_a_renewal_that_fails_once_is_tried_again_in_time(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__dead_man_s=20) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        await trio.sleep(9.0)
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        await trio.sleep(MINUTE_S)
        assert simulated.said(f"order {placed.key} was not renewed")
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        assert simulated.view.conditions.consecutive_errors == 0


async def test_why_orders_are_not_renewed_is_said_once(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__dead_man_s=60) as simulated:
        await simulated.place("bid", "5", "0.0100", strategy=True)
        simulated.exchange.faults.refuse_websockets(503)
        simulated.exchange.faults.drop_websockets("orderbook_delta")
        await trio.sleep(59.0)
        assert simulated.count("are not renewed and end by themselves: its book") == 1


# --- policies -------------------------------------------------------------------------------------


async def test_the_next_run_cancels_what_strategies_left_and_keeps_what_people_left(
    tmp_path, autojump_clock
):
    """Row D2 with the default policies."""
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            machine = await first.place("bid", "5", "0.0100", strategy=True)
            person = await first.place("bid", "5", "0.0100", ticker=TICKERS[1])
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at) as second:
            order = second.view.order(machine.key)
            await second.wait_until(lambda: not order.status.is_live, within_s=5.0)
            assert second.said(f"an earlier run's order {machine.key} is not kept")
            await invariants.settle(second)
            await invariants.check_everything(second)
        assert statuses(at) == {machine.key: OrderStatus.CANCELED, person.key: OrderStatus.RESTING}


@pytest.mark.parametrize(
    ("on_restart", "after_s", "status"),
    [
        ("keep", 3 * MINUTE_S, OrderStatus.RESTING),
        ("expire", 5.0, OrderStatus.RESTING),
        ("expire", 65.0, OrderStatus.CANCELED),
    ],
)
async def test_the_next_run_may_keep_them_or_let_them_expire(
    tmp_path, autojump_clock, on_restart, after_s, status
):
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        settings = {"trading__strategy_orders__on_restart": on_restart}
        async with simulated_daemon(state, at=at, **settings) as first:
            placed = await first.place("bid", "5", "0.0100", strategy=True)
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, **settings) as second:
            await trio.sleep(after_s)
            assert second.view.order(placed.key).status is status
        assert statuses(at)[placed.key] is status


@pytest.mark.parametrize(
    ("on_exit", "after_s", "status"),
    [
        ("cancel", 0.0, OrderStatus.CANCELED),
        ("expire", 0.0, OrderStatus.RESTING),
        ("expire", 61.0, OrderStatus.CANCELED),
        ("keep", 10 * MINUTE_S, OrderStatus.RESTING),
    ],
)
async def test_a_stop_does_with_the_orders_what_the_policy_says(
    tmp_path, autojump_clock, on_exit, after_s, status
):
    """Row D1: policy per class, in bounded time."""
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(
            fresh(tmp_path / "state"), at=at, trading__strategy_orders__on_exit=on_exit
        ) as simulated:
            placed = await simulated.place("bid", "5", "0.0100", strategy=True)
            began = trio.current_time()
            simulated.stop()
            await simulated.ended.wait()
            assert trio.current_time() - began < 1.0
            assert not simulated.said("may be left at the exchange")
        await trio.sleep(after_s)
        assert statuses(at)[placed.key] is status


async def test_a_lost_private_line_cancels_at_once_when_the_policy_says_so(
    tmp_path, autojump_clock
):
    async with simulated_daemon(
        tmp_path, trading__person_orders__on_disconnect="cancel"
    ) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        assert simulated.view.order(placed.key).is_leased
        simulated.exchange.faults.refuse_websockets(503)
        simulated.exchange.faults.drop_websockets("user_orders")
        order = simulated.view.order(placed.key)
        await simulated.wait_until(lambda: not order.status.is_live, within_s=5.0)
        assert simulated.said("the private connection is lost; orders of person: 1 order ended")


async def test_renewals_of_many_orders_run_beside_each_other(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, trading__dead_man_s=20, risk__max_open_orders=20
    ) as simulated:
        async with trio.open_nursery() as nursery:
            for ticker in TICKERS[:12]:
                nursery.start_soon(
                    partial(simulated.place, "bid", "1", "0.0100", ticker=ticker, strategy=True)
                )
        await trio.sleep(2 * MINUTE_S)
        live = simulated.view.live_orders()
        assert [order.status for order in live] == [OrderStatus.RESTING] * 12
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


# --- stopped strategies ---------------------------------------------------------------------------

STOPPED_S = 8.0
"""How long no cancel gets through: longer than the first take-down goes on trying."""


async def place_as_maker(simulated, count: str, price: str, ticker=TICKERS[0]):
    attribution = Attribution(owner=OrderOwner.STRATEGY, strategy=MAKER)
    terms = order_terms("bid", count, price, ticker=ticker)
    return await simulated.send(PlaceOrder(terms=terms, attribution=attribution))


async def test_orders_of_a_stopped_strategy_are_taken_down_although_the_exchange_was_away(
    tmp_path, autojump_clock
):
    """Row N6 and control C7: nobody renews for a strategy that was stopped, and nobody forgets its orders."""
    async with simulated_daemon(
        tmp_path, risk__max_fills_per_15s=1, trading__dead_man_s=20
    ) as simulated:
        rests = await place_as_maker(simulated, "7", "0.0100", TICKERS[1])
        simulated.exchange.faults.refuse_requests(f"{ORDERS}/", 503)
        _, ask = simulated.touch()
        for count in ("5", "4"):
            assert (await place_as_maker(simulated, count, ask)).ok
        await simulated.wait_until(
            lambda: "executions:maker" in simulated.view.conditions.halts, within_s=3.0
        )
        await trio.sleep(STOPPED_S)
        simulated.exchange.faults.clear()
        order = simulated.view.order(rests.key)
        await simulated.wait_until(lambda: not order.status.is_live, within_s=6.0)
        theirs = simulated.exchange.venue.order(simulated.account_id, order.order_id)
        assert theirs.status is OrderStatus.CANCELED
        assert simulated.said("an order of the stopped strategy maker")


async def test_an_order_that_arrives_after_its_strategy_was_stopped_is_taken_down(
    tmp_path, autojump_clock
):
    async with simulated_daemon(
        tmp_path, risk__max_fills_per_15s=1, trading__dead_man_s=60
    ) as simulated:
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        simulated.hush_feeds()
        unknown = await place_as_maker(simulated, "7", "0.0100", TICKERS[1])
        assert unknown.answer is Answer.UNKNOWN
        simulated.daemon.shared.bus.publish([
            HaltRaised(
                at=Timestamp(simulated.env.wall_ns()),
                halt_id="executions:maker",
                author=Author.MACHINE,
                reason="3 fills within 15 s",
                strategy=MAKER,
            )
        ])
        (order,) = simulated.view.live_orders()
        await simulated.wait_until(lambda: not order.status.is_live, within_s=20.0)
        assert statuses(simulated) == {order.key: OrderStatus.CANCELED}
