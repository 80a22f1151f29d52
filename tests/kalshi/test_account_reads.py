"""Reads of money over real bytes: one bad row hides nothing, and a key that may not read says so by an empty list."""

import pytest

from tests.kalshi.test_rest import FILL
from tests.kalshi.wire.test_money import SETTLEMENT
from traderd.errors import ExchangeUnavailable
from traderd.kalshi.rest import open_rest
from traderd.model.ids import MarketTicker
from traderd.model.rows import RowKind
from traderd.model.units import NS_PER_S, Timestamp

MOVE = {"status": "applied", "type": "ach", "fee_cents": 0, "created_ts": 5, "finalized_ts": 6}


def opened(exchange):
    return open_rest(env=exchange.env, base_url=exchange.base_url, signer=exchange.signer)


async def test_a_row_that_cannot_be_read_names_its_market_and_hides_no_other(
    exchange, autojump_clock
):
    """R19: a renamed count field is neither a fill of zero nor a lost one."""
    renamed = {k: v for k, v in FILL.items() if k != "count_fp"} | {"trade_id": "t2", "ticker": "B"}
    nothing = FILL | {"trade_id": "t3", "ticker": "C", "count_fp": "0.00"}
    exchange.reply(200, {"fills": [FILL, renamed, nothing, 7], "cursor": ""})
    async with opened(exchange) as client:
        reading = await client.read_fills()
    assert [fill.trade_id for fill in reading.rows] == ["t1"]
    assert {row.ticker: row.key for row in reading.unreadable} == {
        "B": "t2 o1",
        "C": "t3 o1",
        None: "7",
    }
    assert "count_fp" in next(row.words for row in reading.unreadable if row.ticker == "B")


async def test_a_fill_without_a_count_is_none(exchange, autojump_clock):
    exchange.reply(200, {"fills": [FILL | {"count_fp": None}], "cursor": ""})
    async with opened(exchange) as client:
        reading = await client.read_fills()
    assert reading.rows == ()
    assert "fill t1" in reading.unreadable[0].words


async def test_settlements_are_those_of_our_subaccount_since_a_second(exchange, autojump_clock):
    exchange.reply(200, {"settlements": [SETTLEMENT], "cursor": ""})
    async with opened(exchange) as client:
        (settlement,) = (await client.account.settlements(since=Timestamp(7 * NS_PER_S + 5))).rows
    assert settlement.ticker == "A"
    (request,) = exchange.requests
    assert request.query == {"min_ts": "7", "subaccount": "0", "limit": "1000"}


async def test_one_position_is_asked_for_by_itself(exchange, autojump_clock):
    row = {
        "ticker": "A",
        "position_fp": "-3.00",
        "market_exposure_dollars": "1",
        "realized_pnl_dollars": "0",
        "fees_paid_dollars": "0",
    }
    exchange.reply(200, {"market_positions": [row], "cursor": ""})
    exchange.reply(200, {"market_positions": [], "cursor": ""})
    async with opened(exchange) as client:
        found = await client.account.position(MarketTicker("A"))
        assert found is not None
        assert found.count == -300
        assert await client.account.position(MarketTicker("A")) is None


async def test_cash_that_came_and_went_is_what_is_in_the_balance(exchange, autojump_clock):
    deposits = [MOVE | {"id": "d1", "amount_cents": 100}]
    deposits += [MOVE | {"id": "d2", "amount_cents": 100, "status": "pending"}]
    exchange.reply(200, {"deposits": deposits, "cursor": ""})
    exchange.reply(200, {"withdrawals": [MOVE | {"id": "w1", "amount_cents": 30}], "cursor": ""})
    transfer = {"transfer_id": "x1", "amount_cents": 7, "created_ts": 1}
    between_others = transfer | {"transfer_id": "x2", "from_subaccount": 1, "to_subaccount": 2}
    ours = transfer | {"from_subaccount": 0, "to_subaccount": 2}
    exchange.reply(200, {"transfers": [ours, between_others], "cursor": ""})
    async with opened(exchange) as client:
        moves = (await client.account.cash_moves()).moves
    assert {move.move_id: move.amount for move in moves} == {
        "d1": 1_000_000,
        "w1": -300_000,
        "x1": -70_000,
    }
    assert [request.query["limit"] for request in exchange.requests] == ["500", "500", "1000"]


async def test_a_list_that_this_key_may_not_read_is_empty_and_an_outage_is_not(
    exchange, autojump_clock
):
    refusal = {"error": {"code": "forbidden", "message": "forbidden"}}
    exchange.reply(403, refusal)
    exchange.reply(404, refusal)
    exchange.reply(403, refusal)
    exchange.reply(503)
    async with opened(exchange) as client:
        reading = await client.account.cash_moves()
        assert reading.moves == ()
        assert reading.refused == ("deposits", "withdrawals", "transfers between subaccounts")
        with pytest.raises(ExchangeUnavailable):
            await client.account.cash_moves()


async def test_the_settlement_of_one_market_is_asked_for_however_old_it_is(
    exchange, autojump_clock
):
    exchange.reply(200, {"settlements": [SETTLEMENT], "cursor": ""})
    exchange.reply(200, {"settlements": [SETTLEMENT], "cursor": ""})
    async with opened(exchange) as client:
        found = await client.account.settlement_of(MarketTicker("A"))
        # A filter that is not kept to must not pay out another market.
        assert await client.account.settlement_of(MarketTicker("B")) is None
    assert found is not None
    assert found.ticker == "A"
    assert exchange.requests[0].query == {"ticker": "A", "subaccount": "0", "limit": "1000"}


async def test_a_settlement_or_a_position_that_cannot_be_read_is_of_the_market_that_was_asked_for(
    exchange, autojump_clock
):
    exchange.reply(200, {"settlements": [{"ticker": "A", "market_result": "yes"}], "cursor": ""})
    exchange.reply(200, {"market_positions": ["what"], "cursor": ""})
    exchange.reply(200, {"market_positions": [{"ticker": "B"}], "cursor": ""})
    async with opened(exchange) as client:
        settled = await client.account.settlement_of(MarketTicker("A"))
        held = await client.account.position(MarketTicker("A"))
        # One of another market, in an answer whose filter was not kept to, says nothing of this one.
        assert await client.account.position(MarketTicker("A")) is None
    assert (settled.kind, settled.ticker) == (RowKind.SETTLEMENT, "A")
    assert (held.kind, held.ticker) == (RowKind.POSITION, "A")
