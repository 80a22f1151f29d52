"""How often the daemon ended without being stopped, over restarts, clocks that jump and disks that refuse."""

import pytest

from traderd.store.start_record import (
    BYTES_MAX,
    CRASH_WINDOW_S,
    CRASHES_MAX,
    KEPT_MAX,
    STARTS_FILE,
    crash_sentence,
    forget_starts,
    note_ordered_end,
    note_start,
)

S = 1_000_000_000
NOW = 1_795_000_000 * S


def test_starts_that_were_not_stopped_are_counted_within_the_window(tmp_path):
    assert [note_start(tmp_path, NOW + number * 60 * S)[0] for number in range(7)] == list(range(7))
    assert note_start(tmp_path, NOW + (6 * 60 + CRASH_WINDOW_S + 1) * S) == (0, "")


def test_an_ordered_end_is_no_crash(tmp_path):
    for number in range(20):
        assert note_start(tmp_path, NOW + number * S) == (0, "")
        assert note_ordered_end(tmp_path) == ""


def test_an_ordered_end_takes_back_its_own_start_only(tmp_path):
    note_start(tmp_path, NOW)
    note_start(tmp_path, NOW + S)
    note_ordered_end(tmp_path)
    assert note_start(tmp_path, NOW + 2 * S) == (1, "")


def test_after_a_person_has_looked_it_is_counted_anew(tmp_path):
    for number in range(CRASHES_MAX + 1):
        note_start(tmp_path, NOW + number * S)
    assert forget_starts(tmp_path) == ""
    assert note_start(tmp_path, NOW + 60 * S) == (1, "")


def test_starts_in_the_future_of_a_clock_that_was_set_back_do_not_count(tmp_path):
    note_start(tmp_path, NOW + 3_600 * S)
    assert note_start(tmp_path, NOW) == (0, "")


@pytest.mark.parametrize("content", [b"", b"{", b'["x"]', b"\xff\xfe", b"[1," * BYTES_MAX])
def test_a_spoiled_record_is_told_and_begun_anew(tmp_path, content):
    (tmp_path / STARTS_FILE).write_bytes(content)
    crashes, trouble = note_start(tmp_path, NOW)
    assert (crashes, "cannot be read" in trouble) == (0, True)
    assert note_start(tmp_path, NOW + S) == (1, "")


def test_a_disk_that_refuses_is_told_and_stops_nobody(tmp_path):
    crashes, trouble = note_start(tmp_path / "gone", NOW)
    assert crashes == 0
    assert "cannot be written, so a loop of crashes would not be noticed" in trouble


def test_the_record_stays_small(tmp_path):
    for number in range(200):
        note_start(tmp_path, NOW + number)
    assert (tmp_path / STARTS_FILE).stat().st_size < KEPT_MAX * 22
    assert (tmp_path / STARTS_FILE).stat().st_mode & 0o777 == 0o600


def test_the_sentence_says_what_to_do():
    assert "ended 5 times within 10 minutes without being stopped" in crash_sentence(5)
