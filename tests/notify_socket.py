"""systemd's end of the notify socket, for tests that start real daemons."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager


class NotifySocket:
    """Hears what a service tells its manager, with the time of each datagram."""

    def __init__(self, address: str, bound: socket.socket) -> None:
        self.address, self._bound = address, bound
        self.heard: list[tuple[float, list[str]]] = []

    def wait_for(self, word: str, *, within_s: float) -> float:
        """Return when a datagram with this line came; what came before it is in `heard`."""
        for at, told in self._datagrams(within_s):
            if word in told:
                return at
        raise AssertionError(f"{word} was not told within {within_s} s, but {self.heard[-5:]}")

    def drain(self, *, for_s: float) -> list[tuple[float, list[str]]]:
        """Return what comes within this time."""
        return list(self._datagrams(for_s))

    def _datagrams(self, for_s: float) -> Iterator[tuple[float, list[str]]]:
        """Yield what comes within this time, and keep it."""
        deadline = time.monotonic() + for_s
        while (left := deadline - time.monotonic()) > 0:
            self._bound.settimeout(left)
            try:
                told = self._bound.recv(4_096).decode().split("\n")
            except TimeoutError:
                return
            self.heard.append((time.monotonic(), told))
            yield self.heard[-1]

    def words(self) -> list[str]:
        """Return every line that came but the statuses, in order."""
        return [line for _, told in self.heard for line in told if not line.startswith("STATUS=")]

    def statuses(self) -> list[str]:
        """Return every status that came."""
        lines = [line for _, told in self.heard for line in told]
        return [line.removeprefix("STATUS=") for line in lines if line.startswith("STATUS=")]


@contextmanager
def notify_socket(address: str) -> Iterator[NotifySocket]:
    """Listen at an address as systemd writes it: a path, or a name that begins with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(address.replace("@", "\0", 1))
        yield NotifySocket(address, bound)
