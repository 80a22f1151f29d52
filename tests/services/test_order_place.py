"""Placing several orders at a time: each stands and falls alone, and nothing leaves that was not asked for."""

import pytest
import trio

from tests.services.test_orders import intents_on_disk
from tests.simulation import invariants
from tests.simulation.harness import TICKERS, fresh, order_terms, simulated_daemon
from traderd.errors import ExchangeRefused, OutcomeUnknown
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE, BucketSize, Traffic
from traderd.kalshi.order_calls import CREATES_MAX
from traderd.model.commands import Answer, Halt, PlaceOrder, PlaceOrders
from traderd.model.orders import Attribution, OrderOwner, OrderStatus, TimeInForce
from traderd.model.units import NS_PER_S
from traderd.paper.faults.faults import ORDERS
from traderd.store.journal import Journal

PERSON = Attribution(owner=OrderOwner.PERSON)


def several(*orders, **terms) -> PlaceOrders:
    return PlaceOrders(
        orders=tuple(
            PlaceOrder(
                terms=order_terms(side, count, price, ticker=ticker, **terms), attribution=PERSON
            )
            for ticker, side, count, price in orders
        )
    )


def cheap(number: int) -> list[tuple[str, str, str, str]]:
    return [(TICKERS[index % len(TICKERS)], "bid", "1", "0.0100") for index in range(number)]


def requests_of(simulated) -> int:
    return simulated.daemon.shared.venue.rest.statistics().requests


async def test_several_orders_travel_in_batches_and_all_intents_are_on_the_disk_first(
    tmp_path, autojump_clock
):
    """Design section 7: the intents of one burst are one commit, before the first request leaves."""
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5.0)
        venue, seen = simulated.exchange.venue, []
        create = venue.create_order

        def create_and_look(*what, **more):
            seen.append(len(intents_on_disk(tmp_path)))
            return create(*what, **more)

        venue.create_order = create_and_look
        before = requests_of(simulated)
        outcome = await simulated.send(several(*cheap(8)))
        assert (outcome.answer, outcome.sentence) == (Answer.DONE, "8 of 8 orders were taken")
        assert seen == [8] * 8
        assert requests_of(simulated) - before == -(-8 // CREATES_MAX)
        assert [simulated.view.order(item.key).status for item in outcome.items] == [
            OrderStatus.RESTING
        ] * 8
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)
    invariants.check_journal(tmp_path)


async def test_each_item_has_its_own_outcome(tmp_path, autojump_clock):
    """Row R13: partial success is told item by item."""
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        outcome = await simulated.send(
            several(
                (TICKERS[0], "bid", "1", bid),
                (TICKERS[0], "bid", "500", bid),
                (TICKERS[0], "bid", "1", ask),
                ("NOPE", "bid", "1", bid),
                post_only=True,
            )
        )
        assert [item.answer for item in outcome.items] == [
            Answer.DONE,
            Answer.DENIED,
            Answer.REJECTED,
            Answer.DENIED,
        ]
        # The answer to all of them is the worst one.
        assert outcome.answer is Answer.REJECTED
        assert outcome.sentence.startswith("1 of 4 orders were taken; 2. denied by rule size")
        assert simulated.view.conditions.consecutive_errors == 0
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_each_order_of_a_batch_counts_for_the_verdict_on_the_next(tmp_path, autojump_clock):
    """Control C4: in flight counts at once."""
    async with simulated_daemon(tmp_path, risk__max_open_orders=3) as simulated:
        outcome = await simulated.send(several(*cheap(5)))
        assert [item.answer for item in outcome.items] == [Answer.DONE] * 3 + [Answer.DENIED] * 2
        assert "rule open_orders" in outcome.items[-1].sentence
        assert len(simulated.exchange.venue.orders(simulated.account_id)) == 3


async def test_when_the_whole_reply_is_lost_each_order_is_in_doubt_and_each_is_found(
    tmp_path, autojump_clock
):
    """Row R13: whole-batch failure makes every item unknown by itself, and nothing is sent again."""
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        outcome = await simulated.send(several(*cheap(3)))
        assert [item.answer for item in outcome.items] == [Answer.UNKNOWN] * 3
        orders = [simulated.view.order(item.key) for item in outcome.items]
        assert {order.status for order in orders} == {OrderStatus.UNKNOWN}
        await simulated.wait_until(
            lambda: {order.status for order in orders} == {OrderStatus.RESTING}, within_s=10.0
        )
        assert len(simulated.exchange.venue.orders(simulated.account_id)) == 3
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_a_batch_that_is_refused_as_a_whole_is_rejected_item_by_item(
    tmp_path, autojump_clock, monkeypatch
):
    """Row R8: over budget, Kalshi refuses the entire batch."""
    async with simulated_daemon(tmp_path) as simulated:

        async def too_many(*_, **__):
            raise ExchangeRefused(status=429, code="too_many_requests", message="too many requests")

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, "create_orders", too_many)
        outcome = await simulated.send(several(*cheap(2)))
        assert [item.answer for item in outcome.items] == [Answer.REJECTED] * 2
        assert simulated.view.live_orders() == ()


async def test_items_may_be_in_doubt_one_by_one(tmp_path, autojump_clock, monkeypatch):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=3) as simulated:
        rest = simulated.daemon.shared.venue.rest

        async def second_is_unclear(orders, **_):
            placed = await rest.create_order(*orders[0])
            return placed, OutcomeUnknown("internal_error")

        monkeypatch.setattr(rest, "create_orders", second_is_unclear)
        outcome = await simulated.send(several(*cheap(2)))
        assert [item.answer for item in outcome.items] == [Answer.DONE, Answer.UNKNOWN]
        lost = simulated.view.order(outcome.items[1].key)
        await simulated.wait_until(lambda: lost.status is OrderStatus.NOT_PLACED, within_s=10.0)


async def test_without_a_disk_no_order_of_a_batch_leaves(tmp_path, autojump_clock):
    """Row D7."""
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(1.0)
        simulated.env.disk_words = "no space left"
        outcome = await simulated.send(several(*cheap(3)))
        assert {item.answer for item in outcome.items} == {Answer.UNAVAILABLE}
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_a_halt_between_two_batches_holds_the_second_back(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        rest = simulated.daemon.shared.venue.rest
        create_orders = rest.create_orders

        async def halt_after_the_first(orders, **more):
            results = await create_orders(orders, **more)
            await simulated.send(Halt(reason="news"))
            return results

        monkeypatch.setattr(rest, "create_orders", halt_after_the_first)
        outcome = await simulated.send(several(*cheap(CREATES_MAX + 2)))
        answers = [item.answer for item in outcome.items]
        assert answers == [Answer.DONE] * CREATES_MAX + [Answer.UNAVAILABLE] * 2
        assert "news" in outcome.items[-1].sentence


async def test_a_stop_while_the_disk_writes_leaves_no_order_of_a_batch(
    tmp_path, autojump_clock, monkeypatch
):
    """Row D1."""
    async with simulated_daemon(tmp_path) as simulated:

        async def wait_for_ever(*_) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(Journal, "wait_durable", wait_for_ever)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.send, several(*cheap(3)))
            await trio.sleep(0.1)
            simulated.stop()
        await simulated.ended.wait()
        assert {order.status for order in simulated.view.recent_orders(9)} == {
            OrderStatus.NOT_PLACED
        }
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_an_order_with_a_time_to_live_ends_by_itself(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.send(
            PlaceOrder(terms=order_terms("bid", "1", "0.0100"), attribution=PERSON, expires_in_s=20)
        )
        order, now = simulated.view.order(placed.key), simulated.exchange.now()
        assert 19 * NS_PER_S < order.expires_at - now <= 20 * NS_PER_S
        assert not order.is_leased
        await simulated.wait_until(lambda: not order.status.is_live, within_s=21.0)
        assert (order.status, order.sentence) == (OrderStatus.CANCELED, "ExpiryCancel")


async def test_a_class_of_owners_may_have_a_time_to_live_of_its_own(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__person_orders__ttl_s=30) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        order = simulated.view.order(placed.key)
        assert order.expires_at - simulated.exchange.now() <= 30 * NS_PER_S
        at_once = await simulated.place(
            "bid", "1", "0.0100", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
        )
        assert simulated.view.order(at_once.key).terms.expires_at is None


async def test_an_order_whose_time_is_over_while_it_waits_for_its_turn_is_not_sent(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        rest = simulated.daemon.shared.venue.rest
        create_order, reasons = rest.create_order, []

        async def wait_and_ask(key, terms, *, still_wanted):
            await trio.sleep(3.0)
            reasons.append(still_wanted())
            return await create_order(key, terms, still_wanted=still_wanted)

        monkeypatch.setattr(rest, "create_order", wait_and_ask)
        outcome = await simulated.send(
            PlaceOrder(terms=order_terms("bid", "1", "0.0100"), attribution=PERSON, expires_in_s=2)
        )
        assert reasons == ["its time to live is over"]
        assert outcome.answer is Answer.UNAVAILABLE
        assert simulated.view.order(outcome.key).status is OrderStatus.NOT_PLACED
        assert simulated.exchange.venue.orders(simulated.account_id) == []


@pytest.mark.parametrize("words", ["news"])
async def test_an_order_that_a_halt_overtakes_in_the_queue_is_not_sent(
    tmp_path, autojump_clock, monkeypatch, words
):
    async with simulated_daemon(tmp_path) as simulated:
        rest = simulated.daemon.shared.venue.rest
        create_order = rest.create_order

        async def halted_meanwhile(key, terms, *, still_wanted):
            await simulated.send(Halt(reason=words))
            return await create_order(key, terms, still_wanted=still_wanted)

        monkeypatch.setattr(rest, "create_order", halted_meanwhile)
        outcome = await simulated.place("bid", "1", "0.0100")
        assert outcome.answer is Answer.UNAVAILABLE
        assert words in outcome.sentence
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_an_order_that_found_no_turn_is_no_error_of_the_exchange(tmp_path, autojump_clock):
    """Nothing was sent, so it must not count for the breaker (C15), nor hold its market."""
    async with simulated_daemon(tmp_path, risk__breaker_errors=1) as simulated:
        slow = BucketSize(1, 100)
        simulated.daemon.shared.venue.rest.throttle.learn_sizes(slow, slow)
        for ticker in TICKERS[:5]:
            assert (await simulated.place("bid", "1", "0.0100", ticker=ticker)).ok
        outcome = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[5])
        assert outcome.answer is Answer.UNAVAILABLE
        assert "no turn for it within 5 s" in outcome.sentence
        assert simulated.view.order(outcome.key).status is OrderStatus.NOT_PLACED
        assert simulated.view.conditions.consecutive_errors == 0
        assert simulated.view.conditions.halts == {}


async def test_one_lost_reply_of_a_batch_is_one_error(tmp_path, autojump_clock):
    """Row N1: five orders whose answer was lost together do not trip a breaker of five."""
    async with simulated_daemon(tmp_path, risk__breaker_errors=5) as simulated:
        simulated.exchange.faults.lose_reply_of_next("POST", f"{ORDERS}/batched")
        outcome = await simulated.send(several(*cheap(5)))
        assert outcome.answer is Answer.UNKNOWN
        assert simulated.view.conditions.consecutive_errors == 1
        assert list(simulated.view.conditions.halts) == []


async def test_being_told_to_wait_is_no_error(tmp_path, autojump_clock):
    """Row R9: 429 is a state."""
    async with simulated_daemon(tmp_path, risk__breaker_errors=2) as simulated:
        simulated.exchange.faults.refuse_requests(ORDERS, 429)
        for number in range(4):
            outcome = await simulated.place("bid", f"{number + 1}", "0.0100")
            assert outcome.answer in {Answer.REJECTED, Answer.UNAVAILABLE}
        assert simulated.view.conditions.consecutive_errors == 0
        assert list(simulated.view.conditions.halts) == []


async def test_batches_fit_what_placing_may_have_at_once(tmp_path, autojump_clock):
    """On a small tier with a small share a batch of five would be refused for ever."""
    async with simulated_daemon(tmp_path) as simulated:
        rest = simulated.daemon.shared.venue.rest
        rest.throttle.learn_sizes(BASIC_READ, BASIC_WRITE)
        assert rest.creates_at_once() == min(
            CREATES_MAX, rest.throttle.largest_write(Traffic.PLACE) // 10
        )
    async with simulated_daemon(fresh(tmp_path / "s"), rate_limits__place_percent=30) as simulated:
        rest = simulated.daemon.shared.venue.rest
        rest.throttle.learn_sizes(BASIC_READ, BASIC_WRITE)
        assert rest.creates_at_once() == 3
        outcome = await simulated.send(several(*cheap(5)))
        assert outcome.answer is Answer.DONE, outcome.sentence


async def test_a_leased_order_ends_with_the_begin_of_a_pause_and_a_persons_order_rests_on(
    tmp_path, autojump_clock
):
    """Control C13: in a pause nobody can renew, so nothing of a strategy waits for its end."""
    async with simulated_daemon(tmp_path) as simulated:
        machine = await simulated.place("bid", "1", "0.0100", strategy=True)
        person = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        simulated.exchange.pause()
        await trio.sleep(1.0)
        assert simulated.view.order(machine.key).status is OrderStatus.CANCELED
        assert simulated.view.order(person.key).status is OrderStatus.RESTING


async def test_a_refusal_as_a_duplicate_leaves_the_order_unknown_in_whatever_case(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:

        async def refuse(*_what, **_more):
            raise ExchangeRefused(status=409, code="ORDER_ALREADY_EXISTS", message="no")

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, "create_order", refuse)
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.UNKNOWN
