import json

import pytest

from tests.cli.conftest import daemon_answering, run_traderd
from traderd.cli import exit_codes
from traderd.cli.logs import Filter, line_texts, lines_after


def line(number, level="info", event="happened", **fields):
    at = f"2026-11-20T10:30:15.{number:06d}Z"
    return {"at": at, "level": level, "event": event, "fields": fields}


LINES = [
    line(1, "debug", "looked", service="health"),
    line(2, "info", "order placed", ticker="KX-A", count=5),
    line(3, "warning", "feed is slow", ticker="KX-B"),
    line(4, "error", "it broke", exception="Traceback\n  here"),
]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(level="warning"), [3, 4]),
        (Filter(fields=(("ticker", None),)), [2, 3]),
        (Filter(fields=(("ticker", "KX-A"), ("count", "5"))), [2]),
        (Filter(fields=(("ticker", "KX"),)), []),
        (Filter(text="ORDER"), [2]),
        (Filter(level="info", fields=(("ticker", None),), text="slow"), [3]),
    ],
)
def test_filters(chosen, numbers):
    assert [LINES.index(one) + 1 for one in LINES if chosen.wants(one)] == numbers


def test_a_brief_line_leaves_out_what_its_sentence_has_already():
    told = line(7, event="order a1 rests", order="a1", service="order_log", order_id=None)
    assert list(line_texts(told, colours=False, brief=True)) == [
        "2026-11-20 10:30:15.000  info      order a1 rests  service=order_log"
    ]


def test_a_line_for_people_has_its_blocks_below_and_moves_no_cursor():
    assert list(line_texts(LINES[1], colours=False)) == [
        "2026-11-20 10:30:15.000002  info      order placed  ticker=KX-A  count=5"
    ]
    assert list(line_texts(LINES[3], colours=False))[1] == "Traceback\n  here"
    assert "\x1b" not in "".join(line_texts(line(1, event="a\x1b[2J"), colours=False))
    assert "\x1b[31m" in "".join(line_texts(LINES[3], colours=True))


def test_what_is_new_is_what_follows_the_overlap():
    assert lines_after([], LINES) == (LINES, False)
    assert lines_after(LINES[:2], LINES) == (LINES[2:], False)
    assert lines_after(LINES[:3], LINES[1:]) == (LINES[3:], False)
    assert lines_after(LINES, LINES) == ([], False)
    twice = [LINES[0], LINES[0]]
    assert lines_after(twice, [LINES[0], LINES[0], LINES[0]]) == ([LINES[0]], False)


def test_lines_that_came_and_went_between_two_looks_are_not_lost_silently():
    assert lines_after(LINES[:1], LINES[2:]) == (LINES[2:], True)


@pytest.fixture
def state(tmp_path):
    (tmp_path / "state").mkdir()
    with daemon_answering(tmp_path / "state", {"/v3/log?limit=1000": (200, {"log": LINES})}):
        yield tmp_path


def logs(state, *arguments):
    return run_traderd("logs", "--state-dir", str(state / "state"), *arguments, directory=state)


def test_the_newest_of_those_that_fit_are_shown(state):
    ran = logs(state, "--level", "info", "-n", "2", "--field", "ticker")
    assert ("order placed" in ran.out, "feed is slow" in ran.out) == (True, True)
    assert "it broke" not in ran.out
    assert logs(state, "-n", "0").out == ""


def test_that_no_line_fits_is_said_on_the_standard_error(state):
    ran = logs(state, "--grep", "nothing says this")
    assert (ran.code, ran.out) == (exit_codes.OK, "")
    assert ran.err == f"none of the newest {len(LINES)} lines fits\n"


def test_json_is_one_object_a_line(state):
    ran = logs(state, "--json", "--level", "error")
    assert [json.loads(text) for text in ran.out.splitlines()] == LINES[3:]


def test_a_field_without_a_name_is_wrong_usage(state):
    assert logs(state, "--field", "=x").code == exit_codes.USAGE


def test_a_real_daemon_tells_its_lines(shell):
    ran = shell("logs", "--level", "info", "--grep", "ready")
    assert ran.code == 0
    assert "ready" in ran.out
