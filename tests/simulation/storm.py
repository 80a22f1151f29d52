"""A short, dense storm of faults over a busy account, drawn from one seed, and what must be true of it.

Owns: the world of one seed: limits, load, faults, deaths; the calm after it and every check. Run seeds again with
`python -m tests.simulation.storm SEED [HOW_MANY]`.
Must not: choose the seeds; the tests do.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

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
from traderd.core.conditions import BREAKER_HALT
from traderd.model.commands import (
    AmendOrder,
    Answer,
    CancelOrders,
    ClearHalt,
    DecreaseOrder,
    Kill,
    Pause,
    PlaceOrder,
    PlaceOrders,
    Resume,
)
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import ONE_CONTRACT, Count, parse_count, parse_money, parse_price
from traderd.paper.faults.faults import ORDERS
from traderd.paper.faults.plan import FaultKind, FaultRule
from traderd.paper.venue.messages import VenueRefusal
from traderd.runtime.simulation import run_simulated

STORM_S: Final = (4.0, 8.0)
CALM_S: Final = 25.0
"""Longer than a request can be late and than an unknown outcome is searched for."""
QUARANTINE_S: Final = 16
BETWEEN_ACTS_S: Final = (0.05, 0.4)
BETWEEN_FAULTS_S: Final = (0.2, 1.5)
STOP_S: Final = 5.0
MARKETS: Final = TICKERS[:4]
PRIVATE_CHANNELS: Final = ("fill", "user_orders", "market_positions")
_K: Final = FaultKind


@attrs.define
class Tally:
    """What the storms met, so that nobody takes an idle run for a good one."""

    met: Counter[str] = attrs.Factory(Counter)


def weather_the(seed: int, directory: Path, tally: Tally | None = None) -> None:
    """Run one seed; a failure carries the line that repeats it."""
    try:
        run_simulated(partial(_storm, directory, seed, tally or Tally()), seed=seed)
    except BaseException as exc:
        exc.add_note(f"again: python -m tests.simulation.storm {seed}")
        raise


async def _storm(directory: Path, seed: int, tally: Tally) -> None:
    rng, state = Random(seed), fresh(directory / "state")
    open_orders, exposure = rng.choice((3, 6, 15)), rng.choice((10, 50, 500))
    position = rng.choice((10, 50, 500))
    settings: dict[str, Any] = {
        "trading__unknown_quarantine_s": QUARANTINE_S,
        "risk__max_open_orders": open_orders,
        "risk__max_exposure_dollars": str(exposure),
        "risk__max_market_position_contracts": str(position),
        "risk__breaker_errors": rng.choice((3, 1_000)),
        "risk__breaker_percent": rng.choice((0, 20)),
        "trading__dead_man_s": rng.choice((10, 20, 60)),
    }
    async with simulated_exchange(directory, seed=seed, events_per_s=rng.choice((0.0, 20.0))) as at:
        total = at.exchange.venue.total_money()
        watch = ExchangeWatch(
            at,
            max_open_orders=open_orders,
            max_exposure=parse_money(str(exposure)),
            max_position=position * ONE_CONTRACT,
        )
        if rng.random() < 0.5:
            watch.limit_tokens()
        world = _World(at, watch, rng, tally)
        for _ in range(rng.choice((0, 0, 1))):
            await _until_death(world, state, seed, settings)
        await _last_life(world, state, seed, settings)
        watch.check()
        invariants.check_journal(state)
        assert at.exchange.venue.total_money() == total
        if not world.requests_were_late:
            assert watch.throttled == 0, f"I14: {watch.throttled} requests found too few tokens"
        tally.met.update({f"denied by {rule}": count for rule, count in world.denials.items()})
        tally.met.update({f"left {kind}": count for kind, count in watch.left.items()})
        tally.met["fills"] += len(at.exchange.venue.fills(at.credentials.account_id))


@attrs.define(eq=False)
class _World:
    at: SimulatedExchange
    watch: ExchangeWatch
    rng: Random
    tally: Tally
    keys: list[str] = attrs.Factory(list)
    denials: Counter[str] = attrs.Factory(Counter)
    requests_were_late: bool = False
    """A request that arrives long after its turn is paid for then, and no model of the buckets can know when."""

    def note(self, word: str) -> None:
        self.tally.met[word] += 1


async def _until_death(world: _World, state: Path, seed: int, settings: dict[str, Any]) -> None:
    async with simulated_daemon(state, at=world.at, seed=seed, ready=False, **settings) as daemon:
        world.watch.follow(daemon)
        with trio.move_on_after(world.rng.uniform(0.5, STORM_S[1])):
            await _be_busy(world, daemon)
        world.note("deaths")
        daemon.kill()
        await daemon.ended.wait()


async def _last_life(world: _World, state: Path, seed: int, settings: dict[str, Any]) -> None:
    rng, exchange = world.rng, world.at.exchange
    async with simulated_daemon(state, at=world.at, seed=seed, ready=False, **settings) as daemon:
        world.watch.follow(daemon)
        with trio.move_on_after(rng.uniform(*STORM_S)):
            await _be_busy(world, daemon)
        exchange.faults.clear()
        exchange.resume()
        await trio.sleep(CALM_S)
        await invariants.settle(daemon)
        await daemon.send(Pause(reason="the storm is over"))
        for halt_id in tuple(daemon.view.conditions.halts):
            assert halt_id == BREAKER_HALT, halt_id
            assert (await daemon.send(ClearHalt(halt_id=halt_id))).ok
            world.note("breaker")
        invariants.check_orders(daemon)
        invariants.check_money(daemon)
        invariants.check_log(daemon)
        assert (await daemon.send(Resume())).ok
        await _progress(daemon)
        if rng.random() < 0.3:
            world.note("kill switch")
            await daemon.send(Kill(reason="the test asked"))
            denied = await daemon.place("bid", "1", "0.0100", ticker=MARKETS[0])
            assert denied.answer is Answer.DENIED
            assert _resting(world.at) == []
        world.denials.update(daemon.view.denials)
        await _stop(world, daemon)


async def _progress(daemon: SimulatedDaemon) -> None:
    # The account may stand at its limits; without open orders, what closes a position must still be possible.
    assert (await daemon.send(CancelOrders())).answer is Answer.DONE
    await trio.sleep(3.0)
    placed = await daemon.place("bid", "1", "0.0100", ticker=TICKERS[-1])
    if placed.answer is Answer.DENIED:
        assert "exposure" in placed.sentence, placed.sentence
        return
    assert placed.answer is Answer.DONE, placed.sentence
    assert (await daemon.cancel(placed.key)).answer is Answer.DONE


async def _stop(world: _World, daemon: SimulatedDaemon) -> None:
    """I9: the stop ends in time, and orders are as their policies say."""
    began = trio.current_time()
    for strategy in (False, True):
        await daemon.place("bid", "1", "0.0200", ticker=TICKERS[-2], strategy=strategy)
    people = {order.key for order in daemon.view.own_live_orders() if _is_persons(order)}
    began = trio.current_time()
    daemon.stop()
    await daemon.ended.wait()
    assert trio.current_time() - began <= STOP_S, "I9: the stop took too long"
    assert {order.client_order_id for order in _resting(world.at)} <= people, "I9"


def _is_persons(order: Any) -> bool:
    return bool(order.attribution.owner is OrderOwner.PERSON)


def _resting(at: SimulatedExchange) -> list[Any]:
    orders = at.exchange.venue.orders(at.credentials.account_id)
    return [order for order in orders if order.status is OrderStatus.RESTING]


# --- the load -------------------------------------------------------------------------------------


async def _be_busy(world: _World, daemon: SimulatedDaemon) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_make_faults, world, daemon)
        nursery.start_soon(_move_street, world, daemon)
        while True:
            await trio.sleep(world.rng.uniform(*BETWEEN_ACTS_S))
            nursery.start_soon(_act, world, daemon)


async def _act(world: _World, daemon: SimulatedDaemon) -> None:
    rng, keys = world.rng, world.keys
    if daemon.ended.is_set():
        return
    if BREAKER_HALT in daemon.view.conditions.halts and rng.random() < 0.3:
        await daemon.send(ClearHalt(halt_id=BREAKER_HALT))
    chance = rng.random()
    live = [order.key for order in daemon.view.own_live_orders()]
    # Mostly one that may still be changed, sometimes one that has long ended.
    key = rng.choice(live if live and rng.random() < 0.8 else keys or [""])
    if chance < 0.45 or not key:
        outcome = await daemon.send(_some_order(world))
        _note(world, "place", outcome.answer)
        keys += [outcome.key] if outcome.key else []
    elif chance < 0.55:
        orders = tuple(_some_order(world) for _ in range(rng.randint(2, 7)))
        outcome = await daemon.send(PlaceOrders(orders=orders))
        _note(world, "batch", outcome.answer)
        keys += [item.key for item in outcome.items if item.key]
    elif chance < 0.7:
        outcome = await daemon.send(
            AmendOrder(key=key, price=_some_price(rng), count=parse_count(str(rng.randint(1, 9))))
        )
        _note(world, "amend", outcome.answer)
    elif chance < 0.8:
        outcome = await daemon.send(DecreaseOrder(key=key, by=Count(ONE_CONTRACT)))
        _note(world, "decrease", outcome.answer)
    elif chance < 0.97:
        if rng.random() < 0.5:
            # A race of a fill and a cancel.
            _take(world, daemon)
        outcome = await daemon.cancel(key)
        _note(world, "cancel", outcome.answer)
    else:
        await daemon.send(CancelOrders())


def _note(world: _World, what: str, answer: Answer) -> None:
    world.note(f"{what} {answer.value}")


def _some_order(world: _World) -> PlaceOrder:
    rng = world.rng
    owner = rng.choice((OrderOwner.PERSON, OrderOwner.STRATEGY))
    ticker = rng.choice(MARKETS)
    bids, asks = world.at.exchange.venue.book(ticker)
    if bids and asks and rng.random() < 0.6:
        price = f"{rng.choice((bids[0][0], asks[0][0])) / 10_000:.4f}"
    else:
        price = f"{_some_price(rng) / 10_000:.4f}"
    terms = order_terms(rng.choice(("bid", "ask")), str(rng.randint(1, 9)), price, ticker=ticker)
    return PlaceOrder(terms=terms, attribution=Attribution(owner=owner))


def _some_price(rng: Random) -> Any:
    return parse_price(f"0.{rng.randint(30, 70)}00")


async def _move_street(world: _World, daemon: SimulatedDaemon) -> None:
    while True:
        await trio.sleep(world.rng.uniform(0.2, 2.0))
        _take(world, daemon)


def _take(world: _World, daemon: SimulatedDaemon) -> None:
    """Let the street trade with whatever rests of ours in one market, or with a part of it."""
    rng, exchange = world.rng, world.at.exchange
    resting = _resting(world.at)
    if not resting:
        return
    order = rng.choice(resting)
    side = "ask" if order.side.value == "bid" else "bid"
    amount = Count(rng.choice((ONE_CONTRACT // 2, ONE_CONTRACT, 50 * ONE_CONTRACT)))
    with suppress(VenueRefusal):  # nobody trades during a pause
        exchange.venue.street.take(
            order.ticker, type(order.side)(side), order.price, amount, exchange.now()
        )
    exchange.settle()


# --- the faults -----------------------------------------------------------------------------------


async def _make_faults(world: _World, daemon: SimulatedDaemon) -> None:
    rng, exchange = world.rng, world.at.exchange
    faults = exchange.faults
    exchange.keys.past_window_s = 60
    method = ("POST", "DELETE", "GET")
    kinds: dict[str, Callable[[], object]] = {
        "lost reply": lambda: faults.lose_reply_of_next(rng.choice(method), "/portfolio"),
        "lost request": lambda: faults.lose_next_request(rng.choice(method), "/portfolio"),
        "500 with effect": lambda: faults.spoil_reply_of_next(rng.choice(method[:2]), ORDERS, 500),
        "dropped socket": lambda: faults.drop_websockets(rng.choice((None, "fill"))),
        "frames": lambda: faults.set_plan(_frame_rules(rng)),
        "storm of 429": lambda: faults.refuse_requests(ORDERS, 429),
        "errors": lambda: faults.refuse_requests(
            rng.choice(("/", ORDERS)), rng.choice((500, 503, 504))
        ),
        "no sockets": lambda: (faults.refuse_websockets(503), faults.drop_websockets()),
        "slow replies": lambda: faults.delay_replies(rng.uniform(0.0, 12.0)),
        "slow requests": lambda: _delay(world),
        "pause": lambda: exchange.pause(whole_exchange=rng.random() < 0.5),
        "clock step": lambda: _step_clock(world, daemon),
        "calm": lambda: (faults.clear(), exchange.resume()),
    }
    # Swarm: every seed has its own few kinds, or the common ones would hide the rare ones.
    chosen = [*rng.sample(sorted(kinds), rng.randint(2, 6)), "calm"]
    while True:
        await trio.sleep(rng.uniform(*BETWEEN_FAULTS_S))
        name = rng.choice(chosen)
        world.note(f"fault {name}")
        kinds[name]()


def _frame_rules(rng: Random) -> list[FaultRule]:
    return [
        FaultRule(
            kind=kind,
            channel=rng.choice(PRIVATE_CHANNELS),
            probability=rng.choice((0.2, 1.0)),
            for_s=rng.uniform(0.5, 5.0),
            **({"max_ms": 3_000} if kind is _K.LATE_FRAME else {}),
        )
        for kind in rng.sample((_K.DOUBLED_FRAME, _K.LATE_FRAME, _K.LOST_FRAME), 2)
    ]


def _delay(world: _World) -> None:
    world.requests_were_late = True
    world.at.exchange.faults.delay_requests(world.rng.uniform(0.0, 12.0))


def _step_clock(world: _World, daemon: SimulatedDaemon) -> None:
    # By less than what signatures may be old.
    daemon.env.wall_step_ns = round(world.rng.uniform(-2.0, 2.0) * 1e9)


def main() -> None:
    """Run seeds from the command line, and say which fail."""
    first = int(sys.argv[1])
    how_many = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tally, failed = Tally(), []
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(first, first + how_many):
            try:
                weather_the(seed, fresh(Path(directory) / "seed"), tally)
            except Exception:  # noqa: BLE001 - told, and the next seed runs
                failed.append(seed)
                traceback.print_exc()
    print(f"{how_many} seeds from {first}: {len(failed)} failed {failed}; {dict(tally.met)}")


if __name__ == "__main__":
    main()
