"""Who holds the loop up, told: in the log while it still happens, in the status once it is over.

Owns: the count of stalls of each plugin, and that one with too many is taken out of use as soon as it lets go of the loop and
is started disabled the next time; the count is on the disk, because a loop that stands for too long ends with the process.
Must not: break off what runs: one thread has no way to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs
import trio

from traderd.config import Config
from traderd.errors import StoreError
from traderd.model import events as ev
from traderd.plugin_api import Service, hookimpl
from traderd.runtime.plugin_record import PluginState
from traderd.runtime.stall_watch import Stall, StallWatch, stack_text, stall_sentence
from traderd.services.context import Context
from traderd.store.plugin_switches import Switch, write_switch
from traderd.store.stall_record import forget_stalls, note_stall

PART: Final = "loop stall"
PLUGIN: Final = "plugin "
TOLD_FOR_S: Final = 60.0
"""For how long a stall stays a degraded part: who asks a minute later what happened must find it."""
SERVICES: Final = f"{Path(__file__).parent}/"
OURS: Final = f"{Path(__file__).parents[1]}/"
"""Our own source files begin with it; one of a library may lie below a directory of the same name."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the watch."""
    return [Service(name="stalls", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Watch the loop until cancelled."""
    telling = StallTelling(context)
    watch = StallWatch(
        stall_s=context.config.health.stall_s, whose=telling.whose, on_stall=telling.begun
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run, context.env, telling.over)
        nursery.start_soon(telling.forget)
        task_status.started()


@attrs.define(eq=False)
class StallTelling:
    """Tells the stalls of one daemon."""

    _context: Context
    _news: trio.Event = attrs.Factory(trio.Event)
    _given_up: dict[str, str] = attrs.Factory(dict)
    """Plugins with too many stalls, each with the reason, until the loop runs again."""

    def whose(self, file: str) -> str:
        """Return whose a source file is; an empty text for those of libraries."""
        name = self._context.shared.plugin_desk.owner_of_file(file)
        if name:
            return f"{PLUGIN}{name}"
        if file.startswith(SERVICES):
            return f"service {Path(file).stem}"
        return f"traderd ({Path(file).stem})" if file.startswith(OURS) else ""

    def begun(self, stall: Stall) -> None:
        """Tell a stall while it lasts.  Called from beside the loop, so it touches nothing but log and disk."""
        context = self._context
        tell = context.shared.levers.log_from_beside
        tell(
            "error", stall_sentence(stall), culprit=stall.culprit, exception=stack_text(stall.stack)
        )
        if not stall.culprit.startswith(PLUGIN):
            return
        name, most = stall.culprit.removeprefix(PLUGIN), context.config.health.stalls_max
        count, trouble = note_stall(context.config.state_path(), name)
        if trouble:
            tell("warning", trouble)
        if count >= most:
            reason = f"it held the loop up {count} times, the last time at {stall.place}"
            self._given_up[name] = reason
            tell("error", self._disable(name, count, reason))

    def _disable(self, name: str, count: int, reason: str) -> str:
        directory = self._context.config.state_path()
        try:
            write_switch(directory, name, Switch(by=f"the watch over the loop: {reason}"))
        except StoreError as exc:
            return f"plugin {name} has held the loop up {count} times and cannot be disabled: {exc}"
        # Whoever enables it has mended it, so it begins anew.
        forget_stalls(directory, name)
        return (
            f"plugin {name} has held the loop up {count} times: it is taken out of use, and started disabled the next time; mend "
            f"it, then: traderd plugins enable {name}"
        )

    def over(self, stall: Stall) -> None:
        """Tell a stall in the loop, once it is over: it is a degraded part for a while."""
        context, sentence = self._context, stall_sentence(stall)
        context.log.warning(sentence, culprit=stall.culprit)
        context.publish(ev.DegradedRaised(at=context.now(), part=PART, reason=sentence))
        self._news.set()
        name = stall.culprit.removeprefix(PLUGIN)
        reason = self._given_up.pop(name, None)
        if reason is not None:
            self._take_out(name, reason)

    def _take_out(self, name: str, reason: str) -> None:
        desk = self._context.shared.plugin_desk
        record = desk.plugins.records.get(name)
        if record is None or record.is_ours or record.state is not PluginState.RUNNING:
            return
        # From here on none of its routes, notifiers, rules or metrics is called; `plugins` takes the rest down and tells it.
        record.quarantine(reason)
        record.cure = f"mend it, then run `traderd plugins enable {name}`"
        desk.strikes.add(record, reason, True)

    async def forget(self) -> None:
        """Take the degraded part back when it has been told for long enough, until cancelled."""
        if PART in self._context.view.conditions.degraded:
            # Told before this service was started anew.
            self._news.set()
        while True:
            await self._news.wait()
            self._news = trio.Event()
            # A newer stall within that time is told in the same breath.
            await trio.sleep(TOLD_FOR_S)
            self._context.publish(ev.DegradedCleared(at=self._context.now(), part=PART))
