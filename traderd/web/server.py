"""Sockets of the console: one TCP port, one Unix socket, and connections that cannot get stuck.

Owns: accepting, the bound on connections, the bound on a stuck send, and stopping.
Must not: know routes, or let one broken connection end the others.

Hypercorn speaks HTTP here, but its `serve` is not used, for three reasons.  It shields every send from cancellation, so
one client that never reads would hold the stop of the daemon for ever, and keeps no handle to close it by.  An
error inside one connection ends its whole server.  And it wants real sockets, so it cannot be simulated.
"""

from __future__ import annotations

import errno
import logging
import os
import ssl
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import attrs
import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

from traderd.errors import AlreadyRunning, ConfigError
from traderd.runtime.env import Env
from traderd.web.raw_answers import FULL_ANSWER, INSTEAD

CONNECTIONS_MAX: Final = 128
"""Bounds open connections: twice the consoles, for their page loads and for command line tools."""

SEND_BUDGET_S: Final = 10.0
"""Bounds one stuck send, after which the client is given up."""

STOP_BUDGET_S: Final = 1.0
"""Bounds the polite part of stopping; then connections are closed under their users."""

LINGER_S: Final = 0.1
"""How long a client may still send after the answer that ends its connection, since it sent last; `STOP_BUDGET_S` in all."""

PING_INTERVAL_S: Final = 20.0
READ_SILENCE_S: Final = 60
"""A live console answers pings, so a connection that is silent for three of them is dead."""

ASK_BUDGET_S: Final = 5.0
"""Bounds the TLS handshake, and the wait for a whole request head on a connection that asks nothing else."""

HEAD_MAX_BYTES: Final = 16 * 1024
"""Bounds a request's head: a browser's has 1 to 2 KB, with long cookies of other pages on this machine some more."""

INBOUND_MESSAGE_MAX_BYTES: Final = 4 * 1024
"""Bounds a WebSocket message from a client; the only one there is has a ticker in it."""

UNIX_PATH_MAX_BYTES: Final = 107
"""unix(7): sun_path has 108 bytes with the closing zero."""

UNIX_SOCKET_UMASK: Final = 0o177
"""Leaves mode 0600: the file's mode is what allows verbs without a token."""

log = structlog.get_logger("traderd.web")


@attrs.frozen(kw_only=True)
class ServedConsole:
    """Where the console can be reached."""

    url: str
    port: int
    socket_path: Path | None


async def serve_console(
    app: QuartTrio,
    *,
    env: Env,
    host: str,
    port: int,
    socket_path: Path | None,
    stop: trio.Event,
    tls: ssl.SSLContext | None = None,
    task_status: trio.TaskStatus[ServedConsole] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` until `stop` is set, then give connections `STOP_BUDGET_S` to end.

    With `tls` the port speaks nothing but TLS; the Unix socket never does. Cancelling closes every connection at once.

    Raises:
        AlreadyRunning: the port is taken.
        ConfigError: the address or the path of the Unix socket cannot be used.
    """
    tcp, bound_port = await _listen_tcp(env, host, port)
    shown_host = f"[{host}]" if ":" in host else host
    async with tcp:
        unix = _listen_unix(socket_path) if socket_path is not None else None
        try:
            server = _Server(app, tls)
            scheme = "http" if tls is None else "https"
            served = ServedConsole(
                url=f"{scheme}://{shown_host}:{bound_port}",
                port=bound_port,
                socket_path=socket_path,
            )
            task_status.started(served)
            await server.run(tcp, unix, stop)
        finally:
            if socket_path is not None:
                _remove(socket_path)


class _Server:
    """The connections that are open now."""

    def __init__(self, app: QuartTrio, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._app = wrap_app(cast(ASGIFramework, app), 0, "asgi")
        self._config = _hypercorn_config()
        self._context = WorkerContext(None)
        self._open = 0

    async def run(
        self,
        tcp: trio.abc.Listener[trio.abc.Stream],
        unix: trio.abc.Listener[trio.SocketStream] | None,
        stop: trio.Event,
    ) -> None:
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                listeners: list[tuple[trio.abc.Listener[Any], bool]] = [(tcp, False)]
                if unix is not None:
                    listeners.append((unix, True))
                for listener, is_local in listeners:
                    handler = partial(self._serve_connection, is_local=is_local)
                    accepting.start_soon(
                        partial(
                            trio.serve_listeners, handler, [listener], handler_nursery=connections
                        )
                    )
                await stop.wait()
                accepting.cancel_scope.cancel(reason="the console stops")
            # Idle keep-alive connections end on this; live streams watch `stop` themselves.
            await self._context.terminated.set()
            connections.cancel_scope.deadline = trio.current_time() + STOP_BUDGET_S

    async def _serve_connection(self, stream: trio.abc.Stream, *, is_local: bool) -> None:
        if self._open >= CONNECTIONS_MAX:
            await _turn_away(stream)
            return
        self._open += 1
        state = ConnectionState({"local_socket": is_local, "peer": _peer(stream)})
        if self._tls is None or is_local:
            connection = _Connection(stream)
        else:
            connection = SecureConnection(
                trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
            )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.close_when_over, nursery.cancel_scope)
                # Hypercorn's annotations name TLS streams; it uses of them what `_Connection` has.
                await TCPServer(
                    self._app, self._config, self._context, cast(Any, state), cast(Any, connection)
                )
                nursery.cancel_scope.cancel(reason="the connection ended")
        except Exception:
            # One connection's defect must not end the console, let alone the daemon.
            log.exception("web.connection_defect")
        finally:
            self._open -= 1


class _Connection(trio.abc.HalfCloseableStream):
    """A stream whose sends give up: hypercorn shields them, but a deadline inside the shield works."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._over = trio.Event()
        self._eof_sent = trio.Event()
        self._heard = 0
        self.socket = _NoAddress()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send or give the client up; raises BrokenResourceError, and ClosedResourceError while the end is being sent."""
        data = INSTEAD.get(bytes(data), data) if data[:5] == b"HTTP/" else data
        try:
            with trio.move_on_after(SEND_BUDGET_S) as budget:
                await self._stream.send_all(data)
        except trio.BusyResourceError:
            # Hypercorn sends one thing at a time, so this is a ping or an answer that met `send_eof`.
            raise trio.ClosedResourceError("the connection is being closed") from None
        if budget.cancelled_caught:
            log.warning("web.client_stuck", budget_s=SEND_BUDGET_S)
            await self.abort()
            raise trio.BrokenResourceError("the client did not read in time")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a send may work."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive some bytes; the end of the stream is the end of the connection."""
        data = await self._stream.receive_some(max_bytes)
        self._heard += 1
        if not data:
            self._over.set()
        return data

    async def send_eof(self) -> None:
        """Tell the peer that no more comes, where the stream can; hypercorn does so only in order to close.

        Shielded and bounded: it comes from the task of the answer, which quart cancels once the answer is complete, and a
        connection that was not closed then would be held until its client gives up.
        """
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            with trio.move_on_after(STOP_BUDGET_S, shield=True):
                await self._stream.send_eof()
                self._eof_sent.set()

    async def aclose(self) -> None:
        """Close the stream; after `send_eof` only once the client was silent for `LINGER_S` or has closed its side too.

        To close while the client still sends, as it may when it was refused before its whole body was there, would
        reset the connection and take the answer from it.
        """
        if self._eof_sent.is_set():
            await trio.lowlevel.checkpoint()
            return
        self._over.set()
        await self._stream.aclose()

    async def abort(self) -> None:
        """Close the stream now; a send or receive that waits on it ends with ClosedResourceError."""
        self._over.set()
        await trio.aclose_forcefully(self._stream)

    async def close_when_over(self, everything: trio.CancelScope) -> None:
        """Wait for the end of the connection, or to be cancelled, and then end all that belongs to it.

        Hypercorn's timers would hold a connection that is over for up to `PING_INTERVAL_S`, and its
        sends do not hear of a cancellation; they do hear of a closed stream.
        """
        try:
            async with trio.open_nursery() as waiting:
                waiting.start_soon(self._linger)
                await self._over.wait()
                waiting.cancel_scope.cancel(reason="the connection is over")
        finally:
            with trio.move_on_after(STOP_BUDGET_S, shield=True):
                await self.abort()
        everything.cancel(reason="the connection is over")

    async def _linger(self) -> None:
        await self._eof_sent.wait()
        with trio.move_on_after(STOP_BUDGET_S):
            heard = -1
            while heard != self._heard:
                heard = self._heard
                await trio.sleep(LINGER_S)
        self._over.set()


class SecureConnection(_Connection):
    """A connection over TLS; by these two names hypercorn knows one."""

    def __init__(self, stream: trio.SSLStream[Any]) -> None:
        super().__init__(stream)
        self._tls = stream
        self.transport_stream = self

    async def do_handshake(self) -> None:
        """Agree on keys; raises BrokenResourceError.  Hypercorn bounds the wait."""
        await self._tls.do_handshake()

    def selected_alpn_protocol(self) -> str:
        """Return the one protocol that is spoken: what HTTP/2 could do better, nobody here needs."""
        return "http/1.1"


class _NoAddress:
    """What hypercorn asks of a socket: its addresses.  Nobody here decides by them, so there are none."""

    family = 0

    def getpeername(self) -> None:
        """Return no address."""

    def getsockname(self) -> None:
        """Return no address."""


def _peer(stream: trio.abc.Stream) -> str:
    """Return the address of the other end, empty where there is none: in memory, on the Unix socket, or gone already."""
    if not isinstance(stream, trio.SocketStream):
        return ""
    try:
        name = stream.socket.getpeername()
    except OSError:
        return ""
    return str(name[0]) if isinstance(name, tuple) else ""


async def _turn_away(stream: trio.abc.Stream) -> None:
    with trio.move_on_after(STOP_BUDGET_S):
        try:
            await stream.send_all(FULL_ANSWER)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            log.debug("web.turned_away_left_first")
    await trio.aclose_forcefully(stream)


def _hypercorn_config() -> Config:
    config = Config()
    config.errorlog = logging.getLogger("traderd.web.hypercorn")
    config.include_server_header = False
    config.include_date_header = False  # It would read the wall clock past Env.
    config.read_timeout = READ_SILENCE_S
    config.keep_alive_timeout = ASK_BUDGET_S
    config.ssl_handshake_timeout = ASK_BUDGET_S
    config.h11_max_incomplete_size = HEAD_MAX_BYTES
    config.websocket_ping_interval = PING_INTERVAL_S
    config.websocket_max_message_size = INBOUND_MESSAGE_MAX_BYTES
    config.h2_max_concurrent_streams = 10
    return config


async def _listen_tcp(
    env: Env, host: str, port: int
) -> tuple[trio.abc.Listener[trio.abc.Stream], int]:
    try:
        return await env.listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AlreadyRunning(
                f"{host}:{port} is taken, perhaps by another traderd: stop it (`traderd status` shows it), "
                "or set web.port to a free port"
            ) from error
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): correct web.host and web.port"
        ) from error


def _listen_unix(path: Path) -> trio.SocketListener:
    # Checked first because hypercorn does not close a socket that it could not bind.
    if len(os.fsencode(path)) > UNIX_PATH_MAX_BYTES:
        raise ConfigError(
            f"{path} is too long for a Unix socket (at most {UNIX_PATH_MAX_BYTES} bytes): use a shorter state_dir"
        )
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{path.parent} is not a directory that traderd can write to: correct it")
    if path.exists() and not path.is_socket():
        raise ConfigError(f"{path} is in the way of the control socket: remove it")
    config = Config()
    config.bind = [f"unix:{path}"]
    config.umask = UNIX_SOCKET_UMASK
    # A socket file that a killed daemon left behind is replaced; the lock of the store keeps a living one safe.
    (raw,) = config.create_sockets().insecure_sockets
    raw.listen(config.backlog)
    return trio.SocketListener(
        trio.socket.from_stdlib_socket(raw)
    )  # sim-ok: no such file in a simulation


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
