"""Who hears what: every open subscription, found by channel, market and account.

Owns: the index, and changing what a subscription covers so that both agree. Finding the listeners of one market costs
the same whether one client is connected or five hundred.
Must not: send anything, or decide whether a change is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias, TypeVar

from traderd.paper.feed.subscription import FILTERED, PRIVATE, Subscription

Listeners: TypeAlias = tuple[Subscription, ...]
"""A tuple because it is read for every delta and changed a few times a connection."""
NOBODY: Final[Listeners] = ()

K = TypeVar("K")


class Audience:
    """The subscriptions of every session."""

    def __init__(self) -> None:
        self._wide: dict[str, Listeners] = {}
        self._by_ticker: dict[str, dict[str, Listeners]] = {channel: {} for channel in FILTERED}
        self._by_market_id: dict[str, Listeners] = {}
        self._by_account: dict[tuple[str, str], Listeners] = {}

    # --- who comes and goes -----------------------------------------------------------------------

    def join(self, new: Subscription) -> None:
        """Take a subscription in, with what it covers."""
        if new.channel in PRIVATE:
            _add(self._by_account, (new.channel, new.account_id), new)
        elif new.tickers is None:
            _add(self._wide, new.channel, new)
        else:
            self._index(new, new.tickers, new.market_ids)

    def leave(self, gone: Subscription) -> None:
        """Forget a subscription."""
        if gone.channel in PRIVATE:
            _remove(self._by_account, (gone.channel, gone.account_id), gone)
        elif gone.tickers is None:
            _remove(self._wide, gone.channel, gone)
        else:
            self._unindex(gone, gone.tickers, gone.market_ids)

    def widen(self, held: Subscription) -> None:
        """Let a subscription cover every market."""
        self.leave(held)
        held.tickers, held.market_ids = None, {}
        self.join(held)

    def cover(
        self, held: Subscription, tickers: Iterable[str], market_ids: Iterable[str]
    ) -> tuple[list[str], list[str]]:
        """Let a subscription cover more markets and return those that are new to it."""
        if held.tickers is None:
            return [], []
        added = [each for each in tickers if each not in held.tickers]
        added_ids = [each for each in market_ids if each not in held.market_ids]
        held.tickers.update(dict.fromkeys(added))
        held.market_ids.update(dict.fromkeys(added_ids))
        if held.channel not in PRIVATE:
            self._index(held, added, added_ids)
        return added, added_ids

    def uncover(
        self, held: Subscription, tickers: Iterable[str], market_ids: Iterable[str]
    ) -> None:
        """Take markets away from a subscription that does not cover all; others are passed over."""
        names = held.tickers or {}
        removed = [each for each in tickers if each in names]
        removed_ids = [each for each in market_ids if each in held.market_ids]
        for each in removed:
            del names[each]
        for each in removed_ids:
            del held.market_ids[each]
        if held.channel not in PRIVATE:
            self._unindex(held, removed, removed_ids)

    # --- who hears --------------------------------------------------------------------------------

    def of_channel(self, channel: str) -> Listeners:
        """Return who hears everything of a channel."""
        return self._wide.get(channel, NOBODY)

    def of_market(self, channel: str, ticker: str) -> Listeners:
        """Return who hears a public channel's news of one market."""
        narrow = self._by_ticker[channel].get(ticker, NOBODY)
        wide = self._wide.get(channel, NOBODY)
        return narrow + wide if wide else narrow

    def of_market_id(self, ticker: str, market_id: str) -> Listeners:
        """Return who named a market by its id and not by its ticker too."""
        named = self._by_market_id.get(market_id, NOBODY)
        return tuple(each for each in named if not each.covers(ticker))

    def of_account(self, channel: str, account_id: str, ticker: str | None = None) -> Listeners:
        """Return who hears a private channel's news of an account, of one market if one is given."""
        own = self._by_account.get((channel, account_id), NOBODY)
        if ticker is None:
            return own
        return tuple(each for each in own if each.covers(ticker))

    def _index(self, held: Subscription, tickers: Iterable[str], market_ids: Iterable[str]) -> None:
        index = self._by_ticker[held.channel]
        for ticker in tickers:
            _add(index, ticker, held)
        for market_id in market_ids:
            _add(self._by_market_id, market_id, held)

    def _unindex(
        self, held: Subscription, tickers: Iterable[str], market_ids: Iterable[str]
    ) -> None:
        index = self._by_ticker[held.channel]
        for ticker in tickers:
            _remove(index, ticker, held)
        for market_id in market_ids:
            _remove(self._by_market_id, market_id, held)


def _add(index: dict[K, Listeners], key: K, new: Subscription) -> None:
    index[key] = (*index.get(key, NOBODY), new)


def _remove(index: dict[K, Listeners], key: K, gone: Subscription) -> None:
    left = tuple(each for each in index[key] if each is not gone)
    if left:
        index[key] = left
    else:
        del index[key]
