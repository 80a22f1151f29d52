import json

import pytest

from tests.web.test_server import UPGRADE, serving, until_closed
from traderd.web.raw_answers import FULL_ANSWER, INSTEAD
from traderd.web.server import HEAD_MAX_BYTES

BROKEN = {
    "no HTTP at all": (b"hello\r\n\r\n", 400, "not_http"),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\x00\r\n\r\n", 400, "not_http"),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, "not_http"),
    "no version": (b"GET / HTTP\r\nHost: 127.0.0.1\r\n\r\n", 400, "not_http"),
    "an upgrade without a key": (
        UPGRADE.replace(b"Sec-WebSocket-Key", b"Sec-WebSocket-Kay"),
        400,
        "not_http",
    ),
    "a WebSocket of another version": (
        UPGRADE.replace(b"Version: 13", b"Version: 12"),
        400,
        "not_http",
    ),
    "a head without an end": (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 2 * HEAD_MAX_BYTES,
        431,
        "head_too_large",
    ),
    "a body in an unknown encoding": (
        b"POST /v3/commands/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
        "unknown_transfer_encoding",
    ),
}


def taken_apart(answer: bytes) -> tuple[int, dict[str, str], dict[str, str]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return int(first.split()[1]), headers, json.loads(body)["error"]


@pytest.mark.parametrize("case", BROKEN)
async def test_what_cannot_be_parsed_is_answered_in_the_shape_of_every_error(
    autojump_clock, face, case
):
    sent, expected_status, expected_code = BROKEN[case]
    async with serving(face) as (listener, _nursery):
        stream = await listener.connect()
        await stream.send_all(sent)
        status, headers, error = taken_apart(await until_closed(stream))
    assert (status, error["code"]) == (expected_status, expected_code)
    assert set(error) == {"code", "sentence", "cure"}
    assert all(error.values())
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"
    assert face.source.commands == []


def test_every_raw_answer_has_the_one_shape():
    for answer in (FULL_ANSWER, *INSTEAD.values()):
        _status, headers, error = taken_apart(answer)
        assert set(error) == {"code", "sentence", "cure"}
        assert headers["X-Content-Type-Options"] == "nosniff"
