"""The audit: our books against the exchange's REST books, round after round, at low priority.

Owns: the pace (one full round per `market_data.audit_interval_s`), and the second look that a contradiction needs before it
counts. A book that is proven wrong is made good by the repair, like any other.
Must not: hurry. Every request is one that trading could have made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import attrs
import trio

from traderd.config import Config
from traderd.core.book_compare import Comparison, Look, again, compare, look_at
from traderd.errors import BookUnavailable, ExchangeError
from traderd.kalshi.rest import ORDER_BOOKS_MAX
from traderd.model.events import BookAudited, DifferingLevel
from traderd.model.ids import MarketTicker
from traderd.model.units import format_price, show_count
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context

SECOND_LOOK_S: Final = 3.0
"""Before a contradiction is looked at again: longer than the exchange's REST books lag, short beside a trade."""
PACE_MIN_S: Final = 0.5
"""Bounds how fast requests follow each other, however many markets there are: 20 read tokens a second."""
NO_BOOKS_S: Final = 1.0
"""Before looking again for a first book: the round begins when there is one."""
LEVELS_TOLD: Final = 3
"""Bounds the levels that one log line shows."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the audit, unless it is switched off."""
    if config.market_data.audit_interval_s == 0:
        return []
    return [Service(name="book_audit", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> NoReturn:
    """Audit every book once per interval, until cancelled."""
    audit = Audit(context)
    task_status.started()
    interval_s = context.config.market_data.audit_interval_s
    while True:
        batches = audit.batches()
        if not batches:
            await trio.sleep(NO_BOOKS_S)
            continue
        pause_s = max(PACE_MIN_S, interval_s / len(batches))
        for batch in batches:
            # The pause comes first: right after the start the exchange has better questions to answer.
            await trio.sleep(pause_s)
            await audit.compare(batch)


@attrs.define(eq=False)
class Audit:
    """The comparison of some books with the exchange's."""

    context: Context
    _problem: str = ""
    """Why the last request failed; empty when it did not."""

    def batches(self) -> list[tuple[MarketTicker, ...]]:
        """Return every followed market, in batches that one request can name."""
        books = tuple(self.context.view.market_data.books)
        return [
            books[start : start + ORDER_BOOKS_MAX]
            for start in range(0, len(books), ORDER_BOOKS_MAX)
        ]

    async def compare(self, tickers: Sequence[MarketTicker]) -> None:
        """Compare these books, and look again at those that contradict."""
        first = await self._looked_at(tickers)
        suspects = {ticker: found.differing for ticker, found in first.items() if found.differing}
        for ticker, found in first.items():
            self._tell(ticker, found, found.differing)
        if not suspects:
            return
        await trio.sleep(SECOND_LOOK_S)
        for ticker, found in (await self._looked_at(tuple(suspects))).items():
            proven = again(suspects[ticker], found.differing)
            # Levels that moved on, or others that contradict now, prove nothing and acquit of nothing.
            self._tell(ticker, found, proven, is_second=True)

    async def _looked_at(self, tickers: Sequence[MarketTicker]) -> dict[MarketTicker, Comparison]:
        # Books that cannot be trusted anyhow, or were replaced meanwhile, are left out: nothing can be said.
        before = self._looks(tickers)
        if not before:
            return {}
        try:
            theirs = await self.context.venue.rest.order_books(tuple(before))
        except ExchangeError as exc:
            self._tell_problem(str(exc))
            return {}
        self._tell_unreadable(theirs.unreadable)
        after = self._looks(tuple(before))
        found = {}
        for ticker, (bids, asks) in theirs.books.items():
            if ticker in after:
                comparison = compare(before[ticker], after[ticker], bids, asks)
                if comparison is not None:
                    found[ticker] = comparison
        return found

    def _tell_unreadable(self, unreadable: Sequence[str]) -> None:
        if unreadable:
            self._tell_problem(f"{len(unreadable)} of them cannot be read: {unreadable[0]}")
            return
        if self._problem:
            self.context.log.info("books can be compared with the exchange's again")
        self._problem = ""

    def _tell_problem(self, problem: str) -> None:
        # Books that nobody compares look as good as those that agreed, so it is said, but once.
        log = self.context.log
        tell = log.debug if problem == self._problem else log.warning
        tell(f"books cannot be compared with the exchange's: {problem}")
        self._problem = problem

    def _looks(self, tickers: Sequence[MarketTicker]) -> dict[MarketTicker, Look]:
        looks = {}
        for ticker in tickers:
            try:
                looks[ticker] = look_at(self.context.view.usable_book(ticker))
            except BookUnavailable:
                continue
        return looks

    def _tell(
        self,
        ticker: MarketTicker,
        found: Comparison,
        levels: tuple[DifferingLevel, ...],
        *,
        is_second: bool = False,
    ) -> None:
        context, proven = self.context, is_second and bool(levels)
        if proven:
            shown = "; ".join(_words(level) for level in levels[:LEVELS_TOLD])
            context.log.error(
                f"audit: the book of {ticker} is wrong at {len(levels)} levels: {shown}",
                ticker=ticker,
            )
        context.publish(
            BookAudited(
                at=context.now(),
                ticker=ticker,
                agreed=found.agrees,
                differing_levels=levels,
                proven=proven,
                conclusive=found.agrees or bool(levels),
            )
        )


def _words(level: DifferingLevel) -> str:
    return (
        f"{level.side.value} {format_price(level.price)}: ours {show_count(level.ours)}, "
        f"theirs {show_count(level.theirs)}"
    )
