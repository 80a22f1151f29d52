"""The faults themselves: which rule strikes what, when and how often. Their effects are tested at the doors."""

from random import Random

import pytest

from traderd.errors import BadInput
from traderd.paper.faults.fates import FrameFate, RequestFate
from traderd.paper.faults.faults import ORDERS, Faults
from traderd.paper.faults.plan import FaultKind, FaultRule


class Elapsed:
    """A clock that a test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def faults_of(*rules: dict, seed: int = 1) -> tuple[Faults, Elapsed]:
    elapsed = Elapsed()
    faults = Faults(rng=Random(seed), elapsed_s=elapsed)
    faults.set_plan([FaultRule(**rule | {"kind": FaultKind(rule["kind"])}) for rule in rules])
    return faults, elapsed


def statuses(faults: Faults, count: int, *, account: str | None = None) -> list[int | None]:
    fates = [faults.request_fate("GET", "/markets", account) for _ in range(count)]
    return [fate.refusal.status if fate.refusal else None for fate in fates]


# --- switches -------------------------------------------------------------------------------------


def test_nothing_is_wrong_at_first():
    faults = Faults()
    assert not faults.are_on
    assert faults.request_fate("POST", ORDERS, None) == RequestFate()
    assert faults.handshake_refusal(None) is None
    assert faults.frame_fate("fill", "ann") == FrameFate()
    assert faults.position_age_s("ann") == faults.cancel_all_window_s("ann") == 0
    assert faults.clock_offset_ns() == 0
    assert faults.drop_websockets() == 0
    assert faults.report() == []


def test_the_longest_prefix_decides():
    faults = Faults()
    faults.refuse_requests("/portfolio", 503)
    faults.refuse_requests("/portfolio/orders", 429)
    faults.refuse_requests("/", 500)

    def status(path):
        return faults.request_fate("GET", path, None).refusal.status

    assert status("/portfolio/fills") == 503
    assert status("/portfolio/orders/x") == 429
    assert status("/markets") == 500


def test_a_switch_is_replaced_by_the_next_of_its_name():
    faults = Faults()
    faults.refuse_requests("/markets", 503)
    faults.refuse_requests("/markets", 429)
    faults.delay_replies(2.0)
    faults.delay_replies(3.0)
    fate = faults.request_fate("GET", "/markets", None)
    assert (fate.refusal.status, fate.reply_wait_s) == (429, 3.0)
    faults.delay_replies(0)
    assert faults.request_fate("GET", "/markets", None).reply_wait_s == 0


def test_a_lost_reply_is_used_up_by_the_first_that_fits():
    faults = Faults()
    faults.lose_reply_of_next("POST", "/portfolio/events")
    assert faults.request_fate("DELETE", "/portfolio/events/orders/1", None).reply_arrives
    assert faults.request_fate("POST", "/portfolio/orders", None).reply_arrives
    assert not faults.request_fate("POST", ORDERS, None).reply_arrives
    assert faults.request_fate("POST", ORDERS, None).reply_arrives
    assert not faults.are_on


def test_two_of_a_kind_strike_one_after_the_other():
    faults = Faults()
    faults.lose_next_request("POST", ORDERS)
    faults.lose_next_request("POST", ORDERS)
    arrived = [faults.request_fate("POST", ORDERS, None).arrives for _ in range(3)]
    assert arrived == [False, False, True]


def test_a_request_that_is_lost_uses_up_nothing_else():
    faults = Faults()
    faults.lose_next_request("POST", ORDERS)
    faults.lose_reply_of_next("POST", ORDERS)
    assert faults.request_fate("POST", ORDERS, None) == RequestFate(arrives=False)
    assert not faults.request_fate("POST", ORDERS, None).reply_arrives


def test_a_reply_is_spoiled_once_with_its_status():
    faults = Faults()
    faults.spoil_reply_of_next("POST", ORDERS, 500)
    assert faults.request_fate("GET", ORDERS, None).spoiled is None
    assert faults.request_fate("POST", ORDERS, None).spoiled.status == 500
    assert faults.request_fate("POST", ORDERS, None).spoiled is None


def test_websockets_are_refused_until_they_are_accepted_again():
    faults = Faults()
    faults.refuse_websockets(503)
    assert faults.handshake_refusal("ann").status == 503
    faults.accept_websockets()
    assert faults.handshake_refusal("ann") is None


def test_sessions_are_dropped_by_whoever_holds_them():
    faults, asked = Faults(), []
    faults.connect_sessions(lambda channel: asked.append(channel) or 3)
    assert faults.drop_websockets("fill") == 3
    assert asked == ["fill"]


def test_clear_undoes_everything():
    faults, _ = faults_of({"kind": "lost_reply"})
    faults.refuse_requests("/", 500)
    faults.refuse_websockets(503)
    faults.lose_next_request("POST", "/")
    faults.delay_requests(2.0)
    faults.shift_clock(9)
    faults.clear()
    assert not faults.are_on
    assert faults.request_fate("POST", ORDERS, None) == RequestFate()
    assert faults.clock_offset_ns() == 0


def test_impossible_faults_are_refused_and_change_nothing():
    faults = Faults()
    for make in (
        lambda: faults.refuse_requests("/", 200),
        lambda: faults.refuse_websockets(101),
        lambda: faults.spoil_reply_of_next("POST", ORDERS, 201),
    ):
        with pytest.raises(BadInput, match="400 to 599"):
            make()
    for delay in (faults.delay_replies, faults.delay_requests):
        with pytest.raises(BadInput, match="negative"):
            delay(-1)
    with pytest.raises(BadInput, match="begins with /"):
        faults.refuse_requests("markets", 503)
    assert not faults.are_on


# --- plans ----------------------------------------------------------------------------------------


def test_every_nth_is_counted_over_those_that_it_concerns():
    faults, _ = faults_of({"kind": "refused", "status": 429, "every": 3, "account": "ann"})
    assert statuses(faults, 4, account="bob") == [None] * 4
    assert statuses(faults, 7, account="ann") == [None, None, 429, None, None, 429, None]
    (told,) = faults.report()
    assert (told["kind"], told["account"], told["seen"], told["struck"]) == ("refused", "ann", 7, 2)


def test_a_schedule_begins_and_ends():
    faults, elapsed = faults_of({"kind": "refused", "status": 503, "after_s": 10, "for_s": 5})
    seen = []
    for seconds in (0, 9.9, 10, 14.9, 15, 100):
        elapsed.seconds = seconds
        seen += statuses(faults, 1)
    assert seen == [None, None, 503, 503, None, None]


def test_a_plan_counts_from_when_it_was_set():
    faults, elapsed = faults_of()
    elapsed.seconds = 1_000
    faults.set_plan([FaultRule(kind=FaultKind.REFUSED, status=503, after_s=10)])
    assert statuses(faults, 1) == [None]
    elapsed.seconds = 1_010
    assert statuses(faults, 1) == [503]
    faults.set_plan([])
    assert statuses(faults, 1) == [None]


def test_a_rule_is_over_after_its_times():
    faults, _ = faults_of({"kind": "refused", "status": 503, "times": 2})
    assert statuses(faults, 4) == [503, 503, None, None]
    assert faults.report()[0]["struck"] == 2


def test_chances_are_drawn_from_the_seed():
    rule = {"kind": "refused", "status": 503, "probability": 0.3}

    def drawn(seed):
        return statuses(faults_of(rule, seed=seed)[0], 1_000)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 250 < sum(status is not None for status in drawn(1)) < 350


def test_delays_are_drawn_between_their_bounds():
    faults, _ = faults_of({"kind": "slow_request", "min_ms": 20, "max_ms": 400})
    waits = [faults.request_fate("GET", "/markets", None).wait_s for _ in range(500)]
    assert min(waits) >= 0.020
    assert max(waits) <= 0.400
    assert max(waits) - min(waits) > 0.35


def test_a_certain_fault_moves_no_chance():
    chance = {"kind": "refused", "status": 503, "probability": 0.5}
    certain = {"kind": "slow_reply", "min_ms": 5, "max_ms": 5}
    alone, _ = faults_of(chance)
    both, _ = faults_of(chance, certain)
    assert statuses(alone, 100) == statuses(both, 100)


def test_methods_are_compared_whatever_their_case():
    faults, _ = faults_of({"kind": "lost_request", "method": "post"})
    assert not faults.request_fate("POST", ORDERS, None).arrives
    assert faults.request_fate("GET", ORDERS, None).arrives


# --- frames, positions, clock ---------------------------------------------------------------------


def test_frames_are_struck_by_channel_and_account():
    faults, _ = faults_of(
        {"kind": "lost_frame", "channel": "orderbook_delta", "every": 2},
        {"kind": "doubled_frame", "channel": "fill", "account": "ann"},
        {"kind": "late_frame", "channel": "fill", "account": "ann", "min_ms": 250, "max_ms": 250},
        {"kind": "dropped_websocket", "channel": "trade"},
    )
    assert [faults.frame_fate("orderbook_delta", "bob").copies for _ in range(4)] == [1, 0, 1, 0]
    assert faults.frame_fate("fill", "ann") == FrameFate(copies=2, wait_s=0.25)
    assert faults.frame_fate("fill", "bob") == FrameFate()
    assert faults.frame_fate("trade", "bob") == FrameFate(copies=0, ends_session=True)


def test_positions_are_remembered_only_while_something_asks_for_old_ones():
    faults, _ = faults_of({"kind": "stale_positions", "seconds": 1.5, "account": "ann"})
    assert faults.remembers_positions
    assert (faults.position_age_s("ann"), faults.position_age_s("bob")) == (1.5, 0)
    faults.clear()
    assert not faults.remembers_positions


def test_cancel_all_is_greedy_for_a_minute_unless_the_rule_says_otherwise():
    assert faults_of({"kind": "greedy_cancel_all"})[0].cancel_all_window_s("ann") == 60
    faults, _ = faults_of({"kind": "greedy_cancel_all", "seconds": 5})
    assert faults.cancel_all_window_s("ann") == 5


def test_clock_offsets_add_up_and_follow_their_schedule():
    faults, elapsed = faults_of({"kind": "clock_offset", "seconds": -4, "after_s": 10})
    faults.shift_clock(1.5)
    assert faults.clock_offset_ns() == 1_500_000_000
    elapsed.seconds = 10
    assert faults.clock_offset_ns() == -2_500_000_000
    faults.shift_clock(0)
    assert faults.clock_offset_ns() == -4_000_000_000
