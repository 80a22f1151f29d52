"""The archive: rows are in it before the journal lets go of them, and it is only ever added to."""

import apsw
import pytest

from traderd.errors import StoreError
from traderd.model.ids import InstanceId
from traderd.store import doubtful_orders
from traderd.store.archive import (
    KEPT_AT_HAND,
    MOVED_AT_ONCE,
    append_rows,
    archive_path,
    covered,
    ends_of,
    open_archive,
    rows_for,
)
from traderd.store.checkpoint_table import make_valid
from traderd.store.database import Checkpoint, open_database

NEW_ID = "ABCDEF01-0000-4000-8000-000000000000"
OWNER = InstanceId("abcdef01")


def rows(first, last, kind="kind"):
    return [(position, position * 10, kind, b"{}") for position in range(first, last + 1)]


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch):
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 0)


@pytest.fixture
def journal(tmp_path):
    database = open_database(tmp_path / "journal.sqlite3", new_instance_id=NEW_ID)
    yield database
    database.close()


@pytest.fixture
def path(journal):
    return archive_path(journal.path)


def move_all(journal, path):
    ends = ends_of(path, OWNER)
    while moved := rows_for(journal, ends):
        ends = append_rows(path, OWNER, moved)


def held(path):
    with open_archive(path, OWNER) as archive:
        return archive.read(after=archive.first - 1, up_to=archive.last, limit=10_000)


def test_it_lies_beside_the_journal_under_a_name_of_its_own(tmp_path):
    assert archive_path(tmp_path / "journal.sqlite3").name == "journal-archive.sqlite3"
    assert (
        archive_path(tmp_path / "journal.sqlite3.previous").name
        == "journal-archive.sqlite3.previous"
    )


def test_what_the_checkpoint_covers_is_moved_word_for_word_and_no_more(journal, path):
    journal.append(rows(1, MOVED_AT_ONCE + 30))
    move_all(journal, path)
    assert ends_of(path, OWNER).newest is None
    make_valid(journal, Checkpoint(position=MOVED_AT_ONCE + 20, rows=0, code="c"))
    move_all(journal, path)
    assert held(path) == rows(1, MOVED_AT_ONCE + 20)
    # Again there is nothing to do.
    move_all(journal, path)
    assert held(path) == rows(1, MOVED_AT_ONCE + 20)


def test_a_person_can_read_it_with_any_sqlite(journal, path):
    journal.append(rows(1, 3))
    make_valid(journal, Checkpoint(position=3, rows=0, code="c"))
    move_all(journal, path)
    found = apsw.Connection(str(path)).execute("SELECT position, kind FROM journal").fetchall()
    assert found == [(1, "kind"), (2, "kind"), (3, "kind")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_archive_that_was_moved_away_is_begun_anew_where_the_journal_begins(journal, path):
    journal.append(rows(1, 9))
    journal.note_archived(4)
    journal.let_go(100)
    make_valid(journal, Checkpoint(position=8, rows=0, code="c"))
    move_all(journal, path)
    assert held(path) == rows(5, 8)


@pytest.mark.parametrize(
    ("in_archive", "words"),
    [
        (rows(1, 2), "ends at event 2, and the journal begins at 5"),
        (rows(1, 20), "is newer than the journal: it has event 20"),
        (rows(1, 6, "other"), "has another event 6 than the journal"),
    ],
)
def test_the_archive_of_another_history_is_refused_and_both_stay_as_they_are(
    journal, path, in_archive, words
):
    """A restored copy of one of the two files."""
    journal.append(rows(1, 9))
    journal.note_archived(4)
    journal.let_go(100)
    make_valid(journal, Checkpoint(position=8, rows=0, code="c"))
    append_rows(path, OWNER, in_archive)
    with pytest.raises(StoreError, match=f"{words}; put back the archive of the same time"):
        move_all(journal, path)
    assert held(path) == in_archive
    assert list(journal.read(after=4, up_to=9)) == rows(5, 9)


def test_the_archive_of_another_journal_is_refused(journal, path):
    append_rows(path, InstanceId("99999999"), rows(1, 2))
    with pytest.raises(StoreError, match=r"that of another journal; put back"):
        ends_of(path, OWNER)


def test_a_journal_is_no_archive(journal):
    with pytest.raises(StoreError, match=r"not a traderd archive"):
        ends_of(journal.path, OWNER)


def test_a_newer_archive_is_refused_with_the_cure(path):
    ends_of(path, OWNER)
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", 2)
    newer.close()
    with pytest.raises(StoreError, match=r"schema version 2 .* reads 1.*start the version"):
        ends_of(path, OWNER)


def test_a_full_disk_is_told_and_nothing_is_half_written(path):
    append_rows(path, OWNER, rows(1, 2))
    with open_archive(path, OWNER) as archive:
        archive._connection.pragma("max_page_count", archive._connection.pragma("page_count"))
        with pytest.raises(StoreError, match=r"could not be written.*full.*Nothing is lost"):
            archive.append([(3, 0, "kind", b"x" * 100_000)])
    assert held(path) == rows(1, 2)


def test_the_newest_events_stay_in_the_journal_whatever_the_checkpoint_covers(
    journal, path, monkeypatch
):
    monkeypatch.setattr("traderd.store.archive.KEPT_AT_HAND", 4)
    journal.append(rows(1, 10))
    make_valid(journal, Checkpoint(position=9, rows=0, code="c"))
    move_all(journal, path)
    assert held(path) == rows(1, 6)
    assert covered(journal) == 6
    assert KEPT_AT_HAND >= 2 * doubtful_orders.ROWS_MAX
