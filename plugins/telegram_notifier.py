"""A notifier: messages to a Telegram chat.

Ask @BotFather for a bot and set `notify.telegram.token`; write to the bot once, and set `notify.telegram.chat_id` to your chat's
number (`https://api.telegram.org/bot<token>/getUpdates` shows it). Texts are sent as they are, without markup, so that no
character of a reason can break them. Telegram asks for pauses (429 with `retry_after`); it gets them.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from traderd.plugin_api import (
    HttpAnswer,
    NotDelivered,
    NoticeClass,
    NoticeMessage,
    Notifier,
    Post,
    Urgency,
    hookimpl,
)

TEXT_MAX = 4_096
"""Telegram: the longest text of one message, in UTF-16 units."""
CUT = "\n..."


def fitted(text: str) -> str:
    """Return a text that Telegram takes: cut off at its end where it is too long."""
    if len(text.encode("utf-16-le")) // 2 <= TEXT_MAX:
        return text
    short = text.encode("utf-16-le")[: 2 * (TEXT_MAX - len(CUT))].decode("utf-16-le", "ignore")
    return short + CUT


@attrs.frozen
class Telegram:
    """One bot and one chat."""

    base_url: str
    token: str = attrs.field(repr=False)
    chat_id: str

    async def send(self, message: NoticeMessage, post: Post) -> None:
        """Send one message; low urgency makes no sound.  Cancelling may leave it delivered."""
        body = {
            "chat_id": self.chat_id,
            "text": fitted(message.text),
            "disable_notification": message.urgency is Urgency.LOW,
            "link_preview_options": {"is_disabled": True},
        }
        _judge(
            await post(
                f"{self.base_url.rstrip('/')}/bot{self.token}/sendMessage",
                body=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        )


def _judge(answer: HttpAnswer) -> None:
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        # A proxy in between, or Telegram in trouble: it may be better in a while.
        raise NotDelivered(f"Telegram answered {answer.status} without a word of its own")
    if told.get("ok") is True:
        return
    parameters = told.get("parameters")
    pause = parameters.get("retry_after") if isinstance(parameters, dict) else None
    is_refusal = 400 <= answer.status < 500 and answer.status not in {408, 429}
    raise NotDelivered(
        f"Telegram answered {answer.status} {str(told.get('description', ''))[:200]}; check notify.telegram.token and "
        "notify.telegram.chat_id"
        if is_refusal
        else f"Telegram answered {answer.status} {str(told.get('description', ''))[:200]}",
        retry_after_s=float(pause) if isinstance(pause, int | float) and pause >= 0 else None,
        is_final=is_refusal,
    )


@hookimpl
def traderd_notifiers(config: Any) -> list[Notifier]:
    """Offer Telegram when the bot and the chat are set."""
    wanted = config.notify.telegram
    if not (wanted.token and wanted.chat_id):
        return []
    telegram = Telegram(wanted.base_url, wanted.token, wanted.chat_id)
    return [
        Notifier(
            name="telegram",
            send=telegram.send,
            classes=tuple(map(NoticeClass, wanted.classes)) or tuple(NoticeClass),
            secrets=(wanted.token,),
        )
    ]
