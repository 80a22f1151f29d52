"""The parts of health: what each measures, the threshold it is held against, and how it stands.

Owns: which parts are critical (the daemon cannot do its work without them) and which degradable (it goes on and says so), and
the sentence of each that is not well; docs/health.md has the same list with the cures.
Must not: look at anything itself, or repair anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from traderd.config import HealthConfig
from traderd.core.view import StateView
from traderd.model.state_events import NOT_READY, PartHealth, PartStatus
from traderd.model.states import WORKING, State
from traderd.model.units import BYTES_PER_MB
from traderd.runtime.inbox import InboxStatistics, Policy
from traderd.runtime.machine import MachineReading

CRITICAL_SERVICES: Final = ("orders", "risk")
FULL_SHARE: Final = 0.8
"""The share of an inbox's depth that may wait: above it a reader is about to lose news, or to halt new risk."""
UNWELL: Final = ("restarting", "quarantined")


@attrs.frozen(kw_only=True)
class HealthReading:
    """What one check goes by."""

    view: StateView
    settings: HealthConfig
    trading: bool
    journal_failure: str | None
    journal_pending: int
    inboxes: tuple[InboxStatistics, ...]
    loop_lag_ms: float | None
    """The worst of the last minute; None before the first look."""
    clock_offset_ms: int
    silence_s: float | None
    """Since the quietest standing line was heard; None when none stands."""
    market_silence_s: float | None
    """Since any market told something; None before the first time."""
    machine: MachineReading | None


def _part(
    name: str, value: str, *, limit: str = "", critical: bool = False, sentence: str = ""
) -> PartHealth:
    bad = PartStatus.FAILED if critical else PartStatus.DEGRADED
    return PartHealth(
        name=name,
        critical=critical,
        status=bad if sentence else PartStatus.OK,
        value=value,
        limit=limit,
        sentence=sentence,
    )


# --- critical -------------------------------------------------------------------------------------


def _supervisor(reading: HealthReading) -> PartHealth:
    view, sentence = reading.view, ""
    if view.state is State.ERROR:
        sentence = view.transitions[-1].context
    elif view.state not in WORKING:
        sentence = f"{view.state.value}, {NOT_READY}"
    return _part("state", view.state.value, critical=True, sentence=sentence)


def _bus(reading: HealthReading) -> PartHealth:
    over = [
        one
        for one in reading.inboxes
        if one.policy == Policy.LOSSLESS.value and one.depth > one.depth_max
    ]
    sentence = "".join(
        f"inbox {one.name} holds {one.depth} private facts and its bound is {one.depth_max}: its reader does not keep up"
        for one in over[:1]
    )
    deepest = max((one.depth for one in reading.inboxes), default=0)
    return _part("bus", f"{deepest} events wait at most", critical=True, sentence=sentence)


def _journal(reading: HealthReading) -> PartHealth:
    value = f"{reading.journal_pending} rows wait for the disk"
    return _part("journal", value, critical=True, sentence=reading.journal_failure or "")


def _orders(reading: HealthReading) -> PartHealth | None:
    if not reading.trading:
        return None
    troubled = troubled_services(reading.view)
    sentence = "; ".join(troubled[name] for name in CRITICAL_SERVICES if name in troubled)
    return _part("orders", "down" if sentence else "running", critical=True, sentence=sentence)


# --- degradable -----------------------------------------------------------------------------------


def _connection(reading: HealthReading) -> PartHealth:
    silence_s, limit_s = reading.silence_s, reading.settings.silence_s_max
    if silence_s is None:
        # That it does not stand is told by the stage, with the reason.
        return _part("connection", "no line stands")
    sentence = ""
    if silence_s > limit_s:
        sentence = f"a line has not been heard for {silence_s:.0f} s, pings included (health.silence_s_max = {limit_s:g})"
    return _part(
        "connection", f"heard {silence_s:.0f} s ago", limit=f"{limit_s:g} s", sentence=sentence
    )


def _market(reading: HealthReading) -> PartHealth:
    # A quiet market is not a dead feed, so this clock is shown and never judged.
    silence_s = reading.market_silence_s
    return _part("market", "nothing yet" if silence_s is None else f"moved {silence_s:.0f} s ago")


def _loop(reading: HealthReading) -> PartHealth:
    lag_ms, limit_ms = reading.loop_lag_ms, reading.settings.loop_lag_ms_max
    if lag_ms is None:
        return _part("loop", "not looked at yet; it is once a second while market data runs")
    sentence = ""
    if lag_ms > limit_ms:
        sentence = (
            f"a task that was due ran {lag_ms:.0f} ms late (health.loop_lag_ms_max = {limit_ms})"
        )
    return _part("loop", f"{lag_ms:.0f} ms late at most", limit=f"{limit_ms} ms", sentence=sentence)


def _inboxes(reading: HealthReading) -> PartHealth:
    full = [
        one for one in reading.inboxes if one.depth_max and one.depth > FULL_SHARE * one.depth_max
    ]
    sentence = "; ".join(
        f"inbox {one.name} holds {one.depth} of {one.depth_max} events" for one in full
    )
    return _part(
        "inboxes", f"{len(reading.inboxes)} read", limit=f"{FULL_SHARE:.0%}", sentence=sentence
    )


def _clock(reading: HealthReading) -> PartHealth:
    offset_ms, limit_ms = reading.clock_offset_ms, reading.settings.clock_offset_ms_max
    sentence = ""
    if abs(offset_ms) > limit_ms:
        side = "behind" if offset_ms > 0 else "ahead of"
        sentence = (
            f"the machine's clock is {abs(offset_ms) / 1_000:.1f} s {side} the exchange's "
            f"(health.clock_offset_ms_max = {limit_ms}); let NTP set it"
        )
    return _part("clock", f"{offset_ms:+d} ms", limit=f"{limit_ms} ms", sentence=sentence)


def _disk(reading: HealthReading) -> PartHealth:
    free = None if reading.machine is None else reading.machine.disk_free
    limit_mb = reading.settings.disk_free_mb_min
    if free is None:
        return _part("disk", "not told")
    sentence = ""
    if free < limit_mb * BYTES_PER_MB:
        sentence = (
            f"{free / BYTES_PER_MB:.0f} MB are free where the journal is (health.disk_free_mb_min = {limit_mb}); make room: "
            "when the disk is full no order is created any more"
        )
    return _part(
        "disk", f"{free / BYTES_PER_MB:.0f} MB free", limit=f"{limit_mb} MB", sentence=sentence
    )


def _memory(reading: HealthReading) -> PartHealth:
    machine, percent_max = reading.machine, reading.settings.memory_percent_max
    if machine is None or machine.memory_used is None:
        return _part("memory", "not told")
    used_mb = machine.memory_used / BYTES_PER_MB
    if machine.memory_max is None:
        return _part("memory", f"{used_mb:.0f} MB, no MemoryMax is set")
    bound_mb, sentence = machine.memory_max / BYTES_PER_MB, ""
    if used_mb * 100 > percent_max * bound_mb:
        sentence = (
            f"{used_mb:.0f} MB of MemoryMax = {bound_mb:.0f} MB are used (health.memory_percent_max = {percent_max}); "
            "restart the daemon in a quiet moment, before the kernel ends it"
        )
    value = f"{used_mb:.0f} of {bound_mb:.0f} MB"
    return _part("memory", value, limit=f"{percent_max} %", sentence=sentence)


PARTS: Final[tuple[Callable[[HealthReading], PartHealth | None], ...]] = (
    _supervisor,
    _bus,
    _journal,
    _orders,
    _connection,
    _market,
    _loop,
    _inboxes,
    _clock,
    _disk,
    _memory,
)
"""Critical ones first, as screens show them."""


def parts_of(reading: HealthReading) -> tuple[PartHealth, ...]:
    """Return how every part stands."""
    found = (judge(reading) for judge in PARTS)
    return tuple(part for part in found if part is not None)


def troubled_services(view: StateView) -> dict[str, str]:
    """Return the services that do not do their work, each with a sentence."""
    # One that is to be restarted and does not end stays `stopping`.
    unwell = UNWELL if view.state is State.SHUTDOWN else (*UNWELL, "stopping")
    return {
        name: f"service {name}: {service.status}"
        for name, service in view.services.items()
        if service.status in unwell
    }


def hung_inboxes(reading: HealthReading) -> tuple[InboxStatistics, ...]:
    """Return the inboxes whose reader has been busy with one batch for too long while more waits for it."""
    limit_s = reading.settings.hung_after_s
    return tuple(one for one in reading.inboxes if one.depth and one.busy_s > limit_s)
