"""One look at the account is exact, frozen, and of the moment at which it was taken."""

import attrs
import pytest

from tests.services.still_daemon import MARKET, OTHER_MARKET, still_daemon
from traderd.core.look import series_of, take_look
from traderd.model import events as ev
from traderd.model.orders import Side
from traderd.model.units import parse_money, parse_price


def look(daemon):
    return take_look(daemon.view, at=daemon.now(), environment="sim", trading=True)


async def test_a_look_holds_positions_orders_fills_and_money(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.climb()
        daemon.list_market()
        daemon.sync("998.77")
        daemon.snapshot(bids={"0.46": "10"}, asks={"0.48": "10"})
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        daemon.place(Side.ASK, "4", "0.60", ticker=OTHER_MARKET)
        seen = look(daemon)
        (position,) = seen.positions
        assert (position.ticker, position.series, position.count) == (MARKET, "KXDEMO", 1_000)
        assert position.cost == parse_money("4.70")
        assert (position.mark, position.unrealized_pnl) == (
            parse_price("0.46"),
            parse_money("-0.10"),
        )
        assert position.fees_paid == parse_money("0.10")
        costs = [order.cost for order in seen.orders]
        # Ten more YES at 47, and four NO at 40.
        assert costs == [parse_money("4.70"), parse_money("1.60")]
        assert [fill.trade_id for fill in seen.fills] == ["trade-1"]
        assert seen.fills_complete
        assert seen.balance == parse_money("998.77")
        assert seen.state.value == "ready"


async def test_the_profit_of_the_day_is_known_after_a_mark(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        assert (look(daemon).day, look(daemon).day_profit) == ("", None)
        daemon.climb()
        daemon.publish(ev.ProfitMarked(at=daemon.now()))
        seen = look(daemon)
        assert (seen.day, seen.day_profit) == ("2026-11-18", 0)


async def test_a_look_does_not_change_with_the_state(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        before = look(daemon)
        daemon.fill(daemon.place(Side.BID, "20", "0.47"), "10", "0.47", "0.10")
        daemon.publish(
            ev.HaltRaised(at=daemon.now(), halt_id="h", author=ev.Author.PERSON, reason="r")
        )
        assert (before.positions, before.fills, before.halts) == ((), (), ())
        assert look(daemon).halts == ("h",)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            before.balance = 1


async def test_a_position_without_a_buyer_is_marked_at_its_worst(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        daemon.fill(daemon.place(Side.ASK, "10", "0.47"), "10", "0.47", "0")
        (position,) = look(daemon).positions
        assert (position.mark, position.count) == (None, -1_000)
        assert position.unrealized_pnl == parse_money("-5.30")


def test_the_series_is_what_the_ticker_begins_with():
    assert series_of("KXHIGHNY-26AUG07-B85") == "KXHIGHNY"
