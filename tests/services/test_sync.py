"""Calibration: a reading is complete or it is nothing, and every difference is told."""

import pytest
import structlog
import trio

from tests.simulation.harness import (
    TICKERS,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.core.balance_proof import Proof
from traderd.errors import ExchangeError, ExchangeProtocolError, ExchangeUnavailable
from traderd.kalshi.rest import RestClient
from traderd.kalshi.rows import RowReading
from traderd.model.commands import Answer, Calibrate
from traderd.model.events import FeedName, TradingStateUpdated
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.model.states import State
from traderd.model.units import Money, Timestamp, format_price, parse_money
from traderd.services.account_reading import gather
from traderd.services.console_source import DaemonSource
from traderd.services.context import Context
from traderd.services.sync import UNDECIDED, describe_update


def update(**changes) -> TradingStateUpdated:
    facts = {
        "at": Timestamp(0),
        "sync_type": "update",
        "version": 2,
        "balance": Money(990_120_000),
        "balance_change": Money(-9_880_000),
        "portfolio_value": Money(0),
        "position_count": 3,
        "position_count_change": 1,
        "order_count": 2,
        "order_count_change": 0,
        "differences": (),
    }
    return TradingStateUpdated(**facts | changes)


def test_the_line_tells_where_the_account_stands_and_what_was_new():
    assert describe_update(update()) == (
        "Trading state updated: balance $990.12 (-$9.88), positions 3 (+1), orders 2 (0)"
    )
    assert describe_update(update(order_count_change=-2)).endswith("orders 2 (-2)")


async def test_the_account_is_read_before_ready_and_then_periodically(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__sync_interval_s=30) as simulated:
        assert simulated.view.account.version == 1
        assert simulated.view.account.balance == 1_000_000_000
        await trio.sleep(301.0)
        assert simulated.view.account.version == 11
        # A reading in which nothing was new is not worth a line.
        assert simulated.count("Trading state updated") == 1


async def test_a_calibration_can_be_asked_for(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.send(Calibrate())
        assert outcome.answer is Answer.DONE
        assert outcome.sentence == (
            "Trading state updated: balance $1000.00 ($0.00), positions 0 (0), orders 0 (0); "
            "nothing differed"
        )
        assert simulated.view.account.version == 2


@pytest.mark.parametrize(
    "part", ["/exchange/status", "/portfolio/positions", "/portfolio/fills", "/portfolio/balance"]
)
async def test_a_reading_of_which_a_part_failed_changes_nothing(tmp_path, autojump_clock, part):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "1", "0.0100")
        # The feed tells of the order in its own time.
        await trio.sleep(1.0)
        simulated.exchange.faults.refuse_requests(part, 503)
        position = simulated.daemon.shared.journal.position
        outcome = await simulated.send(Calibrate())
        assert outcome.answer is Answer.UNAVAILABLE
        assert "calibration failed" in outcome.sentence
        assert simulated.view.account.version == 1
        assert simulated.daemon.shared.journal.position == position
        assert simulated.state is State.READY


async def test_a_calibration_whose_stage_is_taken_down_is_answered(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.delay_replies(5.0)
        outcomes = []

        async def ask() -> None:
            outcomes.append(await simulated.send(Calibrate()))

        with trio.fail_after(10.0):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask)
                await trio.sleep(1.0)
                simulated.exchange.faults.clear()
                simulated.exchange.faults.drop_websockets("fill")
        assert outcomes[0].answer is Answer.UNKNOWN
        await simulated.wait_ready()


async def test_missed_fills_are_booked_in_the_order_of_their_execution(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        bid, ask = simulated.touch()
        await simulated.place("bid", "3", bid)
        await simulated.place("ask", "2", ask)
        simulated.hush_feeds()
        simulated.trade_through("ask", bid)
        await trio.sleep(1.0)
        simulated.trade_through("bid", ask)
        assert simulated.view.ledger.fill_count == 0
        await simulated.send(Calibrate())
        assert [fill.side.value for fill in simulated.view.ledger.recent_fills] == ["bid", "ask"]
        assert simulated.view.position(TICKERS[0]).count == 100
        assert simulated.count("fill_missed") == 2
        assert simulated.view.live_orders() == ()
        assert {o.status for o in simulated.view.recent_orders(9)} == {OrderStatus.EXECUTED}


async def test_the_first_balance_is_told_as_the_beginning_of_our_books(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        assert simulated.said("our books open with the balance at the exchange, $1000.00")
        assert not simulated.said("we had no balance")


async def test_an_order_of_somebody_else_is_adopted_and_its_end_is_noticed(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.hush_feeds()
        venue, account_id = simulated.exchange.venue, simulated.account_id
        foreign = venue.create_order(
            account_id, order_terms("bid", "2", "0.0100"), None, simulated.exchange.now()
        )
        await simulated.send(Calibrate())
        (order,) = simulated.view.live_orders()
        assert (order.order_id, order.attribution.owner) == (foreign.order_id, OrderOwner.EXTERNAL)
        assert simulated.said(f"order_adopted {foreign.order_id}: we had not known")
        await trio.sleep(1.0)
        venue.cancel_order(account_id, foreign.order_id, simulated.exchange.now())
        await simulated.send(Calibrate())
        assert order.status is OrderStatus.CANCELED
        assert simulated.said(f"order_ended {foreign.order_id}: we had resting")


async def test_a_position_that_was_there_before_us_is_carried_in(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        ask = format_price(at.exchange.venue.book(TICKERS[0])[1][0][0])
        at.exchange.venue.create_order(
            at.credentials.account_id, order_terms("bid", "4", ask), None, at.exchange.now()
        )
        # Too long ago for the reading of fills that a first run asks for.
        await trio.sleep(300.0)
        async with simulated_daemon(fresh(tmp_path / "state"), at=at) as simulated:
            position = simulated.view.position(TICKERS[0])
            assert (position.count, position.carried_in) == (400, 400)
            assert simulated.said(f"carried_in {TICKERS[0]}: we had 0, the exchange says +4")
            assert simulated.view.conditions.halts == {}


async def test_no_reading_raises_a_false_alarm_while_orders_fill(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, strategies=True, exchange__events_per_s=20, trading__sync_interval_s=0.5
    ) as simulated:
        # Replies take longer than fills need to happen between two of them.
        simulated.exchange.faults.delay_replies(0.2)
        await trio.sleep(300.0)
        assert simulated.view.ledger.fill_count > 20
        assert simulated.view.account.version > 100
        assert not simulated.said("HALT")


async def test_calls_run_together_and_their_results_keep_their_order(autojump_clock):
    async def slow() -> str:
        await trio.sleep(2)
        return "slow"

    async def fast() -> str:
        await trio.sleep(1)
        return "fast"

    began = trio.current_time()
    assert await gather(slow, fast) == ["slow", "fast"]
    assert trio.current_time() - began == 2


async def test_one_call_that_fails_ends_the_others_with_one_sentence(autojump_clock):
    ended = []

    async def wait() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(True)

    async def fail() -> None:
        await trio.sleep(1)
        raise ExchangeUnavailable("nobody there")

    with pytest.raises(ExchangeError, match=r"^nobody there$"):
        await gather(wait, fail)
    assert ended == [True]


async def test_a_fill_of_an_outage_is_booked_although_a_younger_one_came_by_the_feed(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at, simulated_daemon(tmp_path, at=at) as simulated:
        first, second = TICKERS[0], TICKERS[1]
        faults = simulated.exchange.faults
        for ticker in (first, second):
            await simulated.place("bid", "5", simulated.touch(ticker)[0], ticker=ticker)
        faults.refuse_websockets(503)
        faults.drop_websockets("fill")
        faults.refuse_requests("/portfolio/positions", 503)
        await trio.sleep(2.0)
        simulated.trade_through("ask", simulated.touch(first)[0], ticker=first)
        await trio.sleep(70.0)
        faults.accept_websockets()
        await simulated.wait_until(
            lambda: simulated.view.feed(FeedName.PRIVATE).connected, within_s=120
        )
        simulated.trade_through("ask", simulated.touch(second)[0], ticker=second)
        await trio.sleep(1.0)
        faults.clear()
        await simulated.wait_ready(within_s=200)
        assert simulated.view.ledger.fill_count == 2
        assert simulated.view.owing_orders() == ()
        assert dict(simulated.view.conditions.halts) == {}


async def test_the_balance_follows_a_fill_before_the_period_is_over(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__sync_interval_s=3_000) as simulated:
        await simulated.place("bid", "5", simulated.touch()[0])
        simulated.trade_through("ask", simulated.touch()[0])
        await trio.sleep(10.0)
        balance = simulated.exchange.venue.balance(simulated.account_id).available
        assert simulated.view.account.balance == balance
        # It waits before it asks, and that is no work.
        inbox = simulated.daemon.shared.bus.statistics_by_name()["sync"]
        assert inbox.received
        assert inbox.handler_p99_ms == 0


async def test_a_reading_that_cannot_be_understood_halts_and_a_good_one_ends_that(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:

        async def unreadable() -> None:
            raise ExchangeProtocolError("GET /portfolio/balance: balance_dollars is missing")

        with monkeypatch.context() as patch:
            patch.setattr(simulated.daemon.shared.venue.rest, "balance", unreadable)
            assert (await simulated.send(Calibrate())).answer is Answer.UNAVAILABLE
        assert "balance_dollars" in simulated.view.conditions.halts["unreadable_account"].reason
        assert "calibration" in simulated.view.conditions.degraded
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED
        assert (await simulated.send(Calibrate())).answer is Answer.DONE
        assert dict(simulated.view.conditions.halts) == {}
        assert dict(simulated.view.conditions.degraded) == {}


async def test_an_order_that_the_exchange_forgot_ends_after_a_grace_and_says_so(
    tmp_path, autojump_clock, monkeypatch
):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        rest = simulated.daemon.shared.venue.rest

        async def nothing(**_: object) -> RowReading[object]:
            return RowReading(rows=())

        async def not_found(_: object) -> None:
            return None

        monkeypatch.setattr(rest, "read_orders", nothing)
        monkeypatch.setattr(rest, "read_order", not_found)
        await trio.sleep(50.0)
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        await trio.sleep(70.0)
        order = simulated.view.order(placed.key)
        assert order.status is OrderStatus.CANCELED
        assert "has not known it" in order.sentence
        assert simulated.count("vanished") == 1


async def test_what_another_subaccount_of_the_member_trades_is_none_of_our_business(
    tmp_path, autojump_clock
):
    """Kalshi lists orders and fills of all subaccounts, and the positions and the balance of number 0 only."""
    async with simulated_daemon(tmp_path) as simulated:
        venue, now = simulated.exchange.venue, simulated.exchange.now
        account = venue.account(simulated.account_id)
        # The times of transfers are whole seconds.
        await trio.sleep(5.0)
        venue.bank.open_subaccount(account, now())
        venue.bank.transfer(account, "t-1", 0, 1, parse_money("50"), now())
        for price in (simulated.touch()[1], "0.0100"):
            terms = order_terms("bid", "5", price)
            venue.create_order(simulated.account_id, terms, None, now(), subaccount=1)
        simulated.exchange.settle()
        await trio.sleep(100.0)
        view = simulated.view
        assert venue.fills(simulated.account_id, subaccount=1)
        assert (view.ledger.fill_count, view.live_orders(), dict(view.conditions.halts)) == (
            0,
            (),
            {},
        )
        assert view.account.proof.status is Proof.PROVED


@pytest.mark.parametrize(
    ("verb", "body"), [("reconcile", {"ignore": ["all"]}), ("calibrate", {"accept_balance": True})]
)
async def test_a_decision_that_its_own_reading_made_stale_says_that_the_account_was_read(
    tmp_path, autojump_clock, monkeypatch, verb, body
):
    """The reading itself raises the halt that nobody had seen."""
    async with simulated_daemon(tmp_path) as simulated:
        shared = simulated.daemon.shared
        source = DaemonSource(Context(name="web", shared=shared, log=structlog.get_logger()))

        async def nothing(*_: object, **__: object) -> RowReading[object]:
            return RowReading(rows=())

        monkeypatch.setattr(RestClient, "read_fills", nothing)
        simulated.hush_feeds()
        await simulated.place("bid", "5", simulated.touch()[1])
        seen = source.state_version()
        status, document = 200, {}
        while status == 200 and not simulated.view.conditions.halts:
            await trio.sleep(5.0)
            status, document = await source.command(verb, body, source.state_version())
        assert simulated.view.conditions.halts
        assert source.state_version() != seen
        sentence = document["error"]["sentence"]
        assert (status, document["error"]["code"]) == (412, "state_changed")
        assert sentence.startswith("Trading state updated: ")
        assert sentence.endswith(UNDECIDED)
        assert "nothing was done" not in sentence
