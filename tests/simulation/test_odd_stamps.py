"""Stamps of the exchange that cannot be: they cost themselves, their frame or new risk, and never the daemon or a screen."""

import json

import pytest
import trio

from tests.simulation.harness import TICKERS, simulated_daemon
from traderd.model.events import FeedName
from traderd.model.orders import Side
from traderd.model.states import State
from traderd.services.documents import fill_document, markets_document

A = TICKERS[0]


def held(simulated, channel):
    (found,) = [
        held
        for session, _ in simulated.exchange.feed._open.values()
        for held in session._by_sid.values()
        if held.channel == channel
    ]
    return found


def send(simulated, channel, kind, body, *, numbered=True):
    subscription = held(simulated, channel)
    subscription.seq += numbered
    number = {"seq": subscription.seq} if numbered else {}
    frame = {"type": kind, "sid": subscription.sid, **number, "msg": body}
    subscription.send(json.dumps(frame).encode())


def send_trade(simulated, trade_id, price, ts_ms):
    body = {
        "trade_id": trade_id,
        "market_ticker": A,
        "yes_price_dollars": price,
        "count_fp": "1.00",
        "taker_book_side": "bid",
        "ts_ms": ts_ms,
    }
    send(simulated, "trade", "trade", body)


def is_well(simulated):
    return (
        simulated.state is State.READY
        and State.ERROR.value not in simulated.states()[-3:]
        and simulated.view.feed(FeedName.MARKET_DATA).losses == 0
        and simulated.view.market_data.usable_books() == len(TICKERS)
    )


@pytest.mark.parametrize("ts_ms", [-(10**13), 10**400], ids=["negative", "endless"])
async def test_a_change_of_a_book_with_an_odd_stamp_is_taken_without_it(
    tmp_path, autojump_clock, ts_ms
):
    async with simulated_daemon(tmp_path) as simulated:
        data = simulated.view.market_data
        size = simulated.view.book(A).size_at(Side.BID, 200)
        body = {"market_ticker": A, "price_dollars": "0.0200", "delta_fp": "1.00", "side": "yes"}
        send(simulated, "orderbook_delta", "orderbook_delta", body | {"ts_ms": ts_ms})
        await trio.sleep(5)
        assert is_well(simulated)
        assert simulated.view.book(A).size_at(Side.BID, 200) == size + 100
        assert data.drift.counts == {"wrong_value orderbook_delta.msg.ts_ms": 1}
        assert data.snapshots_requested == 0


@pytest.mark.parametrize("close_ts", [1_798_732_800_000, 10**400], ids=["in_ms", "endless"])
async def test_a_close_that_cannot_be_is_read_by_rest_instead(tmp_path, autojump_clock, close_ts):
    async with simulated_daemon(tmp_path, market_data__markets=(A,)) as simulated:
        market, drift = simulated.view.market(A), simulated.view.market_data.drift
        body = {"market_ticker": A, "event_type": "close_date_updated", "close_ts": close_ts}
        send(simulated, "market_lifecycle_v2", "market_lifecycle_v2", body)
        for _ in range(12):
            await trio.sleep(5)
            assert markets_document(simulated.view, simulated.exchange.now(), 100)
        assert simulated.state is State.READY
        assert simulated.view.market(A) == market
        assert drift.counts == {"wrong_value market_lifecycle_v2": 1}


@pytest.mark.parametrize("in_one_ms", [1_000, 10**400], ids=["in_microseconds", "endless"])
async def test_a_fill_with_an_odd_stamp_stops_new_risk_as_any_that_cannot_be_read(
    tmp_path, autojump_clock, in_one_ms
):
    async with simulated_daemon(tmp_path) as simulated:
        body = {
            "trade_id": "t1",
            "order_id": "o1",
            "market_ticker": A,
            "is_taker": True,
            "book_side": "bid",
            "yes_price_dollars": "0.5",
            "count_fp": "1.00",
            "fee_cost": "0.01",
            "ts_ms": simulated.exchange.now() // 10**6 * in_one_ms,
        }
        send(simulated, "fill", "fill", body, numbered=False)
        await trio.sleep(5)
        assert list(simulated.view.conditions.halts) == ["drift:fill"]
        for fill in simulated.view.recent_fills(5):
            assert fill_document(fill, simulated.view)


async def test_a_trade_of_the_future_does_not_stay_the_last_one(tmp_path, autojump_clock):
    async with simulated_daemon(tmp_path) as simulated:
        view, now = simulated.view, simulated.exchange.now
        # In microseconds; an hour ahead; and by so little that it may be our clock.
        for number, stamp_ms in enumerate([
            now() // 10**3,
            now() // 10**6 + 3_600_000,
            now() // 10**6 + 9_000,
        ]):
            send_trade(simulated, f"odd{number}", "0.5000", stamp_ms)
            await trio.sleep(0.5)
            assert view.last_trade(A) == 5_000
            send_trade(simulated, f"right{number}", "0.6000", now() // 10**6)
            await trio.sleep(0.5)
            assert view.last_trade(A) == 6_000
            assert view.market_data.tape.last_at[A] <= now()
        assert view.market_data.drift.counts == {"wrong_value trade.msg.ts_ms": 2}
        assert is_well(simulated)
