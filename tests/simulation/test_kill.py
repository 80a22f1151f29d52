"""I13: once the latch is set, no create and no amend leaves; cancels do; also after a restart.

What leaves is what the process hands to its connections: each write's first bytes are looked at there, at the moment
they go, whatever queue, disk or turn they waited for before.
"""

import random
import signal
from collections import Counter

import pytest
import trio

from tests.simulation.harness import (
    TICKERS,
    MortalStream,
    SimulatedDaemon,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE
from traderd.model.commands import AmendOrder, DecreaseOrder, Kill, PlaceOrder, PlaceOrders
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import Count, parse_price
from traderd.store.latch import LATCH_FILE

SEEDS = 100
ORDERS = b"/portfolio/events/orders"
CALM_S = 15.0


class Wire:
    """Counts what leaves, before and after the latch."""

    def __init__(self) -> None:
        self.daemon: SimulatedDaemon | None = None
        self.sent: Counter[str] = Counter()
        self.after: Counter[str] = Counter()

    def look(self, data: bytes) -> None:
        kind = kind_of(bytes(data[:200]))
        if kind is None or self.daemon is None or self.daemon._daemon is None:
            return
        latched = self.daemon.view.conditions.killed is not None
        (self.after if latched else self.sent)[kind] += 1


def kind_of(head: bytes) -> str | None:
    """Return what kind of write a request is, None for anything else."""
    line = head.split(b"\r\n", 1)[0]
    if ORDERS not in line or line.startswith(b"GET"):
        return None
    if line.startswith(b"DELETE"):
        return "cancel"
    if b"/decrease" in line:
        return "decrease"
    return "amend" if b"/amend" in line else "create"


async def trade(simulated: SimulatedDaemon, rng: random.Random, number: int) -> None:
    """Place, amend and decrease at random moments, as a strategy and a person would."""
    await trio.sleep(rng.random() * 0.8)
    strategy = rng.random() < 0.5
    owner = OrderOwner.STRATEGY if strategy else OrderOwner.PERSON
    price = f"0.0{rng.randint(1, 9)}"
    # Different sizes, or they would be taken for repetitions of each other.
    places = tuple(
        PlaceOrder(
            terms=order_terms(
                "bid", f"{1 + number}", price, ticker=TICKERS[(number + each) % len(TICKERS)]
            ),
            attribution=Attribution(owner=owner),
        )
        for each in range(rng.randint(1, 3))
    )
    if len(places) > 1:
        await simulated.send(PlaceOrders(orders=places))
        return
    outcome = await simulated.send(places[0])
    if not outcome.ok or outcome.key is None:
        return
    await trio.sleep(rng.random() * 0.1)
    if rng.random() < 0.5:
        await simulated.send(AmendOrder(key=outcome.key, price=parse_price("0.01")))
    else:
        await simulated.send(DecreaseOrder(key=outcome.key, to=Count(50)))


async def reprice(simulated: SimulatedDaemon, rng: random.Random, key: str | None) -> None:
    """Amend an order that rests, at a random moment."""
    assert key is not None
    await trio.sleep(rng.random() * 2.5)
    await simulated.send(AmendOrder(key=key, price=parse_price(f"0.1{rng.randint(0, 9)}")))


async def pull(simulated: SimulatedDaemon, rng: random.Random, directory) -> None:
    await trio.sleep(0.2 + rng.random() * 2.5)
    way = rng.choice(("verb", "verb", "file", "signal"))
    if way == "verb":
        await simulated.send(Kill(reason="drill"))
    elif way == "file":
        (directory / LATCH_FILE).touch()
    else:
        simulated.env.raise_signal(signal.SIGUSR1)


def faults(simulated: SimulatedDaemon, rng: random.Random) -> None:
    plan = simulated.exchange.faults
    choice = rng.randrange(6)
    if choice == 0:
        plan.delay_requests(rng.random())
    elif choice == 1:
        plan.delay_replies(rng.random())
    elif choice == 2:
        plan.lose_reply_of_next("POST", "/portfolio/events/orders")
    elif choice == 3:
        plan.lose_reply_of_next("DELETE", "/portfolio/events/orders")
    elif choice == 4:
        plan.lose_next_request("POST", "/portfolio/events/orders")


def resting(at, account_id: str) -> int:
    orders = at.exchange.venue.orders(account_id)
    return sum(order.status is OrderStatus.RESTING for order in orders)


async def run_seed(directory, seed: int, wire: Wire) -> None:
    rng = random.Random(seed)
    settings = {
        "risk__max_open_orders": 500,
        "risk__max_exposure_dollars": "900",
    }
    if seed % 5 == 0:
        # Renewals are amends too.
        settings["trading__dead_man_s"] = 20
    async with simulated_exchange(directory, seed=seed) as at:
        state = directory / "state"
        async with simulated_daemon(state, at=at, seed=seed, **settings) as simulated:
            wire.daemon = simulated
            account_id = simulated.account_id
            early = [
                await simulated.place("bid", "1", "0.0500", ticker=ticker) for ticker in TICKERS[:4]
            ]
            simulated.daemon.shared.venue.rest.throttle.learn_sizes(BASIC_READ, BASIC_WRITE)
            faults(simulated, rng)
            async with trio.open_nursery() as nursery:
                for number in range(25):
                    nursery.start_soon(trade, simulated, rng, number)
                for placed in early:
                    nursery.start_soon(reprice, simulated, rng, placed.key)
                await pull(simulated, rng, state)
            await simulated.wait_until(lambda: simulated.view.conditions.killed)
            at.exchange.faults.clear()
            await simulated.wait_until(lambda: resting(at, account_id) == 0, within_s=CALM_S)
            await trio.sleep(CALM_S)
            assert resting(at, account_id) == 0, f"seed {seed}"
            if seed % 3 == 0:
                simulated.kill()
                await simulated.ended.wait()
        if seed % 3 == 0:
            async with simulated_daemon(state, at=at, seed=seed, **settings) as simulated:
                wire.daemon = simulated
                for number in range(3):
                    await trade(simulated, rng, number)
                assert resting(at, account_id) == 0, f"seed {seed}"
        wire.daemon = None


@pytest.mark.parametrize("part", range(4))
async def test_no_create_and_no_amend_leaves_after_the_latch(
    tmp_path, autojump_clock, monkeypatch, part
):
    """I13, C12: every seed another interleaving of placing, amending, faults and three ways to pull the switch."""
    wire = Wire()
    send_all = MortalStream.send_all

    async def send(self, data) -> None:
        wire.look(data)
        await send_all(self, data)

    monkeypatch.setattr(MortalStream, "send_all", send)
    for seed in range(part, SEEDS, 4):
        await run_seed(fresh(tmp_path / "seed"), seed, wire)
        assert wire.after["create"] == 0, f"seed {seed}"
        assert wire.after["amend"] == 0, f"seed {seed}"
    # What was looked at was there to be seen.
    assert wire.sent["create"] > SEEDS // 4
    assert wire.sent["amend"] > 0
    assert wire.after["cancel"] > 10
    print(f"I13 seeds {part}::4 of {SEEDS}: before {dict(wire.sent)}, after {dict(wire.after)}")
