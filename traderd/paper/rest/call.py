"""What a REST handler gets and gives.

Owns: one call with its route's parameters, and answers as JSON.
Must not: know a route or the venue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
import msgspec

from traderd.kalshi.wire.errors import Refusal
from traderd.model.units import Timestamp
from traderd.paper.rest.query import Query
from traderd.paper.serving.http_server import Request, Response


@attrs.frozen(kw_only=True)
class Call:
    """One request that found its route and passed the checks before it."""

    request: Request
    parameter: str
    """What stands for `{…}` in the route's path, percent-decoded; `""` without one."""
    account_id: str
    """`""` on a public route that nobody signed."""
    now: Timestamp

    def query(self, operation: str) -> Query:
        """Return the query's reader; `operation` is the name in its errors."""
        return Query(operation, self.request.query)


Handler: TypeAlias = Callable[[Call], Response]


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(status=status, body=msgspec.json.encode(value))


def refuse(refusal: Refusal) -> Response:
    """Return a refusal in its shape."""
    return Response(status=refusal.status, body=refusal.body())
