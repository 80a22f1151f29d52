"""What counts as a difference between us and the exchange, and the words for it."""

import copy

import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    S,
    accepted,
    cancel_requested,
    contracts,
    dollars,
    fill,
    filled,
    intended,
    not_placed,
    position_record,
    ready_engine,
    record,
    rejected,
    reported,
    second,
    sent,
    tell,
    terms,
    unknown,
    vanished,
)
from traderd.core.engine import Engine
from traderd.core.ledger import Ledger
from traderd.core.reconcile import (
    NO_DRIFT,
    POSITION_LAG_GRACE_NS,
    fill_difference,
    missed_fills,
    move_difference,
    order_difference,
    position_differences,
    settlement_differences,
    undecided_positions,
)
from traderd.model import events as ev
from traderd.model.cash import CashMove, MoveKind, Settlement
from traderd.model.orders import OrderRecord, Side
from traderd.model.units import NS_PER_S


def engine_with(*events: ev.Event) -> Engine:
    engine = ready_engine()
    tell(engine, *events)
    return engine


PLACED = (intended(), sent(), accepted())


def words(engine: Engine, read: OrderRecord) -> tuple[str, str, str, str] | None:
    found = order_difference(engine.orders, read)
    return None if found is None else (found.kind, found.subject, found.ours, found.theirs)


def test_fills_that_were_not_booked_are_named_in_their_order():
    ledger = Ledger()
    ledger.book(fill("t2", 1))
    read = [fill("t3", 5, side=Side.ASK), fill("t2", 1), fill("t1", "2.5")]
    missed = missed_fills(ledger, read)
    assert missed == [read[0], read[2]]
    assert fill_difference(missed[0]) == ev.Difference(
        kind="fill_missed", subject="t3", ours="not booked", theirs="ask 5 KXA-26-Y"
    )


@pytest.mark.parametrize(
    ("before", "read", "found"),
    [
        ((), record(S.RESTING, 2), ("order_adopted", "c1", "not known", "resting, 2 filled")),
        (
            (),
            record(S.EXECUTED, 10, key=None),
            ("order_adopted", "x1", "not known", "executed, 10 filled"),
        ),
        (
            (intended(), sent(), unknown()),
            record(S.RESTING),
            ("order_found", "c1", "unknown", "resting, 0 filled"),
        ),
        (
            (intended(), sent(), unknown(), not_placed()),
            record(S.CANCELED),
            ("order_found", "c1", "not_placed", "canceled, 0 filled"),
        ),
        (
            (intended(), sent()),
            record(S.RESTING),
            ("order_found", "c1", "sent", "resting, 0 filled"),
        ),
        (PLACED, record(S.RESTING), None),
        (PLACED, record(S.CANCELED, 4), ("order_ended", "c1", "resting", "canceled, 4 filled")),
        (
            (*PLACED, cancel_requested()),
            record(S.EXECUTED, 10),
            ("order_ended", "c1", "cancelling", "executed, 10 filled"),
        ),
        ((*PLACED, cancel_requested()), record(S.RESTING), None),
        (PLACED, record(S.RESTING, 4), ("order_filled", "c1", "0 filled", "resting, 4 filled")),
        ((*PLACED, reported(S.RESTING, 4)), record(S.RESTING, 4), None),
        ((*PLACED, reported(S.CANCELED)), record(S.RESTING), None),
        (
            (*PLACED, reported(S.CANCELED)),
            record(S.CANCELED, 4),
            ("order_filled", "c1", "0 filled", "canceled, 4 filled"),
        ),
        ((*PLACED, reported(S.EXECUTED, 10)), record(S.RESTING), None),
        (
            (*PLACED, reported(S.CANCELED)),
            record(S.RESTING, order_id="x2"),
            ("order_adopted", "c1", "not known", "resting, 0 filled"),
        ),
        (
            PLACED,
            record(S.RESTING, what=terms(at_price="0.48")),
            ("order_amended", "c1", "10 @ $0.5000", "10 @ $0.4800"),
        ),
        (
            PLACED,
            record(S.RESTING, 2, what=terms(count=12)),
            ("order_amended", "c1", "10 @ $0.5000", "12 @ $0.5000"),
        ),
        (
            (*PLACED, reported(S.RESTING, what=terms(at_price="0.48", count=12))),
            record(S.RESTING, what=terms(at_price="0.48", count=12)),
            None,
        ),
        (
            PLACED,
            record(S.RESTING, what=terms(Side.ASK)),
            ("order_adopted", "c1", "not known", "resting, 0 filled"),
        ),
        (
            (*PLACED, vanished()),
            record(S.RESTING),
            ("order_found", "c1", "canceled", "resting, 0 filled"),
        ),
        ((*PLACED, vanished()), record(S.CANCELED), None),
        (
            (intended(), sent(), rejected()),
            record(S.RESTING),
            ("order_found", "c1", "rejected", "resting, 0 filled"),
        ),
    ],
)
def test_a_record_tells_what_was_not_known(before, read, found):
    assert words(engine_with(*before), read) == found


@pytest.mark.parametrize(
    "read",
    [
        record(S.RESTING, 2),
        record(S.CANCELED, 4),
        record(S.RESTING, what=terms(at_price="0.48", count=12)),
        record(S.RESTING, what=terms(Side.ASK)),
    ],
)
def test_what_was_told_once_is_no_difference_any_more(read):
    engine = engine_with(*PLACED, cancel_requested())
    tell(engine, ev.OrderReported(at=second(9), record=read, source=ev.Source.SYNC))
    assert order_difference(engine.orders, read) is None


def test_positions_that_agree_are_no_difference():
    ledger = Ledger()
    ledger.book(fill("t1", 10))
    assert position_differences(ledger, [position_record(10)], second(100)) == []
    flat = [position_record(10), position_record(0, ticker=OTHER)]
    assert position_differences(ledger, flat, second(100)) == []


def test_positions_that_our_fills_do_not_explain_are_told_with_both_counts():
    ledger = Ledger()
    ledger.book(fill("t1", 10))
    read = [position_record(-4), position_record("2.5", ticker=OTHER)]
    assert position_differences(ledger, read, second(100)) == [
        (read[0], ev.Difference(kind="position", subject=TICKER, ours="+10", theirs="-4")),
        (read[1], ev.Difference(kind="position", subject=OTHER, ours="0", theirs="+2.50")),
    ]


def test_a_market_that_is_missing_from_a_complete_reading_is_flat_there():
    ledger = Ledger()
    ledger.book(fill("t1", 10, fee="0.1"))
    [(flat, difference)] = position_differences(ledger, [], second(100))
    assert (flat.ticker, flat.count, flat.exposure) == (TICKER, 0, 0)
    assert (difference.kind, difference.ours) == ("position_gone", "+10")
    assert difference.theirs == "no position any more; the market may have been settled"
    [(_, listed)] = position_differences(ledger, [position_record(0)], second(100))
    assert (listed.kind, listed.theirs) == ("position", "0")


def test_two_orders_of_the_account_that_traded_with_each_other_make_two_fills():
    ledger = Ledger()
    ledger.book(fill("t1", 1))
    other = fill("t1", 1, side=Side.ASK, order_id="x2", key=None)
    assert missed_fills(ledger, [fill("t1", 1), other]) == [other]


@pytest.mark.parametrize(("age_s", "judged"), [(9.9, False), (10, True), (60, True)])
def test_a_reading_that_may_be_older_than_a_fill_says_nothing_of_its_market(age_s, judged):
    assert POSITION_LAG_GRACE_NS == 10 * NS_PER_S
    ledger = Ledger()
    ledger.book(fill("t1", 10, at=100 - age_s))
    read = [position_record(0), position_record(3, ticker=OTHER)]
    named = [record.ticker for record, _ in position_differences(ledger, read, second(100))]
    assert named == ([TICKER, OTHER] if judged else [OTHER])
    undecided = undecided_positions(ledger, read, second(100))
    assert undecided == (() if judged else (TICKER,))


def test_comparing_changes_nothing():
    engine = engine_with(*PLACED, filled("t1", 4))
    ledger = engine.ledger
    before = copy.deepcopy(ledger.positions[TICKER].count), list(ledger.positions)
    position_differences(ledger, [position_record(7, ticker=OTHER)], second(100))
    undecided_positions(ledger, [position_record(7, ticker=OTHER)], second(100))
    order_difference(engine.orders, record(S.CANCELED, 4))
    assert (ledger.positions[TICKER].count, list(ledger.positions)) == before
    assert [order.status for order in engine.orders.live()] == [S.RESTING]
    assert engine.ledger.positions[TICKER].count == contracts(4)


def test_a_settlement_is_told_with_what_it_paid_and_where_it_counts_other_contracts():
    engine = engine_with(filled("t1", 5))
    settlement = Settlement(
        ticker=TICKER,
        result="yes",
        yes_count=contracts(9),
        no_count=contracts(0),
        cost=dollars("2"),
        revenue=dollars("9"),
        fees_paid=dollars("0"),
        settled_at=second(9),
    )
    found = settlement_differences(engine.ledger, settlement)
    assert [(d.kind, d.ours, d.theirs) for d in found] == [
        ("market_settled", "+5", "yes, paid $9.00"),
        ("settled_count", "+5", "+9"),
    ]
    alone = settlement_differences(Ledger(), settlement)
    assert [d.kind for d in alone] == ["market_settled"]


def test_a_movement_of_cash_and_a_fill_of_somebody_else_are_named():
    move = CashMove(
        move_id="m1",
        kind=MoveKind.WITHDRAWAL,
        amount=dollars("-3"),
        fee=dollars("0"),
        moved_at=second(1),
    )
    assert move_difference(move).theirs == "withdrawal -$3.00"
    assert fill_difference(fill(), is_external=True).kind == "fill_external"
    assert {"market_settled", "cash_moved"} <= NO_DRIFT
    assert not NO_DRIFT & {"fill_missed", "position", "balance", "settled_count"}
