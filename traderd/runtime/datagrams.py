"""Datagrams to the machine's own services: the notify socket of systemd and the journal's socket.

Owns: sending without ever waiting, and handing over what is too large for one datagram as a file in memory.
Must not: know what the bytes mean; be opened but by an `Env`.
"""

from __future__ import annotations

import abc
import fcntl
import os
import socket  # sim-ok: opened by RealEnv only; a simulation has senders of its own
from array import array
from typing import Final

ABSTRACT: Final = "@"
"""Begins an address that is a name in the kernel and no file, as systemd writes it."""
SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
"""What the journal asks of a file in memory before it reads it: nobody can change it any more."""


class Datagrams(abc.ABC):
    """Sends to one address."""

    @abc.abstractmethod
    def send(self, data: bytes) -> None:
        """Send one datagram without waiting; raises OSError, with EMSGSIZE when it is too large."""

    @abc.abstractmethod
    def send_file(self, data: bytes) -> None:
        """Send the same as a sealed file in memory, for which there is no bound but memory's; raises OSError."""

    def close(self) -> None:  # noqa: B027
        """Give the socket back; nothing can be sent afterwards."""


class UnixDatagrams(Datagrams):
    """Sends to a Unix socket; `@name` is one in the kernel's own names."""

    def __init__(self, address: str) -> None:
        """Find the receiver; raises OSError when there is none."""
        is_name = address.startswith(ABSTRACT)
        self._address = f"\0{address[1:]}" if is_name else address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with socket.socket(socket.AF_UNIX, kind) as probe:
            probe.connect(self._address)
        # Not connected itself: a receiver that is started again is found by each datagram anew.
        self._socket = socket.socket(socket.AF_UNIX, kind)

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        self._socket.sendto(data, self._address)

    def send_file(self, data: bytes) -> None:
        """Hand over a file descriptor; the receiver gets its own."""
        file = os.memfd_create("traderd", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, SEALS)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file]))]
            self._socket.sendmsg([], rights, 0, self._address)
        finally:
            os.close(file)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
