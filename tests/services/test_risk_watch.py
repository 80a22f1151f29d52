"""The watch: limits in the journal, refusals in the log, stopped strategies without orders, exclusive events."""

import json

import trio

from tests.services.still_daemon import MARKET, PERSON, still_daemon
from tests.simulation.harness import TICKERS, simulated_daemon, simulated_exchange
from traderd.config_risk import RiskConfig
from traderd.model import events as ev
from traderd.model.commands import Answer, ClearHalt, PlaceOrder
from traderd.model.ids import StrategyName
from traderd.model.orders import (
    Attribution,
    OrderOwner,
    OrderTerms,
    SelfTradePrevention,
    Side,
)
from traderd.model.units import Count, Price
from traderd.services.risk_watch import Refusals, tell_limits

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))


def said(daemon, words: str) -> list[str]:
    lines = [json.loads(line) for line in daemon.log_text.getvalue().splitlines()]
    return [line["event"] for line in lines if words in line["event"]]


async def test_a_limit_that_was_raised_since_the_last_run_is_told_and_a_lowered_one_is_not(
    autojump_clock, tmp_path
):
    """C17: lowering is immediate; a raise is said aloud, and both are in the journal."""
    async with still_daemon(
        tmp_path, risk__max_open_orders="20", risk__breaker_errors="3"
    ) as daemon:
        watch = daemon.context("risk_watch")
        tell_limits(watch)
        assert said(daemon, "was raised") == []
        texts = daemon.view.limits.texts() | {"max_open_orders": "5", "breaker_errors": "4"}
        # As the journal of an earlier run leaves them.
        daemon.view.risk.limits_before = texts
        tell_limits(watch)
        assert said(daemon, "was raised") == [
            "a risk limit was raised since the last run: risk.max_open_orders from 5 to 20 [C17]"
        ]


async def test_a_persons_refusals_are_all_told_and_a_strategys_once_a_minute(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        refusals = Refusals(daemon.context("risk_watch"))
        terms = OrderTerms(ticker=MARKET, side=Side.BID, price=Price(5_000), count=Count(100))

        def denied(attribution: Attribution) -> ev.OrderDenied:
            return ev.OrderDenied(
                at=daemon.now(),
                terms=terms,
                attribution=attribution,
                rule="size",
                sentence="too many",
                control="C1",
            )

        for _ in range(3):
            refusals.tell(denied(PERSON))
            refusals.tell(denied(MAKER))
        assert len(said(daemon, "order of person denied by rule size: too many [C1]")) == 3
        assert len(said(daemon, "order of maker denied by rule size")) == 1
        await trio.sleep(61)
        refusals.tell(denied(MAKER))
        assert len(said(daemon, "order of maker denied")) == 2


async def place(
    simulated, side: Side, price: int, contracts: int, attribution=MAKER, ticker=TICKERS[0]
):
    terms = OrderTerms(ticker=ticker, side=side, price=Price(price), count=Count(contracts * 100))
    return await simulated.send(PlaceOrder(terms=terms, attribution=attribution))


async def test_a_strategy_that_executes_too_often_is_stopped_and_its_orders_are_taken_down(
    tmp_path, autojump_clock
):
    """C7: until a person enables it nothing of it passes, also after a restart."""
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(tmp_path / "state", at=at, risk__max_fills_per_15s=1) as simulated,
    ):
        book = simulated.view.book(TICKERS[0]).last_known_top()
        assert (await place(simulated, Side.BID, 100, 1)).ok
        for _ in range(2):
            outcome = await place(simulated, Side.BID, book.ask, 1)
            assert outcome.ok, outcome.sentence
            await trio.sleep(3.0)
        await simulated.wait_until(
            lambda: "executions:maker" in simulated.view.conditions.halts, within_s=3.0
        )
        await simulated.wait_until(lambda: not simulated.view.live_orders(), within_s=5.0)
        assert simulated.said(
            "strategy maker is stopped until `traderd clear-halt executions:maker`"
        )
        denied = await place(simulated, Side.BID, 100, 2)
        assert denied.answer is Answer.DENIED
        assert "[C7]" in denied.sentence
        simulated.stop()
        await simulated.ended.wait()
        async with simulated_daemon(tmp_path / "state", at=at) as again:
            assert (await place(again, Side.BID, 100, 2)).answer is Answer.DENIED
            assert (await again.send(ClearHalt(halt_id="executions:maker"))).ok
            assert (await place(again, Side.BID, 100, 2)).ok


async def test_what_a_person_is_told_names_the_control_and_the_log_and_the_status_do_too(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.place("bid", "101", "0.0100")
        assert outcome.sentence == (
            "denied by rule size: 101 contracts is more than risk.max_order_contracts = 100; "
            "ask for less or raise the limit [C1]"
        )
        await simulated.wait_until(
            lambda: simulated.said("order of person denied by rule size"), within_s=1.0
        )
        (refused,) = simulated.view.risk.why.all()
        assert (refused.control, refused.number, refused.limit) == ("C1", "101", "100")


async def test_events_with_something_in_them_are_described_by_the_exchange(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        event = simulated.view.market(TICKERS[0]).event_ticker
        assert not simulated.view.risk.knows_event(event)
        assert (await simulated.place("bid", "1", "0.0100")).ok
        await simulated.wait_until(lambda: simulated.view.risk.knows_event(event), within_s=15.0)
        true = simulated.exchange.venue.event(event).mutually_exclusive
        assert simulated.view.risk.is_exclusive(event) == true


async def test_the_starting_points_of_losses_survive_a_restart(tmp_path, autojump_clock):
    """C5: a restart does not make a lost day a new one."""
    async with simulated_exchange(tmp_path) as at:
        async with simulated_daemon(tmp_path / "state", at=at) as simulated:
            await trio.sleep(6.0)
            before = simulated.view.risk.loss
            assert before.day
            simulated.stop()
            await simulated.ended.wait()
        async with simulated_daemon(tmp_path / "state", at=at) as again:
            after = again.view.risk.loss
            assert (after.day, after.day_start) == (before.day, before.day_start)
            assert after.peak == before.peak


async def test_the_demo_strategy_trades_under_the_default_limits(tmp_path, autojump_clock):
    defaults = RiskConfig()
    async with simulated_daemon(
        tmp_path,
        strategies=True,
        exchange__events_per_s=6.0,
        risk__max_messages_per_s=defaults.max_messages_per_s,
        risk__max_market_messages_per_s=defaults.max_market_messages_per_s,
    ) as simulated:
        await trio.sleep(600.0)
        assert simulated.view.ledger.fill_count > 20
        assert list(simulated.view.conditions.halts) == []
        assert "message_rate" not in simulated.view.denials


async def test_an_order_that_would_meet_our_own_is_refused_until_a_person_says_which_gives_way(
    tmp_path, autojump_clock
):
    """C11: the local check, and behind it the exchange's own."""
    async with simulated_daemon(tmp_path) as simulated:
        tops = {ticker: simulated.view.book(ticker).last_known_top() for ticker in TICKERS}
        ticker = next(one for one, top in tops.items() if top.ask - top.bid > 100)
        inside = Price(tops[ticker].bid + 100)
        assert (await place(simulated, Side.BID, inside, 1, ticker=ticker)).ok
        person = Attribution(owner=OrderOwner.PERSON)
        denied = await place(simulated, Side.ASK, inside, 1, person, ticker=ticker)
        assert denied.answer is Answer.DENIED
        assert denied.sentence.endswith("and that one ends [C11]")
        terms = OrderTerms(
            ticker=ticker,
            side=Side.ASK,
            price=inside,
            count=Count(100),
            self_trade_prevention=SelfTradePrevention.MAKER,
        )
        chosen = await simulated.send(PlaceOrder(terms=terms, attribution=person))
        assert chosen.ok, chosen.sentence
        await trio.sleep(2.0)
        assert simulated.view.ledger.fill_count == 0
