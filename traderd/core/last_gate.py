"""The last check before the socket: what leaves was asked for, once, and unchanged.

Owns: its own counters, independent of order register and risk rules (the control whose absence let one firm
send four million orders nobody had asked for).
Must not: share state with what it checks.
"""

from __future__ import annotations

import attrs

from traderd.errors import InvariantViolation
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderTerms


@attrs.define(eq=False)
class LastGate:
    """Lets each accepted intent through exactly once."""

    intents_accepted: int = 0
    orders_sent: int = 0
    contracts_asked: int = 0
    """In 1/100 contract."""
    contracts_sent: int = 0
    _waiting: dict[ClientOrderId, OrderTerms] = attrs.Factory(dict)

    def admit(self, client_order_id: ClientOrderId, terms: OrderTerms) -> None:
        """Note an intent that passed the risk gate."""
        self.intents_accepted += 1
        self.contracts_asked += terms.count
        self._waiting[client_order_id] = terms

    def withdraw(self, client_order_id: ClientOrderId) -> None:
        """Forget an intent that will not be sent after all."""
        terms = self._waiting.pop(client_order_id, None)
        if terms is not None:
            self.intents_accepted -= 1
            self.contracts_asked -= terms.count

    def let_out(self, client_order_id: ClientOrderId, terms: OrderTerms) -> None:
        """Let one order out.

        Raises:
            InvariantViolation: it was not asked for, was sent before, or is not what was asked for.
        """
        asked = self._waiting.pop(client_order_id, None)
        if asked is None:
            raise InvariantViolation(f"order {client_order_id} was not asked for, or sent before")
        if asked != terms:
            raise InvariantViolation(f"order {client_order_id} differs from what was asked for")
        self.orders_sent += 1
        self.contracts_sent += terms.count
