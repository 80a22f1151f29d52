"""Switches that make the exchange misbehave in the ways that real ones do.

Owns: which fault is on. The servers ask at their doors (`rest_api`, `feed_api`); the venue itself never lies,
so what a fault hides can always be found out afterwards.
Must not: change an order, a book or an account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.errors import BadInput
from traderd.kalshi.wire.errors import ErrorShape, Refusal

STATUS_MIN: Final = 400
STATUS_MAX: Final = 599

_WORDS: Final = {
    401: ("authentication_error", "authentication_error"),
    403: ("forbidden", "forbidden"),
    429: ("too_many_requests", "too many requests"),
    500: ("internal_error", "internal error"),
    503: ("service_unavailable", "service unavailable"),
    504: ("gateway_timeout", "gateway timeout"),
}


@attrs.define(eq=False)
class Faults:
    """The faults of one exchange; paths are below the API's prefix, for example `/portfolio/orders`."""

    reply_delay_s: float = 0.0
    """Every reply is kept back this long after its request was carried out."""
    websocket_status: int | None = None
    """New WebSockets are refused with this status."""
    _refused: dict[str, int] = attrs.field(factory=dict)
    _lost: list[tuple[str, str]] = attrs.field(factory=list)
    _drop: Callable[[str | None], int] | None = None

    def refuse_requests(self, prefix: str, status: int) -> None:
        """Answer requests whose path starts with `prefix` with `status`, and do not carry them out."""
        self._refused[prefix] = _checked(status)

    def refuse_websockets(self, status: int) -> None:
        """Refuse new WebSockets; the open ones stay."""
        self.websocket_status = _checked(status)

    def drop_websockets(self, channel: str | None = None) -> int:
        """End WebSockets without a close frame, all or those subscribed to `channel`; return how many."""
        return 0 if self._drop is None else self._drop(channel)

    def lose_reply_of_next(self, method: str, prefix: str) -> None:
        """Carry out the next such request and end its connection without a reply."""
        self._lost.append((method, prefix))

    def delay_replies(self, seconds: float) -> None:
        """Keep every reply back; 0 ends it."""
        if seconds < 0:
            raise BadInput("a delay cannot be negative")
        self.reply_delay_s = seconds

    def clear(self) -> None:
        """Be a good exchange again."""
        self.reply_delay_s = 0.0
        self.websocket_status = None
        self._refused.clear()
        self._lost.clear()

    def connect_sessions(self, drop: Callable[[str | None], int]) -> None:
        """Tell how sessions are dropped; the feed does this once."""
        self._drop = drop

    def refusal_of(self, path: str) -> Refusal | None:
        """Return how a request is refused: by the longest prefix that fits."""
        fitting = [prefix for prefix in self._refused if path.startswith(prefix)]
        if not fitting:
            return None
        return refusal_with(self._refused[max(fitting, key=len)])

    def takes_reply(self, method: str, path: str) -> bool:
        """Tell whether this request's reply is lost, and use that fault up."""
        for index, (lost_method, prefix) in enumerate(self._lost):
            if method == lost_method and path.startswith(prefix):
                del self._lost[index]
                return True
        return False


def refusal_with(status: int) -> Refusal:
    """Return a refusal with the words that go with a status."""
    code, message = _WORDS.get(status, (f"http_{status}", f"http {status}"))
    shape = ErrorShape.STRING if status == 429 else ErrorShape.NESTED
    return Refusal(status=status, code=code, message=message, shape=shape)


def _checked(status: int) -> int:
    if not STATUS_MIN <= status <= STATUS_MAX:
        raise BadInput(f"a refusal needs a status of {STATUS_MIN} to {STATUS_MAX}, not {status}")
    return status
