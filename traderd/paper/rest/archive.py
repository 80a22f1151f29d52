"""What is live and what is history: the cutoff between the two halves of the reads.

Owns: the cutoff, and which markets and trades lie before it (Kalshi: historical data). Each is served on one side only.
Must not: throw anything away; the venue keeps both halves.
"""

from __future__ import annotations

from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.rest.call import Desk
from traderd.paper.venue.listings import VenueMarket
from traderd.paper.venue.messages import VenueRefusal


def cutoff(desk: Desk, now: Timestamp) -> Timestamp:
    """Return the moment before which everything is history, in whole seconds so that clients can repeat it."""
    seconds = now // NS_PER_S - desk.settings.historical_after_s
    return Timestamp(max(0, seconds) * NS_PER_S)


def is_archived(market: VenueMarket, before: Timestamp) -> bool:
    """Tell whether a market settled before the cutoff."""
    return market.settled_at is not None and market.settled_at < before


def live_market(desk: Desk, ticker: str, now: Timestamp) -> VenueMarket:
    """Return a market that is not history yet; raises VenueRefusal 404 `market_not_found`."""
    market = desk.venue.market(ticker)
    if is_archived(market, cutoff(desk, now)):
        raise VenueRefusal(404, "market_not_found")
    return market


def archived_market(desk: Desk, ticker: str, now: Timestamp) -> VenueMarket:
    """Return a market that is history; raises VenueRefusal 404 `market_not_found`."""
    market = desk.venue.market(ticker)
    if not is_archived(market, cutoff(desk, now)):
        raise VenueRefusal(404, "market_not_found")
    return market
