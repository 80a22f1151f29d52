"""Made up markets in any number: series, events, grids, books and behaviour of the kinds that Kalshi lists.

Owns: what kinds of events there are and how often, and the books they open with. Everything of one event comes from
the seed and the event's number, so a larger exchange holds all events of a smaller one, and nothing has to be kept.
Must not: build a venue (`build`), or pass for recorded data: it has the shape of Kalshi's markets, not their content.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

import attrs

from traderd.model.units import ONE_CONTRACT, ONE_DOLLAR, Count, Price, format_count, format_price
from traderd.paper.flow.behaviour import Settles, Style
from traderd.paper.flow.price_axis import index_at_or_below, order_prices
from traderd.paper.scenario.file import (
    EventSpec,
    GeneratedSpec,
    MarketSpec,
    Scenario,
    SeriesSpec,
    StrikeType,
    TextLevels,
)
from traderd.paper.scenario.kinds import CONTESTANTS, KINDS, Kind, Shape
from traderd.paper.venue.price_structures import PRICE_STRUCTURES

LIVELY_FIRST: Final = 16
"""How many events at the beginning are lively, so that a small exchange is not asleep."""
LIVELY_SHARE: Final = 0.02
"""How many of the others are: most of Kalshi's markets hardly trade."""
OPENS_LATER_SHARE: Final = 0.03
GAP_WEIGHTS: Final = (62, 20, 10, 8)
"""How often a book opens with a spread of 1, 2, 3 or 4 ticks; 9 of the 12 recorded ones had 1."""
HOLE_SHARE: Final = 0.15
"""How often a tick behind the touch is empty: the recorded books have few holes."""

_SEED_FACTOR: Final = 1_000_003
_LIVELY: Final = (Style.STEADY, Style.STEADY, Style.DRIFT, Style.BURST, Style.TAKERS)


def generated_scenario(markets: int, seed: int) -> Scenario:
    """Return a scenario of this many made up markets; equal seeds give equal ones.

    Args:
        markets: 1 to 100 000.
        seed: of everything in it.
    """
    return Scenario(
        name=f"generated-{markets}",
        note="Made up markets.",
        generated=GeneratedSpec(markets=markets, seed=seed),
    )


def series_of_generated() -> tuple[SeriesSpec, ...]:
    """Return every series that made up events belong to."""
    return tuple(
        SeriesSpec(
            ticker=ticker,
            title=title,
            category=kind.category,
            tags=kind.tags,
            frequency=kind.frequency,
            fee_type=kind.fee_type,
            fee_multiplier=kind.fee_multiplier,
        )
        for kind in KINDS
        for ticker, title in kind.series
    )


def generated_events(spec: GeneratedSpec) -> Iterator[tuple[EventSpec, tuple[MarketSpec, ...]]]:
    """Yield events with their markets until there are enough markets; the last event may lack some."""
    left = spec.markets
    for number in itertools.count():
        if left <= 0:
            return
        # An exchange has fewer events than the factor, so two seeds share none.
        rng = Random(spec.seed * _SEED_FACTOR + number)
        event, markets = _Maker(rng, number, spec.levels).event()
        yield event, markets[:left]
        left -= len(markets)


@attrs.frozen
class _Maker:
    """Makes one event."""

    rng: Random
    number: int
    levels: int | None
    """Of each side, None: as many as the kind has."""

    def event(self) -> tuple[EventSpec, tuple[MarketSpec, ...]]:
        rng = self.rng
        (kind,) = rng.choices(KINDS, [each.weight for each in KINDS])
        series, title = rng.choice(kind.series)
        ticker = f"{series}-{self.number:06d}"
        event = EventSpec(
            ticker=ticker,
            series=series,
            title=f"{title} {self.number}",
            category=kind.category,
            mutually_exclusive=kind.shape in (Shape.CONTEST, Shape.RANGES),
        )
        lively = self.number < LIVELY_FIRST or rng.random() < LIVELY_SHARE
        style = rng.choice(_LIVELY) if lively else Style.QUIET
        closes_in_s = rng.randint(*kind.closes_s)
        opens_in_s = 0
        if rng.random() < OPENS_LATER_SHARE and not lively:
            opens_in_s = closes_in_s // rng.randint(4, 20)
        outcomes = self._outcomes(kind, rng.randint(*kind.markets))
        markets = tuple(
            self._market(kind, event, outcome, style, opens_in_s, closes_in_s)
            for outcome in outcomes
        )
        return event, markets

    def _outcomes(self, kind: Kind, count: int) -> list[_Outcome]:
        if kind.shape is Shape.CONTEST:
            names = self.rng.sample(CONTESTANTS, count)
            chances = self._parts(count)
            return [
                _Outcome(code, f"{name} wins", chance)
                for (code, name), chance in zip(names, chances, strict=True)
            ]
        if kind.shape is Shape.SINGLE:
            return [_Outcome("YES", "It happens", self.rng.randint(300, 9_700))]
        first = self.rng.randint(*kind.first_strike)
        strikes = [first + kind.strike_step * place for place in range(count)]
        if kind.shape is Shape.LADDER:
            chances = sorted((self.rng.randint(150, 9_850) for _ in strikes), reverse=True)
            return [
                _Outcome(f"T{strike}", f"Above {strike}", chance, "greater", strike)
                for strike, chance in zip(strikes, chances, strict=True)
            ]
        return self._ranges(strikes, kind.strike_step)

    def _ranges(self, strikes: list[int], step: int) -> list[_Outcome]:
        chances = sorted(self._parts(len(strikes)))
        # The likely ones in the middle: the ascending parts, then the others back down.
        chances = [*chances[::2], *reversed(chances[1::2])]
        last = len(strikes) - 1
        ranges: list[_Outcome] = []
        for place, (strike, chance) in enumerate(zip(strikes, chances, strict=True)):
            if place == 0:
                top = strike + step
                ranges.append(_Outcome(f"T{top}", f"Below {top}", chance, "less", None, top))
            elif place == last:
                ranges.append(_Outcome(f"T{strike}", f"Above {strike}", chance, "greater", strike))
            else:
                top = strike + step
                name = f"{strike} to {top}"
                ranges.append(_Outcome(f"B{strike}", name, chance, "between", strike, top))
        return ranges

    def _parts(self, count: int) -> list[int]:
        # Chances of outcomes that exclude each other: random parts of $1.
        parts = [self.rng.random() ** 2 + 0.02 for _ in range(count)]
        whole = sum(parts)
        return [int(part / whole * ONE_DOLLAR) for part in parts]

    def _market(
        self,
        kind: Kind,
        event: EventSpec,
        outcome: _Outcome,
        style: Style,
        opens_in_s: int,
        closes_in_s: int,
    ) -> MarketSpec:
        bids, asks = self._book(kind, outcome.chance)
        return MarketSpec(
            ticker=f"{event.ticker}-{outcome.code}",
            event=event.ticker,
            title=f"{event.title}: {outcome.name}",
            outcome=outcome.name,
            price_level_structure=kind.structure,
            opens_in_s=opens_in_s,
            closes_in_s=closes_in_s,
            strike_type=outcome.strike_type,
            floor_strike=outcome.floor,
            cap_strike=outcome.cap,
            rules_primary=kind.rules,
            bids=bids,
            asks=asks,
            flow=style,
            settles=Settles.BY_FLOW,
        )

    def _book(self, kind: Kind, chance: int) -> tuple[TextLevels, TextLevels]:
        prices = order_prices(PRICE_STRUCTURES[kind.structure])
        (gap,) = self.rng.choices((1, 2, 3, 4), GAP_WEIGHTS)
        needed = self.levels or 1
        # An unlikely outcome has few prices below it: a deep book needs its touch further in.
        bid = index_at_or_below(prices, chance)
        bid = max(needed - 1, min(bid, len(prices) - needed - gap))
        behind_bid, behind_ask = range(bid, -1, -1), range(bid + gap, len(prices))
        bids, asks = self._side(kind, prices, behind_bid), self._side(kind, prices, behind_ask)
        return tuple(reversed(bids)), tuple(asks)

    def _side(
        self, kind: Kind, prices: Sequence[Price], places: Sequence[int]
    ) -> list[tuple[str, str]]:
        rng = self.rng
        wanted = self.levels or rng.randint(*kind.levels)
        levels: list[tuple[str, str]] = []
        for place in places:
            if levels and self.levels is None and rng.random() < HOLE_SHARE:
                continue
            # Each doubling of a size is half as likely.
            size = rng.randint(1, 40) << min(12, int(rng.expovariate(0.5)))
            price = format_price(prices[place])
            levels.append((price, format_count(Count(size * ONE_CONTRACT))))
            if len(levels) == wanted:
                break
        return levels


@attrs.frozen
class _Outcome:
    """One market of an event before it has a book."""

    code: str
    name: str
    chance: int
    """Of YES, as a price."""
    strike_type: StrikeType | None = None
    floor: int | None = None
    cap: int | None = None
