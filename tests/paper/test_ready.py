"""The signs of a served exchange are there exactly while it serves."""

import json

import pytest

from tests.paper.served import VirtualEnv
from traderd.errors import AlreadyRunning, ConfigError
from traderd.paper.admin.access import AdminAccess
from traderd.paper.ready import Ready, ReadyAccount, shown


def signs(tmp_path):
    access = AdminAccess(admin_url="http://127.0.0.1:2/admin", token="t" * 32)
    ready = Ready(
        rest_url="http://127.0.0.1:1/trade-api/v2",
        ws_url="ws://127.0.0.1:1/trade-api/ws/v2",
        admin_url=access.admin_url,
        admin_file=str(tmp_path / "keys" / "admin.json"),
        seed=7,
        seeded=True,
        scenario="default",
        markets=12,
        accounts=(ReadyAccount(name="ann", key_id="id", key_file="/keys/ann.pem", key_type="rsa"),),
    )
    return ready, access


async def test_both_files_are_there_inside_and_gone_after(autojump_clock, tmp_path):
    ready, access = signs(tmp_path)
    ready_file, admin_file = tmp_path / "ready.json", tmp_path / "keys" / "admin.json"
    async with shown(VirtualEnv(), ready, access, ready_file):
        assert json.loads(ready_file.read_bytes()) == {
            "rest_url": ready.rest_url,
            "ws_url": ready.ws_url,
            "admin_url": ready.admin_url,
            "admin_file": str(admin_file),
            "seed": 7,
            "seeded": True,
            "scenario": "default",
            "markets": 12,
            "state_file": None,
            "resumed": False,
            "accounts": [
                {"name": "ann", "key_id": "id", "key_file": "/keys/ann.pem", "key_type": "rsa"}
            ],
        }
        assert json.loads(admin_file.read_bytes()) == {
            "admin_url": access.admin_url,
            "token": access.token,
        }
        for path in (ready_file, admin_file):
            assert path.stat().st_mode & 0o077 == 0
    assert not ready_file.exists()
    assert not admin_file.exists()


async def test_another_admin_file_in_its_place_is_left_alone(autojump_clock, tmp_path):
    ready, access = signs(tmp_path)
    admin_file = tmp_path / "keys" / "admin.json"
    async with shown(VirtualEnv(), ready, access, None):
        admin_file.write_text("somebody else's")
    assert admin_file.read_text() == "somebody else's"


async def test_a_second_exchange_with_the_same_keys_does_not_take_the_operator(
    autojump_clock, tmp_path
):
    ready, access = signs(tmp_path)
    admin_file = tmp_path / "keys" / "admin.json"
    for _ in range(2):
        async with shown(VirtualEnv(), ready, access, None):
            before = admin_file.read_bytes()
            with pytest.raises(AlreadyRunning, match="give this one another --keys-dir"):
                async with shown(VirtualEnv(), ready, access, None):
                    raise AssertionError("it was shown")
            assert admin_file.read_bytes() == before


async def test_what_cannot_be_written_is_named_and_leaves_nothing(autojump_clock, tmp_path):
    ready, access = signs(tmp_path)
    with pytest.raises(ConfigError, match=r"none/ready\.json"):
        async with shown(VirtualEnv(), ready, access, tmp_path / "none" / "ready.json"):
            raise AssertionError("it was shown")
    assert not (tmp_path / "keys" / "admin.json").exists()
