"""What a service is given: its section of the world.

Owns: the context object and nothing in it; `app` makes every part and closes it.
Must not: hold logic of trading.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import attrs
import structlog
import trio

from traderd.config import Config
from traderd.config_secrets import mask_key_id
from traderd.core.last_gate import LastGate
from traderd.core.view import StateView
from traderd.errors import AuthenticationRefused, ExchangeError
from traderd.model.commands import (
    Answer,
    Calibrate,
    Command,
    ConfirmLimits,
    Outcome,
    Reconcile,
    Reload,
)
from traderd.model.events import DegradedCleared, Event
from traderd.model.ids import ClientOrderIds, MarketTicker
from traderd.model.units import NS_PER_MS, Timestamp
from traderd.plugin_api import StrategySpec
from traderd.runtime.bus import Bus
from traderd.runtime.commands import CommandRouter
from traderd.runtime.env import Env
from traderd.runtime.inbox import DEFAULT_DEPTH, Inbox, Policy
from traderd.runtime.systemd import ServiceManager
from traderd.services.extensions import Extensions
from traderd.services.feed_meter import FeedMeter
from traderd.services.kill_latch import KillLatch
from traderd.services.levers import Levers
from traderd.services.live_settings import LiveSettings
from traderd.services.notice_board import Notices
from traderd.services.plugin_desk import PluginDesk
from traderd.store.plugin_notes import Notes

if TYPE_CHECKING:
    from traderd.kalshi.auth import Signer
    from traderd.kalshi.rest import RestClient
    from traderd.runtime.log_output import LogRing
    from traderd.services.lifecycle import Lifecycle
    from traderd.services.trade_backfill import Hole
    from traderd.store.journal import Journal


PEOPLES_SERVICE: Final = "web"
"""Where the words of people come in: the control socket and the console."""
FIRST_PRIVATE_CONNECTION: Final = 1_000_001
"""Private connections are numbered apart from those of market data, so that their subscriptions differ."""


@attrs.define(eq=False)
class EmbeddedAddress:
    """The address of the embedded exchange, bound before anybody needs to know it."""

    host: str
    port: int
    _bound: trio.abc.Listener[trio.abc.Stream] | None

    @property
    def address(self) -> str:
        """`host:port`, as clients write it."""
        return f"{self.host}:{self.port}"

    async def take_listener(self, env: Env) -> trio.abc.Listener[trio.abc.Stream]:
        """Return the listener; after a restart of the service, bind the same port again."""
        bound, self._bound = self._bound, None
        if bound is None:
            bound, _ = await env.listen(self.host, self.port)
        return bound

    async def close_unused(self) -> None:
        """Free the port if nobody took the listener.  Cancelling closes it all the same."""
        bound, self._bound = self._bound, None
        if bound is not None:
            await bound.aclose()


@attrs.frozen(kw_only=True)
class Venue:
    """Where the exchange is, and the tools to talk to it."""

    rest_url: str
    ws_url: str
    signer: Signer
    rest: RestClient
    embedded: EmbeddedAddress | None
    """Where the embedded exchange serves; None when there is none."""


@attrs.frozen(kw_only=True)
class Shared:
    """The parts that every context shares."""

    env: Env
    settings: LiveSettings
    bus: Bus[Event]
    commands: CommandRouter[Command, Outcome]
    view: StateView
    journal: Journal
    venue: Venue
    lifecycle: Lifecycle
    order_ids: ClientOrderIds
    log_ring: LogRing
    strategies: dict[str, StrategySpec]
    plugin_desk: PluginDesk
    """The plugins of this daemon."""
    started_at: float
    """On the monotonic clock, in seconds."""
    systemd: ServiceManager = attrs.Factory(ServiceManager)
    """The way to systemd; silent when it did not start us."""
    levers: Levers = attrs.Factory(Levers)
    extensions: Extensions = attrs.Factory(Extensions)
    """What plugins add beside services, strategies and rules."""
    notices: Notices = attrs.Factory(Notices)
    """What the notifier keeps over its restarts."""
    feed_meter: FeedMeter = attrs.Factory(FeedMeter)
    market_connections: Iterator[int] = attrs.Factory(lambda: count(1))
    """Numbers for connections of market data; they go on over restarts of the stage, for sequences count within them."""
    private_connections: Iterator[int] = attrs.Factory(lambda: count(FIRST_PRIVATE_CONNECTION))
    missed_trades: dict[MarketTicker, Hole] = attrs.Factory(dict)
    """Markets whose trades may be missing: a restart of the stage is a hole like any other."""
    kill_latch: KillLatch = attrs.Factory(KillLatch)
    last_gate: LastGate = attrs.Factory(LastGate)
    """What left is remembered over restarts of the order service."""
    absent_orders: dict[str, float] = attrs.Factory(dict)
    """Since when, on the monotonic clock, the exchange has not known orders that we know, by key."""
    keys_since: dict[str, float] = attrs.Factory(dict)
    """Since when, on the monotonic clock, keys of requests are known; before the start of this run for those of an earlier one."""
    extras: dict[str, Any] = attrs.Factory(dict)
    """What a service leaves to its own drain, to the screens or to tests, by the name that it gives."""

    @property
    def config(self) -> Config:
        """The configuration of now: what may change while the daemon runs is read each time it is needed."""
        return self.settings.current


@attrs.frozen(kw_only=True)
class Context:
    """One of our own services' view of the daemon; a plugin's has a `PluginContext`."""

    name: str
    shared: Shared
    log: structlog.stdlib.BoundLogger

    def strategy_notes(self, strategy: str) -> Notes:
        """Return the notes of the plugin that offers a strategy."""
        desk = self.shared.plugin_desk
        return desk.notes.section(desk.owner_of_strategy(strategy))

    @property
    def env(self) -> Env:
        """The outside world."""
        return self.shared.env

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.shared.config

    @property
    def view(self) -> StateView:
        """The state, read-only."""
        return self.shared.view

    @property
    def venue(self) -> Venue:
        """The exchange."""
        return self.shared.venue

    def now(self) -> Timestamp:
        """Return the wall clock, for stamping what is observed."""
        return Timestamp(self.shared.env.wall_ns())

    def exchange_now(self) -> Timestamp:
        """Return the time by the exchange's clock, as far as its answers told."""
        return Timestamp(self.now() + self.exchange_ahead_ns)

    @property
    def exchange_ahead_ns(self) -> int:
        """The exchange's clock minus ours, in nanoseconds; 0 until an answer proves otherwise."""
        return self.venue.rest.clock_offset_ms * NS_PER_MS

    def publish(self, *events: Event) -> None:
        """Publish events as one batch."""
        self.shared.bus.publish(events)

    def publish_batch(self, events: Iterable[Event]) -> None:
        """Publish a batch that is at hand."""
        self.shared.bus.publish(events)

    def clear_degraded(self, part: str) -> None:
        """Say that a part is well again, if it was told as degraded."""
        if part in self.view.conditions.degraded:
            self.publish(DegradedCleared(at=self.now(), part=part))

    def subscribe(
        self,
        *types: type,
        policy: Policy = Policy.DROP_OLDEST,
        depth: int = DEFAULT_DEPTH,
        key: Callable[[Any], Hashable] | None = None,
    ) -> Inbox[Any]:
        """Return an inbox of these event types, named after the service; use it with `with`."""
        return self.shared.bus.subscribe(
            *types, name=self.name, policy=policy, depth=depth, key=key
        )

    async def send(
        self, command: Command, unless: Callable[[], Outcome | None] | None = None
    ) -> Outcome:
        """Send a command and wait for its outcome.  Cancelling does not break the command off.

        `unless` returns the outcome with which it is refused, or None; it is asked at the moment at which it is done.
        """
        if self.name != PEOPLES_SERVICE and (what := _for_people(command)):
            # Of a plugin or any other program, whatever author it names (control C17).
            return Outcome(
                answer=Answer.DENIED,
                sentence=f"{what} by a person only, not by the service {self.name}",
            )
        return await self.shared.commands.send(command, unless)


def _for_people(command: Command) -> str:
    """Return what a command does that no program may decide; an empty text when it is none of these."""
    match command:
        case ConfirmLimits() | Reload(raise_limits=True):
            return "limits can be raised"
        case Reconcile() | Calibrate(accept_balance=True):
            return "differences from the exchange can be accepted"
        case _:
            return ""


def key_refused(context: Context, refusal: AuthenticationRefused) -> ExchangeError:
    """Return what a refused key means for a person: trying again alone cannot help."""
    return ExchangeError(
        f"the exchange does not take the key {mask_key_id(context.venue.signer.key_id)}: {refusal}; check "
        "exchange.key_id and exchange.key_file, and that the key is one of the environment "
        f"{context.config.environment}"
    )


def refuse(sentence: str) -> Outcome:
    """Return the outcome of a command that nobody took: nothing was done."""
    return Outcome(answer=Answer.UNAVAILABLE, sentence=sentence)


def broken_off(sentence: str) -> Outcome:
    """Return the outcome of a command whose service ended half way."""
    return Outcome(answer=Answer.UNKNOWN, sentence=sentence)
