"""Order groups: orders that stop together when too much of them trades within 15 seconds.

Owns: the rolling window, triggering, and which resting orders belong to which group.  Kalshi: order groups.
Must not: take orders off the book itself; it is given the way to do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.model.ids import OrderId
from traderd.model.units import NS_PER_S, Count, Timestamp
from traderd.paper import choices
from traderd.paper.venue.accounts import Account
from traderd.paper.venue.messages import GroupChanged, GroupEvent, VenueRefusal
from traderd.paper.venue.records import GroupMatch, OrderGroup, VenueOrder

WINDOW_NS: Final = 15 * NS_PER_S
"""Kalshi: contracts matched within a rolling 15-second window."""
LIMIT_MIN: Final = Count(100)
LIMIT_MAX: Final = Count(1_000_000 * 100)
"""Bound a group's limit (Kalshi: 1 to 1 000 000 contracts)."""
GROUPS_MAX: Final = 100_000
"""Bounds the groups of one account (Kalshi: since 2026-08-13)."""


@attrs.define(eq=False)
class GroupDesk:
    """The order groups of every account."""

    accounts: dict[str, Account]
    cancel: Callable[[Account, VenueOrder, str | None, Timestamp], object]
    """Takes a resting order off the book."""
    tell: Callable[[GroupChanged], None]
    touch: Callable[[OrderGroup], None]
    """Notes that a group changed."""
    _members: dict[str, dict[OrderId, VenueOrder]] = attrs.field(factory=dict)

    def create(
        self, account: Account, group_id: str, limit: Count, now: Timestamp, *, subaccount: int = 0
    ) -> OrderGroup:
        """Open a group; raises VenueRefusal 400 `invalid_parameters`."""
        account.wallet(subaccount)
        _check_limit(limit)
        if len(account.groups) >= GROUPS_MAX:
            raise VenueRefusal(400, "invalid_parameters", details="too many order groups")
        group = OrderGroup(
            group_id=group_id,
            account_id=account.account_id,
            subaccount=subaccount,
            limit=limit,
            created_at=now,
        )
        account.groups[group_id] = group
        self._changed(group, GroupEvent.CREATED, now)
        return group

    def find(self, account: Account, group_id: str, *, subaccount: int | None = None) -> OrderGroup:
        """Return a group; raises VenueRefusal 404 `not_found`."""
        group = account.groups.get(group_id)
        if group is None or subaccount not in (None, group.subaccount):
            raise VenueRefusal(404, "not_found")
        return group

    def check(self, account: Account, group_id: str, subaccount: int) -> None:
        """Refuse an order whose group is not there (404) or was triggered (409)."""
        group = account.groups.get(group_id)
        if group is None or group.subaccount != subaccount:
            raise VenueRefusal(*choices.GROUP_UNKNOWN)
        if group.triggered:
            raise VenueRefusal(*choices.GROUP_TRIGGERED)

    def set_limit(self, group: OrderGroup, limit: Count, now: Timestamp) -> None:
        """Change a limit; below what the window holds already it triggers."""
        _check_limit(limit)
        group.limit = limit
        self._changed(group, GroupEvent.LIMIT_UPDATED, now)
        if not group.triggered and _rolling(group, now) > limit:
            self.trigger(group, now)

    def reset(self, group: OrderGroup, now: Timestamp) -> None:
        """Start the counter at zero and take orders again."""
        group.matches = []
        group.triggered = False
        self._changed(group, GroupEvent.RESET, now)

    def trigger(self, group: OrderGroup, now: Timestamp) -> None:
        """Cancel every resting order of the group and take none until `reset`."""
        group.triggered = True
        self._changed(group, GroupEvent.TRIGGERED, now)
        self._cancel_members(group, now)

    def delete(self, group: OrderGroup, now: Timestamp) -> None:
        """Cancel the group's orders and forget it."""
        self._cancel_members(group, now)
        self._members.pop(group.group_id, None)
        del self.accounts[group.account_id].groups[group.group_id]
        group.limit = Count(0)
        self._changed(group, GroupEvent.DELETED, now)

    def members(self, group: OrderGroup) -> tuple[OrderId, ...]:
        """Return the ids of the group's resting orders, oldest first."""
        return tuple(self._members.get(group.group_id, ()))

    # --- what the floor tells ---------------------------------------------------------------------

    def rested(self, order: VenueOrder) -> None:
        """Note that an order with a group rests."""
        if order.group_id is not None:
            self._members.setdefault(order.group_id, {})[order.order_id] = order

    def left(self, order: VenueOrder) -> None:
        """Note that an order with a group rests no more."""
        if order.group_id is not None:
            self._members.get(order.group_id, {}).pop(order.order_id, None)

    def matched(self, order: VenueOrder, count: Count, now: Timestamp) -> OrderGroup | None:
        """Count a match in and return the group if it is too much now; the caller triggers it."""
        if order.group_id is None:
            return None
        group = self.accounts[order.account_id].groups.get(order.group_id)
        if group is None or group.triggered:
            return None
        group.matches.append(GroupMatch(now, count))
        self.touch(group)
        return group if _rolling(group, now) > group.limit else None

    def _cancel_members(self, group: OrderGroup, now: Timestamp) -> None:
        account = self.accounts[group.account_id]
        for order in tuple(self._members.get(group.group_id, {}).values()):
            self.cancel(account, order, None, now)

    def _changed(self, group: OrderGroup, kind: GroupEvent, now: Timestamp) -> None:
        self.touch(group)
        self.tell(
            GroupChanged(
                account=group.account_id,
                group_id=group.group_id,
                kind=kind,
                limit=group.limit,
                at=now,
            )
        )


def _rolling(group: OrderGroup, now: Timestamp) -> int:
    oldest = now - WINDOW_NS
    if group.matches and group.matches[0].at <= oldest:
        group.matches = [match for match in group.matches if match.at > oldest]
    return sum(match.count for match in group.matches)


def _check_limit(limit: Count) -> None:
    if not LIMIT_MIN <= limit <= LIMIT_MAX:
        raise VenueRefusal(
            400,
            "invalid_parameters",
            details="contracts_limit must be between 1 and 1000000 contracts",
        )
