import click
import pytest
from click.testing import CliRunner

from traderd.cli.watch import WATCH_INTERVAL_S, watchable


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
