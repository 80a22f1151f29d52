"""Kalshi's order groups as methods over the model.

Owns: the reads and writes about order groups (Kalshi: order groups).
Must not: retry, or decide when a strategy is stopped.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import attrs
from msgspec import UnsetType

from traderd.errors import ExchangeProtocolError, ExchangeRefused, UnitError
from traderd.kalshi.request import Requester
from traderd.kalshi.wire import account, order_changes, rest
from traderd.model.units import Count, format_count, parse_count

GROUPS: Final = "/portfolio/order_groups"


@attrs.frozen(kw_only=True)
class GroupState:
    """An order group as the exchange tells it."""

    limit: Count | None
    is_triggered: bool


@attrs.frozen(kw_only=True)
class GroupLine:
    """An order group in the list of all of the account, which tells nothing of who made it."""

    group_id: str
    limit: Count
    exchange_index: int


class GroupCalls:
    """Raises as `OrderCalls` does."""

    _requester: Requester

    async def create_order_group(self, limit: Count, exchange_index: int) -> str:
        """Open a group on one shard and return its id; it bears no name, so only a list tells of one whose reply was lost."""
        path = f"{GROUPS}/create"
        body = rest.encode_body(
            account.CreateOrderGroupRequest(
                contracts_limit_fp=format_count(limit), exchange_index=exchange_index
            )
        )
        answer = await self._requester.send("POST", path, body=body, writes=True)
        kind = account.CreatedOrderGroup
        return self._requester.decode(answer, kind, f"POST {path}", writes=True).order_group_id

    async def order_groups(self) -> tuple[GroupLine, ...]:
        """Return all groups of the account, also those that others made."""
        reply = await self._requester.get(GROUPS, account.OrderGroupList)
        lines = () if isinstance(reply.order_groups, UnsetType) else reply.order_groups
        return tuple(
            GroupLine(
                group_id=line.id,
                limit=_limit(line.contracts_limit_fp),
                exchange_index=line.exchange_index,
            )
            for line in lines
        )

    async def order_group(self, group_id: str) -> GroupState | None:
        """Return a group, None when the exchange does not know it."""
        try:
            reply = await self._requester.get(_of_group(group_id), account.OrderGroupDetails)
        except ExchangeRefused as exc:
            if exc.status == 404 and exc.code in {"not_found", "order_group_not_found"}:
                return None
            raise
        limit = _limit(reply.contracts_limit_fp)
        return GroupState(limit=limit, is_triggered=not reply.is_auto_cancel_enabled)

    async def reset_order_group(self, group_id: str, exchange_index: int) -> None:
        """Let a triggered group take orders again, counting from zero."""
        path = f"{_of_group(group_id)}/reset"
        await self._write_group(
            "PUT", path, exchange_index, rest.encode_body(order_changes.Empty())
        )

    async def limit_order_group(self, group_id: str, exchange_index: int, limit: Count) -> None:
        """Change a group's limit; below what has traded in the last 15 seconds it triggers."""
        body = account.OrderGroupLimitRequest(contracts_limit_fp=format_count(limit))
        path = f"{_of_group(group_id)}/limit"
        await self._write_group("PUT", path, exchange_index, rest.encode_body(body))

    async def delete_order_group(self, group_id: str, exchange_index: int) -> None:
        """End a group; Kalshi cancels what rests in it."""
        await self._write_group("DELETE", _of_group(group_id), exchange_index)

    async def _write_group(
        self, method: str, path: str, exchange_index: int, body: bytes | None = None
    ) -> None:
        answer = await self._requester.send(
            method, path, params={"exchange_index": str(exchange_index)}, body=body, writes=True
        )
        if not 200 <= answer.status < 300:
            raise self._requester.refusal(answer, f"{method} {path}", writes=True)


def _of_group(group_id: str) -> str:
    return f"{GROUPS}/{quote(group_id, safe='')}"


def _limit(text: str) -> Count:
    try:
        return parse_count(text, what="contracts_limit_fp")
    except UnitError as exc:
        raise ExchangeProtocolError(f"GET {GROUPS}: {exc}") from exc
