"""What a kill is asked for and how it went, in words and as a document.

Owns: the sentence and the exit code. "Verified" is said only of an exchange that was read, and names it.
Must not: cancel, read or ask anything.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from traderd.cli import exit_codes
from traderd.kalshi.kill import Sweep, first_keys
from traderd.kalshi.order_reads import Listed
from traderd.model.rows import UnreadableRow
from traderd.model.units import format_count, format_price

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
    daemon_found: int = 0
    """Orders that rested when the daemon began to cancel, as far as it knew."""
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

    @property
    def found(self) -> int:
        """Return how many orders rested: who reads later sees only what the daemon's cancels have left."""
        return max(self.sweep.found, self.daemon_found)

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
            f"killed: {report.found} orders{whose} were resting, none{whose} rests now{spared}; verified in "
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
    return f"{len(missing)} orders of the journal ({first_keys(missing)}) have no answer there and are not at the exchange; "


def _last_look(report: KillReport) -> str:
    if not report.sweep.readings:
        return f"nobody has read {report.exchange}, so what rests is not known"
    return f"{len(report.sweep.left)} orders rested at the last look at {report.exchange}"
