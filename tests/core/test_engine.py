"""The one fold: the breaker, the states, and a journal that gives the same state back."""

import typing
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.builders import (
    ACTING,
    BOOKS,
    CLIENT,
    FAILED,
    INITIALIZING,
    PERSON,
    READY,
    SHUTDOWN,
    SYNC,
    TICKER,
    S,
    accepted,
    cancel_acknowledged,
    cancel_failed,
    cancel_requested,
    cleared,
    climb,
    contracts,
    delta,
    filled,
    halt,
    intended,
    kinds,
    limits,
    not_placed,
    price,
    ready_engine,
    rejected,
    reported,
    second,
    sent,
    step,
    synced,
    tell,
    terms,
    unknown,
    vanished,
)
from tests.core.sessions import Session
from traderd.core.conditions import BREAKER_HALT
from traderd.core.engine import ORDINARY_REJECTIONS, TRANSITIONS_KEPT, Engine
from traderd.core.orders import Order
from traderd.errors import IllegalTransition
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.model.states import State

# --- what follows ---------------------------------------------------------------------------------


def test_an_orders_life_as_a_transcript():
    engine = ready_engine()
    told = tell(
        engine,
        intended(),
        sent(),
        accepted(),
        filled("t1", 4, fee="0.07"),
        cancel_requested(),
        cancel_acknowledged(reduced=6),
        reported(S.CANCELED, 4),
    )
    assert kinds(told) == [
        *("OrderIntended", "OrderChanged"),
        *("OrderSent", "OrderChanged"),
        *("OrderAccepted", "OrderChanged"),
        *("OrderFilled", "OrderChanged", "PositionChanged"),
        *("CancelRequested", "OrderChanged"),
        "CancelAcknowledged",
        *("OrderReported", "OrderChanged"),
    ]
    changed = next(event for event in told if isinstance(event, ev.PositionChanged))
    assert changed == ev.PositionChanged(
        at=second(3),
        ticker=TICKER,
        count=contracts(4),
        average_cost=price("0.50"),
        realized_pnl=0,
        fees_paid=70_000,
    )


def test_a_fill_that_is_told_again_changes_nothing_and_nothing_follows():
    engine = ready_engine()
    tell(engine, intended(), sent(), filled("t1", 4))
    assert kinds(tell(engine, filled("t1", 4))) == ["OrderFilled"]
    assert engine.ledger.positions[TICKER].count == contracts(4)


@pytest.mark.parametrize(
    "news",
    [
        sent(),
        accepted(),
        rejected(),
        unknown(),
        not_placed(),
        vanished(),
        cancel_requested(),
        cancel_acknowledged(),
        cancel_failed(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_news_of_an_order_that_is_forgotten_changes_nothing(news):
    engine = ready_engine()
    assert kinds(tell(engine, news)) == [type(news).__name__]
    assert list(engine.orders.recent()) == []


@pytest.mark.parametrize("kind", typing.get_args(ev.Event))
def test_every_event_that_the_journal_keeps_is_folded(kind):
    only_follow = {
        ev.FramesMissed,
        ev.BookInvalidated,
        ev.BookRestored,
        ev.BookChanged,
        ev.BookGraded,
        ev.PositionChanged,
        ev.FeeDiffered,
    }
    # For people alone: which code traded when, and that the loop still turns.
    only_told = {ev.TradingStateUpdated, ev.PluginChanged, ev.ProgressProbed}
    folded = kind in Engine(limits=limits())._folds
    assert folded == (kind not in only_follow | only_told)
    assert folded or kind not in ev.JOURNALED or kind is ev.PluginChanged


def test_denials_are_counted_by_rule():
    engine = ready_engine()
    for rule in ("size", "exposure", "size"):
        denial = ev.OrderDenied(
            at=second(1), terms=terms(), attribution=PERSON, rule=rule, sentence="no"
        )
        tell(engine, denial)
    assert engine.denials == {"size": 2, "exposure": 1}


def test_conditions_come_and_go():
    engine = ready_engine()
    tell(
        engine,
        ev.TradingPaused(at=second(1), reason="lunch"),
        ev.VenuePaused(at=second(1), sentence="Thursday"),
        ev.DegradedRaised(at=second(1), part="books", reason="503"),
    )
    conditions = engine.conditions
    assert (conditions.paused, conditions.venue_paused) == ("lunch", "Thursday")
    assert conditions.degraded == {"books": "503"}
    tell(
        engine,
        ev.TradingResumed(at=second(2)),
        ev.VenueResumed(at=second(2)),
        ev.DegradedCleared(at=second(2), part="books"),
        ev.DegradedCleared(at=second(2), part="never raised"),
    )
    assert (conditions.paused, conditions.venue_paused, conditions.degraded) == (None, None, {})


def test_services_health_and_refused_frames_are_remembered():
    engine = ready_engine()
    service = ev.ServiceChanged(at=second(1), name="web", status="running", detail="")
    health = ev.HealthChecked(at=second(2), healthy=False, problems=("books",))
    refused = ev.FrameRefused(
        at=second(3), feed=ev.FeedName.PRIVATE, kind="fill", reason="no count"
    )
    tell(engine, service, health, refused)
    assert (engine.services, engine.health) == ({"web": service}, health)
    assert engine.market_data.drift.refused == 1


def test_a_private_frame_that_is_not_understood_halts_once_until_a_person_has_looked():
    engine = ready_engine()
    refused = ev.FrameRefused(
        at=second(3),
        feed=ev.FeedName.PRIVATE,
        kind="fill",
        reason="Object missing required field `count_fp` - at `$.msg`",
        drift=ev.Drift.MISSING_FIELD,
        where="msg.count_fp",
    )
    assert kinds(tell(engine, refused)) == ["FrameRefused", "HaltRaised"]
    halt = engine.conditions.halts["drift:fill"]
    assert "traderd clear-halt drift:fill" in halt.reason
    denied = engine.judge(terms())
    assert denied is not None
    assert denied.rule == "halt"
    assert kinds(tell(engine, refused)) == ["FrameRefused"]
    tell(engine, ev.HaltCleared(at=second(4), halt_id="drift:fill", author=ev.Author.PERSON))
    assert engine.judge(terms()) is None
    assert kinds(tell(engine, refused)) == ["FrameRefused", "HaltRaised"]


def test_market_data_goes_to_its_book():
    engine = ready_engine()
    tell(engine, delta(3, Side.BID, "0.46", 2))
    assert engine.market_data.books[TICKER].size_at(Side.BID, price("0.46")) == contracts(2)


# --- the breaker ----------------------------------------------------------------------------------


def fail(engine: Engine, number: int, code: str = "bad_request") -> list[ev.Event]:
    key = f"c{number}"
    return tell(engine, intended(key), sent(key), rejected(key, code))


def test_the_breaker_trips_after_five_errors_in_a_row_and_only_then():
    engine = ready_engine()
    for number in range(4):
        assert "HaltRaised" not in kinds(fail(engine, number))
        assert engine.judge(terms()) is None
    told = tell(engine, intended("c9"), sent("c9"), unknown("c9"))
    assert kinds(told)[-1] == "HaltRaised"
    assert list(engine.conditions.halts) == [BREAKER_HALT]
    denied = engine.judge(terms())
    assert denied is not None
    assert denied.sentence == (
        "halt 'breaker' by machine: 5 order errors in a row, the last: no answer in 5 s; "
        "`traderd clear-halt breaker` ends it"
    )
    assert "HaltRaised" not in kinds(fail(engine, 10))


@pytest.mark.parametrize("code", sorted(ORDINARY_REJECTIONS))
def test_rejections_that_belong_to_the_trade_neither_count_nor_end_a_row(code):
    engine = ready_engine()
    for number in range(4):
        fail(engine, number)
    for number in range(10, 20):
        assert "HaltRaised" not in kinds(fail(engine, number, code))
    assert "HaltRaised" in kinds(fail(engine, 5))


def test_an_accepted_order_ends_the_row():
    engine = ready_engine()
    for number in range(4):
        fail(engine, number)
    tell(engine, intended("s"), sent("s"), accepted("s", "x9"))
    for number in range(10, 14):
        assert "HaltRaised" not in kinds(fail(engine, number))
    assert "HaltRaised" in kinds(fail(engine, 14))


def test_a_cancel_that_went_well_does_not_end_the_row():
    engine = ready_engine()
    tell(engine, intended("s"), sent("s"), accepted("s", "x9"))
    for number in range(4):
        fail(engine, number)
    tell(engine, cancel_requested("x9"), cancel_acknowledged("x9"), reported(S.CANCELED, 0))
    assert "HaltRaised" in kinds(fail(engine, 14))


def test_old_errors_do_not_trip_the_breaker_while_the_journal_is_replayed():
    engine = Engine(limits=limits())
    for number in range(9):
        assert "HaltRaised" not in kinds(fail(engine, number))
    tell(engine, intended("s"), sent("s"), accepted("s", "x9"))
    engine.begin_run()
    for number in range(10, 14):
        assert "HaltRaised" not in kinds(fail(engine, number))
    assert "HaltRaised" in kinds(fail(engine, 14))


def test_a_crash_does_not_end_a_row_of_errors():
    engine = Engine(limits=limits(breaker_errors=5))
    for number in range(4):
        fail(engine, number)
    engine.begin_run()
    assert "HaltRaised" in kinds(fail(engine, 10))


def test_orders_of_one_request_are_one_error_for_the_breaker():
    engine = ready_engine(breaker_errors=2)
    for number in range(5):
        lost = attrs.evolve(unknown(f"b{number}"), is_counted=number == 0)
        tell(engine, intended(f"b{number}"), sent(f"b{number}"), lost)
    assert engine.conditions.consecutive_errors == 1
    assert engine.risk.errors.errors == 1
    refused = attrs.evolve(rejected("b9"), is_counted=False)
    tell(engine, intended("b9"), sent("b9"), refused)
    assert (engine.conditions.consecutive_errors, engine.risk.errors.errors) == (1, 1)


def test_a_tripped_breaker_stays_tripped_over_a_restart_until_a_person_resets_it():
    lived, restarted = ready_engine(), Engine(limits=limits())
    story = [event for number in range(5) for event in fail(lived, number)]
    for event in story:
        if isinstance(event, ev.JOURNALED):
            restarted.apply(event)
    restarted.begin_run()
    tell(restarted, cleared(BREAKER_HALT, ev.Author.MACHINE))
    assert list(restarted.conditions.halts) == [BREAKER_HALT]
    tell(restarted, cleared(BREAKER_HALT, ev.Author.PERSON))
    assert restarted.conditions.halts == {}


def test_a_persons_halt_is_not_cleared_by_a_machine():
    engine = ready_engine()
    tell(engine, halt("h1"), cleared("h1", ev.Author.MACHINE))
    assert list(engine.conditions.halts) == ["h1"]
    tell(engine, cleared("h1", ev.Author.PERSON))
    assert engine.conditions.halts == {}


# --- states ---------------------------------------------------------------------------------------


def test_the_way_up_and_the_work_and_the_end():
    engine = Engine(limits=limits())
    engine.begin_run()
    climb(engine)
    for at, metadata in enumerate((ACTING, READY, FAILED, SYNC, READY, SHUTDOWN), start=1):
        tell(engine, step(engine, metadata, at=at))
    assert [event.to_state.value for event in engine.transitions] == [
        *("initializing", "orderbook_connect", "trading_client_connect", "kalshi_data_sync"),
        *("ready", "acting", "ready", "error", "kalshi_data_sync", "ready", "shutdown"),
    ]
    assert (engine.state, engine.state_since) == (State.SHUTDOWN, second(6))


@pytest.mark.parametrize("recovering", [True, False])
@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata": ACTING, "to_state": State.ACTING},
        {"from_state": State.READY},
        {"from_state": State.STARTUP, "metadata": READY, "to_state": State.READY},
        {"to_state": State.READY},
    ],
    ids=["not in the table", "not from here", "not from the start", "not where it leads"],
)
def test_an_illegal_step_raises_and_changes_nothing(wrong, recovering):
    engine = Engine(limits=limits())
    engine.recovering = recovering
    for metadata in (INITIALIZING, BOOKS):
        tell(engine, step(engine, metadata, at=1))
    right: dict[str, Any] = {
        "at": second(9),
        "from_state": State.ORDERBOOK_CONNECT,
        "to_state": State.TRADING_CLIENT_CONNECT,
        "context": "test",
        "metadata": CLIENT,
    }
    with pytest.raises(IllegalTransition):
        tell(engine, ev.StateChanged(**right | wrong))
    assert (engine.state, engine.state_since) == (State.ORDERBOOK_CONNECT, second(1))
    assert len(engine.transitions) == 2
    tell(engine, ev.StateChanged(**right))
    assert engine.state is State.TRADING_CLIENT_CONNECT


def test_the_history_of_states_is_bounded():
    assert TRANSITIONS_KEPT == 50
    engine = ready_engine()
    for at in range(100):
        for metadata in (FAILED, SYNC, READY):
            tell(engine, step(engine, metadata, at=at))
    assert len(engine.transitions) == len(engine.left_since) == TRANSITIONS_KEPT
    assert engine.transitions[-1].at == second(99)


def test_of_round_trips_to_acting_in_a_row_only_the_last_is_kept():
    engine = ready_engine()
    way_up = list(engine.transitions)
    for at in range(1, 101):
        tell(engine, step(engine, ACTING, at=at))
        tell(engine, step(engine, READY, at=at + 0.5))
    assert list(engine.transitions)[:-2] == way_up
    assert [event.at for event in engine.transitions][-2:] == [second(100), second(100.5)]
    assert list(engine.left_since)[-2:] == [second(99.5), second(100)]
    assert engine.state_since == second(0), (
        "a command that runs does not make the daemon less ready"
    )


def test_a_new_run_starts_at_the_start_whatever_the_last_one_ended_in():
    engine = Engine(limits=limits())
    tell(engine, step(engine, INITIALIZING), step(Engine(limits=limits()), INITIALIZING))
    assert engine.state is State.INITIALIZING
    engine.begin_run()
    assert (engine.state, engine.state_since) == (State.STARTUP, None)
    assert len(engine.transitions) == 2
    tell(engine, step(engine, INITIALIZING))
    with pytest.raises(IllegalTransition):
        tell(engine, step(Engine(limits=limits()), INITIALIZING))


# --- the journal ----------------------------------------------------------------------------------


def private_state(engine: Engine) -> dict[str, Any]:
    """Return everything that must survive a restart, as plain values."""
    order_fields = [name for name in Order.__slots__ if name != "__weakref__"]
    ledger = engine.ledger
    return {
        "orders": [
            {name: getattr(order, name) for name in order_fields}
            for order in engine.orders.recent()
        ],
        "live": [order.key for order in engine.orders.live()],
        "at risk": [(order.key, order.at_risk) for order in engine.orders.at_risk()],
        "positions": {
            ticker: (p.count, p.cost, p.realized_pnl, p.fees_paid, p.carried_in, p.last_fill_at)
            for ticker, p in ledger.positions.items()
        },
        "fills": (list(ledger.recent_fills), ledger.cash_flow, ledger.latest_fill_at),
        "halts": engine.conditions.halts,
        "paused": engine.conditions.paused,
        "state": (
            State.READY if engine.state is State.ACTING else engine.state,
            engine.state_since,
            # The journal leaves steps to and from `acting` out, and both histories are bounded.
            [
                step
                for step in engine.transitions
                if {step.from_state, step.to_state} != {State.READY, State.ACTING}
            ][-10:],
        ),
        "first reading": engine.account.first_reading,
        "known before": engine.account.known_before,
        "may carry in": engine.account.may_carry_in,
    }


def replay(journal: list[ev.Event]) -> Engine:
    engine = Engine(limits=limits())
    for event in journal:
        engine.apply(event)
    return engine


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 80))
def test_the_journal_of_any_session_gives_the_same_private_state_back(rng, steps):
    engine = ready_engine()
    session = Session(rng, engine, careless=True)
    session.journal += engine.transitions
    session.run(steps, watch=lambda _: None)
    assert private_state(replay(session.journal)) == private_state(engine)


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 80))
def test_when_all_news_has_arrived_the_engine_believes_what_is_true(rng, steps):
    engine = ready_engine()
    tell(engine, synced(sync_type="initial", started=1))
    session = Session(rng, engine)
    session.run(steps, watch=lambda _: None)
    for true in session.true_orders.values():
        order = engine.orders.get(true.order_id)
        assert order is not None
        assert (order.status.is_live, order.filled) == (true.status.is_live, true.filled)
        assert order.owed == 0
    for ticker, count in session.true_position.items():
        found = engine.ledger.positions.get(ticker)
        assert (0 if found is None else found.count) == count
    live = {order.order_id for order in engine.orders.live()}
    assert live == {o.order_id for o in session.true_orders.values() if o.status.is_live}
    # A halt that only a mismatch raised ends with the next reading.
    session.clock += 100
    session.read_the_account()
    assert not any(name.startswith("position:") for name in engine.conditions.halts)
