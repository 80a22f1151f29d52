"""The webhook: what is posted, how it is signed, and what each answer means."""

import hashlib
import hmac
import json

import pytest
import trio

from tests.model.test_notices import message, notice
from tests.plugin_files import plugin_extensions
from tests.services.fake_receiver import Reply, receiver
from traderd.config import Config
from traderd.config_notify import NotifyConfig, WebhookConfig
from traderd.runtime.simulation import SimEnv
from traderd.services.extensions import NotDelivered
from traderd.services.notifier_post import Poster

SECRET = "0123456789abcdef0123456789abcdef"


def webhook(**settings):
    config = Config(notify=NotifyConfig(webhook=WebhookConfig(**settings)))
    return [owned.item for owned in plugin_extensions(config).notifiers]


def test_without_an_address_there_is_no_webhook():
    assert webhook() == []


def test_address_and_secret_are_what_must_not_be_seen():
    (made,) = webhook(url="https://example.org/hook", secret=SECRET, classes=("risk",))
    assert made.secrets == ("https://example.org/hook", SECRET)
    assert [kind.value for kind in made.classes] == ["risk"]
    assert "example.org" not in repr(made)


async def test_a_message_is_posted_as_json_with_a_signature_that_can_be_checked(autojump_clock):
    env = SimEnv(seed=1)
    async with receiver(env) as there:
        (made,) = webhook(url=f"{there.url}/hook", secret=SECRET)
        await trio.sleep(100)
        await made.send(message(notice()), Poster(env))
        (request,) = there.requests
        assert (request.target, request.headers["content-type"]) == ("/hook", "application/json")
        assert request.json["text"] == "[sim] halt breaker: 5 errors"
        assert request.json["notices"][0]["class"] == "risk"
        stamp, _, sent = request.headers["x-traderd-signature"].partition(",v1=")
        at_s = int(stamp.removeprefix("t="))
        assert at_s == env.wall_ns() // 10**9, "the moment of sending, not of the notice"
        expected = hmac.new(SECRET.encode(), b"%d." % at_s + request.body, hashlib.sha256)
        assert hmac.compare_digest(sent, expected.hexdigest())


async def test_without_a_secret_it_is_not_signed(autojump_clock):
    env = SimEnv(seed=1)
    async with receiver(env) as there:
        (made,) = webhook(url=there.url)
        await made.send(message(notice()), Poster(env))
        assert "x-traderd-signature" not in there.requests[0].headers


@pytest.mark.parametrize(
    ("reply", "is_final", "pause"),
    [
        (Reply(500), False, None),
        (Reply(408), False, None),
        (Reply(429, headers=(("Retry-After", "30"),)), False, 30.0),
        (Reply(503, headers=(("Retry-After", "Wed, 21 Oct"),)), False, None),
        (Reply(404), True, None),
        (Reply(302), True, None),
    ],
)
async def test_an_answer_that_is_no_receipt_is_an_error(autojump_clock, reply, is_final, pause):
    env = SimEnv(seed=1)
    async with receiver(env) as there:
        there.otherwise = reply
        (made,) = webhook(url=f"{there.url}/hush")
        with pytest.raises(NotDelivered, match=str(reply.status)) as caught:
            await made.send(message(notice()), Poster(env))
        assert (caught.value.is_final, caught.value.retry_after_s) == (is_final, pause)
        assert "hush" not in str(caught.value)


async def test_any_2xx_is_a_receipt_whatever_it_says(autojump_clock):
    env = SimEnv(seed=1)
    async with receiver(env) as there:
        there.otherwise = Reply(204, b"")
        (made,) = webhook(url=there.url)
        await made.send(message(notice(text='"quoted" \u2603')), Poster(env))
        assert json.loads(there.requests[0].body)["notices"][0]["text"] == '"quoted" \u2603'
