"""The bucket's model beside an exact bucket of the exchange, under any latency, flood and mishap."""

from collections import deque
from fractions import Fraction

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traderd.kalshi.limits import (
    BASIC_READ,
    BASIC_WRITE,
    LINES_MAX,
    PAUSE_NS_MAX,
    RETRY_AFTER_NS_MAX,
    URGENT_PAUSE_NS_MAX,
    BucketSize,
    Schedule,
    Shares,
    Tank,
    Traffic,
)
from traderd.model.units import NS_PER_MS, NS_PER_S

CANCEL, CREATE = 2, 10


def schedule(size=BASIC_WRITE, shares=None, *, places=True):
    return Schedule(size, shares or Shares(), 0, places=places)


def ask_many(line, traffic, cost, how_many, now=0):
    return [line.ask(traffic, cost, now) for _ in range(how_many)]


def run_until_idle(line, now=0, *, answer=True):
    """Let time pass until nobody waits; returns (when, ticket) of every grant."""
    granted = []
    while True:
        for ticket in line.grant(now):
            granted.append((now, ticket))
            if answer:
                line.answered(ticket, now)
        following = line.next_at(now)
        if following is None:
            return granted
        assert following > now
        now = following


# --- classes and shares ---------------------------------------------------------------------------


def test_a_burst_of_creates_has_half_the_bucket_and_then_half_its_rate():
    line = schedule()
    ask_many(line, Traffic.PLACE, CREATE, 12)
    at_ms = [at // NS_PER_MS for at, _ in run_until_idle(line)]
    assert at_ms == [0, 0, 0, 0, 0, 200, 400, 600, 800, 1_000, 1_200, 1_400]


def test_placing_may_not_take_the_last_part_but_a_cancel_may():
    line = schedule(shares=Shares(place=100))
    assert line.reserve == 30
    ask_many(line, Traffic.PLACE, CREATE, 10)
    granted = line.grant(0)
    for ticket in granted:
        line.answered(ticket, 0)
    # Six are as many as may be under way; the seventh goes when they were answered.
    assert (len(granted), len(line.grant(0)), line.tokens(0)) == (6, 1, 30)
    ask_many(line, Traffic.CANCEL, CANCEL, 6)
    assert len(line.grant(0)) == 6


def test_the_most_urgent_goes_first_and_within_a_class_who_came_first():
    line = schedule()
    asked = [
        line.ask(traffic, 5, 0)
        for traffic in (
            Traffic.PLACE,
            Traffic.RECONCILE,
            Traffic.KILL,
            Traffic.PLACE,
            Traffic.CANCEL,
            Traffic.KILL,
        )
    ]
    assert [asked.index(ticket) for ticket in line.grant(0)] == [2, 5, 4, 1, 0, 3]


def test_while_an_urgent_one_waits_for_tokens_nothing_cheaper_passes_it():
    line = schedule(BucketSize(10, 100), places=False)
    spent = line.ask(Traffic.RECONCILE, 95, 0)
    line.grant(0)
    line.answered(spent, 0)
    line.ask(Traffic.KILL, 50, 0)
    ask_many(line, Traffic.CANCEL, 1, 3)
    assert line.grant(0) == []
    assert line.next_at(0) == 4_500 * NS_PER_MS
    assert [ticket.traffic for ticket in line.grant(4_500 * NS_PER_MS)] == [Traffic.KILL]


def test_hanging_cancels_leave_connections_to_a_kill_and_hold_up_no_order():
    line = schedule(BucketSize(1_000, 1_000))
    ask_many(line, Traffic.CANCEL, CANCEL, 20)
    assert len(line.grant(0)) == LINES_MAX[Traffic.CANCEL]
    ask_many(line, Traffic.KILL, CANCEL, 20)
    ask_many(line, Traffic.PLACE, CREATE, 20)
    classes = [ticket.traffic for ticket in line.grant(0)]
    spare = LINES_MAX[Traffic.KILL] - LINES_MAX[Traffic.CANCEL]
    assert classes == [Traffic.KILL] * spare + [Traffic.PLACE] * LINES_MAX[Traffic.PLACE]
    assert line.next_at(0) is None


def test_a_bucket_too_small_for_its_shares_still_lets_one_order_through():
    line = schedule(BucketSize(1, 10))
    assert line.largest(Traffic.PLACE) == 10
    ask_many(line, Traffic.PLACE, CREATE, 1)
    assert len(line.grant(0)) == 1


@pytest.mark.parametrize(
    ("traffic", "largest"), [(Traffic.KILL, 100), (Traffic.CANCEL, 100), (Traffic.PLACE, 50)]
)
def test_the_largest_write_of_a_class_is_known_beforehand(traffic, largest):
    assert schedule().largest(traffic) == largest


def test_reads_have_no_allowance_but_the_reserve():
    line = schedule(BASIC_READ, places=False)
    assert line.largest(Traffic.PLACE) == line.largest(Traffic.BULK) == 420


def test_a_smaller_tier_withdraws_those_who_could_wait_for_ever():
    line = schedule(BucketSize(10, 1_000))
    line.grant(0)
    first = line.ask(Traffic.CANCEL, 1_000, 0)
    line.grant(0)
    big, small = line.ask(Traffic.CANCEL, 500, 0), line.ask(Traffic.CANCEL, 2, 0)
    assert line.resize(BASIC_WRITE, 0) == [big]
    line.answered(first, 0)
    assert [ticket for _, ticket in run_until_idle(line)] == [small]


def test_an_account_larger_than_guessed_lets_its_first_order_go_at_once():
    line = schedule()
    line.ask_at_once(Traffic.CANCEL, CANCEL, 0)
    line.resize(BucketSize(9_600, 28_800), 0)
    assert line.tokens(0) == 28_800 - CANCEL
    assert line.ask_at_once(Traffic.PLACE, CREATE, 0) is not None


def test_an_account_smaller_than_guessed_has_at_least_an_empty_bucket():
    line = schedule()
    line.answered(line.ask_at_once(Traffic.KILL, 80, 0), 0)
    line.resize(BucketSize(10, 50), 0)
    assert line.tokens(0) == 0
    assert line.tokens(NS_PER_S) == 10


def test_another_tier_later_or_after_a_429_fills_nothing():
    for known in ("told", "refused"):
        line = schedule()
        if known == "told":
            line.resize(BASIC_WRITE, 0)
        else:
            line.refused(0)
        before = line.tokens(0)
        line.resize(BucketSize(9_600, 28_800), 0)
        assert line.tokens(0) == before


@pytest.mark.parametrize("percent", [0, 101])
def test_a_share_out_of_bounds_is_refused(percent):
    with pytest.raises(ValueError, match="place"):
        Shares(place=percent)


@pytest.mark.parametrize(("rate", "capacity"), [(0, 1), (1, 0), (-1, 5)])
def test_a_bucket_that_never_fills_is_refused(rate, capacity):
    with pytest.raises(ValueError, match=r"refill_rate|capacity"):
        BucketSize(rate, capacity)


# --- what becomes of a request --------------------------------------------------------------------


def test_what_was_given_back_is_all_there_again():
    line = schedule()
    tickets = ask_many(line, Traffic.PLACE, CREATE, 5)
    line.grant(0)
    assert line.tokens(0) == 50
    for ticket in tickets:
        line.give_back(ticket, 0)
        line.give_back(ticket, 0)
        line.answered(ticket, 0)
    assert line.tokens(0) == 100
    ask_many(line, Traffic.PLACE, CREATE, 5)
    assert len(line.grant(0)) == 5


def test_what_was_withdrawn_took_nothing_and_leaves_its_place():
    line = schedule()
    first = ask_many(line, Traffic.PLACE, CREATE, 5)
    line.grant(0)
    for ticket in first:
        line.answered(ticket, 0)
    early, late = ask_many(line, Traffic.PLACE, CREATE, 2)
    line.withdraw(early)
    assert [(at, ticket) for at, ticket in run_until_idle(line)] == [(200 * NS_PER_MS, late)]


def test_what_is_under_way_keeps_the_bucket_from_filling_until_it_is_answered():
    line = schedule()
    (ticket,) = ask_many(line, Traffic.CANCEL, 40, 1)
    line.grant(0)
    assert line.tokens(10 * NS_PER_S) == 60
    line.answered(ticket, 10 * NS_PER_S)
    assert line.tokens(10_100 * NS_PER_MS) == 70


# --- 429 ------------------------------------------------------------------------------------------


def test_a_429_empties_the_bucket_and_nothing_more_the_first_time():
    """R8."""
    line = schedule()
    line.refused(0)
    assert line.tokens(0) == 0
    line.ask(Traffic.CANCEL, CANCEL, 0)
    assert line.next_at(0) == 20 * NS_PER_MS


def test_repeated_429s_pause_longer_and_cancels_never_longer_than_a_second():
    """R8."""
    line, now = schedule(), 0
    for _ in range(12):
        line.refused(now)
    line.ask(Traffic.CANCEL, CANCEL, now)
    assert line.next_at(now) == URGENT_PAUSE_NS_MAX
    assert len(line.grant(URGENT_PAUSE_NS_MAX)) == 1
    line.ask(Traffic.PLACE, CREATE, now)
    assert line.next_at(now) == PAUSE_NS_MAX
    line.welcomed()
    line.refused(PAUSE_NS_MAX)
    assert line.next_at(PAUSE_NS_MAX) == PAUSE_NS_MAX + 400 * NS_PER_MS


def test_a_retry_after_is_obeyed_within_bounds():
    """R8: Kalshi sends none; honoured if it ever comes."""
    line = schedule()
    line.refused(0, retry_after_ns=3 * NS_PER_S)
    line.ask(Traffic.PLACE, CREATE, 0)
    assert line.next_at(0) == 3 * NS_PER_S
    line.refused(0, retry_after_ns=10**18)
    assert line.next_at(0) == RETRY_AFTER_NS_MAX
    line.ask(Traffic.KILL, CANCEL, 0)
    assert line.next_at(0) == URGENT_PAUSE_NS_MAX


# --- properties -----------------------------------------------------------------------------------


def test_a_level_is_exact_at_a_rate_that_does_not_divide_a_second():
    tank = Tank(BucketSize(3, 10), 0)
    tank.level = 0
    assert tank.full_enough_at(1) == 333_333_334
    for moment in range(0, NS_PER_S + 1, 7_777_777):
        tank.rise(moment)
    tank.rise(NS_PER_S)
    assert tank.level == 3 * NS_PER_S
    tank.rise(0)
    assert tank.level == 3 * NS_PER_S


@attrs.define
class ExchangeBucket:
    """The exchange's own bucket, in exact fractions: a reference that shares nothing with ours."""

    rate: int
    capacity: int
    level: Fraction = attrs.field(init=False)
    at: int = 0

    def __attrs_post_init__(self):
        self.level = Fraction(self.capacity)

    def take(self, cost, now):
        assert now >= self.at
        risen = self.level + Fraction((now - self.at) * self.rate, NS_PER_S)
        self.level, self.at = min(risen, Fraction(self.capacity)), now
        if self.level < cost:
            return False
        self.level -= cost
        return True


requests = st.lists(
    st.tuples(
        st.integers(0, 400 * NS_PER_MS),  # after the one before
        st.sampled_from(list(Traffic)),
        st.integers(1, 40),
        st.integers(0, 2 * NS_PER_S),  # to the exchange
        st.integers(0, 2 * NS_PER_S),  # and back
        st.sampled_from(["answered", "given back", "withdrawn"]),
    ),
    min_size=1,
    max_size=60,
)
sizes = st.builds(BucketSize, st.integers(1, 500), st.integers(60, 600))
shares = st.builds(Shares, place=st.integers(1, 100), reserve=st.integers(0, 95))


class World:
    """A schedule, its exchange, and what is on the way between them; moved from moment to moment."""

    def __init__(self, size, divided, *, places=True):
        self.line = Schedule(size, divided, 0, places=places)
        self.exchange = ExchangeBucket(size.refill_rate, size.capacity)
        self.size, self.shares = size, divided
        self.flights = {}
        self.coming = []
        self.refused = 0
        self.granted = []

    def do(self, at, action, ticket):
        if action == "arrive":
            self.refused += not self.exchange.take(ticket.cost, at)
        elif action == "answer":
            self.line.answered(ticket, at)
        else:
            self.line.give_back(ticket, at)

    def grant(self, now):
        for ticket in self.line.grant(now):
            self.granted.append((now, ticket))
            there, back, fate = self.flights[ticket]
            if fate == "given back":
                self.coming.append((now + there, len(self.coming), "give back", ticket))
            else:
                self.coming.append((now + there, len(self.coming), "arrive", ticket))
                self.coming.append((now + there + back, len(self.coming), "answer", ticket))

    def run(self, asked):
        pending, now = deque(asked), 0
        for _ in range(100_000):
            self.grant(now)
            times = [pending[0][0]] if pending else []
            times += [min(self.coming)[0]] if self.coming else []
            following = self.line.next_at(now)
            times += [following] if following is not None else []
            if not times:
                return
            now = max(now, min(times))
            for due in sorted(one for one in self.coming if one[0] <= now):
                self.coming.remove(due)
                self.do(due[0], due[2], due[3])
            while pending and pending[0][0] <= now:
                _, traffic, cost, *flight = pending.popleft()
                ticket = self.line.ask(traffic, min(cost, self.line.largest(traffic)), now)
                self.flights[ticket] = flight
                if flight[2] == "withdrawn":
                    self.line.withdraw(ticket)
        raise AssertionError("it never ends")


def timed(asked):
    at, out = 0, []
    for gap, *rest in asked:
        at += gap
        out.append((at, *rest))
    return out


@settings(max_examples=300, deadline=None)
@given(size=sizes, divided=shares, asked=requests)
def test_the_exchange_never_says_429_whatever_the_latency_is(size, divided, asked):
    """I14."""
    world = World(size, divided)
    world.run(timed(asked))
    assert world.refused == 0
    wanted = [flight for flight in world.flights.values() if flight[2] != "withdrawn"]
    assert len(world.granted) == len(wanted)


@settings(max_examples=200, deadline=None)
@given(size=sizes, divided=shares, asked=requests)
def test_no_window_holds_more_than_the_bucket_or_than_placing_is_allowed(size, divided, asked):
    """I14, C6."""
    world = World(size, divided)
    world.run([(*each[:-1], "answered") for each in timed(asked)])
    placing = [(at, t) for at, t in world.granted if t.traffic is Traffic.PLACE]
    share = BucketSize(
        max(1, size.refill_rate * divided.place // 100),
        max(10, size.capacity * divided.place // 100),
    )
    for granted, bucket in ((world.granted, size), (placing, share)):
        for first, (start, _) in enumerate(granted):
            spent = 0
            for at, ticket in granted[first:]:
                spent += ticket.cost
                assert spent * NS_PER_S <= bucket.capacity * NS_PER_S + bucket.refill_rate * (
                    at - start
                )


@settings(max_examples=200, deadline=None)
@given(size=sizes, divided=shares, asked=requests)
def test_a_class_is_served_in_the_order_in_which_it_asked(size, divided, asked):
    world = World(size, divided)
    world.run(timed(asked))
    order = list(world.flights)
    for traffic in Traffic:
        served = [order.index(ticket) for _, ticket in world.granted if ticket.traffic is traffic]
        assert served == sorted(served)


@settings(max_examples=100, deadline=None)
@given(
    size=sizes,
    divided=shares,
    flood=st.lists(st.sampled_from([Traffic.PLACE, Traffic.DATA, Traffic.BULK]), max_size=200),
    urgent=st.sampled_from([Traffic.KILL, Traffic.CANCEL]),
    at=st.integers(0, 3 * NS_PER_S),
)
def test_no_flood_keeps_a_cancel_waiting_once_the_reserve_holds_its_cost(
    size, divided, flood, urgent, at
):
    line = Schedule(size, divided, 0, places=True)
    for traffic in flood:
        line.ask(traffic, 10, 0)
    now = 0
    while (following := line.next_at(now)) is not None and following <= at:
        for ticket in line.grant(now):
            line.answered(ticket, now)
        now = max(following, now)
        for ticket in line.grant(now):
            line.answered(ticket, now)
    cancel = line.ask(urgent, CANCEL, at)
    granted = line.grant(at)
    if line.reserve >= CANCEL:
        assert granted[0] is cancel
    else:
        assert granted[:1] == [cancel] or line.next_at(at) - at <= CANCEL * NS_PER_S
