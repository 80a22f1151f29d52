"""HTTP over whatever byte streams the Env opens.

Owns: the bridge from `env.connect` to httpx, so that the same HTTP code runs over sockets and over memory; the
limits of the connection pool; when an idle connection is too old to be trusted with an order.
Must not: retry, follow redirects, or read proxy variables.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any, Final

import attrs
import httpcore
import httpx
import trio

from traderd.kalshi.limits import ORDINARY_LINES, URGENT_LINES
from traderd.kalshi.order_lines import IDLE_AGE_S_MAX, USER_AGENT, OrderLines, cause_of
from traderd.runtime.env import Env
from traderd.runtime.prompt_stream import has_unread

CONNECT_TIMEOUT_S: Final = 5.0
POOL_TIMEOUT_S: Final = 3.0
EXCHANGE_TIMEOUT_S: Final = 10.0
"""Bounds a single read or write; the caller bounds the whole request."""
CONNECTIONS_MAX: Final = URGENT_LINES + ORDINARY_LINES
"""Bounds parallel reads; the token schedule lets no more go, so nobody waits for a connection."""
IDLE_CONNECTIONS_MAX: Final = 4
LINES_READY: Final = 2
"""Connections for orders kept warm, and as many for cancels."""
LINES_SPARE: Final = 1
"""Beyond those that the token schedule lets be used at once: for the cheap read that keeps one warm."""

TIMEOUTS: Final = httpx.Timeout(
    connect=CONNECT_TIMEOUT_S,
    pool=POOL_TIMEOUT_S,
    read=EXCHANGE_TIMEOUT_S,
    write=EXCHANGE_TIMEOUT_S,
)


class TrioNetworkStream(httpcore.AsyncNetworkStream):
    """One byte stream for httpcore, with its failures in httpcore's words."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._used_at = trio.current_time()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes.  Cancelling leaves the connection unusable; httpcore closes it."""
        try:
            with trio.fail_after(_limit(timeout)):
                data = bytes(await self._stream.receive_some(max_bytes))
        except trio.TooSlowError as exc:
            raise httpcore.ReadTimeout(str(exc)) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
            raise httpcore.ReadError(cause_of(exc)) from exc
        self._used_at = trio.current_time()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes.  Cancelling leaves the connection unusable; httpcore closes it."""
        if not buffer:
            return
        try:
            with trio.fail_after(_limit(timeout)):
                await self._stream.send_all(buffer)
        except trio.TooSlowError as exc:
            raise httpcore.WriteTimeout(str(exc)) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
            raise httpcore.WriteError(cause_of(exc)) from exc

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Shake hands; on failure the stream is closed and nothing was sent of the request."""
        secure = trio.SSLStream(
            self._stream, ssl_context, server_hostname=server_hostname, https_compatible=True
        )
        try:
            with trio.fail_after(_limit(timeout)):
                await secure.do_handshake()
        except trio.TooSlowError as exc:
            await trio.aclose_forcefully(self._stream)
            raise httpcore.ConnectTimeout(str(exc)) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as exc:
            await trio.aclose_forcefully(self._stream)
            raise httpcore.ConnectError(cause_of(exc)) from exc
        return TrioNetworkStream(secure)

    def get_extra_info(self, info: str) -> Any:
        """Answer the one question that matters: `is_readable` of an idle connection means "do not use it"."""
        if info == "is_readable":
            # Age is counted on Trio's clock, so that it is virtual in tests; httpcore's own expiry is not.
            return self._idle_too_long() or has_unread(self._stream)
        if info == "ssl_object" and isinstance(self._stream, trio.SSLStream):
            return self._stream
        return None

    def _idle_too_long(self) -> bool:
        return trio.current_time() - self._used_at > IDLE_AGE_S_MAX


class EnvNetworkBackend(httpcore.AsyncNetworkBackend):
    """Opens connections through the Env."""

    def __init__(self, env: Env) -> None:
        self._env = env

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a plain stream; httpcore asks for TLS on top of it.  Cancelling is safe."""
        try:
            with trio.fail_after(_limit(timeout)):
                return TrioNetworkStream(await self._env.connect(host, port, tls=False))
        except trio.TooSlowError as exc:
            raise httpcore.ConnectTimeout(str(exc)) from exc
        except (trio.BrokenResourceError, OSError) as exc:
            raise httpcore.ConnectError(cause_of(exc)) from exc

    async def sleep(self, seconds: float) -> None:
        """Wait; httpcore uses it between connection attempts, of which we allow one."""
        await trio.sleep(seconds)


class WholeBody(httpx.AsyncByteStream):
    """A request's body in one piece.

    httpx's own is an async generator; a write that fails or is cancelled leaves it unfinished, which Trio reports.
    """

    def __init__(self, content: bytes) -> None:
        self._parts = iter((content,))

    def __aiter__(self) -> WholeBody:
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class EnvTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over the Env's streams."""

    def __init__(self, env: Env, ssl_context: ssl.SSLContext) -> None:
        super().__init__(verify=ssl_context, trust_env=False)
        # httpx has no public way to pass a network backend; a test holds that `_pool` exists.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=IDLE_CONNECTIONS_MAX,
            keepalive_expiry=None,
            retries=0,
            network_backend=EnvNetworkBackend(env),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, as httpx does.  Cancelling closes its connection."""
        request.stream = WholeBody(request.content)
        return await super().handle_async_request(request)


def make_ssl_context(base_url: str) -> ssl.SSLContext:
    """Return the context for an exchange: the system's authorities, built for https only, because it takes 30 ms."""
    secure = base_url.startswith("https:")
    return ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def make_http_client(
    env: Env, *, base_url: str, ssl_context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client for one exchange; use it as an async context manager."""
    return httpx.AsyncClient(
        base_url=base_url,
        transport=EnvTransport(env, ssl_context or make_ssl_context(base_url)),
        timeout=TIMEOUTS,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/json", "User-Agent": USER_AGENT},
    )


@attrs.frozen
class WriteLines:
    """The connections for writes: those that cancel never wait behind those that place."""

    orders: OrderLines
    cancels: OrderLines

    async def keep_warm(self, target: bytes) -> None:
        """Keep both ready until cancelled, with a read of `target` now and then."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.orders.keep_warm, target)
            nursery.start_soon(self.cancels.keep_warm, target)

    async def aclose(self) -> None:
        """Close them all."""
        await self.orders.aclose()
        await self.cancels.aclose()


def make_write_lines(
    env: Env, *, base_url: str, ssl_context: ssl.SSLContext | None = None
) -> WriteLines:
    """Return the connections for writes to one exchange; none is open yet, and they must be closed."""
    context = ssl_context or make_ssl_context(base_url)
    origin = httpx.URL(base_url).copy_with(raw_path=b"/")
    orders, cancels = (
        OrderLines(env, origin, context, ready=LINES_READY, lines_max=at_once + LINES_SPARE)
        for at_once in (ORDINARY_LINES, URGENT_LINES)
    )
    return WriteLines(orders, cancels)


def _limit(timeout: float | None) -> float:
    return float("inf") if timeout is None else timeout
