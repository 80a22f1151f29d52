"""The proof that quiet subscriptions live: silence of a market is no fault, a subscription that the exchange has lost is.

Owns: when a subscription has to prove that it lives, and what is asked. A snapshot of a book that is good proves more than
an answer: its number shows whether a change was swallowed, and without one that book itself is in doubt. A book in doubt
proves nothing, the exchange may be silent about it for good; so it is left to the repair.
Must not: reconnect, or make a subscription anew; that one is gone is told, and those who tend it act.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import ExchangeRefused
from traderd.model import events as ev
from traderd.model.ids import MarketTicker
from traderd.services.book_repair import good_books
from traderd.services.context import Context
from traderd.services.line_subscription import SUBSCRIPTION_GONE, LineSubscription
from traderd.services.market_offers import INVALID_PARAMETER

PROOF_S: Final = 60.0
"""A subscription without a frame for this long has to prove that it lives."""


@attrs.define(eq=False)
class LineProof:
    """The proof of one connection."""

    _context: Context
    _books: LineSubscription
    _others: Sequence[LineSubscription]
    _last: dict[str, int] = attrs.Factory(dict)
    """The number at which each subscription stood at the last look."""
    _turn: int = 0

    async def run(self) -> NoReturn:
        """Let quiet subscriptions prove that they live, until cancelled; raises ExchangeError."""
        data = self._context.view.market_data
        while True:
            await trio.sleep(PROOF_S)
            standing = [each for each in (self._books, *self._others) if each.stands]
            quiet = [
                each for each in standing if self._last.get(each.name) == data.last_seq(each.name)
            ]
            if quiet:
                await self._list(standing)
            if self._books in quiet:
                await self._prove_books()
            # Afterwards, because what answers us is no sign that anything else comes.
            self._last = {each.name: data.last_seq(each.name) for each in standing if each.stands}

    async def _list(self, standing: Sequence[LineSubscription]) -> None:
        asked = [(each, each.name) for each in standing]
        listed = (await self._books.feed.list_subscriptions()).values()
        for each, name in asked:
            if each.name == name and each.sid not in listed:
                reason = f"the exchange has no subscription to {each.channel} any more"
                self._tell_gone(name, reason)

    async def _prove_books(self) -> None:
        books = self._books
        async with books.changing:
            good = good_books(self._context, books)
            if not good or not books.stands:
                return
            self._turn += 1
            name, ticker = books.name, good[self._turn % len(good)]
            try:
                if ticker not in await books.request_snapshot([ticker]):
                    self._tell_refused(name, ticker, "the exchange did not answer")
            except ExchangeRefused as exc:
                if exc.code in SUBSCRIPTION_GONE:
                    self._tell_gone(name, str(exc))
                elif exc.code == INVALID_PARAMETER:
                    # Whoever refuses one market lives, but of that market nothing comes.
                    self._tell_refused(name, ticker, str(exc))
                else:
                    self._context.log.warning(f"no proof of the book of {ticker}: {exc}")

    def _tell_refused(self, name: str, ticker: MarketTicker, why: str) -> None:
        reason = f"asked for the book that subscription {name} gives, to prove it: {why}"
        self._context.publish(
            ev.SnapshotRefused(
                at=self._context.now(), ticker=ticker, subscription=name, reason=reason
            )
        )

    def _tell_gone(self, name: str, reason: str) -> None:
        self._context.publish(
            ev.SubscriptionEnded(at=self._context.now(), subscription=name, reason=reason)
        )
