"""The doctor's checks of this machine's places: state directory, lock, disk, journal, latch and port.

Owns: looking without changing: nothing is made, migrated or repaired.
Must not: write into the state directory, or ask more of a running daemon than its status.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import apsw
import attrs

from traderd.cli.client import DaemonClient
from traderd.cli.doctor_report import Finding, failed, ok, skipped, warning
from traderd.cli.json_request import CommandFailed
from traderd.config import CONTROL_SOCKET, Config
from traderd.model.units import BYTES_PER_MB
from traderd.runtime.env import Env
from traderd.store.armed import read_armed, why_not_armed
from traderd.store.database import CHECK_CURE, journal_kind
from traderd.store.journal import JOURNAL_FILE, LOCK_FILE
from traderd.store.latch import read_latch
from traderd.store.lock import is_held
from traderd.store.sqlite_file import Identity, identify, open_to_look, schema_numbers

DIRECTORY: Final = "state directory"
DAEMON: Final = "daemon"
DISK: Final = "disk"
JOURNAL: Final = "journal"
LATCH: Final = "kill switch"
PORT: Final = "port"
ARMING: Final = "arming"

DISK_FAIL_MB: Final = 50
"""Below this a day's journal does not fit, and without a journal no order leaves."""
DISK_WARN_MB: Final = 500
QUESTION_S: Final = 2.0
"""Bounds the question to a running daemon."""
BUSY_TIMEOUT_MS: Final = 500


def check_directory(directory: Path) -> Finding:
    """Judge whether the state directory can be used, or made."""
    if not directory.exists():
        parent = next(path for path in directory.parents if path.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            return failed(
                DIRECTORY,
                f"{directory} does not exist, and you cannot make it in {parent}",
                "set state_dir (--state-dir) to a place that is yours, or change the owner of that one",
                part="permissions",
            )
        return ok(DIRECTORY, f"{directory} will be made at the first start")
    if not directory.is_dir():
        return failed(
            DIRECTORY,
            f"{directory} is a file",
            "move it away, or set state_dir to another place",
            part="kind",
        )
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return failed(
            DIRECTORY,
            f"you cannot write to {directory}",
            f"run as its owner, or: chown -R $USER {directory}",
            part="permissions",
        )
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return warning(
            DIRECTORY,
            f"others can write to {directory} (mode {mode:04o})",
            f"run: chmod 700 {directory}",
            part="permissions",
        )
    return ok(DIRECTORY, f"{directory} is yours")


@attrs.frozen(kw_only=True)
class Running:
    """The daemon of a state directory."""

    held: bool
    """Somebody holds the lock."""
    status: dict[str, Any] | None = None
    """What it says of itself, None when it does not answer or there is none."""


def look_for_daemon(directory: Path) -> Running:
    """Return whether a daemon runs on this directory, and what it says."""
    held = is_held(directory / LOCK_FILE)
    try:
        status = DaemonClient(directory / CONTROL_SOCKET, timeout_s=QUESTION_S).get("/v3/status")
    except CommandFailed:
        status = None
    return Running(held=held, status=status)


def check_daemon(running: Running, directory: Path, config: Config) -> Finding:
    """Judge lock and daemon."""
    status = running.status
    if status is None:
        if not running.held:
            return ok(DAEMON, "none runs on this state directory, the lock is free")
        return failed(
            DAEMON,
            f"somebody holds {directory / LOCK_FILE}{_holder(directory)} and does not answer",
            "wait until it has started; if it hangs, `traderd kill` cancels without it, then end that process",
            part="lock",
        )
    sentence = f"{status.get('environment')} runs here: {status.get('state')}, health {status.get('health')}"
    if status.get("environment") != config.environment:
        return warning(
            DAEMON,
            f"{sentence}, and you ask about {config.environment}",
            "name its --environment, or another --state-dir",
            part="environment",
        )
    problems = status.get("problems") or []
    if status.get("state") == "error" or status.get("health") == "unhealthy":
        return warning(
            DAEMON,
            f"{sentence}: {'; '.join(map(str, problems)) or 'it does not say why'}",
            "`traderd logs --level warning` tells more",
            part="health",
        )
    return ok(DAEMON, sentence)


def _holder(directory: Path) -> str:
    try:
        pid = (directory / LOCK_FILE).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return f" (pid {pid})" if pid.isdigit() else ""


def check_disk(directory: Path) -> Finding:
    """Judge the room where the state directory is or will be."""
    place = next(path for path in (directory, *directory.parents) if path.exists())
    free_mb = shutil.disk_usage(place).free // BYTES_PER_MB
    room = f"{free_mb / 1_000:.1f} GB free" if free_mb >= 1_000 else f"{free_mb} MB free"
    cure = "make room, or set state_dir to another disk"
    if free_mb < DISK_FAIL_MB:
        return failed(
            DISK, f"only {room} at {place}: without a journal no order leaves", cure, part="space"
        )
    if free_mb < DISK_WARN_MB:
        return warning(DISK, f"only {room} at {place}", cure, part="space")
    return ok(DISK, f"{room} at {place}")


def check_journal(directory: Path) -> Finding:
    """Read the journal from end to end, without changing it; a running daemon goes on writing."""
    path = directory / JOURNAL_FILE
    if not path.exists():
        return ok(JOURNAL, "none yet")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning(
            JOURNAL,
            f"others can read {path} (mode {mode:04o})",
            f"run: chmod 600 {path}",
            part="permissions",
        )
    try:
        with open_to_look(path, busy_timeout_ms=BUSY_TIMEOUT_MS) as connection:
            return _judge_journal(connection, path)
    except apsw.BusyError:
        return skipped(JOURNAL, f"{path} is busy; ask again")
    except (apsw.Error, OSError) as exc:
        return failed(JOURNAL, f"{path} cannot be read ({exc})", CHECK_CURE, part="integrity")


def _judge_journal(connection: apsw.Connection, path: Path) -> Finding:
    kind, (_, version) = journal_kind(), schema_numbers(connection)
    identity = identify(connection, kind)
    if identity is Identity.NEW:
        return ok(JOURNAL, "none yet: the file is empty")
    if identity is Identity.FOREIGN:
        return failed(
            JOURNAL,
            f"{path} is another program's",
            "move it away, or set state_dir to another place",
            part="owner",
        )
    if identity is Identity.OTHER_VERSION:
        return failed(
            JOURNAL,
            f"{path} has schema version {version}, and this traderd reads {kind.version}",
            "start the version of traderd that wrote it",
            part="version",
        )
    damage = connection.pragma("quick_check")
    if damage != "ok":
        return failed(JOURNAL, f"{path} is damaged ({damage})", CHECK_CURE, part="integrity")
    (rows,) = next(iter(connection.execute("SELECT count(*) FROM journal")))
    return ok(JOURNAL, f"sound, {rows} events, schema {version}")


def check_latch(directory: Path) -> Finding:
    """Tell whether the kill switch is pulled."""
    latch = read_latch(directory)
    if latch is None:
        return ok(LATCH, "not pulled")
    by = f" by {latch.by}" if latch.by else ""
    return warning(
        LATCH,
        f"it was pulled{by}: {latch.reason}; no order leaves",
        "when the reason is gone: `traderd clear-halt kill`, with the daemon running",
        part="latch",
    )


def check_arming(config: Config, now_ns: int) -> list[Finding]:
    """Judge whether production may trade now; nothing to judge elsewhere."""
    if config.environment != "production" or not config.trading_enabled:
        return []
    armed = read_armed(config.state_path())
    why, _, cure = why_not_armed(armed, now_ns=now_ns, key_id=config.exchange.key_id).partition(
        "; "
    )
    if why:
        return [failed(ARMING, why, cure, part="arming")]
    by = armed.by if armed is not None else ""
    return [ok(ARMING, f"armed by {by}; `traderd run --live` will trade real money")]


async def check_port(config: Config, running: Running, env: Env) -> Finding:
    """Judge whether the console's port is free, or our daemon's.  Cancelling closes it."""
    if not config.web.enabled:
        return ok(PORT, "the console is off (web.enabled)")
    host, port = config.web.host, config.web.port
    if port == 0:
        return ok(PORT, "a free one is taken at each start (web.port = 0)")
    address = f"{host}:{port}"
    try:
        listener, _ = await env.listen(host, port)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            cure = (
                "use a port of 1024 or above" if exc.errno == errno.EACCES else "correct web.host"
            )
            why = exc.strerror or exc
            return failed(PORT, f"{address} cannot be taken ({why})", cure, part="port")
        if _serves(running, host, port):
            return ok(PORT, f"{address} is our daemon's console")
        return failed(
            PORT,
            f"{address} is taken by another program",
            "set web.port (--port) to a free one; `ss -ltnp` shows who has it",
            part="port",
        )
    await listener.aclose()
    return ok(PORT, f"{address} is free")


def _serves(running: Running, host: str, port: int) -> bool:
    """Tell whether the daemon of this directory says that this is its console: only it knows behind TLS and a token."""
    url = urlsplit(str((running.status or {}).get("console") or ""))
    return url.hostname == host.lower() and url.port == port
