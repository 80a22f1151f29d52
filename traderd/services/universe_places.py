"""Where markets are looked for: the series and events that a person named, and the series of named categories.

Owns: that a place which does not exist brings no market, is told with its cure, and stands as a degraded part until the
exchange knows it. A name with a slip must never widen the search.
Must not: read markets, or choose among them.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from functools import partial
from typing import Final, TypeAlias

import attrs

from traderd.config import DiscoverConfig
from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.services.context import Context

SERIES_MAX: Final = 200
"""Bounds the series of the named categories that one look goes through: each costs a request."""
SIMILAR: Final = 0.6
"""How alike (0 to 1) two categories must be for one to be suggested: there are about twenty, all unlike each other."""
Place: TypeAlias = "tuple[SeriesTicker | None, EventTicker | None]"
EVERYWHERE: Final[Place] = (None, None)


@attrs.define(eq=False)
class UniversePlaces:
    """The places of one keeper."""

    _context: Context
    series: tuple[SeriesTicker, ...] = ()
    """Those that the last look went through; with no events named and none here, the whole exchange."""
    _unknown: dict[str, str] = attrs.Factory(dict)
    """The parts that this look found to be no places, with the reason."""
    _empty: dict[str, None] = attrs.Factory(dict)
    """Named places of which it was told that they have no market now."""

    async def all(self) -> list[Place]:
        """Return where to look now; nowhere when everything that was named does not exist.

        Raises:
            ExchangeError: the series of a category cannot be read.
        """
        discover = self._context.config.market_data.discover
        self._unknown = {}
        self.series = await self._list_series()
        if not _names_places(discover):
            return [EVERYWHERE]
        events = (EventTicker(name) for name in discover.events)
        return [*((name, None) for name in self.series), *((None, name) for name in events)]

    async def note(self, place: Place, *, is_empty: bool) -> None:
        """Note whether a place has markets; if it has none, find out whether it exists.

        Raises:
            ExchangeError: the exchange cannot be asked.
        """
        (series, event), lists = place, self._context.venue.rest.lists
        named = self._context.config.market_data.discover.series
        if event is not None:
            part, where, ask = f"event {event}", "events", partial(lists.knows_event, event)
        elif series is not None and series in named:
            part, where, ask = f"series {series}", "series", partial(lists.knows_series, series)
        else:
            return
        if not is_empty:
            self._empty.pop(part, None)
        elif not await ask():
            self._unknown[part] = f"the exchange has none; correct market_data.discover.{where}"
        elif part not in self._empty:
            self._empty[part] = None
            self._context.log.warning(f"{part} has no market now that could be followed")

    @property
    def has_unknown(self) -> bool:
        """Tell whether the last look found a named place that does not exist."""
        return bool(self._unknown)

    def tell(self) -> None:
        """Tell which places do not exist, each once, and end the parts of those that exist now."""
        context, at = self._context, self._context.now()
        for part in self._parts():
            is_told, reason = part in context.view.conditions.degraded, self._unknown.get(part)
            if reason is not None and not is_told:
                context.log.error(f"{part}: {reason}")
                context.publish(ev.DegradedRaised(at=at, part=part, reason=reason))
            elif reason is None and is_told:
                context.publish(ev.DegradedCleared(at=at, part=part))

    def brings(self, ticker: MarketTicker) -> bool:
        """Tell whether a new market would be found by a look, as far as its ticker tells."""
        discover = self._context.config.market_data.discover
        if not _names_places(discover):
            return True
        # Kalshi: an event's ticker begins with its series', a market's with its event's.
        names = (*self.series, *discover.events)
        return any(f"{ticker}-".startswith(f"{name}-") for name in names)

    def _parts(self) -> list[str]:
        discover = self._context.config.market_data.discover
        return [
            *(f"series {name}" for name in discover.series),
            *(f"event {name}" for name in discover.events),
            *(f"category {name}" for name in discover.categories),
        ]

    async def _list_series(self) -> tuple[SeriesTicker, ...]:
        discover, lists = self._context.config.market_data.discover, self._context.venue.rest.lists
        series = dict.fromkeys(SeriesTicker(name) for name in discover.series)
        for category in discover.categories:
            names = await lists.series_of(category)
            if not names:
                await self._note_category(category)
            series.update(dict.fromkeys(names))
        if len(series) > SERIES_MAX:
            self._context.log.warning(
                f"{len(series)} series belong to market_data.discover.categories, only {SERIES_MAX} are "
                "looked through; name series instead"
            )
        return tuple(series)[:SERIES_MAX]

    async def _note_category(self, category: str) -> None:
        part = f"category {category}"
        # Asked once: the reason that stands is not told again.
        is_told = part in self._context.view.conditions.degraded
        meant = "" if is_told else await self._suggestion(category)
        self._unknown[part] = (
            f"the exchange has none of this name{meant}; correct market_data.discover.categories"
        )

    async def _suggestion(self, category: str) -> str:
        try:
            known = await self._context.venue.rest.lists.categories()
        except AuthenticationRefused:
            raise
        except ExchangeError:
            return ""
        meant = closest(category, known)
        return f"; did you mean {meant}?" if meant else f"; there are {', '.join(known)}"


def _names_places(discover: DiscoverConfig) -> bool:
    return bool(discover.series or discover.events or discover.categories)


def closest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that was probably meant: capitals do not count."""
    by_small = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_small, n=1, cutoff=SIMILAR)
    return by_small[near[0]] if near else None
