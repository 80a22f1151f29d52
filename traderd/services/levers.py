"""What a service may ask of the daemon that runs it.

Owns: the handles; `app` connects each when the part behind it exists.
Must not: do anything itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs

from traderd.config import Config


def _nobody(_name: str, _reason: str) -> bool:
    return False


def _silent(_level: str) -> None:
    return


class LogFromBeside(Protocol):
    """Writes one line."""

    def __call__(self, level: str, event: str, /, **fields: str) -> None:
        """Write it at once; never raises."""


def _tell_nobody(_level: str, _event: str, /, **_fields: str) -> None:
    return


@attrs.define(eq=False)
class Levers:
    """The handles of one daemon."""

    restart: Callable[[str, str], bool] = _nobody
    """Have the supervisor restart a service or stage for a reason; returns False when there is none of that name that runs."""
    restart_tenant: Callable[[str, str], bool] = _nobody
    """The same for a service of a plugin."""
    reread: Callable[[], Config] | None = None
    """Read the settings again from where they came (blocking; raises ConfigError); None when they came from nowhere."""
    set_log_level: Callable[[str], None] = _silent
    console_url: str | None = None
    """Where the console is served now; None while it is not."""
    log_from_beside: LogFromBeside = _tell_nobody
    """Write a log line from a thread beside the loop; the screens get it when the loop runs again."""

    def restart_any(self, name: str, reason: str) -> bool:
        """Restart a service or stage of the daemon, or a service of a plugin; False when none of that name runs."""
        return self.restart(name, reason) or self.restart_tenant(name, reason)
