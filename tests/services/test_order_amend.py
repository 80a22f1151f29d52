"""Amend and decrease: every answer, error and silence has one outcome, and both terms count until it is known."""

from functools import partial

import pytest
import trio

from tests.services.test_orders import journaled
from tests.simulation import invariants
from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.core.last_gate import LastGate
from traderd.errors import ExchangeRefused, ExchangeUnavailable, InvariantViolation, OutcomeUnknown
from traderd.model.commands import AmendOrder, Answer, DecreaseOrder, Halt
from traderd.model.events import AmendRequested
from traderd.model.orders import OrderStatus
from traderd.model.units import Count, parse_count, parse_price
from traderd.paper.faults.faults import ORDERS
from traderd.store.journal import Journal


def amend(key: str, price: str | None = None, count: str | None = None) -> AmendOrder:
    return AmendOrder(
        key=key,
        price=None if price is None else parse_price(price),
        count=None if count is None else parse_count(count),
    )


def there(simulated, key):
    """Return the order as the exchange has it."""
    return simulated.exchange.venue.order(simulated.account_id, simulated.view.order(key).order_id)


async def test_an_amend_changes_price_and_total_and_keeps_the_order(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        order_id = simulated.view.order(placed.key).order_id
        outcome = await simulated.send(amend(placed.key, "0.0200", "7"))
        assert (outcome.answer, outcome.key) == (Answer.DONE, placed.key)
        assert outcome.sentence == (
            f"order {placed.key} is now bid 7 @ $0.0200 of {TICKERS[0]}, 7 left"
        )
        order, theirs = simulated.view.order(placed.key), there(simulated, placed.key)
        assert (order.order_id, order.pending) == (order_id, None)
        assert (
            (theirs.price, theirs.remaining_count) == (order.price, order.remaining) == (200, 700)
        )
        # It goes by another id there, which the next change names.
        assert theirs.client_order_id == order.exchange_client_id != placed.key
        again = await simulated.send(amend(placed.key, count="6"))
        assert again.ok
        assert there(simulated, placed.key).remaining_count == 600
        assert simulated.view.conditions.consecutive_errors == 0
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_the_amend_is_on_the_disk_when_the_request_arrives(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        venue, seen = simulated.exchange.venue, []
        done = venue.amend_order

        def amend_and_look(*what, **more):
            kept = journaled(tmp_path, AmendRequested)
            seen.append([str(each.terms.client_order_id) for each in kept])
            return done(*what, **more)

        venue.amend_order = amend_and_look
        assert (await simulated.send(amend(placed.key, "0.0200"))).ok
        assert seen == [[simulated.view.order(placed.key).exchange_client_id]]


async def test_an_amend_that_trades_is_booked(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        placed = await simulated.place("bid", "2", "0.0100")
        outcome = await simulated.send(amend(placed.key, ask))
        assert outcome.sentence == f"order {placed.key} was changed and is executed"
        assert simulated.view.position(TICKERS[0]).count == 200
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


@pytest.mark.parametrize(
    ("price", "count", "words"),
    [
        ("0.0100", "5", "is 5 @ $0.0100 already, so nothing is to do"),
        ("0.0150", None, "not on the price grid"),
        ("0.9900", None, "through the other side"),
        (None, "101", "more than risk.max_order_contracts = 100"),
        (None, "999999", "more than risk.max_order_contracts = 100"),
    ],
)
async def test_an_amend_that_may_not_be_is_refused_and_nothing_is_sent(
    tmp_path, autojump_clock, price, count, words
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        await trio.sleep(5.0)
        sent = simulated.daemon.shared.venue.rest.statistics().requests
        outcome = await simulated.send(amend(placed.key, price, count))
        assert outcome.answer is Answer.DENIED
        assert words in outcome.sentence
        assert simulated.daemon.shared.venue.rest.statistics().requests == sent
        assert simulated.view.order(placed.key).pending is None


async def test_what_nobody_can_change_is_said(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        assert "no order 'nope' is known" in (await simulated.send(amend("nope", "0.02"))).sentence
        await simulated.cancel(placed.key)
        ended = await simulated.send(amend(placed.key, "0.0200"))
        assert ended.sentence == f"order {placed.key} is canceled already"
        smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(100)))
        assert smaller.answer is Answer.DENIED


async def test_the_filled_part_is_part_of_the_total(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        placed = await simulated.place("bid", "5", bid)
        venue = simulated.exchange.venue
        book = venue.book(TICKERS[0])[0][0][1]
        venue.street.take(
            TICKERS[0], placed_side(), parse_price(bid), Count(book - 200), simulated.exchange.now()
        )
        simulated.exchange.settle()
        await trio.sleep(0.1)
        assert simulated.view.order(placed.key).filled == 300
        less = await simulated.send(amend(placed.key, count="3"))
        assert less.sentence.startswith(f"3 contracts of order {placed.key} have filled")
        assert (await simulated.send(amend(placed.key, count="4"))).ok
        assert there(simulated, placed.key).remaining_count == 100


def placed_side():
    from traderd.model.orders import Side

    return Side.ASK


@pytest.mark.parametrize("count", ["9", "2"])
async def test_under_way_the_worse_of_old_and_new_terms_counts(tmp_path, autojump_clock, count):
    """Control C3: in flight counts at once against every limit."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        before = simulated.view.exposure()
        simulated.hush_feeds()
        simulated.exchange.faults.delay_replies(1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulated.send, amend(placed.key, "0.0200", count))
            await trio.sleep(0.5)
            order = simulated.view.order(placed.key)
            assert order.worst_count == max(500, parse_count(count))
            assert order.worst_price == 200
            assert simulated.view.exposure() > before
            busy = await simulated.send(amend(placed.key, "0.0300"))
            assert busy.answer is Answer.UNAVAILABLE
            assert "another change of it is under way" in busy.sentence
        assert order.pending is None


async def test_an_amend_whose_reply_is_lost_fences_the_market_until_the_record_is_read(
    tmp_path, autojump_clock
):
    """Rows R10 and N7: an amend is never sent again, and its outcome is unknown until the record tells."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        outcome = await simulated.send(amend(placed.key, "0.0200", "7"))
        assert outcome.answer is Answer.UNKNOWN
        order = simulated.view.order(placed.key)
        assert order.terms_unknown
        denied = await simulated.place("bid", "1", "0.0100")
        assert "rule fence" in denied.sentence
        blocked = await simulated.send(amend(placed.key, "0.0300"))
        assert "the outcome of its last change is unknown" in blocked.sentence
        await simulated.wait_until(lambda: not order.terms_unknown, within_s=5.0)
        assert (order.price, order.count) == (200, 700)
        assert simulated.said("the terms of order")
        assert (await simulated.place("bid", "1", "0.0100")).ok
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_an_amend_that_never_arrived_is_given_up_after_the_quarantine(
    tmp_path, autojump_clock
):
    """Row R10: old terms in the record prove nothing before a request can no longer arrive."""
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=5) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.UNKNOWN
        order = simulated.view.order(placed.key)
        await trio.sleep(4.0)
        assert order.terms_unknown
        await simulated.wait_until(lambda: order.pending is None, within_s=9.0)
        assert (order.price, there(simulated, placed.key).price) == (100, 100)
        assert simulated.said("its record shows the old terms")
        # And it can be changed again.
        assert (await simulated.send(amend(placed.key, "0.0200"))).ok


async def test_an_amend_that_arrives_after_another_one_is_refused_by_the_id_that_it_names(
    tmp_path, autojump_clock
):
    """Row N9: a request that arrives after we gave it up changes nothing any more."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        order = simulated.view.order(placed.key)
        late = {
            "ticker": order.ticker,
            "side": order.side,
            "price": parse_price("0.0300"),
            "count": order.count,
            "present_id": order.exchange_client_id,
            "expires_at": simulated.exchange.now() + 10**12,
        }
        assert (await simulated.send(amend(placed.key, "0.0200"))).ok
        with pytest.raises(ExchangeRefused) as refused:
            await simulated.daemon.shared.venue.rest.renew_order(order.order_id, **late)
        assert refused.value.code == "order_id_and_client_order_id_mismatch"
        assert there(simulated, placed.key).price == 200


ANSWERS = [
    (ExchangeRefused(status=400, code="invalid_price", message="no"), Answer.REJECTED, 1),
    (ExchangeRefused(status=429, code="too_many_requests", message="no"), Answer.REJECTED, 0),
    (ExchangeRefused(status=404, code="not_found", message="no"), Answer.REJECTED, 0),
    (ExchangeUnavailable("no connection; nothing was sent"), Answer.UNAVAILABLE, 0),
    (OutcomeUnknown("HTTP 500"), Answer.UNKNOWN, 1),
]


@pytest.mark.parametrize(("error", "answer", "errors"), ANSWERS)
@pytest.mark.parametrize("verb", ["amend", "decrease"])
async def test_each_answer_has_one_outcome(
    tmp_path, autojump_clock, monkeypatch, error, answer, errors, verb
):
    """Rows R1, R8, R9 and R10."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        asked = []

        async def fail(*_, **__):
            asked.append(verb)
            raise error

        monkeypatch.setattr(simulated.daemon.shared.venue.rest, f"{verb}_order", fail)
        command = (
            amend(placed.key, "0.0200")
            if verb == "amend"
            else DecreaseOrder(key=placed.key, to=Count(200))
        )
        outcome = await simulated.send(command)
        order = simulated.view.order(placed.key)
        assert outcome.answer is answer
        assert (order.price, order.count, order.status) == (100, 500, OrderStatus.RESTING)
        assert order.terms_unknown is (answer is Answer.UNKNOWN)
        assert simulated.view.conditions.consecutive_errors == errors
        # It was sent once, whatever came back.
        assert asked == [verb]


async def test_an_order_that_filled_before_its_amend_is_found_filled(tmp_path, autojump_clock):
    """Row P16: the fill was faster, and the feed was silent."""
    async with simulated_daemon(tmp_path) as simulated:
        bid, _ = simulated.touch()
        placed = await simulated.place("bid", "3", bid)
        simulated.hush_feeds()
        simulated.trade_through("ask", bid)
        outcome = await simulated.send(amend(placed.key, "0.0200"))
        assert outcome.answer is Answer.REJECTED
        assert simulated.view.order(placed.key).status is OrderStatus.EXECUTED
        assert simulated.view.position(TICKERS[0]).count == 300


async def test_without_a_disk_nothing_is_amended_and_what_is_smaller_still_goes(
    tmp_path, autojump_clock
):
    """Row D7: no durable journal, no new risk; what takes risk away still goes."""
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        await trio.sleep(1.0)
        simulated.env.disk_words = "no space left"
        outcome = await simulated.send(amend(placed.key, "0.0200"))
        assert outcome.answer is Answer.UNAVAILABLE
        assert "no space left" in outcome.sentence
        assert there(simulated, placed.key).price == 100
        smaller = await simulated.send(DecreaseOrder(key=placed.key, to=Count(200)))
        assert smaller.ok
        assert there(simulated, placed.key).remaining_count == 200


async def test_a_halt_that_comes_while_the_disk_writes_still_stops_the_amend(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        wait_durable = Journal.wait_durable

        async def slow(self: Journal, position: int) -> None:
            await trio.sleep(2.0)
            await wait_durable(self, position)

        monkeypatch.setattr(Journal, "wait_durable", slow)
        outcomes = []

        async def change() -> None:
            outcomes.append(await simulated.send(amend(placed.key, "0.0200")))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
            await trio.sleep(0.5)
            await simulated.send(Halt(reason="news"))
        assert outcomes[0].answer is Answer.UNAVAILABLE
        assert "news" in outcomes[0].sentence
        assert (there(simulated, placed.key).price, simulated.view.order(placed.key).price) == (
            100,
            100,
        )


async def test_what_the_last_gate_stops_is_not_amended_and_halts(
    tmp_path, autojump_clock, monkeypatch
):
    """Control C9."""

    def stop(*_):
        raise InvariantViolation("more was sent than was asked for")

    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        monkeypatch.setattr(LastGate, "let_out", stop)
        outcome = await simulated.send(amend(placed.key, "0.0200"))
        assert outcome.answer is Answer.UNAVAILABLE
        assert "last_gate" in simulated.view.conditions.halts
        assert there(simulated, placed.key).price == 100


async def test_a_decrease_keeps_the_order_in_its_place(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        other = simulated.exchange.venue
        outcome = await simulated.send(DecreaseOrder(key=placed.key, by=Count(150)))
        assert outcome.sentence == (
            f"order {placed.key} is now bid 3.50 @ $0.0100 of {TICKERS[0]}, 3.50 left"
        )
        assert there(simulated, placed.key).remaining_count == 350
        assert simulated.view.order(placed.key).at_risk == 350
        assert other is simulated.exchange.venue
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


@pytest.mark.parametrize(
    ("by", "to", "words"),
    [
        (500, None, "cancel it instead"),
        (600, None, "cancel it instead"),
        (None, 500, "to make it larger"),
    ],
)
async def test_a_decrease_to_nothing_or_to_more_is_refused(tmp_path, autojump_clock, by, to, words):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        outcome = await simulated.send(DecreaseOrder(key=placed.key, by=by, to=to))
        assert outcome.answer is Answer.DENIED
        assert words in outcome.sentence


async def test_a_decrease_goes_although_trading_is_halted(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        await simulated.send(Halt(reason="news"))
        assert (await simulated.send(amend(placed.key, "0.0200"))).answer is Answer.DENIED
        assert (await simulated.send(DecreaseOrder(key=placed.key, to=Count(100)))).ok


@pytest.mark.parametrize("arrives", [True, False])
async def test_an_amend_that_was_under_way_at_death_is_found_by_the_next_run(
    tmp_path, autojump_clock, arrives
):
    """Row D2: what was under way becomes unknown, and the record tells."""
    async with simulated_exchange(tmp_path) as at:
        state = fresh(tmp_path / "state")
        async with simulated_daemon(state, at=at) as first:
            placed = await first.place("bid", "5", "0.0100")
            first.hush_feeds()
            faults = at.exchange.faults
            if arrives:
                faults.delay_replies(5.0)
            else:
                faults.delay_requests(5.0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(first.send, amend(placed.key, "0.0200", "7")))
                await trio.sleep(0.5)
                nursery.cancel_scope.cancel()
            first.kill()
            await first.ended.wait()
            faults.clear()
        async with simulated_daemon(state, at=at, trading__unknown_quarantine_s=5) as second:
            order = second.view.order(placed.key)
            await second.wait_until(lambda: order.pending is None, within_s=20.0)
            theirs = at.exchange.venue.order(second.account_id, order.order_id)
            assert (order.price, order.count) == (theirs.price, theirs.initial_count)
            await invariants.settle(second)
            await invariants.check_everything(second)
        invariants.check_journal(state)
