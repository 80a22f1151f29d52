"""The commands that stop trading and let it go on: pause, resume, halt, clear-halt, confirm-limits, flatten.

Owns: their arguments. Each has a scope (the account, a market, a strategy), an author, and a dry run.
Must not: decide anything; the daemon does. `traderd kill` is `kill.py`, because it needs no daemon.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any, Final

import click

from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.options import daemon_command, print_json, show_parts
from traderd.config import Config

BY_PERSON: Final = "asked for on the command line"


def os_user() -> str:
    """Return the name of the operating system's user, its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --market and --strategy."""
    for option in (
        click.option("--strategy", metavar="NAME", help="Only what this strategy does."),
        click.option("--market", metavar="TICKER", help="Only in this market."),
    ):
        command = option(command)
    return command


def author_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --author."""
    option = click.option(
        "--author",
        default=os_user,
        show_default="your user name",
        help="Who asks; kept in the journal.",
    )
    return option(command)


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --dry-run."""
    option = click.option(
        "--dry-run", is_flag=True, help="Say exactly what would be done, and do nothing."
    )
    return option(command)


reason_option = click.option(
    "--reason", default=BY_PERSON, show_default=True, help="Shown wherever it matters."
)


@click.command()
@daemon_command
@reason_option
@scope_options
@author_option
@dry_run_option
def pause(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    reason: str,
    market: str | None,
    strategy: str | None,
    author: str,
    dry_run: bool,
) -> None:
    """Take no new risk; orders rest.

    It survives restarts until `traderd resume`; only the embedded exchange starts anew each time.

    Example: traderd pause --reason "news at 14:00"
    """
    body = {"reason": reason, "ticker": market, "strategy": strategy}
    carry_out(client, "pause", _signed(body, author, dry_run), as_json)


@click.command()
@daemon_command
@scope_options
@author_option
@dry_run_option
def resume(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    market: str | None,
    strategy: str | None,
    author: str,
    dry_run: bool,
) -> None:
    """Undo the `traderd pause` of the same scope.

    Example: traderd resume --strategy spread_maker
    """
    body = {"ticker": market, "strategy": strategy}
    carry_out(client, "resume", _signed(body, author, dry_run), as_json)


@click.command()
@daemon_command
@reason_option
@scope_options
@author_option
@dry_run_option
def halt(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    reason: str,
    market: str | None,
    strategy: str | None,
    author: str,
    dry_run: bool,
) -> None:
    """Stop new risk until `traderd clear-halt`.

    It survives restarts; only the embedded exchange starts anew each time.

    Example: traderd halt --market KXMLBGAME-26AUG072140LADAZ-LAD --reason "rain delay"
    """
    body = {"reason": reason, "ticker": market, "strategy": strategy}
    carry_out(client, "halt", _signed(body, author, dry_run), as_json)


@click.command("clear-halt")
@daemon_command
@click.argument("halt_id")
@author_option
@dry_run_option
def clear_halt(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    halt_id: str,
    author: str,
    dry_run: bool,
) -> None:
    """End the halt HALT_ID; `traderd status` lists them.

    Example: traderd clear-halt breaker
    """
    carry_out(client, "clear-halt", _signed({"halt_id": halt_id}, author, dry_run), as_json)


@click.command("confirm-limits")
@daemon_command
@author_option
@dry_run_option
def confirm_limits(
    client: DaemonClient, config: Config, as_json: bool, author: str, dry_run: bool
) -> None:
    """Let limits hold that were raised in the settings.

    After a start the lower values of the run before go on holding until then, and `traderd status` names both. To lower a limit needs no confirmation.

    Example: traderd confirm-limits --dry-run
    """
    carry_out(client, "confirm-limits", _signed({}, author, dry_run), as_json)


@click.command()
@daemon_command
@scope_options
@click.option(
    "--at-worst",
    metavar="DOLLARS",
    help="The worst price of YES that is taken; needed where the book is not good enough to tell.",
)
@author_option
@dry_run_option
def flatten(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    market: str | None,
    strategy: str | None,
    at_worst: str | None,
    author: str,
    dry_run: bool,
) -> None:
    """Pause, cancel the orders and close every position.

    What closes can only reduce: it is never more than is held. It stays paused until `traderd resume`. What cannot be closed is told with the reason, and exits with 1.

    Example: traderd flatten --market KXMLBGAME-26AUG072140LADAZ-LAD --dry-run
    """
    body = {"ticker": market, "strategy": strategy, "at_worst_dollars": at_worst}
    carry_out(client, "flatten", _signed(body, author, dry_run), as_json)


def _signed(body: dict[str, Any], author: str, dry_run: bool) -> dict[str, Any]:
    return {**body, "author": author, "dry_run": dry_run}


def carry_out(client: DaemonClient, verb: str, body: dict[str, Any], as_json: bool) -> None:
    """Ask the daemon, and print its sentence and that of each order; raises CommandFailed."""
    outcome = client.command(verb, body)
    if as_json:
        print_json(outcome)
        return
    click.echo(outcome_sentence(outcome))
    show_parts(outcome.get("items", ()))
