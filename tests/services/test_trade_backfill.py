"""Missed trades are read again: in order, marked, once, and never while the feed is still away."""

import json

import pytest
import trio

from tests.kalshi.test_market_lists import TRADE
from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.core import trade_tape
from traderd.errors import ExchangeRefused, ExchangeUnavailable
from traderd.kalshi.paging import Reading
from traderd.kalshi.wire import rest as wire
from traderd.kalshi.wire.translate import trade_from_wire
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, TIMESTAMP_MAX, Timestamp, format_time
from traderd.services import trade_backfill
from traderd.services.trade_backfill import (
    GUARD_S,
    PAGES_MAX,
    QUIET_MARKET_NS,
    SLACK_NS,
    TradeBackfill,
)

BOTH = (MARKET, OTHER_MARKET)


class Trades:
    """The exchange's lists of trades: rows, newest first, or an error, by ticker."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.asked = []
        self.rows = {}
        self.complete = True
        self.unreadable = ""
        self.errors = []
        self.meanwhile = None
        self.broken = {}
        """By ticker, what is answered instead of its trades."""
        self.untils = []

    async def trades(self, ticker, *, since, until, pages_max):
        assert pages_max == PAGES_MAX
        self.untils.append(until)
        self.asked.append((ticker, since))
        await trio.sleep(0.1)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.errors:
            raise self.errors.pop(0)
        if ticker in self.broken:
            raise self.broken[ticker]
        rows = list(self.rows.get(ticker, ()))
        return Reading(rows, complete=self.complete, unreadable=self.unreadable)


def late(daemon, trade_id, ticker=MARKET, *, at_s=0.0):
    row = TRADE | {
        "trade_id": trade_id,
        "ticker": ticker,
        "created_time": format_time(Timestamp(daemon.now() + round(at_s * NS_PER_S))),
    }
    decoded = wire.decode_body(json.dumps(row).encode(), wire.Trade, "test")
    return trade_from_wire(decoded, at=daemon.now(), latest=TIMESTAMP_MAX)


def live(daemon, trade_id, ticker=MARKET):
    trade = late(daemon, trade_id, ticker)
    return ev.TradePrinted(
        trade_id=trade.trade_id,
        ticker=ticker,
        price=trade.price,
        count=trade.count,
        taker_side=Side.BID,
        at=daemon.now(),
        exchange_at=daemon.now(),
    )


@pytest.fixture
async def world(tmp_path, nursery, monkeypatch):
    async with still_daemon(tmp_path, market_data__markets=",".join(BOTH)) as daemon:
        lists = Trades(daemon)
        monkeypatch.setattr(daemon.shared.venue.rest, "lists", lists)
        backfill = TradeBackfill(daemon.context("market_data"))
        nursery.start_soon(backfill.run)
        with daemon.shared.bus.subscribe(ev.TradePrinted, ev.TradesBackfilled, name="test") as told:
            yield daemon, lists, backfill, told
        nursery.cancel_scope.cancel()


async def test_what_was_missed_is_told_in_order_before_the_word_that_it_is_whole(
    world, autojump_clock
):
    daemon, lists, backfill, told = world
    seen = live(daemon, "seen")
    daemon.publish(seen)
    await told.receive()
    backfill.miss([MARKET])
    lists.rows[MARKET] = [late(daemon, "c"), late(daemon, "b"), late(daemon, "seen")]
    backfill.cover([MARKET])
    batch = await told.receive()
    assert [type(event).__name__ for event in batch] == [
        "TradePrinted",
        "TradePrinted",
        "TradesBackfilled",
    ]
    assert [event.trade_id for event in batch[:2]] == ["b", "c"]
    assert all(event.backfilled for event in batch[:2])
    assert (batch[2].count, batch[2].complete, batch[2].since) == (2, True, seen.exchange_at)
    assert lists.asked == [(MARKET, seen.exchange_at)]


async def test_nothing_is_read_while_the_feed_is_away(world, autojump_clock):
    _, lists, backfill, _ = world
    backfill.miss(BOTH)
    backfill.cover([OTHER_MARKET])
    await trio.sleep(60)
    assert [ticker for ticker, _ in lists.asked] == [OTHER_MARKET]
    backfill.cover([MARKET])
    await trio.sleep(1)
    assert [ticker for ticker, _ in lists.asked] == [OTHER_MARKET, MARKET]


async def test_a_reading_during_which_the_feed_was_lost_again_does_not_count(world, autojump_clock):
    _, lists, backfill, told = world

    def lose_again():
        lists.meanwhile = None
        backfill.miss([MARKET])

    lists.meanwhile = lose_again
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    await trio.sleep(60)
    assert len(lists.asked) == 1
    assert told.statistics().received == 0
    backfill.cover([MARKET])
    (done,) = await told.receive()
    # From the first loss on, not from the second.
    assert done.since == lists.asked[0][1] == lists.asked[1][1]


async def test_a_market_in_which_we_have_something_is_read_first(world, autojump_clock):
    daemon, lists, backfill, _ = world
    daemon.place(Side.BID, "1", "0.10", ticker=OTHER_MARKET)
    backfill.miss(BOTH)
    backfill.cover(BOTH)
    await trio.sleep(5)
    assert [ticker for ticker, _ in lists.asked] == [OTHER_MARKET, MARKET]


async def test_an_exchange_that_is_away_is_asked_again_and_no_storm(world, autojump_clock):
    _, lists, backfill, told = world
    lists.errors = [ExchangeUnavailable("503")] * 100
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    await trio.sleep(600)
    assert 10 < len(lists.asked) < 60
    lists.errors.clear()
    (done,) = await told.receive()
    assert done.complete


async def test_a_market_that_cannot_be_read_holds_no_other_up_and_is_told_once(
    world, autojump_clock
):
    daemon, lists, backfill, told = world
    lists.broken[MARKET] = ExchangeUnavailable("HTTP 500: this market's tape is broken")
    # It is the first, and we hold something in it.
    daemon.place(Side.BID, "1", "0.10", ticker=MARKET)
    backfill.miss(BOTH)
    backfill.cover(BOTH)
    (done,) = await told.receive()
    assert (done.ticker, trio.current_time() < 5) == (OTHER_MARKET, True)
    await trio.sleep(3_600)
    assert 50 < len(lists.asked) < 200
    # Nor one that is lost while it waits to be tried again.
    backfill.miss([OTHER_MARKET])
    backfill.cover([OTHER_MARKET])
    began = trio.current_time()
    (done,) = await told.receive()
    assert (done.ticker, trio.current_time() - began < 5) == (OTHER_MARKET, True)
    text = daemon.log_text.getvalue
    assert text().count("missed trades cannot be read yet: HTTP 500") == 1
    lists.broken.clear()
    (done,) = await told.receive()
    assert (done.ticker, done.complete) == (MARKET, True)
    await trio.sleep(1)
    assert text().count("could be read again") == 1


async def test_what_was_traded_long_after_the_feed_came_back_is_neither_remembered_nor_read(
    world, autojump_clock
):
    daemon, lists, backfill, told = world
    lists.broken[MARKET] = ExchangeUnavailable("503")
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    back_at = daemon.now()
    hole = backfill._holes[MARKET]
    daemon.publish(*backfill.filtered([live(daemon, "soon")]))
    await trio.sleep(GUARD_S + 60)
    for number in range(50):
        daemon.publish(*backfill.filtered([live(daemon, f"later{number}")]))
    assert list(hole.seen) == ["soon"]
    lists.rows[MARKET] = [late(daemon, "too late"), late(daemon, "missed", at_s=-GUARD_S - 60)]
    lists.broken.clear()
    events = []
    while not any(isinstance(event, ev.TradesBackfilled) for event in events):
        events += await told.receive()
    backfilled = [e for e in events if isinstance(e, ev.TradePrinted) and e.backfilled]
    assert [trade.trade_id for trade in backfilled] == ["missed"]
    # While that moment is still to come, the newest is asked for.
    assert lists.untils[0] is None
    assert lists.untils[-1] == back_at + round(GUARD_S * NS_PER_S)


async def test_a_flood_before_the_reading_ends_the_hole_and_is_said(
    world, autojump_clock, monkeypatch
):
    daemon, lists, backfill, told = world
    monkeypatch.setattr(trade_backfill, "SEEN_MAX", 5)
    lists.broken[MARKET] = ExchangeUnavailable("503")
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    hole = backfill._holes[MARKET]
    backfill.filtered([live(daemon, f"t{number}") for number in range(20)])
    assert len(hole.seen) == 5
    (done,) = await told.receive()
    assert (done.ticker, done.complete) == (MARKET, False)
    assert "5 trades came before" in daemon.log_text.getvalue()
    # No more than that was asked.
    asked = len(lists.asked)
    await trio.sleep(600)
    assert len(lists.asked) == asked


async def test_a_clear_no_ends_the_hole_and_is_said(world, autojump_clock):
    daemon, lists, backfill, told = world
    lists.errors = [ExchangeRefused(status=404, code="not_found", message="no")]
    backfill.miss(BOTH)
    backfill.cover(BOTH)
    (first,) = await told.receive()
    assert (first.ticker, first.complete, first.count) == (MARKET, False, 0)
    (second,) = await told.receive()
    assert (second.ticker, second.complete) == (OTHER_MARKET, True)
    assert daemon.view.market_data.tape.gaps_left == 1


async def test_too_many_trades_are_said_to_be_cut(world, autojump_clock):
    daemon, lists, backfill, told = world
    lists.complete = False
    lists.rows[MARKET] = [late(daemon, "a")]
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    *_, done = await told.receive()
    assert not done.complete
    assert "older ones are lost" in daemon.log_text.getvalue()


async def test_a_row_that_is_no_trade_is_said_to_be_lost_and_the_others_are_told(
    world, autojump_clock
):
    daemon, lists, backfill, told = world
    lists.complete, lists.unreadable = False, "trade x: created_time is none"
    lists.rows[MARKET] = [late(daemon, "a")]
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    trade, done = await told.receive()
    assert (trade.trade_id, done.count, done.complete) == ("a", 1, False)
    assert "one at least is lost: trade x: created_time is none" in daemon.log_text.getvalue()


async def test_what_is_missing_before_a_trade_is_read_from_before_the_hole_on(
    world, autojump_clock
):
    daemon, lists, backfill, told = world
    before = daemon.now()
    await trio.sleep(30)
    shows_it = live(daemon, "shows it")
    daemon.publish(shows_it)
    await told.receive()
    # An older hole stays as long as it is; a later one makes no hole smaller.
    for since in (before + 9 * NS_PER_S, before, before + 5 * NS_PER_S):
        backfill.missed([MARKET], Timestamp(since))
    backfill.cover([MARKET])
    lists.rows[MARKET] = [late(daemon, "shows it"), late(daemon, "lost", at_s=-5)]
    trade, done = await told.receive()
    assert (trade.trade_id, done.since) == ("lost", before - SLACK_NS)
    # Without a trade before it the hole began when a line may have been dead already.
    found_at = daemon.context("market_data").exchange_now()
    backfill.missed([MARKET], None)
    backfill.cover([MARKET])
    (done,) = await told.receive()
    assert done.since == found_at - QUIET_MARKET_NS - SLACK_NS


async def test_a_market_that_left_meanwhile_needs_nothing(world, autojump_clock):
    daemon, lists, backfill, _ = world
    backfill.miss([MARKET])
    daemon.publish(ev.UniverseChanged(at=daemon.now(), added=(), dropped=((MARKET, "closed"),)))
    backfill.cover([MARKET])
    await trio.sleep(10)
    assert lists.asked == []


async def test_a_live_trade_that_a_reading_told_of_is_not_told_again(world, autojump_clock):
    daemon, lists, backfill, told = world
    known, new = live(daemon, "a"), live(daemon, "z")
    assert backfill.filtered([known, new]) == [known, new]
    lists.rows[MARKET] = [late(daemon, "a")]
    backfill.miss([MARKET])
    backfill.cover([MARKET])
    await told.receive()
    assert backfill.filtered([known, new]) == [new]
    await trio.sleep(GUARD_S + 1)
    # Nothing is looked through for ever.
    assert backfill.filtered([known]) == [known]


async def test_what_the_feed_brought_while_the_reading_waited_is_not_doubled_however_much_it_was(
    world, autojump_clock, monkeypatch
):
    daemon, lists, backfill, told = world
    monkeypatch.setattr(trade_tape, "TRADES_KNOWN_MAX", 2)
    lists.errors = [ExchangeUnavailable("503")] * 100
    # It trades on, is lost for a moment again, and trades on, more than the tape remembers.
    brought = []
    for number in range(8):
        if number % 4 == 0:
            backfill.miss([MARKET])
            backfill.cover([MARKET])
        await trio.sleep(1.5)
        brought.append(live(daemon, f"live{number}"))
        daemon.publish(*backfill.filtered(brought[-1:]))
    lists.errors.clear()
    lists.rows[MARKET] = [late(daemon, each.trade_id, at_s=-9) for each in reversed(brought)]
    lists.rows[MARKET].append(late(daemon, "missed", at_s=-9))
    events = []
    while not any(isinstance(event, ev.TradesBackfilled) for event in events):
        events += await told.receive()
    trades = [event for event in events if isinstance(event, ev.TradePrinted)]
    assert [trade.trade_id for trade in trades] == [*(t.trade_id for t in brought), "missed"]
    assert [trade.trade_id for trade in trades if trade.backfilled] == ["missed"]


async def test_a_restart_of_the_stage_keeps_what_is_missing(world, autojump_clock):
    daemon, _, backfill, told = world
    backfill.miss([MARKET])
    again = TradeBackfill(daemon.context("market_data"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(again.run)
        again.cover([MARKET])
        (done,) = await told.receive()
        nursery.cancel_scope.cancel()
    assert done.ticker == MARKET
