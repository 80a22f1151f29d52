"""Subscriptions to market data: where the numbers of each stand, and which books live on it.

Owns: that a book lives on exactly one subscription, the one its last snapshot came by, and whether a frame with an old
number is a harmless copy.
Must not: hold levels, or decide what follows for anybody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from traderd.core.book import Book
from traderd.core.sequence import SequenceTracker
from traderd.model.events import BookDelta, BookSnapshot
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_S, Timestamp

SEPARATOR: Final = ":"
STRANGE_TYPES_MAX: Final = 64
"""Bounds the names of types, which come from the exchange."""
ENDED_KEPT: Final = 8
"""Bounds the subscriptions that ended and are still known of: their late frames come within moments."""


def connection_of(subscription: str) -> int:
    """Return the number of the connection in `<connection>:<sid>`."""
    return int(subscription.partition(SEPARATOR)[0])


@attrs.define(eq=False)
class Subscription(SequenceTracker):
    """The numbers of one `sid` of one connection, and its books."""

    books: dict[MarketTicker, Book] = attrs.Factory(dict)
    newest: BookSnapshot | BookDelta | None = None
    """The last frame of a book that was in order, or that came after a gap."""
    strange_types: set[str] = attrs.Factory(set)
    """Types of messages that nobody knows and of which one came on it, where it has no books; at most STRANGE_TYPES_MAX."""
    sampled_at: Timestamp = Timestamp(0)
    """When its lag was measured last."""
    told_at: Timestamp | None = None
    """When the newest trade was made whose number was no old one, by the exchange's clock."""
    ended: str = ""
    """Why no frame of it counts any more; empty while it lives."""
    refused_after: int = -1
    """What `last` was when a frame of it could not be read that is no frame of a book."""

    def is_copy(self, event: BookSnapshot | BookDelta) -> bool:
        """Tell whether a frame with an old number is the last frame once more, which is harmless."""
        kept = self.newest
        if kept is None or type(kept) is not type(event) or kept.seq != event.seq:
            return False
        if kept.ticker != event.ticker:
            return False
        if isinstance(kept, BookDelta) and isinstance(event, BookDelta):
            return (kept.side, kept.price, kept.change) == (event.side, event.price, event.change)
        if isinstance(kept, BookSnapshot) and isinstance(event, BookSnapshot):
            return (kept.bids, kept.asks) == (event.bids, event.asks)
        return False

    def missing_since(self) -> Timestamp | None:
        """Return the second of the newest trade; what is missing now was made after that."""
        # Whole seconds are what can be asked for, and fewer different holes wait in an inbox.
        return None if self.told_at is None else Timestamp(self.told_at // NS_PER_S * NS_PER_S)

    def finish(self, reason: str) -> None:
        """Let no frame of it count any more."""
        self.end()
        self.ended, self.newest = reason, None


@attrs.define(eq=False)
class Subscriptions:
    """Every subscription of the connections that stand, by name."""

    by_name: dict[str, Subscription] = attrs.Factory(dict)

    def get(self, name: str) -> Subscription:
        """Return a subscription; one that was never heard of begins here."""
        held = self.by_name.get(name)
        if held is None:
            held = self.by_name[name] = Subscription()
        return held

    def settle_on(self, name: str, book: Book) -> None:
        """Let a book live on this subscription and on no other."""
        if book.subscription != name:
            before = self.by_name.get(book.subscription)
            if before is not None:
                before.books.pop(book.ticker, None)
            book.subscription = name
        self.get(name).books[book.ticker] = book

    def has_home(self, book: Book) -> bool:
        """Tell whether the subscription that a book lives on still tells everything about it."""
        home = self.by_name.get(book.subscription)
        return home is not None and not home.ended

    def leave(self, book: Book) -> None:
        """Take a book off its subscription."""
        home = self.by_name.get(book.subscription)
        if home is not None:
            home.books.pop(book.ticker, None)

    def finish(self, held: Subscription, reason: str) -> None:
        """End a subscription; of those that ended before, the oldest are forgotten."""
        ended = [name for name, each in self.by_name.items() if each.ended]
        for name in ended[: 1 - ENDED_KEPT]:
            del self.by_name[name]
        held.finish(reason)

    def lose(self, connection: int) -> list[Subscription]:
        """Forget the subscriptions of a connection, and return them."""
        return [self.by_name.pop(name) for name, _ in tuple(self.of(connection))]

    def of(self, connection: int) -> Iterator[tuple[str, Subscription]]:
        """Yield the subscriptions of a connection with their names."""
        prefix = f"{connection}{SEPARATOR}"
        return ((name, held) for name, held in self.by_name.items() if name.startswith(prefix))

    def tickers_of(self, connection: int) -> Iterator[MarketTicker]:
        """Yield the markets whose books live on a connection."""
        for _, held in self.of(connection):
            yield from held.books
