"""HTTP over whatever byte streams the Env opens.

Owns: the bridge from `env.connect` to httpx, so that the same HTTP code runs over sockets and over memory; the
limits of the connection pool; when an idle connection is too old to be trusted with an order.
Must not: retry, follow redirects, or read proxy variables.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any, Final

import httpcore
import httpx
import trio

from traderd.runtime.env import Env

CONNECT_TIMEOUT_S: Final = 5.0
POOL_TIMEOUT_S: Final = 3.0
EXCHANGE_TIMEOUT_S: Final = 10.0
"""Bounds a single read or write; the caller bounds the whole request."""
CONNECTIONS_MAX: Final = 8
"""Bounds parallel requests: more only queue on one CPU."""
IDLE_CONNECTIONS_MAX: Final = 4
IDLE_AGE_S_MAX: Final = 20.0
"""A connection idle for longer is not used again: servers close such ones, and a write that meets the close has an
unknown outcome."""

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
            raise httpcore.ReadError(_cause(exc)) from exc
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
            raise httpcore.WriteError(_cause(exc)) from exc

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
            raise httpcore.ConnectError(_cause(exc)) from exc
        return TrioNetworkStream(secure)

    def get_extra_info(self, info: str) -> Any:
        """Answer the one question that matters: `is_readable` of an idle connection means "do not use it"."""
        if info == "is_readable":
            # Age is counted on Trio's clock, so that it is virtual in tests; httpcore's own expiry is not.
            return self._idle_too_long() or self._peer_has_closed()
        if info == "ssl_object" and isinstance(self._stream, trio.SSLStream):
            return self._stream
        return None

    def _idle_too_long(self) -> bool:
        return trio.current_time() - self._used_at > IDLE_AGE_S_MAX

    def _peer_has_closed(self) -> bool:
        stream: Any = self._stream
        while isinstance(stream, trio.SSLStream):
            stream = stream.transport_stream
        return isinstance(stream, trio.SocketStream) and stream.socket.is_readable()


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
            raise httpcore.ConnectError(_cause(exc)) from exc

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


def make_http_client(
    env: Env, *, base_url: str, ssl_context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client for one exchange; use it as an async context manager.

    `ssl_context` is the system's authorities if not given; it is only built for https, because it takes 30 ms.
    """
    if ssl_context is None:
        secure = base_url.startswith("https:")
        ssl_context = (
            ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
    return httpx.AsyncClient(
        base_url=base_url,
        transport=EnvTransport(env, ssl_context),
        timeout=TIMEOUTS,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/json", "User-Agent": "traderd"},
    )


def _limit(timeout: float | None) -> float:
    return float("inf") if timeout is None else timeout


def _cause(exc: BaseException) -> str:
    # Trio says only "stream broken"; what the system said is the cause.
    return str(exc.__cause__ or exc)
