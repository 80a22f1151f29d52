"""Benchmarks: ours beside what a user would take instead, in the same run, as ratios.

Owns: `results/latest.json` with one row per comparison, market data and journal; the goals are where they are measured.
With names of parts (ingest, decode, pipeline, bounds, journal) only those run.
Must not: compare figures of different runs or machines; the rounds alternate and their medians are compared.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import market_bounds, market_decode, market_ingest, market_pipeline
from benchmarks.compare import RESULTS, Row, compare, report
from benchmarks.market_decode import READ_MESSAGES
from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model.events import BookDelta, Event, FeedName, OrderSent
from traderd.model.ids import ClientOrderId
from traderd.model.units import Timestamp
from traderd.runtime.env import RealEnv
from traderd.store.journal import Journal, open_journal

HERE: Final = Path(__file__).resolve().parent
RECORDING: Final = HERE.parent / "tests" / "data" / "ws_orderbook_prod_20260807.json"
FRAMES_PER_ROUND: Final = 50_000
EVENTS_PER_ROUND: Final = 400
RECORDED_AT: Final = Timestamp(1_786_085_245_000_000_000)
"""A second after the last stamp of the recording: one that lies ahead would be no time of a frame."""
ORDERS_AT_ONCE: Final = 40
"""Bounds the events that share a commit: a busy moment of one account, not a best case."""


def recorded_deltas() -> list[bytes]:
    """Return the real order-book deltas of the recording, as compact as the exchange sends them."""
    frames = [one["frame"] for one in json.loads(RECORDING.read_text())["frames"]]
    deltas = [one for one in frames if one["type"] == "orderbook_delta"]
    return [json.dumps(one, separators=(",", ":")).encode() for one in deltas]


def decode_with_ours(frames: list[bytes]) -> float:
    """Decode frames to typed events with exact integers, a read of the socket at a time."""
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    spent = 0.0
    for first in range(0, len(frames), READ_MESSAGES):
        read = frames[first : first + READ_MESSAGES]
        events: list[Event] = []
        started = time.process_time()
        decoder.decode_all(read, RECORDED_AT, events, print)
        spent += time.process_time() - started
        if [type(event) for event in events] != [BookDelta] * len(read):
            raise RuntimeError("the decoder did not make one delta of each frame")
    return spent / len(frames) * 1e6


def decode_with_json(frames: list[bytes]) -> float:
    """Decode frames to dictionaries of texts: the peer stops here, without a check or a number."""
    started = time.process_time()
    for frame in frames:
        json.loads(frame)
    return (time.process_time() - started) / len(frames) * 1e6


def sent_events() -> list[OrderSent]:
    """Return events for the journal."""
    return [
        OrderSent(at=Timestamp(number), client_order_id=ClientOrderId(f"0a1b2c3d-1-{number:x}"))
        for number in range(EVENTS_PER_ROUND)
    ]


def journal_round(write: Callable[[Journal, list[OrderSent]], Awaitable[None]]) -> float:
    """Write the events durably into a new journal on this disk and return the time per event."""

    async def run(path: Path) -> float:
        async with open_journal(env=RealEnv(), path=path) as journal:
            events = sent_events()
            started = time.perf_counter()
            await write(journal, events)
            spent = time.perf_counter() - started
            if journal.statistics().rows != len(events):
                raise RuntimeError("not every event is on the disk")
            return spent / len(events) * 1e6

    RESULTS.mkdir(parents=True, exist_ok=True)
    # Beside the results and not in the temporary directory, which may be memory and sync for free.
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        return trio.run(run, Path(folder) / "journal.sqlite3")


async def write_in_groups(journal: Journal, events: list[OrderSent]) -> None:
    """Append as `ORDERS_AT_ONCE` tasks would, each waiting until its own event is durable."""
    for first in range(0, len(events), ORDERS_AT_ONCE):
        async with trio.open_nursery() as nursery:
            for event in events[first : first + ORDERS_AT_ONCE]:
                nursery.start_soon(journal.wait_durable, journal.append([event]))


async def write_one_by_one(journal: Journal, events: list[OrderSent]) -> None:
    """Append and commit each event alone, as a journal without group commit must."""
    for event in events:
        await journal.wait_durable(journal.append([event]))


def own_rows() -> list[Row]:
    """Return what is measured here: real frames of production, and the journal."""
    deltas = recorded_deltas()
    frames = (deltas * (FRAMES_PER_ROUND // len(deltas) + 1))[:FRAMES_PER_ROUND]
    return [
        compare(
            "decode: order-book delta to a typed, exact event",
            lambda: decode_with_ours(frames),
            lambda: decode_with_json(frames),
            peer_name="json.loads to a dictionary of texts",
            goal=2.0,
        ),
        compare(
            "journal: durable events, group commit",
            lambda: journal_round(write_in_groups),
            lambda: journal_round(write_one_by_one),
            peer_name="the same file, one commit per event",
            goal=5.0,
        ),
    ]


PARTS: Final[dict[str, Callable[[], list[Row]]]] = {
    "ingest": market_ingest.rows,
    "decode": market_decode.rows,
    "pipeline": market_pipeline.rows,
    "bounds": market_bounds.rows,
    "journal": own_rows,
}


def main(chosen: list[str]) -> int:
    """Run the chosen parts (all when none is named), write the rows, and return 1 if a goal does not hold."""
    rows: list[Row] = []
    for name in chosen or PARTS:
        rows += PARTS[name]()
    return report(rows, "latest.json" if not chosen else f"{'_'.join(chosen)}.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
