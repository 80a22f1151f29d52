"""What one exchange hands to its state file, turn by turn."""

import itertools

import msgspec
import pytest

from tests.paper.state.saving import tracked_venue
from tests.paper.venues import NOW, bid
from tests.store.conftest import InlineEnv
from traderd.paper.ids import SeededIds
from traderd.paper.settings import Tier
from traderd.paper.state.keeper import open_keeper
from traderd.paper.state.recorder import Recorder
from traderd.paper.state.rows import GrantRow

GRANT = GrantRow(account_id="ann", tier=Tier.ADVANCED)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "exchange.sqlite3"


async def test_a_turn_gets_a_ticket_if_anything_changed(path, autojump_clock):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        recorder, released = Recorder(keeper, map(str, itertools.count()).__next__), []
        built = tracked_venue()
        recorder.follow(built, released.append)
        assert [recorder.record(NOW), recorder.record(NOW)] == [1, None]
        built.create_order("ann", bid("1", "0.45"), None, NOW)
        assert recorder.record(NOW) == 2
        await keeper.commit_pending()
        assert released == [2]


async def test_what_is_noted_is_written_once_and_what_came_from_the_file_not_at_all(
    path, autojump_clock
):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        ids = SeededIds(1)
        recorder = Recorder(keeper, ids)
        recorder.follow(tracked_venue(), lambda ticket: None)
        recorder.record(NOW)
        recorder.note(GRANT)
        recorder.forget_noted()
        assert recorder.record(NOW) is None
        ids()
        recorder.note(GRANT)
        assert (recorder.record(NOW), recorder.record(NOW)) == (2, None)
        await keeper.commit_pending()
        past = await keeper.read()
        assert [(row.account_id, row.tier) for row in past["grant"]] == [("ann", Tier.ADVANCED)]
        assert past["ledger"][0].ids == 1


async def test_a_new_beginning_keeps_only_what_it_is_told_and_what_comes_after(
    path, autojump_clock
):
    async with open_keeper(env=InlineEnv(), path=path) as keeper:
        recorder = Recorder(keeper, SeededIds(1))
        first = tracked_venue()
        recorder.follow(first, lambda ticket: None)
        first.create_order("ann", bid("1", "0.45"), None, NOW)
        recorder.record(NOW)
        second = tracked_venue()
        recorder.follow(second, lambda ticket: None)
        recorder.begin_anew([GRANT])
        recorder.record(NOW)
        await keeper.commit_pending()
        past = await keeper.read()
        assert past["order"] == []
        assert [row.tier for row in past["grant"]] == [Tier.ADVANCED]
        assert len(past["market"]) == len(second.markets())
        assert msgspec.json.encode(past["account"]) == msgspec.json.encode([
            {"account_id": name, "name": name, "target": {"shares": [], "reservation": "sum"}}
            for name in second.account_ids()
        ])
