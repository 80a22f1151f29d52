"""The actor: when strategies are asked, what they may ask for, and that their failures stay their own."""

from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import attrs
import pytest
import trio

from tests.services.still_daemon import still_daemon
from tests.services.test_market_data import change_book, skip_a_frame
from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.config import Config
from traderd.errors import ConfigError
from traderd.model.book_events import BookChanged, BookGrade
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.model.states import State
from traderd.plugin_api import StrategySpec
from traderd.plugin_manager import load_plugins
from traderd.runtime.inbox import Policy
from traderd.services.actor import BREATH_EVERY, Actor
from traderd.services.actor_pace import BREATH_S
from traderd.services.actor_verbs import TenantKeeper
from traderd.services.tenant import FAILURES_MAX
from traderd.services.tenant_make import make_tenants
from traderd.services.tenant_share import Pace

TIMED = StrategySpec(
    name="probe",
    make=lambda _: SimpleNamespace(on_timer=lambda observation, name: ()),
    parameters=attrs.make_class("Parameters", []),
    enabled_in_sim=True,
)
HEAD = """
    import attrs
    from traderd.plugin_api import *
    from traderd.plugin_api import hookimpl, parse_count, parse_price, place, cancel

    @attrs.frozen(kw_only=True)
    class Parameters:
        price: str = "0.0100"
        loud: bool = False

    class Probe:
        seen = []
        def __init__(self, parameters):
            self.price = parse_price(parameters.price)
            self.placed = False

    @hookimpl
    def traderd_strategies():
        return [StrategySpec(name="probe", make=Probe, parameters=Parameters, enabled_in_sim=True)]
"""
ONE_BID = """
            if self.placed or observation.ticker != "{ticker}":
                return ()
            self.placed = True
            return [place(ticker=observation.ticker, side=Side.BID, price=self.price,
                          count=parse_count("1"))]
"""


def write_strategy(directory: Path, body: str) -> None:
    """Write a drop-in module whose strategy `probe` decides by `body`."""
    plugins = directory / "plugins"
    plugins.mkdir()
    decide = "\n    def decide(self, observation):\n        self.seen.append(observation)\n"
    head = dedent(HEAD)
    cut = head.index("@hookimpl\ndef")
    method = decide.replace("\n", "\n") + "\n".join(
        f"        {line}" for line in dedent(body).strip("\n").splitlines()
    )
    (plugins / "probe.py").write_text(f"{head[:cut].rstrip()}\n{method}\n\n{head[cut:]}")


def seen(simulated) -> list:
    return simulated.daemon.shared.strategies["probe"].make.seen


def outcomes(simulated, ticker: str = TICKERS[0]) -> dict[tuple[str, str], int]:
    """Return how often each outcome and rule ended a tick of one market."""
    return {
        (outcome.value, rule): row.count
        for (_, market, outcome, rule), row in simulated.view.ticks.rows.items()
        if market == ticker
    }


# --- asking ---------------------------------------------------------------------------------------


async def test_a_strategy_is_asked_about_every_market_once_an_interval(tmp_path, autojump_clock):
    write_strategy(tmp_path, "return ()")
    async with simulated_daemon(tmp_path, exchange__events_per_s=50) as simulated:
        seen(simulated).clear()
        await trio.sleep(10.05)
        asked = [observation.ticker for observation in seen(simulated)]
        assert set(asked) == set(TICKERS)
        # However much happens, a market is decided about once a second.
        assert all(9 <= asked.count(ticker) <= 11 for ticker in TICKERS)


async def test_a_strategy_is_not_asked_while_the_daemon_cannot_trade(tmp_path, autojump_clock):
    write_strategy(tmp_path, "return ()")
    async with simulated_daemon(tmp_path, exchange__events_per_s=20) as simulated:
        faults = simulated.exchange.faults
        faults.refuse_requests("/account", 503)
        faults.drop_websockets("user_orders")
        await simulated.wait_state(State.ERROR)
        seen(simulated).clear()
        await trio.sleep(20.0)
        assert seen(simulated) == []
        faults.clear()
        await simulated.wait_ready()
        await simulated.wait_until(lambda: seen(simulated), within_s=2.0)


async def test_a_market_whose_commands_are_under_way_is_not_asked_about(tmp_path, autojump_clock):
    write_strategy(tmp_path, ONE_BID.format(ticker=TICKERS[0]))
    async with simulated_daemon(tmp_path, ready=False) as simulated:
        await simulated.wait_until(lambda: "paper_exchange" in simulated.daemon.shared.extras)
        simulated.exchange.faults.delay_replies(5.0)
        await simulated.wait_until(lambda: simulated.view.live_orders())
        seen(simulated).clear()
        await trio.sleep(4.0)
        asked = {observation.ticker for observation in seen(simulated)}
        assert asked == set(TICKERS[1:])
        await trio.sleep(3.0)
        assert TICKERS[0] in {observation.ticker for observation in seen(simulated)}


async def test_the_rest_of_the_daemon_gets_its_turn_between_many_markets(tmp_path, autojump_clock):
    looked_at, again_at, seen_by_others = [], [], []

    def look(tenant, ticker, now, again):
        looked_at.append(ticker)
        again_at.append(again)

    async def others():
        while True:
            seen_by_others.append(len(looked_at))
            await trio.lowlevel.checkpoint()

    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        context = daemon.context("actor")
        tenant = SimpleNamespace(due_at={}, runs=True, share=SimpleNamespace(pace=Pace.FULL))
        actor = Actor(context, TenantKeeper(context, {"probe": tenant}, nursery))
        actor._look = look
        daemon.climb()
        with context.subscribe(BookChanged, policy=Policy.LATEST, key=id) as changes:
            many = 4 * BREATH_EVERY
            daemon.publish(*(BookChanged(at=daemon.now(), ticker=f"M{n}") for n in range(many)))
            nursery.start_soon(actor.follow, changes)
            nursery.start_soon(others)
            with trio.fail_after(5.0):
                while len(looked_at) < many:
                    await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    steps = [after - before for before, after in pairwise(seen_by_others)]
    # Two breaths, because who is first in a round of the scheduler is chance.
    assert 0 < max(steps) <= 2 * BREATH_EVERY
    # Each market keeps when it may be looked at again: those of one go keep the same number, not equal ones.
    assert len({id(again) for again in again_at}) <= many // BREATH_EVERY + 1


async def test_timers_that_are_due_while_the_daemon_stops_trading_come_when_it_trades_again(
    tmp_path, autojump_clock
):
    handed, begun = [], trio.Event()

    async def stop_trading(lifecycle):
        await begun.wait()
        lifecycle.failed("sync", "a test", 1, 1.0)

    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        (tenant,) = make_tenants(daemon.shared.config, {"probe": TIMED})
        actor = Actor(
            daemon.context("actor"),
            TenantKeeper(daemon.context("actor"), {"probe": tenant}, nursery),
        )

        def ask(tick, callback):
            handed.append(tick.ticker)
            begun.set()
            # Longer than one turn, so that everybody else has his before the next timer.
            actor._pace.charge(tenant, 2 * BREATH_S, daemon.shared.env.monotonic())

        actor._ask = ask
        due = [f"M{n}" for n in range(8)]
        tenant.timers = {(ticker, ""): 0.0 for ticker in due}
        daemon.climb()
        nursery.start_soon(actor.wake_timers)
        nursery.start_soon(stop_trading, daemon.shared.lifecycle)
        await trio.sleep(5.0)
        assert 0 < len(handed) < len(due), "it stopped in the midst of them"
        daemon.climb()
        await trio.sleep(5.0)
        nursery.cancel_scope.cancel()
    assert sorted(handed) == due


# --- what it may ask for --------------------------------------------------------------------------


async def test_what_a_strategy_places_is_its_own(tmp_path, autojump_clock):
    write_strategy(tmp_path, ONE_BID.format(ticker=TICKERS[0]))
    async with simulated_daemon(tmp_path, strategies__probe__price="0.0200") as simulated:
        await simulated.wait_until(lambda: simulated.view.live_orders(), within_s=3.0)
        (order,) = simulated.view.live_orders()
        assert (order.attribution.owner, order.attribution.strategy) == (
            OrderOwner.STRATEGY,
            "probe",
        )
        assert order.price == 200
        await trio.sleep(2.0)
        own = [o.orders for o in seen(simulated) if o.ticker == TICKERS[0]][-1]
        assert [each.key for each in own] == [order.key]
        assert all(o.orders == () for o in seen(simulated) if o.ticker != TICKERS[0])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('oops')", "KeyError: 'oops'"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("return 5", "TypeError"),
        ("return ['buy']", "is neither"),
        (
            "from traderd.model.commands import ClearHalt\nreturn [ClearHalt(halt_id='x')]",
            "is neither",
        ),
        (
            "from traderd.model.commands import CancelOrder\nreturn [CancelOrder(key='x')]",
            "x is no order of strategy probe",
        ),
    ],
)
async def test_a_strategy_that_keeps_failing_is_switched_off_alone(
    tmp_path, autojump_clock, body, words
):
    write_strategy(tmp_path, body)
    async with simulated_daemon(tmp_path) as simulated:
        await trio.sleep(30.0)
        assert len(seen(simulated)) == FAILURES_MAX
        assert simulated.said(f"strategy probe failed: {words}") or simulated.said(words)
        assert simulated.said(f"switched off after {FAILURES_MAX} failures in a row")
        assert simulated.view.services["actor"].status == "running"
        assert (await simulated.place("bid", "1", "0.0100")).ok


async def test_a_strategy_cannot_cancel_a_persons_order(tmp_path, autojump_clock):
    body = """
        from traderd.model.commands import CancelOrder
        return [CancelOrder(key=self.key)] if hasattr(type(self), "key") else ()
    """
    write_strategy(tmp_path, body)
    async with simulated_daemon(tmp_path) as simulated:
        placed = await simulated.place("bid", "1", "0.0100")
        simulated.daemon.shared.strategies["probe"].make.key = placed.key
        await trio.sleep(5.0)
        assert simulated.said(f"{placed.key} is no order of strategy probe")
        assert simulated.view.order(placed.key).status is OrderStatus.RESTING


async def test_a_strategy_amends_its_own_order_and_nobody_elses(tmp_path, autojump_clock):
    body = """
        from traderd.plugin_api import amend
        if observation.ticker != "{ticker}":
            return ()
        if not observation.orders:
            return [place(ticker=observation.ticker, side=Side.BID, price=self.price,
                          count=parse_count("1"))]
        order = observation.orders[0]
        return [amend(order, price=Price(200))] if order.price != 200 else ()
    """
    write_strategy(tmp_path, body.replace("{ticker}", TICKERS[0]))
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(
            lambda: [order.price for order in simulated.view.live_orders()] == [200], within_s=10.0
        )
        (order,) = simulated.view.live_orders()
        assert order.attribution.strategy == "probe"


async def test_cancels_end_before_the_orders_that_need_their_room(tmp_path, autojump_clock):
    body = """
        if observation.ticker != "{ticker}":
            return ()
        new = place(ticker=observation.ticker, side=Side.BID, price=self.price, count=parse_count("1"))
        return [new, *(cancel(order) for order in observation.orders)]
    """
    write_strategy(tmp_path, body.format(ticker=TICKERS[0]))
    async with simulated_daemon(tmp_path, risk__max_open_orders=1) as simulated:
        await trio.sleep(10.5)
        orders = simulated.exchange.venue.orders(simulated.account_id)
        assert len(orders) >= 9
        assert simulated.view.denials == {}
        assert len(simulated.view.live_orders()) == 1


async def test_a_denied_order_is_told_to_who_looks(tmp_path, autojump_clock):
    write_strategy(tmp_path, ONE_BID.format(ticker=TICKERS[0]))
    async with simulated_daemon(
        tmp_path, log__level="debug", strategies__probe__price="0.0150"
    ) as simulated:
        await simulated.wait_until(lambda: simulated.view.denials == {"grid": 1}, within_s=3.0)
        await simulated.wait_until(
            lambda: simulated.said("strategy probe: denied by rule grid"), within_s=1.0
        )
        assert simulated.exchange.venue.orders(simulated.account_id) == []


AGAIN_AND_AGAIN = """
            if observation.orders or observation.ticker != "{ticker}":
                return ()
            return [place(ticker=observation.ticker, side=Side.BID, price=self.price,
                          count=parse_count("1"))]
"""


@pytest.mark.parametrize(("minimum", "is_enough"), [("A", False), ("B", True)])
async def test_a_strategys_own_demand_on_the_book_keeps_its_new_orders_back(
    tmp_path, autojump_clock, minimum, is_enough
):
    write_strategy(tmp_path, AGAIN_AND_AGAIN.format(ticker=TICKERS[0]))
    module = tmp_path / "plugins" / "probe.py"
    demanding = f"enabled_in_sim=True, min_book_grade=BookGrade.{minimum}"
    module.write_text(module.read_text().replace("enabled_in_sim=True", demanding))
    async with simulated_daemon(tmp_path, log__level="debug", ready=False) as simulated:
        data = simulated.view.market_data
        await simulated.wait_until(lambda: data.usable_books() == len(TICKERS))
        skip_a_frame(simulated)
        change_book(simulated, TICKERS[1])
        await simulated.wait_until(lambda: data.resyncs == len(TICKERS))
        await simulated.wait_ready()
        await trio.sleep(5.0)
        assert seen(simulated)[-1].book_grade is BookGrade.B
        assert bool(simulated.view.live_orders()) is is_enough
        counts = outcomes(simulated)
        assert counts.get(("order", ""), 0) == is_enough
        if not is_enough:
            assert counts["grade", "min_book_grade"] >= 4
            words = f"book grade B of {TICKERS[0]}, minimum A: 1 fault in 600 s"
            assert simulated.said(f"strategy probe: 1 orders left out, {words}")


# --- configuration --------------------------------------------------------------------------------


def specs_in(directory: Path):
    return load_plugins([directory / "plugins"]).strategies()


def test_a_strategy_runs_in_sim_by_itself_and_elsewhere_when_asked(tmp_path):
    write_strategy(tmp_path, "return ()")
    specs = specs_in(tmp_path)
    assert [t.name for t in make_tenants(Config(), specs)] == ["probe"]
    assert make_tenants(Config(environment="paper"), specs) == []
    asked = Config(environment="paper", strategies={"probe": {"enabled": True}})
    assert [t.name for t in make_tenants(asked, specs)] == ["probe"]
    assert make_tenants(Config(strategies={"probe": {"enabled": False}}), specs) == []


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        ({"prob": {}}, "strategies.prob is not a strategy; known are: probe"),
        ({"probe": {"prise": "1"}}, r"strategies.probe.prise does not exist; known are: price"),
        ({"probe": {"price": "cheap"}}, "strategies.probe: price"),
        ({"probe": {"loud": 7}}, "strategies.probe.loud: "),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, strategies, words):
    write_strategy(tmp_path, "return ()")
    with pytest.raises(ConfigError, match=words):
        make_tenants(Config(strategies=strategies), specs_in(tmp_path))


async def test_a_strategy_that_fails_on_one_market_is_switched_off_and_its_orders_go(
    tmp_path, autojump_clock
):
    body = ONE_BID.format(ticker=TICKERS[0]).replace(
        "return ()", f'return () if observation.ticker != "{TICKERS[0]}" else 1 / 0', 1
    )
    write_strategy(tmp_path, body)
    async with simulated_daemon(tmp_path) as simulated:
        await simulated.wait_until(lambda: simulated.view.recent_orders(1), within_s=10)
        await trio.sleep(30.0)
        (order,) = simulated.view.recent_orders(9)
        assert order.status is OrderStatus.CANCELED
        assert "switched off" in simulated.view.conditions.degraded["strategy probe"]
        assert simulated.count("failed on") == FAILURES_MAX
        asked = len(seen(simulated))
        await trio.sleep(30.0)
        assert len(seen(simulated)) == asked


def test_a_word_that_is_neither_yes_nor_no_is_refused(tmp_path):
    write_strategy(tmp_path, "return ()")
    strategies = {"probe": {"enabled": "maybe"}}
    with pytest.raises(ConfigError, match="must be true or false, not 'maybe'"):
        make_tenants(Config(strategies=strategies), specs_in(tmp_path))
