"""The routes: the page, the reads, the verbs, the live stream.

Owns: paths, parameters and how a source's answer becomes an HTTP answer.
Must not: decide who may ask (`http_app` does) or compute anything about trading.

Every handler is `async def`: quart runs plain functions in a thread, where they would read live state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import attrs
import msgspec
import trio
from quart import Response, request, websocket
from quart_trio import QuartTrio

from traderd.errors import BadInput, ExchangeError, OutcomeUnknown, StoreError
from traderd.web.assets import Asset, load_assets
from traderd.web.live import LiveHub
from traderd.web.source import ConsoleSource, JsonObject

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000
"""Bounds one page of fills, log lines or markets, and so how long one answer holds everybody else up (20 ms)."""

COMMAND_BUDGET_S: Final = 30.0
"""Bounds one command: long enough to cancel every order at the exchange's slowest documented rate."""

UNKNOWN_BOOK_CURE: Final = (
    "`traderd markets` or /v3/markets lists the markets that are followed; market_data.markets names them, or "
    "market_data.discover looks for them."
)

VERB: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")

CLOSE_GOING_AWAY: Final = 1001
"""RFC 6455, section 7.4.1: the endpoint goes away, here because the daemon stops."""


class Refusal(Exception):
    """An answer other than success, with a sentence for people and a cure."""

    def __init__(self, status: int, code: str, sentence: str, cure: str) -> None:
        super().__init__(status, code, sentence, cure)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.cure = cure


@attrs.frozen(kw_only=True)
class ReadRoute:
    """A read that another part of the daemon contributes, such as `/metrics`."""

    path: str
    content_type: str
    body: Callable[[], str | bytes]


def json_answer(value: Any, status: int = 200) -> Response:
    """Return `value` as a JSON answer."""
    return Response(msgspec.json.encode(value), status=status, content_type="application/json")


def add_pages(app: QuartTrio) -> None:
    """Add the console page and its files."""
    for asset in load_assets():
        app.add_url_rule(asset.path, f"asset {asset.path}", _asset_handler(asset))


def _asset_handler(asset: Asset) -> Callable[[], Any]:
    async def serve_asset() -> Response:
        return Response(asset.body, content_type=asset.content_type)

    return serve_asset


def add_reads(
    app: QuartTrio, source: ConsoleSource, extra_routes: tuple[ReadRoute, ...] = ()
) -> None:
    """Add everything that only looks."""

    async def health() -> Response:
        record = source.health()
        return json_answer(record, 503 if record.get("health") == "unhealthy" else 200)

    async def book(ticker: str) -> Response:
        record = source.book(ticker)
        if record is None:
            similar = source.similar_market(ticker)
            raise Refusal(
                404,
                "unknown_book",
                f"No book is kept for {ticker}.",
                UNKNOWN_BOOK_CURE if similar is None else f"Did you mean {similar}?",
            )
        return json_answer(record)

    app.add_url_rule("/v3/health", "health", health)
    # Also what no ticker looks like gets the answer about tickers.
    app.add_url_rule("/v3/books/<path:ticker>", "book", book)
    reads: dict[str, Callable[[], Any]] = {
        "status": source.status,
        "orders": lambda: {"orders": source.orders()},
        "reconciliation": source.reconciliation,
        "positions": lambda: {"positions": source.positions()},
        "markets": lambda: source.markets(asked_limit()),
        "plugins": source.plugins,
        "transitions": lambda: {"transitions": source.transitions()},
        "fills": lambda: {"fills": source.fills(asked_limit())},
        "status-history": lambda: {"boxes": source.status_boxes()},
        "log": lambda: {"log": source.log_lines(asked_limit())},
    }
    for name, read in reads.items():
        app.add_url_rule(f"/v3/{name}", name, _read_handler(read))
    for route in extra_routes:
        app.add_url_rule(route.path, f"extra {route.path}", _extra_handler(route))


def _read_handler(read: Callable[[], Any]) -> Callable[[], Any]:
    async def serve_read() -> Response:
        return json_answer(read())

    return serve_read


def _extra_handler(route: ReadRoute) -> Callable[[], Any]:
    async def serve_extra() -> Response:
        return Response(route.body(), content_type=route.content_type)

    return serve_extra


def asked_limit() -> int:
    """Return the `limit` of the current request.

    Raises:
        BadInput: it is not a whole number from 1 to `LIMIT_MAX`.
    """
    text = request.args.get("limit", str(LIMIT_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LIMIT_MAX):
        raise BadInput(f"limit must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def token_needed() -> Refusal:
    """Return the refusal of a verb without the control token."""
    return Refusal(
        401,
        "token_needed",
        "This verb needs the control token.",
        "Send it as Authorization: Bearer; the file `control.token` in the daemon's state directory holds it.",
    )


def add_commands(app: QuartTrio, source: ConsoleSource, *, may_command: Callable[[], bool]) -> None:
    """Add the verbs."""

    async def command(verb: str) -> Response:
        if not may_command():
            raise token_needed()
        if VERB.fullmatch(verb) is None:
            raise Refusal(
                404, "unknown_verb", "There is no such verb.", "See `traderd --help` for the verbs."
            )
        status, outcome = await run_command(source, verb, await command_body())
        return json_answer(outcome, status)

    app.add_url_rule("/v3/commands/<verb>", "command", command, methods=["POST"])


async def command_body() -> JsonObject:
    """Return the JSON object that the current request carries; no body is an empty one.

    Cancelling is safe, nothing was done yet.

    Raises:
        Refusal: 415 for another content type, 400 for anything that is not a JSON object.
    """
    raw = await request.get_data(as_text=False)
    if not raw:
        return {}
    if request.mimetype != "application/json":
        # A form cannot send this type without asking first, so this stops posts from foreign pages too.
        raise Refusal(
            415,
            "not_json",
            "The body of a command is JSON.",
            "Send the header Content-Type: application/json.",
        )
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refusal(
            400, "bad_json", "The body is not valid JSON.", "Send one JSON object."
        ) from error
    if not isinstance(body, dict):
        raise Refusal(400, "bad_json", "The body is not a JSON object.", "Send one JSON object.")
    return body


async def run_command(source: ConsoleSource, verb: str, body: JsonObject) -> tuple[int, JsonObject]:
    """Run one command to its end, also when the client is gone.

    Quart cancels a handler whose client disconnects; half a cancel-all would be worse than either outcome,
    so the command is shielded, and bounded.

    Raises:
        BadInput: a value of the body is wrong; nothing was done.
        Refusal: the exchange, the store or time did not allow it.
    """
    try:
        with trio.fail_after(COMMAND_BUDGET_S, shield=True):
            return await source.command(verb, body)
    except (trio.TooSlowError, OutcomeUnknown) as error:
        raise Refusal(
            504,
            "outcome_unknown",
            f"It is not known yet whether {verb} took effect.",
            "Look at /v3/orders before you try again; the daemon finds out by itself.",
        ) from error
    except ExchangeError as error:
        raise Refusal(
            502, "exchange", f"{error}", "See /v3/health; try again when the exchange answers."
        ) from error
    except StoreError as error:
        raise Refusal(
            503, "store", f"{error}", "Free disk space or repair the journal first."
        ) from error


def add_live_stream(app: QuartTrio, hub: LiveHub, stop: trio.Event) -> None:
    """Add the WebSocket."""

    async def live() -> None:
        with hub.join() as client:
            # Quart would accept only at the first send or receive, which may be long after.
            await websocket.accept()
            await hub.attend(client, send=websocket.send, receive=websocket.receive, stop=stop)
            await websocket.close(CLOSE_GOING_AWAY, "the daemon is stopping")

    app.add_websocket("/v3/ws", "live", live)
