"""The kill switch inside the daemon: latch, cancel everything, verify at the exchange.

Owns: who pulls it (the verb, the file `kill.latch`, SIGUSR1: each only raises the halt `kill` and sees to it that the file is there) and the sweep that follows.
The halt holds from the moment it is raised: what waits for its disk or its turn does not leave any more.
Must not: wait for anything before the latch holds, or end a latch; a person does, with `clear-halt kill`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import trio

from traderd.config import Config
from traderd.core.conditions import KILL_HALT
from traderd.core.order import Order
from traderd.errors import AuthenticationRefused, StoreError
from traderd.kalshi.kill import sweep
from traderd.kalshi.order_reads import Listed
from traderd.model import events as ev
from traderd.model.commands import Kill, Outcome
from traderd.model.ids import instance_of
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.model.units import Timestamp
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.kill_outcome import KillRun, Rested, doubt_of, outcome_of, unsettled_orders
from traderd.store.latch import Latch, mark_verified, read_latch, remove_latch, write_latch

LOOK_S: Final = 0.5
"""How often the file is looked for: half a second is nothing beside a person's hand."""
ANSWER_S: Final = 25.0
"""Bounds how long the verb waits for the proof; the console gives a verb 30 s, and the sweep goes on after it."""
AGAIN_S: Final = 5.0
"""After a refused key, which only a person can cure."""
RESTING: Final = frozenset({OrderStatus.RESTING, OrderStatus.CANCELLING})
"""Where an order surely is at the exchange, as far as is known here."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the kill switch when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="kill", run=run, on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the kill switch until cancelled."""
    switch = KillSwitch(context)
    with (
        context.shared.commands.serve(Kill) as requests,
        context.subscribe(
            ev.HaltRaised, ev.HaltCleared, ev.OrderChanged, policy=Policy.LOSSLESS
        ) as news,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(switch.watch, news)
            nursery.start_soon(switch.watch_file)
            nursery.start_soon(switch.run)
            if context.view.conditions.killed is not None:
                await switch.take_up()
            task_status.started()
            async for request in requests:
                nursery.start_soon(switch.handle, request)


class KillSwitch:
    """Latches and sweeps; there is one sweep at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wanted: KillRun | None = None
        self._current: KillRun | None = None
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._ours = False
        """Whether the latch was set here, with a sweep that has the scope that was asked for."""

    # --- who pulls it -----------------------------------------------------------------------------

    async def handle(self, request: CommandRequest[Any, Outcome]) -> None:
        """Carry out one Kill and answer it; cancelling leaves the latch."""
        await request.carry_out(self._kill)

    async def _kill(self, command: Kill) -> Outcome:
        context, started = self._context, self._context.env.monotonic()
        # Before anything can wait: from here on no create and no amend leaves.
        run, self._ours = self.begin(only_ours=command.only_ours), True
        latch(context, reason=command.reason, author=command.author, by=command.by)
        problems = await self._make_durable(command)
        if command.wait:
            with trio.move_on_after(ANSWER_S):
                await run.done.wait()
        seconds = context.env.monotonic() - started
        unclear = unsettled_orders(context.view.own_live_orders())
        return outcome_of(run, unclear, wait=command.wait, seconds=seconds, problems=problems)

    async def _make_durable(self, command: Kill) -> str:
        # Two ways, so that the latch outlives a journal that cannot be read any more.
        context, problems = self._context, []
        told = Latch(
            reason=command.reason,
            by=command.by,
            at=context.env.wall_ns(),
            only_ours=command.only_ours,
        )
        problems.append(await self._write_file(told))
        try:
            await context.shared.journal.wait_durable(context.shared.journal.position)
        except StoreError as exc:
            problems.append(f"not in the journal: {exc}")
        return "; ".join(filter(None, problems))

    async def _write_file(self, told: Latch) -> str:
        """Make the file; returns what is wrong with it, an empty text when nothing is."""
        context = self._context
        # After one that is being cleared now: its file goes, and this one stays.
        async with context.shared.kill_latch.disk:
            try:
                return await context.env.run_blocking(
                    write_latch, context.config.state_path(), told
                )
            except StoreError as exc:
                return str(exc)

    async def _keep(self, halt: ev.HaltRaised) -> None:
        """Make the file for a halt that no file brought, so that it holds even if the journal forgets it."""
        context = self._context
        problem = await self._write_file(Latch(reason=halt.reason, by=halt.by, at=halt.at))
        if problem:
            context.log.error(f"KILL: {problem}")
        async with context.shared.kill_latch.disk:
            if context.view.conditions.killed is not None:
                return
            # A person undid it meanwhile, and a file that stays behind would kill again.
            try:
                await context.env.run_blocking(remove_latch, context.config.state_path())
            except StoreError as exc:
                context.log.error(f"KILL: {exc}")

    async def watch(self, news: Inbox[Any]) -> None:
        """Sweep when the halt is raised by whomever, and when an order of ours rests while it stands."""
        async with trio.open_nursery() as nursery:
            # The disk is written beside the news: one that hangs must hold up nothing.
            async for batch in news:
                if self._context.view.conditions.killed is None:
                    # A person undid it: what is placed from now on is wanted.
                    self._ours = False
                    self._scope.cancel(reason="the kill switch was cleared")
                    continue
                for event in batch:
                    self._heard(event, nursery)

    def _heard(self, event: Any, nursery: trio.Nursery) -> None:
        if isinstance(event, ev.HaltRaised):
            if event.halt_id == KILL_HALT and not self._ours:
                # Of a signal: nobody has said that some orders may stay.
                self.begin(only_ours=False)
                nursery.start_soon(self._keep, event)
        elif (
            isinstance(event, ev.OrderChanged)
            and event.status is OrderStatus.RESTING
            and self._is_own(event.key)
        ):
            # An order whose fate was unknown turned up.
            self._ensure()

    def _is_own(self, key: str) -> bool:
        order = self._context.view.order(key)
        return order is not None and order.attribution.owner is not OrderOwner.EXTERNAL

    async def watch_file(self) -> None:
        """Look for the file that somebody else may make, until cancelled."""
        context = self._context
        directory = context.config.state_path()
        while True:
            if context.view.conditions.killed is None:
                found = await context.env.run_blocking(read_latch, directory)
                # A person may have cleared it while the disk was read.
                if found is not None and context.view.conditions.killed is None:
                    self.begin(only_ours=found.only_ours)
                    self._ours = True
                    latch(context, reason=found.reason, author=ev.Author.PERSON, by=found.by)
            await trio.sleep(LOOK_S)

    async def take_up(self) -> None:
        """Sweep for a latch that was set before this run: by the scope of its file, as far as nobody verified that yet.

        Without a file nobody has said that some orders may stay.
        """
        directory = self._context.config.state_path()
        found = await self._context.env.run_blocking(read_latch, directory)
        halt = self._context.view.conditions.killed
        self.begin(only_ours=found is not None and (found.only_ours or found.verified))
        if found is None and halt is not None:
            await self._keep(halt)

    # --- the sweep --------------------------------------------------------------------------------

    def begin(self, *, only_ours: bool) -> KillRun:
        """Ask for a sweep that begins after now; one that has not begun yet is joined."""
        wanted = self._wanted
        if wanted is None:
            wanted = self._wanted = KillRun(only_ours)
        wanted.only_ours = wanted.only_ours and only_ours
        if self._current is not None:
            # Its cancels may have arrived, and whoever asks now means these orders too.
            wanted.known.update(self._current.known)
        for order in self._resting(only_ours=only_ours):
            # Of one that was known before, what rested before any cancel.
            wanted.known.setdefault(order.key, Rested.of(order))
        self._wake.set()
        return wanted

    def _resting(self, *, only_ours: bool) -> list[Order]:
        view = self._context.view
        orders = view.own_live_orders() if only_ours else view.live_orders()
        return [order for order in orders if order.status in RESTING]

    def _ensure(self) -> None:
        if self._current is None and self._wanted is None:
            self.begin(only_ours=True)

    async def run(self) -> None:
        """Sweep when it is asked for, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            self._current, self._wanted = self._wanted, None
            if self._current is None:
                continue
            self._scope = trio.CancelScope()
            with self._scope:
                await self._sweep(self._current)
            self._current.done.set()
            self._current = None

    async def _sweep(self, run: KillRun) -> None:
        context = self._context
        while self._context.view.conditions.killed is not None:
            try:
                await sweep(
                    context.venue.rest.for_kill(),
                    rng=context.env.rng,
                    tell=partial(_tell, context.log.warning),
                    ours=self._is_ours if run.only_ours else None,
                    unsettled=self._on_its_way,
                    progress=run.progress,
                )
            except AuthenticationRefused as exc:
                run.progress.problem = str(exc)
                context.log.error(f"KILL: the orders cannot be cancelled: {exc}")
                await trio.sleep(AGAIN_S)
            else:
                await self._mark_verified(run)
                return

    async def _mark_verified(self, run: KillRun) -> None:
        # So that a restart leaves alone what others placed since.
        context = self._context
        try:
            await context.env.run_blocking(
                mark_verified, context.config.state_path(), Latch(only_ours=run.only_ours)
            )
        except StoreError as exc:
            _tell(context.log.warning, f"a restart will verify it again: {exc}")

    def _on_its_way(self) -> str:
        return doubt_of(unsettled_orders(self._context.view.own_live_orders()))

    def _is_ours(self, record: Listed) -> bool:
        order = None if record.order_id is None else self._context.view.order(record.order_id)
        if order is not None and order.attribution.owner is not OrderOwner.EXTERNAL:
            return True
        given = record.client_order_id
        return given is not None and instance_of(given) == self._context.shared.journal.instance_id


def latch(context: Context, *, reason: str, author: ev.Author, by: str) -> None:
    """Raise the halt, unless it stands; it holds when this returns, and whoever is clearing it then does not."""
    context.shared.kill_latch.pulled += 1
    if context.view.conditions.killed is None:
        context.publish(kill_halt(context.now(), reason=reason, author=author, by=by))


def kill_halt(at: Timestamp, *, reason: str, author: ev.Author, by: str) -> ev.HaltRaised:
    """Return the halt of the kill switch."""
    return ev.HaltRaised(at=at, halt_id=KILL_HALT, author=author, reason=reason, by=by)


def _tell(log: Callable[[str], object], words: str) -> None:
    log(f"KILL: {words}")
