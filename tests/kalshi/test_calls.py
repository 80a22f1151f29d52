"""Replies find the commands that wait for them."""

import pytest

from traderd.errors import AuthenticationRefused, ExchangeRefused
from traderd.kalshi.calls import Calls
from traderd.kalshi.wire import feed
from traderd.kalshi.wire.decoder import SnapshotReply


def subscribed(command_id, channel, sid):
    return feed.Subscribed(id=command_id, msg=feed.SubscribedBody(channel=channel, sid=sid))


def error(code, *, command_id=0, sid=0, text="x"):
    return feed.FeedError(id=command_id, sid=sid, msg=feed.ErrorBody(code=code, msg=text))


def test_ids_begin_at_one_and_never_repeat():
    calls = Calls()
    assert [calls.open(1).id for _ in range(3)] == [1, 2, 3]


def test_a_subscribe_is_done_when_every_channel_has_its_own_answer():
    calls = Calls()
    call = calls.open(2)
    calls.answer(subscribed(1, "trade", 5))
    calls.answer(subscribed(1, "trade", 5))
    assert not call.done.is_set()
    calls.answer(subscribed(1, "fill", 6))
    assert call.done.is_set()
    assert call.sids == {"trade": 5, "fill": 6}


def test_a_snapshot_request_is_done_when_every_market_has_answered():
    calls = Calls()
    call = calls.open(2)
    for ticker in ("A", "A"):
        calls.answer(SnapshotReply(id=1, ticker=ticker))
    assert not call.done.is_set()
    calls.answer(SnapshotReply(id=1, ticker="B"))
    assert call.done.is_set()
    assert list(call.tickers) == ["A", "B"]


@pytest.mark.parametrize("reply", [feed.Ok(id=1, sid=1, seq=2), feed.Unsubscribed(id=1, sid=1)])
def test_an_acknowledgement_completes_its_command_and_no_other(reply):
    calls = Calls()
    ours, other = calls.open(1), calls.open(1)
    assert calls.answer(reply) is None
    assert (ours.done.is_set(), other.done.is_set()) == (True, False)


def test_a_refusal_ends_the_waiting_and_is_raised():
    calls = Calls()
    call = calls.open(1)
    assert calls.answer(error(8, command_id=1, text="Unknown channel name")) is None
    assert call.done.is_set()
    with pytest.raises(ExchangeRefused, match="Unknown channel name") as caught:
        call.check()
    assert caught.value.code == "feed_error_8"


def test_an_authentication_error_is_its_own_kind():
    calls = Calls()
    call = calls.open(1)
    calls.answer(error(9, command_id=1, text=""))
    with pytest.raises(AuthenticationRefused, match="Authentication required"):
        call.check()


@pytest.mark.parametrize(("code", "terminal"), [(10, True), (25, True), (26, False), (99, False)])
def test_an_error_that_nobody_waits_for_is_a_complaint(code, terminal):
    complaint = Calls().answer(error(code, sid=4))
    assert (complaint.terminal, complaint.sid, complaint.sentence) == (
        terminal,
        4,
        f"error {code} on subscription 4: x",
    )


def test_answers_to_forgotten_commands_are_ignored_but_a_dead_subscription_never_is():
    calls = Calls()
    call = calls.open(1)
    calls.close(call.id)
    assert calls.answer(feed.Ok(id=1)) is None
    assert calls.answer(error(11, command_id=1)) is None
    assert calls.answer(error(10, command_id=1)).terminal
    assert not call.done.is_set()


def test_giving_up_wakes_everybody():
    calls = Calls()
    waiting = [calls.open(1), calls.open(2)]
    calls.give_up()
    assert all(call.done.is_set() for call in waiting)
