"""What each failure means for a read and for a write."""

import httpx
import pytest
import trio
from trio_websocket import CloseReason, ConnectionClosed, ConnectionRejected

from traderd.errors import (
    AuthenticationRefused,
    ExchangeProtocolError,
    ExchangeRefused,
    ExchangeUnavailable,
    OutcomeUnknown,
)
from traderd.kalshi.errors import (
    NOTHING_SENT,
    NothingWritten,
    close_words,
    connect_error,
    handshake_error,
    retry_after_s,
    status_error,
    transport_error,
)


@pytest.mark.parametrize("kind", NOTHING_SENT)
def test_a_failure_before_there_is_a_connection_never_sent_anything(kind):
    for writes in (True, False):
        error = transport_error(kind("boom"), endpoint="POST /x", writes=writes)
        assert type(error) is ExchangeUnavailable
        assert "POST /x" in str(error)


@pytest.mark.parametrize(
    "exc",
    [
        httpx.ReadTimeout("t"),
        httpx.WriteTimeout("t"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("Server disconnected"),
        httpx.LocalProtocolError("x"),
        httpx.DecodingError("x"),
        httpx.TooManyRedirects("x"),
        trio.TooSlowError(),
    ],
)
def test_any_other_failure_leaves_the_outcome_of_a_write_unknown(exc):
    assert type(transport_error(exc, endpoint="POST /x", writes=True)) is OutcomeUnknown
    assert type(transport_error(exc, endpoint="GET /x", writes=False)) is ExchangeUnavailable


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (301, ExchangeProtocolError, OutcomeUnknown),
        (400, ExchangeRefused, ExchangeRefused),
        (401, AuthenticationRefused, AuthenticationRefused),
        (403, AuthenticationRefused, AuthenticationRefused),
        (404, ExchangeRefused, ExchangeRefused),
        (408, ExchangeUnavailable, OutcomeUnknown),
        (409, ExchangeRefused, ExchangeRefused),
        (410, ExchangeRefused, ExchangeRefused),
        (429, ExchangeRefused, ExchangeRefused),
        (500, ExchangeUnavailable, OutcomeUnknown),
        (502, ExchangeUnavailable, OutcomeUnknown),
        (504, ExchangeUnavailable, OutcomeUnknown),
        (599, ExchangeUnavailable, OutcomeUnknown),
    ],
)
def test_a_status_means_this_for_a_read_and_that_for_a_write(status, read, write):
    body = b'{"error":{"code":"why","message":"because"}}'
    assert type(status_error(status, body, endpoint="x", writes=False)) is read
    assert type(status_error(status, body, endpoint="x", writes=True)) is write


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410])
@pytest.mark.parametrize("body", [b"", b"<html>blocked</html>", b"[]", b"{}"])
def test_a_refusal_of_a_write_without_the_exchanges_own_words_proves_nothing(status, body):
    assert type(status_error(status, body, endpoint="x", writes=True)) is OutcomeUnknown


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationRefused), (429, ExchangeRefused)])
def test_a_bad_key_and_an_empty_bucket_are_a_clear_no_without_words(status, kind):
    assert type(status_error(status, b"", endpoint="x", writes=True)) is kind


def test_a_refusal_keeps_the_exchanges_words():
    error = status_error(
        409,
        b'{"error":{"code":"trading_is_paused","message":"trading is paused"}}',
        endpoint="x",
        writes=True,
    )
    assert (error.status, error.code, error.message) == (
        409,
        "trading_is_paused",
        "trading is paused",
    )


@pytest.mark.parametrize("body", [b"", b'{"error":"too many requests"}', b"<html>"])
def test_too_many_requests_always_has_its_code(body):
    assert status_error(429, body, endpoint="x", writes=True).code == "too_many_requests"


def test_a_refused_signature_names_a_wrong_clock():
    body = b'{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}'
    behind = status_error(401, body, endpoint="x", writes=False, skew_ms=42_300)
    assert "this machine's clock is 42.3 s behind the exchange's" in str(behind)
    assert behind.code == "header_timestamp_expired"
    assert "ahead of" in str(status_error(401, body, endpoint="x", writes=False, skew_ms=-9_000))
    assert "clock" not in str(status_error(401, b"", endpoint="x", writes=False, skew_ms=900))


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (trio.TooSlowError(), "took too long"),
        (OSError(), "OSError"),
    ],
)
def test_a_failed_connection_is_unavailability_with_the_reason(exc, words):
    error = connect_error(exc, url="wss://feed.test/x")
    assert type(error) is ExchangeUnavailable
    assert words in str(error)
    assert "wss://feed.test/x" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationRefused),
        (403, AuthenticationRefused),
        (404, ExchangeRefused),
        (503, ExchangeUnavailable),
    ],
)
def test_a_rejected_handshake_is_sorted_by_its_status(status, kind):
    assert type(handshake_error(ConnectionRejected(status, (), None), url="wss://x")) is kind


def test_a_close_is_told_with_code_and_reason():
    assert close_words(ConnectionClosed(CloseReason(1001, "maintenance"))) == (
        "the connection was closed with code 1001 GOING_AWAY: maintenance"
    )
    assert close_words(ConnectionClosed(CloseReason(1006, None))).endswith("1006 ABNORMAL_CLOSURE")
    assert close_words(ConnectionClosed(None)) == "the connection was closed"


def test_a_request_that_could_not_be_written_did_not_happen():
    error = transport_error(NothingWritten("bad header"), endpoint="POST /x", writes=True)
    assert type(error) is ExchangeUnavailable
    assert str(error) == "POST /x: the request cannot be sent (bad header); nothing was sent"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("", None),
        ("-1", None),
        ("1e9", None),
        ("9" * 400, None),
        ("Wed, 25 Nov 2026 14:00:00 GMT", None),
        ("\u0663", None),
    ],
)
def test_a_retry_after_is_seconds_or_nothing(text, seconds):
    assert retry_after_s(text) == seconds
