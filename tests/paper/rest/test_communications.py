"""Quotes on request: empty lists in the right shape, and clear refusals."""

import pytest

from tests.paper.rest.desks import RestBench


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("rfqs", "rfqs"),
        ("rfq_batches", "rfq_batches"),
        ("quotes", "quotes"),
        ("block-trade-proposals", "block_trade_proposals"),
    ],
)
async def test_lists_are_empty_and_have_their_shape(autojump_clock, path, key):
    bench = RestBench()
    assert await bench.ask("GET", f"/communications/{path}") == (200, {key: [], "cursor": ""})
    status, body = await bench.ask("GET", f"/communications/{path}?limit=501")
    assert (status, list(body)) == (400, ["msg"])


async def test_an_account_has_a_public_name_that_is_not_its_id(autojump_clock):
    bench = RestBench()
    _, ann = await bench.ask("GET", "/communications/id")
    _, bob = await bench.ask("GET", "/communications/id", by="bob")
    assert ann != bob
    assert "ann" not in ann["communications_id"]
    assert await bench.ask("GET", "/communications/id") == (200, ann)


@pytest.mark.parametrize("path", ["rfqs", "rfq_batches", "quotes", "block-trade-proposals"])
async def test_nothing_can_be_made(autojump_clock, path):
    status, body = await RestBench().ask("POST", f"/communications/{path}", {})
    assert (status, body["error"]["code"]) == (400, "rfq_not_supported")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "rfqs/1"),
        ("DELETE", "rfqs/1"),
        ("GET", "quotes/1"),
        ("DELETE", "quotes/1"),
        ("PUT", "quotes/1/accept"),
        ("PUT", "quotes/1/confirm"),
        ("GET", "rfqs/1/quotes/2"),
        ("DELETE", "rfqs/1/quotes/2"),
        ("PUT", "rfqs/1/quotes/2/accept"),
        ("PUT", "rfqs/1/quotes/2/confirm"),
        ("POST", "block-trade-proposals/1/accept"),
        ("GET", "rfq_batches/1"),
        ("DELETE", "rfq_batches/1"),
        ("PUT", "rfq_batches/1/accept"),
        ("GET", "rfq_batches/1/best_quotes"),
        ("POST", "rfq_batches/1/quotes"),
    ],
)
async def test_nothing_is_there_to_act_on(autojump_clock, method, path):
    status, body = await RestBench().ask(method, f"/communications/{path}", {})
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_block_trades_have_scopes_of_their_own(autojump_clock):
    bench = RestBench()
    bench.add_key("blocks", "ann", scopes=("read::block_trade_accept",))
    assert (await bench.ask("GET", "/communications/block-trade-proposals", by="blocks"))[0] == 200
    assert (await bench.ask("GET", "/communications/rfqs", by="blocks"))[0] == 403
    accept = "/communications/block-trade-proposals/1/accept"
    assert (await bench.ask("POST", accept, {}, by="blocks"))[0] == 403
