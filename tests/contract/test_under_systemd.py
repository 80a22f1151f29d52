"""The shipped unit, started by a real systemd that is PID 1 of namespaces of its own; the machine is read-only in there.

It needs root, systemd's program and a machine (a container) that systemd does not run already; elsewhere it says in one
line what is missing.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.process_tools import ROOT

# Part of `make soak`: nobody expects of `make test` that it starts an init system, however well shut in.
pytestmark = [pytest.mark.process, pytest.mark.soak]

SYSTEMD = Path("/lib/systemd/systemd")
INSIDE = Path(__file__).with_name("under_systemd.sh")
PATIENCE_S = 120
TARGET = "[Unit]\nDescription=for the test\n"
DROP_IN = """
[Unit]
DefaultDependencies=no
[Service]
ExecStart=
ExecStart=/mnt/python/bin/{python} -m traderd run
Environment=PYTHONPATH=/mnt/checkout:/mnt/packages LD_LIBRARY_PATH=/mnt/python/lib
Environment=PYTHONDONTWRITEBYTECODE=1 TRADERD_WEB__PORT=0
StandardOutput=append:/mnt/test/log
StandardError=append:/mnt/test/log
# The mounts by which systemd hands credentials over do not work in every container.
LoadCredential=
# Shorter, so that nobody waits for them.
WatchdogSec=8
RestartSec=1
"""
PROBE_UNIT = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /mnt/test/units/probe.sh
StandardOutput=append:/mnt/test/probe
StandardError=append:/mnt/test/probe
"""
PROBE = """
show() {
  echo "$1: $(systemctl show traderd -p ActiveState,Result,NRestarts,MainPID,StatusText | tr '\\n' ' ')"
}
restarted() {
  for _ in $(seq 300); do
    systemctl show traderd -p NRestarts,ActiveState | tr '\\n' ' ' | grep -q "NRestarts=$1 ActiveState=active" && return
    sleep 0.1
  done
}
systemctl start traderd; echo "start $?"; show started
grep -hE '^(Uid|NoNewPrivs|Seccomp|CapEff):' /proc/$(systemctl show traderd -p MainPID --value)/status
systemctl reload traderd; echo "reload $?"; show reloaded
systemctl kill -s KILL traderd; restarted 1; show killed
systemctl kill -s STOP traderd; restarted 2; show hung
systemctl stop traderd; echo "stop $?"; show stopped
systemctl exit --force 3
"""


def unified_hierarchy() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(place)
    return None


def what_is_missing() -> str:
    if os.getuid() != 0:
        return "only root can be PID 1 somewhere"
    if not SYSTEMD.exists() or shutil.which("unshare") is None:
        return "no systemd here (apt-get install systemd util-linux)"
    if Path("/run/systemd/system").is_dir():
        return "this machine has a systemd already, which is left alone"
    if unified_hierarchy() is None:
        return "no cgroup2 here that can be written to"
    tried = subprocess.run(
        ["unshare", "--pid", "--mount", "--cgroup", "--fork", "true"],
        capture_output=True,
        check=False,
    )
    return "" if tried.returncode == 0 else "no namespaces of one's own here"


def write_units(directory: Path) -> None:
    units = directory / "units"
    (units / "traderd.service.d").mkdir(parents=True)
    shutil.copy(ROOT / "systemd" / "traderd.service", units)
    python = Path(sys.executable).resolve().name
    (units / "traderd.service.d" / "test.conf").write_text(DROP_IN.format(python=python))
    (units / "probe.service").write_text(PROBE_UNIT)
    (units / "probe.sh").write_text(PROBE)
    (units / "test.target").write_text(TARGET + "Wants=probe.service\n")
    for name in ("sysinit", "basic", "shutdown"):
        (units / f"{name}.target").write_text(TARGET)


def run_as_pid_1(directory: Path) -> str:
    """Return what the probe printed; the control group that it needs is gone afterwards."""
    hierarchy = unified_hierarchy()
    assert hierarchy is not None
    group = hierarchy / f"traderd-test-{os.getpid()}"
    group.mkdir()
    places = (directory, ROOT, sysconfig.get_paths()["purelib"], sys.base_prefix)
    namespaces = ("--pid", "--mount", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child")
    command = ["unshare", *namespaces, "/bin/sh", str(INSIDE), *map(str, places)]
    enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    try:
        ran = subprocess.run(
            ["/bin/sh", "-c", enter, "sh", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    finally:
        for inner in sorted(group.rglob("*"), reverse=True):
            if inner.is_dir():
                inner.rmdir()
        group.rmdir()
    assert ran.returncode == 3, ran.stdout + ran.stderr + (directory / "console").read_text()
    return (directory / "probe").read_text()


def test_the_shipped_unit_starts_reloads_comes_back_and_stops_under_a_real_pid_1(tmp_path):
    if missing := what_is_missing():
        pytest.skip(missing)
    write_units(tmp_path)
    told = run_as_pid_1(tmp_path)
    print(told, (tmp_path / "log").read_text()[-6_000:])
    lines = dict(re.findall(r"^(\w+):\s+(.*)$", told, re.MULTILINE))
    codes = dict(re.findall(r"^(start|reload|stop) (\d+)$", told, re.MULTILINE))
    assert codes == {"start": "0", "reload": "0", "stop": "0"}
    # Type=notify: `systemctl start` returns when READY came, and that comes after calibration.
    assert "ActiveState=active" in lines["started"]
    assert "StatusText=ready, sim; books 12/12; P&L" in lines["started"]
    assert lines["Uid"].split()[0] != "0"
    assert (lines["NoNewPrivs"].strip(), lines["Seccomp"].strip()) == ("1", "2")
    assert int(lines["CapEff"], 16) == 0
    pids = [
        re.search(r"MainPID=(\d+)", lines[moment])[1] for moment in ("started", "killed", "hung")
    ]
    assert len(set(pids)) == 3
    assert "MainPID=" + pids[0] in lines["reloaded"], "a reload is no restart"
    assert "NRestarts=1" in lines["killed"]
    assert "NRestarts=2" in lines["hung"], "the watchdog ended one that did not move"
    assert "ActiveState=inactive" in lines["stopped"]
    assert "Result=success" in lines["stopped"]
    assert '"event":"stopped"' in (tmp_path / "log").read_text().splitlines()[-1]
