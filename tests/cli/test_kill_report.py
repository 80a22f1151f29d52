"""What a kill says: never that something was verified which nobody has read."""

import pytest

from traderd.cli import exit_codes
from traderd.cli.kill_report import KillOptions, KillReport, conclude
from traderd.model.ids import ClientOrderId, MarketTicker, OrderId
from traderd.model.orders import OrderRecord, OrderStatus, Side
from traderd.model.units import parse_count, parse_price

OPTIONS = KillOptions(reason="x", by="ann")


def report(**changes) -> KillReport:
    made = KillReport(environment="sim", scope="every order", exchange="URL", latched=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def rested(key: str) -> dict[str, str]:
    """Return what a daemon says of an order."""
    words = "bid 5 @ $0.4200 of KXDEMO-A rested when the kill came"
    return {"answer": "done", "sentence": words, "key": key}


def record(key: str) -> OrderRecord:
    """Return what the exchange says of the same order."""
    return OrderRecord(
        order_id=OrderId(f"id-{key}"),
        client_order_id=ClientOrderId(key),
        ticker=MarketTicker("KXDEMO-A"),
        side=Side.BID,
        price=parse_price("0.42"),
        status=OrderStatus.RESTING,
        initial_count=parse_count("8"),
        fill_count=parse_count("3"),
        remaining_count=parse_count("5"),
    )


def concluded(made: KillReport) -> KillReport:
    conclude(made, OPTIONS)
    return made


async def test_what_was_verified_names_the_exchange_and_the_larger_count():
    made = report(daemon="latched")
    made.take_daemon([rested("a"), rested("b"), rested("c")])
    made.sweep.note((record("a"),), (record("a"),))
    made.sweep.note((), ())
    made.sweep.verified = True
    assert concluded(made).sentence == (
        "killed: 3 orders were resting, none rests now; verified in 0.0 s at URL; daemon: latched; "
        "`traderd clear-halt kill` undoes the latch"
    )
    assert (made.exit_code, made.document()["found"]) == (exit_codes.OK, 3)


async def test_each_order_is_listed_once_with_what_the_exchange_said_of_it_last():
    made = report(daemon="latched")
    made.take_daemon([rested("a"), rested("b")])
    made.sweep.note((record("a"), record("c")), (record("a"), record("c")))
    made.sweep.acknowledge(record("c"))
    made.sweep.note((record("a"),), (record("a"),))
    assert made.document()["items"] == made.items
    assert [(item["key"], item["answer"], item["sentence"]) for item in made.items] == [
        ("a", "unknown", "bid 5 @ $0.4200 of KXDEMO-A rested at the last look"),
        ("b", "done", "bid 5 @ $0.4200 of KXDEMO-A rested when the kill came"),
        ("c", "done", "bid 5 @ $0.4200 of KXDEMO-A is canceled"),
    ]


def test_a_doubt_of_the_daemon_is_no_order_that_rested_and_goes_when_the_daemon_says_no_more_of_it():
    made = report(daemon="latched")
    made.take_daemon([{**rested("a"), "answer": "unknown"}, rested("b")])
    assert (made.unknown, made.found, len(made.items)) == (("a",), 1, 2)
    made.take_daemon([])
    assert (made.unknown, [item["key"] for item in made.items]) == ((), ["b"])


def test_without_a_reading_what_rests_is_not_known():
    made = concluded(report(daemon="no answer", seconds=30.0))
    assert made.sentence.startswith(
        "NOT VERIFIED after 30.0 s, nobody has read URL, so what rests is not known: daemon: no answer"
    )
    assert (made.exit_code, made.document()["left"]) == (exit_codes.TIME_OUT, None)


def test_an_exchange_that_ended_with_its_daemon_is_not_called_verified():
    made = concluded(report(daemon="not running", ended=True))
    assert made.exit_code == exit_codes.OK
    assert made.sentence.startswith("nothing can rest: URL ended with the daemon")
    assert not made.document()["verified"]


@pytest.mark.parametrize("ended", [False, True])
def test_a_latch_that_does_not_hold_is_told_in_capitals(ended):
    assert "THE LATCH DID NOT HOLD" in concluded(report(latched=False, ended=ended)).sentence
