"""Kalshi's V2 REST interface over the venue: routes, who may use them, and errors.

Owns: the table of routes and the order of checks: route, signature, scope, rate limit, content type, handler.
Every change is broadcast before its reply leaves, so REST and WebSocket never disagree.
Must not: hold a rule of trading (`venue`), or move bytes (`http_server`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import unquote, urlencode

import attrs
import trio

from traderd.errors import BadInput
from traderd.kalshi.wire.errors import ErrorShape, Refusal, RequestRefused
from traderd.model.units import Timestamp
from traderd.paper import choices
from traderd.paper.auth_check import ApiKey, check_access, has_credentials
from traderd.paper.rest import (
    account,
    api_keys,
    balance,
    batches,
    candles,
    cash,
    communications,
    elsewhere,
    events,
    exchange_info,
    fcm,
    fee_changes,
    fills,
    historical,
    historical_portfolio,
    markets,
    order_groups,
    order_reads,
    orderbooks,
    orders_v1,
    orders_v2,
    positions,
    series,
    settlements,
    subaccounts,
    trades,
)
from traderd.paper.rest.call import Call, Desk, Route, Routes, Slow, refusal_of, refuse
from traderd.paper.serving.http_server import Request, Response
from traderd.paper.venue.messages import VenueRefusal
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


def routes_of(desk: Desk) -> Routes:
    """Return every route; literal paths come before those with a parameter in the same place."""
    parts = (
        exchange_info.routes(desk),
        markets.routes(desk),
        orderbooks.routes(desk),
        trades.routes(desk),
        candles.routes(desk),
        events.routes(desk),
        series.routes(desk),
        fee_changes.routes(desk),
        historical.routes(desk),
        elsewhere.routes(desk),
        orders_v2.routes(desk),
        batches.routes(desk),
        orders_v1.routes(desk),
        order_reads.routes(desk),
        fills.routes(desk),
        positions.routes(desk),
        balance.routes(desk),
        settlements.routes(desk),
        historical_portfolio.routes(desk),
        order_groups.routes(desk),
        subaccounts.routes(desk),
        cash.routes(desk),
        communications.routes(desk),
        fcm.routes(),
        api_keys.routes(desk),
        account.routes(desk),
    )
    table: Routes = {}
    for part in parts:
        for template, methods in part.items():
            table.setdefault(template, {}).update(methods)
    table |= account.cost_routes(PREFIX, table)
    return dict(sorted(table.items(), key=lambda item: precedence(item[0])))


def precedence(template: str) -> tuple[bool, ...]:
    """Return the order in which templates are tried: segment by segment, words before parameters."""
    return tuple(segment == PARAMETER for segment in template.split("/"))


class RestApi:
    """Answers requests.

    Handlers are synchronous, so no two requests ever mix; only `Slow` answers wait. What goes wrong on purpose
    happens before and after it, in `faults.request_door`.
    """

    def __init__(
        self,
        *,
        env: Env,
        desk: Desk,
        now: Callable[[], Timestamp],
        settle: Callable[[], None],
    ) -> None:
        """Answer for the desk's venue.

        Args:
            env: its wall clock judges the clients' signatures.
            desk: what the handlers share: the venue, who may ask, how the exchange behaves.
            now: the exchange's own clock, which never goes back.
            settle: expires what is due and broadcasts what happened.
        """
        self._env = env
        self._now = now
        self._keys = desk.keys
        self._limits = desk.limits
        self._settle = settle
        # One at a time: clients that ask for keys all at once must not take every core from the others.
        self._slow_work = trio.CapacityLimiter(1)
        self._literal: Routes = {}
        self._templates: list[tuple[list[str], dict[str, Route]]] = []
        for template, methods in routes_of(desk).items():
            if PARAMETER in template:
                self._templates.append((template.split("/"), methods))
            else:
                self._literal[template] = methods

    async def handle(self, request: Request) -> Response:
        """Carry out one request and return its reply.  Cancelling does not undo what was done."""
        # What is due happens first, so that no request meets an order that has expired.
        self._settle()
        answered = _mapped(partial(self._dispatch, request))
        if isinstance(answered, Slow):
            async with self._slow_work:
                result = await self._env.run_blocking(answered.work)
            answered = _mapped(partial(answered.finish, result))
        self._settle()
        assert isinstance(answered, Response)
        return answered

    def _dispatch(self, request: Request) -> Response | Slow:
        if not request.path.startswith(PREFIX + "/"):
            return _no_route()
        if request.path.endswith("/"):
            return _without_slash(request)
        found = self._find(request.path.removeprefix(PREFIX))
        if found is None:
            return _no_route()
        methods, parameters = found
        # HEAD is GET whose body the connection does not send.
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            return _wrong_method(methods)
        key = self._authenticate(request, route)
        call = Call(request=request, parameters=parameters, key=key, now=self._now())
        self._charge(call, route)
        if request.method in ("POST", "PUT") and route.takes_body and not _is_json(request):
            raise RequestRefused(NOT_JSON)
        return route.handler(call)

    def _authenticate(self, request: Request, route: Route) -> ApiKey | None:
        if route.is_public and not has_credentials(request.headers):
            return None
        wall = Timestamp(self._env.wall_ns())
        key = self._keys.authenticate(request.method, request.path, request.headers, wall)
        check_access(key, route.scope, account_wide=route.account_wide)
        return key

    def _charge(self, call: Call, route: Route) -> None:
        if call.key is None and choices.ANONYMOUS_READS_ARE_FREE:
            return
        self._limits.take(call.account_id, route.cost_of(call), call.now, is_write=route.is_write)

    def _find(self, path: str) -> tuple[dict[str, Route], tuple[str, ...]] | None:
        literal = self._literal.get(path)
        if literal is not None:
            return literal, ()
        segments = path.split("/")
        for template, methods in self._templates:
            if len(template) != len(segments):
                continue
            parameters: list[str] = []
            for wanted, given in zip(template, segments, strict=True):
                if wanted == PARAMETER and given:
                    parameters.append(unquote(given))
                elif wanted != given:
                    break
            else:
                return methods, tuple(parameters)
        return None


def _mapped(step: Callable[[], Response | Slow]) -> Response | Slow:
    """Take one step of a request; what refuses it becomes the answer."""
    try:
        return step()
    except (RequestRefused, VenueRefusal) as exc:
        return refuse(refusal_of(exc))
    except BadInput as exc:
        # The model's own checks: whatever a handler let through, the fault is the client's.
        return refuse(
            Refusal(
                status=400,
                code="invalid_parameters",
                message="invalid parameters",
                details=str(exc),
            )
        )


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _no_route() -> Response:
    # Not `not_found`: that is what the cancel of a finished order answers, and clients act on it.
    return refuse(Refusal(status=404, code="page_not_found", message="page not found"))


def _wrong_method(methods: dict[str, Route]) -> Response:
    refusal = Refusal(status=405, code="method_not_allowed", message="method not allowed")
    response = refuse(refusal)
    names = {*methods, "HEAD"} if "GET" in methods else set(methods)
    allowed = ("allow", ", ".join(sorted(names)))
    return attrs.evolve(response, headers=(*response.headers, allowed))


def _without_slash(request: Request) -> Response:
    query = f"?{urlencode(request.query)}" if request.query else ""
    location = ("location", request.path.rstrip("/") + query)
    return Response(status=301, headers=(location,))
