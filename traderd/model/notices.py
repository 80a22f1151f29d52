"""What a person is told: notices, and the messages that are made of them.

Owns: the classes that can be muted, how urgent a notice is, and how a message reads.
Must not: decide what is worth telling (see `core.notice_rules`), when (see `core.notice_outbox`), or send anything.
"""

from __future__ import annotations

import enum
from typing import Any, Final

import attrs

from traderd.model.units import Timestamp

LINES_MAX: Final = 30
"""Bounds the notices of one message: a phone shows no more, and chat services cut long texts off."""
TEXT_MAX: Final = 600
"""Bounds one notice in characters: an exchange's error page is no news."""


class NoticeClass(enum.Enum):
    """What a notice is about; each can be muted by itself."""

    MONEY = "money"
    """Balance, settlements, fees, the summary of the day."""
    RISK = "risk"
    """Halts, the kill switch, pauses, refusals, limits."""
    HEALTH = "health"
    """Errors and recoveries, lost connections, services that fail."""
    STATE = "state"
    """The daemon starts, is ready, stops; the exchange pauses."""
    TRADE = "trade"
    """Fills, and orders whose outcome is not known."""


class Urgency(enum.IntEnum):
    """How soon a person should know."""

    LOW = 0
    """Collected into a digest."""
    NORMAL = 1
    """Sent at once, outside of quiet hours."""
    CRITICAL = 2
    """Sent at once, always, and again until somebody acknowledges it."""

    @property
    def word(self) -> str:
        """The name for people and programs."""
        return self.name.lower()


@attrs.frozen(kw_only=True)
class Notice:
    """One fact in the words of a person."""

    at: Timestamp
    kind: NoticeClass
    urgency: Urgency
    key: str
    """What it is about, such as `halt:breaker`: the same again within a while is counted, not sent."""
    title: str
    """A few words: all that the lock screen of a phone shows."""
    text: str
    ends: bool = False
    """It tells that what `key` is about is over."""
    alert: int | None = None
    """The number by which a person acknowledges it; only of critical ones."""

    def line(self) -> str:
        """Return it as one line."""
        number = "" if self.alert is None else f" (alert {self.alert})"
        text = self.text if len(self.text) <= TEXT_MAX else f"{self.text[:TEXT_MAX]}..."
        return f"{self.title}{number}: {text}" if text else f"{self.title}{number}"

    def document(self) -> dict[str, Any]:
        """Return it ready for JSON; `at_ns` is in nanoseconds since the epoch."""
        return {
            "at_ns": self.at,
            "class": self.kind.value,
            "urgency": self.urgency.word,
            "key": self.key,
            "title": self.title,
            "text": self.text,
            "ends": self.ends,
            "alert": self.alert,
        }


@attrs.frozen(kw_only=True)
class NoticeMessage:
    """Some notices on their way to one channel, the most urgent first."""

    environment: str
    """`sim`, `paper`, ...: on every message, because play money must never be taken for money."""
    notices: tuple[Notice, ...]
    left_out: int = 0
    """Notices of low urgency for which there was no room."""

    @property
    def urgency(self) -> Urgency:
        """That of the most urgent one."""
        return max((notice.urgency for notice in self.notices), default=Urgency.LOW)

    @property
    def subject(self) -> str:
        """One line without details."""
        first, more = self.notices[0].title, len(self.notices) - 1 + self.left_out
        mark = "ALERT " if self.urgency is Urgency.CRITICAL else ""
        return f"[{self.environment}] {mark}{first}" + (f" and {more} more" if more else "")

    @property
    def text(self) -> str:
        """The whole message as plain text."""
        lines = [notice.line() for notice in self.notices]
        if self.left_out:
            lines.append(f"...and {self.left_out} more; see `traderd notify list`")
        if len(lines) == 1:
            mark = "ALERT " if self.urgency is Urgency.CRITICAL else ""
            return f"[{self.environment}] {mark}{lines[0]}"
        return "\n".join([self.subject, *(f"- {line}" for line in lines)])

    def document(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "environment": self.environment,
            "urgency": self.urgency.word,
            "subject": self.subject,
            "text": self.text,
            "notices": [notice.document() for notice in self.notices],
            "left_out": self.left_out,
        }
