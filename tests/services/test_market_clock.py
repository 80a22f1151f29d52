"""Markets open and close by the exchange's clock, because the exchange says nothing then."""

import attrs
import pytest
import trio

from tests.core.builders import market, second
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.model import events as ev
from traderd.model.market import MarketStatus
from traderd.model.units import NS_PER_S, Timestamp
from traderd.services.market_clock import (
    LOOK_S_MAX,
    is_due,
    next_step,
    run_market_clock,
    tell_due,
    with_known_status,
)

S = MarketStatus


def with_times(status, *, opens=None, closes=100):
    times = {"close_time": second(closes), "open_time": None if opens is None else second(opens)}
    return attrs.evolve(market(status=status), **times)


@pytest.mark.parametrize(
    ("one", "step"),
    [
        (with_times(S.INITIALIZED, opens=10), (second(10), ev.MarketOpened)),
        (with_times(S.INITIALIZED), (second(100), ev.MarketClosed)),
        # It never opens: it is over before.
        (with_times(S.INITIALIZED, opens=100), (second(100), ev.MarketClosed)),
        (with_times(S.ACTIVE, opens=10), (second(100), ev.MarketClosed)),
        (with_times(S.INACTIVE), (second(100), ev.MarketClosed)),
        (with_times(S.CLOSED), None),
        (with_times(S.DETERMINED), None),
        (with_times(S.FINALIZED), None),
        (with_times(S.UNKNOWN), None),
    ],
)
def test_the_next_step_of_a_market(one, step):
    assert next_step(one) == step


def test_a_step_is_due_from_its_moment_on_until_it_was_done():
    one = with_times(S.ACTIVE, closes=100)
    assert [is_due(one, second(at)) for at in (99, 100, 101)] == [False, True, True]
    assert not is_due(with_times(S.CLOSED, closes=100), second(101))


@pytest.mark.parametrize(
    ("listed_as", "known_as", "taken"),
    [
        # The list has yet to notice what our clock did, or a step since.
        (with_times(S.ACTIVE), S.CLOSED, S.CLOSED),
        (with_times(S.INITIALIZED, opens=10), S.ACTIVE, S.ACTIVE),
        (with_times(S.INACTIVE), S.DETERMINED, S.DETERMINED),
        # The close was put off, or the exchange is ahead of us.
        (with_times(S.ACTIVE, closes=101), S.CLOSED, S.ACTIVE),
        (with_times(S.DETERMINED), S.CLOSED, S.DETERMINED),
        (with_times(S.CLOSED), S.ACTIVE, S.CLOSED),
        (with_times(S.ACTIVE), None, S.ACTIVE),
    ],
)
def test_a_list_that_has_yet_to_notice_takes_no_status_back(listed_as, known_as, taken):
    known = None if known_as is None else market(status=known_as)
    merged = with_known_status(listed_as, known, second(100))
    assert merged == attrs.evolve(listed_as, status=taken)
    assert (merged is listed_as) == (taken is listed_as.status)


def listed(daemon, ticker=MARKET, *, status=S.ACTIVE, opens_in_s=None, closes_in_s=100):
    now = daemon.now()
    return attrs.evolve(
        market(ticker, status=status),
        close_time=Timestamp(now + closes_in_s * NS_PER_S),
        open_time=None if opens_in_s is None else Timestamp(now + opens_in_s * NS_PER_S),
    )


def publish(daemon, *markets):
    daemon.publish(ev.MarketsListed(at=daemon.now(), markets=markets))


async def test_what_is_due_is_told_once_and_the_next_is_waited_for(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("market_data")
        publish(
            daemon,
            listed(daemon, status=S.INITIALIZED, opens_in_s=-5),
            listed(daemon, OTHER_MARKET, closes_in_s=0),
        )
        assert tell_due(context) == 0.0
        assert daemon.view.market(MARKET).status is S.ACTIVE
        assert daemon.view.market(OTHER_MARKET).status is S.CLOSED
        assert tell_due(context) == pytest.approx(100)
        assert '"KXDEMO-26DEC31-B closes"' in daemon.log_text.getvalue()


async def test_a_market_opens_and_closes_on_time(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        nursery.start_soon(run_market_clock, daemon.context("market_data"))
        publish(daemon, listed(daemon, status=S.INITIALIZED, opens_in_s=70, closes_in_s=200))
        await trio.sleep(69.9)
        assert daemon.view.market(MARKET).status is S.INITIALIZED
        await trio.sleep(0.2)
        assert daemon.view.market(MARKET).status is S.ACTIVE
        await trio.sleep(129.8)
        assert daemon.view.market(MARKET).status is S.ACTIVE
        await trio.sleep(0.2)
        assert daemon.view.market(MARKET).status is S.CLOSED
        nursery.cancel_scope.cancel()


async def test_an_earlier_close_counts_at_once(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        nursery.start_soon(run_market_clock, daemon.context("market_data"))
        publish(daemon, listed(daemon, closes_in_s=10_000))
        await trio.sleep(1)
        daemon.publish(
            ev.MarketLifecycleChanged(
                at=daemon.now(),
                ticker=MARKET,
                step=ev.LifeStep.CLOSE_DATE_UPDATED,
                close_time=daemon.now(),
            )
        )
        await trio.sleep(0.1)
        assert daemon.view.market(MARKET).status is S.CLOSED
        nursery.cancel_scope.cancel()


async def test_a_list_that_lags_behind_the_close_is_set_right_again(tmp_path, autojump_clock):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        nursery.start_soon(run_market_clock, daemon.context("market_data"))
        publish(daemon, listed(daemon, closes_in_s=-3))
        await trio.sleep(0.1)
        assert daemon.view.market(MARKET).status is S.CLOSED
        nursery.cancel_scope.cancel()


async def test_the_exchanges_clock_decides_and_a_clock_that_is_set_is_noticed(
    tmp_path, autojump_clock, monkeypatch
):
    async with still_daemon(tmp_path) as daemon, trio.open_nursery() as nursery:
        offset_ms = [-40_000]
        rest = type(daemon.shared.venue.rest)
        monkeypatch.setattr(rest, "clock_offset_ms", property(lambda _: offset_ms[0]))
        nursery.start_soon(run_market_clock, daemon.context("market_data"))
        publish(daemon, listed(daemon, closes_in_s=60))
        await trio.sleep(99)
        # Ours says that it is over; the exchange's is 40 s behind.
        assert daemon.view.market(MARKET).status is S.ACTIVE
        await trio.sleep(2)
        assert daemon.view.market(MARKET).status is S.CLOSED
        publish(daemon, listed(daemon, OTHER_MARKET, closes_in_s=9_000))
        await trio.sleep(1)
        offset_ms[0] = 9_000_000
        await trio.sleep(LOOK_S_MAX)
        assert daemon.view.market(OTHER_MARKET).status is S.CLOSED
        nursery.cancel_scope.cancel()
