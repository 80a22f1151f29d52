"""What a person asks of the notifier.

Owns: these commands; they touch no order and no condition.
Must not: carry them out (see `services/notifier.py`).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import attrs

from traderd.errors import BadInput
from traderd.model.notices import NoticeClass

MUTE_MAX_S: Final = 7 * 86_400
"""Bounds a mute: what is silent for longer than a week is forgotten."""


@attrs.frozen(kw_only=True)
class TryNotifiers:
    """Send a test message, and tell what became of it."""

    name: str | None = None
    """None: by every channel."""
    by: str = ""


@attrs.frozen(kw_only=True)
class MuteNotices:
    """Send nothing of one class for a while."""

    kind: NoticeClass
    for_s: int
    by: str = ""

    def __attrs_post_init__(self) -> None:
        if not 0 < self.for_s <= MUTE_MAX_S:
            raise BadInput(
                f"a mute lasts from 1 s to {MUTE_MAX_S // 86_400} days, not {self.for_s} s"
            )


@attrs.frozen(kw_only=True)
class UnmuteNotices:
    """Send notices of one class again."""

    kind: NoticeClass
    by: str = ""


@attrs.frozen(kw_only=True)
class AcknowledgeAlerts:
    """Stop repeating alerts: somebody has seen them.  What they tell of goes on."""

    numbers: tuple[int, ...] | None = None
    """None: all of them."""
    by: str = ""


NoticeCommand: TypeAlias = TryNotifiers | MuteNotices | UnmuteNotices | AcknowledgeAlerts
