"""One file of ours: whose it is comes first, and a transaction is all or nothing."""

import stat

import apsw
import pytest

from traderd.errors import StoreError
from traderd.store.sqlite_file import FileKind, open_file, transaction

KIND = FileKind(
    name="notebook",
    application_id=0x6E6F7465,
    version=3,
    schema="PRAGMA application_id = 1852798053; PRAGMA user_version = 3; CREATE TABLE t (n INTEGER);",
    cure="write a new one",
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notebook.sqlite3"


def made(path):
    connection, is_new = open_file(path, KIND)
    assert is_new
    with transaction(connection):
        connection.execute(KIND.schema)
    return connection


def test_a_new_file_is_private_and_a_known_one_is_not_new(path):
    made(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    connection, is_new = open_file(path, KIND)
    assert not is_new
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2, "2 is FULL"
    connection.close()


def test_a_failed_transaction_leaves_nothing(path):
    connection = made(path)

    def break_off():
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    connection.close()


def test_a_foreign_file_is_left_as_it_is(path):
    foreign = apsw.Connection(str(path))
    foreign.execute("PRAGMA application_id = 7; CREATE TABLE theirs (n)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"not a traderd notebook \(application id 0x7\)"):
        open_file(path, KIND)
    assert path.read_bytes() == before


def test_another_version_names_both(path):
    connection = made(path)
    connection.pragma("user_version", 4)
    connection.close()
    with pytest.raises(StoreError, match="schema version 4 and this traderd reads 3"):
        open_file(path, KIND)


def test_a_damaged_file_is_refused_with_its_cure(path):
    connection = made(path)
    with transaction(connection):
        connection.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(20_000)))
    connection.close()
    data = bytearray(path.read_bytes())
    # The pages of the table's rows, not the header that says whose file it is.
    data[4096 * 3 : 4096 * 5] = b"\xff" * (4096 * 2)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="write a new one"):
        open_file(path, KIND)


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    with pytest.raises(StoreError, match="check the file's owner and permissions"):
        open_file(tmp_path / "missing" / "notebook.sqlite3", KIND)
