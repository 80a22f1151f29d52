"""From configuration and plugins to running strategies.

Owns: which strategies run, the making of each one's parameters and object, and the sentences when that cannot be.
Must not: run them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from traderd.config import Config
from traderd.config_secrets import secret_texts
from traderd.config_strategies import own_parameters, strategy_settings
from traderd.core.strategy_context import NotesInMemory, SilentLog, StrategyContext, StrategyNotes
from traderd.core.strategy_parameters import ON_PARAMETERS, changed, read_parameters, tunable_names
from traderd.errors import FOREIGN_FAILURES, BadInput, ConfigError
from traderd.model.ids import StrategyName
from traderd.plugin_api import StrategySpec
from traderd.runtime.log_text import mask_texts
from traderd.services.tenant import CALLBACKS, Tenant
from traderd.services.tenant_clock import CallbackTimes, CommandBudget
from traderd.services.tenant_share import LoopShare

DECIDE: Final = "decide"
CONTEXT: Final = "context"
"""The argument by which a strategy asks for its `StrategyContext`."""


def make_tenants(
    config: Config,
    specs: Mapping[str, StrategySpec],
    *,
    tuned: Mapping[StrategyName, Mapping[str, str]] | None = None,
    log: Any = None,
    notes: Callable[[str], StrategyNotes] | None = None,
    all_known: bool = True,
) -> list[Tenant]:
    """Return the enabled strategies with their parameters; `tuned` are those that people changed since the start, `log` a bound logger.

    Without `all_known` sections of strategies that are not on offer are passed over: their plugin was taken out of use while the
    daemon ran.

    Raises:
        ConfigError: a section names no strategy, or a parameter is unknown or of the wrong type.
    """
    for name in config.strategies:
        if all_known and name not in specs:
            known = ", ".join(specs) or "none, because no plugin was found"
            raise ConfigError(
                f"strategies.{name} is not a strategy; known are: {known}. Plugins are looked for in "
                "plugins/ here, ~/.config/traderd/plugins and /etc/traderd/plugins"
            )
    made = (
        make_tenant(
            config, spec, tuned=(tuned or {}).get(StrategyName(name), {}), log=log, notes=notes
        )
        for name, spec in specs.items()
    )
    return [tenant for tenant in made if tenant is not None]


def make_tenant(
    config: Config,
    spec: StrategySpec,
    *,
    tuned: Mapping[str, str],
    log: Any = None,
    notes: Callable[[str], StrategyNotes] | None = None,
) -> Tenant | None:
    """Return one strategy with its parameters, None when the configuration does not enable it.

    `notes` gives a strategy its durable notes by its name; without it they live in memory.

    Raises:
        ConfigError: a setting is wrong, or the strategy cannot be made; names it.
    """
    section = config.strategies.get(spec.name, {})
    settings = strategy_settings(spec.name, section)
    by_default = spec.enabled_in_sim and config.environment == "sim"
    if not (by_default if settings.enabled is None else settings.enabled):
        return None
    prefix = f"strategies.{spec.name}."
    own_log: Any = log or SilentLog()
    own_notes = NotesInMemory() if notes is None else notes(spec.name)
    context = StrategyContext(StrategyName(spec.name), own_log, own_notes)
    try:
        parameters = read_parameters(spec.parameters, own_parameters(section), prefix=prefix)
        for name, value in tuned.items():
            parameters = changed(parameters, name, value, prefix=prefix)
        strategy = make_strategy(spec, parameters, context)
    except BadInput as exc:
        raise ConfigError(about_section(prefix[:-1], section, exc)) from exc
    return Tenant(
        name=StrategyName(spec.name),
        spec=spec,
        strategy=strategy,
        parameters=parameters,
        context=context,
        settings=settings,
        times=CallbackTimes(budget_s=settings.callback_budget_ms / 1_000),
        budget=CommandBudget(per_s=settings.commands_per_s),
        share=LoopShare(percent=settings.loop_percent),
    )


def about_section(section: str, values: Mapping[str, Any], error: BadInput) -> str:
    """Return what is wrong with a strategy's section: it is named, and no secret of it is in the words."""
    words = mask_texts(str(error), secret_texts(section, values))
    return words if words.startswith(f"{section}.") else f"{section}: {words}"


def make_strategy(spec: StrategySpec, parameters: Any, context: StrategyContext) -> Any:
    """Return the object of a strategy; its maker gets the context too if it has an argument of that name.

    Raises:
        BadInput: a parameter cannot be, or the object has none of the methods of a strategy, or too many.
    """
    given = {CONTEXT: context} if _takes_context(spec.make) else {}
    try:
        strategy = spec.make(parameters, **given)
    except BadInput:
        raise
    except FOREIGN_FAILURES as exc:
        raise BadInput(
            f"it cannot be made: {type(exc).__name__}: {exc}; correct the plugin, or set enabled = false"
        ) from exc
    methods = [name for name in CALLBACKS if callable(getattr(strategy, name, None))]
    decides = callable(getattr(strategy, DECIDE, None))
    if decides and "on_book" in methods:
        raise BadInput("it has decide and on_book, which are the same; keep one of them")
    if not decides and not methods:
        raise BadInput(f"it has no method {DECIDE} and none of {', '.join(CALLBACKS)}")
    live = tunable_names(spec.parameters)
    if live and not callable(getattr(strategy, ON_PARAMETERS, None)):
        raise BadInput(
            f"{live[0]} is live-tunable, but the strategy has no method {ON_PARAMETERS}(parameters)"
        )
    return strategy


def _takes_context(make: Any) -> bool:
    try:
        return CONTEXT in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False
