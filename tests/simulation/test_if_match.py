"""A verb that was decided by one state is not done in another: asked where it is done, with nothing in between."""

from typing import Any

import attrs
import msgspec
import trio

from tests.services.test_verb_schemas import GOOD
from tests.simulation.harness import TICKERS, SimulatedDaemon, simulated_daemon
from traderd.model import events as ev
from traderd.model.commands import Outcome, denied
from traderd.services.console_verbs import VERBS

CHANGED = denied("it changed")
ORDER = {"ticker": TICKERS[0], "side": "bid", "price_dollars": "0.0100", "count": "2"}


def command_of(verb: str, body: dict[str, Any]) -> Any:
    parse, _ = VERBS[verb]
    return parse(body)


async def test_whoever_serves_a_verb_refuses_it_when_the_state_has_changed(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        shared, deaf = simulated.daemon.shared, []
        bodies = {verb: GOOD.get(verb, {}) for verb in VERBS} | {"cancel": {"key": "k1"}}
        for verb, body in bodies.items():
            before = shared.journal.position
            outcome = await shared.commands.send(command_of(verb, body), lambda: CHANGED)
            if outcome is not CHANGED or shared.journal.position != before:
                deaf.append(verb)
        assert deaf == []


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks: what has one number has no `await` that waited in between."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


@attrs.define(eq=False)
class Watch:
    """In which step a verb was asked about, and in which what was published."""

    simulated: SimulatedDaemon
    steps: Steps = attrs.Factory(Steps)
    asked: list[int] = attrs.Factory(list)
    told: list[tuple[int, ev.Event]] = attrs.Factory(list)

    def begin(self) -> None:
        bus = self.simulated.daemon.shared.bus
        real = bus.publish

        def publish(events: Any) -> None:
            events = list(events)
            self.told += [(self.steps.count, event) for event in events]
            real(events)

        bus.publish = publish
        trio.lowlevel.add_instrument(self.steps)

    def end(self) -> None:
        trio.lowlevel.remove_instrument(self.steps)

    async def do(self, verb: str, **body: Any) -> Outcome:
        self.asked.clear()
        self.told.clear()
        shared = self.simulated.daemon.shared
        return await shared.commands.send(
            command_of(verb, body), lambda: self.asked.append(self.steps.count)
        )

    async def expect(self, verb: str, fact: type[ev.Event], **body: Any) -> Outcome:
        """Do a verb whose first fact this is."""
        outcome = await self.do(verb, **body)
        assert outcome.ok, outcome.sentence
        first = next(step for step, event in self.told if isinstance(event, fact))
        assert self.asked[-1] == first, f"{verb}: asked in {self.asked}, done in {first}"
        return outcome


async def test_nothing_waits_between_the_asking_and_the_first_fact_of_a_verb(
    tmp_path, autojump_clock
):
    async with simulated_daemon(tmp_path) as simulated:
        shared = simulated.daemon.shared
        risk = msgspec.structs.replace(shared.config.risk, max_open_orders=5)
        lowered = msgspec.structs.replace(shared.config, risk=risk)
        shared.levers.reread = lambda: lowered
        watch = Watch(simulated)
        watch.begin()
        try:
            key = (await watch.expect("place", ev.OrderIntended, **ORDER)).key
            await watch.expect("place-orders", ev.OrderIntended, orders=[ORDER])
            await watch.expect("amend", ev.AmendRequested, key=key, price_dollars="0.0200")
            await watch.expect("decrease", ev.AmendRequested, key=key, by="1")
            await watch.expect("cancel", ev.CancelRequested, key=key)
            await watch.expect("pause", ev.TradingPaused)
            await watch.expect("resume", ev.TradingResumed)
            await watch.expect("halt", ev.HaltRaised)
            await watch.expect("clear-halt", ev.HaltCleared, halt_id="person:account")
            await watch.expect("reload", ev.LimitsSet)
            await watch.expect("flatten", ev.TradingPaused)
            await watch.expect("kill", ev.HaltRaised)
            await watch.expect("clear-halt", ev.HaltCleared, halt_id="kill")
        finally:
            watch.end()
