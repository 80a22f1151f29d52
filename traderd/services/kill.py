"""The kill switch inside the daemon: latch, cancel everything, verify at the exchange.

Owns: who pulls it (the verb, the file `kill.latch`, SIGUSR1: each only raises the halt `kill`) and the sweep that follows.
The halt holds from the moment it is raised: what waits for its disk or its turn does not leave any more.
Must not: wait for anything before the latch holds, or end a latch; a person does, with `clear-halt kill`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import attrs
import trio

from traderd.config import Config
from traderd.core.conditions import KILL_HALT
from traderd.core.order import Order
from traderd.errors import AuthenticationRefused, StoreError
from traderd.kalshi.kill import Sweep, sweep
from traderd.kalshi.order_reads import Listed
from traderd.model import events as ev
from traderd.model.commands import Answer, Kill, Outcome
from traderd.model.ids import instance_of
from traderd.model.orders import OrderOwner, OrderStatus
from traderd.model.units import Timestamp
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.store.latch import Latch, mark_verified, read_latch, write_latch

LOOK_S: Final = 0.5
"""How often the file is looked for: half a second is nothing beside a person's hand."""
ANSWER_S: Final = 25.0
"""Bounds how long the verb waits for the proof; the console gives a verb 30 s, and the sweep goes on after it."""
AGAIN_S: Final = 5.0
"""After a refused key, which only a person can cure."""
NAMED_MAX: Final = 5
"""Bounds the orders that one sentence names."""
RESTING: Final = frozenset({OrderStatus.RESTING, OrderStatus.CANCELLING})
"""Where an order surely is at the exchange, as far as is known here."""
UNDO: Final = f"`traderd clear-halt {KILL_HALT}` undoes the latch"


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


@attrs.define(eq=False)
class _Run:
    """One sweep, from its beginning to its proof."""

    only_ours: bool
    progress: Sweep = attrs.Factory(Sweep)
    done: trio.Event = attrs.Factory(trio.Event)
    known: dict[str, None] = attrs.Factory(dict)
    """The keys of the orders that rested as far as was known here, when it was asked for or when one before it was."""


class KillSwitch:
    """Latches and sweeps; there is one sweep at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._wanted: _Run | None = None
        self._current: _Run | None = None
        self._wake = trio.Event()
        self._scope = trio.CancelScope()
        self._ours = False
        """Whether the latch was set here, with a sweep that has the scope that was asked for."""

    # --- who pulls it -----------------------------------------------------------------------------

    async def handle(self, request: CommandRequest[Any, Outcome]) -> None:
        """Carry out one Kill and answer it; cancelling leaves the latch."""
        with request as command:
            request.answer(await self._kill(command))

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
        return _outcome(run, unclear, wait=command.wait, seconds=seconds, problems=problems)

    async def _make_durable(self, command: Kill) -> str:
        # Two ways, so that the latch outlives a journal that cannot be read any more.
        context, problems = self._context, []
        told = Latch(
            reason=command.reason,
            by=command.by,
            at=context.env.wall_ns(),
            only_ours=command.only_ours,
        )
        try:
            problems.append(
                await context.env.run_blocking(write_latch, context.config.state_path(), told)
            )
        except StoreError as exc:
            problems.append(str(exc))
        try:
            await context.shared.journal.wait_durable(context.shared.journal.position)
        except StoreError as exc:
            problems.append(f"not in the journal: {exc}")
        return "; ".join(filter(None, problems))

    async def watch(self, news: Inbox[Any]) -> None:
        """Sweep when the halt is raised by whomever, and when an order of ours rests while it stands."""
        async for batch in news:
            if self._context.view.conditions.killed is None:
                # A person undid it: what is placed from now on is wanted.
                self._ours = False
                self._scope.cancel(reason="the kill switch was cleared")
                continue
            for event in batch:
                if isinstance(event, ev.HaltRaised):
                    if event.halt_id == KILL_HALT and not self._ours:
                        # Of a signal: nobody has said that some orders may stay.
                        self.begin(only_ours=False)
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
        self.begin(only_ours=found is not None and (found.only_ours or found.verified))

    # --- the sweep --------------------------------------------------------------------------------

    def begin(self, *, only_ours: bool) -> _Run:
        """Ask for a sweep that begins after now; one that has not begun yet is joined."""
        wanted = self._wanted
        if wanted is None:
            wanted = self._wanted = _Run(only_ours)
        wanted.only_ours = wanted.only_ours and only_ours
        if self._current is not None:
            # Its cancels may have arrived, and whoever asks now means these orders too.
            wanted.known.update(self._current.known)
        wanted.known.update(dict.fromkeys(self._resting_keys(only_ours=only_ours)))
        self._wake.set()
        return wanted

    def _resting_keys(self, *, only_ours: bool) -> list[str]:
        view = self._context.view
        orders = view.own_live_orders() if only_ours else view.live_orders()
        return [order.key for order in orders if order.status in RESTING]

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

    async def _sweep(self, run: _Run) -> None:
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

    async def _mark_verified(self, run: _Run) -> None:
        # So that a restart leaves alone what others placed since.
        context = self._context
        try:
            await context.env.run_blocking(
                mark_verified, context.config.state_path(), Latch(only_ours=run.only_ours)
            )
        except StoreError as exc:
            _tell(context.log.warning, f"a restart will verify it again: {exc}")

    def _on_its_way(self) -> str:
        orders = unsettled_orders(self._context.view.own_live_orders())
        return f"nobody knows yet what became of {named(orders)}" if orders else ""

    def _is_ours(self, record: Listed) -> bool:
        order = None if record.order_id is None else self._context.view.order(record.order_id)
        if order is not None and order.attribution.owner is not OrderOwner.EXTERNAL:
            return True
        given = record.client_order_id
        return given is not None and instance_of(given) == self._context.shared.journal.instance_id


def latch(context: Context, *, reason: str, author: ev.Author, by: str) -> None:
    """Raise the halt, unless it stands; it holds when this returns."""
    if context.view.conditions.killed is None:
        context.publish(kill_halt(context.now(), reason=reason, author=author, by=by))


def kill_halt(at: Timestamp, *, reason: str, author: ev.Author, by: str) -> ev.HaltRaised:
    """Return the halt of the kill switch."""
    return ev.HaltRaised(at=at, halt_id=KILL_HALT, author=author, reason=reason, by=by)


def unsettled_orders(orders: Iterable[Order]) -> list[Order]:
    """Return the orders of which a request may still arrive at the exchange, or may have without our knowing."""
    return [
        order
        for order in orders
        if order.status in {OrderStatus.SENT, OrderStatus.UNKNOWN} or order.pending is not None
    ]


def named(orders: Sequence[Order]) -> str:
    """Return orders for people: `1 order (key)`."""
    keys = ", ".join(order.key for order in orders[:NAMED_MAX])
    more = ", ..." if len(orders) > NAMED_MAX else ""
    return f"{len(orders)} order{'s' if len(orders) > 1 else ''} ({keys}{more})"


def _tell(log: Callable[[str], object], words: str) -> None:
    log(f"KILL: {words}")


def _outcome(
    run: _Run, unclear: Sequence[Order], *, wait: bool, seconds: float, problems: str
) -> Outcome:
    progress = run.progress
    but = f"; but {problems}" if problems else ""
    if not wait:
        doubt = f"; nobody knows yet what became of {named(unclear)}" if unclear else ""
        return Outcome(
            answer=Answer.DONE,
            sentence=f"nothing but cancels leaves any more, and the cancels go on{doubt}; {UNDO}{but}",
            # For a program that verifies by itself and cannot know of these.
            items=(
                *(
                    Outcome(
                        answer=Answer.UNKNOWN, sentence=f"it is {order.status.value}", key=order.key
                    )
                    for order in unclear
                ),
                *_known_items(run),
            ),
        )
    if not run.done.is_set() or not progress.verified:
        problem = progress.problem
        if not problem and unclear:
            problem = f"nobody knows yet what became of {named(unclear)}"
        why = f": {problem}" if problem else ""
        return Outcome(
            answer=Answer.UNKNOWN,
            sentence="nothing but cancels leaves any more, but it is not verified that no order rests"
            f" ({len(progress.left)} did at the last look){why}; the daemon goes on cancelling{but}",
        )
    whose = " of ours" if run.only_ours else ""
    found = max(progress.found, len(run.known))
    spared = f", {progress.spared} of others left alone" if progress.spared else ""
    return Outcome(
        answer=Answer.DONE,
        items=_known_items(run),
        sentence=f"killed: {found} orders{whose} were resting, none{whose} rests now{spared}, verified at the "
        f"exchange in {seconds:.1f} s; {UNDO}{but}",
    )


def _known_items(run: _Run) -> tuple[Outcome, ...]:
    # Who begins to look later sees only what the cancels have left, and needs the count of before.
    return tuple(
        Outcome(answer=Answer.DONE, sentence="it rested and is cancelled", key=key)
        for key in run.known
    )
