"""One channel of one client: what it covers, and its numbers.

Owns: which channels are filtered, private or numbered (Kalshi: WebSocket channels), and a subscription's `seq`.
Must not: know other subscriptions, or what a message says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.commands import (
    ADD_INDICES,
    ADD_MARKETS,
    ADD_UNDERLYINGS,
    BOOKS,
    DELETE_INDICES,
    DELETE_MARKETS,
    DELETE_UNDERLYINGS,
    FILLS,
    GET_SNAPSHOT,
    GROUPS,
    INDICES,
    INDICES_5HZ,
    LIST_INDICES,
    LIST_UNDERLYINGS,
    POSITIONS,
    QUOTES,
    TRADES,
    UNDERLYINGS,
    USER_ORDERS,
)
from traderd.kalshi.wire.frames import Message
from traderd.paper import choices

FILTERED: Final = (BOOKS, QUOTES, TRADES, FILLS, USER_ORDERS, POSITIONS)
"""Channels that can be narrowed to markets; the others ignore that a command names some."""
PRIVATE: Final = (FILLS, USER_ORDERS, POSITIONS, GROUPS)
"""Channels on which everybody hears only of the own account."""
UNNUMBERED: Final = (QUOTES, FILLS, USER_ORDERS, POSITIONS)
"""Channels whose data carries no `seq`; their replies do."""
REFERENCES: Final = (INDICES, INDICES_5HZ, UNDERLYINGS)
"""Channels of reference prices, which this exchange has none of."""
ALL: Final = "all"
"""Kalshi: stands for every index or underlying there is."""

_OF_MARKETS: Final = (ADD_MARKETS, DELETE_MARKETS)
_OF_INDICES: Final = (ADD_INDICES, DELETE_INDICES, LIST_INDICES)
ACTIONS_OF: Final = {
    BOOKS: (*_OF_MARKETS, GET_SNAPSHOT),
    QUOTES: _OF_MARKETS,
    TRADES: _OF_MARKETS,
    FILLS: _OF_MARKETS,
    USER_ORDERS: _OF_MARKETS,
    POSITIONS: _OF_MARKETS,
    INDICES: _OF_INDICES,
    INDICES_5HZ: _OF_INDICES,
    UNDERLYINGS: (ADD_UNDERLYINGS, DELETE_UNDERLYINGS, LIST_UNDERLYINGS),
}
"""What `update_subscription` can do on a channel; nothing on those that are not here."""


@attrs.define(eq=False, kw_only=True)
class Subscription:
    """One channel of one client."""

    sid: int
    channel: str
    account_id: str
    send: Callable[[bytes], None]
    use_yes_price: bool = False
    skip_ticker_ack: bool = False
    tickers: dict[str, None] | None = None
    """In the order they were added; None is every market."""
    market_ids: dict[str, None] = attrs.field(factory=dict)
    """Markets named by id instead."""
    references: dict[str, None] = attrs.field(factory=dict)
    seq: int = 0
    _is_numbered: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._is_numbered = self.channel not in UNNUMBERED

    @property
    def size(self) -> int:
        """How many names it keeps."""
        return len(self.tickers or ()) + len(self.market_ids) + len(self.references)

    def covers(self, ticker: str) -> bool:
        """Tell whether a market passes the filter by its ticker."""
        return self.tickers is None or ticker in self.tickers

    def tell(self, message: Message, command_id: int = 0) -> None:
        """Send data, with the next number; `command_id` is the command it answers."""
        if self._is_numbered:
            self.seq += 1
            self.send(message.addressed(self.sid, self.seq, command_id))
        else:
            self.send(message.addressed(self.sid))

    def number_reply(self) -> int:
        """Return the number of an acknowledgement; every one carries one (Kalshi: AsyncAPI)."""
        if choices.ACKS_CONSUME_SEQ:
            self.seq += 1
        return self.seq

    def number_error(self) -> int:
        """Return the number of an error about it, 0 where data has none (Kalshi: AsyncAPI, scoped errors)."""
        return self.number_reply() if self._is_numbered else 0

    def covered(self) -> feed.OkBody:
        """Return what an acknowledgement lists: all that is covered now."""
        if self.channel in REFERENCES:
            names = [ALL] if ALL in self.references else list(self.references)
            if self.channel == UNDERLYINGS:
                return feed.OkBody(underlying_tickers=names)
            return feed.OkBody(index_ids=names)
        if self.skip_ticker_ack:
            return feed.OkBody()
        # Markets are listed the way they were named.
        by_id = list(self.market_ids) or None
        by_ticker = None if by_id and not self.tickers else list(self.tickers or ())
        return feed.OkBody(market_tickers=by_ticker, market_ids=by_id)
