"""A feed that comes back for ever.

Owns: reconnecting with jittered back-off, numbering the connections, and saying what each one ended of.
Must not: subscribe (the session does), or decide that a refused key will be accepted later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Final, NoReturn

import attrs
import trio

from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.kalshi.auth import Signer
from traderd.kalshi.feed import Feed, open_feed
from traderd.kalshi.tap import Ingest
from traderd.model.events import Event, FeedDisconnected, FeedName
from traderd.model.units import Timestamp
from traderd.runtime.env import Env
from traderd.runtime.retry import Backoff

RETRY_FIRST_S: Final = 0.5
RETRY_CAP_S: Final = 30.0
"""Bounds the wait: short beside a maintenance window, long beside what an exchange minds."""
HEALTHY_AFTER_S: Final = 60.0
"""A connection that stood this long was no lucky moment, so the next wait begins small again."""


@attrs.frozen(kw_only=True)
class FeedDown:
    """A connection ended or could not be made."""

    connection: int
    reason: str
    retry_in_s: float


async def keep_feed(
    *,
    env: Env,
    url: str,
    signer: Signer,
    feed: FeedName,
    on_events: Callable[[list[Event]], None],
    session: Callable[[Feed], Awaitable[None]],
    on_down: Callable[[FeedDown], None],
    clock_offset_ms: Callable[[], int] = lambda: 0,
    numbers: Iterator[int] | None = None,
    ingest: Ingest = "tap",
) -> NoReturn:
    """Keep one feed connected until cancelled.

    `session` gets each new connection: it subscribes, publishes FeedConnected and may go on working; it is cancelled
    when the connection is lost, and an ExchangeError that it raises ends the connection. FeedDisconnected goes to
    `on_events` after every connection that stood, then `on_down` is told. Cancelling closes the connection.
    `numbers` gives the connections their numbers, from 1 on by default; keepers of one feed share them, because
    sequences count within a connection.

    Raises:
        AuthenticationRefused: the key is refused; trying again alone cannot help.
        ExceptionGroup: a defect of `session` or `on_events`.
    """
    backoff = Backoff(first_s=RETRY_FIRST_S, cap_s=RETRY_CAP_S, rng=env.rng)
    numbers = count(1) if numbers is None else numbers
    while True:
        connection = next(numbers)

        def tell_lost(reason: str, connection: int = connection) -> None:
            on_events([_disconnected(env, feed, connection, reason)])

        opening = open_feed(
            env=env,
            url=url,
            signer=signer,
            feed=feed,
            connection=connection,
            on_events=on_events,
            clock_offset_ms=clock_offset_ms,
            ingest=ingest,
        )
        reason, stood_s = await _keep_once(opening, session, tell_lost)
        if stood_s >= HEALTHY_AFTER_S:
            backoff.reset()
        delay_s = backoff.next_delay()
        on_down(FeedDown(connection=connection, reason=reason, retry_in_s=delay_s))
        await trio.sleep(delay_s)


async def _keep_once(
    opening: AbstractAsyncContextManager[Feed],
    session: Callable[[Feed], Awaitable[None]],
    tell_lost: Callable[[str], None],
) -> tuple[str, float]:
    # Returns why the connection ended or could not be made, and how long it stood, in seconds.
    stood_since: float | None = None
    told = False
    try:
        async with opening as opened:
            stood_since = trio.current_time()
            reason = await _run_session(opened, session)
            # At once: to say goodbye takes a while, in which its books would still look good.
            told = True
            tell_lost(reason)
    except AuthenticationRefused:
        raise
    except ExchangeError as exc:
        reason = str(exc)
    if stood_since is None:
        return reason, 0.0
    if not told:
        tell_lost(reason)
    return reason, trio.current_time() - stood_since


def _disconnected(env: Env, feed: FeedName, connection: int, reason: str) -> FeedDisconnected:
    at = Timestamp(env.wall_ns())
    return FeedDisconnected(at=at, feed=feed, connection=connection, reason=reason)


async def _run_session(feed: Feed, session: Callable[[Feed], Awaitable[None]]) -> str:
    # Returns why the connection ended; an ExchangeError of the session leaves bare, anything else in a group.
    problem: ExchangeError | None = None
    reason = ""

    async def run() -> None:
        nonlocal problem
        try:
            await session(feed)
        except* ExchangeError as group:
            # The connection that is lost cancels the session, so its error may come in one group with Cancelled.
            problem = _first(group)
            feed.lose(str(problem))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        reason = await feed.wait_lost()
        nursery.cancel_scope.cancel()
    if isinstance(problem, AuthenticationRefused):
        raise problem
    return reason


def _first(group: BaseExceptionGroup[ExchangeError]) -> ExchangeError:
    # A refused key before anything else: only it ends the keeping.
    refused = group.subgroup(AuthenticationRefused)
    first = (group if refused is None else refused).exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
