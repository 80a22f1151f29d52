"""Kalshi's V2 REST interface over the venue: routes, who may use them, and errors.

Owns: the table of routes and the order of checks: fault, route, signature, content type, handler. Every change is
broadcast before its reply leaves, so REST and WebSocket never disagree.
Must not: hold a rule of trading (`venue`), or move bytes (`http_server`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlencode

import attrs
import trio

from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused
from traderd.model.units import Timestamp
from traderd.paper.auth_check import KeyRegistry, has_credentials
from traderd.paper.faults import Faults
from traderd.paper.rest.call import Call, Handler, refuse
from traderd.paper.rest.portfolio import Portfolio
from traderd.paper.rest.public import PublicReads
from traderd.paper.serving.http_server import ConnectionDropped, Request, Response
from traderd.paper.venue.messages import VenueRefusal
from traderd.paper.venue.venue import Venue
from traderd.runtime.env import Env

PREFIX: Final = "/trade-api/v2"
PARAMETER: Final = "{}"

NOT_JSON: Final = Refusal(
    status=400,
    code="invalid_content_type",
    message="invalid content type",
    details="Content-Type must be application/json",
    shape=ErrorShape.FLAT,
)


@attrs.frozen
class Route:
    """One method of one path; `is_public` ones need no signature."""

    handler: Handler
    is_public: bool = False


def routes_of(venue: Venue, faults: Faults) -> dict[str, dict[str, Route]]:
    """Return path templates with their methods; literal ones come before those with a parameter."""
    public, private = PublicReads(venue, faults), Portfolio(venue)
    gone = Route(private.gone)
    table = {
        "/exchange/status": {"GET": Route(public.exchange_status, is_public=True)},
        "/markets": {"GET": Route(public.markets, is_public=True)},
        "/markets/trades": {"GET": Route(public.trades, is_public=True)},
        "/markets/{}": {"GET": Route(public.market, is_public=True)},
        "/markets/{}/orderbook": {"GET": Route(public.orderbook, is_public=True)},
        "/account/endpoint_costs": {"GET": Route(public.endpoint_costs, is_public=True)},
        "/account/limits": {"GET": Route(private.limits)},
        "/portfolio/events/orders": {"POST": Route(private.create_order)},
        "/portfolio/events/orders/{}": {"DELETE": Route(private.cancel_order)},
        "/portfolio/orders": {"GET": Route(private.orders), "POST": gone},
        "/portfolio/orders/batched": {"POST": gone, "DELETE": gone},
        "/portfolio/orders/{}": {"GET": Route(private.order), "DELETE": gone},
        "/portfolio/orders/{}/amend": {"POST": gone},
        "/portfolio/orders/{}/decrease": {"POST": gone},
        "/portfolio/fills": {"GET": Route(private.fills)},
        "/portfolio/positions": {"GET": Route(private.positions)},
        "/portfolio/balance": {"GET": Route(private.balance)},
    }
    return dict(sorted(table.items(), key=lambda item: PARAMETER in item[0]))


class RestApi:
    """Answers requests; every method is synchronous but `handle`, which may keep a reply back."""

    def __init__(
        self,
        *,
        env: Env,
        venue: Venue,
        keys: KeyRegistry,
        faults: Faults,
        now: Callable[[], Timestamp],
        settle: Callable[[], None],
    ) -> None:
        """Answer for `venue`.

        Args:
            env: its wall clock judges the clients' signatures.
            venue: what is asked and changed.
            keys: who may ask.
            faults: what goes wrong on purpose.
            now: the exchange's own clock, which never goes back.
            settle: expires what is due and broadcasts what happened.
        """
        self._env = env
        self._now = now
        self._keys = keys
        self._faults = faults
        self._settle = settle
        self._routes = [
            (template.split("/"), methods) for template, methods in routes_of(venue, faults).items()
        ]

    async def handle(self, request: Request) -> Response:
        """Carry out one request and return its reply.

        Cancelling during a delayed reply does not undo what was done.

        Raises:
            ConnectionDropped: a fault takes the request or its reply away.
        """
        method, path = request.method, request.path.removeprefix(PREFIX)
        if self._faults.takes_request(method, path):
            raise ConnectionDropped("a fault takes the request away")
        if self._faults.request_delay_s:
            await trio.sleep(self._faults.request_delay_s)
        refusal = self._faults.refusal_of(path) or self._faults.pause_refusal(method, path)
        response = refuse(refusal) if refusal is not None else self._answer(request)
        spoiled = self._faults.spoils_reply(method, path)
        if spoiled is not None:
            response = refuse(spoiled)
        reply_is_lost = self._faults.takes_reply(method, path)
        if self._faults.reply_delay_s:
            await trio.sleep(self._faults.reply_delay_s)
        if reply_is_lost:
            raise ConnectionDropped("a fault takes the reply away")
        return response

    def _answer(self, request: Request) -> Response:
        # What is due happens first, so that no request meets an order that has expired.
        self._settle()
        try:
            response = self._dispatch(request)
        except RequestRefused as exc:
            response = refuse(exc.refusal)
        except VenueRefusal as exc:
            response = refuse(
                Refusal(status=exc.status, code=exc.code, message=exc.message, details=exc.details)
            )
        self._settle()
        return response

    def _dispatch(self, request: Request) -> Response:
        if not request.path.startswith(PREFIX + "/"):
            return _no_route()
        if request.path.endswith("/"):
            return _without_slash(request)
        found = self._find(request.path.removeprefix(PREFIX))
        if found is None:
            return _no_route()
        methods, parameter = found
        # HEAD is GET whose body the connection does not send.
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            return _wrong_method(methods)
        account_id = ""
        if not route.is_public or has_credentials(request.headers):
            wall = Timestamp(self._env.wall_ns())
            account_id = self._keys.authenticate(
                request.method, request.path, request.headers, wall
            )
        if request.method in ("POST", "PUT") and not _is_json(request):
            raise RequestRefused(NOT_JSON)
        return route.handler(
            Call(request=request, parameter=parameter, account_id=account_id, now=self._now())
        )

    def _find(self, path: str) -> tuple[dict[str, Route], str] | None:
        segments = path.split("/")
        for template, methods in self._routes:
            if len(template) != len(segments):
                continue
            parameter = ""
            for wanted, given in zip(template, segments, strict=True):
                if wanted == PARAMETER and given:
                    parameter = unquote(given)
                elif wanted != given:
                    break
            else:
                return methods, parameter
        return None


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _no_route() -> Response:
    # Not `not_found`: that is what the cancel of a finished order answers, and clients act on it.
    return refuse(Refusal(status=404, code="page_not_found", message="page not found"))


def _wrong_method(methods: dict[str, Route]) -> Response:
    refusal = Refusal(status=405, code="method_not_allowed", message="method not allowed")
    response = refuse(refusal)
    allowed = ("allow", ", ".join(sorted(methods)))
    return attrs.evolve(response, headers=(*response.headers, allowed))


def _without_slash(request: Request) -> Response:
    query = f"?{urlencode(request.query)}" if request.query else ""
    location = ("location", request.path.rstrip("/") + query)
    return Response(status=301, headers=(location,))
