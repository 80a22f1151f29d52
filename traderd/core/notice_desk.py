"""Who is told what: mutes, quiet hours, and the alerts that come back until somebody acknowledges them.

Owns: the mutes of classes, the quiet spans of the day, the list of alerts, and one outbox for each channel. A mute and a
restart of the notifier lose no alert: what was not acknowledged is told again.
Must not: read a clock or send anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from traderd.core.notice_outbox import ChannelRules, Outbox
from traderd.model.notices import Notice, NoticeClass, NoticeMessage, Urgency
from traderd.model.units import NS_PER_S, Timestamp

ALERTS_MAX: Final = 100
"""Bounds the alerts that wait for a person; of more the oldest goes, which has been told the most often."""
RECENT_MAX: Final = 200
"""Bounds the notices that `traderd notify list` can show."""
REMIND_CAP_S: Final = 3_600.0
"""Bounds the growing time between reminders: what is still not acknowledged is told once an hour."""
REMIND_GROWTH: Final = 2
QUIET_LOOK_NS: Final = 60 * NS_PER_S
"""How often the end of quiet hours is looked for: spans are whole minutes."""


@attrs.frozen(kw_only=True)
class DeskRules:
    """What holds for all channels."""

    zone: str = "UTC"
    quiet: tuple[tuple[int, int], ...] = ()
    """Spans in minutes after midnight by the clock of `zone`; one may go over midnight."""
    remind_s: float = 60.0
    """How long after an alert the first reminder comes; 0: never."""


@attrs.define(eq=False)
class Alert:
    """A critical notice that nobody has acknowledged."""

    number: int
    notice: Notice
    told: int = 1
    """How often it was handed to the channels."""
    next_at: int = 0
    spacing_s: float = 0.0


@attrs.define(eq=False)
class NoticeDesk:
    """All channels together."""

    rules: DeskRules = attrs.Factory(DeskRules)
    outboxes: dict[str, Outbox] = attrs.Factory(dict)
    alerts: dict[str, Alert] = attrs.Factory(dict)
    """By the key of their notice, oldest first."""
    mutes: dict[NoticeClass, Timestamp] = attrs.Factory(dict)
    """Until when a class is muted."""
    recent: deque[Notice] = attrs.Factory(lambda: deque(maxlen=RECENT_MAX))
    muted: int = 0
    """Notices that a mute kept from every channel."""
    _numbers: int = 0

    def open_channels(
        self, rules: DeskRules, channels: Mapping[str, ChannelRules], environment: str
    ) -> None:
        """Set what the channels want; what waits in one that was there before stays."""
        self.rules = rules
        before, self.outboxes = self.outboxes, {}
        for name, wanted in channels.items():
            outbox = before.get(name) or Outbox(wanted, environment)
            outbox.rules = wanted
            self.outboxes[name] = outbox

    def hear(self, notice: Notice, now: Timestamp) -> None:
        """Take a notice to every channel that wants it, and keep it as an alert when it is critical."""
        if notice.ends:
            self._end(notice.key)
        elif notice.urgency is Urgency.CRITICAL:
            notice = self._raise(notice, now)
        self.recent.append(notice)
        self._hand_out(notice, now)

    def knows(self, key: str) -> bool:
        """Tell whether this is an alert that was told already."""
        return key in self.alerts

    def due(self, now: Timestamp) -> list[tuple[str, NoticeMessage]]:
        """Return the messages that go now, with the names of their channels."""
        for alert in self.alerts.values():
            if self.rules.remind_s and now >= alert.next_at and not self.is_muted(alert, now):
                self._remind(alert, now)
        is_quiet, found = self.is_quiet(now), []
        for name, outbox in self.outboxes.items():
            message = outbox.due(now, is_quiet=is_quiet)
            if message is not None:
                found.append((name, message))
        return found

    def next_at(self, now: Timestamp) -> Timestamp | None:
        """Return when to ask again, None when nothing waits."""
        is_quiet = self.is_quiet(now)
        moments: list[int] = []
        if self.rules.remind_s and self.outboxes:
            moments += [
                max(alert.next_at, self.mutes.get(alert.notice.kind, Timestamp(0)))
                for alert in self.alerts.values()
            ]
        for outbox in self.outboxes.values():
            moment = outbox.next_at(now, is_quiet=is_quiet)
            moments += [] if moment is None else [moment]
            if is_quiet and outbox.waiting:
                moments.append(now + QUIET_LOOK_NS)
        return Timestamp(max(now, min(moments))) if moments else None

    # --- what a person does ----------------------------------------------------------------------

    def acknowledge(self, numbers: Iterable[int] | None) -> tuple[int, ...]:
        """End the reminders of these alerts, of all with None; returns the numbers that there were."""
        wanted = None if numbers is None else tuple(numbers)
        found = [
            (key, alert.number)
            for key, alert in self.alerts.items()
            if wanted is None or alert.number in wanted
        ]
        for key, _ in found:
            del self.alerts[key]
        return tuple(number for _, number in found)

    def mute(self, kind: NoticeClass, until: Timestamp) -> None:
        """Send nothing of a class until then; its alerts are kept and told afterwards."""
        self.mutes[kind] = until

    def unmute(self, kind: NoticeClass) -> bool:
        """End a mute; returns False when there was none."""
        return self.mutes.pop(kind, None) is not None

    def muted_until(self, kind: NoticeClass, now: Timestamp) -> Timestamp | None:
        """Return until when a class is muted, None when it is not."""
        until = self.mutes.get(kind)
        if until is not None and now >= until:
            del self.mutes[kind]
            return None
        return until

    # --- conditions ------------------------------------------------------------------------------

    def is_muted(self, alert: Alert, now: Timestamp) -> bool:
        """Tell whether the class of an alert is muted."""
        return self.muted_until(alert.notice.kind, now) is not None

    def is_quiet(self, now: Timestamp) -> bool:
        """Tell whether this is a quiet hour."""
        if not self.rules.quiet:
            return False
        local = datetime.fromtimestamp(now // NS_PER_S, UTC).astimezone(ZoneInfo(self.rules.zone))
        minute = local.hour * 60 + local.minute
        return any(
            begin <= minute < end if begin < end else minute >= begin or minute < end
            for begin, end in self.rules.quiet
        )

    def _hand_out(self, notice: Notice, now: Timestamp, *, always: bool = False) -> None:
        if self.muted_until(notice.kind, now) is not None:
            self.muted += 1
            return
        is_quiet = self.is_quiet(now)
        for outbox in self.outboxes.values():
            outbox.take(notice, now, is_quiet=is_quiet, always=always)

    def _raise(self, notice: Notice, now: Timestamp) -> Notice:
        standing = self.alerts.get(notice.key)
        if standing is not None:
            return attrs.evolve(notice, alert=standing.number)
        self._numbers += 1
        numbered = attrs.evolve(notice, alert=self._numbers)
        first_s = self.rules.remind_s
        self.alerts[notice.key] = Alert(
            self._numbers, numbered, 1, now + round(first_s * NS_PER_S), first_s
        )
        if len(self.alerts) > ALERTS_MAX:
            del self.alerts[next(iter(self.alerts))]
        return numbered

    def _end(self, key: str) -> None:
        self.alerts.pop(key, None)
        for outbox in self.outboxes.values():
            outbox.forget(key)

    def _remind(self, alert: Alert, now: Timestamp) -> None:
        alert.spacing_s = min(REMIND_CAP_S, alert.spacing_s * REMIND_GROWTH)
        alert.next_at = now + round(alert.spacing_s * NS_PER_S)
        alert.told += 1
        text = (
            f"{alert.notice.text} (told {alert.told} times; `traderd notify ack {alert.number}` ends this, "
            f"the next is in {alert.spacing_s:g} s)"
        )
        title = f"still: {alert.notice.title}"
        self._hand_out(attrs.evolve(alert.notice, title=title, text=text), now, always=True)
