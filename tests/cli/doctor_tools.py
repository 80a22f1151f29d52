"""A whole set-up in a directory of its own, for the doctor to examine: sound, until a test breaks one thing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from tests.simulation.harness import REPOSITORY, SimulatedExchange
from traderd.cli.config_sources import inspect
from traderd.cli.doctor_network import Probe
from traderd.cli.doctor_report import DoctorReport, Finding, Verdict
from traderd.cli.doctor_run import Patient, examine
from traderd.kalshi.auth import generate_key
from traderd.plugin_manager import load_plugins
from traderd.runtime.env import Env
from traderd.runtime.simulation import SimEnv

TICKER = "KXMLBGAME-26AUG072140LADAZ-LAD"
KEY_ID = "1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d"


async def resolve_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def resolve_nothing(host: str, port: int) -> list[str]:
    raise OSError(-2, "Name or service not known")


@attrs.define(eq=False)
class SetUp:
    """A directory with a traderd.toml, a key and a state directory."""

    directory: Path
    env: Env
    sections: dict[str, dict[str, Any]] = attrs.Factory(dict)
    flags: dict[str, Any] = attrs.Factory(dict)
    variables: Mapping[str, str] = attrs.Factory(dict)
    resolve: Any = resolve_here
    offline: bool = False

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def key_file(self) -> Path:
        return self.directory / "key.pem"

    def write_key(self, content: bytes | None = None, mode: int = 0o600) -> None:
        self.key_file.write_bytes(generate_key("ed25519")[0] if content is None else content)
        self.key_file.chmod(mode)

    async def examine(self) -> DoctorReport:
        root = self.directory / "root"
        (root / "run/systemd/timesync").mkdir(parents=True, exist_ok=True)
        (root / "run/systemd/timesync/synchronized").touch()
        found = inspect(
            variables=self.variables,
            directory=self.directory,
            config_file=None,
            flags={"state_dir": str(self.state), "web.port": 0} | self.flags,
        )
        told: list[Finding] = []
        patient = Patient(
            found=found,
            directory=self.directory,
            plugins=load_plugins([REPOSITORY / "plugins", self.directory / "plugins"]),
            probe=Probe(env=self.env, resolve=self.resolve),
            root=root,
            offline=self.offline,
        )
        report = await examine(patient, told.append)
        assert told == report.findings, "each finding is told as soon as it is there"
        return report


def sim_set_up(directory: Path, **given: Any) -> SetUp:
    """A set-up on the embedded exchange."""
    return SetUp(directory, SimEnv(seed=1), **given)


def paper_set_up(directory: Path, **flags: Any) -> SetUp:
    """A set-up for Kalshi's demo that never reaches it: its names cannot be resolved."""
    set_up = SetUp(directory, SimEnv(seed=1), resolve=resolve_nothing)
    set_up.write_key()
    set_up.flags = {
        "environment": "paper",
        "exchange.key_id": KEY_ID,
        "exchange.key_file": str(set_up.key_file),
        "market_data.markets": (TICKER,),
    } | flags
    return set_up


def exchange_set_up(directory: Path, at: SimulatedExchange, **flags: Any) -> SetUp:
    """A set-up on a real paper exchange in the same virtual world."""
    env = SimEnv(seed=2, network=at.network)
    return SetUp(directory, env, flags=at.settings() | flags)


def finding(report: DoctorReport, check: str) -> Finding:
    """Return the worst finding of a check."""
    order = list(Verdict)
    found = [each for each in report.findings if each.check == check]
    assert found, f"{check} is not among {[each.check for each in report.findings]}"
    return max(found, key=lambda each: (order.index(each.verdict) % 3, order.index(each.verdict)))


def assert_named(report: DoctorReport, check: str, *, part: str, says: str, cure: str) -> None:
    """The fault is failed or warned of under its check, with its part, in words, and with its cure."""
    found = finding(report, check)
    assert found.verdict in {Verdict.FAILED, Verdict.WARNING}, found.line()
    assert found.part == part, found.line()
    assert says in found.sentence, found.line()
    assert cure in found.cure, found.line()
    assert found.line().count("\n") == 0
