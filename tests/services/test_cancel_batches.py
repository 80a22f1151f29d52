"""Batches of cancels: fewer requests, and nothing is believed that a record does not say."""

import pytest
import trio

from tests.services.test_order_place import cheap, several
from tests.simulation import invariants
from tests.simulation.harness import simulated_daemon
from traderd.errors import ExchangeRefused, OutcomeUnknown
from traderd.kalshi.order_calls import CANCELS_MAX, Canceled
from traderd.model.commands import Answer, CancelOrders
from traderd.model.orders import OrderStatus
from traderd.model.units import Count
from traderd.paper.faults.faults import ORDERS


async def test_many_orders_are_cancelled_with_few_requests_and_verified(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__max_open_orders=50) as simulated:
        assert (await simulated.send(several(*cheap(30)))).ok
        await trio.sleep(20.0)
        rest, asked = simulated.daemon.shared.venue.rest, []
        cancel_orders, cancel_order = rest.cancel_orders, rest.cancel_order

        async def many(orders):
            asked.append(len(orders))
            return await cancel_orders(orders)

        async def one(*what):
            asked.append(1)
            return await cancel_order(*what)

        rest.cancel_orders, rest.cancel_order = many, one
        outcome = await simulated.send(CancelOrders())
        assert outcome.sentence == "30 orders ended, verified at the exchange"
        assert asked == [CANCELS_MAX, 30 - CANCELS_MAX]
        assert {o.status for o in simulated.exchange.venue.orders(simulated.account_id)} == {
            OrderStatus.CANCELED
        }
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


@pytest.mark.parametrize(
    "error",
    [
        ExchangeRefused(status=429, code="too_many_requests", message="too many requests"),
        OutcomeUnknown("no answer in time"),
    ],
)
async def test_a_batch_that_went_wrong_is_followed_by_single_cancels(
    tmp_path, autojump_clock, monkeypatch, error
):
    """Rows R8 and R10: repeating a cancel is safe."""
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(several(*cheap(5)))

        async def fail(*_):
            raise error

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, "cancel_orders", fail)
        outcome = await simulated.send(CancelOrders())
        assert outcome.sentence == "5 orders ended, verified at the exchange"


async def test_a_batch_whose_reply_is_lost_is_verified_order_by_order(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(several(*cheap(5)))
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("DELETE", ORDERS)
        outcome = await simulated.send(CancelOrders())
        assert (outcome.answer, outcome.sentence) == (
            Answer.DONE,
            "5 orders ended, verified at the exchange",
        )
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_a_reply_that_lies_is_not_believed(tmp_path, autojump_clock, monkeypatch):
    """Row R4: an order's own record ends it, not the answer to its cancel."""
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.send(several(*cheap(3)))

        async def claim(orders):
            return tuple(Canceled(reduced_by=Count(100)) for _ in orders)

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, "cancel_orders", claim)
        outcome = await simulated.send(CancelOrders())
        assert outcome.ok
        assert {o.status for o in simulated.exchange.venue.orders(simulated.account_id)} == {
            OrderStatus.CANCELED
        }
