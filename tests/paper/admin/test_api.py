"""The admin address: who is let in, what is where, and refusals with a sentence."""

import json

import pytest

from tests.paper.operated import TOKEN, Operator
from tests.paper.served import open_bench
from traderd.paper.serving.http_server import Request


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": None}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": "Bearer \xff"}, 401),
        ({"host": None}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"host": "attacker.example:4000"}, 403),
        ({"host": "127.0.0.1.attacker.example:4000"}, 403),
        ({"host": "127.0.0.1:4000@attacker.example"}, 403),
        ({"origin": "http://127.0.0.1:4000"}, 403),
        ({"origin": "null"}, 403),
    ],
    ids=str,
)
async def test_strangers_and_browsers_are_refused(autojump_clock, headers, status):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        response = await operator.send("POST", "/admin/pause", b"{}", **headers)
        assert response.status == status
        assert json.loads(response.body)["error"]["sentence"]
        assert bench.exchange.venue.paused is None


async def test_the_operator_is_let_in_by_either_name_of_this_machine(autojump_clock):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        for host in ("127.0.0.1:4000", "localhost:4000"):
            assert (await operator.send("GET", "/admin/status", host=host)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/admin", 404, "nothing at /admin"),
        ("GET", "/admin/", 404, "nothing"),
        ("GET", "/status", 404, "nothing"),
        ("POST", "/admin/settle/", 404, "nothing"),
        ("GET", "/admin/settle", 405, "use POST"),
        ("POST", "/admin/faults", 405, "use GET or PUT or DELETE"),
    ],
)
async def test_what_is_not_there_is_told(autojump_clock, method, path, status, words):
    async with open_bench() as bench:
        response = await Operator(bench.exchange).send(method, path, b"{}")
        assert response.status == status
        assert words in json.loads(response.body)["error"]["sentence"]


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{", b"\xff", b'{"ticker": 3}', b"{}", b'{"ticker": "A", "x": 1}', b"[" * 9_000],
)
async def test_a_body_that_is_none_is_told_what_is_wrong(autojump_clock, body):
    async with open_bench() as bench:
        response = await Operator(bench.exchange).send("POST", "/admin/close", body)
        assert response.status == 400
        error = json.loads(response.body)["error"]
        assert error["code"] == "invalid_parameters"
        assert error["sentence"].startswith("the body cannot be used: ")


async def test_faults_are_shown_set_and_cleared(autojump_clock):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        assert await operator.ask("GET", "/faults") == (200, {"fault": []})
        plan = {"fault": [{"kind": "refused", "status": 503, "path": "/markets"}]}
        status, told = await operator.ask("PUT", "/faults", plan)
        assert (status, told["sentence"]) == (200, "1 faults are on")
        ann = await bench.trader()
        assert (await ann.ask("GET", "/markets"))[0] == 503
        _, shown = await operator.ask("GET", "/faults")
        assert shown["fault"] == [plan["fault"][0] | {"seen": 1, "struck": 1}]
        status, refused = await operator.ask("PUT", "/faults", {"fault": [{"kind": "refused"}]})
        assert (status, refused["error"]["code"]) == (400, "invalid_parameters")
        assert "refused needs status" in refused["error"]["sentence"]
        # A plan that cannot be leaves the one that is on.
        assert len((await operator.ask("GET", "/faults"))[1]["fault"]) == 1
        await operator.ask("DELETE", "/faults")
        assert (await ann.ask("GET", "/markets"))[0] == 200


async def test_there_are_no_websockets(autojump_clock):
    async with open_bench() as bench:
        request = Request(method="GET", path="/admin/status", query=(), headers={})
        assert Operator(bench.exchange).api.upgrade(request).status == 404


async def test_the_token_is_not_shown(autojump_clock):
    async with open_bench() as bench:
        assert TOKEN not in repr(Operator(bench.exchange).api)
