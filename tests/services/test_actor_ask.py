"""Each look at a market ends in exactly one outcome, and what a strategy does wrong stays its own."""

import itertools
from types import SimpleNamespace

import pytest
import trio

from tests.services.strategy_files import outcomes, probe, report, write_first_probe, write_probe
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.core.observation import Observation
from traderd.model.commands import Halt, Pause
from traderd.model.strategy_events import TenantStatus, TickCause, TickOutcome
from traderd.runtime.env import Env
from traderd.services.actor_ask import BUSY, Asker, Tick

O = TickOutcome  # noqa: E741 - short in tables
FIRST = TICKERS[0]


async def test_a_strategy_that_wants_nothing_has_no_signal_on_every_tick(tmp_path, autojump_clock):
    write_probe(tmp_path, "def decide(self, observation):\n    return ()")
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(5.0)
        counts = outcomes(simulated)
        assert list(counts) == [(O.NO_SIGNAL, "")]
        assert counts[O.NO_SIGNAL, ""] >= 4 * len(TICKERS)


def test_ticks_that_end_in_one_go_are_one_batch_and_share_the_time_that_is_kept_of_each():
    now, batches = itertools.count(1_000), []
    context = SimpleNamespace(now=lambda: next(now), publish_batch=batches.append)
    asker = Asker(context, carry_out=None, quarantine=None, charge=None)
    tenant = SimpleNamespace(name="probe", ticks_begun=0)
    with asker.together():
        for ticker in TICKERS:
            asker.skip(Tick(tenant=tenant, ticker=ticker, cause=TickCause.BOOK), BUSY)
    (batch,) = batches
    assert [ended.ticker for ended in batch] == list(TICKERS)
    assert {ended.at for ended in batch} == {1_000}
    assert tenant.ticks_begun == len(TICKERS)


PLACE = """
    def decide(self, observation):
        return [self.bid(observation)] if observation.ticker == "{ticker}" and not observation.orders else ()
"""


@pytest.mark.parametrize(
    ("command", "settings", "outcome", "rule"),
    [
        (None, {}, O.ORDER, ""),
        (Pause(reason="lunch"), {}, O.PAUSE, "pause"),
        (Halt(reason="stop"), {}, O.HALTED, "halt"),
        (None, {"risk__max_order_contracts": "0.5"}, O.DENIED, "size"),
        (None, {"strategies__probe__max_exposure_dollars": "0.001"}, O.BUDGET, "strategy_exposure"),
        (None, {"risk__min_price_dollars": "0.50"}, O.DENIED, "price_band"),
    ],
    ids=lambda value: getattr(value, "value", None),
)
async def test_a_tick_ends_in_what_became_of_its_order(
    tmp_path, autojump_clock, command, settings, outcome, rule
):
    write_probe(tmp_path, "def decide(self, observation):\n    return ()")
    path = write_probe(tmp_path, PLACE.format(ticker=FIRST))
    assert path.exists()
    async with simulated_daemon(tmp_path, ready=False, **settings) as simulated:
        if command is not None:
            await simulated.wait_until(lambda: "risk" in simulated.view.services)
            await trio.sleep(0.01)
            assert (await simulated.send(command)).ok
        await simulated.wait_ready()
        await trio.sleep(4.0)
        assert outcomes(simulated).get((outcome, rule), 0) >= 1
        (reason,) = {
            row.sentence
            for (_, market, what, _), row in simulated.view.ticks.rows.items()
            if what is outcome and market == FIRST
        }
        assert bool(reason) is (outcome is not O.NO_SIGNAL)


async def test_the_outcomes_add_up_to_the_ticks_whatever_happens(tmp_path, autojump_clock):
    write_probe(
        tmp_path,
        """
        def decide(self, observation):
            step = observation.at // 1_000_000_000 - observation.at // 5_000_000_000 * 5
            if step == 0 and observation.ticker == "FIRST":
                raise KeyError("now and then")
            if step in (1, 2):
                return [self.bid(observation), *(cancel(order) for order in observation.orders)]
            return [self.bid(observation, "0.0150")] if step == 3 else ()
        def on_trade(self, observation, trade):
            self.notes.append(trade)
        def on_fill(self, observation, fill):
            return ()
        """,
    )
    async with simulated_daemon(
        tmp_path, exchange__events_per_s=20, strategies__probe__commands_per_s=3
    ) as simulated:
        probe(simulated).notes.clear()
        simulated.exchange.faults.delay_replies(0.4)
        await trio.sleep(60.0)
        simulated.exchange.faults.clear()
        rows = outcomes(simulated)
        ticks = simulated.view.ticks.ticks["probe"]
        assert sum(rows.values()) == ticks
        assert ticks > 500
        kinds = {outcome for outcome, _ in rows}
        assert {O.NO_SIGNAL, O.ORDER, O.BUDGET, O.FAILED, O.DENIED} <= kinds
        assert probe(simulated).notes, "trades reach a strategy that wants them"


async def test_a_flood_of_commands_is_held_back_and_cancels_pass(tmp_path, autojump_clock):
    write_first_probe(
        tmp_path,
        """
        new = [self.bid(observation, f"0.0{n}00") for n in range(1, 9)]
        return [*(cancel(order) for order in observation.orders), *new]
        """,
    )
    async with simulated_daemon(
        tmp_path, strategies__probe__commands_per_s=4, risk__max_open_orders=100
    ) as simulated:
        await trio.sleep(5.0)
        assert len(simulated.view.live_orders()) <= 4
        assert simulated.view.recent_orders(100), "what is within the budget goes"
        assert report(simulated).commands <= 4 * 7
        assert simulated.view.ticks.ticks["probe"] > 0


SLOW = """
    def decide(self, observation):
        if observation.ticker == "FIRST":
            self.clock.ahead += 0.250
        return ()
    class clock:
        ahead = 0.0
"""


async def test_a_callback_over_its_budget_is_named_once_and_in_the_end_quarantined(
    tmp_path, autojump_clock, monkeypatch
):
    write_probe(tmp_path, SLOW)
    async with simulated_daemon(tmp_path) as simulated:
        clock, env = probe(simulated).clock, type(simulated.env)
        real: object = env.monotonic
        monkeypatch.setattr(env, "monotonic", lambda self: real(self) + clock.ahead)
        await trio.sleep(2.5)
        slow = report(simulated)
        assert slow.over_budget >= 1
        assert slow.max_ns >= 250_000_000 > slow.budget_ns == 100_000_000
        await trio.sleep(10.0)
        assert simulated.count("decide took 250 ms") == 1
        stopped = report(simulated)
        assert stopped.status is TenantStatus.QUARANTINED
        assert "took longer than its budget of 100 ms" in stopped.reason
        assert "traderd strategies release probe" in stopped.reason
    assert issubclass(env, Env)


async def test_fills_are_told_one_by_one_and_timers_come_when_they_are_due(
    tmp_path, autojump_clock
):
    write_probe(
        tmp_path,
        """
        def on_book(self, observation):
            if observation.ticker == "FIRST" and not self.on:
                self.on["timer"] = observation.at
                self.context.set_timer(observation.ticker, 3.0, "later")
                return [self.bid(observation, format_price(observation.ask))]
        def on_fill(self, observation, fill):
            self.notes.append(("fill", fill.count, observation.position))
        def on_timer(self, observation, name):
            self.notes.append(("timer", name, observation.at - self.on["timer"]))
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: simulated.view.ledger.fill_count, within_s=5.0)
        await trio.sleep(5.0)
        notes = probe(simulated).notes
        fills = [note for note in notes if note[0] == "fill"]
        assert len(fills) == simulated.view.ledger.fill_count
        assert sum(count for _, count, _ in fills) == 100
        ((_, name, passed),) = [note for note in notes if note[0] == "timer"]
        assert name == "later"
        assert 3_000_000_000 <= passed <= 3_200_000_000


async def test_what_is_shown_is_the_observation_of_the_moment(tmp_path, autojump_clock):
    write_probe(tmp_path, "def decide(self, observation):\n    self.seen.append(observation)")
    async with simulated_daemon(tmp_path, exchange__events_per_s=20) as simulated:
        probe(simulated).seen.clear()
        await trio.sleep(3.0)
        seen = probe(simulated).seen
        assert all(isinstance(one, Observation) for one in seen)
        assert [one.at for one in seen] == sorted(one.at for one in seen)
        assert any(one.trades for one in seen)


async def test_a_callback_that_overdraws_its_time_sends_nothing_of_what_it_wanted(
    tmp_path, autojump_clock, monkeypatch
):
    write_probe(
        tmp_path,
        """
        def decide(self, observation):
            if observation.ticker != "FIRST":
                return ()
            self.clock.ahead += 0.250
            self.notes.append(observation.at)
            return [self.bid(observation)] if len(self.notes) >= 5 else ()
        class clock:
            ahead = 0.0
        """,
    )
    async with simulated_daemon(tmp_path) as simulated:
        clock, env = probe(simulated).clock, type(simulated.env)
        real: object = env.monotonic
        monkeypatch.setattr(env, "monotonic", lambda self: real(self) + clock.ahead)
        await simulated.wait_until(lambda: "strategy probe" in simulated.view.conditions.degraded)
        await trio.sleep(5.0)
        assert len(probe(simulated).notes) == 5
        assert simulated.view.recent_orders(10) == ()
        assert outcomes(simulated)[O.BUDGET, "callback_budget_ms"] == 1


@pytest.mark.parametrize("where", ["decide", "on_trade"])
async def test_a_strategy_that_calls_exit_ends_nobody_but_itself(tmp_path, autojump_clock, where):
    arguments = "observation" if where == "decide" else "observation, trade"
    write_probe(
        tmp_path,
        f"""
        def {where}(self, {arguments}):
            exit(3)
        """,
    )
    async with simulated_daemon(tmp_path, exchange__events_per_s=50) as simulated:
        await simulated.wait_until(lambda: "strategy probe" in simulated.view.conditions.degraded)
        assert "SystemExit: 3" in report(simulated).reason
        await trio.sleep(5.0)
        assert simulated.view.services["actor"].status == "running"
        assert (await simulated.place("bid", "1", "0.10")).ok
