"""The checkpoint in the journal's file: the old one or the new one, never a mixture."""

import pytest

from traderd.errors import StoreError
from traderd.store.checkpoint_table import (
    DROPPED_AT_ONCE,
    add_row,
    drop_others,
    make_valid,
    read_row,
)
from traderd.store.database import Checkpoint, open_database

NEW_ID = "ABCDEF01-0000-4000-8000-000000000000"


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path / "journal.sqlite3", new_instance_id=NEW_ID)
    yield database
    database.close()


def list_lines(database):
    """Everything that the checkpoint holds."""
    rows = range(1, database.checkpoint.rows + 1)
    return [line for number in rows for line in read_row(database, number)]


def written(database, position, rows):
    for number, lines in enumerate(rows, start=1):
        add_row(database, position, number, lines)
    make_valid(database, Checkpoint(position=position, rows=len(rows), code="c"))


def test_the_lines_come_back_in_order_also_after_a_restart(database):
    assert list_lines(database) == []
    written(database, 7, [[b"[1]", b"[2]"], [b"[3]"]])
    assert list_lines(database) == [b"[1]", b"[2]", b"[3]"]
    database.close()
    again = open_database(database.path, new_instance_id=NEW_ID)
    assert again.checkpoint == Checkpoint(position=7, rows=2, code="c")
    assert list_lines(again) == [b"[1]", b"[2]", b"[3]"]
    again.close()


def test_one_that_is_not_finished_does_not_count_and_leaves_nothing_behind(database):
    written(database, 7, [[b"[1]"], [b"[2]"]])
    add_row(database, 9, 1, [b"[8]"])
    assert list_lines(database) == [b"[1]", b"[2]"]
    assert not drop_others(database)
    assert database.connection.execute("SELECT count(*) FROM checkpoint").fetchall() == [(2,)]
    # One that is begun anew at the same position takes the place of the rest.
    add_row(database, 7, 3, [b"[9]"])
    drop_others(database)
    assert list_lines(database) == [b"[1]", b"[2]"]


def test_the_one_before_is_removed_in_short_steps(database):
    written(database, 7, [[b"[1]"]] * (DROPPED_AT_ONCE + 5))
    written(database, 8, [[b"[2]"]])
    assert [drop_others(database), drop_others(database)] == [True, False]
    assert list_lines(database) == [b"[2]"]


def test_a_missing_row_is_told(database):
    written(database, 7, [[b"[1]"], [b"[2]"]])
    database.connection.execute("DELETE FROM checkpoint WHERE number = 2")
    with pytest.raises(StoreError, match="row 2 of the checkpoint is missing"):
        list_lines(database)


def test_a_full_disk_is_told_and_the_old_one_stays(database):
    written(database, 7, [[b"[1]"]])
    pages = database.connection.pragma("page_count")
    database.connection.pragma("max_page_count", pages)
    with pytest.raises(StoreError, match=r"could not be written.*full.*Nothing is lost"):
        add_row(database, 8, 1, [b"x" * 100_000])
    assert list_lines(database) == [b"[1]"]
