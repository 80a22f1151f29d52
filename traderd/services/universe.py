"""Finds the markets to follow, looks again from time to time, and says what changed.

Owns: reading the exchange's lists, when to look again, and that a failed look changes nothing, nor one that brought
so little that it cannot be true.
Must not: choose (`core/universe.py` does), put it in words (`universe_news` does), or subscribe (the sessions do, when they hear of a change).
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
from traderd.model.ids import MarketTicker
from traderd.model.market import Market, MarketListing, MarketStatus
from traderd.model.units import NS_PER_S, Timestamp, parse_count
from traderd.model.universe_events import Steps
from traderd.runtime.inbox import Inbox, Policy
from traderd.runtime.retry import Backoff
from traderd.services.context import Context, key_refused
from traderd.services.market_clock import with_known_status
from traderd.services.market_plan import MarketPlan, configured_tickers
from traderd.services.universe_news import UniverseNews
from traderd.services.universe_places import UniversePlaces

SOON_S: Final = 2.0
"""How long after news of a market the universe is judged: news comes in bursts, and REST knows a new market late."""
LOOKS_APART_S: Final = 10.0
"""Bounds how often new markets let the exchange be looked through."""
RETRY_FIRST_S: Final = 1.0
RETRY_CAP_S: Final = 60.0
SPARES: Final = 5
"""So many times the cap is remembered of what a look found, to fill the places of those that leave."""
COMING_MAX: Final = 10_000
"""Bounds the announced markets that are waited for; one more is found by the next regular look."""
NAMED: Final = "named in market_data.markets"
MISSING: Final = "the last look did not bring it"
STATUS_WORDS: Final = {"open": TRADABLE, "unopened": COMING, "any": ALIVE}


class UniverseKeeper:
    """Keeps the universe until cancelled."""

    def __init__(self, context: Context, plan: MarketPlan) -> None:
        self._context, self._plan = context, plan
        self._config = context.config.market_data.discover
        self._named = configured_tickers(context.config)
        self._wanted = wanted_of(context)
        self._news = UniverseNews(context, plan)
        self._found: dict[MarketTicker, MarketListing] = {}
        """What the last look found, as far as it may be of use until the next."""
        self._read_at = context.now()
        """When that look began."""
        self._places = UniversePlaces(context)
        self._missing: dict[MarketTicker, None] = {}
        """Followed markets, alive as far as we know, that the last look did not bring."""
        self._kept: dict[MarketTicker, str] = {}
        """Followed markets that stay for now although the last look brought nothing of them, with the reason."""
        self._in_vain: dict[MarketTicker, None] = {}
        """Markets that we have something in and that the last look could not bring."""
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
                soonest = max(LOOKS_APART_S, self._due_in_s())
                next_look = looked_at + min(self._config.refresh_s, soonest)
                while trio.current_time() < next_look:
                    if await self._news_of_new_market(news, until=next_look):
                        soon = trio.current_time() + SOON_S
                        next_look = min(next_look, max(looked_at + LOOKS_APART_S, soon))

    def _due_in_s(self) -> float:
        """Return in how many seconds a look should find a market that was announced and opens then, or is missing."""
        if MISSING in self._kept.values():
            return LOOKS_APART_S
        now = self._context.exchange_now()
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
                self._news.failed(str(exc))
                await trio.sleep(backoff.next_delay())
            else:
                self._news.succeeded()
                return

    async def _news_of_new_market(self, news: Inbox[Any], *, until: float) -> bool:
        """Wait for news that matters; judge again what is known, or return True for a market that is not."""
        batch: list[Any] = []
        with trio.move_on_at(until):
            batch = await news.receive()
            while not any(self._matters(event) for event in batch):
                batch = await news.receive()
            # What follows waits: for a moment, or for a look.
            news.done()
            if any(self._is_unseen(event) for event in batch):
                self._expect(batch)
                return True
            await trio.sleep(SOON_S)
        if batch:
            self._judge()
        return False

    def _matters(self, event: Any) -> bool:
        if self._is_unseen(event):
            return True
        ticker, view = self._ticker_of(event), self._context.view
        if ticker is None:
            return False
        if isinstance(event, ev.PositionChanged | ev.OrderChanged):
            is_held = ticker in view.held_markets()
            if ticker not in view.universe.followed:
                # One that the last look found in vain comes in without another.
                return is_held and ticker in self._found and self._context.config.discovers
            # Only what was held and is wanted for no other reason may leave because of this.
            return not is_held and not self._fits(ticker)
        return ticker in view.universe.followed

    def _ticker_of(self, event: Any) -> MarketTicker | None:
        if isinstance(event, ev.OrderChanged):
            order = self._context.view.order(event.key)
            return None if order is None else order.ticker
        ticker: MarketTicker = event.ticker
        return ticker

    def _is_unseen(self, event: Any) -> bool:
        """Tell whether this is about a market that the last look did not bring and that should be looked for."""
        view, ticker = self._context.view, self._ticker_of(event)
        if ticker is None or ticker in view.universe.followed or not self._context.config.discovers:
            return False
        if isinstance(event, ev.PositionChanged | ev.OrderChanged):
            is_known = ticker in self._found or ticker in self._in_vain
            return not is_known and ticker in view.held_markets()
        return isinstance(event, ev.MarketLifecycleChanged) and self._may_be_wanted(event)

    def _may_be_wanted(self, event: ev.MarketLifecycleChanged) -> bool:
        is_new = event.step in (ev.LifeStep.CREATED, ev.LifeStep.ACTIVATED)
        return is_new and self._places.brings(event.ticker)

    def _expect(self, news: list[Any]) -> None:
        for event in news:
            if not isinstance(event, ev.MarketLifecycleChanged) or not self._is_unseen(event):
                continue
            if event.open_time is not None and len(self._coming) < COMING_MAX:
                self._coming[event.ticker] = event.open_time

    # --- looking ----------------------------------------------------------------------------------

    async def _look(self) -> None:
        context, lists = self._context, self._context.venue.rest.lists
        read_at = context.now()
        found = await self._search() if context.config.discovers else {}
        held = context.view.held_markets() if context.config.discovers else {}
        rest = dict.fromkeys((*self._named, *context.view.followed, *held))
        missing = [ticker for ticker in rest if ticker not in found]
        read = await lists.listings(missing, known=self._known)
        self._add(found, read)
        if self._named and not found and not read.unreadable:
            self._news.named(self._named, found, read.unreadable)
            raise ExchangeError("the exchange knows none of the tickers in market_data.markets")
        self._doubt(found, read)
        self._found, self._read_at = found, read_at
        self._in_vain = {ticker: None for ticker in held if ticker not in found}
        named = [ticker for ticker in self._named if self._kept.get(ticker) != MISSING]
        self._news.named(named, found, read.unreadable)
        self._judge(listed=True)
        self._remember_spares()

    def _doubt(self, found: dict[MarketTicker, MarketListing], read: Search) -> None:
        """Decide which followed markets stay although the look did not bring them; raises ExchangeError.

        A market that trades does not vanish between two looks, an answer that is cut short is likelier: nothing at all
        is a failed look, and a single market leaves when a second look does not bring it either.
        """
        view = self._context.view
        lacking = [ticker for ticker in view.followed if ticker not in found]
        missing = [
            ticker
            for ticker in lacking
            if ticker not in read.unreadable
            and (known := view.market(ticker)) is not None
            and known.status in ALIVE
        ]
        if missing and not found:
            raise ExchangeError(f"the exchange lists none of the {len(missing)} followed markets")
        self._kept = {ticker: MISSING for ticker in missing if ticker not in self._missing}
        self._kept |= {t: read.unreadable[t] for t in lacking if t in read.unreadable}
        self._missing = dict.fromkeys(missing)

    async def _search(self) -> dict[MarketTicker, MarketListing]:
        discover, lists = self._config, self._context.venue.rest.lists
        status = None if discover.status == "any" else discover.status
        found: dict[MarketTicker, MarketListing] = {}
        for series, event in await self._places.all():
            search = await lists.find(series=series, event=event, status=status, known=self._known)
            self._add(found, search)
            await self._places.note((series, event), is_empty=not search.listings)
            if not search.complete:
                self._context.log.warning(
                    "the exchange lists more markets than one search reads; name series or events in "
                    "market_data.discover"
                )
        self._places.tell()
        return found

    def _add(self, found: dict[MarketTicker, MarketListing], search: Search) -> None:
        followed = self._context.view.universe.followed
        for ticker, reason in search.unreadable.items():
            # Of the whole exchange there may be many, of no interest to anybody.
            tell = self._context.log.warning if ticker in followed else self._context.log.debug
            tell(f"left out: {reason}")
        found.update({listing.market.ticker: listing for listing in search.listings})

    def _known(self, ticker: MarketTicker) -> Market | None:
        market, listing = self._context.view.market(ticker), self._found.get(ticker)
        return listing.market if market is None and listing is not None else market

    # --- judging ----------------------------------------------------------------------------------

    def _judge(self, *, listed: bool = False) -> None:
        """Let the core choose, and publish the difference; `listed`: with what was read of the markets."""
        context, at = self._context, self._context.now()
        listings = [self._as_now(listing, listed=listed) for listing in self._found.values()]
        added, dropped = choose(
            listings,
            followed=context.view.followed,
            held=self._held(),
            wanted=self._wanted,
            now=context.exchange_now(),
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
        batch: list[ev.Event] = []
        if markets:
            batch.append(ev.MarketsListed(at=at, markets=markets, read_at=self._read_at))
        if added or dropped:
            batch.append(ev.UniverseChanged(at=at, added=added, dropped=dropped))
        # Known first, followed next: who hears of the change can read the market.
        context.publish(*batch)
        if listed and context.config.discovers:
            self._news.fits(listings, self._objection, is_explained=self._places.has_unknown)
        self._news.changed(added, dropped, left_out=self._left_out(added))
        self._plan.known.set()

    def _held(self) -> dict[MarketTicker, str]:
        held = self._context.view.held_markets()
        # A person named it: it is followed as soon as the exchange knows it.
        unknown = {ticker: NAMED for ticker in self._named if ticker not in self._found}
        if self._context.config.discovers:
            return self._kept | held
        # What nobody named is not traded here, whatever the account holds.
        followed = self._context.view.universe.followed
        mine = {ticker: why for ticker, why in held.items() if ticker in followed}
        return self._kept | mine | unknown

    def _as_now(self, listing: MarketListing, *, listed: bool = False) -> MarketListing:
        """Return a market as the lifecycle has left it since it was read; `listed`: it was read just now."""
        context, view, ticker = self._context, self._context.view, listing.market.ticker
        ours = view.market(ticker) if ticker in view.universe.followed else None
        known = None if listed else ours
        if known is None:
            known = view.market_data.steps.since(listing.market, self._read_at)
            known = with_known_status(known, ours, context.exchange_now())
        return listing if known is listing.market else attrs.evolve(listing, market=known)

    def _fits(self, ticker: MarketTicker) -> bool:
        listing = self._found.get(ticker)
        return listing is not None and self._objection(self._as_now(listing)) is None

    def _objection(self, listing: MarketListing) -> str | None:
        is_followed = listing.market.ticker in self._context.view.universe.followed
        now = self._context.exchange_now()
        return self._wanted.objection(listing, is_followed=is_followed, now=now)

    def _left_out(self, added: Steps) -> int:
        """Return how many markets fit and are over the cap, to be told with what was added."""
        if self._wanted.markets_max is None or not added:
            return 0
        followed = self._context.view.universe.followed
        return sum(ticker not in followed and self._fits(ticker) for ticker in self._found)

    def _remember_spares(self) -> None:
        if self._wanted.markets_max is None:
            return
        followed = self._context.view.universe.followed
        fitting = [ticker for ticker in self._found if self._fits(ticker)]
        spares = sorted(fitting, key=lambda ticker: -self._found[ticker].volume_24h)
        kept = dict.fromkeys((*followed, *spares[: SPARES * self._wanted.markets_max]))
        self._found = {t: each for t, each in self._found.items() if t in kept}


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
