"""The files under systemd/: systemd's own tools agree with them, and with the rest of the repository.

Nothing is installed for these tests: each says in one line which tool is missing.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from traderd.cli import exit_codes
from traderd.cli.config_sources import inspect, strategy_problems
from traderd.cli.install_plan import EXECUTABLE, UNITS
from traderd.config import load_config
from traderd.config_layers import CREDENTIAL_KEY, CREDENTIAL_KEY_ID
from traderd.plugin_manager import load_plugins
from traderd.runtime.supervisor import STOP_DEADLINE_S

FOLDER = ROOT / "systemd"
EXPOSURE_MAX = 11
"""In tenths, as --threshold wants it: 1.1 is what remains for a daemon that must use the Internet."""

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze here (apt-get install systemd)",
)


def settings_of(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit, sections joined."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def analyze(*arguments: str, directory: Path):
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(directory), "HOME": str(directory)},
    )


@pytest.fixture
def runnable(tmp_path):
    """The units with a program that exists here, because the tools look for it."""
    for path in (*FOLDER.glob("*.service"), FOLDER / "user" / "traderd.service"):
        kept = tmp_path / path.relative_to(FOLDER)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(path.read_text().replace(EXECUTABLE, sys.executable))
    shutil.copy(tmp_path / "traderd@.service", tmp_path / "traderd@paper.service")
    return tmp_path


@needs_analyze
@pytest.mark.parametrize("unit", [*UNITS, "traderd@paper.service"])
def test_systemd_finds_no_fault_in_a_unit(runnable, unit):
    checked = analyze("verify", "--man=no", f"./{unit}", directory=runnable)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@needs_analyze
def test_systemd_finds_no_fault_in_a_persons_unit(runnable):
    checked = analyze("--user", "verify", "--man=no", "./user/traderd.service", directory=runnable)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@needs_analyze
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_exposed_as_little_as_it_can_be(runnable, unit):
    shown = analyze(
        "security",
        "--offline=yes",
        "--no-pager",
        f"--threshold={EXPOSURE_MAX}",
        f"./{unit}",
        directory=runnable,
    )
    assert shown.returncode == 0, shown.stdout[-2_000:]


@needs_analyze
def test_a_fault_in_a_unit_would_be_found(runnable):
    unit = runnable / "traderd.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=often"))
    checked = analyze("verify", "--man=no", "./traderd.service", directory=runnable)
    assert "often" in checked.stderr
    unit.write_text(unit.read_text().replace("PrivateDevices=yes\n", ""))
    shown = analyze(
        "security",
        "--offline=yes",
        f"--threshold={EXPOSURE_MAX}",
        "./traderd.service",
        directory=runnable,
    )
    assert shown.returncode != 0


# --- the units and the program agree --------------------------------------------------------------


@pytest.mark.parametrize("unit", [*UNITS, "user/traderd.service"])
def test_what_does_not_mend_itself_is_not_tried_again(unit):
    settings = settings_of(unit)
    assert settings["Restart"] == ["always"]
    assert settings["RestartPreventExitStatus"] == [
        f"{exit_codes.USAGE} {exit_codes.CONFIGURATION}"
    ]
    assert settings["StartLimitBurst"] == ["10"]
    # Ten starts come within the interval, or the limit would never be met.
    assert 10 * float(settings["RestartSec"][0]) < float(settings["StartLimitIntervalSec"][0])


@pytest.mark.parametrize("unit", ["traderd.service", "traderd@.service", "user/traderd.service"])
def test_the_daemon_is_watched_and_given_the_time_that_it_needs(unit):
    settings = settings_of(unit)
    assert (settings["Type"], settings["WatchdogSec"]) == (["notify"], ["30"])
    assert float(settings["TimeoutStopSec"][0]) > 2 * STOP_DEADLINE_S
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_one_and_many_are_shut_in_alike():
    one, many = settings_of("traderd.service"), settings_of("traderd@.service")
    differ = {key for key in {*one, *many} if one.get(key) != many.get(key)}
    assert differ == {
        *("Description", "ExecStart", "EnvironmentFile", "StateDirectory", "LoadCredential"),
        *("User", "Group", "SupplementaryGroups"),
    }


@pytest.mark.parametrize("unit", ["traderd.service", "traderd@.service"])
def test_the_key_comes_under_the_name_that_the_configuration_looks_for(unit):
    loaded = dict(each.split(":") for each in settings_of(unit)["LoadCredential"])
    assert list(loaded) == [CREDENTIAL_KEY, CREDENTIAL_KEY_ID]
    # Without a path one that is not there is no error, so that sim starts without a key.
    assert all("/" not in path for path in loaded.values())


def test_the_user_of_the_unit_is_the_one_that_sysusers_makes():
    line = next(
        line
        for line in (FOLDER / "sysusers.conf").read_text().splitlines()
        if not line.startswith("#")
    )
    assert line.split()[:2] == ["u", settings_of("traderd.service")["User"][0]]
    assert settings_of("traderd@.service")["SupplementaryGroups"] == [line.split()[1]]
    assert " root traderd -" in (FOLDER / "tmpfiles.conf").read_text()


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None,
    reason="no systemd-sysusers here (apt-get install systemd)",
)
def test_sysusers_understands_its_file(tmp_path):
    ran = subprocess.run(
        ["systemd-sysusers", "--dry-run", f"--root={tmp_path}", "-"],
        input=(FOLDER / "sysusers.conf").read_text(),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stderr
    assert "traderd" in ran.stdout + ran.stderr


# --- the example configuration --------------------------------------------------------------------


def test_the_example_configuration_is_one_that_works(tmp_path):
    config = load_config(
        variables={}, directory=tmp_path, config_file=FOLDER / "traderd.toml", flags={}
    )
    assert (config.environment, config.state_dir) == ("sim", "/var/lib/traderd")
    assert settings_of("traderd.service")["StateDirectory"] == ["traderd"]


def test_the_example_asks_for_nothing_that_a_service_without_plugins_lacks(tmp_path):
    found = inspect(variables={}, directory=tmp_path, config_file=FOLDER / "traderd.toml", flags={})
    assert found.config is not None
    assert strategy_problems(found.config, load_plugins([])) == []


def test_what_the_example_shows_is_the_default(tmp_path):
    default, section, shown = load_config(variables={}, directory=tmp_path, flags={}), "", 0
    for line in (FOLDER / "traderd.toml").read_text().splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        setting = re.match(r"#([a-z_.]+) = (.+)", line)
        if setting is None or section not in {"log", "trading", "risk", "web"}:
            continue  # Elsewhere stand keys and markets, which have no default.
        flags = {f"{section}.{setting[1]}": setting[2].strip('"')}
        given = load_config(variables={}, directory=tmp_path, flags=flags)
        assert given.trading_enabled == default.trading_enabled
        assert (given.log, given.risk, given.web) == (default.log, default.risk, default.web), line
        shown += 1
    assert shown >= 7


def test_every_line_of_the_example_can_be_used(tmp_path):
    text = (FOLDER / "traderd.toml").read_text()
    settings = re.findall(r"^#[a-z_.]+ = .*$", text, re.MULTILINE)
    assert len(settings) >= 9
    for line in settings:
        changed = text.replace(line, line.removeprefix("#"))
        (tmp_path / "one.toml").write_text(changed)
        load_config(variables={}, directory=tmp_path, config_file=tmp_path / "one.toml", flags={})
