"""Kalshi's WebSocket over the venue: who may connect, who hears what, and when a client is given up.

Owns: the sessions that are open, and that every change of the venue reaches them at once and in order.
Must not: know a subscription's inside (`feed_session`) or move bytes (`websocket_session`).
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Final

import trio

from traderd.kalshi.wire import frames
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import Timestamp
from traderd.paper.auth_check import KeyRegistry
from traderd.paper.faults import Faults, refusal_with
from traderd.paper.feed.session import FeedSession, Rendering
from traderd.paper.rest.call import refuse
from traderd.paper.serving.http_server import Request, Response, SessionHandler
from traderd.paper.serving.websocket_session import WebSocketSession
from traderd.paper.venue.venue import Venue
from traderd.runtime.env import Env

PATH: Final = "/trade-api/ws/v2"

HEARTBEAT_S: Final = 10.0
"""Kalshi: a ping with this payload every 10 s."""
HEARTBEAT: Final = b"heartbeat"
SILENCE_S: Final = 60.0
"""Bounds the time without a frame from a client: it has then missed five pings and is gone."""
COMMANDS_PER_S_MAX: Final = 10_000
"""Bounds a client's commands (Kalshi: session limits, error 27)."""


class FeedApi:
    """Every open WebSocket of the exchange."""

    def __init__(self, *, env: Env, venue: Venue, keys: KeyRegistry, faults: Faults) -> None:
        self._env = env
        self._venue = venue
        self._keys = keys
        self._faults = faults
        self._numbers = itertools.count(1)
        self._open: dict[int, tuple[FeedSession, WebSocketSession]] = {}
        faults.connect_sessions(self.drop)

    @property
    def session_count(self) -> int:
        """How many WebSockets are open."""
        return len(self._open)

    def upgrade(self, request: Request) -> Response | SessionHandler:
        """Decide about a WebSocket: its handler, or the refusal before the upgrade."""
        if request.path != PATH:
            return refuse(Refusal(status=404, code="page_not_found", message="page not found"))
        if self._faults.websocket_status is not None:
            return refuse(refusal_with(self._faults.websocket_status))
        try:
            account_id = self._keys.authenticate(
                request.method, request.path, request.headers, Timestamp(self._env.wall_ns())
            )
        except RequestRefused as exc:
            return refuse(exc.refusal)
        return partial(self._run, account_id)

    def publish(self) -> None:
        """Drain the venue's outbox to everybody who subscribed; call it after every call of the venue."""
        for broadcast in self._venue.take_outbox():
            rendering = Rendering(broadcast, self._venue)
            for session, _ in self._open.values():
                session.deliver(rendering)

    def drop(self, channel: str | None) -> int:
        """End sessions without a close frame, all or those subscribed to `channel`; return how many."""
        dropped = [
            socket
            for session, socket in self._open.values()
            if channel is None or channel in session.channels()
        ]
        for socket in dropped:
            socket.drop()
        return len(dropped)

    async def _run(self, account_id: str, socket: WebSocketSession) -> None:
        """Serve one client until it goes.  Cancelling ends its subscriptions."""
        session = FeedSession(account_id=account_id, venue=self._venue, send=socket.send_text)
        socket.on_overflow = partial(frames.encode_error, 25)
        number = next(self._numbers)
        self._open[number] = session, socket
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_keep_alive, socket)
                await self._obey(session, socket)
                nursery.cancel_scope.cancel()
        finally:
            del self._open[number]

    async def _obey(self, session: FeedSession, socket: WebSocketSession) -> None:
        window, obeyed = 0, 0
        while (text := await socket.receive()) is not None:
            second = int(trio.current_time())
            window, obeyed = second, (obeyed + 1 if second == window else 1)
            if obeyed > COMMANDS_PER_S_MAX:
                socket.send_text(frames.encode_error(27))
                continue
            # News that is not out yet must not come after the snapshot that includes it.
            self.publish()
            session.command(text)


async def _keep_alive(socket: WebSocketSession) -> None:
    while True:
        await trio.sleep(HEARTBEAT_S)
        if trio.current_time() - socket.last_heard > SILENCE_S:
            socket.drop()
            return
        socket.ping(HEARTBEAT)
