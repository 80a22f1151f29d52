"""What the commands have in common: how they find their configuration and the running daemon.

Owns: the options that many commands share, and the exit of a verb's outcome on the terminal.
Must not: hold a command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.json_request import CommandFailed
from traderd.config import CONTROL_SOCKET, Config, load_config
from traderd.config_layers import ENVIRONMENT_ALIASES, ENVIRONMENTS
from traderd.runtime.env import RealEnv

PORT_MAX: Final = 65_535
SETTINGS: Final = ("config_file", "environment", "state_dir", "settings")
"""The parameters that `settings_options` adds."""


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options by which every command finds its configuration."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="One setting, for example risk.max_open_orders=4; repeatable.",
        ),
        click.option("--state-dir", help="Where journal, lock and control socket are."),
        click.option(
            "--environment",
            "-e",
            type=click.Choice((*ENVIRONMENTS, *ENVIRONMENT_ALIASES)),
            metavar="NAME",
            help=f"{', '.join(ENVIRONMENTS)}; default: sim. `demo` is paper.",
        ),
        click.option(
            "--config",
            "-c",
            "config_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A traderd.toml; default: the first of ./traderd.toml, ~/.config/traderd/traderd.toml, "
            "/etc/traderd/traderd.toml.",
        ),
    ):
        command = option(command)
    return command


def daemon_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add settings and --json, and hand the command a client of the running daemon."""

    @settings_options
    @click.option("--json", "as_json", is_flag=True, help="Print the daemon's document as JSON.")
    @wraps(command)
    def wrapped(as_json: bool, **options: Any) -> None:
        given = {name: options.pop(name) for name in SETTINGS}
        config = read_config(**given, check=False)
        client = DaemonClient(config.state_path() / CONTROL_SOCKET, shows_progress=not as_json)
        try:
            command(client=client, config=config, as_json=as_json, **options)
        except CommandFailed as exc:
            show_failure(exc, as_json=as_json)
            raise

    return wrapped


def show_failure(failure: CommandFailed, *, as_json: bool) -> None:
    """Print the document of what was not done, or what became of each order: some of them may rest."""
    if failure.document is None:
        return
    if as_json:
        print_json(failure.document)
    else:
        show_items(failure.document)


def show_items(outcome: dict[str, Any]) -> None:
    """Print what became of each of several orders, with its key."""
    for number, item in enumerate(outcome.get("items", ()), 1):
        click.echo(f"{number}. {outcome_sentence(item)}")


def show_parts(items: Sequence[dict[str, Any]]) -> None:
    """Print, below the sentence of a verb, what it says of each order."""
    for item in items:
        click.echo(f"  {outcome_sentence(item)}")


def read_config(
    *,
    config_file: Path | None,
    environment: str | None,
    state_dir: str | None,
    settings: tuple[str, ...],
    extra: dict[str, Any] | None = None,
    check: bool = True,
) -> Config:
    """Return the configuration that these options give.

    Raises:
        ConfigError: a setting is wrong.
        UsageError: a `--set` without a value.
    """
    # An option that was not given must not stand in the way of a `--set` of the same name.
    given = {name: value for name, value in (extra or {}).items() if value is not None}
    flags = given_flags(environment, state_dir, settings) | given
    return load_config(
        variables=RealEnv().variables,
        directory=Path.cwd(),
        config_file=config_file,
        flags=flags,
        check=check,
    )


def given_flags(
    environment: str | None, state_dir: str | None, settings: tuple[str, ...]
) -> dict[str, Any]:
    """Return these options as settings; raises UsageError for a `--set` without a value."""
    flags: dict[str, Any] = {"environment": environment, "state_dir": state_dir}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set needs SECTION.KEY=VALUE, not {_name_of(setting)!r}")
        flags[key] = value
    return flags


def _name_of(setting: str) -> str:
    # A value may be a secret, also behind a sign that is no `=`.
    _, name, rest = re.split(r"\A([\w.]*)", setting, maxsplit=1)
    return f"{name}…" if rest else name


def colour_wanted() -> bool:
    """Tell whether colours may be used: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return sys.stdout.isatty() and not RealEnv().variables.get("NO_COLOR")


def print_json(document: Any) -> None:
    """Print a document, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
