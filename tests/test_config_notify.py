import pytest

from traderd.config_notify import (
    NotifyConfig,
    TelegramConfig,
    WebhookConfig,
    check_notify,
    summary_minute,
)
from traderd.errors import ConfigError


def test_the_defaults_send_nothing_anywhere_and_are_right():
    check_notify(NotifyConfig())
    assert (NotifyConfig().webhook.url, NotifyConfig().telegram.token) == ("", "")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"quiet_hours": ("22-7",)}, "notify.quiet_hours: '22-7' is no span of the day"),
        ({"daily_summary": "5pm"}, "notify.daily_summary = '5pm' is no time of day"),
        ({"daily_summary": "24:00"}, "is no time of day"),
        (
            {"webhook": WebhookConfig(url="http://example.org/")},
            "notify.webhook.url cannot be used",
        ),
        ({"webhook": WebhookConfig(secret="short")}, "fewer than 16 characters"),
        (
            {"webhook": WebhookConfig(classes=("fills",))},
            "notify.webhook.classes: there is no class 'fills'",
        ),
        ({"telegram": TelegramConfig(token="1:abc")}, "notify.telegram.chat_id is missing"),
        ({"telegram": TelegramConfig(chat_id="1")}, "notify.telegram.token is missing"),
        (
            {"telegram": TelegramConfig(base_url="http://api.example.org")},
            "notify.telegram.base_url cannot be used",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_the_cure(changes, sentence):
    with pytest.raises(ConfigError) as caught:
        check_notify(NotifyConfig(**changes))
    assert sentence in str(caught.value)


def test_no_complaint_shows_a_secret():
    for wrong in (
        NotifyConfig(webhook=WebhookConfig(url="http://example.org/hush-hush")),
        NotifyConfig(webhook=WebhookConfig(secret="hush-hush")),
        NotifyConfig(telegram=TelegramConfig(token="hush-hush")),
    ):
        with pytest.raises(ConfigError) as caught:
            check_notify(wrong)
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(("text", "minute"), [("17:00", 1_020), ("00:05", 5), ("", None)])
def test_the_summary_has_a_time_of_day_or_none(text, minute):
    assert summary_minute(NotifyConfig(daily_summary=text)) == minute
