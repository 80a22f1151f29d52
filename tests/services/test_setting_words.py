"""What of a setting people see: secrets never, and the same wherever it is shown."""

import pytest

from traderd.services.setting_words import mask_key_id, masked_setting, show_setting


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
        ("web.reads_need_token", True, "True"),
        ("notify.telegram.token", "", "the default"),
        ("notify.webhook.url", None, "the default"),
        ("strategies.key_levels.mode", "fast", "fast"),
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(name, value, shown):
    assert show_setting(name, value) == shown
