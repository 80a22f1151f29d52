"""What happens to one request or one frame, once it is decided, and how a fault words its refusals.

Owns: the fates, and the words that go with a status (Kalshi: error codes).
Must not: decide anything.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire.errors import ErrorShape, Refusal

_WORDS: Final = {
    401: ("authentication_error", "authentication_error"),
    403: ("forbidden", "forbidden"),
    429: ("too_many_requests", "too many requests"),
    500: ("internal_error", "internal error"),
    503: ("service_unavailable", "service unavailable"),
    504: ("gateway_timeout", "gateway timeout"),
}


@attrs.frozen(kw_only=True)
class RequestFate:
    """What happens to one request."""

    arrives: bool = True
    wait_s: float = 0.0
    """Before it is carried out."""
    refusal: Refusal | None = None
    """It is not carried out, and this is the answer."""
    spoiled: Refusal | None = None
    """The answer, whatever was done."""
    reply_wait_s: float = 0.0
    reply_arrives: bool = True


@attrs.frozen(kw_only=True)
class FrameFate:
    """What happens to one frame of data."""

    copies: int = 1
    wait_s: float = 0.0
    ends_session: bool = False


NO_FRAME_FAULT: Final = FrameFate()


def refusal_with(status: int) -> Refusal:
    """Return a refusal with the words that go with a status."""
    code, message = _WORDS.get(status, (f"http_{status}", f"http {status}"))
    shape = ErrorShape.STRING if status == 429 else ErrorShape.NESTED
    return Refusal(status=status, code=code, message=message, shape=shape)
