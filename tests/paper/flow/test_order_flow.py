"""The street's behaviour: lively, bounded, repeatable, and kind to a small order at the touch."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from tests.paper.venues import CLOSE, NOW, bid, venue
from traderd.model.ids import MarketTicker
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import NS_PER_S, Count, Price, Timestamp, parse_money
from traderd.paper.flow.order_flow import OrderFlow
from traderd.paper.scenario import build_venue, default_scenario
from traderd.paper.venue.messages import Broadcast, FillHappened, LevelChanged, TradeHappened
from traderd.paper.venue.venue import Venue

B, A = Side.BID, Side.ASK


def default_venue(*, markets: int = 12) -> Venue:
    scenario = default_scenario()
    scenario = msgspec.structs.replace(scenario, markets=scenario.markets[:markets])
    numbers = itertools.count(1)
    return build_venue(scenario, ids=lambda: f"id-{next(numbers)}", now=NOW)


def run(
    v: Venue, flow: OrderFlow, seconds: float, start: Timestamp = NOW
) -> Iterator[tuple[Timestamp, list[Broadcast]]]:
    now, end = start, start + int(seconds * NS_PER_S)
    while True:
        delay, action = flow.next_action(now)
        now = Timestamp(now + int(delay * NS_PER_S))
        if now > end:
            return
        flow.apply(action, now)
        yield now, v.take_outbox()


def digest(seed: int) -> str:
    v = default_venue()
    sha = hashlib.sha256()
    for now, news in run(v, OrderFlow(v, Random(seed)), 120):
        sha.update(repr((now, news)).encode())
    return sha.hexdigest()


def test_the_same_seed_gives_the_same_broadcasts_and_another_seed_others():
    assert digest(7) == digest(7)
    assert digest(7) != digest(8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twelve_markets_change_five_to_eight_times_a_second_and_trades_print(seed):
    v = default_venue()
    changes, trades, changed = 0, 0, set()
    for _, news in run(v, OrderFlow(v, Random(seed)), 600):
        levels = [each for each in news if isinstance(each, LevelChanged)]
        changes += len(levels)
        changed.update(each.ticker for each in levels)
        trades += sum(isinstance(each, TradeHappened) for each in news)
    assert 5 <= changes / 600 <= 8
    assert trades > 60
    assert len(changed) == 12


def test_most_trades_are_small_and_few_are_very_large():
    v = default_venue()
    news = itertools.chain.from_iterable(each for _, each in run(v, OrderFlow(v, Random(1)), 3600))
    sizes = sorted(each.count for each in news if isinstance(each, TradeHappened))
    assert sizes[len(sizes) // 2] < Count(5_000)
    assert sizes[-1] > 100 * sizes[len(sizes) // 2]
    assert any(size % 100 for size in sizes)


def test_one_simulated_day_keeps_the_books_alive_and_the_memory_flat():
    # Two markets of one event and two alone, at the rate that four have among the twelve.
    v = default_venue(markets=4)
    flow = OrderFlow(v, Random(11), rate=5 / 3)
    orders_after_an_hour = None
    opening = {market.ticker: v.book_of(market.ticker).best(B) for market in v.markets()}
    ticks_from_home = []
    for number, (now, _) in enumerate(run(v, flow, 86_400)):
        if number % 97:
            continue
        for market in v.markets():
            bids, asks = v.book(market.ticker)
            assert 20 <= len(bids) <= 80
            assert 20 <= len(asks) <= 80
            assert 0 < asks[0][0] - bids[0][0] <= 500
            ticks_from_home.append((bids[0][0] - opening[market.ticker]) // 100)
        if now - NOW > 3600 * NS_PER_S:
            orders = sum(v.book_of(m.ticker).order_count() for m in v.markets())
            orders_after_an_hour = orders_after_an_hour or orders
            assert abs(orders - orders_after_an_hour) <= 40
    assert orders_after_an_hour is not None
    # The fair value wanders, but is pulled back: an even walk would spend 30 % of its time this far out.
    assert {-4, -3, -2, -1, 0, 1, 2, 3, 4} <= set(ticks_from_home)
    far = sum(abs(ticks) >= 5 for ticks in ticks_from_home)
    assert far < 0.12 * len(ticks_from_home)
    assert v.total_money() == 0


def join_touch(v: Venue, ticker: MarketTicker, side: Side, now: Timestamp) -> None:
    best = v.book_of(ticker).best(side)
    resting = v.account("ann").resting(ticker, side)
    if not resting or resting[0].price != best:
        for order in resting:
            v.cancel_order("ann", order.order_id, now)
        terms = OrderTerms(ticker=ticker, side=side, price=best, count=Count(500), post_only=True)
        v.create_order("ann", terms, None, now)


@pytest.mark.parametrize("side", [B, A])
def test_a_small_maker_who_follows_the_touch_fills_within_about_a_minute(side):
    waits = []
    for seed in range(6):
        v = default_venue()
        v.open_account("ann", parse_money("1000"))
        waiting = [market.ticker for market in v.markets()]
        follow_at = NOW
        for now, news in run(v, OrderFlow(v, Random(seed)), 600):
            for each in news:
                if isinstance(each, FillHappened) and each.fill.ticker in waiting:
                    waiting.remove(each.fill.ticker)
                    waits.append((now - NOW) / NS_PER_S)
            if now >= follow_at:
                follow_at = Timestamp(now + 5 * NS_PER_S)
                for ticker in waiting:
                    join_touch(v, ticker, side, now)
        waits.extend(600.0 for _ in waiting)
    waits.sort()
    assert waits[0] > 0.5
    assert waits[len(waits) // 2] < 60
    assert waits[len(waits) * 9 // 10] < 150


def test_an_order_that_only_improves_the_touch_waits_for_an_ordinary_taker_or_a_move():
    wide = MarketTicker("KXMLBGAME-26AUG071910ATHBOS-BOS")
    waits = []
    for seed in range(15):
        v = default_venue()
        v.open_account("ann", parse_money("1000"))
        flow = OrderFlow(v, Random(seed))
        assert [levels[0][0] for levels in v.book(wide)] == [7000, 7200]
        v.create_order("ann", bid("5", "0.71", ticker=wide), None, NOW)
        waits.extend(
            (now - NOW) / NS_PER_S
            for now, news in run(v, flow, 600)
            if any(isinstance(each, FillHappened) for each in news)
        )
    # Were it hit at once, it would be gone by the market's first quote, after 2.4 s on average.
    assert len(waits) >= 15
    assert 6 < sorted(waits)[len(waits) // 2] < 60


def test_levels_behind_the_touch_never_vanish():
    v = venue()
    (market,) = v.markets()
    for number in range(1, 30):
        v.street.add(market.ticker, B, Price(4700 - 100 * number), Count(2_000), NOW)
        v.street.add(market.ticker, A, Price(4700 + 100 * number), Count(2_000), NOW)
    v.take_outbox()
    before = {
        side: [price for price, _ in v.book_of(market.ticker).levels(side)] for side in (B, A)
    }
    for _, news in run(v, OrderFlow(v, Random(2)), 900):
        for side in (B, A):
            now_there = [price for price, _ in v.book_of(market.ticker).levels(side)]
            gone = [price for price in before[side] if price not in now_there]
            assert gone == before[side][: len(gone)], news
            before[side] = now_there


def test_a_huge_late_order_is_eaten_in_the_end_while_the_book_stays_uncrossed():
    v = default_venue(markets=1)
    v.open_account("ann", parse_money("100000"))
    (ticker,) = [market.ticker for market in v.markets()]
    flow = OrderFlow(v, Random(5))
    best = v.book_of(ticker).best(B)
    terms = OrderTerms(ticker=ticker, side=B, price=best, count=Count(5_000_000), post_only=True)
    order = v.create_order("ann", terms, None, NOW)
    assert order.is_resting
    for _ in run(v, flow, 3600):
        bids, asks = v.book(ticker)
        assert bids[0][0] < asks[0][0]
    assert v.order("ann", order.order_id).fill_count == Count(5_000_000)
    # No single taker is that large: it was late more than once or was eaten in several bites.
    assert len(v.fills("ann")) > 3


def test_the_next_action_stays_the_same_until_it_is_applied():
    v = default_venue(markets=2)
    flow = OrderFlow(v, Random(1))
    delay, action = flow.next_action(NOW)
    later, same = flow.next_action(Timestamp(NOW + 3600 * NS_PER_S))
    assert same is action
    assert later == 0 < delay
    flow.apply(action, NOW)
    with pytest.raises(ValueError, match="not the next action"):
        flow.apply(action, NOW)


def test_a_closed_market_is_left_alone():
    v = venue()
    (market,) = v.markets()
    for number in range(1, 30):
        v.street.add(market.ticker, B, Price(4700 - 100 * number), Count(10_000), NOW)
        v.street.add(market.ticker, A, Price(4700 + 100 * number), Count(10_000), NOW)
    flow = OrderFlow(v, Random(1))
    v.take_outbox()
    assert any(news for _, news in run(v, flow, 60))
    assert not any(news for _, news in run(v, flow, 600, start=CLOSE))


def test_a_venue_without_opening_books_has_no_flow():
    with pytest.raises(ValueError, match="no market"):
        OrderFlow(venue(), Random(1)).next_action(NOW)
