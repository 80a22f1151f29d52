"""The latch is the file, whatever is in it."""

import os
import stat

import pytest

from traderd.errors import StoreError
from traderd.store.latch import (
    FOUND,
    INSTANCE_FILE,
    LATCH_FILE,
    Latch,
    mark_verified,
    read_instance,
    read_latch,
    remove_latch,
    write_instance,
    write_latch,
)


def test_a_latch_is_read_as_it_was_written_and_only_its_owner_may(tmp_path):
    latch = Latch(reason="odd prices", by="ann", at=5, only_ours=True)
    directory = tmp_path / "state"
    assert write_latch(directory, latch) == ""
    assert read_latch(directory) == latch
    assert stat.S_IMODE((directory / LATCH_FILE).stat().st_mode) == 0o600


def test_the_first_reason_stays(tmp_path):
    write_latch(tmp_path, Latch(reason="first"))
    write_latch(tmp_path, Latch(reason="second"))
    assert read_latch(tmp_path).reason == "first"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b'{"reason": 5}', b"x" * 9_999])
def test_whatever_is_in_the_file_it_holds(tmp_path, content):
    (tmp_path / LATCH_FILE).write_bytes(content)
    assert read_latch(tmp_path) == Latch(reason=FOUND)


def test_a_file_that_cannot_be_read_holds(tmp_path):
    (tmp_path / LATCH_FILE).mkdir()
    assert read_latch(tmp_path) == Latch()


def test_on_a_full_disk_the_empty_file_is_the_latch(tmp_path, monkeypatch):
    """No block is free, but a name can still be made."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    problem = write_latch(tmp_path, Latch(reason="x"))
    assert "not surely kept over a power cut" in problem
    assert read_latch(tmp_path) == Latch(reason=FOUND)


def test_where_nothing_can_be_made_there_is_no_latch_and_it_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        write_latch(tmp_path / "file", Latch())
    assert read_latch(tmp_path / "file") is None


def test_a_latch_that_was_removed_is_gone_and_twice_is_no_fault(tmp_path):
    write_latch(tmp_path, Latch())
    remove_latch(tmp_path)
    remove_latch(tmp_path)
    assert read_latch(tmp_path) is None


def test_a_latch_that_cannot_be_removed_is_told(tmp_path):
    (tmp_path / LATCH_FILE).mkdir()
    with pytest.raises(StoreError, match="cannot be removed"):
        remove_latch(tmp_path)


def test_the_instance_is_readable_without_a_journal(tmp_path):
    assert read_instance(tmp_path) is None
    write_instance(tmp_path, "1a2b3c4d")
    assert read_instance(tmp_path) == "1a2b3c4d"
    (tmp_path / INSTANCE_FILE).write_bytes(b"\xff")
    assert read_instance(tmp_path) is None
    write_instance(tmp_path / "missing", "1a2b3c4d")


def test_a_latch_that_asks_for_more_replaces_one_that_asked_for_less(tmp_path):
    write_latch(tmp_path, Latch(reason="ours", only_ours=True))
    write_latch(tmp_path, Latch(reason="all"))
    assert read_latch(tmp_path) == Latch(reason="all")
    write_latch(tmp_path, Latch(reason="ours again", only_ours=True))
    assert read_latch(tmp_path) == Latch(reason="all")


def test_what_was_verified_is_kept_until_somebody_pulls_again(tmp_path):
    write_latch(tmp_path, Latch(reason="all"))
    mark_verified(tmp_path, Latch(only_ours=True))
    assert not read_latch(tmp_path).verified, "a part of it is not all"
    mark_verified(tmp_path, Latch())
    assert read_latch(tmp_path) == Latch(reason="all", verified=True)
    write_latch(tmp_path, Latch(reason="again"))
    assert read_latch(tmp_path) == Latch(reason="again")


def test_a_latch_that_was_removed_meanwhile_is_not_made_again(tmp_path):
    mark_verified(tmp_path, Latch())
    assert read_latch(tmp_path) is None
