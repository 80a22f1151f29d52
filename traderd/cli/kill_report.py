"""What a kill is asked for and how it went, in words and as a document.

Owns: the sentence and the exit code. "Verified" is said only of an exchange that was read, and names it.
Must not: cancel, read or ask anything.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final

import attrs

from traderd.cli import exit_codes
from traderd.kalshi.kill import Sweep, first_keys, rested_words
from traderd.kalshi.order_reads import Listed, listed_words
from traderd.model.rows import UnreadableRow
from traderd.model.units import counted, format_count, format_price

TIMEOUT_S: Final = 30.0
NOT_ASKED: Final = "not asked"


@attrs.frozen(kw_only=True)
class KillOptions:
    """What a person chooses."""

    reason: str
    by: str
    only_ours: bool = False
    timeout_s: float = TIMEOUT_S


@attrs.define(kw_only=True)
class KillReport:
    """How it went."""

    sentence: str = ""
    exit_code: int = exit_codes.ERROR
    environment: str
    scope: str
    latched: bool = False
    """The next start of the daemon honours it."""
    latch_file: str = ""
    latch_problem: str = ""
    daemon: str = NOT_ASKED
    """latched, not running, or why it did not."""
    exchange: str = ""
    """Which one was read, or should have been."""
    note: str = ""
    """Why that is not the one of the configuration, empty where it is."""
    ended: bool = False
    """The exchange was the daemon's own and ended with it, so that nothing can rest there."""
    daemon_items: dict[str, dict[str, Any]] = attrs.Factory(dict)
    """By their keys, the orders that rested when the daemon began to cancel, as far as it knew, and what it last said of them."""
    unknown: tuple[str, ...] = ()
    """The orders of which the daemon, when last asked, did not know what had become."""
    journal_problem: str = ""
    """Why the journal was not read, which a kill does not need; empty when it was."""
    journal_missing: tuple[str, ...] = ()
    """Orders without an answer in the journal that the exchange does not list."""
    journal_found: tuple[str, ...] = ()
    """Such orders that it lists, however they ended."""
    seconds: float = 0.0
    phases: dict[str, float] = attrs.Factory(dict)
    """How many seconds after its beginning each phase was reached."""
    sweep: Sweep = attrs.Factory(Sweep)

    def take_journal(self, problem: str, missing: tuple[str, ...], found: tuple[str, ...]) -> None:
        """Note what the journal told."""
        self.journal_problem, self.journal_missing, self.journal_found = problem, missing, found

    def take_daemon(self, items: Sequence[dict[str, Any]]) -> None:
        """Note what the daemon said of each order: a doubt that it leaves out now is over."""
        sure = {key: one for key, one in self.daemon_items.items() if one["answer"] != "unknown"}
        self.daemon_items = sure | {str(one["key"]): one for one in items}
        self.unknown = tuple(str(one["key"]) for one in items if one["answer"] == "unknown")

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return each order that rested or of which nobody knows: who reads later sees only what the daemon's cancels have left."""
        seen = {}
        for record in self.sweep.seen.values():
            key = _key(record, self.daemon_items)
            sentence = f"{listed_words(record)} {self.sweep.became(record)}"
            is_left = record in self.sweep.left
            # A row may have no name that can be read.
            seen[key or sentence] = {
                "answer": "unknown" if is_left else "done",
                "sentence": sentence,
                "key": key or None,
            }
        # The exchange's own word goes ahead of what the daemon knew when it began.
        return list((self.daemon_items | seen).values())

    @property
    def found(self) -> int:
        """Return how many orders rested, as far as anybody knew."""
        return sum(item["key"] not in self.unknown for item in self.items)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "verified": self.sweep.verified,
            "sentence": self.sentence,
            "environment": self.environment,
            "exchange": self.exchange,
            "exchange_ended": self.ended,
            "note": self.note or None,
            "readings": self.sweep.readings,
            "scope": self.scope,
            "seconds": round(self.seconds, 3),
            "phases": {name: round(seconds, 3) for name, seconds in self.phases.items()},
            "found": self.found,
            "items": self.items,
            "cancelled_by_this_process": self.sweep.cancelled,
            # None: nobody has looked.
            "left": [order_document(record) for record in self.sweep.left]
            if self.sweep.readings
            else None,
            "left_alone": self.sweep.spared,
            "problem": self.sweep.problem or None,
            "latched": self.latched,
            "latch_file": self.latch_file,
            "latch_problem": self.latch_problem or None,
            "daemon": self.daemon,
            "unknown_orders": list(self.unknown),
            "journal": {
                "problem": self.journal_problem or None,
                "orders_not_found": list(self.journal_missing),
                "orders_found": list(self.journal_found),
            },
            "exit_code": self.exit_code,
        }


def order_document(record: Listed) -> dict[str, Any]:
    """Return one resting order; what its row did not tell is None."""
    if isinstance(record, UnreadableRow):
        return {
            "order_id": record.order_id,
            "client_order_id": record.client_order_id,
            "ticker": record.ticker,
            "side": None,
            "count": None,
            "price_dollars": None,
        }
    return {
        "order_id": record.order_id,
        "client_order_id": record.client_order_id,
        "ticker": record.ticker,
        "side": record.side.value,
        "count": format_count(record.remaining_count),
        "price_dollars": format_price(record.price),
    }


def conclude(report: KillReport, options: KillOptions) -> None:
    """Fill in the sentence and the exit code."""
    latch = "" if report.latched else "; THE LATCH DID NOT HOLD: a daemon that starts trades again"
    seconds, undo = f"{report.seconds:.1f} s", "`traderd clear-halt kill` undoes the latch"
    if report.sweep.verified:
        report.exit_code = exit_codes.OK
        whose = " of this daemon" if options.only_ours else ""
        spared = f", {report.sweep.spared} left alone" if report.sweep.spared else ""
        report.sentence = (
            f"killed: {rested_words(report.found, whose)}, none{whose} rests now{spared}; verified in "
            f"{seconds} at {report.exchange}; daemon: {report.daemon}; {_of_journal(report)}{undo}{latch}"
        )
        return
    if report.ended:
        report.exit_code = exit_codes.OK
        report.sentence = (
            f"nothing can rest: {report.exchange} ended with the daemon, which is {report.daemon}; no exchange was "
            f"read; {undo}{latch}"
        )
        return
    timed_out = report.seconds >= options.timeout_s
    report.exit_code = exit_codes.TIME_OUT if timed_out else exit_codes.ERROR
    why = report.sweep.problem or f"daemon: {report.daemon}"
    report.sentence = (
        f"NOT VERIFIED after {seconds}, {_last_look(report)}: {why}; run it again, or cancel at the exchange's own "
        f"page{latch}"
    )


def _of_journal(report: KillReport) -> str:
    missing = report.journal_missing
    if not missing:
        return ""
    have, are = ("has", "is") if len(missing) == 1 else ("have", "are")
    return (
        f"{counted(len(missing), 'order')} of the journal ({first_keys(missing)}) {have} no answer there and {are} not at the "
        "exchange; "
    )


def _last_look(report: KillReport) -> str:
    if not report.sweep.readings:
        return f"nobody has read {report.exchange}, so what rests is not known"
    return (
        f"{counted(len(report.sweep.left), 'order')} rested at the last look at {report.exchange}"
    )


def _key(record: Listed, known: Container[str]) -> str:
    """Return what an order is called here: the daemon's name for it, where it said one."""
    names = [name for name in (record.client_order_id, record.order_id) if name]
    return next((name for name in names if name in known), names[0] if names else "")
