"""The policy's strategy: it never waits, says why it does nothing, and outlives its worker in every way that one can end."""

import os
import signal
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import pytest
import trio

pytest.importorskip("onnxruntime", reason="the extra `rl` is not installed")

from tests.plugin_files import plugin_module
from traderd.core.strategy_context import StrategyContext
from traderd.gym.export import facts_of, onnx_bytes
from traderd.gym.policy import MOVES, WEIGHTS, Policy
from traderd.gym.session import MarketSession, one_market
from traderd.model.commands import CancelOrder, PlaceOrder
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.scenario import default_scenario
from traderd.plugin_api import PolicyMove

MARKET = one_market(default_scenario(), default_scenario().markets[0].ticker)
WITHIN_S = 30.0


class Lines:
    """A log."""

    def __init__(self):
        self.said = []

    def info(self, line, **_):
        self.said.append(line)

    warning = debug = info


@attrs.define
class Context:
    log: Lines = attrs.Factory(Lines)


def joiner() -> Policy:
    """Return a policy that always joins both sides."""
    weights = np.zeros(WEIGHTS)
    weights[PolicyMove.JOIN - MOVES] = 1.0
    return Policy(weights)


def model_file(directory, **facts):
    file = directory / "policy.onnx"
    file.write_bytes(onnx_bytes(joiner(), facts_of({}) | facts))
    return file


def strategy(plugin, log=None, **given):
    parameters = plugin.Parameters(**({"deadline_ms": 1_000} | given))
    return plugin.RlPolicy(parameters, StrategyContext("rl_policy", log or Lines()))


async def until(condition):
    with trio.fail_after(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - another process answers
            await trio.sleep(0.01)


def answering(plugin, move=PolicyMove.JOIN):
    """Let the plugin's mailbox look as if a worker answered; returns how to answer all that was asked."""
    plugin.MAILBOX.reason = ""

    def answer():
        for ticker, question in tuple(plugin.MAILBOX._questions.items()):
            made = plugin.Answer(at=question.at, bid=move, ask=move, memory=(0.4, 3.0))
            plugin.MAILBOX.put(ticker, made)
        plugin.MAILBOX._questions.clear()

    return answer


# --- the strategy alone ---------------------------------------------------------------------------


def test_it_asks_first_and_acts_on_the_answer_at_its_timer():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin), MarketSession(MARKET, seed=1, rate=1.0)
    answer = answering(plugin)
    assert mine.decide(world.observe()) == ()
    (timer,) = mine._context.take_timers()
    assert (timer.ticker, timer.after_s) == (world.ticker, 1.0)
    answer()
    placed = mine.on_timer(world.observe(), "answer")
    assert [order.terms.side for order in placed] == [Side.BID, Side.ASK]
    assert mine.on_timer(world.observe(), "answer") == ()


def test_what_it_remembers_goes_with_the_next_question():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin), MarketSession(MARKET, seed=1, rate=1.0)
    answer = answering(plugin)
    mine.decide(world.observe())
    answer()
    mine.on_timer(world.observe(), "answer")
    world.advance(Timestamp(world.now + 5 * NS_PER_S))
    mine.decide(world.observe())
    (question,) = plugin.MAILBOX._questions.values()
    assert question.values[-2:] == (0.4, 3.0)
    assert question.values[:-2] == tuple(world.observe().vector())


def test_it_asks_once_an_interval_and_about_no_more_markets_than_it_may():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin, markets_max=1), MarketSession(MARKET, seed=1, rate=1.0)
    answering(plugin)
    other = MarketSession(
        one_market(default_scenario(), default_scenario().markets[1].ticker), seed=1, rate=1.0
    )
    for _ in range(12):
        mine.decide(world.observe())
        assert mine.decide(other.observe()) == ()
        world.advance(Timestamp(world.now + NS_PER_S))
    assert plugin.MAILBOX.posted == 3
    assert list(plugin.MAILBOX._questions) == [world.ticker]


def test_a_market_that_is_shown_no_more_makes_room_for_another():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin, markets_max=1), MarketSession(MARKET, seed=1, rate=1.0)
    answering(plugin)
    other = MarketSession(
        one_market(default_scenario(), default_scenario().markets[1].ticker), seed=1, rate=1.0
    )
    mine.decide(world.observe())
    other.advance(Timestamp(other.now + plugin.SILENT_NS))
    mine.decide(other.observe())
    assert list(mine._followed) == [other.ticker]
    assert list(plugin.MAILBOX._questions) == [world.ticker, other.ticker]


def test_an_answer_about_what_is_long_past_is_not_acted_upon():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin), MarketSession(MARKET, seed=1, rate=1.0)
    answer = answering(plugin)
    mine.decide(world.observe())
    answer()
    world.advance(Timestamp(world.now + 3 * NS_PER_S))
    assert mine.decide(world.observe()) == ()
    assert plugin.MAILBOX.document()["stale"] == 1


def test_without_a_worker_it_does_nothing_says_why_once_and_pulls_what_nobody_watches():
    plugin, log = plugin_module("rl_policy"), Lines()
    mine, world = strategy(plugin, log), MarketSession(MARKET, seed=1, rate=0.001)
    answer = answering(plugin)
    mine.decide(world.observe())
    answer()
    world.send(mine.on_timer(world.observe(), "answer"))
    plugin.MAILBOX.reason = "its worker ended"
    for _ in range(29):
        world.advance(Timestamp(world.now + NS_PER_S))
        assert mine.decide(world.observe()) == ()
    world.advance(Timestamp(world.now + NS_PER_S))
    pulled = mine.decide(world.observe())
    assert pulled
    assert list(pulled) == [CancelOrder(key=order.key) for order in world.observe().orders]
    assert log.said == ["no action: its worker ended"]
    assert plugin.MAILBOX.document()["reason"] == "its worker ended"


def test_sizes_can_be_changed_while_it_runs():
    plugin = plugin_module("rl_policy")
    mine, world = strategy(plugin), MarketSession(MARKET, seed=1, rate=1.0)
    answer = answering(plugin)
    mine.on_parameters(plugin.Parameters(order_contracts=7))
    mine.decide(world.observe())
    answer()
    assert {order.terms.count for order in mine.on_timer(world.observe(), "")} == {700}


def test_the_service_is_there_only_when_the_strategy_is_enabled():
    @attrs.frozen
    class Config:
        strategies: dict

    plugin = plugin_module("rl_policy")
    assert plugin.traderd_services(Config({})) == []
    assert plugin.traderd_services(Config({"rl_policy": {"enabled": False}})) == []
    (service,) = plugin.traderd_services(Config({"rl_policy": {"enabled": "true"}}))
    assert service.name == "rl_policy"
    (spec,) = plugin.traderd_strategies()
    assert not spec.enabled_in_sim


def test_a_policy_of_another_version_is_refused_with_the_cure():
    plugin = plugin_module("rl_policy")
    good = facts_of({})
    assert plugin.check_facts(good, Path("p.onnx")) == 5 * NS_PER_S
    for name in ("observation_version", "vector_length", "moves_version"):
        with pytest.raises(plugin.WorkerLost, match=f"for {name} 99 and .* train it anew"):
            plugin.check_facts(good | {name: "99"}, Path("p.onnx"))


# --- with a worker --------------------------------------------------------------------------------


@attrs.define
class Kept:
    """A worker that is kept, until the block ends."""

    plugin: object
    nursery: trio.Nursery
    context: Context = attrs.Factory(Context)
    ended: list = attrs.Factory(list)

    async def start(self):
        await self.nursery.start(self._run)

    async def _run(self, task_status):
        try:
            await self.plugin.run(self.context, task_status=task_status)
        except self.plugin.WorkerLost as lost:
            self.ended.append(str(lost))

    @property
    def pid(self):
        return int(self.context.log.said[-1].split()[-1])


@pytest.fixture
async def kept(nursery):
    worker = Kept(plugin_module("rl_policy"), nursery)
    yield worker
    nursery.cancel_scope.cancel()


async def asked(kept, world, mine):
    """Ask one question and return the commands that its answer brings."""
    world.advance(Timestamp(world.now + 5 * NS_PER_S))
    assert mine.decide(world.observe()) == ()
    before = kept.plugin.MAILBOX.answered
    await until(lambda: kept.plugin.MAILBOX.answered > before or kept.ended)
    return mine.on_timer(world.observe(), "answer")


async def test_a_simulation_has_no_worker(kept, tmp_path, autojump_clock):
    mine = strategy(kept.plugin, model=str(model_file(tmp_path)))
    await kept.start()
    await until(lambda: kept.plugin.MAILBOX.reason == "a simulation has no worker process")
    assert mine.decide(MarketSession(MARKET, seed=1, rate=1.0).observe()) == ()
    assert kept.plugin.MAILBOX.posted == 0


@pytest.mark.process
async def test_a_worker_answers_what_the_policy_would(kept, tmp_path):
    mine = strategy(kept.plugin, model=str(model_file(tmp_path)))
    await kept.start()
    await until(lambda: not kept.plugin.MAILBOX.reason)
    world = MarketSession(MARKET, seed=1, rate=1.0)
    commands = await asked(kept, world, mine)
    assert [type(one) for one in commands] == [PlaceOrder, PlaceOrder]
    seen = world.observe()
    assert [one.terms.price for one in commands] == [seen.bid, seen.ask]
    assert mine._followed[world.ticker].memory[1] == 1.0


@pytest.mark.process
async def test_a_killed_worker_is_told_and_another_one_goes_on(kept, tmp_path):
    mine = strategy(kept.plugin, model=str(model_file(tmp_path)))
    await kept.start()
    await until(lambda: not kept.plugin.MAILBOX.reason)
    world = MarketSession(MARKET, seed=1, rate=1.0)
    await asked(kept, world, mine)
    os.kill(kept.pid, signal.SIGKILL)
    assert await asked(kept, world, mine) == ()
    await until(lambda: kept.ended)
    assert "worker ended" in kept.ended[0]
    assert kept.plugin.MAILBOX.document()["answers"] is False
    kept.ended.clear()
    await kept.start()
    await until(lambda: not kept.plugin.MAILBOX.reason)
    world.advance(Timestamp(world.now + 5 * NS_PER_S))
    assert await asked(kept, world, mine) != ()


@pytest.mark.process
async def test_a_hung_worker_is_ended_and_its_answer_does_not_count(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(kept.plugin, "HANG_S", 0.3)
    mine = strategy(kept.plugin, model=str(model_file(tmp_path)))
    await kept.start()
    await until(lambda: not kept.plugin.MAILBOX.reason)
    pid = kept.pid
    os.kill(pid, signal.SIGSTOP)
    world = MarketSession(MARKET, seed=1, rate=1.0)
    assert await asked(kept, world, mine) == ()
    await until(lambda: kept.ended)
    assert kept.ended == ["its worker did not answer within 0.3 s and was ended"]
    assert kept.plugin.MAILBOX.late == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.process
async def test_an_answer_after_the_deadline_is_none_and_the_worker_goes_on(kept, tmp_path):
    mine = strategy(kept.plugin, model=str(model_file(tmp_path)))
    kept.plugin.MAILBOX.deadline_s = 0.0
    await kept.start()
    await until(lambda: not kept.plugin.MAILBOX.reason)
    world = MarketSession(MARKET, seed=1, rate=1.0)
    world.advance(Timestamp(world.now + 5 * NS_PER_S))
    mine.decide(world.observe())
    await until(lambda: kept.plugin.MAILBOX.late)
    assert mine.on_timer(world.observe(), "answer") == ()
    kept.plugin.MAILBOX.deadline_s = WITHIN_S
    assert await asked(kept, world, mine) != ()
    assert kept.ended == []


@pytest.mark.process
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (partial(model_file, observation_version="0"), "trained for observation_version 0 and"),
        (lambda directory: directory / "none.onnx", "there is no file .*none.onnx; docs/learn"),
        (
            lambda directory: (directory / "x").write_text("no graph") and directory / "x",
            "cannot be opened",
        ),
    ],
)
async def test_a_file_that_cannot_be_used_is_a_reason_and_not_a_crash(kept, tmp_path, make, words):
    strategy(kept.plugin, model=str(make(tmp_path)))
    await kept.start()
    await until(lambda: kept.ended)
    assert kept.ended == [kept.plugin.MAILBOX.reason]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(kept.ended[0])


@pytest.mark.process
async def test_without_the_extra_the_cure_is_told(kept, tmp_path, monkeypatch):
    hidden = tmp_path / "onnxruntime.py"
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'onnxruntime'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    strategy(kept.plugin, model=str(model_file(tmp_path)))
    await kept.start()
    await until(lambda: kept.ended)
    assert kept.ended[0].endswith("No module named 'onnxruntime'; run: pip install 'traderd[rl]'")
