"""The doctor's checks of what traderd stands on: Python, libraries, SQLite, and who keeps it running and its clock right.

Owns: these sentences and the oldest versions that are good enough.
Must not: change a service, or need one.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

import apsw

from traderd import __version__
from traderd.cli.doctor_report import Finding, failed, ok, warning
from traderd.config import Config

VERSIONS: Final = "versions"
SERVICE: Final = "service"
TIME_SERVICE: Final = "time service"

PYTHON_MIN: Final = (3, 11)
SQLITE_MIN: Final = (3, 51, 3)
"""SQLite: the first release without the fault by which a reset of the write-ahead log could lose a commit."""
SHOWN: Final = ("trio", "httpx", "cryptography", "apsw")
"""The libraries whose versions a report of a defect needs."""
SYSTEMD: Final = Path("run/systemd/system")
KEEPERS: Final = (
    ("run/systemd/timesync/synchronized", "systemd-timesyncd has set the clock"),
    ("run/chrony/chronyd.pid", "chrony runs"),
    ("var/run/chronyd.pid", "chrony runs"),
    ("run/ntpd.pid", "ntpd runs"),
    ("var/run/ntpd.pid", "ntpd runs"),
)
"""Files that show who keeps the clock; below the root directory."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def check_versions(*, sqlite: str | None = None, needs: tuple[str, ...] | None = None) -> Finding:
    """Judge Python, SQLite and whether every library is there.

    Args:
        sqlite: its version; None: that of this process.
        needs: names of distributions; None: those that traderd's own package names.
    """
    sqlite_version = sqlite or apsw.sqlite_lib_version()
    python = ".".join(str(part) for part in sys.version_info[:3])
    missing = [name for name in (needs or _needs()) if _version(name) is None]
    if missing:
        return failed(
            VERSIONS,
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed",
            "install traderd anew: `make venv`, or pip install traderd",
            part="library",
        )
    if sys.version_info[:2] < PYTHON_MIN:
        return failed(
            VERSIONS, f"Python {python} is too old", "use Python 3.11 or newer", part="python"
        )
    if tuple(int(part) for part in sqlite_version.split(".")) < SQLITE_MIN:
        wanted = ".".join(str(part) for part in SQLITE_MIN)
        return failed(
            VERSIONS,
            f"SQLite {sqlite_version} can lose a commit when it resets its write-ahead log",
            f"install apsw with SQLite {wanted} or newer: pip install --upgrade apsw",
            part="sqlite",
        )
    shown = ", ".join(f"{name} {_version(name)}" for name in SHOWN)
    return ok(VERSIONS, f"traderd {__version__}, Python {python}, SQLite {sqlite_version}, {shown}")


def _needs() -> tuple[str, ...]:
    try:
        lines = metadata.requires("traderd") or []
    except metadata.PackageNotFoundError:
        return SHOWN
    return tuple(
        found[0] for line in lines if "extra ==" not in line and (found := _NAME.match(line))
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_service(variables: dict[str, str], root: Path = Path("/")) -> Finding:
    """Say who would start the daemon again."""
    if variables.get("INVOCATION_ID"):
        return ok(SERVICE, "started by systemd")
    if (root / SYSTEMD).is_dir():
        return ok(SERVICE, "systemd is here; `traderd run` by hand ends with its terminal")
    return ok(
        SERVICE, "no systemd here, so nobody starts the daemon again after a crash or a reboot"
    )


def check_time_service(config: Config | None, root: Path = Path("/")) -> Finding:
    """Say who keeps the clock; only an exchange elsewhere judges by it."""
    keeper = next((words for path, words in KEEPERS if (root / path).exists()), None)
    if keeper is not None:
        return ok(TIME_SERVICE, keeper)
    if config is None or config.environment == "sim":
        return ok(TIME_SERVICE, "none was found; an exchange on this machine needs none")
    return warning(
        TIME_SERVICE,
        "nobody seems to keep this machine's clock, and signatures carry the time",
        "run: timedatectl set-ntp true, or install chrony",
        part="ntp",
    )
