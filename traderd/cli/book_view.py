"""One book as text: its best prices and what follows from them, its grade with the causes, and the levels.

Owns: the layout, and that old prices are never shown without being called so.
Must not: ask the daemon anything, or print.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

from traderd.cli.tables import Column as C
from traderd.cli.tables import Row, short_decimal, table_lines
from traderd.runtime.log_text import clean_text

LEVELS_SHOWN: Final = 5
"""Bounds the levels a side on the screen; `--json` has ten."""
LADDER: Final = (
    C("bid_count", "contracts", is_number=True),
    C("bid", "bid $", is_number=True),
    C("ask", "ask $", is_number=True),
    C("ask_count", "contracts", is_number=True),
)


def unavailable_sentence(book: Row) -> str:
    """Return why a book has no prices, and how to see the old ones all the same."""
    return (
        f"the book of {book['ticker']} cannot be trusted now: {book['reason']} "
        "(--last-known shows the prices that were known last)"
    )


def book_lines(book: Row, *, environment: str) -> list[str]:
    """Return one screen about a book; for one that cannot be trusted, with what was known last."""
    usable, quality = book["usable"], book["quality"]
    shown = book if usable else book["last_known"]
    title = f" · {book['title']}" if book["title"] else ""
    lines = [f"{book['ticker']}{title} · {environment}"]
    if not usable:
        lines += [
            f"NOT USABLE {book['reason']}",
            "           these prices were known last, and may be wrong",
        ]
    lines += [
        f"grade      {quality['grade']}{_causes(quality)}",
        f"best       bid {_price(shown['best_bid'])} x {shown['best_bid_count']}, "
        f"ask {_price(shown['best_ask'])} x {shown['best_ask_count']} contracts",
        f"prices     spread {_price(shown['spread'])}, mid {_price(shown['mid'])}, "
        f"microprice {_price(shown['microprice'])}, last trade {_price(book['last_trade'])}",
        f"depth      bid {shown['bid_depth']} in {shown['bid_levels']} levels, "
        f"ask {shown['ask_depth']} in {shown['ask_levels']} levels, contracts",
        f"imbalance  {shown['imbalance'] or '-'} (1 is only bids at the best prices, -1 only asks)",
        f"age        last change {_ago(book['age_s'])}, line heard "
        f"{_ago(quality['line_silent_s'])}, lag {_milliseconds(quality['lag_ms'])}",
    ]
    rungs = _rungs(shown)
    ladder = table_lines(LADDER, rungs, width=None)[0] if rungs else ["no orders on either side"]
    return [clean_text(line) for line in (*lines, *ladder)]


def _causes(quality: Row) -> str:
    return f" because {'; '.join(quality['causes'])}" if quality["causes"] else ""


def _rungs(shown: Row) -> list[Row]:
    nothing = ("", "")
    sides = (shown["bids"][:LEVELS_SHOWN], shown["asks"][:LEVELS_SHOWN])
    return [
        {"bid": bid[0], "bid_count": bid[1], "ask": ask[0], "ask_count": ask[1]}
        for bid, ask in zip_longest(*sides, fillvalue=nothing)
    ]


def _price(text: str | None) -> str:
    return "-" if text is None else f"${short_decimal(text)}"


def _ago(duration: float | None) -> str:
    return "never" if duration is None else f"{duration} s ago"


def _milliseconds(duration: float | None) -> str:
    return "unknown" if duration is None else f"{duration} ms"
