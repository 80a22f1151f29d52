"""A row of the exchange's lists that cannot be read, and what of it can be.

Owns: what is kept of such a row, and its bounds.
Must not: read anything (see `kalshi/rows.py`) or decide what follows (see `core/unreadable.py`).
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from traderd.model.ids import ClientOrderId, MarketTicker, OrderId

RAW_CHARACTERS_MAX: Final = 600
"""Bounds what is kept of a row as it came; an order of Kalshi's has about 900 characters, its names come first."""
WORDS_CHARACTERS_MAX: Final = 300
"""Bounds the words about it: they quote the exchange."""


class RowKind(enum.Enum):
    """Which list of the account a row is of."""

    ORDER = "order"
    FILL = "fill"
    POSITION = "position"
    SETTLEMENT = "settlement"


@attrs.frozen(kw_only=True)
class UnreadableRow:
    """A row that is none of its kind."""

    kind: RowKind
    key: str
    """What tells it from the other rows of its list: its ids where they can be read, else what it says."""
    words: str
    """What is wrong with it, with the name of the field."""
    ticker: MarketTicker | None = None
    """None: not even its market can be read."""
    order_id: OrderId | None = None
    client_order_id: ClientOrderId | None = None
    """None: it cannot be read. Empty: the row says that it has none, so it is no order of ours."""
    raw: str = ""
    """The row as it came, cut."""
