"""The verbs of `traderd notify`, and what their JSON bodies may hold.

Owns: the shape of each body.
Must not: judge what is asked beyond its shape, or send it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from traderd.errors import BadInput
from traderd.model import notice_commands as nc
from traderd.model.notices import NoticeClass

NAME_MAX: Final = 80
"""Bounds a name, which an answer shows back."""
NUMBERS_MAX: Final = 100
"""Bounds the alerts of one body: there are no more."""


def _name(body: dict[str, Any], name: str) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > NAME_MAX:
        raise BadInput(f"{name!r} must be a name of at most {NAME_MAX} characters")
    return value


def _kind(body: dict[str, Any]) -> NoticeClass:
    words = {kind.value: kind for kind in NoticeClass}
    word = body.get("class")
    if not isinstance(word, str) or word not in words:
        raise BadInput(f"'class' must be one of {', '.join(words)}, not {word!r}")
    return words[word]


def _test(body: dict[str, Any]) -> nc.TryNotifiers:
    return nc.TryNotifiers(name=_name(body, "name") or None, by=_name(body, "author"))


def _mute(body: dict[str, Any]) -> nc.MuteNotices:
    seconds = body.get("for_s")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise BadInput("'for_s' must be a whole number of seconds")
    return nc.MuteNotices(kind=_kind(body), for_s=seconds, by=_name(body, "author"))


def _unmute(body: dict[str, Any]) -> nc.UnmuteNotices:
    return nc.UnmuteNotices(kind=_kind(body), by=_name(body, "author"))


def _acknowledge(body: dict[str, Any]) -> nc.AcknowledgeAlerts:
    numbers = body.get("alerts")
    if numbers is None:
        return nc.AcknowledgeAlerts(by=_name(body, "author"))
    fits = isinstance(numbers, list) and 0 < len(numbers) <= NUMBERS_MAX
    if not fits or not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise BadInput("'alerts' must be a list of numbers; leave it out for all of them")
    return nc.AcknowledgeAlerts(numbers=tuple(numbers), by=_name(body, "author"))


NOTICE_VERBS: Final[
    dict[str, tuple[Callable[[dict[str, Any]], nc.NoticeCommand], tuple[str, ...]]]
] = {
    "notify-test": (_test, ("name", "author")),
    "notify-mute": (_mute, ("class", "for_s", "author")),
    "notify-unmute": (_unmute, ("class", "author")),
    "notify-ack": (_acknowledge, ("alerts", "author")),
}
"""What each verb makes of a JSON body, and the fields that the body may have."""
