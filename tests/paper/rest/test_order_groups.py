"""Order groups over REST: bodies, subaccounts, and what they do to orders."""

import pytest

from tests.paper.rest.desks import RestBench
from tests.paper.venues import ask, bid
from traderd.paper.venue.messages import GroupChanged, GroupEvent

PATH = "/portfolio/order_groups"


async def made(bench: RestBench, limit=10, **more) -> str:
    status, body = await bench.ask("POST", f"{PATH}/create", {"contracts_limit": limit} | more)
    assert status == 201
    return body["order_group_id"]


async def test_no_groups_are_an_empty_object(autojump_clock):
    assert await RestBench().ask("GET", PATH) == (200, {})


async def test_a_group_is_made_and_listed(autojump_clock):
    bench = RestBench()
    status, body = await bench.ask("POST", f"{PATH}/create", {"contracts_limit_fp": "2.50"})
    assert status == 201
    group_id = body.pop("order_group_id")
    assert body == {"subaccount": 0, "exchange_index": 0}
    line = {"contracts_limit_fp": "2.50", "is_auto_cancel_enabled": True, "exchange_index": 0}
    assert await bench.ask("GET", PATH) == (200, {"order_groups": [{"id": group_id, **line}]})
    assert await bench.ask("GET", f"{PATH}/{group_id}") == (200, line | {"orders": []})
    assert await bench.ask("GET", PATH, by="bob") == (200, {})
    assert (await bench.ask("GET", f"{PATH}/{group_id}", by="bob"))[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "missing_parameters"),
        ({"contracts_limit": None}, 400, "missing_parameters"),
        ({"contracts_limit": 0}, 400, "invalid_parameters"),
        ({"contracts_limit": -1}, 400, "invalid_parameters"),
        ({"contracts_limit": 1_000_001}, 400, "invalid_parameters"),
        ({"contracts_limit": 10**30}, 400, "invalid_parameters"),
        ({"contracts_limit_fp": "0.99"}, 400, "invalid_parameters"),
        ({"contracts_limit_fp": "1.001"}, 400, "invalid_parameters"),
        ({"contracts_limit_fp": "ten"}, 400, "invalid_parameters"),
        ({"contracts_limit": 10, "contracts_limit_fp": "10.01"}, 400, "invalid_parameters"),
        ({"contracts_limit": 10, "subaccount": 1}, 400, "invalid_parameters"),
        ({"contracts_limit": 10, "exchange_index": 2}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_a_group_is_refused(autojump_clock, body, status, code):
    bench = RestBench()
    got, refused = await bench.ask("POST", f"{PATH}/create", body)
    assert (got, refused["error"]["code"]) == (status, code)
    assert bench.venue.account("ann").groups == {}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", {"contracts_limit": "10"}, {"contracts_limit": 1.5}]
)
async def test_a_body_of_another_type_is_refused_flat(autojump_clock, body):
    status, refused = await RestBench().ask("POST", f"{PATH}/create", body)
    assert (status, refused["code"]) == (400, "bad_request")


async def test_both_limits_may_be_given_if_they_agree(autojump_clock):
    bench = RestBench()
    group_id = await made(bench, 10, contracts_limit_fp="10.0")
    assert (await bench.ask("GET", f"{PATH}/{group_id}"))[1]["contracts_limit_fp"] == "10.00"


async def test_a_trigger_cancels_the_orders_and_a_reset_takes_new_ones(autojump_clock):
    bench = RestBench()
    group_id = await made(bench)
    order_id = bench.rest_order(group_id=group_id)
    assert (await bench.ask("GET", f"{PATH}/{group_id}"))[1]["orders"] == [order_id]
    # As the official SDK sends it: a JSON content type and no body at all.
    assert await bench.ask("PUT", f"{PATH}/{group_id}/trigger", b"") == (200, {})
    details = (await bench.ask("GET", f"{PATH}/{group_id}"))[1]
    assert (details["orders"], details["is_auto_cancel_enabled"]) == ([], False)
    assert not bench.venue.order("ann", order_id).is_resting
    assert await bench.ask("PUT", f"{PATH}/{group_id}/reset", {}) == (200, {})
    bench.rest_order(group_id=group_id)
    kinds = [each.kind for each in bench.news if isinstance(each, GroupChanged)]
    assert kinds == [GroupEvent.CREATED, GroupEvent.TRIGGERED, GroupEvent.RESET]


async def test_a_limit_below_what_traded_triggers(autojump_clock):
    bench = RestBench()
    group_id = await made(bench, 100)
    order_id = bench.rest_order(group_id=group_id)
    bench.venue.create_order("bob", ask("5", "0.5000"), None, bench.now())
    bench.venue.create_order("ann", bid("5", "0.5000"), None, bench.now(), group_id=group_id)
    assert await bench.ask("PUT", f"{PATH}/{group_id}/limit", {"contracts_limit": 5}) == (200, {})
    assert bench.venue.order("ann", order_id).is_resting
    assert await bench.ask("PUT", f"{PATH}/{group_id}/limit", {"contracts_limit": 4}) == (200, {})
    assert not bench.venue.order("ann", order_id).is_resting
    status, refused = await bench.ask("PUT", f"{PATH}/{group_id}/limit", {})
    assert (status, refused["error"]["code"]) == (400, "missing_parameters")


async def test_a_delete_cancels_its_orders_and_it_is_gone(autojump_clock):
    bench = RestBench()
    group_id = await made(bench)
    order_id = bench.rest_order(group_id=group_id)
    assert await bench.ask("DELETE", f"{PATH}/{group_id}") == (200, {})
    assert not bench.venue.order("ann", order_id).is_resting
    for method, tail in (("GET", ""), ("DELETE", ""), ("PUT", "/reset"), ("PUT", "/trigger")):
        status, body = await bench.ask(method, f"{PATH}/{group_id}{tail}", {})
        assert (status, body["error"]["code"]) == (404, "not_found")


async def test_writes_are_about_subaccount_0_unless_another_is_named(autojump_clock):
    bench = RestBench()
    bench.venue.bank.open_subaccount(bench.venue.account("ann"), bench.now())
    group_id = await made(bench, subaccount=1)
    assert (await bench.ask("GET", f"{PATH}/{group_id}"))[0] == 200
    assert (await bench.ask("GET", f"{PATH}?subaccount=0"))[1] == {}
    assert len((await bench.ask("GET", f"{PATH}?subaccount=1"))[1]["order_groups"]) == 1
    assert (await bench.ask("PUT", f"{PATH}/{group_id}/reset", {}))[0] == 404
    assert (await bench.ask("PUT", f"{PATH}/{group_id}/reset?subaccount=1", {}))[0] == 200
    assert (await bench.ask("DELETE", f"{PATH}/{group_id}?subaccount=1&exchange_index=1"))[0] == 404
    assert (await bench.ask("DELETE", f"{PATH}/{group_id}?subaccount=1&exchange_index=-1"))[
        0
    ] == 200


async def test_a_locked_key_works_in_its_own_subaccount(autojump_clock):
    bench = RestBench()
    bench.venue.bank.open_subaccount(bench.venue.account("ann"), bench.now())
    bench.add_key("locked", "ann", subaccount=1)
    elsewhere = await made(bench)
    status, body = await bench.ask("POST", f"{PATH}/create", {"contracts_limit": 1}, by="locked")
    assert (status, body["subaccount"]) == (201, 1)
    own = body["order_group_id"]
    assert [g["id"] for g in (await bench.ask("GET", PATH, by="locked"))[1]["order_groups"]] == [
        own
    ]
    assert (await bench.ask("PUT", f"{PATH}/{own}/reset", {}, by="locked"))[0] == 200
    assert (await bench.ask("DELETE", f"{PATH}/{elsewhere}", by="locked"))[0] == 404
    assert (await bench.ask("GET", f"{PATH}?subaccount=0", by="locked"))[0] == 403
    body = {"contracts_limit": 1, "subaccount": 0}
    assert (await bench.ask("POST", f"{PATH}/create", body, by="locked"))[0] == 403


async def test_nothing_about_groups_changes_while_the_whole_exchange_is_paused(autojump_clock):
    bench = RestBench()
    group_id = await made(bench)
    writes = [
        ("POST", f"{PATH}/create", {"contracts_limit": 1}),
        ("PUT", f"{PATH}/{group_id}/limit", {"contracts_limit": 1}),
        ("PUT", f"{PATH}/{group_id}/trigger", {}),
        ("PUT", f"{PATH}/{group_id}/reset", {}),
        ("DELETE", f"{PATH}/{group_id}", None),
    ]
    bench.venue.pauses.begin(bench.now(), whole_exchange=True)
    before = await bench.ask("GET", f"{PATH}/{group_id}")
    for method, path, body in writes:
        status, answer = await bench.ask(method, path, body)
        assert (status, answer["error"]["code"]) == (409, "exchange_is_paused")
    assert await bench.ask("GET", f"{PATH}/{group_id}") == before
    # A pause of trading alone leaves the way out open.
    bench.venue.pauses.begin(bench.now())
    for method, path, body in writes:
        assert (await bench.ask(method, path, body))[0] in (200, 201)
