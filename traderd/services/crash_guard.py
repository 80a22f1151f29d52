"""The guard against a loop of crashes: a daemon that keeps ending comes up without taking new risk, and says so.

Owns: what follows from the record of starts. systemd starts the daemon again for ever, which is right for its orders and wrong
for its risk: whatever ends it again and again must not trade in between.
Must not: keep the daemon from starting; its orders and positions need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog
import trio

from traderd.config import Config
from traderd.model import events as ev
from traderd.model.units import Timestamp
from traderd.plugin_api import OnCrash, Service, hookimpl
from traderd.runtime.bus import Bus
from traderd.runtime.env import Env
from traderd.runtime.inbox import Policy
from traderd.services.context import Context
from traderd.store.start_record import (
    CRASH_WINDOW_S,
    CRASHES_MAX,
    crash_sentence,
    forget_starts,
    note_ordered_end,
    note_start,
)

CRASH_HALT: Final = "crash_loop"
"""Halt id of the guard: there is one, however long the loop is."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the guard when trading is on; without it there is no risk to halt."""
    if not config.trading_enabled:
        return []
    return [Service(name="crash_guard", run=run, on_crash=OnCrash.DEGRADE)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Begin to count anew whenever a person has ended the guard's halt, until cancelled."""
    with context.subscribe(ev.HaltCleared, policy=Policy.LOSSLESS) as cleared:
        task_status.started()
        async for batch in cleared:
            stands = CRASH_HALT in context.view.conditions.halts
            if not stands and any(event.halt_id == CRASH_HALT for event in batch):
                _tell(await context.env.run_blocking(forget_starts, context.config.state_path()))


async def guard_start(directory: Path, *, env: Env, bus: Bus[ev.Event], trading: bool) -> None:
    """Note this start, and halt new risk when too many before it ended without being stopped.

    To be called before anything can be sent.  Cancelling it may leave the start noted.
    """
    now = Timestamp(env.wall_ns())
    crashes, trouble = await env.run_blocking(note_start, directory, now)
    _tell(trouble)
    log = structlog.get_logger("traderd")
    if crashes < CRASHES_MAX:
        if crashes:
            log.warning(
                f"the daemon ended {crashes} times within {CRASH_WINDOW_S // 60} minutes without being stopped; after "
                f"{CRASHES_MAX} it comes up without taking new risk"
            )
        return
    reason = crash_sentence(crashes)
    log.error(reason)
    if trading:
        bus.publish([
            ev.HaltRaised(at=now, halt_id=CRASH_HALT, author=ev.Author.MACHINE, reason=reason)
        ])


async def guard_end(directory: Path, *, env: Env) -> None:
    """Note that this run was stopped because somebody asked for it."""
    _tell(await env.run_blocking(note_ordered_end, directory))


def _tell(trouble: str) -> None:
    if trouble:
        structlog.get_logger("traderd").warning(trouble)
