"""Lesson 29 as a table: what is given up under load, in which order, and how it comes back."""

import attrs
import pytest

from traderd.core.shedding import Load, LoadLimits, Shedding, Step
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, NS_PER_S

NAMES = [MarketTicker(f"M{number:02d}") for number in range(16)]
"""The dearest first."""
LIMITS = LoadLimits()
MIB = 1024 * 1024


def load(delay_ms=0, backlog_bytes=0, own_lag_ms=0, **more):
    return Load(
        delay_ns=delay_ms * NS_PER_MS,
        backlog_bytes=backlog_bytes,
        own_lag_ns=own_lag_ms * NS_PER_MS,
        **more,
    )


BAD, FAIR, GOOD = load(400), load(100), load(10)
OVERFLOW, AWAY = load(overflowed=True), load(whole=False)


@attrs.define
class World:
    """Does what it is told, once a second."""

    shedding: Shedding = attrs.Factory(Shedding)
    shed: list = attrs.Factory(list)
    interest: dict = attrs.Factory(dict)
    now_s: float = 0
    told: list = attrs.Factory(list)
    names: list = attrs.Factory(lambda: NAMES)

    def look(self, seen, times=1):
        for _ in range(times):
            self.now_s += 1
            idle = [t for t in self.names if t not in self.shed and t not in self.interest]
            step = self.shedding.judge(
                seen,
                now_ns=round(self.now_s * NS_PER_S),
                idle=idle,
                shed=sorted(self.shed),
                interest=self.interest,
            )
            self.shed = [t for t in (*self.shed, *step.shed) if t not in step.restore]
            if step != Step():
                self.told.append((self.now_s, len(step.shed), len(step.restore)))
        return step


@pytest.mark.parametrize(
    ("looks", "count"),
    [
        # One late look is a hiccup, and so are two that a good one parts.
        ([BAD], 0),
        ([BAD, GOOD, BAD], 0),
        ([BAD, FAIR, BAD], 0),
        # Two in a row are proof: a quarter goes.
        ([BAD, BAD], 4),
        ([load(0, 9 * MIB), load(0, 9 * MIB)], 4),
        ([BAD, load(0, 9 * MIB)], 4),
        # The next step waits for the effect of the first.
        ([BAD] * 6, 4),
        ([BAD] * 7, 7),
        # The exchange gave us up as too slow a reader: once may be a hiccup, twice within a minute is proof, whatever
        # lies between, and so is once together with a late look.
        ([OVERFLOW, *[GOOD] * 58], 0),
        ([OVERFLOW, *[GOOD] * 59, OVERFLOW], 4),
        ([OVERFLOW, *[GOOD] * 60, OVERFLOW], 0),
        ([OVERFLOW, AWAY, AWAY, OVERFLOW], 4),
        ([OVERFLOW, BAD], 4),
        # It came on a connection that carried less already, so it waits for no effect; a late look does.
        ([OVERFLOW, OVERFLOW, OVERFLOW], 7),
        ([OVERFLOW, OVERFLOW, BAD, BAD], 4),
        # At a limit exactly it is bad.
        ([load(250), load(250)], 4),
        ([load(249), load(249)], 0),
        # News that waits for a second is as good a proof, before there are many bytes of it.
        ([load(own_lag_ms=1_000)] * 2, 4),
        ([load(own_lag_ms=999)] * 2, 0),
        ([load(own_lag_ms=1_000)], 0),
        ([load(own_lag_ms=1_000), BAD, *[load(own_lag_ms=1_000)] * 5], 7),
    ],
)
def test_books_are_shed_step_by_step_and_only_on_proof(looks, count):
    world = World()
    for seen in looks:
        world.look(seen)
    assert len(world.shed) == count


def test_the_least_traded_go_first_and_who_has_an_interest_never():
    world = World(interest={NAMES[15]: "a position", NAMES[14]: "an order"})
    world.look(BAD, 2)
    assert sorted(world.shed) == NAMES[11:14]
    world.look(BAD, 500)
    assert sorted(world.shed) == NAMES[:14]
    # Nothing else may go, however bad it is.
    assert world.look(BAD) == Step()


def test_the_reason_is_told_with_its_numbers():
    shedding = Shedding()
    arguments = {"idle": NAMES, "shed": (), "interest": {}}
    shedding.judge(load(400, 9 * MIB), now_ns=1, **arguments)
    step = shedding.judge(load(400, 9 * MIB), now_ns=2, **arguments)
    assert step.reason == "the loop cannot keep up: 400 ms late, 9.0 MiB behind"
    step = shedding.judge(load(3, own_lag_ms=1_250), now_ns=LIMITS.settle_ns + 2, **arguments)
    assert step.reason == "the loop cannot keep up: 3 ms late, news waits for 1.2 s"
    step = shedding.judge(load(1, overflowed=True), now_ns=2 * LIMITS.settle_ns + 3, **arguments)
    assert step.reason.endswith(": 1 ms late, and the exchange gave us up as too slow a reader")


def test_books_come_back_after_a_calm_minute_a_few_at_a_time_the_dearest_first():
    world = World()
    world.look(BAD, 7)
    shed = sorted(world.shed)
    assert len(shed) == 7
    world.look(GOOD, 60)
    assert len(world.shed) == 7
    world.look(GOOD)
    assert sorted(world.shed) == shed[1:]
    # The next one waits for a calm minute of its own.
    world.look(GOOD, 59)
    assert len(world.shed) == 6
    world.look(GOOD, 7 * 60)
    assert world.shed == []


def test_each_success_takes_back_more_so_that_a_flood_that_is_over_is_over_in_minutes():
    names = [MarketTicker(f"M{number:03d}") for number in range(200)]
    world = World(names=names, shed=names[40:])
    world.look(GOOD, 1 + 4 * 60)
    assert world.shed == []
    # Twice as many each time, but never more than half of what is kept.
    assert [restored for _, _, restored in world.told] == [20, 30, 45, 65]


def test_a_relapse_begins_again_with_few():
    names = [MarketTicker(f"M{number:03d}") for number in range(400)]
    world = World(names=names, shed=names[200:])
    world.look(GOOD, 1 + 2 * 60)
    world.look(BAD, 6)
    world.look(GOOD, 1 + 2 * 60)
    steps = [(shed, restored) for _, shed, restored in world.told]
    assert steps == [(0, 200 // 8), (0, 50), (275 // 4, 0), (0, 193 // 8)]


@pytest.mark.parametrize("seen", [FAIR, load(10, 2 * MIB), load(10, own_lag_ms=500), AWAY])
def test_what_is_neither_good_nor_bad_changes_nothing(seen):
    world = World()
    world.look(BAD, 2)
    world.look(seen, 500)
    assert len(world.shed) == 4
    # And it interrupts a calm minute.
    world.look(GOOD, 59)
    world.look(seen)
    world.look(GOOD, 59)
    assert len(world.shed) == 4


def looks_until(world, seen, done):
    """Return how many looks it took."""
    for number in range(1, 4_000):
        world.look(seen)
        if done():
            return number
    raise AssertionError("it never came")


def test_a_relapse_makes_the_next_calm_twice_as_long_up_to_a_bound():
    world = World()
    waits = []
    for _ in range(8):
        count = len(world.shed)
        looks_until(world, BAD, lambda count=count: len(world.shed) > count)
        count = len(world.shed)
        # The first good look begins the calm.
        waits.append(looks_until(world, GOOD, lambda count=count: len(world.shed) < count) - 1)
    calm, longest = LIMITS.calm_ns // NS_PER_S, LIMITS.calm_max_ns // NS_PER_S
    assert waits == [min(calm * 2**n, longest) for n in range(8)]


def test_a_restored_book_that_is_kept_up_with_halves_the_longer_calm():
    world = World()
    world.look(BAD, 7)
    world.look(GOOD, 61)
    world.look(BAD, 5)
    calm = LIMITS.calm_ns // NS_PER_S
    waits = []
    for _ in range(3):
        count = len(world.shed)
        waits.append(looks_until(world, GOOD, lambda count=count: len(world.shed) < count))
    # The first good look begins the calm; each restore begins the next one's.
    assert waits == [2 * calm + 1, 2 * calm, calm]


def test_a_book_that_somebody_needs_comes_back_at_once():
    world = World()
    world.look(BAD, 2)
    wanted = world.shed[0]
    world.interest[wanted] = "it has a position"
    step = world.look(BAD)
    assert (step.restore, step.reason) == ((wanted,), "it has a position")
    assert wanted not in world.shed


def test_nothing_that_was_not_shed_is_restored():
    world = World()
    world.look(GOOD, 1_000)
    assert world.told == []
