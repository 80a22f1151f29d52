"""Runs the daemon for a while, notes every observation, and makes all of them again from the recorded events.

Owns: the proof that an observation is built from recorded kinds of events only. Run it from the repository as
`python -m tests.simulation.observation_program SEED SECONDS DIRECTORY`; it prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.plugin_files import plugin_extensions
from tests.simulation.harness import simulated_daemon
from traderd.config import Config
from traderd.core.engine import Engine
from traderd.core.observation import Observation
from traderd.core.observe import OBSERVED_KINDS, observe
from traderd.core.view import StateView
from traderd.model.events import Event
from traderd.runtime.simulation import run_simulated
from traderd.services import observing
from traderd.services.features import with_features
from traderd.services.recorder import JournalRecorder


@attrs.define(eq=False)
class Recording:
    """Batches of events as they were published, and what was observed between them."""

    steps: list[tuple[str, Any]] = attrs.Factory(list)
    hash: hashlib._Hash = attrs.field(factory=hashlib.sha256)
    observations: int = 0
    last_known: int = 0
    with_orders: int = 0
    with_trades: int = 0

    def record(self, folded: list[Event]) -> None:
        """Note a batch, but only what a recording would hold."""
        kept = [event for event in folded if isinstance(event, OBSERVED_KINDS)]
        self.steps.append(("batch", kept))

    def note(self, seen: Observation | None, ticker: str, strategy: str, at: int) -> None:
        """Note an observation."""
        self.steps.append(("look", (ticker, strategy, at)))
        self.hash.update(_bytes(seen))
        self.observations += 1
        if seen is not None:
            self.last_known += not seen.book_usable
            self.with_orders += bool(seen.orders)
            self.with_trades += bool(seen.trades)


def _bytes(seen: Observation | None) -> bytes:
    return b"none" if seen is None else seen.canonical_bytes()


def replayed_hash(recording: Recording, limits: Any) -> str:
    """Return the hash of the observations that a fresh engine gives when it folds the recorded kinds."""
    engine = Engine(limits=limits)
    engine.begin_run()
    view, made = StateView(engine), hashlib.sha256()
    # Anew: a feature must not remember anything of the run.
    extensions = plugin_extensions(Config())
    for what, step in recording.steps:
        if what == "look":
            seen = observe(view, *step)
            made.update(_bytes(None if seen is None else with_features(extensions, seen)))
            continue
        for event in step:
            _fold(engine, event)
        engine.settle()
    return made.hexdigest()


def _fold(engine: Engine, event: Event) -> None:
    # Of what follows, the recorded kinds are in the batch anyhow; the others are folded as the bus would.
    waiting = [one for one in engine.apply(event) or () if not isinstance(one, OBSERVED_KINDS)]
    while waiting:
        further = engine.apply(waiting.pop(0)) or ()
        waiting += [one for one in further if not isinstance(one, OBSERVED_KINDS)]


def run(seed: int, seconds: float, directory: Path) -> dict[str, Any]:
    """Return both hashes and the counts that show that it was not an idle run."""
    recording, result = Recording(), dict[str, Any]()
    record, get = JournalRecorder.record, observing.get_observation

    def record_too(self: JournalRecorder, folded: list[Event]) -> None:
        recording.record(folded)
        record(self, folded)

    def look(context: Any, ticker: Any, strategy: Any = "") -> Observation | None:
        seen = get(context, ticker, strategy)
        recording.note(seen, ticker, strategy, context.now())
        return seen

    async def main() -> None:
        async with simulated_daemon(
            directory,
            seed=seed,
            strategies=True,
            exchange__events_per_s=8.0,
            strategies__momentum_taker__enabled=True,
        ) as simulated:
            await trio.sleep(seconds / 2)
            simulated.exchange.faults.drop_websockets("orderbook_delta")
            simulated.exchange.faults.refuse_websockets(503)
            await trio.sleep(seconds / 10)
            simulated.exchange.faults.clear()
            await trio.sleep(seconds * 0.4)
            result["fills"] = simulated.view.ledger.fill_count
            result["deltas"] = simulated.view.market_data.deltas_received
            result["limits"] = simulated.view.limits
            simulated.stop()
            await simulated.ended.wait()

    from traderd.services import actor_ask

    JournalRecorder.record, actor_ask.get_observation = record_too, look  # type: ignore[method-assign]
    try:
        run_simulated(main, seed=seed)
    finally:
        JournalRecorder.record, actor_ask.get_observation = record, get  # type: ignore[method-assign]
    limits = result.pop("limits")
    return result | {
        "live": recording.hash.hexdigest(),
        "replayed": replayed_hash(recording, limits),
        "observations": recording.observations,
        "last_known": recording.last_known,
        "with_orders": recording.with_orders,
        "with_trades": recording.with_trades,
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))))
