import json

import pytest
import trio

from traderd.errors import BadInput, ExchangeUnavailable, OutcomeUnknown, StoreError
from traderd.web.api import COMMAND_BUDGET_S

HOST = {"Host": "127.0.0.1:8005"}


async def test_a_command_reaches_the_source_with_its_body(autojump_clock, face):
    answer = await face.post("pause", b'{"id": "c-1"}')
    assert answer.status_code == 200
    assert await answer.get_json() == {"paused": True}
    assert face.source.commands == [("pause", {"id": "c-1"})]


async def test_a_command_without_a_body_is_an_empty_one(autojump_clock, face):
    await face.post("resume", b"")
    assert face.source.commands == [("resume", {})]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"pause"',
        b"\xff\xfe{}",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"{'a': 1}",
        b"\x00",
    ],
    ids=range(10),
)
async def test_a_malformed_command_is_one_error_and_never_reaches_the_source(
    autojump_clock, face, body
):
    answer = await face.post("pause", body)
    assert answer.status_code == 400
    assert (await answer.get_json())["error"]["code"] == "bad_json"
    assert face.source.commands == []


async def test_a_body_over_the_cap_is_refused(autojump_clock, face):
    answer = await face.post("pause", b'{"a": "' + b"x" * 65_536 + b'"}')
    assert answer.status_code == 413
    assert "65536" in (await answer.get_json())["error"]["cure"]
    assert face.source.commands == []


async def test_a_form_is_not_a_command(autojump_clock, face):
    answer = await face.post("pause", b"a=1", Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert face.source.commands == []


@pytest.mark.parametrize("verb", ["PAUSE", "pa%20use", "-", "a" * 41, "pause%0a"])
async def test_a_verb_that_is_no_word_is_404(autojump_clock, face, verb):
    answer = await face.post(verb)
    assert answer.status_code == 404
    assert face.source.commands == []


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BadInput("count must be positive"), 400, "bad_input"),
        (ExchangeUnavailable("HTTP 503"), 502, "exchange"),
        (OutcomeUnknown("no answer"), 504, "outcome_unknown"),
        (StoreError("disk full"), 503, "store"),
        (ValueError("secret detail"), 500, "defect"),
    ],
)
async def test_a_failed_command_is_answered_by_whose_fault_it_is(
    autojump_clock, face, error, status, code
):
    async def fail(verb, body, state_version=None):
        raise error

    face.source.command = fail
    answer = await face.post("flatten")
    body = await answer.get_json()
    assert answer.status_code == status
    assert body["error"]["code"] == code
    assert sorted(body["error"]) == ["code", "cure", "sentence"]
    assert "secret detail" not in json.dumps(body)


async def test_a_command_runs_to_its_end_when_the_client_leaves(autojump_clock, face):
    finished = trio.Event()

    async def slow(verb, body, state_version=None):
        await trio.sleep(5)
        finished.set()
        return 200, {}

    face.source.command = slow
    async with trio.open_nursery() as nursery:
        nursery.start_soon(face.post, "kill")
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert finished.is_set()


async def test_a_command_that_takes_too_long_is_an_unknown_outcome(autojump_clock, face):
    async def stuck(verb, body, state_version=None):
        await trio.sleep_forever()

    face.source.command = stuck
    began = trio.current_time()
    answer = await face.post("kill")
    assert answer.status_code == 504
    assert trio.current_time() - began == pytest.approx(COMMAND_BUDGET_S)


async def test_a_command_that_is_sent_again_with_its_key_is_done_once(autojump_clock, face):
    first = await face.post("pause", b'{"id": "c-1"}', Idempotency_Key="k-1")
    again = await face.post("pause", b'{"id": "c-1"}', Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert await first.get_json() == await again.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await face.post("pause", b'{"id": "c-2"}', Idempotency_Key="k-1")
    assert (other.status_code, (await other.get_json())["error"]["code"]) == (409, "key_reused")
    assert face.source.commands == [("pause", {"id": "c-1"})]
    await face.post("pause", b'{"id": "c-2"}', Idempotency_Key="k-2")
    assert len(face.source.commands) == 2


async def test_who_left_before_the_answer_asks_again_and_gets_it(autojump_clock, face):
    done = []

    async def slow(verb, body, state_version=None):
        await trio.sleep(5)
        done.append(verb)
        return 200, {"number": len(done)}

    face.source.command = slow
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: face.post("place", Idempotency_Key="k-1"))
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    again = await face.post("place", Idempotency_Key="k-1")
    assert await again.get_json() == {"number": 1}
    assert done == ["place"]


async def test_an_unknown_outcome_is_not_tried_again_with_the_same_key(autojump_clock, face):
    tried = []

    async def doubtful(verb, body, state_version=None):
        tried.append(verb)
        raise OutcomeUnknown("no answer")

    face.source.command = doubtful
    answers = [await face.post("place", Idempotency_Key="k-1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [504, 504]
    assert tried == ["place"]
    first, again = answers
    assert await first.get_json() == await again.get_json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("key", ["", "two words", "x" * 65])
async def test_a_key_that_is_none_does_nothing(autojump_clock, face, key):
    answer = await face.post("pause", Idempotency_Key=key)
    assert (answer.status_code, (await answer.get_json())["error"]["code"]) == (400, "bad_input")
    assert face.source.commands == []


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k-1"}])
async def test_what_was_decided_by_another_state_is_refused(autojump_clock, face, headers):
    seen = face.source.state_version()
    await face.post("pause", If_Match=f'"{seen}"')
    assert face.source.state_version() != seen
    stale = await face.post("resume", If_Match=f'"{seen}"', **headers)
    error = (await stale.get_json())["error"]
    assert (stale.status_code, error["code"]) == (412, "state_changed")
    assert face.source.state_version() in error["cure"]
    assert [verb for verb, _ in face.source.commands] == ["pause"]
    fresh = await face.post("resume", If_Match=f'"{face.source.state_version()}"')
    assert fresh.status_code == 200


async def test_the_live_stream_sends_what_is_published(autojump_clock, face):
    async with trio.open_nursery() as nursery:
        await nursery.start(face.hub.run)
        async with face.client.websocket("/v3/ws", headers=HOST) as websocket:
            hello = json.loads(await websocket.receive())
            assert hello["type"] == "hello"
            message = hello
            while message["type"] != "halt":
                if message == hello:
                    face.hub.publish("halt", {"id": "h-1"})
                message = json.loads(await websocket.receive())
            assert message["data"] == {"id": "h-1"}
        nursery.cancel_scope.cancel()
    assert face.hub.statistics().clients == 0
