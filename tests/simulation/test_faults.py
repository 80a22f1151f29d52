"""One fault at a time: what the daemon does, what it says, and that it comes back by itself."""

from functools import partial

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from traderd.core.conditions import BREAKER_HALT
from traderd.model.commands import Answer, CancelOrders, ClearHalt, Pause, Resume
from traderd.model.events import Author, FeedName, HaltRaised
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderStatus, TimeInForce
from traderd.model.states import State
from traderd.model.units import Timestamp
from traderd.paper.faults.faults import ORDERS
from traderd.services.market_data import PART

MINUTE_S = 60.0


def requests(simulated) -> int:
    return simulated.daemon.shared.venue.rest.statistics().requests


def orders_there(simulated):
    return simulated.exchange.venue.orders(simulated.account_id)


# --- lost connections -----------------------------------------------------------------------------


async def test_losing_both_websockets_is_an_error_that_heals_without_a_restart(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        generation = simulated.daemon.shared.journal.generation
        assert simulated.exchange.faults.drop_websockets() == 2
        await simulated.wait_state(State.ERROR, within_s=1.0)
        error = simulated.view.transitions[-1].metadata
        assert error.failed_stage == "trading_client"
        assert "private feed was lost" in error.error
        await simulated.wait_ready()
        assert simulated.daemon.shared.journal.generation == generation
        assert (await simulated.place("bid", "1", "0.0100")).ok
        await simulated.wait_until(lambda: simulated.view.market_data.usable_books() == 12)


async def test_a_minute_of_503_to_everything_is_an_error_that_heals(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        faults = simulated.exchange.faults
        faults.refuse_websockets(503)
        faults.refuse_requests("/", 503)
        faults.drop_websockets()
        await simulated.wait_state(State.ERROR, within_s=1.0)
        await trio.sleep(MINUTE_S)
        assert simulated.state in {State.ERROR, State.TRADING_CLIENT_CONNECT}
        attempts = [
            change.metadata.attempt
            for change in simulated.view.transitions
            if change.to_state is State.ERROR
        ]
        # It tries again and again, in a row that is counted, and not in a hot loop.
        assert attempts == list(range(1, len(attempts) + 1))
        assert 3 <= len(attempts) <= 20
        denied = await simulated.place("bid", "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert "rule state" in denied.sentence
        faults.clear()
        await simulated.wait_ready(within_s=61.0)
        await simulated.wait_until(lambda: simulated.view.market_data.usable_books() == 12)
        await simulated.wait_until(lambda: PART not in simulated.view.conditions.degraded)
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_a_minute_of_503_to_requests_alone_leaves_the_state_and_the_account_alone(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, trading__sync_interval_s=5) as simulated:
        placed = await simulated.place("bid", "2", "0.0100")
        simulated.exchange.faults.refuse_requests("/", 503)
        version = simulated.view.account.version
        await trio.sleep(MINUTE_S)
        assert simulated.state is State.READY
        assert simulated.view.account.version == version
        assert simulated.said("calibration failed, nothing was changed")
        # A failed reading is never "no orders".
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: simulated.view.account.version > version)


async def test_orders_go_on_while_only_the_book_feed_is_down(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        faults = simulated.exchange.faults
        faults.refuse_websockets(503)
        assert faults.drop_websockets("orderbook_delta") == 1
        await simulated.wait_until(lambda: PART in simulated.view.conditions.degraded)
        assert simulated.view.market_data.usable_books() == 0
        await trio.sleep(3_600)
        assert simulated.state is State.READY
        assert simulated.view.feed(FeedName.PRIVATE).connected
        # A person trades on last known prices, is told so, and is kept near to them.
        placed = await simulated.place("bid", "3", "0.0100")
        assert placed.ok
        assert "; book grade F: " in placed.sentence
        denied = await simulated.place("bid", "3", "0.9900")
        assert denied.sentence.startswith("denied by rule collar: ")
        assert (await simulated.cancel(placed.key)).ok
        assert State.ERROR.value not in simulated.states()
        faults.clear()
        await simulated.wait_until(lambda: simulated.view.market_data.usable_books() == 12)
        assert PART not in simulated.view.conditions.degraded
        again = await simulated.place("bid", "3", "0.0100")
        assert again.ok
        assert "book grade" not in again.sentence


async def test_while_the_book_feed_is_down_a_strategy_takes_no_new_risk_unless_any_book_will_do(
    tmp_path, autojump_clock
):
    for minimum in "CF":
        async with simulated_daemon(
            fresh(tmp_path / minimum), risk__min_book_grade=minimum
        ) as simulated:
            simulated.exchange.faults.refuse_websockets(503)
            simulated.exchange.faults.drop_websockets("orderbook_delta")
            await simulated.wait_until(lambda: PART in simulated.view.conditions.degraded)
            await trio.sleep(MINUTE_S)
            outcome = await simulated.place("bid", "3", "0.0100", strategy=True)
            assert outcome.ok is (minimum == "F")
            if minimum == "C":
                assert "denied by rule book_grade: book grade F, minimum C: " in outcome.sentence


async def test_a_required_book_feed_that_is_lost_is_an_error_that_heals(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__enabled=False) as simulated:
        assert "trading_client_connect" not in simulated.states()
        simulated.exchange.faults.drop_websockets()
        await simulated.wait_state(State.ERROR, within_s=1.0)
        await simulated.wait_ready()
        assert simulated.view.market_data.usable_books() == 12
        # Numbers go on, or the first frames of the new connection would look old.
        assert simulated.view.feed(FeedName.MARKET_DATA).connection > 1
        assert simulated.view.market_data.stale_frames == 0


async def test_an_exchange_that_is_not_there_yet_is_waited_for(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_websockets(503)
        at.exchange.faults.refuse_requests("/", 503)
        async with simulated_daemon(fresh(tmp_path / "state"), at=at, ready=False) as simulated:
            await simulated.wait_state(State.ERROR)
            await trio.sleep(3 * MINUTE_S)
            assert State.READY.value not in simulated.states()
            at.exchange.faults.clear()
            await simulated.wait_ready(within_s=2 * MINUTE_S)


# --- doubt about one order ------------------------------------------------------------------------


async def test_a_create_whose_reply_is_lost_is_unknown_fenced_and_found(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        faults = simulated.exchange.faults
        # The feed would tell at once; here it says nothing, and the search has to find the order.
        simulated.hush_feeds()
        faults.lose_reply_of_next("POST", ORDERS)
        faults.refuse_requests("/portfolio/orders", 503)
        unknown = await simulated.place("bid", "5", "0.0100")
        assert unknown.answer is Answer.UNKNOWN
        assert simulated.view.order(unknown.key).status is OrderStatus.UNKNOWN
        fenced = await simulated.place("bid", "1", "0.0200")
        assert fenced.answer is Answer.DENIED
        assert "fence" in fenced.sentence
        elsewhere = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        assert elsewhere.ok
        # However long the search is refused, nothing is given up: an error is not absence.
        await trio.sleep(2 * MINUTE_S)
        assert simulated.view.order(unknown.key).status is OrderStatus.UNKNOWN
        faults.clear()
        await simulated.wait_until(
            lambda: simulated.view.order(unknown.key).status is OrderStatus.RESTING, within_s=10.0
        )
        assert (await simulated.place("bid", "1", "0.0200")).ok
        assert len(orders_there(simulated)) == 3


async def test_a_create_whose_reply_is_lost_is_known_by_the_feed_at_once(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.lose_reply_of_next("POST", ORDERS)
        outcome = await simulated.place("bid", "5", "0.0100")
        await simulated.wait_until(
            lambda: simulated.view.order(outcome.key).status is OrderStatus.RESTING, within_s=1.0
        )
        assert len(orders_there(simulated)) == 1


async def test_a_create_that_never_arrived_is_not_placed_after_the_quarantine_and_not_before(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=30) as simulated:
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        outcome = await simulated.place("bid", "5", "0.0100")
        assert outcome.answer is Answer.UNKNOWN
        await trio.sleep(29.0)
        assert simulated.view.order(outcome.key).status is OrderStatus.UNKNOWN
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.DENIED
        await trio.sleep(7.0)
        assert simulated.view.order(outcome.key).status is OrderStatus.NOT_PLACED
        # It is never sent again.
        assert orders_there(simulated) == []
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_an_order_that_arrives_after_it_was_given_up_is_adopted(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, trading__unknown_quarantine_s=5) as simulated:
        # As if the request waited behind the check of its signature.
        simulated.exchange.keys.past_window_s = 60
        simulated.exchange.faults.delay_requests(20.0)
        async with trio.open_nursery() as nursery:
            outcomes = []

            async def place() -> None:
                outcomes.append(await simulated.place("bid", "5", "0.0100"))

            nursery.start_soon(place)
            await trio.sleep(0.5)
            # Only that request is slow: the search is answered at once, and does not find it.
            simulated.exchange.faults.delay_requests(0.0)
        (outcome,) = outcomes
        assert outcome.answer is Answer.UNKNOWN
        await simulated.wait_until(
            lambda: simulated.view.order(outcome.key).status is OrderStatus.NOT_PLACED, within_s=9.9
        )
        await simulated.wait_until(
            lambda: simulated.view.order(outcome.key).status is OrderStatus.RESTING, within_s=15.0
        )
        assert (await simulated.cancel(outcome.key)).ok


@pytest.mark.parametrize("happened", [True, False])
async def test_a_500_to_a_create_is_unknown_whether_or_not_it_was_carried_out(
    tmp_path, autojump_clock, happened
):
    async with simulated_daemon(tmp_path) as simulated:
        faults = simulated.exchange.faults
        if happened:
            faults.spoil_reply_of_next("POST", ORDERS, 500)
        else:
            faults.refuse_requests(ORDERS, 500)
        outcome = await simulated.place("bid", "5", "0.0100")
        faults.clear()
        assert outcome.answer is Answer.UNKNOWN
        expected = OrderStatus.RESTING if happened else OrderStatus.NOT_PLACED
        await simulated.wait_until(lambda: simulated.view.order(outcome.key).status is expected)
        assert len(orders_there(simulated)) == happened


async def test_a_cancel_whose_reply_is_lost_is_a_cancel(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.exchange.faults.lose_reply_of_next("DELETE", ORDERS)
        assert (await simulated.cancel(placed.key)).ok
        assert simulated.view.order(placed.key).status is OrderStatus.CANCELED


async def test_a_cancel_that_never_arrived_is_asked_again(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.exchange.faults.lose_next_request("DELETE", ORDERS)
        assert (await simulated.cancel(placed.key)).ok
        assert simulated.view.order(placed.key).status is OrderStatus.CANCELED


async def test_cancels_that_never_arrive_leave_the_order_and_say_so(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "5", "0.0100")
        simulated.exchange.faults.refuse_requests(ORDERS, 503)
        outcome = await simulated.cancel(placed.key)
        assert outcome.answer is Answer.UNKNOWN
        assert "may still rest" in outcome.sentence
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        simulated.exchange.faults.clear()
        assert (await simulated.cancel(placed.key)).ok


# --- the way in -----------------------------------------------------------------------------------


async def test_a_wrong_key_is_told_in_a_clear_sentence_and_tried_for_ever(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.keys.remove(at.credentials.key_id)
        async with simulated_daemon(fresh(tmp_path / "state"), at=at, ready=False) as simulated:
            await simulated.wait_state(State.ERROR)
            error = simulated.view.transitions[-1].metadata
            assert f"does not take the key {at.credentials.key_id[:4]}…: " in error.error
            assert "check exchange.key_id and exchange.key_file" in error.error
            await trio.sleep(5 * MINUTE_S)
            assert not simulated.ended.is_set()
            assert simulated.states().count("error") > 5
            # The private half of the key is in no line.
            secret = at.credentials.private_pem.decode().splitlines()[1]
            assert secret not in simulated.log.getvalue()


async def test_an_unknown_ticker_is_named_and_the_others_are_followed(tmp_path, autojump_clock):
    async with simulated_daemon(
        tmp_path, market_data__markets=(TICKERS[0], "KXNONE-26DEC31")
    ) as simulated:
        assert "market KXNONE-26DEC31" in simulated.view.conditions.degraded
        assert simulated.said("does not know this ticker; correct market_data.markets")
        assert simulated.view.market_data.usable_books() == 1
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_a_configuration_of_unknown_tickers_alone_degrades_and_is_told(
    tmp_path, autojump_clock
):
    async with simulated_daemon(
        tmp_path, market_data__markets=("KXNONE-26DEC31",), market_data__connect_deadline_s=5
    ) as simulated:
        reason = simulated.view.conditions.degraded[PART]
        assert "knows none of the tickers in market_data.markets" in reason


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "order", "words"),
    [
        ("grid", ("bid", "1", "0.0151"), "nearest are $0.0100 and $0.0200"),
        ("size", ("bid", "101", "0.0100"), "risk.max_order_contracts = 100"),
        ("market", ("bid", "1", "0.0100", "KXNONE-26DEC31"), "is not known here"),
        ("exposure", ("bid", "30", "0.3500"), "risk.max_exposure_dollars = $10.00"),
        ("collar", ("bid", "1", "0.9900"), "through the other side"),
    ],
)
async def test_what_breaks_a_rule_is_denied_and_sends_nothing(
    tmp_path, autojump_clock, rule, order, words
):
    side, count, price, *ticker = order
    async with simulated_daemon(tmp_path, risk__max_exposure_dollars="10") as simulated:
        before, sent = simulated.daemon.shared.journal.position, requests(simulated)
        outcome = await simulated.place(side, count, price, ticker=(*ticker, TICKERS[0])[0])
        assert outcome.answer is Answer.DENIED
        assert outcome.sentence.startswith(f"denied by rule {rule}: ")
        assert words in outcome.sentence
        assert simulated.view.denials == {rule: 1}
        assert simulated.view.live_orders() == ()
        # Nothing was journaled, and nothing was asked of the exchange.
        assert simulated.daemon.shared.journal.position == before
        assert requests(simulated) == sent
        assert orders_there(simulated) == []


async def test_the_limit_of_open_orders_counts_what_is_unknown(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__max_open_orders=2) as simulated:
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        assert (await simulated.place("bid", "1", "0.0100")).answer is Answer.UNKNOWN
        assert (await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])).ok
        outcome = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[2])
        assert outcome.answer is Answer.DENIED
        assert "risk.max_open_orders = 2" in outcome.sentence


async def test_two_orders_at_once_cannot_both_take_the_last_place(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__max_open_orders=1) as simulated:
        outcomes = []

        async def place(ticker: str) -> None:
            outcomes.append(await simulated.place("bid", "1", "0.0100", ticker=ticker))

        # Trio runs what is ready in a random order, so one round proves little.
        for number in range(1, 21):
            outcomes.clear()
            async with trio.open_nursery() as nursery:
                for ticker in TICKERS[:5]:
                    nursery.start_soon(place, ticker)
            assert sorted(o.answer.value for o in outcomes) == ["denied"] * 4 + ["done"]
            assert len(orders_there(simulated)) == number
            assert (await simulated.send(CancelOrders())).ok


async def test_the_exchanges_own_refusal_is_told_and_changes_nothing(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.place(
            "bid", "5", "0.0100", time_in_force=TimeInForce.FILL_OR_KILL
        )
        assert outcome.answer is Answer.REJECTED
        assert "fill_or_kill_insufficient_resting_volume" in outcome.sentence
        assert simulated.view.order(outcome.key).status is OrderStatus.REJECTED
        assert simulated.view.conditions.consecutive_errors == 0
        assert orders_there(simulated) == []


async def test_five_errors_in_a_row_halt_until_a_person_clears(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__breaker_errors=5) as simulated:
        simulated.exchange.faults.refuse_requests(ORDERS, 400)
        for number in range(5):
            assert BREAKER_HALT not in simulated.view.conditions.halts
            outcome = await simulated.place("bid", "1", "0.0100", ticker=TICKERS[number])
            assert outcome.answer is Answer.REJECTED
        assert BREAKER_HALT in simulated.view.conditions.halts
        await simulated.wait_until(
            lambda: simulated.said("HALT breaker by machine: 5 order errors in a row"), within_s=1.0
        )
        simulated.exchange.faults.clear()
        # Others go on: the account and the published fees are read.
        sent: list[bytes] = []
        simulated.env.on_send = sent.append
        # Time alone does not clear it.
        await trio.sleep(10.0)
        denied = await simulated.place("bid", "1", "0.0100")
        assert denied.answer is Answer.DENIED
        assert "rule halt" in denied.sentence
        assert not [data for data in sent if data.startswith(b"POST ")]
        assert (await simulated.send(ClearHalt(halt_id=BREAKER_HALT))).ok
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_cancels_pass_while_halted(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, risk__breaker_errors=1) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.exchange.faults.lose_next_request("POST", ORDERS)
        await simulated.place("bid", "1", "0.0100", ticker=TICKERS[1])
        assert BREAKER_HALT in simulated.view.conditions.halts
        assert (await simulated.cancel(placed.key)).ok


async def test_a_person_pauses_and_goes_on(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        assert (await simulated.send(Pause(reason="lunch"))).ok
        denied = await simulated.place("bid", "1", "0.0100")
        assert "trading is paused: lunch" in denied.sentence
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING
        assert (await simulated.send(Resume())).ok
        assert (await simulated.place("bid", "1", "0.0100")).ok


@pytest.mark.parametrize("whole_exchange", [False, True])
async def test_a_pause_of_the_exchange_is_a_condition_and_no_error(
    tmp_path, autojump_clock, whole_exchange
):
    async with simulated_daemon(tmp_path, risk__breaker_errors=1) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.exchange.pause(whole_exchange=whole_exchange)
        first = await simulated.place("bid", "1", "0.0100")
        assert first.answer is Answer.REJECTED
        conditions = simulated.view.conditions
        # Kalshi says the same of one halted market, so only the exchange's status tells which it is.
        assert (conditions.venue_paused is not None) is whole_exchange
        assert (TICKERS[0] in conditions.markets_paused) is not whole_exchange
        sent = requests(simulated)
        second = await simulated.place("bid", "1", "0.0100")
        assert second.answer is Answer.DENIED
        assert "rule venue_pause" in second.sentence
        assert requests(simulated) == sent
        cancelled = await simulated.cancel(placed.key)
        assert cancelled.ok is not whole_exchange
        await trio.sleep(2 * MINUTE_S)
        assert conditions.venue_paused is not None
        # Nobody alarms: no halt, no error, no state but ready.
        assert simulated.view.conditions.halts == {}
        assert simulated.state is State.READY
        simulated.exchange.resume()
        await simulated.wait_until(
            lambda: conditions.venue_paused is None and not conditions.markets_paused
        )
        assert (await simulated.place("bid", "1", "0.0100")).ok
        assert (await simulated.send(CancelOrders())).ok
        await invariants.settle(simulated)
        await invariants.check_everything(simulated)


async def test_slow_replies_hold_up_nothing_else(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        simulated.exchange.faults.delay_replies(4.0)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for ticker in TICKERS[:4]:
                nursery.start_soon(partial(simulated.place, "bid", "1", "0.0100", ticker=ticker))
        assert trio.current_time() - began < 4.1
        assert len(orders_there(simulated)) == 4
        # The feed told of them long before their replies came.
        assert {o.status for o in simulated.view.live_orders()} == {OrderStatus.RESTING}


async def test_an_order_that_would_close_a_doubtful_position_is_not_sent(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.place("bid", "5", simulated.touch()[1])
        # The reply comes on another connection than the fill, and may be the faster one.
        await simulated.wait_until(lambda: simulated.view.position(TICKERS[0]), within_s=1.0)
        assert simulated.view.position(TICKERS[0]).count == 500
        simulated.daemon.shared.bus.publish([
            HaltRaised(
                at=Timestamp(simulated.env.wall_ns()),
                halt_id=f"position:{TICKERS[0]}",
                author=Author.MACHINE,
                ticker=MarketTicker(TICKERS[0]),
                reason="our fills make +5, the exchange says 0",
            )
        ])
        denied = await simulated.place("ask", "5", simulated.touch()[0])
        assert denied.answer is Answer.DENIED
        assert "the exchange says 0" in denied.sentence
