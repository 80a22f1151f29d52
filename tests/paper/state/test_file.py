"""The state file is checked before it is touched; rows keep the place of their first writing."""

import shutil
import stat

import pytest

from traderd.errors import StoreError
from traderd.paper.state.file import APPLICATION_ID, StateFile, open_state
from traderd.paper.state.rows import CLEAR
from traderd.store.database import open_database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "exchange.sqlite3"


def bodies(file: StateFile, kind: str) -> list[bytes]:
    return list(file.read(kind))


def test_a_new_file_is_empty_private_and_fully_synced(path):
    file = open_state(path)
    assert file.is_empty
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert file._connection.pragma("application_id") == APPLICATION_ID
    assert file._connection.pragma("synchronous") == 2, "2 is FULL"
    file.close()


def test_a_row_that_is_written_again_keeps_its_place(path):
    file = open_state(path)
    file.write([("order", "a", b"a1"), ("order", "b", b"b1")])
    file.write([("order", "a", b"a2"), ("fill", "f", b"f1")])
    file.close()
    again = open_state(path)
    assert not again.is_empty
    assert bodies(again, "order") == [b"a2", b"b1"]
    assert bodies(again, "fill") == [b"f1"]
    again.close()


def test_a_forgotten_row_is_gone_and_others_stay(path):
    file = open_state(path)
    file.write([("street", "a", b"a"), ("street", "b", b"b")])
    file.write([("street", "a", None), ("street", "nobody", None)])
    assert bodies(file, "street") == [b"b"]
    file.close()


def test_what_was_written_survives_a_death_without_farewell(path, tmp_path):
    file = open_state(path)
    file.write([("order", "a", b"a1")])
    for name in ("exchange.sqlite3", "exchange.sqlite3-wal"):
        shutil.copy(path.parent / name, tmp_path / f"dead-{name}")
    file.close()
    dead = open_state(tmp_path / "dead-exchange.sqlite3")
    assert bodies(dead, "order") == [b"a1"]
    dead.close()


def test_only_the_newest_rows_of_a_kind_can_be_kept(path):
    file = open_state(path)
    file.write([("trade", str(n), str(n).encode()) for n in range(10)] + [("order", "a", b"a")])
    file.keep_newest("trade", 3)
    file.keep_newest("order", 3)
    assert bodies(file, "trade") == [b"7", b"8", b"9"]
    assert bodies(file, "order") == [b"a"]
    file.close()


def test_everything_before_can_be_forgotten_within_one_batch(path):
    file = open_state(path)
    file.write([("order", "a", b"a"), ("fill", "f", b"f")])
    file.write([("order", "b", b"b"), CLEAR, ("order", "c", b"c")])
    assert (bodies(file, "order"), bodies(file, "fill")) == ([b"c"], [])
    file.close()


def test_a_batch_that_fails_leaves_nothing_behind(path):
    file = open_state(path)
    with pytest.raises(StoreError, match="could not be written"):
        file.write([("order", "a", b"a"), ("order", None, b"b")])
    assert bodies(file, "order") == []
    file.close()


def test_a_journal_is_not_taken_for_a_state_file(path):
    open_database(path, new_instance_id="ABCDEF01-0000").close()
    with pytest.raises(StoreError, match="not a traderd exchange state"):
        open_state(path)


def test_a_file_that_is_no_database_is_refused_with_its_cure(path):
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="another --state file"):
        open_state(path)
