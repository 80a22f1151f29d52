"""Halts, who may clear them, and the breaker."""

import pytest

from tests.core.builders import OTHER, TICKER, cleared, halt, second
from traderd.core.conditions import (
    BREAKER_HALT,
    KILL_HALT,
    Conditions,
    scope_words,
    venue_pause_words,
)
from traderd.model.events import (
    Author,
    HaltRaised,
    TradingPaused,
    TradingResumed,
    VenuePaused,
    VenueResumed,
)
from traderd.model.ids import StrategyName

PERSON, MACHINE = Author.PERSON, Author.MACHINE


def tripped(limit: int = 5) -> tuple[Conditions, HaltRaised]:
    conditions = Conditions(breaker_limit=limit)
    for number in range(1, limit):
        assert conditions.count_order_error(second(number), f"error {number}") is None
    raised = conditions.count_order_error(second(limit), f"error {limit}")
    assert raised is not None
    return conditions, raised


@pytest.mark.parametrize(
    ("halt_id", "raised_by", "cleared_by", "ends"),
    [
        ("h1", PERSON, PERSON, True),
        ("h1", PERSON, MACHINE, False),
        ("h1", MACHINE, PERSON, True),
        ("h1", MACHINE, MACHINE, True),
        (BREAKER_HALT, MACHINE, MACHINE, False),
        (BREAKER_HALT, MACHINE, PERSON, True),
    ],
)
def test_a_persons_halt_and_the_breakers_are_cleared_only_by_a_person(
    halt_id, raised_by, cleared_by, ends
):
    conditions = Conditions(breaker_limit=5)
    conditions.raise_halt(halt(halt_id, raised_by))
    assert conditions.clear_halt(cleared(halt_id, cleared_by)) is ends
    assert (halt_id not in conditions.halts) is ends


def test_a_halt_that_is_not_there_cannot_be_cleared():
    assert not Conditions(breaker_limit=5).clear_halt(cleared("h1"))


def test_the_first_reason_of_a_halt_stays_readable():
    conditions = Conditions(breaker_limit=5)
    conditions.raise_halt(halt("h1", PERSON, reason="first"))
    conditions.raise_halt(halt("h1", MACHINE, reason="second"))
    assert conditions.halts["h1"].reason == "first"
    assert not conditions.clear_halt(cleared("h1", MACHINE))


def test_a_halt_of_the_account_covers_every_market_and_one_of_a_market_only_its_own():
    conditions = Conditions(breaker_limit=5)
    conditions.raise_halt(halt("m", ticker=TICKER))
    assert conditions.halt_for(TICKER) is conditions.halts["m"]
    assert conditions.halt_for(OTHER) is None
    conditions.raise_halt(halt("all"))
    assert conditions.halt_for(OTHER) is conditions.halts["all"]


def test_the_breaker_trips_at_the_limit_and_names_the_last_error():
    conditions, raised = tripped()
    assert (raised.halt_id, raised.author, raised.ticker) == (BREAKER_HALT, MACHINE, None)
    assert raised.reason == "5 order errors in a row, the last: error 5"
    assert raised.at == second(5)
    assert conditions.halts == {}, "raising it is the caller's, so that everybody hears of it"


def test_a_success_begins_a_new_row():
    conditions = Conditions(breaker_limit=2)
    assert conditions.count_order_error(second(1), "one") is None
    conditions.count_order_success()
    assert conditions.count_order_error(second(2), "one") is None
    assert conditions.count_order_error(second(3), "two") is not None


def test_the_breaker_trips_once_until_a_person_resets_it():
    conditions, raised = tripped(2)
    conditions.raise_halt(raised)
    assert conditions.count_order_error(second(9), "again") is None
    assert conditions.clear_halt(cleared(BREAKER_HALT))
    assert conditions.consecutive_errors == 0
    assert conditions.count_order_error(second(10), "one") is None
    assert conditions.count_order_error(second(11), "two") is not None


def test_a_market_that_the_exchange_paused_is_apart_from_the_exchange():
    conditions = Conditions(breaker_limit=5)
    conditions.pause_venue(VenuePaused(at=second(1), sentence="market halted", ticker=TICKER))
    assert conditions.venue_paused is None
    assert conditions.markets_paused == {TICKER: ("market halted", second(1))}
    conditions.pause_venue(VenuePaused(at=second(2), sentence="Thursday"))
    conditions.resume_venue(VenueResumed(at=second(3)))
    assert (conditions.venue_paused, list(conditions.markets_paused)) == (None, [TICKER])
    conditions.resume_venue(VenueResumed(at=second(4), ticker=OTHER))
    assert list(conditions.markets_paused) == [TICKER]
    conditions.resume_venue(VenueResumed(at=second(5), ticker=TICKER))
    assert conditions.markets_paused == {}


def test_the_last_word_on_a_paused_market_counts():
    conditions = Conditions(breaker_limit=5)
    for at in (1, 9):
        paused = VenuePaused(at=second(at), sentence=f"word {at}", ticker=TICKER)
        conditions.pause_venue(paused)
    assert conditions.markets_paused == {TICKER: ("word 9", second(9))}


def test_the_kill_switch_is_ended_by_a_person_only_and_covers_everything():
    conditions = Conditions(breaker_limit=5)
    conditions.raise_halt(halt("m", ticker=TICKER))
    conditions.raise_halt(halt(KILL_HALT, MACHINE))
    assert conditions.halt_for(TICKER) is conditions.killed
    assert not conditions.clear_halt(cleared(KILL_HALT, MACHINE))
    assert not conditions.clear_halt(cleared(KILL_HALT, Author.PLUGIN))
    assert conditions.clear_halt(cleared(KILL_HALT, PERSON))
    assert conditions.killed is None


@pytest.mark.parametrize(
    ("raised_by", "cleared_by", "ends"),
    [
        (Author.PLUGIN, Author.PLUGIN, True),
        (Author.PLUGIN, MACHINE, False),
        (MACHINE, Author.PLUGIN, False),
        (PERSON, Author.PLUGIN, False),
        (Author.PLUGIN, PERSON, True),
    ],
)
def test_machine_and_plugins_do_not_overrule_each_other(raised_by, cleared_by, ends):
    conditions = Conditions(breaker_limit=5)
    conditions.raise_halt(halt("h", raised_by))
    assert conditions.clear_halt(cleared("h", cleared_by)) is ends


def test_a_halt_of_a_strategy_covers_only_what_it_does():
    conditions = Conditions(breaker_limit=5)
    raised = HaltRaised(
        at=second(1), halt_id="s", author=PERSON, reason="x", strategy=StrategyName("maker")
    )
    conditions.raise_halt(raised)
    assert conditions.halt_for(TICKER, StrategyName("maker")) is raised
    assert conditions.halt_for(TICKER, StrategyName("taker")) is None
    assert conditions.halt_for(TICKER) is None


def test_pauses_of_several_scopes_stand_beside_each_other():
    conditions = Conditions(breaker_limit=5)
    everywhere = TradingPaused(at=second(1), reason="all")
    market = TradingPaused(at=second(1), reason="rain", ticker=TICKER)
    conditions.pause(market)
    assert conditions.paused is None
    assert conditions.pause_for(TICKER) is market
    assert conditions.pause_for(OTHER) is None
    conditions.pause(everywhere)
    conditions.resume(TradingResumed(at=second(2), ticker=TICKER))
    assert conditions.paused == "all"
    assert conditions.pause_for(TICKER) is everywhere


def test_scopes_have_words():
    assert scope_words(None, None) == "the account"
    assert scope_words(TICKER, None) == f"market {TICKER}"
    assert scope_words(TICKER, StrategyName("s")) == f"market {TICKER} of strategy s"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("exchange is paused", "the exchange is paused"),
        ("Thursday maintenance", "the exchange is paused: Thursday maintenance"),
    ],
)
def test_a_pause_of_the_exchange_is_said_once(why, words):
    assert venue_pause_words("the exchange", why) == words
