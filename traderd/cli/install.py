"""`traderd install`: puts the daemon under systemd, for the machine or for one person, or prints what that would be.

Owns: the words on the terminal, the rights that it needs, and the writing. It enables and starts nothing.
Must not: decide what is written; `install_plan` does.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess  # sim-ok: the command line is a process of its own, and systemd's tools are programs
import sys
from pathlib import Path
from typing import Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.install_plan import Action, Plan, PlannedFile, Scope, make_plan
from traderd.cli.options import print_json
from traderd.errors import ConfigError
from traderd.runtime.env import RealEnv

TOOL_DEADLINE_S: Final = 30.0
"""Bounds one of systemd's tools: they take milliseconds."""
DIRECTORY_MODE: Final = 0o755
FILE_MODE: Final = 0o644
"""Of units and of a configuration that holds no secret; its directory is closed to others anyhow."""
HIDDEN: Final = (Path("/home"), Path("/root"), Path("/run/user"))
"""What a service with ProtectHome=yes does not see."""
FAILED: Final = "failed"
"""Begins the result of a command that did not do its work."""
WORDS: Final = {
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.UNCHANGED: "as it is",
    Action.KEEP: "KEEP",
}


@click.command()
@click.option("--system", "scope", flag_value="system", help="For the machine; needs root.")
@click.option("--user", "scope", flag_value="user", help="For you alone, without root.")
@click.option("--print", "only_print", is_flag=True, help="Print every file; change nothing.")
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    metavar="DIR",
    help="Install into this directory as if it were /, for an image.",
)
@click.option(
    "--executable",
    metavar="PATH",
    help="The program that the unit starts; default: this one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what is done as JSON.")
def install(
    scope: str | None, only_print: bool, root: Path, executable: str | None, as_json: bool
) -> None:
    """Put the daemon under systemd.

    It writes unit files and an example configuration, tells systemd of them, and enables and starts nothing. Running it
    again changes nothing; a configuration, or a unit that somebody has changed, is never overwritten.

    Example: traderd install --user --print
    """
    if scope is None:
        raise click.UsageError("say for whom: --system or --user")
    wanted, variables, root = Scope(scope), RealEnv().variables, root.absolute()
    program = executable or own_executable()
    if wanted is Scope.SYSTEM and not only_print and root == Path("/"):
        check_rights(os.geteuid())
        check_executable(Path(program))
    plan = make_plan(
        wanted, root=root, executable=program, variables=variables, version=systemd_version()
    )
    actions = [(file, file.action()) for file in plan.files]
    if only_print and not as_json:
        _print_files(actions)
    ran = [] if only_print else _carry_out(plan, actions)
    if as_json:
        print_json(_document(plan, actions, ran, wrote=not only_print))
    else:
        _tell(plan, actions, ran, only_print=only_print)
    if any(result.startswith(FAILED) for _, result in ran):
        raise click.exceptions.Exit(exit_codes.ERROR)


def own_executable() -> str:
    """Return the path of the `traderd` beside the Python that runs this; raises ConfigError when there is none."""
    path = Path(sys.executable).parent / "traderd"
    if not path.is_file():
        raise ConfigError(
            f"there is no {path}, so a unit cannot start it; name the program with --executable"
        )
    return str(path)


def check_rights(user: int) -> None:
    """Refuse an installation for the machine that cannot succeed; raises ConfigError."""
    if user != 0:
        raise ConfigError(
            "writing to /etc needs root: run it with sudo, or install for yourself with --user; "
            "--print shows what it would write"
        )


def check_executable(path: Path) -> None:
    """Refuse a program that the service's user could not run, or that others could change; raises ConfigError."""
    cure = "install traderd for the machine: python3 -m venv /opt/traderd, then /opt/traderd/bin/pip install traderd"
    if not path.is_absolute():
        raise ConfigError(f"--executable must be a whole path, not {path}")
    try:
        interpreter = path.parent / "python"
        real = [path.resolve(strict=True)]
        real += [interpreter.resolve(strict=True)] if interpreter.exists() else []
    except OSError as exc:
        raise ConfigError(f"{path} is not there: {exc.strerror}; {cure}") from exc
    for one in (path, *real):
        for hidden in HIDDEN:
            if one.is_relative_to(hidden):
                raise ConfigError(f"{one} is under {hidden}, which the service cannot see; {cure}")
    for one in real:
        for place in (one, *one.parents):
            mode = place.stat().st_mode
            if not mode & stat.S_IXOTH:
                raise ConfigError(f"the service's user cannot enter {place}; {cure}")
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise ConfigError(f"everybody can change {place}; run: chmod o-w {place}")


def systemd_version() -> int | None:
    """Return the version of this machine's systemd, None when it has none."""
    tool = shutil.which("systemctl")
    if tool is None:
        return None
    said = subprocess.run(  # sim-ok: see the import
        [tool, "--version"], capture_output=True, text=True, check=False, timeout=TOOL_DEADLINE_S
    )
    found = re.match(r"systemd (\d+)", said.stdout)
    return int(found[1]) if found else None


def write_file(file: PlannedFile) -> None:
    """Write a file whole or not at all; raises ConfigError."""
    try:
        file.path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        new = file.path.with_name(f".{file.path.name}.new")
        new.write_text(file.content, encoding="utf-8")
        new.chmod(FILE_MODE)
        new.replace(file.path)
    except OSError as exc:
        raise ConfigError(
            f"{file.path} cannot be written: {exc.strerror}; run it with sudo, or with --user"
        ) from exc


def _carry_out(plan: Plan, actions: list[tuple[PlannedFile, Action]]) -> list[tuple[str, str]]:
    """Write and run; returns for each command what became of it."""
    for file, action in actions:
        if action in {Action.CREATE, Action.UPDATE}:
            write_file(file)
    return [(" ".join(command), _run(command)) for command in plan.commands]


def _run(command: tuple[str, ...]) -> str:
    tool = shutil.which(command[0])
    if tool is None:
        return "not run: it is not on this machine"
    try:
        ran = subprocess.run(  # sim-ok: see the import
            [tool, *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=TOOL_DEADLINE_S,
        )
    except subprocess.TimeoutExpired:  # sim-ok: see the import
        return f"{FAILED}: not done within {TOOL_DEADLINE_S:g} s; run it yourself"
    if ran.returncode == 0:
        return "done"
    said = ran.stderr.strip().splitlines() or [f"it ended with {ran.returncode}"]
    return f"{FAILED}: {said[-1]}; run it yourself when that is mended"


def _print_files(actions: list[tuple[PlannedFile, Action]]) -> None:
    for file, _ in actions:
        click.echo(f"----- {file.path} ({file.why})")
        click.echo(file.content)


def _tell(
    plan: Plan,
    actions: list[tuple[PlannedFile, Action]],
    ran: list[tuple[str, str]],
    *,
    only_print: bool,
) -> None:
    click.echo("It would:" if only_print else "Files:")
    for file, action in actions:
        click.echo(f"  {WORDS[action]:<9} {file.path}   {file.why}")
        if action is Action.KEEP and not file.is_configuration:
            click.echo(
                f"            it was changed by hand; to get the new one, move it away and run this again. "
                f"Changes of your own belong in `systemctl edit {file.path.stem}`"
            )
    if plan.commands:
        click.echo("Commands:")
    for command in plan.commands if only_print else ():
        click.echo(f"  run       {' '.join(command)}")
    for words, result in ran:
        click.echo(f"  {words}   {result}")
    click.echo("Nothing was changed." if only_print else "Nothing was started. Next:")
    for hint in () if only_print else plan.hints:
        click.echo(f"  {hint}")


def _document(
    plan: Plan,
    actions: list[tuple[PlannedFile, Action]],
    ran: list[tuple[str, str]],
    *,
    wrote: bool,
) -> dict[str, Any]:
    results = dict(ran)
    return {
        "wrote": wrote,
        "files": [
            {
                "path": str(file.path),
                "action": action.value,
                "why": file.why,
                "is_configuration": file.is_configuration,
                "content": file.content,
            }
            for file, action in actions
        ],
        "commands": [
            {"command": " ".join(command), "result": results.get(" ".join(command))}
            for command in plan.commands
        ],
        "next": list(plan.hints),
    }
