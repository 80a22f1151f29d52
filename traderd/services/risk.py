"""The verbs of risk: pause, resume, halt, clear; and the voice of every halt.

Owns: how a person's word becomes a durable condition.
Must not: judge orders; the pure rules in `core/risk.py` do, at the one gate in the order service.
"""

from __future__ import annotations

from typing import Any

import attrs
import trio

from traderd.config import Config
from traderd.core.conditions import Conditions
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.model.commands import (
    Answer,
    ClearHalt,
    Command,
    Halt,
    Outcome,
    Pause,
    Resume,
)
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.inbox import Inbox, Policy
from traderd.services.context import Context

WHAT_GOES_ON = "resting orders stay, and orders that only reduce a position pass"


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the risk service when trading is on."""
    if not config.trading_enabled:
        return []
    return [Service(name="risk", run=run, on_crash=OnCrash.HALT)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the risk verbs until cancelled."""
    with (
        context.shared.commands.serve(Pause, Resume, Halt, ClearHalt) as requests,
        context.subscribe(ev.HaltRaised, ev.HaltCleared, policy=Policy.LOSSLESS) as halts,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell_halts, context, halts)
            task_status.started()
            async for request in requests:
                with request as command:
                    request.answer(await _make_durable(context, _carry_out(context, command)))


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
    at, conditions = context.now(), context.view.conditions
    match command:
        case Pause(reason=reason):
            context.publish(ev.TradingPaused(at=at, reason=reason))
            return Outcome(answer=Answer.DONE, sentence=f"no new risk is taken; {WHAT_GOES_ON}")
        case Resume():
            if conditions.paused is None:
                return Outcome(
                    answer=Answer.DENIED, sentence=f"trading is not paused{_standing(conditions)}"
                )
            context.publish(ev.TradingResumed(at=at))
            return Outcome(answer=Answer.DONE, sentence=_after_the_pause(conditions))
        case Halt(reason=reason, ticker=ticker):
            if ticker is not None and context.view.market(ticker) is None:
                return Outcome(
                    answer=Answer.DENIED,
                    sentence=f"market {ticker} is not known here, so nothing was halted; check the ticker",
                )
            halt_id = f"person:{ticker or 'account'}"
            context.publish(
                ev.HaltRaised(
                    at=at, halt_id=halt_id, author=ev.Author.PERSON, reason=reason, ticker=ticker
                )
            )
            return Outcome(
                answer=Answer.DONE,
                sentence=f"halt {halt_id!r} stands until `traderd clear-halt {halt_id}`; {WHAT_GOES_ON}",
            )
        case ClearHalt(halt_id=halt_id):
            if halt_id not in conditions.halts:
                known = ", ".join(conditions.halts) or "none"
                return Outcome(
                    answer=Answer.DENIED, sentence=f"no halt {halt_id!r}; there are: {known}"
                )
            context.publish(ev.HaltCleared(at=at, halt_id=halt_id, author=ev.Author.PERSON))
            return Outcome(answer=Answer.DONE, sentence=f"halt {halt_id!r} is cleared")
        case _:
            raise AssertionError(f"{type(command).__name__} is not a verb of risk")


def _after_the_pause(conditions: Conditions) -> str:
    standing = _standing(conditions)
    return f"the pause is over{standing}" if standing else "trading goes on"


def _standing(conditions: Conditions) -> str:
    if not conditions.halts:
        return ""
    halts = ", ".join(f"`traderd clear-halt {halt_id}`" for halt_id in conditions.halts)
    return f"; what still stops it is ended by {halts}"


async def _tell_halts(context: Context, halts: Inbox[Any]) -> None:
    async for batch in halts:
        for event in batch:
            if isinstance(event, ev.HaltRaised):
                context.log.error(
                    f"HALT {event.halt_id} by {event.author.value}: {event.reason}",
                    halt_id=event.halt_id,
                    ticker=event.ticker,
                )
            else:
                context.log.warning(f"halt {event.halt_id} cleared by {event.author.value}")
