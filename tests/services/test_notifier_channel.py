"""One channel: its queue, its tries, and that neither a secret nor a failure gets out."""

from contextlib import asynccontextmanager

import pytest
import structlog
import trio

from tests.model.test_notices import message, notice
from traderd.model.notices import Urgency
from traderd.runtime.log_text import MASK
from traderd.runtime.simulation import SimEnv
from traderd.services.extensions import Faults, NotDelivered, Notifier, Owned
from traderd.services.notifier_channel import (
    DEFECTS_MAX,
    MESSAGES_MAX,
    PAUSE_MAX_S,
    SEND_BUDGET_S,
    TRIES_MAX,
    NotifierChannel,
)

SECRET = "hush-hush-hush"


class Friend:
    """Where a notifier sends to; `fate` says what becomes of each try."""

    def __init__(self, *fate):
        self.fate = list(fate)
        self.tries = []
        self.got = []

    async def send(self, message, post):
        self.tries.append(trio.current_time())
        answer = self.fate.pop(0) if self.fate else None
        if isinstance(answer, Exception):
            raise answer
        if answer == "hang":
            await trio.sleep_forever()
        self.got.append(message.text)


@asynccontextmanager
async def running(friend, **changes):
    faults = Faults()
    channel = NotifierChannel(
        Owned(
            "a_plugin",
            Notifier(name="friend", send=friend.send, secrets=(SECRET, "ab")),
            **changes,
        ),
        env=SimEnv(seed=1),
        post=None,
        faults=faults,
        log=structlog.get_logger("traderd"),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.run)
        yield channel, faults
        nursery.cancel_scope.cancel()


def no(sentence="busy", **changes):
    return NotDelivered(sentence, **changes)


async def test_messages_go_in_their_order(autojump_clock):
    friend = Friend()
    async with running(friend) as (channel, _):
        for number in range(3):
            channel.offer(message(notice(f"n{number}")))
        await channel.wait_idle()
        assert friend.got == [f"[sim] n{number}: 5 errors" for number in range(3)]
        assert (channel.fate.delivered, channel.waiting) == (3, 0)


async def test_a_message_that_was_not_taken_is_tried_again_with_growing_waits(autojump_clock):
    friend = Friend(no(), no(), no())
    async with running(friend) as (channel, _):
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert len(friend.got) == 1
        assert len(friend.tries) == 4
        assert friend.tries[-1] <= 1 + 2 + 4
        assert channel.fate.last_error == ""


async def test_a_receiver_that_asks_for_a_pause_gets_it_and_the_whole_channel_waits(autojump_clock):
    friend = Friend(no(retry_after_s=30.0))
    async with running(friend) as (channel, _):
        channel.offer(message(notice("a")))
        channel.offer(message(notice("b")))
        await channel.wait_idle()
        assert friend.tries[0] == 0
        assert min(friend.tries[1:]) >= 30
        assert len(friend.got) == 2


async def test_a_pause_is_bounded(autojump_clock):
    friend = Friend(no(retry_after_s=1e9))
    async with running(friend) as (channel, _):
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert friend.tries[1] <= PAUSE_MAX_S + 1


async def test_what_is_refused_for_good_is_given_up_at_once_and_the_next_goes(autojump_clock):
    friend = Friend(no("no such chat", is_final=True))
    async with running(friend) as (channel, _):
        channel.offer(message(notice("a")))
        channel.offer(message(notice("b")))
        await channel.wait_idle()
        assert friend.got == ["[sim] b: 5 errors"]
        assert (channel.fate.failed, channel.fate.delivered) == (1, 1)


async def test_no_message_is_tried_for_ever(autojump_clock):
    friend = Friend(*[no()] * 100)
    async with running(friend) as (channel, _):
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert len(friend.tries) == TRIES_MAX
        assert (channel.fate.failed, channel.fate.last_error) == (1, "busy")


async def test_a_notifier_that_hangs_is_cut_off(autojump_clock):
    friend = Friend("hang")
    async with running(friend) as (channel, _):
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert friend.tries[1] - friend.tries[0] >= SEND_BUDGET_S
        assert len(friend.got) == 1


async def test_a_notifier_with_a_defect_is_listed_with_its_line_and_harms_nobody(autojump_clock):
    friend = Friend(*[ValueError(f"bad {SECRET}")] * 100)
    async with running(friend) as (channel, faults):
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert len(friend.tries) == DEFECTS_MAX
        (fault,) = faults.all()
        assert (fault.plugin, fault.what, fault.count) == (
            "a_plugin",
            "notifier friend",
            DEFECTS_MAX,
        )
        assert "test_notifier_channel.py:" in fault.where
        assert fault.error == f"ValueError: bad {MASK}"


async def test_secrets_are_masked_in_messages_and_errors(autojump_clock):
    friend = Friend(no(f"401 for {SECRET}", is_final=True))
    async with running(friend) as (channel, _):
        channel.offer(message(notice()))
        channel.offer(message(notice("ab ab", f"the url {SECRET}")))
        await channel.wait_idle()
        assert friend.got == [f"[sim] ab ab: the url {MASK}"], "two letters are no secret"
    assert SECRET not in channel.masked(f"x{SECRET}y")


async def test_a_full_queue_drops_the_oldest_that_is_no_alert_and_counts_it(autojump_clock):
    friend = Friend("hang")
    async with running(friend) as (channel, _):
        channel.offer(message(notice("head")))
        await trio.testing.wait_all_tasks_blocked()
        channel.offer(message(notice("alarm", urgency=Urgency.CRITICAL)))
        for number in range(MESSAGES_MAX + 3):
            channel.offer(message(notice(f"n{number}")))
        assert channel.waiting == MESSAGES_MAX
        assert channel.fate.dropped == 5
        await channel.wait_idle()
        assert friend.got[:3] == [
            "[sim] head: 5 errors",
            "[sim] ALERT alarm: 5 errors",
            "[sim] n5: 5 errors",
        ]


async def test_a_test_message_passes_the_queue_and_tells_what_went_wrong(autojump_clock):
    friend = Friend(no(f"no chat {SECRET}"), ValueError("x"))
    async with running(friend) as (channel, _):
        assert await channel.try_once(message(notice())) == f"no chat {MASK}"
        assert "its plugin a_plugin failed: ValueError: x" in await channel.try_once(
            message(notice())
        )
        assert await channel.try_once(message(notice())) == ""


async def test_what_waits_goes_over_to_the_channel_that_takes_the_place(autojump_clock):
    async with running(Friend("hang")) as (old, _):
        old.offer(message(notice()))
        await trio.testing.wait_all_tasks_blocked()
    friend = Friend()
    new = NotifierChannel(
        Owned("a_plugin", Notifier(name="friend", send=friend.send)),
        env=SimEnv(seed=1),
        post=None,
        faults=Faults(),
        log=structlog.get_logger("traderd"),
        before=old,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(new.run)
        await new.wait_idle()
        nursery.cancel_scope.cancel()
    assert friend.got == ["[sim] halt breaker: 5 errors"]


async def test_a_quarantined_plugin_is_not_called(autojump_clock):
    friend = Friend()
    async with running(friend, in_use=lambda: False) as (channel, _):
        assert "quarantined" in await channel.try_once(message(notice()))
        assert friend.tries == []


@pytest.mark.parametrize("name", ["", "With Capitals", "x" * 60])
def test_a_name_that_cannot_be_typed_is_refused(name):
    with pytest.raises(ValueError, match="regex"):
        Notifier(name=name, send=Friend().send)


def test_a_secret_is_not_in_the_text_of_a_notifier():
    assert SECRET not in repr(Notifier(name="a", send=Friend().send, secrets=(SECRET,)))


async def test_a_notifier_that_calls_exit_is_a_defect_of_its_own(autojump_clock):
    async def leave(message, post):
        exit(4)

    friend = Friend()
    friend.send = leave
    async with running(friend) as (channel, faults):
        assert "failed: SystemExit: 4" in await channel.try_once(message(notice()))
        channel.offer(message(notice()))
        await channel.wait_idle()
        assert channel.fate.failed == 1
        assert faults.all()[0].count == 1 + DEFECTS_MAX
