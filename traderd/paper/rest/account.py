"""An account's limits over REST: its tier, what endpoints cost, and how tiers are earned (Kalshi: rate limits).

Owns: `/account/...`. Costs are read off the table of routes, so that they are never another story than what is charged.
Must not: charge anything itself.
"""

from __future__ import annotations

from typing import Final

import attrs

from traderd.kalshi.wire import account as wire
from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import NS_PER_S, Count, format_count
from traderd.paper import choices
from traderd.paper.rate_limits import TIER_LIMITS, BucketSize
from traderd.paper.rest.call import COST_DEFAULT, Access, Call, Desk, Route, Routes, answer
from traderd.paper.serving.http_server import Response
from traderd.paper.settings import Tier

UPGRADE_COST: Final = 30
MONTH_NS: Final = 30 * 86_400 * NS_PER_S
GOAL_SHARES: Final = {
    Tier.EXPERT: (750, 500),
    Tier.PREMIER: (1_250, 1_000),
    Tier.PARAGON: (2_500, 2_000),
    Tier.PRIME: (5_000, 4_000),
    Tier.PRESTIGE: (10_000, 8_000),
}
"""Volume that earns and that keeps a tier, in millionths of twice the exchange's (Kalshi: rate limits and tiers)."""
PARAMETER_NAMES: Final = {
    "orders": "order_id",
    "quotes": "quote_id",
    "rfqs": "rfq_id",
    "order_groups": "order_group_id",
}
"""What stands after a word of a path, as Kalshi names it in its list of costs."""
NO_ORDERS_YET: Final = Refusal(
    status=403,
    code="forbidden",
    message="upgrading needs at least one order created via the API",
)


def routes(desk: Desk) -> Routes:
    """Return the routes of an account's limits, the list of costs apart."""
    limits = AccountLimits(desk)
    level = "/account/api_usage_level"
    return {
        "/account/limits": {"GET": Route(handler=limits.limits)},
        f"{level}/volume_progress": {"GET": Route(handler=limits.progress, account_wide=True)},
        f"{level}/upgrade": {
            "POST": Route(
                handler=limits.upgrade,
                access=Access.WRITE,
                cost=UPGRADE_COST,
                account_wide=True,
                takes_body=False,
            )
        },
    }


def cost_routes(prefix: str, table: Routes) -> Routes:
    """Return the route that lists what the routes of a table cost."""
    costs = wire.EndpointCostList(default_cost=COST_DEFAULT, endpoint_costs=costs_of(prefix, table))

    def endpoint_costs(call: Call) -> Response:
        return answer(costs)

    return {"/account/endpoint_costs": {"GET": Route(handler=endpoint_costs, access=Access.PUBLIC)}}


def costs_of(prefix: str, table: Routes) -> list[wire.EndpointCost]:
    """Return what costs something else than the default, by path; a batch is listed with what one item costs."""
    costs = [
        wire.EndpointCost(method=method, path=prefix + shown_path(template), cost=route.listed_cost)
        for template, methods in table.items()
        for method, route in methods.items()
        if route.listed_cost != COST_DEFAULT
    ]
    return sorted(costs, key=lambda cost: (cost.path, cost.method))


def shown_path(template: str) -> str:
    """Return a template with named parameters: `/portfolio/orders/:order_id`."""
    segments = template.split("/")
    for index, segment in enumerate(segments):
        if segment == "{}":
            before = segments[index - 1]
            segments[index] = ":" + PARAMETER_NAMES.get(before, "id")
    return "/".join(segments)


@attrs.frozen
class AccountLimits:
    """Handlers over one desk."""

    desk: Desk

    def limits(self, call: Call) -> Response:
        """`GET /account/limits`."""
        tier = self.desk.limits.shown_tier(call.account_id)
        sizes = TIER_LIMITS[tier]
        grants = [
            wire.UsageGrant(
                exchange_instance="event_contract", level=granted.value, source="manual"
            )
            for granted in self.desk.limits.grants(call.account_id)
        ]
        body = wire.AccountLimitsBody(
            usage_tier=tier.value,
            read=_bucket(sizes.read),
            write=_bucket(sizes.write),
            grants=grants,
        )
        return answer(body)

    def progress(self, call: Call) -> Response:
        """`GET /account/api_usage_level/volume_progress`: what traded in 30 days, both roles."""
        traded = 0
        for fill in reversed(self.desk.venue.account(call.account_id).fills):
            if fill.at <= call.now - MONTH_NS:
                break
            traded += fill.count
        goals = [
            wire.VolumeGoal(
                level=tier.value,
                earn_volume_goal_fp=_goal(earned),
                keep_volume_goal_fp=_goal(kept),
            )
            for tier, (earned, kept) in GOAL_SHARES.items()
        ]
        progress = wire.VolumeProgress(
            computed_ts=call.now // NS_PER_S,
            trailing_30d_volume_fp=format_count(Count(traded)),
            goals=goals,
        )
        return answer(wire.VolumeProgressList(volume_progress=[progress]))

    def upgrade(self, call: Call) -> Response:
        """`POST /account/api_usage_level/upgrade`: 201 exactly; Advanced for good, after a first order."""
        if not self.desk.venue.account(call.account_id).orders:
            raise RequestRefused(NO_ORDERS_YET)
        self.desk.limits.grant(call.account_id, Tier.ADVANCED, call.now)
        return answer({}, 201)


def _bucket(size: BucketSize) -> wire.BucketLimit:
    return wire.BucketLimit(refill_rate=size.refill_rate, bucket_capacity=size.capacity)


def _goal(millionths: int) -> str:
    return format_count(Count(2 * choices.MONTH_VOLUME * millionths // 1_000_000))
