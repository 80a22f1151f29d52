"""The proof that quiet subscriptions live: silence of a market is no fault, a subscription that the exchange has lost is.

Owns: when a subscription has to prove that it lives, and what is asked. A snapshot of a book that is good proves more than
an answer: its number shows whether a change was swallowed. A book in doubt proves nothing, the exchange may be
silent about it for good; so it is left to the repair.
Must not: reconnect, or make a subscription anew; that one is gone is told, and those who tend it act.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import ExchangeRefused
from traderd.model import events as ev
from traderd.services.book_repair import good_books
from traderd.services.context import Context
from traderd.services.line_subscription import SUBSCRIPTION_GONE, LineSubscription

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
            name = books.name
            try:
                await books.feed.request_snapshot(books.sid, [good[self._turn % len(good)]])
            except ExchangeRefused as exc:
                # Whoever refuses one market lives.
                if exc.code in SUBSCRIPTION_GONE:
                    self._tell_gone(name, str(exc))

    def _tell_gone(self, name: str, reason: str) -> None:
        self._context.publish(
            ev.SubscriptionEnded(at=self._context.now(), subscription=name, reason=reason)
        )
