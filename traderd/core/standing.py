"""Differences that stand until somebody does something about them, and what a person may do.

Owns: the list of them, each with an item's name; and what it means to ignore one: it is told no more and stops nothing
as long as the exchange's figure less ours is just what it was, and it comes back when that changes or was gone.
Must not: find differences (see `reconcile` and `balance_proof`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs

from traderd.core.account import Account, Mismatch
from traderd.core.balance_proof import Proof
from traderd.core.conditions import Conditions
from traderd.core.unreadable import is_row_halt
from traderd.model import events as ev
from traderd.model.commands import EVERYTHING, Reconcile
from traderd.model.ids import MarketTicker
from traderd.model.units import Count, show_count, show_money

if TYPE_CHECKING:
    from traderd.core.engine import Engine

ADOPT: Final = "adopt"
IGNORE: Final = "ignore"
BALANCE: Final = "balance"
"""The item of what nothing explains of the balance."""
POSITION: Final = "position:"
"""Begins the item of a position, and the id of its halt; the ticker follows."""


@attrs.frozen(kw_only=True)
class Standing:
    """One difference that stands."""

    item: str
    ours: str
    theirs: str
    sentence: str
    amount: int = 0
    """The exchange's figure less ours: Money, or a signed Count; 0 where there is none."""
    may_adopt: bool = True
    """False: there is nothing that could be taken over, because nobody can read it."""
    is_ignored: bool = False


def position_item(ticker: MarketTicker) -> str:
    """Return the item of one market's position, which is also the id of the halt that its mismatch raises."""
    return f"{POSITION}{ticker}"


def is_ignored(account: Account, item: str, amount: int) -> bool:
    """Tell whether a person noted just this difference."""
    return account.ignored.get(item) == amount


def standing(account: Account, conditions: Conditions) -> tuple[Standing, ...]:
    """Return what stands, by the last reading: the balance, then positions, then rows that cannot be read."""
    return (*_balance(account), *_positions(account), *_rows(conditions))


def _balance(account: Account) -> list[Standing]:
    proof = account.proof
    if proof.status is not Proof.UNEXPLAINED or account.balance is None:
        return []
    return [
        Standing(
            item=BALANCE,
            ours="?" if proof.expected is None else show_money(proof.expected),
            theirs=show_money(account.balance),
            sentence=proof.sentence,
            amount=proof.unexplained,
            is_ignored=is_ignored(account, BALANCE, proof.unexplained),
        )
    ]


def _positions(account: Account) -> list[Standing]:
    found = []
    for ticker, mismatch in account.mismatches.items():
        ours, theirs = (
            show_count(mismatch.ours, signed=True),
            show_count(mismatch.theirs, signed=True),
        )
        found.append(
            Standing(
                item=position_item(ticker),
                ours=ours,
                theirs=theirs,
                sentence=f"our fills make {ours} contracts of {ticker}, the exchange says {theirs}",
                amount=mismatch.amount,
                is_ignored=is_ignored(account, position_item(ticker), mismatch.amount),
            )
        )
    return found


def _rows(conditions: Conditions) -> list[Standing]:
    return [
        Standing(
            item=halt.halt_id,
            ours="not known",
            theirs="not readable",
            sentence=halt.reason,
            may_adopt=False,
        )
        for halt in conditions.halts.values()
        if is_row_halt(halt.halt_id)
    ]


def plan_reconcile(
    found: Sequence[Standing], command: Reconcile
) -> list[tuple[str, Standing]] | str:
    """Return ADOPT or IGNORE with each difference that is meant, or why nothing can be done, with the cure."""
    if command.author is not ev.Author.PERSON:
        # What stands stops trading, so whoever trades must not talk it away.
        author = command.author.value
        return f"what differs is decided by a person only, not by a {author}, so nothing was done"
    plan: list[tuple[str, Standing]] = []
    meant: dict[str, None] = {}
    for verb, items in ((ADOPT, command.adopt), (IGNORE, command.ignore)):
        for item in items:
            chosen = _chosen(found, item, verb)
            if not chosen:
                return _not_standing(found, item)
            if verb == ADOPT and item != EVERYTHING and not chosen[0].may_adopt:
                return (
                    f"{item} has nothing that could be adopted, because it cannot be read; `--ignore {item}` ends its "
                    "halt for just these rows"
                )
            plan += [(verb, one) for one in chosen if one.item not in meant]
            meant.update(dict.fromkeys(one.item for one in chosen))
    return plan


def _chosen(found: Sequence[Standing], item: str, verb: str) -> list[Standing]:
    if item == EVERYTHING:
        # What is ignored already was decided about.
        return [one for one in found if not one.is_ignored and (one.may_adopt or verb == IGNORE)]
    return [one for one in found if item in {one.item, one.item.removeprefix(POSITION)}]


def _not_standing(found: Sequence[Standing], item: str) -> str:
    if item == EVERYTHING:
        return "nothing stands that this could be done with, so nothing was done"
    items = ", ".join(one.item for one in found) or "nothing"
    return f"no difference {item!r} stands, so nothing was done; what stands: {items}"


def fold_ignored(engine: Engine, event: ev.DifferenceIgnored) -> list[ev.Event]:
    """Note it, and let what it stopped go on."""
    engine.account.ignored[event.item] = event.amount
    if event.item not in engine.conditions.halts:
        return []
    # Not as a person: a person who clears a mismatch takes over the exchange's number.
    return [ev.HaltCleared(at=event.at, halt_id=event.item, author=ev.Author.MACHINE, by=event.by)]


def fold_position_accepted(engine: Engine, event: ev.PositionAccepted) -> list[ev.Event]:
    """Let the next reading that can judge the market take its position over."""
    item = position_item(event.ticker)
    engine.account.ignored.pop(item, None)
    engine.account.may_carry_in[event.ticker] = None
    if item not in engine.conditions.halts:
        return []
    return [ev.HaltCleared(at=event.at, halt_id=item, author=ev.Author.PERSON, by=event.by)]


def note_mismatches(
    account: Account, found: dict[MarketTicker, Mismatch], undecided: list[MarketTicker]
) -> list[ev.Difference]:
    """Take over what a reading found; what it could not judge stays, and what is gone is ignored no more.

    Returns the end of each ignored difference that is gone: news of its own, or the reading might be too quiet for the
    journal and a replay would ignore what comes back.
    """
    ended: list[ev.Difference] = []
    stay = {t: m for t, m in account.mismatches.items() if t in undecided}
    account.mismatches = stay | found
    for item, amount in tuple(account.ignored.items()):
        if not item.startswith(POSITION):
            continue
        ticker = MarketTicker(item.removeprefix(POSITION))
        mismatch = account.mismatches.get(ticker)
        if ticker not in undecided and (mismatch is None or mismatch.amount != amount):
            del account.ignored[item]
            if mismatch is None:
                ended.append(
                    ev.Difference(
                        kind="ignored_ended",
                        subject=ticker,
                        ours=f"{show_count(Count(amount), signed=True)} of difference noted",
                        theirs="the same as we have",
                    )
                )
    return ended
