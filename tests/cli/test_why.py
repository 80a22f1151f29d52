import pytest

from traderd.cli import exit_codes

pytestmark = pytest.mark.process


def test_every_strategy_shows_its_ticks_and_what_they_add_up_to(shell):
    document = shell.document("why")
    for row in document["strategies"]:
        assert sum(row["outcomes"].values()) == row["ticks"]
    ran = shell("why")
    assert (ran.code, ran.err) == (exit_codes.OK, "")


def test_a_name_that_nobody_has_is_an_error_with_the_names_there_are(shell):
    ran = shell("why", "nobody")
    assert ran.code == exit_codes.ERROR
    assert "'nobody' is no strategy that runs" in ran.err
    assert "traderd markets" in ran.err


def test_a_market_without_ticks_is_no_error(shell):
    ticker = shell.document("markets")["markets"][0]["ticker"]
    assert shell("why", ticker).code == exit_codes.OK


def test_the_help_has_an_example(shell):
    assert "traderd why spread_maker" in shell("why", "--help").out
