"""WebSocket clients whose every frame is visible, and servers for them without a socket."""

from contextlib import asynccontextmanager

import trio
import trio.testing
import wsproto
from wsproto.events import Request as UpgradeRequest
from wsproto.events import TextMessage
from wsproto.extensions import PerMessageDeflate

from tests.paper.served import HOST
from traderd.paper.serving.websocket_session import OutgoingLimits, accept_upgrade, run_session

HEADERS = {
    "host": HOST,
    "connection": "keep-alive, Upgrade",
    "upgrade": "WebSocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def protocols() -> tuple[wsproto.Connection, wsproto.WSConnection]:
    """Return a client that is through its handshake, and the server's protocol."""
    server, answer = accept_upgrade("/ws", HEADERS)
    assert server is not None
    # The accept token is the RFC's own example for this key (section 1.3).
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    return wsproto.Connection(wsproto.ConnectionType.CLIENT), server


class Client:
    """A client whose every frame is visible."""

    def __init__(self, stream, protocol) -> None:
        self.stream = stream
        self.protocol = protocol
        self.ended = trio.Event()
        """Set once the server's session is over."""

    async def send(self, *events) -> None:
        await self.stream.send_all(b"".join(self.protocol.send(event) for event in events))

    async def events(self):
        """Return the events of the next chunk, None at the end of the stream."""
        data = await self.stream.receive_some(1_000_000)
        if not data:
            return None
        self.protocol.receive_data(data)
        return list(self.protocol.events())


async def start(nursery, handler, *, lockstep=False, **limits) -> tuple[Client, trio.Event]:
    pair = trio.testing.lockstep_stream_pair if lockstep else trio.testing.memory_stream_pair
    ours, theirs = pair()
    client, server = protocols()
    peer = Client(ours, client)

    async def run() -> None:
        await run_session(theirs, server, handler, limits=OutgoingLimits(**limits))
        await trio.aclose_forcefully(theirs)
        peer.ended.set()

    nursery.start_soon(run)
    return peer, peer.ended


async def echo(session) -> None:
    while (text := await session.receive()) is not None:
        session.send_text(text.encode())


def texts_of(events) -> list[str]:
    return [event.data for event in events if isinstance(event, TextMessage)]


@asynccontextmanager
async def offering(offer: str, handler):
    """Serve `handler` to wsproto's own client, which offers `offer`; yield it and its handshake's answer."""
    ours, theirs = trio.testing.memory_stream_pair()
    client = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    request = client.send(UpgradeRequest(host=HOST, target="/ws", extensions=[PerMessageDeflate()]))
    headers = {
        name.decode().lower(): value.decode()
        for name, _, value in (line.partition(b": ") for line in request.split(b"\r\n")[1:-2])
    }
    server, answer = accept_upgrade("/ws", headers | {"sec-websocket-extensions": offer})
    assert server is not None
    client.receive_data(answer)
    (accepted,) = client.events()
    async with trio.open_nursery() as nursery:
        peer = Client(ours, client)

        async def run() -> None:
            await run_session(theirs, server, handler)
            peer.ended.set()

        nursery.start_soon(run)
        yield peer, accepted
        nursery.cancel_scope.cancel()
