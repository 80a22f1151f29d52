"""The file is checked before it is touched, and every refusal names the file and the cure."""

import shutil
import stat

import apsw
import pytest

from traderd import __version__
from traderd.errors import StoreError
from traderd.store.database import (
    APPLICATION_ID,
    PAGE_ROWS,
    SCHEMA_VERSION,
    Checkpoint,
    Database,
    move_away,
    open_database,
)

NEW_ID = "ABCDEF01-0000-4000-8000-000000000000"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


def opened(path) -> Database:
    return open_database(path, new_instance_id=NEW_ID)


def rows(first: int, last: int):
    return [(position, position * 10, "kind", b"{}") for position in range(first, last + 1)]


def filled(path, count: int) -> None:
    database = opened(path)
    database.append(rows(1, count))
    database.close()


def test_a_new_file_gets_an_instance_and_its_first_generation(path):
    database = opened(path)
    assert (database.instance_id, database.generation, database.last_position) == ("abcdef01", 1, 0)
    database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_generation_rises_at_every_open_and_the_instance_stays(path):
    for generation in (1, 2, 3):
        database = open_database(path, new_instance_id=f"{generation:08x}")
        assert (database.instance_id, database.generation) == ("00000001", generation)
        database.close()


def test_the_generation_is_on_the_disk_before_anything_else_happens(path, tmp_path):
    database = opened(path)
    # What a crash now would leave behind.
    for name in ("journal.sqlite3", "journal.sqlite3-wal"):
        shutil.copy(path.parent / name, tmp_path / f"crashed-{name}")
    database.close()
    after = opened(tmp_path / "crashed-journal.sqlite3")
    assert after.generation == 2
    after.close()


def test_the_file_says_whose_it_is_and_syncs_fully(path):
    database = opened(path)
    connection = database._connection
    assert connection.pragma("application_id") == APPLICATION_ID
    assert connection.pragma("user_version") == SCHEMA_VERSION
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2, "2 is FULL"
    database.close()


def test_rows_come_back_in_order_over_page_borders(path):
    count = 2 * PAGE_ROWS + 1
    filled(path, count)
    database = opened(path)
    assert database.last_position == count
    assert list(database.read(after=0, up_to=count)) == rows(1, count)
    assert [row[0] for row in database.read(after=PAGE_ROWS - 1, up_to=PAGE_ROWS + 1)] == [
        1_000,
        1_001,
    ]
    assert list(database.read(after=count, up_to=count)) == []
    database.close()


@pytest.mark.parametrize("missing", [1, 2, PAGE_ROWS, PAGE_ROWS + 1, PAGE_ROWS + 5])
def test_a_missing_row_is_noticed_and_named(path, missing):
    last = PAGE_ROWS + 5
    filled(path, last)
    database = opened(path)
    database._connection.execute("DELETE FROM journal WHERE position = ?", (missing,))
    with pytest.raises(StoreError, match=f"has no row {missing}:"):
        list(database.read(after=0, up_to=last))
    database.close()


def test_a_batch_is_written_whole_or_not_at_all(path):
    database = opened(path)
    database.append(rows(1, 2))
    with pytest.raises(StoreError, match="UNIQUE"):
        database.append([*rows(3, 4), *rows(2, 2)])
    assert database.last_position == 2
    assert [row[0] for row in database.read(after=0, up_to=2)] == [1, 2]
    assert database._connection.execute("SELECT count(*) FROM journal").fetchall() == [(2,)]
    database.close()


def test_a_full_disk_is_told_in_its_own_words_with_the_cure(path):
    database = opened(path)
    database.append(rows(1, 1))
    # SQLite's own ceiling raises the same error as a full file system, from the same place.
    connection = database._connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    with pytest.raises(
        StoreError, match=r"disk is full.*What was written earlier is safe.*Make room"
    ):
        database.append([(2, 1, "kind", b"x" * 100_000)])
    assert database.last_position == 1
    database.close()
    again = opened(path)
    assert list(again.read(after=0, up_to=again.last_position)) == rows(1, 1)
    again.close()


def test_a_file_of_another_program_is_refused_and_left_as_it_was(path):
    other = apsw.Connection(str(path))
    other.execute("PRAGMA application_id = 77; CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"not a traderd journal .*0x4d.*move it away"):
        opened(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_database_with_tables_but_no_owner_is_refused(path):
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE journal (x)")
    other.close()
    with pytest.raises(StoreError, match="not a traderd journal"):
        opened(path)


def test_a_newer_version_is_refused_with_the_cure(path):
    filled(path, 1)
    other = apsw.Connection(str(path))
    other.pragma("user_version", SCHEMA_VERSION + 1)
    other.close()
    with pytest.raises(StoreError, match=r"schema version 4 .* reads 3.*start the version"):
        opened(path)


VERSION_1 = """
PRAGMA application_id = 1953653092;
PRAGMA user_version = 1;
CREATE TABLE journal (
    position INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE TABLE meta (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    instance_id TEXT    NOT NULL CHECK (length(instance_id) = 8),
    generation  INTEGER NOT NULL CHECK (generation >= 0)
) STRICT;
INSERT INTO meta VALUES (1, 'abcdef01', 7);
INSERT INTO journal VALUES (1, 10, 'kind', x'7b7d');
"""
"""The whole of what the first version wrote: people have such files."""


def test_a_journal_of_the_first_version_is_brought_up_and_keeps_all_that_it_holds(path):
    """D16: an upgrade with a journal of the version before."""
    old = apsw.Connection(str(path))
    old.execute(VERSION_1)
    old.close()
    database = opened(path)
    assert (database.instance_id, database.generation) == ("abcdef01", 8)
    assert list(database.read(after=0, up_to=1)) == rows(1, 1)
    assert database.written_by == ""
    database.append(rows(2, 2))
    database.close()
    again = opened(path)
    assert (again.written_by, again.last_position) == (__version__, 2)
    again.close()


VERSION_2 = f"""
{VERSION_1}
PRAGMA user_version = 2;
ALTER TABLE meta ADD COLUMN written_by TEXT NOT NULL DEFAULT '';
UPDATE meta SET written_by = '0.1.0';
"""


def test_a_journal_from_before_checkpoints_opens_and_has_none(path):
    old = apsw.Connection(str(path))
    old.execute(VERSION_2)
    old.close()
    database = opened(path)
    assert (database.generation, database.written_by) == (8, "0.1.0")
    assert database.checkpoint == Checkpoint()
    assert (database.first_position, database.archived) == (1, 0)
    assert list(database.read(after=0, up_to=1)) == rows(1, 1)
    database.close()


def test_old_and_new_files_have_the_same_tables(path):
    old = apsw.Connection(str(path))
    old.execute(VERSION_1)
    old.close()
    opened(path).close()
    new = path.with_name("new.sqlite3")
    opened(new).close()

    def columns(one):
        connection = apsw.Connection(str(one))
        return {
            table: connection.execute(
                f"SELECT name, type, dflt_value FROM pragma_table_info('{table}')"
            ).fetchall()
            for table in ("journal", "checkpoint", "meta")
        }

    assert columns(path) == columns(new)


def test_rows_that_are_in_the_archive_are_let_go_of_and_their_positions_never_used_again(path):
    database = opened(path)
    database.append(rows(1, 10))
    assert not database.let_go(3)
    database.note_archived(8)
    assert [database.let_go(3), database.let_go(3), database.let_go(3)] == [True, True, False]
    assert (database.first_position, database.last_position) == (9, 10)
    database.note_archived(10)
    assert not database.let_go(100)
    database.close()
    again = opened(path)
    assert (again.first_position, again.last_position, again.archived) == (11, 10, 10)
    again.append(rows(11, 11))
    assert list(again.read(after=10, up_to=11)) == rows(11, 11)
    again.close()


def test_a_migration_that_a_full_disk_stops_leaves_the_file_as_it_was(path, monkeypatch):
    """D16: half a migration must not be left behind."""
    old = apsw.Connection(str(path))
    old.execute(VERSION_1)
    old.close()
    broken = {
        1: "ALTER TABLE meta ADD COLUMN written_by TEXT; INSERT INTO journal VALUES (1, 1, 'x', x'00')"
    }
    with monkeypatch.context() as patch:
        patch.setattr("traderd.store.database.MIGRATIONS", broken)
        with pytest.raises(StoreError, match=r"from schema version 1 to 2.*as it was.*make room"):
            opened(path)
    database = opened(path)
    assert (database.generation, database.last_position) == (8, 1)
    database.close()


def test_a_file_that_is_no_database_is_refused(path):
    path.write_bytes(b"a shopping list, much longer than any header of a database could be" * 20)
    with pytest.raises(StoreError, match=r"not a database.*restore it from a copy"):
        opened(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_torn_file_is_refused_at_open(path, share):
    filled(path, 3_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(
        StoreError, match=r"journal.sqlite3.*restore it from a copy, or move it away"
    ):
        opened(path)


def test_flipped_bits_in_the_middle_are_found_at_open(path):
    filled(path, 3_000)
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2 // 4096 * 4096
    damaged[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"damaged|malformed"):
        opened(path)


def test_a_torn_write_ahead_log_loses_only_the_commit_that_never_finished(path, tmp_path):
    database = opened(path)
    database.append(rows(1, 10))
    log = path.with_name(path.name + "-wal")
    first_commit = log.stat().st_size
    database.append(rows(11, 2_000))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    shutil.copy(path, crashed / path.name)
    torn = log.read_bytes()[: (first_commit + log.stat().st_size) // 2]
    (crashed / log.name).write_bytes(torn)
    database.close()
    after = opened(crashed / path.name)
    assert list(after.read(after=0, up_to=after.last_position)) == rows(1, 10)
    after.close()


def test_a_crashed_file_is_moved_away_with_its_recent_writes(path):
    database = opened(path)
    database.append(rows(1, 3))
    crashed = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    database.close()
    for name, data in crashed.items():
        (path.parent / name).write_bytes(data)
    move_away(path)
    assert not path.exists()
    after = opened(path.with_name("journal.sqlite3.previous"))
    assert list(after.read(after=0, up_to=after.last_position)) == rows(1, 3)
    after.close()


def test_moving_nothing_away_is_no_error(path):
    move_away(path)
    assert list(path.parent.iterdir()) == []


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="owner and permissions"):
        opened(tmp_path / "file" / "journal.sqlite3")


def test_a_directory_in_the_place_of_the_file_is_refused(path):
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(path)


def test_a_file_that_lost_its_owner_row_is_refused(path):
    filled(path, 1)
    other = apsw.Connection(str(path))
    other.execute("DELETE FROM meta")
    other.close()
    with pytest.raises(StoreError, match="does not say whose it is"):
        opened(path)
