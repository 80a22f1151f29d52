"""Somebody who waits is told so, on the standard error alone, and never beside a document."""

import io
import re
import sys
import threading

import click
import pytest

from tests.cli.conftest import daemon_answering, run_traderd
from traderd.cli import exit_codes, progress
from traderd.cli.progress import signs_of_life

ACCOUNT = {"account": {"open_orders": 3, "positions": 2}}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def told(monkeypatch):
    def wait(stream, quiet=False, look=lambda: "3 open orders"):
        monkeypatch.setattr(progress, "FIRST_AFTER_S", 0.01)
        monkeypatch.setattr(progress, "LINE_EVERY_S", 0.01)
        monkeypatch.setattr(progress, "TERMINAL_EVERY_S", 0.01)
        monkeypatch.setattr(progress, "monotonic", lambda: 5.0)
        monkeypatch.setattr(sys, "stderr", stream)
        looked, seen = threading.Event(), []

        def look_and_note():
            seen.append(None)
            if len(seen) > 2:
                looked.set()
            return look()

        with signs_of_life("flatten: the daemon works", look_and_note, quiet=quiet):
            looked.wait(0.1 if quiet else 60)
        return stream.getvalue()

    return wait


def test_off_a_terminal_each_sign_is_a_line(told):
    first, *rest = told(io.StringIO()).splitlines()
    assert first == "flatten: the daemon works, 0 s: 3 open orders"
    assert rest


def test_on_a_terminal_one_line_is_written_over(told):
    shown = told(Terminal())
    assert "flatten: the daemon works, 0 s: 3 open orders" in shown
    first, *rest = (part.strip() for part in shown.split("\r"))
    assert first.startswith("| flatten")
    assert rest[-1] == ""
    assert "\n" not in shown


def test_what_is_printed_meanwhile_has_its_line_for_itself(monkeypatch):
    monkeypatch.setattr(progress, "FIRST_AFTER_S", 0.01)
    monkeypatch.setattr(progress, "TERMINAL_EVERY_S", 60)
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setattr(sys, "stdout", screen)
    drawn = threading.Event()
    monkeypatch.setattr(
        screen, "flush", lambda: drawn.set() if "still" in screen.getvalue() else None
    )
    with signs_of_life("still examining", quiet=False) as signs:
        assert drawn.wait(60)
        with signs.aside():
            click.echo("ok       the clock")
    assert "\rok       the clock\n" in screen.getvalue()


def test_who_looks_for_longer_than_the_wait_says_nothing_afterwards_and_holds_nobody_up(
    monkeypatch,
):
    monkeypatch.setattr(progress, "FIRST_AFTER_S", 0.01)
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    looks, answer, looked = threading.Event(), threading.Event(), threading.Event()

    def look():
        looks.set()
        answer.wait(60)
        looked.set()
        return "too late"

    with signs_of_life("flatten", look, quiet=False):
        assert looks.wait(60)
    assert not answer.is_set()
    answer.set()
    assert looked.wait(60)
    assert screen.getvalue() == ""


def test_beside_a_document_there_is_nothing(told):
    assert told(io.StringIO(), quiet=True) == ""


def test_what_is_short_has_no_signs(capsys):
    with signs_of_life("x", quiet=False):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.process
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_verb_that_takes_long_tells_what_is_left(tmp_path, more):
    outcome = {"answer": "done", "sentence": "flat", "key": None, "items": []}
    answers = {"/v3/commands/flatten": (200, outcome), "/v3/status": (200, ACCOUNT)}
    # Beside a document nobody is told anything; otherwise there is time for it on a busy machine too.
    slow = {"/v3/commands/flatten": 3.0 if more else 6.0}
    with daemon_answering(tmp_path, answers, slow_s=slow):
        ran = run_traderd("flatten", "--state-dir", str(tmp_path), *more, directory=tmp_path)
    assert ran.code == exit_codes.OK, ran.err
    assert "flat" in ran.out
    assert ran.err == ""
    told = [re.sub(r"\d+ s:", "N s:", sign) for sign in ran.signs]
    assert told[:1] == (
        [] if more else ["flatten: the daemon works, N s: open orders 3, positions 2\n"]
    )
