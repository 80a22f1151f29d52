"""Doubt about an order's terms: only its record ends it, and an error never does."""

import trio

from tests.services.test_order_amend import amend
from tests.simulation.harness import simulated_daemon
from traderd.errors import ExchangeUnavailable
from traderd.model.commands import Answer, Calibrate
from traderd.paper.faults.faults import ORDERS


async def test_errors_do_not_end_the_doubt_however_long_they_last(tmp_path, autojump_clock):
    """Row N2: "could not ask" is never "did not happen"."""
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=2) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.hush_feeds()
        faults = simulated.exchange.faults
        faults.lose_reply_of_next("POST", ORDERS)
        assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.UNKNOWN
        faults.refuse_requests("/portfolio", 503)
        order = simulated.view.order(placed.key)
        await trio.sleep(60.0)
        assert order.terms_unknown
        faults.clear()
        await simulated.wait_until(lambda: not order.terms_unknown, within_s=10.0)
        assert order.price == 200


async def test_an_order_that_is_cancelled_meanwhile_is_in_doubt_no_more(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.UNKNOWN
        assert (await simulated.cancel(placed.key)).ok
        assert not simulated.view.order(placed.key).terms_unknown
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_a_record_that_is_missing_proves_nothing(tmp_path, autojump_clock, monkeypatch):
    """A single read that lags says 404, which is not "its record shows the old terms"."""
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=2) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        rest = simulated.daemon.shared.venue.rest

        async def absent(_order_id):
            return None

        async def down(**_which):
            raise ExchangeUnavailable("the list is down")

        with monkeypatch.context() as patch:
            patch.setattr(rest, "order", absent)
            patch.setattr(rest, "read_orders", down)
            assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.UNKNOWN
            order = simulated.view.order(placed.key)
            await trio.sleep(45.0)
            assert order.terms_unknown
        await simulated.wait_until(lambda: not order.terms_unknown, within_s=10.0)
        assert order.price == 200


async def test_a_second_change_in_doubt_before_the_next_look_gets_a_search_of_its_own(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=2) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.hush_feeds()
        faults = simulated.exchange.faults
        faults.lose_reply_of_next("POST", ORDERS)
        assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.UNKNOWN
        assert (await simulated.send(Calibrate())).ok
        order = simulated.view.order(placed.key)
        assert order.price == 200
        assert not order.terms_unknown
        faults.lose_next_request("POST", ORDERS)
        assert (await simulated.send(amend(placed.key, "0.0300"))).answer is Answer.UNKNOWN
        assert order.terms_unknown
        await simulated.wait_until(lambda: not order.terms_unknown, within_s=30.0)
        assert order.price == 200
