"""What keeps the daemon up: the bus whose incidents stop new risk, and the supervisor over services and stages.

Owns: the deadline of each stage and what it stands on, and which incidents of an inbox halt.
Must not: open a resource, or decide anything about trading.
"""

from __future__ import annotations

from typing import Final

import structlog

from traderd.core.engine import Engine
from traderd.errors import ConfigError
from traderd.model.events import Author, Event, HaltRaised
from traderd.model.units import Timestamp
from traderd.runtime.bus import Bus
from traderd.runtime.env import Env
from traderd.runtime.inbox import Incident, IncidentKind
from traderd.runtime.service import Service, in_start_order
from traderd.runtime.supervisor import Stage, Supervisor
from traderd.services.context import Context, Shared
from traderd.services.recorder import JournalRecorder
from traderd.services.stages import CLIMB, MARKET_DATA, SYNC, TRADING_CLIENT

HALTING: Final = (IncidentKind.OVERFLOW, IncidentKind.CUT_OFF)
"""Incidents of lossless inboxes: who reads private facts late must not add to them, so new risk stops."""


def make_bus(
    engine: Engine, recorder: JournalRecorder, env: Env, logger: structlog.stdlib.BoundLogger
) -> Bus[Event]:
    """Return the bus over the engine; a lossless inbox that overflows halts new risk."""

    def report(incident: Incident) -> None:
        logger.error(incident.sentence, inbox=incident.name, kind=incident.kind.value)
        if incident.kind in HALTING:
            bus.publish([
                HaltRaised(
                    at=Timestamp(env.wall_ns()),
                    halt_id=f"inbox:{incident.name}",
                    author=Author.MACHINE,
                    reason=incident.sentence,
                )
            ])

    bus: Bus[Event] = Bus(
        fold=engine.apply, record=recorder.record, on_incident=report, settle=engine.settle
    )
    return bus


def make_supervisor(shared: Shared, services: list[Service]) -> Supervisor:
    """Return the supervisor over these services; raises ConfigError when they do not fit together."""
    config = shared.config
    deadlines = {
        MARKET_DATA: config.market_data.connect_deadline_s
        + config.market_data.first_snapshot_s
        + 5.0,
        TRADING_CLIENT: config.trading.connect_deadline_s,
        SYNC: config.trading.sync_deadline_s,
    }
    by_stage = _by_stage(services)
    stages = [
        Stage(
            service=by_stage[name],
            deadline_s=deadlines[name],
            needs=(TRADING_CLIENT,) if name == SYNC else (),
        )
        for name in CLIMB
        if name in by_stage
    ]
    return Supervisor(
        env=shared.env,
        services=in_start_order(s for s in services if s.stage is None),
        stages=stages,
        contexts={
            service.name: Context(
                name=service.name,
                shared=shared,
                log=structlog.get_logger("traderd").bind(service=service.name),
            )
            for service in services
        },
        listener=shared.lifecycle,
    )


def _by_stage(services: list[Service]) -> dict[str, Service]:
    found: dict[str, Service] = {}
    for service in services:
        if service.stage is None:
            continue
        if service.stage not in CLIMB:
            raise ConfigError(
                f"service {service.name!r} names the stage {service.stage!r}; there are only "
                f"{', '.join(CLIMB)}"
            )
        if service.stage in found:
            raise ConfigError(
                f"services {found[service.stage].name!r} and {service.name!r} are both the stage "
                f"{service.stage}; remove one"
            )
        found[service.stage] = service
    return found
