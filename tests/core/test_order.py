"""What of an order counts against limits: of old and new terms the worse."""

import attrs
import pytest

from tests.core.builders import S, contracts, price, second, terms
from traderd.core.order import Order, PendingAmend
from traderd.model.orders import AmendKind, AmendTerms, Attribution, OrderOwner, Side


def an_order(side: Side = Side.BID, **changes) -> Order:
    order = Order(
        key="c1",
        ticker="KXA-26-Y",
        side=side,
        price=price("0.50"),
        count=contracts(10),
        attribution=Attribution(owner=OrderOwner.PERSON),
        status=S.RESTING,
        created_at=second(0),
        updated_at=second(0),
        terms=terms(side),
    )
    for name, value in changes.items():
        setattr(order, name, value)
    return order


def amending(at_price: str, count: int, *, unknown: bool = False) -> PendingAmend:
    return PendingAmend(
        terms=AmendTerms(kind=AmendKind.AMEND, price=price(at_price), count=contracts(count)),
        requested_at=second(1),
        is_unknown=unknown,
    )


def test_without_a_change_under_way_the_present_terms_count():
    order = an_order(filled=contracts(3))
    assert (order.worst_price, order.worst_count, order.at_risk) == (
        price("0.50"),
        contracts(10),
        contracts(7),
    )
    assert not order.terms_unknown


@pytest.mark.parametrize(
    ("side", "at_price", "worst"),
    [
        (Side.BID, "0.60", "0.60"),
        (Side.BID, "0.40", "0.50"),
        (Side.ASK, "0.60", "0.50"),
        (Side.ASK, "0.40", "0.40"),
    ],
)
def test_of_two_prices_the_one_at_which_more_can_be_lost_counts(side, at_price, worst):
    assert an_order(side, pending=amending(at_price, 10)).worst_price == price(worst)


@pytest.mark.parametrize(("count", "worst"), [(4, 10), (15, 15)])
@pytest.mark.parametrize("unknown", [False, True])
def test_of_two_sizes_the_larger_counts_whether_under_way_or_unknown(count, worst, unknown):
    order = an_order(pending=amending("0.50", count, unknown=unknown), filled=contracts(2))
    assert order.worst_count == contracts(worst)
    assert order.at_risk == contracts(worst - 2)
    # What is shown is what is known.
    assert order.remaining == contracts(8)
    assert order.terms_unknown is unknown


def test_a_finished_order_counts_only_what_it_owes():
    order = an_order(status=S.CANCELED, reported_filled=contracts(4), filled=contracts(1))
    assert (order.at_risk, order.remaining) == (contracts(3), 0)


def test_a_pending_amend_is_a_value():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        amending("0.50", 10).is_unknown = True
