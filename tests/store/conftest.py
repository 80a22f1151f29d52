"""A machine whose blocking calls run inline, so that the virtual clock never races a thread."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest
import trio

from traderd.runtime.env import RealEnv

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class InlineEnv(RealEnv):
    """Real files, counted ids, Trio's (virtual) clock, and no threads."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.ids_made = 0
        self.blocking_s = 0.0
        """How long every blocking call takes on the virtual clock."""

    def wall_ns(self) -> int:
        return 1_794_724_187_000_000_000 + round(trio.current_time() * 1e9)

    def new_id(self) -> str:
        self.ids_made += 1
        return f"{0xABCDEF00 + self.ids_made:08x}-0000-4000-8000-000000000000"

    async def run_blocking(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        await trio.lowlevel.checkpoint()
        with trio.CancelScope(shield=True):
            await trio.sleep(self.blocking_s)
        return function(*args)


@pytest.fixture
def env() -> InlineEnv:
    return InlineEnv()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite3"
