"""Finding markets: what is asked for, when it is asked again, and that a failed look changes nothing.

The whole of it, from lists to subscriptions, is in tests/simulation/test_universe.py.
"""

from contextlib import asynccontextmanager

import attrs
import pytest
import trio

from tests.core.builders import market
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.core.universe import ALIVE, TRADABLE
from traderd.errors import ExchangeUnavailable
from traderd.kalshi.market_lists import Search
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketListing, MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Timestamp, parse_count
from traderd.services.market_plan import make_plan
from traderd.services.universe import (
    LOOKS_APART_S,
    SOON_S,
    SPARES,
    UniverseKeeper,
    wanted_of,
)
from traderd.services.universe_news import PART, UNKNOWN
from traderd.services.universe_places import SERIES_MAX

A, B, C = (MarketTicker(f"KXS-1-{letter}") for letter in "ABC")
S = MarketStatus


class Lists:
    """The exchange's lists: markets by ticker, with the series or event that finds them."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.markets = {}
        self.series_by_category = {}
        self.categories_asked = 0
        self.categories_error = None
        self.asked = []
        self.looks = 0
        self.error = None
        self.complete = True
        self.unreadable = {}
        self.unknown = ()
        """Series and events that do not exist."""
        self.meanwhile = None
        """Called once while an answer is under way."""

    def put(self, ticker, volume=0, *, status=S.ACTIVE, closes_in_s=86_400, opens_in_s=None):
        now = self.daemon.now()
        opens = None if opens_in_s is None else Timestamp(now + round(opens_in_s * NS_PER_S))
        changed = attrs.evolve(
            market(ticker, status=status),
            close_time=Timestamp(now + round(closes_in_s * NS_PER_S)),
            open_time=opens,
        )
        self.markets[ticker] = MarketListing(market=changed, volume_24h=parse_count(volume))

    async def find(self, *, series=None, event=None, status=None, known=None):
        self.asked.append((series, event, status))
        self.known = known
        self.looks += 1
        await trio.sleep(0.01)
        if self.error is not None:
            raise self.error
        found = tuple(
            listing
            for ticker, listing in self.markets.items()
            if ticker.startswith(series or event or "")
            and ticker not in self.unreadable
            and (status != "open" or listing.market.status is S.ACTIVE)
        )
        if self.meanwhile is not None:
            self.meanwhile, act = None, self.meanwhile
            act()
            await trio.sleep(0.01)
        return Search(listings=found, complete=self.complete, unreadable=self.unreadable)

    async def listings(self, tickers, *, known=None):
        await trio.sleep(0.01)
        if self.error is not None:
            raise self.error
        found = tuple(
            self.markets[ticker]
            for ticker in tickers
            if ticker in self.markets and ticker not in self.unreadable
        )
        unreadable = {t: why for t, why in self.unreadable.items() if t in tickers}
        return Search(listings=found, unreadable=unreadable)

    async def series_of(self, category):
        return self.series_by_category.get(category, ())

    async def categories(self):
        self.categories_asked += 1
        if self.categories_error is not None:
            raise self.categories_error
        return tuple(self.series_by_category)

    async def knows_series(self, ticker):
        return ticker not in self.unknown

    async def knows_event(self, ticker):
        return ticker not in self.unknown


class World:
    def __init__(self, daemon, lists, keeper, nursery):
        self.daemon, self.lists, self.keeper, self.nursery = daemon, lists, keeper, nursery

    async def start(self):
        """Begin, and wait for the first look."""
        self.nursery.start_soon(self.keeper.keep)
        await self.keeper._plan.known.wait()

    @property
    def followed(self):
        return self.daemon.view.followed

    def step(self, step, ticker, **told):
        self.daemon.publish(
            ev.MarketLifecycleChanged(at=self.daemon.now(), ticker=ticker, step=step, **told)
        )

    def said(self, words):
        return words in self.daemon.log_text.getvalue()


@asynccontextmanager
async def world_of(directory, *, series="KXS", **settings):
    """Open a daemon that stands still, with lists of its own, and a keeper that has not begun."""
    if series:
        settings["series"] = series
    flags = {f"market_data__discover__{name}": value for name, value in settings.items()}
    async with still_daemon(directory, **flags) as daemon, trio.open_nursery() as nursery:
        lists = daemon.shared.venue.rest.lists = Lists(daemon)
        context = daemon.context("market_data")
        keeper = UniverseKeeper(context, make_plan(context.config, context.view))
        yield World(daemon, lists, keeper, nursery)
        nursery.cancel_scope.cancel()


# --- what is asked for ----------------------------------------------------------------------------


async def test_series_events_and_categories_are_looked_through_together(tmp_path, autojump_clock):
    async with world_of(tmp_path, events="KXE-1, KXE-2", categories="Sports, Nothing") as world:
        world.lists.series_by_category["Sports"] = ("KXS", "KXT")
        world.lists.put(A)
        await world.start()
        assert world.lists.asked == [
            ("KXS", None, "open"),
            ("KXT", None, "open"),
            (None, "KXE-1", "open"),
            (None, "KXE-2", "open"),
        ]
        assert world.followed == (A,)
        assert world.said("category Nothing: the exchange has none of this name")


async def test_the_whole_exchange_is_one_search(tmp_path, autojump_clock):
    async with world_of(tmp_path, series="", enabled="true", status="any") as world:
        world.lists.put(A, status=S.INITIALIZED)
        world.lists.complete = False
        world.lists.unreadable = {B: f"market {B}: no grid"}
        await world.start()
        assert world.lists.asked == [(None, None, None)]
        assert world.followed == (A,)
        assert world.said("lists more markets than one search reads")


async def test_too_many_series_are_cut_and_told(tmp_path, autojump_clock):
    async with world_of(tmp_path, series="", categories="Sports") as world:
        names = tuple(f"KX{number}" for number in range(SERIES_MAX + 5))
        world.lists.series_by_category["Sports"] = names
        await world.start()
        assert len(world.lists.asked) == SERIES_MAX
        assert world.said(f"{SERIES_MAX + 5} series belong to")


async def test_the_wanted_come_from_the_configuration(tmp_path, autojump_clock):
    async with world_of(
        tmp_path,
        min_volume_24h="12.5",
        closes_in_min_s="60",
        closes_in_max_s="3600",
        max_markets="7",
    ) as world:
        wanted = wanted_of(world.daemon.context("market_data"))
        assert (wanted.statuses, wanted.volume_min, wanted.markets_max) == (TRADABLE, 1_250, 7)
        assert (wanted.closes_in_min_ns, wanted.closes_in_max_ns) == (
            60 * NS_PER_S,
            3600 * NS_PER_S,
        )


async def test_any_status_is_every_one_that_may_still_trade(tmp_path, autojump_clock):
    async with world_of(tmp_path, status="any") as world:
        wanted = wanted_of(world.daemon.context("market_data"))
        assert (wanted.statuses, wanted.closes_in_max_ns) == (ALIVE, None)


# --- when it is asked again -----------------------------------------------------------------------


async def test_it_looks_again_every_refresh(tmp_path, autojump_clock):
    async with world_of(tmp_path, refresh_s="100") as world:
        world.lists.put(A)
        await world.start()
        world.lists.put(B)
        await trio.sleep(99)
        assert world.followed == (A,)
        await trio.sleep(2)
        assert world.followed == (A, B)
        await trio.sleep(1_000)
        assert world.lists.looks == 1 + 11


async def test_a_look_is_told_which_markets_are_known_so_that_none_is_kept_twice(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100", max_markets="1") as world:
        world.lists.put(A)
        world.lists.put(B)
        await world.start()
        await trio.sleep(150)
        (followed,) = world.followed
        spare = B if followed == A else A
        assert world.lists.known(followed) is world.daemon.view.market(followed)
        assert world.lists.known(spare) is world.lists.markets[spare].market
        assert world.lists.known(MarketTicker("KXS-UNKNOWN")) is None


async def test_news_of_a_new_market_lets_it_look_soon_and_a_burst_of_it_once(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="10000") as world:
        await world.start()
        await trio.sleep(100)
        world.lists.put(A)
        for number in range(50):
            world.step(ev.LifeStep.CREATED, MarketTicker(f"KXS-1-{number}"))
        await trio.sleep(SOON_S + 0.1)
        assert (world.followed, world.lists.looks) == ((A,), 2)
        world.step(ev.LifeStep.CREATED, MarketTicker("KXS-1-X"))
        await trio.sleep(LOOKS_APART_S - 1)
        assert world.lists.looks == 2
        await trio.sleep(2)
        assert world.lists.looks == 3


@pytest.mark.parametrize(
    ("step", "ticker"),
    [
        (ev.LifeStep.CREATED, MarketTicker("KXSOMETHING-1-A")),
        (ev.LifeStep.CREATED, MarketTicker("KXOTHER-1-A")),
        (ev.LifeStep.SETTLED, A),
        (ev.LifeStep.DETERMINED, B),
    ],
)
async def test_news_of_others_costs_nothing(tmp_path, autojump_clock, step, ticker):
    async with world_of(tmp_path, refresh_s="10000") as world:
        await world.start()
        world.step(step, ticker)
        await trio.sleep(1_000)
        assert world.lists.looks == 1


async def test_a_market_that_was_announced_is_looked_for_when_it_opens(tmp_path, autojump_clock):
    async with world_of(tmp_path, refresh_s="10000") as world:
        await world.start()
        await trio.sleep(100)
        opens = Timestamp(world.daemon.now() + 500 * NS_PER_S)
        world.step(ev.LifeStep.CREATED, A, open_time=opens)
        world.lists.put(A, status=S.INITIALIZED)
        await trio.sleep(490)
        assert (world.followed, world.lists.looks) == ((), 2)
        world.lists.put(A)
        await trio.sleep(15)
        assert (world.followed, world.lists.looks) == ((A,), 3)


async def test_many_openings_let_it_look_no_oftener_than_news_does(tmp_path, autojump_clock):
    async with world_of(tmp_path, refresh_s="10000") as world:
        await world.start()
        await trio.sleep(100)
        for number in range(100):
            opens = Timestamp(world.daemon.now() + (20 + number) * NS_PER_S)
            world.step(ev.LifeStep.CREATED, MarketTicker(f"KXS-1-{number}"), open_time=opens)
        await trio.sleep(140)
        assert 10 <= world.lists.looks <= 2 + 130 / LOOKS_APART_S


async def test_a_market_that_settles_leaves_without_a_look_and_a_spare_takes_its_place(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="10000", max_markets="1") as world:
        world.lists.put(A, 9)
        world.lists.put(B, 5)
        await world.start()
        assert world.followed == (A,)
        world.step(ev.LifeStep.SETTLED, A)
        await trio.sleep(SOON_S + 0.1)
        assert (world.followed, world.lists.looks) == ((B,), 1)
        assert world.daemon.view.universe.changes[-2].reason == "it is finalized"
        # What is read of the spare is known before it is followed.
        assert world.daemon.view.market(B).status is S.ACTIVE


async def test_what_was_only_held_leaves_once_nothing_is_held(tmp_path, autojump_clock):
    async with world_of(tmp_path, refresh_s="10000") as world:
        world.lists.put(A)
        await world.start()
        key = world.daemon.place(Side.BID, "1", "0.10", ticker=A)
        world.step(ev.LifeStep.DETERMINED, A)
        await trio.sleep(SOON_S + 0.1)
        assert world.followed == (A,)
        world.daemon.publish(
            ev.OrderVanished(at=world.daemon.now(), key=key, sentence="nobody knows it")
        )
        await trio.sleep(SOON_S + 0.1)
        assert world.followed == ()


async def test_a_market_that_we_have_something_in_is_taken_in_when_it_was_not_looked_for(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, min_volume_24h="100") as world:
        other = MarketTicker("KXELSE-1-A")
        world.lists.put(other, status=S.CLOSED)
        world.daemon.place(Side.BID, "1", "0.10", ticker=other)
        await world.start()
        assert world.daemon.view.universe.followed == {other: "it has a resting order"}


async def test_a_position_in_a_market_that_is_not_followed_takes_it_in_at_once(
    tmp_path, autojump_clock
):
    other = MarketTicker("KXELSE-1-A")
    async with world_of(tmp_path, refresh_s="10000", max_markets="1") as world:
        world.lists.put(A, 9)
        world.lists.put(B, 5)
        await world.start()
        await trio.sleep(100)
        # A spare needs no look, another market does.
        world.daemon.place(Side.BID, "1", "0.10", ticker=B)
        await trio.sleep(SOON_S + 0.1)
        assert (set(world.followed), world.lists.looks) == ({B}, 1)
        world.lists.put(other)
        key = world.daemon.place(Side.BID, "1", "0.10", ticker=other)
        world.daemon.fill(key, "1", "0.10", "0")
        await trio.sleep(SOON_S + 0.1)
        assert (set(world.followed), world.lists.looks) == ({B, other}, 2)
        assert world.daemon.view.universe.followed[other] == "it has a position"


async def test_a_market_that_we_hold_and_the_exchange_does_not_list_is_looked_for_once(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="10000") as world:
        await world.start()
        for _ in range(5):
            await trio.sleep(100)
            world.daemon.place(Side.BID, "1", "0.10", ticker=MarketTicker("KXGONE-1-A"))
        await trio.sleep(100)
        assert world.lists.looks == 2


async def test_only_as_many_spares_as_may_be_needed_are_remembered(tmp_path, autojump_clock):
    async with world_of(tmp_path, max_markets="2") as world:
        for number in range(50):
            world.lists.put(MarketTicker(f"KXS-1-{number:02d}"), number)
        await world.start()
        assert set(world.followed) == {"KXS-1-49", "KXS-1-48"}
        assert len(world.keeper._found) == SPARES * 2


# --- what fails -----------------------------------------------------------------------------------


async def test_a_first_look_that_fails_is_tried_until_it_works(tmp_path, autojump_clock):
    async with world_of(tmp_path) as world:
        world.lists.put(A)
        world.lists.error = ExchangeUnavailable("GET /markets: HTTP 503")
        world.nursery.start_soon(world.keeper.keep)
        await trio.sleep(600)
        assert 10 <= world.lists.looks <= 60
        # Nobody waits for markets any longer than for a reason.
        assert world.keeper._plan.problem == "GET /markets: HTTP 503"
        assert PART not in world.daemon.view.conditions.degraded
        world.lists.error = None
        await world.keeper._plan.known.wait()
        assert world.followed == (A,)


async def test_a_later_look_that_fails_is_a_degraded_part_and_changes_nothing(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        world.lists.put(A)
        await world.start()
        world.lists.error = ExchangeUnavailable("503")
        await trio.sleep(500)
        assert world.followed == (A,)
        assert world.daemon.view.conditions.degraded[PART] == "503"
        assert world.daemon.log_text.getvalue().count("the markets cannot be listed") == 1
        world.lists.error = None
        await trio.sleep(61)
        assert PART not in world.daemon.view.conditions.degraded


async def test_a_step_that_comes_while_the_answer_is_under_way_is_not_taken_back(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        world.lists.put(A, 9)
        world.lists.put(B, 5)
        await world.start()

        def steps():
            world.step(ev.LifeStep.DEACTIVATED, A)
            world.step(ev.LifeStep.SETTLED, B)

        world.lists.meanwhile = steps
        await trio.sleep(100.1)
        assert world.lists.looks == 2
        assert world.daemon.view.market(A).status is S.INACTIVE
        assert A in world.daemon.view.conditions.markets_paused
        assert world.followed == (A,)


async def test_a_look_does_not_take_back_what_was_read_of_a_market_while_it_lasted(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        world.lists.put(A, 9)
        await world.start()
        longer = attrs.evolve(world.lists.markets[A].market, close_time=Timestamp(2 * 10**18))

        def reread():
            now = world.daemon.now()
            world.daemon.publish(ev.MarketsListed(at=now, read_at=now, markets=(longer,)))

        world.lists.meanwhile = reread
        await trio.sleep(100.1)
        assert world.lists.looks == 2
        assert world.daemon.view.market(A) == longer


async def test_a_look_opens_no_market_again_whose_close_the_list_has_yet_to_notice(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        world.lists.put(A, closes_in_s=50)
        world.lists.put(B)
        await world.start()
        # Nobody may stop following it.
        world.daemon.place(Side.BID, "1", "0.10", ticker=A)
        await trio.sleep(60)
        world.daemon.publish(ev.MarketClosed(at=world.daemon.now(), ticker=A))
        await trio.sleep(50)
        assert world.lists.looks == 2
        assert A in world.followed
        assert world.daemon.view.market(A).status is S.CLOSED
        # What was put off is open again.
        world.lists.put(A, closes_in_s=1_000)
        await trio.sleep(100)
        assert world.daemon.view.market(A).status is S.ACTIVE


async def test_a_spare_that_settled_meanwhile_is_not_taken_in(tmp_path, autojump_clock):
    async with world_of(tmp_path, refresh_s="10000", max_markets="1") as world:
        for ticker, volume in ((A, 9), (B, 8), (C, 5)):
            world.lists.put(ticker, volume)
        await world.start()
        world.step(ev.LifeStep.SETTLED, B)
        world.step(ev.LifeStep.SETTLED, A)
        await trio.sleep(SOON_S + 0.1)
        assert world.followed == (C,)


async def test_an_answer_without_any_market_is_a_failed_look_and_changes_nothing(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        for ticker in (A, B, C):
            world.lists.put(ticker)
        await world.start()
        world.lists.markets, listed = {}, world.lists.markets
        await trio.sleep(1_000)
        assert world.followed == (A, B, C)
        assert "lists none of the 3" in world.daemon.view.conditions.degraded[PART]
        world.lists.markets = listed
        await trio.sleep(61)
        assert PART not in world.daemon.view.conditions.degraded
        assert world.followed == (A, B, C)


async def test_a_market_that_trades_leaves_when_a_second_look_does_not_bring_it_either(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="1000") as world:
        for ticker in (A, B, C):
            world.lists.put(ticker)
        await world.start()
        gone = world.lists.markets.pop(A)
        await trio.sleep(1_001)
        assert (world.followed, world.lists.looks) == ((A, B, C), 2)
        # The second look comes soon; this time it is there.
        world.lists.markets[A] = gone
        await trio.sleep(LOOKS_APART_S)
        assert (world.followed, world.lists.looks) == ((A, B, C), 3)
        del world.lists.markets[A]
        await trio.sleep(1_001)
        assert (set(world.followed), world.lists.looks) == ({A, B, C}, 4)
        await trio.sleep(LOOKS_APART_S)
        assert (set(world.followed), world.lists.looks) == ({B, C}, 5)


async def test_a_followed_market_that_cannot_be_read_any_more_stays_and_one_that_is_over_leaves(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, refresh_s="100") as world:
        for ticker in (A, B, C):
            world.lists.put(ticker)
        await world.start()
        world.lists.unreadable = {A: f"market {A}: no grid"}
        world.step(ev.LifeStep.DETERMINED, B)
        del world.lists.markets[B]
        await trio.sleep(501)
        assert world.followed == (A, C)
        assert world.said("left out: market")


# --- named markets --------------------------------------------------------------------------------


async def test_named_markets_stay_until_they_are_final_and_unknown_ones_are_told(
    tmp_path, nursery, monkeypatch, autojump_clock
):
    names = f"{MARKET},{OTHER_MARKET},KXTYPO"
    settings = {"market_data__markets": names, "market_data__discover__refresh_s": 100}
    async with still_daemon(tmp_path, **settings) as daemon:
        lists = Lists(daemon)
        monkeypatch.setattr(daemon.shared.venue.rest, "lists", lists)
        lists.put(MARKET, status=S.DETERMINED)
        lists.put(OTHER_MARKET)
        context = daemon.context("market_data")
        plan = make_plan(context.config, context.view)
        nursery.start_soon(UniverseKeeper(context, plan).keep)
        await plan.known.wait()
        assert daemon.view.followed == (MARKET, OTHER_MARKET, "KXTYPO")
        assert plan.books(0) == (MARKET, OTHER_MARKET)
        assert "market KXTYPO" in daemon.view.conditions.degraded
        assert lists.asked == []
        # It is listed at last, and another one is over.
        lists.put(MarketTicker("KXTYPO"))
        lists.put(MARKET, status=S.FINALIZED)
        await trio.sleep(101)
        assert daemon.view.followed == (OTHER_MARKET, "KXTYPO")
        assert plan.books(0) == (OTHER_MARKET, "KXTYPO")
        assert daemon.view.conditions.degraded == {}
        nursery.cancel_scope.cancel()


async def test_a_named_market_that_cannot_be_read_hides_no_other_and_says_why(
    tmp_path, nursery, monkeypatch, autojump_clock
):
    async with still_daemon(tmp_path, market_data__markets=f"{MARKET},{OTHER_MARKET}") as daemon:
        lists = Lists(daemon)
        monkeypatch.setattr(daemon.shared.venue.rest, "lists", lists)
        lists.put(MARKET)
        lists.unreadable = {OTHER_MARKET: f"market {OTHER_MARKET}: no grid"}
        context = daemon.context("market_data")
        plan = make_plan(context.config, context.view)
        nursery.start_soon(UniverseKeeper(context, plan).keep)
        await plan.known.wait()
        assert plan.books(0) == (MARKET,)
        assert daemon.view.conditions.degraded == {
            f"market {OTHER_MARKET}": f"market {OTHER_MARKET}: no grid"
        }
        assert "left out: market" in daemon.log_text.getvalue()
        nursery.cancel_scope.cancel()


async def test_a_configuration_without_one_known_market_is_a_problem(
    tmp_path, nursery, monkeypatch, autojump_clock
):
    async with still_daemon(tmp_path, market_data__markets="KXTYPO") as daemon:
        monkeypatch.setattr(daemon.shared.venue.rest, "lists", Lists(daemon))
        context = daemon.context("market_data")
        plan = make_plan(context.config, context.view)
        nursery.start_soon(UniverseKeeper(context, plan).keep)
        await trio.sleep(10)
        assert "knows none of the tickers" in plan.problem
        assert not plan.known.is_set()
        nursery.cancel_scope.cancel()


async def test_when_no_named_ticker_is_known_the_cure_is_told_while_it_tries_again(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, series="") as world:
        world.keeper._named = (A,)
        with trio.move_on_after(30):
            await world.keeper.keep()
        degraded = world.daemon.view.conditions.degraded
        assert degraded[f"market {A}"] == UNKNOWN
        assert "correct market_data.markets" in degraded[f"market {A}"]
