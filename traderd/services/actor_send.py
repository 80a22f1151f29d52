"""Sending what strategies want, each tick's commands in the strategy's own nursery.

Owns: whose the orders are, that cancels end before the orders that need their room, and that a tick ends with the answers.
Must not: decide what passes (`actor_ask`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from traderd.core.tick_outcome import Ending, ending_of, joined
from traderd.model.commands import AmendOrder, Answer, CancelOrder, Command, PlaceOrder
from traderd.model.orders import Attribution, OrderOwner
from traderd.model.strategy_events import TenantStatus, TickOutcome
from traderd.services.actor_ask import Tick
from traderd.services.context import Context
from traderd.services.tenant import Tenant

QUARANTINE_RULE: Final = "quarantine"
BROKEN_OFF = Ending(
    TickOutcome.UNKNOWN, sentence="the strategy was stopped before the answers came"
)


class Sender:
    """Carries out the commands of ticks."""

    def __init__(self, context: Context, *, end: Callable[[Tick, Ending], None]) -> None:
        """`end` counts a tick."""
        self._context, self._end = context, end

    def start(self, tick: Tick, commands: Sequence[Command], held_back: Sequence[Ending]) -> None:
        """Begin to send; the market is busy until all of it is answered."""
        nursery = tick.tenant.nursery
        assert nursery is not None, "only a strategy that runs is asked"
        tick.tenant.begin(tick.ticker)
        nursery.start_soon(self._carry_out, tick, tuple(commands), tuple(held_back))

    async def _carry_out(
        self, tick: Tick, commands: tuple[Command, ...], held_back: tuple[Ending, ...]
    ) -> None:
        ending = BROKEN_OFF
        try:
            # Cancels go first and end first: what they free is what the new orders may need.
            numbered = list(enumerate(commands))
            places = [pair for pair in numbered if isinstance(pair[1], PlaceOrder)]
            others = [pair for pair in numbered if not isinstance(pair[1], PlaceOrder)]
            answers: dict[int, Ending] = {}
            for group in (others, places):
                async with trio.open_nursery() as nursery:
                    for number, command in group:
                        nursery.start_soon(self._send, tick.tenant, number, command, answers)
            # In the order in which they were asked for, whatever order the answers came in.
            wanted: list[Ending] = []
            relieving: list[Ending] = []
            for number, command in numbered:
                is_wanted = isinstance(command, PlaceOrder | AmendOrder)
                (wanted if is_wanted else relieving).append(answers[number])
            ending = joined([*wanted, *held_back], relieving)
        finally:
            tick.tenant.end(tick.ticker)
            self._end(tick, ending)

    async def _send(
        self, tenant: Tenant, number: int, command: Command, answers: dict[int, Ending]
    ) -> None:
        mine = Attribution(owner=OrderOwner.STRATEGY, strategy=tenant.name)
        if isinstance(command, PlaceOrder | AmendOrder):
            command = attrs.evolve(command, attribution=mine)
        if tenant.status is TenantStatus.QUARANTINED and not isinstance(command, CancelOrder):
            # Between its cancels and its orders it was taken out of service, and its orders down.
            answers[number] = Ending(TickOutcome.DENIED, QUARANTINE_RULE, tenant.reason)
            return
        outcome = await self._context.send(command)
        answers[number] = ending_of(outcome)
        if outcome.answer is not Answer.DONE:
            self._context.log.debug(
                f"strategy {tenant.name}: {outcome.sentence}",
                strategy=tenant.name,
                answer=outcome.answer.value,
            )
