"""The QuartTrio application: what is put together, what every answer carries, how errors look.

Owns: that the gate is asked before any route, security headers, error bodies.
Must not: know a route's content (`reads` and `api` do), who may ask (`gate` does) or open sockets (`server` does).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import trio
from quart import Request, Response, Websocket, request, websocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from traderd.errors import BadInput
from traderd.web import api
from traderd.web.access import AccessRules
from traderd.web.gate import Gate
from traderd.web.live import LiveHub, TooManyClients
from traderd.web.loop_share import Pace
from traderd.web.openapi import add_openapi
from traderd.web.plugin_routes import PluginRouteHost, add_plugin_routes
from traderd.web.reads import add_pages, add_reads
from traderd.web.seldom import DefectLog
from traderd.web.source import ConsoleSource

BODY_MAX_BYTES: Final = 64 * 1024
"""Bounds a request body; the longest command has a few hundred bytes."""

BODY_BUDGET_S: Final = 10
"""Bounds the wait for a body that was announced and does not come."""

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer.  Nothing is cached, so a page from before an upgrade never meets a newer daemon."""

CURES: Final = {
    405: "The header Allow names the methods that there are.",
    413: f"Send at most {BODY_MAX_BYTES} bytes.",
}
"""What helps against refusals of the framework."""


class Application(QuartTrio):
    """A QuartTrio that does without asyncio."""

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Return a handler as one that can be awaited; before Python 3.12 Quart asks all of asyncio whether it is, which takes a megabyte."""
        return func if inspect.iscoroutinefunction(func) else super().ensure_async(func)


def create_app(
    source: ConsoleSource,
    hub: LiveHub,
    *,
    access: AccessRules,
    stop: trio.Event,
    extra_routes: tuple[api.ReadRoute, ...] = (),
    plugin_routes: PluginRouteHost | None = None,
) -> QuartTrio:
    """Return the application; live streams end when `stop` is set.

    `extra_routes` are reads that others contribute, such as `/metrics`; `plugin_routes` serves what is under `/x/`.
    """
    app = Application("traderd.web", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.config["BODY_TIMEOUT"] = BODY_BUDGET_S
    # Without this, `//v3/health` is redirected, and a redirect is one answer more to reason about.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False

    gate = Gate(access)

    @app.before_request
    async def check_request() -> None:
        await wait_for_turn(gate, request)
        gate.check_caller(request)

    @app.before_websocket
    async def check_websocket() -> None:
        await wait_for_turn(gate, websocket)
        gate.check_caller(websocket)

    def check_command() -> None:
        gate.check_command(request)

    @app.after_request
    async def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    app.register_error_handler(api.Refusal, answer_refusal)
    app.register_error_handler(TooManyClients, answer_too_many_clients)
    app.register_error_handler(BadInput, answer_bad_input)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, partial(answer_defect, DefectLog("web.defect")))
    add_pages(app)
    add_reads(app, source, extra_routes)
    add_openapi(app, source, extra_routes, plugin_routes)
    api.add_commands(app, source, check_command=check_command)
    if plugin_routes is not None:
        add_plugin_routes(app, plugin_routes, check_command=check_command)
    api.add_live_stream(app, hub, stop)
    return app


async def wait_for_turn(gate: Gate, asked: Request | Websocket) -> None:
    """Let operators and the Unix socket, which has no pace, pass at once, and nobody else. Cancelling is safe."""
    state: dict[str, Any] = asked.scope.get("state") or {}
    pace: Pace | None = state.get("pace")
    if pace is not None:
        pace.serve(is_operator=gate.is_operator(asked))
        await pace.turn()


async def answer_refusal(refusal: api.Refusal) -> Response:
    """Turn a refusal into its answer."""
    answer = error_answer(refusal.status, refusal.code, refusal.sentence, refusal.cure)
    answer.headers.update(refusal.headers)
    return answer


async def answer_too_many_clients(error: TooManyClients) -> Response:
    """Turn away a console when the hub is full."""
    cure = "Close consoles that nobody looks at, or wait until one is closed."
    return error_answer(503, "too_many_clients", f"{error}.", cure)


async def answer_bad_input(error: BadInput) -> Response:
    """Turn a value that a caller got wrong into a 400."""
    return error_answer(400, "bad_input", f"{error}", "Correct the value and send it again.")


async def answer_http_error(error: HTTPException) -> Response:
    """Turn what the framework refuses (no such path, wrong method, too large) into our shape."""
    status = error.code or 500
    code = error.name.lower().replace(" ", "_")
    cure = CURES.get(status, "See /v3/openapi.json for what can be asked.")
    answer = error_answer(status, code, f"{error.description}", cure)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers["Allow"] = value
    return answer


async def answer_defect(defects: DefectLog, error: Exception) -> Response:
    """Log a defect and tell the caller nothing of it."""
    defects.note(error)
    cure = "The daemon goes on; the log has the details under web.defect."
    return error_answer(500, "defect", "The daemon could not answer because of a defect.", cure)


def error_answer(status: int, code: str, sentence: str, cure: str) -> Response:
    """Return an error as an answer."""
    response = api.json_answer(api.error_document(code, sentence, cure), status)
    # Answers to a refused WebSocket upgrade do not pass `add_headers`.
    response.headers.update(HEADERS)
    return response
