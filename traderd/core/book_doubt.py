"""Which books a fault of a subscription concerns, and the events that say so.

Owns: that a gap concerns every book of its subscription, an old number that is no copy only its own book, and a frame
that could not be read the book that it names, or all that it may have been about, unless its type has proven to be harmless
(`unknown_types`). A doubt is told once, however often it is found again.
Must not: apply frames to books (`core/market_data.py`), or ask for snapshots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from traderd.core.book import Book
from traderd.core.book_quality import BookQualities
from traderd.core.sequence import Verdict
from traderd.core.subscription import STRANGE_TYPES_MAX, Subscription, Subscriptions
from traderd.core.universe import Universe
from traderd.core.unknown_types import UnknownTypes
from traderd.model.events import (
    BookDelta,
    BookFault,
    BookInvalidated,
    BookSnapshot,
    Drift,
    Event,
    FrameRefused,
    FramesMissed,
    SubscriptionEnded,
)
from traderd.model.ids import MarketTicker
from traderd.model.orders import Side
from traderd.model.units import Timestamp


@attrs.define(eq=False)
class BookDoubts:
    """What puts books in doubt, and how often each of it happened."""

    books: dict[MarketTicker, Book]
    subscriptions: Subscriptions
    qualities: BookQualities
    universe: Universe
    types: UnknownTypes = attrs.Factory(UnknownTypes)
    changed: dict[MarketTicker, Timestamp] = attrs.Factory(dict)
    """What changed since the batch began."""
    gaps: int = 0
    stale_frames: int = 0
    """Frames with an old number: copies, late ones, and the first of a count that began anew."""
    subscriptions_ended: int = 0
    """By the exchange, or by us because their numbers began anew."""

    # --- numbers ----------------------------------------------------------------------------------

    def after_gap(self, held: Subscription, name: str, seq: int, at: Timestamp) -> list[Event]:
        """Doubt every book of a subscription, because frames before the number `seq` are missing."""
        self.gaps += 1
        detail = f"frames before seq {seq} of subscription {name} are missing"
        since = held.missing_since()
        missed = FramesMissed(at=at, subscription=name, detail=detail, since=since)
        return [missed, *self.invalidate(held.books.values(), BookFault.GAP, detail, at)]

    def old_frame(
        self, held: Subscription, event: BookSnapshot | BookDelta, verdict: Verdict
    ) -> list[Event]:
        """Doubt what a frame of a book with an old number concerns; a copy of the last one is harmless."""
        name, seq = event.subscription, event.seq
        if verdict is Verdict.RESTARTED:
            return self.restarted(held, name, seq, event.at)
        self.stale_frames += 1
        book = held.books.get(event.ticker)
        if book is None or held.is_copy(event):
            return []
        detail = f"a frame with the old seq {seq} of subscription {name}, which is at {held.last}"
        return self.invalidate([book], BookFault.STRAY, detail, event.at)

    def restarted(self, held: Subscription, name: str, seq: int, at: Timestamp) -> list[Event]:
        """End a subscription whose numbers began anew; if no book says so, its end does."""
        self.stale_frames += 1
        detail = f"the numbers of subscription {name} began anew: seq {seq}"
        doubts = self.finish(held, BookFault.RESTARTED, detail, at)
        since = held.missing_since()
        return doubts or [SubscriptionEnded(at=at, subscription=name, reason=detail, since=since)]

    def finish(
        self, held: Subscription, fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """End a subscription: none of its frames counts any more."""
        self.subscriptions.finish(held, detail)
        self.subscriptions_ended += 1
        return self.invalidate(held.books.values(), fault, detail, at)

    # --- frames that could not be read ------------------------------------------------------------

    def refuse(self, event: FrameRefused) -> list[Event]:
        """Doubt what a frame that could not be read may have told of."""
        if event.drift is None:
            return []  # it was read: the exchange refused a command
        detail = f"a frame ({event.kind}) could not be read: {event.reason}"
        if not event.subscription:
            # Which subscription it was of, nobody knows.
            lost = tuple(self.subscriptions.of(event.connection)) if event.connection else ()
            return [each for name, held in lost for each in self._lose(held, name, event, detail)]
        held = self.subscriptions.by_name.get(event.subscription)
        if held is None:
            return []
        follow: list[Event] = []
        # Without books its number is left open, so that the next frame shows the hole once more: what the exchange can
        # be asked about may not be there yet.
        if event.seq and held.books:
            verdict = held.observe(event.seq)
            if verdict is Verdict.RESTARTED:
                return self.restarted(held, event.subscription, event.seq, event.at)
            if verdict is Verdict.GAP:
                follow = self.after_gap(held, event.subscription, event.seq, event.at)
            self.stale_frames += verdict is Verdict.STALE
        unknown_type = _type_of(event)
        if held.books and self.types.is_harmless(unknown_type):
            return follow
        doubts = self._refused_on(held, event, detail)
        if unknown_type and not follow:
            doubted = (each.ticker for each in doubts if isinstance(each, BookInvalidated))
            self.types.begin(unknown_type, doubted)
        return follow + doubts

    def try_types(self, book: Book, snapshot: BookSnapshot) -> None:
        """Find out, before a snapshot replaces a book, whether frames of an unknown type changed it."""
        if not self.types.on_trial(book.ticker):
            return
        ours = (book.last_known_depth(Side.BID), book.last_known_depth(Side.ASK))
        is_same = book.fault is BookFault.UNKNOWN_TYPE and [dict(side) for side in ours] == [
            dict(snapshot.bids),
            dict(snapshot.asks),
        ]
        self.types.judge(book.ticker, is_same=is_same)
        if is_same:
            book.unread = 0

    def _refused_on(self, held: Subscription, event: FrameRefused, detail: str) -> list[Event]:
        ticker = event.ticker
        book = None if ticker is None else held.books.get(ticker)
        if book is not None:
            self.types.spoil([book.ticker], but=_type_of(event))
            is_news = book.miss_frame(_fault_of(event), detail)
            return [self.invalidated(book, event.at)] if is_news else []
        # Where no book lives, a type that nobody knows may tell of what does.
        may_be_other = event.drift is Drift.UNKNOWN_TYPE and not held.books
        if (
            ticker is not None
            and (ticker in self.universe.followed or self.universe.is_muted(ticker))
            and not may_be_other
        ):
            return []  # a market that has no book here, so nothing of it can be wrong
        return self._lose(held, event.subscription, event, detail)

    def _lose(self, held: Subscription, name: str, event: FrameRefused, detail: str) -> list[Event]:
        at, books, unknown_type = event.at, held.books.values(), _type_of(event)
        if books:
            return self.invalidate(books, _fault_of(event), detail, at, unknown_type=unknown_type)
        if held.ended or held.refused_after == held.last:
            return []  # told already: an exchange that cannot be understood would be asked all the time
        if unknown_type in held.strange_types or len(held.strange_types) >= STRANGE_TYPES_MAX:
            return []  # what may have been in the first one was read again; to do so for each would never end
        if unknown_type:
            held.strange_types.add(unknown_type)
        held.refused_after = held.last
        since = held.missing_since()
        return [FramesMissed(at=at, subscription=name, detail=detail, since=since)]

    # --- books ------------------------------------------------------------------------------------

    def give_up(
        self, tickers: Iterable[MarketTicker], fault: BookFault, detail: str, at: Timestamp
    ) -> list[Event]:
        """Put books in doubt that nobody keeps any more."""
        books = [book for ticker in tickers if (book := self.books.get(ticker)) is not None]
        return self.invalidate(books, fault, detail, at)

    def invalidate(
        self,
        books: Collection[Book],
        fault: BookFault,
        detail: str,
        at: Timestamp,
        *,
        unknown_type: str = "",
    ) -> list[Event]:
        """Put books in doubt, because of a frame of an `unknown_type` if that is named; those that were so before are not told again."""
        self.types.spoil((book.ticker for book in books), but=unknown_type)
        return [self.invalidated(book, at) for book in books if book.invalidate(fault, detail)]

    def invalidated(self, book: Book, at: Timestamp) -> Event:
        """Return the news of a book that has just become unusable."""
        assert book.fault is not None
        self.changed[book.ticker] = at
        self.qualities.faulted(book.ticker, book.fault, at)
        return BookInvalidated(
            at=at,
            ticker=book.ticker,
            fault=book.fault,
            subscription=book.subscription,
            detail=book.fault_detail,
        )


def _type_of(event: FrameRefused) -> str:
    # Empty unless that is what is wrong with it.
    return event.kind if event.drift is Drift.UNKNOWN_TYPE else ""


def _fault_of(event: FrameRefused) -> BookFault:
    return BookFault.UNKNOWN_TYPE if _type_of(event) else BookFault.UNREADABLE
