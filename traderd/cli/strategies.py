"""`traderd strategies`: what runs, with which parameters; change one, release one from quarantine.

Owns: the arguments and the tables.
Must not: judge a parameter; the daemon does.
"""

from __future__ import annotations

from typing import Any, Final

import click

from traderd.cli import exit_codes, tables
from traderd.cli.client import DaemonClient
from traderd.cli.halts import author_option, carry_out
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json
from traderd.cli.terminal_tables import show_listing, terminal_width
from traderd.config import Config
from traderd.runtime.log_text import clean_text

RUNNING: Final = (
    tables.Column("strategy", "strategy"),
    tables.Column("status", "status"),
    tables.Column("ticks", "ticks", is_number=True),
    tables.Column("orders", "with orders", is_number=True),
    tables.Column("loop", "loop %", is_number=True),
    tables.Column("commands", "commands", is_number=True, droppable=True),
    tables.Column("callback_p50_ms", "p50 ms", is_number=True, droppable=True),
    tables.Column("callback_p99_ms", "p99 ms", is_number=True, droppable=True),
    tables.Column("callback_max_ms", "max ms", is_number=True, droppable=True),
    tables.Column("over_budget", "too slow", is_number=True, droppable=True),
)
PARAMETERS: Final = (
    tables.Column("name", "parameter"),
    tables.Column("value", "value"),
    tables.Column("tunable", "live"),
    tables.Column("doc", "what it is", wraps=True),
)


@click.group()
def strategies() -> None:
    """See, tune and release strategies.

    Example: traderd strategies list
    """


@strategies.command("list")
@daemon_command
def list_strategies(client: DaemonClient, config: Config, as_json: bool) -> None:
    """List the strategies that run, and how fast they decide.

    "loop %" is how much of the daemon's time a strategy takes, of what it may (`loop_percent`); at its most it is looked
    at less often.

    Example: traderd strategies list
    """
    document = client.get("/v3/strategies")
    if as_json:
        print_json({"environment": config.environment, **document})
        return
    rows = [
        row
        | {
            "orders": row["outcomes"].get("order", 0),
            "loop": f"{row['loop_percent']}/{row['loop_percent_max']}",
        }
        for row in document["strategies"]
    ]
    show_listing(
        "strategies", RUNNING, rows, environment=config.environment, width=terminal_width()
    )
    for row in rows:
        if row["reason"]:
            click.echo(clean_text(f"{row['strategy']}: {row['reason']}"))


@strategies.command("show")
@daemon_command
@click.argument("name")
def show_strategy(client: DaemonClient, config: Config, as_json: bool, name: str) -> None:
    """Show the parameters of a running strategy.

    Those marked live can be changed now.

    Example: traderd strategies show spread_maker
    """
    found = _find(client, name)
    if as_json:
        print_json(found)
        return
    show_listing(
        f"parameters of {name}",
        PARAMETERS,
        found["parameters"],
        environment=config.environment,
        width=terminal_width(),
    )


@strategies.command("set")
@daemon_command
@click.argument("name")
@click.argument("assignment", metavar="PARAM=VALUE")
@author_option
def set_parameter(
    client: DaemonClient, config: Config, as_json: bool, name: str, assignment: str, author: str
) -> None:
    """Change a parameter of a running strategy.

    It must be marked live in `traderd strategies show`; the change holds until the daemon ends.

    Example: traderd strategies set spread_maker order_contracts=2
    """
    parameter, equals, value = assignment.partition("=")
    if not equals or not parameter or not value:
        raise click.UsageError("write it as PARAM=VALUE")
    body = {"strategy": name, "name": parameter, "value": value, "author": author}
    carry_out(client, "set-strategy-parameter", body, as_json)


@strategies.command("release")
@daemon_command
@click.argument("name")
@author_option
def release(client: DaemonClient, config: Config, as_json: bool, name: str, author: str) -> None:
    """Let a quarantined strategy trade again.

    Example: traderd strategies release spread_maker
    """
    carry_out(client, "release-strategy", {"strategy": name, "author": author}, as_json)


def _find(client: DaemonClient, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = client.get("/v3/strategies")["strategies"]
    found = next((row for row in rows if row["strategy"] == name), None)
    if found is None:
        known = ", ".join(row["strategy"] for row in rows) or "none"
        raise CommandFailed(f"no strategy {name!r} runs; there are: {known}", exit_codes.ERROR)
    return found
