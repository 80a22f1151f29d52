"""`traderd notify`, against a real daemon that sends to a real server on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import click
import pytest

from tests.cli.conftest import daemon_answering, run_traderd
from tests.process_tools import running_daemon
from traderd.cli import exit_codes
from traderd.cli.notify import ALERTS, NOTICES, Duration, notice_lines, notice_row
from traderd.cli.tables import table_lines

pytestmark = pytest.mark.process


class Hook(HTTPServer):
    """A webhook's server that remembers what came."""

    def __init__(self):
        self.got = []
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.got.append(json.loads(body))
                self.send_response(self.server.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def hook():
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def notify(hook, tmp_path_factory):
    directory = tmp_path_factory.mktemp("notify")
    state = directory / "state"
    url = f"http://127.0.0.1:{hook.server_port}/hush-hush"
    with running_daemon(state, notify__webhook__url=url) as daemon:
        daemon.wait_ready()

        def ask(*arguments):
            return run_traderd("notify", *arguments, "--state-dir", str(state), directory=directory)

        yield ask


def test_a_test_message_arrives(notify, hook):
    ran = notify("test", "webhook")
    assert (ran.code, ran.err) == (exit_codes.OK, "")
    assert "1 of 1 channels took the test message\n  webhook: delivered" in ran.out
    assert hook.got[-1]["text"].startswith("[sim] test: this is a test")


def test_a_channel_that_does_not_take_it_is_an_error_with_the_reason_and_no_secret(notify, hook):
    hook.status = 404
    ran = notify("test")
    hook.status = 200
    assert ran.code == exit_codes.ERROR
    assert "webhook: the webhook answered 404" in ran.out
    assert "hush-hush" not in ran.out + ran.err


def test_an_unknown_channel_is_named_with_those_that_are_there(notify):
    ran = notify("test", "pigeon")
    assert ran.code == exit_codes.ERROR
    assert "there is no notifier 'pigeon'; known are: webhook" in ran.err


def test_the_list_shows_channels_and_mutes(notify):
    assert notify("mute", "trade", "--for", "2h").out.startswith("trade is muted for 2 h")
    shown = notify("list")
    assert shown.code == exit_codes.OK
    assert (
        "webhook (plugin webhook_notifier): money, risk, health, state, trade; delivered"
        in shown.out
    )
    assert "muted: trade for 7" in shown.out
    assert notify("unmute", "trade").out == "trade is told again\n"
    document = json.loads(notify("list", "--json").out)
    assert document["environment"] == "sim"
    assert document["classes"]["trade"] == {"muted_for_s": 0.0}
    assert "hush" not in json.dumps(document)


def test_alerts_are_acknowledged_by_number_or_all(notify):
    assert notify("ack", "--all").out == "no alert waits for anybody\n"
    ran = notify("ack", "99")
    assert (ran.code, "there is no alert 99" in ran.err) == (exit_codes.ERROR, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ack",),
        ("ack", "1", "--all"),
        ("ack", "0"),
        ("mute", "trade"),
        ("mute", "trades", "--for", "2h"),
        ("mute", "trade", "--for", "soon"),
        ("unmute",),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(notify, arguments):
    assert notify(*arguments).code == exit_codes.USAGE


def test_what_is_no_alert_is_refused_with_where_to_look(notify):
    ran = notify("ack", "first")
    assert ran.code == exit_codes.USAGE
    assert "'first' is no number of an alert; `traderd notify list` shows them" in ran.err


def test_a_mute_that_is_too_long_is_refused(notify):
    ran = notify("mute", "trade", "--for", "8d")
    assert ran.code == exit_codes.USAGE
    assert "a mute lasts from 1 s to 7 days" in ran.err


def test_without_a_daemon_it_says_so(tmp_path):
    ran = run_traderd("notify", "list", "--state-dir", str(tmp_path), directory=tmp_path)
    assert ran.code == exit_codes.NOT_RUNNING


def test_without_a_channel_the_list_says_where_to_begin(tmp_path):
    empty = {
        "notifiers": [],
        "classes": {"trade": {"muted_for_s": 0.0}},
        "quiet_now": True,
        "alerts": [],
        "recent": [],
    }
    with daemon_answering(tmp_path, {"/v3/notices": (200, empty)}):
        ran = run_traderd("notify", "list", "--state-dir", str(tmp_path), directory=tmp_path)
    assert ran.out.splitlines() == [
        "no notifier is set up; docs/notifications.md tells how",
        "muted: nothing",
        "quiet hours: only alerts are sent now",
        "alerts that nobody has acknowledged: none",
    ]


def test_alerts_and_failures_have_their_lines():
    alert = {
        "number": 3,
        "at": "2026-11-25T10:00:00Z",
        "class": "risk",
        "title": "halt breaker",
        "text": "5 errors",
        "told": 2,
    }
    channel = {
        "name": "webhook",
        "plugin": "webhook_notifier",
        "classes": ["risk"],
        "delivered": 1,
        "failed": 2,
        "waiting": 3,
        "collected": 4,
        "dropped": 5,
        "last_error": "no answer in time",
    }
    recent = {"at": "x", "urgency": "low", "class": "state", "title": "ready", "text": ""}
    lines = notice_lines({
        "notifiers": [channel],
        "classes": {"trade": {"muted_for_s": 60.0}},
        "quiet_now": False,
        "alerts": [alert],
        "recent": [recent],
    })
    assert lines == [
        "webhook (plugin webhook_notifier): risk; delivered 1, failed 2, waiting 7, dropped 5; last error: no answer in time",
        "muted: trade for 60 s",
        "alerts that nobody has acknowledged: 1",
    ]
    (_, told), _ = table_lines(ALERTS, [notice_row(alert)], width=None)
    assert " ".join(told.split()) == "3 2026-11-25 10:00:00 risk 2 halt breaker: 5 errors"
    (_, told), _ = table_lines(NOTICES, [notice_row(recent)], width=None)
    assert told.split() == ["x", "low", "state", "ready"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1d", 86_400)]
)
def test_durations_are_written_as_people_do(text, seconds):
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-1h", "1.5h", "2w"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(click.BadParameter, match="write it like 90s, 30m, 2h or 1d"):
        Duration().convert(text, None, None)
