import pytest

from traderd.errors import StoreError
from traderd.store.armed import (
    ARMED_FILE,
    ARMED_S,
    NS_PER_S,
    Armed,
    read_armed,
    remove_armed,
    why_not_armed,
    write_armed,
)

AT = 1_795_000_000 * NS_PER_S
ARMED = Armed(by="ann", at=AT, key_id="1a2b3c4d", reason="first day")
DAY = ARMED_S * NS_PER_S


def test_what_is_written_is_read_and_only_its_owner_can(tmp_path):
    write_armed(tmp_path / "new" / "state", ARMED)
    assert read_armed(tmp_path / "new" / "state") == ARMED
    path = tmp_path / "new" / "state" / ARMED_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [ARMED_FILE]


def test_taking_it_away_says_whether_there_was_one(tmp_path):
    write_armed(tmp_path, ARMED)
    assert remove_armed(tmp_path)
    assert read_armed(tmp_path) is None
    assert not remove_armed(tmp_path)
    assert not remove_armed(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b'{"by": 1}', b"\xff"])
def test_a_file_that_cannot_be_read_arms_nothing(tmp_path, content):
    (tmp_path / ARMED_FILE).write_bytes(content)
    assert read_armed(tmp_path) is None


def test_a_directory_that_takes_no_file_is_an_error(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_armed(tmp_path / "state", ARMED)


@pytest.mark.parametrize(
    ("now", "key_id", "why"),
    [
        (AT, "1a2b3c4d", ""),
        (AT + DAY, "1a2b3c4d", ""),
        (AT + DAY + 1, "1a2b3c4d", "24 h ago by ann"),
        (AT - 1, "1a2b3c4d", "ahead of this machine's clock"),
        (AT, "other", "for another API key"),
    ],
)
def test_it_holds_for_a_day_and_one_key(now, key_id, why):
    told = why_not_armed(ARMED, now_ns=now, key_id=key_id)
    assert why in told
    assert bool(told) is bool(why)
    assert not told or "run `traderd arm`" in told


def test_never_armed_is_told_with_the_cure():
    assert why_not_armed(None, now_ns=AT, key_id="") == (
        "production is not armed; run `traderd arm` and type the environment's name"
    )
