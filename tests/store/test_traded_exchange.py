"""What the kill switch goes by when no daemon answers: a small file, and none at all rather than an old one."""

import os
import stat

import pytest

from traderd.store.traded_exchange import (
    TRADED_FILE,
    TradedExchange,
    read_traded_exchange,
    write_traded_exchange,
)

TRADED = TradedExchange(
    environment="sim",
    embedded=False,
    rest_url="http://127.0.0.1:9/trade-api/v2",
    ws_url="ws://127.0.0.1:9/trade-api/ws/v2",
    key_id="k",
    key_file="/keys/k.pem",
)


def test_it_is_read_as_it_was_written_and_only_its_owner_may(tmp_path):
    assert read_traded_exchange(tmp_path) is None
    write_traded_exchange(tmp_path, TRADED)
    assert read_traded_exchange(tmp_path) == TRADED
    assert stat.S_IMODE((tmp_path / TRADED_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [TRADED_FILE]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b'{"environment": 5}'])
def test_whatever_else_is_in_the_file_nobody_knows(tmp_path, content):
    (tmp_path / TRADED_FILE).write_bytes(content)
    assert read_traded_exchange(tmp_path) is None


def test_a_full_disk_leaves_no_older_exchange_behind(tmp_path, monkeypatch):
    write_traded_exchange(tmp_path, TRADED)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    write_traded_exchange(tmp_path, TRADED)
    assert list(tmp_path.iterdir()) == []
    write_traded_exchange(tmp_path / "missing", TRADED)
