"""Reading the settings again while the daemon runs: SIGHUP and `traderd reload`.

Owns: that the whole of the new settings is judged before anything changes, that what can change live does, and that every
other change is told with a sentence. Settings that do not fit leave everything as it was.
Must not: raise a risk limit without a person's word, or end and start anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from traderd.config import Config, check_config
from traderd.errors import ConfigError
from traderd.model import events as ev
from traderd.model.commands import Answer, Outcome, Reload
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context
from traderd.services.limits_confirmation import tell_waiting
from traderd.services.live_settings import (
    RISK,
    STRATEGIES,
    Change,
    Fate,
    by_strategy,
    judge_changes,
    limits_taken,
    refused,
    take,
)

NOTHING_TO_READ: Final = (
    "this daemon was started from within a program, so there are no settings to read again"
)
SIGNAL: Final = "SIGHUP"
"""Who asks by signal: nobody who could say that more risk is wanted."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the service."""
    return [Service(name="reload", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve `Reload` until cancelled; a reload that is under way is finished or has changed nothing."""
    with context.shared.commands.serve(Reload) as requests:
        task_status.started()
        async for request in requests:
            await request.carry_out(partial(reload_settings, context, request.refusal))


async def reload_settings(
    context: Context, refusal: Callable[[], Outcome | None], command: Reload
) -> Outcome:
    """Read the settings, take over what can be, and say what became of each change.  Cancelling it changes nothing.

    `refusal` is asked after the reading: why the reload is not wanted any more, None when it is.
    """
    reread = context.shared.levers.reread
    if reread is None:
        return Outcome(answer=Answer.UNAVAILABLE, sentence=NOTHING_TO_READ)
    settings = context.shared.settings
    try:
        new = await context.env.run_blocking(reread)
        # While the disk was read, somebody may have halted; from here on nothing waits.
        if (why := refusal()) is not None:
            return why
        changes = judge_changes(
            settings, new, held=context.view.limits, raise_limits=command.raise_limits
        )
        merged = take(settings.current, changes)
        # Each was right beside the others of its file; what is taken must be so beside what is kept.
        check_config(merged)
    except ConfigError as exc:
        context.log.error(f"reload: nothing was changed: {exc}")
        return Outcome(answer=Answer.DENIED, sentence=f"nothing was changed: {exc}")
    if not command.dry_run:
        changes = _tune_strategies(context, new, changes, command.by)
        _apply(context, take(settings.current, changes), changes, command.by)
    return _outcome(changes, dry_run=command.dry_run)


def _tune_strategies(
    context: Context, new: Config, changes: tuple[Change, ...], by: str
) -> tuple[Change, ...]:
    """Let running strategies take their sections over; returns the changes, those that were not taken after all as such."""
    tuner, failed = context.shared.settings.tuner, dict[str, str]()
    taken = [change.name for change in changes if change.fate is Fate.TAKEN]
    for name, keys in by_strategy(taken).items():
        why = "" if tuner is None else tuner.take(name, new.strategies.get(name, {}), keys, by)
        if why:
            failed |= {f"{STRATEGIES}{name}.{key}": why for key in keys}
    return tuple(
        refused(change, failed[change.name]) if change.name in failed else change
        for change in changes
    )


def _apply(context: Context, merged: Config, changes: tuple[Change, ...], by: str) -> None:
    settings, before = context.shared.settings, context.view.limits
    settings.current = merged
    context.shared.levers.set_log_level(merged.log.level)
    limits = limits_taken(before, merged, changes)
    for change in changes:
        tell = context.log.info if change.fate is Fate.TAKEN else context.log.warning
        tell(f"reload: {change.sentence}", setting=change.name, by=by)
    if any(one.fate is Fate.TAKEN and one.name.startswith(RISK) for one in changes):
        for raised in limits.raised_since(before.texts()):
            who = by or "a person"
            context.log.warning(f"a risk limit was raised by {who}: {raised} [C17]")
        context.publish(ev.LimitsSet(at=context.now(), limits=tuple(limits.texts().items())))
        tell_waiting(context)


def _outcome(changes: tuple[Change, ...], *, dry_run: bool) -> Outcome:
    taken = sum(one.fate is Fate.TAKEN for one in changes)
    refused = len(changes) - taken
    would = "would be " if dry_run else ""
    sentence = "no setting has changed"
    if changes:
        sentence = f"{taken} of {len(changes)} changed settings {would}taken"
        if refused:
            sentence += f", {refused} refused: " + "; ".join(
                one.sentence for one in changes if one.fate is not Fate.TAKEN
            )
    return Outcome(
        answer=Answer.DENIED if refused else Answer.DONE,
        sentence=sentence,
        items=tuple(
            Outcome(
                answer=Answer.DONE if one.fate is Fate.TAKEN else Answer.DENIED,
                sentence=one.sentence.replace(": taken", ": would be taken")
                if dry_run
                else one.sentence,
            )
            for one in changes
        ),
    )
