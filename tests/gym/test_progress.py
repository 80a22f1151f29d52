import io

import pytest

from traderd.gym import progress
from traderd.gym.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    passed = [0.0]
    monkeypatch.setattr(progress, "monotonic", lambda: passed[0])
    return passed


def test_off_a_terminal_nothing_is_written(clock):
    stream = io.StringIO()
    line = Progress(3, stream)
    line.begin_part("episode 1")
    line.make_room()
    assert stream.getvalue() == ""


def test_one_line_is_written_over_and_nothing_stays(clock):
    stream = Terminal()
    line = Progress(3, stream)
    line.begin_part("episode 10")
    line.begin_part("episode 2")
    line.make_room()
    line.make_room()
    assert stream.getvalue() == f"episode 10\r{' ' * 10}\repisode 2\r{' ' * 9}\r"


def test_what_is_left_is_guessed_from_what_is_done(clock):
    stream = Terminal()
    line = Progress(10, stream)
    line.begin_part("a")
    clock[0] = 2.0
    line.end_part()
    line.begin_part("b")
    assert "to go" not in stream.getvalue(), "too early to tell"
    clock[0] = 20.0
    line.end_part()
    line.begin_part("c")
    assert stream.getvalue().endswith("c, about 1m 20s to go")


def test_a_line_is_no_longer_than_the_terminal(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    Progress(1, stream).begin_part("x" * 100)
    assert stream.getvalue() == "x" * 19
