"""What a plugin's service is given: the parts of the daemon that are meant for plugins, and no others.

Owns: that what a plugin publishes or sends is judged by its contract, and that a refusal is an error of the plugin. There
is no way from here to the bus, the router of commands, the life of the daemon or the exchange, which the context of
traderd's own services has.
Must not: cost anything where no plugin is: traderd's own services never pass through it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import attrs
import structlog

from traderd.config import Config
from traderd.core.view import StateView
from traderd.errors import BadInput
from traderd.model.commands import Command, Outcome, denied
from traderd.model.events import DegradedCleared, Event
from traderd.model.units import Timestamp
from traderd.runtime.env import Env
from traderd.runtime.inbox import DEFAULT_DEPTH, Inbox, Policy
from traderd.runtime.plugin_record import Guard, PluginRecord
from traderd.services.context import Context
from traderd.services.plugin_contract import Contract
from traderd.store.plugin_notes import Notes


@attrs.frozen(kw_only=True)
class PluginContext:
    """One plugin service's view of the daemon."""

    name: str
    plugin: str
    """Whose service it is."""
    log: structlog.stdlib.BoundLogger
    _daemon: Context
    _guard: Guard
    _contract: Contract

    @property
    def notes(self) -> Notes:
        """The durable notes of this plugin; no other one's can be reached from here."""
        return self._daemon.shared.plugin_desk.notes.section(self.plugin)

    @property
    def env(self) -> Env:
        """The outside world."""
        return self._daemon.env

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._daemon.config

    @property
    def view(self) -> StateView:
        """The state, read-only."""
        return self._daemon.view

    def now(self) -> Timestamp:
        """Return the wall clock, for stamping what is observed."""
        return self._daemon.now()

    def exchange_now(self) -> Timestamp:
        """Return the time by the exchange's clock, as far as its answers told."""
        return self._daemon.exchange_now()

    def publish(self, *events: Event) -> None:
        """Publish events as one batch; raises BadInput for what the contract does not let it, which is a strike."""
        self.publish_batch(events)

    def publish_batch(self, events: Iterable[Event]) -> None:
        """Publish a batch that is at hand, whole or not at all; raises BadInput as `publish` does."""
        batch = tuple(events)
        for event in batch:
            if why := self._contract.refusal_of(event):
                self._guard.strike(f"service {self.name} was refused: {why}")
                raise BadInput(f"plugin {self.plugin}: {why}")
        self._daemon.publish_batch(batch)

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
        return self._daemon.subscribe(*types, policy=policy, depth=depth, key=key)

    async def send(self, command: Command) -> Outcome:
        """Send a command in the plugin's name and wait for its outcome; one that is not for plugins is denied.

        Cancelling does not break the command off.
        """
        try:
            own = self._contract.signed(command)
        except BadInput as exc:
            self.log.warning(f"plugin {self.plugin}: {exc}", command=type(command).__name__)
            return denied(str(exc))
        return await self._daemon.send(own)


def plugin_context(daemon: Context, record: PluginRecord, service: str) -> PluginContext:
    """Return the context of one service of a plugin; `daemon` is that of who hosts it."""
    desk = daemon.shared.plugin_desk
    log = daemon.log.bind(service=service, plugin=record.name)
    return PluginContext(
        name=service,
        plugin=record.name,
        log=log,
        daemon=attrs.evolve(daemon, name=service, log=log),
        guard=desk.plugins.guard(record),
        contract=Contract(
            plugin=record.name, view=daemon.view, owner_of_strategy=desk.owner_of_strategy
        ),
    )
