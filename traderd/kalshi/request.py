"""One signed HTTP request and what its answer means.

Owns: its turn at the exchange's token buckets, signing just before sending, the total deadline, the measured offset
of the exchange's clock, the counters. Writes go on connections of their own, reads through httpx's pool.
Must not: retry, follow pages, or know an endpoint.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

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
from traderd.kalshi.errors import (
    NOTHING_SENT,
    TOO_MANY_REQUESTS,
    TRANSPORT_FAILURES,
    retry_after_s,
    status_error,
    transport_error,
)
from traderd.kalshi.limits import Traffic
from traderd.kalshi.order_lines import USER_AGENT, OrderLines, Outgoing
from traderd.kalshi.throttle import StillWanted, Throttle, Turn
from traderd.kalshi.transport import WriteLines
from traderd.kalshi.wire import rest
from traderd.model.units import NS_PER_MS
from traderd.runtime.env import Env

W = TypeVar("W")
Query: TypeAlias = Mapping[str, str | Sequence[str]]
"""A list is sent as the same key several times."""

IDENTITY: Final = "identity"
REQUEST_DEADLINE_S: Final = 10.0
"""Bounds a whole request, connection included, once it has its turn: a slow dribble must not hold a stage (httpx
bounds single reads)."""
WARM_PATH: Final = "/exchange/status"
"""What a connection is kept warm with: the cheapest public read, unsigned, so that it costs the account nothing."""
WRITE_HEADERS: Final = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", IDENTITY.encode()),
    (b"User-Agent", USER_AGENT.encode()),
)
IS_JSON: Final = (b"Content-Type", b"application/json")


@attrs.frozen(kw_only=True)
class Answer:
    """An HTTP answer of whatever status."""

    status: int
    body: bytes
    date: str
    """The Date header, empty if there is none."""
    retry_after: str = ""
    """The Retry-After header, empty if there is none."""


@attrs.frozen(kw_only=True)
class RestStatistics:
    """How the connection to the REST API fares."""

    requests: int
    errors: int
    last_latency_s: float | None
    clock_offset_ms: int


@attrs.define
class _Counters:
    requests: int = 0
    errors: int = 0
    last_latency_s: float | None = None


class Requester:
    """Sends requests of one account to one exchange, each as the class of traffic that this view of it stands for."""

    def __init__(
        self,
        env: Env,
        http: httpx.AsyncClient,
        prefix: str,
        signer: Signer | None,
        *,
        lines: WriteLines | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        """Without `lines` writes go the way of reads."""
        self.env = env
        self.throttle = throttle or Throttle(env.monotonic)
        """The account's token buckets."""
        self._http, self._lines = http, lines
        self._prefix = prefix
        self._headers = [(b"Host", http.base_url.netloc), *WRITE_HEADERS]
        self._signer = signer
        self._clock = ClockOffset()
        self._counters = _Counters()
        self._traffic: Traffic | None = None
        self._only = False

    def of(self, traffic: Traffic, *, only: bool = False) -> Requester:
        """Return a view of this requester whose reads are of a class; `only`: its writes and its views as well."""
        view = copy.copy(self)
        if not self._only:
            view._traffic, view._only = traffic, only
        return view

    async def keep_warm(self) -> None:
        """Keep connections for writes ready until cancelled; without any there is nothing to do."""
        if self._lines is not None:
            await self._lines.keep_warm((self._prefix + WARM_PATH).encode("ascii"))

    @property
    def clock_offset_ms(self) -> int:
        """The exchange's clock minus ours in milliseconds; 0 until an answer proves otherwise."""
        return self._clock.offset_ms

    def statistics(self) -> RestStatistics:
        """Return the counters."""
        return RestStatistics(
            requests=self._counters.requests,
            errors=self._counters.errors,
            last_latency_s=self._counters.last_latency_s,
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
        traffic: Traffic | None = None,
        items: int = 1,
        still_wanted: StillWanted | None = None,
    ) -> Answer:
        """Wait for a turn, send once, and return the answer, of whatever status.

        Cancelling a read is safe; cancelling a write leaves its outcome unknown, unless it still waited for its turn.

        Args:
            method: in capitals.
            path: below the base, already quoted, without a query.
            params: the query.
            body: JSON.
            writes: it draws on the write bucket and goes on the connections for writes.
            traffic: what it is for; else that of this view for a read, and for a write cancelling or placing.
            items: of a batch, each of which costs.
            still_wanted: asked once, when everything is ready to send; nothing is awaited between its answer and the
                first byte. It returns None, or why the request has lost its point.

        Raises:
            NotSent: not wanted any more, or no turn in time.
            ExchangeUnavailable: no answer to a read, or no connection for a write.
            OutcomeUnknown: no answer to a write.
        """
        chosen = self._class_of(method, traffic, writes=writes)
        cost = self.cost_of(method, path) * items
        turn = await self.throttle.wait_turn(chosen, cost, writes=writes)
        self._counters.requests += 1
        started, sent_ns = self.env.monotonic(), self.env.wall_ns()
        try:
            with trio.fail_after(REQUEST_DEADLINE_S):
                if writes and self._lines is not None:
                    lines = self._lines.cancels if chosen.is_urgent else self._lines.orders
                    answer = await self._write(
                        lines, turn, still_wanted, method, _target(path, params), body
                    )
                else:
                    turn.confirm(still_wanted)
                    answer = await self._ask(method, path, params, body)
            turn.answered(
                too_many=answer.status == TOO_MANY_REQUESTS,
                retry_after_s=retry_after_s(answer.retry_after),
            )
        except TRANSPORT_FAILURES as exc:
            self._counters.errors += 1
            if isinstance(exc, NOTHING_SENT):
                turn.nothing_sent()
            raise transport_error(exc, endpoint=f"{method} {path}", writes=writes) from exc
        finally:
            turn.end()
        self._counters.last_latency_s = self.env.monotonic() - started
        self._clock.observe(answer.date, sent_ns=sent_ns, received_ns=self.env.wall_ns())
        return answer

    def cost_of(self, method: str, path: str) -> int:
        """Return what one request costs, or one item of a batch, in tokens."""
        return self.throttle.costs.tokens(method, self._prefix + path)

    def _class_of(self, method: str, traffic: Traffic | None, *, writes: bool) -> Traffic:
        if self._only and self._traffic is not None:
            return self._traffic
        if traffic is not None:
            return traffic
        if writes:
            return Traffic.CANCEL if method == "DELETE" else Traffic.PLACE
        return Traffic.DATA if self._traffic is None else self._traffic

    def _signed(self, method: str, path: str) -> dict[str, str]:
        if self._signer is None:
            return {}
        timestamp_ms = self.env.wall_ns() // NS_PER_MS + self.clock_offset_ms
        return self._signer.headers(method, self._prefix + path, timestamp_ms)

    async def _write(
        self,
        lines: OrderLines,
        turn: Turn,
        still_wanted: StillWanted | None,
        method: str,
        target: str,
        body: bytes | None,
    ) -> Answer:
        line = await lines.check_out()
        # From here to the first byte nothing may wait: the last question must be the last.
        try:
            turn.confirm(still_wanted)
            signed = self._signed(method, target.partition("?")[0])
            headers = [
                *self._headers,
                *((name.encode(), value.encode()) for name, value in signed.items()),
            ]
            if body is not None:
                headers.append(IS_JSON)
            request = Outgoing(
                method=method,
                target=(self._prefix + target).encode("ascii"),
                headers=headers,
                body=body or b"",
            )
        except BaseException:
            lines.put_back(line)
            raise
        head, content = await lines.send(line, request)
        told = dict(head.headers)
        return _answer(
            head.status_code, lambda name: told.get(name, b"").decode("latin-1"), content
        )

    async def _ask(
        self, method: str, path: str, params: Query | None, body: bytes | None
    ) -> Answer:
        headers = {"Accept-Encoding": IDENTITY, **self._signed(method, path)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self._http.stream(
            method, path, params=params, content=body, headers=headers
        ) as response:
            # Raw, because an error in httpx's unpacking leaves its generators unfinished, which Trio reports.
            content = b"".join([chunk async for chunk in response.aiter_raw()])
        told = response.headers
        return _answer(response.status_code, lambda name: told.get(name.decode(), ""), content)

    def decode(self, answer: Answer, kind: type[W], endpoint: str, *, writes: bool = False) -> W:
        """Return the body of a 2xx as `kind`; raises what any other answer means."""
        if not 200 <= answer.status < 300:
            raise self.refusal(answer, endpoint, writes=writes)
        try:
            return rest.decode_body(answer.body, kind, endpoint)
        except ExchangeProtocolError as exc:
            self._counters.errors += 1
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
        self._counters.errors += isinstance(error, ExchangeUnavailable | OutcomeUnknown)
        return error


def _target(path: str, params: Query | None) -> str:
    return f"{path}?{urlencode(params, doseq=True, quote_via=quote)}" if params else path


def _answer(status: int, header: Callable[[bytes], str], body: bytes) -> Answer:
    packing = header(b"content-encoding") or IDENTITY
    if packing != IDENTITY:
        raise httpx.DecodingError(f"asked for plain bytes, got {packing}")
    return Answer(
        status=status, body=body, date=header(b"date"), retry_after=header(b"retry-after")
    )
