"""Foreign exceptions and statuses to ours, in tables.

Owns: what a failure of httpx, of the network or of trio-websocket means for a read, and for a write, of which
nobody may assume that it did not happen.
Must not: retry anything.
"""

from __future__ import annotations

from typing import Final

import httpx
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected

from traderd.errors import (
    AuthenticationRefused,
    ExchangeError,
    ExchangeProtocolError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from traderd.kalshi.wire.errors import decode_error

SKEW_WORTH_SAYING_MS: Final = 1_000
"""Kalshi: the window is between 5 and 30 s; a second is more than a kept clock is ever off."""

TRANSPORT_FAILURES: Final = (httpx.RequestError, httpx.StreamError, trio.TooSlowError)
"""Everything that can happen to a request instead of an answer."""


class NothingWritten(httpx.TransportError):
    """A request that could not be put into words; not a byte of it left."""


NOTHING_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    NothingWritten,
)
"""Raised before a byte left: even a write certainly did not arrive."""

UNFINISHED: Final = "the connection ended without a whole answer"
"""What follows in the exception is about the HTTP library's own states, and helps nobody."""

_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (httpx.ConnectTimeout, "connecting took too long"),
    (httpx.PoolTimeout, "all connections are busy"),
    (httpx.ConnectError, "no connection"),
    (NothingWritten, "the request cannot be sent"),
    (httpx.ReadTimeout, "no answer in time"),
    (httpx.WriteTimeout, "sending took too long"),
    (httpx.RemoteProtocolError, UNFINISHED),
    (httpx.NetworkError, "the connection broke"),
    (httpx.DecodingError, "the answer could not be unpacked"),
    (trio.TooSlowError, "no answer in time"),
)
"""Most special first."""

AUTHENTICATION_STATUSES: Final = (401, 403)
TOO_MANY_REQUESTS: Final = 429
SURELY_REFUSED: Final = (401, TOO_MANY_REQUESTS)
"""Statuses that mean a clear no whatever the body says; any other without the exchange's words does not."""
UNCLEAR_STATUSES: Final = (408,)
"""With every 5xx: the server may have acted, and did not say."""


def _in_words(exc: Exception) -> str:
    words = next((words for kind, words in _WORDS if isinstance(exc, kind)), "the request failed")
    detail = "" if words == UNFINISHED else str(exc).strip()
    return f"{words} ({detail})" if detail else words


def transport_error(exc: Exception, *, endpoint: str, writes: bool) -> ExchangeError:
    """Return what a failure without an answer means."""
    sentence = f"{endpoint}: {_in_words(exc)}"
    if writes and not isinstance(exc, NOTHING_SENT):
        return OutcomeUnknown(f"{sentence}; it may or may not have happened")
    return ExchangeUnavailable(f"{sentence}; nothing was sent" if writes else sentence)


def status_error(
    status: int, body: bytes, *, endpoint: str, writes: bool, skew_ms: int = 0
) -> ExchangeError:
    """Return what an answer other than 2xx means; `skew_ms` is the exchange's clock minus ours."""
    words = decode_error(status, body)
    if writes and not words.code and status not in SURELY_REFUSED:
        # No word of the exchange: a proxy may have answered in its place, after it let the order through.
        return OutcomeUnknown(f"{endpoint}: {words.message}; it may or may not have happened")
    if status in AUTHENTICATION_STATUSES:
        return AuthenticationRefused(
            status=status,
            code=words.code,
            message=words.message,
            details=_with_skew(words.details, skew_ms),
        )
    if status >= 500 or status in UNCLEAR_STATUSES:
        sentence = f"{endpoint}: HTTP {status} {words.code} {words.message}".rstrip()
        if writes:
            return OutcomeUnknown(f"{sentence}; it may or may not have happened")
        return ExchangeUnavailable(sentence)
    if status < 400:
        sentence = f"{endpoint}: HTTP {status} instead of an answer"
        return OutcomeUnknown(sentence) if writes else ExchangeProtocolError(sentence)
    code = words.code or ("too_many_requests" if status == TOO_MANY_REQUESTS else "")
    return ExchangeRefused(status=status, code=code, message=words.message, details=words.details)


def retry_after_s(text: str) -> float | None:
    """Return what a Retry-After header asks for, in seconds, None when it is absent or no number of seconds."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _with_skew(details: str, skew_ms: int) -> str:
    if abs(skew_ms) <= SKEW_WORTH_SAYING_MS:
        return details
    direction = "behind" if skew_ms > 0 else "ahead of"
    skew = f"this machine's clock is {abs(skew_ms) / 1_000:.1f} s {direction} the exchange's; set it right"
    return f"{details}; {skew}" if details else skew


def connect_error(exc: Exception, *, url: str) -> ExchangeUnavailable:
    """Return what a failed WebSocket connection means: refused, DNS, TLS or too slow."""
    if isinstance(exc, trio.TooSlowError):
        return ExchangeUnavailable(f"{url}: connecting took too long")
    return ExchangeUnavailable(f"{url}: no connection ({str(exc).strip() or type(exc).__name__})")


def handshake_error(exc: ConnectionRejected, *, url: str, skew_ms: int = 0) -> ExchangeError:
    """Return what an HTTP answer to a WebSocket handshake means; nothing was written by asking."""
    if exc.status_code < 400:
        return ExchangeProtocolError(f"{url}: HTTP {exc.status_code} instead of a WebSocket")
    return status_error(
        exc.status_code, exc.body or b"", endpoint=url, writes=False, skew_ms=skew_ms
    )


def close_words(exc: ConnectionClosed) -> str:
    """Return why a WebSocket ended, for people."""
    reason = exc.reason
    if reason is None:
        return "the connection was closed"
    text = f": {reason.reason}" if reason.reason else ""
    return f"the connection was closed with code {reason.code} {reason.name}{text}"
