"""Leases and decreases go together: what takes risk away is let through, and no late renewal gives it back."""

import json
from math import inf

import pytest
import trio

from tests.services.test_orders import journaled
from tests.simulation import invariants
from tests.simulation.harness import fresh, simulated_daemon, simulated_exchange
from traderd.model.commands import Answer, DecreaseOrder
from traderd.model.events import AmendRequested
from traderd.model.orders import OrderStatus
from traderd.model.units import Count
from traderd.paper.faults.faults import ORDERS
from traderd.services.order_renewals import RenewalsUnderWay
from traderd.store.journal import Journal

LEASE = {"trading__dead_man_s": 20}


def there(simulated, key):
    return simulated.exchange.venue.order(simulated.account_id, simulated.view.order(key).order_id)


def pause(simulated, code="trading_is_paused"):
    """Refuse as one halted market does: what rests there is left alone, orders that asked to end in a pause included."""
    simulated.exchange.venue.entry.paused = code


async def test_a_leased_order_is_decreased_without_a_disk(tmp_path, autojump_clock):
    """Row D7: no durable journal, no new risk; what takes risk away still goes, leased or not."""
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        await trio.sleep(1.0)
        simulated.env.disk_words = "no space left"
        smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert smaller.ok, smaller.sentence
        order = simulated.view.order(placed.key)
        assert (order.remaining, there(simulated, placed.key).remaining_count) == (200, 200)
        # It keeps its id: another one would be nowhere but at the exchange, and the next run would not know it.
        assert there(simulated, placed.key).client_order_id == order.exchange_client_id
        assert order.exchange_client_id == placed.key


async def test_the_new_id_of_a_decrease_is_on_the_disk_before_it_leaves(tmp_path, autojump_clock):
    """I5: else a daemon that dies then looks for its order under an id that the exchange has no more."""
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        asked: list[tuple[str, list[str | None]]] = []

        def look(data: bytes) -> None:
            if b"/amend" in data[:200]:
                new_id = json.loads(data.partition(b"\r\n\r\n")[2])["updated_client_order_id"]
                kept = journaled(tmp_path, AmendRequested)
                asked.append((new_id, [event.terms.client_order_id for event in kept]))

        simulated.env.on_send = look
        assert (await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))).ok
        ((new_id, on_disk),) = asked
        assert new_id in on_disk
        assert there(simulated, placed.key).client_order_id == new_id


async def test_a_disk_that_hangs_does_not_hold_a_decrease_up(tmp_path, autojump_clock, monkeypatch):
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)

        async def hang(self: Journal, position: int) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(Journal, "wait_durable", hang)
        with trio.fail_after(2.0):
            smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert smaller.ok, smaller.sentence
        theirs = there(simulated, placed.key)
        assert (theirs.remaining_count, theirs.client_order_id) == (200, placed.key)
        gate = simulated.daemon.shared.last_gate
        assert gate.intents_accepted == gate.orders_sent == 1


async def test_a_leased_order_is_decreased_in_a_pause_and_its_renewals_repeat_the_new_total(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        pause(simulated)
        smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert smaller.ok, smaller.sentence
        order = simulated.view.order(placed.key)
        assert (order.count, order.pending) == (200, None)
        pause(simulated, None)
        await trio.sleep(60.0)
        theirs = there(simulated, placed.key)
        assert (theirs.status, theirs.remaining_count) == (OrderStatus.RESTING, 200)
        assert theirs.expires_at == order.expires_at
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_no_decrease_keeps_the_id_while_a_renewal_may_still_arrive(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LEASE, trading__unknown_quarantine_s=5) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        await trio.sleep(9.0)
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        await simulated.wait_until(lambda: simulated.said("was not renewed"), within_s=20.0)
        pause(simulated)
        refused = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert refused.answer is Answer.UNAVAILABLE
        assert "a renewal of order" in refused.sentence
        assert "cancel it, or try again in" in refused.sentence
        assert simulated.view.order(placed.key).pending is None
        assert there(simulated, placed.key).remaining_count == 500
        assert (await simulated.cancel(placed.key)).ok


async def test_of_an_order_whose_decrease_no_record_shows_nothing_is_renewed(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        order = simulated.view.order(placed.key)
        pause(simulated)
        simulated.hush_feeds()
        simulated.exchange.faults.refuse_requests(f"/portfolio/orders/{order.order_id}", 503)
        smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert smaller.ok
        assert order.terms_unknown
        # Until its record tells, the larger total counts, and no renewal may repeat it.
        assert order.at_risk == 500
        pause(simulated, None)
        await trio.sleep(15.0)
        assert there(simulated, placed.key).remaining_count == 200
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: order.pending is None, within_s=20.0)
        assert order.count == 200


async def test_a_pause_of_the_whole_exchange_refuses_decreases_too(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **LEASE) as simulated:
        placed = await simulated.place("bid", "5", "0.0100", strategy=True)
        pause(simulated, "exchange_is_paused")
        refused = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert refused.answer is Answer.REJECTED
        assert "exchange is paused" in refused.sentence
        assert simulated.view.order(placed.key).pending is None


async def test_a_renewal_of_the_run_before_may_still_arrive_as_well(tmp_path, autojump_clock):
    settings = LEASE | {
        "trading__unknown_quarantine_s": 5,
        "trading__strategy_orders__on_restart": "keep",
    }
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at, **settings) as first:
            placed = await first.place("bid", "5", "0.0100", strategy=True)
            await trio.sleep(1.0)
            first.kill()
            await first.ended.wait()
        async with simulated_daemon(state, at=at, **settings) as second:
            pause(second)
            early = await second.send(DecreaseOrder(key=placed.key, to=Count(200)))
            assert early.answer is Answer.UNAVAILABLE
            assert "may still arrive would undo a decrease" in early.sentence
            await trio.sleep(5.0)
            assert (await second.send(DecreaseOrder(key=placed.key, to=Count(200)))).ok
            assert there(second, placed.key).remaining_count == 200


@pytest.mark.parametrize("answered", [True, False])
def test_a_renewal_may_arrive_from_before_it_left_until_its_answer_or_its_quarantine(answered):
    under_way = RenewalsUnderWay(30.0)
    assert under_way.may_arrive_s("a", 100.0) == 0.0
    under_way.left("a")
    assert under_way.may_arrive_s("a", 100.0) == inf
    assert under_way.may_arrive_s("b", 100.0) == 0.0
    if answered:
        under_way.answered("a")
        assert under_way.may_arrive_s("a", 100.0) == 0.0
        return
    under_way.unanswered("a", 100.0)
    assert under_way.may_arrive_s("a", 129.0) == 1.0
    assert under_way.may_arrive_s("a", 130.0) == 0.0
