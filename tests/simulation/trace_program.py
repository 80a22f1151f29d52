"""Runs the daemon on its embedded exchange for a while and prints what happened as one hash.

Owns: the trace: every task step with its virtual time, every broadcast of the exchange, every row of the journal.
Run it from the repository as `python -m tests.simulation.trace_program SEED SECONDS DIRECTORY`; it prints one JSON
object.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import apsw
import attrs
import trio

from tests.simulation.harness import SimulatedDaemon, simulated_daemon
from traderd.app import JOURNAL_FILE
from traderd.paper.venue.messages import Broadcast
from traderd.runtime.simulation import run_simulated


@attrs.define(eq=False)
class Trace(trio.abc.Instrument):
    """Hashes what happens, in the order in which it happens."""

    steps: int = 0
    broadcasts: int = 0
    journaled: int = 0
    _hash: hashlib._Hash = attrs.field(factory=hashlib.sha256)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1
        self._note(f"{trio.current_time()!r} {task.name}")

    def watch_exchange(self, simulated: SimulatedDaemon) -> None:
        """Hash every broadcast on its way to the feeds."""
        venue = simulated.exchange.venue
        take = venue.take_outbox

        def take_and_note() -> list[Broadcast]:
            taken = take()
            for broadcast in taken:
                self.broadcasts += 1
                self._note(repr(broadcast))
            return taken

        venue.take_outbox = take_and_note  # type: ignore[method-assign]

    def read_journal(self, path: Path) -> None:
        """Hash every event that was written, as it was written."""
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        for row in connection.execute("SELECT position, at_ns, kind, body FROM journal"):
            self.journaled += 1
            self._note(repr(row))
        connection.close()

    def digest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()

    def _note(self, text: str) -> None:
        self._hash.update(text.encode())
        self._hash.update(b"\n")


def trace(seed: int, seconds: float, directory: Path) -> dict[str, str | int]:
    """Return the hash of a run and the counts that show that it was not an idle one."""
    result: dict[str, str | int] = {}

    async def main() -> None:
        noted = Trace()
        trio.lowlevel.add_instrument(noted)
        async with simulated_daemon(
            directory, seed=seed, strategies=True, exchange__events_per_s=6.0
        ) as simulated:
            noted.watch_exchange(simulated)
            await trio.sleep(seconds)
            result["fills"] = simulated.view.ledger.fill_count
            result["deltas"] = simulated.view.market_data.deltas_received
            simulated.stop()
            await simulated.ended.wait()
        noted.read_journal(directory / JOURNAL_FILE)
        result["steps"], result["broadcasts"] = noted.steps, noted.broadcasts
        result["journaled"], result["hash"] = noted.journaled, noted.digest()

    run_simulated(main, seed=seed)
    return result


def main() -> None:
    """Read the command line and print the trace."""
    seed, seconds, directory = sys.argv[1:]
    print(json.dumps(trace(int(seed), float(seconds), Path(directory))))


if __name__ == "__main__":
    main()
