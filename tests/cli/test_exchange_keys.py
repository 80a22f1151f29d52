import json

import pytest
from click.testing import CliRunner

from traderd.cli.exchange import exchange
from traderd.errors import ConfigError
from traderd.kalshi.auth import load_signer


def ran(*arguments: str):
    return CliRunner().invoke(exchange, ["keys", "new", *arguments])


@pytest.mark.parametrize("key_type", ["rsa", "ed25519"])
def test_a_new_key_can_sign_and_is_told(tmp_path, key_type):
    made = ran("alice", "--keys-dir", str(tmp_path), "--key-type", key_type, "--json")
    assert made.exit_code == 0
    told = json.loads(made.output)
    assert told["name"] == "alice"
    assert told["key_file"] == str(tmp_path / "alice.pem")
    assert repr(load_signer(told["key_id"], tmp_path / "alice.pem")).startswith(
        f"<Signer {key_type} "
    )


def test_it_says_where_the_key_is(tmp_path):
    made = ran("alice", "--keys-dir", str(tmp_path))
    key_id = (tmp_path / "alice.id").read_text().strip()
    assert made.output == f"alice: key {key_id} in {tmp_path / 'alice.pem'}\n"


def test_a_name_that_is_taken_is_refused(tmp_path):
    ran("alice", "--keys-dir", str(tmp_path))
    before = (tmp_path / "alice.pem").read_bytes()
    again = ran("alice", "--keys-dir", str(tmp_path))
    assert isinstance(again.exception, ConfigError)
    assert "exists: choose another name" in str(again.exception)
    assert (tmp_path / "alice.pem").read_bytes() == before
