"""Which markets the daemon finds and follows, while they come and others become busier."""

import pytest
import trio

from tests.simulation.harness import TICKERS, fresh, simulated_daemon, simulated_exchange
from tests.simulation.markets_world import (
    DISCOVER,
    MLB,
    NEW,
    SOON,
    WNBA,
    list_market,
    print_trades,
    subscribed,
    truth,
)
from traderd.model.events import FeedName
from traderd.model.market import MarketStatus
from traderd.model.units import NS_PER_S
from traderd.paper.scenario import generated_scenario


async def test_markets_of_a_series_are_found_and_followed(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        assert set(simulated.view.followed) == set(WNBA)
        assert subscribed(simulated) == [tuple(sorted(WNBA))]
        assert subscribed(simulated, "trade") == [tuple(sorted(WNBA))]
        assert all(truth(simulated, ticker) for ticker in WNBA)
        assert simulated.said("following 1 market: ")
        # The others are not known here at all, so they cannot be traded by mistake.
        denied = await simulated.place("bid", "1", "0.0100", ticker=MLB[0])
        assert "not known here" in denied.sentence


async def test_a_category_is_every_series_of_it(tmp_path, autojump_clock):
    settings = {
        "market_data__discover__categories": ("Sports",),
        "market_data__discover__events": (),
    }
    async with simulated_daemon(tmp_path, **settings) as simulated:
        assert set(simulated.view.followed) == set(TICKERS)


async def test_a_slip_in_a_name_follows_nothing_and_says_what_was_meant(tmp_path, autojump_clock):
    settings = {
        "market_data__discover__categories": ("sports",),
        "market_data__discover__series": ("KXMLBGAMES",),
        "market_data__discover__events": ("KXMLBGAME-NONE",),
    }
    async with simulated_daemon(tmp_path, **settings) as simulated:
        assert simulated.view.followed == ()
        assert simulated.said("orderbook feed connected: no market is followed")
        degraded = simulated.view.conditions.degraded
        assert "did you mean Sports?" in degraded["category sports"]
        assert degraded.keys() == {
            *("category sports", "series KXMLBGAMES", "event KXMLBGAME-NONE")
        }
        assert simulated.view.health.healthy
        assert len(simulated.view.health.problems) == 3


async def test_the_cap_is_respected_and_a_market_in_which_we_have_something_stays(
    tmp_path, autojump_clock
):
    settings = SOON | {
        "market_data__discover__series": ("KXWNBAGAME", "KXMLBGAME"),
        "market_data__discover__max_markets": 3,
    }
    async with simulated_daemon(tmp_path, **settings) as simulated:
        first = simulated.view.followed
        assert len(first) == 3
        assert len(subscribed(simulated)[0]) == 3
        held, idle = first[2], first[:2]
        assert (await simulated.place("bid", "1", "0.0100", ticker=held)).ok
        # All others become busier.
        busy = [ticker for ticker in TICKERS if ticker not in first][:3]
        for ticker in busy:
            print_trades(simulated, ticker, 5)
        await simulated.wait_until(lambda: busy[0] in simulated.view.followed, within_s=30)
        assert len(simulated.view.followed) == 3
        assert held in simulated.view.followed
        assert not set(idle) & set(simulated.view.followed)
        assert subscribed(simulated) == [tuple(sorted(simulated.view.followed))]
        assert all(simulated.view.book(ticker) is None for ticker in idle)
        assert simulated.said("3 markets are preferred to it")
        # No connection was made anew for it.
        assert simulated.view.feed(FeedName.MARKET_DATA).connection == 1
        await simulated.wait_until(
            lambda: all(truth(simulated, t) for t in simulated.view.followed)
        )


async def test_a_market_that_is_created_is_followed_within_seconds(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        list_market(simulated)
        await simulated.wait_until(lambda: NEW in simulated.view.followed, within_s=5)
        await simulated.wait_until(lambda: truth(simulated, NEW), within_s=1)
        assert (await simulated.place("bid", "1", "0.3900", ticker=NEW)).ok


async def test_a_market_that_opens_later_is_followed_when_it_opens(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        list_market(simulated, opens_in_s=100)
        await trio.sleep(90)
        assert NEW not in simulated.view.followed
        await simulated.wait_until(lambda: NEW in simulated.view.followed, within_s=20)


async def test_a_market_of_another_series_is_nobodys_business(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **DISCOVER) as simulated:
        await trio.sleep(30)
        asked = simulated.exchange.server
        before = simulated.daemon.shared.venue.rest.statistics().requests
        list_market(simulated, MLB[0] + "X", like=MLB[0])
        await trio.sleep(15)
        assert simulated.view.followed == simulated.view.followed
        assert MLB[0] + "X" not in simulated.view.followed
        after = simulated.daemon.shared.venue.rest.statistics().requests
        assert after - before <= 8, asked


async def test_a_failing_search_changes_nothing_and_is_told_once(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path, **SOON) as simulated:
        simulated.exchange.faults.refuse_requests("/markets", 503)
        await trio.sleep(300)
        assert set(simulated.view.followed) == set(WNBA)
        assert "market discovery" in simulated.view.conditions.degraded
        assert simulated.count("the markets cannot be listed") == 1
        simulated.exchange.faults.clear()
        await simulated.wait_until(
            lambda: "market discovery" not in simulated.view.conditions.degraded, within_s=61
        )


# --- a large exchange -----------------------------------------------------------------------------

DAY_NS = 86_400 * NS_PER_S


def listed(at, *, status=MarketStatus.ACTIVE, series=None, event=None):
    """Return the markets of the exchange that are like this, by its own account."""
    return [
        market
        for market in at.exchange.venue.markets()
        if market.status is status
        and (series is None or market.ticker.startswith(f"{series}-"))
        and (event is None or market.event_ticker == event)
    ]


@pytest.fixture
async def large(tmp_path):
    async with simulated_exchange(tmp_path, scenario=generated_scenario(1_200, 1)) as at:
        yield at


def looking(**discover):
    settings = {f"market_data__discover__{name}": value for name, value in discover.items()}
    return {"market_data__markets": (), "market_data__discover__enabled": True} | settings


async def test_of_a_thousand_markets_the_cap_takes_the_busiest_and_what_is_held(
    large, tmp_path, autojump_clock
):
    # More than one page of the exchange's list, and more than one connection and batch.
    assert len(listed(large)) > 1_000
    busy = [market.ticker for market in listed(large)[::7]][:150]
    for count, ticker in enumerate(busy, 1):
        print_trades(large, ticker, 1 + count % 3)
    settings = looking(max_markets=250, refresh_s=20) | {"market_data__markets_per_connection": 100}
    async with simulated_daemon(tmp_path / "state", at=large, **settings) as simulated:
        followed = set(simulated.view.followed)
        assert len(followed) == 250
        assert set(busy) <= followed
        carried = subscribed(simulated)
        assert len(carried) == 3
        assert sorted(ticker for share in carried for ticker in share) == sorted(followed)
        await simulated.wait_until(lambda: all(truth(simulated, t) for t in followed))
        held = next(t for t in simulated.view.followed if t not in busy)
        assert (await simulated.place("bid", "1", "0.0100", ticker=held)).ok
        # Everything else becomes busier than all of them.
        others = [market.ticker for market in listed(large) if market.ticker not in followed]
        for ticker in others[:300]:
            print_trades(large, ticker, 8)
        await simulated.wait_until(lambda: len(set(others) & set(simulated.view.followed)) > 200)
        assert len(simulated.view.followed) == 250
        assert held in simulated.view.followed
        await simulated.wait_until(
            lambda: (
                sorted(ticker for share in subscribed(simulated) for ticker in share)
                == sorted(simulated.view.followed)
            )
        )
        assert simulated.view.feed(FeedName.MARKET_DATA).losses == 0


async def test_of_a_thousand_markets_exactly_those_that_are_asked_for_are_followed(
    large, tmp_path, autojump_clock
):
    now = large.exchange.now()
    event = next(market.event_ticker for market in listed(large, series="KXGENCUP"))
    busy = [market.ticker for market in listed(large, series="KXGENRAIN")[:5]]
    for ticker in busy:
        print_trades(large, ticker, 3)
    crypto = [*listed(large, series="KXGENCOIN"), *listed(large, series="KXGENETHER")]
    within = [m for m in listed(large) if 2 * DAY_NS <= m.close_time - now <= 5 * DAY_NS]
    unopened = listed(large, status=MarketStatus.INITIALIZED)
    assert all((crypto, within, unopened))
    cases = (
        ({"series": ("KXGENINDEX",)}, listed(large, series="KXGENINDEX")),
        ({"events": (event,)}, listed(large, event=event)),
        ({"categories": ("Crypto",)}, crypto),
        ({"status": "unopened"}, unopened),
        ({"min_volume_24h": "3"}, [m for m in listed(large) if m.ticker in busy]),
        ({"closes_in_min_s": 2 * 86_400, "closes_in_max_s": 5 * 86_400}, within),
        ({"series": ("KXGENINDEX",), "events": (event,)},
         [*listed(large, series="KXGENINDEX"), *listed(large, event=event)]),
    )  # fmt: skip
    for number, (discover, wanted) in enumerate(cases):
        settings = looking(max_markets=1_000, **discover)
        state = fresh(tmp_path / f"state{number}")
        async with simulated_daemon(state, at=large, **settings) as simulated:
            assert set(simulated.view.followed) == {m.ticker for m in wanted}, discover
