"""The QuartTrio application: who may ask, what every answer carries, how errors look.

Owns: the checks that run before any route (host, origin), the control token, security headers, error bodies.
Must not: know a route's content (`api` does) or open sockets (`server` does).

The threat is a web page in the same browser, and whoever else uses the machine.  Reads are for everybody
who reaches the port; verbs need the control token, which has 256 random bits, so guessing needs no throttle beyond
the constant-time comparison.  Over the Unix socket the file's mode is the check.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

import attrs
import msgspec
import structlog
import trio
from quart import Request, Response, Websocket, request, websocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from traderd.errors import BadInput, ConfigError
from traderd.web import api
from traderd.web.live import LiveHub, TooManyClients
from traderd.web.plugin_routes import PluginRouteHost, add_plugin_routes
from traderd.web.source import ConsoleSource

BODY_MAX_BYTES: Final = 64 * 1024
"""Bounds a request body; the longest command has a few hundred bytes."""

BODY_BUDGET_S: Final = 10
"""Bounds the wait for a body that was announced and does not come."""

TOKEN_MIN_CHARACTERS: Final = 16
"""Bounds the control token from below: a shorter one is a mistake in a configuration, not a secret."""

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")

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

log = structlog.get_logger("traderd.web")


@attrs.frozen(kw_only=True)
class AccessRules:
    """Who may use the console.

    `allowed_hosts` are host names without port, as they appear in the browser's address bar: a page of an
    attacker whose name was made to point at this machine carries another one (DNS rebinding).
    """

    control_token: str = attrs.field(repr=False)
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")

    def __attrs_post_init__(self) -> None:
        if len(self.control_token) < TOKEN_MIN_CHARACTERS:
            raise ConfigError(
                f"the control token has fewer than {TOKEN_MIN_CHARACTERS} characters: "
                "delete its file, and the daemon makes a new one"
            )

    def knows_host(self, host: str) -> bool:
        """Tell whether a `Host` header names this daemon, with any port."""
        name, colon, port = host.lower().rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host.lower(), ""
        # str.isdigit alone would also take digits of other scripts.
        port_is_plain = not port or (port.isascii() and port.isdigit())
        return port_is_plain and name in self.allowed_hosts

    def knows_token(self, authorization: str) -> bool:
        """Tell whether an `Authorization` header carries the control token, in constant time."""
        expected = f"Bearer {self.control_token}".encode()
        return hmac.compare_digest(authorization.encode("utf-8", "surrogateescape"), expected)


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
    app = QuartTrio("traderd.web", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX_BYTES
    app.config["BODY_TIMEOUT"] = BODY_BUDGET_S
    # Without this, `//v3/health` is redirected, and a redirect is one answer more to reason about.
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False

    @app.before_request
    async def check_request() -> None:
        check_caller(access, request, writes=request.method not in SAFE_METHODS)

    @app.before_websocket
    async def check_websocket() -> None:
        check_caller(access, websocket, writes=True)

    @app.after_request
    async def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    app.register_error_handler(api.Refusal, answer_refusal)
    app.register_error_handler(TooManyClients, answer_too_many_clients)
    app.register_error_handler(BadInput, answer_bad_input)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_defect)
    api.add_pages(app)
    api.add_reads(app, source, extra_routes)
    api.add_commands(app, source, may_command=lambda: may_command(access, request))
    if plugin_routes is not None:
        add_plugin_routes(app, plugin_routes, may_command=lambda: may_command(access, request))
    api.add_live_stream(app, hub, stop)
    return app


def came_over_unix_socket(asked: Request | Websocket) -> bool:
    """Tell whether a connection came over the Unix socket; only `server` can say so, no header can."""
    state: dict[str, Any] = asked.scope.get("state") or {}
    return state.get("local_socket") is True


def check_caller(access: AccessRules, asked: Request | Websocket, *, writes: bool) -> None:
    """Refuse a caller that a browser was tricked into being.

    Raises:
        Refusal: 421 for a host that is not ours, 403 for a write or a live stream from another origin.
    """
    if came_over_unix_socket(asked):
        return
    host = asked.headers.get("Host", "")
    if not access.knows_host(host):
        log.warning("web.refused", reason="host", host=host, path=asked.path)
        raise api.Refusal(
            421,
            "unknown_host",
            "This daemon does not answer to the host name of the request.",
            "Use http://127.0.0.1 or http://localhost with the same port.",
        )
    origin = asked.headers.get("Origin")
    # A program sends no Origin, a browser always does.  Same host and port as the request: another
    # page on this machine has another port.
    if writes and origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
        log.warning("web.refused", reason="origin", origin=origin, path=asked.path)
        raise api.Refusal(
            403,
            "foreign_origin",
            "The request comes from a page of another origin.",
            "Use the console of this daemon, or send no Origin header from a program.",
        )


def may_command(access: AccessRules, asked: Request) -> bool:
    """Tell whether a request may give orders; a wrong token is logged."""
    if came_over_unix_socket(asked):
        return True
    authorization = asked.headers.get("Authorization", "")
    allowed = access.knows_token(authorization)
    if not allowed:
        log.warning("web.refused", reason="token", given=bool(authorization), path=asked.path)
    return allowed


async def answer_refusal(refusal: api.Refusal) -> Response:
    """Turn a refusal into its answer."""
    return error_answer(refusal.status, refusal.code, refusal.sentence, refusal.cure)


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
    cure = {413: f"Send at most {BODY_MAX_BYTES} bytes."}.get(status, "See /v3/status for a start.")
    answer = error_answer(status, code, f"{error.description}", cure)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers["Allow"] = value
    return answer


async def answer_defect(error: Exception) -> Response:
    """Log a defect in full and tell the caller nothing of it."""
    log.error("web.defect", exc_info=error)
    cure = "The daemon goes on; the log has the details under web.defect."
    return error_answer(500, "defect", "The daemon could not answer because of a defect.", cure)


def error_answer(status: int, code: str, sentence: str, cure: str) -> Response:
    """Return an error in the one shape that all of them have."""
    body = {"error": {"code": code, "sentence": sentence, "cure": cure}}
    response = Response(msgspec.json.encode(body), status=status, content_type="application/json")
    # Answers to a refused WebSocket upgrade do not pass `add_headers`.
    response.headers.update(HEADERS)
    return response
