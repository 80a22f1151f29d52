"""Finding a served exchange, and what each failure is told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.process_tools import free_port
from traderd.cli import exchange_client, exit_codes
from traderd.cli.exchange_client import ExchangeClient
from traderd.cli.json_request import CommandFailed
from traderd.errors import ConfigError
from traderd.paper.admin.access import AdminAccess


def client_of(tmp_path, port: int) -> ExchangeClient:
    access = AdminAccess(admin_url=f"http://127.0.0.1:{port}/admin", token="secret")
    (tmp_path / "admin.json").write_bytes(access.encode())
    return ExchangeClient(tmp_path)


@pytest.fixture
def answering(tmp_path):
    """A server that says what a test tells it to, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            size = int(self.headers["content-length"] or 0)
            server.asked.append((self.path, dict(self.headers), self.rfile.read(size)))
            status, body = server.answer
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answer = [], (200, b"{}")
    server.client = client_of(tmp_path, server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def failure(client: ExchangeClient) -> tuple[int, str]:
    with pytest.raises(CommandFailed) as caught:
        client.ask("POST", "/reset", {})
    return caught.value.exit_code, str(caught.value)


def test_a_request_carries_the_token_and_its_body(answering):
    answering.answer = (200, b'{"sentence": "done"}')
    assert answering.client.ask("POST", "/close", {"ticker": "A"}) == {"sentence": "done"}
    ((path, headers, body),) = answering.asked
    assert path == "/admin/close"
    assert headers["Authorization"] == "Bearer secret"
    assert json.loads(body) == {"ticker": "A"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, exit_codes.USAGE),
        (401, exit_codes.ERROR),
        (403, exit_codes.ERROR),
        (404, exit_codes.REFUSED),
        (409, exit_codes.REFUSED),
        (503, exit_codes.ERROR),
    ],
)
def test_a_refusal_is_its_sentence_and_an_exit_code(answering, status, code):
    answering.answer = (status, b'{"error": {"code": "x", "sentence": "it cannot be"}}')
    assert failure(answering.client) == (code, "it cannot be")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff"])
def test_an_answer_that_is_none_is_an_error(answering, body):
    answering.answer = (200, body)
    code, sentence = failure(answering.client)
    assert code == exit_codes.ERROR
    assert "the exchange's answer" in sentence
    answering.answer = (500, b"{}")
    assert failure(answering.client) == (exit_codes.ERROR, "HTTP 500")


def test_nobody_there_is_three(tmp_path):
    for client in (ExchangeClient(tmp_path / "gone"), client_of(tmp_path, free_port())):
        code, sentence = failure(client)
        assert code == exit_codes.NOT_RUNNING
        assert str(client.keys_dir) in sentence
        assert "`traderd exchange serve`" in sentence


def test_no_answer_in_time_is_five_and_says_what_may_have_happened(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(exchange_client, "TIME_OUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, sentence = failure(client_of(tmp_path, silent.getsockname()[1]))
    assert code == exit_codes.TIME_OUT
    assert "may still be done" in sentence


def test_an_admin_file_that_is_none_is_a_configuration_error(tmp_path):
    (tmp_path / "admin.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"admin\.json is not what an exchange writes"):
        ExchangeClient(tmp_path).ask("GET", "/status")
