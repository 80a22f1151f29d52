from types import SimpleNamespace

from traderd.runtime.plugin_record import CallTimes, Origin, PluginRecord
from traderd.services.plugin_desk import (
    STRIKES_WAITING_MAX,
    PluginDesk,
    StrikeBox,
    plugins_document,
)
from traderd.store.plugin_notes import NoteBook


def record(**facts) -> PluginRecord:
    return PluginRecord(name="mine", where="/x/mine.py", origin=Origin.DROP_IN, **facts)


async def test_strikes_wait_in_order_and_are_bounded(autojump_clock):
    box, one = StrikeBox(), record()
    for number in range(STRIKES_WAITING_MAX + 1):
        box.add(one, str(number), False)
    taken = await box.take()
    assert [why for _, why, _ in taken[:2]] == ["1", "2"]
    assert len(taken) == STRIKES_WAITING_MAX
    box.add(one, "last", True)
    assert await box.take() == [(one, "last", True)]


def test_the_document_tells_services_and_times():
    times = CallTimes(failures=1)
    times.note(0.002)
    one = record(offers={"services": ("extra", "unborn")}, calls={"rule": times})
    services = {"extra": SimpleNamespace(status="running", detail="")}
    (document,) = plugins_document([one], services, {"extra": 2})["plugins"]
    assert document["services"] == {"extra": {"status": "running", "detail": "", "restarts": 2}}
    assert document["calls"]["rule"] == {
        "calls": 1,
        "failures": 1,
        "p50_ms": 2.0,
        "p99_ms": 2.0,
        "worst_ms": 2.0,
    }
    assert (document["state"], document["origin"], document["line"]) == ("running", "drop-in", None)


def test_a_strategys_notes_are_those_of_the_plugin_that_offers_it(tmp_path):
    plugins = SimpleNamespace(records={"mine": record(offers={"strategies": ("maker",)})})
    desk = PluginDesk(
        plugins=plugins, refresh=lambda config: None, notes=NoteBook(), directory=tmp_path
    )
    assert desk.owner_of_strategy("maker") == "mine"
    assert desk.owner_of_strategy("orphan") == "orphan"
    with desk.expecting("new", ["orphan"]):
        assert desk.owner_of_strategy("orphan") == "new"
    # A reload that was refused leaves nothing behind.
    assert desk.owner_of_strategy("orphan") == "orphan"


def test_a_source_file_is_its_plugins_and_never_a_built_ins(tmp_path):
    records = [
        SimpleNamespace(name="maker", where="/p/maker.py", is_ours=False),
        SimpleNamespace(name="sync", where="/t/sync.py", is_ours=True),
    ]
    desk = PluginDesk(
        plugins=SimpleNamespace(listed=lambda: records),
        refresh=lambda config: None,
        notes=NoteBook(),
        directory=tmp_path,
    )
    assert desk.owner_of_file("/p/maker.py") == "maker"
    assert desk.owner_of_file("/t/sync.py") == ""
    assert desk.owner_of_file("/x/y.py") == ""
