"""What the service manager is told: the notify protocol of systemd, and only what is true.

Owns: the words READY, STATUS, WATCHDOG, RELOADING, STOPPING and EXTEND_TIMEOUT, and in which order they may be said.
Nothing is said when systemd did not start us, and nothing that fails here ends the daemon: it would be killed for being
silent, which is what the silence means.
Must not: decide whether the daemon is alive; a service with proof does.
Source: systemd: sd_notify(3).
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from traderd.runtime.datagrams import ABSTRACT, Datagrams
from traderd.runtime.env import Env
from traderd.runtime.log_text import clean_text

SOCKET_VARIABLE: Final = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
WATCHDOG_PID_VARIABLE: Final = "WATCHDOG_PID"
STATUS_CHARACTERS_MAX: Final = 600
"""Bounds the status: systemd reads 4,096 bytes of a datagram, and a person one line."""
EXTENSION_S: Final = 60.0
"""How much longer a start may take each time that it shows progress: systemd gives up when nothing comes for so long."""
BEAT_S: Final = 5.0
"""How often the status is told when no watchdog asks for more."""
BEATS_PER_WATCHDOG: Final = 3
"""Signs of life within one watchdog time: one may be late and the next still comes in time."""


class Phase(enum.Enum):
    """What systemd believes of us."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


class ServiceManager:
    """Tells systemd; without a socket it says nothing."""

    def __init__(
        self,
        datagrams: Datagrams | None = None,
        *,
        warn: Callable[[str], object] = lambda _: None,
        machine_us: Callable[[], int] = lambda: 0,
        watchdog_s: float | None = None,
    ) -> None:
        """Take the parts from outside.

        Args:
            datagrams: the way to systemd; None when it did not start us.
            warn: gets a sentence when systemd cannot be told, once for each time that it begins.
            machine_us: reads CLOCK_MONOTONIC.
            watchdog_s: how long systemd waits for a sign of life, None for ever.
        """
        self._datagrams, self._warn, self._machine_us = datagrams, warn, machine_us
        self.watchdog_s = watchdog_s
        self.phase = Phase.STARTING
        self._told_status = ""
        self._failing = False

    @property
    def is_heard(self) -> bool:
        """Tell whether there is somebody to tell."""
        return self._datagrams is not None

    @property
    def beat_s(self) -> float:
        """How often a sign of life is due: at a third of what systemd waits for."""
        if self.watchdog_s is None:
            return BEAT_S
        return min(BEAT_S, self.watchdog_s / BEATS_PER_WATCHDOG)

    def status(self, text: str) -> None:
        """Tell in one line where the daemon stands, if that is news."""
        self._send([], text)

    def ready(self, text: str) -> None:
        """Tell that the daemon serves; the first time only, and again when it could not be told."""
        if self.phase is Phase.STARTING and self._send(["READY=1"], text):
            self.phase = Phase.RUNNING

    def alive(self, text: str) -> None:
        """Tell that the daemon was seen to make progress: the start may take longer, or the watchdog is fed."""
        if self.phase is Phase.STARTING:
            self._send([f"EXTEND_TIMEOUT_USEC={round(EXTENSION_S * 1e6)}"], text)
        elif self.phase is Phase.RUNNING:
            self._send(["WATCHDOG=1"] if self.watchdog_s is not None else [], text)

    def stopping(self, text: str) -> None:
        """Tell that the stop has begun; nothing but the status is told after it."""
        if self.phase is not Phase.STOPPING:
            self.phase = Phase.STOPPING
            self._send(["STOPPING=1"], text)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell that the settings are read anew while the context is open; during start and stop that is no news."""
        told = self.phase is Phase.RUNNING
        if told:
            self._send(["RELOADING=1", f"MONOTONIC_USEC={self._machine_us()}"])
        try:
            yield
        finally:
            if told and self.phase is Phase.RUNNING:
                self._send(["READY=1"])

    def close(self) -> None:
        """Give the socket back."""
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None

    def _send(self, words: list[str], status: str = "") -> bool:
        text = clean_text(status)[:STATUS_CHARACTERS_MAX]
        if text and text != self._told_status:
            words = [*words, f"STATUS={text}"]
        if self._datagrams is None or not words:
            return False
        try:
            self._datagrams.send("\n".join(words).encode())
        except OSError as exc:
            if not self._failing:
                why = exc.strerror or type(exc).__name__
                self._warn(f"systemd cannot be told {words[0].partition('=')[0]}: {why}")
            self._failing = True
            return False
        self._failing = False
        self._told_status = text or self._told_status
        return True


@contextmanager
def open_manager(env: Env, *, warn: Callable[[str], object]) -> Iterator[ServiceManager]:
    """Open the way to systemd that the environment names; without one, or when it is not there, it is told nothing."""
    address = env.variables.get(SOCKET_VARIABLE, "")
    manager = ServiceManager()
    if address:
        try:
            manager = ServiceManager(
                _datagrams(env, address),
                warn=warn,
                machine_us=env.machine_us,
                watchdog_s=watchdog_s(env),
            )
        except OSError as exc:
            why = exc.strerror or type(exc).__name__
            warn(
                f"{SOCKET_VARIABLE}={clean_text(address)} cannot be used, so systemd is told nothing: {why}"
            )
    try:
        yield manager
    finally:
        manager.close()


def _datagrams(env: Env, address: str) -> Datagrams:
    if not address.startswith(("/", ABSTRACT)):
        raise OSError(97, "only paths and @names are understood")
    return env.datagrams(address)


def watchdog_s(env: Env) -> float | None:
    """Return how long systemd waits for a sign of life of this process, None when it does not."""
    owner = env.variables.get(WATCHDOG_PID_VARIABLE, "")
    if owner and owner != str(os.getpid()):
        return None  # meant for a process that started us
    text = env.variables.get(WATCHDOG_VARIABLE, "")
    # What systemd never writes counts as nothing, as sd_watchdog_enabled(3) has it.
    return int(text) / 1e6 if text.isascii() and text.isdigit() and int(text) > 0 else None
