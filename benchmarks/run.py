"""Benchmarks: ours beside what a user would write instead, in the same run, as ratios.

Owns: the goals, and `results/latest.json` with one row per benchmark.
Must not: compare figures of different runs or machines; the rounds alternate and their medians are compared.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from traderd.kalshi.wire.decoder import FrameDecoder
from traderd.model.events import BookDelta, Event, FeedName, OrderSent
from traderd.model.ids import ClientOrderId
from traderd.model.units import Timestamp
from traderd.runtime.env import RealEnv
from traderd.store.journal import Journal, open_journal

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results" / "latest.json"
RECORDING: Final = HERE.parent / "tests" / "data" / "ws_orderbook_prod_20260807.json"
ROUNDS: Final = 7
"""Bounds the alternating rounds: enough that one disturbed round does not move a median."""
FRAMES_PER_ROUND: Final = 50_000
EVENTS_PER_ROUND: Final = 400
ORDERS_AT_ONCE: Final = 40
"""Bounds the events that share a commit: a busy moment of one account, not a best case."""


@attrs.frozen(kw_only=True)
class Row:
    """One comparison; `ours` and `peer` are microseconds per item, `ratio` is peer / ours."""

    name: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    goal: float
    holds: bool


def compare(
    name: str, ours: Callable[[], float], peer: Callable[[], float], *, peer_name: str, goal: float
) -> Row:
    """Run both sides in alternating rounds and compare their medians (microseconds per item)."""
    ours(), peer()  # caches and files are warm for both
    rounds = [(ours(), peer()) for _ in range(ROUNDS)]
    our_median = statistics.median(one for one, _ in rounds)
    peer_median = statistics.median(one for _, one in rounds)
    ratio = peer_median / our_median
    return Row(
        name=name,
        ours=round(our_median, 3),
        peer=round(peer_median, 3),
        peer_name=peer_name,
        ratio=round(ratio, 2),
        goal=goal,
        holds=ratio >= goal,
    )


def recorded_deltas() -> list[bytes]:
    """Return the real order-book deltas of the recording, as compact as the exchange sends them."""
    frames = [one["frame"] for one in json.loads(RECORDING.read_text())["frames"]]
    deltas = [one for one in frames if one["type"] == "orderbook_delta"]
    return [json.dumps(one, separators=(",", ":")).encode() for one in deltas]


def decode_with_ours(frames: list[bytes]) -> float:
    """Decode frames to typed events with exact integers."""
    decoder = FrameDecoder(1, FeedName.MARKET_DATA)
    events: list[Event] = []
    started = time.perf_counter()
    for frame in frames:
        decoder.decode(frame, Timestamp(0), events)
    spent = time.perf_counter() - started
    if len(events) != len(frames) or not all(isinstance(one, BookDelta) for one in events):
        raise RuntimeError("the decoder did not make one delta of each frame")
    return spent / len(frames) * 1e6


def decode_with_json(frames: list[bytes]) -> float:
    """Decode frames to dictionaries of texts: the peer stops here, without a check or a number."""
    started = time.perf_counter()
    for frame in frames:
        json.loads(frame)
    return (time.perf_counter() - started) / len(frames) * 1e6


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

    # Beside the results and not in the temporary directory, which may be memory and sync for free.
    with tempfile.TemporaryDirectory(dir=RESULTS.parent) as folder:
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


def main() -> int:
    """Run all benchmarks, write the rows, and return 1 if a goal does not hold."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    deltas = recorded_deltas()
    frames = (deltas * (FRAMES_PER_ROUND // len(deltas) + 1))[:FRAMES_PER_ROUND]
    rows = [
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
    RESULTS.write_text(json.dumps([attrs.asdict(row) for row in rows], indent=2) + "\n")
    for row in rows:
        verdict = "holds" if row.holds else "DOES NOT HOLD"
        print(
            f"{row.name}: {row.ours:.2f} us, {row.peer_name}: {row.peer:.2f} us; "
            f"{row.ratio:.1f} times faster, goal {row.goal:g}: {verdict}"
        )
    print(f"written to {RESULTS.relative_to(HERE.parent)}")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
