"""Decode and books: frames that are in memory already, to typed messages, to levels, to both best prices.

Owns: the in-process comparisons of one step each. Every side gets the types it wants, made before it is measured.
Must not: touch a socket.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final

import msgspec

from benchmarks.compare import Peer, Row, side_by_side
from benchmarks.market_frames import feed
from traderd.core.book import Book
from traderd.kalshi.wire import feed as wire
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.kalshi.wire.numbers import ComplementCache, CountCache, PriceCache
from traderd.model.events import BookDelta, BookSnapshot, Event, FeedName
from traderd.model.orders import Side
from traderd.model.units import Timestamp, timestamp_from_ms

DELTAS: Final = 40_000
SLOW_DELTAS: Final = 10_000
"""What a peer gets that takes ten times as long; costs are per delta."""
READ_MESSAGES: Final = 250
"""How many messages one read of the socket brings, so how many events live at a time."""
NOW: Final = Timestamp(1_786_085_189_000_000_000)


@cache
def frames() -> tuple[list[bytes], list[bytes]]:
    """Return snapshots and deltas as texts."""
    return feed(DELTAS)


def timed(work: Callable[[], Any], items: int) -> float:
    """Return the CPU time of one item in microseconds."""
    gc.collect()
    started = time.process_time()
    work()
    return (time.process_time() - started) / items * 1e6


def each(function: Callable[[bytes], Any], raws: Sequence[bytes]) -> float:
    """Call a decoder with each frame."""

    def work() -> None:
        for raw in raws:
            function(raw)

    return timed(work, len(raws))


# --- decode ---------------------------------------------------------------------------------------


def to_events() -> float:
    """Take texts to exact events, a read at a time."""
    decoder = FrameDecoder(1, FeedName.MARKET_DATA, use_yes_price=False)
    return reads(lambda raws, events: decoder.decode_all(raws, NOW, events, print))


def reads(decode_read: Callable[[list[bytes], list[Event]], None]) -> float:
    """Let a decoder make the events of one read after the other."""
    deltas = frames()[1]

    def work() -> None:
        for start in range(0, len(deltas), READ_MESSAGES):
            events: list[Event] = []
            decode_read(deltas[start : start + READ_MESSAGES], events)
            if len(events) != READ_MESSAGES:
                raise RuntimeError("not every delta is an event")

    return timed(work, len(deltas))


def pykalshi_fields() -> float:
    """Take texts to pykalshi's models: prices and counts are texts there."""
    from pykalshi.feed import _parse_message

    return each(_parse_message, frames()[1][:SLOW_DELTAS])


def pykalshi_exact() -> float:
    """Take texts to pykalshi's models and on to exact numbers, as its own book does: the YES price and the change."""
    from pykalshi.feed import _parse_message

    def take(raw: bytes) -> tuple[Decimal, Decimal]:
        delta = _parse_message(raw)[2]
        price = Decimal(delta.price_dollars)
        return price if delta.side == "yes" else 1 - price, Decimal(delta.delta_fp)

    return each(take, frames()[1][:SLOW_DELTAS])


def orjson_fields() -> float:
    """Take texts to orjson's dictionaries, in which nothing is checked and numbers are texts."""
    import orjson

    return each(orjson.loads, frames()[1])


def orjson_exact() -> float:
    """Take texts to the same events as ours by way of orjson's dictionaries, with the same cached numbers."""
    import orjson

    loads, bid, ask = orjson.loads, Side.BID, Side.ASK
    yes, no, counts = PriceCache(), ComplementCache(), CountCache()
    names: dict[int, str] = {}

    def decode_read(raws: list[bytes], events: list[Event]) -> None:
        append = events.append
        for raw in raws:
            frame = loads(raw)
            if frame["type"] != "orderbook_delta":
                raise RuntimeError("not a delta")
            sid, body = frame["sid"], frame["msg"]
            is_bid = body["side"] == "yes"
            ts_ms = body.get("ts_ms")
            append(
                BookDelta(
                    ticker=body["market_ticker"],
                    side=bid if is_bid else ask,
                    price=(yes if is_bid else no)[body["price_dollars"]],
                    change=counts[body["delta_fp"]],
                    subscription=names.get(sid) or names.setdefault(sid, f"1:{sid}"),
                    seq=frame["seq"],
                    at=NOW,
                    exchange_at=None if ts_ms is None else timestamp_from_ms(ts_ms),
                )
            )

    return reads(decode_read)


def decode_rows() -> list[Row]:
    """Return two ways beside peers that go as far: to all fields of the frame, and on to an exact event.

    The first ends where pykalshi and orjson end: numbers are texts, and only types are checked (by orjson not even
    those). The second has checked integers, the YES price whichever side it was quoted for, and times.
    """
    decode = msgspec.json.Decoder(wire.Frame).decode

    def peers(names: tuple[str, str], runs: tuple[Callable[[], float], ...]) -> list[Peer]:
        return [
            Peer(name=names[0], distribution="pykalshi", goal=10.0, run=runs[0]),
            Peer(name=names[1], distribution="orjson", goal=1.5, run=runs[1]),
        ]

    return [
        *side_by_side(
            "decode: a delta to typed fields, one pass",
            lambda: each(decode, frames()[1]),
            peers(("pykalshi _parse_message", "orjson, untyped"), (pykalshi_fields, orjson_fields)),
        ),
        *side_by_side(
            "decode: a delta to an exact event",
            to_events,
            peers(
                ("pykalshi _parse_message, then Decimals", "orjson, then the same event"),
                (pykalshi_exact, orjson_exact),
            ),
        ),
    ]


# --- books ----------------------------------------------------------------------------------------


def decoded() -> tuple[list[BookSnapshot], list[BookDelta]]:
    """Return the feed as our events."""
    decoder = FrameDecoder(1, FeedName.MARKET_DATA, use_yes_price=False)
    snapshots: list[Any] = []
    deltas: list[Any] = []
    decoder.decode_all(frames()[0], NOW, snapshots, print)
    decoder.decode_all(frames()[1], NOW, deltas, print)
    return snapshots, deltas


def fresh_books(snapshots: Sequence[BookSnapshot]) -> dict[str, Book]:
    """Return good books."""
    books: dict[str, Book] = {}
    for snapshot in snapshots:
        book = books[snapshot.ticker] = Book(snapshot.ticker)
        if book.replace(snapshot) is not None:
            raise RuntimeError("the feed is not what it says it is")
    return books


def apply_ours(snapshots: Sequence[BookSnapshot], deltas: Sequence[BookDelta]) -> float:
    """Apply each delta and read both best prices."""
    books = fresh_books(snapshots)

    def work() -> None:
        for delta in deltas:
            book = books[delta.ticker]
            book.apply(delta)
            book.top()

    cost = timed(work, len(deltas))
    if not all(book.usable for book in books.values()):
        raise RuntimeError("a book was lost on the way")
    return cost


@cache
def pykalshi_feed() -> tuple[list[Any], list[Any]]:
    """Return the feed as pykalshi's models."""
    from pykalshi.feed import _parse_message

    snapshots, deltas = frames()
    return (
        [_parse_message(raw)[2] for raw in snapshots],
        [_parse_message(raw)[2] for raw in deltas[:SLOW_DELTAS]],
    )


def apply_pykalshi() -> float:
    """Do the same with pykalshi's OrderbookManager."""
    from pykalshi.orderbook import OrderbookManager

    snapshots, deltas = pykalshi_feed()
    books = {one.market_ticker: OrderbookManager(one.market_ticker) for one in snapshots}
    for one in snapshots:
        books[one.market_ticker].apply_snapshot(one.yes_dollars, one.no_dollars)

    def work() -> None:
        for delta in deltas:
            book = books[delta.market_ticker]
            book.apply_delta(delta.side, delta.price_dollars, delta.delta_fp)
            book.best_bid, book.best_ask  # noqa: B018

    return timed(work, len(deltas))


@cache
def nautilus_feed() -> tuple[dict[str, Any], list[tuple[str, Any]], list[tuple[str, Any]]]:
    """Return nautilus_trader's book ids, and the feed as its prebuilt deltas: absolute sizes, as it wants them."""
    from nautilus_trader.model.data import BookOrder, OrderBookDelta
    from nautilus_trader.model.enums import BookAction, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.objects import Price, Quantity

    ours, changes = decoded()
    ids = {one.ticker: InstrumentId.from_str(f"{one.ticker}.KALSHI") for one in ours}
    sizes: dict[tuple[str, Any, int], int] = {}

    def delta(ticker: str, side: Any, price: int, size: int, *, new: bool) -> tuple[str, Any]:
        action = BookAction.DELETE if size == 0 else BookAction.ADD if new else BookAction.UPDATE
        order = BookOrder(
            OrderSide.BUY if side.sign > 0 else OrderSide.SELL,
            Price(price / 10_000, 4),
            Quantity(size / 100, 2),
            price,
        )
        return ticker, OrderBookDelta(ids[ticker], action, order, 0, 0, 0, 0)

    first: list[tuple[str, Any]] = []
    for one in ours:
        for side, levels in ((Side.BID, one.bids), (Side.ASK, one.asks)):
            for price, size in levels:
                sizes[one.ticker, side, price] = size
                first.append(delta(one.ticker, side, price, size, new=True))
    then = []
    for change in changes:
        key = change.ticker, change.side, change.price
        before = sizes.get(key, 0)
        sizes[key] = before + change.change
        then.append(delta(change.ticker, change.side, change.price, sizes[key], new=before == 0))
    return ids, first, then


def apply_nautilus() -> float:
    """Do the same with nautilus_trader's L2 book."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.enums import BookType

    ids, first, then = nautilus_feed()
    books = {ticker: OrderBook(one, BookType.L2_MBP) for ticker, one in ids.items()}
    for ticker, delta in first:
        books[ticker].apply_delta(delta)

    def work() -> None:
        for ticker, delta in then:
            book = books[ticker]
            book.apply_delta(delta)
            book.best_bid_price()
            book.best_ask_price()

    return timed(work, len(then))


def book_rows() -> list[Row]:
    """Return our book beside two others."""
    return side_by_side(
        "book: a delta, then both best prices",
        partial(apply_ours, *decoded()),
        [
            Peer(
                name="pykalshi OrderbookManager",
                distribution="pykalshi",
                goal=15.0,
                run=apply_pykalshi,
            ),
            Peer(
                name="L2 book of nautilus_trader, prebuilt deltas,",
                distribution="nautilus_trader",
                goal=1.3,
                run=apply_nautilus,
            ),
        ],
    )


# --- both -----------------------------------------------------------------------------------------


def text_to_book_ours() -> float:
    """Take texts to exact events, apply them, and read both best prices."""
    snapshots, _ = decoded()
    books, deltas = fresh_books(snapshots), frames()[1]
    decoder = FrameDecoder(1, FeedName.MARKET_DATA, use_yes_price=False)

    def work() -> None:
        for start in range(0, len(deltas), READ_MESSAGES):
            events: list[Event] = []
            decoder.decode_all(deltas[start : start + READ_MESSAGES], NOW, events, print)
            for event in events:
                assert isinstance(event, BookDelta)
                book = books[event.ticker]
                book.apply(event)
                book.top()

    return timed(work, len(deltas))


def text_to_book_pykalshi() -> float:
    """Do the same with pykalshi's parser and book."""
    from pykalshi.feed import _parse_message
    from pykalshi.orderbook import OrderbookManager

    snapshots, _ = pykalshi_feed()
    books = {one.market_ticker: OrderbookManager(one.market_ticker) for one in snapshots}
    for one in snapshots:
        books[one.market_ticker].apply_snapshot(one.yes_dollars, one.no_dollars)

    def take(raw: bytes) -> None:
        delta = _parse_message(raw)[2]
        book = books[delta.market_ticker]
        book.apply_delta(delta.side, delta.price_dollars, delta.delta_fp)
        book.best_bid, book.best_ask  # noqa: B018

    return each(take, frames()[1][:SLOW_DELTAS])


def both_rows() -> list[Row]:
    """Return the whole way from text to best prices."""
    return side_by_side(
        "text to exact book with both best prices",
        text_to_book_ours,
        [
            Peer(
                name="pykalshi's parser and book",
                distribution="pykalshi",
                goal=6.0,
                run=text_to_book_pykalshi,
            )
        ],
    )


def rows() -> list[Row]:
    """Return all of it."""
    return [*decode_rows(), *book_rows(), *both_rows()]
