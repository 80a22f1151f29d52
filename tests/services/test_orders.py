"""The order service: nothing leaves before it is on the disk, and every order gets an answer."""

import copy
from functools import partial

import apsw
import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import TICKERS, order_terms, simulated_daemon, simulated_exchange
from traderd.app import JOURNAL_FILE
from traderd.core.last_gate import LastGate
from traderd.core.orders import Order
from traderd.errors import ExchangeRefused, InvariantViolation
from traderd.kalshi.order_calls import PlacedOrder
from traderd.model.commands import Answer, Halt
from traderd.model.events import OrderIntended
from traderd.model.orders import Attribution, OrderOwner, OrderStatus, OrderTerms, Side, TimeInForce
from traderd.model.units import (
    Count,
    Price,
    Timestamp,
    format_price,
    parse_count,
    parse_price,
    show_average,
)
from traderd.paper.faults.faults import ORDERS
from traderd.services.condition_documents import conditions_document, health_word, problems_of
from traderd.services.ledger_document import reconciliation_document
from traderd.services.order_words import describe_order
from traderd.store import codec
from traderd.store.journal import Journal


def intents_on_disk(state_dir) -> list[str]:
    connection = apsw.Connection(str(state_dir / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT position, kind, body FROM journal").fetchall()
    connection.close()
    events = [codec.decode(kind, body, position=position) for position, kind, body in rows]
    return [event.client_order_id for event in events if isinstance(event, OrderIntended)]


def journaled(state_dir, kind: type) -> list:
    """Return the events of one kind that are on the disk, oldest first."""
    connection = apsw.Connection(str(state_dir / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT position, kind, body FROM journal").fetchall()
    connection.close()
    events = [codec.decode(kind, body, position=position) for position, kind, body in rows]
    return [event for event in events if isinstance(event, kind)]


async def test_the_intent_is_on_the_disk_when_the_request_arrives(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        venue, seen = simulated.exchange.venue, []
        create = venue.create_order

        def create_and_look(account_id, terms, client_order_id, now, **more):
            seen.append((client_order_id, intents_on_disk(tmp_path)))
            return create(account_id, terms, client_order_id, now, **more)

        venue.create_order = create_and_look
        outcome = await simulated.place("bid", "1", "0.0100")
        assert outcome.ok
        assert seen == [(outcome.key, [outcome.key])]


async def test_without_a_disk_no_order_leaves_and_cancels_still_go(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        resting = await simulated.place("bid", "1", "0.0100")
        # What that order left to write reaches the disk first.
        await trio.sleep(1.0)
        simulated.env.disk_words = "no space left"
        outcome = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        assert outcome.answer is Answer.UNAVAILABLE
        assert "no space left" in outcome.sentence
        assert simulated.view.order(outcome.key).status is OrderStatus.NOT_PLACED
        assert len(simulated.exchange.venue.orders(simulated.account_id)) == 1
        assert (await simulated.cancel(resting.key)).ok
        denied = await simulated.place("bid", "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert "no order can be made durable" in denied.sentence


async def test_an_accepted_order_is_described(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        rests = await simulated.place("bid", "5", bid)
        assert rests.sentence == f"bid 5 @ ${bid} of {TICKERS[0]} rests"
        filled = await simulated.place("bid", "1", ask)
        assert filled.sentence.startswith(
            f"bid 1 @ ${ask} of {TICKERS[0]} is filled, 1 filled at $"
        )


async def test_what_was_paid_is_told_where_it_is_not_the_limit(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__price_collar_dollars="0.20") as simulated:
        _, ask = simulated.touch()
        limit = format_price(Price(parse_price(ask) + 500))
        filled = await simulated.place("bid", "1", limit)
        await invariants.settle(simulated)
        (fill,) = simulated.view.recent_fills(9)
        assert (fill.price, format_price(fill.price)) == (parse_price(ask), ask)
        assert filled.sentence == (
            f"bid 1 @ ${limit} of {TICKERS[0]} is filled, 1 filled at ${ask} on average, "
            f"fee {show_average(fill.fee)} a contract"
        )


async def test_an_order_in_doubt_is_named_in_answer_status_and_reconciliation(
    tmp_path, autojump_clock
):
    """Row N1: the answer is lost; whoever asked must know the order's key and must not send it again."""
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        outcome = await simulated.place("bid", "4", "0.0100")
        order = simulated.view.order(outcome.key)
        assert order.status is OrderStatus.UNKNOWN
        assert outcome.sentence.startswith(f"it is not known whether order {order.key} was placed")
        assert "Do not send it again: the daemon is finding out" in outcome.sentence
        assert "role=SERVER" not in outcome.sentence
        status, reconciliation = (
            conditions_document(simulated.view),
            reconciliation_document(simulated.view, Timestamp(0)),
        )
        assert status["orders_in_doubt"] == reconciliation["orders_in_doubt"]
        (doubt,) = status["orders_in_doubt"]
        assert (doubt["key"], doubt["ticker"]) == (order.key, order.ticker)
        assert health_word(simulated.view) == "degraded"
        assert doubt["sentence"] in problems_of(simulated.view)
        await simulated.wait_until(lambda: order.status is OrderStatus.RESTING, within_s=10.0)
        assert conditions_document(simulated.view)["orders_in_doubt"] == []


async def test_the_unfilled_rest_of_an_immediate_order_has_ended(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.place(
            "bid", "5", "0.0100", time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL
        )
        assert outcome.sentence.endswith("ended without resting, 0 filled")
        assert simulated.view.live_orders() == ()


async def test_a_post_only_order_that_would_cross_is_no_sign_of_a_fault(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        _, ask = simulated.touch()
        outcome = await simulated.place("bid", "5", ask, post_only=True)
        assert outcome.answer is Answer.REJECTED
        assert simulated.view.conditions.consecutive_errors == 0


async def test_a_burned_id_is_looked_up_and_not_taken_for_a_refusal(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        burned = copy.copy(simulated.daemon.shared.order_ids).next_id()
        simulated.hush_feeds()
        simulated.exchange.venue.create_order(
            simulated.account_id,
            order_terms("bid", "4", "0.0100"),
            burned,
            simulated.exchange.now(),
        )
        outcome = await simulated.place("bid", "4", "0.0100")
        assert (outcome.key, outcome.answer) == (burned, Answer.UNKNOWN)
        order = simulated.view.order(burned)
        await simulated.wait_until(lambda: order.status is OrderStatus.RESTING, within_s=5.0)


async def test_what_the_last_gate_stops_halts_and_is_not_sent(
    tmp_path, autojump_clock, monkeypatch
):
    def stop(*_):
        raise InvariantViolation("more was sent than was asked for")

    async with simulated_daemon(tmp_path) as simulated:
        monkeypatch.setattr(LastGate, "let_out", stop)
        outcome = await simulated.place("bid", "1", "0.0100")
        assert outcome.answer is Answer.UNAVAILABLE
        assert "last_gate" in simulated.view.conditions.halts
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_an_order_whose_service_crashed_is_searched_for_by_the_next_run(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=2) as simulated:
        rest = simulated.daemon.shared.venue.rest

        async def fail(*_, **__):
            await trio.sleep(0.1)
            raise RuntimeError("a defect")

        monkeypatch.setattr(rest, "create_order", fail)
        outcomes = []

        async def place(ticker: str) -> None:
            outcomes.append(await simulated.place("bid", "1", "0.0100", ticker=ticker))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(place, TICKERS[0])
            await trio.sleep(0.05)
            nursery.start_soon(place, TICKERS[1])
        # Each got an answer, and none of the answers claims to know.
        assert [outcome.answer for outcome in outcomes] == [Answer.UNKNOWN, Answer.UNKNOWN]
        statuses = [order.status for order in simulated.view.live_orders()]
        assert len(statuses) == 2
        await simulated.wait_until(lambda: simulated.view.live_orders() == (), within_s=30.0)
        assert {o.status for o in simulated.view.recent_orders(9)} == {OrderStatus.NOT_PLACED}
        monkeypatch.undo()
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_a_service_that_ends_with_six_orders_in_flight_trips_no_breaker_of_five(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path, risk__breaker_errors=5) as simulated:
        rest, real = (
            simulated.daemon.shared.venue.rest,
            simulated.daemon.shared.venue.rest.create_order,
        )
        count = 0

        async def crash_at_last(*args, **named):
            nonlocal count
            count += 1
            await trio.sleep(0.5)
            if count == 6:
                raise RuntimeError("a defect")
            return await real(*args, **named)

        monkeypatch.setattr(rest, "create_order", crash_at_last)
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(partial(simulated.place, "bid", "1", f"0.0{number + 1}00"))
        monkeypatch.undo()
        await trio.sleep(10.0)
        # Five were stopped by the end of the sixth, which is told by the next run.
        assert simulated.count("the daemon was stopped while the request was in flight") == 5
        assert simulated.count("the order service ended before an answer came") == 1
        assert simulated.view.conditions.consecutive_errors == 0
        assert dict(simulated.view.conditions.halts) == {}


async def test_an_order_that_waits_for_the_disk_at_the_end_was_never_sent(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:

        async def wait_for_ever(*_) -> None:
            await trio.sleep_forever()

        monkeypatch.setattr(Journal, "wait_durable", wait_for_ever)
        async with trio.open_nursery() as nursery:
            outcomes = []

            async def place() -> None:
                outcomes.append(await simulated.place("bid", "1", "0.0100"))

            nursery.start_soon(place)
            await trio.sleep(0.1)
            simulated.stop()
        await simulated.ended.wait()
        (order,) = simulated.view.recent_orders(9)
        assert order.status is OrderStatus.NOT_PLACED
        assert simulated.exchange.venue.orders(simulated.account_id) == []
        assert outcomes[0].answer is Answer.UNKNOWN


async def test_without_trading_nobody_serves_orders(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__enabled=False) as simulated:
        outcome = await simulated.place("bid", "1", "0.0100")
        assert (outcome.answer, outcome.sentence) == (
            Answer.UNAVAILABLE,
            "nothing serves PlaceOrder now",
        )


@pytest.mark.parametrize(
    ("status", "filled", "words"),
    [
        (OrderStatus.RESTING, "0", "ask 5 @ $0.4500 of T rests"),
        (OrderStatus.EXECUTED, "5", "ask 5 @ $0.4500 of T is filled, 5 filled"),
        (OrderStatus.UNKNOWN, "0", "ask 5 @ $0.4500 of T is unknown"),
    ],
)
def test_orders_are_described_in_words(status, filled, words):
    order = Order(
        key="k",
        ticker="T",
        side=Side.ASK,
        price=parse_price("0.45"),
        count=parse_count("5"),
        attribution=Attribution(owner=OrderOwner.PERSON),
        status=status,
        created_at=Timestamp(0),
        updated_at=Timestamp(0),
        filled=Count(parse_count(filled)),
    )
    assert describe_order(order) == words


async def test_a_cancel_that_a_death_broke_off_is_asked_again_at_the_next_start(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(tmp_path, at=at) as simulated:
            placed = await simulated.place("bid", "5", "0.0100", strategy=True)
            simulated.exchange.faults.refuse_requests("/portfolio/events/orders", 503)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(simulated.cancel, placed.key)
                await trio.sleep(0.1)
                assert simulated.view.order(placed.key).status is OrderStatus.CANCELLING
                await trio.sleep(0.4)
                simulated.kill()
                await simulated.ended.wait()
                nursery.cancel_scope.cancel()
        at.exchange.faults.clear()
        async with simulated_daemon(tmp_path, at=at) as simulated:
            await trio.sleep(10.0)
            assert simulated.view.order(placed.key).status is OrderStatus.CANCELED
            (order,) = at.exchange.venue.orders(simulated.account_id)
            assert order.status is OrderStatus.CANCELED


async def test_a_halt_that_comes_while_the_disk_writes_still_stops_the_order(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        journal = simulated.daemon.shared.journal
        wait_durable = Journal.wait_durable

        async def slow(self: Journal, position: int) -> None:
            await trio.sleep(2.0)
            await wait_durable(self, position)

        monkeypatch.setattr(type(journal), "wait_durable", slow)
        outcomes = []

        async def place() -> None:
            outcomes.append(await simulated.place("bid", "1", "0.0100"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(place)
            await trio.sleep(0.5)
            await simulated.send(Halt(reason="news"))
        (outcome,) = outcomes
        assert outcome.answer is Answer.UNAVAILABLE
        assert "news" in outcome.sentence
        assert simulated.exchange.venue.orders(simulated.account_id) == []


async def test_one_paused_market_leaves_the_others_alone(tmp_path, autojump_clock, monkeypatch):
    async with simulated_daemon(tmp_path) as simulated:
        rest = simulated.daemon.shared.venue.rest
        create_order = rest.create_order

        async def one_is_paused(key: str, terms: OrderTerms, **more) -> PlacedOrder:
            if terms.ticker == TICKERS[0]:
                raise ExchangeRefused(
                    status=409, code="trading_is_paused", message="trading is paused"
                )
            return await create_order(key, terms, **more)

        monkeypatch.setattr(rest, "create_order", one_is_paused)
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.REJECTED
        again = await simulated.place("bid", "1", "0.0100")
        assert again.answer is Answer.DENIED
        assert "paused" in again.sentence
        other = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        assert other.answer is Answer.DONE
        monkeypatch.setattr(rest, "create_order", create_order)
        await trio.sleep(31.0)
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DONE


async def test_a_denied_order_does_not_make_the_daemon_act(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert (await simulated.place("bid", "101", "0.0100")).answer is Answer.DENIED
        assert "acting" not in simulated.states()
