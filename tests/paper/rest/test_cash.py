"""Deposits, withdrawals, and moves that this exchange has no other end for."""

import pytest

from tests.paper.rest.desks import RestBench
from traderd.model.units import parse_money

MOVE = "/portfolio/intra_exchange_instance_transfer"
TARGET = "/portfolio/target_balance_allocation"


async def test_deposits_and_withdrawals_are_listed_newest_first(autojump_clock):
    bench = RestBench()
    account = bench.venue.account("ann")
    for amount in ("5.00", "-2.50", "7.019999"):
        bench.venue.bank.deposit(account, parse_money(amount), bench.now())
    seconds = bench.now() // 1_000_000_000
    common = {
        "status": "applied",
        "type": "wire",
        "fee_cents": 0,
        "created_ts": seconds,
        "finalized_ts": seconds,
    }
    status, body = await bench.ask("GET", "/portfolio/deposits")
    assert (status, body["cursor"]) == (200, "")
    assert [each.pop("id") != "" for each in body["deposits"]] == [True, True]
    assert body["deposits"] == [common | {"amount_cents": 701}, common | {"amount_cents": 500}]
    _, body = await bench.ask("GET", "/portfolio/withdrawals")
    assert [each["amount_cents"] for each in body["withdrawals"]] == [250]
    _, page = await bench.ask("GET", "/portfolio/deposits?limit=1")
    assert page["cursor"] != ""
    _, rest = await bench.ask("GET", f"/portfolio/deposits?limit=1&cursor={page['cursor']}")
    assert ([each["amount_cents"] for each in rest["deposits"]], rest["cursor"]) == ([500], "")


@pytest.mark.parametrize("name", ["deposits", "withdrawals"])
async def test_pages_of_cash_end_at_500(autojump_clock, name):
    bench = RestBench()
    assert (await bench.ask("GET", f"/portfolio/{name}?limit=500"))[1] == {name: [], "cursor": ""}
    assert (await bench.ask("GET", f"/portfolio/{name}?limit=501"))[0] == 400


def move(**changes) -> dict:
    body = {
        "source": "event_contract",
        "destination": "event_contract",
        "amount": 50_000,
        "destination_subaccount": 1,
    }
    return body | changes


async def test_a_move_on_one_shard_is_a_subaccount_transfer(autojump_clock):
    bench = RestBench()
    await bench.ask("POST", "/portfolio/subaccounts", {})
    status, body = await bench.ask("POST", MOVE, move())
    assert status == 200
    _, listed = await bench.ask("GET", "/portfolio/subaccounts/transfers")
    assert [(each["transfer_id"], each["amount_cents"]) for each in listed["transfers"]] == [
        (body["transfer_id"], 500)
    ]
    assert (await bench.ask("POST", MOVE, move()))[0] == 200
    bench.venue.pauses.begin(bench.now(), whole_exchange=True)
    assert (await bench.ask("POST", MOVE, move()))[0] == 409


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"destination": "margined"}, "margined"),
        ({"source": "elsewhere"}, "must be"),
        ({"destination_exchange_shard": 2}, "one shard"),
        ({"amount": 0}, "above 0"),
        ({"amount": -1}, "above 0"),
        ({"destination_subaccount": 64}, "0 to 63"),
        ({"destination_subaccount": 2}, "no subaccount 2"),
        ({"destination_subaccount": None}, "the same"),
        ({"client_transfer_id": "6f0b6a5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"}, "client_transfer_id"),
        ({"amount": 10**13}, "available balance"),
        ({"amount": 10**40}, "nothing to transfer"),
    ],
)
async def test_a_move_that_makes_no_sense_is_refused_with_the_reason(autojump_clock, changes, why):
    bench = RestBench()
    await bench.ask("POST", "/portfolio/subaccounts", {})
    status, body = await bench.ask("POST", MOVE, move(**changes))
    assert status == 400
    assert why in (body["error"].get("details") or body["error"]["message"])
    assert bench.venue.account("ann").main.cash == 1_000_000_000


async def test_no_moves_between_instances_are_listed(autojump_clock):
    bench = RestBench()
    assert await bench.ask("GET", f"{MOVE}s") == (200, {"transfers": [], "cursor": ""})
    assert (await bench.ask("GET", f"{MOVE}s?limit=501"))[0] == 400
    status, body = await bench.ask("GET", f"{MOVE}s/abc")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_target_allocation_is_kept(autojump_clock):
    bench = RestBench()
    none = {"allocations": [], "resting_margin_reservation": "sum"}
    assert await bench.ask("GET", TARGET) == (200, none)
    wanted = {"allocations": [{"exchange_index": 0, "percent": 100}]}
    assert await bench.ask("POST", TARGET, wanted) == (200, {})
    assert await bench.ask("GET", TARGET) == (200, none | wanted)
    assert await bench.ask("GET", TARGET, by="bob") == (200, none)
    off = {"allocations": [], "resting_margin_reservation": "max"}
    assert await bench.ask("POST", TARGET, off) == (200, {})
    assert await bench.ask("GET", TARGET) == (200, off)


@pytest.mark.parametrize(
    "body",
    [
        {"allocations": [{"exchange_index": 0, "percent": 99}]},
        {"allocations": [{"exchange_index": 1, "percent": 100}]},
        {"allocations": [{"exchange_index": 0, "percent": 50}] * 2},
        {"allocations": [{"exchange_index": 0, "percent": 0}] * 102},
        {"allocations": [], "resting_margin_reservation": "most"},
    ],
)
async def test_a_target_that_cannot_be_is_refused(autojump_clock, body):
    bench = RestBench()
    status, refused = await bench.ask("POST", TARGET, body)
    assert (status, refused["error"]["code"]) == (400, "invalid_parameters")
    assert (await bench.ask("GET", TARGET))[1]["allocations"] == []
