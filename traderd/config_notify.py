"""The section `[notify]` of the configuration.

Owns: when and how often a person is told, and where the notifiers of this repository send to.
Must not: send anything, or show a secret: what is wrong with an address is told without it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from traderd.config_risk import minute_of_day, quiet_minutes
from traderd.errors import ConfigError
from traderd.model.notices import NoticeClass
from traderd.runtime.addresses import check_address

SECRET_MIN: Final = 16
"""Bounds the webhook's secret from below: a shorter one can be guessed from one signed message."""


class WebhookConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where messages are posted as JSON (plugin `webhook_notifier`)."""

    url: str = ""
    """Empty: no webhook."""
    secret: str = ""
    """Signs every message; empty: unsigned."""
    classes: tuple[str, ...] = ()
    """Empty: all of them."""


class TelegramConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which chat messages go to (plugin `telegram_notifier`)."""

    token: str = ""
    """Of the bot; empty: no Telegram."""
    chat_id: str = ""
    base_url: str = "https://api.telegram.org"
    classes: tuple[str, ...] = ()
    """Empty: all of them."""


class NotifyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person is told, beside the log and the console."""

    quiet_hours: tuple[str, ...] = ()
    """Times of day in `risk.day_zone` in which only alerts are sent."""
    digest_s: Annotated[float, Meta(ge=0, le=86_400)] = 900.0
    repeat_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    messages_per_min: Annotated[int, Meta(ge=1, le=600)] = 20
    """By one channel; an alert waits three seconds at most whatever this says."""
    remind_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    """0: alerts are sent once."""
    daily_summary: str = "17:00"
    """By the clock of `risk.day_zone`; empty: none."""
    webhook: WebhookConfig = WebhookConfig()
    telegram: TelegramConfig = TelegramConfig()


def check_notify(notify: NotifyConfig) -> None:
    """Judge the settings of notices.

    Raises:
        ConfigError: names the setting and the cure.
    """
    for entry in notify.quiet_hours:
        quiet_minutes(entry, setting="notify.quiet_hours")
    summary_minute(notify)
    telegram, webhook = notify.telegram, notify.webhook
    if webhook.url:
        check_address(webhook.url, "notify.webhook.url")
    check_address(telegram.base_url, "notify.telegram.base_url")
    if bool(telegram.token) != bool(telegram.chat_id):
        missing = "chat_id" if telegram.token else "token"
        raise ConfigError(
            f"notify.telegram.{missing} is missing: a message needs the bot's token and the chat's id"
        )
    for name, words in (("webhook", webhook.classes), ("telegram", telegram.classes)):
        known = [kind.value for kind in NoticeClass]
        for word in words:
            if word not in known:
                raise ConfigError(
                    f"notify.{name}.classes: there is no class {word!r}; there are {', '.join(known)}"
                )
    if webhook.secret and len(webhook.secret) < SECRET_MIN:
        raise ConfigError(
            f"notify.webhook.secret has fewer than {SECRET_MIN} characters; `openssl rand -hex 32` makes one"
        )


def summary_minute(notify: NotifyConfig) -> int | None:
    """Return when the summary of the day is sent, in minutes after midnight; None: never.

    Raises:
        ConfigError: it is no time of day.
    """
    text = notify.daily_summary.strip()
    if not text:
        return None
    try:
        return minute_of_day(text)
    except ValueError as exc:
        raise ConfigError(
            f'notify.daily_summary = {text!r} is no time of day; write it like 17:00, or "" for none'
        ) from exc
