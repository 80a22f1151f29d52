"""Sockets of the console: one TCP port, one Unix socket, and what is bounded on each.

Owns: accepting, the bound on connections, who has to wait for a share of the loop, and stopping.
Must not: know routes, or let one broken connection end the others.

Hypercorn's `serve` is not used, for three reasons.  It shields every send from cancellation, so one client that never reads
would hold the stop of the daemon for ever, and keeps no handle to close it by.  An error inside one connection ends its whole
server.  And it wants real sockets, so it cannot be simulated.  Of hypercorn there is the protocol (`http_wire`).
"""

from __future__ import annotations

import errno
import os
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import attrs
import structlog
import trio
from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

from traderd.errors import AlreadyRunning, ConfigError
from traderd.runtime.env import Env
from traderd.web.connection import Connection, SecureConnection
from traderd.web.http_wire import HttpWire
from traderd.web.loop_share import ClientsShare, Pace
from traderd.web.raw_answers import FULL_ANSWER
from traderd.web.seldom import DefectLog

CONNECTIONS_MAX: Final = 128
"""Bounds open connections of each of the two: on the port twice the consoles, for their page loads and for tools.

Each has its own, so that who may connect to the port cannot shut the operator out of the Unix socket.
"""

STOP_BUDGET_S: Final = 1.0
"""Bounds the polite part of stopping; then connections are closed under their users."""

PING_INTERVAL_S: Final = 20.0
"""How often a console is asked whether it is there; see `READ_SILENCE_S`."""

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
    """What the connections have in common."""

    def __init__(self, app: QuartTrio, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._app = wrap_app(cast(ASGIFramework, app), 0, "asgi")
        self._config = _hypercorn_config()
        self._context = WorkerContext(None)
        self._share = ClientsShare()
        self._defects = DefectLog("web.connection_defect")

    async def run(
        self,
        tcp: trio.abc.Listener[trio.abc.Stream],
        unix: trio.abc.Listener[trio.SocketStream] | None,
        stop: trio.Event,
    ) -> None:
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                doors = [_Door(_PacedListener(tcp, self._share), is_local=False)]
                if unix is not None:
                    doors.append(_Door(unix, is_local=True))
                for door in doors:
                    handler = partial(self._serve_connection, door)
                    accepting.start_soon(
                        partial(
                            trio.serve_listeners,
                            handler,
                            [door.listener],
                            handler_nursery=connections,
                        )
                    )
                accepting.start_soon(self._share.run)
                await stop.wait()
                accepting.cancel_scope.cancel(reason="the console stops")
            # Idle keep-alive connections end on this; live streams watch `stop` themselves.
            await self._context.terminated.set()
            connections.cancel_scope.deadline = trio.current_time() + STOP_BUDGET_S

    async def _serve_connection(self, door: _Door, stream: trio.abc.Stream) -> None:
        if door.is_local:
            await self._serve_counted(door, stream, None)
            return
        with self._share.timing():
            pace = Pace(self._share)
            pace.begin()
            await self._serve_counted(door, stream, pace)

    async def _serve_counted(self, door: _Door, stream: trio.abc.Stream, pace: Pace | None) -> None:
        if door.open >= CONNECTIONS_MAX:
            await _turn_away(stream)
            return
        door.open += 1
        try:
            await self._serve(stream, pace)
        except Exception as error:  # noqa: BLE001 - one connection's must not end the console, let alone the daemon
            self._defects.note(error)
        finally:
            door.open -= 1

    async def _serve(self, stream: trio.abc.Stream, pace: Pace | None) -> None:
        """Serve a connection; one without a pace came over the Unix socket."""
        is_local = pace is None
        state = {"local_socket": is_local, "peer": _peer(stream), "pace": pace}
        if self._tls is None or is_local:
            connection = Connection(stream)
        else:
            connection = SecureConnection(
                trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
            )
        wire = HttpWire(
            connection,
            app=self._app,
            config=self._config,
            context=self._context,
            state=ConnectionState(state),
            pace=pace,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.close_when_over, nursery.cancel_scope)
            nursery.start_soon(self._end_with_the_console, wire)
            await wire.run()
            nursery.cancel_scope.cancel(reason="the connection ended")

    async def _end_with_the_console(self, wire: HttpWire) -> None:
        await self._context.terminated.wait()
        wire.end_if_idle()


@attrs.define(eq=False)
class _Door:
    """One of the two ways in."""

    listener: trio.abc.Listener[Any]
    is_local: bool = attrs.field(kw_only=True)
    open: int = 0
    """Connections that came in by it and are still there."""


class _PacedListener(trio.abc.Listener[trio.abc.Stream]):
    """A listener whose connections wait for their turn before they are served; the others wait in the kernel."""

    def __init__(self, listener: trio.abc.Listener[trio.abc.Stream], share: ClientsShare) -> None:
        self._listener = listener
        self._share = share

    async def accept(self) -> trio.abc.Stream:
        """Return the next connection; cancelling closes one that waits."""
        stream = await self._listener.accept()
        try:
            await self._share.turn()
        except trio.Cancelled:
            await trio.aclose_forcefully(stream)
            raise
        return stream

    async def aclose(self) -> None:
        """Close the listener."""
        await self._listener.aclose()


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


class _HypercornLog(Logger):
    """What hypercorn has to say, which is that the application ended with an error."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._defects = DefectLog("web.connection_defect")

    async def exception(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Log the error that is being handled."""
        error = sys.exception()
        assert error is not None, "hypercorn calls this while it handles one"
        self._defects.note(error)


def _hypercorn_config() -> Config:
    config = Config()
    config.logger_class = _HypercornLog
    config.include_server_header = False
    config.include_date_header = False  # It would read the wall clock past Env.
    config.h11_max_incomplete_size = HEAD_MAX_BYTES
    config.websocket_ping_interval = PING_INTERVAL_S
    config.websocket_max_message_size = INBOUND_MESSAGE_MAX_BYTES
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
