"""What of a setting people see: secrets never, and the same wherever it is shown."""

from typing import Annotated

import attrs
import pytest
from msgspec import Meta

from traderd.config import STRATEGIES, Config, load_config
from traderd.config_secrets import (
    all_secret_texts,
    is_secret,
    mask_key_id,
    masked_setting,
    secret_parameters,
    secret_texts,
    show_setting,
)
from traderd.config_values import settings_of
from traderd.errors import ConfigError
from traderd.model.units import Price

CANARY = "canary-4711"
SECRETS = [
    name
    for name, kind in settings_of(Config, free=STRATEGIES).items()
    if kind is str and is_secret(name, CANARY)
]


def test_of_a_key_id_only_the_beginning_is_shown_and_nothing_of_a_short_one():
    assert mask_key_id("1a2b3c4d-5e6f") == "1a2b…"
    assert mask_key_id("short") == "…"
    assert mask_key_id("") == ""


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("exchange.key_id", "1a2b3c4d-5e6f", "1a2b…"),
        ("notify.telegram.token", "12:canary", "[masked]"),
        ("notify.webhook.secret", "canary", "[masked]"),
        (
            "notify.webhook.url",
            "https://u:canary@example.test/canary?x=canary",
            "https://example.test/[masked]",
        ),
        ("notify.webhook.url", "https://[canary", "[masked]"),
        ("notify.webhook.url", "canary", "[masked]"),
        ("notify.webhook.url", ["canary"], "[masked]"),
        ("exchange.key_id", ["canary"], "[masked]"),
        ("exchange.key_file", "-----BEGIN PRIVATE KEY-----\ncanary", "[masked]"),
        ("exchange.key_file", f"MC4CAQAwBQYDK2VwBCIEI{40 * 'x'}canary", "[masked]"),
        ("strategies.mine.api_token", "canary", "[masked]"),
        ("strategies.mine.secrets.one", "canary", "[masked]"),
        ("strategies.mine.accounts", [{"password": "canary"}], "{'password': '[masked]'}"),
        ("strategies.mine.api_tokens", ["canary"], "[masked]"),
    ],
)
def test_a_secret_is_masked(name, value, shown):
    assert show_setting(name, value) == shown
    assert "canary" not in str(masked_setting(name, value))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("log.level", "debug", "debug"),
        ("risk.max_open_orders", 4, "4"),
        ("market_data.tickers", ("A", "B"), "A,B"),
        ("market_data.tickers", (), "none"),
        ("exchange.key_file", "/keys/one.pem", "/keys/one.pem"),
        ("web.tls_key", "/keys/tls.pem", "/keys/tls.pem"),
        ("web.reads_need_token", True, "True"),
        ("notify.telegram.token", "", "the default"),
        ("notify.webhook.url", None, "the default"),
        ("strategies.key_levels.mode", "fast", "fast"),
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(name, value, shown):
    assert show_setting(name, value) == shown


def test_every_secret_setting_of_the_tree_is_known():
    assert SECRETS == [
        "exchange.key_id",
        "notify.webhook.url",
        "notify.webhook.secret",
        "notify.telegram.token",
    ]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_of_the_wrong_type_is_not_quoted(tmp_path, name):
    for value in ([CANARY], [[{"a": CANARY}]], {"a": CANARY}):
        with pytest.raises(ConfigError) as caught:
            load_config(variables={}, directory=tmp_path, flags={name: value})
        assert name in str(caught.value)
        assert CANARY not in str(caught.value)
    assert "must be a text, and what was given is not shown, because it is a secret" in refusal(
        tmp_path, **{name: [CANARY]}
    )


def test_what_is_no_secret_is_quoted(tmp_path):
    assert refusal(tmp_path, **{"log.level": "loud"}).endswith("not 'loud'")


def refusal(directory, **flags):
    with pytest.raises(ConfigError) as caught:
        load_config(variables={}, directory=directory, flags=flags)
    return str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"TRADERD_NOTIFY__TELEGRAM__TOKKEN": CANARY},
        {"TRADERD_NOTIFY__SECRET": CANARY},
        {"KALSHI_API_KEY_ID": CANARY, "TRADERD_EXCHANGE__KEY_ID": f"{CANARY}2"},
        {"TRADERD_NOTIFY__TELEGRAM__TOKEN": CANARY},
        {"TRADERD_NOTIFY__WEBHOOK__SECRET": CANARY},
        {"TRADERD_NOTIFY__WEBHOOK__URL": f"http://example.test/{CANARY}"},
        {"TRADERD_STRATEGIES__API_TOKEN": CANARY},
    ],
    ids=lambda given: next(iter(given)),
)
def test_no_other_complaint_quotes_a_secret(tmp_path, variables):
    with pytest.raises(ConfigError) as caught:
        load_config(variables=variables, directory=tmp_path)
    assert "canary" not in str(caught.value)


@attrs.frozen(kw_only=True)
class Base:
    api_key: str | None = None


@attrs.frozen(kw_only=True)
class Parameters(Base):
    api_token: str = ""
    passwords: tuple[str, ...] = ()
    tokens: int = 1
    key_price: Price | None = None
    tokens_per_s: Annotated[float, Meta(gt=0)] = 1.0
    edge: str = ""
    key_file: str = ""


def test_parameters_are_secrets_by_their_names_and_numbers_never():
    assert secret_parameters(Parameters) == ("api_key", "api_token", "passwords")


def test_the_texts_of_secrets_are_found_in_tables_and_lists():
    values = {
        "api_token": "one",
        "accounts": [{"password": "two", "name": "ann"}, {"password": 5}],
        "secrets": {"a": ["three"], "b": ""},
        "size": 4,
    }
    assert list(secret_texts("strategies.mine", values)) == ["one", "two", "three"]


def test_all_secrets_of_a_configuration_are_found(tmp_path):
    flags = {
        "exchange.key_id": "1a2b3c4d-5e6f",
        "notify.webhook.url": "https://example.test/hook",
        "strategies.mine.api_token": "canary",
        "strategies.mine.size": "4",
    }
    config = load_config(variables={}, directory=tmp_path, flags=flags)
    assert all_secret_texts(config) == ("1a2b3c4d-5e6f", "https://example.test/hook", "canary")
