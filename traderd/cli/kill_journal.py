"""What only the journal of a silent daemon knows: orders that may still be on their way to the exchange.

Owns: asking the exchange for them by name, and for how long nothing counts as verified because of them. The kill itself
goes on without: a journal that cannot be read is told and no more.
Must not: write the journal, cancel anything, or hold a cancel up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from traderd.errors import ExchangeError, StoreError
from traderd.kalshi.kill import named
from traderd.kalshi.rest import RestClient
from traderd.model.ids import ClientOrderId
from traderd.model.units import NS_PER_S, Timestamp
from traderd.runtime.env import Env
from traderd.store.doubtful_orders import DoubtfulOrder, read_doubtful_orders

ARRIVES_S: Final = 10.0
"""How long after its intent an order may still arrive whose daemon is silent: as long as a request may take, and the
exchange's own lag. What has not arrived by then is named, and no more waited for."""
READ_S: Final = 1.0
"""Bounds the reading of the journal; a disk that hangs is as good as none."""
LOOK_S: Final = 0.5
"""Between looks for orders that are not at the exchange yet."""
SINCE_S: Final = 60.0
"""How far before its intent an order is looked for: the clocks of the two sides may differ."""


@attrs.define(eq=False)
class JournalDoubts:
    """The orders that the journal leaves open."""

    env: Env
    tell: Callable[[str], None]
    missing: dict[ClientOrderId, Timestamp] = attrs.Factory(dict)
    """Not seen at the exchange, with when they were intended."""
    found: dict[ClientOrderId, str] = attrs.Factory(dict)
    """Seen there, with what they were."""
    problem: str = ""
    """Why the journal was not read, empty when it was."""
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)
    """Ends the looks once nothing rests."""
    _is_read: bool = False

    async def look(self, path: Path, rest: RestClient) -> None:
        """Read the journal, then ask for its open orders until they are found or can no longer arrive."""
        with self.scope:
            await self._read(path)
            while self._waited_for():
                await self._ask(rest)
                await trio.sleep(LOOK_S)
            # One question more, which nobody waits for, about those that are only named.
            if self.missing:
                await self._ask(rest)

    def words(self) -> str:
        """Return why nothing is verified yet, empty when the journal has nothing to say."""
        if not self._is_read:
            return "the journal is being read"
        waited_for = self._waited_for()
        return f"the journal does not tell what became of {named(waited_for)}" if waited_for else ""

    async def _read(self, path: Path) -> None:
        orders: tuple[DoubtfulOrder, ...] = ()
        self.problem = f"the journal {path} was not read within {READ_S:g} s"
        with trio.move_on_after(READ_S):
            try:
                orders = await self.env.run_blocking(read_doubtful_orders, path)
                self.problem = ""
            except StoreError as exc:
                self.problem = str(exc)
        self._is_read = True
        self.missing = {each.client_order_id: each.intended_at for each in orders}
        if self.problem:
            self.tell(f"{self.problem}; what was on its way to the exchange is not known")
        elif orders:
            self.tell(f"the journal does not tell what became of {named(list(self.missing))}")

    def _waited_for(self) -> list[ClientOrderId]:
        oldest = self.env.wall_ns() - round(ARRIVES_S * NS_PER_S)
        return [key for key, at in self.missing.items() if at > oldest]

    async def _ask(self, rest: RestClient) -> None:
        since = Timestamp(min(self.missing.values()) - round(SINCE_S * NS_PER_S))
        try:
            reading = await rest.read_orders(since=since)
        except ExchangeError as exc:
            self.tell(f"orders of the journal could not be looked for: {exc}")
            return
        for record in reading.rows:
            key = record.client_order_id
            if key is not None and self.missing.pop(key, None) is not None:
                self.found[key] = record.status.value
                self.tell(f"order {key} of the journal is at the exchange: {record.status.value}")
