"""Wire numbers to integers at the speed of a dictionary look-up.

Owns: three bounded caches over the exact parsers of `model.units`, one of each for all connections; a hit costs 40 ns, the
parser ten times as much; and how long a name and how large a counting number may be.
Must not: guess; what the parsers refuse is never cached.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from traderd.model.units import Count, Price, complement, parse_count, parse_price

Number: TypeAlias = str | int | float
"""A decimal number as Kalshi may send it (string at one time, number at another)."""

NAME_CHARACTERS_MAX: Final = 200
"""Bounds an id and a ticker: the longest of them, of a combination of markets, have some 60 characters."""
ORDINAL_MAX: Final = 2**62 - 1
"""Bounds what counts something: no exchange counts so far."""
Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=NAME_CHARACTERS_MAX)]
"""An id or a ticker: it is kept, journaled and shown, so it has an end."""
Ordinal: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=ORDINAL_MAX)]
"""The number of a frame, a subscription, a command or a matching engine."""

CACHE_ENTRIES_MAX: Final = 65_536
"""Bounds each cache: above every price there is (10 001) and the sizes of a busy day, about 6 MiB when full."""


class PriceCache(dict[Number, Price]):
    """Maps a wire price to Price; `cache[text]` raises UnitError as `parse_price` does."""

    def __missing__(self, key: Number) -> Price:
        value = parse_price(key)
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[key] = value
        return value


class ComplementCache(PriceCache):
    """Maps a wire price of NO to the Price of YES, one dollar minus it; raises UnitError as `parse_price` does."""

    def __missing__(self, key: Number) -> Price:
        value = complement(parse_price(key))
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[key] = value
        return value


class CountCache(dict[Number, Count]):
    """Maps a wire count to signed Count; `cache[text]` raises UnitError as `parse_count` does."""

    def __missing__(self, key: Number) -> Count:
        value = parse_count(key)
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[key] = value
        return value


PRICES: Final = PriceCache()
"""Of every connection: with ten connections the same text and the same number would be kept ten times."""
COMPLEMENTS: Final = ComplementCache()
COUNTS: Final = CountCache()
