"""What leaves was asked for, once, and unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.builders import contracts, terms
from traderd.core.last_gate import TOTALS_KEPT_MAX, LastGate
from traderd.errors import InvariantViolation
from traderd.model.ids import ClientOrderId
from traderd.model.orders import Side

C1, C2 = ClientOrderId("c1"), ClientOrderId("c2")


def counters(gate: LastGate) -> tuple[int, int, int, int]:
    return gate.intents_accepted, gate.orders_sent, gate.contracts_asked, gate.contracts_sent


def test_an_order_that_was_asked_for_leaves_once():
    gate = LastGate()
    gate.admit(C1, terms())
    gate.let_out(C1, terms())
    assert counters(gate) == (1, 1, contracts(10), contracts(10))
    with pytest.raises(InvariantViolation, match="c1 was not asked for, or sent before"):
        gate.let_out(C1, terms())
    assert counters(gate) == (1, 1, contracts(10), contracts(10))


def test_an_order_that_nobody_asked_for_does_not_leave():
    gate = LastGate()
    gate.admit(C1, terms())
    with pytest.raises(InvariantViolation, match="c2 was not asked for"):
        gate.let_out(C2, terms())
    assert gate.orders_sent == 0


@pytest.mark.parametrize("other", [terms(count=11), terms(Side.ASK), terms(at_price="0.51")])
def test_an_order_that_is_not_what_was_asked_for_does_not_leave_ever(other):
    gate = LastGate()
    gate.admit(C1, terms())
    with pytest.raises(InvariantViolation, match="c1 differs from what was asked for"):
        gate.let_out(C1, other)
    with pytest.raises(InvariantViolation, match="c1 was not asked for"):
        gate.let_out(C1, terms())
    assert (gate.orders_sent, gate.contracts_sent) == (0, 0)


def test_an_intent_that_was_withdrawn_does_not_leave_and_does_not_count():
    gate = LastGate()
    gate.admit(C1, terms())
    gate.withdraw(C1)
    gate.withdraw(C1)
    assert counters(gate) == (0, 0, 0, 0)
    with pytest.raises(InvariantViolation, match="c1 was not asked for"):
        gate.let_out(C1, terms())


def test_an_amend_counts_what_it_adds():
    gate = LastGate()
    gate.admit(C1, terms(), added=contracts(3))
    gate.admit(C2, terms(count=4), added=contracts(0))
    gate.let_out(C1, terms())
    gate.let_out(C2, terms(count=4))
    assert counters(gate) == (2, 2, contracts(3), contracts(3))


def test_more_than_was_asked_for_does_not_leave_whoever_lost_count():
    gate = LastGate()
    gate.admit(C1, terms())
    gate.contracts_asked -= 1
    with pytest.raises(InvariantViolation, match="c1 would be more than was asked for"):
        gate.let_out(C1, terms())
    assert (gate.orders_sent, gate.contracts_sent) == (0, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["admit", "withdraw", "let out"]), st.integers(1, 4)), max_size=30
)


@given(STEPS)
def test_never_more_leaves_than_was_asked_for(steps):
    gate = LastGate()
    waiting: dict[ClientOrderId, int] = {}
    asked = left = 0
    for number, (what, count) in enumerate(steps):
        key = next(iter(waiting), C1)
        if what == "admit":
            key = ClientOrderId(f"n{number}")
            waiting[key] = count
            asked += 1
            gate.admit(key, terms(count=count))
        elif what == "withdraw":
            asked -= waiting.pop(key, None) is not None
            gate.withdraw(key)
        elif key in waiting:
            gate.let_out(key, terms(count=waiting.pop(key)))
            left += 1
        else:
            with pytest.raises(InvariantViolation):
                gate.let_out(key, terms(count=count))
    assert (gate.intents_accepted, gate.orders_sent) == (asked, left)
    assert gate.contracts_sent <= gate.contracts_asked


def test_a_renewal_asks_for_no_more_than_left_under_its_id():
    gate = LastGate()
    gate.admit(C1, terms(count=10))
    gate.let_out(C1, terms(count=10))
    gate.admit(C2, terms(count=4), added=contracts(0))
    gate.let_out(C2, terms(count=4))
    gate.let_renewal_out(C1, contracts(10))
    gate.let_renewal_out(C2, contracts(4))
    # Of an earlier run, or made smaller elsewhere.
    gate.let_renewal_out(ClientOrderId("older"), contracts(99))
    gate.let_renewal_out(C2, contracts(3))
    with pytest.raises(InvariantViolation, match="would ask for 10 contracts, and 4 left"):
        gate.let_renewal_out(C2, contracts(10))
    assert gate.renewals_sent == 4


def test_of_what_left_only_the_newest_is_remembered():
    gate = LastGate()
    keys = [ClientOrderId(f"n{number}") for number in range(TOTALS_KEPT_MAX + 1)]
    for number, key in enumerate(keys):
        if number == TOTALS_KEPT_MAX:
            with pytest.raises(InvariantViolation):
                gate.let_renewal_out(keys[0], contracts(99))
        gate.admit(key, terms())
        gate.let_out(key, terms())
    # The oldest is taken at its word, like one of an earlier run.
    gate.let_renewal_out(keys[0], contracts(99))
    with pytest.raises(InvariantViolation):
        gate.let_renewal_out(keys[1], contracts(99))
