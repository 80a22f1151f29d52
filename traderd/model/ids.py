"""Names of things: types for identifiers, and the making of client order ids.

Owns: the shape of a client order id. It is made once per intent from the instance id, a generation
(raised and fsynced at each start, so nothing can roll it back) and a counter; it is never reused.
Must not: draw random numbers or read a clock.
"""

from __future__ import annotations

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
_SEPARATOR: Final = "-"
_HEX: Final = frozenset("0123456789abcdef")


@attrs.define(eq=False)
class ClientOrderIds:
    """Makes the client order ids of one run: `<instance>-<generation>-<counter>`, lower-case hex."""

    instance: InstanceId
    generation: int
    _counter: int = 0

    def __attrs_post_init__(self) -> None:
        if len(self.instance) != INSTANCE_ID_CHARACTERS or not _HEX.issuperset(self.instance):
            raise BadInput(f"instance id must be {INSTANCE_ID_CHARACTERS} hex digits")
        if self.generation < 0:
            raise BadInput("a generation counts up from 0")

    def next_id(self) -> ClientOrderId:
        """Return an id that this instance has never returned before."""
        self._counter += 1
        return ClientOrderId(
            _SEPARATOR.join((self.instance, f"{self.generation:x}", f"{self._counter:x}"))
        )


def instance_of(client_order_id: ClientOrderId) -> InstanceId | None:
    """Return whose id this is, or None if no traderd made it."""
    parts = client_order_id.split(_SEPARATOR)
    if len(parts) != 3 or len(parts[0]) != INSTANCE_ID_CHARACTERS:
        return None
    if not all(part and _HEX.issuperset(part) for part in parts):
        return None
    return InstanceId(parts[0])
