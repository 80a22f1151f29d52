"""An order's whole life, with the daemon's death at one chosen checkpoint of it.

Owns: the life (place, amend, decrease, batch, fills, cancels, settlement), the two ways to die, and the restart at the
same exchange. Run one death again with `python -m tests.simulation.crash_everywhere WAY N [M]`.
Must not: choose the checkpoints; the tests do.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, Literal, cast

import attrs
import trio

from tests.simulation import invariants
from tests.simulation.exchange_watch import ExchangeWatch
from tests.simulation.harness import (
    TICKERS,
    SimulatedDaemon,
    SimulatedExchange,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from tests.simulation.power_cut import Disk, power_cut_disk, without_shared_memory
from traderd.app import JOURNAL_FILE
from traderd.model.commands import (
    AmendOrder,
    Calibrate,
    CancelOrders,
    DecreaseOrder,
    PlaceOrder,
    PlaceOrders,
)
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import ONE_CONTRACT, Count, parse_count, parse_money, parse_price
from traderd.paper.venue.listings import Result
from traderd.runtime.simulation import run_simulated

Way = Literal["kill", "cancel", "power"]
"""`kill`: nothing reaches disk or network any more. `cancel`: every task is cancelled, without an ordered stop. `power`:
as `kill`, in the middle of the n-th write of the disk, which loses what it had not synced."""
CHANGED, LEASED, FILLED, CROSSED = TICKERS[0], TICKERS[1], TICKERS[2], TICKERS[5]
SETTLED: Final = (FILLED, CROSSED)
PEOPLE_SETTLE_S: Final = 5.0
"""Virtual time in which a restarted daemon ends the orders that it must not keep."""
SETTINGS: Final = {"trading__unknown_quarantine_s": 2, "risk__max_open_orders": 6}


class DeathAtCheckpoint(trio.abc.Instrument):
    """Lets a daemon die before the n-th step that one of its tasks takes from now on."""

    def __init__(self, simulated: SimulatedDaemon, way: Way, number: int) -> None:
        self._simulated, self._way, self._left = simulated, way, number
        self._ours: dict[trio.lowlevel.Task, bool] = {}

    @property
    def came(self) -> bool:
        """Tell whether there was an n-th step."""
        return self._left <= 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count, and kill."""
        if not self._is_ours(task):
            return
        self._left -= 1
        if self._left == 0:
            if self._way == "kill":
                self._simulated.kill()
            else:
                self._simulated.scope.cancel(reason="the test cancels everything")

    def _is_ours(self, task: trio.lowlevel.Task) -> bool:
        known = self._ours.get(task)
        if known is None:
            above = task.parent_nursery
            known = task.name.endswith("_run_process") or (
                above is not None and self._is_ours(above.parent_task)
            )
            self._ours[task] = known
        return known


class DeathAtWrite:
    """Lets a daemon die with its disk, at the disk's n-th write or sync from now on."""

    def __init__(self, simulated: SimulatedDaemon, disk: Disk, number: int) -> None:
        self._disk = disk
        disk.writes_left, disk.on_off = number - 1, simulated.kill

    @property
    def came(self) -> bool:
        """Tell whether there was an n-th write."""
        return self._disk.is_off


@contextmanager
def death_at(
    simulated: SimulatedDaemon, way: Way, number: int, disk: Disk | None = None
) -> Iterator[DeathAtCheckpoint | DeathAtWrite]:
    """Let the daemon die at its n-th checkpoint in the block, or with its disk."""
    if disk is not None:
        dying = DeathAtWrite(simulated, disk, number)
        yield dying
        disk.writes_left = None
        return
    death = DeathAtCheckpoint(simulated, way, number)
    trio.lowlevel.add_instrument(death)
    try:
        yield death
    finally:
        trio.lowlevel.remove_instrument(death)


# --- the life -------------------------------------------------------------------------------------


async def live(simulated: SimulatedDaemon) -> None:
    """Do everything that can become of orders, once, always in the same order.

    A dead daemon answers nothing, but the street and the settlements go on.
    """
    changed = await simulated.place("bid", "5", "0.0500", ticker=CHANGED)
    await simulated.place("bid", "3", "0.0500", ticker=LEASED, strategy=True)
    key = changed.key or ""
    await simulated.send(AmendOrder(key=key, price=parse_price("0.0600"), count=parse_count("7")))
    await simulated.send(DecreaseOrder(key=key, by=Count(ONE_CONTRACT)))
    bid, _ = simulated.touch(FILLED)
    _, ask = simulated.touch(CROSSED)
    await simulated.send(
        PlaceOrders(
            orders=(
                _order("bid", "2", bid, FILLED),
                _order("bid", "4", ask, CROSSED),
                _order("bid", "6", "0.0200", FILLED),
            )
        )
    )
    simulated.trade_through("ask", bid, ticker=FILLED)
    await simulated.cancel(key)
    await simulated.send(CancelOrders())
    settle_markets(simulated)
    await simulated.send(Calibrate())


def _order(side: str, count: str, price: str, ticker: str) -> PlaceOrder:
    terms = order_terms(side, count, price, ticker=ticker)
    return PlaceOrder(terms=terms, attribution=Attribution(owner=OrderOwner.PERSON))


def settle_markets(simulated: SimulatedDaemon) -> None:
    """Let the exchange pay what the life holds; a second time does nothing."""
    exchange = simulated.exchange
    for ticker, result in zip(SETTLED, (Result.YES, Result.NO), strict=True):
        exchange.venue.life.determine(ticker, result, None, exchange.now())
        exchange.venue.life.finalize(ticker, exchange.now())
    exchange.settle()


# --- the death ------------------------------------------------------------------------------------


@attrs.frozen
class Death:
    """One way to die; `again` is the checkpoint of the next process's start at which that one dies, too."""

    way: Way
    number: int
    again: int | None = None

    def __str__(self) -> str:
        again = "" if self.again is None else f" {self.again}"
        return f"python -m tests.simulation.crash_everywhere {self.way} {self.number}{again}"


def die(directory: Path, death: Death) -> bool:
    """Live, die, restart and check everything; returns whether the life has so many checkpoints.

    Any failure carries the line that repeats it.
    """
    try:
        return run_simulated(partial(_die, directory, death), seed=death.number)
    except BaseException as exc:
        exc.add_note(f"again: {death}")
        raise


async def _die(directory: Path, death: Death) -> bool:
    state = fresh(directory / "state")
    async with simulated_exchange(directory) as at:
        total = at.exchange.venue.total_money()
        watch = ExchangeWatch(
            at, max_open_orders=6, max_exposure=parse_money("1000"), max_position=50_000
        )
        if death.way == "power":
            with power_cut_disk() as disk:
                came = await _first_run(at, state, death, watch, disk)
                if came:
                    disk.cut(Random(death.number))
            without_shared_memory(state / JOURNAL_FILE)
        else:
            came = await _first_run(at, state, death, watch, None)
        if came and death.again is not None:
            await _die_at_start(at, state, death, watch)
        await _last_run(at, state, watch)
        invariants.check_journal(state)
        watch.check()
        assert at.exchange.venue.total_money() == total
        return came


async def _first_run(
    at: SimulatedExchange,
    state: Path,
    death: Death,
    watch: ExchangeWatch,
    disk: Disk | None,
) -> bool:
    async with simulated_daemon(state, at=at, **SETTINGS) as first:
        watch.follow(first)
        with death_at(first, death.way, death.number, disk) as dying:
            await live(first)
        if not dying.came:
            # A life without a death does what it is there for.
            assert len(at.exchange.venue.fills(at.credentials.account_id)) >= 2
            assert len(at.exchange.venue.orders(at.credentials.account_id)) == 5
            assert watch.taken == {"create": 5, "amend": 1, "decrease": 1, "cancel": 3}
        else:
            await first.ended.wait()
    if death.way == "cancel":
        invariants.check_log(first)
    return dying.came


async def _die_at_start(
    at: SimulatedExchange, state: Path, death: Death, watch: ExchangeWatch
) -> None:
    async with simulated_daemon(state, at=at, ready=False, **SETTINGS) as second:
        watch.follow(second)
        with death_at(second, death.way, death.again or 1) as dying, trio.move_on_after(30.0):
            await second.ended.wait()
        assert dying.came or second.view.working


async def _last_run(at: SimulatedExchange, state: Path, watch: ExchangeWatch) -> None:
    async with simulated_daemon(state, at=at, **SETTINGS) as last:
        watch.follow(last)
        await trio.sleep(PEOPLE_SETTLE_S)
        await invariants.settle(last)
        await invariants.check_everything(last)
        # Whatever the life did not come to.
        settle_markets(last)
        await invariants.settle(last)
        await invariants.check_everything(last)
        account_id = at.credentials.account_id
        resting = [
            o for o in at.exchange.venue.orders(account_id) if o.status is OrderStatus.RESTING
        ]
        assert not any(order.ticker in SETTLED for order in resting)
        # What a strategy left is not kept by the next run.
        assert not any(order.ticker == LEASED for order in resting)
        await invariants.check_progress(last)
        last.stop()
        await last.ended.wait()


def checkpoints(
    directory: Path,
    way: Way,
    *,
    every: int,
    first: int = 1,
    again: Callable[[int], int] | None = None,
) -> int:
    """Die at every `every`-th checkpoint until the life has no more; returns how many deaths there were."""
    number, deaths = first, 0
    while die(directory, Death(way, number, None if again is None else again(number))):
        number, deaths = number + every, deaths + 1
    return deaths


def main() -> None:
    """Repeat one death of the command line, or all of every N-th with `every`."""
    way, number, *again = sys.argv[1:]
    assert way in {"kill", "cancel", "power"}
    with tempfile.TemporaryDirectory() as directory:
        death = Death(cast("Way", way), int(number), *map(int, again))
        came = die(Path(directory), death)
    print(f"{death}: {'nothing was broken' if came else 'the life has no such checkpoint'}")


if __name__ == "__main__":
    main()
