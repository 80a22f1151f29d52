"""A small HTTP/1.1 server over any Trio byte stream, with a door to WebSockets.

Owns: connections: keep-alive, bounds on what one client may send and hold, malformed input, the upgrade.
h11 speaks HTTP and wsproto speaks WebSocket; this module moves their bytes. It is not hypercorn because it
must also run over in-memory streams under a virtual clock.
Must not: know a route, an account or a market.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import attrs
import h11
import msgspec
import structlog
import trio

from traderd.model.units import NS_PER_S
from traderd.paper.serving.websocket_session import (
    DEFAULT_OUTGOING,
    OutgoingLimits,
    WebSocketSession,
    accept_upgrade,
    is_upgrade,
    run_session,
)
from traderd.runtime.env import Env

log = structlog.get_logger("traderd.paper.serving.http_server")

BODY_BYTES_MAX: Final = 1024 * 1024
"""Bounds one request body: a batch of a thousand orders is about 300 KiB."""
HEADER_BYTES_MAX: Final = 16 * 1024
"""Bounds the request line with all headers: h11's own default, and what most servers take."""
QUERY_FIELDS_MAX: Final = 256
"""Bounds the query's fields: the longest documented query repeats one key 100 times."""
RECEIVE_BYTES: Final = 64 * 1024
LINGER_S: Final = 1.0
"""Bounds the wait for a client to take the last reply: closing a TCP socket with unread input resets it."""
REASONS: Final = {
    200: b"OK",
    201: b"Created",
    204: b"No Content",
    301: b"Moved Permanently",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    409: b"Conflict",
    410: b"Gone",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
}
"""Phrases of the status line: clients show them to people. Any other status goes out without one, as HTTP allows."""
PROBLEM_CODES: Final = {501: "not_implemented", 503: "service_unavailable"}
"""Codes of problems that are neither the client's (`bad_request`) nor a defect of ours (`internal_error`)."""

Query: TypeAlias = tuple[tuple[str, str], ...]
Headers: TypeAlias = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Request:
    """One request as it came: the path is still percent-encoded, because signatures cover it so."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    """Names in lower case; a repeated header is joined with commas."""
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Response:
    """One answer; the framing headers are added when it is sent."""

    status: int
    body: bytes = b""
    headers: Headers = (("content-type", "application/json"),)


class ConnectionDropped(Exception):
    """Raised by a handler: close this connection without an answer."""


RequestHandler: TypeAlias = Callable[[Request], Awaitable[Response]]
SessionHandler: TypeAlias = Callable[[WebSocketSession], Awaitable[None]]
UpgradeHandler: TypeAlias = Callable[[Request], "Response | SessionHandler"]
"""Decides about a WebSocket before it is one: a Response refuses it, a handler runs it."""


@attrs.frozen(kw_only=True)
class HttpLimits:
    """What one listener gives to its clients."""

    clients_max: int = 512
    """Beyond it a client gets 503: Kalshi allows 200 connections to an account, we serve a few accounts."""
    idle_s: float = 75.0
    """Bounds the silence between two requests: nginx's default."""
    request_s: float = 30.0
    """Bounds the time from a request's first byte to its last."""
    reply_s: float = 30.0
    """Bounds the time that a client takes to read one reply."""
    outgoing: OutgoingLimits = DEFAULT_OUTGOING
    """Bound what waits for one WebSocket client."""


DEFAULT_LIMITS: Final = HttpLimits()


@attrs.define(eq=False)
class HttpServer:
    """The handlers, limits and counters of one listener."""

    env: Env
    handle: RequestHandler
    upgrade: UpgradeHandler
    limits: HttpLimits = DEFAULT_LIMITS
    clients: int = 0
    """Connections that are open now."""
    failures: int = 0
    """Handlers that raised: each one is a defect of ours."""

    async def serve(
        self,
        listener: trio.abc.Listener[trio.abc.Stream],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> NoReturn:
        """Serve clients until cancelled; one client's error ends that client only.

        Cancelling closes the listener and every connection without farewell.
        """
        async with trio.open_nursery() as nursery:
            task_status.started()
            await trio.serve_listeners(self._serve_client, [listener], handler_nursery=nursery)

    def date(self) -> str:
        """Return the Date header: clients measure their clock's offset with it."""
        return formatdate(self.env.wall_ns() // NS_PER_S, usegmt=True)

    async def _serve_client(self, stream: trio.abc.Stream) -> None:
        self.clients += 1
        connection = _Connection(stream, self)
        try:
            if self.clients > self.limits.clients_max:
                await connection.reply(_problem(503, "too many connections"), close=True)
            else:
                await connection.run()
            await connection.linger()
        except (trio.BrokenResourceError, trio.ClosedResourceError, ConnectionDropped):
            # The ordinary end of a client that went away, or that a fault sends away.
            return
        except Exception:
            self.failures += 1
            log.exception("connection failed")
        finally:
            self.clients -= 1
            await trio.aclose_forcefully(stream)


class _Connection:
    """One client: requests in turn, until either side has enough."""

    def __init__(self, stream: trio.abc.Stream, server: HttpServer) -> None:
        self._stream = stream
        self._server = server
        self._limits = server.limits
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES_MAX)
        self._ended = False
        self._head_only = False

    async def run(self) -> None:
        while True:
            try:
                request = await self._read_request()
            except h11.RemoteProtocolError as exc:
                # h11 shows what it could not read as Python bytes, which says nothing over HTTP.
                sentence = str(exc).partition(": bytearray(")[0]
                await self.reply(_problem(exc.error_status_hint, sentence), close=True)
                return
            if request is None:
                return
            self._head_only = request.method == "HEAD"
            if is_upgrade(request.method, request.headers):
                handler = self._server.upgrade(request)
                if not isinstance(handler, Response):
                    await self._run_websocket(request, handler)
                    return
                await self.reply(handler)
            else:
                await self.reply(await self._answer(request))
            if self._h11.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                return
            self._h11.start_next_cycle()

    async def reply(self, response: Response, *, close: bool = False) -> None:
        """Send one response; a client that does not read it in time is given up."""
        has_body = response.status not in (204, 304)
        headers = [*response.headers, ("date", self._server.date())]
        if has_body:
            headers.append(("content-length", str(len(response.body))))
        if close:
            headers.append(("connection", "close"))
        reason = REASONS.get(response.status, b"")
        head = h11.Response(status_code=response.status, headers=headers, reason=reason)
        data = self._h11.send(head) or b""
        # The reply to HEAD promises the length of a body that is not sent.
        if has_body and not self._head_only:
            data += self._h11.send(h11.Data(data=response.body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        with trio.move_on_after(self._limits.reply_s) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            raise ConnectionDropped("the client does not read")

    async def linger(self) -> None:
        """Say that nothing more comes, then let the client finish: its reply must not be reset."""
        if self._ended or not isinstance(self._stream, trio.abc.HalfCloseableStream):
            return
        with trio.move_on_after(LINGER_S):
            await self._stream.send_eof()
            while await self._stream.receive_some(RECEIVE_BYTES):
                pass

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._server.handle(request)
        except ConnectionDropped:
            raise
        except Exception:
            # A defect of ours must cost this one request, not the exchange.
            self._server.failures += 1
            log.exception("request failed", method=request.method, path=request.path)
            return _problem(500, "internal error")

    async def _run_websocket(self, request: Request, handler: SessionHandler) -> None:
        trailing, _ = self._h11.trailing_data
        protocol, answer = accept_upgrade(request.path, request.headers)
        if protocol is None:
            await self.reply(_problem(400, answer.decode()), close=True)
            return
        await self._stream.send_all(answer)
        await run_session(
            self._stream, protocol, handler, trailing=trailing, limits=self._limits.outgoing
        )

    async def _read_request(self) -> Request | None:
        """Return the next request, None when the client ended or fell silent."""
        with trio.move_on_after(self._limits.idle_s) as scope:
            head = await self._next_event(scope)
            if not isinstance(head, h11.Request):
                return None
            scope.deadline = trio.current_time() + self._limits.request_s
            body = bytearray()
            while not isinstance(event := await self._next_event(scope), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    return None
                body += event.data
                if len(body) > BODY_BYTES_MAX:
                    raise h11.RemoteProtocolError("request body too large", error_status_hint=413)
            return _read_target(head, bytes(body))
        return None

    async def _next_event(self, scope: trio.CancelScope) -> h11.Event | None:
        """Return the next event, None when h11 will not read on (the client asked for an upgrade)."""
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Event):
                return event
            if event is h11.PAUSED:
                return None
            if self._h11.they_are_waiting_for_100_continue:
                go_ahead = h11.InformationalResponse(status_code=100, headers=[])
                await self._stream.send_all(self._h11.send(go_ahead) or b"")
            data = await self._stream.receive_some(RECEIVE_BYTES)
            self._ended = not data
            if self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]:
                # The first bytes of a request: from here on it must come in one go.
                scope.deadline = trio.current_time() + self._limits.request_s
            self._h11.receive_data(bytes(data))


def _read_target(head: h11.Request, body: bytes) -> Request:
    target = head.target.decode("ascii")
    try:
        if not target.startswith("/"):
            # The absolute form (`GET http://host/path`) is legal and what proxies send.
            parts = urlsplit(target)
            target = f"{parts.path or '/'}?{parts.query}" if parts.netloc else target
        path, _, query = target.partition("?")
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError as exc:
        raise h11.RemoteProtocolError(f"request target: {exc}") from exc
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(
        method=head.method.decode("ascii"),
        path=path,
        query=tuple(fields),
        headers=headers,
        body=body,
    )


def _problem(status: int, message: str) -> Response:
    code = PROBLEM_CODES.get(status, "internal_error" if status >= 500 else "bad_request")
    body = msgspec.json.encode({"error": {"code": code, "message": message}})
    return Response(status=status, body=body)
