"""The event of a frame that could not be understood: what is wrong with it, and where in the stream it stood.

Owns: reading as much of such a frame as can be read, so that exactly the books it may have been about are doubted.
Must not: decode what can be understood, or decide what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from traderd.kalshi.wire import feed
from traderd.kalshi.wire.drift import drift_of
from traderd.kalshi.wire.numbers import ORDINAL_MAX
from traderd.model.events import Drift, FeedName, FrameRefused
from traderd.model.ids import MarketTicker
from traderd.model.units import Timestamp

BOOK_FRAMES: Final = ("orderbook_snapshot", "orderbook_delta")
"""Types of frames that tell of one book."""
UNTYPED: Final = "untyped"
"""The kind of a frame whose type is missing or no text."""
CHARACTERS_MAX: Final = 200
"""Bounds each text of a refused frame: it quotes the exchange."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def refusal_of(
    raw: bytes | str,
    problem: Exception,
    *,
    at: Timestamp,
    feed_name: FeedName,
    connection: int,
    name_of: Callable[[int], str],
) -> FrameRefused:
    """Return the event of a frame whose decoding raised `problem`; `name_of` names a subscription by its id."""
    try:
        found = msgspec.json.decode(raw, type=feed.UnknownFrame)
    except UNREADABLE:
        return FrameRefused(
            at=at,
            feed=feed_name,
            kind=Drift.UNREADABLE.value,
            reason=str(problem)[:CHARACTERS_MAX],
            drift=Drift.UNREADABLE,
            connection=connection,
        )
    drift, where = drift_of(problem)
    kind = found.type if isinstance(found.type, str) else UNTYPED
    sid, is_book = _number(found.sid), kind in BOOK_FRAMES
    return FrameRefused(
        at=at,
        feed=feed_name,
        kind=kind[:CHARACTERS_MAX],
        reason=str(problem)[:CHARACTERS_MAX],
        drift=drift,
        where=where[:CHARACTERS_MAX],
        subscription=name_of(sid) if sid else "",
        seq=_number(found.seq),
        ticker=_market_of(found.msg) if is_book or drift is Drift.UNKNOWN_TYPE else None,
        # What names no subscription belongs to none, unless its type says otherwise.
        connection=0 if sid or not is_book else connection,
    )


def _number(found: object) -> int:
    # 0 is none.
    return found if type(found) is int and 0 < found <= ORDINAL_MAX else 0


def _market_of(body: msgspec.Raw) -> MarketTicker | None:
    try:
        named = msgspec.json.decode(body, type=feed.NamedMarket).market_ticker
    except UNREADABLE:
        return None
    return MarketTicker(named) if named else None
