"""The hub behind `WS /v3/ws`: one encoding per message, one mailbox per client, a few wake-ups at a time.

Owns: who is connected, what each of them has not seen, and when it is sent.
Must not: import quart or hypercorn, keep trading state, or wait for a client.

Messages are `{"type": ..., "data": ...}`.  A client first gets `hello`, which tells it to forget what it had, and
then the present as messages of the ordinary types; `send_times` says when something goes out.  Waking 64 clients in one
scheduler pass would hold every other task for some 5 ms, four at a time do not (`benchmarks/console_stall.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
import msgspec
import trio

from traderd.errors import BadInput
from traderd.web.loop_share import settle
from traderd.web.mailbox import Mailbox
from traderd.web.send_times import LANES, Lane, SendTimes
from traderd.web.source import ConsoleSource, JsonObject

CLIENTS_MAX: Final = 64
"""Bounds connected consoles; a person has two or three, the rest is a defect or an attack."""

WAKES_PER_PASS: Final = 4
"""Bounds the clients woken in one scheduler pass, so that the book feed never waits for browsers."""

HEAR_EVERY_S: Final = 0.1
"""Bounds what one client asks for on the stream; a person does not choose another market more often."""

SNAPSHOT_TRANSITIONS: Final = 100
SNAPSHOT_ORDERS: Final = 100
SNAPSHOT_FILLS: Final = 100
SNAPSHOT_LOG_LINES: Final = 200
"""Bound the history that a late joiner is sent; live orders come whatever their number."""

TICKER_MAX: Final = 120
"""Bounds a ticker that a client asks for; the longest seen on the exchange has 56 characters."""

KEY_FIELDS: Final = {"order": "key", "position": "ticker", "book": "ticker"}
"""Where a record carries the key of its conflation when the publisher names none."""


class TooManyClients(BadInput):
    """The hub is full; the caller answers 503."""


@attrs.frozen(kw_only=True)
class LiveStatistics:
    """How the hub is doing: clients now, messages published, messages replaced by a snapshot."""

    clients: int
    published: int
    dropped: int


@attrs.define(eq=False)
class LiveClient:
    """One connected console."""

    mailbox: Mailbox = attrs.Factory(Mailbox)
    watching: str | None = None
    wake: trio.Event = attrs.Factory(trio.Event)


def encode(type_: str, data: Any) -> str:
    """Return one message as JSON text."""
    return msgspec.json.encode({"type": type_, "data": data}).decode()


class LiveHub:
    """Sends what is published to every connected console."""

    def __init__(self, source: ConsoleSource) -> None:
        self._source = source
        # Keyed by a running number, so that the order of waking is the order of joining.
        self._clients: dict[int, LiveClient] = {}
        self._joined = 0
        self._published = 0
        self._dropped_by_leavers = 0
        self._changed_books: dict[str, None] = {}
        self._status_changed = False
        self._send_times = SendTimes()
        self._mail = trio.Event()

    def publish(self, type_: str, data: JsonObject, *, key: str | None = None) -> None:
        """Hand `data` to every client's mailbox; never waits.

        `key` says which earlier message this one replaces (an order's key, a ticker); without it the record's own
        key is used.  A `book` goes only to the clients that watch its ticker.
        """
        self._published += 1
        if not self._clients:
            return
        if key is None:
            key = str(data.get(KEY_FIELDS.get(type_, ""), ""))
        text = encode(type_, data)
        for client in self._clients.values():
            if type_ != "book" or client.watching == key:
                client.mailbox.put(type_, key, text)
        self._ask(LANES.get(type_, Lane.REGULAR))

    def mark_book(self, ticker: str) -> None:
        """Note that a book changed; it is rendered at the next flush, once, and only when somebody watches it."""
        if any(client.watching == ticker for client in self._clients.values()):
            self._changed_books[ticker] = None
            self._ask(Lane.REGULAR)

    def mark_status(self) -> None:
        """Note that the status is to be told; it is made at the next flush, once, and only when somebody looks.

        With thousands of books it costs some milliseconds, and a newcomer gets one anyhow.
        """
        if self._clients:
            self._status_changed = True
            self._ask(Lane.REGULAR)

    def statistics(self) -> LiveStatistics:
        """Return the hub's counters."""
        waiting = sum(client.mailbox.dropped for client in self._clients.values())
        return LiveStatistics(
            clients=len(self._clients),
            published=self._published,
            dropped=self._dropped_by_leavers + waiting,
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wake clients that have mail, for ever.  Cancelling is safe; unsent mail stays where it is."""
        task_status.started()
        while True:
            with trio.move_on_at(self._send_times.due_at(len(self._clients))):
                await self._mail.wait()
            self._mail = trio.Event()
            now = trio.current_time()
            if self._send_times.due_at(len(self._clients)) <= now:
                await self._flush(now)

    async def _flush(self, now: float) -> None:
        if self._send_times.is_due(Lane.REGULAR, now):
            self._render_changed()
        self._send_times.sent(now)
        waiting = [c for c in self._clients.values() if c.mailbox.stale or len(c.mailbox)]
        for start in range(0, len(waiting), WAKES_PER_PASS):
            for client in waiting[start : start + WAKES_PER_PASS]:
                client.wake.set()
            await trio.lowlevel.checkpoint()

    def _ask(self, lane: Lane) -> None:
        # What waits already has its moment, so the hub need not look again.
        if self._send_times.ask(lane):
            self._mail.set()

    @contextmanager
    def join(self) -> Iterator[LiveClient]:
        """Admit one client for as long as the context is open.

        Raises:
            TooManyClients: `CLIENTS_MAX` are connected already.
        """
        if len(self._clients) >= CLIENTS_MAX:
            raise TooManyClients(f"{CLIENTS_MAX} consoles are connected already")
        self._joined += 1
        number = self._joined
        client = self._clients[number] = LiveClient()
        self._ask(Lane.URGENT)
        try:
            yield client
        finally:
            del self._clients[number]
            self._dropped_by_leavers += client.mailbox.dropped

    async def attend(
        self,
        client: LiveClient,
        *,
        send: Callable[[str], Awaitable[None]],
        receive: Callable[[], Awaitable[str | bytes | None]],
        stop: trio.Event,
    ) -> None:
        """Serve one client until `stop` is set.

        Errors of `send` and `receive` arrive in an exception group.  Cancelling is safe, but a `send` that is stuck
        inside hypercorn does not hear it: `server` bounds that one.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, client, send)
            nursery.start_soon(self._listen, client, receive)
            await stop.wait()
            nursery.cancel_scope.cancel(reason="the daemon is stopping")

    async def _pump(self, client: LiveClient, send: Callable[[str], Awaitable[None]]) -> None:
        # Not in `_listen`: what a client makes us do by its messages is paid for as long as it sends them.
        settle()
        while True:
            await client.wake.wait()
            client.wake = trio.Event()
            for text in self._take(client):
                await send(text)

    async def _listen(
        self, client: LiveClient, receive: Callable[[], Awaitable[str | bytes | None]]
    ) -> None:
        while True:
            self._hear(client, await receive())
            # What comes faster waits where it is sent: each message costs a chart and a book.
            await trio.sleep(HEAR_EVERY_S)

    def _hear(self, client: LiveClient, raw: str | bytes | None) -> None:
        try:
            client.watching = watched_ticker(raw)
        except BadInput as error:
            text = encode("error", {"code": "bad_message", "sentence": str(error)})
            client.mailbox.put("error", "", text)
            self._ask(Lane.REGULAR)
            return
        if client.watching is not None:
            chart = encode("chart", self._source.chart(client.watching))
            # One key for all: only the chart that is looked at is worth sending.
            client.mailbox.put("chart", "", chart)
            self.mark_book(client.watching)

    def _take(self, client: LiveClient) -> list[str]:
        # The snapshot is read and the mailbox emptied without an await in between, so nothing is lost or sent twice.
        if not client.mailbox.stale:
            return client.mailbox.take()
        client.mailbox.clear()
        client.mailbox.stale = False
        return self._snapshot(client)

    def _snapshot(self, client: LiveClient) -> list[str]:
        source = self._source
        status = source.status()
        hello = {
            "version": status.get("version"),
            "environment": status.get("environment"),
            "dropped": client.mailbox.dropped,
        }
        messages = [encode("hello", hello), encode("trader_status", status)]
        messages += self._newest("state_transition", "transitions", SNAPSHOT_TRANSITIONS)
        # The source has orders newest first; a table is filled as it would have been live, and keeps what came last.
        messages += reversed(self._newest("order", "orders", SNAPSHOT_ORDERS))
        messages += [encode("position", record) for record in source.positions()]
        messages += self._newest("fill", "fills", SNAPSHOT_FILLS)
        messages += self._newest("log", "log", SNAPSHOT_LOG_LINES)
        messages.append(encode("chart", source.chart(None)))
        if client.watching is not None:
            messages.append(encode("chart", source.chart(client.watching)))
            messages.append(encode("book", self._book(client.watching)))
        return messages

    def _newest(self, type_: str, page: str, limit: int) -> list[str]:
        records, _ = self._source.page(page, limit, None)
        return [encode(type_, record) for record in records]

    def _render_changed(self) -> None:
        if self._status_changed:
            self._status_changed = False
            self.publish("trader_status", self._source.status())
        changed, self._changed_books = self._changed_books, {}
        for ticker in changed:
            self.publish("book", self._book(ticker), key=ticker)

    def _book(self, ticker: str) -> JsonObject:
        book = self._source.book(ticker)
        if book is not None:
            return book
        return {"ticker": ticker, "usable": False, "reason": "this market is not watched"}


def watched_ticker(raw: str | bytes | None) -> str | None:
    """Return the ticker that a client's `{"watch": ticker}` names; None ends the watching.

    Raises:
        BadInput: anything else, also an empty frame, which quart hands over as None.
    """
    try:
        message = msgspec.json.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput("the message is not JSON") from error
    if not isinstance(message, dict) or list(message) != ["watch"]:
        raise BadInput('the only message understood is {"watch": ticker}')
    ticker = message["watch"]
    if ticker is None:
        return None
    if not isinstance(ticker, str) or not 0 < len(ticker) <= TICKER_MAX:
        raise BadInput(f"a ticker is a text of 1 to {TICKER_MAX} characters")
    return ticker
