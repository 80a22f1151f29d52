"""What plugins offer: which hook returns a list of what, how one is asked, and that no name is offered twice.

Owns: the table of offers, and the fault of a hook that raises or returns nonsense.
Must not: keep what was offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import pluggy

from traderd import hookspecs
from traderd.config_secrets import all_secret_texts
from traderd.errors import FOREIGN_FAILURES
from traderd.plugin_api import (
    PROJECT_NAME,
    CommandSpec,
    Notifier,
    ObservationFeature,
    PluginMetric,
    RiskRule,
    Route,
    Service,
    StrategySpec,
)
from traderd.plugin_checks import MARKER, PluginFault, call_fault, check_answer


def _name(item: Any) -> str:
    return str(item.name)


SERVICES_HOOK: Final = "traderd_services"
STRATEGIES_HOOK: Final = "traderd_strategies"
RISK_RULES_HOOK: Final = "traderd_risk_rules"
NOTIFIERS_HOOK: Final = "traderd_notifiers"
ROUTES_HOOK: Final = "traderd_routes"
METRICS_HOOK: Final = "traderd_metrics"
OBSERVATIONS_HOOK: Final = "traderd_observations"
COMMANDS_HOOK: Final = "traderd_commands"
OWN_NAMES: Final = (ROUTES_HOOK,)
"""Hooks whose names begin with the plugin's, so that two plugins may use the same."""
OFFERS: Final[dict[str, tuple[type, str, Callable[[Any], str]]]] = {
    SERVICES_HOOK: (Service, "services", _name),
    STRATEGIES_HOOK: (StrategySpec, "strategies", _name),
    RISK_RULES_HOOK: (RiskRule, "risk rules", _name),
    NOTIFIERS_HOOK: (Notifier, "notifiers", _name),
    ROUTES_HOOK: (Route, "routes", lambda route: f"{route.method} {route.path}"),
    METRICS_HOOK: (PluginMetric, "metrics", _name),
    OBSERVATIONS_HOOK: (ObservationFeature, "observation features", _name),
    COMMANDS_HOOK: (CommandSpec, "commands", _name),
}
"""What each hook returns a list of, how these are called, and how one of them is named: no name is offered twice."""


def ask(plugin: Any, hook: str, arguments: Mapping[str, Any]) -> list[Any]:
    """Call one hook of one plugin; an empty list when it does not have it.

    Raises:
        PluginFault: the hook failed, or returned anything but a list of what it should.
    """
    if not hasattr(getattr(plugin, hook, None), MARKER):
        # Most plugins have one or two of the hooks, and each is asked for all of them at the start.
        return []
    scratch = pluggy.PluginManager(PROJECT_NAME)
    scratch.add_hookspecs(hookspecs)
    scratch.register(plugin)
    try:
        # At most one answer, because there is one plugin; pluggy leaves a None out.
        answers = getattr(scratch.hook, hook)(**arguments)
        return check_answer(hook, answers[0] if answers else None, OFFERS[hook][0], plugin)
    except FOREIGN_FAILURES as exc:
        config = arguments.get("config")
        raise call_fault(hook, exc, plugin, all_secret_texts(config) if config else ()) from exc


def names_of(hook: str, items: Iterable[Any]) -> tuple[str, ...]:
    """Return the names of what a hook offered."""
    name_of = OFFERS[hook][2]
    return tuple(name_of(item) for item in items)


def check_names(hook: str, items: Iterable[Any], owners: Mapping[str, str]) -> None:
    """Raise PluginFault when a name is taken: by the plugin that `owners` has for it, or by the offer itself."""
    seen: dict[str, None] = {}
    for name in names_of(hook, items):
        if name in owners and hook not in OWN_NAMES:
            whose = f"plugin {owners[name]} offers one of that name too"
        elif name in seen:
            whose = "it does so twice"
        else:
            seen[name] = None
            continue
        raise PluginFault(
            f"it offers {name!r} among its {OFFERS[hook][1]}, and {whose}", "rename one of the two"
        )
