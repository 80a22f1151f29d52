"""The commands that only look: status, orders, positions, fills.

Owns: their options and which document each of them shows.
Must not: compute what the daemon did not say.
"""

from __future__ import annotations

import shutil
import sys
import time  # sim-ok: `--watch` waits in a process of its own, outside the daemon
from typing import Final

import click

from traderd.cli import tables
from traderd.cli.client import DaemonClient
from traderd.cli.options import daemon_command, print_json
from traderd.config import Config

WATCH_INTERVAL_S: Final = 2.0


@click.command()
@daemon_command
@click.option("--watch", is_flag=True, help="Show it again every two seconds until Ctrl-C.")
def status(client: DaemonClient, config: Config, as_json: bool, watch: bool) -> None:
    """Show state, health, money and connections.

    Example: traderd status --watch
    """
    while True:
        document = client.get("/v3/status")
        if as_json:
            print_json(document)
        else:
            if watch:
                click.clear()  # Does nothing on a pipe.
            click.echo("\n".join(tables.status_lines(document)))
        if not watch:
            return
        time.sleep(WATCH_INTERVAL_S)  # sim-ok: see the import


def _list_command(name: str, columns: tuple[tables.Column, ...], text: str) -> click.Command:
    @click.command(name, help=f"{text}\n\nExample: traderd {name} --json")
    @daemon_command
    def show(client: DaemonClient, config: Config, as_json: bool) -> None:
        document = client.get(f"/v3/{name}")
        if as_json:
            print_json(document)
        else:
            lines = tables.listing(
                name,
                columns,
                document[name],
                environment=config.environment,
                width=terminal_width(),
            )
            click.echo("\n".join(lines))

    return show


def terminal_width() -> int | None:
    """Return the columns of the terminal that reads us, None on a pipe or in a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


orders = _list_command("orders", tables.ORDERS, "List live orders and the newest finished ones.")
positions = _list_command("positions", tables.POSITIONS, "List positions and what they earned.")
fills = _list_command("fills", tables.FILLS, "List the newest fills.")

COMMANDS: Final = (status, orders, positions, fills)
