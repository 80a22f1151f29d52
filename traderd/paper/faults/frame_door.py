"""The door that one client's WebSocket data goes through: what the faults do to each frame.

Owns: that a frame is lost, doubled or late, or breaks its socket. Numbers were given before, so a lost frame is a gap.
Must not: look into a frame, or touch answers to commands; they do not come here.
"""

from __future__ import annotations

import attrs
import trio

from traderd.paper.faults.faults import Faults
from traderd.paper.serving.websocket_session import WebSocketSession


@attrs.frozen
class FrameDoor:
    """Stands before one socket."""

    faults: Faults
    account: str
    """By name, as rules are written."""
    socket: WebSocketSession
    nursery: trio.Nursery
    """Late frames wait in it, so they end with the session."""

    def send(self, channel: str, frame: bytes) -> None:
        """Send one frame of data as the faults will have it; never waits."""
        if not self.faults.are_on:
            self.socket.send_text(frame)
            return
        fate = self.faults.frame_fate(channel, self.account)
        if fate.ends_session:
            self.socket.drop()
        for _ in range(fate.copies):
            if fate.wait_s:
                self.nursery.start_soon(self._send_late, frame, fate.wait_s)
            else:
                self.socket.send_text(frame)

    async def _send_late(self, frame: bytes, wait_s: float) -> None:
        await trio.sleep(wait_s)
        self.socket.send_text(frame)
