"""The description of the API: an OpenAPI 3.1 document, made from the tables that also make the routes.

Owns: `/v3/openapi.json`.
Must not: list a route by hand that a table already has (a test walks the served routes and this document both ways).
"""

from __future__ import annotations

from typing import Any, Final

from quart import Response
from quart_trio import QuartTrio

from traderd import __version__
from traderd.web.api import ReadRoute, json_answer
from traderd.web.assets import TABLE
from traderd.web.plugin_routes import PATH as PLUGINS_PATH
from traderd.web.plugin_routes import PluginRouteHost
from traderd.web.reads import READS, Read
from traderd.web.repeats import KEY
from traderd.web.schema_live import ASKED, MESSAGES, message_schema
from traderd.web.schema_parts import LOG_LINE, OUTCOME, OUTCOME_STATUSES, PLUGIN_LISTING
from traderd.web.schema_status import (
    ACCOUNT,
    HALT,
    HEALTH,
    RECONCILIATION,
    STATUS,
    TRANSITION,
)
from traderd.web.schema_trading import BOOK, FILL, ORDER, POSITION
from traderd.web.schema_words import ERROR, Schema, named
from traderd.web.source import ConsoleSource

PATH: Final = "/v3/openapi.json"
JSON: Final = "application/json"

COMPONENTS: Final[dict[str, Schema]] = {
    "Error": ERROR,
    "Outcome": OUTCOME,
    "Health": HEALTH,
    "Status": STATUS,
    "Account": ACCOUNT,
    "Halt": HALT,
    "Transition": TRANSITION,
    "Order": ORDER,
    "Position": POSITION,
    "Fill": FILL,
    "Book": BOOK,
    "LogLine": LOG_LINE,
    "Reconciliation": RECONCILIATION,
}
"""The schemas that others refer to by name."""

_ERROR_MEANINGS: Final = {
    400: "A parameter or the body is wrong; nothing was done.",
    401: "A token is needed.",
    403: "The request comes from a page of another origin, or the token only reads.",
    404: "There is no such thing.",
    412: "The state, a halt or a pause is not the one that If-Match names; it was not done.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    421: "This daemon does not answer to that host name.",
    429: "Too many wrong tokens; Retry-After says when to come back.",
    500: "A defect; the log has the details.",
    502: "The exchange failed.",
    503: "Not possible now.",
    504: "The outcome is not known yet.",
}
_READ_ERRORS: Final = (401, 421, 429, 500)
_VERB_ERRORS: Final = (400, 401, 403, 413, 415, 421, 429, 500, 502, 504)
_VERB_HEADERS: Final[list[Schema]] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
        "description": "Of your choice, new for each thing that is to be done. The same request with the same key is done once "
        "and answered as before, with Idempotency-Replayed: true, for a day and over restarts; one that was taken on and whose "
        "outcome got lost in a crash is refused (409 outcome_lost).",
    },
    {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The state_version of /v3/status that this was decided by.",
    },
]
_OPTIONAL_TOKEN: Final[list[Schema]] = [{}, {"token": []}, {"password": []}]
"""On loopback reads need none, unless `web.reads_need_token` says so."""


def add_openapi(
    app: QuartTrio,
    source: ConsoleSource,
    extra_routes: tuple[ReadRoute, ...],
    plugin_routes: PluginRouteHost | None,
) -> None:
    """Add the document; it is made anew for each answer, because plugins come and go."""

    async def openapi() -> Response:
        return json_answer(document(source, extra_routes, plugin_routes))

    app.add_url_rule(PATH, "openapi", openapi)


def document(
    source: ConsoleSource,
    extra_routes: tuple[ReadRoute, ...] = (),
    plugin_routes: PluginRouteHost | None = None,
) -> Schema:
    """Return the whole description."""
    paths: dict[str, Any] = {}
    for read in READS:
        paths[f"/v3/{read.path}"] = {"get": _read(read)}
    for route in extra_routes:
        paths[route.path] = {"get": _contributed(route)}
    for verb, body in source.verbs().items():
        paths[f"/v3/commands/{verb}"] = {"post": _verb(verb, body)}
    paths[PATH] = {"get": _simple("This document.", JSON, {"type": "object"})}
    paths["/v3/ws"] = {"get": _live()}
    for path, (_, content_type) in TABLE.items():
        paths[path] = {"get": _simple("A file of the console.", content_type, {"type": "string"})}
    if plugin_routes is not None:
        paths[PLUGINS_PATH] = {
            "get": _simple("The routes of plugins, and their faults.", JSON, PLUGIN_LISTING)
        }
        for served in plugin_routes.listing()["routes"]:
            method = served["method"].lower()
            paths.setdefault(served["path"], {})[method] = _plugin(served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "traderd",
            "version": __version__,
            "description": "Prices, amounts and counts are exact decimals as texts, never floats. Every answer that is no "
            "success has the body of Error. Readers must pass over fields that they do not know.",
        },
        "paths": paths,
        "components": {
            "schemas": {**COMPONENTS, **_messages()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _messages() -> dict[str, Schema]:
    words = {type_: type_.title().replace("_", "") for type_ in MESSAGES}
    sent = {f"Message{words[type_]}": message_schema(type_) for type_ in MESSAGES}
    return {**sent, "Message": {"oneOf": [named(name) for name in sent]}, "Asked": ASKED}


def _read(read: Read) -> Schema:
    errors = [*_READ_ERRORS]
    if any(one["in"] == "query" for one in read.parameters):
        errors.append(400)
    if any(one["in"] == "path" for one in read.parameters):
        errors.append(404)
    answers = {status: _answer("The document.", JSON, read.schema) for status in read.statuses}
    return {
        "summary": read.summary,
        "parameters": list(read.parameters),
        "security": _OPTIONAL_TOKEN,
        "responses": _responses(answers, tuple(errors)),
    }


def _contributed(route: ReadRoute) -> Schema:
    return _simple(route.summary, route.content_type, route.schema)


def _simple(summary: str, content_type: str, schema: Schema) -> Schema:
    media = content_type.partition(";")[0]
    return {
        "summary": summary,
        "security": _OPTIONAL_TOKEN,
        "responses": _responses({200: _answer(summary, media, schema)}, _READ_ERRORS),
    }


def _verb(verb: str, body: Schema) -> Schema:
    answers = {
        status: _answer(meaning, JSON, named("Outcome"))
        for status, meaning in OUTCOME_STATUSES.items()
    }
    # A store that cannot write, and a key that was used before, refuse with an error, not with an outcome.
    for status, meaning in ((503, OUTCOME_STATUSES[503]), (409, OUTCOME_STATUSES[409])):
        either = {"anyOf": [named("Outcome"), named("Error")]}
        answers[status] = _answer(meaning, JSON, either)
    return {
        "operationId": verb,
        "summary": body.get("description", verb),
        "security": [{"token": []}],
        "parameters": _VERB_HEADERS,
        "requestBody": {"required": False, "content": {JSON: {"schema": body}}},
        "responses": _responses(answers, (*_VERB_ERRORS, 412)),
    }


def _plugin(served: dict[str, Any]) -> Schema:
    posts = served["method"] == "POST"
    any_answer = {"description": "What the plugin answers.", "content": {"*/*": {}}}
    described: Schema = {
        "summary": f"{served['meaning']} (plugin {served['plugin']})",
        "security": [{"token": []}] if posts else _OPTIONAL_TOKEN,
        "responses": {**_responses({}, _VERB_ERRORS if posts else _READ_ERRORS), "2XX": any_answer},
    }
    if posts:
        described["requestBody"] = {"content": {JSON: {"schema": {"type": "object"}}}}
    return described


def _live() -> Schema:
    return {
        "summary": "The live stream, a WebSocket: it sends Message, and understands Asked.",
        "security": _OPTIONAL_TOKEN,
        "responses": _responses(
            {101: {"description": "The stream begins."}}, (*_READ_ERRORS, 403, 503)
        ),
    }


def _answer(meaning: str, media: str, schema: Schema) -> Schema:
    return {"description": meaning, "content": {media: {"schema": schema}}}


def _responses(answers: dict[int, Schema], errors: tuple[int, ...]) -> Schema:
    described = {
        str(status): _answer(_ERROR_MEANINGS[status], JSON, named("Error"))
        for status in errors
        if status not in answers
    }
    default = _answer("Any other refusal.", JSON, named("Error"))
    return {
        **{str(status): answer for status, answer in answers.items()},
        **described,
        "default": default,
    }
