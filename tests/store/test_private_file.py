"""Small private files: all of the new content or all of the old, whatever the disk does."""

import os
import stat

import pytest

from traderd.store.private_file import read_record, sync_directory, write_private


def test_a_file_is_replaced_whole_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "some.json"
    write_private(path, b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_crash_left_half_written_is_replaced(tmp_path):
    (tmp_path / "some.json.new").write_bytes(b"half")
    write_private(tmp_path / "some.json", b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["some.json"]


@pytest.mark.parametrize("taken", [0, 2])
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, taken):
    path = tmp_path / "some.json"
    write_private(path, b"old")

    def full(*_):
        if not taken:
            raise OSError(28, "No space left on device")
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_on_the_disk_before_it_has_its_name_and_its_name_is_after(tmp_path, monkeypatch):
    synced, path = [], tmp_path / "some.json"
    fsync = os.fsync

    def note(descriptor):
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_directory, path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_private(path, b"new")
    assert synced == [(False, False), (True, True)]


def test_a_directory_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_private(tmp_path / "gone" / "some.json", b"new")
    with pytest.raises(FileNotFoundError):
        sync_directory(tmp_path / "gone")


def test_a_record_that_is_missing_is_empty_and_one_that_is_spoiled_is_told(tmp_path):
    path = tmp_path / "some.json"
    assert read_record(path, list[int], bytes_max=10) == ([], "")
    write_private(path, b"[1,2]")
    assert read_record(path, list[int], bytes_max=10) == ([1, 2], "")
    found, trouble = read_record(path, list[int], bytes_max=4)
    assert (found, "cannot be read" in trouble) == ([], True)
    found, trouble = read_record(path, dict[str, int], bytes_max=10)
    assert (found, "it is begun anew" in trouble) == ({}, True)
