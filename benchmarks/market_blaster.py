"""The server of the market data benchmarks: WebSocket frames that were encoded before, as fast as asked.

Owns: one process of its own, so that the client's CPU time is the client's. A client's path says what it gets:
`/blast/<deltas>`, `/records/<deltas>` (each frame in a TLS record of its own) or `/paced/<deltas>/<per second>`; anything
that it sends after the handshake means "go". With a certificate it speaks TLS, and encrypts all before it sends.
Must not: measure, but for the moments at which paced frames were sent, which go to the file named on the command line.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import sys
import time
from array import array
from pathlib import Path
from typing import Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.market_frames import SUBSCRIBED, as_frame, feed

Frames: TypeAlias = tuple[list[bytes], list[bytes]]
"""Snapshots and deltas."""
BATCH: Final = 250
"""About 64 KiB a send, as a busy server's socket buffer would give them to the kernel."""
READ_BYTES: Final = 65_536
CLOSE: Final = b"\x88\x00"
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class SecurePeer:
    """A client over TLS; what is sent is kept until `flush`, so that no client waits for our encrypting."""

    def __init__(self, peer: socket.socket, context: ssl.SSLContext) -> None:
        self.peer = peer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self.hear()
            else:
                self.flush()
                return

    def hear(self) -> None:
        """Take in what the client sends."""
        data = self.peer.recv(READ_BYTES)
        self.incoming.write(data) if data else self.incoming.write_eof()

    def recv(self, size: int) -> bytes:
        """Receive as a socket does."""
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.hear()
            except ssl.SSLError:
                return b""

    def sendall(self, data: bytes) -> None:
        """Encrypt, in full records but for the last one."""
        self.tls.write(data)

    def flush(self) -> None:
        """Send what was encrypted, as much at once as a busy server's socket buffer would take."""
        while data := self.outgoing.read(READ_BYTES):
            self.peer.sendall(data)

    def settimeout(self, seconds: float) -> None:
        """Bound what is waited for as a socket does."""
        self.peer.settimeout(seconds)


Client: TypeAlias = socket.socket | SecurePeer


def flush(peer: Client) -> None:
    """Let go what a client over TLS keeps; a plain one keeps nothing."""
    if isinstance(peer, SecurePeer):
        peer.flush()


def shake_hands(peer: Client) -> list[str]:
    """Answer the handshake and return the parts of the path."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = peer.recv(READ_BYTES)
        if not piece:
            return []
        head += piece
    lines = head.decode().split("\r\n")
    key = next(
        line.partition(":")[2].strip()
        for line in lines
        if line.lower().startswith("sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept.encode()
    )
    flush(peer)
    return lines[0].split()[1].strip("/").split("/")


def unmasked(frame: bytes) -> bytes:
    """Return the payload of a client's short frame."""
    start = 4 if frame[1] & 0x7F == 126 else 2
    mask = frame[start : start + 4]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(frame[start + 4 :]))


def serve(peer: Client, forms: dict[bool, Frames], stamps_file: Path) -> None:
    """Give one client what its path asks for, then wait until it hangs up."""
    path = shake_hands(peer)
    go = path and peer.recv(READ_BYTES)
    if not go:
        return
    snapshots, deltas = forms[b'"use_yes_price":true' in unmasked(go)]
    peer.sendall(as_frame(SUBSCRIBED) + b"".join(snapshots))
    wanted = deltas[: int(path[1])]
    if path[0] == "paced":
        stamps = pace(peer, wanted, int(path[2]))
        half_done = stamps_file.with_suffix(".part")
        half_done.write_bytes(stamps.tobytes())
        half_done.rename(stamps_file)
    else:
        size = BATCH if path[0] == "blast" else 1
        for first in range(0, len(wanted), size):
            peer.sendall(b"".join(wanted[first : first + size]))
    flush(peer)
    peer.settimeout(60)
    if peer.recv(READ_BYTES):
        peer.sendall(CLOSE)
        flush(peer)


def pace(peer: Client, deltas: list[bytes], per_s: int) -> array[int]:
    """Send one frame a call, evenly but for what the machine adds; return when each was sent (ns)."""
    stamps, step_ns = array("q"), 1_000_000_000 // per_s
    due = time.monotonic_ns()
    for frame in deltas:
        due += step_ns
        now = time.monotonic_ns()
        if due - now > 200_000:
            time.sleep((due - now) / 1e9)
        stamps.append(time.monotonic_ns())
        peer.sendall(frame)
    return stamps


def main(deltas: int, markets: int, stamps_file: Path, certificate: Path | None) -> None:
    """Print the port and serve clients, one after the other, until killed."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    forms = {}
    for form in (False, True):
        snapshots, changes = feed(deltas, markets=markets, in_yes_prices=form)
        forms[form] = [as_frame(one) for one in snapshots], [as_frame(one) for one in changes]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with peer:
                try:
                    client = SecurePeer(peer, context) if context else peer
                    serve(client, forms, stamps_file)
                except OSError:
                    pass  # the client had enough


if __name__ == "__main__":
    pem = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), pem)
