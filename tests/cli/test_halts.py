import json

import pytest

from tests.cli.conftest import Shell
from traderd.cli import exit_codes
from traderd.cli.halts import os_user

pytestmark = pytest.mark.process

MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"
OK, USAGE, REFUSED = exit_codes.OK, exit_codes.USAGE, exit_codes.REFUSED


def place(shell: Shell, price: str = "0.02"):
    return shell("place", MARKET, "bid", "1", price)


def test_a_pause_of_one_market_has_an_author_and_leaves_the_others_open(shell):
    ran = shell("pause", "--market", MARKET, "--reason", "rain", "--author", "ann")
    assert (ran.code, ran.err) == (OK, "")
    assert ran.out.startswith(f"no new risk is taken in market {MARKET}; ")
    (pause,) = shell.document("status")["pauses"]
    assert (pause["by"], pause["ticker"], pause["reason"]) == ("ann", MARKET, "rain")
    refused = place(shell)
    assert refused.code == REFUSED
    assert f"trading is paused: rain (market {MARKET})" in refused.err
    assert shell("resume").code == REFUSED, "the account itself is not paused"
    assert shell("resume", "--market", MARKET).code == OK
    assert shell.document("status")["pauses"] == []


def test_a_halt_is_signed_with_the_user_name_and_ended_by_its_id(shell):
    assert shell("halt", "--reason", "lunch").code == OK
    (halt,) = shell.document("status")["halts"]
    assert (halt["id"], halt["author"], halt["by"]) == ("person:account", "person", os_user())
    assert shell("clear-halt", "person").code == REFUSED
    assert shell("clear-halt", "person:account").code == OK


def test_a_halt_of_a_strategy_names_it_and_one_that_nobody_knows_is_refused(shell):
    assert shell("halt", "--strategy", "spread_maker").code == OK
    (halt,) = shell.document("status")["halts"]
    assert (halt["id"], halt["strategy"]) == ("person:strategy:spread_maker", "spread_maker")
    assert shell("clear-halt", halt["id"]).code == OK
    unknown = shell("halt", "--strategy", "spread_taker")
    assert unknown.code == REFUSED
    assert "strategy spread_taker is not known here (known are: " in unknown.err
    assert "spread_maker" in unknown.err


def test_limits_that_nobody_raised_need_no_confirmation(shell):
    for flags in ((), ("--dry-run",)):
        ran = shell("confirm-limits", *flags)
        assert ran.code == REFUSED
        assert "no limit waits for a confirmation" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause",),
        ("halt", "--market", MARKET),
        ("cancel", "--all"),
        ("flatten",),
        ("kill",),
    ],
)
def test_a_dry_run_says_what_it_would_do_and_does_nothing(shell, arguments):
    assert place(shell).code == OK
    ran = shell(*arguments, "--dry-run")
    assert ran.code == OK
    assert ran.out.startswith("dry run, nothing is done: ")
    status = shell.document("status")
    assert (status["halts"], status["pauses"]) == ([], [])
    resting = [o for o in shell.document("orders")["orders"] if o["status"] == "resting"]
    assert len(resting) == 1
    assert shell("cancel", "--all").code == OK


def test_the_dry_run_of_a_cancel_names_each_order_with_its_key(shell):
    assert place(shell).code == OK
    document = json.loads(shell("cancel", "--all", "--dry-run", "--json").out)
    (item,) = document["items"]
    assert item["sentence"] == f"cancel bid 1 @ $0.0200 of {MARKET}"
    assert shell("cancel", item["key"], "--dry-run").code == OK
    assert shell("cancel", item["key"]).code == OK


def test_flatten_ends_the_positions_and_stays_paused(shell):
    ask = shell.document(f"books/{MARKET}")["best_ask"]
    assert shell("place", MARKET, "bid", "2", ask, "--ioc").code == OK
    shell.daemon.client.command("calibrate", {})
    dry = shell("flatten", "--dry-run")
    assert f"sell 2 YES of {MARKET} at" in dry.out
    assert "lost to price and fees" in dry.out
    ran = shell("flatten", "--author", "ann")
    assert ran.code == OK, ran.err
    assert "the account is flat" in ran.out
    counts = {p["ticker"]: p["count"] for p in shell.document("positions")["positions"]}
    assert counts[MARKET] == "0.00"
    assert shell("resume").code == OK


@pytest.mark.parametrize("worst", ["0", "1", "nan", "-0.5", "1e18"])
def test_a_worst_price_that_cannot_be_is_refused(shell, worst):
    assert shell("flatten", f"--at-worst={worst}").code == USAGE
