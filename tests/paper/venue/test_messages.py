"""What comes out of the venue."""

from __future__ import annotations

import pytest

from traderd.paper.venue import messages
from traderd.paper.venue.messages import (
    ANY_BROADCAST,
    Broadcast,
    GroupEvent,
    Lifecycle,
    VenueRefusal,
)


def test_a_refusal_spells_its_code_when_it_has_no_message():
    assert VenueRefusal(404, "market_not_found").message == "market not found"
    assert VenueRefusal(400, "user_not_found:_x", "user not found").message == "user not found"


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (VenueRefusal(404, "not_found"), "HTTP 404 not_found: not found"),
        (
            VenueRefusal(400, "invalid_order", details="post only cross"),
            "HTTP 400 invalid_order: post only cross",
        ),
    ],
)
def test_a_refusal_reads_as_status_code_and_what_is_known(refusal, text):
    assert str(refusal) == text


def test_every_broadcast_there_is_is_listed():
    defined = [
        each
        for each in vars(messages).values()
        if isinstance(each, type) and issubclass(each, Broadcast) and each is not Broadcast
    ]
    assert list(ANY_BROADCAST) == defined


def test_lifecycle_and_group_events_are_spelled_as_kalshi_spells_them():
    assert [each.value for each in Lifecycle] == [
        "created",
        "activated",
        "deactivated",
        "close_date_updated",
        "determined",
        "settled",
        "price_level_structure_updated",
        "metadata_updated",
    ]
    assert [each.value for each in GroupEvent] == [
        "created",
        "limit_updated",
        "triggered",
        "reset",
        "deleted",
    ]
