"""The venue's records as bodies, read back by the trader's side of the wire."""

import msgspec

from tests.paper.venues import NOW, terms, venue
from traderd.kalshi.wire.translate import (
    fill_from_wire,
    order_record_from_wire,
    position_from_wire,
)
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Money
from traderd.paper.to_wire import (
    event_position_body,
    event_total,
    fill_body,
    fill_record,
    order_body,
    order_record,
    position_body,
)


def traded():
    built = venue()
    built.create_order("ann", terms("bid", "10", "0.40"), "ann-1", NOW)
    taken = built.create_order("bob", terms("ask", "4", "0.40"), None, NOW)
    return built, taken


def test_an_order_survives_the_way_to_the_trader():
    built, _ = traded()
    (order,) = built.orders("ann")
    understood = order_record_from_wire(order_body(order))
    assert understood == order_record(order)
    assert (understood.status, understood.fill_count) == (OrderStatus.RESTING, 400)
    assert order_body(order).user_id == "ann"


def test_a_fill_survives_the_way_but_its_client_id_does_not():
    built, taken = traded()
    (fill,) = built.fills("bob")
    understood = fill_from_wire(fill_body(fill), at=NOW)
    assert understood == fill_record(fill)
    assert (understood.order_id, understood.side) == (taken.order_id, Side.ASK)
    (ours,) = built.fills("ann")
    assert fill_record(ours).client_order_id == "ann-1"
    assert fill_body(ours).client_order_id is msgspec.UNSET


def test_what_an_order_asked_for_beside_its_terms_is_shown_when_it_is_set():
    built, _ = traded()
    built.bank.open_subaccount(built.account("ann"), NOW)
    built.bank.transfer(built.account("ann"), "t", 0, 1, Money(10_000_000), NOW)
    group = built.groups.create(built.account("ann"), "g", Count(100), NOW, subaccount=1)
    made = built.create_order(
        "ann",
        terms("ask", "1", "0.90"),
        None,
        NOW,
        cancel_on_pause=True,
        subaccount=1,
        group_id=group.group_id,
        in_no_terms=True,
    )
    body = order_body(made)
    assert (body.order_group_id, body.cancel_order_on_pause, body.subaccount_number) == (
        "g",
        True,
        1,
    )
    assert (body.side, body.action, body.book_side) == ("no", "buy", "ask")
    plain = order_body(built.orders("ann", subaccount=0)[0])
    assert plain.order_group_id is plain.cancel_order_on_pause is msgspec.UNSET


def test_positions_and_their_sum():
    built, _ = traded()
    (position,) = built.positions("bob")
    understood = position_from_wire(position_body(position))
    assert (understood.count, understood.exposure) == (Count(-400), Money(2_400_000))
    total = event_position_body("E", event_total([position, position]))
    assert (total.event_exposure_dollars, total.total_cost_shares_fp) == ("4.800000", "8.00")
