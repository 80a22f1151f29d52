"""How the street behaves in one market: the kinds there are, and the numbers behind each.

Owns: the kinds, and what a scenario may ask of the street for one market.
Must not: draw random numbers, or know a venue.
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from traderd.model.units import Count, Price

Levels: TypeAlias = tuple[tuple[Price, Count], ...]
"""Levels of one side in YES prices, ascending."""


class Style(enum.Enum):
    """What kind of street a market has."""

    STEADY = "steady"
    """Makers and takers around a touch that walks a few ticks: what the recorded markets did."""
    DRIFT = "drift"
    """As steady, but somebody knows how it ends: the price goes to 0 or 1 before the close."""
    QUIET = "quiet"
    """A change now and then, as in most markets."""
    BURST = "burst"
    """Quiet until there is news: then a jump and a cluster of quotes and takes."""
    MAKERS = "makers"
    """Quotes move, and nobody takes: only accounts trade."""
    TAKERS = "takers"
    """As steady, with four times the takers."""
    NONE = "none"
    """Nobody: the opening book stays as it is."""


class Settles(enum.Enum):
    """How a market ends by itself, shortly after its close."""

    YES = "yes"
    NO = "no"
    BY_FLOW = "by flow"
    """The street's seed decides, by the odds that the opening prices show; a scalar market gets its last price."""


@attrs.frozen(kw_only=True)
class StreetPlan:
    """What a scenario asks of the street for one market."""

    style: Style | None = None
    """None is steady for a market that opens with bids and asks, and nobody for any other."""
    settles: Settles | None = None
    """None leaves the result to whoever runs the exchange."""
    opening_bids: Levels = ()
    opening_asks: Levels = ()
    """The book to post when a market opens that is not open yet."""


NO_PLAN: Final = StreetPlan()


@attrs.frozen(kw_only=True)
class Profile:
    """The numbers of one style."""

    move_s: tuple[int, int]
    """Bounds the time between two moves of a fair value."""
    activity: float
    """Its share of the quotes and takes, next to a steady market's 1."""
    take_share: float
    """How many of those are takes."""
    jump_ticks: tuple[int, int] | None = None
    """Bounds a move; None is one tick, sometimes two."""
    cluster: tuple[int, int] = (0, 0)
    """Bounds how many quotes and takes follow a move at once."""


TAKE_SHARE: Final = 0.12
"""How many quotes and takes are takes, in most markets."""
MOVE_PERIOD_S: Final = (20, 30)
"""Bounds the time between two moves of one fair value: a joined touch fills within about a minute."""

PROFILES: Final[dict[Style, Profile]] = {
    Style.STEADY: Profile(move_s=MOVE_PERIOD_S, activity=1.0, take_share=TAKE_SHARE),
    Style.DRIFT: Profile(move_s=MOVE_PERIOD_S, activity=1.0, take_share=TAKE_SHARE),
    Style.QUIET: Profile(move_s=(1_800, 5_400), activity=0.02, take_share=TAKE_SHARE),
    Style.BURST: Profile(
        move_s=(120, 360), activity=0.02, take_share=0.25, jump_ticks=(2, 5), cluster=(15, 60)
    ),
    Style.MAKERS: Profile(move_s=MOVE_PERIOD_S, activity=1.0, take_share=0.0),
    Style.TAKERS: Profile(move_s=MOVE_PERIOD_S, activity=1.0, take_share=4 * TAKE_SHARE),
}
"""Every style that has a street."""
