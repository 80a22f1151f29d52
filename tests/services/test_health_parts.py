"""Each part of health at its threshold and beyond it, with the sentence that says what to do."""

import attrs
import pytest

from tests.services.still_daemon import still_daemon
from traderd.config import HealthConfig
from traderd.model.state_events import PartStatus
from traderd.runtime.inbox import InboxStatistics
from traderd.runtime.machine import MachineReading
from traderd.services.health import HealthWatch
from traderd.services.health_parts import hung_inboxes, parts_of

MB = 1_000_000


def inbox(name="orders", *, policy="lossless", depth=0, depth_max=100, busy_s=0.0):
    return InboxStatistics(
        name=name,
        policy=policy,
        depth=depth,
        depth_max=depth_max,
        peak=depth,
        received=depth,
        dropped=0,
        conflated=0,
        handler_p50_ms=0.0,
        handler_p99_ms=0.0,
        busy_s=busy_s,
    )


@pytest.fixture
async def well(tmp_path):
    """A reading in which everything is well."""
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        yield attrs.evolve(
            HealthWatch(daemon.context("health")).read(),
            loop_lag_ms=3.0,
            silence_s=2.0,
            market_silence_s=400.0,
            machine=MachineReading(
                disk_free=5_000 * MB, memory_used=100 * MB, memory_max=1_000 * MB
            ),
        )


def bad(reading, **changes):
    changed = attrs.evolve(reading, **changes)
    return {
        part.name: (part.status, part.sentence)
        for part in parts_of(changed)
        if part.status is not PartStatus.OK
    }


async def test_all_is_well_and_critical_parts_come_first(well, autojump_clock):
    parts = parts_of(well)
    assert [(part.name, part.critical) for part in parts] == [
        *((name, True) for name in ("state", "bus", "journal", "orders")),
        *(
            (name, False)
            for name in ("connection", "market", "loop", "inboxes", "clock", "disk", "memory")
        ),
    ]
    assert bad(well) == {}


@pytest.mark.parametrize(
    ("changes", "part", "status", "words"),
    [
        ({"journal_failure": "no space"}, "journal", PartStatus.FAILED, "no space"),
        ({"silence_s": 31.0}, "connection", PartStatus.DEGRADED, "not been heard for 31 s"),
        ({"loop_lag_ms": 1_001.0}, "loop", PartStatus.DEGRADED, "ran 1001 ms late"),
        (
            {"clock_offset_ms": 2_500},
            "clock",
            PartStatus.DEGRADED,
            "is 2.5 s behind the exchange's",
        ),
        ({"clock_offset_ms": -2_500}, "clock", PartStatus.DEGRADED, "is 2.5 s ahead of the"),
    ],
)
async def test_what_is_beyond_its_threshold_says_so(
    well, autojump_clock, changes, part, status, words
):
    ((name, (found, sentence)),) = bad(well, **changes).items()
    assert (name, found) == (part, status)
    assert words in sentence


async def test_at_the_threshold_all_is_well(well, autojump_clock):
    assert bad(well, silence_s=30.0, loop_lag_ms=1_000.0, clock_offset_ms=-2_000) == {}


async def test_a_quiet_market_is_no_dead_feed(well, autojump_clock):
    assert bad(well, market_silence_s=1e6) == {}
    assert bad(well, market_silence_s=None, silence_s=None, loop_lag_ms=None, machine=None) == {}


async def test_a_full_disk_and_full_memory_are_told_before_they_hurt(well, autojump_clock):
    machine = MachineReading(disk_free=199 * MB, memory_used=801 * MB, memory_max=1_000 * MB)
    found = bad(well, machine=machine)
    assert list(found) == ["disk", "memory"]
    assert "199 MB are free where the journal is" in found["disk"][1]
    assert "801 MB of MemoryMax = 1000 MB are used" in found["memory"][1]
    assert bad(well, machine=attrs.evolve(machine, disk_free=200 * MB, memory_max=None)) == {}


async def test_private_facts_beyond_their_bound_are_critical_and_other_news_are_not(
    well, autojump_clock
):
    found = bad(well, inboxes=(inbox(depth=101),))
    assert found["bus"][0] is PartStatus.FAILED
    assert "inbox orders holds 101 private facts and its bound is 100" in found["bus"][1]
    found = bad(well, inboxes=(inbox("web", policy="drop_oldest", depth=81), inbox(depth=80)))
    assert found == {"inboxes": (PartStatus.DEGRADED, "inbox web holds 81 of 100 events")}


async def test_a_reader_hangs_when_more_waits_for_it(well, autojump_clock):
    hung = inbox(depth=1, busy_s=121.0)
    others = (inbox(depth=0, busy_s=500.0), inbox(depth=9, busy_s=120.0))
    assert hung_inboxes(attrs.evolve(well, inboxes=(hung, *others))) == (hung,)


def test_the_thresholds_are_settings():
    assert HealthConfig().hung_after_s == 120.0
