"""Limits that were raised since an earlier run: the lower ones hold until a person confirms the raise (control C17).

Owns: what is said of them at the start, and the confirmation. To lower a limit takes nothing but a start.
Must not: change a limit for anybody but a person.
"""

from __future__ import annotations

from typing import Final

from traderd.core.dry_run import PREFIX
from traderd.model import events as ev
from traderd.model.commands import ConfirmLimits, Outcome, denied, done
from traderd.services.context import Context
from traderd.services.risk_limits import risk_limits

LIMITS_PART: Final = "raised limits"
"""The name among the degraded parts while the settings ask for more than holds."""
CURE: Final = "`traderd confirm-limits` lets the higher ones hold"


def waiting(context: Context) -> tuple[str, ...]:
    """Return a sentence for each limit that the settings raise and nobody has confirmed, with both of its values."""
    return risk_limits(context.config).raised_since(context.view.limits.texts())


def begin_limits(context: Context) -> None:
    """Journal the limits that hold in this run, and say which of the settings wait for a confirmation."""
    held = waiting(context)
    for raised in held:
        context.log.warning(
            f"a limit was raised since the last run and the lower one holds: {raised}; {CURE} [C17]"
        )
    tell_waiting(context)
    texts = context.view.limits.texts()
    context.publish(ev.LimitsSet(at=context.now(), limits=tuple(texts.items())))


def tell_waiting(context: Context) -> None:
    """Say among the degraded parts what waits for a confirmation, or that nothing does any more."""
    held = waiting(context)
    if held:
        reason = f"the lower ones hold: {', '.join(held)}; {CURE}"
        context.publish(ev.DegradedRaised(at=context.now(), part=LIMITS_PART, reason=reason))
    else:
        context.clear_degraded(LIMITS_PART)


def confirm_limits(context: Context, command: ConfirmLimits) -> Outcome:
    """Let the limits of the settings hold; only a person may."""
    held = waiting(context)
    if (refused := _refusal(command, held)) is not None:
        return refused
    context.publish(
        ev.LimitsConfirmed(
            at=context.now(),
            limits=tuple(risk_limits(context.config).texts().items()),
            raised=held,
            author=command.author,
            by=command.by,
        ),
        ev.DegradedCleared(at=context.now(), part=LIMITS_PART),
    )
    who = f"{command.author.value} {command.by}".rstrip()
    context.log.warning(f"limits raised by {who}: {', '.join(held)} [C17]")
    return done(f"these hold from now on: {', '.join(held)}")


def rehearse_confirmation(context: Context, command: ConfirmLimits) -> Outcome:
    """Tell what a confirmation would do."""
    held = waiting(context)
    if (refused := _refusal(command, held)) is not None:
        return denied(PREFIX + refused.sentence)
    return done(f"{PREFIX}these would hold: {', '.join(held)}")


def _refusal(command: ConfirmLimits, held: tuple[str, ...]) -> Outcome | None:
    if command.author is not ev.Author.PERSON:
        why = f"limits can be raised by a person only, not by a {command.author.value}"
    elif not held:
        why = "no limit waits for a confirmation: the limits of the settings hold"
    else:
        return None
    return denied(why)
