"""All hooks of traderd. They are synchronous and return descriptions; the host runs what is described."""

from __future__ import annotations

import pluggy

from traderd.config import Config
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


@hookspec
def traderd_notifiers(config: Config) -> list[Notifier]:
    """Return the channels by which a person is told; what they need is in `[notify]` of the configuration."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_routes(config: Config) -> list[Route]:
    """Return the HTTP routes to serve under `/x/<plugin>/`; a GET reads, a POST needs the control token."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_metrics(config: Config) -> list[PluginMetric]:
    """Return the metrics to serve on `/metrics` as `traderd_plugin_<name>`, each read anew from a frozen look."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_observations() -> list[ObservationFeature]:
    """Return the numbers to add to every observation; each is a pure function of the observation."""
    raise AssertionError("a hook specification is never called itself")


@hookspec
def traderd_commands() -> list[CommandSpec]:
    """Return the commands to add to `traderd`; they talk to the running daemon through its control socket."""
    raise AssertionError("a hook specification is never called itself")
