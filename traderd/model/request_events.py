"""Facts of requests that came with a key of the asker's own, so that none of them is done twice.

Owns: the two events that the journal keeps of each: that it was taken on, and its answer.
Must not: hold what was asked: its body may be long, and a digest tells whether another one is the same.
"""

from __future__ import annotations

import attrs

from traderd.model.units import Timestamp


@attrs.frozen(kw_only=True)
class RequestTaken:
    """A request with a key of its own was taken on; from here on the key is never done a second time."""

    at: Timestamp
    key: str
    verb: str
    digest: str
    """SHA-256 of the body, in hexadecimal."""
    forgotten: tuple[str, ...] = ()
    """Keys of which nobody need know any more; journals of earlier versions name none."""


@attrs.frozen(kw_only=True)
class RequestAnswered:
    """A request with a key was answered; who sends it again gets just this."""

    at: Timestamp
    key: str
    status: int
    """Of HTTP."""
    answer: str
    """The body, as JSON."""
