"""What is said of books in doubt: which, why, and when they were good again.

Owns: the words, and that each doubt is told once however often its repair is tried.
Must not: repair anything, or decide what is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

import structlog
import trio

from traderd.model.ids import MarketTicker
from traderd.model.units import counted

NAMES_TOLD: Final = 3
"""Bounds the markets that one line names."""
REASONS_TOLD: Final = 3
"""Bounds the lines that one burst of doubt makes: most of its books have one reason."""


class DoubtLog:
    """The doubts of one subscription that were told and are not over yet."""

    def __init__(
        self, log: structlog.stdlib.BoundLogger, reason_of: Callable[[MarketTicker], str]
    ) -> None:
        self._log, self._reason_of = log, reason_of
        self._since: dict[MarketTicker, float] = {}
        """When each was told, on Trio's clock."""

    def is_told(self, ticker: MarketTicker) -> bool:
        """Tell whether a market's doubt was told and is not over yet."""
        return ticker in self._since

    def tell(self, doubtful: Iterable[MarketTicker], *, followed: Container[MarketTicker]) -> None:
        """Take over which books are in doubt now: say which are so newly and why, and which are good again."""
        doubtful = dict.fromkeys(doubtful)
        for ticker in [each for each in self._since if each not in followed]:
            del self._since[ticker]
        self._tell_good([ticker for ticker in self._since if ticker not in doubtful])
        fresh: dict[str, list[MarketTicker]] = {}
        for ticker in doubtful:
            if ticker not in self._since:
                self._since[ticker] = trio.current_time()
                fresh.setdefault(self._reason_of(ticker), []).append(ticker)
        reasons = sorted(fresh.items(), key=lambda each: -len(each[1]))
        for reason, tickers in reasons[:REASONS_TOLD]:
            self._log.warning(f"{_books(tickers)} in doubt: {reason} ({names(tickers)})")
        others = [ticker for _, tickers in reasons[REASONS_TOLD:] for ticker in tickers]
        if others:
            self._log.warning(f"{_books(others)} in doubt for other reasons ({names(others)})")

    def _tell_good(self, healed: Sequence[MarketTicker]) -> None:
        if not healed:
            return
        lasted = [trio.current_time() - self._since.pop(ticker) for ticker in healed]
        # Books of several doubts may be good again together: each doubt had its own length.
        least, most = f"{min(lasted):.2f}", f"{max(lasted):.2f}"
        span = most if least == most else f"{least} to {most}"
        left = f", {len(self._since)} still in doubt" if self._since else ""
        self._log.info(f"{_books(healed)} good again after {span} s ({names(healed)}){left}")


def names(tickers: Sequence[MarketTicker]) -> str:
    """Return the first few of these markets, and how many more there are."""
    named = ", ".join(tickers[:NAMES_TOLD])
    more = len(tickers) - NAMES_TOLD
    return f"{named} and {more} more" if more > 0 else named


def _books(tickers: Sequence[MarketTicker]) -> str:
    return counted(len(tickers), "book")
