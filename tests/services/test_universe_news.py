"""What a person is told of the universe, each once."""

import pytest

from tests.core.builders import market
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.model import events as ev
from traderd.model.market import MarketListing
from traderd.model.units import Count
from traderd.services.market_plan import make_plan
from traderd.services.universe_news import NOTHING, PART, SHOWN, UNKNOWN, UniverseNews


@pytest.fixture
async def world(tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("market_data")
        yield daemon, UniverseNews(context, make_plan(context.config, context.view))


async def test_a_change_is_one_line_for_each_way_with_its_first_reasons(world, autojump_clock):
    daemon, news = world
    many = tuple((MARKET, f"reason {number}") for number in range(SHOWN + 2))
    news.changed(many, ((OTHER_MARKET, "it is closed"),))
    text = daemon.log_text.getvalue()
    named = ", ".join(f"{MARKET} (reason {number})" for number in range(SHOWN))
    assert f"following {len(many)} more markets, now 12: {named} and 2 more" in text
    assert f"no longer following 1 market, now 12: {OTHER_MARKET} (it is closed)" in text


async def test_one_reason_of_all_is_told_once_and_so_are_those_over_the_cap(world, autojump_clock):
    daemon, news = world
    news.changed(tuple((MARKET, "it is named") for _ in range(12)), (), left_out=950)
    assert (
        f"following 12 markets: {MARKET}, {MARKET}, {MARKET} and 9 more (it is named); "
        "950 more fit, market_data.discover.max_markets leaves them out"
    ) in daemon.log_text.getvalue()


async def test_a_search_that_leaves_nothing_is_degraded_with_what_is_wrong(
    tmp_path, autojump_clock
):
    async with still_daemon(tmp_path, market_data__discover__series="KXS") as daemon:
        context = daemon.context("market_data")
        news = UniverseNews(context, make_plan(context.config, context.view))
        listings = [
            MarketListing(market=market(ticker), volume_24h=Count(volume))
            for ticker, volume in ((MARKET, 100), (OTHER_MARKET, 900))
        ]
        objections = {MARKET: "far too quiet", OTHER_MARKET: "too quiet"}
        degraded = daemon.view.conditions.degraded

        def look(found, *, is_explained=False):
            news.fits(found, lambda each: objections[each.market.ticker], is_explained=is_explained)

        look([], is_explained=True)
        assert degraded == {}, "one fault is told as one"
        for _ in range(2):
            look(listings)
        assert degraded == {
            NOTHING: "none: market_data.discover found 2 markets and none fits, "
            f"of {OTHER_MARKET}: too quiet"
        }
        assert daemon.log_text.getvalue().count("none fits") == 1
        daemon.publish(ev.UniverseChanged(at=daemon.now(), added=((MARKET, "busy"),), dropped=()))
        look(listings)
        assert degraded == {}
        daemon.publish(ev.UniverseChanged(at=daemon.now(), added=(), dropped=((MARKET, "quiet"),)))
        look([])
        assert degraded == {NOTHING: "none: market_data.discover found no market"}


async def test_a_named_market_that_is_not_to_be_had_is_degraded_until_it_is(world, autojump_clock):
    daemon, news = world
    degraded = daemon.view.conditions.degraded
    for _ in range(2):
        news.named([MARKET, OTHER_MARKET], {}, {OTHER_MARKET: "no grid"})
    assert degraded == {f"market {MARKET}": UNKNOWN, f"market {OTHER_MARKET}": "no grid"}
    assert daemon.log_text.getvalue().count(UNKNOWN) == 1
    news.named([MARKET, OTHER_MARKET], {MARKET, OTHER_MARKET}, {})
    assert daemon.view.conditions.degraded == {}


async def test_a_look_that_fails_is_degraded_only_when_one_worked_before(world, autojump_clock):
    daemon, news = world
    news.failed("503")
    assert PART not in daemon.view.conditions.degraded
    news._plan.known.set()
    news.failed("503")
    assert daemon.view.conditions.degraded[PART] == "503"
    assert daemon.log_text.getvalue().count("cannot be listed: 503") == 1
    news.succeeded()
    assert PART not in daemon.view.conditions.degraded
    assert daemon.log_text.getvalue().count("can be listed again") == 1
