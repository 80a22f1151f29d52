"""The reads: one table, from which the routes and the API's description are both made.

Owns: the paths below `/v3/` that only look, their parameters, and what an answer fits.
Must not: decide who may ask (`gate` does) or compute anything about trading (the source does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs
from quart import Response, request
from quart_trio import QuartTrio

from traderd.errors import BadInput
from traderd.web.api import ReadRoute, Refusal, json_answer
from traderd.web.assets import Asset, load_assets
from traderd.web.schema_parts import PLUGINS
from traderd.web.schema_trading import MARKETS
from traderd.web.schema_words import TEXT, Schema, list_of, maybe, named, record
from traderd.web.source import ConsoleSource

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000
"""Bounds one page of fills, log lines or markets, and so how long one answer holds everybody else up (20 ms)."""

CURSOR_MAX: Final = 100
"""Bounds a cursor; the longest, an order's key, has 36 characters."""

UNKNOWN_BOOK_CURE: Final = (
    "`traderd markets` or /v3/markets lists the markets that are followed; market_data.markets names them, or "
    "market_data.discover looks for them."
)

_LIMIT: Final[Schema] = {
    "name": "limit",
    "in": "query",
    "description": "How many records at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
}
_BEFORE: Final[Schema] = {
    "name": "before",
    "in": "query",
    "description": "What the last page's `next` said: the page of older records.",
    "schema": {"type": "string", "minLength": 1, "maxLength": CURSOR_MAX},
}
_TICKER: Final[Schema] = {
    "name": "ticker",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
}


@attrs.frozen(kw_only=True)
class Read:
    """One read below `/v3/`."""

    path: str
    summary: str
    schema: Schema
    answer: Callable[[ConsoleSource], Any]
    """Gives the document; parameters come from the current request."""
    parameters: tuple[Schema, ...] = ()
    statuses: tuple[int, ...] = (200,)
    """The statuses that carry the document; every other one carries an error."""


def _page(name: str, of: str, what: str) -> Read:
    def answer(source: ConsoleSource) -> Any:
        records, cursor = source.page(name, asked_limit(), asked_cursor())
        return {name: records, "next": cursor}

    return Read(
        path=name,
        summary=f"{what} `next` is the `before` of the page of older ones, null when there is none.",
        schema=record(**{name: list_of(named(of)), "next": maybe(TEXT)}),
        answer=answer,
        parameters=(_LIMIT, _BEFORE),
    )


def _list(name: str, schema: Schema, summary: str, answer: Callable[[ConsoleSource], Any]) -> Read:
    return Read(
        path=name,
        summary=summary,
        schema=record(**{name: list_of(schema)}),
        answer=lambda source: {name: answer(source)},
    )


READS: Final = (
    Read(
        path="health",
        summary="Whether the daemon is well, and each part of it; 503 when it is unhealthy.",
        schema=named("Health"),
        answer=lambda source: source.health(),
        statuses=(200, 503),
    ),
    Read(
        path="status",
        summary="The whole status: state, money, halts, services, market data, risk.",
        schema=named("Status"),
        answer=lambda source: source.status(),
    ),
    _page("orders", "Order", "Orders, newest first; the first page has every live one."),
    _page("fills", "Fill", "The newest fills, oldest first."),
    _page("transitions", "Transition", "The newest changes of state, oldest first."),
    _page("log", "LogLine", "The newest log lines, oldest first."),
    _list(
        "positions",
        named("Position"),
        "Every position that is open or has made or lost money.",
        lambda source: source.positions(),
    ),
    Read(
        path="reconciliation",
        summary="How our books stand to the exchange's: the proof of the balance, and what differs.",
        schema=named("Reconciliation"),
        answer=lambda source: source.reconciliation(),
    ),
    Read(
        path="markets",
        summary="How many markets are followed, and a line for each of the first `limit`.",
        schema=MARKETS,
        answer=lambda source: source.markets(asked_limit()),
        parameters=(_LIMIT,),
    ),
    Read(
        path="books/{ticker}",
        summary="One market's book with its best levels and how far it can be trusted.",
        schema=named("Book"),
        answer=lambda source: asked_book(source),
        parameters=(_TICKER,),
    ),
    Read(
        path="plugins",
        summary="Every plugin that was found, used or not, with why and what to do.",
        schema=PLUGINS,
        answer=lambda source: source.plugins(),
    ),
    Read(
        path="status-history",
        summary="The kept status boxes, oldest first.",
        schema=record(boxes=list_of(TEXT)),
        answer=lambda source: {"boxes": source.status_boxes()},
    ),
)
"""Every read below `/v3/` that needs nothing but the source."""


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
    for read in READS:
        # A path, so that also what no ticker looks like gets the answer about tickers.
        rule = f"/v3/{read.path}".replace("{ticker}", "<path:ticker>")
        app.add_url_rule(rule, f"read {read.path}", _read_handler(read, source))
    for route in extra_routes:
        app.add_url_rule(route.path, f"extra {route.path}", _extra_handler(route))


def _read_handler(read: Read, source: ConsoleSource) -> Callable[..., Any]:
    async def serve_read(**_: str) -> Response:
        document = read.answer(source)
        ill = 503 in read.statuses and document.get("health") == "unhealthy"
        return json_answer(document, 503 if ill else 200)

    return serve_read


def _extra_handler(route: ReadRoute) -> Callable[[], Any]:
    async def serve_extra() -> Response:
        return Response(route.body(), content_type=route.content_type)

    return serve_extra


def asked_book(source: ConsoleSource) -> Any:
    """Return the book of the ticker in the current request's path.

    Raises:
        Refusal: none is kept; the cure names the ticker that was probably meant.
    """
    ticker = str((request.view_args or {})["ticker"])
    document = source.book(ticker)
    if document is not None:
        return document
    similar = source.similar_market(ticker)
    cure = UNKNOWN_BOOK_CURE if similar is None else f"Did you mean {similar}?"
    raise Refusal(404, "unknown_book", f"No book is kept for {ticker}.", cure)


def asked_limit() -> int:
    """Return the `limit` of the current request.

    Raises:
        BadInput: it is not a whole number from 1 to `LIMIT_MAX`.
    """
    text = request.args.get("limit", str(LIMIT_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LIMIT_MAX):
        raise BadInput(f"limit must be a whole number from 1 to {LIMIT_MAX}")
    return int(text)


def asked_cursor() -> str | None:
    """Return the `before` of the current request, None when there is none.

    Raises:
        BadInput: it is empty or too long for any cursor.
    """
    text = request.args.get("before")
    if text is not None and not 0 < len(text) <= CURSOR_MAX:
        raise BadInput(f"before must be the `next` of a page: 1 to {CURSOR_MAX} characters")
    return text
