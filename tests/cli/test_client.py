import json
import re
import socket
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from traderd.cli import client as client_module
from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.json_request import CommandFailed

ANSWERS_MAX = 3


def whole_request(connection: socket.socket) -> bytes:
    """Read headers and body; they come in pieces of any size."""
    heard = b""
    while True:
        heard += connection.recv(65_536)
        head, end, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= (int(length[1]) if length else 0):
            return heard


@contextmanager
def daemon_that_answers(path, status, body, *, silent=False):
    """Answer each connection on a real Unix socket with one HTTP answer; gives the requests' bytes."""
    heard: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(ANSWERS_MAX)
    listener.settimeout(5)
    over = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            heard.append(whole_request(connection))
            if silent:
                over.wait(5)
                return
            head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join()
        listener.close()


def failure(path, status, body, *, verb=True):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = DaemonClient(path)
    ask = partial(client.command, "pause", {}) if verb else partial(client.get, "/v3/status")
    with daemon_that_answers(path, status, raw), pytest.raises(CommandFailed) as caught:
        ask()
    return str(caught.value), caught.value.exit_code


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


def test_a_document_is_asked_for_over_the_socket(path):
    with daemon_that_answers(path, 200, b'{"state": "ready"}') as heard:
        assert DaemonClient(path).get("/v3/status") == {"state": "ready"}
    assert heard[0].startswith(b"GET /v3/status HTTP/1.1\r\nHost: localhost\r\n")


def test_a_verb_is_posted_with_its_body(path):
    done = b'{"answer": "done", "sentence": "trading goes on", "key": null}'
    with daemon_that_answers(path, 200, done) as heard:
        outcome = DaemonClient(path).command("cancel", {"key": "k1"})
    assert outcome["sentence"] == "trading goes on"
    assert heard[0].startswith(b"POST /v3/commands/cancel HTTP/1.1")
    assert heard[0].endswith(b'{"key":"k1"}')


def test_a_proxy_in_the_environment_is_not_asked(path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with daemon_that_answers(path, 200, b"{}"):
        assert DaemonClient(path).get("/v3/status") == {}


def test_an_unhealthy_daemon_still_tells_its_state(path):
    with daemon_that_answers(path, 503, b'{"health": "unhealthy"}'):
        assert DaemonClient(path).get("/v3/health") == {"health": "unhealthy"}


@pytest.mark.parametrize("answer", ["denied", "rejected", "unavailable"])
def test_a_refusal_has_its_own_exit_code_and_the_daemons_sentence(path, answer):
    body = {"answer": answer, "sentence": "denied by rule size: too many", "key": None}
    assert failure(path, 422, body) == ("denied by rule size: too many", exit_codes.REFUSED)


HOSTILE, ESCAPED = "lunch\x1b]0;mine\x07\x1b[8m\u202e", r"lunch\x1b]0;mine\x07\x1b[8m\u202e"


def test_words_of_others_in_an_outcome_cannot_move_the_cursor(path):
    body = {"answer": "denied", "sentence": f"trading is paused: {HOSTILE}", "key": None}
    assert failure(path, 422, body)[0] == f"trading is paused: {ESCAPED}"
    path.unlink()
    error = {"code": "defect", "sentence": HOSTILE, "cure": "wait"}
    assert failure(path, 500, {"error": error})[0] == f"{ESCAPED} (wait)"
    assert outcome_sentence({"sentence": HOSTILE, "key": "k1"}) == f"{ESCAPED} (order k1)"


def test_an_unknown_outcome_is_an_error_and_no_refusal(path):
    body = {"answer": "unknown", "sentence": "no answer came back", "key": "k1"}
    assert failure(path, 202, body) == (
        "no answer came back (order k1)",
        exit_codes.ERROR,
    )


def test_a_value_that_cannot_be_is_wrong_usage_with_the_cure(path):
    error = {"code": "bad_input", "sentence": "count 0", "cure": "correct the value"}
    assert failure(path, 400, {"error": error}) == (
        "count 0 (correct the value)",
        exit_codes.USAGE,
    )


def test_an_error_of_the_daemon_is_an_error(path):
    error = {"code": "defect", "sentence": "It broke.", "cure": "See the log."}
    for verb in (True, False):
        sentence, code = failure(path, 500, {"error": error}, verb=verb)
        assert (sentence, code) == ("It broke. (See the log.)", exit_codes.ERROR)
        path.unlink()


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_an_answer_that_is_no_document_is_an_error(path, body):
    sentence, code = failure(path, 200, body, verb=False)
    assert code == exit_codes.ERROR
    assert sentence.startswith("the daemon's answer ")


def test_without_a_socket_nobody_runs(path):
    with pytest.raises(
        CommandFailed, match=r"control\.sock does not answer.*traderd run"
    ) as caught:
        DaemonClient(path).get("/v3/status")
    assert caught.value.exit_code == exit_codes.NOT_RUNNING


def test_a_socket_that_a_killed_daemon_left_behind_is_nobody_too(path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(CommandFailed) as caught:
        DaemonClient(path).get("/v3/status")
    assert caught.value.exit_code == exit_codes.NOT_RUNNING


def test_a_daemon_that_does_not_answer_in_time_may_have_done_it(path):
    with (
        daemon_that_answers(path, 200, b"{}", silent=True),
        pytest.raises(CommandFailed, match=r"may still be carried out.*`traderd kill`") as caught,
    ):
        DaemonClient(path, timeout_s=0.1).command("pause", {})
    assert caught.value.exit_code == exit_codes.TIME_OUT


def test_a_read_gives_up_sooner_than_a_verb_and_names_what_works_without_the_daemon(
    path, monkeypatch
):
    monkeypatch.setattr(client_module, "READ_TIME_OUT_S", 0.1)
    with (
        daemon_that_answers(path, 200, b"{}", silent=True),
        pytest.raises(CommandFailed, match=r"no answer within 0 s; .*`traderd kill`") as caught,
    ):
        DaemonClient(path).get("/v3/status")
    assert caught.value.exit_code == exit_codes.TIME_OUT
    assert "traderd status" not in str(caught.value)


def test_it_waits_longer_than_the_daemon_takes_for_a_verb():
    from traderd.web.api import COMMAND_BUDGET_S

    assert client_module.TIME_OUT_S > COMMAND_BUDGET_S
