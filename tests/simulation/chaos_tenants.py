"""The tenants of the daemon that chaos strikes: a service of a plugin, a strategy whose orders go through all of it, and one
that misbehaves by itself.

Owns: their code, which is written into the daemon's `plugins/`.
Must not: know who is struck, or when.
"""

from pathlib import Path
from typing import Final

from tests.plugin_files import put_plugin
from traderd.model.ids import StrategyName

QUOTER: Final = StrategyName("quoter")
PLUGIN: Final = """
from traderd.plugin_api import Service, hookimpl
import trio


async def run(context, *, task_status):
    task_status.started()
    while True:
        await trio.sleep(30.0)


@hookimpl
def traderd_services(config):
    return [Service(name="neighbour", run=run)]
"""
"""A tenant that is not ours, and is struck like everybody."""
STRATEGY: Final = """
import attrs

from traderd.plugin_api import Side, StrategySpec, cancel, hookimpl, parse_count, parse_price, place


@attrs.frozen
class Parameters:
    pass


class Quoter:
    fills = []

    def __init__(self, parameters, context):
        self.context = context
        self.first = None

    def decide(self, observation):
        # Whoever listens to fills is there by then.
        self.first = self.first or observation.at
        if observation.at - self.first < 10_000_000_000:
            return ()
        stale = [cancel(order) for order in observation.orders if observation.at - order.placed_at > 90_000_000_000]
        if observation.orders:
            return stale
        if observation.at // 1_000_000_000 % 45 >= 15:
            self.context.set_timer(observation.ticker, 60.0)
            return ()
        takes = observation.position == 0 and observation.ask is not None
        price = observation.ask if takes else parse_price("0.01")
        return [place(ticker=observation.ticker, side=Side.BID, price=price, count=parse_count("1"))]

    def on_fill(self, observation, fill):
        self.fills.append(fill.trade_id)

    def on_timer(self, observation, name):
        return [cancel(order) for order in observation.orders]


@hookimpl
def traderd_strategies():
    return [StrategySpec(name="quoter", make=Quoter, parameters=Parameters, enabled_in_sim=True)]
"""
"""A strategy whose orders go through all of it; it is never struck itself, and so it must never be quarantined."""


WILD: Final = StrategyName("wild")
WILD_STRATEGY: Final = """
import random

import attrs

from traderd.plugin_api import Side, StrategySpec, hookimpl, parse_count, parse_price, place


@attrs.frozen
class Parameters:
    pass


class Wild:
    moods = []

    def __init__(self, parameters, context):
        self.context = context

    def decide(self, observation):
        mood = random.Random(observation.at).choice(("calm", "calm", "raise", "exit", "flood", "timers", "nonsense"))
        self.moods.append(mood)
        if mood == "raise":
            raise ValueError("wild")
        if mood == "exit":
            exit(3)
        if mood == "nonsense":
            return ["buy"]
        if mood == "timers":
            for number in range(50):
                self.context.set_timer(observation.ticker, 1.0, str(number))
        if mood == "flood":
            bid = place(ticker=observation.ticker, side=Side.BID, price=parse_price("0.01"), count=parse_count("1"))
            return [bid] * 100
        return ()

    def on_timer(self, observation, name):
        return ()

    def on_fill(self, observation, fill):
        raise RuntimeError("wild")


@hookimpl
def traderd_strategies():
    return [StrategySpec(name="wild", make=Wild, parameters=Parameters, enabled_in_sim=True)]
"""
"""A strategy that does everything it should not, but block; sooner or later it is quarantined, and released again."""


def write_tenants(directory: Path) -> None:
    """Write all of them as plugins of the daemon whose directory it is."""
    for name, text in (("neighbour", PLUGIN), ("quoter", STRATEGY), ("wild", WILD_STRATEGY)):
        put_plugin(directory, name, text)
