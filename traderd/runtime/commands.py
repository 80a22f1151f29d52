"""Commands travel to the one service that serves them, and each gets exactly one answer.

Owns: the way of a command. It is carried out in the serving service's own tasks, so a caller that is
cancelled half way does not break off an order.
Must not: know what a command does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Generic, TypeVar

import trio

C = TypeVar("C")
O = TypeVar("O")  # noqa: E741 - the outcome; C and O read as a pair

COMMANDS_WAITING_MAX: Final = 100
"""Bounds commands that wait for their service; more are refused at once, with a sentence."""


class CommandRequest(Generic[C, O]):
    """One command on its way; use it as a context manager so that it is always answered."""

    def __init__(self, command: C, unanswered: Callable[[str], O]) -> None:
        self.command = command
        self._unanswered = unanswered
        self._done = trio.Event()
        self._outcome: O | None = None

    @property
    def answered(self) -> bool:
        """Tell whether the outcome is known."""
        return self._done.is_set()

    def answer(self, outcome: O) -> None:
        """Give the outcome; the first one counts."""
        if not self._done.is_set():
            self._outcome = outcome
            self._done.set()

    async def wait_outcome(self) -> O:
        """Wait for the answer.  Cancelling is safe: the command goes on without the listener."""
        await self._done.wait()
        assert self._outcome is not None
        return self._outcome

    def __enter__(self) -> C:
        return self.command

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.answered:
            why = "its service stopped" if kind is None else f"its service failed: {value!r}"
            self.answer(self._unanswered(f"the command was not finished because {why}"))


class CommandRouter(Generic[C, O]):
    """Knows which service serves which command."""

    def __init__(self, *, refuse: Callable[[str], O], unanswered: Callable[[str], O]) -> None:
        """`refuse` makes the outcome of a command nobody took, `unanswered` of one broken off."""
        self._refuse, self._unanswered = refuse, unanswered
        self._servers: dict[type, trio.MemorySendChannel[CommandRequest[C, O]]] = {}

    @contextmanager
    def serve(self, *types: type) -> Iterator[trio.MemoryReceiveChannel[CommandRequest[C, O]]]:
        """Serve these command types for as long as the context is open; one server per type."""
        for kind in types:
            if kind in self._servers:
                raise ValueError(f"{kind.__name__} is served already")
        send, receive = trio.open_memory_channel[CommandRequest[C, O]](COMMANDS_WAITING_MAX)
        for kind in types:
            self._servers[kind] = send
        try:
            with send:
                yield receive
        finally:
            for kind in types:
                del self._servers[kind]
            # Also when the service crashed: nobody may wait for an answer that cannot come.
            with receive:
                self._refuse_waiting(receive)

    async def send(self, command: C) -> O:
        """Hand a command to its service and wait for the outcome.

        Cancelling stops the waiting, not the command.
        """
        server = self._servers.get(type(command))
        if server is None:
            return self._refuse(f"nothing serves {type(command).__name__} now")
        request = CommandRequest(command, self._unanswered)
        try:
            server.send_nowait(request)
        except trio.WouldBlock:
            return self._refuse(f"{COMMANDS_WAITING_MAX} commands are waiting already")
        return await request.wait_outcome()

    def _refuse_waiting(self, receive: trio.MemoryReceiveChannel[CommandRequest[C, O]]) -> None:
        while True:
            try:
                request = receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return
            request.answer(self._refuse("the service that would serve it is stopping"))
