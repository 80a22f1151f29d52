"""The life of markets and events in the words of Kalshi's WebSocket; every time is in seconds.

Owns: the bodies of `market_lifecycle_v2`, and which field belongs to which step (Kalshi: market lifecycle).
Must not: know who gets them, or read the venue.
"""

from __future__ import annotations

from msgspec import UNSET

from traderd.kalshi.wire import broadcasts
from traderd.kalshi.wire.serve import grid_to_wire
from traderd.model.units import format_price
from traderd.paper.feed.bodies import EXCHANGE_INDEX, seconds
from traderd.paper.venue.fees import MULTIPLIER_ONE
from traderd.paper.venue.listings import Event, VenueMarket
from traderd.paper.venue.messages import EventFeesChanged, Lifecycle, MarketChanged


def market_lifecycle(changed: MarketChanged) -> broadcasts.MarketLifecycle:
    """Return a market's step, with the fields that belong to it."""
    market, step = changed.market, changed.kind
    name, kind = market.ticker, step.value
    match step:
        case Lifecycle.CREATED:
            return _created(market)
        case Lifecycle.ACTIVATED | Lifecycle.DEACTIVATED:
            paused = step is Lifecycle.DEACTIVATED
            return broadcasts.MarketLifecycle(
                market_ticker=name, event_type=kind, is_deactivated=paused
            )
        case Lifecycle.CLOSE_DATE_UPDATED:
            closes = seconds(market.close_time)
            return broadcasts.MarketLifecycle(market_ticker=name, event_type=kind, close_ts=closes)
        case Lifecycle.DETERMINED:
            value = market.settlement_value
            return broadcasts.MarketLifecycle(
                market_ticker=name,
                event_type=kind,
                result=market.result.value if market.result is not None else "",
                determination_ts=seconds(market.determined_at or changed.at),
                settlement_value=UNSET if value is None else format_price(value),
            )
        case Lifecycle.SETTLED:
            settled = seconds(market.settled_at or changed.at)
            return broadcasts.MarketLifecycle(
                market_ticker=name, event_type=kind, settled_ts=settled
            )
        case Lifecycle.GRID_UPDATED:
            return broadcasts.MarketLifecycle(
                market_ticker=name,
                event_type=kind,
                price_level_structure=market.level_structure,
                price_ranges=grid_to_wire(market.grid),
            )
        case Lifecycle.METADATA_UPDATED:
            return broadcasts.MarketLifecycle(
                market_ticker=name,
                event_type=kind,
                yes_sub_title=market.outcome,
                strike_type=market.strike_type or UNSET,
                floor_strike=UNSET if market.floor_strike is None else market.floor_strike,
                cap_strike=UNSET if market.cap_strike is None else market.cap_strike,
            )


def _created(market: VenueMarket) -> broadcasts.MarketLifecycle:
    metadata = broadcasts.MarketMetadata(
        name=market.outcome,
        title=market.title,
        yes_sub_title=market.outcome,
        no_sub_title=market.outcome,
        rules_primary=market.rules_primary,
        rules_secondary=market.rules_secondary,
        can_close_early=market.can_close_early,
        event_ticker=market.event_ticker,
        expected_expiration_ts=seconds(market.expected_expiration_time or market.close_time),
        strike_type=market.strike_type or UNSET,
        floor_strike=UNSET if market.floor_strike is None else market.floor_strike,
        cap_strike=UNSET if market.cap_strike is None else market.cap_strike,
    )
    return broadcasts.MarketLifecycle(
        market_ticker=market.ticker,
        event_type=Lifecycle.CREATED.value,
        exchange_index=EXCHANGE_INDEX,
        open_ts=seconds(market.open_time),
        close_ts=seconds(market.close_time),
        price_level_structure=market.level_structure,
        price_ranges=grid_to_wire(market.grid),
        additional_metadata=metadata,
    )


def event_lifecycle(event: Event) -> broadcasts.EventLifecycle:
    """Return a new event."""
    return broadcasts.EventLifecycle(
        event_ticker=event.ticker,
        exchange_index=EXCHANGE_INDEX,
        title=event.title,
        subtitle=event.sub_title,
        collateral_return_type="MECNET" if event.mutually_exclusive else "",
        series_ticker=event.series_ticker,
        strike_date=UNSET if event.strike_at is None else seconds(event.strike_at),
    )


def event_fees(changed: EventFeesChanged) -> broadcasts.EventFees:
    """Return an event's fee override, two nulls once it is gone."""
    fees = changed.fees
    return broadcasts.EventFees(
        event_ticker=changed.event_ticker,
        fee_type_override=None if fees is None else fees.fee_type.value,
        fee_multiplier_override=None if fees is None else fees.multiplier / MULTIPLIER_ONE,
    )
