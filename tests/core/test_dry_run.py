"""A dry run names every order and the worst cost, and changes nothing."""

from tests.core.test_closing import STRATEGY, held
from tests.services.still_daemon import MARKET, still_daemon
from traderd.core.dry_run import KILL_STANDS, PREFIX, rehearse
from traderd.model import commands as cm
from traderd.model.events import Author, HaltRaised, TradingPaused, VenuePaused
from traderd.model.ids import StrategyName
from traderd.model.orders import Side
from traderd.model.units import parse_price


def told(daemon, command):
    outcome = rehearse(daemon.view, cm.DryRun(of=command), daemon.now())
    assert outcome.sentence.startswith(PREFIX)
    return outcome, outcome.sentence.removeprefix(PREFIX)


async def test_a_flatten_names_cancels_closes_and_the_worst_cost(tmp_path):
    async with still_daemon(tmp_path, risk__price_collar_dollars="0.05") as daemon:
        await held(daemon)
        key = daemon.place(Side.ASK, "2", "0.60")
        outcome, sentence = told(daemon, cm.Flatten())
        assert sentence == (
            "the account would be paused, 1 order cancelled and 1 position closed, at worst $0.34 lost to "
            "price and fees"
        )
        cancel, close = outcome.items
        assert (cancel.key, cancel.sentence) == (key, f"cancel ask 2 @ $0.6000 of {MARKET}")
        assert close.sentence.startswith(f"sell 5 YES of {MARKET} at $0.4000 or better")


async def test_a_flatten_of_nothing_says_so(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert told(daemon, cm.Flatten())[1] == (
            "the account is flat and has no order; it would be paused"
        )


async def test_cancels_are_named_with_key_count_and_price_in_their_scope(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        person = daemon.place(Side.BID, "1", "0.10")
        strategy = daemon.place(Side.BID, "2", "0.20", attribution=STRATEGY)
        outcome, sentence = told(daemon, cm.CancelOrders())
        assert sentence == "2 orders would be cancelled; a cancel costs $0.00"
        assert [item.key for item in outcome.items] == [person, strategy]
        outcome, _ = told(daemon, cm.CancelOrders(strategy=STRATEGY.strategy))
        assert [item.sentence for item in outcome.items] == [f"cancel bid 2 @ $0.2000 of {MARKET}"]
        outcome, _ = told(daemon, cm.CancelOrder(key=person))
        assert [item.key for item in outcome.items] == [person]
        assert told(daemon, cm.CancelOrder(key="none"))[0].answer is cm.Answer.DENIED


async def test_a_kill_says_whose_orders_it_would_cancel(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        daemon.place(Side.BID, "1", "0.10")
        outcome, sentence = told(daemon, cm.Kill(reason="x"))
        assert (
            "every order of the account, also those of others, would be cancelled, 1 as far"
            in sentence
        )
        assert len(outcome.items) == 1
        assert (
            "every order that this daemon placed would"
            in told(daemon, cm.Kill(reason="x", only_ours=True))[1]
        )


async def test_conditions_are_told_as_they_would_change(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        assert (
            "no new risk would be taken in market"
            in told(daemon, cm.Pause(reason="x", ticker=MARKET))[1]
        )
        assert told(daemon, cm.Resume())[0].answer is cm.Answer.DENIED
        daemon.publish(TradingPaused(at=daemon.now(), reason="x"))
        assert told(daemon, cm.Resume())[1] == "the pause of the account would end"
        assert "the account would be halted" in told(daemon, cm.Halt(reason="x"))[1]
        assert told(daemon, cm.ClearHalt(halt_id="h"))[1] == "there is no halt 'h'"
        halt = HaltRaised(at=daemon.now(), halt_id="h", author=Author.PERSON, reason="lunch")
        daemon.publish(halt)
        assert told(daemon, cm.ClearHalt(halt_id="h"))[1] == "halt 'h' would end: lunch"
        machine = cm.ClearHalt(halt_id="h", author=Author.MACHINE)
        assert told(daemon, machine)[1] == "halt 'h' may be cleared by a person only"
        assert daemon.view.conditions.halts == {"h": halt}


async def test_the_strategy_person_has_the_orders_of_persons(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        key = daemon.place(Side.BID, "1", "0.10")
        daemon.place(Side.BID, "2", "0.20", attribution=STRATEGY)
        person = StrategyName("person")
        outcome, _ = told(daemon, cm.CancelOrders(strategy=person))
        assert [item.key for item in outcome.items] == [key]
        outcome, _ = told(daemon, cm.Flatten(strategy=person))
        assert [item.key for item in outcome.items] == [key, None]


async def test_a_flatten_is_refused_where_the_real_one_would_be(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        halt = HaltRaised(at=daemon.now(), halt_id="kill", author=Author.PERSON, reason="x")
        daemon.publish(halt)
        outcome, sentence = told(daemon, cm.Flatten())
        assert (outcome.answer, sentence) == (cm.Answer.DENIED, KILL_STANDS)


async def test_a_worst_price_that_nobody_meets_is_told_before_the_order_leaves(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        outcome, _ = told(daemon, cm.Flatten(at_worst=parse_price("0.70")))
        (close,) = outcome.items
        assert close.sentence.endswith(
            "; the best price now is $0.4500, so nothing would be filled"
        )
        outcome, _ = told(daemon, cm.Flatten(at_worst=parse_price("0.44")))
        assert "nothing would be filled" not in outcome.items[0].sentence


async def test_what_could_not_be_closed_is_not_counted_as_closed(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        await held(daemon)
        daemon.publish(VenuePaused(at=daemon.now(), sentence="night"))
        outcome, sentence = told(daemon, cm.Flatten())
        assert "and 0 positions closed" in sentence
        assert sentence.endswith("; 1 could not be closed now")
        assert outcome.items[0].answer is cm.Answer.DENIED
