"""Where markets are looked for: a slip in a name never widens the search, and is told with its cure."""

import pytest
import trio

from tests.services.test_universe import A, B, world_of
from traderd.errors import ExchangeUnavailable
from traderd.services.universe_places import EVERYWHERE, closest


async def test_a_category_with_a_slip_brings_nothing_and_names_the_right_one(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, series="", categories="sports", refresh_s="100") as world:
        world.lists.put(A)
        world.lists.series_by_category["Sports"] = ("KXS",)
        await world.start()
        assert (world.lists.asked, world.followed) == ([], ())
        degraded = world.daemon.view.conditions.degraded
        assert degraded == {
            "category sports": "the exchange has none of this name; did you mean Sports?; "
            "correct market_data.discover.categories"
        }
        world.lists.series_by_category["sports"] = ("KXS",)
        await trio.sleep(101)
        assert (world.followed, degraded) == ((A,), {})


async def test_a_category_like_no_other_is_told_with_those_that_there_are(tmp_path, autojump_clock):
    async with world_of(tmp_path, series="", categories="Nonsense", refresh_s="100") as world:
        world.lists.series_by_category |= {"Sports": ("KXS",), "World": ("KXW",)}
        await world.start()
        await trio.sleep(500)
        assert world.lists.asked == []
        assert world.daemon.log_text.getvalue().count("there are Sports, World") == 1
        assert world.lists.categories_asked == 1


async def test_categories_that_cannot_be_read_only_cost_the_suggestion(tmp_path, autojump_clock):
    async with world_of(tmp_path, series="", categories="Nonsense") as world:
        world.lists.categories_error = ExchangeUnavailable("503")
        await world.start()
        assert world.said("category Nonsense: the exchange has none of this name; correct")


async def test_named_places_that_do_not_exist_are_degraded_and_the_others_are_followed(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, series="KXS, KXNOPE", events="KXE-9", refresh_s="100") as world:
        world.lists.put(A)
        world.lists.unknown = ("KXNOPE", "KXE-9")
        await world.start()
        assert world.followed == (A,)
        degraded = world.daemon.view.conditions.degraded
        assert degraded == {
            "series KXNOPE": "the exchange has none; correct market_data.discover.series",
            "event KXE-9": "the exchange has none; correct market_data.discover.events",
        }
        await trio.sleep(301)
        assert world.daemon.log_text.getvalue().count("series KXNOPE: the exchange has none") == 1
        world.lists.unknown = ("KXE-9",)
        await trio.sleep(101)
        assert list(degraded) == ["event KXE-9"]


async def test_a_series_that_exists_and_has_no_market_now_is_told_and_no_fault(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, series="KXS, KXT", refresh_s="100") as world:
        world.lists.put(A)
        await world.start()
        await trio.sleep(301)
        assert world.daemon.log_text.getvalue().count("series KXT has no market now") == 1
        assert world.daemon.view.conditions.degraded == {}


async def test_a_search_in_which_nothing_fits_says_so(tmp_path, autojump_clock):
    async with world_of(tmp_path, min_volume_24h="100000000") as world:
        world.lists.put(A, "20")
        await world.start()
        (reason,) = world.daemon.view.conditions.degraded.values()
        assert f"found 1 market and none fits, of {A}: 20 contracts in 24 h are fewer" in reason


async def test_markets_over_the_cap_are_counted(tmp_path, autojump_clock):
    async with world_of(tmp_path, max_markets="1") as world:
        world.lists.put(A, "20")
        world.lists.put(B, "10")
        await world.start()
        assert world.said("1 more fit, market_data.discover.max_markets leaves them out")


async def test_with_nothing_named_every_new_market_may_be_wanted_and_else_only_its_own(
    tmp_path, autojump_clock
):
    async with world_of(tmp_path, series="", enabled="true") as world:
        places = world.keeper._places
        assert await places.all() == [EVERYWHERE]
        assert places.brings(A)
    async with world_of(tmp_path, series="", categories="Nonsense") as world:
        places = world.keeper._places
        assert (await places.all(), places.brings(A)) == ([], False)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("sports", "Sports"), ("climate", None), ("Climate and Wether", "Climate and Weather")],
)
def test_the_name_that_was_meant_is_found_or_none(name, meant):
    assert closest(name, ("Sports", "Climate and Weather", "World")) == meant
