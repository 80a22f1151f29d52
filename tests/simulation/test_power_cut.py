"""Torn sectors: whatever a power cut leaves of the file, no acknowledged intent is lost (D6, I5)."""

from contextlib import suppress
from pathlib import Path
from random import Random

import apsw
import pytest

from tests.simulation.power_cut import Disk, power_cut_disk, without_shared_memory
from traderd.errors import StoreError
from traderd.model.events import OrderIntended
from traderd.model.ids import ClientOrderId, MarketTicker
from traderd.model.orders import Attribution, OrderOwner, OrderTerms, Side
from traderd.model.units import Count, Price, Timestamp
from traderd.store import codec
from traderd.store.database import Database, Row, open_database

NEW_ID = "ABCDEF01-0000-4000-8000-000000000000"
CUTS_A_PART = 100


def intent(position: int, rng: Random) -> Row:
    event = OrderIntended(
        at=Timestamp(position),
        client_order_id=ClientOrderId(f"abcdef01-1-{position}"),
        terms=OrderTerms(
            # Of many lengths, so that rows end everywhere in a sector and in a page.
            ticker=MarketTicker("KX" + "A" * rng.randint(1, 900)),
            side=Side.BID,
            price=Price(100),
            count=Count(100),
        ),
        attribution=Attribution(owner=OrderOwner.PERSON),
    )
    return (position, event.at, *codec.encode(event))


def write_until_the_cut(database: Database, rng: Random) -> tuple[list[Row], list[Row]]:
    """Commit batch after batch; returns the acknowledged rows, and those of the batch that the cut met."""
    acknowledged: list[Row] = []
    while True:
        first = len(acknowledged) + 1
        batch = [intent(first + number, rng) for number in range(rng.choice((1, 1, 2, 30)))]
        try:
            database.append(batch)
        except StoreError:
            return acknowledged, batch
        acknowledged += batch


def cut_once(path: Path, rng: Random, *, synchronous: str = "FULL") -> tuple[int, int, int]:
    """Write, cut the power, start again; returns acknowledged rows, found rows and lost sectors."""
    with power_cut_disk() as disk:
        database = open_database(path, new_instance_id=NEW_ID)
        database._connection.pragma("synchronous", synchronous)
        disk.writes_left = rng.randint(0, 400)
        acknowledged, batch = write_until_the_cut(database, rng)
        with suppress(apsw.IOError):
            database._connection.close(True)
        lost = disk.cut(rng)
    without_shared_memory(path)
    if rng.random() < 0.5:
        cut_while_opening(path, rng)
    again = open_database(path, new_instance_id=NEW_ID)
    found = list(again.read(after=0, up_to=again.last_position))
    assert again.generation in {2, 3}
    # All of a batch or nothing of it, and never anything that was not written.
    assert found in (acknowledged, acknowledged + batch) or synchronous != "FULL"
    for position, _, kind, body in found:
        assert codec.decode(kind, body, position=position).client_order_id.endswith(f"-{position}")
    again.close()
    return len(acknowledged), len(found), lost


def cut_while_opening(path: Path, rng: Random) -> None:
    with power_cut_disk() as disk:
        disk.writes_left = rng.randint(0, 12)
        with suppress(StoreError, apsw.IOError):
            open_database(path, new_instance_id=NEW_ID)._connection.close(True)
        disk.cut(rng)
    without_shared_memory(path)


def cut_a_part(tmp_path: Path, part: int) -> tuple[int, int]:
    """Return how many intents were acknowledged, of which none is missing, and how many sectors were lost."""
    intents = lost = 0
    for number in range(CUTS_A_PART):
        seed = part * CUTS_A_PART + number
        acknowledged, found, sectors = cut_once(tmp_path / f"{seed}.sqlite3", Random(seed))
        assert found >= acknowledged, f"seed {seed}"
        intents, lost = intents + acknowledged, lost + sectors
    return intents, lost


@pytest.mark.parametrize(
    "part", [*range(4), *(pytest.param(part, marks=pytest.mark.soak) for part in range(100, 120))]
)
def test_no_acknowledged_intent_is_lost_over_power_cuts_at_random_writes(tmp_path, part):
    intents, lost = cut_a_part(tmp_path, part)
    # The cuts met work, and took something away.
    assert intents > 10 * CUTS_A_PART
    assert lost > CUTS_A_PART


def test_the_cut_would_find_a_journal_that_is_not_synced_at_every_commit(tmp_path):
    worse = 0
    for seed in range(20):
        path = tmp_path / f"{seed}.sqlite3"
        acknowledged, found, _ = cut_once(path, Random(seed), synchronous="NORMAL")
        worse += found < acknowledged
    assert worse > 10


def test_a_cut_takes_back_whole_sectors_that_no_sync_has_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a" * 1024)
    for seed in range(20):
        disk = Disk(is_default=False)
        try:
            file = disk.xOpen(str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
            file.xWrite(b"b" * 1024, 512)
            file.xClose()
            disk.cut(Random(seed))
        finally:
            disk.unregister()
        after = path.read_bytes()
        assert after[:512] == b"a" * 512
        assert after[512:1024] in (b"a" * 512, b"b" * 512)
        assert after[1024:] in (b"", b"b" * 512)
        path.write_bytes(b"a" * 1024)
