"""A reading that began before a step, or before a later reading, takes nothing back."""

import pytest

from tests.core.builders import OTHER, TICKER, kinds, market, ready_engine, second, tell
from traderd.core import life_steps
from traderd.core.life_steps import STEPS_KEPT, LifeSteps
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketStatus, PriceBand, PriceGrid
from traderd.model.units import ONE_DOLLAR, Price

S = MarketStatus
FINE = PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(10)),))


def step(kind, at, *, ticker=TICKER, **told):
    return ev.MarketLifecycleChanged(at=second(at), ticker=ticker, step=kind, **told)


def read(*markets, began, at=20):
    return ev.MarketsListed(at=second(at), markets=markets, read_at=second(began))


@pytest.mark.parametrize(
    ("kind", "told", "field", "after"),
    [
        (ev.LifeStep.DETERMINED, {}, "status", S.DETERMINED),
        (ev.LifeStep.SETTLED, {}, "status", S.FINALIZED),
        (ev.LifeStep.GRID_UPDATED, {"grid": FINE}, "grid", FINE),
        (ev.LifeStep.CLOSE_DATE_UPDATED, {"close_time": second(60)}, "close_time", second(60)),
    ],
)
def test_an_answer_that_was_under_way_does_not_take_a_step_back(kind, told, field, after):
    engine = ready_engine()
    tell(engine, step(kind, 10, **told))
    tell(engine, read(market(), began=9))
    assert getattr(engine.market_data.markets[TICKER], field) == after
    # One that began later knows better.
    tell(engine, read(market(), began=11))
    assert engine.market_data.markets[TICKER] == market()


def test_a_pause_is_not_lifted_by_what_was_read_before_it():
    engine = ready_engine()
    tell(engine, step(ev.LifeStep.DEACTIVATED, 10))
    assert "VenueResumed" not in kinds(tell(engine, read(market(), began=9)))
    assert TICKER in engine.conditions.markets_paused
    assert "VenueResumed" in kinds(tell(engine, read(market(), began=11)))


def test_a_slow_reading_does_not_take_back_what_a_quick_one_brought():
    engine = ready_engine()
    tell(engine, read(market(grid=FINE), began=10, at=11))
    tell(engine, read(market(), market(OTHER), began=9, at=12))
    assert engine.market_data.markets[TICKER].grid == FINE
    # Who left and came back is a new market to us.
    left = ((TICKER, "closed"),)
    tell(engine, ev.UniverseChanged(at=second(13), added=(), dropped=left))
    tell(engine, read(market(), began=9, at=14))
    assert engine.market_data.markets[TICKER] == market()


def test_steps_of_a_market_that_nobody_follows_count_when_it_is_taken_in():
    engine = ready_engine()
    spare = MarketTicker("KXSPARE")
    tell(engine, step(ev.LifeStep.DETERMINED, 10, ticker=spare))
    tell(engine, read(market(spare), began=9))
    assert engine.market_data.markets[spare].status is S.DETERMINED


def test_a_step_that_tells_nothing_is_not_kept_and_a_market_has_only_its_newest():
    steps = LifeSteps()
    steps.note(step(ev.LifeStep.CREATED, 1, close_time=second(60)))
    assert steps._kept == {}
    for number in range(STEPS_KEPT + 3):
        steps.note(step(ev.LifeStep.CLOSE_DATE_UPDATED, number, close_time=second(number)))
    assert len(steps._kept[TICKER]) == STEPS_KEPT


def test_the_markets_whose_steps_are_kept_are_bounded_and_the_quietest_goes(monkeypatch):
    monkeypatch.setattr(life_steps, "MARKETS_KEPT", 2)
    steps = LifeSteps()
    for ticker in ("A", "B", "A", "C"):
        steps.note(step(ev.LifeStep.DETERMINED, 1, ticker=MarketTicker(ticker)))
    assert list(steps._kept) == ["A", "C"]
