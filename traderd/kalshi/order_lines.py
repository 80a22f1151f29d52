"""Connections for order writes: opened before they are needed, kept warm, never used in doubt.

Owns: one HTTP/1.1 exchange on one connection (h11), the idle connections of one origin, and telling "nothing was
sent" from "nobody knows". A request leaves in one piece with its length; a connection is used again only when the
answer ended cleanly and nothing came after it.
Must not: retry, follow redirects, sign, or make anybody queue (`limits` lets no more go than there are connections).
"""

from __future__ import annotations

import ssl
from typing import Final, TypeAlias

import attrs
import h11
import httpx
import trio

from traderd.kalshi.errors import NothingWritten
from traderd.runtime.env import Env
from traderd.runtime.prompt_stream import has_unread

CONNECT_TIMEOUT_S: Final = 5.0
HEAD_BYTES_MAX: Final = 32_768
"""Bounds the head of an answer: Kalshi's are below 2 KiB, proxies add cookies."""
ANSWER_BYTES_MAX: Final = 1_048_576
"""Bounds a whole answer to a write: a batch of 1,000 orders is answered with 200 KiB."""
READ_BYTES: Final = 65_536
IDLE_AGE_S_MAX: Final = 20.0
"""A connection idle for longer is not used for a write: servers close such ones, and a write that meets the close has
an unknown outcome."""
KEEP_WARM_AFTER_S: Final = 8.0
"""A connection idle for longer is used for a cheap read, well before IDLE_AGE_S_MAX."""
KEEP_WARM_EVERY_S: Final = 4.0
"""How often the idle connections are looked at; also the pause after one could not be opened."""
CLOSE_S: Final = 1.0
"""Bounds the putting away of a broken connection, which never waits for the other side."""
WARM_TIMEOUT_S: Final = 5.0
USER_AGENT: Final = "traderd"

Headers: TypeAlias = list[tuple[bytes, bytes]]
Answer: TypeAlias = tuple[h11.Response, bytes]


@attrs.frozen(kw_only=True)
class Outgoing:
    """A request as it is written; its length is added."""

    method: str
    target: bytes
    """Path and query."""
    headers: Headers
    """With the host."""
    body: bytes = b""


class Line:
    """One connection and its HTTP state."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self.used_at = trio.current_time()

    @property
    def reusable(self) -> bool:
        """Tell whether both sides are done and nothing came after the answer: such bytes would answer the next one."""
        return (
            self._http.our_state is h11.IDLE
            and self._http.their_state is h11.IDLE
            and self._http.trailing_data == (b"", False)
        )

    def is_dead(self) -> bool:
        """Tell whether it is too old, or has something to read: an end, or what nobody asked for."""
        return trio.current_time() - self.used_at > IDLE_AGE_S_MAX or has_unread(self.stream)

    async def ask(self, request: Outgoing) -> Answer:
        """Send one request and read its answer.

        Cancelling, like any failure, leaves the connection to be closed.

        Raises:
            NothingWritten: the request cannot be written in HTTP/1.1.
            httpx.WriteError, ReadError, RemoteProtocolError: nobody knows.
        """
        data = self._written(request)
        try:
            await self.stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
            raise httpx.WriteError(cause_of(exc)) from exc
        try:
            answer = await self._answer()
        except h11.RemoteProtocolError as exc:
            raise httpx.RemoteProtocolError(str(exc)) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
            raise httpx.ReadError(cause_of(exc)) from exc
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        self.used_at = trio.current_time()
        return answer

    def _written(self, request: Outgoing) -> bytes:
        length = (b"Content-Length", b"%d" % len(request.body))
        try:
            head = h11.Request(
                method=request.method, target=request.target, headers=[*request.headers, length]
            )
            parts = [self._http.send(head)]
            if request.body:
                parts.append(self._http.send(h11.Data(data=request.body)))
            parts.append(self._http.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as exc:
            raise NothingWritten(str(exc)) from exc
        return b"".join([part for part in parts if part])

    async def _answer(self) -> Answer:
        head: h11.Response | None = None
        body: list[bytes] = []
        received = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = bytes(await self.stream.receive_some(READ_BYTES))
                received += len(data)
                if received > ANSWER_BYTES_MAX:
                    raise h11.RemoteProtocolError(f"more than {ANSWER_BYTES_MAX} bytes of answer")
                self._http.receive_data(data)
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, b"".join(body)
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the connection ended before an answer")


class OrderLines(httpx.AsyncBaseTransport):
    """Warm connections to one origin, under httpx.

    `ready` are kept open by `keep_warm`, `lines_max` bounds those in use at once.
    """

    def __init__(
        self,
        env: Env,
        origin: httpx.URL,
        ssl_context: ssl.SSLContext,
        *,
        ready: int,
        lines_max: int,
    ) -> None:
        self._env, self._origin, self._ssl_context = env, origin, ssl_context
        self._ready, self._lines_max = ready, lines_max
        self._idle: list[Line] = []
        """The one used last is at the end, and is used next."""
        self._open = 0
        self._look_again = trio.Event()
        self.opened = 0
        """How many connections were ever made."""

    @property
    def idle(self) -> int:
        """Return how many connections stand ready."""
        return len(self._idle)

    async def check_out(self) -> Line:
        """Return a connection to send on, without a checkpoint if one stands ready; nothing is sent.

        `send` takes it, or `put_back`.

        Raises:
            httpx.ConnectError, ConnectTimeout, PoolTimeout: there is none to be had.
        """
        while self._idle:
            line = self._idle.pop()
            if not line.is_dead():
                return line
            await self._close(line)
        return await self._new_line()

    def put_back(self, line: Line) -> None:
        """Take back a connection on which nothing was sent."""
        self._idle.append(line)

    async def send(self, line: Line, request: Outgoing) -> Answer:
        """Send one request, once, on a connection that was checked out, and return the whole answer.

        Cancelling closes the connection.  The deadline is the caller's.

        Raises:
            NothingWritten: it cannot be written; nothing was sent.
            httpx.WriteError, ReadError, RemoteProtocolError: nobody knows.
        """
        reusable = False
        try:
            answer = await line.ask(request)
            reusable = line.reusable
        finally:
            if reusable:
                self._idle.append(line)
            else:
                # It waits for nobody; the shield only lets a cancelled request put its connection away.
                with trio.move_on_after(CLOSE_S, shield=True):
                    await self._close(line)
        return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Do the same for whoever speaks httpx; raises as `check_out` and `send` do."""
        if request.url.netloc != self._origin.netloc or request.url.scheme != self._origin.scheme:
            raise NothingWritten(f"these connections lead to {self._origin}", request=request)
        if not isinstance(request.stream, httpx.ByteStream):
            raise NothingWritten("an order's body is sent in one piece", request=request)
        outgoing = Outgoing(
            method=request.method,
            target=request.url.raw_path,
            headers=[pair for pair in request.headers.raw if pair[0].lower() != b"content-length"],
            body=request.content,
        )
        head, body = await self.send(await self.check_out(), outgoing)
        return httpx.Response(
            head.status_code, headers=head.headers.raw_items(), content=body, request=request
        )

    async def aclose(self) -> None:
        """Close what stands ready."""
        while self._idle:
            await self._close(self._idle.pop())

    async def keep_warm(self, target: bytes) -> None:
        """Keep connections ready until cancelled: open them, and use `target` for a cheap read now and then.

        The first read also takes in what a server says unasked after a TLS handshake.
        """
        warming = Outgoing(
            method="GET",
            target=target,
            headers=[(b"Host", self._origin.netloc), (b"User-Agent", USER_AGENT.encode())],
        )
        while True:
            self._look_again = trio.Event()
            try:
                with trio.fail_after(WARM_TIMEOUT_S):
                    await self._warm(warming)
            except (httpx.TransportError, trio.TooSlowError):
                pass  # no connection: the next round tries again, and an order's own attempt says why
            with trio.move_on_after(KEEP_WARM_EVERY_S):
                await self._look_again.wait()

    async def _warm(self, warming: Outgoing) -> None:
        now = trio.current_time()
        for line in [one for one in self._idle if now - one.used_at > KEEP_WARM_AFTER_S]:
            if line in self._idle:
                self._idle.remove(line)
                await self._refresh(line, warming)
        while len(self._idle) < self._ready and self._open < self._lines_max:
            await self._refresh(await self._new_line(), warming)

    async def _refresh(self, line: Line, warming: Outgoing) -> None:
        if line.is_dead():
            await self._close(line)
            return
        await self.send(line, warming)

    async def _new_line(self) -> Line:
        if self._open >= self._lines_max:
            raise httpx.PoolTimeout(f"{self._lines_max} are in use")
        self._open += 1
        try:
            line = Line(await self._connect())
        except BaseException:
            self._open -= 1
            raise
        self.opened += 1
        return line

    async def _connect(self) -> trio.abc.Stream:
        host, secure = self._origin.host, self._origin.scheme == "https"
        port = self._origin.port or (443 if secure else 80)
        try:
            with trio.fail_after(CONNECT_TIMEOUT_S):
                stream = await self._env.connect(host, port, tls=False)
                return await self._encrypt(stream, host) if secure else stream
        except trio.TooSlowError as exc:
            raise httpx.ConnectTimeout(str(exc)) from exc
        except (trio.BrokenResourceError, OSError) as exc:
            raise httpx.ConnectError(cause_of(exc)) from exc

    async def _encrypt(self, stream: trio.abc.Stream, host: str) -> trio.abc.Stream:
        secure = trio.SSLStream(
            stream, self._ssl_context, server_hostname=host, https_compatible=True
        )
        try:
            await secure.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secure

    async def _close(self, line: Line) -> None:
        self._open -= 1
        self._look_again.set()
        await trio.aclose_forcefully(line.stream)


def cause_of(exc: BaseException) -> str:
    """Return what the system said; Trio itself says only "stream broken"."""
    return str(exc.__cause__ or exc)
