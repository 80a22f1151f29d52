"""What the notifier keeps over its own restarts: the desk, the channels of now, and what was told of standing halts.

Owns: these objects; `Shared` holds one board, the notifier writes it, and the document of `/v3/notices` reads it.
Must not: send or decide anything.
"""

from __future__ import annotations

from typing import Any

import attrs

from traderd.core.notice_desk import Alert, NoticeDesk
from traderd.model.notices import NoticeClass
from traderd.model.units import NS_PER_S, Timestamp, format_time
from traderd.services.notifier_channel import NotifierChannel

RECENT_SHOWN = 20
"""Bounds the notices of one document."""


@attrs.define(eq=False)
class Notices:
    """The board."""

    desk: NoticeDesk = attrs.Factory(NoticeDesk)
    channels: dict[str, NotifierChannel] = attrs.Factory(dict)
    told: dict[str, Timestamp] = attrs.Factory(dict)
    """When what is critical and not over had been raised, by the key of the notice that told it."""


def notices_document(board: Notices, now: Timestamp) -> dict[str, Any]:
    """Return channels, mutes, alerts and the newest notices, ready for JSON; no address and no secret is in it."""
    desk = board.desk
    return {
        "notifiers": [_channel(channel, board) for channel in board.channels.values()],
        "classes": {
            kind.value: {"muted_for_s": _muted_for_s(desk, kind, now)} for kind in NoticeClass
        },
        "quiet_now": desk.is_quiet(now),
        "muted_total": desk.muted,
        "alerts": [_alert(alert, now) for alert in desk.alerts.values()],
        "recent": [
            {**notice.document(), "at": format_time(notice.at)}
            for notice in list(desk.recent)[-RECENT_SHOWN:]
        ],
    }


def _channel(channel: NotifierChannel, board: Notices) -> dict[str, Any]:
    fate, outbox = channel.fate, board.desk.outboxes.get(channel.name)
    return {
        "name": channel.name,
        "plugin": channel.plugin,
        "classes": [kind.value for kind in channel.notifier.classes],
        "delivered": fate.delivered,
        "delivered_at": None if fate.delivered_at is None else format_time(fate.delivered_at),
        "failed": fate.failed,
        "dropped": fate.dropped + (0 if outbox is None else outbox.dropped),
        "waiting": channel.waiting,
        "collected": 0 if outbox is None else outbox.waiting,
        "last_error": fate.last_error,
    }


def _alert(alert: Alert, now: Timestamp) -> dict[str, Any]:
    return {
        "number": alert.number,
        "class": alert.notice.kind.value,
        "title": alert.notice.title,
        "text": alert.notice.text,
        "at": format_time(alert.notice.at),
        "told": alert.told,
        "next_in_s": round(max(0, alert.next_at - now) / NS_PER_S, 1),
    }


def _muted_for_s(desk: NoticeDesk, kind: NoticeClass, now: Timestamp) -> float:
    until = desk.muted_until(kind, now)
    return 0.0 if until is None else round((until - now) / NS_PER_S, 1)
