"""What the doctor found: one line for each check, and what the process ends with.

Owns: the words ok, warning, failed and skipped, the JSON document, and the exit code.
Must not: check anything.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, Final

import attrs

from traderd.cli import exit_codes
from traderd.model.units import counted
from traderd.runtime.log_text import clean_text


class Verdict(enum.Enum):
    """How one check ended."""

    OK = "ok"
    WARNING = "warning"
    """The daemon runs, and somebody should look at it."""
    FAILED = "failed"
    """The daemon would not start, or could not trade."""
    SKIPPED = "skipped"
    """It needs something that an earlier check did not find."""


class Cause(enum.Enum):
    """Where a fault lies, which decides the exit code."""

    SET_UP = "set-up"
    """A setting, a file, a right or a key of this machine."""
    OUTSIDE = "outside"
    """The network or the exchange."""


MARKS: Final = {
    Verdict.OK: "ok     ",
    Verdict.WARNING: "warning",
    Verdict.FAILED: "failed ",
    Verdict.SKIPPED: "skipped",
}
NAME_WIDTH: Final = 16
"""The longest name of a check, so that sentences stand in one column."""


@attrs.frozen(kw_only=True)
class Finding:
    """One check and how it ended."""

    check: str
    verdict: Verdict
    sentence: str
    cure: str = ""
    """What to do; every warning and failure has one."""
    part: str = ""
    """The part that failed, in one word: dns, tcp, tls, http, signature, clock, permissions..."""
    cause: Cause = Cause.SET_UP

    def line(self) -> str:
        """Return it as one line."""
        text = f"{MARKS[self.verdict]}  {self.check:<{NAME_WIDTH}}  {self.sentence}"
        return clean_text(f"{text}; {self.cure}" if self.cure else text)


def ok(check: str, sentence: str) -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(check=check, verdict=Verdict.OK, sentence=sentence)


def warning(check: str, sentence: str, cure: str, *, part: str = "") -> Finding:
    """Return that somebody should look at something."""
    return Finding(check=check, verdict=Verdict.WARNING, sentence=sentence, cure=cure, part=part)


def failed(
    check: str, sentence: str, cure: str, *, part: str = "", cause: Cause = Cause.SET_UP
) -> Finding:
    """Return that something must be put right."""
    return Finding(
        check=check, verdict=Verdict.FAILED, sentence=sentence, cure=cure, part=part, cause=cause
    )


def skipped(check: str, why: str) -> Finding:
    """Return that a check could not be made."""
    return Finding(check=check, verdict=Verdict.SKIPPED, sentence=why)


@attrs.define(eq=False)
class DoctorReport:
    """Everything that was found, in the order of the checks."""

    environment: str
    findings: list[Finding] = attrs.Factory(list)

    def of(self, verdict: Verdict) -> Iterator[Finding]:
        """Yield the findings that ended so."""
        return (finding for finding in self.findings if finding.verdict is verdict)

    @property
    def exit_code(self) -> int:
        """0 without a failure, 4 when this machine's set-up has one, 1 when only the outside has."""
        causes = [finding.cause for finding in self.of(Verdict.FAILED)]
        if not causes:
            return exit_codes.OK
        return exit_codes.CONFIGURATION if Cause.SET_UP in causes else exit_codes.ERROR

    @property
    def sentence(self) -> str:
        """The last line."""
        failures, warnings = list(self.of(Verdict.FAILED)), list(self.of(Verdict.WARNING))
        if failures:
            return f"{counted(len(failures), 'check')} failed, first {failures[0].check}"
        if warnings:
            return f"nothing stands in the way; {counted(len(warnings), 'warning')}"
        return "everything is in order"

    def document(self) -> dict[str, Any]:
        """Return it for --json; docs/cli.md describes it."""
        return {
            "environment": self.environment,
            "ok": self.exit_code == exit_codes.OK,
            "sentence": self.sentence,
            "checks": [
                {
                    "check": finding.check,
                    "verdict": finding.verdict.value,
                    "sentence": clean_text(finding.sentence),
                    "cure": clean_text(finding.cure) or None,
                    "part": finding.part or None,
                }
                for finding in self.findings
            ],
        }
