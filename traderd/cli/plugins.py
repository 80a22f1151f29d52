"""`traderd plugins`: what plugins there are, whether one fits, a new one, and taking them in and out of use.

Owns: the options, and what is printed. Without a daemon `list` looks at the disk, and `disable` and `enable` hold from its next
start.
Must not: judge a plugin; the manager, the kit and the daemon do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.halts import author_option, carry_out
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json
from traderd.cli.plugins_new import KINDS, NAME, new_files, next_commands
from traderd.cli.plugins_table import COLUMNS, plugin_notes, plugin_rows
from traderd.cli.progress import signs_of_life
from traderd.cli.terminal_tables import show_lines, show_listing, terminal_width
from traderd.config import Config

MINUTES_MAX: Final = 600


@click.group()
def plugins() -> None:
    """Strategies, rules and services of your own.

    Example: traderd plugins new my_maker
    """


@plugins.command("list")
@daemon_command
@click.option("--all", "everything", is_flag=True, help="Also the parts of traderd itself.")
def list_plugins(client: DaemonClient, config: Config, as_json: bool, everything: bool) -> None:
    """List plugins and what is wrong with them.

    Their state, what they offer, and for each that does not run why and what to do. Without a running daemon it tells what the next start would find.

    Example: traderd plugins list
    """
    try:
        document = client.get("/v3/plugins") | {"daemon": True}
    except CommandFailed as exc:
        if exc.exit_code != exit_codes.NOT_RUNNING:
            raise
        document = _from_disk(config) | {"daemon": False}
    if not everything:
        document["plugins"] = [one for one in document["plugins"] if one["origin"] != "built-in"]
    if as_json:
        print_json(document)
        return
    rows = plugin_rows(document)
    show_listing("plugins", COLUMNS, rows, environment=config.environment, width=terminal_width())
    show_lines(plugin_notes(document), indent=len("  cure: "))


def _from_disk(config: Config) -> dict[str, Any]:
    from traderd.app_plugins import find_plugins
    from traderd.services.plugin_desk import plugins_document

    found = find_plugins(config, Path.cwd())
    found.ask_all(config)
    return plugins_document(found.listed())


@plugins.command()
@daemon_command
@click.argument("plugin")
@click.option(
    "--minutes",
    type=click.IntRange(3, MINUTES_MAX),
    default=5,
    show_default=True,
    help="Of the simulated market.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the simulated market.")
def check(
    client: DaemonClient, config: Config, as_json: bool, plugin: str, minutes: int, seed: int
) -> None:
    """Try a PLUGIN in a simulated market.

    PLUGIN is a file, or the name of one that is found. It is loaded into a daemon of its own, in this process, which trades on an embedded paper exchange under a virtual clock: no
    account, no network, and your daemon is not touched. There is a quiet start, a gap in the data, a rejected order, a pause
    and a fill, twice with one seed. A check that fails is exit code 1.

    Example: traderd plugins check plugins/my_maker.py
    """
    from traderd.testing.kit import check_plugin, find_file

    path = find_file(plugin, Path.cwd())
    with signs_of_life(f"{plugin}: {minutes} simulated minutes, twice", quiet=as_json):
        report = check_plugin(path, minutes=minutes, seed=seed)
    if as_json:
        print_json(report.document())
    else:
        click.echo("\n".join(report.lines()))
    if not report.passed:
        sys.exit(exit_codes.ERROR)


@plugins.command()
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="What it is."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def new(name: str, kind: str, as_json: bool) -> None:
    """Write plugins/NAME.py and its test, ready to run in `sim`.

    A file that exists is never overwritten.

    Example: traderd plugins new my_maker --kind strategy
    """
    if NAME.fullmatch(name) is None:
        raise click.UsageError(
            f"{name!r} is no name for a plugin: small letters, digits and _, beginning with a letter"
        )
    files = new_files(name, kind, Path.cwd())
    taken = [str(path) for path in files if path.exists()]
    if taken:
        raise click.UsageError(f"{taken[0]} exists already; choose another name, or remove it")
    for path, text in files.items():
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        # Whatever the umask: a plugin that others can write to would be refused.
        path.chmod(0o644)
    commands = next_commands(name)
    if as_json:
        print_json({"written": [str(path) for path in files], "next": commands})
        return
    for path in files:
        click.echo(f"wrote {path.relative_to(Path.cwd())}")
    click.echo("next:")
    for command in commands:
        click.echo(f"  {command}")


@plugins.command("reload")
@daemon_command
@author_option
@click.argument("name")
def reload_plugin(
    client: DaemonClient, config: Config, as_json: bool, author: str, name: str
) -> None:
    """Exchange the code of plugin NAME.

    Its file is read again while the daemon runs.

    The new form is checked first; if it does not fit, what runs goes on and the answer says why (exit code 6). Otherwise its
    services are drained and started again, its strategies are exchanged and adopt their orders, and its rules change at once. A
    file that is new in a directory of plugins is loaded the same way.

    Example: traderd plugins reload my_maker
    """
    carry_out(client, "reload-plugin", {"plugin": name, "author": author}, as_json)


@plugins.command()
@daemon_command
@author_option
@click.argument("name")
def disable(client: DaemonClient, config: Config, as_json: bool, author: str, name: str) -> None:
    """Stop using plugin NAME.

    It stays off after a restart; the orders of its strategies are cancelled.

    Example: traderd plugins disable my_maker
    """
    _switch(client, config, as_json, author, name, on=False)


@plugins.command()
@daemon_command
@author_option
@click.argument("name")
def enable(client: DaemonClient, config: Config, as_json: bool, author: str, name: str) -> None:
    """Use plugin NAME again.

    Also one that was quarantined.

    Example: traderd plugins enable my_maker
    """
    _switch(client, config, as_json, author, name, on=True)


def _switch(
    client: DaemonClient, config: Config, as_json: bool, author: str, name: str, *, on: bool
) -> None:
    verb = "enable-plugin" if on else "disable-plugin"
    try:
        carry_out(client, verb, {"plugin": name, "author": author}, as_json)
        return
    except CommandFailed as exc:
        if exc.exit_code != exit_codes.NOT_RUNNING:
            raise
    outcome = _switch_on_disk(config, author, name, on=on)
    if as_json:
        print_json(outcome)
    else:
        click.echo(outcome_sentence(outcome))


def _switch_on_disk(config: Config, author: str, name: str, *, on: bool) -> dict[str, Any]:
    from traderd.app_plugins import find_plugins
    from traderd.model.units import Timestamp, format_time
    from traderd.runtime.env import RealEnv
    from traderd.store.plugin_switches import Switch, write_switch

    record = find_plugins(config, Path.cwd()).records.get(name)
    if record is None or record.is_ours:
        raise click.UsageError(f"there is no plugin {name}; see traderd plugins list")
    at = format_time(Timestamp(RealEnv().wall_ns()))
    write_switch(config.state_path(), name, None if on else Switch(by=author, at=at))
    word = "enabled" if on else "disabled"
    sentence = f"plugin {name} is {word}; no daemon runs here ({config.environment}), so that holds from its next start"
    return {"answer": "done", "sentence": sentence, "key": None}
