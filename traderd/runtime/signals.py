"""SIGTERM, SIGINT, SIGHUP and SIGUSR1 for the whole run.

Owns: the receiver, held by one task until the end: first stop signal = orderly stop, second = at once. A
receiver that ends with the first signal would let a second one kill the process without cleanup.
Must not: know what stopping means.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import trio

from traderd.runtime.env import Env

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def watch_signals(
    *,
    env: Env,
    on_stop: Callable[[str], None],
    on_hurry: Callable[[str], None],
    on_reload: Callable[[], None],
    on_kill: Callable[[str], None] = lambda _: None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Call `on_stop` at the first stop signal and `on_hurry` at each one after it, until cancelled.

    SIGUSR1 calls `on_kill`, at any time.
    """
    with env.signals(*STOP_SIGNALS, signal.SIGHUP, signal.SIGUSR1) as received:
        task_status.started()
        stopping = False
        async for number in received:
            name = signal.Signals(number).name
            if number == signal.SIGHUP:
                on_reload()
            elif number == signal.SIGUSR1:
                on_kill(name)
            elif stopping:
                on_hurry(f"a second {name}")
            else:
                stopping = True
                on_stop(name)
