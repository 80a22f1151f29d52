"""Reads of positions that lag, and that nobody's money is touched by it."""

import trio

from tests.paper.faulty import bench_with
from tests.paper.served import A
from tests.paper.venues import ask, bid, venue
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.faults.faults import Faults
from traderd.paper.faults.plan import FaultKind, FaultRule
from traderd.paper.faults.position_memory import PositionMemory

START = Timestamp(1_800_000_000 * NS_PER_S)


def at(seconds: float) -> Timestamp:
    return Timestamp(START + round(seconds * NS_PER_S))


class Traded:
    """A venue, its memory, and a trade whenever a test wants one."""

    def __init__(self, *rules: FaultRule) -> None:
        self.venue = venue()
        self.faults = Faults()
        self.faults.set_plan(rules)
        self.memory = PositionMemory(self.venue, self.faults)
        self.memory.note(START)

    def trade(self, seconds: float, count: str = "1") -> None:
        now = at(seconds)
        self.venue.create_order("ann", bid(count, "0.50"), None, now)
        self.venue.create_order("bob", ask(count, "0.50"), None, now)
        self.memory.note(now)

    def told(self, account: str, seconds: float) -> list[int]:
        return [p.count for p in self.memory.positions(account, 0, at(seconds))]


def stale(seconds: float, **more) -> FaultRule:
    return FaultRule(kind=FaultKind.STALE_POSITIONS, seconds=seconds, **more)


def test_a_read_answers_as_of_some_seconds_ago():
    traded = Traded(stale(2))
    traded.trade(10)
    traded.trade(11)
    assert [traded.told("ann", s) for s in (10, 11.9, 12, 12.9, 13)] == [
        [],
        [],
        [100],
        [100],
        [200],
    ]
    assert [p.count for p in traded.venue.positions("ann")] == [200]


def test_only_the_named_account_is_behind():
    traded = Traded(stale(5, account="ann"))
    traded.trade(1)
    assert traded.told("ann", 2) == []
    assert traded.told("bob", 2) == [-100]


def test_what_is_older_than_the_fault_is_as_it_was_when_it_began():
    traded = Traded()
    traded.trade(1)
    traded.faults.set_plan([stale(60)])
    traded.memory.note(at(2))
    traded.trade(3)
    assert traded.told("ann", 4) == [100]


def test_nothing_is_remembered_without_the_fault():
    traded = Traded(stale(5))
    traded.trade(1)
    traded.faults.clear()
    traded.memory.note(at(2))
    traded.faults.set_plan([stale(5)])
    assert traded.told("ann", 3) == [100]


async def test_a_client_sees_its_fill_before_its_position(autojump_clock):
    async with bench_with({"kind": "stale_positions", "seconds": 1}) as bench:
        ann = await bench.trader()
        assert (await ann.ask("GET", "/portfolio/positions"))[1]["market_positions"] == []
        await ann.place("bid", "1", "0.60")
        _, fills = await ann.ask("GET", "/portfolio/fills")
        assert len(fills["fills"]) == 1
        assert (await ann.ask("GET", "/portfolio/positions"))[1]["market_positions"] == []
        await trio.sleep(1)
        (position,) = (await ann.ask("GET", "/portfolio/positions"))[1]["market_positions"]
        assert (position["ticker"], position["position_fp"]) == (A, "1.00")
