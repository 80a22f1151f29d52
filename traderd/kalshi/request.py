"""One signed HTTP request and what its answer means.

Owns: signing just before sending, the total deadline, the measured offset of the exchange's clock, the counters.
Must not: retry, follow pages, or know an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

import attrs
import httpx
import trio

from traderd.errors import (
    ExchangeError,
    ExchangeProtocolError,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from traderd.kalshi.auth import Signer
from traderd.kalshi.clock import ClockOffset
from traderd.kalshi.errors import TRANSPORT_FAILURES, status_error, transport_error
from traderd.kalshi.wire import rest
from traderd.model.units import NS_PER_MS
from traderd.runtime.env import Env

W = TypeVar("W")
Query: TypeAlias = Mapping[str, str | Sequence[str]]
"""A list is sent as the same key several times."""

IDENTITY: Final = "identity"
REQUEST_DEADLINE_S: Final = 10.0
"""Bounds a whole request, connection included: a slow dribble must not hold a stage (httpx bounds single reads)."""


@attrs.frozen(kw_only=True)
class Answer:
    """An HTTP answer of whatever status."""

    status: int
    body: bytes
    date: str
    """The Date header, empty if there is none."""


@attrs.frozen(kw_only=True)
class RestStatistics:
    """How the connection to the REST API fares."""

    requests: int
    errors: int
    last_latency_s: float | None
    clock_offset_ms: int


class Requester:
    """Sends requests of one account to one exchange."""

    def __init__(
        self, env: Env, http: httpx.AsyncClient, prefix: str, signer: Signer | None
    ) -> None:
        self.env = env
        self._http = http
        self._prefix = prefix
        self._signer = signer
        self._clock = ClockOffset()
        self._requests = 0
        self._errors = 0
        self._last_latency_s: float | None = None

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus ours in milliseconds; 0 until an answer proves otherwise."""
        return self._clock.offset_ms

    def statistics(self) -> RestStatistics:
        """Return the counters."""
        return RestStatistics(
            requests=self._requests,
            errors=self._errors,
            last_latency_s=self._last_latency_s,
            clock_offset_ms=self.clock_offset_ms,
        )

    async def get(self, path: str, kind: type[W], params: Query | None = None) -> W:
        """Return the body of a read as `kind`.  Cancelling is safe."""
        answer = await self.send("GET", path, params=params)
        return self.decode(answer, kind, f"GET {path}")

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        body: bytes | None = None,
        writes: bool = False,
    ) -> Answer:
        """Return the answer, of whatever status.

        Cancelling a read is safe; cancelling a write leaves its outcome unknown.

        Raises:
            ExchangeUnavailable: no answer to a read, or no connection for a write.
            OutcomeUnknown: no answer to a write.
        """
        self._requests += 1
        started, sent_ns = self.env.monotonic(), self.env.wall_ns()
        headers = {"Accept-Encoding": IDENTITY}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._signer is not None:
            timestamp_ms = sent_ns // NS_PER_MS + self.clock_offset_ms
            headers |= self._signer.headers(method, self._prefix + path, timestamp_ms)
        try:
            with trio.fail_after(REQUEST_DEADLINE_S):
                answer = await self._ask(method, path, params, body, headers)
        except TRANSPORT_FAILURES as exc:
            self._errors += 1
            raise transport_error(exc, endpoint=f"{method} {path}", writes=writes) from exc
        self._last_latency_s = self.env.monotonic() - started
        self._clock.observe(answer.date, sent_ns=sent_ns, received_ns=self.env.wall_ns())
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        params: Query | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        async with self._http.stream(
            method, path, params=params, content=body, headers=headers
        ) as response:
            # Raw, because an error in httpx's unpacking leaves its generators unfinished, which Trio reports.
            content = b"".join([chunk async for chunk in response.aiter_raw()])
        packing = response.headers.get("Content-Encoding", IDENTITY)
        if packing != IDENTITY:
            raise httpx.DecodingError(f"asked for plain bytes, got {packing}")
        return Answer(
            status=response.status_code, body=content, date=response.headers.get("Date", "")
        )

    def decode(self, answer: Answer, kind: type[W], endpoint: str, *, writes: bool = False) -> W:
        """Return the body of a 2xx as `kind`; raises what any other answer means."""
        if not 200 <= answer.status < 300:
            raise self.refusal(answer, endpoint, writes=writes)
        try:
            return rest.decode_body(answer.body, kind, endpoint)
        except ExchangeProtocolError as exc:
            self._errors += 1
            if writes:
                raise OutcomeUnknown(f"{exc}; it may or may not have happened") from exc
            raise

    def refusal(self, answer: Answer, endpoint: str, *, writes: bool) -> ExchangeError:
        """Return what an answer other than 2xx means."""
        error = status_error(
            answer.status,
            answer.body,
            endpoint=endpoint,
            writes=writes,
            skew_ms=self.clock_offset_ms,
        )
        self._errors += isinstance(error, ExchangeUnavailable | OutcomeUnknown)
        return error
