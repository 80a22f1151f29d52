"""What `traderd install` would put where: units, users, directories and an example configuration.

Owns: the list of files with their content, and what becomes of one that is there already: a file of ours that nobody has
changed since is brought up to date, and anything that a person wrote or changed is left alone.
Must not: write; `install` does.
"""

from __future__ import annotations

import enum
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

import traderd
from traderd import __version__
from traderd.errors import ConfigError

EXECUTABLE: Final = "/opt/traderd/bin/traderd"
"""Where the files of the repository say that the program is; replaced by where it is."""
INSTALLED_AT: Final = "share/traderd/systemd"
"""Where an installed traderd has its unit files, below the directory of its Python."""
BACK_OFF_SINCE: Final = 254
"""The systemd that first let the wait between restarts grow."""
UNITS: Final = ("traderd.service", "traderd@.service", "traderd-exchange.service")
STATE_DIR_LINE: Final = re.compile(r"^state_dir = .*$", re.MULTILINE)
MARK: Final = re.compile(
    r"# Installed by traderd \S+; sha256 (?P<digest>[0-9a-f]{64}) of the rest\.\n"
)
"""The first line of an installed file, by which a later installation knows that nobody has changed it."""


class Scope(enum.Enum):
    """For whom it is installed."""

    SYSTEM = "system"
    USER = "user"


class Action(enum.Enum):
    """What happens to one file."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    KEEP = "keep"
    """It was changed, or is a configuration: it stays as it is."""


@attrs.frozen(kw_only=True)
class PlannedFile:
    """One file, its content and what is done about it."""

    path: Path
    content: str
    why: str
    is_configuration: bool = False

    def action(self) -> Action:
        """Look at what is there; raises ConfigError when that cannot be read."""
        try:
            there = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Action.CREATE
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{self.path} is there and cannot be read: {exc}") from exc
        if there == self.content:
            return Action.UNCHANGED
        return Action.UPDATE if not self.is_configuration and is_untouched(there) else Action.KEEP


@attrs.frozen(kw_only=True)
class Plan:
    """Everything that an installation does, in order."""

    files: tuple[PlannedFile, ...]
    commands: tuple[tuple[str, ...], ...]
    """To be run when the files are there; none of them starts anything."""
    hints: tuple[str, ...]
    """What a person does next."""


def source_directory() -> Path:
    """Return where the files to install are: in an installed package beside it, in the repository at its top.

    Raises:
        ConfigError: they are in neither place.
    """
    installed = Path(sys.prefix) / INSTALLED_AT
    for found in (Path(traderd.__file__).parent.parent / "systemd", installed):
        if (found / UNITS[0]).is_file():
            return found
    raise ConfigError(f"the unit files are not in {installed}; install traderd again")


def make_plan(
    scope: Scope, *, root: Path, executable: str, variables: Mapping[str, str], version: int | None
) -> Plan:
    """Return the plan for a scope.

    Args:
        scope: for the machine or for one person.
        root: the directory that stands for `/`, of an image for example.
        executable: the path of the program, as the unit will call it.
        variables: for the person's directories.
        version: of systemd; None when it is not known.
    """
    source = source_directory()
    plan = _system_plan if scope is Scope.SYSTEM else _user_plan
    return plan(source, root, executable, variables, version)


def _system_plan(
    source: Path, root: Path, executable: str, variables: Mapping[str, str], version: int | None
) -> Plan:
    etc = root / "etc"
    sysusers, tmpfiles = etc / "sysusers.d/traderd.conf", etc / "tmpfiles.d/traderd.conf"
    files = [
        _marked(sysusers, source / "sysusers.conf", "the user and group that the daemon runs as"),
        _marked(tmpfiles, source / "tmpfiles.conf", "the directories of configuration and keys"),
        PlannedFile(
            path=etc / "traderd/traderd.toml",
            content=(source / "traderd.toml").read_text(encoding="utf-8"),
            why="the configuration, every line with its explanation",
            is_configuration=True,
        ),
        *_units(etc / "systemd/system", source, UNITS, executable, version),
    ]
    elsewhere = () if root == Path("/") else (f"--root={root}",)
    commands = [
        # By name: both look into their own directories, below the root too.
        ("systemd-sysusers", *elsewhere, sysusers.name),
        ("systemd-tmpfiles", "--create", *elsewhere, tmpfiles.name),
    ]
    if not elsewhere:
        commands.append(("systemctl", "daemon-reload"))
    return Plan(
        files=tuple(files),
        commands=tuple(commands),
        hints=(
            "systemctl enable --now traderd          # the daemon, by /etc/traderd/traderd.toml",
            "systemctl enable --now traderd@paper    # another one, by /etc/traderd/paper.toml",
            "systemctl status traderd                # state and P&L in one line",
            "journalctl -u traderd -f                # its log",
        ),
    )


def _user_plan(
    source: Path, root: Path, executable: str, variables: Mapping[str, str], version: int | None
) -> Plan:
    home = variables.get("HOME", "")
    named = variables.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    if not named.startswith("/"):
        raise ConfigError("neither HOME nor XDG_CONFIG_HOME names a directory; set HOME")
    config = root / named.lstrip("/")
    example = (source / "traderd.toml").read_text(encoding="utf-8")
    files = [
        PlannedFile(
            path=config / "traderd/traderd.toml",
            # A person's daemon has its state where the command line looks anyhow.
            content=STATE_DIR_LINE.sub(
                '#state_dir = "~/.local/state/traderd/sim"', example
            ).replace("systemctl restart", "systemctl --user restart"),
            why="the configuration, every line with its explanation",
            is_configuration=True,
        ),
        *_units(config / "systemd/user", source / "user", UNITS[:1], executable, version),
    ]
    return Plan(
        files=tuple(files),
        commands=(("systemctl", "--user", "daemon-reload"),) if root == Path("/") else (),
        hints=(
            "systemctl --user enable --now traderd    # the daemon",
            "systemctl --user status traderd          # state and P&L in one line",
            "journalctl --user -u traderd -f          # its log",
            "loginctl enable-linger                   # so that it runs while you are not logged in",
        ),
    )


def _units(
    directory: Path, source: Path, names: tuple[str, ...], executable: str, version: int | None
) -> Iterator[PlannedFile]:
    for name in names:
        yield _marked(directory / name, source / name, "the unit", executable=executable)
        if version is not None and version >= BACK_OFF_SINCE:
            drop_in = directory / f"{name}.d" / "10-back-off.conf"
            common = source if (source / "back-off.conf").is_file() else source.parent
            yield _marked(drop_in, common / "back-off.conf", "restarts that wait longer each time")


def _marked(path: Path, source: Path, why: str, *, executable: str = EXECUTABLE) -> PlannedFile:
    text = source.read_text(encoding="utf-8").replace(EXECUTABLE, executable)
    return PlannedFile(path=path, content=with_mark(text), why=why)


def with_mark(text: str) -> str:
    """Return the text of a file with the line by which it is known to be unchanged."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"# Installed by traderd {__version__}; sha256 {digest} of the rest.\n{text}"


def is_untouched(text: str) -> bool:
    """Tell whether a file is as an installation left it."""
    mark = MARK.match(text)
    if mark is None:
        return False
    return hashlib.sha256(text[mark.end() :].encode()).hexdigest() == mark["digest"]
