"""Publish = fold, record, fan out: everybody hears the same order, about a state that is there."""

import pytest
import trio

from traderd.errors import InvariantViolation
from traderd.runtime import bus as bus_module
from traderd.runtime.bus import Bus
from traderd.runtime.inbox import LOSSLESS_CUT_OFF, Incident, IncidentKind, Policy


class World:
    """The fold, the recorder and the incidents of one bus, with a diary of who was asked when."""

    def __init__(self):
        self.diary: list[tuple[str, object]] = []
        self.follows: dict[object, list[object]] = {}
        self.refused: dict[object, Exception] = {}
        self.on_record = lambda folded: None
        self.on_incident = lambda incident: None
        self.incidents: list[Incident] = []
        self.bus: Bus = Bus(fold=self.fold, record=self.record, on_incident=self.incident)

    def fold(self, event):
        self.diary.append(("fold", event))
        if event in self.refused:
            raise self.refused[event]
        return list(self.follows.get(event, ()))

    def record(self, folded):
        self.diary.append(("record", tuple(folded)))
        self.on_record(folded)

    def incident(self, incident):
        self.incidents.append(incident)
        self.on_incident(incident)


async def test_what_follows_from_a_batch_is_told_last_and_not_folded(autojump_clock):
    folded: list[str] = []
    kept: list[list[str]] = []

    def fold(event):
        folded.append(event)
        return ["consequence"] if event == "cause" else []

    bus: Bus = Bus(
        fold=fold,
        record=lambda batch: kept.append(list(batch)),
        on_incident=lambda incident: None,
        settle=lambda: [f"{len(folded)} folded"],
    )
    with bus.subscribe(str, name="reader") as inbox:
        bus.publish(["one", "cause"])
        assert await inbox.receive() == ["one", "cause", "consequence", "3 folded"]
    assert kept == [["one", "cause", "consequence", "3 folded"]]
    assert folded == ["one", "cause", "consequence"]


@pytest.fixture
def world():
    return World()


async def read(inbox):
    """Return the batches that wait, without ending the subscription."""
    batches = []
    while inbox.statistics().depth:
        batches.append(await inbox.receive())
    return batches


async def test_an_event_is_folded_then_recorded_then_fanned_out(world, autojump_clock):
    with world.bus.subscribe(str, name="reader") as inbox:
        offer = inbox.offer
        inbox.offer = lambda batch: (world.diary.append(("offer", tuple(batch))), offer(batch))
        world.bus.publish(["one", "two"])
    assert world.diary == [
        ("fold", "one"),
        ("fold", "two"),
        ("record", ("one", "two")),
        ("offer", ("one", "two")),
    ]
    assert world.bus.published == 2


async def test_what_follows_is_folded_right_after_its_cause_and_arrives_in_that_order(
    world, autojump_clock
):
    world.follows = {"a": ["b", "c"], "b": ["d"]}
    with world.bus.subscribe(str, name="reader") as inbox:
        world.bus.publish(["a", "e"])
        assert await read(inbox) == [["a", "b", "c", "d", "e"]]
    assert [event for what, event in world.diary if what == "fold"] == ["a", "b", "c", "d", "e"]


async def test_each_subscriber_gets_its_types_only_and_no_empty_batch(world, autojump_clock):
    with (
        world.bus.subscribe(int, name="numbers") as numbers,
        world.bus.subscribe(int, str, name="both") as both,
    ):
        world.bus.publish([1, "one"])
        world.bus.publish(["two"])
        world.bus.publish([3])
        assert await read(numbers) == [[1], [3]]
        assert await read(both) == [[1, "one"], ["two"], [3]]


async def test_a_fold_that_raises_still_delivers_what_was_folded_before_it(world, autojump_clock):
    world.refused = {"bad": InvariantViolation("this cannot follow")}
    with world.bus.subscribe(str, name="reader") as inbox:
        with pytest.raises(InvariantViolation, match="this cannot follow"):
            world.bus.publish(["one", "bad", "never"])
        assert await read(inbox) == [["one"]]
        world.bus.publish(["two"])
        assert await read(inbox) == [["two"]]
    assert ("record", ("one",)) in world.diary
    assert ("fold", "never") not in world.diary


async def test_an_error_of_what_followed_keeps_its_cause(world, autojump_clock):
    world.follows = {"cause": ["bad"]}
    world.refused = {"bad": InvariantViolation("no")}
    with world.bus.subscribe(str, name="reader") as inbox:
        with pytest.raises(InvariantViolation):
            world.bus.publish(["cause"])
        assert await read(inbox) == [["cause"]]


async def test_a_loop_of_consequences_is_stopped(world, autojump_clock, monkeypatch):
    monkeypatch.setattr(bus_module, "CONSEQUENCES_MAX", 100)
    world.follows = {"again": ["again"]}
    with pytest.raises(InvariantViolation, match="more than 100 events"):
        world.bus.publish(["again"])
    assert world.bus.published == 101


async def test_a_recorder_that_fails_is_told_and_the_news_still_spreads(world, autojump_clock):
    def fail(folded):
        raise OSError("disk")

    with world.bus.subscribe(str, name="reader") as inbox:
        world.on_record = fail
        with pytest.raises(OSError, match="disk"):
            world.bus.publish(["one"])
        assert await read(inbox) == [["one"]]
        world.on_record = lambda folded: None
        world.bus.publish(["two"])
        assert await read(inbox) == [["two"]]


async def test_publishing_from_inside_a_fold_is_refused(world, autojump_clock):
    bus = world.bus

    def fold(event):
        bus.publish(["inner"])
        return []

    bus._fold = fold
    with pytest.raises(InvariantViolation, match="from inside a fold"):
        bus.publish(["outer"])
    bus._fold = world.fold
    bus.publish(["next"])
    assert bus.published == 1


async def test_what_the_recorder_publishes_follows_the_batch_it_was_given(world, autojump_clock):
    def halt_once(folded):
        world.on_record = lambda folded: None
        world.bus.publish(["halt"])
        assert ("fold", "halt") not in world.diary

    world.on_record = halt_once
    with (
        world.bus.subscribe(str, name="first") as first,
        world.bus.subscribe(str, name="second") as second,
    ):
        world.bus.publish(["order"])
        # Both were done when publish returned, and in one order for everybody.
        assert await read(first) == await read(second) == [["order"], ["halt"]]
    assert world.diary == [
        ("fold", "order"),
        ("record", ("order",)),
        ("fold", "halt"),
        ("record", ("halt",)),
    ]


async def test_a_halt_for_a_full_inbox_reaches_everybody_after_what_filled_it(
    world, autojump_clock
):
    world.on_incident = lambda incident: world.bus.publish(["halt"])
    with (
        world.bus.subscribe(int, name="full", policy=Policy.LOSSLESS, depth=2),
        world.bus.subscribe(int, str, name="reader") as reader,
    ):
        for number in range(4):
            world.bus.publish([number])
        assert await read(reader) == [[0], [1], [2], ["halt"], [3]]
    assert [(told.kind, told.name) for told in world.incidents] == [(IncidentKind.OVERFLOW, "full")]


async def test_deferred_news_spreads_even_when_one_of_it_cannot_be_folded(world, autojump_clock):
    def publish_two(folded):
        world.on_record = lambda folded: None
        world.bus.publish(["bad"])
        world.bus.publish(["good"])

    world.on_record = publish_two
    world.refused = {"bad": InvariantViolation("no")}
    with world.bus.subscribe(str, name="reader") as inbox:
        with pytest.raises(InvariantViolation):
            world.bus.publish(["first"])
        assert await read(inbox) == [["first"], ["good"]]


async def test_nothing_published_is_nothing_recorded(world, autojump_clock):
    world.bus.publish([])
    assert world.diary == []


async def test_a_subscription_ends_with_its_block(world, autojump_clock):
    with world.bus.subscribe(str, name="reader"):
        assert [one.name for one in world.bus.statistics()] == ["reader"]
    assert world.bus.statistics() == ()
    world.bus.publish(["unheard"])
    assert world.bus.published == 1


async def test_a_reader_that_was_cut_off_does_not_hinder_the_others(world, autojump_clock):
    with (
        world.bus.subscribe(int, name="dead", policy=Policy.LOSSLESS, depth=1) as dead,
        world.bus.subscribe(int, name="alive", policy=Policy.LOSSLESS) as alive,
    ):
        for number in range(LOSSLESS_CUT_OFF + 3):
            world.bus.publish([number])
        assert [one.name for one in world.bus.statistics()] == ["alive"]
        assert await read(alive) == [[number] for number in range(LOSSLESS_CUT_OFF + 3)]
        assert await read(dead) == [[number] for number in range(LOSSLESS_CUT_OFF)]
        with pytest.raises(InvariantViolation, match="cut off"):
            await dead.receive()


async def test_statistics_tell_what_came_waited_and_was_dropped(world, autojump_clock):
    with world.bus.subscribe(int, name="slow", depth=5) as inbox:
        for number in range(8):
            world.bus.publish([number])
        assert await inbox.receive() == [3]
        (told,) = world.bus.statistics()
    assert (told.name, told.policy, told.depth_max) == ("slow", "drop_oldest", 5)
    assert (told.received, told.dropped, told.depth, told.peak) == (8, 3, 4, 5)


async def test_the_inboxes_of_one_name_are_told_together_and_their_counts_outlive_them(
    world, autojump_clock
):
    with (
        world.bus.subscribe(int, name="one", depth=2),
        world.bus.subscribe(int, str, name="one") as other,
        world.bus.subscribe(str, name="two"),
    ):
        for number in range(5):
            world.bus.publish([number])
        assert await other.receive() == [0]
        world.bus.publish(["word"])
        told = world.bus.statistics_by_name()
        assert list(told) == ["one", "two"]
        assert (told["one"].received, told["one"].dropped) == (11, 3)
        assert (told["one"].depth, told["one"].peak) == (7, 5)
    with world.bus.subscribe(str, name="one"):
        world.bus.publish(["again"])
        told = world.bus.statistics_by_name()
    assert (told["one"].received, told["one"].dropped, told["one"].depth) == (12, 3, 1)
    assert (told["two"].received, told["two"].depth) == (1, 0)


async def test_a_reader_that_was_cut_off_is_counted_once(world, autojump_clock):
    with world.bus.subscribe(int, name="dead", policy=Policy.LOSSLESS, depth=1):
        for number in range(LOSSLESS_CUT_OFF + 1):
            world.bus.publish([number])
    told = world.bus.statistics_by_name()["dead"]
    assert (told.received, told.dropped) == (LOSSLESS_CUT_OFF + 1, 1)


async def test_two_readers_at_different_speed_hear_one_order(world, autojump_clock):
    heard: dict[str, list[int]] = {"quick": [], "slow": []}

    async def follow(name, pause_s, *, task_status):
        with world.bus.subscribe(int, name=name, policy=Policy.LOSSLESS) as inbox:
            task_status.started()
            async for batch in inbox:
                heard[name] += batch
                await trio.sleep(pause_s)

    async with trio.open_nursery() as nursery:
        await nursery.start(follow, "quick", 0)
        await nursery.start(follow, "slow", 0.5)
        for number in range(100):
            world.bus.publish([number, -number])
            await trio.sleep(0.1)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert heard["quick"] == heard["slow"]
    assert heard["quick"] == [sign * number for number in range(100) for sign in (1, -1)]
