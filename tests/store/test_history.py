"""All events in order, whichever file has them."""

import pytest

from traderd.errors import StoreError
from traderd.model.ids import InstanceId
from traderd.store.archive import append_rows, archive_path
from traderd.store.database import open_database
from traderd.store.history import read_history

NEW_ID = "ABCDEF01-0000-4000-8000-000000000000"
OWNER = InstanceId("abcdef01")


def rows(first, last):
    return [(position, position * 10, "kind", b"{}") for position in range(first, last + 1)]


@pytest.fixture
def journal(tmp_path):
    """Ten events, of which the first six are only in the archive."""
    path = tmp_path / "journal.sqlite3"
    open_database(path, new_instance_id=NEW_ID).close()
    database = open_database(path, new_instance_id=NEW_ID)
    database.append(rows(1, 10))
    append_rows(archive_path(path), OWNER, rows(1, 8))
    database.note_archived(6)
    database.let_go(100)
    yield database
    database.close()


def all_after(journal, after, limit):
    found = []
    while after < journal.last_position:
        page = read_history(journal, after, journal.last_position, limit)
        found += page
        after = page[-1][0]
    return found


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("after", [0, 3, 5, 6, 7, 9])
def test_every_event_comes_once_and_in_order(journal, after, limit):
    assert all_after(journal, after, limit) == rows(after + 1, 10)


def test_what_the_journal_has_needs_no_archive(journal):
    archive_path(journal.path).unlink()
    assert all_after(journal, 6, 100) == rows(7, 10)


def test_a_missing_archive_is_told_with_every_way_out_and_none_is_made(journal):
    path = archive_path(journal.path)
    path.unlink()
    with pytest.raises(
        StoreError,
        match=r"begins at event 7.*is not there: put journal-archive.sqlite3 .* back, start the version .*"
        r"or move the journal away",
    ):
        read_history(journal, 0, 10)
    assert not path.exists()


@pytest.mark.parametrize("kept", [rows(1, 4), rows(3, 8)])
def test_an_archive_that_lacks_a_part_is_refused(journal, kept):
    path = archive_path(journal.path)
    path.unlink()
    append_rows(path, OWNER, kept)
    with pytest.raises(StoreError, match=rf"has events {kept[0][0]} to {kept[-1][0]} only"):
        read_history(journal, 0, 10)
