"""Chaos among the tenants of a daemon: services are killed, hang, freeze, will not end or flood, drawn from one seed.

Owns: the wrapper around every service by which they are struck, the schedule of strikes, and what must be true of the daemon
afterwards. The exchange is beside the daemon and well; what is tested is who keeps whom from harm.
Must not: change any part of the daemon but what a service's own code does.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs
import pytest
import trio

from tests.simulation import invariants
from tests.simulation.chaos_tenants import QUOTER, WILD, write_tenants
from tests.simulation.harness import (
    TICKERS,
    SimulatedDaemon,
    SimulatedExchange,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd import app
from traderd.kalshi import order_lines
from traderd.model import events as ev
from traderd.model.commands import CancelOrders, ClearHalt, Pause, PlaceOrder, Resume
from traderd.model.orders import Attribution, OrderOwner
from traderd.model.states import TRANSITIONS, State
from traderd.model.strategy_commands import ReleaseStrategy
from traderd.model.strategy_events import TenantStatus
from traderd.model.units import Timestamp
from traderd.paper import exchange
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.service import (
    RESTART_CAP_S,
    RESTARTS_MAX,
    SERVICE_START_DEADLINE_S,
    STOP_BUDGET_S,
    Service,
    ServiceHost,
)
from traderd.runtime.supervisor import CLIMB_CAP_S, STOP_DEADLINE_S
from traderd.services import actor, book_repair, kill, load_watch, order_keeper, plugin_hosts
from traderd.services.stages import CLIMB, SYNC, TRADING_CLIENT

HALF_HOUR_S: Final = 1_800.0
MARKETS: Final = TICKERS[:1]
STRIKES_PER_HOUR: Final = 40
BUDGET_WINDOW_S: Final = 600.0
NEEDS: Final = {SYNC: (TRADING_CLIENT,)}
FLOOD_EVENTS: Final = 3_000
"""More than an inbox holds."""
FLOOD_COMMANDS: Final = 150
"""More than a service lets wait."""
FROZEN_S: Final = (1.0, 60.0)
"""How long a frozen service stays so before somebody notices."""
STUBBORN_S: Final = 1.0
"""How long one that will not end keeps on."""
STAGE_BOUND_S: Final = CLIMB_CAP_S + 30.0 + 60.0 + STOP_BUDGET_S
"""The longest wait, and the deadlines of what is climbed again."""
SERVICE_BOUND_S: Final = RESTART_CAP_S + SERVICE_START_DEADLINE_S + STUBBORN_S


SELDOM: Final = (
    (kill, "LOOK_S", 10.0),
    (order_lines, "KEEP_WARM_EVERY_S", 60.0),
    (order_keeper, "LOOK_S", 5.0),
    (book_repair, "LOOK_S", 5.0),
    (load_watch, "LOOK_S", 5.0),
    (actor, "DECISION_INTERVAL_S", 5.0),
    (exchange, "EXPIRY_CHECK_S", 5.0),
)
"""Looks at what does not change here, made seldom: they are half of all steps of a quiet half hour."""


class Strike(enum.Enum):
    """What a service does that it should not."""

    KILL = "an exception in it"
    HANG = "an exception, and the next start never becomes ready"
    FREEZE = "it stops working and never ends"
    STUBBORN = "it stops working and ignores its end for a while"
    EVENTS = "it floods the bus"
    COMMANDS = "it floods another service with commands"


DEADLY: Final = (Strike.KILL, Strike.HANG, Strike.FREEZE, Strike.STUBBORN)


class ChaosError(Exception):
    """What a service dies of."""


class Puppet:
    """One service, and the strings by which it is made to misbehave."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.hangs_next = False
        self.life: trio.CancelScope | None = None
        self._struck = trio.Event()
        self._strike: Strike | None = None
        self.context: Any = None

    def wrapped(self) -> Service:
        return attrs.evolve(self.service, run=self.run)

    def strike(self, strike: Strike) -> None:
        self._strike = strike
        self._struck.set()

    async def run(self, context: Any, *, task_status: trio.TaskStatus[None]) -> None:
        self.context = context
        if self.hangs_next:
            self.hangs_next = False
            await trio.sleep_forever()
        self._struck, self._strike = trio.Event(), None
        async with trio.open_nursery() as nursery:
            inner = trio.CancelScope()

            async def work() -> None:
                with inner:
                    await self.service.run(context, task_status=task_status)
                if not inner.cancel_called:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(work, name=f"puppet {self.service.name}")
            await self._struck.wait()
            if self._strike in {Strike.KILL, Strike.HANG}:
                self.hangs_next = self._strike is Strike.HANG
                raise ChaosError(f"{self.service.name}: {self._strike.value}")
            inner.cancel()
            try:
                await trio.sleep_forever()
            finally:
                if self._strike is Strike.STUBBORN:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(STUBBORN_S)


@attrs.define(eq=False)
class Troupe:
    """Every service of one daemon."""

    puppets: dict[str, Puppet] = attrs.Factory(dict)

    def _take_over(self, service: Service) -> Service:
        puppet = self.puppets.get(service.name)
        if puppet is None:
            puppet = self.puppets[service.name] = Puppet(service)
        # A host that is made anew starts the same service again.
        puppet.service = service
        return puppet.wrapped()

    @contextmanager
    def taking_over(self) -> Iterator[None]:
        """Put a puppet in the place of each service of the daemons that begin meanwhile."""
        original = app.make_supervisor

        def make(shared: Any, services: list[Service]) -> Any:
            return original(shared, [self._take_over(service) for service in services])

        def host(service: Service, *args: Any, **options: Any) -> ServiceHost:
            return ServiceHost(self._take_over(service), *args, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "make_supervisor", make)
            patch.setattr(plugin_hosts, "ServiceHost", host)
            for module, name, seconds in SELDOM:
                patch.setattr(module, name, seconds)
            yield


@attrs.define(eq=False)
class Chaos:
    """One run: who was struck when, and what was heard of it."""

    simulated: SimulatedDaemon
    troupe: Troupe
    rng: Random
    strikes: list[tuple[float, str, Strike]] = attrs.Factory(list)
    heard: list[tuple[float, str, str]] = attrs.Factory(list)
    """When, service, status."""
    fills: dict[tuple[str, str], None] = attrs.Factory(dict)
    """Every fill that was told; the same may be told by the feed and by a reading."""
    states: list[tuple[State, State]] = attrs.Factory(list)

    async def strike_until(self, end: float) -> None:
        """Strike at random until then; the same service is never struck so often that its budget is used up."""
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(self.rng.expovariate(STRIKES_PER_HOUR / 3_600))
                if trio.current_time() >= end:
                    break
                name = self.rng.choice(sorted(self.troupe.puppets))
                strike = self.rng.choice(tuple(Strike))
                if strike in DEADLY and (not self._runs(name) or self._is_spent(name)):
                    continue
                self.strikes.append((trio.current_time(), name, strike))
                self._do(name, strike, nursery)

    def _runs(self, name: str) -> bool:
        services = self.simulated.view.services
        return name in services and services[name].status == "running"

    def _is_spent(self, name: str) -> bool:
        since = trio.current_time() - BUDGET_WINDOW_S
        # A hang is two crashes: the exception and the start that never comes.
        used = sum(
            2 for at, who, what in self.strikes if who == name and at > since and what in DEADLY
        )
        return used + 2 > RESTARTS_MAX

    def _do(self, name: str, strike: Strike, nursery: trio.Nursery) -> None:
        puppet = self.troupe.puppets[name]
        if strike is Strike.EVENTS:
            at = Timestamp(self.simulated.env.wall_ns())
            # A plugin may tell of its own parts only.
            whose = getattr(puppet.context, "plugin", "flood")
            puppet.context.publish(
                *(
                    ev.DegradedCleared(at=at, part=f"{whose}: {number}")
                    for number in range(FLOOD_EVENTS)
                )
            )
        elif strike is Strike.COMMANDS:
            for _ in range(FLOOD_COMMANDS):
                nursery.start_soon(puppet.context.send, _hopeless_order())
        else:
            puppet.strike(strike)
            if strike in {Strike.FREEZE, Strike.STUBBORN}:
                nursery.start_soon(self._notice, name)

    async def _notice(self, name: str) -> None:
        await trio.sleep(self.rng.uniform(*FROZEN_S))
        self.simulated.daemon.shared.levers.restart_any(name, "it was noticed that it is frozen")

    async def wait_recovered(self) -> None:
        """Wait until everybody runs again, at most for the longest recovery; `strike_until` has noticed all that froze."""
        with trio.move_on_after(SERVICE_BOUND_S + STAGE_BOUND_S):
            while not all(self._runs(name) for name in self.troupe.puppets):  # noqa: ASYNC110
                await trio.sleep(1.0)
        await trio.sleep(5.0)

    async def listen(self, news: Inbox[Any]) -> None:
        """Write down what happens, until cancelled."""
        async for batch in news:
            for event in batch:
                if isinstance(event, ev.OrderFilled):
                    self.fills[event.fill.trade_id, event.fill.order_id] = None
                elif isinstance(event, ev.ServiceChanged):
                    self.heard.append((trio.current_time(), event.name, event.status))
                elif isinstance(event, ev.StateChanged):
                    self.states.append((event.from_state, event.to_state))

    # --- what must be true ------------------------------------------------------------------------

    def check_steps(self) -> None:
        """Every step is in the table, and each begins where the last one ended."""
        assert [step for step in self.states if step[1] not in TRANSITIONS[step[0]]] == []
        assert all(
            before[1] is after[0]
            for before, after in zip(self.states, self.states[1:], strict=False)
        )

    def check_recoveries(self) -> None:
        """Whoever was ended runs again within the bounds of its back-off."""
        running: dict[str, list[float]] = {}
        for at, name, status in self.heard:
            if status == "running":
                running.setdefault(name, []).append(at)
        for at, name, strike in self.strikes:
            if strike not in DEADLY:
                continue
            bound_s = STAGE_BOUND_S if name in CLIMB else SERVICE_BOUND_S
            if strike is not Strike.KILL:
                # The noticing, or the start that fails, comes first.
                bound_s += FROZEN_S[1] + SERVICE_BOUND_S
            times = running.get(name, [])
            back = bisect_right(times, at)
            assert back < len(times), f"{name} never came back after {strike.value} at {at:.1f} s"
            assert times[back] - at <= bound_s, f"{name} was gone for {times[back] - at:.1f} s"

    def check_others(self) -> None:
        """Nobody was restarted who was not struck, or does not stand on one who was."""
        struck = {name for _, name, strike in self.strikes if strike in DEADLY}
        touched = struck | {top for top, below in NEEDS.items() if struck.intersection(below)}
        restarted = {
            who for _, who, what in self.heard if what in {"restarting", "failed", "quarantined"}
        }
        assert restarted <= touched, f"{sorted(restarted - touched)} were harmed by {self.strikes}"

    def check_strategy(self) -> None:
        """The strategy runs, every look at a market ended in one outcome, and its fills were told once.

        Only those of a time in which there was no actor are told by the position alone.
        """
        ticks = self.simulated.view.ticks
        statuses = {one.strategy: one.status for one in ticks.reports}
        assert set(statuses) == {QUOTER, WILD}
        assert statuses[QUOTER] is TenantStatus.RUNNING
        for name in statuses:
            counted = sum(row.count for key, row in ticks.rows.items() if key[0] == name)
            assert counted == ticks.ticks[name]
        strategies = self.simulated.daemon.shared.strategies
        assert strategies[WILD].make.moods, "the wild one was never asked"
        told = strategies[QUOTER].make.fills
        assert len(told) == len(set(told))
        book = self.simulated.view.ledger.strategies.books.get(QUOTER)
        filled = 0 if book is None else book.fill_count
        is_spared = all(name != "actor" for _, name, strike in self.strikes if strike in DEADLY)
        assert len(told) == filled if is_spared else len(told) <= filled


def _hopeless_order() -> PlaceOrder:
    return PlaceOrder(
        terms=order_terms("bid", "1", "0.0100", ticker="NO-SUCH-MARKET"),
        attribution=Attribution(owner=OrderOwner.PERSON),
    )


def census() -> Counter[str]:
    """Return how many tasks there are by name, below the root."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    waiting, found = [root], Counter[str]()
    while waiting:
        task = waiting.pop()
        found[task.name] += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found


async def _people(simulated: SimulatedDaemon, rng: Random, scope: trio.CancelScope) -> None:
    """Let people do what they do until cancelled; a busy or struck service may say no."""
    with scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_trade, simulated, rng)
            nursery.start_soon(_release_again, simulated)


async def _trade(simulated: SimulatedDaemon, rng: Random) -> None:
    """Buy and sell one contract now and then, until cancelled."""
    while True:
        await trio.sleep(rng.expovariate(1 / 120))
        if simulated.view.working:
            bid, ask = simulated.touch(MARKETS[0])
            side, price = rng.choice((("bid", ask), ("ask", bid)))
            await simulated.place(side, "1", price, ticker=MARKETS[0])


async def _release_again(simulated: SimulatedDaemon) -> None:
    """Let the wild strategy in again every few minutes, until cancelled."""
    while True:
        await trio.sleep(300.0)
        await simulated.send(ReleaseStrategy(strategy=WILD))


async def _calm(simulated: SimulatedDaemon) -> None:
    """End what the chaos left behind by right: halts of crashes are for a person to clear. The strategy moves no more money."""
    for halt_id in list(simulated.view.conditions.halts):
        await simulated.send(ClearHalt(halt_id=halt_id))
    await simulated.send(Resume())
    for name in (QUOTER, WILD):
        await simulated.send(Pause(reason="the books are compared", strategy=name))
    for name in (QUOTER, WILD):
        await simulated.send(CancelOrders(strategy=name))


async def _wait_same(expected: Callable[[], bool], what: str) -> None:
    with trio.move_on_after(120.0):
        while not expected():  # noqa: ASYNC110 - any condition may be waited for
            await trio.sleep(0.5)
    assert expected(), what


async def survive(directory: Path, seed: int, duration_s: float = HALF_HOUR_S) -> Chaos:
    """Live through `duration_s` of chaos and check everything; returns what happened."""
    (directory / "state").mkdir(parents=True)
    before = census()
    async with simulated_exchange(directory, seed=seed) as at:
        chaos = await _live(directory / "state", seed, duration_s, at)
    await _wait_same(lambda: not census() - before, f"tasks are left: {census() - before}")
    invariants.check_journal(directory / "state")
    return chaos


async def _live(state: Path, seed: int, duration_s: float, at: SimulatedExchange) -> Chaos:
    troupe, rng = Troupe(), Random(seed)
    write_tenants(state)
    with troupe.taking_over():
        async with simulated_daemon(
            state,
            seed=seed,
            at=at,
            market_data__markets=MARKETS,
            market_data__audit_interval_s=0,
            trading__sync_interval_s=240,
            status__interval_s=60,
            strategies__wild__max_open_orders=3,
        ) as simulated:
            chaos = Chaos(simulated=simulated, troupe=troupe, rng=rng)
            await trio.sleep(5.0)
            assert "neighbour" in troupe.puppets
            tasks = census()
            with simulated.daemon.shared.bus.subscribe(
                ev.ServiceChanged,
                ev.StateChanged,
                ev.OrderFilled,
                name="chaos",
                policy=Policy.LOSSLESS,
                depth=FLOOD_EVENTS,
            ) as news:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(chaos.listen, news)
                    trading = trio.CancelScope()
                    nursery.start_soon(_people, simulated, rng, trading)
                    await chaos.strike_until(trio.current_time() + duration_s)
                    await chaos.wait_recovered()
                    trading.cancel()
                    await _calm(simulated)
                    await invariants.settle(simulated)
                    await trio.sleep(1.0)
                    nursery.cancel_scope.cancel()
            chaos.check_steps()
            chaos.check_recoveries()
            chaos.check_others()
            chaos.check_strategy()
            invariants.check_orders(simulated)
            invariants.check_money(simulated)
            assert len(chaos.fills) == simulated.view.ledger.fill_count
            await invariants.check_progress(simulated)
            await _wait_same(
                lambda: not (census() - tasks), f"tasks have leaked: {census() - tasks}"
            )
            await _stop(chaos, rng)
    return chaos


async def _stop(chaos: Chaos, rng: Random) -> None:
    simulated = chaos.simulated
    if rng.random() < 0.5:
        # The stop is ordered and in time although one part does not want to end.
        chaos.troupe.puppets[rng.choice(sorted(chaos.troupe.puppets))].strike(Strike.STUBBORN)
        await trio.sleep(0.1)
    begun = trio.current_time()
    simulated.stop()
    with trio.move_on_after(60.0):
        await simulated.ended.wait()
    assert simulated.ended.is_set(), "the daemon did not stop"
    assert trio.current_time() - begun <= STOP_DEADLINE_S + STUBBORN_S


def replay_line(test: str, seed: int) -> str:
    """Return the one line that runs a seed again."""
    return f"replay it: .venv/bin/python -m pytest 'tests/simulation/test_chaos.py::{test}[{seed}]'"
