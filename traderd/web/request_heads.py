"""Which request heads are let through to the routes: HTTP/1.1, with a target and an upgrade that all behind can read.

Owns: the refusal of every other head, and that HTTP/2 is never spoken.
Must not: know routes or tokens.

Hypercorn, quart and wsproto each fail in a way of their own at a target or an upgrade that h11 lets through, so both are checked
where h11 hands the head over. Hypercorn has no switch against HTTP/2 on a plain port: it would take up
`PRI * HTTP/2.0` and `Upgrade: h2c`, so neither ever reaches it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

import h11
from wsproto.extensions import PerMessageDeflate
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import split_comma_header

HTTP_VERSIONS: Final = (b"1.0", b"1.1")
WEBSOCKET_VERSION: Final = b"13"
READ_AS_ASCII: Final = (b"connection", b"sec-websocket-extensions", b"sec-websocket-protocol")
"""Headers that wsproto and hypercorn take apart as ASCII."""


class CheckedHeads(h11.Connection):
    """A server's side of HTTP/1.1 that takes what it does not let through for something that is no HTTP."""

    is_upgraded = False
    """What follows the head is not HTTP any more but a WebSocket."""

    def next_event(self) -> Any:
        """Return what h11 read; raises h11.RemoteProtocolError, which hypercorn answers with 400."""
        event = super().next_event()
        if not isinstance(event, h11.Request):
            return event
        if event.http_version not in HTTP_VERSIONS:
            raise h11.RemoteProtocolError("another version of HTTP")
        if not is_readable_target(event.target):
            raise h11.RemoteProtocolError("no path and no address")
        if _asks_for_websocket(event):
            # A client that does not wait for the answer cannot know that it speaks to a WebSocket (RFC 6455, 4.1).
            if self.trailing_data[0] or not is_good_upgrade(event):
                raise h11.RemoteProtocolError("no good upgrade")
            self.is_upgraded = True
            return event
        return _without_upgrade(event)


def is_readable_target(target: bytes) -> bool:
    """Tell whether a request's target is `/...` or `http(s)://host/...`, read as quart reads it."""
    path = unquote(target.partition(b"?")[0].decode("ascii"))
    if path.startswith("/"):
        return True
    try:
        parts = urlsplit(path)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and parts.path.startswith("/")


def is_good_upgrade(request: h11.Request) -> bool:
    """Tell whether wsproto will understand an upgrade: HTTP/1.1, version 13, a key, and headers in their form."""
    headers = dict(request.headers)
    if request.http_version != b"1.1" or b"sec-websocket-key" not in headers:
        return False
    if headers.get(b"sec-websocket-version") != WEBSOCKET_VERSION:
        return False
    if not all(value.isascii() for name, value in request.headers if name in READ_AS_ASCII):
        return False
    offers = split_comma_header(headers.get(b"sec-websocket-extensions", b""))
    try:
        server_extensions_handshake(offers, [PerMessageDeflate()])
    except ValueError:
        return False
    return True


def _asks_for_websocket(request: h11.Request) -> bool:
    # As hypercorn decides it: the last header of a name counts.
    headers = dict(request.headers)
    connection = headers.get(b"connection", b"").lower().split(b",")
    is_upgrade = b"upgrade" in [token.strip() for token in connection]
    upgrade = headers.get(b"upgrade", b"").strip().lower()
    return is_upgrade and upgrade == b"websocket" and request.method.upper() == b"GET"


def _without_upgrade(request: h11.Request) -> h11.Request:
    """Return a request that asks for nothing else than its answer; a server is free to ignore an upgrade (RFC 9110, 7.8)."""
    if all(name != b"upgrade" for name, _ in request.headers):
        return request
    return h11.Request(
        method=request.method,
        target=request.target,
        headers=[(name, value) for name, value in request.headers if name != b"upgrade"],
        http_version=request.http_version,
    )
