"""What a person decides about differences that stand: the facts that follow, and the sentences.

Owns: the way from a Reconcile to facts in the journal with their author.
Must not: read the account (the sync service does, before and after).
"""

from __future__ import annotations

from typing import Final

from traderd.core.balance_proof import Proof
from traderd.core.standing import ADOPT, BALANCE, POSITION, Standing, plan_reconcile
from traderd.core.unreadable import is_row_halt
from traderd.model import events as ev
from traderd.model.commands import Answer, Calibrate, Command, Outcome, Reconcile, denied, done
from traderd.model.ids import MarketTicker
from traderd.model.units import Money, show_money
from traderd.services.context import Context

NOBODY: Final = "a person"


def wish_of(command: Command) -> Reconcile | None:
    """Return what a person wants done about differences, None when only a reading was asked for."""
    if isinstance(command, Reconcile):
        return command
    accepts = isinstance(command, Calibrate) and command.accept_balance
    return Reconcile(adopt=(BALANCE,)) if accepts else None


def decide(context: Context, command: Reconcile) -> Outcome:
    """Publish the facts, or refuse all of it; `items` has each difference that was decided about."""
    unexplained = context.view.account.proof.status is Proof.UNEXPLAINED
    if command.adopt == (BALANCE,) and not command.ignore and not unexplained:
        return done("nothing of the balance is unexplained")
    plan = plan_reconcile(context.view.standing(), command)
    if isinstance(plan, str):
        return denied(plan)
    by = command.by or NOBODY
    context.publish(*(_fact(context, verb, one, command) for verb, one in plan))
    items = []
    for verb, one in plan:
        words = f"{_past(verb)} by {by}: {one.sentence}"
        context.log.warning(f"{one.item} {words}", item=one.item)
        items.append(done(f"{one.item} {words}"))
    return Outcome(answer=Answer.DONE, sentence=_sentence(plan), items=tuple(items))


def _fact(context: Context, verb: str, one: Standing, command: Reconcile) -> ev.Event:
    at, by = context.now(), command.by
    if is_row_halt(one.item):
        # The rows stay known, so just these halt no more.
        return ev.HaltCleared(at=at, halt_id=one.item, author=command.author, by=by)
    if verb != ADOPT:
        return ev.DifferenceIgnored(at=at, item=one.item, amount=one.amount, by=by)
    if one.item == BALANCE:
        return ev.BalanceAccepted(at=at, amount=Money(one.amount), by=by)
    ticker = MarketTicker(one.item.removeprefix(POSITION))
    return ev.PositionAccepted(at=at, ticker=ticker, by=by)


def _past(verb: str) -> str:
    return "adopted" if verb == ADOPT else "ignored"


def _sentence(plan: list[tuple[str, Standing]]) -> str:
    told = []
    for verb, one in plan:
        if (verb, one.item) == (ADOPT, BALANCE):
            amount = show_money(Money(one.amount), signed=True)
            told.append(f"{amount} is taken over as carried in")
        else:
            told.append(f"{one.item} is {_past(verb)}")
    return "; ".join(told)
