"""Order groups: a rolling window, what exceeds it, and what comes back after a reset."""

from __future__ import annotations

import pytest

from tests.paper.venues import NOW, TICKER, ask, bid, later, refusal_of, told, venue
from traderd.model.orders import OrderStatus
from traderd.model.units import Count, Timestamp, parse_count
from traderd.paper import choices
from traderd.paper.venue import order_groups
from traderd.paper.venue.messages import GroupChanged, GroupEvent, OrderUpdated
from traderd.paper.venue.order_groups import WINDOW_NS


def with_group(limit: str = "5"):
    """Return a venue whose ann has one group, and that group."""
    v = venue()
    group = v.groups.create(v.account("ann"), "g", parse_count(limit), NOW)
    v.take_outbox()
    return v, group


def trade(v, count: str, at: Timestamp) -> None:
    """Let an order of the group trade."""
    v.create_order("ann", bid(count, "0.50"), None, at, group_id="g")
    v.create_order("bob", ask(count, "0.50"), None, at)


def kinds(v) -> list[GroupEvent]:
    return [each.kind for each in told(v, GroupChanged)]


def test_a_group_is_created_with_its_limit_and_found_again():
    v = venue()
    ann = v.account("ann")
    group = v.groups.create(ann, "g", parse_count("5"), NOW)
    assert v.groups.find(ann, "g") is group
    (news,) = v.take_outbox()
    assert (news.account, news.group_id, news.kind) == ("ann", "g", GroupEvent.CREATED)
    assert (news.limit, news.at) == (500, NOW)


@pytest.mark.parametrize("limit", ["0.99", "0", "-1", "1000000.01"])
def test_a_limit_out_of_bounds_is_refused(limit):
    v, group = with_group()
    wrong = (400, "invalid_parameters")
    assert refusal_of(v.groups.create, v.account("ann"), "h", parse_count(limit), NOW) == wrong
    assert refusal_of(v.groups.set_limit, group, parse_count(limit), NOW) == wrong
    assert group.limit == 500
    assert v.take_outbox() == []


def test_groups_of_one_account_are_bounded_and_need_their_subaccount(monkeypatch):
    monkeypatch.setattr(order_groups, "GROUPS_MAX", 1)
    v, _ = with_group()
    ann, limit, wrong = v.account("ann"), parse_count("5"), (400, "invalid_parameters")
    assert refusal_of(v.groups.create, ann, "h", limit, NOW) == wrong
    assert refusal_of(v.groups.create, v.account("bob"), "h", limit, NOW, subaccount=3) == wrong


def test_groups_of_others_and_of_other_subaccounts_are_not_found():
    v, _ = with_group()
    gone = (404, "not_found")
    assert refusal_of(v.groups.find, v.account("bob"), "g") == gone
    assert refusal_of(v.groups.find, v.account("ann"), "g", subaccount=1) == gone
    assert refusal_of(v.create_order, "bob", bid("1", "0.4"), None, NOW, group_id="g") == (
        choices.GROUP_UNKNOWN
    )


def test_the_limit_itself_is_allowed_and_more_triggers():
    v, group = with_group("5")
    trade(v, "5", NOW)
    assert not group.triggered
    resting = v.create_order("ann", bid("1", "0.40"), None, NOW, group_id="g")
    outside = v.create_order("ann", bid("1", "0.40"), None, NOW)
    assert v.groups.members(group) == (resting.order_id,)
    v.take_outbox()
    trade(v, "0.01", later(1))
    assert group.triggered
    assert v.groups.members(group) == ()
    assert v.order("ann", resting.order_id).status is OrderStatus.CANCELED
    assert v.order("ann", outside.order_id).is_resting
    assert len(v.fills("ann")) == 2
    assert kinds(v) == [GroupEvent.TRIGGERED]


def test_matches_leave_the_window_after_15_seconds():
    v, group = with_group("5")
    trade(v, "5", NOW)
    trade(v, "3", Timestamp(NOW + WINDOW_NS))
    assert not group.triggered
    assert [each.count for each in group.matches] == [300]
    trade(v, "2.01", Timestamp(NOW + 2 * WINDOW_NS - 1))
    assert group.triggered


def test_matches_in_both_roles_count():
    v, group = with_group("5")
    trade(v, "3", NOW)
    v.create_order("bob", ask("3", "0.50"), None, NOW)
    v.create_order("ann", bid("3", "0.50"), None, NOW, group_id="g")
    assert group.triggered


def test_a_trigger_cancels_its_orders_one_by_one_and_says_so_first():
    v, group = with_group()
    for price in ("0.40", "0.41"):
        v.create_order("ann", bid("1", price), None, NOW, group_id="g")
    v.take_outbox()
    v.groups.trigger(group, later(1))
    news = told(v, GroupChanged, OrderUpdated)
    assert [type(each) for each in news] == [GroupChanged, OrderUpdated, OrderUpdated]
    assert [each.order.remaining_count for each in news[1:]] == [0, 0]
    assert [each.order.reason for each in news[1:]] == [None, None]


def test_a_limit_below_what_was_matched_triggers_and_one_that_holds_it_does_not():
    v, group = with_group("10")
    trade(v, "5", NOW)
    v.take_outbox()
    v.groups.set_limit(group, parse_count("5"), NOW)
    assert kinds(v) == [GroupEvent.LIMIT_UPDATED]
    v.groups.set_limit(group, parse_count("4.99"), NOW)
    assert kinds(v) == [GroupEvent.LIMIT_UPDATED, GroupEvent.TRIGGERED]
    v.groups.set_limit(group, parse_count("4"), NOW)
    assert kinds(v) == [GroupEvent.LIMIT_UPDATED]


def test_a_lower_limit_looks_at_the_window_as_it_is_now():
    v, group = with_group("10")
    trade(v, "5", NOW)
    v.groups.set_limit(group, parse_count("1"), later(15))
    assert not group.triggered


def test_a_reset_zeroes_the_counter_and_takes_orders_again():
    v, group = with_group("5")
    trade(v, "5", NOW)
    trade(v, "1", NOW)
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, NOW, group_id="g") == (
        choices.GROUP_TRIGGERED
    )
    v.take_outbox()
    v.groups.reset(group, NOW)
    assert kinds(v) == [GroupEvent.RESET]
    trade(v, "5", NOW)
    assert not group.triggered


def test_a_deleted_group_takes_its_orders_along():
    v, group = with_group()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW, group_id="g")
    v.take_outbox()
    v.groups.delete(group, NOW)
    assert v.order("ann", order.order_id).status is OrderStatus.CANCELED
    assert kinds(v) == [GroupEvent.DELETED]
    assert refusal_of(v.groups.find, v.account("ann"), "g") == (404, "not_found")
    assert v.book(TICKER) == ((), ())


def test_members_are_the_resting_orders_oldest_first_and_amends_go_behind():
    v, group = with_group()
    first, second = (
        v.create_order("ann", bid("2", "0.40"), None, NOW, group_id="g") for _ in range(2)
    )
    assert v.groups.members(group) == (first.order_id, second.order_id)
    v.decrease_order("ann", first.order_id, NOW, reduce_by=Count(100))
    assert v.groups.members(group) == (first.order_id, second.order_id)
    v.cancel_order("ann", first.order_id, NOW)
    assert v.groups.members(group) == (second.order_id,)


def test_a_group_that_was_triggered_takes_no_orders_until_it_is_reset():
    v = venue()
    group = v.groups.create(v.account("ann"), "g", parse_count("5"), NOW)
    v.groups.trigger(group, NOW)
    order = ("ann", bid("1", "0.40"), None, NOW)
    assert refusal_of(v.create_order, *order, group_id="g") == choices.GROUP_TRIGGERED
    v.groups.reset(group, NOW)
    assert v.create_order(*order, group_id="g").group_id == "g"
