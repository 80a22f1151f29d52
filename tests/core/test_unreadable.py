"""Rows that cannot be read: what they halt, when that ends, and what they may be."""

import attrs
import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    cleared,
    dollars,
    filled,
    halt,
    intended,
    position_record,
    ready_engine,
    second,
    sent,
    synced,
    tell,
    unknown,
)
from traderd.core import unreadable
from traderd.core.balance_proof import Proof
from traderd.core.balance_sync import balance_gap
from traderd.core.reconcile import NO_DRIFT
from traderd.core.standing import standing
from traderd.core.unreadable import ACCOUNT_HALT, bounded, hides_position, is_row_halt, may_be
from traderd.model import events as ev
from traderd.model.ids import ClientOrderId, OrderId
from traderd.model.rows import RowKind, UnreadableRow


def row(key="k", ticker=TICKER, kind=RowKind.FILL, **which) -> UnreadableRow:
    return UnreadableRow(
        kind=kind, key=key, ticker=ticker, words=f"{kind.value} {key}: what", **which
    )


def changed(*rows: UnreadableRow, whole: bool = True, at: float = 9) -> ev.UnreadableRowsChanged:
    return ev.UnreadableRowsChanged(at=second(at), rows=rows, whole=whole)


def test_a_row_halts_its_market_and_only_one_without_a_market_halts_the_account():
    engine = ready_engine()
    tell(engine, changed(row(), row("k2", OTHER)))
    halts = engine.conditions.halts
    assert {h: halts[h].ticker for h in halts} == {
        f"unreadable_row:{TICKER}": TICKER,
        f"unreadable_row:{OTHER}": OTHER,
    }
    assert "fill k: what" in halts[f"unreadable_row:{TICKER}"].reason
    tell(engine, changed(row("k3", None)))
    assert {h: halt.ticker for h, halt in engine.conditions.halts.items()} == {ACCOUNT_HALT: None}


def test_a_halt_ends_by_itself_when_the_rows_can_be_read_again():
    engine = ready_engine()
    tell(engine, changed(row(), row("k2", OTHER)))
    tell(engine, changed(row()))
    assert list(engine.conditions.halts) == [f"unreadable_row:{TICKER}"]
    tell(engine, changed())
    assert engine.conditions.halts == {}
    assert engine.account.unreadable == ()


def test_what_a_look_at_one_order_found_is_added_and_a_whole_reading_replaces_it():
    engine = ready_engine()
    tell(engine, changed(row()))
    tell(engine, changed(row("k2", OTHER), whole=False))
    assert [one.key for one in engine.account.unreadable] == ["k", "k2"]
    tell(engine, changed(row("k2", OTHER), whole=False))
    assert len(engine.account.unreadable) == 2
    tell(engine, changed(row("k2", OTHER)))
    assert list(engine.conditions.halts) == [f"unreadable_row:{OTHER}"]


def test_who_clears_the_halt_accepts_these_rows_and_another_one_halts_again():
    engine = ready_engine()
    tell(engine, changed(row()), cleared(f"unreadable_row:{TICKER}", ev.Author.PERSON))
    tell(engine, changed(row()))
    assert engine.conditions.halts == {}
    tell(engine, changed(row(), row("k2")))
    assert list(engine.conditions.halts) == [f"unreadable_row:{TICKER}"]


def test_the_halt_of_an_earlier_version_ends_as_well():
    engine = ready_engine()
    tell(engine, halt(f"unreadable_fill:{TICKER}", author=ev.Author.MACHINE))
    assert is_row_halt(f"unreadable_fill:{TICKER}")
    assert not is_row_halt(f"position:{TICKER}")
    tell(engine, changed())
    assert engine.conditions.halts == {}


def test_a_list_full_of_them_is_bounded_and_halts_the_account():
    rows = [row(f"k{number}", TICKER) for number in range(unreadable.ROWS_KEPT_MAX + 5)]
    kept = bounded(rows)
    assert len(kept) == unreadable.ROWS_KEPT_MAX
    assert kept[-1].ticker is None
    assert "6 more rows" in kept[-1].words
    assert bounded(rows[:3]) == tuple(rows[:3])


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"order_id": OrderId("x1")}, True),
        ({"order_id": OrderId("x9")}, False),
        ({"client_order_id": ClientOrderId("c1")}, True),
        ({"client_order_id": ClientOrderId("c9")}, False),
        # It says that it has none, so it is not ours.
        ({"client_order_id": ClientOrderId("")}, False),
        ({}, True),
        ({"ticker": None}, True),
        ({"ticker": OTHER}, False),
        ({"kind": RowKind.FILL, "order_id": OrderId("x1")}, False),
    ],
)
def test_only_what_a_row_says_itself_rules_an_order_out(which, expected):
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted())
    one = row(**{"kind": RowKind.ORDER} | which)
    assert may_be(one, engine.orders.get("c1")) is expected


def test_an_order_without_an_id_may_be_any_row_of_its_market_that_tells_no_client_id():
    engine = ready_engine()
    tell(engine, intended(), sent(), unknown())
    order = engine.orders.get("c1")
    one = row(kind=RowKind.ORDER, order_id=OrderId("x9"))
    assert may_be(one, order)
    assert not may_be(attrs.evolve(one, client_order_id=ClientOrderId("c2")), order)


def test_a_position_is_hidden_by_money_of_its_market_or_of_an_unknown_one():
    assert hides_position([row()], TICKER)
    assert hides_position([row(ticker=None)], TICKER)
    assert not hides_position([row(ticker=OTHER)], TICKER)
    assert not hides_position([row(kind=RowKind.ORDER)], TICKER)


def test_a_position_is_neither_wrong_nor_taken_over_while_a_fill_of_it_cannot_be_read():
    """Carried in now, the fill would count a second time once it can be read."""
    engine = ready_engine()
    tell(engine, changed(row()), synced(position_record(5), sync_type="initial", started=100))
    assert engine.ledger.positions.get(TICKER) is None
    assert list(engine.conditions.halts) == [f"unreadable_row:{TICKER}"]
    # The accounts begin from a reading that is whole.
    assert engine.ledger.opened_at is None
    tell(engine, changed(), filled(count=2, order_id="x7", key=None, at=3))
    tell(engine, synced(position_record(5), started=200))
    position = engine.ledger.positions[TICKER]
    assert (position.count, position.carried_in) == (500, 300)
    assert engine.conditions.halts == {}


def test_a_position_that_the_list_lacks_is_not_gone_while_its_row_cannot_be_read():
    engine = ready_engine()
    tell(engine, synced(position_record(5), sync_type="initial"))
    tell(engine, changed(row(kind=RowKind.POSITION)), synced(started=300))
    assert engine.ledger.positions[TICKER].count == 500
    assert list(engine.conditions.halts) == [f"unreadable_row:{TICKER}"]


def proving(balance: str, started: float) -> ev.AccountSynced:
    return attrs.evolve(synced(started=started, balance=balance), proves_balance=True)


def test_accounts_are_opened_and_an_amount_is_called_unexplained_only_by_what_can_be_read():
    engine = ready_engine()
    proof = engine.account.proof
    tell(engine, changed(row()), proving("1000", 100))
    assert (engine.ledger.opened_at, proof.unreadable) == (None, 1)
    tell(engine, changed(), proving("1000", 200))
    assert proof.status is Proof.PROVED
    tell(engine, changed(row(), at=299), proving("990", 300))
    assert (proof.status, proof.unexplained) == (Proof.INCONCLUSIVE, dollars("-10"))
    assert (proof.hidden, proof.hidden_since) == (1, second(299))
    assert proof.candidates[0].kind == "row"
    tell(engine, changed(row(), row("another"), at=600), proving("990", 601))
    assert (proof.hidden, proof.hidden_since) == (2, second(299))
    # However long it stays so: only what can be read says "unexplained".
    news = tell(engine, changed(row(), at=899), proving("990", 900))[-1].differences
    assert (proof.status, news) == (Proof.INCONCLUSIVE, ())
    tell(engine, changed(), proving("1000", 1_000))
    assert (proof.status, proof.hidden, proof.hidden_since) == (Proof.PROVED, 0, None)


def test_an_amount_that_rows_may_explain_is_told_once_and_is_no_drift():
    engine = ready_engine()
    tell(engine, proving("1000", 100))
    told = tell(engine, changed(row()), proving("990", 300))[-1].differences
    assert [(one.kind, one.kind in NO_DRIFT) for one in told] == [("balance_inconclusive", True)]
    assert "-$10.00 is left over" in told[0].theirs
    assert standing(engine.account, engine.conditions)[0].item == f"unreadable_row:{TICKER}"
    told = tell(engine, changed(), proving("1000", 400))[-1].differences
    assert [one.kind for one in told] == ["balance_explained"]


def test_a_balance_that_is_equal_is_proved_whatever_cannot_be_read():
    engine = ready_engine()
    tell(engine, proving("1000", 100))
    tell(engine, changed(row()), proving("1000", 300))
    proof = engine.account.proof
    assert (proof.status, proof.proved_at, proof.hidden) == (Proof.PROVED, second(301), 1)


def test_what_was_unexplained_before_a_row_came_stays_so():
    engine = ready_engine()
    tell(engine, proving("1000", 100), proving("990", 200))
    proof = engine.account.proof
    assert proof.status is Proof.UNEXPLAINED
    tell(engine, changed(row()), proving("990", 300))
    assert proof.status is Proof.UNEXPLAINED
    # Another amount is another question.
    tell(engine, proving("985", 400))
    assert (proof.status, proof.unexplained) == (Proof.INCONCLUSIVE, dollars("-15"))


def test_who_ends_the_halt_of_a_row_compares_without_it():
    engine = ready_engine()
    tell(engine, changed(row()), proving("1000", 100))
    person = ev.HaltCleared(
        at=second(150), halt_id=f"unreadable_row:{TICKER}", author=ev.Author.PERSON
    )
    tell(engine, person, proving("1000", 200))
    proof = engine.account.proof
    assert (proof.status, engine.ledger.cash) == (Proof.PROVED, dollars("1000"))
    tell(engine, proving("990", 300))
    assert (proof.status, proof.hidden) == (Proof.UNEXPLAINED, 0)
    assert "what 1 rows tell" in proof.sentence
    # Another row asks anew, and its age begins with it.
    tell(engine, changed(row(), row("other"), at=400), proving("980", 401))
    assert (proof.status, proof.hidden_since) == (Proof.INCONCLUSIVE, second(400))


def test_a_movement_of_cash_is_asked_for_although_a_row_cannot_be_read():
    engine = ready_engine()
    tell(engine, proving("1000", 100), changed(row()))
    assert balance_gap(engine, dollars("1050"), second(300)) == dollars("50")


def test_what_the_opening_took_too_much_of_is_corrected_by_what_can_be_read_only():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(at=2), proving("995", 100))
    engine.orders.vanish(engine.orders.live()[0], second(110), "gone")
    tell(engine, changed(row()), proving("1000", 200))
    proof = engine.account.proof
    assert (proof.status, proof.unexplained) == (Proof.INCONCLUSIVE, dollars("-0.0875"))
    tell(engine, changed(), proving("1000", 300))
    assert (proof.status, engine.ledger.cash) == (Proof.PROVED, dollars("1000"))
