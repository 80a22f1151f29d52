"""What a person is told of the universe: changes, named markets that are not to be had, looks that fail.

Owns: the sentences, and the degraded parts that stand while something is wrong.
Must not: look, or choose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import attrs

from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.model.market import MarketListing
from traderd.model.units import counted
from traderd.model.universe_events import Steps
from traderd.services.context import Context
from traderd.services.market_plan import MarketPlan

SHOWN: Final = 3
"""Bounds the markets that one line names, each with its reason; `/v3/status` has more."""
NOTHING: Final = "followed markets"
"""The part that is degraded while a search leaves nothing to follow."""
PART: Final = "market discovery"
UNKNOWN: Final = "the exchange does not know this ticker; correct market_data.markets"


@attrs.define(eq=False)
class UniverseNews:
    """Tells, for one keeper."""

    _context: Context
    _plan: MarketPlan
    _failure: str = ""

    def changed(self, added: Steps, dropped: Steps, *, left_out: int = 0) -> None:
        """Tell what is followed from now on and what no longer is; `left_out` fit too and are over the cap."""
        log, total = self._context.log, len(self._context.view.followed)
        if dropped:
            log.info(f"no longer following {_markets(dropped)}, now {total}: {_shown(dropped)}")
        if added:
            more, now = ("more ", f", now {total}") if total > len(added) else ("", "")
            over = f"; {left_out} more fit, market_data.discover.max_markets leaves them out"
            log.info(
                f"following {_markets(added, more)}{now}: {_shown(added)}{over if left_out else ''}"
            )

    def fits(
        self,
        listings: Collection[MarketListing],
        objection: Callable[[MarketListing], str | None],
        *,
        is_explained: bool,
    ) -> None:
        """Tell when a search leaves nothing to follow, with what is wrong with the busiest market, and when that ends.

        `is_explained`: that it found nothing was told already, with the reason.
        """
        context = self._context
        is_told = NOTHING in context.view.conditions.degraded
        if context.view.followed or (is_explained and not listings):
            if is_told:
                context.publish(ev.DegradedCleared(at=context.now(), part=NOTHING))
            return
        reason = "none: market_data.discover found no market"
        if listings:
            busiest = max(listings, key=lambda listing: listing.volume_24h)
            count = counted(len(listings), "market")
            why = f"of {busiest.market.ticker}: {objection(busiest)}"
            reason = f"none: market_data.discover found {count} and none fits, {why}"
        if not is_told:
            context.log.warning(f"{NOTHING}: {reason}")
            context.publish(ev.DegradedRaised(at=context.now(), part=NOTHING, reason=reason))

    def named(
        self,
        tickers: Iterable[MarketTicker],
        found: Collection[MarketTicker],
        unreadable: Mapping[MarketTicker, str],
    ) -> None:
        """Tell which markets that a person named are not to be had, each once, with the reason if there is one."""
        context = self._context
        for ticker in tickers:
            part, degraded = f"market {ticker}", context.view.conditions.degraded
            if ticker not in found and part not in degraded:
                reason = unreadable.get(ticker, UNKNOWN)
                context.log.error(f"{part}: {reason}")
                context.publish(ev.DegradedRaised(at=context.now(), part=part, reason=reason))
            elif ticker in found and part in degraded:
                context.publish(ev.DegradedCleared(at=context.now(), part=part))

    def failed(self, problem: str) -> None:
        """Tell that a look failed; the same problem is told once."""
        context = self._context
        self._plan.problem = problem
        if problem != self._failure:
            context.log.warning(f"the markets cannot be listed: {problem}; trying again")
            self._failure = problem
        if self._plan.known.is_set() and PART not in context.view.conditions.degraded:
            context.publish(ev.DegradedRaised(at=context.now(), part=PART, reason=problem))

    def succeeded(self) -> None:
        """Tell that looks work again, if one failed."""
        context = self._context
        if self._failure:
            context.log.info("the markets can be listed again")
            self._failure = ""
        context.clear_degraded(PART)


def _markets(steps: Steps, more: str = "") -> str:
    return f"{len(steps)} {more}market{'' if len(steps) == 1 else 's'}"


def _shown(steps: Steps) -> str:
    rest = f" and {len(steps) - SHOWN} more" if len(steps) > SHOWN else ""
    reasons = dict.fromkeys(reason for _, reason in steps)
    if len(reasons) == 1:
        return f"{', '.join(ticker for ticker, _ in steps[:SHOWN])}{rest} ({steps[0][1]})"
    return f"{', '.join(f'{ticker} ({reason})' for ticker, reason in steps[:SHOWN])}{rest}"
