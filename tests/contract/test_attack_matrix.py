"""Origin x Host x token x method x upgrade x content type: only the one right combination of each does anything.

Every combination goes over the wire, to the server as it is, in memory.
"""

import itertools
import json

import pytest
import structlog
import trio

from tests.web.conftest import TOKEN, Face
from tests.web.test_server import UPGRADE as WHOLE_UPGRADE
from tests.web.test_server import ask, serving, until_closed
from traderd.web.access import AccessRules
from traderd.web.http_app import HEADERS, create_app
from traderd.web.seldom import SAY_AGAIN_S

READ = "look-but-do-not-touch-it"
OURS = "127.0.0.1:8005"
HOSTS = (OURS, "evil.example:8005", "127.0.0.1.evil.example", "0.0.0.0:8005", "127.0.0.1:8005@evil")
ORIGINS = (
    None,
    f"http://{OURS}",
    f"https://{OURS}",
    "http://evil.example",
    "http://127.0.0.1:3000",
    "null",
)
OUR_ORIGINS = ORIGINS[:3]
TOKENS = (
    None,
    f"Bearer {TOKEN}",
    f"Bearer {READ}",
    "Bearer wrong-but-long-enough",
    f"Basic {TOKEN}",
)
METHODS = ("POST", "GET", "PUT", "OPTIONS")
TYPES = (
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
REASONS = {"host", "origin", "token", "read_only"}


def allowed_statuses(host, origin, token, method, upgrades, content_type):
    """Return which statuses a combination may have."""
    if host != OURS:
        return {421}
    is_stream = upgrades and method == "GET"
    if (is_stream or method in {"POST", "PUT"}) and origin not in OUR_ORIGINS:
        return {403}
    if is_stream:
        return {101}
    if method == "OPTIONS":
        return {400} if upgrades else {200}
    if upgrades or method != "POST":
        return {400, 405}
    if token == f"Bearer {READ}":
        return {403}
    if token != f"Bearer {TOKEN}":
        return {401, 429}
    return {200} if content_type == "application/json" else {415}


def request_bytes(host, origin, token, method, upgrades, content_type):
    """Return the combination as bytes: a pause, or the live stream."""
    path = "/v3/ws" if upgrades else "/v3/commands/pause"
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {content_type}"]
    lines += [f"Origin: {origin}"] * (origin is not None)
    lines += [f"Authorization: {token}"] * (token is not None)
    lines += [UPGRADE] if upgrades else []
    body = b"" if upgrades else b'{"reason": "attack"}'
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("origin", ORIGINS)
async def test_nothing_but_the_right_combination_does_anything(autojump_clock, host, origin):
    face = Face()
    rules = AccessRules(control_token=TOKEN, read_token=READ)
    face.app = create_app(face.source, face.hub, access=rules, stop=face.stop)
    expected_commands = 0
    with structlog.testing.capture_logs() as lines:
        async with serving(face) as (listener, _nursery):
            for rest in itertools.product(TOKENS, METHODS, (False, True), TYPES):
                stream = await listener.connect()
                await stream.send_all(request_bytes(host, origin, *rest))
                head, _, body = bytes(await stream.receive_some(65_536)).partition(b"\r\n\r\n")
                status = int(head.split(b" ")[1])
                assert status in allowed_statuses(host, origin, *rest), (rest, body)
                expected_commands += status == 200 and rest[1] == "POST"
                if status >= 400:
                    while not body.endswith(b"}"):
                        body += await stream.receive_some(65_536)
                    assert sorted(json.loads(body)["error"]) == ["code", "cure", "sentence"]
                    for name, value in HEADERS.items():
                        assert f"{name.lower()}: {value}".encode() in head.replace(
                            name.encode(), name.lower().encode()
                        )
                assert b"access-control-allow" not in head.lower()
                await stream.aclose()
    assert face.source.commands == [("pause", {"reason": "attack"})] * expected_commands
    assert expected_commands == (1 if host == OURS and origin in OUR_ORIGINS else 0)
    refused = [line["reason"] for line in lines if line["event"] == "web.refused"]
    # Some hundred refusals within no time at all: one line of each reason.
    assert sorted(refused) == sorted(set(refused))
    assert set(refused) <= REASONS
    assert refused
    assert TOKEN not in str(lines)
    assert READ not in str(lines)


def asking_for(target):
    return f"GET {target} HTTP/1.1\r\nHost: {OURS}\r\n\r\n".encode()


def upgrading_with(header):
    return WHOLE_UPGRADE[:-2] + header + b"\r\n\r\n"


MALFORMED = {
    "no path": asking_for("?x"),
    "an asterisk": asking_for("*"),
    "an address that has no end": asking_for("http://[::1"),
    "an address that has no end once it is decoded": asking_for("http://h%5B/"),
    "an address of nothing": asking_for("http://"),
    "an address of another kind": asking_for("ws://127.0.0.1:8005/v3/ws"),
    "a proxy's request": f"CONNECT {OURS} HTTP/1.1\r\nHost: {OURS}\r\n\r\n".encode(),
    "HTTP/2 from the first byte": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "compression by no number": upgrading_with(
        b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=abc"
    ),
    "compression in no letters": upgrading_with(b"Sec-WebSocket-Extensions: \xff"),
    "frames before the upgrade": WHOLE_UPGRADE + b"\x81\x80abcd",
    "a body behind the upgrade": upgrading_with(b"Content-Length: 5") + b"hello",
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_what_comes_in_front_of_the_gate_is_refused_like_all_else_and_logs_nothing(
    autojump_clock, case
):
    face = Face()
    with structlog.testing.capture_logs() as lines:
        async with serving(face) as (listener, _nursery):
            for _ in range(100):
                stream = await listener.connect()
                await stream.send_all(MALFORMED[case])
                head, _, body = (await until_closed(stream)).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 400 ")
                assert json.loads(body)["error"]["code"] == "not_http"
    assert lines == []
    assert face.source.commands == []


async def test_a_defect_that_somebody_can_provoke_does_not_fill_the_log(autojump_clock):
    face = Face()

    def fail():
        raise RuntimeError("a defect")

    face.source.status = fail
    with structlog.testing.capture_logs() as lines:
        async with serving(face) as (listener, _nursery):
            for pause_s in (0, SAY_AGAIN_S):
                await trio.sleep(pause_s)
                for _ in range(100):
                    stream = await listener.connect()
                    status, _headers, body = await ask(stream, "GET", "/v3/status")
                    assert (status, json.loads(body)["error"]["code"]) == (500, "defect")
                    await stream.aclose()
    assert [line["event"] for line in lines] == ["web.defect"] * 2
    assert lines[1]["more"] == 99
