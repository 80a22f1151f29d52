"""Leased orders under renewals that are late, lost or waiting: what was made smaller stays smaller."""

from random import Random

import pytest
import trio

from tests.simulation import invariants
from tests.simulation.harness import (
    TICKERS,
    SimulatedDaemon,
    fresh,
    order_terms,
    simulated_daemon,
    simulated_exchange,
)
from traderd.kalshi.limits import BASIC_READ, BASIC_WRITE, Traffic
from traderd.model.commands import AmendOrder, Answer, DecreaseOrder, PlaceOrder
from traderd.model.ids import StrategyName
from traderd.model.orders import Attribution, OrderOwner, OrderStatus
from traderd.model.units import NS_PER_S, Count, parse_count, parse_price
from traderd.paper.faults.faults import ORDERS
from traderd.paper.faults.plan import FaultKind, FaultRule

MAKER = Attribution(owner=OrderOwner.STRATEGY, strategy=StrategyName("maker"))
LEASE_S = 20
ORDER_PATH = f"{ORDERS}/"
"""Of what is asked of one order: amends and decreases."""


def there(daemon: SimulatedDaemon, key: str):
    order = daemon.view.order(key)
    return daemon.exchange.venue.order(daemon.account_id, order.order_id)


async def place(daemon: SimulatedDaemon, count: str, ticker: str = TICKERS[0]) -> str:
    terms = order_terms("bid", count, "0.0100", ticker=ticker)
    outcome = await daemon.send(PlaceOrder(terms=terms, attribution=MAKER))
    assert outcome.ok, outcome.sentence
    return outcome.key


def slow_changes(daemon: SimulatedDaemon, *, from_s: float, to_s: float, times: int | None) -> None:
    daemon.exchange.faults.set_plan([
        FaultRule(
            kind=FaultKind.SLOW_REQUEST,
            method="POST",
            path=ORDER_PATH,
            min_ms=round(from_s * 1000),
            max_ms=round(to_s * 1000),
            times=times,
        )
    ])


async def renewal_leaves(daemon: SimulatedDaemon) -> None:
    gone = trio.Event()

    def look(data: bytes) -> None:
        if b"/amend" in data[:200]:
            gone.set()

    daemon.env.on_send = look
    with trio.fail_after(2 * LEASE_S):
        await gone.wait()


@pytest.mark.parametrize(
    ("late_s", "decreased_after_s"),
    [(0.8, 0.1), (14.0, 0.1), (14.0, 11.0)],
    ids=["on its way", "on its way for long", "timed out"],
)
async def test_a_renewal_that_arrives_after_a_decrease_does_not_undo_it(
    tmp_path, autojump_clock, late_s, decreased_after_s
):
    limits = {"risk__max_market_position_contracts": "10", "trading__dead_man_s": 60}
    async with simulated_daemon(tmp_path, **limits) as daemon:
        key = await place(daemon, "10")
        slow_changes(daemon, from_s=late_s, to_s=late_s, times=1)
        await renewal_leaves(daemon)
        await trio.sleep(decreased_after_s)
        decreased = await daemon.send(DecreaseOrder(key=key, to=parse_count("4")))
        assert decreased.answer is Answer.DONE, decreased.sentence
        # What the decrease freed is used, so that more than the limit could be bought if it came back.
        await place(daemon, "6", TICKERS[0])
        await trio.sleep(late_s + 1.0)
        assert there(daemon, key).remaining_count == parse_count("4")
        await trio.sleep(120.0)
        assert there(daemon, key).status is OrderStatus.RESTING
        assert there(daemon, key).remaining_count == parse_count("4")
        await invariants.settle(daemon)
        await invariants.check_everything(daemon)


async def test_a_renewal_that_waits_for_tokens_is_not_sent_after_a_decrease(
    tmp_path, autojump_clock
):
    room = {"risk__max_open_orders": 1000, "risk__max_exposure_dollars": "100000"}
    async with (
        simulated_exchange(tmp_path) as at,
        simulated_daemon(
            fresh(tmp_path / "s"), at=at, trading__dead_man_s=LEASE_S, **room
        ) as daemon,
    ):
        throttle = daemon.daemon.shared.venue.rest.throttle
        throttle.learn_sizes(BASIC_READ, BASIC_WRITE)
        key = await place(daemon, "10")
        order = daemon.view.order(key)
        await trio.sleep(8.6)
        async with trio.open_nursery() as nursery:

            async def crowd(number: int) -> None:
                await trio.sleep(number * 0.02)
                await daemon.place("bid", f"{number + 1}", "0.0100", ticker=TICKERS[1])

            for number in range(24):
                nursery.start_soon(crowd, number)
            schedule = throttle._write.schedule
            await daemon.wait_until(
                lambda: (
                    order.expires_at - daemon.exchange.now() < 9.2 * NS_PER_S
                    and schedule.waiting(Traffic.PLACE) > 3
                )
            )
            assert (await daemon.send(DecreaseOrder(key=key, to=parse_count("4")))).ok
        await trio.sleep(1.0)
        assert there(daemon, key).remaining_count == parse_count("4")
        assert daemon.said(f"order {key} was not renewed")
        # It never left.
        assert not daemon.said("order_id_and_client_order_id_mismatch")
        await trio.sleep(60.0)
        # It goes on being renewed, by what it is now.
        assert there(daemon, key).status is OrderStatus.RESTING
        assert there(daemon, key).remaining_count == parse_count("4")


async def change_at_random(daemon: SimulatedDaemon, rng: Random, most: dict[str, int]) -> int:
    """Make an order smaller, amend one, or place the next when one has ended; returns what was decreased."""
    key = rng.choice(list(most))
    order = daemon.view.order(key)
    to = Count(order.remaining - parse_count("0.50"))
    if to <= 0:
        terms = order_terms("bid", str(rng.randint(20, 40)), "0.0100", ticker=order.ticker)
        placed = await daemon.send(PlaceOrder(terms=terms, attribution=MAKER))
        if placed.ok:
            del most[key]
            most[placed.key] = terms.count
    elif rng.random() < 0.2:
        price = parse_price(f"0.0{rng.randint(1, 9)}00")
        await daemon.send(AmendOrder(key=key, price=price))
    elif (await daemon.send(DecreaseOrder(key=key, to=to))).answer is Answer.DONE:
        most[key] = min(most.get(key, to), to)
        return 1
    return 0


def check_sizes(daemon: SimulatedDaemon, most: dict[str, int]) -> None:
    for key, count in most.items():
        assert there(daemon, key).remaining_count <= count


@pytest.mark.parametrize("seed", range(6))
async def test_no_order_of_a_strategy_grows_back_whatever_the_network_does(
    tmp_path, autojump_clock, seed
):
    """Rows N1 and N3: a lease that is renewed all the time, while its order becomes smaller and smaller."""
    rng, decreased = Random(seed), 0
    settings = {"trading__dead_man_s": LEASE_S, "risk__duplicate_window_ms": 0}
    settings |= {"risk__breaker_errors": 1_000, "risk__breaker_window": 0}
    async with simulated_daemon(tmp_path, seed=seed, **settings) as daemon:
        most = {await place(daemon, "40", ticker): parse_count("40") for ticker in TICKERS[:4]}

        async def change() -> None:
            nonlocal decreased
            decreased += await change_at_random(daemon, rng, most)

        async with trio.open_nursery() as nursery:
            for _ in range(200):
                await trio.sleep(rng.uniform(0.1, 2.0))
                slow_changes(daemon, from_s=0.0, to_s=rng.choice((0.2, 3.0, 12.0)), times=None)
                if rng.random() < 0.2:
                    daemon.exchange.faults.lose_reply_of_next("POST", ORDER_PATH)
                nursery.start_soon(change)
                check_sizes(daemon, most)
        daemon.exchange.faults.clear()
        await trio.sleep(40.0)
        check_sizes(daemon, most)
        assert decreased > 10
        await invariants.settle(daemon)
        invariants.check_orders(daemon)
        invariants.check_money(daemon)
