"""Order groups over REST (Kalshi: order groups).

Owns: their bodies and queries, and the way to the venue's `GroupDesk` and back.
Must not: decide when a group triggers.
"""

from __future__ import annotations

import attrs
from msgspec import UNSET

from traderd.errors import UnitError
from traderd.kalshi.wire import account as wire
from traderd.kalshi.wire.request_body import (
    decode_request,
    invalid_parameters,
    missing_parameter,
)
from traderd.model.units import ONE_CONTRACT, Count, format_count, parse_count
from traderd.paper.rest.call import Access, Call, Desk, Handler, Route, Routes, answer
from traderd.paper.rest.scope import asked_engine, asked_subaccount, check_engine
from traderd.paper.serving.http_server import Response
from traderd.paper.venue.records import OrderGroup


def routes(desk: Desk) -> Routes:
    """Return the routes of order groups."""
    groups = OrderGroups(desk)

    def read(handler: Handler) -> dict[str, Route]:
        return {"GET": Route(handler=handler)}

    def write(method: str, handler: Handler) -> dict[str, Route]:
        return {method: Route(handler=handler, access=Access.TRADE)}

    one = "/portfolio/order_groups/{}"
    return {
        "/portfolio/order_groups": read(groups.all),
        "/portfolio/order_groups/create": write("POST", groups.create),
        one: {**read(groups.one), **write("DELETE", groups.delete)},
        f"{one}/reset": write("PUT", groups.reset),
        f"{one}/trigger": write("PUT", groups.trigger),
        f"{one}/limit": write("PUT", groups.set_limit),
    }


@attrs.frozen
class OrderGroups:
    """Handlers over one desk."""

    desk: Desk

    def create(self, call: Call) -> Response:
        """`POST /portfolio/order_groups/create`: 201 exactly."""
        request = decode_request(
            call.request.body, wire.CreateOrderGroupRequest, "CreateOrderGroupRequest"
        )
        check_engine(request.exchange_index)
        subaccount = call.subaccount(request.subaccount) or 0
        limit = _limit(request.contracts_limit, request.contracts_limit_fp)
        self.desk.venue.pauses.check_changes()
        account = self.desk.venue.account(call.account_id)
        group = self.desk.venue.groups.create(
            account, self.desk.new_id(), limit, call.now, subaccount=subaccount
        )
        return answer(
            wire.CreatedOrderGroup(order_group_id=group.group_id, subaccount=subaccount), 201
        )

    def all(self, call: Call) -> Response:
        """`GET /portfolio/order_groups`: of every subaccount unless one is asked for."""
        subaccount = asked_subaccount(call, call.query("GetOrderGroups"))
        account = self.desk.venue.account(call.account_id)
        lines = [
            wire.OrderGroupLine(
                id=group.group_id,
                contracts_limit_fp=format_count(group.limit),
                is_auto_cancel_enabled=not group.triggered,
            )
            for group in account.groups.values()
            if subaccount in (None, group.subaccount)
        ]
        return answer(wire.OrderGroupList(order_groups=lines or UNSET))

    def one(self, call: Call) -> Response:
        """`GET /portfolio/order_groups/{order_group_id}`."""
        subaccount = asked_subaccount(call, call.query("GetOrderGroup"))
        group = self._find(call, subaccount)
        body = wire.OrderGroupDetails(
            is_auto_cancel_enabled=not group.triggered,
            contracts_limit_fp=format_count(group.limit),
            orders=[str(order_id) for order_id in self.desk.venue.groups.members(group)],
        )
        return answer(body)

    def reset(self, call: Call) -> Response:
        """`PUT …/reset`: counts from zero and takes orders again."""
        self.desk.venue.groups.reset(self._written(call, "ResetOrderGroup"), call.now)
        return answer({})

    def trigger(self, call: Call) -> Response:
        """`PUT …/trigger`: cancels the group's orders and takes none until it is reset."""
        self.desk.venue.groups.trigger(self._written(call, "TriggerOrderGroup"), call.now)
        return answer({})

    def set_limit(self, call: Call) -> Response:
        """`PUT …/limit`."""
        group = self._written(call, "UpdateOrderGroupLimit")
        request = decode_request(
            call.request.body, wire.OrderGroupLimitRequest, "UpdateOrderGroupLimitRequest"
        )
        limit = _limit(request.contracts_limit, request.contracts_limit_fp)
        self.desk.venue.groups.set_limit(group, limit, call.now)
        return answer({})

    def delete(self, call: Call) -> Response:
        """`DELETE /portfolio/order_groups/{order_group_id}`: cancels its orders too."""
        self.desk.venue.groups.delete(self._written(call, "DeleteOrderGroup"), call.now)
        return answer({})

    def _written(self, call: Call, operation: str) -> OrderGroup:
        """Return the group that a write is about: one of subaccount 0 unless another is asked for."""
        query = call.query(operation)
        check_engine(asked_engine(query))
        subaccount = asked_subaccount(call, query) or 0
        self.desk.venue.pauses.check_changes()
        return self._find(call, subaccount)

    def _find(self, call: Call, subaccount: int | None) -> OrderGroup:
        venue = self.desk.venue
        return venue.groups.find(
            venue.account(call.account_id), call.parameter, subaccount=subaccount
        )


def _limit(whole: int | None, text: str | None) -> Count:
    """Return a limit that may come as whole contracts, as a decimal text, or as both alike."""
    if text is None:
        if whole is None:
            raise missing_parameter("contracts_limit")
        return Count(whole * ONE_CONTRACT)
    try:
        limit = parse_count(text)
    except UnitError as exc:
        raise invalid_parameters(f"contracts_limit_fp: {exc}") from exc
    if whole is not None and whole * ONE_CONTRACT != limit:
        raise invalid_parameters("contracts_limit and contracts_limit_fp must match")
    return limit
