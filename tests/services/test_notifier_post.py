"""The way out for notifiers: where a message may go, and that no error shows a secret part of an address."""

import pytest
import trio

from tests.services.fake_receiver import Reply, receiver
from traderd.runtime.simulation import SimEnv
from traderd.services.extensions import NotDelivered
from traderd.services.notifier_post import (
    ANSWER_BYTES_MAX,
    POST_BUDGET_S,
    Poster,
)

SECRET = "hush-hush-hush"


@pytest.fixture
def env():
    return SimEnv(seed=1)


async def test_a_post_brings_body_and_headers_and_returns_the_answer(autojump_clock, env):
    async with receiver(env) as there:
        there.otherwise = Reply(201, b"thanks", (("Retry-After", "7"),))
        answer = await Poster(env)(f"{there.url}/hook?x=1", body=b"{}", headers={"X-A": "b"})
        assert (answer.status, answer.body) == (201, b"thanks")
        assert answer.headers["retry-after"] == "7"
        (request,) = there.requests
        assert (request.target, request.body, request.headers["x-a"]) == ("/hook?x=1", b"{}", "b")


async def test_a_redirect_is_an_answer_and_is_not_followed(autojump_clock, env):
    async with receiver(env) as there:
        there.otherwise = Reply(302, b"", (("Location", f"{there.url}/elsewhere"),))
        answer = await Poster(env)(f"{there.url}/hook", body=b"", headers={})
        assert answer.status == 302
        assert len(there.requests) == 1


async def test_only_so_much_of_an_answer_is_kept(autojump_clock, env):
    async with receiver(env) as there:
        there.otherwise = Reply(200, b"x" * (ANSWER_BYTES_MAX * 3))
        answer = await Poster(env)(there.url, body=b"", headers={})
        assert len(answer.body) == ANSWER_BYTES_MAX


@pytest.mark.parametrize(
    ("reply", "words"),
    [(Reply(delay_s=60), "no answer in time"), (Reply(drop=True), "without a whole answer")],
)
async def test_no_answer_names_the_host_and_nothing_else_of_the_address(
    autojump_clock, env, reply, words
):
    async with receiver(env) as there:
        there.otherwise = reply
        before = trio.current_time()
        with pytest.raises(NotDelivered) as caught:
            await Poster(env)(f"{there.url}/{SECRET}?t={SECRET}", body=b"", headers={})
        assert words in str(caught.value)
        assert str(caught.value).startswith("127.0.0.1: ")
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None
        assert not caught.value.is_final
        assert trio.current_time() - before <= POST_BUDGET_S + 0.1


async def test_nobody_there_is_no_secret_either(autojump_clock, env):
    with pytest.raises(NotDelivered, match=r"127\.0\.0\.1: no connection") as caught:
        await Poster(env)(f"http://127.0.0.1:1/{SECRET}", body=b"", headers={})
    assert SECRET not in str(caught.value)


async def test_an_address_that_may_not_be_used_is_refused_before_anything_is_sent(
    autojump_clock, env
):
    with pytest.raises(NotDelivered, match="must begin with https") as caught:
        await Poster(env)(f"http://example.org/{SECRET}", body=b"", headers={})
    assert caught.value.is_final
    assert SECRET not in str(caught.value)


def test_the_clock_is_that_of_the_env(env):
    async def main():
        return Poster(env).now() == env.wall_ns()

    assert trio.run(main, clock=trio.testing.MockClock())
