"""The last check before the socket: what leaves was asked for, once, and unchanged.

Owns: its own counters, independent of order register and risk rules (the control whose absence let one firm
send four million orders nobody had asked for).
Must not: share state with what it checks.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.errors import InvariantViolation
from traderd.model.ids import ClientOrderId
from traderd.model.orders import OrderTerms
from traderd.model.units import Count, show_count

TOTALS_KEPT_MAX: Final = 10_000
"""Bounds the totals that renewals are held against; twice the orders that are kept in memory."""


@attrs.define(eq=False)
class LastGate:
    """Lets each accepted intent through exactly once."""

    intents_accepted: int = 0
    orders_sent: int = 0
    contracts_asked: int = 0
    """In 1/100 contract."""
    contracts_sent: int = 0
    renewals_sent: int = 0
    _waiting: dict[ClientOrderId, tuple[OrderTerms, Count]] = attrs.Factory(dict)
    _totals: dict[ClientOrderId, Count] = attrs.Factory(dict)
    """For how many contracts each id left last."""

    def admit(
        self, client_order_id: ClientOrderId, terms: OrderTerms, *, added: Count | None = None
    ) -> None:
        """Note an intent that passed the risk gate.

        Args:
            client_order_id: under which it leaves; an amend takes one of its own.
            terms: as they will be sent.
            added: the contracts that it adds, for an amend; None: all of `terms`.
        """
        contracts = terms.count if added is None else added
        self.intents_accepted += 1
        self.contracts_asked += contracts
        self._waiting[client_order_id] = (terms, contracts)

    def withdraw(self, client_order_id: ClientOrderId) -> None:
        """Forget an intent that will not be sent after all."""
        asked = self._waiting.pop(client_order_id, None)
        if asked is not None:
            self.intents_accepted -= 1
            self.contracts_asked -= asked[1]

    def let_out(self, client_order_id: ClientOrderId, terms: OrderTerms) -> None:
        """Let one order or amend out.

        Raises:
            InvariantViolation: it was not asked for, was sent before, is not what was asked for, or more has left
                than was asked for.
        """
        asked = self._waiting.pop(client_order_id, None)
        if asked is None:
            raise InvariantViolation(f"order {client_order_id} was not asked for, or sent before")
        if asked[0] != terms:
            raise InvariantViolation(f"order {client_order_id} differs from what was asked for")
        sent, contracts = self.orders_sent + 1, self.contracts_sent + asked[1]
        if sent > self.intents_accepted or contracts > self.contracts_asked:
            raise InvariantViolation(f"order {client_order_id} would be more than was asked for")
        self.orders_sent, self.contracts_sent = sent, contracts
        self._totals[client_order_id] = terms.count
        if len(self._totals) > TOTALS_KEPT_MAX:
            del self._totals[next(iter(self._totals))]

    def let_renewal_out(self, present_id: ClientOrderId | None, total: Count) -> None:
        """Let a renewal out, which repeats the total of the order that bears this id.

        An id of an earlier run is taken at its word: nothing left under it through this gate.

        Raises:
            InvariantViolation: it asks for more contracts than left under this id.
        """
        left = None if present_id is None else self._totals.get(present_id)
        if left is not None and total > left:
            raise InvariantViolation(
                f"a renewal of {present_id} would ask for {show_count(total)} contracts, and "
                f"{show_count(left)} left under this id"
            )
        self.renewals_sent += 1
