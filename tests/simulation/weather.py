"""Random faults and random people, drawn from one seed.

Owns: the schedule of faults at the exchange, and persons who place, cancel and clear the breaker meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import trio

from tests.simulation.harness import TICKERS, SimulatedDaemon
from traderd.core.conditions import BREAKER_HALT
from traderd.model.commands import Answer, ClearHalt
from traderd.paper.faults.faults import ORDERS

WINDOW_S: Final = (1.0, 60.0)
"""How long a fault lasts that is not a single one."""
BETWEEN_FAULTS_S: Final = 30.0
"""The mean of the time between two faults."""
BETWEEN_ORDERS_S: Final = 7.0
REQUEST_LIFE_S: Final = 15.0
"""The longest delay: longer than our own deadline of 10 s, so that some requests arrive after we gave up."""


async def make_weather(simulated: SimulatedDaemon, rng: Random) -> None:
    """Make one fault after the other, some at the same time, until cancelled."""
    faults = simulated.exchange.faults
    # A late request is carried out all the same, as if it waited behind the check of its signature.
    simulated.exchange.keys.past_window_s = 60
    single: tuple[Callable[[], object], ...] = (
        lambda: faults.drop_websockets(rng.choice((None, "orderbook_delta", "fill"))),
        lambda: faults.lose_reply_of_next(rng.choice(("POST", "DELETE")), ORDERS),
        lambda: faults.lose_next_request(rng.choice(("POST", "DELETE", "GET")), "/portfolio"),
        lambda: faults.spoil_reply_of_next(rng.choice(("POST", "DELETE")), ORDERS, 500),
    )
    async with trio.open_nursery() as nursery:
        while True:
            await trio.sleep(rng.expovariate(1 / BETWEEN_FAULTS_S))
            if rng.random() < 0.6:
                rng.choice(single)()
            else:
                nursery.start_soon(_window, simulated, rng)


async def _window(simulated: SimulatedDaemon, rng: Random) -> None:
    faults, kind = simulated.exchange.faults, rng.randrange(6)
    if kind == 0:
        faults.refuse_websockets(503)
        faults.drop_websockets()
    elif kind == 1:
        faults.refuse_requests("/", rng.choice((500, 503, 504)))
    elif kind == 2:
        faults.refuse_requests(ORDERS, rng.choice((429, 500, 503)))
    elif kind == 3:
        faults.delay_replies(rng.uniform(0.0, REQUEST_LIFE_S))
    elif kind == 4:
        faults.delay_requests(rng.uniform(0.0, REQUEST_LIFE_S))
    else:
        simulated.exchange.pause(whole_exchange=rng.random() < 0.5)
    await trio.sleep(rng.uniform(*WINDOW_S))
    # Everything at once: windows that overlap end together, which is a schedule like any other.
    faults.clear()
    simulated.exchange.resume()


async def live_people(simulated: SimulatedDaemon, rng: Random) -> None:
    """Let persons place and cancel orders, and clear the breaker when it tripped, until cancelled."""
    keys: list[str] = []
    async with trio.open_nursery() as nursery:
        while True:
            await trio.sleep(rng.expovariate(1 / BETWEEN_ORDERS_S))
            if BREAKER_HALT in simulated.view.conditions.halts:
                await simulated.send(ClearHalt(halt_id=BREAKER_HALT))
            if keys and rng.random() < 0.5:
                nursery.start_soon(simulated.cancel, keys.pop(rng.randrange(len(keys))))
            else:
                nursery.start_soon(_place, simulated, rng, keys)


async def _place(simulated: SimulatedDaemon, rng: Random, keys: list[str]) -> None:
    ticker = rng.choice(TICKERS[-3:])
    book = simulated.view.book(ticker)
    top = book.last_known_top() if book is not None else None
    if top is None or top.bid is None or top.ask is None:
        return
    side = rng.choice(("bid", "ask"))
    # Some cross the spread and fill at once, some join it.
    price = rng.choice((top.bid, top.ask))
    outcome = await simulated.place(
        side, str(rng.randint(1, 9)), f"{price / 10_000:.4f}", ticker=ticker
    )
    if outcome.key is not None and outcome.answer is not Answer.REJECTED:
        keys.append(outcome.key)
