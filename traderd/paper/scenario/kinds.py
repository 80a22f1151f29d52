"""The kinds of events that the generator makes up, as a table.

Owns: names, fees, grids, sizes and life times per kind, chosen to look like what Kalshi lists.
Must not: draw anything.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from traderd.paper.venue.fees import FeeType

_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR


class Shape(enum.Enum):
    """How the markets of one event hang together."""

    SINGLE = "single"
    """One question."""
    CONTEST = "contest"
    """One of several wins."""
    LADDER = "ladder"
    """Above this, above that: the odds fall from strike to strike."""
    RANGES = "ranges"
    """In which range it ends: one of them."""


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of event."""

    series: tuple[tuple[str, str], ...]
    """(ticker, title)."""
    shape: Shape
    weight: int
    """How often it comes, next to the others."""
    category: str
    tags: tuple[str, ...]
    frequency: str
    fee_type: FeeType = FeeType.QUADRATIC
    fee_multiplier: str = "1"
    structure: str = "linear_cent"
    markets: tuple[int, int]
    levels: tuple[int, int]
    """Bounds the opening levels of a side."""
    closes_s: tuple[int, int]
    first_strike: tuple[int, int] = (0, 0)
    strike_step: int = 1
    rules: str


KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        series=(("KXGENBASEBALL", "Baseball Game"), ("KXGENHOCKEY", "Hockey Game")),
        shape=Shape.CONTEST,
        weight=20,
        category="Sports",
        tags=("Games",),
        frequency="custom",
        fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES,
        fee_multiplier="0.5",
        markets=(2, 2),
        levels=(8, 40),
        closes_s=(3 * _HOUR, 3 * _DAY),
        rules="If this side wins the game, then the market resolves to Yes.",
    ),
    Kind(
        series=(("KXGENCUP", "Cup Winner"), ("KXGENAWARD", "Award Winner")),
        shape=Shape.CONTEST,
        weight=10,
        category="Entertainment",
        tags=("Awards", "Futures"),
        frequency="annual",
        fee_type=FeeType.QUADRATIC_WITH_MAKER_FEES,
        structure="tapered_deci_cent",
        markets=(4, 16),
        levels=(2, 9),
        closes_s=(10 * _DAY, 200 * _DAY),
        rules="If this contestant wins, then the market resolves to Yes.",
    ),
    Kind(
        series=(
            ("KXGENHIGHNY", "Highest Temperature in New York"),
            ("KXGENRAIN", "Rain This Month"),
        ),
        shape=Shape.RANGES,
        weight=20,
        category="Climate and Weather",
        tags=("Daily temperature",),
        frequency="daily",
        markets=(6, 6),
        levels=(2, 10),
        closes_s=(2 * _HOUR, 2 * _DAY),
        first_strike=(20, 80),
        strike_step=2,
        rules="If the reading is in this range, then the market resolves to Yes.",
    ),
    Kind(
        series=(("KXGENCOIN", "Coin Price"), ("KXGENETHER", "Ether Price")),
        shape=Shape.LADDER,
        weight=20,
        category="Crypto",
        tags=("Hourly",),
        frequency="hourly",
        structure="center_half_edge_deci_cent",
        markets=(5, 20),
        levels=(2, 8),
        closes_s=(_HOUR // 4, 6 * _HOUR),
        first_strike=(60_000, 90_000),
        strike_step=250,
        rules="If the price is above the strike at the close, then the market resolves to Yes.",
    ),
    Kind(
        series=(("KXGENINDEX", "Stock Index Close"),),
        shape=Shape.LADDER,
        weight=10,
        category="Financials",
        tags=("Indices",),
        frequency="daily",
        fee_multiplier="0.5",
        structure="deci_cent",
        markets=(5, 15),
        levels=(2, 8),
        closes_s=(2 * _HOUR, 5 * _DAY),
        first_strike=(5_000, 7_000),
        strike_step=25,
        rules="If the index closes above the strike, then the market resolves to Yes.",
    ),
    Kind(
        series=(("KXGENBILL", "Bill Becomes Law"), ("KXGENVISIT", "Visit This Year")),
        shape=Shape.SINGLE,
        weight=15,
        category="Politics",
        tags=("Congress",),
        frequency="custom",
        fee_multiplier="0",
        markets=(1, 1),
        levels=(2, 12),
        closes_s=(20 * _DAY, 300 * _DAY),
        rules="If it happens before the close, then the market resolves to Yes.",
    ),
    Kind(
        series=(("KXGENPARLAY", "Three Things at Once"),),
        shape=Shape.SINGLE,
        weight=5,
        category="Exotics",
        tags=("Combos",),
        frequency="custom",
        fee_type=FeeType.QUADRATIC_WITH_COMBO_MAKER_FEES,
        structure="center_deci_edge_centi_cent",
        markets=(1, 1),
        levels=(1, 5),
        closes_s=(3 * _HOUR, 2 * _DAY),
        rules="If all of them happen, then the market resolves to Yes.",
    ),
)
"""Every kind; their tickers start with KXGEN, so that they meet no real series."""

CONTESTANTS: Final[tuple[tuple[str, str], ...]] = (
    ("ALB", "Albany"),
    ("AUS", "Austin"),
    ("BOI", "Boise"),
    ("CAM", "Camden"),
    ("DOV", "Dover"),
    ("ERI", "Erie"),
    ("FRE", "Fresno"),
    ("GAL", "Galveston"),
    ("HAR", "Hartford"),
    ("JUN", "Juneau"),
    ("LAR", "Laredo"),
    ("MAC", "Macon"),
    ("NAS", "Nashua"),
    ("OMA", "Omaha"),
    ("PRO", "Provo"),
    ("REN", "Reno"),
    ("SAL", "Salem"),
    ("TUL", "Tulsa"),
    ("UTI", "Utica"),
    ("WAC", "Waco"),
)
"""(code, name): at least as many as the largest contest has."""
