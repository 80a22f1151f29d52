"""What the street makes of markets that it sees for the first time.

Owns: from a market and what the scenario asks of it to a fair value and an end that its event agrees on.
Must not: act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Final

import attrs

from traderd.model.ids import EventTicker, MarketTicker
from traderd.model.market import MarketStatus
from traderd.model.units import ONE_DOLLAR, Price
from traderd.paper.flow.behaviour import NO_PLAN, Levels, Settles, StreetPlan, Style
from traderd.paper.flow.fair_value import FairValue, middle_of, opening_fair_value
from traderd.paper.flow.outcomes import Candidate, draw_outcomes
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.venue import Venue

GUESS: Final = (1_500, 8_500)
"""Bounds what a market is thought to be worth that shows nothing; in 1/10 000 $."""
_OVER: Final = (
    MarketStatus.DETERMINED,
    MarketStatus.DISPUTED,
    MarketStatus.AMENDED,
    MarketStatus.FINALIZED,
)
_FIXED: Final = {Settles.YES: True, Settles.NO: False}


@attrs.frozen(kw_only=True)
class Seen:
    """One market as the street sees it from now on."""

    market: VenueMarket
    plan: StreetPlan
    fair: FairValue | None
    """None where nobody trades."""
    ends_yes: bool | None
    """None where nobody asked for an end."""


@attrs.frozen
class _Look:
    market: VenueMarket
    plan: StreetPlan
    style: Style
    bids: Levels
    asks: Levels
    """Best first."""

    @property
    def has_end(self) -> bool:
        return self.plan.settles is not None or self.style is Style.DRIFT


def is_over(market: VenueMarket) -> bool:
    """Tell whether a market will never trade again."""
    return market.status in _OVER


def adopt(
    venue: Venue,
    markets: Iterable[VenueMarket],
    plans: Mapping[MarketTicker, StreetPlan],
    known: Mapping[MarketTicker, bool],
    rng: Random,
) -> list[Seen]:
    """Return what the street makes of these markets, event by event.

    Args:
        venue: where they are listed.
        markets: the new ones.
        plans: what the scenario asks.
        known: the ends of markets that were seen before.
        rng: of guesses and ends.
    """
    by_event: dict[EventTicker, list[_Look]] = {}
    for market in markets:
        if not is_over(market):
            look = _look_at(venue, market, plans.get(market.ticker, NO_PLAN))
            by_event.setdefault(market.event_ticker, []).append(look)
    seen: list[Seen] = []
    for event_ticker, looks in by_event.items():
        seen.extend(_event(venue, event_ticker, looks, known, rng))
    return seen


def _look_at(venue: Venue, market: VenueMarket, plan: StreetPlan) -> _Look:
    bids, asks = venue.book(market.ticker)
    if market.status is MarketStatus.INITIALIZED:
        bids, asks = tuple(reversed(plan.opening_bids)), plan.opening_asks
    style = plan.style or (Style.STEADY if bids and asks else Style.NONE)
    return _Look(market, plan, style, bids, asks)


def _event(
    venue: Venue,
    event_ticker: EventTicker,
    looks: Sequence[_Look],
    known: Mapping[MarketTicker, bool],
    rng: Random,
) -> list[Seen]:
    exclusive = venue.event(event_ticker).mutually_exclusive
    chances = _chances(looks, rng, exclusive=exclusive)
    ends: Mapping[MarketTicker, bool] = {}
    if any(look.has_end for look in looks):
        candidates = [
            Candidate(
                ticker=look.market.ticker,
                chance=chance,
                strike_type=look.market.strike_type,
                fixed=_FIXED.get(look.plan.settles) if look.plan.settles else None,
            )
            for look, chance in zip(looks, chances, strict=True)
        ]
        if known:
            candidates += [
                Candidate(ticker=other.ticker, chance=Price(0), fixed=known[other.ticker])
                for other in venue.floor.markets_of(event_ticker)
                if other.ticker in known
            ]
        ends = draw_outcomes(candidates, exclusive=exclusive, rng=rng)
    return [
        _seen(look, chance, ends.get(look.market.ticker) if look.has_end else None)
        for look, chance in zip(looks, chances, strict=True)
    ]


def _chances(looks: Sequence[_Look], rng: Random, *, exclusive: bool) -> list[Price]:
    shown = [middle_of(look.bids, look.asks) for look in looks]
    unknown = sum(each is None for each in shown)
    # What others leave of $1, if one of them wins.
    left = max(0, ONE_DOLLAR - sum(each for each in shown if each is not None))
    chances: list[Price] = []
    for price in shown:
        if price is not None:
            chances.append(price)
        elif exclusive:
            chances.append(Price(max(ONE_DOLLAR // 50, left // unknown)))
        else:
            chances.append(Price(rng.randint(*GUESS)))
    return chances


def _seen(look: _Look, chance: Price, ends_yes: bool | None) -> Seen:
    fair = None
    if look.style is not Style.NONE:
        fair = opening_fair_value(look.market, look.style, look.bids, look.asks, chance)
        if look.style is Style.DRIFT and not look.market.is_scalar:
            fair.ends_yes = ends_yes
    return Seen(market=look.market, plan=look.plan, fair=fair, ends_yes=ends_yes)
