import json

import pytest
import trio

from tests.web.live_looking import ALPHA
from traderd.errors import BadInput, ExchangeUnavailable, OutcomeUnknown, StoreError
from traderd.web.api import COMMAND_BUDGET_S, ReadRoute
from traderd.web.http_app import create_app

HOST = {"Host": "127.0.0.1:8005"}


async def test_the_console_is_served_at_the_root(autojump_clock, face):
    answer = await face.get("/")
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert b"traderd" in await answer.get_data()


@pytest.mark.parametrize(
    ("word", "status"), [("healthy", 200), ("degraded", 200), ("unhealthy", 503)]
)
async def test_health_is_503_only_when_unhealthy(autojump_clock, face, word, status):
    face.source.health_word = word
    answer = await face.get("/v3/health")
    assert answer.status_code == status
    assert (await answer.get_json())["health"] == word


@pytest.mark.parametrize("name", ["orders", "positions", "transitions", "fills", "log"])
async def test_a_read_returns_its_list_under_its_name(autojump_clock, face, name):
    answer = await face.get(f"/v3/{name}")
    body = await answer.get_json()
    assert answer.status_code == 200
    assert list(body) == [name]
    assert len(body[name]) > 0


async def test_the_status_is_what_the_source_says(autojump_clock, face):
    answer = await face.get("/v3/status")
    assert await answer.get_json() == face.source.status()


async def test_markets_are_counted_and_as_many_listed_as_were_asked_for(autojump_clock, face):
    body = await (await face.get("/v3/markets")).get_json()
    assert (body["followed"], [row["grade"] for row in body["markets"]]) == (2, ["A", "F"])
    body = await (await face.get("/v3/markets?limit=1")).get_json()
    assert (body["followed"], len(body["markets"])) == (2, 1)


async def test_limit_takes_the_newest(autojump_clock, face):
    answer = await face.get("/v3/fills?limit=2")
    assert (await answer.get_json())["fills"] == face.source.fill_list[-2:]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "", "1e3", "%C2%B2", "9" * 5000])
async def test_a_bad_limit_is_refused(autojump_clock, face, limit):
    answer = await face.get(f"/v3/log?limit={limit}")
    assert answer.status_code == 400
    assert (await answer.get_json())["error"]["code"] == "bad_input"


async def test_a_book_is_returned_by_ticker(autojump_clock, face):
    answer = await face.get(f"/v3/books/{ALPHA}")
    assert (await answer.get_json())["best_bid"] == "0.4600"


async def test_an_unknown_book_is_404_with_a_cure(autojump_clock, face):
    answer = await face.get("/v3/books/KXNONE")
    error = (await answer.get_json())["error"]
    assert answer.status_code == 404
    assert error["code"] == "unknown_book"
    # The cure holds however markets are chosen.
    assert "market_data.markets" in error["cure"]
    assert "market_data.discover" in error["cure"]


@pytest.mark.parametrize("ticker", ["..%2Fx", "a%2Fb"])
async def test_what_no_ticker_looks_like_is_still_answered_as_a_ticker(
    autojump_clock, face, ticker
):
    answer = await face.get(f"/v3/books/{ticker}")
    assert (await answer.get_json())["error"]["code"] == "unknown_book"


async def test_a_ticker_that_was_probably_meant_is_suggested(autojump_clock, face):
    answer = await face.get(f"/v3/books/{ALPHA.lower()}")
    error = (await answer.get_json())["error"]
    assert (answer.status_code, error["cure"]) == (404, f"Did you mean {ALPHA}?")


async def test_a_contributed_route_is_served_with_its_content_type(autojump_clock, face):
    route = ReadRoute(path="/metrics", content_type="text/plain", body=lambda: "traderd_up 1\n")
    app = create_app(
        face.source, face.hub, access=face.access, stop=face.stop, extra_routes=(route,)
    )
    answer = await app.test_client().get("/metrics", headers=HOST)
    assert (answer.content_type, await answer.get_data()) == ("text/plain", b"traderd_up 1\n")


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
    async def fail(verb, body):
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

    async def slow(verb, body):
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
    async def stuck(verb, body):
        await trio.sleep_forever()

    face.source.command = stuck
    began = trio.current_time()
    answer = await face.post("kill")
    assert answer.status_code == 504
    assert trio.current_time() - began == pytest.approx(COMMAND_BUDGET_S)


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
