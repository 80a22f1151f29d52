"""What a check of a plugin found.

Owns: the shape of the result, and how it is printed.
Must not: check anything.
"""

from __future__ import annotations

from typing import Any

import attrs

from traderd.runtime.log_text import clean_text


@attrs.frozen
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    detail: str
    """What was found: figures when it passed, why and where when it did not."""


@attrs.define(kw_only=True)
class Report:
    """Everything that was looked at."""

    plugin: str
    checks: list[Check] = attrs.Factory(list)

    @property
    def passed(self) -> bool:
        """Tell whether every check passed; one that never came to be checked has not."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def add(self, name: str, faults: list[str], detail: str) -> None:
        """Note one check: failed with the first of its faults, else passed with `detail`."""
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        self.checks.append(Check(name, not faults, faults[0] + more if faults else detail))

    def lines(self) -> list[str]:
        """Return the report for people."""
        width = max((len(check.name) for check in self.checks), default=0)
        rows = [
            f"  {'ok  ' if check.passed else 'FAIL'}  {check.name.ljust(width)}  {check.detail}"
            for check in self.checks
        ]
        failed = sum(not check.passed for check in self.checks)
        verdict = "it fits" if self.passed else f"{failed} of {len(self.checks)} checks failed"
        return [clean_text(line) for line in (f"plugin {self.plugin}", *rows, verdict)]

    def document(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "plugin": self.plugin,
            "passed": self.passed,
            "checks": [attrs.asdict(check) for check in self.checks],
        }
