import pytest

from traderd.cli.exchange_files import read_fault_plan, read_file
from traderd.errors import ConfigError


def test_a_file_is_read_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"\x00abc")
    assert read_file(tmp_path / "file", what="it", cure="none") == b"\x00abc"


def test_a_file_that_cannot_be_read_is_named_with_a_cure(tmp_path):
    words = r"the fault plan .*gone\.toml cannot be read: No such file.*; name a TOML file"
    with pytest.raises(ConfigError, match=words):
        read_fault_plan(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_fault_plan(tmp_path)


def test_a_plan_is_parsed(tmp_path):
    (tmp_path / "plan.toml").write_text('[[fault]]\nkind = "lost_reply"')
    (rule,) = read_fault_plan(tmp_path / "plan.toml").fault
    assert rule.kind.value == "lost_reply"
