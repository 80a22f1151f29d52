"""What can be read off a book's best prices and levels: mid, microprice, imbalance.

Owns: these numbers and their units, in exact integers. They are computed from values that a book handed out, so whoever
calls says at the book whether old prices will do: `mid(book.top())` raises BookUnavailable when the book cannot be
trusted, `mid(book.last_known_top())` never does.
Must not: hold a book, or use floats.
"""

from __future__ import annotations

from typing import Final

from traderd.core.book import Top
from traderd.model.units import FINE_PER_PRICE, FinePrice

EVEN: Final = 0
IMBALANCE_MAX: Final = 10_000
"""Unit of `imbalance`: 1/10 000, so that 10 000 means that only bids rest."""


def mid(top: Top) -> FinePrice | None:
    """Return the middle of bid and ask, None unless both sides exist.

    In 1/1 000 000 $: half of a price unit is 50 of them, so nothing is lost.
    """
    if top.bid is None or top.ask is None:
        return None
    return FinePrice((top.bid + top.ask) * (FINE_PER_PRICE // 2))


def microprice(top: Top) -> FinePrice | None:
    """Return the middle weighted with the sizes of the other side, None unless both sides exist and have a size.

    A large bid pushes it towards the ask.  In 1/1 000 000 $, the nearest one, halves away from zero.
    """
    if top.bid is None or top.ask is None or min(top.bid_count, top.ask_count) <= 0:
        return None
    weighed = (top.bid * top.ask_count + top.ask * top.bid_count) * FINE_PER_PRICE
    total = top.bid_count + top.ask_count
    return FinePrice((2 * weighed + total) // (2 * total))


def imbalance(top: Top) -> int | None:
    """Return how much more is bid than asked at the best prices, None while both sides are empty or a size is none.

    (bid - ask) / (bid + ask) in 1/10 000, cut towards zero: 10 000 when only bids rest, -10 000 when only asks do.
    """
    total = top.bid_count + top.ask_count
    if total == 0 or min(top.bid_count, top.ask_count) < 0:
        return None  # the last known of a book that was refused for it
    lead = top.bid_count - top.ask_count
    share = abs(lead) * IMBALANCE_MAX // total
    return share if lead >= EVEN else -share
