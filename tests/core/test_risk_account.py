"""What the gate remembers of events, and the halts that come of it."""

from typing import Any

import attrs
import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    amend_requested,
    cleared,
    dollars,
    filled,
    intended,
    limits,
    market,
    position_record,
    ready_engine,
    record,
    rejected,
    second,
    sent,
    snapshot,
    tell,
    terms,
    unknown,
)
from traderd.core.engine import Engine
from traderd.core.risk_account import marked_profit
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, StrategyName
from traderd.model.orders import Attribution, OrderOwner, Side

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
EVENT = EventTicker("KXA-26")


def halts_of(told: list[ev.Event]) -> list[str]:
    return [event.halt_id for event in told if isinstance(event, ev.HaltRaised)]


def carry_in(engine: Engine, count: int, cost: str, ticker: MarketTicker = TICKER) -> None:
    engine.ledger.carry_in(position_record(count, ticker=ticker, exposure=cost), second(1))


def rule_of(engine: Engine, *asked: Any, attribution: Attribution | None = MAKER, **which: Any):
    denied = engine.judge(terms(*asked), attribution=attribution, **which)
    return None if denied is None else (denied.rule, denied.control)


# --- messages, equal orders, executions -----------------------------------------------------------


def test_creates_and_amends_count_as_messages_within_a_second():
    engine = ready_engine(max_messages_per_s=2)
    tell(engine, intended("c1", at=1), sent("c1"), accepted("c1", "x1"))
    assert rule_of(engine, Side.BID, "0.41", 1, now=second(1.5)) is None
    tell(engine, amend_requested("0.51", at=1.2))
    assert rule_of(engine, Side.BID, "0.41", 1, now=second(1.5)) == ("message_rate", "C6")
    assert rule_of(engine, Side.BID, "0.41", 1, now=second(2)) is None


def test_a_strategy_does_not_repeat_an_order_that_lives_or_was_executed():
    engine = ready_engine(duplicate_window_ms=2_000)
    tell(engine, intended("c1", attribution=MAKER, at=1), sent("c1"))
    assert rule_of(engine, now=second(2.9)) == ("duplicate", "C8")
    assert rule_of(engine, now=second(3)) is None
    assert rule_of(engine, attribution=None, now=second(2)) is None
    assert rule_of(engine, Side.BID, "0.49", now=second(2)) is None
    tell(engine, filled("t1", 10, at=2))
    assert rule_of(engine, now=second(2.9)) == ("duplicate", "C8")


def test_an_order_that_came_to_nothing_may_be_placed_again_at_once():
    engine = ready_engine(duplicate_window_ms=2_000)
    tell(engine, intended("c1", attribution=MAKER), sent("c1"), rejected("c1", "post_only_cross"))
    assert rule_of(engine, now=second(1.5)) is None


def test_a_strategy_that_executes_too_often_is_stopped_until_a_person_clears_it():
    engine = ready_engine(max_fills_per_15s=3)
    tell(engine, intended("c1", attribution=MAKER), sent("c1"), accepted())
    told: list[ev.Event] = []
    for number in range(4):
        told += tell(engine, filled(f"t{number}", 1, at=3 + number))
        # Told twice it counts once.
        told += tell(engine, filled(f"t{number}", 1, at=3 + number))
        assert halts_of(told) == (["executions:maker"] if number == 3 else [])
    assert rule_of(engine, Side.BID, "0.41", 1) == ("executions", "C7")
    # Not even its reductions pass; those of a person do.
    assert rule_of(engine, Side.ASK, "0.60", 1) == ("executions", "C7")
    assert rule_of(engine, Side.ASK, "0.60", 1, attribution=None) is None
    tell(engine, cleared("executions:maker", ev.Author.MACHINE))
    tell(engine, cleared("executions:maker", ev.Author.PLUGIN))
    assert rule_of(engine, Side.BID, "0.41", 1) == ("executions", "C7")
    tell(engine, cleared("executions:maker"))
    assert rule_of(engine, Side.BID, "0.41", 1) is None
    assert halts_of(tell(engine, filled("t9", 1, at=7))) == []


@pytest.mark.parametrize("attribution", [Attribution(owner=OrderOwner.PERSON), None])
def test_what_a_person_or_somebody_else_executes_stops_no_strategy(attribution):
    engine = ready_engine(max_fills_per_15s=1)
    if attribution is not None:
        tell(engine, intended("c1", attribution=attribution), sent("c1"), accepted())
    told = [event for n in range(4) for event in tell(engine, filled(f"t{n}", 1, at=3 + n))]
    assert halts_of(told) == []
    assert engine.ledger.fill_count == 4


# --- errors ---------------------------------------------------------------------------------------


def test_the_breaker_trips_on_a_rate_of_errors_that_never_come_in_a_row():
    engine = ready_engine(breaker_window=50, breaker_percent=20, max_open_orders=100)
    told: list[ev.Event] = []
    for number in range(10):
        bad, good = f"b{number}", f"g{number}"
        told += tell(engine, intended(bad), sent(bad), rejected(bad, "a word of tomorrow"))
        told += tell(engine, intended(good), sent(good), accepted(good, f"x{number}"))
    assert halts_of(told) == ["breaker"]
    assert rule_of(engine) == ("halt", "C15")
    tell(engine, cleared("breaker"))
    assert engine.risk.errors.errors == 0


def test_refusals_that_belong_to_the_trade_are_no_errors_and_unknown_outcomes_are():
    engine = ready_engine(breaker_window=50, breaker_percent=20)
    tell(engine, intended("c1"), sent("c1"), rejected("c1", "post_only_cross"))
    assert engine.risk.errors.errors == 0
    tell(engine, intended("c2"), sent("c2"), unknown("c2"))
    assert engine.risk.errors.errors == 1


# --- losses ---------------------------------------------------------------------------------------


def losing(engine: Engine, bid: str) -> list[ev.Event]:
    """Buy 100 at 50 cents and see the bid fall."""
    tell(engine, ev.ProfitMarked(at=second(1)))
    told = tell(engine, intended("c1", terms(count=100)), sent("c1"), accepted(remaining=100))
    told += tell(engine, filled("t1", 100))
    told += tell(engine, snapshot(3, {bid: 100}, {"0.55": 100}), ev.ProfitMarked(at=second(9)))
    return told


def test_a_daily_loss_at_the_bid_halts_and_only_a_person_clears_it():
    engine = ready_engine(max_daily_loss=dollars("20"))
    assert halts_of(losing(engine, "0.31")) == []
    told = tell(engine, snapshot(4, {"0.30": 100}, {"0.55": 100}), ev.ProfitMarked(at=second(10)))
    assert halts_of(told) == ["daily_loss"]
    assert rule_of(engine, Side.BID, "0.41", 1) == ("halt", "C5")
    assert rule_of(engine, Side.ASK, "0.30", 100) is None
    for author in (ev.Author.MACHINE, ev.Author.PLUGIN):
        tell(engine, cleared("daily_loss", author))
        assert "daily_loss" in engine.conditions.halts
    # Clearing accepts the loss: the next mark does not halt again.
    told = tell(engine, cleared("daily_loss"), ev.ProfitMarked(at=second(11)))
    assert halts_of(told) == []
    assert rule_of(engine, Side.BID, "0.31", 1) is None


def test_a_fill_and_a_settlement_are_judged_at_once():
    engine = ready_engine(max_drawdown=dollars("5"))
    tell(engine, ev.ProfitMarked(at=second(1)))
    told = tell(engine, intended("c1", terms(count=100)), sent("c1"), filled("t1", 100))
    # Bought at 50 cents with the bid at 45.
    assert halts_of(told) == ["drawdown"]


def test_a_position_that_is_not_followed_counts_as_what_it_cost():
    engine = ready_engine()
    carry_in(engine, 100, "50", ticker=OTHER)
    assert marked_profit(engine) == dollars("-5")
    gone = ((OTHER, "a test"),)
    tell(engine, ev.UniverseChanged(at=second(1), added=(), dropped=gone))
    engine.market_data.books.pop(OTHER, None)
    assert marked_profit(engine) == 0


def test_a_book_that_is_waited_for_neither_trips_a_limit_nor_hides_the_other_losses():
    engine = ready_engine(max_daily_loss=dollars("30"))
    tell(engine, ev.ProfitMarked(at=second(1)))
    carry_in(engine, 100, "50", ticker=OTHER)
    engine.market_data.books.pop(OTHER)
    assert marked_profit(engine) is None
    assert halts_of(tell(engine, ev.ProfitMarked(at=second(2)))) == []
    # It may pay 100, which is no reason to call that the best moment.
    assert engine.risk.loss.peak == 0
    carry_in(engine, 1_000, "520")
    # 70 are lost here at a bid of 45 cents, of which the other could win 50 back: not certainly 30.
    assert halts_of(tell(engine, ev.ProfitMarked(at=second(3)))) == []
    carry_in(engine, 1_000, "530")
    assert halts_of(tell(engine, ev.ProfitMarked(at=second(4)))) == ["daily_loss"]


def test_a_position_that_nobody_bids_for_and_nobody_traded_is_worth_nothing():
    """One market without a price must not hide the loss of the account from its limits."""
    engine = ready_engine(max_daily_loss=dollars("10"))
    tell(engine, ev.ProfitMarked(at=second(1)))
    carry_in(engine, 100, "50")
    told = tell(engine, snapshot(3, {}, {"0.03": 10}, at=5), ev.ProfitMarked(at=second(6)))
    assert marked_profit(engine) == dollars("-50")
    assert halts_of(told) == ["daily_loss"]


def test_a_short_position_that_nobody_offers_is_worth_nothing():
    engine = ready_engine()
    carry_in(engine, -100, "50")
    tell(engine, snapshot(3, {"0.97": 10}, {}))
    assert marked_profit(engine) == dollars("-50")


def test_the_empty_book_of_a_market_that_has_ended_is_no_loss():
    engine = ready_engine(max_daily_loss=dollars("10"))
    tell(engine, ev.ProfitMarked(at=second(1)))
    carry_in(engine, 100, "50")
    told = tell(
        engine,
        ev.MarketClosed(at=second(4), ticker=TICKER),
        snapshot(3, {}, {}, at=5),
        ev.ProfitMarked(at=second(6)),
    )
    assert marked_profit(engine) == 0
    assert halts_of(told) == []


def test_a_side_without_orders_is_marked_at_the_last_trade():
    engine = ready_engine()
    carry_in(engine, 100, "50")
    tell(engine, snapshot(3, {}, {"0.55": 1}))
    engine.market_data.last_trade[TICKER] = terms(at_price="0.48").price
    assert marked_profit(engine) == dollars("-2")


def test_a_replay_gives_starting_points_and_limits_back_and_halts_nothing():
    engine = Engine(limits=ready_engine(max_drawdown=dollars("5")).limits)
    moved = ev.LossBaselineMoved(
        at=second(1), day="2026-11-25", day_start=dollars("3"), peak=dollars("60")
    )
    story = (moved, ev.LimitsSet(at=second(1), limits=(("max_open_orders", "3"),)))
    for event in story:
        assert engine.apply(event) == []
    assert (engine.risk.loss.day, engine.risk.loss.peak) == ("2026-11-25", dollars("60"))
    assert engine.risk.limits_before == {"max_open_orders": "3"}
    engine.begin_run()
    assert engine.limits.max_open_orders == 3
    assert halts_of(engine.apply(ev.ProfitMarked(at=second(9)))) == ["drawdown"]


def test_a_confirmation_lets_higher_limits_hold_at_once_and_a_replay_of_it_at_its_end():
    engine = ready_engine(max_open_orders=3)
    confirmed = ev.LimitsConfirmed(
        at=second(1),
        limits=tuple((engine.limits.texts() | {"max_open_orders": "8"}).items()),
        raised=("risk.max_open_orders from 3 to 8",),
        author=ev.Author.PERSON,
    )
    assert engine.apply(confirmed) == []
    assert engine.limits.max_open_orders == 8
    replayed = Engine(limits=ready_engine(max_open_orders=9).limits)
    assert replayed.apply(confirmed) == []
    assert replayed.limits.max_open_orders == 9
    replayed.begin_run()
    assert replayed.limits.max_open_orders == 8


# --- exclusive events -----------------------------------------------------------------------------


def test_markets_are_added_until_the_exchange_says_that_their_event_is_exclusive():
    engine = ready_engine()
    for ticker in (TICKER, OTHER):
        carry_in(engine, -100, "60", ticker=ticker)
    assert market().event_ticker == EVENT
    asked = engine.risk.exclusive_markets([TICKER, OTHER])
    assert asked == {}
    assert not engine.risk.knows_event(EVENT)
    tell(engine, ev.EventsDescribed(at=second(1), exclusive=((EVENT, True),)))
    assert engine.risk.exclusive_markets([TICKER, OTHER]) == {TICKER: EVENT, OTHER: EVENT}


@pytest.mark.parametrize(("exclusive", "rule"), [(True, None), (False, ("event_loss", "C3"))])
def test_the_loss_of_an_event_is_judged_over_its_outcomes(exclusive, rule):
    engine = ready_engine(max_event_loss=dollars("30"))
    tell(engine, ev.EventsDescribed(at=second(1), exclusive=((EVENT, exclusive),)))
    tell(engine, intended("c1", terms(Side.ASK, "0.45", 50, ticker=OTHER)), sent("c1"))
    tell(engine, filled("t1", 50, side=Side.ASK, at_price="0.45", key="c1", ticker=OTHER))
    assert rule_of(engine, Side.ASK, "0.50", 50) == rule


# --- over a restart -------------------------------------------------------------------------------


def test_a_crash_forgives_no_executions():
    """C7: fills of the last minute count on, but a replay judges none of them anew."""
    engine = Engine(limits=limits(max_fills_per_15s=2))
    told = tell(engine, intended("c1", terms(count=90), attribution=MAKER), sent("c1"))
    told += tell(engine, accepted("c1", "x1", remaining=90))
    told += tell(engine, *(filled(f"t{number}", 1, at=3) for number in range(4)))
    assert halts_of(told) == []
    engine.begin_run()
    assert engine.risk.executions.counts("maker", second(4)) == (4, 4)
    assert halts_of(tell(engine, filled("t9", 1, at=5))) == ["executions:maker"]


def test_an_order_that_was_adopted_late_does_not_hide_an_equal_order():
    engine = ready_engine(duplicate_window_ms=2_000)
    tell(engine, intended("c1", attribution=MAKER, at=1), sent("c1"), accepted("c1", "x1"))
    assert rule_of(engine, now=second(2)) == ("duplicate", "C8")
    old = record(order_id="x9", key="web-1", what=terms(ticker=OTHER))
    old = attrs.evolve(old, created_at=second(-600))
    tell(engine, ev.OrderReported(at=second(1.5), record=old, source=ev.Source.SYNC))
    assert rule_of(engine, now=second(2)) == ("duplicate", "C8")
