"""Broadcasts become the events that the trader's decoder makes of their frames."""

import pytest

pytest.importorskip("gymnasium", reason="the extra `rl` is not installed")

from traderd.gym.news import News, market_of, whole_ms
from traderd.kalshi.wire import frames
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderTerms, Side, TimeInForce
from traderd.model.units import NS_PER_S, Count, Money, Price, Timestamp
from traderd.paper.feed import bodies
from traderd.paper.ids import SeededIds
from traderd.paper.scenario import build_venue, default_scenario
from traderd.paper.venue.messages import FillHappened, LevelChanged, OrderUpdated, TradeHappened

SCENARIO = default_scenario()
TICKER = MarketTicker(SCENARIO.markets[0].ticker)
NOW = Timestamp(1_700_000_000 * NS_PER_S + 123_456_789)


def world():
    venue = build_venue(SCENARIO, ids=SeededIds(1), now=NOW)
    for name in ("policy", "other"):
        venue.open_account(name, Money(10**9), NOW)
    venue.take_outbox()
    return venue


def buy(venue, who, price, *, ticker=TICKER, immediate=True):
    kind = TimeInForce.IMMEDIATE_OR_CANCEL if immediate else TimeInForce.GOOD_TILL_CANCELED
    terms = OrderTerms(
        ticker=ticker, side=Side.BID, price=price, count=Count(500), time_in_force=kind
    )
    venue.create_order(who, terms, None, NOW)


def test_a_fill_of_ours_is_told_as_book_trade_order_and_fill():
    venue = world()
    best = venue.book(TICKER)[1][0][0]
    buy(venue, "policy", best)
    told = list(News(TICKER, "policy").events(venue.take_outbox(), NOW))
    assert {type(one) for one in told} == {
        *(ev.BookDelta, ev.TradePrinted, ev.OrderReported, ev.OrderFilled),
    }


def test_other_markets_and_other_accounts_are_not_told():
    venue = world()
    best = venue.book(TICKER)[1][0][0]
    buy(venue, "other", best)
    buy(
        venue,
        "policy",
        Price(100),
        ticker=MarketTicker(SCENARIO.markets[1].ticker),
        immediate=False,
    )
    told = list(News(TICKER, "other-one").events(venue.take_outbox(), NOW))
    assert {type(one) for one in told} == {ev.BookDelta, ev.TradePrinted}
    assert {one.ticker for one in told} == {TICKER}


def test_book_frames_are_numbered_without_a_hole():
    venue, news = world(), News(TICKER, "policy")
    assert news.next_seq() == 1
    for _ in range(3):
        buy(venue, "other", venue.book(TICKER)[1][0][0])
    deltas = [one for one in news.events(venue.take_outbox(), NOW) if isinstance(one, ev.BookDelta)]
    assert [one.seq for one in deltas] == [2, 3, 4]


def test_times_are_told_in_whole_milliseconds():
    venue = world()
    buy(venue, "policy", venue.book(TICKER)[1][0][0])
    told = list(News(TICKER, "policy").events(venue.take_outbox(), NOW))
    exact = whole_ms(NOW)
    assert exact == NOW - 456_789
    assert {one.exchange_at for one in told if hasattr(one, "exchange_at")} == {exact}
    assert [one.fill.executed_at for one in told if isinstance(one, ev.OrderFilled)] == [exact]


def test_it_is_what_the_decoder_makes_of_the_frames():
    venue = world()
    buy(venue, "policy", venue.book(TICKER)[1][0][0])
    outbox = venue.take_outbox()
    ours = list(News(TICKER, "policy", 0).events(outbox, NOW))
    assert decoded(outbox, venue) == ours


def decoded(outbox, venue):
    """Return the events that a trader makes of the frames of these broadcasts."""
    decoder = FrameDecoder(1, ev.FeedName.MARKET_DATA)
    found, seq = [], 0
    for one in outbox:
        if isinstance(one, LevelChanged):
            seq += 1
            body = bodies.delta(
                one, venue.market(TICKER).market_id, use_yes_price=True, is_own=True
            )
            message = frames.data_message("orderbook_delta", body, 0)
        elif isinstance(one, TradeHappened):
            message = frames.data_message("trade", bodies.trade(one.trade), 0)
        elif isinstance(one, OrderUpdated):
            message = frames.data_message("user_order", bodies.user_order(one.order), 0)
        elif isinstance(one, FillHappened):
            message = frames.data_message("fill", bodies.fill(one), 0)
        else:
            continue
        decoder.decode(message.addressed(1, seq), NOW, found)
    return [one for one in found if not isinstance(one, ev.SequenceAdvanced)]


def test_a_market_is_listed_as_the_exchange_keeps_it():
    kept = world().market(TICKER)
    listed = market_of(kept)
    assert (listed.ticker, listed.grid, listed.close_time) == (TICKER, kept.grid, kept.close_time)
