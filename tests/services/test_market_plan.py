"""Which connection carries which market, and which markets are followed from the start."""

import pytest

from tests.core.builders import limits, market, second, tell
from traderd.config import Config, DiscoverConfig, ExchangeConfig, MarketDataConfig
from traderd.core.engine import Engine
from traderd.core.view import StateView
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.paper.scenario import default_scenario
from traderd.services.market_plan import MarketPlan, configured_tickers, make_plan

MANY = tuple(MarketTicker(f"KXM-{number}") for number in range(400))


def followed(tickers, *, known=None):
    """Return an engine that follows these markets and has a list of the known ones."""
    engine = Engine(limits=limits())
    added = tuple((ticker, "wanted") for ticker in tickers)
    markets = tuple(market(ticker) for ticker in (tickers if known is None else known))
    tell(
        engine,
        ev.MarketsListed(at=second(0), markets=markets),
        ev.UniverseChanged(at=second(0), added=added, dropped=()),
    )
    return engine


def plan_of(engine, slots):
    return MarketPlan(StateView(engine), slots=slots)


def test_the_embedded_exchange_names_its_own_markets():
    assert configured_tickers(Config()) == tuple(m.ticker for m in default_scenario().markets)


def test_named_markets_come_before_all_and_count_once():
    config = Config(market_data=MarketDataConfig(markets=("B", "A", "B")))
    assert configured_tickers(config) == ("B", "A")


def test_markets_that_are_looked_for_are_not_known_at_the_start():
    config = Config(market_data=MarketDataConfig(discover=DiscoverConfig(series=("KXA",))))
    assert configured_tickers(config) == ()


def test_another_exchange_needs_names():
    config = Config(exchange=ExchangeConfig(embedded=False))
    with pytest.raises(ConfigError, match=r"market_data\.markets is empty"):
        configured_tickers(config)


@pytest.mark.parametrize(
    ("settings", "slots"),
    [
        (MarketDataConfig(markets=("A", "B")), 1),
        (MarketDataConfig(markets=("A", "B", "C"), markets_per_connection=1), 3),
        (MarketDataConfig(discover=DiscoverConfig(enabled=True, max_markets=250)), 1),
        (
            MarketDataConfig(
                discover=DiscoverConfig(enabled=True, max_markets=250), markets_per_connection=100
            ),
            3,
        ),
    ],
)
def test_the_number_of_connections_comes_from_the_cap_alone(settings, slots):
    config = Config(market_data=settings)
    assert make_plan(config, StateView(Engine(limits=limits()))).slots == slots


def test_a_market_keeps_its_connection_when_others_come_and_go():
    everybody = plan_of(followed(MANY), slots=4)
    half = plan_of(followed(MANY[::2]), slots=4)
    for slot in range(4):
        assert set(half.markets(slot)) <= set(everybody.markets(slot))


def test_every_market_is_on_one_connection_and_the_shares_are_alike():
    plan = plan_of(followed(MANY), slots=4)
    shares = [plan.markets(slot) for slot in range(4)]
    assert sorted(ticker for share in shares for ticker in share) == sorted(MANY)
    assert all(70 <= len(share) <= 130 for share in shares)
    assert plan.connections() == 4


def test_only_connections_with_markets_are_needed_but_for_the_first():
    assert plan_of(followed(()), slots=4).connections() == 1
    one = plan_of(followed(MANY[:1]), slots=4)
    (slot,) = [slot for slot in range(4) if one.markets(slot)]
    assert one.connections() == (1 if slot == 0 else 2)


def test_a_market_that_the_exchange_does_not_know_is_not_asked_for():
    plan = plan_of(followed(MANY[:3], known=MANY[:2]), slots=1)
    assert plan.markets(0) == MANY[:3]
    assert plan.trades(0) == plan.books(0) == MANY[:2]


def test_a_shed_book_is_not_asked_for_but_its_trades_are():
    engine = followed(MANY[:3])
    tell(engine, ev.BooksShed(at=second(1), tickers=MANY[1:2], reason="load"))
    plan = plan_of(engine, slots=1)
    assert plan.books(0) == (MANY[0], MANY[2])
    assert plan.trades(0) == MANY[:3]
    tell(engine, ev.BooksReclaimed(at=second(2), tickers=MANY[1:2], reason="calm"))
    assert plan.books(0) == MANY[:3]
