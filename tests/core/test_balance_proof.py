"""What orders tie up, and what may explain an amount."""

from random import Random

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    contracts,
    dollars,
    fill,
    filled,
    intended,
    position_record,
    price,
    ready_engine,
    second,
    sent,
    tell,
    terms,
)
from traderd.core.balance_proof import (
    BalanceProof,
    Candidate,
    Proof,
    TiedUp,
    candidates,
    engine_changes,
    gap,
    learn_meaning,
    tied_up,
)
from traderd.core.engine import Engine
from traderd.core.ledger import Ledger
from traderd.core.order import Order
from traderd.model.fees import FeeTerms, PublishedFees
from traderd.model.ids import OrderId, TradeId
from traderd.model.orders import Attribution, Fill, OrderOwner, OrderStatus, Side
from traderd.model.units import Count, Money, Price
from traderd.paper.venue.collateral import opening_cost
from traderd.paper.venue.fees import FeeSchedule, FeeType

WITH_MAKERS = FeeSchedule(fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES)


def resting(*orders: tuple[Side, str, int], held: int = 0) -> Engine:
    engine = ready_engine(max_open_orders=99)
    # A maker fill of the series tells what its makers pay: nothing.
    told = Fill(
        trade_id=TradeId("t0"),
        order_id=OrderId("x0"),
        ticker=TICKER,
        side=Side.BID,
        price=price("0.50"),
        count=contracts(max(held, 1)),
        fee=Money(0),
        is_taker=False,
        executed_at=second(1),
    )
    engine.ledger.fees.judge(told)
    if held:
        engine.ledger.book(told)
    for number, (side, at_price, count) in enumerate(orders):
        key = f"c{number}"
        tell(engine, intended(key, terms(side, at_price, count)), sent(key))
        tell(engine, accepted(key, f"x{key}", remaining=count))
    return engine


@pytest.mark.parametrize(
    ("orders", "held", "low", "high"),
    [
        ((), 0, "0", "0"),
        (((Side.BID, "0.40", 10),), 0, "4", "4"),
        (((Side.ASK, "0.40", 10),), 0, "6", "6"),
        (((Side.ASK, "0.40", 10),), 10, "0", "0"),
        (((Side.ASK, "0.40", 10),), 4, "3.6", "3.6"),
        (((Side.BID, "0.40", 10),), 4, "4", "4"),
        # Which of two orders closes the position nobody can say after amends, nor how its rest is rounded.
        (((Side.ASK, "0.40", 10), (Side.ASK, "0.90", 10)), 10, "0.9998", "6.0002"),
    ],
)
def test_resting_orders_tie_up_what_they_would_open(orders, held, low, high):
    engine = resting(*orders, held=held)
    tied = tied_up(engine.orders.live(), engine.ledger)
    assert tied == TiedUp(dollars(low), dollars(high))


@given(
    sizes=st.lists(st.tuples(st.integers(1, 99), st.integers(1, 2_000)), min_size=1, max_size=5),
    held=st.integers(0, 3_000),
    rng=st.randoms(use_true_random=False),
)
@example(sizes=[(78, 100), (78, 300)], held=200, rng=Random(1))
def test_whoever_gets_the_relief_the_exchange_is_within_the_range(sizes, held, rng):
    ledger = Ledger()
    ledger.fees.publish(PublishedFees(of="KXA", terms=FeeTerms(maker_rate=175, multiplier=1_000)))
    if held:
        ledger.carry_in(attrs.evolve(position_record(-1), count=Count(-held)), second(1))
    orders = [
        Order(
            key=str(number),
            ticker=TICKER,
            side=Side.BID,
            price=Price(cents * 100),
            count=Count(count),
            attribution=Attribution(owner=OrderOwner.PERSON),
            status=OrderStatus.RESTING,
            created_at=second(1),
            updated_at=second(1),
        )
        for number, (cents, count) in enumerate(sizes)
    ]
    tied, relief, there = tied_up(orders, ledger), held, 0
    for order in rng.sample(orders, len(orders)):
        opening, relief = max(0, order.count - relief), max(0, relief - order.count)
        if opening:
            there += opening_cost(
                Side.BID, order.price, Count(opening), WITH_MAKERS, as_taker=False
            )
    assert tied.low <= there <= tied.high


def test_an_unknown_maker_fee_makes_a_range():
    engine = ready_engine()
    what = terms(Side.BID, "0.40", 10, ticker=OTHER)
    tell(engine, intended("c1", what), sent("c1"), accepted("c1"))
    tied = tied_up(engine.orders.live(), engine.ledger)
    assert tied == TiedUp(dollars("4"), dollars("4.084"))


def ledger_with(cash: str) -> Ledger:
    ledger = Ledger()
    ledger.open(dollars(cash), second(0))
    return ledger


NOTHING = TiedUp(Money(0), Money(0))
FOUR = TiedUp(dollars("4"), dollars("4"))


@pytest.mark.parametrize(
    ("balance", "tied", "left_over"),
    [
        ("100", NOTHING, "0"),
        ("96", FOUR, "0"),
        ("100", FOUR, "0"),
        ("97", FOUR, "1"),
        ("95.5", FOUR, "-0.5"),
        ("96.5", TiedUp(dollars("3"), dollars("4")), "0"),
        ("97.5", TiedUp(dollars("3"), dollars("4")), "0.5"),
    ],
)
def test_the_balance_is_compared_in_both_meanings_that_it_may_have(balance, tied, left_over):
    proof, ledger = BalanceProof(), ledger_with("100")
    assert gap(proof, ledger, dollars(balance), tied) == dollars(left_over)


def test_a_meaning_that_was_learned_is_the_only_one():
    """Kalshi says in two ways whether what resting orders tie up is in the balance."""
    proof, ledger = BalanceProof(), ledger_with("100")
    assert learn_meaning(proof, ledger, dollars("100"), NOTHING) is None
    assert not proof.sure_of_meaning
    assert learn_meaning(proof, ledger, dollars("100"), FOUR) == 0
    assert (proof.sure_of_meaning, proof.collateral_is_taken_off) == (True, False)
    assert gap(proof, ledger, dollars("96"), FOUR) == dollars("-4")
    assert gap(proof, ledger, dollars("100"), FOUR) == 0


def test_an_opening_with_orders_is_corrected_when_the_other_meaning_turns_out_to_be_right():
    proof, ledger = BalanceProof(opening_collateral=dollars("4")), ledger_with("104")
    assert learn_meaning(
        proof, ledger, dollars("100"), TiedUp(dollars("2"), dollars("2"))
    ) == -dollars("4")


def test_what_may_explain_an_amount_is_data():
    ledger, proof = ledger_with("100"), BalanceProof()

    def kinds(amount: str, **which):
        facts = {"ledger": ledger, "proof": proof, "orders": (), "tied": NOTHING, "settling": ()}
        return [c.kind for c in candidates(dollars(amount), **facts | which)]

    assert kinds("25") == ["deposit", "transfer"]
    assert kinds("-25") == ["withdrawal", "transfer"]
    assert kinds("-0.1234") == ["fill"]
    assert kinds("-3.1234", tied=FOUR) == ["collateral"]
    ledger.book(fill("t1", 10))
    assert kinds("-0.0021") == ["fee"]
    assert kinds("10", settling=(TICKER,)) == ["settlement", "deposit", "transfer"]


def test_the_sentence_names_amount_and_candidates():
    proof = BalanceProof(
        status=Proof.UNEXPLAINED,
        unexplained=dollars("-2"),
        candidates=(Candidate("withdrawal", dollars("-2"), "a withdrawal"),),
    )
    assert proof.sentence == "-$2.00 of the balance is unexplained; it may be a withdrawal"
    assert "not compared yet" in BalanceProof().sentence
    assert "equal, to $0.03" in BalanceProof(status=Proof.PROVED, within=dollars("0.03")).sentence
    assert "moved while" in BalanceProof(status=Proof.UNDECIDED).sentence


def test_an_owed_fill_is_a_candidate():
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(filled=4, remaining=6), filled("t1", 1))
    (order,) = engine.orders.live()
    found = candidates(
        dollars("-1.5001"),
        ledger=engine.ledger,
        proof=BalanceProof(),
        orders=(order,),
        tied=NOTHING,
        settling=(),
    )
    assert found[0] == Candidate(
        "fill", dollars("-1.5"), f"a fill of 3 {TICKER} that is not listed yet"
    )


def test_what_is_unexplained_names_the_reading_the_moment_the_engine_and_the_cure():
    proof = BalanceProof(
        status=Proof.UNEXPLAINED,
        unexplained=dollars("-2"),
        since=second(60.5),
        reading=14,
        proved_at=second(30),
        proved_reading=13,
        engines=engine_changes(
            ((0, dollars("5")), (1, dollars("7"))), ((0, dollars("5")), (1, dollars("5")))
        ),
        unread_moves=("deposits",),
    )
    assert proof.sentence == (
        "-$2.00 of the balance is unexplained; it is so since reading 14 of 2027-01-15T08:01:00Z, and reading 13 of "
        "2027-01-15T08:00:30Z was equal; engine 1 had $7.00 and has $5.00; deposits could not be read; look at the "
        "exchange for what moved between the two, then `traderd reconcile --adopt balance` takes it over and "
        "`--ignore balance` leaves it as it is"
    )


def test_an_account_of_one_engine_has_no_engine_to_name():
    assert engine_changes(((0, dollars("5")),), ((0, dollars("4")),)) == ""
    assert engine_changes((), ((0, dollars("4")), (1, dollars("1")))) == ""


def test_rows_that_cannot_be_read_are_why_it_is_inconclusive_with_amount_and_age():
    proof = BalanceProof(hidden=2, hidden_since=second(100))
    assert proof.sentence.startswith(
        "inconclusive: the accounts are not opened, and 2 rows of the account cannot be read since 2027-"
    )
    proof = BalanceProof(status=Proof.INCONCLUSIVE, unexplained=dollars("-10"), hidden=1)
    assert proof.sentence == (
        "inconclusive: -$10.00 is left over, and 1 row of the account cannot be read; the next reading tries again, and "
        "`traderd reconcile --ignore ITEM` compares without a row whose item stands"
    )
    # What is equal, or was found before there were such rows, is told as it is.
    equal = BalanceProof(status=Proof.PROVED, hidden=1)
    assert equal.sentence == "our entries and the exchange's balance are equal"
    found = candidates(
        dollars("-0.1234"),
        ledger=ledger_with("100"),
        proof=BalanceProof(unreadable=2),
        orders=(),
        tied=NOTHING,
        settling=(),
    )
    assert found[0].kind == "row"
