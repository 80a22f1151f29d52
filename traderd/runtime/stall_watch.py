"""Who holds the loop up: a beat of the loop, and a look from beside it when the beat is late.

Owns: when the loop counts as stalled, and the name, place and stack of what runs meanwhile. Python cannot break such code off
from outside, so all that can be done is to name it, while it still runs.
Must not: judge what is named, or touch anything of the loop from the thread that looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NoReturn, TypeAlias

import attrs
import trio

from traderd.runtime.env import Env, Frame

BEAT_S: Final = 0.1
"""How often the loop says that it runs, and how often somebody looks; costs a thousandth of a core."""
FRAMES_KEPT: Final = 12
"""Bounds the innermost frames that are told: what lies below is the loop itself."""
STALLS_KEPT: Final = 50
"""Bounds the stalls that wait to be told in the loop."""
WAITING: Final = ("_io_epoll.py", "_io_kqueue.py", "_io_windows.py")
"""Where Trio waits for something to do: a loop that is there is not held up by anybody's code."""

WhoseFile: TypeAlias = Callable[[str], str]
"""Returns whose a source file is, for example `plugin spread_maker`; an empty text when it is nobody's in particular."""


@attrs.frozen(kw_only=True)
class Stall:
    """One time in which nothing but one piece of code ran."""

    culprit: str
    """Whose code it is: `plugin NAME`, `service NAME`, or the file when it is nobody's."""
    place: str
    """The innermost line of the culprit's: `file:line in function`."""
    stack: tuple[str, ...]
    """Innermost last."""
    late_s: float
    """By how much the loop was late when it was looked at, or, when it is over, for how long it stood."""
    is_over: bool = False


@attrs.define(eq=False)
class StallWatch:
    """The watch over one loop."""

    stall_s: float
    whose: WhoseFile
    on_stall: Callable[[Stall], None]
    """Called from the thread that looks, as soon as a stall is seen."""
    _beats: int = 0
    _seen: int = -1
    _since: float = 0.0
    """Since when the beat that was seen last has been the last, on the looking thread's clock."""
    _looked_at: float | None = None
    _present: Stall | None = None
    _over: deque[Stall] = attrs.Factory(lambda: deque(maxlen=STALLS_KEPT))

    async def run(self, env: Env, on_over: Callable[[Stall], None]) -> NoReturn:
        """Beat until cancelled, and tell each stall in the loop once it is over; inert where time is virtual."""
        with env.watch_beside(self.look, every_s=BEAT_S) as is_watched:
            if not is_watched:
                await trio.sleep_forever()
            while True:
                await trio.sleep(BEAT_S)
                self.beat()
                while self._over:
                    on_over(self._over.popleft())

    def beat(self) -> None:
        """Say that the loop runs."""
        self._beats += 1

    def look(self, now: float, frames: Callable[[], list[Frame]]) -> None:
        """Look from beside the loop at `now`, in seconds; `frames` returns what the loop's thread is at, innermost last."""
        slept = self._looked_at is not None and now - self._looked_at > self.stall_s
        self._looked_at = now
        if self._beats != self._seen or slept:
            # Also when this thread did not run either: then it was the machine that stood, and nobody's code.
            self._note_end(now)
            self._seen, self._since = self._beats, now
            return
        late_s = now - self._since
        if late_s < self.stall_s or self._present is not None:
            return
        found = name_culprit(frames(), self.whose, late_s)
        if found is not None:
            self._present = found
            self.on_stall(found)

    def _note_end(self, now: float) -> None:
        if self._present is not None:
            self._over.append(attrs.evolve(self._present, late_s=now - self._since, is_over=True))
            self._present = None


def name_culprit(frames: list[Frame], whose: WhoseFile, late_s: float) -> Stall | None:
    """Return the stall that these frames are, innermost last; None when the loop only waits for something to do."""
    if not frames or frames[-1].file.endswith(WAITING):
        return None
    owned = [(whose(frame.file), frame) for frame in reversed(frames)]
    # A plugin that calls into traderd answers for it; so it is looked for first, however deep the call went.
    culprit, frame = next(
        (one for one in owned if one[0].startswith("plugin ")),
        next((one for one in owned if one[0]), (frames[-1].file, frames[-1])),
    )
    return Stall(
        culprit=culprit,
        place=_show(frame),
        stack=tuple(_show(one) for one in frames[-FRAMES_KEPT:]),
        late_s=late_s,
    )


def stall_sentence(stall: Stall) -> str:
    """Say who holds the loop up, or held it up, and where."""
    verb = "held" if stall.is_over else "holds"
    return f"{stall.culprit} {verb} the loop up for {stall.late_s:.1f} s: {stall.place}"


def stack_text(stack: Iterable[str]) -> str:
    """Return a stack as lines, outermost first."""
    return "\n".join(f"  {line}" for line in stack)


def _show(frame: Frame) -> str:
    return f"{frame.file}:{frame.line} in {frame.function}"
