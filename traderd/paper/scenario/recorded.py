"""Opening books from a recording of Kalshi's WebSocket: where the default scenario has its books from.

Owns: from raw frames to a scenario's levels.
Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from traderd.model.units import Count, Price, complement, format_count, format_price
from traderd.paper.scenario.file import TextLevels, parse_levels


def opening_books(recording: bytes) -> dict[str, tuple[TextLevels, TextLevels]]:
    """Return (bids, asks) in YES prices of each market's first snapshot in a recording.

    Args:
        recording: raw WebSocket frames as `{"frames": [{"frame": {...}}, ...]}`.
    """
    books: dict[str, tuple[TextLevels, TextLevels]] = {}
    for recorded in msgspec.json.decode(recording)["frames"]:
        frame = recorded["frame"]
        if frame["type"] != "orderbook_snapshot":
            continue
        message = frame["msg"]
        bids = parse_levels(message.get("yes_dollars_fp", ()))
        no_bids = parse_levels(message.get("no_dollars_fp", ()))
        asks = tuple((complement(price), count) for price, count in no_bids)
        books.setdefault(message["market_ticker"], (_texts(bids), _texts(asks)))
    return books


def _texts(levels: Iterable[tuple[Price, Count]]) -> TextLevels:
    return tuple((format_price(price), format_count(count)) for price, count in sorted(levels))
