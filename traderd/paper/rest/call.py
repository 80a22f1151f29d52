"""What a REST handler gets and gives, and how a route is described.

Owns: one call with its route's parameters, the desk that all handlers share, routes, and answers as JSON.
Must not: know a path.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from traderd.kalshi.wire.errors import Refusal, RequestRefused
from traderd.model.units import Timestamp
from traderd.paper.auth_check import ApiKey, KeyRegistry, own_subaccount
from traderd.paper.rate_limits import RateLimits
from traderd.paper.rest.query import Query
from traderd.paper.serving.http_server import Request, Response
from traderd.paper.settings import ExchangeSettings
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.records import Position
from traderd.paper.venue.venue import Venue

PositionReads: TypeAlias = Callable[[str, int | None, Timestamp], tuple[Position, ...]]
"""(account id, subaccount or None for all, now) to positions; raises VenueRefusal."""

COST_DEFAULT: Final = 10
"""Tokens of a request that is not listed otherwise (Kalshi: rate limits)."""


@attrs.frozen(kw_only=True)
class Desk:
    """What every handler may use."""

    venue: Venue
    keys: KeyRegistry
    settings: ExchangeSettings
    new_id: Callable[[], str]
    positions: PositionReads = attrs.field(
        default=attrs.Factory(lambda desk: _as_they_are(desk.venue), takes_self=True)
    )
    """What reads of positions answer with, which a fault may let lag behind the venue's own."""
    limits: RateLimits = attrs.field(
        default=attrs.Factory(lambda desk: RateLimits(desk.settings.tier), takes_self=True)
    )


def _as_they_are(venue: Venue) -> PositionReads:
    return lambda account_id, subaccount, now: venue.positions(account_id, subaccount)


@attrs.frozen(kw_only=True)
class Call:
    """One request that found its route and passed the checks before it."""

    request: Request
    parameters: tuple[str, ...] = ()
    """What stands for each `{}` in the route's path, percent-decoded."""
    key: ApiKey | None = None
    """Who signed; None on a public route that nobody signed."""
    now: Timestamp

    @property
    def parameter(self) -> str:
        """The first parameter of the path."""
        return self.parameters[0]

    @property
    def account_id(self) -> str:
        """Whose request it is, `""` for nobody's."""
        return self.key.account_id if self.key is not None else ""

    def subaccount(self, asked: int | None) -> int | None:
        """Return which subaccount to act on: the one asked for, else a locked key's, else None.

        Raises:
            RequestRefused: 403: a locked key asks for another one.
        """
        return own_subaccount(self.key, asked)

    def query(self, operation: str) -> Query:
        """Return the query's reader; `operation` is the name in its errors."""
        return Query(operation, self.request.query)


@attrs.frozen
class Slow:
    """What a handler gives when its answer needs slow work: that runs off the loop, and `finish` back on it."""

    work: Callable[[], Any]
    """Must not touch anything that others may change meanwhile."""
    finish: Callable[[Any], Response]
    """Gets what the work returned."""


Handler: TypeAlias = Callable[[Call], Response | Slow]


@attrs.frozen
class PerItem:
    """What a batch costs: the tokens of all its items at once."""

    tokens: int
    """For each."""
    count: Callable[[Call], int]
    """How many items a request holds."""

    def __call__(self, call: Call) -> int:
        """Return what one request costs."""
        return self.tokens * self.count(call)


class Access(enum.Enum):
    """Who may use a route (Kalshi: key scopes)."""

    PUBLIC = "public"
    READ = "read"
    BALANCE = "read::portfolio_balance"
    BLOCK_TRADES = "read::block_trade_accept"
    WRITE = "write"
    TRADE = "write::trade"
    TRANSFER = "write::transfer"
    BLOCK_ACCEPT = "write::block_trade_accept"


@attrs.frozen(kw_only=True)
class Route:
    """One method of one path."""

    handler: Handler
    access: Access = Access.READ
    cost: int | PerItem = COST_DEFAULT
    """In tokens."""
    account_wide: bool = False
    """Whether it reaches beyond one subaccount, so that keys locked to one may not use it."""

    takes_body: bool = True
    """Whether a POST or PUT must say that its body is JSON; False where the schema knows no body at all."""

    @property
    def listed_cost(self) -> int:
        """What the list of costs says: a batch's is that of one item."""
        return self.cost if isinstance(self.cost, int) else self.cost.tokens

    def cost_of(self, call: Call) -> int:
        """Return what one request costs, in tokens."""
        return self.cost if isinstance(self.cost, int) else self.cost(call)

    @property
    def scope(self) -> str:
        """What a key needs for it, `""` for nothing."""
        return "" if self.is_public else self.access.value

    @property
    def is_public(self) -> bool:
        """Tell whether it needs no signature."""
        return self.access is Access.PUBLIC

    @property
    def is_write(self) -> bool:
        """Tell whether it draws on the write bucket.  Kalshi: orders, groups, quotes; everything else reads."""
        return self.access in (Access.TRADE, Access.BLOCK_ACCEPT)


Routes: TypeAlias = dict[str, dict[str, Route]]
"""Path templates below the prefix, each with its methods; `{}` is one segment."""


def public(handler: Handler) -> dict[str, Route]:
    """Return the methods of a path that everybody may read."""
    return {"GET": Route(handler=handler, access=Access.PUBLIC)}


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(status=status, body=msgspec.json.encode(value))


def refusal_of(refused: RequestRefused | VenueRefusal) -> Refusal:
    """Return what either kind of refusal says."""
    if isinstance(refused, RequestRefused):
        return refused.refusal
    return Refusal(
        status=refused.status,
        code=refused.code,
        message=refused.message,
        details=refused.details,
    )


def refuse(refusal: Refusal) -> Response:
    """Return a refusal in its shape."""
    return Response(status=refusal.status, body=refusal.body())
