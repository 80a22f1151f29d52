"""Finds the markets to follow, looks again from time to time, and says what changed.

Owns: reading the exchange's lists, when to look again, and that a failed look changes nothing.
Must not: choose (`core/universe.py` does), or subscribe (the sessions do, when they hear of a change).
"""

from __future__ import annotations

import math
from typing import Any, Final, NoReturn

import attrs
import trio

from traderd.core.universe import ALIVE, COMING, TRADABLE, Wanted, choose
from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.kalshi.market_lists import Search
from traderd.model import events as ev
from traderd.model.ids import EventTicker, MarketTicker, SeriesTicker
from traderd.model.market import MarketListing, MarketStatus
from traderd.model.states import name_tickers
from traderd.model.units import NS_PER_S, Timestamp, parse_count
from traderd.model.universe_events import Steps
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.context import Context, key_refused
from traderd.services.market_clock import exchange_now
from traderd.services.market_plan import MarketPlan, configured_tickers

SOON_S: Final = 2.0
"""How long after news of a market the universe is judged: news comes in bursts, and REST knows a new market late."""
LOOKS_APART_S: Final = 10.0
"""Bounds how often new markets let the exchange be looked through."""
RETRY_FIRST_S: Final = 1.0
RETRY_CAP_S: Final = 60.0
SERIES_MAX: Final = 200
"""Bounds the series of the named categories that one look goes through: each costs a request."""
SPARES: Final = 5
"""So many times the cap is remembered of what a look found, to fill the places of those that leave."""
COMING_MAX: Final = 10_000
"""Bounds the announced markets that are waited for; one more is found by the next regular look."""
REASONS_SHOWN: Final = 3
"""Bounds the reasons in one line; `/v3/status` has them all."""
PART: Final = "market discovery"
NAMED: Final = "named in market_data.markets"
UNKNOWN: Final = "the exchange does not know this ticker; correct market_data.markets"
STATUS_WORDS: Final = {"open": TRADABLE, "unopened": COMING, "any": ALIVE}


class UniverseKeeper:
    """Keeps the universe until cancelled."""

    def __init__(self, context: Context, plan: MarketPlan) -> None:
        self._context, self._plan = context, plan
        self._config = context.config.market_data.discover
        self._named = configured_tickers(context.config)
        self._wanted = wanted_of(context)
        self._found: dict[MarketTicker, MarketListing] = {}
        """What the last look found, as far as it may be of use until the next."""
        self._series: tuple[SeriesTicker, ...] = ()
        """Those that the last look went through; empty: all."""
        self._unreadable: dict[MarketTicker, str] = {}
        """Why markets that were asked for by name were left out of the last look."""
        self._failure = ""
        self._coming: dict[MarketTicker, Timestamp] = {}
        """When announced markets open, by the exchange's clock."""

    async def keep(self) -> NoReturn:
        """Look, then look again every `refresh_s` and after news."""
        context = self._context
        with context.subscribe(
            ev.MarketLifecycleChanged,
            ev.MarketOpened,
            ev.MarketClosed,
            ev.PositionChanged,
            ev.OrderChanged,
            policy=Policy.LATEST,
            key=_key,
        ) as news:
            while True:
                await self._look_until_found()
                looked_at = trio.current_time()
                next_look = looked_at + min(self._config.refresh_s, self._opening_in_s())
                while trio.current_time() < next_look:
                    if await self._news_of_new_market(news, until=next_look):
                        soon = trio.current_time() + SOON_S
                        next_look = min(next_look, max(looked_at + LOOKS_APART_S, soon))

    def _opening_in_s(self) -> float:
        """Return in how many seconds a look should find a market that was announced and opens then."""
        now = exchange_now(self._context)
        self._coming = {ticker: opens for ticker, opens in self._coming.items() if opens > now}
        wait_ns = min(self._coming.values(), default=None)
        return math.inf if wait_ns is None else (wait_ns - now) / NS_PER_S + SOON_S

    async def _look_until_found(self) -> None:
        rng = self._context.env.rng
        backoff = Backoff(first_s=RETRY_FIRST_S, cap_s=RETRY_CAP_S, rng=rng)
        while True:
            try:
                await self._look()
            except ExchangeError as exc:
                required = self._context.config.market_data_required
                if required and isinstance(exc, AuthenticationRefused):
                    raise key_refused(self._context, exc) from exc
                self._tell_failure(str(exc))
                await trio.sleep(backoff.next_delay())
            else:
                self._tell_success()
                return

    async def _news_of_new_market(self, news: Inbox[Any], *, until: float) -> bool:
        """Wait for news that matters; judge again what is known, or return True for a market that is not."""
        batch: list[Any] = []
        with trio.move_on_at(until):
            batch = await news.receive()
            while not any(self._matters(event) for event in batch):
                batch = await news.receive()
            new = [event for event in batch if self._may_be_wanted(event)]
            if new:
                self._expect(new)
                return True
            await trio.sleep(SOON_S)
        if batch:
            self._judge()
        return False

    def _matters(self, event: Any) -> bool:
        if self._may_be_wanted(event):
            return True
        ticker, view = event.ticker if hasattr(event, "ticker") else None, self._context.view
        if isinstance(event, ev.OrderChanged):
            order = view.order(event.key)
            ticker = None if order is None else order.ticker
        if ticker is None or ticker not in view.universe.followed:
            return False
        if isinstance(event, ev.PositionChanged | ev.OrderChanged):
            # Only what was held and is wanted for no other reason may leave because of this.
            return ticker not in view.held_markets() and not self._fits(ticker)
        return True

    def _may_be_wanted(self, event: Any) -> bool:
        """Tell whether this is a market that nobody has seen and that may be looked for."""
        if not isinstance(event, ev.MarketLifecycleChanged) or not self._context.config.discovers:
            return False
        is_new = event.step in (ev.LifeStep.CREATED, ev.LifeStep.ACTIVATED)
        if not is_new or event.ticker in self._context.view.universe.followed:
            return False
        if not self._series and not self._config.events:
            return True
        # Kalshi: an event's ticker begins with its series', a market's with its event's.
        names = (*self._series, *self._config.events)
        return any(f"{event.ticker}-".startswith(f"{name}-") for name in names)

    def _expect(self, new: list[ev.MarketLifecycleChanged]) -> None:
        for event in new:
            if event.open_time is not None and len(self._coming) < COMING_MAX:
                self._coming[event.ticker] = event.open_time

    # --- looking ----------------------------------------------------------------------------------

    async def _look(self) -> None:
        context, lists = self._context, self._context.venue.rest.lists
        found = await self._search() if context.config.discovers else {}
        held = context.view.held_markets() if context.config.discovers else {}
        rest = dict.fromkeys((*self._named, *context.view.followed, *held))
        read = await lists.listings([ticker for ticker in rest if ticker not in found])
        self._add(found, read)
        self._unreadable = read.unreadable
        if self._named and not found and not read.unreadable:
            raise ExchangeError("the exchange knows none of the tickers in market_data.markets")
        self._found = found
        self._tell_unknown()
        self._judge(listed=True)
        self._remember_spares()

    async def _search(self) -> dict[MarketTicker, MarketListing]:
        discover, lists = self._config, self._context.venue.rest.lists
        status = None if discover.status == "any" else discover.status
        self._series = await self._list_series()
        events = [EventTicker(name) for name in discover.events]
        places: list[tuple[SeriesTicker | None, EventTicker | None]] = [
            *((name, None) for name in self._series),
            *((None, name) for name in events),
        ]
        found: dict[MarketTicker, MarketListing] = {}
        for series, event in places or [(None, None)]:
            search = await lists.find(series=series, event=event, status=status)
            self._add(found, search)
            if not search.complete:
                self._context.log.warning(
                    "the exchange lists more markets than one search reads; name series or events in "
                    "market_data.discover"
                )
        return found

    def _add(self, found: dict[MarketTicker, MarketListing], search: Search) -> None:
        followed = self._context.view.universe.followed
        for ticker, reason in search.unreadable.items():
            # Of the whole exchange there may be many, of no interest to anybody.
            tell = self._context.log.warning if ticker in followed else self._context.log.debug
            tell(f"left out: {reason}")
        found.update({listing.market.ticker: listing for listing in search.listings})

    async def _list_series(self) -> tuple[SeriesTicker, ...]:
        discover, lists = self._config, self._context.venue.rest.lists
        series = dict.fromkeys(SeriesTicker(name) for name in discover.series)
        for category in discover.categories:
            names = await lists.series_of(category)
            if not names:
                self._context.log.warning(f"the exchange has no category {category!r}")
            series.update(dict.fromkeys(names))
        if len(series) > SERIES_MAX:
            self._context.log.warning(
                f"{len(series)} series belong to market_data.discover.categories, only {SERIES_MAX} are "
                "looked through; name series instead"
            )
        return tuple(series)[:SERIES_MAX]

    # --- judging ----------------------------------------------------------------------------------

    def _judge(self, *, listed: bool = False) -> None:
        """Let the core choose, and publish the difference; `listed`: with what was read of the markets."""
        context, at = self._context, self._context.now()
        listings = list(self._found.values()) if listed else self._fresh()
        added, dropped = choose(
            listings,
            followed=context.view.followed,
            held=self._held(),
            wanted=self._wanted,
            now=exchange_now(context),
        )
        leaving = dict(dropped)
        stay = dict.fromkeys((*context.view.followed, *(ticker for ticker, _ in added)))
        new = dict(added)
        markets = tuple(
            listing.market
            for listing in listings
            if listing.market.ticker in stay
            and listing.market.ticker not in leaving
            and (listed or listing.market.ticker in new)
        )
        batch: list[ev.Event] = [ev.MarketsListed(at=at, markets=markets)] if markets else []
        if added or dropped:
            batch.append(ev.UniverseChanged(at=at, added=added, dropped=dropped))
        # Known first, followed next: who hears of the change can read the market.
        context.publish(*batch)
        self._tell_change(added, dropped)

    def _held(self) -> dict[MarketTicker, str]:
        held = self._context.view.held_markets()
        # A person named it: it is followed as soon as the exchange knows it.
        unknown = {ticker: NAMED for ticker in self._named if ticker not in self._found}
        if self._context.config.discovers:
            return held
        # What nobody named is not traded here, whatever the account holds.
        followed = self._context.view.universe.followed
        return {ticker: why for ticker, why in held.items() if ticker in followed} | unknown

    def _fresh(self) -> list[MarketListing]:
        """Return what was found, each as the lifecycle has left it since."""
        return [self._as_now(listing) for listing in self._found.values()]

    def _as_now(self, listing: MarketListing) -> MarketListing:
        view, ticker = self._context.view, listing.market.ticker
        known = view.market(ticker) if ticker in view.universe.followed else None
        return listing if known is None else attrs.evolve(listing, market=known)

    def _fits(self, ticker: MarketTicker) -> bool:
        listing = self._found.get(ticker)
        if listing is None:
            return False
        is_followed = ticker in self._context.view.universe.followed
        objection = self._wanted.objection(
            self._as_now(listing), is_followed=is_followed, now=exchange_now(self._context)
        )
        return objection is None

    def _remember_spares(self) -> None:
        if self._wanted.markets_max is None:
            return
        followed = self._context.view.universe.followed
        fitting = [ticker for ticker in self._found if self._fits(ticker)]
        spares = sorted(fitting, key=lambda ticker: -self._found[ticker].volume_24h)
        kept = dict.fromkeys((*followed, *spares[: SPARES * self._wanted.markets_max]))
        self._found = {t: each for t, each in self._found.items() if t in kept}

    # --- telling ----------------------------------------------------------------------------------

    def _tell_change(self, added: Steps, dropped: Steps) -> None:
        for word, steps in (("following", added), ("no longer following", dropped)):
            if not steps:
                continue
            reasons = "; ".join(dict.fromkeys(reason for _, reason in steps[:REASONS_SHOWN]))
            tickers = name_tickers(tuple(ticker for ticker, _ in steps))
            noun = "market" if len(steps) == 1 else "markets"
            self._context.log.info(f"{word} {len(steps)} {noun}: {tickers} ({reasons})")
        self._plan.known.set()

    def _tell_unknown(self) -> None:
        context = self._context
        for ticker in self._named:
            part, degraded = f"market {ticker}", context.view.conditions.degraded
            if ticker not in self._found and part not in degraded:
                reason = self._unreadable.get(ticker, UNKNOWN)
                context.log.error(f"{part}: {reason}")
                context.publish(ev.DegradedRaised(at=context.now(), part=part, reason=reason))
            elif ticker in self._found and part in degraded:
                context.publish(ev.DegradedCleared(at=context.now(), part=part))

    def _tell_failure(self, problem: str) -> None:
        context = self._context
        self._plan.problem = problem
        if problem != self._failure:
            context.log.warning(f"the markets cannot be listed: {problem}; trying again")
            self._failure = problem
        if self._plan.known.is_set() and PART not in context.view.conditions.degraded:
            context.publish(ev.DegradedRaised(at=context.now(), part=PART, reason=problem))

    def _tell_success(self) -> None:
        context = self._context
        if self._failure:
            context.log.info("the markets can be listed again")
            self._failure = ""
        if PART in context.view.conditions.degraded:
            context.publish(ev.DegradedCleared(at=context.now(), part=PART))


def wanted_of(context: Context) -> Wanted:
    """Return what a market must be like, from the configuration."""
    if not context.config.discovers:
        named = tuple(status for status in MarketStatus if status is not MarketStatus.FINALIZED)
        return Wanted(statuses=named)
    discover = context.config.market_data.discover
    longest_s = discover.closes_in_max_s
    return Wanted(
        statuses=STATUS_WORDS[discover.status],
        volume_min=parse_count(discover.min_volume_24h),
        closes_in_min_ns=round(discover.closes_in_min_s * NS_PER_S),
        closes_in_max_ns=round(longest_s * NS_PER_S) if longest_s else None,
        markets_max=discover.max_markets,
    )


def _key(event: Any) -> tuple[type, Any]:
    if isinstance(event, ev.MarketLifecycleChanged):
        return type(event), (event.ticker, event.step)
    return type(event), event.key if isinstance(event, ev.OrderChanged) else event.ticker
