"""What an inbox does when its reader is slower than the news, for each of its three policies."""

import pytest
import trio
import trio.testing

from traderd.errors import InvariantViolation
from traderd.runtime.inbox import (
    LOSSLESS_CUT_OFF,
    SLOW_HANDLER_S,
    Inbox,
    Incident,
    IncidentKind,
    Policy,
)


class Owner:
    """What the bus is to an inbox."""

    def __init__(self):
        self.told: list[Incident] = []
        self.closed: list[Inbox] = []

    def inbox(self, policy, depth=10, key=None):
        return Inbox(
            name="test",
            policy=policy,
            depth=depth,
            key=key,
            on_incident=self.told.append,
            on_close=self.closed.append,
        )

    @property
    def incidents(self) -> list[str]:
        assert [incident.name for incident in self.told] == ["test"] * len(self.told)
        return [incident.sentence for incident in self.told]

    @property
    def kinds(self) -> list[IncidentKind]:
        return [incident.kind for incident in self.told]


@pytest.fixture
def owner():
    return Owner()


async def read_everything(inbox):
    """Read until the end, one list per batch; the inbox is closed first, what waits can be read."""
    inbox.close()
    return [batch async for batch in inbox]


async def test_batches_are_read_whole_and_in_order(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1, 2])
        inbox.offer([3])
        assert inbox.statistics().depth == 3
        assert await inbox.receive() == [1, 2]
        assert await inbox.receive() == [3]
        assert inbox.statistics().depth == 0
    assert owner.incidents == []


async def test_a_burst_far_larger_than_the_channel_loses_nothing(owner, autojump_clock):
    batches = 200
    heard = []
    with owner.inbox(Policy.LOSSLESS, depth=100) as inbox:

        async def read():
            async for batch in inbox:
                heard.extend(batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            for first in range(0, batches * 10, 10):
                inbox.offer(list(range(first, first + 10)))
            inbox.close()
    assert heard == list(range(batches * 10))
    assert inbox.statistics().dropped == 0


async def test_a_full_lossless_inbox_is_told_once_and_drops_nothing(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS, depth=10) as inbox:
        for number in range(50):
            inbox.offer([number])
        assert owner.incidents == ["inbox test holds 11 events and its bound is 10"]
        assert owner.kinds == [IncidentKind.OVERFLOW]
        assert (await read_everything(inbox)) == [[number] for number in range(50)]
    assert inbox.statistics().dropped == 0
    assert inbox.statistics().peak == 50


async def test_an_inbox_that_was_emptied_and_fills_again_is_a_new_incident(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS, depth=10) as inbox:
        for _ in range(2):
            for number in range(15):
                inbox.offer([number])
            for _ in range(15):
                await inbox.receive()
            # Five of ten are half: the reader has caught up.
            inbox.offer([0, 1, 2, 3, 4])
            await inbox.receive()
    assert len(owner.incidents) == 2


async def test_a_dead_reader_of_a_lossless_inbox_is_cut_off_and_told(owner, autojump_clock):
    bound = 3 * LOSSLESS_CUT_OFF
    with owner.inbox(Policy.LOSSLESS, depth=3) as inbox:
        for number in range(bound):
            inbox.offer([number])
        assert owner.closed == []
        inbox.offer([-1])
        assert owner.closed == [inbox]
        assert owner.incidents == [
            "inbox test holds 4 events and its bound is 3",
            f"the reader of inbox test is cut off: {bound} events wait, its bound is 3",
        ]
        assert owner.kinds == [IncidentKind.OVERFLOW, IncidentKind.CUT_OFF]
        assert [await inbox.receive() for _ in range(bound)] == [[n] for n in range(bound)]
        with pytest.raises(InvariantViolation, match="cut off"):
            await anext(inbox)
    assert inbox.statistics().dropped == 1


async def test_one_huge_batch_is_not_held_against_a_reader_that_keeps_up(owner, autojump_clock):
    huge = list(range(3 * LOSSLESS_CUT_OFF * 10))
    with owner.inbox(Policy.LOSSLESS, depth=3) as inbox:
        inbox.offer(huge)
        assert owner.incidents == []
        assert await inbox.receive() == huge
        inbox.offer([1])
    assert owner.incidents == []


async def test_drop_oldest_keeps_the_newest_and_counts_the_rest(owner, autojump_clock):
    with owner.inbox(Policy.DROP_OLDEST, depth=10) as inbox:
        for number in range(0, 24, 2):
            inbox.offer([number, number + 1])
        statistics = inbox.statistics()
        assert (statistics.received, statistics.dropped, statistics.depth) == (24, 14, 10)
        assert statistics.conflated == 0
        assert await read_everything(inbox) == [[n, n + 1] for n in range(14, 24, 2)]
    assert owner.incidents == []


async def test_drop_oldest_keeps_one_batch_that_is_larger_than_the_inbox(owner, autojump_clock):
    with owner.inbox(Policy.DROP_OLDEST, depth=3) as inbox:
        inbox.offer([1])
        inbox.offer([2, 3, 4, 5, 6])
        assert inbox.statistics().dropped == 1
        assert await read_everything(inbox) == [[2, 3, 4, 5, 6]]


async def test_latest_keeps_the_newest_of_each_key_in_the_order_of_the_news(owner, autojump_clock):
    with owner.inbox(Policy.LATEST, key=lambda event: event[0]) as inbox:
        inbox.offer([("a", 1), ("b", 1)])
        inbox.offer([("c", 1)])
        inbox.offer([("a", 2)])
        statistics = inbox.statistics()
        assert (statistics.conflated, statistics.dropped) == (1, 0)
        assert await inbox.receive() == [("b", 1), ("c", 1), ("a", 2)]
        inbox.offer([("a", 3)])
        assert await inbox.receive() == [("a", 3)]
        assert inbox.statistics().depth == 0


async def test_latest_wakes_a_waiting_reader_once_for_a_burst(owner, autojump_clock):
    heard = []
    with owner.inbox(Policy.LATEST, key=lambda event: event % 3) as inbox:

        async def read():
            async for batch in inbox:
                heard.append(batch)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            for number in range(5_000):
                inbox.offer([number])
            inbox.close()
    assert heard == [[4_997, 4_998, 4_999]]


async def test_a_key_that_fails_cuts_off_its_own_reader_and_not_the_publisher(
    owner, autojump_clock
):
    with owner.inbox(Policy.LATEST, key=lambda event: event["ticker"]) as inbox:
        inbox.offer([{"ticker": "a"}])
        inbox.offer([{}])
        assert owner.incidents == [
            "the reader of inbox test is cut off: its key failed: KeyError: 'ticker'"
        ]
        assert owner.kinds == [IncidentKind.BROKEN_KEY]
        assert inbox.statistics().dropped == 1
        assert await inbox.receive() == [{"ticker": "a"}]
        with pytest.raises(InvariantViolation, match="its key failed"):
            await inbox.receive()


async def test_what_stands_before_an_event_whose_key_fails_is_still_read(owner, autojump_clock):
    with owner.inbox(Policy.LATEST, key=lambda event: event["ticker"]) as inbox:
        inbox.offer([{"ticker": "a"}, {"ticker": "b"}, {}, {"ticker": "c"}])
        assert inbox.statistics().dropped == 2
        assert await inbox.receive() == [{"ticker": "a"}, {"ticker": "b"}]
        assert inbox.statistics().depth == 0
        with pytest.raises(InvariantViolation, match="its key failed"):
            await inbox.receive()


@pytest.mark.parametrize(
    ("policy", "key"), [(Policy.LATEST, None), (Policy.LOSSLESS, str), (Policy.DROP_OLDEST, str)]
)
def test_a_key_belongs_to_latest_and_only_to_it(owner, policy, key):
    with pytest.raises(ValueError, match="latest"):
        owner.inbox(policy, key=key)


async def test_closing_ends_the_reading_after_what_waits(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1])
        assert await read_everything(inbox) == [[1]]
        with pytest.raises(trio.EndOfChannel):
            await inbox.receive()
    assert owner.closed[0] is inbox


async def test_leaving_the_block_throws_away_what_waits(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1])
    with pytest.raises(trio.ClosedResourceError):
        await inbox.receive()


async def test_who_waits_when_the_block_is_left_comes_to_the_end(owner, autojump_clock):
    got = []

    async def read():
        got.append([batch async for batch in inbox])

    async with trio.open_nursery() as nursery:
        with owner.inbox(Policy.LOSSLESS) as inbox:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
    assert got == [[]]


async def test_cancelling_a_read_loses_nothing(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        with trio.move_on_after(1) as patience:
            await inbox.receive()
        assert patience.cancelled_caught
        inbox.offer([1])
        with trio.CancelScope() as scope:
            scope.cancel()
            await inbox.receive()
        assert scope.cancelled_caught
        assert await inbox.receive() == [1]


async def test_a_cancel_that_comes_when_the_news_has_woken_the_reader_loses_nothing(
    owner, autojump_clock
):
    got = []

    async def read():
        with scope:
            got.append(await inbox.receive())

    scope = trio.CancelScope()
    with owner.inbox(Policy.LOSSLESS) as inbox:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            inbox.offer([1])
            scope.cancel()
        with trio.move_on_after(1):
            got.append(await inbox.receive())
    assert got == [[1]]


@pytest.mark.parametrize("policy", [Policy.LOSSLESS, Policy.DROP_OLDEST])
async def test_news_before_the_woken_reader_runs_come_in_their_order(owner, autojump_clock, policy):
    got = []

    async def read():
        got.extend([batch async for batch in inbox])

    with owner.inbox(policy) as inbox:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            inbox.offer([1])
            inbox.offer([2])
            inbox.close()
    assert got == [[1], [2]]


async def test_a_second_reader_is_refused_while_the_first_waits(owner, autojump_clock):
    got = []

    async def read():
        got.append(await inbox.receive())

    with owner.inbox(Policy.LOSSLESS) as inbox:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.BusyResourceError, match="test"):
                await inbox.receive()
            inbox.offer([1])
    assert got == [[1]]


async def test_two_readers_of_one_batch_never_take_the_open_inbox_for_ended(owner, autojump_clock):
    got = []

    async def read():
        try:
            got.append(await inbox.receive())
        except trio.BusyResourceError:
            got.append("busy")

    with owner.inbox(Policy.LOSSLESS) as inbox:
        async with trio.open_nursery() as nursery:
            inbox.offer([1])
            nursery.start_soon(read)
            nursery.start_soon(read)
    assert sorted(got, key=str) == [[1], "busy"]


async def test_the_time_between_two_reads_is_the_handlers(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS, depth=1_000) as inbox:
        for number in range(100):
            inbox.offer([number])
        for number in range(100):
            await inbox.receive()
            await trio.sleep(2.0 if number == 50 else 0.010)
        inbox.offer([100])
        await inbox.receive()
        statistics = inbox.statistics()
    assert statistics.handler_p50_ms == pytest.approx(10)
    assert statistics.handler_p99_ms == pytest.approx(2_000)
    assert owner.incidents == []


async def test_waiting_for_news_is_not_the_handlers_time(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox, trio.move_on_after(SLOW_HANDLER_S * 10):
        inbox.offer([1])
        await inbox.receive()
        await inbox.receive()
    assert inbox.statistics().handler_p99_ms == 0
    assert owner.incidents == []


async def test_a_slow_handler_is_told_when_it_comes_back(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1])
        inbox.offer([2])
        await inbox.receive()
        await trio.sleep(SLOW_HANDLER_S + 1)
        await inbox.receive()
    assert owner.incidents == ["the handler of inbox test has been busy for 6.0 s"]
    assert owner.kinds == [IncidentKind.SLOW_HANDLER]


async def test_a_handler_that_hangs_is_told_once_at_the_next_news(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1])
        await inbox.receive()
        await trio.sleep(SLOW_HANDLER_S + 2)
        inbox.offer([2])
        inbox.offer([3])
        assert owner.incidents == ["the handler of inbox test has been busy for 7.0 s"]
        await inbox.receive()
    assert len(owner.incidents) == 1


async def test_a_reader_that_says_it_is_done_may_wait_as_long_as_it_likes(owner, autojump_clock):
    with owner.inbox(Policy.LOSSLESS) as inbox:
        inbox.offer([1])
        await inbox.receive()
        await trio.sleep(0.5)
        inbox.done()
        await trio.sleep(SLOW_HANDLER_S * 3)
        inbox.offer([2])
        await inbox.receive()
    assert owner.incidents == []
    assert inbox.statistics().handler_p99_ms == 500
