"""The doctor's round: every check in order, each told as soon as it is made.

Owns: the order, and which check needs what an earlier one found.
Must not: print, or hold a check of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import attrs

from traderd.cli import doctor_exchange, doctor_machine, doctor_settings, doctor_state
from traderd.cli.config_sources import Inspection
from traderd.cli.doctor_network import Probe, check_way
from traderd.cli.doctor_report import DoctorReport, Finding, Verdict, ok, skipped
from traderd.config import Config
from traderd.kalshi.auth import Signer
from traderd.plugin_manager import PluginManager
from traderd.services.remote_exchange import remote_endpoints

REST_WAY: Final = "way to REST"
WEBSOCKET_WAY: Final = "way to WebSocket"
NETWORK: Final = (REST_WAY, WEBSOCKET_WAY, *doctor_exchange.AFTER_REACH)
"""Everything that needs a network."""


@attrs.frozen(kw_only=True)
class Patient:
    """What is examined."""

    found: Inspection
    directory: Path
    """Where `.env` files and plugins are looked for."""
    plugins: PluginManager
    probe: Probe
    root: Path = Path("/")
    offline: bool = False
    """Leave out everything that needs a network."""


async def examine(patient: Patient, tell: Callable[[Finding], None]) -> DoctorReport:
    """Make every check and return what was found.  Cancelling is safe: nothing is changed.

    Args:
        patient: what is examined.
        tell: hears of each finding at once.
    """
    report = DoctorReport(environment=patient.found.environment)

    def note(findings: Iterable[Finding]) -> None:
        for finding in findings:
            report.findings.append(finding)
            tell(finding)

    env, found = patient.probe.env, patient.found
    note(doctor_settings.check_configuration(found))
    note([doctor_settings.check_environment(found)])
    note(doctor_settings.check_secret_files(found))
    key, signer = await env.run_blocking(doctor_settings.check_key, found)
    note([key, doctor_settings.check_key_place(found, patient.directory)])
    hosts = doctor_settings.check_hosts(found.config)
    note([hosts])
    note(await _network(patient, signer, hosts_good=hosts.verdict is Verdict.OK))
    if found.config is not None:
        note(await _places(found.config, patient))
    note(doctor_settings.check_strategies(found.config, patient.plugins))
    note([
        doctor_machine.check_versions(),
        doctor_machine.check_service(dict(env.variables), patient.root),
        doctor_machine.check_time_service(found.config, patient.root),
    ])
    return report


async def _network(patient: Patient, signer: Signer | None, *, hosts_good: bool) -> list[Finding]:
    config = patient.found.config
    if config is None or not hosts_good:
        # A key must not even be shown to a host of another environment.
        why = "the configuration could not be read" if config is None else "the hosts are wrong"
        return [skipped(name, why) for name in NETWORK]
    if config.embedded:
        return [ok(REST_WAY, "the exchange is embedded in the daemon, no network is needed")]
    if patient.offline:
        return [skipped(name, "--offline") for name in NETWORK]
    endpoints = remote_endpoints(config)
    rest_way = await check_way(REST_WAY, endpoints.rest_url, patient.probe)
    websocket_way = await check_way(WEBSOCKET_WAY, endpoints.ws_url, patient.probe)
    place = doctor_exchange.Place(
        config=config,
        endpoints=endpoints,
        signer=signer,
        reachable_rest=rest_way.verdict is Verdict.OK,
        reachable_websocket=websocket_way.verdict is Verdict.OK,
    )
    return [
        rest_way,
        websocket_way,
        *await doctor_exchange.check_exchange(place, patient.probe.env),
    ]


async def _places(config: Config, patient: Patient) -> list[Finding]:
    env, directory = patient.probe.env, config.state_path()
    usable = await env.run_blocking(doctor_state.check_directory, directory)
    disk = await env.run_blocking(doctor_state.check_disk, directory)
    if usable.verdict is Verdict.FAILED:
        names = (doctor_state.DAEMON, doctor_state.JOURNAL, doctor_state.LATCH)
        rest = [skipped(name, "the state directory cannot be used") for name in names]
        running = doctor_state.Running(held=False)
        return [usable, disk, *rest, await doctor_state.check_port(config, running, env)]
    running = await env.run_blocking(doctor_state.look_for_daemon, directory)
    return [
        usable,
        disk,
        doctor_state.check_daemon(running, directory, config),
        await env.run_blocking(doctor_state.check_journal, directory),
        await env.run_blocking(doctor_state.check_latch, directory),
        await doctor_state.check_port(config, running, env),
    ]
