"""Where the exchange of a configuration is."""

import pytest

from traderd.config import load_config
from traderd.errors import ConfigError
from traderd.kalshi.auth import generate_key
from traderd.services.remote_exchange import remote_exchange, traded_exchange


def config_of(tmp_path, **flags):
    private, _ = generate_key("ed25519")
    key = tmp_path / "key.pem"
    key.write_bytes(private)
    key.chmod(0o600)
    given = {"exchange.key_id": "k", "exchange.key_file": str(key)} | flags
    return load_config(variables={}, directory=tmp_path, flags=given, check=False)


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ("paper", "external-api.demo.kalshi.co"),
        ("production", "external-api.kalshi.com"),
        ("local", "external-api.kalshi.com"),
    ],
)
def test_an_environment_has_its_own_hosts(tmp_path, environment, host):
    endpoints, signer = remote_exchange(config_of(tmp_path, environment=environment))
    assert host in endpoints.rest_url
    assert signer.key_id == "k"


def test_what_the_settings_name_goes_first(tmp_path):
    url = "http://127.0.0.1:9/trade-api/v2"
    endpoints, _ = remote_exchange(config_of(tmp_path, **{"exchange.rest_url": url}))
    assert endpoints.rest_url == url


def test_a_key_that_is_missing_is_told(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        remote_exchange(config_of(tmp_path, **{"exchange.key_file": "/nonexistent.pem"}))


def test_the_note_of_a_daemon_names_the_exchange_and_where_the_key_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = config_of(tmp_path, environment="paper", **{"exchange.key_file": "key.pem"})
    noted = traded_exchange(config, rest_url="r", ws_url="w")
    assert (noted.environment, noted.embedded, noted.rest_url) == ("paper", False, "r")
    assert (noted.key_id, noted.key_file) == ("k", str(tmp_path / "key.pem"))
    noted = traded_exchange(load_config(variables={}, directory=tmp_path), rest_url="r", ws_url="w")
    assert (noted.environment, noted.embedded, noted.key_file) == ("sim", True, "")


@pytest.mark.parametrize("given", [{}, {"exchange.key_id": "k"}, {"exchange.key_file": "k.pem"}])
def test_without_a_key_both_settings_are_named_and_no_file_is_looked_for(tmp_path, given):
    flags = {"environment": "paper"} | given
    config = load_config(variables={}, directory=tmp_path, flags=flags, check=False)
    with pytest.raises(
        ConfigError, match=r"exchange\.key_id .* and exchange\.key_file .* must be set"
    ):
        remote_exchange(config)
