"""One request, and what is said of each way in which it gets no answer."""

import http.client
import socket
import threading

import pytest

from tests.process_tools import free_port
from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed, Peer, ask_json

PEER = Peer(name="the clerk", not_running="nobody is there; knock again", doubt="look yourself")


def asked(port: int, body=None, *, timeout: float = 60.0):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    return ask_json(connection, PEER, "POST", "/verbs", body, {"X-Who": "me"})


def answered(raw: bytes, body=None):
    """Ask a server that says `raw` and return the outcome and the bytes that it heard."""
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65_536))
                connection.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return asked(listener.getsockname()[1], body), heard[0]
        finally:
            thread.join()


def test_a_document_comes_back_with_its_status_whatever_that_is():
    raw = b'HTTP/1.1 503 X\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    outcome, heard = answered(raw)
    assert outcome == (503, {"a": 1})
    assert heard.startswith(b"POST /verbs HTTP/1.1\r\n")
    assert b"X-Who: me\r\n" in heard


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n[]", "the clerk's answer is not a document"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n{", "the clerk's answer could not be read"),
        (b"nonsense\r\n\r\n", "the clerk's answer could not be read"),
        (b"", "the clerk's answer could not be read"),
    ],
)
def test_what_is_no_document_is_an_error(raw, why):
    with pytest.raises(CommandFailed, match=why) as caught:
        answered(raw)
    assert caught.value.exit_code == exit_codes.ERROR


def test_nobody_there_is_the_peers_own_sentence():
    with pytest.raises(CommandFailed) as caught:
        asked(free_port())
    assert (str(caught.value), caught.value.exit_code) == (PEER.not_running, exit_codes.NOT_RUNNING)


def test_silence_names_the_time_and_the_doubt():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(CommandFailed, match="no answer within 0 s; look yourself") as caught,
    ):
        asked(silent.getsockname()[1], {}, timeout=0.05)
    assert caught.value.exit_code == exit_codes.TIME_OUT


def test_an_answer_that_came_before_all_was_written_is_read():
    ours, theirs = socket.socketpair()
    theirs.sendall(b'HTTP/1.1 503 X\r\nContent-Length: 15\r\n\r\n{"full": "yes"}')
    theirs.close()
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = ours
    answer = ask_json(connection, PEER, "POST", "/verbs", {"a": "x" * 1_000_000}, {})
    assert answer == (503, {"full": "yes"})


def test_a_peer_that_left_without_an_answer_is_an_error():
    ours, theirs = socket.socketpair()
    theirs.close()
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = ours
    with pytest.raises(CommandFailed, match="the clerk's answer could not be read"):
        ask_json(connection, PEER, "POST", "/verbs", {}, {})
