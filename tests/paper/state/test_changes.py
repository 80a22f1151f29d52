"""What goes to the disk after a turn: what changed, and the ledger with it."""

import msgspec

from tests.paper.state.saving import TICKER, tracked_venue
from tests.paper.venues import NOW, bid
from traderd.model.units import Count
from traderd.paper.state.changes import StateChanges
from traderd.paper.state.rows import KeyRow


def kinds(rows):
    return [kind for kind, _, _ in rows]


def started():
    built = tracked_venue()
    changes = StateChanges(built)
    changes.take(at=NOW)
    return built, changes


def test_the_first_batch_holds_everything():
    rows = StateChanges(tracked_venue()).take(at=NOW)
    assert set(kinds(rows)) == {"series", "event", "market", "account", "wallet", "ledger"}


def test_a_turn_without_a_change_writes_nothing():
    built, changes = started()
    built.book(TICKER)
    assert changes.take(at=NOW) == []


def test_an_order_writes_itself_and_the_ledger():
    built, changes = started()
    built.create_order("ann", bid("3", "0.45"), "mine", NOW)
    rows = changes.take(at=NOW, ids=12)
    assert kinds(rows) == ["order", "ledger"]
    ledger = msgspec.json.decode(rows[-1][2])
    assert (ledger["ids"], ledger["at"]) == (12, NOW)


def test_a_pause_alone_writes_the_ledger_once():
    built, changes = started()
    built.pauses.begin(NOW)
    rows = changes.take(at=NOW)
    assert kinds(rows) == ["ledger"]
    assert msgspec.json.decode(rows[0][2])["paused"] == "trading_is_paused"
    assert changes.take(at=NOW) == []


def test_a_deleted_group_and_a_deleted_key_are_forgotten():
    built, changes = started()
    account = built.account("ann")
    group = built.groups.create(account, "g-1", Count(500), NOW)
    changes.take(at=NOW)
    built.groups.delete(group, NOW)
    key = KeyRow(key_id="k-1", account_id="ann", public_pem="", deleted=True)
    rows = changes.take(at=NOW, noted=[key])
    assert [row for row in rows if row[2] is None] == [
        ("group", "g-1", None),
        ("api_key", "k-1", None),
    ]


def test_saving_changes_nothing_in_the_venue():
    built, changes = started()
    before = built.floor.last_priority
    built.pauses.begin(NOW)
    changes.take(at=NOW)
    assert built.floor.last_priority == before
