"""Which prices a market may have, by the label that Kalshi gives its grid.

Owns: the table of labels. A market keeps its grid itself, because `price_ranges` are what counts and the label is
only a name for them.
Must not: know markets.
"""

from __future__ import annotations

from typing import Final

from traderd.model.market import LINEAR_CENT, PriceBand, PriceGrid
from traderd.model.units import ONE_DOLLAR, Price

_TENTH: Final = 1_000
"""The edges of most structures: up to $0.10 and from $0.90."""
_CENT: Final = 100


def _edged(edge: int, centre: int, width: int = _TENTH) -> PriceGrid:
    # Bands meet on whole cents, so that whole-cent prices are good everywhere.
    high = ONE_DOLLAR - width
    steps = ((0, width, edge), (width, high, centre), (high, ONE_DOLLAR, edge))
    return PriceGrid(
        tuple(
            PriceBand(start=Price(start), end=Price(end), step=Price(step))
            for start, end, step in steps
        )
    )


def _even(step: int) -> PriceGrid:
    return PriceGrid((PriceBand(start=Price(0), end=ONE_DOLLAR, step=Price(step)),))


PRICE_STRUCTURES: Final[dict[str, PriceGrid]] = {
    "linear_cent": LINEAR_CENT,
    "deci_cent": _even(10),
    "tapered_deci_cent": _edged(10, 100),
    "center_whole_edge_half_cent": _edged(50, 100),
    "center_whole_edge_quint_cent": _edged(20, 100),
    "center_half_edge_half_cent": _even(50),
    "center_half_edge_quint_cent": _edged(20, 50),
    "center_half_edge_deci_cent": _edged(10, 50),
    "center_quint_edge_quint_cent": _even(20),
    "center_quint_edge_deci_cent": _edged(10, 20),
    "center_centi_edge_centi_cent": _even(1),
    "center_deci_edge_centi_cent": _edged(1, 10, width=_CENT),
}
"""Kalshi: `price_level_structure` and the `price_ranges` it stands for. The bands of `banded_centi_cent` are not
known, so a market that wants that label has to bring its own."""
