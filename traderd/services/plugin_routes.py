"""Calls the routes of plugins for the console's server.

Owns: the time of one answer, the check of what came, and that a route which fails is a 500 with the plugin's name and nothing
else. Imported only when the console is wanted.
Must not: judge who may ask; the web does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import trio

from traderd.errors import FOREIGN_FAILURES, BadInput
from traderd.model import events as ev
from traderd.model.commands import Command, Outcome
from traderd.model.states import State
from traderd.runtime.inbox import Policy
from traderd.services.context import Context
from traderd.services.extensions import Owned, Route, RouteAnswer, RouteRequest
from traderd.services.notice_board import notices_document
from traderd.services.plugin_metrics import look_now
from traderd.web.api import COMMAND_BUDGET_S, ReadRoute, Refusal
from traderd.web.plugin_routes import PATH
from traderd.web.schema_parts import NOTICES

READ_BUDGET_S: Final = 2.0
"""Bounds one GET: it reads what is in memory."""
GOODBYE_S: Final = 0.5
"""How long into the stop of the daemon a POST may go on: the whole stop takes five seconds at most."""
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bounds one answer."""
CONTENT_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?[a-z]+=[a-z0-9-]+)?", re.IGNORECASE)


def notices_route(context: Context) -> ReadRoute:
    """Return the read behind `traderd notify list`."""
    return ReadRoute(
        path="/v3/notices",
        content_type="application/json",
        body=lambda: msgspec.json.encode(notices_document(context.shared.notices, context.now())),
        summary="The notifiers, what is muted, alerts that nobody acknowledged, and the newest notices.",
        schema=NOTICES,
    )


class PluginRoutes:
    """Implements `web.plugin_routes.PluginRouteHost`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def listing(self) -> dict[str, Any]:
        """Return every route and what failed in plugins."""
        extensions = self._context.shared.extensions
        return {
            "routes": [
                {
                    "method": owned.item.method,
                    "path": f"{PATH}{owned.plugin}/{owned.item.path}",
                    "plugin": owned.plugin,
                    "meaning": owned.item.meaning,
                }
                for owned in extensions.routes
            ],
            "faults": [
                {
                    "plugin": fault.plugin,
                    "what": fault.what,
                    "where": fault.where,
                    "error": fault.error,
                    "count": fault.count,
                }
                for fault in extensions.faults.all()
            ],
        }

    async def answer(
        self,
        method: str,
        plugin: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Mapping[str, Any],
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body of a route's answer.

        Cancelling breaks off a read; a POST goes on, for half of a command would be worse than either outcome, but no longer
        than GOODBYE_S into the daemon's stop.

        Raises:
            Refusal: there is no such route, or the plugin failed.
            BadInput: the route does not take these values.
        """
        owned = self._find(method, plugin, path)
        is_read = method == "GET"
        request = RouteRequest(
            method=method,
            query=query,
            body=body,
            look=look_now(self._context),
            send=_read_only if is_read else self._context.send,
        )
        budget_s = READ_BUDGET_S if is_read else COMMAND_BUDGET_S
        with trio.move_on_after(budget_s, shield=not is_read):
            if is_read:
                return await self._call(owned, request)
            return await self._call_until_stop(owned, request)
        self._note(owned, TimeoutError(f"no answer within {budget_s:g} s"))
        raise _failure(504, f"The plugin {plugin} did not answer within {budget_s:g} s.")

    async def _call_until_stop(self, owned: Owned, request: RouteRequest) -> tuple[int, str, bytes]:
        """Wait for the answer, but let one that hangs not hold the stop of the daemon up."""
        answers: list[tuple[int, str, bytes]] = []
        failures: list[Exception] = []

        async def call() -> None:
            try:
                answers.append(await self._call(owned, request))
            except (Refusal, BadInput) as exc:
                failures.append(exc)
            waiting.cancel_scope.cancel(reason="the route has answered")

        with self._context.subscribe(ev.StateChanged, policy=Policy.LATEST, key=type) as states:
            async with trio.open_nursery() as waiting:
                waiting.start_soon(call)
                while self._context.view.state is not State.SHUTDOWN:
                    await states.receive()
                await trio.sleep(GOODBYE_S)
                waiting.cancel_scope.cancel(reason="the daemon stops")
        if answers:
            return answers[0]
        raise (
            failures[0]
            if failures
            else _failure(503, f"The daemon stopped before the plugin {owned.plugin} answered.")
        )

    def _find(self, method: str, plugin: str, path: str) -> Owned:
        routes = [
            owned
            for owned in self._context.shared.extensions.routes
            if owned.plugin == plugin and owned.item.path == path
        ]
        for owned in routes:
            if owned.item.method == method:
                if owned.in_use():
                    return owned
                cure = f"`traderd plugins list` tells why; mend it and run `traderd plugins reload {plugin}`."
                raise Refusal(503, "quarantined", f"The plugin {plugin} is quarantined.", cure)
        if routes:
            raise Refusal(
                405,
                "wrong_method",
                f"This route takes {routes[0].item.method}.",
                "Use that method.",
                headers={"Allow": ", ".join(sorted(owned.item.method for owned in routes))},
            )
        raise Refusal(
            404,
            "unknown_route",
            f"No plugin serves {PATH}{plugin}/{path}.",
            f"{PATH} lists the routes.",
        )

    async def _call(self, owned: Owned, request: RouteRequest) -> tuple[int, str, bytes]:
        route: Route = owned.item
        try:
            return _checked(await route.answer(request))
        except BadInput:
            raise
        except FOREIGN_FAILURES as exc:
            self._note(owned, exc)
            raise _failure(
                500, f"The plugin {owned.plugin} could not answer because of a defect of its own."
            ) from exc

    def _note(self, owned: Owned, error: BaseException) -> None:
        what = f"route {owned.item.method} {owned.item.path}"
        self._context.shared.extensions.faults.note(owned.plugin, what, error)


def _failure(status: int, sentence: str) -> Refusal:
    cure = f"{PATH} and the log have the file and line."
    return Refusal(status, "plugin_failed", sentence, cure)


def _checked(answer: Any) -> tuple[int, str, bytes]:
    if not isinstance(answer, RouteAnswer):
        raise TypeError(f"it must return a RouteAnswer, it returned {type(answer).__name__}")
    content = answer.body.encode() if isinstance(answer.body, str) else answer.body
    if not isinstance(content, bytes) or len(content) > BODY_BYTES_MAX:
        raise ValueError(f"its body must be a text or bytes, at most {BODY_BYTES_MAX} bytes")
    if not 200 <= answer.status < 600 or CONTENT_TYPE.fullmatch(answer.content_type) is None:
        raise ValueError(f"it has status {answer.status} and content type {answer.content_type!r}")
    return answer.status, answer.content_type, content


async def _read_only(command: Command) -> Outcome:
    raise BadInput(
        f"a GET only reads, so it cannot send {type(command).__name__}; use a POST route"
    )
