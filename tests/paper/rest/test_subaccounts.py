"""Subaccounts over REST."""

import pytest

from tests.paper.rest.desks import RestBench
from traderd.paper import choices
from traderd.paper.auth_check import RESTRICTED_KEY
from traderd.paper.settings import Tier

PATH = "/portfolio/subaccounts"
ID = "6f0b6a5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"


def transfer(**changes) -> dict:
    body = {
        "client_transfer_id": ID,
        "from_subaccount": 0,
        "to_subaccount": 1,
        "amount_cents": 12_345,
    }
    return body | changes


async def with_one() -> RestBench:
    bench = RestBench()
    assert await bench.ask("POST", PATH, {}) == (201, {"subaccount_number": 1})
    return bench


async def test_subaccounts_are_numbered_in_turn_and_bounded(autojump_clock):
    bench = RestBench()
    for number in range(1, 64):
        status, body = await bench.ask("POST", PATH, b"" if number % 2 else {"exchange_index": 0})
        assert (status, body) == (201, {"subaccount_number": number})
    assert (await bench.ask("POST", PATH, {}))[0] == 400
    assert (await bench.ask("POST", PATH, {"exchange_index": 1}))[0] == 404


async def test_they_can_be_for_the_advanced_tier_only(autojump_clock, monkeypatch):
    monkeypatch.setattr(choices, "SUBACCOUNTS_ARE_FOR_ALL", False)
    status, body = await RestBench(tier=Tier.BASIC).ask("POST", PATH, {})
    code = "subaccount_creation_requires_advanced_api_usage_level"
    assert (status, body["error"]["code"]) == (403, code)
    assert (await RestBench(tier=Tier.ADVANCED).ask("POST", PATH, {}))[0] == 201


async def test_a_transfer_moves_cash_and_is_listed(autojump_clock):
    bench = await with_one()
    assert await bench.ask("POST", f"{PATH}/transfer", transfer()) == (200, {})
    seconds = bench.now() // 1_000_000_000
    line = {"exchange_index": 0, "updated_ts": seconds}
    assert await bench.ask("GET", f"{PATH}/balances") == (
        200,
        {
            "subaccount_balances": [
                {"subaccount_number": 0, "balance": "876.5500", **line},
                {"subaccount_number": 1, "balance": "123.4500", **line},
            ]
        },
    )
    status, body = await bench.ask("GET", f"{PATH}/transfers")
    assert (status, body["cursor"], len(body["transfers"])) == (200, "", 1)
    made = body["transfers"][0]
    assert made.pop("transfer_id")
    assert made == {
        "from_subaccount": 0,
        "to_subaccount": 1,
        "amount_cents": 12_345,
        "created_ts": seconds,
        "exchange_index": 0,
    }


async def test_a_repeated_transfer_is_a_conflict_and_moves_nothing(autojump_clock):
    bench = await with_one()
    await bench.ask("POST", f"{PATH}/transfer", transfer())
    again = transfer(client_transfer_id=ID.upper(), amount_cents=1)
    status, body = await bench.ask("POST", f"{PATH}/transfer", again)
    assert (status, body["error"]["code"]) == (409, "transfer_already_exists")
    assert bench.venue.account("ann").wallet(1).cash == 123_450_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_transfer_id": "mine"}, "invalid_parameters"),
        ({"client_transfer_id": ID + "0"}, "invalid_parameters"),
        ({"client_transfer_id": None}, "missing_parameters"),
        ({"amount_cents": 0}, "invalid_parameters"),
        ({"amount_cents": -5}, "invalid_parameters"),
        ({"amount_cents": 10**40}, "invalid_parameters"),
        ({"amount_cents": 100_001}, "available_balance_too_low"),
        ({"to_subaccount": 0}, "invalid_parameters"),
        ({"to_subaccount": 2}, "invalid_parameters"),
        ({"from_subaccount": -1}, "invalid_parameters"),
    ],
)
async def test_a_transfer_that_cannot_be_moves_nothing(autojump_clock, changes, code):
    bench = await with_one()
    status, body = await bench.ask("POST", f"{PATH}/transfer", transfer(**changes))
    assert (status, body["error"]["code"]) == (400, code)
    assert bench.venue.account("ann").main.cash == 1_000_000_000
    # An id whose transfer was refused is still good.
    assert (await bench.ask("POST", f"{PATH}/transfer", transfer()))[0] == 200


async def test_transfers_come_in_pages_newest_first(autojump_clock):
    bench = await with_one()
    for number in range(5):
        body = transfer(client_transfer_id=f"{number}{ID[1:]}", amount_cents=number + 1)
        assert (await bench.ask("POST", f"{PATH}/transfer", body))[0] == 200
    amounts, cursor = [], ""
    while True:
        _, page = await bench.ask("GET", f"{PATH}/transfers?limit=2&cursor={cursor}")
        amounts += [each["amount_cents"] for each in page["transfers"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert amounts == [5, 4, 3, 2, 1]
    status, body = await bench.ask("GET", f"{PATH}/transfers?limit=0")
    assert (status, list(body)) == (400, ["msg"])


async def test_netting_is_kept(autojump_clock):
    bench = await with_one()
    body = {"subaccount_number": 1, "enabled": True}
    assert await bench.ask("PUT", f"{PATH}/netting", body) == (200, {})
    assert await bench.ask("GET", f"{PATH}/netting") == (
        200,
        {
            "netting_configs": [
                {"subaccount_number": 0, "enabled": False, "exchange_index": 0},
                {"subaccount_number": 1, "enabled": True, "exchange_index": 0},
            ]
        },
    )
    assert (await bench.ask("PUT", f"{PATH}/netting", body | {"subaccount_number": 9}))[0] == 400
    status, refused = await bench.ask("PUT", f"{PATH}/netting", {"subaccount_number": 1})
    assert (status, refused["error"]["code"]) == (400, "missing_parameters")


async def test_what_resting_orders_tie_up_is_not_in_the_balance(autojump_clock):
    bench = await with_one()
    bench.rest_order()
    _, body = await bench.ask("GET", f"{PATH}/balances")
    assert body["subaccount_balances"][0]["balance"] == "999.9000"


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("POST", ""),
        ("POST", "/transfer"),
        ("GET", "/transfers"),
        ("GET", "/balances"),
        ("GET", "/netting"),
        ("PUT", "/netting"),
    ],
)
async def test_a_locked_key_may_do_none_of_it(autojump_clock, method, tail):
    bench = await with_one()
    bench.add_key("locked", "ann", subaccount=1)
    assert await bench.ask(method, PATH + tail, {}, by="locked") == (
        403,
        {"error": {"code": "forbidden", "message": RESTRICTED_KEY}},
    )


async def test_transfers_need_their_own_scope_or_write(autojump_clock):
    bench = await with_one()
    bench.add_key("trader", "ann", scopes=("read", "write::trade"))
    bench.add_key("mover", "ann", scopes=("write::transfer",))
    assert (await bench.ask("POST", f"{PATH}/transfer", transfer(), by="trader"))[0] == 403
    assert (await bench.ask("GET", f"{PATH}/transfers", by="mover"))[0] == 403
    assert (await bench.ask("POST", f"{PATH}/transfer", transfer(), by="mover"))[0] == 200


async def test_no_money_moves_while_the_whole_exchange_is_paused(autojump_clock):
    bench = await with_one()
    bench.venue.pauses.begin(bench.now(), whole_exchange=True)
    for path, body in ((PATH, {}), (f"{PATH}/transfer", transfer())):
        status, answer = await bench.ask("POST", path, body)
        assert (status, answer["error"]["code"]) == (409, "exchange_is_paused")
    assert len(bench.venue.account("ann").wallets) == 2
    bench.venue.pauses.end()
    assert await bench.ask("POST", f"{PATH}/transfer", transfer()) == (200, {})
