"""The life of markets: every step there is, by the clock and by command, and what is told of it."""

from __future__ import annotations

import itertools

import pytest

from tests.paper.venues import (
    CLOSE,
    NOW,
    TICKER,
    WITH_MAKER_FEES,
    ask,
    bid,
    deal,
    details_of,
    later,
    market,
    refusal_of,
    told,
    venue,
)
from traderd.model.ids import EventTicker
from traderd.model.market import MarketStatus, PriceBand, PriceGrid
from traderd.model.orders import OrderStatus, Side
from traderd.model.units import Count, Money, Price, Timestamp, parse_money, parse_price
from traderd.paper import choices
from traderd.paper.venue.lifecycle import STEPS
from traderd.paper.venue.listings import Result
from traderd.paper.venue.messages import LevelChanged, Lifecycle, MarketChanged, OrderUpdated
from traderd.paper.venue.venue import Venue

S = MarketStatus
SWEEP = Timestamp(CLOSE + choices.CLOSE_SWEEP_NS)
EVENT = EventTicker("KXDEMO-26DEC31")
COMMANDS = {
    "pause": lambda v: v.life.pause(TICKER, NOW),
    "resume": lambda v: v.life.resume(TICKER, NOW),
    "close": lambda v: v.life.close(TICKER, NOW),
    "reopen": lambda v: v.life.move_close(TICKER, later(9999), NOW),
    "determine": lambda v: v.life.determine(TICKER, Result.YES, None, NOW),
    "dispute": lambda v: v.life.dispute(TICKER, NOW),
    "finalize": lambda v: v.life.finalize(TICKER, NOW),
}
CLOSED = ["close"]
DETERMINED = [*CLOSED, "determine"]
DISPUTED = [*DETERMINED, "dispute"]
AMENDED = [*DISPUTED, "determine"]
FINALIZED = [*DETERMINED, "finalize"]
WAYS = {
    S.INITIALIZED: [],
    S.ACTIVE: [],
    S.INACTIVE: ["pause"],
    S.CLOSED: CLOSED,
    S.DETERMINED: DETERMINED,
    S.DISPUTED: DISPUTED,
    S.AMENDED: AMENDED,
    S.FINALIZED: FINALIZED,
}
"""Commands that bring an active market to a status; INITIALIZED is where it starts."""
LEADS = {
    "pause": {S.ACTIVE: S.INACTIVE},
    "resume": {S.INACTIVE: S.ACTIVE},
    "close": dict.fromkeys((S.INITIALIZED, S.ACTIVE, S.INACTIVE), S.CLOSED),
    "reopen": {
        S.INITIALIZED: S.INITIALIZED,
        S.ACTIVE: S.ACTIVE,
        S.INACTIVE: S.INACTIVE,
        S.CLOSED: S.ACTIVE,
    },
    "determine": {
        **dict.fromkeys((S.INITIALIZED, S.ACTIVE, S.INACTIVE, S.CLOSED), S.DETERMINED),
        S.DISPUTED: S.AMENDED,
        # The same once more is harmless.
        S.DETERMINED: S.DETERMINED,
        S.AMENDED: S.AMENDED,
        S.FINALIZED: S.FINALIZED,
    },
    "dispute": dict.fromkeys((S.DETERMINED, S.AMENDED), S.DISPUTED),
    "finalize": dict.fromkeys((S.DETERMINED, S.AMENDED, S.FINALIZED), S.FINALIZED),
}
"""Where each command leads from each status it may be given in."""


def at_status(status: MarketStatus) -> Venue:
    listed = market()
    if status is S.INITIALIZED:
        listed.status, listed.open_time = S.INITIALIZED, later(100)
    v = venue(listed)
    for command in WAYS[status]:
        COMMANDS[command](v)
    v.take_outbox()
    assert listed.status is status
    return v


def steps(v: Venue) -> list[Lifecycle]:
    return [each.kind for each in told(v, MarketChanged)]


# --- the table ------------------------------------------------------------------------------------


def test_the_table_has_every_status_but_unknown_and_ends_with_finalized():
    assert set(STEPS) == set(WAYS) == set(S) - {S.UNKNOWN}
    assert STEPS[S.FINALIZED] == ()


@pytest.mark.parametrize(("command", "status"), list(itertools.product(COMMANDS, WAYS)))
def test_every_command_in_every_status_leads_where_it_should_or_changes_nothing(command, status):
    v = at_status(status)
    leads_to = LEADS[command].get(status)
    if leads_to is None:
        assert refusal_of(COMMANDS[command], v) == (409, "invalid_market_transition")
        assert v.market(TICKER).status is status
        assert v.take_outbox() == []
    else:
        COMMANDS[command](v)
        assert v.market(TICKER).status is leads_to
    v.check_money()


def test_a_refused_step_names_both_ends():
    v = at_status(S.FINALIZED)
    assert details_of(v.life.pause, TICKER, NOW)[2] == (
        f"{TICKER} is finalized and cannot become inactive"
    )
    assert refusal_of(v.life.pause, "KXNONE", NOW) == (404, "market_not_found")


# --- the clock ------------------------------------------------------------------------------------


def test_a_market_opens_on_time_and_nobody_is_told():
    v = at_status(S.INITIALIZED)
    assert refusal_of(v.create_order, "ann", bid("1", "0.4"), None, NOW) == (400, "market_inactive")
    v.advance(Timestamp(later(100) - 1))
    assert v.market(TICKER).status is S.INITIALIZED
    v.advance(later(100))
    assert v.market(TICKER).status is S.ACTIVE
    assert v.market(TICKER).updated_at == later(100)
    assert v.take_outbox() == []
    assert v.create_order("ann", bid("1", "0.4"), None, later(100)).is_resting


def test_a_market_closes_on_time_silently_and_its_orders_are_swept_a_little_later():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.street.add(TICKER, Side.ASK, Price(5000), Count(100), NOW)
    v.take_outbox()
    assert v.advance(CLOSE) == []
    assert v.market(TICKER).status is S.CLOSED
    assert v.take_outbox() == []
    # In between nothing is taken, not even a cancel.
    closed, between = (400, "market_inactive"), Timestamp(SWEEP - 1)
    assert refusal_of(v.cancel_order, "ann", order.order_id, between) == closed
    assert v.cancel_all("ann", None, between) == 0
    assert v.advance(between) == []
    assert v.next_due() == SWEEP
    (ended,) = v.advance(SWEEP)
    assert (ended.order_id, ended.reason) == (order.order_id, "CloseCancel")
    assert ended.status is OrderStatus.CANCELED
    assert v.book(TICKER) == ((), ())
    assert v.balance("ann").available == parse_money("1000")
    assert [each.change for each in told(v, LevelChanged)] == [-100, -100]
    assert refusal_of(v.cancel_order, "ann", order.order_id, SWEEP) == (404, "not_found")
    assert v.next_due() is None


@pytest.mark.parametrize("status", [S.INITIALIZED, S.INACTIVE])
def test_a_market_that_is_not_active_closes_on_time_too(status):
    v = at_status(status)
    v.advance(CLOSE)
    assert v.market(TICKER).status is S.CLOSED
    assert v.take_outbox() == []


def test_a_clock_that_jumps_over_open_and_close_finds_the_market_closed():
    v = at_status(S.INITIALIZED)
    v.advance(later(10, CLOSE))
    assert v.market(TICKER).status is S.CLOSED


def test_a_determined_market_is_settled_when_its_timer_ends():
    v = venue()
    deal(v, "ann", "bob", "10", "0.40")
    v.life.determine(TICKER, Result.YES, None, NOW)
    listed = v.market(TICKER)
    assert listed.settles_at == later(listed.settlement_timer_s)
    v.take_outbox()
    v.advance(Timestamp(listed.settles_at - 1))
    assert listed.status is S.DETERMINED
    due = listed.settles_at
    v.advance(due)
    assert (listed.status, listed.settled_at, listed.settles_at) == (S.FINALIZED, due, None)
    assert steps(v) == [Lifecycle.SETTLED]
    assert v.balance("ann").cash == parse_money("1006")


def test_a_market_without_a_timer_is_settled_at_the_next_look():
    listed = market()
    listed.settlement_timer_s = 0
    v = venue(listed)
    v.life.determine(TICKER, Result.NO, None, NOW)
    assert listed.status is S.DETERMINED
    v.advance(NOW)
    assert listed.status is S.FINALIZED


# --- pausing one market ---------------------------------------------------------------------------


def test_a_paused_market_keeps_its_orders_and_loses_them_when_it_resumes():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.street.add(TICKER, Side.ASK, Price(5000), Count(100), NOW)
    v.take_outbox()
    v.life.pause(TICKER, NOW)
    assert steps(v) == [Lifecycle.DEACTIVATED]
    assert v.order("ann", order.order_id).is_resting
    v.life.resume(TICKER, later(1))
    gone = v.order("ann", order.order_id)
    assert (gone.status, gone.reason) == (OrderStatus.CANCELED, None)
    assert v.book(TICKER) == ((), ())
    news = told(v, LevelChanged, OrderUpdated, MarketChanged)
    assert [type(each) for each in news] == [
        LevelChanged,
        OrderUpdated,
        LevelChanged,
        MarketChanged,
    ]
    assert news[-1].kind is Lifecycle.ACTIVATED
    assert news[-1].market.status is S.ACTIVE


def test_a_market_that_was_not_paused_cannot_resume():
    v = at_status(S.CLOSED)
    assert refusal_of(v.life.resume, TICKER, NOW) == (409, "invalid_market_transition")


# --- closing early and reopening ------------------------------------------------------------------


def test_an_early_close_moves_the_close_date_and_closes_at_once():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.take_outbox()
    v.life.close(TICKER, later(5))
    (news,) = v.take_outbox()
    assert (news.kind, news.market.close_time) == (Lifecycle.CLOSE_DATE_UPDATED, later(5))
    assert v.order("ann", order.order_id).is_resting
    assert [each.order_id for each in v.advance(later(6))] == [order.order_id]


def test_a_close_that_is_due_anyway_is_not_told():
    v = venue()
    v.life.close(TICKER, later(1, CLOSE))
    assert v.market(TICKER).close_time == CLOSE
    assert v.take_outbox() == []


def test_a_later_close_moves_the_date_and_nothing_else():
    v = venue()
    v.life.move_close(TICKER, later(1, CLOSE), NOW)
    (news,) = v.take_outbox()
    assert (news.kind, news.market.close_time) == (Lifecycle.CLOSE_DATE_UPDATED, later(1, CLOSE))
    v.advance(CLOSE)
    assert v.market(TICKER).status is S.ACTIVE
    v.advance(later(1, CLOSE))
    assert v.market(TICKER).status is S.CLOSED


def test_an_earlier_close_that_lies_ahead_comes_when_it_is_due():
    v = venue()
    v.life.move_close(TICKER, later(5), NOW)
    v.advance(later(5))
    assert v.market(TICKER).status is S.CLOSED


def test_a_close_in_the_past_is_refused():
    v = venue()
    assert refusal_of(v.life.move_close, TICKER, NOW, NOW) == (400, "invalid_parameters")
    assert v.market(TICKER).close_time == CLOSE


@pytest.mark.parametrize("swept", [False, True])
def test_a_reopened_market_starts_with_an_empty_book(swept):
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.advance(CLOSE)
    if swept:
        v.advance(SWEEP)
    now = SWEEP if swept else Timestamp(CLOSE + 1)
    v.take_outbox()
    v.life.move_close(TICKER, later(100, CLOSE), now)
    assert v.order("ann", order.order_id).reason == "CloseCancel"
    assert steps(v) == [Lifecycle.CLOSE_DATE_UPDATED, Lifecycle.ACTIVATED]
    fresh = v.create_order("ann", bid("1", "0.41"), None, now)
    # The sweep that was due does not take the orders of the new life.
    v.advance(later(5, CLOSE))
    assert v.order("ann", fresh.order_id).is_resting
    v.advance(later(100, CLOSE))
    assert v.market(TICKER).status is S.CLOSED


def test_the_latest_expiration_never_comes_before_the_close():
    v = venue()
    listed = v.market(TICKER)
    listed.latest_expiration_time = CLOSE
    v.life.move_close(TICKER, later(7, CLOSE), NOW)
    assert listed.latest_expiration_time == later(7, CLOSE)


# --- how it ended ---------------------------------------------------------------------------------


def test_determining_an_open_market_closes_it_and_clears_the_book_first():
    v = venue()
    order = v.create_order("ann", bid("1", "0.40"), None, NOW)
    v.take_outbox()
    v.life.determine(TICKER, Result.YES, None, NOW)
    assert v.order("ann", order.order_id).reason == "CloseCancel"
    news = told(v, OrderUpdated, MarketChanged)
    assert [each.kind for each in news if isinstance(each, MarketChanged)] == [
        Lifecycle.CLOSE_DATE_UPDATED,
        Lifecycle.DETERMINED,
    ]
    assert news[-1].market.result is Result.YES
    assert news[-1].market.determined_at == NOW
    assert v.advance(later(2)) == []


@pytest.mark.parametrize(
    ("result", "value", "worth"),
    [
        (Result.YES, None, Price(10_000)),
        (Result.NO, None, Price(0)),
        (Result.SCALAR, Price(2500), Price(2500)),
        (Result.SCALAR, Price(0), Price(0)),
    ],
)
def test_a_result_says_what_a_yes_contract_is_worth(result, value, worth):
    v = at_status(S.CLOSED)
    listed = v.life.determine(TICKER, result, value, NOW)
    assert (listed.result, listed.settlement_value) == (result, worth)


@pytest.mark.parametrize(
    ("result", "value", "code"),
    [
        (Result.SCALAR, None, "missing_parameters"),
        (Result.SCALAR, Price(-1), "invalid_parameters"),
        (Result.SCALAR, Price(10_001), "invalid_parameters"),
        (Result.YES, Price(1), "invalid_parameters"),
    ],
)
def test_a_value_that_does_not_fit_the_result_is_refused(result, value, code):
    v = at_status(S.ACTIVE)
    assert refusal_of(v.life.determine, TICKER, result, value, NOW) == (400, code)
    assert v.market(TICKER).status is S.ACTIVE


@pytest.mark.parametrize("status", [S.DETERMINED, S.AMENDED, S.FINALIZED])
def test_another_result_than_the_one_it_has_is_refused(status):
    v = at_status(status)
    other = (v.life.determine, TICKER, Result.NO, None, NOW)
    assert refusal_of(*other) == (409, "market_already_determined")
    assert v.market(TICKER).result is Result.YES


def test_saying_the_same_result_twice_tells_and_delays_nothing():
    v = at_status(S.DETERMINED)
    settles_at = v.market(TICKER).settles_at
    v.life.determine(TICKER, Result.YES, None, later(30))
    assert v.market(TICKER).settles_at == settles_at
    assert v.take_outbox() == []


def test_a_dispute_stops_the_timer_until_the_result_is_said_again():
    v = at_status(S.DETERMINED)
    v.life.dispute(TICKER, NOW)
    assert v.take_outbox() == []
    v.advance(later(3600))
    assert v.market(TICKER).status is S.DISPUTED
    v.life.determine(TICKER, Result.NO, None, later(3600))
    assert v.market(TICKER).status is S.AMENDED
    assert v.market(TICKER).result is Result.NO
    assert steps(v) == [Lifecycle.DETERMINED]
    v.advance(later(3659))
    assert v.market(TICKER).status is S.AMENDED
    v.advance(later(3660))
    assert v.market(TICKER).status is S.FINALIZED


def test_settling_before_the_timer_is_told_once():
    v = at_status(S.DETERMINED)
    v.life.finalize(TICKER, later(1))
    v.advance(later(3600))
    assert steps(v) == [Lifecycle.SETTLED]
    assert v.market(TICKER).settled_at == later(1)


# --- grids and money ------------------------------------------------------------------------------


def test_another_grid_leaves_resting_orders_where_they_are():
    v = venue()
    order = v.create_order("ann", bid("1", "0.41"), None, NOW)
    v.take_outbox()
    two_cents = PriceGrid((PriceBand(start=Price(0), end=Price(10_000), step=Price(200)),))
    v.life.change_grid(TICKER, two_cents, "two_cents", later(1))
    (news,) = v.take_outbox()
    assert (news.kind, news.market.level_structure) == (Lifecycle.GRID_UPDATED, "two_cents")
    assert v.order("ann", order.order_id).is_resting
    assert refusal_of(v.create_order, "ann", bid("1", "0.41"), None, NOW)[1] == "invalid_price"


def test_no_step_of_a_whole_life_makes_or_loses_money():
    v = venue(market(fees=WITH_MAKER_FEES))
    deal(v, "ann", "bob", "7.77", "0.37")
    v.create_order("ann", ask("20", "0.60"), None, NOW)
    for command in ("pause", "resume", "close", "reopen", "close", "determine", "dispute"):
        COMMANDS[command](v)
        v.check_money()
    v.life.determine(TICKER, Result.SCALAR, parse_price("0.335"), NOW)
    v.life.finalize(TICKER, NOW)
    v.check_money()
    cash = sum(v.balance(name).cash for name in ("ann", "bob"))
    assert Money(cash + v.floor.fees_collected + v.floor.dust) == parse_money("2000")
    assert v.floor.dust > 0
