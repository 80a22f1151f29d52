"""Facts of our order groups at the exchange: what the orders of one strategy may trade within 15 seconds.

Owns: the events of order groups.
Must not: say which group is whose (see `core/order_groups.py`).
"""

from __future__ import annotations

import enum
from typing import TypeAlias

import attrs

from traderd.model.ids import StrategyName
from traderd.model.units import Count, Timestamp


@attrs.frozen(kw_only=True)
class OrderGroupOpened:
    """The exchange counts what a strategy's orders trade on one of its shards."""

    at: Timestamp
    group_id: str
    strategy: StrategyName
    exchange_index: int
    limit: Count
    """Contracts that may trade within 15 seconds."""


@attrs.frozen(kw_only=True)
class OrderGroupTriggered:
    """The exchange took the group's orders off the book: its strategy is stopped until a person resets it."""

    at: Timestamp
    group_id: str
    strategy: StrategyName
    sentence: str
    is_over: bool = False
    """The group was reset at the exchange before anybody here could say what its trigger means."""


@attrs.frozen(kw_only=True)
class OrderGroupReset:
    """A person let a strategy go on that an order group had stopped."""

    at: Timestamp
    strategy: StrategyName


@attrs.frozen(kw_only=True)
class OrderGroupEnded:
    """The group exists no more at the exchange."""

    at: Timestamp
    group_id: str


class GroupNews(enum.Enum):
    """What the exchange tells of a group (Kalshi: `event_type` of `order_group_updates`)."""

    CREATED = "created"
    LIMIT_UPDATED = "limit_updated"
    TRIGGERED = "triggered"
    RESET = "reset"
    DELETED = "deleted"


@attrs.frozen(kw_only=True)
class OrderGroupReported:
    """The exchange told of one of the account's groups, whosever it is."""

    at: Timestamp
    group_id: str
    news: GroupNews
    limit: Count | None = None
    """Its limit, which comes with `created` and `limit_updated` only."""


OrderGroupEvent: TypeAlias = (
    OrderGroupOpened | OrderGroupTriggered | OrderGroupReset | OrderGroupEnded | OrderGroupReported
)
