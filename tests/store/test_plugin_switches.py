import pytest

from traderd.errors import StoreError
from traderd.store.plugin_switches import SWITCHES_FILE, Switch, read_switches, write_switch


def test_a_switch_is_read_back_and_can_be_taken_back(tmp_path):
    directory = tmp_path / "state"
    assert read_switches(directory) == {}
    write_switch(directory, "mine", Switch(by="ann", at="2026-11-25T10:00:00Z"))
    write_switch(directory, "other", Switch())
    assert read_switches(directory)["mine"].sentence == "disabled by ann at 2026-11-25T10:00:00Z"
    write_switch(directory, "mine", None)
    assert list(read_switches(directory)) == ["other"]
    assert (directory / SWITCHES_FILE).stat().st_mode & 0o077 == 0
    assert [path.name for path in directory.iterdir()] == [SWITCHES_FILE]


def test_a_file_that_cannot_be_read_is_an_error_and_not_everything_on(tmp_path):
    (tmp_path / SWITCHES_FILE).write_text("{")
    with pytest.raises(StoreError, match="mend it, or remove it to use every plugin again"):
        read_switches(tmp_path)
    with pytest.raises(StoreError):
        write_switch(tmp_path, "mine", Switch())
    assert (tmp_path / SWITCHES_FILE).read_text() == "{"


def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path):
    write_switch(tmp_path, "mine", Switch())
    (tmp_path / f"{SWITCHES_FILE}.new").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_switch(tmp_path, "other", Switch())
    assert list(read_switches(tmp_path)) == ["mine"]
