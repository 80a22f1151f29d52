import json

import pytest
import structlog
from quart.testing.connections import WebsocketResponseError

from traderd.web.http_app import HEADERS, Application
from traderd.web.live import CLIENTS_MAX

OURS = {"Host": "127.0.0.1:8005"}


async def refused_upgrade(face, **headers):
    with pytest.RaisesGroup(
        pytest.RaisesExc(WebsocketResponseError), flatten_subgroups=True, allow_unwrapped=True
    ) as caught:
        async with face.client.websocket("/v3/ws", headers={**OURS, **headers}) as websocket:
            await websocket.receive()
    error = caught.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.response


@pytest.mark.parametrize("path", ["/", "/console/app.js", "/v3/status", "/nothing-here"])
async def test_every_answer_carries_the_security_headers(autojump_clock, face, path):
    answer = await face.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8005", "localhost:8005", "LOCALHOST", "[::1]", "[::1]:8005"],
)
async def test_our_own_names_are_answered(autojump_clock, face, host):
    assert (await face.get("/v3/status", host=host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8005",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8005",
        "localhost:8005.evil.example",
        "127.0.0.1:8005@evil.example",
        "evil.example#127.0.0.1",
        "localhost.",
        "127.0.0.1:x",
        "127.0.0.1:٣",
        "0.0.0.0:8005",
        ":8005",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/v3/status", "/nothing-here"])
async def test_another_host_name_is_421(autojump_clock, face, host, path):
    answer = await face.get(path, host=host.encode().decode("latin1"))
    assert answer.status_code == 421
    assert (await answer.get_json())["error"]["code"] == "unknown_host"


async def test_a_rebound_name_cannot_open_the_live_stream(autojump_clock, face):
    answer = await refused_upgrade(
        face, Host="evil.example:8005", Origin="http://evil.example:8005"
    )
    assert answer.status_code == 421


FOREIGN = [
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:3000",
    "http://localhost:8005",
    "null",
    "",
    "file://",
    "http://127.0.0.1:8005.evil.example",
    "ftp://127.0.0.1:8005",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_command_from_a_page_of_another_origin_is_403_even_with_the_token(
    autojump_clock, face, origin
):
    answer = await face.post("resume", Origin=origin)
    assert answer.status_code == 403
    assert (await answer.get_json())["error"]["code"] == "foreign_origin"
    assert face.source.commands == []


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_cannot_open_the_live_stream(autojump_clock, face, origin):
    answer = await refused_upgrade(face, Origin=origin)
    assert answer.status_code == 403
    body = json.loads(await answer.get_data())
    assert body["error"]["code"] == "foreign_origin"
    assert answer.headers["X-Frame-Options"] == "DENY"


async def test_our_own_page_may_command_and_listen(autojump_clock, face):
    answer = await face.post("pause", Origin="http://127.0.0.1:8005")
    assert answer.status_code == 200
    headers = {**OURS, "Origin": "http://127.0.0.1:8005"}
    async with face.client.websocket("/v3/ws", headers=headers):
        pass


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic Zm9vOmJhcg==", "bearer correct", "Bearer ä"],
)
async def test_a_command_without_the_token_is_401(autojump_clock, face, authorization):
    with structlog.testing.capture_logs() as lines:
        answer = await face.post("pause", Authorization=authorization)
    assert answer.status_code == 401
    assert "`control.token` in the daemon's state directory" in await answer.get_data(as_text=True)
    assert face.source.commands == []
    assert [line["event"] for line in lines] == ["web.refused"]
    assert authorization not in json.dumps(lines) or not authorization


async def test_the_refusal_does_not_tell_whether_the_verb_exists(autojump_clock, face):
    answers = [await face.post(verb, Authorization="") for verb in ("pause", "no-such-verb")]
    bodies = [await answer.get_json() for answer in answers]
    assert bodies[0] == bodies[1]


async def test_a_caller_on_the_unix_socket_needs_neither_token_nor_host(autojump_clock, face):
    scope = {"state": {"local_socket": True}}
    answer = await face.client.post("/v3/commands/pause", headers={"Host": "x"}, scope_base=scope)
    assert answer.status_code == 200
    assert face.source.commands == [("pause", {})]


async def test_headers_cannot_claim_to_be_the_unix_socket(autojump_clock, face):
    answer = await face.post(
        "pause", Authorization="", Local_Socket="true", Remote_Addr="<local>", Forwarded="for=unix:"
    )
    assert answer.status_code == 401


TRAVERSALS = [
    "/console/../http_app.py",
    "/console/..%2fhttp_app.py",
    "/console/%2e%2e/%2e%2e/errors.py",
    "/console//etc/passwd",
    "//etc/passwd",
    "/console/app.js/../../api.py",
    "/console/app.js.map",
    "/console/index.html%00.js",
    "/console/",
    "/.git/config",
    "/static/app.js",
    "/v3/books/../../etc/passwd",
    "/v3/books/..%2f..%2fetc%2fpasswd",
]


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_only_files_of_the_table_are_served(autojump_clock, face, path):
    answer = await face.get(path)
    body = await answer.get_data(as_text=False)
    assert answer.status_code == 404
    assert answer.content_type == "application/json"
    assert b"root:" not in body
    assert b"import" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_read_cannot_be_written(autojump_clock, face, method):
    answer = await face.client.open("/v3/orders", method=method, headers=OURS)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


async def test_a_command_cannot_be_a_get(autojump_clock, face):
    assert (await face.get("/v3/commands/pause")).status_code == 405
    assert face.source.commands == []


async def test_a_title_that_is_a_script_stays_text_in_json(autojump_clock, face):
    face.source.status_record["problems"] = ["</script><script>alert(1)</script>"]
    answer = await face.get("/v3/status")
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await answer.get_json())["problems"] == ["</script><script>alert(1)</script>"]


async def test_a_defect_is_logged_in_full_and_told_in_one_sentence(autojump_clock, face):
    def fail(*_):
        raise ValueError("the password is swordfish")

    face.source.page = fail
    with structlog.testing.capture_logs() as lines:
        answer = await face.get("/v3/orders")
    assert answer.status_code == 500
    assert b"swordfish" not in await answer.get_data(as_text=False)
    assert isinstance(lines[0]["exc_info"], ValueError)
    assert (await face.get("/v3/positions")).status_code == 200


async def test_the_console_beyond_the_cap_is_turned_away_with_503(autojump_clock, face):
    joined = [face.hub.join() for _ in range(CLIENTS_MAX)]
    for one in joined:
        one.__enter__()
    answer = await refused_upgrade(face)
    assert answer.status_code == 503
    assert json.loads(await answer.get_data())["error"]["code"] == "too_many_clients"
    for one in joined:
        one.__exit__(None, None, None)
    async with face.client.websocket("/v3/ws", headers=OURS):
        pass


async def test_a_handler_is_awaited_as_it_is_and_a_plain_function_through_a_thread():
    app = Application("tried")

    async def handler():
        return "awaited"

    def plain():
        return "called"

    assert app.ensure_async(handler) is handler
    assert await app.ensure_async(plain)() == "called"
