"""`traderd reload`: the running daemon reads its settings again.

Owns: its arguments and how the differences are shown.
Must not: read settings itself; the daemon does, from where it had them.
"""

from __future__ import annotations

import click

from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.halts import author_option, dry_run_option
from traderd.cli.options import daemon_command, print_json, show_items
from traderd.config import Config


@click.command()
@daemon_command
@click.option(
    "--raise-limits", is_flag=True, help="Take risk limits too that let more through than now."
)
@author_option
@dry_run_option
def reload(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    raise_limits: bool,
    author: str,
    dry_run: bool,
) -> None:
    """Read the settings again, without a restart.

    Each changed setting is listed with what became of it. The log's level, periods, thresholds of health, risk limits and live
    parameters of strategies change while the daemon runs; a limit that lets more through only with --raise-limits. Everything else waits for a restart (exit code
    6 when something does). Settings that do not fit change nothing. SIGHUP does the same, and never raises a limit.

    Example: traderd reload --dry-run
    """
    body = {"raise_limits": raise_limits, "author": author, "dry_run": dry_run}
    outcome = client.command("reload", body)
    if as_json:
        print_json(outcome)
        return
    click.echo(outcome_sentence(outcome))
    show_items(outcome)
