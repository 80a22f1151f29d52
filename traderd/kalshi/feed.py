"""One WebSocket connection to Kalshi: frames in, batches of events out, commands with answers.

Owns: turning a line's messages into events, and commands with the deadline of their answers.
Must not: reconnect (see `keeper`), judge sequence numbers, or keep a book. A lost connection is never used again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import attrs
import trio

from traderd.errors import ExchangeUnavailable
from traderd.kalshi.auth import Signer
from traderd.kalshi.calls import Call, Calls, Complaint
from traderd.kalshi.line import Line, open_line
from traderd.kalshi.tap import Ingest
from traderd.kalshi.wire import commands
from traderd.kalshi.wire.decoder import FrameDecoder, Reply
from traderd.model.events import Event, FeedName, FrameRefused, SubscriptionEnded
from traderd.model.ids import MarketTicker
from traderd.model.units import NS_PER_MS, Timestamp
from traderd.runtime.env import Env

ANSWER_DEADLINE_S: Final = 5.0
"""Bounds a command: Kalshi answers within a round trip; silence means that the connection does not work."""
STRAGGLERS_S: Final = 0.5
"""How long after one snapshot of several the next may come; one that comes later still counts, but nobody waits for it."""


@attrs.frozen(kw_only=True)
class FeedStatistics:
    """How one connection fares."""

    connection: int
    connected_since: Timestamp
    frames: int
    bytes: int
    events: int
    refused: int
    silent_s: float
    """Since the last byte, pings included."""
    backlog_bytes: int
    """What was read without the line running dry in between: above 0 we are behind the exchange."""
    behind_s: float
    """Since the first read of those in a row that left something behind; 0 when the line has run dry."""
    overflows: int
    """How many subscriptions the exchange ended because we read too slowly (Kalshi: error 25)."""


@asynccontextmanager
async def open_feed(
    *,
    env: Env,
    url: str,
    signer: Signer,
    feed: FeedName,
    connection: int,
    on_events: Callable[[list[Event]], None],
    clock_offset_ms: Callable[[], int] = lambda: 0,
    ingest: Ingest = "tap",
) -> AsyncIterator[Feed]:
    """Connect, sign in and read until the block ends.

    `on_events` is called synchronously with everything that one read brought, and `clock_offset_ms` gives the exchange's
    clock minus ours whenever it is needed. Errors of the body pass through as they
    are; an error of `on_events` is a defect and arrives in a group. Cancelling closes the connection.

    Raises:
        AuthenticationRefused: the handshake was answered with 401 or 403.
        ExchangeRefused: another clear no.
        ExchangeUnavailable: no connection, a 5xx, or too slow; the reason is in words.
    """
    opened = Feed(env, feed, connection, on_events, clock_offset_ms)
    offset_ms = clock_offset_ms()
    timestamp_ms = env.wall_ns() // NS_PER_MS + offset_ms
    async with open_line(
        env=env,
        url=url,
        headers=signer.headers("GET", urlsplit(url).path, timestamp_ms),
        on_messages=opened.take,
        on_lost=opened.give_up,
        skew_ms=offset_ms,
        ingest=ingest,
    ) as line:
        opened.use(line)
        yield opened


class Feed:
    """An open connection; made by `open_feed`.

    Every command may raise ExchangeUnavailable (the connection is or gets lost) and ExchangeRefused (the exchange
    answered with an error). Cancelling a command forgets its answer and leaves the connection in use.
    """

    def __init__(
        self,
        env: Env,
        feed: FeedName,
        connection: int,
        on_events: Callable[[list[Event]], None],
        clock_offset_ms: Callable[[], int],
    ) -> None:
        self.name = feed
        self.connection = connection
        self._env = env
        self._on_events = on_events
        self._decoder = FrameDecoder(connection, feed, clock_offset_ms=clock_offset_ms)
        self._calls = Calls()
        self._events = 0
        self._bytes_taken = 0
        self._backlog_bytes = 0
        self._behind_since: float | None = None
        self._overflows = 0
        self._is_tended = False
        self._connected_since = Timestamp(0)
        self._line: Line

    # --- commands ---------------------------------------------------------------------------------

    async def subscribe(
        self, channels: Sequence[str], tickers: Sequence[MarketTicker] = ()
    ) -> dict[str, int]:
        """Subscribe and return each channel's subscription id; books are quoted in YES prices."""
        call = self._calls.open(len(dict.fromkeys(channels)))
        self._decoder.expect(call.id, use_yes_price=True)
        raw = commands.encode_subscribe(call.id, channels, tickers, use_yes_price=True)
        await self._ask("subscribe", raw, call)
        return dict(call.sids)

    async def add_markets(self, sid: int, tickers: Sequence[MarketTicker]) -> None:
        """Add markets to a subscription; their snapshots follow as events."""
        call = self._calls.open(1)
        raw = commands.encode_update(call.id, sid, commands.ADD_MARKETS, tickers)
        await self._ask(commands.ADD_MARKETS, raw, call)

    async def delete_markets(self, sid: int, tickers: Sequence[MarketTicker]) -> None:
        """Take markets off a subscription."""
        call = self._calls.open(1)
        raw = commands.encode_update(call.id, sid, commands.DELETE_MARKETS, tickers)
        await self._ask(commands.DELETE_MARKETS, raw, call)

    async def request_snapshot(
        self, sid: int, tickers: Sequence[MarketTicker]
    ) -> tuple[MarketTicker, ...]:
        """Ask for snapshots and return the markets that were answered for.

        The exchange may keep silent about a market that is gone. So the wait for the last answers is short, and silence
        about all of them loses the connection only if what is always answered is not answered either.
        """
        call = self._calls.open(len(dict.fromkeys(tickers)))
        raw = commands.encode_update(call.id, sid, commands.GET_SNAPSHOT, tickers)
        heard_bytes = self._line.bytes_received
        try:
            self._send(raw)
            with trio.move_on_after(ANSWER_DEADLINE_S):
                await call.begun.wait()
                await self._wait_for_stragglers(call)
            self._check()
            call.check()
            if self._line.bytes_received == heard_bytes:
                await self.list_subscriptions()
            return tuple(call.tickers)
        finally:
            self._calls.close(call.id)

    async def _wait_for_stragglers(self, call: Call) -> None:
        came = 0
        while not call.done.is_set() and len(call.tickers) > came:
            came = len(call.tickers)
            with trio.move_on_after(STRAGGLERS_S):
                await call.done.wait()

    async def unsubscribe(self, sids: Sequence[int]) -> None:
        """End subscriptions."""
        call = self._calls.open(len(dict.fromkeys(sids)))
        await self._ask("unsubscribe", commands.encode_unsubscribe(call.id, sids), call)

    async def list_subscriptions(self) -> dict[str, int]:
        """Return each subscribed channel's subscription id, as the exchange has them."""
        call = self._calls.open(1)
        await self._ask("list_subscriptions", commands.encode_list_subscriptions(call.id), call)
        return dict(call.sids)

    def tend(self) -> None:
        """Promise to make every subscription anew that the exchange ends (Kalshi: errors 10 and 25).

        From now on its end is the event SubscriptionEnded; without the promise it loses the connection.
        """
        self._is_tended = True

    async def _ask(self, name: str, raw: bytes, call: Call) -> None:
        try:
            self._send(raw)
            with trio.move_on_after(ANSWER_DEADLINE_S):
                await call.done.wait()
            if not call.done.is_set():
                self.lose(f"no answer to {name} (command {call.id}) within {ANSWER_DEADLINE_S:g} s")
            self._check()
            call.check()
        finally:
            self._calls.close(call.id)

    def _send(self, raw: bytes) -> None:
        self._line.send_nowait(raw.decode())
        self._check()

    def _check(self) -> None:
        reason = self._line.lost_reason
        if reason is not None:
            raise ExchangeUnavailable(f"the {self.name.value} feed is lost: {reason}")

    # --- state ------------------------------------------------------------------------------------

    async def wait_lost(self) -> str:
        """Wait until the connection is lost, and return why.  Cancelling is safe."""
        return await self._line.wait_lost()

    def lose(self, reason: str) -> None:
        """Give the connection up; the first reason stays."""
        self._line.lose(reason)

    def statistics(self) -> FeedStatistics:
        """Return the counters."""
        now, since = trio.current_time(), self._behind_since
        # A read without a message, of a ping, may have found the line dry since the last one with.
        is_behind = self._line.has_more
        return FeedStatistics(
            connection=self.connection,
            connected_since=self._connected_since,
            frames=self._line.messages_received,
            bytes=self._line.bytes_received,
            events=self._events,
            refused=self._decoder.refused,
            silent_s=now - self._line.heard_at,
            backlog_bytes=self._backlog_bytes if is_behind else 0,
            behind_s=now - since if is_behind and since is not None else 0.0,
            overflows=self._overflows,
        )

    # --- for open_feed ----------------------------------------------------------------------------

    def use(self, line: Line) -> None:
        """Take the line that stands now."""
        self._line = line
        self._connected_since = Timestamp(self._env.wall_ns())

    def give_up(self) -> None:
        """Wake everybody who waits for an answer: the line is lost."""
        self._calls.give_up()

    def take(self, line: Line, messages: list[bytes]) -> None:
        """Decode what one read brought and hand its events over."""
        at = Timestamp(self._env.wall_ns())
        self._measure_backlog(line)
        events: list[Event] = []
        dead: str | None = None

        def answer(reply: Reply) -> None:
            nonlocal dead
            complaint = self._calls.answer(reply)
            if complaint is None:
                return
            events.append(
                FrameRefused(at=at, feed=self.name, kind="error", reason=complaint.sentence)
            )
            self._overflows += complaint.read_too_slowly
            if complaint.terminal:
                dead = dead or self._end_subscription(complaint, at, events)

        self._decoder.decode_all(messages, at, events, answer)
        self._events += len(events)
        if events:
            self._on_events(events)
        if dead is not None:
            line.lose(dead)

    def _end_subscription(
        self, complaint: Complaint, at: Timestamp, events: list[Event]
    ) -> str | None:
        # Returns why the whole connection is given up, None when somebody makes the subscription anew.
        if not self._is_tended or not complaint.sid:
            return complaint.sentence
        name = self._decoder.subscription(complaint.sid)
        events.append(SubscriptionEnded(at=at, subscription=name, reason=complaint.sentence))
        return None

    def _measure_backlog(self, line: Line) -> None:
        # Reads in a row that left something behind are how far we are behind.
        read = line.bytes_received - self._bytes_taken
        if not read:
            return  # more messages of the last read
        self._bytes_taken = line.bytes_received
        if not line.has_more:
            self._backlog_bytes, self._behind_since = 0, None
            return
        self._backlog_bytes += read
        if self._behind_since is None:
            self._behind_since = trio.current_time()
