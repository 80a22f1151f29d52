"""What a plugin's service may publish and send: it may stop trading and tell how it is, and never decide for a person.

Owns: the list of both, and under whose name a plugin's commands go.
Must not: call a plugin, or be taken for a wall: plugins are code of the operator's in this process. It guards against
mistakes, not against malice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.core.view import StateView
from traderd.errors import BadInput
from traderd.model import commands as cm
from traderd.model.events import Author, DegradedCleared, DegradedRaised, Event
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner

CURE: Final = "a service may publish DegradedRaised and DegradedCleared; for all else there are commands (docs/plugins.md)"


def begin_of_parts(plugin: str) -> str:
    """Return how the degraded parts begin that a plugin's services may tell of."""
    return f"{plugin}: "


@attrs.frozen(kw_only=True)
class Contract:
    """What one plugin's services may do."""

    plugin: str
    view: StateView
    owner_of_strategy: Callable[[str], str]
    """Returns the plugin that offers a strategy."""

    def refusal_of(self, event: Event) -> str:
        """Return why this plugin may not publish an event, an empty text when it may."""
        if not isinstance(event, DegradedRaised | DegradedCleared):
            return f"it may not publish {type(event).__name__}, which is a fact that only traderd tells; {CURE}"
        if not event.part.startswith(begin := begin_of_parts(self.plugin)):
            return (
                f"it may not publish news of the part {event.part!r}; its own begin with {begin!r}"
            )
        return ""

    def signed(self, command: cm.Command) -> cm.Command:
        """Return a command as this plugin's own.

        Raises:
            BadInput: only a person may send it, or it is about what is not the plugin's.
        """
        match command:
            case cm.PlaceOrder():
                return self._own_order(command)
            case cm.PlaceOrders():
                orders = tuple(self._own_order(one) for one in command.orders)
                return attrs.evolve(command, orders=orders)
            case cm.AmendOrder():
                return self._own_amend(command)
            case cm.ClearHalt():
                self._check_own_halt(command.halt_id)
                return self._by_us(command)
            case cm.Flatten(at_worst=worst) if worst is not None:
                raise BadInput("the worst price of a flatten is named by a person only")
            case cm.Halt() | cm.Pause() | cm.Flatten() | cm.Kill():
                return self._by_us(command)
            case cm.CancelOrder() | cm.CancelOrders() | cm.DecreaseOrder() | cm.DryRun():
                return command
            case cm.Calibrate(accept_balance=False):
                return command
            case _:
                raise BadInput(f"{type(command).__name__} is sent by a person only")

    def _by_us(
        self, command: cm.ClearHalt | cm.Halt | cm.Pause | cm.Flatten | cm.Kill
    ) -> cm.Command:
        return attrs.evolve(command, author=Author.PLUGIN, by=self.plugin)

    def _own_order(self, command: cm.PlaceOrder) -> cm.PlaceOrder:
        # Whatever owner it names: an order of a person passes where one of a program does not.
        attribution = self._ours(command.attribution.strategy)
        if command.price_is_worst:
            raise BadInput("the worst price of an order is named by a person only")
        return attrs.evolve(command, attribution=attribution)

    def _own_amend(self, command: cm.AmendOrder) -> cm.AmendOrder:
        order = self.view.order(command.key)
        if order is None:
            return attrs.evolve(command, attribution=self._ours(None))
        if order.attribution.owner is not OrderOwner.STRATEGY:
            whose = order.attribution.owner.value
            raise BadInput(
                f"order {command.key} is of {whose}, so this plugin may only cancel it or make it smaller"
            )
        return attrs.evolve(command, attribution=self._ours(order.attribution.strategy))

    def _ours(self, strategy: StrategyName | None) -> Attribution:
        name = strategy or StrategyName(self.plugin)
        if name != self.plugin and self.owner_of_strategy(name) != self.plugin:
            raise BadInput(
                f"the strategy {name} is not of this plugin, so its orders are not either"
            )
        return Attribution(owner=OrderOwner.STRATEGY, strategy=name)

    def _check_own_halt(self, halt_id: str) -> None:
        halt = self.view.conditions.halts.get(halt_id)
        # What does not stand is answered by who serves the command, with the list of what does.
        if halt is not None and (halt.author, halt.by) != (Author.PLUGIN, self.plugin):
            raise BadInput(
                f"halt {halt_id!r} was not raised by this plugin, so it may not clear it"
            )
