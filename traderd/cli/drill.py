"""`traderd drill`: rehearsals of what must work when nothing else does.

Owns: the options and what is printed, the table of phases too.
Must not: touch a real account: every drill has an exchange of its own on loopback.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.client import outcome_sentence
from traderd.cli.options import print_json, read_config, settings_options
from traderd.cli.progress import signs_of_life
from traderd.cli.tables import Column, Row
from traderd.cli.terminal_tables import show_table, terminal_width
from traderd.runtime.env import RealEnv
from traderd.runtime.log_text import clean_text

PHASES: Final = {
    "process_started": "process started",
    "latched": "latched",
    "listed": "orders listed",
    "began_to_cancel": "cancels begun",
    "last_cancelled": "last cancelled",
    "none_listed": "none listed",
    "verified": "verified",
}
"""The phases of a kill in words, in their order; a daemon that cancels leaves out the third and the fourth."""


def phase_table(receipt: dict[str, Any]) -> tuple[list[Column], list[Row]]:
    """Return when each scenario reached each phase, in seconds after the start of its process, a row for each phase."""
    scenarios = receipt["scenarios"]
    columns = [Column("phase", "seconds until")]
    columns += [Column(one["daemon"], one["daemon"], is_number=True) for one in scenarios]
    rows: list[Row] = [
        {"phase": words} | {one["daemon"]: _reached(one, phase) for one in scenarios}
        for phase, words in PHASES.items()
    ]
    return columns, rows


def _reached(scenario: dict[str, Any], phase: str) -> str | None:
    at = scenario["phases"].get(phase)
    return None if at is None else f"{at:.2f}"


@click.group()
def drill() -> None:
    """Rehearse what must work when nothing else does.

    Example: traderd drill kill
    """


@drill.command("kill")
@settings_options
@click.option(
    "--orders",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="Orders that rest before each kill.",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(("alive", "dead", "hanging")),
    help="How the daemon is; repeatable. Default: each of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
def drill_kill(orders: int, scenarios: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Rehearse `traderd kill` and keep a dated receipt.

    It is pulled against a paper exchange started for it. The daemon is alive, dead (SIGKILL) or hanging (SIGSTOP). Measured are the seconds until the exchange has no order and until `traderd kill` has verified it, and that fills meanwhile are recorded. The receipt goes into `drills/` of the state directory. Your own daemon and account are not touched.

    Example: traderd drill kill --scenario dead --json
    """
    import trio

    from traderd.cli.drill_run import SCENARIOS, DrillOptions, drill_run

    config = read_config(**options, check=False)
    chosen = DrillOptions(
        orders=orders,
        scenarios=scenarios or SCENARIOS,
        receipts=config.state_path() / "drills",
    )
    env = RealEnv()

    def tell(words: str) -> None:
        if not as_json:
            with signs.aside():
                click.echo(clean_text(words), err=True)

    async def main() -> Any:
        return await drill_run(chosen, env=env, tell=tell)

    with signs_of_life("the drill goes on", quiet=as_json) as signs:
        receipt = trio.run(main)
    if as_json:
        print_json(receipt)
    else:
        click.echo(outcome_sentence(receipt))
        columns, rows = phase_table(receipt)
        if any(one["phases"] for one in receipt["scenarios"]):
            show_table("", columns, rows, width=terminal_width())
        click.echo(f"receipt: {receipt['file']}")
    if not receipt["passed"]:
        sys.exit(exit_codes.ERROR)
