"""What the operator makes happen, seen by the operator and by the traders."""

import pytest
import trio
import trio_websocket

from tests.paper.operated import Operator
from tests.paper.served import A, B, open_bench
from traderd.model.units import parse_money


async def position_of(trader) -> list[tuple[str, str]]:
    _, listed = await trader.ask("GET", "/portfolio/positions")
    return [(p["ticker"], p["position_fp"]) for p in listed["market_positions"]]


async def cash_of(trader) -> str:
    return (await trader.ask("GET", "/portfolio/balance"))[1]["balance_dollars"]


# --- markets --------------------------------------------------------------------------------------


async def test_a_market_is_settled_at_once_and_pays(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        await ann.place("bid", "3", "0.60")
        before = float(await cash_of(ann))
        async with ann.feed() as feed:
            await feed.send("subscribe", channels=["market_lifecycle_v2"])
            await feed.get_all()
            told = await operator.do("settle", ticker=A, result="yes", now=True)
            words = [frame["msg"]["event_type"] for frame in await feed.get_all()]
        assert words == ["close_date_updated", "determined", "settled"]
        assert told["sentence"] == f"{A} ended yes and is settled: a YES contract is worth $1.0000"
        assert (told["status"], told["result"]) == ("finalized", "yes")
        assert float(await cash_of(ann)) == before + 3
        assert (await operator.do("settle", ticker=A, result="yes", now=True)) == told


async def test_without_now_it_pays_after_the_settlement_timer(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        await ann.place("bid", "3", "0.60")
        before = float(await cash_of(ann))
        told = await operator.do("settle", ticker=A, result="scalar", value="0.25")
        assert "paid at 20" in told["sentence"]
        assert (told["status"], told["settlement_value_dollars"]) == ("determined", "0.2500")
        assert float(await cash_of(ann)) == before
        await trio.sleep(3_601)
        assert float(await cash_of(await bench.trader())) == before + 0.75
        assert bench.exchange.venue.market(A).settled_at is not None


async def test_a_disputed_market_waits_for_another_word(autojump_clock):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        await operator.do("settle", ticker=A, result="yes")
        assert (await operator.do("dispute", ticker=A))["status"] == "disputed"
        await trio.sleep(7_200)
        assert bench.exchange.venue.market(A).settled_at is None
        told = await operator.do("settle", ticker=A, result="no", now=True)
        assert (told["status"], told["result"]) == ("finalized", "no")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (
            {"ticker": "NO", "result": "yes"},
            (404, "market_not_found", "there is no market NO; `status` lists them"),
        ),
        (
            {"ticker": A, "result": "scalar"},
            (400, "missing_parameters", "a scalar result needs its value"),
        ),
        (
            {"ticker": A, "result": "yes", "value": "0.50"},
            (400, "invalid_parameters", "only a scalar result has a value"),
        ),
        (
            {"ticker": A, "result": "scalar", "value": "1.01"},
            (400, "invalid_parameters", "value 1.01 is not between $0 and $1"),
        ),
    ],
    ids=str,
)
async def test_a_settlement_that_cannot_be_changes_nothing(autojump_clock, body, refusal):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        assert await operator.refused("settle", **body) == refusal
        assert bench.exchange.venue.market(A).is_active


async def test_another_result_is_refused_once_there_is_one(autojump_clock):
    async with open_bench() as bench:
        operator = Operator(bench.exchange)
        await operator.do("settle", ticker=A, result="yes")
        refusal = (409, "market_already_determined", f"{A} ended yes and stays so")
        assert await operator.refused("settle", ticker=A, result="no") == refusal


async def test_a_market_is_closed_and_opened_again(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        assert (await operator.do("close", ticker=A))["status"] == "closed"
        assert (await ann.place("bid", "1", "0.10"))[1]["error"]["code"] == "market_inactive"
        assert (await operator.refused("close", ticker=A))[:2] == (409, "invalid_market_transition")
        told = await operator.do("reopen", ticker=A, closes_in_s=600)
        assert told["status"] == "active"
        assert told["sentence"] == f"{A} closes at {told['close_time']}"
        assert (await ann.place("bid", "1", "0.10"))[0] == 201
        assert (await operator.refused("reopen", ticker=A, closes_in_s=0))[0] == 400


# --- pauses ---------------------------------------------------------------------------------------


async def test_one_market_is_paused_and_the_others_trade(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        _, made = await ann.place("bid", "1", "0.10")
        assert (await operator.do("pause", ticker=A))["status"] == "inactive"
        assert (await ann.place("bid", "1", "0.10"))[0] == 409
        assert (await ann.place("bid", "1", "0.10", ticker=B))[0] == 201
        await operator.do("resume", ticker=A)
        _, order = await ann.ask("GET", f"/portfolio/orders/{made['order_id']}")
        assert order["order"]["status"] == "canceled"
        assert (await operator.refused("resume", ticker=A))[0] == 409


@pytest.mark.parametrize(
    ("whole_exchange", "code"), [(False, "trading_is_paused"), (True, "exchange_is_paused")]
)
async def test_everything_is_paused_and_resumed(autojump_clock, whole_exchange, code):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        told = await operator.do("pause", whole_exchange=whole_exchange)
        assert told["paused"] == code
        assert (await ann.place("bid", "1", "0.10"))[1]["error"]["code"] == code
        await operator.do("resume")
        assert (await ann.place("bid", "1", "0.10"))[0] == 201


async def test_a_pause_is_of_one_market_or_of_everything(autojump_clock):
    async with open_bench() as bench:
        refused = await Operator(bench.exchange).refused("pause", ticker=A, whole_exchange=True)
        assert refused[0] == 400
        assert bench.exchange.venue.market(A).is_active


# --- money ----------------------------------------------------------------------------------------


async def test_money_is_put_in_and_taken_out(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        told = await operator.do("deposit", account="ann", dollars="250.25")
        assert (told["sentence"], told["cash_dollars"]) == (
            "ann has $1250.25 in cash",
            "1250.250000",
        )
        await operator.do("deposit", account="ann", dollars="-250.25")
        assert await cash_of(ann) == "1000.0000"
        refused = await operator.refused("deposit", account="ann", dollars="-1000.01")
        assert refused[:2] == (400, "available_balance_too_low")
        refused = await operator.refused("deposit", account="eve", dollars="1")
        assert refused == (404, "not_found", "there is no account eve")
        assert (await operator.refused("deposit", account="ann", dollars="1e3"))[0] == 400
        assert (await operator.refused("deposit", account="ann", dollars="0"))[0] == 400


# --- everything anew ------------------------------------------------------------------------------


async def test_a_reset_is_the_start_with_the_same_keys(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        book = await ann.ask("GET", f"/markets/{A}/orderbook")
        await ann.place("bid", "3", "0.60")
        await operator.do("deposit", account="ann", dollars="5")
        await operator.do("settle", ticker=B, result="no", now=True)
        async with ann.feed() as feed:
            await feed.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
            await feed.get_all()
            told = await operator.do("reset")
            with pytest.raises(trio_websocket.ConnectionClosed):
                await feed.get()
        assert told["accounts"] == ["ann", "bob"]
        assert await cash_of(ann) == "1000.0000"
        assert await position_of(ann) == []
        assert (await ann.ask("GET", "/portfolio/orders"))[1]["orders"] == []
        assert await ann.ask("GET", f"/markets/{A}/orderbook") == book
        assert (await ann.ask("GET", f"/markets/{B}"))[1]["market"]["status"] == "active"
        assert (await ann.place("bid", "3", "0.60", client_order_id="x"))[0] == 201
        bench.total = bench.exchange.venue.total_money()
        assert bench.total >= parse_money("2000")


async def test_after_a_reset_everybody_hears_the_new_books(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        await operator.do("reset")
        async with ann.feed() as feed:
            await feed.send("subscribe", channels=["user_orders"])
            await feed.get_all()
            await ann.place("bid", "1", "0.10")
            assert [frame["type"] for frame in await feed.get_all()] == ["user_order"]


# --- the clock and the line -----------------------------------------------------------------------


async def test_the_clock_is_put_wrong_and_right(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        told = await operator.do("clock", offset_s=-20)
        assert told == {"sentence": "the exchange's clock is 20 s behind", "offset_s": -20.0}
        assert (await operator.ask("GET", "/status"))[1]["clock_offset_s"] == -20.0
        assert (await operator.do("clock", offset_s=45))["sentence"].endswith("is 45 s ahead")
        assert (await ann.ask("GET", "/portfolio/balance"))[0] == 401
        await operator.do("clock", offset_s=0)
        assert (await ann.ask("GET", "/portfolio/balance"))[0] == 200
        assert (await operator.refused("clock", offset_s=1e300))[0] == 400


async def test_websockets_are_dropped_by_channel(autojump_clock):
    async with open_bench() as bench:
        operator, ann = Operator(bench.exchange), await bench.trader()
        async with ann.feed() as feed:
            await feed.send("subscribe", channels=["fill"])
            await feed.get_all()
            assert (await operator.do("drop-websockets", channel="trade"))["dropped"] == 0
            assert (await operator.do("drop-websockets"))["dropped"] == 1
            with pytest.raises(trio_websocket.ConnectionClosed):
                await feed.get()
