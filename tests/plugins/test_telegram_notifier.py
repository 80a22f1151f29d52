"""Telegram, against a server that answers as its Bot API does."""

import json

import pytest

from tests.model.test_notices import message, notice
from tests.plugin_files import plugin_extensions
from tests.services.fake_receiver import Reply, receiver
from traderd.config import Config
from traderd.config_notify import NotifyConfig, TelegramConfig
from traderd.model.notices import Urgency
from traderd.runtime.simulation import SimEnv
from traderd.services.extensions import NotDelivered
from traderd.services.notifier_post import Poster

TOKEN = "12345:hush-hush-token"


def telegram(**settings):
    config = Config(notify=NotifyConfig(telegram=TelegramConfig(**settings)))
    return [owned.item for owned in plugin_extensions(config).notifiers]


async def sent(*messages, reply=None, base_url="{url}"):
    """Send to a bot and return the requests that came."""
    env = SimEnv(seed=1)
    async with receiver(env) as there:
        there.otherwise = reply or Reply()
        (made,) = telegram(token=TOKEN, chat_id="-77", base_url=base_url.format(url=there.url))
        for one in messages:
            await made.send(one, Poster(env))
        return there.requests


def test_without_a_bot_there_is_no_telegram_and_its_token_is_a_secret():
    assert telegram() == []
    (made,) = telegram(token=TOKEN, chat_id="1")
    assert made.secrets == (TOKEN,)
    assert TOKEN not in repr(made)


@pytest.mark.parametrize("base_url", ["{url}", "{url}/"])
async def test_a_message_goes_to_the_chat_as_plain_text(autojump_clock, base_url):
    (request,) = await sent(message(notice(text="<b>_*1 < 2")), base_url=base_url)
    assert request.target == f"/bot{TOKEN}/sendMessage"
    assert request.json == {
        "chat_id": "-77",
        "text": "[sim] halt breaker: <b>_*1 < 2",
        "disable_notification": False,
        "link_preview_options": {"is_disabled": True},
    }


async def test_small_news_makes_no_sound(autojump_clock):
    (request,) = await sent(message(notice(urgency=Urgency.LOW)))
    assert request.json["disable_notification"] is True


@pytest.mark.parametrize("character", ["x", "\u20ac", "\U0001f600"])
async def test_a_text_that_is_too_long_is_cut_as_telegram_counts(autojump_clock, character):
    many = [notice(f"n{number}", character * 590) for number in range(20)]
    (request,) = await sent(message(*many))
    units = len(request.json["text"].encode("utf-16-le")) // 2
    assert 4_000 < units <= 4_096
    assert request.json["text"].endswith("\n...")


@pytest.mark.parametrize(
    ("status", "body", "is_final", "pause"),
    [
        (
            429,
            {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 9}},
            False,
            9.0,
        ),
        (401, {"ok": False, "description": "Unauthorized"}, True, None),
        (400, {"ok": False, "description": "Bad Request: chat not found"}, True, None),
        (500, {"ok": False, "description": "Internal"}, False, None),
        (429, {"ok": False, "parameters": {"retry_after": "soon"}}, False, None),
        (200, {"ok": False}, False, None),
    ],
)
async def test_what_telegram_refuses_is_an_error_in_its_words(
    autojump_clock, status, body, is_final, pause
):
    with pytest.raises(NotDelivered) as caught:
        await sent(message(notice()), reply=Reply(status, json.dumps(body).encode()))
    assert str(caught.value).startswith(f"Telegram answered {status} {body.get('description', '')}")
    assert (caught.value.is_final, caught.value.retry_after_s) == (is_final, pause)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7"])
async def test_an_answer_that_is_not_telegrams_is_worth_another_try(autojump_clock, body):
    with pytest.raises(NotDelivered, match="without a word of its own") as caught:
        await sent(message(notice()), reply=Reply(502, body))
    assert not caught.value.is_final
