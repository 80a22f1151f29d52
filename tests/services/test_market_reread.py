"""Markets of which a step may have been missed are read again, until it works, and never with an old answer."""

import attrs
import pytest
import trio

from tests.core.builders import market
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.errors import AuthenticationRefused, ExchangeUnavailable
from traderd.kalshi.market_lists import Search
from traderd.model import events as ev
from traderd.model.market import MarketListing, MarketStatus
from traderd.model.units import Count, Timestamp
from traderd.services.market_clock import is_due
from traderd.services.market_reread import APART_S, CONFIRM_S, CONFIRM_TRIES, MarketReread

S = MarketStatus


class Lists:
    """Answers with the markets as they are when the question comes."""

    def __init__(self):
        self.markets = {}
        self.asked = []
        self.error = None

    async def listings(self, tickers, *, known):
        self.asked.append(tuple(tickers))
        found = tuple(
            MarketListing(market=self.markets[ticker], volume_24h=Count(0)) for ticker in tickers
        )
        await trio.sleep(0.1)
        if self.error is not None:
            raise self.error
        return Search(listings=found)


@pytest.fixture
async def world(tmp_path, monkeypatch):
    async with still_daemon(tmp_path) as daemon:
        lists = Lists()
        monkeypatch.setattr(daemon.shared.venue.rest, "prompt_lists", lists)
        for ticker in (MARKET, OTHER_MARKET):
            lists.markets[ticker] = market(ticker)
        daemon.publish(
            ev.MarketsListed(at=daemon.now(), markets=tuple(lists.markets.values())),
            ev.UniverseChanged(at=daemon.now(), added=((MARKET, "wanted"),), dropped=()),
        )
        yield daemon, lists, MarketReread(daemon.context("market_data"))


def later(lists, **changes):
    lists.markets[MARKET] = attrs.evolve(lists.markets[MARKET], **changes)


async def test_what_is_marked_is_read_together_and_only_what_is_followed_is_told(
    world, nursery, autojump_clock
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    later(lists, status=S.DETERMINED)
    lists.markets[OTHER_MARKET] = market(OTHER_MARKET, status=S.DETERMINED)
    reread.mark([MARKET])
    reread.mark([OTHER_MARKET])
    await trio.sleep(1)
    assert lists.asked == [(MARKET, OTHER_MARKET)]
    assert daemon.view.market(MARKET).status is S.DETERMINED
    assert daemon.view.market(OTHER_MARKET).status is S.ACTIVE
    nursery.cancel_scope.cancel()


async def test_a_market_that_is_marked_while_it_is_read_is_read_once_more(
    world, nursery, autojump_clock
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    reread.mark([MARKET])
    await trio.sleep(0.05)
    # The answer that is under way does not know of it yet.
    later(lists, close_time=Timestamp(10**18))
    reread.mark([MARKET])
    await trio.sleep(APART_S)
    assert len(lists.asked) == 1
    await trio.sleep(0.5)
    assert len(lists.asked) == 2
    assert daemon.view.market(MARKET).close_time == 10**18
    nursery.cancel_scope.cancel()


async def test_an_answer_that_was_under_way_does_not_take_a_step_back(
    world, nursery, autojump_clock
):
    daemon, _, reread = world
    nursery.start_soon(reread.run)
    reread.mark([MARKET])
    await trio.sleep(0.05)
    daemon.publish(
        ev.MarketLifecycleChanged(at=daemon.now(), ticker=MARKET, step=ev.LifeStep.SETTLED)
    )
    await trio.sleep(1)
    assert daemon.view.market(MARKET).status is S.FINALIZED
    nursery.cancel_scope.cancel()


async def test_a_failure_is_told_once_and_tried_until_it_works(world, nursery, autojump_clock):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    lists.error = ExchangeUnavailable("503")
    later(lists, status=S.CLOSED)
    reread.mark([MARKET])
    await trio.sleep(600)
    assert 10 < len(lists.asked) < 60
    text = daemon.log_text.getvalue
    assert text().count("cannot be read yet: 503") == 1
    lists.error = None
    await trio.sleep(61)
    assert daemon.view.market(MARKET).status is S.CLOSED
    assert text().count("can be read again") == 1
    nursery.cancel_scope.cancel()


async def test_a_refused_key_is_raised(world, autojump_clock):
    _, lists, reread = world
    lists.error = AuthenticationRefused(status=401, code="refused", message="no such key")
    reread.mark([MARKET])
    with pytest.raises(AuthenticationRefused):
        await reread.run()


# --- what our own clock did -----------------------------------------------------------------------

SOON_S = CONFIRM_S[1] + 0.2
"""Within this long after a step of our clock its market was read."""


def close_by_clock(daemon, lists):
    """Let the close time of the market pass, and our clock close it."""
    now = daemon.now()
    later(lists, close_time=now)
    daemon.publish(ev.MarketsListed(at=now, markets=(lists.markets[MARKET],)))
    daemon.publish(ev.MarketClosed(at=now, ticker=MARKET))
    assert daemon.view.market(MARKET).status is S.CLOSED


async def test_a_market_whose_close_was_put_off_unheard_is_open_again_within_seconds(
    world, nursery, autojump_clock
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    close_by_clock(daemon, lists)
    later(lists, close_time=Timestamp(daemon.now() + 10**13))
    reread.confirm([MARKET])
    await trio.sleep(SOON_S)
    assert daemon.view.market(MARKET).status is S.ACTIVE
    await trio.sleep(600)
    assert len(lists.asked) == 1
    nursery.cancel_scope.cancel()


async def test_markets_that_close_in_one_moment_are_read_together_and_once(
    world, nursery, autojump_clock
):
    _, lists, reread = world
    nursery.start_soon(reread.run)
    for ticker in (MARKET, OTHER_MARKET):
        lists.markets[ticker] = attrs.evolve(lists.markets[ticker], status=S.CLOSED)
    reread.confirm([MARKET, OTHER_MARKET])
    await trio.sleep(CONFIRM_S[0] - 0.1)
    assert lists.asked == [], "the exchange gets a moment for it"
    await trio.sleep(600)
    assert lists.asked == [(MARKET, OTHER_MARKET)]
    nursery.cancel_scope.cancel()


async def test_a_list_that_lags_behind_our_clock_reopens_nothing_and_is_asked_ever_later(
    world, nursery, autojump_clock
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    close_by_clock(daemon, lists)
    reread.confirm([MARKET])
    for _ in range(600):
        await trio.sleep(1)
        assert daemon.view.market(MARKET).status is S.CLOSED
    assert len(lists.asked) == CONFIRM_TRIES
    # Whoever closes next is looked up just the same.
    later(lists, status=S.CLOSED)
    reread.confirm([MARKET])
    await trio.sleep(600)
    assert len(lists.asked) == CONFIRM_TRIES + 1
    nursery.cancel_scope.cancel()


async def test_a_step_that_comes_meanwhile_saves_the_looking_up(world, nursery, autojump_clock):
    _, lists, reread = world
    nursery.start_soon(reread.run)
    reread.confirm([MARKET])
    await trio.sleep(1)
    reread.heard(MARKET)
    await trio.sleep(600)
    assert lists.asked == []
    nursery.cancel_scope.cancel()


async def test_marks_that_never_end_hold_no_look_up_up(world, nursery, autojump_clock):
    _, lists, reread = world
    nursery.start_soon(reread.run)
    reread.confirm([MARKET])
    while trio.current_time() < SOON_S + APART_S:
        reread.mark([OTHER_MARKET])
        await trio.sleep(0.5)
    assert [tickers for tickers in lists.asked if MARKET in tickers] == [(OTHER_MARKET, MARKET)]
    nursery.cancel_scope.cancel()


async def test_a_look_up_is_tried_with_what_fails_already(world, nursery, autojump_clock):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    lists.error = ExchangeUnavailable("503")
    reread.mark([OTHER_MARKET])
    close_by_clock(daemon, lists)
    later(lists, close_time=Timestamp(daemon.now() + 10**13))
    reread.confirm([MARKET])
    await trio.sleep(300)
    assert lists.asked[-1] == (OTHER_MARKET, MARKET)
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("is_looked_up", [True, False])
async def test_a_reading_for_another_reason_reopens_nothing_while_the_list_lags(
    world, nursery, autojump_clock, is_looked_up
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    close_by_clock(daemon, lists)
    later(lists, title="Will it, as we say now?")
    if is_looked_up:
        reread.confirm([MARKET])
    reread.mark([MARKET])
    for _ in range(600):
        await trio.sleep(1)
        assert daemon.view.market(MARKET).status is S.CLOSED
    # What else the list says is true, and the market is looked up as if our clock alone had asked.
    assert daemon.view.market(MARKET).title == "Will it, as we say now?"
    assert len(lists.asked) == CONFIRM_TRIES + 1
    nursery.cancel_scope.cancel()


async def test_a_close_that_was_brought_forward_unheard_counts_although_the_list_lags(
    world, nursery, autojump_clock
):
    daemon, lists, reread = world
    nursery.start_soon(reread.run)
    later(lists, close_time=daemon.now())
    reread.mark([MARKET])
    await trio.sleep(1)
    # From here on our clock closes it.
    assert is_due(daemon.view.market(MARKET), daemon.now())
    nursery.cancel_scope.cancel()


async def test_many_markets_that_lag_are_told_apart_without_comparing_each_with_each(
    world, autojump_clock
):
    daemon, lists, reread = world
    compared = []

    class Counted(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            compared.append(None)
            return str.__eq__(self, other)

    tickers = [Counted(f"KXMANY-{number:05d}") for number in range(500)]
    now = daemon.now()
    markets = [attrs.evolve(market(str(t)), close_time=now) for t in tickers]
    lists.markets.update({one.ticker: one for one in markets})
    daemon.publish(
        ev.MarketsListed(at=now, markets=tuple(markets)),
        ev.UniverseChanged(at=now, added=tuple((m.ticker, "x") for m in markets), dropped=()),
        *(ev.MarketClosed(at=now, ticker=one.ticker) for one in markets),
    )
    await reread._read(tuple(tickers))
    assert len(reread._due) == 500
    assert len(compared) < 20 * len(tickers)
