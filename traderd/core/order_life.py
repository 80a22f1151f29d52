"""The life of an order as a table: where it is, what we are told, where it is then.

Owns: which status may follow which; quantities and identities are `orders.py`.
Must not: hold an order.
"""

from __future__ import annotations

from typing import Final

from traderd.model.orders import OrderStatus

S = OrderStatus

LIFE: Final[dict[tuple[OrderStatus, OrderStatus], OrderStatus]] = {
    # (where it is, what we are told): where it is then.
    (S.INTENT, S.SENT): S.SENT,
    (S.INTENT, S.UNKNOWN): S.UNKNOWN,  # the daemon died between the journal and the answer
    (S.INTENT, S.NOT_PLACED): S.NOT_PLACED,  # no connection could be opened: nothing was sent
    (S.SENT, S.RESTING): S.RESTING,
    (S.SENT, S.EXECUTED): S.EXECUTED,
    (S.SENT, S.CANCELED): S.CANCELED,
    (S.SENT, S.REJECTED): S.REJECTED,
    (S.SENT, S.UNKNOWN): S.UNKNOWN,
    (S.SENT, S.NOT_PLACED): S.NOT_PLACED,
    (S.UNKNOWN, S.RESTING): S.RESTING,
    (S.UNKNOWN, S.EXECUTED): S.EXECUTED,
    (S.UNKNOWN, S.CANCELED): S.CANCELED,
    (S.UNKNOWN, S.REJECTED): S.REJECTED,
    (S.UNKNOWN, S.UNKNOWN): S.UNKNOWN,
    (S.UNKNOWN, S.NOT_PLACED): S.NOT_PLACED,
    (S.RESTING, S.RESTING): S.RESTING,
    (S.RESTING, S.CANCELLING): S.CANCELLING,
    (S.RESTING, S.EXECUTED): S.EXECUTED,
    (S.RESTING, S.CANCELED): S.CANCELED,
    # A record or a fill came before the reply did: the order exists, whatever the reply or a search
    # that is older says.
    (S.RESTING, S.REJECTED): S.RESTING,
    (S.RESTING, S.UNKNOWN): S.RESTING,
    (S.RESTING, S.NOT_PLACED): S.RESTING,
    (S.CANCELLING, S.CANCELLING): S.CANCELLING,  # asked again
    # A reading may be older than our cancel (about 360 ms seen), so it does not undo it.
    (S.CANCELLING, S.RESTING): S.CANCELLING,
    (S.CANCELLING, S.EXECUTED): S.EXECUTED,
    (S.CANCELLING, S.CANCELED): S.CANCELED,
    (S.CANCELLING, S.REJECTED): S.CANCELLING,
    (S.CANCELLING, S.UNKNOWN): S.CANCELLING,
    (S.CANCELLING, S.NOT_PLACED): S.CANCELLING,
    # Finished orders: late news of an earlier time changes nothing ...
    (S.EXECUTED, S.RESTING): S.EXECUTED,
    (S.EXECUTED, S.CANCELLING): S.EXECUTED,
    (S.EXECUTED, S.EXECUTED): S.EXECUTED,
    (S.EXECUTED, S.CANCELED): S.EXECUTED,
    (S.EXECUTED, S.REJECTED): S.EXECUTED,
    (S.EXECUTED, S.UNKNOWN): S.EXECUTED,
    (S.EXECUTED, S.NOT_PLACED): S.EXECUTED,
    (S.CANCELED, S.RESTING): S.CANCELED,
    (S.CANCELED, S.CANCELLING): S.CANCELED,
    (S.CANCELED, S.EXECUTED): S.EXECUTED,  # ... but a fill may arrive after the cancel.
    (S.CANCELED, S.CANCELED): S.CANCELED,
    # Kalshi: a post-only order that would cross may be told of as canceled before the reply says no.
    (S.CANCELED, S.REJECTED): S.CANCELED,
    (S.CANCELED, S.UNKNOWN): S.CANCELED,
    (S.CANCELED, S.NOT_PLACED): S.CANCELED,
    # A late arrival after we had given up is the exchange's word against ours: theirs counts.
    (S.REJECTED, S.RESTING): S.RESTING,
    (S.REJECTED, S.EXECUTED): S.EXECUTED,
    (S.REJECTED, S.CANCELED): S.CANCELED,
    (S.REJECTED, S.REJECTED): S.REJECTED,
    (S.REJECTED, S.UNKNOWN): S.REJECTED,
    (S.REJECTED, S.NOT_PLACED): S.REJECTED,
    (S.NOT_PLACED, S.RESTING): S.RESTING,
    (S.NOT_PLACED, S.EXECUTED): S.EXECUTED,
    (S.NOT_PLACED, S.CANCELED): S.CANCELED,
    (S.NOT_PLACED, S.REJECTED): S.REJECTED,
    (S.NOT_PLACED, S.UNKNOWN): S.UNKNOWN,
    (S.NOT_PLACED, S.NOT_PLACED): S.NOT_PLACED,
}
"""Anything not listed raises. Once an order has left, whatever the world may tell of it has a row: news must
never fail. INTENT cannot be overtaken, because nothing has left yet."""
