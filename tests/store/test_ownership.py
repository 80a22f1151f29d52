import os

import pytest

from traderd.store.armed import Armed, write_armed
from traderd.store.latch import Latch, read_latch, write_latch
from traderd.store.lock import hold_lock
from traderd.store.ownership import give_to_owner
from traderd.store.plugin_switches import Switch, write_switch

DAEMON = 64_001
"""A user that nobody is."""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(directory, DAEMON, DAEMON)
    return directory


@needs_root
def test_what_root_says_to_a_daemon_is_the_daemons_to_read(state):
    write_latch(state, Latch(reason="a test", by="root"))
    write_armed(state, Armed(at=1, by="root", key_id="a-key"))
    write_switch(state, "a-plugin", Switch(by="root"))
    with hold_lock(state / "lock"):
        owners = {path.name: path.stat().st_uid for path in state.iterdir()}
    assert set(owners.values()) == {DAEMON}
    assert len(owners) == 4
    assert read_latch(state).reason == "a test"


def test_whose_directory_it_is_keeps_the_file(tmp_path):
    with (tmp_path / "file").open("w") as file:
        give_to_owner(file.fileno(), tmp_path)
        assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_who_is_not_root_gives_nothing_away(tmp_path, monkeypatch):
    given = []
    # Were it root's, it would be given to the user of the directory.
    monkeypatch.setattr(
        os, "fstat", lambda _: os.stat_result((0o600, 0, 0, 1, DAEMON, 0, 0, 0, 0, 0))
    )
    monkeypatch.setattr(os, "fchown", lambda *to: given.append(to[1:]))
    with (tmp_path / "file").open("w") as file:
        for user in (1_000, 0):
            monkeypatch.setattr(os, "geteuid", lambda user=user: user)
            give_to_owner(file.fileno(), tmp_path)
            owner = tmp_path.stat()
            assert given == ([] if user else [(owner.st_uid, owner.st_gid)])
