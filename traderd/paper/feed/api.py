"""Kalshi's WebSocket over the venue: who may connect, who hears what, and when a client is given up.

Owns: the sessions that are open, that every change of the venue reaches them at once and in order, and that nothing
leaves before it may (`hold` and `release`).
Must not: know a subscription's inside (`session`), find listeners (`audience`) or move bytes (`websocket_session`).
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Final

import trio

from traderd.kalshi.wire import frames
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import NS_PER_MS, Timestamp
from traderd.paper import choices
from traderd.paper.auth_check import KeyRegistry, check_access
from traderd.paper.faults.faults import Faults
from traderd.paper.faults.frame_door import FrameDoor
from traderd.paper.faults.request_door import claimed_account
from traderd.paper.feed.audience import Audience
from traderd.paper.feed.publisher import Publisher
from traderd.paper.feed.session import FeedSession
from traderd.paper.rest.call import refuse
from traderd.paper.serving.gate import Gate
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
        self._audience = Audience()
        self._publisher = Publisher(venue, self._audience)
        self._gate = Gate()
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
        claimed = claimed_account(self._keys, self._venue, request.headers)
        refusal = self._faults.handshake_refusal(claimed)
        if refusal is not None:
            return refuse(refusal)
        try:
            key = self._keys.authenticate(
                request.method, request.path, request.headers, Timestamp(self._env.wall_ns())
            )
            check_access(key, choices.FEED_SCOPE, account_wide=choices.LOCKED_KEYS_HAVE_NO_FEED)
        except RequestRefused as exc:
            return refuse(exc.refusal)
        return partial(self._run, key.account_id, claimed or "")

    def publish(self) -> None:
        """Drain the venue's outbox to everybody who subscribed; call it after every call of the venue."""
        news = self._venue.take_outbox()
        if not news or not self._open:
            return
        now_ms = self._now_ms()
        for broadcast in news:
            self._publisher.publish(broadcast, now_ms)

    def hold(self, ticket: int) -> None:
        """Keep back every text from now on until `ticket` is released; tickets only grow.

        Clients see no difference but the delay: numbers and order are settled at once.
        """
        self._gate.hold(ticket)

    def release(self, ticket: int) -> None:
        """Send what waited for tickets up to this one."""
        self._gate.release(ticket)

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

    async def _run(self, account_id: str, account: str, socket: WebSocketSession) -> None:
        """Serve one client until it goes.  Cancelling ends its subscriptions."""
        socket.gate = self._gate
        number = next(self._numbers)
        async with trio.open_nursery() as nursery:
            session = FeedSession(
                account_id=account_id,
                venue=self._venue,
                audience=self._audience,
                send=socket.send_text,
                send_data=FrameDoor(self._faults, account, socket, nursery).send,
                now_ms=self._now_ms,
            )
            socket.on_overflow = session.overflowed
            self._open[number] = session, socket
            try:
                nursery.start_soon(_keep_alive, socket)
                await self._obey(session, socket)
                nursery.cancel_scope.cancel()
            finally:
                del self._open[number]
                session.end()

    def _now_ms(self) -> int:
        return self._env.wall_ns() // NS_PER_MS

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
            with socket.answers.being_made():
                session.command(text)
            await socket.caught_up()


async def _keep_alive(socket: WebSocketSession) -> None:
    while True:
        await trio.sleep(HEARTBEAT_S)
        if trio.current_time() - socket.last_heard > SILENCE_S:
            socket.drop()
            return
        socket.ping(HEARTBEAT)
