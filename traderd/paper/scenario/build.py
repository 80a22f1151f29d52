"""From a scenario to a venue: listings, opening books, fee changes and pauses.

Owns: what each table becomes. Opening levels become street orders, one per level; those of a market that opens later
are left to the street's plan.
Must not: open accounts, because an account needs a key (`exchange`), or move the market (`flow`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import MarketStatus
from traderd.model.orders import Side
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.flow.behaviour import NO_PLAN, StreetPlan
from traderd.paper.scenario.file import (
    EventSpec,
    FeeChangeSpec,
    MarketSpec,
    Scenario,
    SeriesSpec,
    parse_levels,
    parse_strike,
)
from traderd.paper.scenario.generator import generated_events, series_of_generated
from traderd.paper.venue.calendar import WeeklyPause
from traderd.paper.venue.listings import Event, FeeChange, Series, VenueMarket
from traderd.paper.venue.venue import Venue


def build_venue(
    scenario: Scenario, *, ids: Callable[[], str], now: Timestamp, tracks: bool = False
) -> Venue:
    """Return a venue with the scenario's markets and opening books, no accounts and an empty outbox."""
    venue = Venue(ids=ids, pauses=weekly_pauses(scenario), tracks=tracks)
    for spec in _all_series(scenario):
        venue.life.add_series(_series(spec, now))
    for event, markets in _all_events(scenario):
        venue.life.add_event(_event(event, venue.one_series(event.series), now), now)
        for market in markets:
            _list(venue, market, now)
    for change in scenario.fee_changes:
        venue.fee_calendar.schedule(_fee_change(change, scenario, ids(), now))
    venue.take_outbox()
    return venue


def weekly_pauses(scenario: Scenario) -> tuple[WeeklyPause, ...]:
    """Return the scenario's weekly pauses."""
    return tuple(spec.pause for spec in scenario.weekly_pauses)


def street_plans(scenario: Scenario) -> dict[MarketTicker, StreetPlan]:
    """Return what the scenario asks of the street, for the markets of which it asks anything."""
    plans: dict[MarketTicker, StreetPlan] = {}
    # One object for all that ask the same: there may be 100 000 of them.
    shared: dict[StreetPlan, StreetPlan] = {}
    for _, markets in _all_events(scenario):
        for market in markets:
            plan = market.plan
            if plan != NO_PLAN:
                plans[MarketTicker(market.ticker)] = shared.setdefault(plan, plan)
    return plans


def market_id_of(ticker: str) -> str:
    """Return a market id in the form of a UUID, the same for the same ticker everywhere."""
    digits = hashlib.sha256(ticker.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _all_series(scenario: Scenario) -> tuple[SeriesSpec, ...]:
    if scenario.generated is None:
        return scenario.series
    return (*scenario.series, *series_of_generated())


def _all_events(scenario: Scenario) -> Iterator[tuple[EventSpec, tuple[MarketSpec, ...]]]:
    # The written ones in the file's order of events, then the made up ones, each only while it is looked at.
    by_event: dict[str, list[MarketSpec]] = {event.ticker: [] for event in scenario.events}
    for market in scenario.markets:
        by_event[market.event].append(market)
    for event in scenario.events:
        yield event, tuple(by_event[event.ticker])
    if scenario.generated is not None:
        yield from generated_events(scenario.generated)


def _list(venue: Venue, spec: MarketSpec, now: Timestamp) -> None:
    event = venue.event(spec.event)
    series = venue.one_series(event.series_ticker)
    venue.life.add_market(_market(spec, event, series, now), now)
    if not spec.opens_in_s:
        for side, levels in ((Side.BID, spec.bids), (Side.ASK, spec.asks)):
            for price, count in parse_levels(levels):
                venue.street.add(MarketTicker(spec.ticker), side, price, count, now)
    # Market by market, because ten thousand books at once are a million broadcasts.
    venue.take_outbox()


def _series(spec: SeriesSpec, now: Timestamp) -> Series:
    return Series(
        ticker=SeriesTicker(spec.ticker),
        title=spec.title,
        category=spec.category,
        frequency=spec.frequency,
        tags=spec.tags,
        fees=spec.fees,
        updated_at=now,
    )


def _event(spec: EventSpec, series: Series, now: Timestamp) -> Event:
    return Event(
        ticker=EventTicker(spec.ticker),
        series_ticker=series.ticker,
        title=spec.title,
        sub_title=spec.sub_title,
        category=spec.category or series.category,
        mutually_exclusive=spec.mutually_exclusive,
        strike_at=_after(now, spec.strike_in_s),
        fee_override=spec.fee_override,
        updated_at=now,
    )


def _market(spec: MarketSpec, event: Event, series: Series, now: Timestamp) -> VenueMarket:
    return VenueMarket(
        ticker=MarketTicker(spec.ticker),
        event_ticker=event.ticker,
        series_ticker=series.ticker,
        title=spec.title,
        outcome=spec.outcome,
        market_id=spec.market_id or market_id_of(spec.ticker),
        grid=spec.grid,
        level_structure=spec.price_level_structure,
        fees=event.fee_override or series.fees,
        is_scalar=spec.scalar,
        created_at=now,
        open_time=Timestamp(now + spec.opens_in_s * NS_PER_S),
        close_time=Timestamp(now + spec.closes_in_s * NS_PER_S),
        expected_expiration_time=_after(now, spec.expected_expiration_in_s),
        latest_expiration_time=_after(now, spec.latest_expiration_in_s),
        fee_waiver_until=_after(now, spec.fees_waived_for_s),
        settlement_timer_s=spec.settlement_timer_s,
        can_close_early=spec.can_close_early,
        strike_type=spec.strike_type,
        floor_strike=parse_strike(spec.floor_strike, "floor_strike"),
        cap_strike=parse_strike(spec.cap_strike, "cap_strike"),
        rules_primary=spec.rules_primary,
        rules_secondary=spec.rules_secondary,
        status=MarketStatus.INITIALIZED if spec.opens_in_s else MarketStatus.ACTIVE,
        updated_at=now,
    )


def _fee_change(
    spec: FeeChangeSpec, scenario: Scenario, change_id: str, now: Timestamp
) -> FeeChange:
    series: Mapping[str, str] = {event.ticker: event.series for event in scenario.events}
    return FeeChange(
        change_id=change_id,
        series_ticker=SeriesTicker(spec.series or series[spec.event]),
        event_ticker=EventTicker(spec.event) if spec.event else None,
        fees=spec.fees,
        due=Timestamp(now + spec.in_s * NS_PER_S),
    )


def _after(now: Timestamp, seconds: int | None) -> Timestamp | None:
    return None if seconds is None else Timestamp(now + seconds * NS_PER_S)
