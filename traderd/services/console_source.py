"""The daemon as the console sees it: reads as documents, verbs as commands.

Owns: which verb is which command, and which HTTP status an outcome has.
Must not: know HTTP beyond a status number, or read anything but the view.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Final

from traderd import __version__
from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model.events import StateChanged
from traderd.model.ids import MarketTicker
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side, TimeInForce
from traderd.model.units import parse_count, parse_price
from traderd.services import documents
from traderd.services.context import Context
from traderd.services.documents import Document
from traderd.services.feed_metrics import market_data_document
from traderd.services.metric_table import read_daemon

BY_PERSON: Final = "asked for by a person"
SIMILAR: Final = 0.9
"""How alike (0 to 1) two tickers must be for one to be suggested: those of one event differ in few letters."""
SIMILAR_AMONG: Final = 1_000
"""Bounds the tickers that are compared (about 20 ms)."""
STATUS_OF: Final = {
    cm.Answer.DONE: 200,
    cm.Answer.DENIED: 422,
    cm.Answer.REJECTED: 409,
    cm.Answer.UNKNOWN: 202,
    cm.Answer.UNAVAILABLE: 503,
}


class DaemonSource:
    """Implements `web.source.ConsoleSource`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._environment = context.config.environment

    def health(self) -> Document:
        """Return the health document."""
        return documents.health_document(
            self._context.view, environment=self._environment, uptime_s=self._uptime_s()
        )

    def status(self) -> Document:
        """Return the status document."""
        return documents.status_document(
            self._context.view,
            environment=self._environment,
            trading=self._context.config.trading_enabled,
            uptime_s=self._uptime_s(),
            now=self._context.now(),
            services=self._services(),
            market_data=market_data_document(
                read_daemon(self._context, version=__version__), self._context.env.monotonic()
            ),
        )

    def orders(self) -> list[Document]:
        """Return live orders and the newest finished ones, newest first."""
        view, now = self._context.view, self._context.now()
        chosen = {order.key: order for order in view.recent_orders(documents.ORDERS_SHOWN)}
        chosen.update({order.key: order for order in view.live_orders()})
        return [documents.order_document(order, now) for order in chosen.values()]

    def order(self, key: str) -> Document | None:
        """Return one order."""
        order = self._context.view.order(key)
        return None if order is None else documents.order_document(order, self._context.now())

    def positions(self) -> list[Document]:
        """Return every position that is open or has made or lost money."""
        view = self._context.view
        return [
            documents.position_document(position, view)
            for position in view.ledger.positions.values()
            if position.count or position.realized_pnl or position.fees_paid
        ]

    def fills(self, limit: int) -> list[Document]:
        """Return the newest fills, oldest first."""
        view = self._context.view
        newest = [documents.fill_document(fill, view) for fill in view.recent_fills(limit)]
        return newest[::-1]

    def book(self, ticker: str) -> Document | None:
        """Return one book."""
        return documents.book_document(self._context.view, ticker, self._context.now())

    def similar_market(self, ticker: str) -> str | None:
        """Return the followed market that was probably meant: in capitals, or but for a letter or two."""
        followed = self._context.view.followed[:SIMILAR_AMONG]
        near = difflib.get_close_matches(ticker.upper(), followed, n=1, cutoff=SIMILAR)
        return near[0] if near else None

    def markets(self, limit: int) -> Document:
        """Return how many markets are followed, and a line for each of the first `limit`."""
        return documents.markets_document(self._context.view, self._context.now(), limit)

    def transitions(self) -> list[Document]:
        """Return the kept state changes, oldest first."""
        return documents.transitions_document(self._context.view)

    def transition(self, event: StateChanged) -> Document:
        """Return one state change as it is told live."""
        view = self._context.view
        for kept, left_since in zip(view.transitions, view.left_since, strict=True):
            if kept is event:
                return documents.transition_document(event, left_since)
        return documents.transition_document(event, None)

    def log_lines(self, limit: int) -> list[Document]:
        """Return the newest log lines, oldest first."""
        return [dict(line) for line in self._context.shared.log_ring.lines()[-limit:]]

    async def command(self, verb: str, body: Document) -> tuple[int, Document]:
        """Carry out a verb; cancelling does not break it off."""
        if verb not in VERBS:
            known = ", ".join(VERBS)
            return 404, _error("unknown_verb", f"there is no verb {verb!r}", f"known are: {known}")
        parse, fields = VERBS[verb]
        try:
            _refuse_unknown(body, fields)
            command = parse(body)
        except BadInput as exc:
            return 400, _error("bad_input", str(exc), "correct the value and send it again")
        outcome = await self._context.send(command)
        about = {} if outcome.key is None else {"order": outcome.key}
        self._context.log.info(
            f"{verb}: {outcome.answer.value}: {outcome.sentence}", verb=verb, **about
        )
        return STATUS_OF[outcome.answer], {
            "answer": outcome.answer.value,
            "sentence": outcome.sentence,
            "key": outcome.key,
        }

    def _uptime_s(self) -> float:
        shared = self._context.shared
        return round(shared.env.monotonic() - shared.started_at, 1)

    def _services(self) -> dict[str, Document]:
        restarts = self._context.view.restarts
        inboxes = self._context.shared.bus.statistics_by_name()
        found: dict[str, Document] = {}
        for name, changed in sorted(self._context.view.services.items()):
            found[name] = {
                "status": changed.status,
                "detail": changed.detail,
                "restarts": restarts.get(name, 0),
            }
            inbox = inboxes.get(name)
            if inbox is not None:
                found[name]["inbox"] = {
                    "policy": inbox.policy,
                    "depth": inbox.depth,
                    "peak": inbox.peak,
                    "dropped": inbox.dropped,
                    "conflated": inbox.conflated,
                    "handler_p99_ms": inbox.handler_p99_ms,
                }
        return found


def _refuse_unknown(body: Document, fields: tuple[str, ...]) -> None:
    # A misspelled `time_in_force` that is passed over would be an order that nobody asked for.
    for name in body:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise BadInput(f"there is no field {name!r}; known are: {known}")


def _text(body: Document, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name!r} must be a text that is not empty")
    return value


def _ticker_or_none(body: Document) -> MarketTicker | None:
    return None if body.get("ticker") is None else MarketTicker(_text(body, "ticker"))


def _choice(body: Document, name: str, words: dict[str, Any], default: str | None = None) -> Any:
    word = _text(body, name, default)
    if word not in words:
        raise BadInput(f"{name!r} must be one of {', '.join(words)}, not {word!r}")
    return words[word]


def _flag(body: Document, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadInput(f"{name!r} must be true or false")
    return value


def _place(body: Document) -> cm.PlaceOrder:
    return cm.PlaceOrder(
        terms=OrderTerms(
            ticker=MarketTicker(_text(body, "ticker")),
            side=_choice(body, "side", {side.value: side for side in Side}),
            price=parse_price(_text(body, "price_dollars"), what="price_dollars"),
            count=parse_count(_text(body, "count"), what="count"),
            time_in_force=_choice(
                body,
                "time_in_force",
                {each.value: each for each in TimeInForce},
                TimeInForce.GOOD_TILL_CANCELED.value,
            ),
            post_only=_flag(body, "post_only"),
        ),
        attribution=Attribution(owner=OrderOwner.PERSON),
    )


VERBS: Final[dict[str, tuple[Callable[[Document], cm.Command], tuple[str, ...]]]] = {
    "place": (
        _place,
        ("ticker", "side", "price_dollars", "count", "time_in_force", "post_only"),
    ),
    "cancel": (lambda body: cm.CancelOrder(key=_text(body, "key")), ("key",)),
    "cancel-all": (lambda body: cm.CancelOrders(ticker=_ticker_or_none(body)), ("ticker",)),
    "pause": (lambda body: cm.Pause(reason=_text(body, "reason", BY_PERSON)), ("reason",)),
    "resume": (lambda _: cm.Resume(), ()),
    "halt": (
        lambda body: cm.Halt(reason=_text(body, "reason", BY_PERSON), ticker=_ticker_or_none(body)),
        ("reason", "ticker"),
    ),
    "clear-halt": (lambda body: cm.ClearHalt(halt_id=_text(body, "halt_id")), ("halt_id",)),
    "calibrate": (lambda _: cm.Calibrate(), ()),
}
"""The verbs that people have: what each makes of a JSON body, and the fields that the body may have."""


def _error(code: str, sentence: str, cure: str) -> Document:
    return {"error": {"code": code, "sentence": sentence, "cure": cure}}
