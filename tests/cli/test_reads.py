import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cli.conftest import PLACES_TO_WAIT_S, Shell
from traderd.cli import exit_codes, reads
from traderd.cli.client import DaemonClient

pytestmark = pytest.mark.process

MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"


@pytest.fixture(scope="module")
def traded(shell: Shell) -> Shell:
    """The daemon after one fill, with one order resting."""
    bid = shell.document(f"books/{MARKET}")["best_bid"]
    terms = {"ticker": MARKET, "side": "ask", "count": "2", "price_dollars": bid}
    shell.daemon.client.command("place", {**terms, "time_in_force": "immediate_or_cancel"})
    resting = {**terms, "side": "bid", "price_dollars": "0.02"}
    shell.daemon.client.command("place", resting)
    shell.daemon.client.command("calibrate", {})
    return shell


def on_a_terminal(shell: Shell, *arguments: str, **variables: str) -> str:
    """Return what a command writes to a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "traderd", *arguments]
    state_dir = str(shell.daemon.state_dir)
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **variables}
    process = subprocess.Popen(
        [*command, "--state-dir", state_dir],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=shell.directory,
        env=environment,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:
            break  # Linux says EIO when the last writer has closed a terminal.
        if not piece:
            break
        written += piece
    os.close(ours)
    assert process.wait(timeout=PLACES_TO_WAIT_S) == exit_codes.OK, written
    return written.decode()


def ageless(document: Any) -> Any:
    """Leave out what grows between two readings."""
    if not isinstance(document, dict):
        return document
    return {name: ageless(value) for name, value in document.items() if not name.endswith("_age_s")}


def test_the_status_is_one_screen_for_people(traded):
    ran = traded("status")
    assert (ran.code, ran.err) == (exit_codes.OK, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("traderd 0.1.0 · sim · ready for ")
    assert [line.split()[0] for line in lines[1:9]] == [
        *("health", "balance", "profit", "account", "books", "feed", "faults", "feeds"),
    ]
    assert "12/12 usable" in ran.out
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []


@pytest.mark.parametrize("name", ["status", "orders", "positions", "fills", "markets"])
def test_json_is_the_daemons_own_document(traded, name):
    ran = traded(name, "--json")
    assert ran.code == exit_codes.OK
    shown, asked = json.loads(ran.out), traded.document(name)
    if name == "status":
        assert list(shown) == list(asked)
        assert ageless(shown["account"]) == ageless(asked["account"])
    else:
        for row in (*shown[name], *asked[name]):
            row.pop("age_s", None)
        assert shown == asked
        assert shown[name] != []


@pytest.mark.parametrize("name", ["orders", "positions", "fills", "markets"])
def test_on_a_pipe_each_row_is_one_line_without_colours(traded, name):
    ran = traded(name, COLUMNS="80")
    assert ran.code == exit_codes.OK
    assert "\x1b" not in ran.out
    heading, *rows = ran.out.splitlines()
    assert "environment" in heading.split()
    assert all(" sim" in row for row in rows)
    assert len(rows) == len(traded.document(name)[name])
    assert any(MARKET in row for row in rows)


@pytest.mark.parametrize("name", ["orders", "positions", "fills", "markets", "status"])
def test_on_a_terminal_of_eighty_columns_no_line_is_broken(traded, name):
    lines = on_a_terminal(traded, name, NO_COLOR="1").splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "\x1b" not in "".join(lines)
    if name != "status":
        assert any(MARKET in line for line in lines)


def test_a_book_shows_its_prices_what_follows_from_them_and_its_grade(traded):
    ran = traded("book", MARKET)
    assert (ran.code, ran.err) == (exit_codes.OK, "")
    told = traded.document(f"books/{MARKET}")
    lines = ran.out.splitlines()
    assert lines[0].startswith(MARKET)
    assert [line.split()[0] for line in lines[1:7]] == [
        *("grade", "best", "prices", "depth", "imbalance", "age"),
    ]
    assert lines[1] == "grade      A"
    assert f"bid ${told['best_bid'][:4]} x {told['best_bid_count']}" in lines[2]
    assert [line for line in lines if len(line) > 90] == []


def test_the_book_in_json_is_the_daemons_own_document(traded):
    ran = traded("book", MARKET, "--json")
    shown, asked = json.loads(ran.out), traded.document(f"books/{MARKET}")
    assert (ran.code, list(shown)) == (exit_codes.OK, list(asked))
    assert (shown["bids"], shown["microprice"]) == (asked["bids"], asked["microprice"])


@pytest.mark.parametrize("ticker", ["KXNONE", "../status", "a b/c?d"])
def test_a_book_that_nobody_keeps_is_an_error_with_a_cure(traded, ticker):
    ran = traded("book", ticker)
    assert (ran.code, ran.out) == (exit_codes.ERROR, "")
    assert ran.err.startswith("traderd: ")


def test_who_stops_reading_gets_no_traceback(traded):
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [sys.executable, "-m", "traderd", "orders", "--state-dir", str(traded.daemon.state_dir)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=traded.directory,
        timeout=PLACES_TO_WAIT_S,
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (exit_codes.ERROR, "")


def test_watching_shows_it_again_until_it_is_interrupted(traded):
    process = subprocess.Popen(
        [
            *(sys.executable, "-u", "-m", "traderd", "status", "--watch"),
            *("--state-dir", str(traded.daemon.state_dir)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=traded.directory,
    )
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.startswith("traderd 0.1.0")
        if seen == 2:
            break
    process.send_signal(2)
    # Read to the end: a pipe that is closed while it still writes would end it otherwise.
    process.communicate(timeout=PLACES_TO_WAIT_S)
    assert process.returncode == exit_codes.INTERRUPTED


def test_more_markets_than_one_answer_holds_are_counted(monkeypatch, tmp_path):
    row = dict.fromkeys(("best_bid", "best_ask", "last_trade", "grade", "age_s", "reason", "why"))
    asked: list[str] = []

    def get(self: DaemonClient, path: str):
        asked.append(path)
        return {"followed": 1_207, "markets": [{**row, "ticker": "KXDEMO-A", "status": "active"}]}

    monkeypatch.setattr(DaemonClient, "get", get)
    result = CliRunner().invoke(reads.markets, ["--state-dir", str(tmp_path)])
    assert asked == ["/v3/markets?limit=1000"]
    assert result.output.splitlines()[-1].startswith("(and 1206 more; ")


def test_the_balance_is_the_exchanges_and_tells_whether_it_is_proved(traded):
    shown = traded("balance")
    assert (shown.code, shown.err) == (exit_codes.OK, "")
    assert shown.out.startswith("balance · sim, in dollars\nbalance ")
    document = json.loads(traded("balance", "--json").out)
    account = traded.document("status")["account"]
    assert document["balance_dollars"] == account["balance_dollars"]
    assert document["proof"]["status"] in {"proved", "undecided"}
