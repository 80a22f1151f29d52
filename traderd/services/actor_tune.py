"""Changed settings of running strategies: what of them is taken live, and the taking.

Owns: that new parameters are tried on an object that is thrown away before the running one gets them, and that all changed
parameters of a strategy are taken together or none is.
Must not: read settings (`reload` does), or start and stop strategies (`actor_verbs` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from traderd.config_strategies import DEFAULTS, ENABLED, own_parameters, strategy_settings
from traderd.core.strategy_context import StrategyContext
from traderd.core.strategy_parameters import (
    ON_PARAMETERS,
    changed,
    read_parameters,
)
from traderd.errors import FOREIGN_FAILURES, BadInput, ConfigError
from traderd.model import events as ev
from traderd.model.ids import StrategyName
from traderd.model.state_events import Author
from traderd.model.strategy_events import TenantStatus
from traderd.services.context import Context
from traderd.services.tenant import Tenant
from traderd.services.tenant_make import about_section, make_strategy

LIVE: Final = ("commands_per_s", "callback_budget_ms", "loop_percent")
"""What the daemon itself reads of a section each time it is needed."""
STARTS: Final = "it says whether the strategy runs at all"
LIMITS: Final = "the limits of a strategy are read when the daemon starts"
FIXED: Final = "the strategy reads it when it starts"
IS_SECRET: Final = (
    "is a secret or holds one, and every change of a running strategy goes into the journal"
)


@attrs.define(eq=False)
class StrategyTuning:
    """Takes changed sections `[strategies.NAME]` over."""

    _context: Context
    _tenants: Mapping[StrategyName, Tenant]
    _quarantine: Callable[[Tenant, str], None]
    _report: Callable[[], None]

    def why_not(
        self, name: StrategyName, section: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, str]:
        """Return why each of these settings, which the new section changes, is not taken; an empty text for one that is.

        Raises:
            ConfigError: a value cannot be, or this is no moment to change anything.
        """
        strategy_settings(name, section)
        tenant = self._tenants.get(name)
        if tenant is None:
            # It reads all of them when it starts.
            return {one: STARTS if one == ENABLED else "" for one in names}
        if tenant.status is TenantStatus.DRAINING:
            raise ConfigError(
                f"strategy {name} is being replaced by new code; try again when it runs"
            )
        own = [one for one in names if one not in DEFAULTS]
        secret = tenant.hidden(self._tried(tenant, section, own)) if own else ()
        live = tenant.live_names
        fixed = [one for one in own if one not in live or one in secret]
        together = f"its parameters are taken together, and {fixed[0]} waits" if fixed else ""
        return {
            one: _why_not_of_the_daemon(one)
            if one in DEFAULTS
            else f"it {IS_SECRET}"
            if one in secret
            else FIXED
            if one in fixed
            else together
            for one in names
        }

    def take(
        self, name: StrategyName, section: Mapping[str, Any], names: Sequence[str], by: str
    ) -> str:
        """Take settings over for which `why_not` had no objection; returns why a running strategy did not take them after all."""
        tenant = self._tenants.get(name)
        if tenant is None:
            return ""
        own = [one for one in names if one not in DEFAULTS]
        if own:
            try:
                # Once more: what could be made a moment ago may not be twice, and the rest of the reload goes on.
                new = self._tried(tenant, section, own)
                put_parameters(self._context, tenant, new, own, author=Author.PERSON, by=by)
            except (BadInput, ConfigError) as exc:
                return tenant.masked(f"strategy {name} refused: {exc}")
            except FOREIGN_FAILURES as exc:  # a strategy may fail in any way
                words = tenant.masked(str(exc))
                self._quarantine(tenant, f"it failed to take {', '.join(own)} over: {words}")
                return f"strategy {name} failed to take its parameters over: {words}"
        settings = tenant.settings = strategy_settings(name, section)
        tenant.budget.per_s = settings.commands_per_s
        tenant.times.budget_s = settings.callback_budget_ms / 1_000
        tenant.share.percent = settings.loop_percent
        self._report()
        return ""

    def _tried(self, tenant: Tenant, section: Mapping[str, Any], own: Sequence[str]) -> Any:
        prefix = f"{tenant.section}."
        tuned = self._context.view.ticks.tuned.get(tenant.name, {})
        try:
            new = read_parameters(tenant.spec.parameters, own_parameters(section), prefix=prefix)
            for name, value in tuned.items():
                if name not in own:
                    # A person changed it in this run, and the file says nothing new of it.
                    new = changed(new, name, value, prefix=prefix)
            try_parameters(tenant, new)
        except BadInput as exc:
            raise ConfigError(tenant.masked(about_section(tenant.section, section, exc))) from exc
        return new


def _why_not_of_the_daemon(name: str) -> str:
    if name in LIVE:
        return ""
    return STARTS if name == ENABLED else LIMITS


def try_parameters(tenant: Tenant, new: Any) -> None:
    """Try new parameters on an object that is thrown away: one that refuses must leave the running one as it was.

    Raises:
        BadInput: the strategy cannot be made with them.
    """
    context = StrategyContext(tenant.name, notes=tenant.context.notes)
    make_strategy(tenant.spec, new, context)


def put_parameters(
    context: Context, tenant: Tenant, new: Any, names: Sequence[str], *, author: Author, by: str
) -> None:
    """Hand a running strategy its new parameters, of which these differ, and tell it.

    Raises:
        BadInput: it refuses them; anything else that its `on_parameters` raises is raised as it is.
    """
    was = tenant.shown(tenant.parameters)
    getattr(tenant.strategy, ON_PARAMETERS)(new)
    tenant.parameters = new
    shown = tenant.shown(new)
    context.publish(
        *(
            ev.StrategyParameterSet(
                at=context.now(),
                strategy=tenant.name,
                name=name,
                value=shown[name],
                was=was[name],
                author=author,
                by=by,
            )
            for name in names
        )
    )
