import pytest

from tests.services.still_daemon import MARKET, still_daemon
from tests.web.schema_tools import misfits
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.services.console_source import DaemonSource
from traderd.web.schema_status import HEALTH, RECONCILIATION, STATUS, TRANSITION


def busy(daemon):
    """Let a little of everything happen: prices, orders, a fill, a halt, a calibration that differs."""
    daemon.climb()
    daemon.list_market()
    daemon.connect(ev.FeedName.MARKET_DATA)
    daemon.snapshot(bids={"0.45": "10"}, asks={"0.47": "5"})
    daemon.fill(daemon.place(Side.BID, "5", "0.45"), "2", "0.45", "0.01")
    daemon.sync("998.77")
    person = ev.Author.PERSON
    daemon.publish(ev.HaltRaised(at=daemon.now(), halt_id="h", author=person, reason="rain"))
    return DaemonSource(daemon.context("web"))


def first_page(source, name):
    records, _ = source.page(name, 100, None)
    return records


@pytest.mark.parametrize(
    ("schema", "read"),
    [(STATUS, "status"), (HEALTH, "health"), (RECONCILIATION, "reconciliation")],
)
async def test_a_busy_daemon_and_a_new_one_tell_exactly_what_is_described(
    autojump_clock, tmp_path, schema, read
):
    async with still_daemon(tmp_path) as daemon:
        assert misfits(schema, getattr(DaemonSource(daemon.context("web")), read)()) == []
        assert misfits(schema, getattr(busy(daemon), read)()) == []


async def test_every_change_of_state_fits(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        changes = first_page(busy(daemon), "transitions")
    assert len(changes) > 3
    assert [misfits(TRANSITION, change) for change in changes] == [[]] * len(changes)


async def test_a_field_that_nobody_described_is_found(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        document = busy(daemon).health()
    (found,) = misfits(HEALTH, {**document, "moon": "full"})
    assert "moon" in found
    assert misfits(HEALTH, {**document, "uptime_s": "1.0"}) != []
    assert MARKET not in found
