"""What only clearing members may ask over REST (Kalshi: fcm): nobody is one here.

Owns: that those paths are known and refused as Kalshi refuses everybody else, instead of being no paths at all.
Must not: know a subtrader.
"""

from __future__ import annotations

from typing import Final

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.paper.rest.call import Access, Call, Route, Routes
from traderd.paper.serving.http_server import Response

NOT_A_MEMBER: Final = Refusal(
    status=403, code="forbidden", message="this endpoint is for FCM members only"
)
PATHS: Final = {
    "/fcm/orders": ("GET",),
    "/fcm/fills": ("GET",),
    "/fcm/positions": ("GET",),
    "/fcm/positions/transfers": ("POST",),
    "/fcm/subtraders": ("GET", "POST"),
    "/fcm/subtraders/blocked_categories": ("GET", "PUT"),
    "/fcm/subtraders/event_contract_daily_cap": ("GET", "PUT", "DELETE"),
}


def routes() -> Routes:
    """Return the routes of clearing members."""
    return {path: {method: _route(method) for method in PATHS[path]} for path in PATHS}


def refused(call: Call) -> Response:
    """Whatever it is: the one who asks is no clearing member."""
    raise RequestRefused(NOT_A_MEMBER)


def _route(method: str) -> Route:
    access = Access.READ if method == "GET" else Access.WRITE
    return Route(handler=refused, access=access, account_wide=True)
