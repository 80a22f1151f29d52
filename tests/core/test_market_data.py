"""Books behind one sequence: a recorded session, every way of breaking it, and healing."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core import recording
from tests.core.builders import (
    OTHER,
    SUBSCRIPTION,
    TICKER,
    contracts,
    delta,
    followed,
    kinds,
    limits,
    market,
    price,
    reply,
    second,
    snapshot,
    tell,
)
from traderd.core.engine import Engine
from traderd.core.market_data import MarketData
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model import events as ev
from traderd.model.ids import MarketTicker, TradeId
from traderd.model.orders import Side
from traderd.model.units import Count, Price

# --- the recorded session -------------------------------------------------------------------------


def decoder() -> FrameDecoder:
    """Return a decoder for the recording, whose NO side is quoted in NO prices."""
    return FrameDecoder(1, ev.FeedName.MARKET_DATA, use_yes_price=False)


def decoded() -> list[list[ev.Event]]:
    """Return the events of each frame of the recording."""
    wire, out = decoder(), []
    for seq, frame in enumerate(recording.frames(), start=1):
        events: list[ev.Event] = []
        wire.decode(json.dumps(frame), second(seq / 1000), events)
        assert frame["seq"] == seq
        assert len(events) == 1
        out.append(events)
    return out


def ticker_of(events: list[ev.Event]) -> str | None:
    return getattr(events[0], "ticker", None)


def check_books(engine: Engine, seq: int, tickers: set[str | None]) -> None:
    """Assert that each of these books is true as of `seq`, or says that it cannot be trusted."""
    for ticker in sorted(filter(None, tickers)):
        book = engine.market_data.books.get(MarketTicker(ticker))
        if book is not None and book.usable:
            assert recording.levels_of(book) == recording.in_units(seq, ticker)


def test_the_recorded_session_gives_the_true_books_at_every_frame():
    engine = Engine(limits=limits())
    for seq, events in enumerate(decoded(), start=1):
        tell(engine, *events)
        books = engine.market_data.books
        assert sorted(books) == sorted(recording.truth()[seq])
        assert all(book.usable for book in books.values())
        check_books(engine, seq, {ticker_of(events)})
    check_books(engine, seq, set(engine.market_data.books))
    data = engine.market_data
    assert (data.snapshots_received, data.deltas_received) == (12, 245)
    assert (data.gaps, data.stale_frames, data.usable_books()) == (0, 0, 12)
    assert sum(len(side) for book in recording.truth()[-1].values() for side in book) > 1_000


Numbered = tuple[int, list[ev.Event]]


def numbered() -> list[Numbered]:
    return list(enumerate(decoded(), start=1))


def play(frames: list[Numbered], *, hurt: list[Numbered]) -> Engine:
    """Play frames and check from the damage on: the books it hurt, and each book that a frame is for."""
    engine, highest = Engine(limits=limits()), 0
    hurt_tickers = {ticker_of(events) for _, events in hurt}
    for seq, events in frames:
        for event in events:
            engine.apply(event)
        highest = max(highest, seq)
        if highest >= hurt[0][0]:
            check_books(engine, highest, hurt_tickers | {ticker_of(events)})
    return engine


def test_every_frame_left_out_is_noticed_and_no_usable_book_is_wrong():
    frames = numbered()
    for i in range(len(frames) - 1):
        engine = play([*frames[:i], *frames[i + 1 :]], hurt=[frames[i]])
        assert engine.market_data.gaps == 1, f"without seq {frames[i][0]}"
        lost = frames[i][1][0]
        if isinstance(lost, ev.BookDelta):
            assert not engine.market_data.books[lost.ticker].usable


def test_every_frame_doubled_is_noticed_and_changes_nothing():
    frames = numbered()
    for i, frame in enumerate(frames):
        engine = play([*frames[: i + 1], frame, *frames[i + 1 :]], hurt=[frame])
        data = engine.market_data
        assert (data.stale_frames, data.gaps) == (1, 0), f"seq {frame[0]} twice"
        assert data.usable_books() == 12


def test_every_frame_swapped_with_its_neighbour_is_noticed_and_no_usable_book_is_wrong():
    frames = numbered()
    for i in range(len(frames) - 1):
        first, second_ = frames[i : i + 2]
        swapped = [*frames[:i], second_, first, *frames[i + 2 :]]
        data = play(swapped, hurt=[first, second_]).market_data
        # The one that came late is old; whoever comes after it fits the higher number.
        assert (data.gaps, data.stale_frames) == (1, 1), f"seq {first[0]} after {second_[0]}"


@pytest.mark.parametrize("kind", ["orderbook_snapshot", "orderbook_delta"])
def test_every_frame_that_cannot_be_read_is_noticed_at_the_next_one(kind):
    frames, events_of = recording.frames(), decoded()
    chosen = [i for i, frame in enumerate(frames) if frame["type"] == kind]
    for i in chosen[::9]:
        wire, broken = decoder(), list[ev.Event]()
        wire.decode(json.dumps(frames[i])[:-9], second(0), broken)
        engine = Engine(limits=limits())
        for events in [*events_of[:i], broken, events_of[i + 1]]:
            tell(engine, *events)
        assert kinds(broken) == ["FrameRefused"]
        assert (engine.market_data.drift.refused, engine.market_data.gaps) == (1, 1), i


# --- transcripts ----------------------------------------------------------------------------------


def two_books() -> Engine:
    engine = Engine(limits=limits())
    tell(
        engine,
        snapshot(1, {"0.45": 10}, {"0.55": 10}),
        snapshot(2, {"0.30": 10}, {"0.40": 10}, ticker=OTHER),
    )
    return engine


def test_a_first_snapshot_makes_a_book_that_can_be_trusted():
    engine = Engine(limits=limits())
    told = tell(engine, snapshot(1, {"0.45": 10}, {}))
    assert kinds(told) == ["BookSnapshot", "BookRestored"]
    assert engine.market_data.usable_books() == 1
    assert engine.market_data.resyncs == 0


def test_a_gap_puts_every_book_of_its_subscription_in_doubt_and_no_other():
    engine = two_books()
    elsewhere = MarketTicker("KXC-26-Y")
    tell(engine, snapshot(1, {"0.10": 1}, {}, ticker=elsewhere, subscription="1:2"))
    told = tell(engine, delta(5, Side.BID, "0.46", 1))
    assert [(type(e).__name__, getattr(e, "ticker", None)) for e in told[1:]] == [
        ("FramesMissed", None),
        ("BookInvalidated", TICKER),
        ("BookInvalidated", OTHER),
    ]
    invalidated = told[2]
    assert isinstance(invalidated, ev.BookInvalidated)
    assert invalidated.fault is ev.BookFault.GAP
    assert invalidated.detail == "frames before seq 5 of subscription 1:1 are missing"
    assert engine.market_data.books[elsewhere].usable


def test_a_gap_is_told_once_until_the_books_are_good_again():
    engine = two_books()
    tell(engine, delta(5, Side.BID, "0.46", 1))
    assert kinds(tell(engine, delta(9, Side.BID, "0.46", 1))) == ["BookDelta", "FramesMissed"]
    assert engine.market_data.gaps == 2


def test_one_snapshot_heals_its_own_book_only():
    engine = two_books()
    tell(engine, delta(5, Side.BID, "0.46", 1))
    told = tell(engine, snapshot(6, {"0.44": 1}, {"0.50": 1}))
    assert kinds(told) == ["BookSnapshot", "BookRestored"]
    books = engine.market_data.books
    assert (books[TICKER].usable, books[OTHER].usable) == (True, False)
    assert engine.market_data.resyncs == 1


def test_a_snapshot_after_a_gap_is_good_itself_and_dooms_the_others():
    engine = two_books()
    told = tell(engine, snapshot(7, {"0.44": 1}, {}))
    assert kinds(told) == [
        *("BookSnapshot", "FramesMissed", "BookInvalidated", "BookInvalidated"),
        "BookRestored",
    ]
    books = engine.market_data.books
    assert (books[TICKER].usable, books[OTHER].usable) == (True, False)


def test_a_reply_that_jumps_ahead_proves_a_loss():
    engine = two_books()
    assert kinds(tell(engine, reply(3))) == ["SequenceAdvanced"]
    assert kinds(tell(engine, reply(3))) == ["SequenceAdvanced"]
    assert engine.market_data.usable_books() == 2
    told = tell(engine, reply(5))
    assert kinds(told) == [
        "SequenceAdvanced",
        "FramesMissed",
        *["BookInvalidated"] * 2,
    ]


def test_a_stale_snapshot_is_not_taken():
    engine = two_books()
    tell(engine, delta(3, Side.BID, "0.46", 1))
    told = tell(engine, snapshot(2, {"0.01": 1}, {}))
    assert kinds(told) == ["BookSnapshot", "BookInvalidated"], "it may tell what we do not know"
    book = engine.market_data.books[TICKER]
    assert book.fault is ev.BookFault.STRAY
    assert book.last_known_depth(Side.BID)[0] == (price("0.46"), contracts(1))


def test_a_delta_before_its_snapshot_asks_for_one():
    engine = Engine(limits=limits())
    told = tell(engine, delta(1, Side.BID, "0.46", 1))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    book = engine.market_data.books[TICKER]
    assert book.fault is ev.BookFault.MISSING_SNAPSHOT
    assert book.subscription == SUBSCRIPTION
    assert kinds(tell(engine, snapshot(2, {"0.46": 1}, {}))) == ["BookSnapshot", "BookRestored"]


def test_a_delta_of_another_subscription_means_nothing_to_a_book_that_moved_on():
    engine = two_books()
    tell(engine, snapshot(1, {"0.45": 10}, {}, subscription="1:2"))
    assert kinds(tell(engine, delta(3, Side.BID, "0.45", 5))) == ["BookDelta"]
    book = engine.market_data.books[TICKER]
    assert book.size_at(Side.BID, price("0.45")) == contracts(10)
    assert engine.market_data.unexpected_frames == 1
    # The subscription that it left may break without it.
    tell(engine, delta(9, Side.BID, "0.45", 5))
    assert book.usable
    assert not engine.market_data.books[OTHER].usable


def test_the_sequences_of_lost_connections_are_forgotten():
    engine = Engine(limits=limits())
    for connection in range(1, 30):
        tell(
            engine,
            snapshot(1, {"0.45": 1}, {}, subscription=f"{connection}:1"),
            ev.FeedDisconnected(
                at=second(9), feed=ev.FeedName.MARKET_DATA, connection=connection, reason="reset"
            ),
        )
    assert engine.market_data._subscriptions.by_name == {}
    assert engine.market_data.gaps == 0


def test_a_negative_level_invalidates_its_book_only():
    engine = two_books()
    told = tell(engine, delta(3, Side.BID, "0.45", -11))
    assert kinds(told) == ["BookDelta", "BookInvalidated"]
    assert engine.market_data.usable_books() == 1


def test_a_lost_connection_puts_every_book_in_doubt_and_the_next_one_counts_anew():
    engine = two_books()
    tell(
        engine,
        ev.FeedConnected(at=second(0), feed=ev.FeedName.MARKET_DATA, connection=1, url="ws://here"),
    )
    told = tell(
        engine,
        ev.FeedDisconnected(
            at=second(9), feed=ev.FeedName.MARKET_DATA, connection=1, reason="reset"
        ),
    )
    doubted, graded = kinds(told)[1:3], told[3:]
    assert doubted == ["BookInvalidated", "BookInvalidated"]
    assert {(event.ticker, event.grade) for event in graded} == {
        (ticker, ev.BookGrade.F) for ticker in engine.market_data.books
    }
    feed = engine.market_data.feeds[ev.FeedName.MARKET_DATA]
    assert (feed.connected, feed.losses, feed.reason, feed.lost_at) == (
        False,
        1,
        "reset",
        second(9),
    )
    tell(engine, snapshot(1, {"0.45": 1}, {}, subscription="2:1"))
    tell(engine, delta(2, Side.BID, "0.46", 1, subscription="2:1"))
    book = engine.market_data.books[TICKER]
    assert book.usable
    assert book.depth(Side.BID)[0] == (price("0.46"), contracts(1))


def test_the_private_connection_has_no_books_to_lose():
    engine = two_books()
    told = tell(
        engine,
        ev.FeedDisconnected(
            at=second(9), feed=ev.FeedName.PRIVATE, connection=1_000_001, reason="reset"
        ),
    )
    assert kinds(told) == ["FeedDisconnected"]
    assert engine.market_data.usable_books() == 2
    assert kinds(tell(engine, delta(3, Side.BID, "0.46", 1))) == ["BookDelta"]
    assert engine.market_data.usable_books() == 2


def test_trades_and_markets_are_remembered():
    data = MarketData()
    data.list_markets(ev.MarketsListed(at=second(0), markets=(market(), market(OTHER))))
    data.universe.change(followed())
    data.print_trade(
        ev.TradePrinted(
            trade_id=TradeId("t"),
            ticker=TICKER,
            price=price("0.47"),
            count=contracts(1),
            taker_side=Side.BID,
            at=second(4),
        )
    )
    assert sorted(data.markets) == [TICKER, OTHER]
    assert data.last_trade == {TICKER: price("0.47")}
    assert (data.trades_seen, data.last_message_at) == (1, second(4))


def a_trade(trade_id: str, ticker: MarketTicker = TICKER) -> ev.TradePrinted:
    return ev.TradePrinted(
        trade_id=TradeId(trade_id),
        ticker=ticker,
        price=price("0.47"),
        count=contracts(1),
        taker_side=Side.BID,
        at=second(4),
    )


def its_own(ticker: MarketTicker) -> MarketTicker:
    """Return the same name as a text of its own, as each frame brings one."""
    return MarketTicker("".join(list(ticker)))


def test_a_market_has_one_text_of_its_name_however_often_frames_bring_it():
    listed = market()
    engine = Engine(limits=limits())
    tell(engine, ev.MarketsListed(at=second(0), markets=(listed,)))
    tell(engine, followed(its_own(TICKER)))
    changed = [
        event.ticker
        for frame in (
            snapshot(1, {"0.40": 5}, {"0.60": 5}, ticker=its_own(TICKER)),
            delta(2, Side.BID, "0.40", 1, ticker=its_own(TICKER)),
        )
        for event in [*tell(engine, frame), *engine.settle()]
        if isinstance(event, ev.BookChanged)
    ]
    assert [each is listed.ticker for each in changed] == [True, True]
    assert engine.market_data.books[TICKER].ticker is listed.ticker


def test_a_market_that_reads_as_before_stays_the_one_it_is():
    engine, first = Engine(limits=limits()), market()
    for read in (first, market()):
        assert read == first
        tell(engine, ev.MarketsListed(at=second(0), markets=(read,)))
    assert engine.market_data.markets[TICKER] is first


def test_a_trade_that_comes_twice_is_told_once():
    engine = Engine(limits=limits())
    told = tell(engine, followed(), a_trade("t1"), a_trade("t1"), a_trade("t2"), a_trade("t1"))
    trades = [each.trade_id for each in told if isinstance(each, ev.TradePrinted)]
    assert (trades, engine.market_data.trades_seen) == (["t1", "t2"], 2)


def test_a_trade_of_a_market_that_left_meanwhile_leaves_nothing_behind():
    engine = Engine(limits=limits())
    tell(engine, followed(), a_trade("t1"))
    tell(engine, ev.UniverseChanged(at=second(5), added=(), dropped=((TICKER, "it closed"),)))
    assert kinds(tell(engine, a_trade("t2"))) == []
    data = engine.market_data
    assert (data.last_trade, data.tape.last_at, data.tape._newest) == ({}, {}, {})
    assert (data.trades_seen, data.unexpected_frames) == (1, 1)


# --- any session ----------------------------------------------------------------------------------

TICKERS = (TICKER, OTHER, MarketTicker("KXC-26-Y"))
Levels = dict[tuple[Side, int], int]


class Exchange:
    """One subscription as the exchange sees it: its books, and the frames it sent."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.seq = rng, 0
        self.books: dict[MarketTicker, Levels] = {}
        self.after: dict[int, dict[MarketTicker, Levels]] = {0: {}}

    def _send(self, event: ev.Event) -> ev.Event:
        self.after[self.seq] = {ticker: dict(levels) for ticker, levels in self.books.items()}
        return event

    def snapshot(self, ticker: MarketTicker) -> ev.Event:
        levels = self.books.setdefault(ticker, {(Side.BID, 40): 5, (Side.ASK, 60): 5})
        self.seq += 1
        sides = {
            side: tuple((Price(p), Count(c)) for (s, p), c in levels.items() if s is side)
            for side in Side
        }
        return self._send(
            ev.BookSnapshot(
                ticker=ticker,
                bids=sides[Side.BID],
                asks=sides[Side.ASK],
                subscription=SUBSCRIPTION,
                seq=self.seq,
                at=second(0),
            )
        )

    def next(self) -> ev.Event:
        ticker = self.rng.choice(TICKERS)
        if ticker not in self.books or self.rng.random() < 0.05:
            return self.snapshot(ticker)
        self.seq += 1
        if self.rng.random() < 0.1:
            return self._send(reply(self.seq))
        side = self.rng.choice(list(Side))
        at_price = self.rng.randint(1, 49) if side is Side.BID else self.rng.randint(51, 99)
        levels = self.books[ticker]
        size = levels.get((side, at_price), 0)
        change = self.rng.choice([-size, 1, 3]) or 2
        levels[side, at_price] = size + change
        if not levels[side, at_price]:
            del levels[side, at_price]
        return self._send(
            ev.BookDelta(
                ticker=ticker,
                side=side,
                price=Price(at_price),
                change=Count(change),
                subscription=SUBSCRIPTION,
                seq=self.seq,
                at=second(0),
            )
        )


def through_a_bad_line(rng: random.Random, sent: list[ev.Event]) -> list[ev.Event]:
    """Return the frames as a line would deliver them that loses, doubles and swaps."""
    out: list[ev.Event] = []
    for event in sent:
        fate = rng.random()
        if fate < 0.85:
            out.append(event)
        elif fate < 0.90:
            out += [event, event]
        elif fate < 0.95:
            out.insert(max(0, len(out) - 1), event)
    return out


def wrong_books(engine: Engine, truth: dict[MarketTicker, Levels]) -> list[MarketTicker]:
    """Return the books that are usable and not what the exchange has."""
    return [
        ticker
        for ticker, book in engine.market_data.books.items()
        if book.usable
        and {(side, p): c for side in Side for p, c in book.depth(side)} != truth.get(ticker)
    ]


@settings(deadline=None)
@given(rng=st.randoms(use_true_random=False), length=st.integers(1, 60))
def test_no_usable_book_is_ever_wrong_and_one_snapshot_each_heals(rng, length):
    exchange, engine, highest = Exchange(rng), Engine(limits=limits()), 0
    for event in through_a_bad_line(rng, [exchange.next() for _ in range(length)]):
        tell(engine, event)
        highest = max(highest, event.seq)
        assert wrong_books(engine, exchange.after[highest]) == []
    # Whatever was lost at the end shows at the next frame, and what is asked for then arrives.
    exchange.seq += 1
    tell(engine, reply(exchange.seq))
    doubtful = [t for t in exchange.books if not _usable(engine, t)]
    tell(engine, *(exchange.snapshot(ticker) for ticker in doubtful))
    assert wrong_books(engine, exchange.books) == []
    assert all(_usable(engine, ticker) for ticker in exchange.books)


def _usable(engine: Engine, ticker: MarketTicker) -> bool:
    book = engine.market_data.books.get(ticker)
    return book is not None and book.usable
