"""Strategies are quarantined, released, tuned and replaced while the daemon runs; their orders are never left alone."""

import apsw
import pytest
import trio

from tests.services.strategy_files import outcomes, probe, report, write_probe
from tests.simulation.harness import TICKERS, fresh, order_terms, simulated_daemon
from traderd.app import JOURNAL_FILE
from traderd.model.commands import Answer, PlaceOrder
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.strategy_commands import (
    ReleaseStrategy,
    ReplaceStrategy,
    SetStrategyParameter,
)
from traderd.model.strategy_events import TenantStatus, TickOutcome
from traderd.plugin_manager import load_plugins
from traderd.store.codec import decode

FIRST = TICKERS[0]
NAME = StrategyName("probe")
QUOTE = """
    def decide(self, observation):
        self.seen.append(observation)
        if observation.ticker != "{ticker}" or observation.orders:
            return ()
        return [self.bid(observation, "{price}")]
"""
FAILING = """
    broken = False
    def decide(self, observation):
        if self.broken:
            raise RuntimeError("it broke")
        if observation.ticker != "{ticker}" or observation.orders:
            return ()
        return [self.bid(observation)]
"""


def spec_in(directory):
    return load_plugins([directory / "plugins"]).strategies()["probe"]


def journal_rows(path, kind):
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    rows = list(connection.execute("SELECT position, body FROM journal WHERE kind = ?", (kind,)))
    connection.close()
    return [decode(kind, bytes(body), position=position) for position, body in rows]


def resting(simulated):
    return [o for o in simulated.view.live_orders() if o.status is OrderStatus.RESTING]


async def test_a_quarantined_strategy_loses_its_orders_and_trades_again_when_released(
    tmp_path, autojump_clock
):
    write_probe(tmp_path, FAILING.format(ticker=FIRST))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        refused = await simulated.send(ReleaseStrategy(strategy=NAME))
        assert refused.answer is Answer.DENIED
        assert "is running, not quarantined" in refused.sentence
        probe(simulated).broken = True
        await trio.sleep(5.0)
        assert simulated.view.live_orders() == ()
        stopped = report(simulated)
        assert stopped.status is TenantStatus.QUARANTINED
        assert "switched off after 5 failures in a row: RuntimeError: it broke" in stopped.reason
        assert simulated.view.conditions.degraded["strategy probe"] == stopped.reason
        failed = outcomes(simulated)[TickOutcome.FAILED, "RuntimeError"]
        await trio.sleep(10.0)
        assert outcomes(simulated)[TickOutcome.FAILED, "RuntimeError"] == failed == 5
        probe(simulated).broken = False
        done = await simulated.send(ReleaseStrategy(strategy=NAME, by="ann"))
        assert (done.answer, done.sentence) == (Answer.DONE, "strategy probe runs again")
        assert simulated.view.conditions.degraded == {}
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        assert simulated.said("strategy probe is released by a person ann")


async def test_a_live_parameter_is_changed_and_told_with_its_author(tmp_path, autojump_clock):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        command = SetStrategyParameter(strategy=NAME, name="size", value="4", by="ann")
        done = await simulated.send(command)
        assert done.answer is Answer.DONE
        assert done.sentence.startswith(
            "strategies.probe.size is 4 now, it was 1; until the daemon"
        )
        assert simulated.said("strategies.probe.size is 4 now, it was 1 (by a person ann)")
        assert {one.name: one.value for one in report(simulated).parameters}["size"] == "4"
        (order,) = resting(simulated)
        assert (await simulated.cancel(order.key)).ok
        await trio.sleep(3.0)
        assert [one.count for one in resting(simulated)] == [400]
        assert simulated.view.ticks.tuned == {"probe": {"size": "4"}}


@pytest.mark.parametrize(
    ("strategy", "name", "value", "words"),
    [
        ("probe", "size", "0", "strategies.probe.size must be at least 1, not 0"),
        ("probe", "size", "10", "strategies.probe.size must be at most 9, not 10"),
        ("probe", "size", "many", "strategies.probe.size: "),
        ("probe", "sise", "2", "strategies.probe.sise does not exist; known are: size, fixed"),
        ("probe", "fixed", "2", "cannot be changed while the strategy runs (those that can: size)"),
        ("prob", "size", "2", "no strategy prob runs; there are: probe"),
    ],
)
async def test_a_parameter_that_cannot_be_changes_nothing(
    tmp_path, autojump_clock, strategy, name, value, words
):
    write_probe(tmp_path, "def decide(self, observation):\n    return ()")
    async with simulated_daemon(tmp_path) as simulated:
        outcome = await simulated.send(
            SetStrategyParameter(strategy=StrategyName(strategy), name=name, value=value)
        )
        assert outcome.answer is Answer.DENIED
        assert words in outcome.sentence
        assert [one.value for one in report(simulated).parameters] == ["1", "3"]


async def test_a_replaced_strategy_adopts_the_orders_of_the_one_before(tmp_path, autojump_clock):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        await simulated.send(SetStrategyParameter(strategy=NAME, name="size", value="2"))
        (order,) = resting(simulated)
        path = write_probe(
            tmp_path,
            """
            def decide(self, observation):
                self.seen.append(observation)
                return [amend(o, price=Price(200)) for o in observation.orders if o.price != 200]
            """,
        )
        assert path.exists()
        new = spec_in(tmp_path)
        outcome = await simulated.send(
            ReplaceStrategy(strategy=NAME, spec=new, why="plugins/probe.py changed")
        )
        line = (
            "strategy probe was replaced (plugins/probe.py changed): 0 commands were in flight, "
            "1 live orders adopted"
        )
        assert (outcome.answer, outcome.sentence) == (Answer.DONE, line)
        assert simulated.said(line)
        await trio.sleep(3.0)
        (adopted,) = resting(simulated)
        assert (adopted.key, adopted.price) == (order.key, 200)
        assert {one.name: one.value for one in report(simulated).parameters}["size"] == "2"
        assert simulated.daemon.shared.strategies["probe"] is new


async def test_a_replacement_waits_for_commands_in_flight_and_the_old_code_is_not_asked(
    tmp_path, autojump_clock
):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path, ready=False) as simulated:
        await simulated.wait_until(lambda: "paper_exchange" in simulated.daemon.shared.extras)
        simulated.exchange.faults.delay_replies(3.0)
        await simulated.wait_until(lambda: simulated.view.live_orders())
        old = probe(simulated)
        write_probe(tmp_path, "def decide(self, observation):\n    return ()")
        begun = trio.current_time()
        asked = len(old.seen)
        outcome = await simulated.send(ReplaceStrategy(strategy=NAME, spec=spec_in(tmp_path)))
        assert outcome.ok
        assert "1 commands were in flight, 1 live orders adopted" in outcome.sentence
        assert trio.current_time() - begun > 1.0
        assert len(old.seen) == asked
        rows = outcomes(simulated)
        assert sum(rows.values()) == simulated.view.ticks.ticks["probe"]


@pytest.mark.parametrize(
    ("head", "methods", "words"),
    [
        ("", "x = 1", "it has no method decide and none of on_book"),
        (
            "",
            "def decide(self, o): ...\ndef on_book(self, o): ...",
            "decide and on_book, which are",
        ),
        (
            "",
            "def decide(self, o): ...\ndef __init__(self, p): raise KeyError('x')",
            "cannot be made",
        ),
        ("", "on_parameters = None\ndef decide(self, o): ...", "has no method on_parameters"),
    ],
)
async def test_code_that_cannot_run_leaves_the_old_one_running(
    tmp_path, autojump_clock, head, methods, words
):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        old = probe(simulated)
        write_probe(tmp_path, methods, head=head)
        outcome = await simulated.send(ReplaceStrategy(strategy=NAME, spec=spec_in(tmp_path)))
        assert outcome.answer is Answer.DENIED
        assert words in outcome.sentence
        assert "the one that runs goes on" in outcome.sentence
        asked = len(old.seen)
        await trio.sleep(3.0)
        assert len(old.seen) > asked
        assert report(simulated).status is TenantStatus.RUNNING
        assert len(resting(simulated)) == 1


async def test_a_strategy_that_is_taken_away_leaves_no_order(tmp_path, autojump_clock):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        spec = simulated.daemon.shared.strategies["probe"]
        outcome = await simulated.send(ReplaceStrategy(strategy=NAME, spec=None, why="disabled"))
        assert outcome.ok
        assert outcome.sentence.startswith("strategy probe was taken away (disabled): its orders: ")
        await trio.sleep(3.0)
        assert simulated.view.live_orders() == ()
        assert simulated.view.ticks.reports == ()
        again = await simulated.send(ReplaceStrategy(strategy=NAME, spec=None))
        assert again.answer is Answer.DENIED
        back = await simulated.send(ReplaceStrategy(strategy=NAME, spec=spec))
        assert back.ok
        assert back.sentence.startswith("strategy probe was started")
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)


async def test_what_a_person_set_holds_until_the_daemon_ends(tmp_path, autojump_clock):
    write_probe(fresh(tmp_path / "one"), "def decide(self, observation):\n    return ()")
    directory = tmp_path / "one"
    async with simulated_daemon(directory) as simulated:
        await simulated.send(SetStrategyParameter(strategy=NAME, name="size", value="5", by="ann"))
        journal = simulated.daemon.shared.journal
        await journal.wait_durable(journal.position)
        simulated.stop()
        await simulated.ended.wait()
    rows = journal_rows(directory / JOURNAL_FILE, "strategy_parameter_set")
    assert [(e.name, e.value, e.was, e.by) for e in rows] == [("size", "5", "1", "ann")]
    async with simulated_daemon(directory) as simulated:
        assert {one.name: one.value for one in report(simulated).parameters}["size"] == "1"
        assert simulated.view.ticks.tuned == {}


TAKING = """
    def decide(self, observation):
        if observation.ticker != "FIRST" or self.on:
            return ()
        self.on["placed"] = True
        return [self.bid(observation, format_price(observation.ask))]
    def on_fill(self, observation, fill):
        self.notes.append(fill.trade_id)
"""


async def test_a_fill_that_comes_while_the_old_code_is_drained_reaches_the_new_code(
    tmp_path, autojump_clock
):
    write_probe(tmp_path, TAKING)
    async with simulated_daemon(tmp_path, ready=False) as simulated:
        await simulated.wait_until(lambda: "paper_exchange" in simulated.daemon.shared.extras)
        # The fill is told long before the reply comes.
        simulated.exchange.faults.delay_replies(3.0)
        await simulated.wait_until(lambda: simulated.view.live_orders())
        old = probe(simulated)
        write_probe(tmp_path, TAKING.replace("or self.on", "or True"))
        new = spec_in(tmp_path)
        assert old.notes == []
        assert (await simulated.send(ReplaceStrategy(strategy=NAME, spec=new))).ok
        await trio.sleep(3.0)
        told = [*old.notes, *new.make.notes]
        assert new.make.notes, "it came while the old code was drained"
        assert len(told) == len(set(told)) == simulated.view.ledger.fill_count


async def test_fills_of_a_quarantine_are_told_at_the_release(tmp_path, autojump_clock):
    write_probe(
        tmp_path,
        """
        broken = False
        def decide(self, observation):
            if self.broken:
                raise RuntimeError("it broke")
        def on_fill(self, observation, fill):
            self.notes.append(fill.trade_id)
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        probe(simulated).broken = True
        await simulated.wait_until(lambda: "strategy probe" in simulated.view.conditions.degraded)
        probe(simulated).broken = False
        _, ask = simulated.touch(FIRST)
        await simulated.send(
            PlaceOrder(
                terms=order_terms("bid", "1", ask, ticker=FIRST),
                attribution=Attribution(owner=OrderOwner.STRATEGY, strategy=NAME),
            )
        )
        await simulated.wait_until(lambda: simulated.view.ledger.fill_count)
        await trio.sleep(2.0)
        assert probe(simulated).notes == []
        assert (await simulated.send(ReleaseStrategy(strategy=NAME))).ok
        await trio.sleep(1.0)
        assert len(probe(simulated).notes) == simulated.view.ledger.fill_count


async def test_a_parameter_is_not_changed_in_code_that_is_about_to_go(tmp_path, autojump_clock):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path, ready=False) as simulated:
        await simulated.wait_until(lambda: "paper_exchange" in simulated.daemon.shared.extras)
        simulated.exchange.faults.delay_replies(3.0)
        await simulated.wait_until(lambda: simulated.view.live_orders())
        async with trio.open_nursery() as nursery:
            spec = spec_in(tmp_path)
            nursery.start_soon(simulated.send, ReplaceStrategy(strategy=NAME, spec=spec))
            await simulated.wait_until(lambda: report(simulated).status is TenantStatus.DRAINING)
            command = SetStrategyParameter(strategy=NAME, name="size", value="5")
            outcome = await simulated.send(command)
        assert outcome.answer is Answer.DENIED
        assert "is being replaced" in outcome.sentence
        assert simulated.view.ticks.tuned == {}


async def test_an_order_that_turns_up_after_its_strategy_was_taken_away_is_taken_down(
    tmp_path, autojump_clock
):
    write_probe(tmp_path, QUOTE.format(ticker=FIRST, price="0.0100"))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        spec = simulated.daemon.shared.strategies["probe"]
        # The cancels of the removal fail, so its order goes on resting.
        simulated.exchange.faults.refuse_requests("/portfolio/events/orders", 503)
        assert (await simulated.send(ReplaceStrategy(strategy=NAME, spec=None))).ok
        assert simulated.view.live_orders() != ()
        simulated.exchange.faults.clear()
        await simulated.wait_until(lambda: simulated.view.live_orders() == (), within_s=30.0)
        # What runs again may have orders again.
        assert (await simulated.send(ReplaceStrategy(strategy=NAME, spec=spec))).ok
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        await trio.sleep(10.0)
        assert len(resting(simulated)) == 1


async def test_a_quarantine_outlives_a_crash_of_the_actor(tmp_path, autojump_clock):
    write_probe(tmp_path, FAILING.format(ticker=FIRST))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
        probe(simulated).broken = True
        await simulated.wait_until(lambda: "strategy probe" in simulated.view.conditions.degraded)
        probe(simulated).broken = False
        simulated.daemon.shared.levers.restart_any("actor", "a test ends it")
        await trio.sleep(10.0)
        assert simulated.view.services["actor"].status == "running"
        assert simulated.said("strategy probe stays quarantined")
        stopped = report(simulated)
        assert stopped.status is TenantStatus.QUARANTINED
        assert "traderd strategies release probe" in stopped.reason
        assert simulated.view.live_orders() == ()
        assert (await simulated.send(ReleaseStrategy(strategy=NAME))).ok
        await simulated.wait_until(lambda: resting(simulated), within_s=5.0)
