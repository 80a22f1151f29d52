"""Switches that make the exchange misbehave in the ways that real ones do.

Owns: which fault is on. The servers ask at their doors (`rest_api`, `feed_api`); the venue itself never lies,
so what a fault hides can always be found out afterwards.
Must not: change an order, a book or an account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs

from traderd.errors import BadInput
from traderd.kalshi.wire.errors import ErrorShape, Refusal

STATUS_MIN: Final = 400
STATUS_MAX: Final = 599

ORDERS: Final = "/portfolio/events/orders"
TRADING_PAUSE: Final = "trading_is_paused"
EXCHANGE_PAUSE: Final = "exchange_is_paused"
"""Kalshi: the codes of the two pauses, which also differ in whether cancels are taken."""

_Next: TypeAlias = tuple[str, str]
"""Method and path prefix of the next request that a fault concerns."""

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
    request_delay_s: float = 0.0
    """Every request waits this long before it is carried out, whether or not its client still waits."""
    paused: str | None = None
    """The code with which orders are refused while trading or the whole exchange is paused."""
    _refused: dict[str, int] = attrs.field(factory=dict)
    _lost: list[_Next] = attrs.field(factory=list)
    _swallowed: list[_Next] = attrs.field(factory=list)
    _spoiled: list[tuple[_Next, int]] = attrs.field(factory=list)
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

    def lose_next_request(self, method: str, prefix: str) -> None:
        """End the connection of the next such request without carrying it out."""
        self._swallowed.append((method, prefix))

    def spoil_reply_of_next(self, method: str, prefix: str, status: int) -> None:
        """Carry out the next such request and answer it with `status` all the same."""
        self._spoiled.append(((method, prefix), _checked(status)))

    def pause(self, *, whole_exchange: bool = False) -> None:
        """Take no orders until `resume`; cancels are still taken unless the whole exchange is paused."""
        self.paused = EXCHANGE_PAUSE if whole_exchange else TRADING_PAUSE

    def resume(self) -> None:
        """End a pause."""
        self.paused = None

    def delay_requests(self, seconds: float) -> None:
        """Let every request wait before it is carried out; 0 ends it."""
        self.request_delay_s = _checked_delay(seconds)

    def delay_replies(self, seconds: float) -> None:
        """Keep every reply back; 0 ends it."""
        self.reply_delay_s = _checked_delay(seconds)

    def clear(self) -> None:
        """Be a good exchange again."""
        self.reply_delay_s = self.request_delay_s = 0.0
        self.websocket_status = self.paused = None
        self._refused.clear()
        for waiting in (self._lost, self._swallowed, self._spoiled):
            waiting.clear()

    def connect_sessions(self, drop: Callable[[str | None], int]) -> None:
        """Tell how sessions are dropped; the feed does this once."""
        self._drop = drop

    def pause_refusal(self, method: str, path: str) -> Refusal | None:
        """Return how a write is refused during a pause: cancels only when the whole exchange is paused."""
        refused = ("POST",) if self.paused == TRADING_PAUSE else ("POST", "DELETE")
        if self.paused is None or method not in refused or not path.startswith(ORDERS):
            return None
        return Refusal(status=409, code=self.paused, message=self.paused.replace("_", " "))

    def refusal_of(self, path: str) -> Refusal | None:
        """Return how a request is refused: by the longest prefix that fits."""
        fitting = [prefix for prefix in self._refused if path.startswith(prefix)]
        if not fitting:
            return None
        return refusal_with(self._refused[max(fitting, key=len)])

    def takes_reply(self, method: str, path: str) -> bool:
        """Tell whether this request's reply is lost, and use that fault up."""
        return _use_up(self._lost, method, path)

    def takes_request(self, method: str, path: str) -> bool:
        """Tell whether this request never arrives, and use that fault up."""
        return _use_up(self._swallowed, method, path)

    def spoils_reply(self, method: str, path: str) -> Refusal | None:
        """Return what this request is answered with although it was carried out, and use that up."""
        for index, ((wanted, prefix), status) in enumerate(self._spoiled):
            if method == wanted and path.startswith(prefix):
                del self._spoiled[index]
                return refusal_with(status)
        return None


def _use_up(waiting: list[_Next], method: str, path: str) -> bool:
    for index, (wanted, prefix) in enumerate(waiting):
        if method == wanted and path.startswith(prefix):
            del waiting[index]
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


def _checked_delay(seconds: float) -> float:
    if seconds < 0:
        raise BadInput("a delay cannot be negative")
    return seconds
