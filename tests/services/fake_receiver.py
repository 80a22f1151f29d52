"""A server somewhere outside that takes messages: a webhook's, or Telegram's.

Owns: an h11 server over whatever the `Env` listens on, the requests that came, and the answers that a test wants.
Must not: know what a message means.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import h11
import trio

from traderd.runtime.env import Env


@attrs.frozen
class Received:
    """One request."""

    at: float
    """On Trio's clock."""
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Reply:
    """What a test wants to be answered."""

    status: int = 200
    body: bytes = b'{"ok":true}'
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drop: bool = False
    """Close the connection instead."""


@attrs.define(eq=False)
class Receiver:
    """The server's memory."""

    port: int
    requests: list[Received] = attrs.Factory(list)
    replies: deque[Reply] = attrs.Factory(deque)
    """Taken one by one; the last stays."""
    otherwise: Reply = attrs.Factory(Reply)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        connection = h11.Connection(h11.SERVER)
        async with stream:
            while True:
                request = await self._read(stream, connection)
                if request is None:
                    return
                self.requests.append(request)
                reply = self.replies.popleft() if self.replies else self.otherwise
                await trio.sleep(reply.delay_s)
                if reply.drop:
                    return
                head = h11.Response(
                    status_code=reply.status,
                    headers=[("Content-Length", str(len(reply.body))), *reply.headers],
                )
                content = b"".join(
                    connection.send(event) or b""
                    for event in (head, h11.Data(data=reply.body), h11.EndOfMessage())
                )
                try:
                    await stream.send_all(content)
                except trio.BrokenResourceError:
                    return
                if connection.our_state is h11.MUST_CLOSE:
                    return
                connection.start_next_cycle()

    async def _read(self, stream: trio.abc.Stream, connection: h11.Connection) -> Received | None:
        head, body = None, bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                try:
                    connection.receive_data(bytes(await stream.receive_some()))
                except trio.BrokenResourceError:
                    return None
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                headers = {name.decode(): value.decode() for name, value in head.headers}
                return Received(trio.current_time(), head.target.decode(), headers, bytes(body))
            else:
                return None


@asynccontextmanager
async def receiver(env: Env, *, port: int = 0) -> AsyncIterator[Receiver]:
    """Serve until the block is left; its errors arrive as they are."""
    listener, port = await env.listen("127.0.0.1", port)
    made = Receiver(port)
    body_error: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, made.serve, [listener])
        try:
            yield made
        except Exception as exc:  # noqa: BLE001 - raised again, outside the nursery's group
            body_error = exc
        nursery.cancel_scope.cancel()
    if body_error is not None:
        raise body_error
