"""The commands that only look: status, orders, positions, fills.

Owns: their options and which document each of them shows.
Must not: compute what the daemon did not say.
"""

from __future__ import annotations

import time  # sim-ok: `--watch` waits in a process of its own, outside the daemon
from typing import Final

import click
from rich.console import Console

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
    console = Console()
    while True:
        document = client.get("/v3/status")
        if watch and console.is_terminal and not as_json:
            console.clear()
        if as_json:
            print_json(document)
        else:
            tables.show_status(console, document)
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
            tables.show_table(
                Console(), name, columns, document[name], environment=config.environment
            )

    return show


orders = _list_command("orders", tables.ORDERS, "List live orders and the newest finished ones.")
positions = _list_command("positions", tables.POSITIONS, "List positions and what they earned.")
fills = _list_command("fills", tables.FILLS, "List the newest fills.")

COMMANDS: Final = (status, orders, positions, fills)
