import pytest

from tests.cli.doctor_tools import KEY_ID
from traderd.cli.init_answers import (
    Markets,
    needs_key,
    read_environment,
    read_key_file,
    read_key_id,
    read_limits,
    read_markets,
)
from traderd.config_risk import RiskConfig
from traderd.errors import BadInput
from traderd.kalshi.auth import generate_key

TICKER = "KXHIGHNY-26AUG07-B85.5"


def test_environments_by_all_their_names():
    assert [read_environment(text) for text in ("sim", " Demo ", "PROD")] == [
        "sim",
        "paper",
        "production",
    ]
    assert [needs_key(name) for name in ("sim", "paper", "local")] == [False, True, True]
    with pytest.raises(BadInput, match=r"no environment 'demoo': sim is an exchange on this"):
        read_environment("demoo")


def test_a_key_id_is_told_from_a_key():
    assert read_key_id(f" {KEY_ID}\n") == KEY_ID
    with pytest.raises(BadInput, match="private key itself"):
        read_key_id("-----BEGIN RSA PRIVATE KEY-----")
    with pytest.raises(BadInput, match="letters, digits and hyphens"):
        read_key_id("a b")


def test_a_key_file_is_read_before_it_is_believed(tmp_path, monkeypatch):
    path = tmp_path / "key.pem"
    with pytest.raises(BadInput, match="does not exist"):
        read_key_file(str(path), KEY_ID)
    path.write_bytes(generate_key("ed25519")[0])
    path.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        read_key_file(str(path), KEY_ID)
    path.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    assert read_key_file("key.pem", KEY_ID) == str(path), "it holds from any directory"


@pytest.mark.parametrize(
    ("text", "markets"),
    [
        ("all", Markets()),
        ("", Markets()),
        (f"{TICKER.lower()}, {TICKER},", Markets(tickers=(TICKER,))),
        ("series:kxhighny,Series:KXMLB", Markets(series=("KXHIGHNY", "KXMLB"))),
    ],
)
def test_markets(text, markets):
    assert read_markets(text, "sim") == markets


@pytest.mark.parametrize(
    ("text", "environment", "why"),
    [
        ("all", "paper", "thousands of markets"),
        (f"series:KXMLB,{TICKER}", "sim", "not both"),
        ("KXMLB", "sim", "for a whole series write series:KXMLB"),
        ("!!-?", "sim", "is no market's ticker"),
        ("series:", "sim", "is no series"),
    ],
)
def test_markets_that_cannot_be(text, environment, why):
    with pytest.raises(BadInput, match=why):
        read_markets(text, environment)


def test_an_amount_at_risk_becomes_limits_in_the_relations_of_the_defaults():
    limits = read_limits("$1000")
    defaults = RiskConfig()
    assert {name: f"{getattr(defaults, name)}.00" for name in limits} == limits
    assert read_limits("10.01")["max_order_dollars"] == "1.00", "down to whole cents"


@pytest.mark.parametrize("text", ["", "lots", "9.99", "1000001", "-5", "1e3"])
def test_amounts_that_cannot_be(text):
    with pytest.raises(BadInput, match=r"dollars|between"):
        read_limits(text)
