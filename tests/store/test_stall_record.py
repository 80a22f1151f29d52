"""Stalls of a plugin are counted over restarts, one file, whatever is in it."""

from traderd.store.stall_record import STALLS_FILE, forget_stalls, note_stall


def test_each_plugin_is_counted_by_itself_and_over_restarts(tmp_path):
    assert [note_stall(tmp_path, name) for name in ("slow", "slow", "other")] == [
        *((1, ""), (2, ""), (1, ""))
    ]
    assert forget_stalls(tmp_path, "slow") == ""
    assert note_stall(tmp_path, "slow") == (1, "")
    assert note_stall(tmp_path, "other") == (2, "")


def test_forgetting_what_was_never_counted_writes_nothing(tmp_path):
    assert forget_stalls(tmp_path, "slow") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_spoiled_record_is_told_and_begun_anew(tmp_path):
    (tmp_path / STALLS_FILE).write_text("[")
    count, trouble = note_stall(tmp_path, "slow")
    assert (count, "cannot be read" in trouble) == (1, True)
    assert note_stall(tmp_path, "slow") == (2, "")


def test_a_disk_that_refuses_is_told(tmp_path):
    count, trouble = note_stall(tmp_path / "gone", "slow")
    assert (count, "cannot be written" in trouble) == (1, True)
