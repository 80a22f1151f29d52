"""The four shapes of an error body, read and written."""

import msgspec
import pytest

from traderd.kalshi.wire.errors import (
    ErrorShape,
    ErrorWords,
    Refusal,
    decode_error,
    encode_flat,
    encode_msg,
    encode_nested,
    encode_string,
)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (
            400,
            b'{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}',
            ErrorWords("invalid_order", "invalid order", "post only cross"),
        ),
        (
            409,
            b'{"error":{"code":"trading_is_paused","message":"trading is paused","service":"exchange"}}',
            ErrorWords("trading_is_paused", "trading is paused", ""),
        ),
        (
            400,
            b'{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal"}',
            ErrorWords("bad_request", "bad request", "json: cannot unmarshal"),
        ),
        (
            400,
            b'{"msg":"Parameter validation failed"}',
            ErrorWords("parameter_validation_failed", "Parameter validation failed", ""),
        ),
        (
            429,
            b'{"error":"too many requests"}',
            ErrorWords("too_many_requests", "too many requests", ""),
        ),
        (
            502,
            b"<html>Bad Gateway</html>",
            ErrorWords("", "HTTP 502: <html>Bad Gateway</html>", ""),
        ),
        (503, b"", ErrorWords("", "HTTP 503", "")),
        (500, b"[1,2]", ErrorWords("", "HTTP 500: [1,2]", "")),
        (500, b'{"error":{"code":7,"message":null}}', ErrorWords("7", "", "")),
        (400, b'\xff\xfe{"a"', ErrorWords("", 'HTTP 400: \ufffd\ufffd{"a"', "")),
    ],
)
def test_every_shape_gives_code_message_and_details(status, body, words):
    assert decode_error(status, body) == words


def test_a_huge_body_is_cut():
    assert len(decode_error(500, b"x" * 100_000).message) < 400
    assert len(decode_error(400, msgspec.json.encode({"msg": "y" * 100_000})).code) == 64


def test_deep_nesting_is_an_unreadable_body_and_not_a_crash():
    assert decode_error(500, b"[" * 100_000).code == ""


def test_what_is_written_is_read_back():
    assert decode_error(400, encode_nested("a", "b", "c")) == ("a", "b", "c")
    assert decode_error(400, encode_flat("a", "b", "c")) == ("a", "b", "c")
    assert decode_error(400, encode_msg("", "out of range")) == ("out_of_range", "out of range", "")
    assert decode_error(429, encode_string("", "too many requests"))[0] == "too_many_requests"
    assert encode_nested("not_found", "not found") == (
        b'{"error":{"code":"not_found","message":"not found"}}'
    )


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (ErrorShape.NESTED, b'{"error":{"code":"c","message":"m"}}'),
        (ErrorShape.FLAT, b'{"code":"c","message":"m"}'),
        (ErrorShape.MSG, b'{"msg":"m"}'),
        (ErrorShape.STRING, b'{"error":"m"}'),
    ],
)
def test_a_refusal_is_written_in_its_own_shape(shape, body):
    assert Refusal(status=400, code="c", message="m", shape=shape).body() == body
