"""The rules one by one, their order, and that no session gets past the limits."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.builders import (
    FAILED,
    OTHER,
    TICKER,
    accepted,
    cancel_requested,
    contracts,
    delta,
    dollars,
    filled,
    halt,
    intended,
    market,
    not_placed,
    position_record,
    price,
    ready_engine,
    rejected,
    second,
    sent,
    snapshot,
    step,
    synced,
    tell,
    terms,
    unknown,
)
from tests.core.builders import limits as some_limits
from tests.core.sessions import Session
from traderd.core.book import Book
from traderd.core.book_quality import BookQualities
from traderd.core.conditions import EXECUTIONS_HALT, KILL_HALT
from traderd.core.engine import Engine
from traderd.core.exposure import Leg, account_exposure, market_exposure
from traderd.core.ledger import Position
from traderd.core.quality_records import BookQuality
from traderd.core.risk import RULES, Proposal, judge
from traderd.model import events as ev
from traderd.model.book_events import BookGrade
from traderd.model.ids import EventTicker, MarketTicker, TradeId
from traderd.model.market import MarketStatus
from traderd.model.orders import Attribution, OrderOwner, Side, TimeInForce
from traderd.model.states import State
from traderd.model.units import Count, Money, Price


def a_book(bids: dict[str, int], asks: dict[str, int]) -> Book:
    book = Book(TICKER)
    book.replace(snapshot(1, bids, asks))
    return book


def a_quality(grade: BookGrade = BookGrade.A, *causes: str) -> BookQuality:
    usable = a_book({"0.45": 100}, {"0.55": 100})
    return attrs.evolve(BookQualities().judge(usable, 1, second(1)), grade=grade, causes=causes)


def proposal(**changes: Any) -> Proposal:
    """Return a proposal that every rule allows, with changes."""
    allowed = Proposal(
        terms=terms(Side.BID, "0.50", 10),
        owner=OrderOwner.STRATEGY,
        limits=some_limits(),
        state=State.READY,
        market=market(),
        book=a_book({"0.45": 100}, {"0.55": 100}),
        quality=a_quality(),
        position=Count(0),
        same_side=Count(0),
        live_orders=0,
        unknown_here=0,
        exposure_before=Money(0),
        exposure_after=dollars("5"),
        halt=None,
        paused=None,
        venue_paused=None,
        venue_paused_here=None,
        last_trade=None,
    )
    return attrs.evolve(allowed, **changes)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "state": (
        {"state": State.ERROR},
        "the daemon is not ready: its state is error; try again when it is",
    ),
    "halt": (
        {"halt": halt("drill", reason="fire drill")},
        "halt 'drill' by person: fire drill; `traderd clear-halt drill` ends it",
    ),
    "pause": (
        {"paused": "lunch"},
        "trading is paused: lunch; `traderd resume` of the same scope ends it",
    ),
    "venue_pause": (
        {"venue_paused": "Thursday"},
        "the exchange is paused: Thursday; try again when it resumes",
    ),
    "venue_pause of one market": (
        {"venue_paused_here": "trading halted"},
        "market KXA-26-Y is paused: trading halted; try again when it resumes",
    ),
    "market": (
        {"market": None},
        "market KXA-26-Y is not known here; `traderd markets` lists those that are followed; market_data.markets "
        "names them, or market_data.discover looks for them",
    ),
    "market gone": (
        {"market": None, "left_because": "it is closed"},
        "market KXA-26-Y is not followed any more: it is closed; choose one that trades",
    ),
    "market status": (
        {"market": market(status=MarketStatus.CLOSED)},
        "market KXA-26-Y is closed, not active; choose one that trades",
    ),
    "book_grade": (
        {"quality": a_quality(BookGrade.D, "lag 3.2 s", "3 faults in 600 s")},
        "book grade D, minimum C: lag 3.2 s; 3 faults in 600 s; wait until it is better, "
        "or lower risk.min_book_grade",
    ),
    "grid": (
        {"terms": terms(Side.BID, "0.505", 10)},
        "$0.5050 is not on the price grid of KXA-26-Y (0.0000-1.0000 by 0.0100); "
        "nearest are $0.5000 and $0.5100",
    ),
    "size": (
        {"terms": terms(Side.BID, "0.50", "100.01")},
        "100.01 contracts is more than risk.max_order_contracts = 100; "
        "ask for less or raise the limit",
    ),
    "fence": (
        {"unknown_here": 2},
        "2 order(s) of KXA-26-Y have an unknown outcome; the market is fenced, "
        "wait until they are found",
    ),
    "open_orders": (
        {"live_orders": 10},
        "10 orders are open and risk.max_open_orders = 10; cancel one first",
    ),
    "exposure": (
        {"exposure_after": dollars("1000.01")},
        "worst-case exposure would be $1000.01 and risk.max_exposure_dollars = $1000.00; "
        "reduce a position or cancel orders first",
    ),
    "book": (
        {"book": None, "quality": None},
        "no book of KXA-26-Y has been seen yet; wait for its first snapshot",
    ),
    "book that is empty": (
        {"book": a_book({}, {})},
        "the book of KXA-26-Y is empty and no trade was seen, so no price can be judged; "
        "wait for an order or a trade of somebody else",
    ),
    "order_group": (
        {
            "strategy_stopped": "strategy s is stopped: its orders traded more than 5 contracts within 15 s"
        },
        "strategy s is stopped: its orders traded more than 5 contracts within 15 s",
    ),
    "collar": (
        {"terms": terms(Side.BID, "0.71", 10)},
        "$0.7100 is $0.1600 through the other side ($0.5500) and "
        "risk.price_collar_dollars = $0.1500; price it nearer to the book",
    ),
    "collar by trade": (
        {
            "terms": terms(Side.ASK, "0.30", 10),
            "book": a_book({}, {"0.55": 100}),
            "last_trade": price("0.50"),
        },
        "$0.3000 is $0.2000 through the last trade ($0.5000) and "
        "risk.price_collar_dollars = $0.1500; price it nearer to the book",
    ),
    "collar by own side": (
        {"terms": terms(Side.BID, "0.70", 10), "book": a_book({"0.45": 100}, {})},
        "$0.7000 is $0.2500 through the best of its own side ($0.4500) and "
        "risk.price_collar_dollars = $0.1500; price it nearer to the book",
    ),
}
"""Rule (with a remark): what breaks it alone, and the sentence; in the order of the rules."""


def test_an_order_that_breaks_nothing_is_allowed():
    assert judge(proposal()) is None


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_says_what_number_broke_which_limit_and_what_to_do(name):
    changes, sentence = BROKEN[name]
    denied = judge(proposal(**changes))
    assert denied is not None
    assert (denied.rule, denied.sentence) == (name.split()[0], sentence)


def test_the_first_rule_in_order_is_the_one_that_answers():
    # Break all at once and mend one after the other: the rules answer in their order.
    everything = {
        "state": State.ERROR,
        "halt": halt("drill"),
        "paused": "lunch",
        "strategy_stopped": "strategy s is stopped",
        "venue_paused": "Thursday",
        "market": market(status=MarketStatus.CLOSED),
        "quality": a_quality(BookGrade.F, "a gap"),
        "terms": terms(Side.BID, "0.705", 101),
        "unknown_here": 1,
        "live_orders": 10,
        "exposure_after": dollars("2000"),
    }
    mended: list[tuple[str, dict[str, Any]]] = [
        ("state", {"state": State.ACTING}),
        ("halt", {"halt": None}),
        ("pause", {"paused": None}),
        ("order_group", {"strategy_stopped": None}),
        ("venue_pause", {"venue_paused": None}),
        ("market", {"market": market()}),
        ("book_grade", {"quality": a_quality(BookGrade.C, "lag 2.0 s")}),
        ("grid", {"terms": terms(Side.BID, "0.71", 101)}),
        ("size", {"terms": terms(Side.BID, "0.71", 100)}),
        ("fence", {"unknown_here": 0}),
        ("open_orders", {"live_orders": 9}),
        ("exposure", {"exposure_after": dollars("1000")}),
        ("collar", {"terms": terms(Side.BID, "0.70", 100)}),
    ]
    asked = proposal(**everything)
    for rule, mending in mended:
        denied = judge(asked)
        assert denied is not None
        assert denied.rule == rule
        asked = attrs.evolve(asked, **mending)
    assert judge(asked) is None
    # The rest say nothing while nothing bounds them; each is tested with the module that holds it.
    assert len(RULES) > len(mended)


@pytest.mark.parametrize(
    "conditions",
    [{"halt": halt()}, {"paused": "lunch"}, {"unknown_here": 1}],
    ids=["halt", "pause", "fence"],
)
def test_an_order_that_only_takes_risk_away_passes_what_stops_new_risk(conditions):
    selling = terms(Side.ASK, "0.50", 10)
    assert judge(proposal(terms=selling, position=contracts(10), **conditions)) is None
    buying = terms(Side.BID, "0.50", 10)
    assert judge(proposal(terms=buying, position=contracts(-10), **conditions)) is None
    for position, same_side in [(9, 0), (0, 0), (-10, 0), (15, 6)]:
        asked = proposal(
            terms=selling,
            position=contracts(position),
            same_side=contracts(same_side),
            **conditions,
        )
        assert judge(asked) is not None, (position, same_side)


@pytest.mark.parametrize("paused", ["venue_paused", "venue_paused_here"])
def test_while_the_exchange_pauses_even_a_reduction_waits(paused):
    selling = {"terms": terms(Side.ASK, "0.50", 10), "position": contracts(10)}
    denied = judge(proposal(**selling, **{paused: "Thursday"}))
    assert denied is not None
    assert denied.rule == "venue_pause"


def test_exposure_above_the_limit_may_be_lowered_but_not_raised():
    over = {"exposure_before": dollars("1200")}
    assert judge(proposal(exposure_after=dollars("1200"), **over)) is None
    assert judge(proposal(exposure_after=dollars("1100"), **over)) is None
    denied = judge(proposal(exposure_after=dollars("1200.01"), **over))
    assert denied is not None
    assert denied.rule == "exposure"


@pytest.mark.parametrize(
    ("side", "bids", "asks", "last_trade", "reference"),
    [
        (Side.BID, {"0.45": 1}, {"0.55": 1}, "0.20", "0.55"),
        (Side.ASK, {"0.45": 1}, {"0.55": 1}, "0.80", "0.45"),
        (Side.BID, {}, {"0.55": 1}, None, "0.55"),
        (Side.ASK, {"0.45": 1}, {}, None, "0.45"),
        (Side.BID, {"0.45": 1}, {}, "0.30", "0.30"),
        (Side.ASK, {}, {"0.55": 1}, "0.70", "0.70"),
        (Side.BID, {}, {}, "0.50", "0.50"),
        (Side.ASK, {}, {}, "0.50", "0.50"),
        (Side.BID, {"0.45": 1}, {}, None, "0.45"),
        (Side.ASK, {}, {"0.55": 1}, None, "0.55"),
    ],
)
def test_the_collar_bounds_how_far_a_price_goes_through_the_best_witness_of_it(
    side, bids, asks, last_trade, reference
):
    here = {
        "book": a_book(bids, asks),
        "last_trade": None if last_trade is None else price(last_trade),
    }
    through = [price("0.15"), price("0.16"), -price("0.20")]
    rules = []
    for distance in through:
        asked = attrs.evolve(terms(side), price=Price(price(reference) + side.sign * distance))
        denied = judge(proposal(terms=asked, **here))
        rules.append(None if denied is None else denied.rule)
    assert rules == [None, "collar", None]


def test_a_book_in_doubt_takes_no_new_risk_and_bounds_what_reduces_by_its_last_known_prices():
    book = a_book({"0.45": 1}, {"0.55": 1})
    book.invalidate(ev.BookFault.GAP, "a gap")
    doubtful = {"book": book, "quality": a_quality(BookGrade.F, "a gap")}
    denied = judge(proposal(terms=terms(Side.BID, "0.55", 1), **doubtful))
    assert denied is not None
    assert denied.rule == "book_grade"
    reducing = {"position": -contracts(5), **doubtful}
    assert judge(proposal(terms=terms(Side.BID, "0.55", 1), **reducing)) is None
    denied = judge(proposal(terms=terms(Side.BID, "0.90", 1), **reducing))
    assert denied is not None
    assert denied.rule == "collar"


def test_with_a_minimum_of_f_any_book_will_do():
    worst = a_quality(BookGrade.F, "a gap")
    assert judge(proposal(quality=worst, limits=some_limits(min_book_grade=BookGrade.F))) is None


@pytest.mark.parametrize("grade", [BookGrade.D, BookGrade.F])
def test_a_person_may_trade_on_a_book_that_no_strategy_may_and_nothing_else_is_forgiven(grade):
    doubtful = {"quality": a_quality(grade, "a gap"), "owner": OrderOwner.PERSON}
    assert judge(proposal(**doubtful)) is None
    for rule, (changes, sentence) in BROKEN.items():
        denied = judge(proposal(**{**doubtful, **changes}))
        if rule == "book_grade":
            assert denied is None
        else:
            assert denied is not None
            assert denied.sentence == sentence


def test_an_order_is_a_strategys_unless_somebody_says_that_it_is_a_persons():
    engine = ready_engine()
    tell(engine, delta(9, Side.BID, "0.46", 1))
    assert rule_of(engine) == "book_grade"
    assert engine.judge(terms(), attribution=Attribution(owner=OrderOwner.EXTERNAL)) is not None
    assert engine.judge(terms(), attribution=Attribution(owner=OrderOwner.PERSON)) is None


def test_the_engine_grades_the_book_at_the_moment_of_the_order():
    engine = ready_engine()
    heard = ev.LineObserved(at=second(9), connection=1, heard_at=second(9), clock_offset_ms=0)
    tell(engine, heard)
    assert engine.judge(terms(), now=second(10)) is None
    denied = engine.judge(terms(), now=second(40))
    assert denied is not None
    assert denied.rule == "book_grade"
    assert "book grade F, minimum C: line silent for 31.0 s" in denied.sentence


# --- the engine's own numbers ---------------------------------------------------------------------


def rule_of(engine: Engine, *asked: Any) -> str | None:
    denied = engine.judge(terms(*asked))
    return None if denied is None else denied.rule


def test_in_flight_unknown_and_resting_orders_all_count_as_open():
    engine = ready_engine(max_open_orders=3)
    tell(engine, intended("c1"), sent("c1"), accepted("c1", "x1"))
    tell(engine, intended("c2"), sent("c2"))
    assert rule_of(engine) is None
    tell(engine, intended("c3"))
    assert rule_of(engine) == "open_orders"
    tell(engine, sent("c3"), rejected("c3"))
    assert rule_of(engine) is None
    tell(engine, unknown("c2"), cancel_requested("x1"))
    tell(engine, intended("c4"))
    assert rule_of(engine, Side.ASK, "0.50", 1) == "fence"


def test_the_exposure_counts_an_order_from_its_intent_until_its_end_is_known():
    engine = ready_engine(max_exposure=dollars("6"))
    for event in (intended(), sent(), accepted(), cancel_requested()):
        tell(engine, event)
        assert rule_of(engine) == "exposure"
    tell(engine, filled("t1", 10))
    assert rule_of(engine) == "exposure"
    assert rule_of(engine, Side.ASK, "0.50", 10) is None


def test_fills_that_are_owed_count_against_the_next_order():
    engine = ready_engine(max_exposure=dollars("6"))
    tell(engine, intended(), sent(), accepted(filled=10, remaining=0))
    assert engine.orders.live() == ()
    assert rule_of(engine, Side.BID, "0.50", 2) == "exposure"
    assert rule_of(engine, Side.BID, "0.50", 1) is None


def test_reductions_of_other_markets_and_other_sides_do_not_use_up_a_reduction():
    engine = ready_engine()
    tell(engine, intended(), sent(), filled("t1", 10), halt())
    elsewhere = terms(Side.ASK, "0.50", 6, ticker=OTHER)
    tell(engine, intended("c2", elsewhere), intended("c3", terms(Side.BID, "0.49", 6)))
    assert rule_of(engine, Side.ASK, "0.50", 10) is None


def test_reductions_that_flip_the_position_together_are_new_risk():
    engine = ready_engine()
    tell(engine, intended(), sent(), filled("t1", 10), halt())
    assert rule_of(engine, Side.ASK, "0.50", 10) is None
    tell(engine, intended("c2", terms(Side.ASK, "0.50", 6)), sent("c2"), accepted("c2", "x2"))
    assert rule_of(engine, Side.ASK, "0.50", 5) == "halt"
    assert rule_of(engine, Side.ASK, "0.50", 4) is None


def test_a_position_that_was_carried_in_above_the_limit_can_be_reduced():
    engine = ready_engine(max_exposure=dollars("1"))
    engine.ledger.carry_in(position_record(20, exposure="9"), second(1))
    assert rule_of(engine, Side.ASK, "0.50", 20) is None
    assert rule_of(engine, Side.ASK, "0.50", 21) is None
    assert rule_of(engine, Side.ASK, "0.50", 60) == "exposure"
    assert rule_of(engine, Side.BID, "0.50", 1) == "exposure"


def test_a_market_halt_covers_its_market_only():
    engine = ready_engine()
    tell(engine, synced(sync_type="initial"), halt("m", ticker=TICKER))
    assert rule_of(engine) == "halt"
    assert engine.judge(terms(ticker=market().ticker)) is not None
    tell(engine, ev.HaltCleared(at=second(9), halt_id="m", author=ev.Author.PERSON))
    assert rule_of(engine) is None


def test_the_collar_asks_the_last_trade_that_was_seen():
    engine = ready_engine()
    tell(engine, snapshot(3, {"0.45": 1}, {}))
    assert rule_of(engine, Side.BID, "0.75", 1) == "collar"
    printed = ev.TradePrinted(
        trade_id=TradeId("p1"),
        ticker=TICKER,
        price=price("0.70"),
        count=contracts(1),
        taker_side=Side.BID,
        at=second(1),
    )
    tell(engine, printed)
    assert rule_of(engine, Side.BID, "0.75", 1) is None
    assert rule_of(engine, Side.BID, "0.86", 1) == "collar"


def test_a_market_that_the_exchange_paused_takes_no_orders_and_the_others_do():
    engine = ready_engine()
    tell(engine, ev.VenuePaused(at=second(1), sentence="halted", ticker=TICKER))
    assert rule_of(engine) == "venue_pause"
    assert engine.judge(terms(ticker=OTHER)) is None
    tell(engine, ev.VenueResumed(at=second(2), ticker=TICKER))
    assert rule_of(engine) is None


# --- the last look before an order leaves ---------------------------------------------------------

CONDITIONS: dict[str, tuple[ev.Event, str]] = {
    "halt": (halt(), "halt"),
    "market halt": (halt("m", ticker=TICKER), "halt"),
    "pause": (ev.TradingPaused(at=second(2), reason="lunch"), "pause"),
    "venue": (ev.VenuePaused(at=second(2), sentence="Thursday"), "venue_pause"),
    "market pause": (
        ev.VenuePaused(at=second(2), sentence="halted", ticker=TICKER),
        "venue_pause",
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_that_came_after_the_verdict_still_stops_an_intended_order(name):
    condition, rule = CONDITIONS[name]
    engine = ready_engine()
    tell(engine, intended())
    assert engine.judge_conditions(terms()) is None
    tell(engine, condition)
    denied = engine.judge_conditions(terms())
    assert denied is not None
    assert denied.rule == rule


def test_an_intended_order_does_not_leave_when_the_daemon_is_not_ready_any_more():
    engine = ready_engine()
    tell(engine, intended(), step(engine, FAILED, at=2))
    denied = engine.judge_conditions(terms())
    assert denied is not None
    assert denied.rule == "state"


def test_the_last_look_asks_for_conditions_only():
    engine = ready_engine(max_open_orders=1, max_exposure=dollars("6"))
    tell(engine, intended("c1"), sent("c1"), unknown("c1"), intended("c2"))
    assert rule_of(engine) == "fence"
    assert engine.judge_conditions(terms()) is None


def test_an_intended_reduction_does_not_count_against_itself_at_the_last_look():
    engine = ready_engine()
    selling = terms(Side.ASK, "0.50", 10)
    tell(engine, intended(), sent(), filled("t1", 10), intended("c2", selling), halt())
    assert engine.judge(selling) is not None
    assert engine.judge_conditions(selling) is None


def test_the_intent_that_is_left_out_at_the_last_look_is_that_of_the_same_terms():
    engine = ready_engine()
    six, four = terms(Side.ASK, "0.50", 6), terms(Side.ASK, "0.50", 4)
    tell(engine, intended(), sent(), filled("t1", 10))
    tell(engine, intended("c2", six), intended("c3", four), halt())
    assert engine.judge_conditions(six) is None
    assert engine.judge_conditions(four) is None


def test_other_orders_of_its_side_count_at_the_last_look_even_equal_ones():
    engine = ready_engine()
    selling = terms(Side.ASK, "0.50", 6)
    tell(engine, intended(), sent(), filled("t1", 10))
    tell(engine, intended("c2", selling), intended("c3", selling), halt())
    denied = engine.judge_conditions(selling)
    assert denied is not None
    assert denied.rule == "halt"
    tell(engine, not_placed("c2"))
    assert engine.judge_conditions(selling) is None


# --- any session ----------------------------------------------------------------------------------

MAX_OPEN, MAX_EXPOSURE = 4, dollars("12")


def within_limits(session: Session) -> None:
    """Assert the limits as the engine counts, and as the exchange would count."""
    engine = session.engine
    assert len(engine.orders.live()) <= MAX_OPEN
    fills = engine.ledger.recent_fills
    if all(engine.orders.get(fill.order_id) is not None for fill in fills):
        # A fill whose order is not known yet counts twice meanwhile: with the order, and as position.
        assert account_exposure(engine.ledger, engine.orders.at_risk(), None) <= MAX_EXPOSURE
    truly_open = [o for o in session.true_orders.values() if o.remaining]
    assert len(truly_open) <= MAX_OPEN
    assert true_exposure(session) <= MAX_EXPOSURE


def true_exposure(session: Session) -> Money:
    """Return the exposure of what the exchange knows, fills that we have not heard of included."""
    total = 0
    fills = {e.fill.trade_id: e.fill for e in session.news if isinstance(e, ev.OrderFilled)}
    for ticker in session.true_position:
        booked = session.engine.ledger.positions.get(ticker, Position(ticker))
        position = attrs.evolve(booked)
        for fill in fills.values():
            if fill.ticker == ticker and not session.engine.ledger.knows(
                fill.trade_id, fill.order_id
            ):
                position.apply(fill)
        assert position.count == session.true_position[ticker]
        legs: list[Leg] = [
            (o.terms.side, o.terms.price, Count(o.remaining))
            for o in session.true_orders.values()
            if o.terms.ticker == ticker and o.remaining
        ]
        total += market_exposure(position, legs)
    return Money(total)


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 80))
def test_no_interleaving_of_news_gets_past_the_limits(rng, steps):
    engine = ready_engine(max_open_orders=MAX_OPEN, max_exposure=MAX_EXPOSURE)
    tell(engine, synced(sync_type="initial", started=1))
    session = Session(rng, engine)
    session.run(steps, watch=within_limits)
    placed = [e for e in session.lived if isinstance(e, ev.OrderIntended)]
    assert len(placed) + sum(engine.denials.values()) >= len(session.true_orders)


def test_nothing_reduces_a_position_that_the_exchange_contradicts():
    known = proposal(position=Count(500), terms=terms(Side.ASK, "0.50", 3))
    assert known.reduces
    assert not attrs.evolve(known, position_in_doubt=True).reduces


def closing(**changes: Any) -> Proposal:
    """Return a person's order that closes a part of what is held, in a market that every rule of its price refuses."""
    sell = attrs.evolve(
        terms(Side.ASK, "0.40", 4),
        time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
        reduce_only=True,
    )
    stopped = halt(f"{EXECUTIONS_HALT}demo", reason="too many")
    plain: dict[str, Any] = {
        "terms": sell,
        "owner": OrderOwner.PERSON,
        "position": contracts(10),
        "same_side": contracts(6),
        "live_orders": 10_000,
        "engine_orders": 10_000,
        "strategy_stopped": "its group was triggered",
        "strategy_halt": stopped,
        "last_trade": price("0.90"),
        "limits": some_limits(
            max_engine_open_orders=1,
            min_price=price("0.45"),
            mid_collar=price("0.01"),
            last_collar=price("0.01"),
        ),
    }
    return proposal(**plain | changes)


def test_what_can_only_close_passes_the_rules_against_slips_crowds_and_repetition():
    assert judge(closing()) is None
    by_strategy = closing(owner=OrderOwner.STRATEGY, closable=contracts(4))
    assert by_strategy.only_closes


@pytest.mark.parametrize(
    "changes",
    [
        {"position": contracts(9)},
        {"position": contracts(-10)},
        {"same_side": contracts(7)},
        {"position_in_doubt": True},
        {"owner": OrderOwner.STRATEGY, "closable": contracts(3)},
        {"owner": OrderOwner.STRATEGY},
    ],
    ids=["too much", "adds", "others close it", "in doubt", "another's", "nobody's"],
)
def test_the_callers_word_that_it_only_closes_is_not_enough(changes):
    denied = judge(closing(**changes))
    assert denied is not None
    assert denied.rule == "executions"


def test_the_exchange_must_have_been_told_as_well():
    asked = closing()
    untold = attrs.evolve(asked.terms, reduce_only=False)
    denied = judge(attrs.evolve(asked, terms=untold))
    assert denied is not None
    assert denied.rule == "executions"


def test_the_worst_price_that_a_person_named_stands_for_the_collar_only_of_what_closes():
    far = attrs.evolve(closing().terms, price=price("0.05"))
    denied = judge(closing(terms=far))
    assert denied is not None
    assert denied.rule == "collar"
    assert judge(closing(terms=far, price_is_worst=True)) is None
    assert judge(closing(terms=far, price_is_worst=True, same_side=contracts(9))) is not None


def test_a_price_below_the_grid_has_one_nearest_price():
    denied = judge(proposal(terms=terms(Side.BID, "0.0050", 10)))
    assert denied is not None
    assert denied.sentence.endswith("; nearest is $0.0100")


def test_the_kill_switch_stops_reductions_too_and_names_who_pulled_it():
    """Control C12."""
    killed = halt(KILL_HALT, reason="odd prices")
    for held in (0, -10):
        denied = judge(proposal(halt=killed, position=contracts(held)))
        assert (denied.rule, denied.control) == ("kill", "C12")
        assert "the kill switch was pulled by person: odd prices; nothing but cancels leaves" in (
            denied.sentence
        )
    # Any other halt lets pass what only takes a position away.
    assert judge(proposal(halt=halt("drill"), position=contracts(-10))) is None


def test_an_event_that_is_restricted_restricts_its_markets_whatever_they_are_called():
    """Control C16."""
    elsewhere = attrs.evolve(market(), event_ticker=EventTicker("KXOTHER-26"))
    listed = attrs.evolve(some_limits(), restricted=("KXOTHER",))
    denied = judge(proposal(limits=listed, market=elsewhere))
    assert (denied.rule, denied.limit) == ("restricted", "KXOTHER")
    assert judge(proposal(limits=listed)) is None


def test_a_ticker_in_small_letters_is_answered_with_the_one_that_is_meant():
    small = MarketTicker(TICKER.lower())
    denied = judge(proposal(terms=terms(ticker=small), market=None))
    assert f"did you mean {TICKER}?" in denied.sentence
    unknown_here = judge(proposal(terms=terms(ticker=MarketTicker("KXELSE-26-A")), market=None))
    assert "`traderd markets` lists those that are followed" in unknown_here.sentence
