"""The verbs of risk: pause, resume, halt, clear, confirm and their dry runs; and the voice of every halt.

Owns: how a person's word becomes a durable condition.
Must not: judge orders; the pure rules in `core/risk.py` do, at the one gate in the order service.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs
import trio

from traderd.config import Config
from traderd.core.conditions import KILL_HALT, Conditions, scope_words
from traderd.core.dry_run import PREFIX, rehearse
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.commands import (
    CancelOrders,
    ClearHalt,
    Command,
    ConfirmLimits,
    DryRun,
    Flatten,
    Halt,
    Outcome,
    Pause,
    Resume,
    denied,
    done,
)
from traderd.model.ids import MarketTicker, StrategyName
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.commands import CommandRequest
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context
from traderd.services.limits_confirmation import confirm_limits, rehearse_confirmation
from traderd.services.scopes import unknown_scope
from traderd.store.latch import Latch, read_latch, remove_latch, write_latch

WHAT_GOES_ON = "resting orders stay, and orders that only reduce a position pass"
PULLED_AGAIN: Final = (
    f"halt {KILL_HALT!r} stands: the kill switch was pulled again while it was being cleared; "
    f"`traderd clear-halt {KILL_HALT}` clears this one too"
)


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the risk service when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="risk", run=run, on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the risk verbs until cancelled."""
    with (
        context.shared.commands.serve(
            Pause, Resume, Halt, ClearHalt, ConfirmLimits, DryRun
        ) as requests,
        context.subscribe(ev.HaltRaised, ev.HaltCleared, policy=Policy.LOSSLESS) as halts,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell_halts, context, halts)
            task_status.started()
            async for request in requests:
                command = request.command
                if isinstance(command, ClearHalt) and command.halt_id == KILL_HALT:
                    clear = partial(_clear_kill, context, request.refusal)
                    nursery.start_soon(request.carry_out, clear)
                elif not request.stands():
                    continue
                elif isinstance(command, DryRun):
                    with request:
                        request.answer(_rehearse(context, command))
                else:
                    # At once, in the order in which they came: a halt must not wait until the disk has written
                    # somebody else's pause. Only the acknowledgement waits.
                    outcome = _carry_out(context, command)
                    nursery.start_soon(_acknowledge, context, request, outcome)


def _rehearse(context: Context, command: DryRun) -> Outcome:
    verb = command.of
    if isinstance(verb, ConfirmLimits):
        return rehearse_confirmation(context, verb)
    if isinstance(verb, Pause | Halt | CancelOrders | Flatten):
        # A dry run refuses what the real one would.
        unknown = unknown_scope(context, verb.ticker, verb.strategy)
        if unknown is not None:
            return denied(f"{PREFIX}{unknown}, so it would be refused; check the name")
    return rehearse(context.view, command, context.now())


async def _acknowledge(
    context: Context, request: CommandRequest[Any, Outcome], outcome: Outcome
) -> None:
    with request:
        request.answer(await _make_durable(context, outcome))


async def _clear_kill(
    context: Context, refusal: Callable[[], Outcome | None], command: ClearHalt
) -> Outcome:
    latch = context.shared.kill_latch
    pulled = latch.pulled
    async with latch.disk:
        if _may_clear(context, command):
            # The file first: a latch that stays behind would kill the next start. A crash from here on finds the halt
            # in the journal, which holds as well and makes the file again.
            directory, run = context.config.state_path(), context.env.run_blocking
            found = await run(read_latch, directory)
            try:
                await run(remove_latch, directory)
            except StoreError as exc:
                # It may have gone all the same.
                await _put_back(context, found)
                return denied(f"halt {command.halt_id!r} stands: {exc}")
            why = refusal()
            if why is None and latch.pulled != pulled:
                why = denied(PULLED_AGAIN)
            if why is not None:
                await _put_back(context, found)
                return why
        outcome = _carry_out(context, command)
    return await _make_durable(context, outcome)


async def _put_back(context: Context, found: Latch | None) -> None:
    """Make the file of a halt that stands after all; what came meanwhile adds itself to it."""
    halt = context.view.conditions.halts[KILL_HALT]
    told = found or Latch(reason=halt.reason, by=halt.by, at=halt.at)
    try:
        problem = await context.env.run_blocking(write_latch, context.config.state_path(), told)
    except StoreError as exc:
        problem = str(exc)
    if problem:
        context.log.error(f"KILL: {problem}")


def _may_clear(context: Context, command: ClearHalt) -> bool:
    halt = context.view.conditions.halts.get(command.halt_id)
    return halt is not None and context.view.conditions.may_clear(halt, command.author)


async def _make_durable(context: Context, outcome: Outcome) -> Outcome:
    # A person's word must survive a power cut once it was acknowledged.
    try:
        await context.shared.journal.wait_durable(context.shared.journal.position)
    except StoreError as exc:
        # It holds now, which matters more than that a restart would forget it.
        sentence = f"{outcome.sentence}; it will not survive a restart: {exc}"
        return attrs.evolve(outcome, sentence=sentence)
    return outcome


def _carry_out(context: Context, command: Command) -> Outcome:
    match command:
        case Pause():
            return _pause(context, command)
        case Resume():
            return _resume(context, command)
        case Halt():
            return _halt(context, command)
        case ClearHalt():
            return _clear(context, command)
        case ConfirmLimits():
            return confirm_limits(context, command)
        case _:
            raise AssertionError(f"{type(command).__name__} is not a verb of risk")


def _pause(context: Context, command: Pause) -> Outcome:
    ticker, strategy = command.ticker, command.strategy
    if (unknown := unknown_scope(context, ticker, strategy)) is not None:
        return denied(f"{unknown}, so nothing was paused")
    context.publish(
        ev.TradingPaused(
            at=context.now(),
            reason=command.reason,
            ticker=ticker,
            strategy=strategy,
            by=command.by,
        )
    )
    where = "" if ticker is None and strategy is None else f" in {scope_words(ticker, strategy)}"
    return done(f"no new risk is taken{where}; {WHAT_GOES_ON}")


def _resume(context: Context, command: Resume) -> Outcome:
    conditions, ticker, strategy = context.view.conditions, command.ticker, command.strategy
    words = scope_words(ticker, strategy)
    if (ticker, strategy) not in conditions.pauses:
        what = "trading" if words == "the account" else words
        return denied(f"{what} is not paused{_standing(conditions)}")
    context.publish(
        ev.TradingResumed(at=context.now(), ticker=ticker, strategy=strategy, by=command.by)
    )
    standing = _standing(conditions)
    if standing:
        return done(f"the pause is over{standing}")
    return done("trading goes on" if words == "the account" else f"the pause of {words} is over")


def _halt(context: Context, command: Halt) -> Outcome:
    ticker, strategy, author = command.ticker, command.strategy, command.author
    if (unknown := unknown_scope(context, ticker, strategy)) is not None:
        return denied(f"{unknown}, so nothing was halted; check the name")
    scope = [str(ticker)] if ticker is not None else []
    scope += [f"strategy:{strategy}"] if strategy is not None else []
    # Each plugin has halts of its own: another one may neither keep nor clear them.
    whose = f"{author.value}:{command.by}" if author is ev.Author.PLUGIN else author.value
    halt_id = f"{whose}:{':'.join(scope) or 'account'}"
    context.publish(
        ev.HaltRaised(
            at=context.now(),
            halt_id=halt_id,
            author=author,
            reason=command.reason,
            ticker=ticker,
            strategy=strategy,
            by=command.by,
        )
    )
    return done(
        f"halt {halt_id!r} stands until `traderd clear-halt {halt_id}`; {WHAT_GOES_ON}",
    )


def _clear(context: Context, command: ClearHalt) -> Outcome:
    conditions, halt_id = context.view.conditions, command.halt_id
    halt = conditions.halts.get(halt_id)
    if halt is None:
        known = ", ".join(conditions.halts) or "none"
        return denied(f"no halt {halt_id!r}; there are: {known}")
    if not conditions.may_clear(halt, command.author):
        return denied(
            f"halt {halt_id!r} by {halt.author.value} cannot be cleared by a {command.author.value}"
        )
    context.publish(
        ev.HaltCleared(at=context.now(), halt_id=halt_id, author=command.author, by=command.by)
    )
    return done(f"halt {halt_id!r} is cleared")


def _standing(conditions: Conditions) -> str:
    ends = [f"`traderd clear-halt {halt_id}`" for halt_id in conditions.halts]
    ends += [f"`traderd resume{_flags(*scope)}`" for scope in conditions.pauses]
    return f"; what still stops new risk is ended by {', '.join(ends)}" if ends else ""


def _flags(ticker: MarketTicker | None, strategy: StrategyName | None) -> str:
    market = "" if ticker is None else f" --market {ticker}"
    return market if strategy is None else f"{market} --strategy {strategy}"


async def _tell_halts(context: Context, halts: Inbox[Any]) -> None:
    async for batch in halts:
        for event in batch:
            who = f"{event.author.value} {event.by}" if event.by else event.author.value
            if isinstance(event, ev.HaltRaised):
                context.log.error(
                    f"HALT {event.halt_id} by {who}: {event.reason}",
                    halt_id=event.halt_id,
                    ticker=event.ticker,
                )
            else:
                context.log.warning(f"halt {event.halt_id} cleared by {who}")
