"""The ledger and its proof as JSON documents.

Owns: the shapes of `account.ledger`, `account.strategies`, `account.balance_proof`, `account.balance_by_shard`, `settlements` and
`/v3/reconciliation`.
Must not: compute anything that the view does not tell.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from traderd.core.balance_proof import Proof
from traderd.core.reconcile import NO_DRIFT
from traderd.core.standing import BALANCE, POSITION, Standing, is_ignored
from traderd.core.strategy_books import StrategyBook
from traderd.core.view import StateView
from traderd.model import events as ev
from traderd.model.fees import PublishedFees
from traderd.model.rows import UnreadableRow
from traderd.model.units import (
    NS_PER_S,
    ONE_DOLLAR,
    Money,
    Price,
    Timestamp,
    format_count,
    format_money,
    format_time,
)
from traderd.services.condition_documents import orders_in_doubt

Document: TypeAlias = dict[str, Any]

SETTLEMENTS_SHOWN: Final = 20
"""Bounds the settlements of one status; the journal and `traderd report` have all."""


def ledger_document(view: StateView) -> Document:
    """Return the balance of every account; what was earned or put in is below 0, and all of them sum to 0."""
    books = view.ledger.books
    return {
        "accounts": {
            f"{account.value}_dollars": format_money(total)
            for account, total in books.totals().items()
        },
        "transactions": books.count,
        "settled_markets": len(view.ledger.settlements),
        "fee_alarms": view.ledger.fees.differed,
        "published_fees": [_published(fees) for fees in view.ledger.fees.published.values()],
    }


def _published(fees: PublishedFees) -> Document:
    terms = fees.terms
    return {
        "of": fees.of,
        "multiplier_thousandths": None if terms is None else terms.multiplier,
        "maker_rate_per_10000": None if terms is None else terms.maker_rate,
        "changes_at": [format_time(change.at) for change in fees.changes],
    }


def shards_document(view: StateView) -> list[Document]:
    """Return the balance on each of the exchange's matching engines; empty while it tells only the sum."""
    return [
        {"exchange_index": index, "balance_dollars": format_money(balance)}
        for index, balance in view.account.balance_by_engine
    ]


def settlements_document(view: StateView) -> list[Document]:
    """Return the newest settlements, newest first; `profit_dollars` is before the trading fees."""
    newest = sorted(view.ledger.settlements.values(), key=lambda one: one.settled_at)
    return [
        {
            "ticker": one.ticker,
            "result": one.result,
            "count": format_count(one.count),
            "cost_dollars": format_money(one.cost),
            "revenue_dollars": format_money(one.revenue),
            "profit_dollars": format_money(Money(one.revenue - one.cost)),
            "fees_dollars": format_money(one.fees_paid),
            "settled_at": format_time(one.settled_at),
        }
        for one in newest[: -SETTLEMENTS_SHOWN - 1 : -1]
    ]


def strategies_document(view: StateView) -> list[Document]:
    """Return what each strategy has and earned, by its own average cost."""
    return [_strategy(view, book) for book in view.strategies()]


def _strategy(view: StateView, book: StrategyBook) -> Document:
    at_bid = at_mid = 0
    for position in book.open_positions():
        mark = view.last_known_mark(position)
        worst = Price(0) if position.count > 0 else ONE_DOLLAR
        closing = position.unrealized_pnl(worst if mark is None else mark) or 0
        middle = view.unrealized_at_mid(position)
        at_bid += closing
        at_mid += closing if middle is None else middle
    return {
        "strategy": book.label,
        "fills": book.fill_count,
        "positions": {
            position.ticker: format_count(position.count) for position in book.open_positions()
        },
        "realized_pnl_dollars": format_money(book.realized_pnl),
        "unrealized_at_bid_dollars": format_money(Money(at_bid)),
        "unrealized_at_mid_dollars": format_money(Money(at_mid)),
        "fees_dollars": format_money(book.fees_paid),
    }


def reconciliation_document(view: StateView, now: Timestamp) -> Document:
    """Return how we stand to the exchange: the proof of the balance, standing mismatches and recent differences."""
    account = view.account
    readings = [
        {
            "version": reading.version,
            "at": format_time(reading.at),
            "differences": [difference_document(one) for one in reading.differences],
        }
        for reading in account.readings
        if reading.differences
    ]
    return {
        "version": account.version,
        "read_at": None if account.read_at is None else format_time(account.read_at),
        "read_age_s": _age_s(account.read_at, now),
        "balance": balance_document(view, now),
        "mismatches": [
            {"ticker": halt.ticker, "sentence": halt.reason}
            for halt in view.conditions.halts.values()
            if halt.author is ev.Author.MACHINE
            and halt.halt_id.startswith((POSITION, "unreadable_", "ledger"))
        ],
        "standing": [standing_document(one) for one in view.standing()],
        "unreadable": [row_document(row) for row in account.unreadable],
        "settling": list(account.settling_since),
        "orders_in_doubt": orders_in_doubt(view),
        "readings": readings,
    }


def balance_document(view: StateView, now: Timestamp) -> Document:
    """Return the proof of the balance, and what may explain it where it fails."""
    account, proof = view.account, view.account.proof
    expected = proof.expected
    ignored = is_ignored(account, BALANCE, proof.unexplained)
    return {
        "status": proof.status.value,
        "exchange_dollars": None if account.balance is None else format_money(account.balance),
        "ours_dollars": None if expected is None else format_money(expected),
        "unexplained_dollars": format_money(proof.unexplained),
        "since": None if proof.since is None else format_time(proof.since),
        "unreadable_rows": proof.hidden,
        "unreadable_age_s": _age_s(proof.hidden_since, now),
        "read_age_s": _age_s(account.read_at, now),
        "proved_at": None if proof.proved_at is None else format_time(proof.proved_at),
        "proved_age_s": _age_s(proof.proved_at, now),
        "candidates": [
            {"kind": one.kind, "amount_dollars": format_money(one.amount), "sentence": one.sentence}
            for one in proof.candidates
        ],
        "sentence": proof.sentence,
        "is_ignored": ignored,
        "is_drift": proof.status is Proof.UNEXPLAINED and not ignored,
    }


def _age_s(at: Timestamp | None, now: Timestamp) -> float | None:
    return None if at is None else round(max(0, now - at) / NS_PER_S, 1)


def standing_document(one: Standing) -> Document:
    """Return one difference that stands, with the item by which it is adopted or ignored."""
    return {
        "item": one.item,
        "ours": one.ours,
        "theirs": one.theirs,
        "sentence": one.sentence,
        "may_adopt": one.may_adopt,
        "is_ignored": one.is_ignored,
    }


def row_document(row: UnreadableRow) -> Document:
    """Return one row that could not be read, as it came."""
    return {
        "kind": row.kind.value,
        "key": row.key,
        "ticker": row.ticker,
        "order_id": row.order_id,
        "client_order_id": row.client_order_id,
        "sentence": row.words,
        "raw": row.raw,
    }


def difference_document(difference: ev.Difference) -> Document:
    """Return one difference."""
    return {
        "kind": difference.kind,
        "subject": difference.subject,
        "ours": difference.ours,
        "theirs": difference.theirs,
        "is_drift": difference.kind not in NO_DRIFT,
    }
