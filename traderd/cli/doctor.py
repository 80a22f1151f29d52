"""`traderd doctor`: what is wrong with this set-up, and what helps.

Owns: the options and how findings are shown. `doctor_run` has the order of the checks.
Must not: change anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from traderd.cli.options import print_json, settings_options
from traderd.cli.progress import signs_of_life
from traderd.cli.terminal_tables import show_lines

if TYPE_CHECKING:
    from traderd.cli.doctor_report import DoctorReport, Finding

TEXT_AT: Final = 27
"""Where the sentence of a finding begins."""
COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


@click.command()
@settings_options
@click.option("--offline", is_flag=True, help="Leave out everything that needs a network.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(offline: bool, as_json: bool, **options: Any) -> None:
    """Check the whole set-up, one line a check.

    Settings, key, hosts, the way to the exchange (DNS, TCP, TLS), clock, signed REST and WebSocket, limits, state directory, journal, port, plugins, versions. It works with and without a running daemon and changes nothing. Each warning and failure ends with its cure.

    Exits with 0 when nothing stands in the way, 4 when this machine's set-up must be put right, 1 when only the network or the exchange fails.

    Example: traderd doctor
    """
    told: list[Finding] = []

    def after() -> str:
        return f"{len(told)} checks made, the last: {told[-1].check}" if told else ""

    with signs_of_life("still examining", after, quiet=as_json) as signs:

        def tell(finding: Finding) -> None:
            told.append(finding)
            if not as_json:
                with signs.aside():
                    show_finding(finding)

        report = examine_set_up(options, offline=offline, tell=tell)
    if as_json:
        print_json(report.document())
    else:
        click.echo(f"{report.sentence} · {report.environment}")
    if report.exit_code:
        # The findings are the answer, on the standard output: the standard error would say it once more.
        raise click.exceptions.Exit(report.exit_code)


def examine_set_up(options: dict[str, Any], *, offline: bool, tell: Any) -> DoctorReport:
    """Examine what these options name; `tell` hears of each finding at once."""
    import trio

    from traderd.cli import doctor_network
    from traderd.cli.config_sources import look
    from traderd.cli.doctor_run import Patient, examine
    from traderd.runtime.env import RealEnv

    found, plugins = look(**options)
    patient = Patient(
        found=found,
        directory=Path.cwd(),
        plugins=plugins,
        probe=doctor_network.Probe(env=RealEnv(), resolve=doctor_network.resolve_name),
        offline=offline,
    )
    return trio.run(examine, patient, tell)


def show_finding(finding: Finding) -> None:
    """Print one finding; its first word in colour on a terminal without NO_COLOR."""
    word = finding.verdict.value
    show_lines(
        [finding.line()],
        indent=TEXT_AT,
        style={word: COLOURS[word]},
    )
