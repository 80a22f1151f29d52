import click
import pytest
from click.testing import CliRunner

from traderd.cli.watch import WATCH_INTERVAL_S, on_screen, watchable


class Enough(Exception):
    """Ends the watching, as Ctrl-C would."""


@pytest.fixture
def slept(monkeypatch):
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        if len(naps) == 3:
            raise Enough

    monkeypatch.setattr("traderd.cli.watch.time.sleep", sleep)
    return naps


@click.command()
@click.option("--json", "as_json", is_flag=True)
@watchable
def look(as_json):
    click.echo("seen")


def test_without_the_option_it_looks_once(slept):
    assert CliRunner().invoke(look).output == "seen\n"
    assert slept == []


@pytest.mark.parametrize("flags", [["--watch"], ["--watch", "--json"]])
def test_with_it_it_looks_again_and_again(slept, flags):
    result = CliRunner().invoke(look, flags)
    assert isinstance(result.exception, Enough)
    assert result.output == "seen\n" * 3
    assert slept == [WATCH_INTERVAL_S] * 3


ANSWER = ["title", "header", "rule", *(f"row {number}" for number in range(20))]


@pytest.mark.parametrize("rows", [24, 100])
def test_an_answer_that_has_room_is_shown_whole(rows):
    assert on_screen(ANSWER, rows, newest_last=False) == ANSWER


def test_a_long_answer_keeps_its_newest_rows_on_the_screen():
    words = "(no room for 15 lines; without --watch all are shown)"
    assert on_screen(ANSWER, 10, newest_last=False) == [*ANSWER[:8], words]
    assert on_screen(ANSWER, 10, newest_last=True) == [*ANSWER[:3], words, *ANSWER[-5:]]


def test_on_a_terminal_each_look_is_drawn_over_the_one_before(slept, monkeypatch):
    drawn = []
    monkeypatch.setattr("traderd.cli.watch.sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("traderd.cli.watch.click.clear", lambda: drawn.append("clear"))
    monkeypatch.setattr("traderd.cli.watch.click.echo", drawn.append)

    @watchable
    def see(as_json):
        print("seen")

    with pytest.raises(Enough):
        see(watch=True, as_json=False)
    assert drawn == ["clear", "seen"] * 3
