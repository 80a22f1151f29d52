"""The files that `traderd plugins new` writes.

Owns: the text of a first plugin of each kind, and of its test. Each runs as it is.
Must not: write anything.
"""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a plugin may be called: also a Python module has that name."""

_STRATEGY: Final = '''"""$title: joins the best bid with a small order and follows it.

Change `decide` to what you want. It is asked when something changed and once a second; it never waits and keeps only its own notes.
"""

import attrs

from traderd.plugin_api import Side, StrategySpec, cancel, hookimpl, parse_count, place

TRADERD_API = "1"
__version__ = "0.1"


@attrs.frozen(kw_only=True)
class Parameters:
    """Settings under [strategies.$name]."""

    contracts: int = 1
    """How many contracts the order has."""
    position_max: int = 5
    """From this position on nothing is bought."""


class $class_name:
    """Keeps one bid at the best price of each market."""

    def __init__(self, parameters):
        self.count = parse_count(parameters.contracts, what="contracts")
        self.position_max = parse_count(parameters.position_max, what="position_max")

    def decide(self, observation):
        """Return what to do now; an empty list is nothing."""
        own = observation.own(Side.BID)
        if not observation.book_usable or observation.bid is None:
            return [cancel(order) for order in own]
        stale = [order for order in own if order.price != observation.bid]
        if stale:
            return [cancel(order) for order in stale]
        if own or observation.position >= self.position_max:
            return []
        bid = place(
            ticker=observation.ticker,
            side=Side.BID,
            price=observation.bid,
            count=self.count,
            post_only=True,
        )
        return [bid]


@hookimpl
def traderd_strategies():
    """Offer the strategy; in `sim` it runs without being asked for."""
    return [
        StrategySpec(name="$name", make=$class_name, parameters=Parameters, enabled_in_sim=True)
    ]
'''

_RISK_RULE: Final = '''"""$title: a risk rule, no new risk in a market that closes within ten minutes.

A rule is a pure function: it returns why an order is not allowed, or None. What only takes risk away is never asked about.
"""

from traderd.plugin_api import NS_PER_S, RiskRule, hookimpl

TRADERD_API = "1"
__version__ = "0.1"
SECONDS = 600


def check(question):
    """Return why the order is not allowed and what to do; None when it is."""
    left_s = (question.market.close_time - question.now) // NS_PER_S
    if left_s > SECONDS:
        return None
    return f"{question.market.ticker} closes in {max(0, left_s)} s; choose a market that closes later"


@hookimpl
def traderd_risk_rules(config):
    """Offer the rule."""
    return [RiskRule(name="$name", check=check)]
'''

_SERVICE: Final = '''"""$title: a service, counts the fills of this run and notes them.

A service runs in a scope of its own; when it fails it is started again, and nothing else notices.
"""

from traderd.plugin_api import OrderFilled, Service, hookimpl

TRADERD_API = "1"
__version__ = "0.1"


async def run(context, *, task_status):
    """Run until cancelled."""
    with context.subscribe(OrderFilled) as fills:
        task_status.started()
        async for batch in fills:
            count = context.notes.get("fills", 0) + len(batch)
            context.notes.put("fills", count)
            context.log.info(f"$name has seen {count} fills")


@hookimpl
def traderd_services(config):
    """Contribute the service."""
    return [Service(name="$name", run=run)]
'''

_NOTIFIER: Final = '''"""$title: a notifier, writes what a person is told into a list.

Replace `send` by your way out: `await post(url, body=..., headers=...)` sends one POST over https.
"""

from traderd.plugin_api import Notifier, hookimpl

TRADERD_API = "1"
__version__ = "0.1"
TOLD = []


async def send(message, post):
    """Deliver one message."""
    TOLD.append(message)


@hookimpl
def traderd_notifiers(config):
    """Offer the channel."""
    return [Notifier(name="$name", send=send)]
'''

_METRIC: Final = '''"""$title: a metric, how many orders rest; served on /metrics."""

from traderd.plugin_api import PluginMetric, hookimpl

TRADERD_API = "1"
__version__ = "0.1"


def read(look):
    """Return the number from a frozen look at the daemon."""
    return len(look.orders)


@hookimpl
def traderd_metrics(config):
    """Offer the metric."""
    return [PluginMetric(name="$name", meaning="Orders that rest at the exchange.", read=read)]
'''

_TEST: Final = '''"""The test of the plugin $name; run it with: python -m pytest tests/test_$name.py"""

from pathlib import Path

from traderd.testing import check_plugin

PLUGIN = Path(__file__).parents[1] / "plugins" / "$name.py"


def test_it_behaves_in_a_simulated_market():
    report = check_plugin(PLUGIN, minutes=3)
    assert report.passed, "\\n".join(report.lines())
'''

_TEMPLATES: Final = {
    "strategy": _STRATEGY,
    "risk-rule": _RISK_RULE,
    "service": _SERVICE,
    "notifier": _NOTIFIER,
    "metric": _METRIC,
}
KINDS: Final = tuple(_TEMPLATES)


def new_files(name: str, kind: str, directory: Path) -> dict[Path, str]:
    """Return the files of a new plugin and what each holds."""
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in name.split("_")) or "Mine",
    }
    return {
        directory / "plugins" / f"{name}.py": Template(_TEMPLATES[kind]).substitute(words),
        directory / "tests" / f"test_{name}.py": Template(_TEST).substitute(words),
    }


def next_commands(name: str) -> list[str]:
    """Return what a person does next."""
    commands = {
        f"traderd plugins check plugins/{name}.py": "try it in a simulated market",
        "traderd run": "trade with it in sim; in another terminal:",
        f"traderd plugins reload {name}": "after each change of the file",
    }
    width = max(map(len, commands))
    return [f"{command:<{width}}   # {what_for}" for command, what_for in commands.items()]
