import json
import re

import pytest

from tests.cli.conftest import Shell
from traderd.cli import exit_codes

pytestmark = pytest.mark.process

MARKET = "KXMLBGAME-26AUG072140LADAZ-LAD"
OK, USAGE, REFUSED = exit_codes.OK, exit_codes.USAGE, exit_codes.REFUSED


def best_bid(shell: Shell) -> str:
    return shell.document(f"books/{MARKET}")["best_bid"]


def live_keys(shell: Shell) -> list[str]:
    return [o["key"] for o in shell.document("orders")["orders"] if o["status"] == "resting"]


def test_an_order_is_placed_listed_and_cancelled_by_its_key(shell):
    placed = shell("place", MARKET, "bid", "5", "0.02", "--post-only")
    assert (placed.code, placed.err) == (OK, "")
    assert placed.out.startswith(f"bid 5 @ $0.0200 of {MARKET} rests (order ")
    key = placed.out.strip().removesuffix(")").rpartition(" ")[2]
    assert live_keys(shell) == [key]
    cancelled = shell("cancel", key)
    assert (cancelled.code, cancelled.out) == (OK, f"order {key} is canceled\n")
    assert live_keys(shell) == []
    again = shell("cancel", key)
    assert (again.code, again.out) == (REFUSED, "")
    assert again.err == f"traderd: order {key} is canceled already\n"


def test_all_orders_of_a_market_or_of_every_market_are_cancelled(shell):
    for price in ("0.02", "0.03"):
        assert shell("place", MARKET, "bid", "1", price).code == OK
    other = shell("cancel", "--all", "--market", "KXWNBAGAME-26AUG07PHXCONN-PHX")
    assert (other.code, other.out) == (OK, "no order was open\n")
    for scope in (("--market", "NOPE"), ("--strategy", "NOPE")):
        typo = shell("cancel", "--all", *scope)
        assert (typo.code, typo.out) == (REFUSED, "")
        assert "NOPE is not known here" in typo.err
    assert len(live_keys(shell)) == 2
    ran = shell("cancel", "--all")
    assert (ran.out, ran.err) == ("2 orders ended, verified at the exchange\n", "")
    assert live_keys(shell) == []


def test_an_order_that_takes_is_filled_and_changes_the_position(shell):
    ran = shell("place", MARKET, "ask", "1", best_bid(shell), "--ioc", "--json")
    assert ran.code == OK
    outcome = json.loads(ran.out)
    assert (outcome["answer"], list(outcome)) == ("done", ["answer", "sentence", "key"])
    assert re.search(
        r"is filled, 1 filled at \$0\.\d{4} on average, fee \$0\.\d{4,6} a contract",
        outcome["sentence"],
    )
    shell.daemon.client.command("calibrate", {})
    position = {p["ticker"]: p for p in shell.document("positions")["positions"]}[MARKET]
    assert (position["count"], position["side"]) == ("-1.00", "NO")


@pytest.mark.parametrize(
    ("ticker", "count", "price", "code", "words"),
    [
        (MARKET, "5", "0.0101", REFUSED, "not on the price grid"),
        (MARKET, "500", "0.30", REFUSED, "more than risk.max_order_contracts = 100"),
        ("NOPE", "5", "0.30", REFUSED, "market NOPE is not known here"),
        (MARKET, "5", "0.99", REFUSED, "through the other side"),
        (MARKET, "0", "0.30", USAGE, "an order needs a count above 0"),
        (MARKET, "NaN", "0.30", USAGE, "count is not a plain decimal number: 'NaN'"),
        (MARKET, "inf", "0.30", USAGE, "count is not a plain decimal number: 'inf'"),
        (MARKET, str(10**18), "0.30", USAGE, f"count {10**18} is too large"),
        (MARKET, "0.001", "0.30", USAGE, "count 0.001 has more than 2 decimals"),
        (MARKET, "5", "30", USAGE, "price_dollars 30 is not between $0 and $1"),
        (MARKET, "5", "0", USAGE, "an order price lies between $0 and $1, both excluded"),
    ],
    ids=str,
)
def test_an_order_that_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    shell, ticker, count, price, code, words
):
    before = len(shell.document("orders")["orders"])
    ran = shell("place", ticker, "bid", count, price)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("traderd: ")
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert len(shell.document("orders")["orders"]) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("place", MARKET, "buy", "5", "0.30"),
        ("place", MARKET, "bid", "5"),
        ("cancel",),
        ("cancel", "key", "--all"),
        ("cancel", "key", "--market", MARKET),
        ("resume", "--force"),
        ("clear-halt",),
        ("place", MARKET, "bid", "5", "0.30", "--ioc", "--post-only"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_before_anything_is_asked(shell, arguments):
    ran = shell(*arguments)
    assert (ran.code, ran.out) == (USAGE, "")
    assert "--help" in ran.err


def test_a_refusal_is_a_document_on_the_standard_output_as_well(shell):
    ran = shell("place", MARKET, "bid", "500", "0.30", "--json")
    assert ran.code == REFUSED
    assert json.loads(ran.out)["answer"] == "denied"
    assert ran.err.startswith("traderd: denied by rule size")
    wrong = shell("place", MARKET, "bid", "NaN", "0.30", "--json")
    assert (wrong.code, json.loads(wrong.out)["error"]["code"]) == (USAGE, "bad_input")


def test_an_order_that_nobody_knows_cannot_be_cancelled(shell):
    ran = shell("cancel", "nope")
    assert ran.code == REFUSED
    assert ran.err == "traderd: no order 'nope' is known; `traderd orders` lists them\n"


def test_a_pause_stops_new_orders_until_it_is_resumed(shell):
    paused = shell("pause", "--reason", "lunch")
    assert (paused.code, paused.out) == (
        OK,
        "no new risk is taken; resting orders stay, and orders that only reduce a position pass\n",
    )
    assert shell.document("status")["paused"] == "lunch"
    # Buying is new risk whatever the position is: it is larger than what is held.
    refused = shell("place", MARKET, "bid", "50", "0.02")
    assert refused.code == REFUSED
    assert "trading is paused: lunch" in refused.err
    resumed = shell("resume")
    assert (resumed.code, resumed.out) == (OK, "trading goes on\n")
    assert shell("resume").err == "traderd: trading is not paused\n"


def test_a_halt_stands_until_it_is_cleared_by_its_name(shell):
    halted = shell("halt", "--reason", "rain", "--market", MARKET)
    assert (halted.code, halted.out) == (
        OK,
        f"halt 'person:{MARKET}' stands until `traderd clear-halt person:{MARKET}`; resting orders "
        "stay, and orders that only reduce a position pass\n",
    )
    refused = shell("place", MARKET, "bid", "50", "0.02")
    assert refused.code == REFUSED
    assert f"halt 'person:{MARKET}' by person: rain" in refused.err
    assert shell("clear-halt", "nope").code == REFUSED
    cleared = shell("clear-halt", f"person:{MARKET}")
    assert (cleared.code, shell.document("status")["halts"]) == (OK, [])


def test_the_account_can_be_compared_at_any_time(shell):
    ran = shell("calibrate")
    assert ran.code == OK
    assert ran.out.startswith("Trading state updated: balance $")


def test_an_order_is_amended_decreased_and_told_by_its_key(shell):
    placed = shell("place", MARKET, "bid", "5", "0.02", "--json", "--expires-in", "600")
    key = json.loads(placed.out)["key"]
    amended = shell("amend", key, "--price", "0.03", "--count", "7")
    assert (amended.code, amended.err) == (OK, "")
    assert amended.out == f"order {key} is now bid 7 @ $0.0300 of {MARKET}, 7 left\n"
    smaller = shell("decrease", key, "--by", "2.5")
    assert smaller.out == f"order {key} is now bid 4.50 @ $0.0300 of {MARKET}, 4.50 left\n"
    (order,) = [o for o in shell.document("orders")["orders"] if o["key"] == key]
    assert (order["price_dollars"], order["remaining"], order["change"]) == ("0.0300", "4.50", None)
    assert order["expires_at"] is not None
    shell("cancel", key)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("amend", "nope", "--price", "0.03"), REFUSED, "no order 'nope' is known"),
        (("amend", "nope"), USAGE, "give --price, --count, or both"),
        (("amend", "nope", "--price", "NaN"), USAGE, "is not a plain decimal number"),
        (("amend", "nope", "--count", "0"), USAGE, "an order needs a count above 0"),
        (("amend", "nope", "--count", str(10**18)), USAGE, "is too large"),
        (("decrease", "nope"), USAGE, "give either --by or --to"),
        (("decrease", "nope", "--by", "-1"), USAGE, "an order needs a decrease above 0"),
        (("decrease", "nope", "--to", "2"), REFUSED, "no order 'nope' is known"),
        (("place", MARKET, "bid", "1", "0.02", "--expires-in", "0"), USAGE, "expires_in_s must be"),
        (("place", MARKET, "bid", "1", "0.02", "--ioc", "--fok"), USAGE, "exclude each other"),
        (
            ("place", MARKET, "bid", "1", "0.02", "--reduce-only"),
            USAGE,
            "--reduce-only needs --ioc",
        ),
        (
            ("place", MARKET, "bid", "1", "0.02", "--fok", "--expires-in", "9"),
            USAGE,
            "--ioc and --fok never rest",
        ),
        (("place", MARKET, "buy", "1", "0.02"), USAGE, "'SIDE': 'buy' is not one of 'bid', 'ask'"),
        (("cancel",), USAGE, "name one order by its KEY (`traderd orders` lists them)"),
        (("cancel", "nope", "--all"), USAGE, "give one of the two"),
        (("cancel", "nope", "--market", MARKET), USAGE, "--market and --strategy go with --all"),
        (("reset-strategy", "nobody"), REFUSED, "strategy 'nobody' is not stopped"),
    ],
)
def test_bad_input_of_the_new_verbs_is_refused_with_the_reason(shell, arguments, code, words):
    ran = shell(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert live_keys(shell) == []


def test_several_orders_are_placed_from_a_file(shell, tmp_path):
    order = {"ticker": MARKET, "side": "bid", "count": "1", "price_dollars": "0.02"}
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([order, {**order, "price_dollars": "0.03"}]))
    ran = shell("place-orders", str(file))
    assert (ran.code, ran.err) == (OK, "")
    assert ran.out.startswith("2 of 2 orders were taken\n1. bid 1 @ $0.0200")
    assert len(live_keys(shell)) == 2
    shell("cancel", "--all")
    file.write_text(json.dumps([order, {**order, "count": "500"}]))
    partly = shell("place-orders", str(file))
    assert partly.code == REFUSED
    assert "1 of 2 orders were taken; 2. denied" in partly.err
    (resting,) = live_keys(shell)
    first, second = partly.out.splitlines()
    assert first.endswith(f"rests (order {resting})")
    assert second.startswith("2. denied by rule size")
    shell("cancel", "--all")
    as_json = shell("place-orders", str(file), "--json")
    assert as_json.code == REFUSED
    items = json.loads(as_json.out)["items"]
    assert [item["answer"] for item in items] == ["done", "denied"]
    assert items[0]["key"] == live_keys(shell)[0]
    shell("cancel", "--all")
    file.write_text(json.dumps([order, {**order, "count": "NaN"}]))
    none = shell("place-orders", str(file))
    assert none.code == USAGE
    assert "order 2 of the list: count is not a plain decimal number" in none.err
    assert live_keys(shell) == []
    file.write_text("[")
    assert shell("place-orders", str(file)).code == USAGE
