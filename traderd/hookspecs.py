"""All hooks of traderd. They are synchronous and return descriptions; the host runs what is described."""

from __future__ import annotations

import pluggy

from traderd.config import Config
from traderd.plugin_api import PROJECT_NAME, RiskRule, Service, StrategySpec

hookspec = pluggy.HookspecMarker(PROJECT_NAME)


@hookspec
def traderd_services(config: Config) -> list[Service]:
    """Return the services to run under this configuration; each runs in its own supervised scope."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_strategies() -> list[StrategySpec]:
    """Return the strategies that this plugin offers; the configuration decides which of them run."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_risk_rules(config: Config) -> list[RiskRule]:
    """Return the rules that every order with new risk must pass besides the built-in ones."""
    raise AssertionError("a hook specification is never called itself")
