"""The lock keeps a second daemon out, and only for as long as the first one lives."""

import os
import stat
import subprocess
import sys

import pytest

from traderd.errors import AlreadyRunning, StoreError
from traderd.store.lock import hold_lock, is_held


def test_a_second_holder_is_refused_with_the_file_and_the_pid(tmp_path):
    path = tmp_path / "lock"
    with hold_lock(path), pytest.raises(AlreadyRunning) as refused, hold_lock(path):
        pytest.fail("the lock was taken twice")
    assert str(path) in str(refused.value)
    assert f"pid {os.getpid()}" in str(refused.value)


def test_whoever_comes_second_is_told_what_to_take_instead(tmp_path):
    path = tmp_path / "lock"
    with (
        hold_lock(path),
        pytest.raises(AlreadyRunning, match=r"give this one another house$"),
        hold_lock(path, instead="another house"),
    ):
        pass


def test_the_lock_can_be_taken_again_after_it_was_given_back(tmp_path):
    path = tmp_path / "lock"
    for _ in range(2):
        with hold_lock(path):
            assert path.read_text() == f"{os.getpid()}\n"
    assert path.exists()


def test_a_longer_pid_of_an_earlier_owner_leaves_nothing_behind(tmp_path):
    path = tmp_path / "lock"
    path.write_text("99999999999999\n")
    with hold_lock(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_body_that_fails_gives_the_lock_back(tmp_path):
    path = tmp_path / "lock"
    with pytest.raises(KeyError), hold_lock(path):
        raise KeyError("body")
    with hold_lock(path):
        assert path.exists()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import os, pathlib, signal, sys\n"
        "from traderd.store.lock import hold_lock, is_held\n"
        "with hold_lock(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=30)
    assert killed.returncode == -9
    dead_pid = path.read_text()
    with hold_lock(path):
        assert path.read_text() != dead_pid


def test_the_directory_and_the_file_are_private(tmp_path):
    path = tmp_path / "new" / "lock"
    with hold_lock(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_a_directory_is_named_with_a_cure(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="state directory it can write to"),
        hold_lock(tmp_path / "file" / "lock"),
    ):
        pytest.fail("a lock below a file")


def test_whether_somebody_holds_it_can_be_asked(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    with hold_lock(path):
        assert is_held(path)
    assert not is_held(path)
    path.chmod(0)
    # Only root may read it all the same.
    assert is_held(path) is (os.geteuid() != 0)
