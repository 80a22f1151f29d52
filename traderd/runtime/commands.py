"""Commands travel to the one service that serves them, and each gets exactly one answer.

Owns: the way of a command. It is carried out in the serving service's own tasks, so a caller that is
cancelled half way does not break off an order.
Must not: know what a command does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import attrs
import trio

from traderd.errors import describe_error

C = TypeVar("C")
O = TypeVar("O")  # noqa: E741 - the outcome; C and O read as a pair

COMMANDS_WAITING_MAX: Final = 100
"""Bounds commands that wait for their service; more are refused at once, with a sentence."""
STOPPING: Final = "the service that would serve it is stopping"


class CommandRequest(Generic[C, O]):
    """One command on its way; a task that carries it out holds it with `with`, and so answers it."""

    def __init__(
        self,
        command: C,
        unanswered: Callable[[str], O],
        unless: Callable[[], O | None] | None = None,
    ) -> None:
        """`unless` returns why it is not to be done after all; it is asked at the moment of the doing."""
        self.command = command
        self._unanswered, self._unless = unanswered, unless
        self._done = trio.Event()
        self._outcome: O | None = None
        self.held = False
        """Whether a task entered it; only that task's end may break it off then."""

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

    def stands(self) -> bool:
        """Tell whether it is to be done at this moment; if not, answer why.

        Whoever carries it out asks this with no `await` before the doing: meanwhile the state could change.
        """
        refusal = self.refusal()
        if refusal is not None:
            self.answer(refusal)
        return refusal is None

    def refusal(self) -> O | None:
        """Return why it is not to be done at this moment, None when it is.

        Work that waits for something first (a disk, a reading) asks this again after that, with no `await` before the
        doing, and returns the refusal as its outcome.
        """
        return None if self._unless is None else self._unless()

    async def carry_out(self, work: Callable[[Any], Awaitable[O]]) -> None:
        """Do the work, if the command stands, and answer with its outcome.  Cancelling breaks it off.

        Work that waits for anything before the doing asks `refusal` once more.
        """
        with self as command:
            if self.stands():
                self.answer(await work(command))

    def break_off(self, why: str) -> None:
        """Answer that nobody will know the outcome here; does nothing once it is answered."""
        if not self.answered:
            self.answer(self._unanswered(f"the command was not finished because {why}"))

    def __enter__(self) -> C:
        self.held = True
        return self.command

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if value is None:
            self.break_off("its service gave no answer")
        elif isinstance(value, trio.Cancelled):
            self.break_off("its service stopped")
        else:
            self.break_off(f"its service failed: {describe_error(value)}")


@attrs.define(eq=False)
class _Server(Generic[C, O]):
    """Where the commands of one service go, and those it has not answered yet."""

    channel: trio.MemorySendChannel[CommandRequest[C, O]]
    unanswered: list[CommandRequest[C, O]] = attrs.Factory(list)


class CommandRouter(Generic[C, O]):
    """Knows which service serves which command."""

    def __init__(self, *, refuse: Callable[[str], O], unanswered: Callable[[str], O]) -> None:
        """`refuse` makes the outcome of a command nobody took, `unanswered` of one broken off."""
        self._refuse, self._unanswered = refuse, unanswered
        self._servers: dict[type, _Server[C, O]] = {}

    @contextmanager
    def serve(self, *types: type) -> Iterator[trio.MemoryReceiveChannel[CommandRequest[C, O]]]:
        """Serve these command types for as long as the context is open; one server per type.

        When it closes, what waits is refused, and what was taken but is held by no task is broken off.

        Raises:
            ValueError: one of the types is served already.
        """
        for kind in types:
            if kind in self._servers:
                raise ValueError(f"{kind.__name__} is served already")
        send, receive = trio.open_memory_channel[CommandRequest[C, O]](COMMANDS_WAITING_MAX)
        server = _Server(send)
        for kind in types:
            self._servers[kind] = server
        try:
            with send:
                yield receive
        finally:
            for kind in types:
                del self._servers[kind]
            # Also when the service crashed: nobody may wait for an answer that cannot come.
            with receive:
                self._refuse_waiting(receive)
            for request in server.unanswered:
                if not request.held:
                    request.break_off("its service stopped")

    async def send(self, command: C, unless: Callable[[], O | None] | None = None) -> O:
        """Hand a command to its service and wait for the outcome.

        `unless` is asked once more when it is done, and returns the outcome with which it is refused then, or None.
        Cancelling stops the waiting, not the command.
        """
        server = self._servers.get(type(command))
        if server is None:
            return self._refuse(f"nothing serves {type(command).__name__} now")
        request = CommandRequest(command, self._unanswered, unless)
        try:
            server.channel.send_nowait(request)
        except trio.WouldBlock:
            return self._refuse(f"{COMMANDS_WAITING_MAX} commands are waiting already")
        except trio.BrokenResourceError:
            return self._refuse(STOPPING)
        server.unanswered = [one for one in server.unanswered if not one.answered]
        server.unanswered.append(request)
        return await request.wait_outcome()

    def _refuse_waiting(self, receive: trio.MemoryReceiveChannel[CommandRequest[C, O]]) -> None:
        while True:
            try:
                request = receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel, trio.ClosedResourceError):
                return
            request.answer(self._refuse(STOPPING))
