"""Names of things: types for identifiers, and the making of client order ids.

Owns: the shape of a client order id. It is made once per intent from the instance id, the run and a counter; it is never
reused. A run is its generation, raised and fsynced at each start, and a word drawn for it: a journal that was restored from
a copy has the generation of the copy again, and must not make the ids of a run that it has forgotten.
Must not: draw random numbers or read a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NewType

import attrs

from traderd.errors import BadInput

MarketTicker = NewType("MarketTicker", str)
EventTicker = NewType("EventTicker", str)
SeriesTicker = NewType("SeriesTicker", str)
OrderId = NewType("OrderId", str)
ClientOrderId = NewType("ClientOrderId", str)
TradeId = NewType("TradeId", str)
InstanceId = NewType("InstanceId", str)
StrategyName = NewType("StrategyName", str)

INSTANCE_ID_CHARACTERS: Final = 8
"""Bounds the instance id: 32 bits tell the daemons of one account apart and keep ids readable."""
RUN_WORD_CHARACTERS: Final = 8
"""Bounds the word of a run: with 32 bits two runs of one generation, which take a restored copy, do not meet."""
_SEPARATOR: Final = "-"
_HEX: Final = frozenset("0123456789abcdef")


def _nothing_is_taken(_: ClientOrderId) -> bool:
    return False


@attrs.define(eq=False)
class ClientOrderIds:
    """Makes the client order ids of one run: `<instance>-<generation><word>-<counter>`, lower-case hex."""

    instance: InstanceId
    generation: int
    word: str = ""
    """Drawn for this run; RUN_WORD_CHARACTERS hex digits, or none."""
    is_taken: Callable[[ClientOrderId], bool] = attrs.field(default=_nothing_is_taken, kw_only=True)
    """Tells of an id that the account is known to have used: it is left out, whoever used it."""
    _counter: int = 0

    def __attrs_post_init__(self) -> None:
        if len(self.instance) != INSTANCE_ID_CHARACTERS or not _HEX.issuperset(self.instance):
            raise BadInput(f"instance id must be {INSTANCE_ID_CHARACTERS} hex digits")
        if self.generation < 0:
            raise BadInput("a generation counts up from 0")
        if len(self.word) not in {0, RUN_WORD_CHARACTERS} or not _HEX.issuperset(self.word):
            raise BadInput(f"the word of a run must be {RUN_WORD_CHARACTERS} hex digits, or empty")

    def made(self, client_order_id: ClientOrderId) -> bool:
        """Tell whether this run made an id; those of earlier runs and of others it did not."""
        return client_order_id.startswith(f"{self._prefix}{_SEPARATOR}")

    def next_id(self) -> ClientOrderId:
        """Return an id that this instance has never returned before, and that is not taken."""
        while True:
            self._counter += 1
            made = ClientOrderId(f"{self._prefix}{_SEPARATOR}{self._counter:x}")
            if not self.is_taken(made):
                return made

    @property
    def _prefix(self) -> str:
        return f"{self.instance}{_SEPARATOR}{self.generation:x}{self.word}"


def instance_of(client_order_id: ClientOrderId) -> InstanceId | None:
    """Return whose id this is, or None if no traderd made it."""
    parts = client_order_id.split(_SEPARATOR)
    if len(parts) != 3 or len(parts[0]) != INSTANCE_ID_CHARACTERS:
        return None
    if not all(part and _HEX.issuperset(part) for part in parts):
        return None
    return InstanceId(parts[0])
