"""Invariants that stay on: each test breaks the state, and sees the halt name what, the figures and the cure."""

import pytest

from tests.core.builders import (
    OTHER,
    TICKER,
    accepted,
    cleared,
    contracts,
    filled,
    intended,
    position_record,
    ready_engine,
    second,
    sent,
    synced,
    tell,
    terms,
)
from tests.core.histories import history
from traderd.core import invariants, ledger
from traderd.core.engine import Engine
from traderd.core.order_life import LIFE
from traderd.model import events as ev
from traderd.model.orders import OrderStatus as S
from traderd.model.orders import Side
from traderd.model.units import Count


def look(engine: Engine, at: float = 200) -> list[ev.HaltRaised]:
    told = tell(engine, ev.ProfitMarked(at=second(at)))
    return [event for event in told if isinstance(event, ev.HaltRaised)]


@pytest.fixture
def engine() -> Engine:
    engine = ready_engine()
    tell(engine, intended(), sent(), accepted(), filled(count=4))
    return engine


def test_a_sound_state_halts_nothing(engine):
    tell(engine, synced(position_record(4)), filled("t2", 2))
    assert look(engine) == []
    assert engine.conditions.halts == {}


@pytest.mark.parametrize("seed", range(30))
def test_no_random_history_halts_anything(seed):
    engine = ready_engine()
    for event in history(seed, 600):
        if isinstance(event, ev.StateChanged):
            continue
        for follow in engine.apply(event) or ():
            engine.apply(follow)
    tell(engine, ev.ProfitMarked(at=second(10_000)))
    names = [name for name in engine.conditions.halts if name.startswith("invariant")]
    assert names == []


def test_a_position_that_its_fills_do_not_make_halts_at_the_next_fill(engine):
    """I11."""
    engine.ledger.positions[TICKER].count = contracts(9)
    (halt,) = [e for e in tell(engine, filled("t2", 1)) if isinstance(e, ev.HaltRaised)]
    assert halt.halt_id == "invariant:I11"
    assert halt.reason.startswith(
        f"invariant I11 does not hold: the fills of {TICKER} make +10 contracts for the account, and +5 for "
        "those who asked; "
    )
    assert "`traderd reconcile`" in halt.reason
    assert engine.judge(terms()).rule == "halt"


def test_a_position_of_another_market_is_found_at_the_next_look(engine):
    tell(engine, filled("t2", 3, order_id="x2", ticker=OTHER))
    engine.ledger.strategies._waiting.clear()
    (halt,) = look(engine)
    assert f"{OTHER} make +3 contracts for the account, and 0 for" in halt.reason


def test_one_halt_stands_for_all_until_a_person_clears_it(engine):
    engine.ledger.positions[TICKER].count = contracts(9)
    assert len(look(engine)) == 1
    assert look(engine) == []
    tell(engine, cleared("invariant:I11"))
    assert len(look(engine)) == 1


def test_what_a_person_or_a_first_reading_carried_in_is_no_fill():
    engine = ready_engine()
    tell(engine, synced(position_record(7, ticker=OTHER), sync_type="initial"))
    assert engine.ledger.positions[OTHER].carried_in == contracts(7)
    assert look(engine) == []


def test_a_cap_that_is_passed_halts_with_both_numbers(engine, monkeypatch):
    """I19."""
    monkeypatch.setattr(ledger, "FILL_IDS_KEPT_MAX", 2)
    for number in range(3):
        engine.ledger._seen[f"t{number}x", "o"] = None
    (halt,) = look(engine)
    assert halt.halt_id == "invariant:I19"
    assert "4 ids of fills are kept, and 2 is the cap" in halt.reason


def test_every_bounded_collection_of_private_facts_has_its_cap_watched(engine):
    names = {
        name
        for part in (engine.orders, engine.ledger, engine.ledger.strategies)
        for name, _, _ in part.sizes()
    }
    assert len(names) == 7


def test_a_time_that_goes_back_halts(engine):
    """I20."""
    assert look(engine, 300) == []
    (halt,) = look(engine, 299.5)
    assert halt.halt_id == "invariant:I20"
    assert "the daemon's time went back by 0.500 s" in halt.reason


@pytest.mark.parametrize("what", ["reading", "state", "book"])
def test_an_age_that_would_be_negative_halts(engine, what):
    """I20."""
    tell(engine, synced(position_record(4), sync_type="initial", started=100))
    if what == "reading":
        engine.account.read_at = second(201)
        words = "the reading of the account is of a time 1.000 s ahead"
    elif what == "state":
        engine.state_since = second(202)
        words = "the state is of a time 2.000 s ahead"
    else:
        engine.market_data.books[TICKER].updated_at = second(203)
        words = f"the book of {TICKER} is of a time 3.000 s ahead"
    (halt,) = look(engine, 200)
    assert words in halt.reason


def test_a_reading_of_an_earlier_run_whose_clock_was_ahead_is_none_of_this_runs_ages(engine):
    engine.account.read_at, engine.account.first_reading = second(900), True
    assert look(engine) == []


def test_a_step_of_an_order_that_no_table_has_halts(engine):
    """I6."""
    step = ev.OrderChanged(at=second(9), key="c1", status=S.SENT, previous=S.EXECUTED)
    (halt,) = [e for e in tell(engine, step) if isinstance(e, ev.HaltRaised)]
    assert halt.halt_id == "invariant:I6"
    assert "order c1 went from executed to sent" in halt.reason


def test_every_step_of_the_table_is_allowed_and_few_others():
    assert {(before, now) for (before, _), now in LIFE.items()} <= invariants.ORDER_STEPS
    assert (S.REJECTED, S.INTENT) not in invariants.ORDER_STEPS
    assert (S.EXECUTED, S.RESTING) not in invariants.ORDER_STEPS
    assert len(invariants.ORDER_STEPS) < len(S) ** 2 / 2


def test_a_replay_halts_nothing(engine):
    engine.recovering = True
    engine.ledger.positions[TICKER].count = Count(900)
    assert look(engine) == []


def test_market_data_never_runs_a_check():
    kinds = invariants._Watch(ready_engine()).table()
    assert set(kinds) == {ev.OrderChanged, ev.OrderFilled, ev.AccountSynced, ev.ProfitMarked}


def test_more_positions_than_are_kept_that_become_flat_at_once_halt_nothing(monkeypatch):
    """I19: beyond 10,000 markets an end of the day must not stop the account."""
    monkeypatch.setattr(ledger, "POSITIONS_KEPT_MAX", 3)
    engine = ready_engine()
    tickers = [f"M{number}" for number in range(9)]
    for number, ticker in enumerate(tickers):
        tell(engine, filled("a", 5, order_id=f"x{number}", ticker=ticker, at=3))
    assert look(engine) == []
    assert len(engine.ledger.positions) == 9
    for number, ticker in enumerate(tickers):
        sold = {"order_id": f"y{number}", "side": Side.ASK}
        tell(engine, filled("b", 5, ticker=ticker, at=4, **sold))
    assert look(engine) == []
    assert list(engine.ledger.positions) == ["M6", "M7", "M8"]


def test_a_carried_in_position_that_left_memory_and_is_traded_again_halts_nothing(monkeypatch):
    """I11: the account's book is begun anew, that of who closed it is not."""
    monkeypatch.setattr(ledger, "POSITIONS_KEPT_MAX", 1)
    engine = ready_engine()
    tell(engine, synced(position_record(7, ticker=OTHER), sync_type="initial"))
    closed = {"order_id": "x1", "side": Side.ASK, "ticker": OTHER}
    tell(engine, filled("a", 7, at=3, **closed))
    assert engine.ledger.positions[OTHER].count == 0
    for number in range(3):
        for side in (Side.BID, Side.ASK):
            one = {"order_id": f"{side.value}{number}", "side": side}
            tell(engine, filled("c", 1, ticker=f"M{number}", at=4, **one))
    assert OTHER not in engine.ledger.positions
    tell(engine, filled("d", 2, order_id="x2", ticker=OTHER, at=5))
    assert dict(engine.conditions.halts) == {}
    assert look(engine) == []
    assert engine.ledger.positions[OTHER].count == contracts(2)
    # And what is not made of fills still is found.
    engine.ledger.positions[OTHER].count = contracts(1)
    assert look(engine)[0].halt_id == "invariant:I11"
