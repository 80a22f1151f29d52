"""Tells systemd where the daemon stands, and that it lives: only ever after it was seen to make progress.

Owns: the proof. In each beat a probe goes through the bus and must come out at a reader, so the loop turned, events are
folded and news spreads; and the journal's writer must have moved if there was something to write. Without proof nothing
is told, and systemd ends what stands still.
Must not: feed the watchdog because time has passed.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio

from traderd.config import Config
from traderd.core.view import StateView
from traderd.model.events import ProgressProbed, StateChanged
from traderd.model.states import ErrorMetadata, State
from traderd.model.units import Money, show_money
from traderd.plugin_api import Service, hookimpl
from traderd.services.context import Context

INBOX_DEPTH: Final = 100
"""Bounds what waits for this service: states and its own probes, a few a minute."""
NAMES_SHOWN: Final = 3
"""Bounds the halts named in the status; the rest is counted."""


@hookimpl
def traderd_services(config: Config) -> list[Service]:
    """Contribute the watchdog."""
    return [Service(name="watchdog", run=run)]


async def run(context: Context, *, task_status: trio.TaskStatus[None]) -> None:
    """Tell systemd until cancelled; without systemd there is nothing to do."""
    if not context.shared.systemd.is_heard:
        task_status.started()
        await trio.sleep_forever()
    with context.subscribe(StateChanged, ProgressProbed, depth=INBOX_DEPTH) as news:
        watch = Watch(context)
        watch.tell_state()
        task_status.started()
        watch.probe()
        due = trio.current_time() + watch.beat_s
        while True:
            with trio.move_on_at(due):
                for event in await news.receive():
                    watch.hear(event)
                continue
            watch.beat()
            watch.probe()
            due = trio.current_time() + watch.beat_s


@attrs.define(eq=False)
class Watch:
    """Probes, judges what came back, and tells."""

    _context: Context
    _sent: int = 0
    _heard: int = 0
    _journal_waits_at: int | None = None
    """The newest durable row while others waited for the disk, at the last beat."""
    _complained: bool = False

    @property
    def beat_s(self) -> float:
        """How often a sign of life is due."""
        return self._context.shared.systemd.beat_s

    def probe(self) -> None:
        """Send the next probe through the bus; raises what the bus raises: then it does not work."""
        self._sent += 1
        self._context.publish(ProgressProbed(at=self._context.now(), number=self._sent))

    def hear(self, event: StateChanged | ProgressProbed) -> None:
        """Take what the bus brought."""
        if isinstance(event, ProgressProbed):
            self._heard = max(self._heard, event.number)
        else:
            self.tell_state()

    def tell_state(self) -> None:
        """Tell the state at once: that the daemon is ready, that it stops, or what keeps it."""
        systemd, view, text = self._context.shared.systemd, self._context.view, self._status()
        if view.working:
            # The first time that this is so calibration has been done, or the books stand and nothing is traded.
            systemd.ready(text)
        if view.state is State.SHUTDOWN:
            systemd.stopping(text)
        systemd.status(text)

    def beat(self) -> None:
        """Tell that the daemon lives if the probe of the last beat came through and the journal moves."""
        stuck = self._stuck()
        if not stuck:
            self.tell_state()
            self._context.shared.systemd.alive(self._status())
            self._complained = False
        elif not self._complained:
            self._context.log.error(f"no progress, so the watchdog is not fed: {stuck}")
            self._complained = True

    def _stuck(self) -> str:
        journal = self._context.shared.journal
        waits_at = journal.durable_position if journal.statistics().pending else None
        # A journal that has failed is no reason to end: cancels still go, and a restart would not mend the disk.
        journal_stands = (
            waits_at is not None and waits_at == self._journal_waits_at and journal.failed is None
        )
        self._journal_waits_at = waits_at
        if self._heard < self._sent:
            return f"probe {self._sent} has not come through the bus"
        return "the journal's rows wait and none gets to the disk" if journal_stands else ""

    def _status(self) -> str:
        config = self._context.config
        return status_text(
            self._context.view, environment=config.environment, trading=config.trading_enabled
        )


def status_text(view: StateView, *, environment: str, trading: bool) -> str:
    """Return one line for `systemctl status`: state and P&L; with trading off it has no word of trading."""
    parts = [f"{view.state.value}, {environment}"]
    last = view.transitions[-1] if view.transitions else None
    if last is not None and isinstance(last.metadata, ErrorMetadata):
        parts.append(f"{last.metadata.failed_stage} failed: {last.metadata.error}")
    data = view.market_data
    parts.append(f"books {data.usable_books()}/{len(view.followed)}")
    if trading:
        parts += _trading(view)
    halts = list(view.conditions.halts)
    if halts:
        more = len(halts) - NAMES_SHOWN
        named = ", ".join(halts[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        parts.append(f"HALTED: {named}")
    return "; ".join(parts)


def _trading(view: StateView) -> list[str]:
    ledger = view.ledger
    realized, unrealized = ledger.realized_pnl, view.unrealized_pnl()
    total = Money(realized + unrealized - ledger.fees_paid)
    balance = view.account.balance
    parts = [
        f"P&L {show_money(total, signed=True)} ({show_money(realized, signed=True)} realized, "
        f"{show_money(unrealized, signed=True)} unrealized at bid, fees {show_money(ledger.fees_paid)})",
        f"balance {'unknown' if balance is None else show_money(balance)}",
        f"positions {len(ledger.open_positions())}",
        f"orders {len(view.live_orders())}",
    ]
    if view.conditions.pauses:
        parts.append("paused")
    return parts
