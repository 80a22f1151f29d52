"""Folding a reading's balance into the proof.

Owns: when the accounts are opened, when a mismatch counts, and the differences that tell of both.
Must not: correct cash, but for the opening, which is the exchange's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from traderd.core.balance_proof import (
    BALANCE_LAG_NS,
    BalanceProof,
    Proof,
    TiedUp,
    candidates,
    engine_changes,
    gap,
    learn_meaning,
    tied_up,
)
from traderd.core.standing import BALANCE, is_ignored
from traderd.core.unreadable import hidden_rows
from traderd.model import events as ev
from traderd.model.orders import OrderStatus
from traderd.model.units import NS_PER_S, Money, Timestamp, show_money

if TYPE_CHECKING:
    from traderd.core.engine import Engine

STANDS_AFTER_NS: Final = 60 * NS_PER_S
"""How long the same amount must be missing from every reading while money moves."""
IN_FLIGHT: Final = (OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN)


def fold_balance(engine: Engine, event: ev.AccountSynced) -> list[ev.Difference]:
    """Compare the reading's balance with ours and return what is new in that."""
    if not event.proves_balance:
        return []
    proof, ledger, balance = engine.account.proof, engine.ledger, event.balance.balance
    tied = tied_up(engine.orders.live(), ledger)
    hidden = _note_rows(engine, proof)
    moving = _is_moving(engine, event.started_at, event.theirs_at)
    if ledger.opened_at is None:
        return [] if moving or hidden else _open(engine, event, tied)
    # Orders that came or went while the parts of the reading were read make either meaning look right by chance.
    correction = None if moving or hidden else learn_meaning(proof, ledger, balance, tied)
    if correction:
        ledger.accept(correction, event.at)
    amount = gap(proof, ledger, balance, tied)
    proof.within = Money(tied.high - tied.low)
    if not hidden and -proof.opening_doubt <= amount < 0:
        # The orders that rested when the accounts were opened tied up less than the most that we took.
        ledger.accept(amount, event.at)
        proof.opening_doubt = Money(proof.opening_doubt + amount)
        amount = Money(0)
    if not hidden and not proof.within:
        proof.opening_doubt = Money(0)
    proof.expected = _expected(proof, ledger.cash, tied, balance)
    if amount == 0:
        return _proved(engine, event.at)
    if moving and not _stands(proof, amount, event.at):
        if proof.status is Proof.PROVED:
            proof.status = Proof.UNDECIDED
        return []
    is_known = proof.status is Proof.UNEXPLAINED and proof.unexplained == amount
    left_over = Proof.INCONCLUSIVE if hidden and not is_known else Proof.UNEXPLAINED
    return _left_over(engine, event, amount, tied, left_over)


def _note_rows(engine: Engine, proof: BalanceProof) -> bool:
    # Any of them may be money, or an order that ties some up.
    account = engine.account
    proof.unreadable = len(account.unreadable)
    proof.hidden = hidden_rows(account, engine.conditions)
    proof.hidden_since = account.hidden_since if proof.hidden else None
    return proof.hidden > 0


def balance_gap(
    engine: Engine, balance: Money, started_at: Timestamp, theirs_at: Timestamp | None = None
) -> Money:
    """Return what this balance would leave unexplained, 0 while nothing can be said.

    `started_at` is when its reading began, and `theirs_at` the same by the exchange's clock, where that is another.
    """
    theirs_at = started_at if theirs_at is None else theirs_at
    if engine.ledger.opened_at is None or _is_moving(engine, started_at, theirs_at):
        return Money(0)
    tied = tied_up(engine.orders.live(), engine.ledger)
    return gap(engine.account.proof, engine.ledger, balance, tied)


def _is_moving(engine: Engine, started_at: Timestamp, theirs_at: Timestamp) -> bool:
    # Whatever moved money or collateral so shortly before the reading that it may or may not be in it. Fills and
    # settlements bear the exchange's time, what we know of orders ours.
    recent, recent_there = started_at - BALANCE_LAG_NS, theirs_at - BALANCE_LAG_NS
    ledger = engine.ledger
    if ledger.latest_fill_at is not None and ledger.latest_fill_at > recent_there:
        return True
    if ledger.latest_settled_at is not None and ledger.latest_settled_at > recent_there:
        return True
    return any(
        order.status in IN_FLIGHT or order.updated_at > recent for order in engine.orders.recent()
    )


def _stands(proof: BalanceProof, amount: Money, at: Timestamp) -> bool:
    # Where orders move all the time no reading is quiet: an amount that stays the same counts nonetheless.
    if proof.moving_amount != amount or proof.moving_since is None:
        proof.moving_amount, proof.moving_since = amount, at
    return at - proof.moving_since >= STANDS_AFTER_NS


def _open(engine: Engine, event: ev.AccountSynced, tied: TiedUp) -> list[ev.Difference]:
    proof, balance = engine.account.proof, event.balance.balance
    engine.ledger.open(Money(balance + tied.high), event.theirs_at)
    proof.opening_collateral, proof.expected = tied.high, balance
    proof.opening_doubt = proof.within = Money(tied.high - tied.low)
    _proved(engine, event.at)
    return [
        ev.Difference(
            kind="opening_balance",
            subject="balance",
            ours="no balance yet",
            theirs=show_money(balance),
        )
    ]


def _proved(engine: Engine, at: Timestamp) -> list[ev.Difference]:
    proof, was = engine.account.proof, engine.account.proof.status
    explained, expected = proof.unexplained, proof.expected
    proof.status, proof.unexplained, proof.since, proof.candidates = (
        Proof.PROVED,
        Money(0),
        None,
        (),
    )
    proof.moving_since = None
    engine.account.ignored.pop(BALANCE, None)
    proof.proved_at, proof.fills_when_proved = at, engine.ledger.fill_count
    proof.proved_reading = engine.account.version + 1
    if was not in {Proof.UNEXPLAINED, Proof.INCONCLUSIVE}:
        return []
    return [
        ev.Difference(
            kind="balance_explained",
            subject="balance",
            ours=show_money(expected or Money(0)),
            theirs=f"the same; {show_money(explained, signed=True)} was unexplained",
        )
    ]


def _left_over(
    engine: Engine, event: ev.AccountSynced, amount: Money, tied: TiedUp, status: Proof
) -> list[ev.Difference]:
    proof, orders = engine.account.proof, engine.orders
    is_news = proof.status is not status or proof.unexplained != amount
    proof.unread_moves = event.unread_moves
    proof.status, proof.unexplained = status, amount
    proof.candidates = candidates(
        amount,
        ledger=engine.ledger,
        proof=proof,
        orders=orders.at_risk(),
        tied=tied,
        settling=tuple(engine.account.settling_since),
    )
    if is_news:
        account = engine.account
        proof.since, proof.reading = event.at, account.version + 1
        proof.engines = engine_changes(account.balance_by_engine, event.balance.by_engine)
    if is_ignored(engine.account, BALANCE, amount):
        return []
    engine.account.ignored.pop(BALANCE, None)
    if not is_news:
        return []
    return [
        ev.Difference(
            kind="balance" if status is Proof.UNEXPLAINED else "balance_inconclusive",
            subject="balance",
            ours=show_money(proof.expected or Money(0)),
            theirs=f"{show_money(event.balance.balance)}: {proof.sentence}",
        )
    ]


def _expected(proof: BalanceProof, cash: Money, tied: TiedUp, balance: Money) -> Money:
    if not proof.collateral_is_taken_off:
        return cash
    low, high = cash - tied.high, cash - tied.low
    return Money(min(max(balance, low), high))
