"""What the machine tells of itself; what it does not tell is no number."""

import os

from traderd.runtime import machine
from traderd.runtime.machine import read_machine


def test_this_machine_tells_its_disk_and_memory(tmp_path):
    reading = read_machine(tmp_path)
    status = os.statvfs(tmp_path)
    assert abs(reading.disk_free - status.f_bavail * status.f_frsize) < 1_000_000_000
    assert 5_000_000 < reading.memory_used < 10_000_000_000


def test_a_directory_that_is_gone_tells_nothing(tmp_path):
    assert read_machine(tmp_path / "gone").disk_free is None


def test_the_tightest_bound_of_the_groups_counts(tmp_path, monkeypatch):
    inner = tmp_path / "groups" / "system.slice" / "traderd.service"
    inner.mkdir(parents=True)
    own = tmp_path / "cgroup"
    own.write_text("0::/system.slice/traderd.service\n")
    monkeypatch.setattr(machine, "OWN_GROUP", own)
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    assert read_machine(tmp_path).memory_max is None
    (inner / "memory.max").write_text("max\n")
    assert read_machine(tmp_path).memory_max is None
    (inner.parent / "memory.max").write_text("2000000000\n")
    (inner / "memory.max").write_text("1000000000\n")
    assert read_machine(tmp_path).memory_max == 1_000_000_000


def test_a_machine_without_these_files_tells_nothing(tmp_path, monkeypatch):
    for name in ("OWN_GROUP", "STATM"):
        monkeypatch.setattr(machine, name, tmp_path / "none")
    reading = read_machine(tmp_path)
    assert (reading.memory_used, reading.memory_max) == (None, None)
