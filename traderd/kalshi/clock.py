"""How far the exchange's clock is from ours, judged from the Date headers of its answers.

Owns: the interval that the true offset must lie in. A Date header says a second, and the answer took a while, so
one answer gives an interval; several narrow it.
Must not: read a clock.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from traderd.errors import UnitError
from traderd.model.units import NS_PER_MS, timestamp_from_seconds

HEADER_RESOLUTION_MS: Final = 1_000
"""A Date header is cut to whole seconds: the true time lies up to this much after it."""


def parse_date_header(text: str) -> int | None:
    """Return an HTTP date as Unix milliseconds, None if it is not one."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return timestamp_from_seconds(int(moment.timestamp())) // NS_PER_MS
    except UnitError:
        return None


class ClockOffset:
    """The exchange's clock minus ours, in milliseconds."""

    def __init__(self) -> None:
        self._low: int | None = None
        self._high = 0
        self._last_header: tuple[str, int | None] = ("", None)
        """The header read last and what it said: a burst of answers has the same one."""

    @property
    def known(self) -> bool:
        """Tell whether any answer had a usable date."""
        return self._low is not None

    @property
    def offset_ms(self) -> int:
        """The best guess: 0 while no offset is a possible truth, else the middle of the interval."""
        if self._low is None or self._low <= 0 <= self._high:
            return 0
        return (self._low + self._high) // 2

    def observe(self, date_header: str, *, sent_ns: int, received_ns: int) -> None:
        """Take one answer's date, with our wall clock when the request left and when the answer was there.

        An interval that contradicts the earlier ones replaces them: one of the clocks was set.
        """
        if date_header != self._last_header[0]:
            self._last_header = (date_header, parse_date_header(date_header))
        server_ms = self._last_header[1]
        if server_ms is None or received_ns < sent_ns:
            return
        low = server_ms - received_ns // NS_PER_MS
        high = server_ms + HEADER_RESOLUTION_MS - sent_ns // NS_PER_MS
        if self._low is None or low > self._high or high < self._low:
            self._low, self._high = low, high
            return
        self._low, self._high = max(low, self._low), min(high, self._high)
