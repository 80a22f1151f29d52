"""Drop-in strategies for tests of the actor: modules written into a daemon's plugins directory."""

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from tests.simulation.harness import TICKERS
from traderd.model.strategy_events import TickOutcome

HEAD = """
import attrs
from traderd.plugin_api import *
from traderd.plugin_api import setting, tunable, place, cancel, amend, parse_count, parse_price, hookimpl

@attrs.frozen(kw_only=True)
class Parameters:
    size: int = tunable(1, ge=1, le=9, doc="Contracts.")
    fixed: int = setting(3, ge=1)

class Probe:
    seen = []
    notes = []
    def __init__(self, parameters, context):
        self.context = context
        self.size = parameters.size
        self.on = {}
    def on_parameters(self, parameters):
        self.size = parameters.size
    def bid(self, observation, price="0.0100"):
        return place(ticker=observation.ticker, side=Side.BID, price=parse_price(price), count=parse_count(self.size))
"""
TAIL = """
@hookimpl
def traderd_strategies():
    return [StrategySpec(name="probe", make=Probe, parameters=Parameters, enabled_in_sim=True)]
"""


def write_probe(directory: Path, methods: str, *, head: str = "") -> Path:
    """Write a strategy `probe` with these methods, in which FIRST is a market; returns the module's path."""
    plugins = directory / "plugins"
    plugins.mkdir(exist_ok=True)
    path = plugins / "probe.py"
    methods = methods.replace("FIRST", TICKERS[0])
    body = indent(dedent(methods).strip("\n"), "    ")
    path.write_text(f"{head}{HEAD}{body}\n\n{TAIL}")
    return path


def write_first_probe(directory: Path, body: str) -> Path:
    """Write a probe that decides by this body in FIRST, and does nothing in any other market."""
    head = """
        def decide(self, observation):
            if observation.ticker != "FIRST":
                return ()
    """
    return write_probe(directory, f"{dedent(head).strip()}\n{indent(dedent(body).strip(), '    ')}")


def probe(simulated: Any) -> Any:
    """Return the class of the running probe: its `seen` and `notes` are lists of the class."""
    return simulated.daemon.shared.strategies["probe"].make


def outcomes(simulated: Any, strategy: str = "probe") -> dict[tuple[TickOutcome, str], int]:
    """Return how many ticks of a strategy ended in each outcome and rule."""
    found: dict[tuple[TickOutcome, str], int] = {}
    for (name, _, outcome, rule), row in simulated.view.ticks.rows.items():
        if name == strategy:
            found[outcome, rule] = found.get((outcome, rule), 0) + row.count
    return found


def report(simulated: Any, strategy: str = "probe") -> Any:
    """Return what a strategy last reported of itself."""
    return next(one for one in simulated.view.ticks.reports if one.strategy == strategy)
