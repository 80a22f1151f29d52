"""The log on the disk: bounded, whole lines, and back by itself after trouble."""

import json
import os
import shutil

import pytest

from traderd.runtime.log_disk import FILES, LOG_FILE, REST_FILE, DiskLog


@pytest.fixture
def make(tmp_path):
    made = []

    def open_log(bytes_max=500):
        made.append(DiskLog(tmp_path, bytes_max=bytes_max))
        return made[-1]

    yield open_log
    for log in made:
        log.close()


def lines_in(path):
    return path.read_text().splitlines()


def test_a_line_is_on_the_disk_at_once_and_only_for_us(make, tmp_path):
    make().write_line('{"event":"ready"}')
    assert lines_in(tmp_path / LOG_FILE) == ['{"event":"ready"}']
    assert (tmp_path / LOG_FILE).stat().st_mode & 0o777 == 0o600


def test_the_files_together_never_pass_their_bound_and_the_newest_lines_stay(make, tmp_path):
    log = make(500)
    for number in range(200):
        log.write_line(f"line {number:04d}")
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 500
    names = [LOG_FILE, *(f"{LOG_FILE}.{number}" for number in range(1, FILES))]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    kept = [line for name in reversed(names) for line in lines_in(tmp_path / name)]
    first = int(kept[0].removeprefix("line "))
    assert kept == [f"line {number:04d}" for number in range(first, 200)]
    assert len(kept) > 32


def test_the_next_start_goes_on_in_the_same_file(make, tmp_path):
    make(500).write_line("before")
    again = make(500)
    again.write_line("after")
    assert lines_in(tmp_path / LOG_FILE) == ["before", "after"]
    for number in range(20):
        again.write_line(f"line {number:04d}")
    assert lines_in(tmp_path / f"{LOG_FILE}.2")[:2] == ["before", "after"]


def test_a_line_longer_than_a_file_has_one_of_its_own(make, tmp_path):
    log = make(500)
    log.write_line("short")
    log.write_line("x" * 300)
    log.write_line("next")
    assert lines_in(tmp_path / LOG_FILE) == ["next"]
    assert lines_in(tmp_path / f"{LOG_FILE}.1") == ["x" * 300]


def test_what_the_disk_does_not_take_is_counted_and_told_when_it_takes_something_again(
    make, tmp_path, monkeypatch
):
    log, write = make(5_000), os.write
    log.write_line("good")

    rooms = iter([3])

    def full(descriptor, content):
        room = next(rooms, 0)
        if not room:
            raise OSError(28, "No space left on device")
        return write(descriptor, content[:room])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        log.write_line("lost")
        log.write_line("lost too")
    assert log.lines_lost == 2
    log.write_line("good again")
    written = lines_in(tmp_path / LOG_FILE)
    assert written[:2] == ["good", "los"]
    assert written[-1] == "good again"
    assert json.loads(written[-2])["event"] == "2 log lines were lost here"


def test_a_directory_that_is_gone_is_not_an_error_of_whoever_logs(tmp_path):
    log = DiskLog(tmp_path / "gone", bytes_max=500)
    log.write_line("lost")
    assert log.lines_lost == 1
    (tmp_path / "gone").mkdir()
    log.write_line("found")
    log.close()
    assert lines_in(tmp_path / "gone" / LOG_FILE)[-1] == "found"


def test_a_file_that_somebody_removed_begins_anew(make, tmp_path):
    log = make(5_000)
    log.write_line("before")
    (tmp_path / LOG_FILE).unlink()
    log.write_line("after")
    assert lines_in(tmp_path / LOG_FILE) == ["after"]
    assert log.lines_lost == 0


def test_a_file_that_closes_with_an_error_is_not_used_again(make, tmp_path, monkeypatch):
    log, close, closed = make(500), os.close, []

    def fail(descriptor):
        closed.append(descriptor)
        close(descriptor)
        raise OSError(5, "Input/output error")

    log.write_line("x" * 90)
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", fail)
        log.write_line("y" * 90)
        assert len(closed) == 1
    assert lines_in(tmp_path / LOG_FILE) == ["y" * 90]
    assert lines_in(tmp_path / f"{LOG_FILE}.1") == ["x" * 90]


def size_of_all(directory):
    return sum(path.stat().st_size for path in directory.iterdir())


def test_a_lower_bound_holds_at_once_and_keeps_the_newest_lines(make, tmp_path):
    log = make(5_000)
    for number in range(480):
        log.write_line(f"line {number:04d}")
    log.close()
    assert size_of_all(tmp_path) > 4_000
    lower = make(500)
    lower.fit()
    assert 300 < size_of_all(tmp_path) <= 500
    kept = lines_in(tmp_path / f"{LOG_FILE}.1")
    assert kept == [f"line {number:04d}" for number in range(480 - len(kept), 480)]
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    for number in range(480, 600):
        lower.write_line(f"line {number:04d}")
        assert size_of_all(tmp_path) <= 500


def test_a_higher_bound_and_the_same_one_cut_nothing(make, tmp_path):
    log = make(500)
    for number in range(200):
        log.write_line(f"line {number:04d}")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    for bytes_max in (500, 5_000):
        make(bytes_max).fit()
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_one_line_that_is_longer_than_the_new_bound_goes(make, tmp_path):
    log = make(5_000)
    log.write_line("x" * 900)
    log.close()
    make(500).fit()
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_cut_at_the_start_go_when_a_file_is_full(make, tmp_path, monkeypatch):
    log = make(5_000)
    for number in range(480):
        log.write_line(f"line {number:04d}")
    log.close()
    lower = make(500)

    def refuse(*_):
        raise OSError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(type(tmp_path), "replace", refuse)
        lower.fit()
    assert size_of_all(tmp_path) > 4_000
    for number in range(480, 500):
        lower.write_line(f"line {number:04d}")
    assert size_of_all(tmp_path) <= 500


def fill(log, lines=480):
    for number in range(lines):
        log.write_line(f"line {number:04d}")
    log.close()


def test_what_goes_as_a_whole_goes_before_another_is_cut(make, tmp_path, monkeypatch):
    fill(make(5_000))
    there, copy = [], shutil.copyfileobj

    def watch(source, target):
        there.append(sorted(path.name for path in tmp_path.iterdir()))
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfileobj", watch)
    make(2_000).fit()
    assert there == [[f"{LOG_FILE}.1", f"{LOG_FILE}.2", REST_FILE]]
    kept = [line for number in (2, 1) for line in lines_in(tmp_path / f"{LOG_FILE}.{number}")]
    assert kept == [f"line {number:04d}" for number in range(320, 480)]
    # Now the first one just fills the bound, and nothing is left to copy.
    make(1_000).fit()
    assert len(there) == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"{LOG_FILE}.1"]


def test_a_disk_that_is_full_at_the_start_is_left_with_nothing_half_written(
    make, tmp_path, monkeypatch
):
    fill(make(5_000))

    def refuse(source, target):
        target.write(source.read(300))
        target.flush()
        raise OSError(28, "No space left on device")

    lower = make(500)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfileobj", refuse)
        lower.fit()
    # The newest file could not be cut, but nothing that is older stood in its way.
    assert [path.name for path in tmp_path.iterdir()] == [f"{LOG_FILE}.1"]
    for number in range(480, 500):
        lower.write_line(f"line {number:04d}")
    assert size_of_all(tmp_path) <= 500


def test_what_a_crash_left_half_written_goes_at_the_next_start(make, tmp_path):
    make(500).write_line("before")
    (tmp_path / REST_FILE).write_text("half")
    make(500).fit()
    assert [path.name for path in tmp_path.iterdir()] == [LOG_FILE]
