"""`traderd config`: what holds, where it came from, and what is wrong with it.

Owns: the options and what is printed. `config_sources` reads.
Must not: need a daemon, or show a secret.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import print_json, settings_options
from traderd.cli.tables import Column
from traderd.cli.terminal_tables import show_table, terminal_width
from traderd.config_layers import DEFAULT
from traderd.model.units import counted
from traderd.runtime.log_text import clean_text

if TYPE_CHECKING:
    # Strategies and their plugins load half of the daemon, which other commands need not wait for.
    from traderd.cli.config_sources import Inspection, Setting

COLUMNS: Final = (
    Column("name", "setting"),
    Column("value", "value", wraps=True),
    Column("where", "from"),
)
VALUE_CHARACTERS_MAX: Final = 60
"""Bounds a value in the table; a list of a hundred tickers is for --json."""


@click.group()
def config() -> None:
    """Show and check the configuration.

    Values come from, weakest first: defaults, traderd.toml, .env.<environment>, .env, variables, flags.

    Example: traderd config show
    """


@config.command()
@settings_options
@click.option("--changed", is_flag=True, help="Only what is not a default.")
@click.option("--json", "as_json", is_flag=True, help="Print every setting as JSON.")
@click.argument("prefix", required=False, default="")
def show(prefix: str, changed: bool, as_json: bool, **options: Any) -> None:
    """Show each value and where it came from.

    PREFIX chooses a part, as `risk` or `strategies.spread_maker`. Parameters of strategies are shown with the rest; of a key's id only the beginning is.

    Example: traderd config show risk
    """
    from traderd.cli.config_sources import all_settings, look

    found, plugins = look(**options)
    if found.config is None:
        raise CommandFailed(found.problems[0], exit_codes.CONFIGURATION)
    rows = [
        row
        for row in all_settings(found, found.config, plugins.strategies())
        if _is_below(row.name, prefix) and not (changed and row.where == DEFAULT)
    ]
    if not rows and not changed:
        raise click.UsageError(
            f"no setting begins with {prefix!r}; `traderd config show` lists all"
        )
    if as_json:
        print_json(document(found, rows))
        return
    _print_table(found, rows)


@config.command()
@settings_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(as_json: bool, **options: Any) -> None:
    """Check every setting, also those of strategies.

    All faults are told at once, each with its place and the cure; then it exits with 4. Keys and the exchange are the affair of `traderd doctor`.

    Example: traderd config check
    """
    from traderd.cli.config_sources import look, strategy_problems

    found, plugins = look(**options)
    problems = list(found.problems)
    if found.config is not None:
        problems += strategy_problems(found.config, plugins)
    problems = [clean_text(problem) for problem in problems]
    if as_json:
        print_json({"environment": found.environment, "ok": not problems, "problems": problems})
    elif problems:
        click.echo("\n".join(f"- {problem}" for problem in problems))
        count = counted(len(problems), "fault")
        click.echo(f"{count} in the configuration · {found.environment}")
    else:
        click.echo(
            f"the configuration is right · {found.environment} ({found.environment_where}) · {_files(found)}, "
            f"{counted(len(found.given), 'value')} given"
        )
    if problems:
        # The faults are the answer, on the standard output: the standard error would say it once more.
        raise click.exceptions.Exit(exit_codes.CONFIGURATION)


def document(found: Inspection, rows: list[Setting]) -> dict[str, Any]:
    """Return the JSON document of `config show`; docs/cli.md describes it."""
    return {
        "environment": found.environment,
        "environment_from": found.environment_where,
        "file": None if found.file is None else str(found.file),
        "settings": [
            {"name": row.name, "value": row.value, "from": row.where, "means": row.means or None}
            for row in rows
        ],
        "problems": [clean_text(problem) for problem in found.problems],
    }


def _print_table(found: Inspection, rows: list[Setting]) -> None:
    shown: list[dict[str, Any]] = [
        {"name": row.name, "value": _text(row), "where": row.where} for row in rows
    ]
    width = terminal_width()
    title = f"configuration · {found.environment} ({found.environment_where}) · {_files(found)}"
    # A pipe gets a line a setting and nothing else.
    click.echo(title, err=width is None)
    if shown:
        show_table("", COLUMNS, shown, width=width)
    else:
        click.echo("every value is a default")
    for problem in found.problems:
        click.echo(f"wrong: {clean_text(problem)}", err=True)


def _text(row: Setting) -> str:
    text = row.value if isinstance(row.value, str) else json.dumps(row.value, ensure_ascii=False)
    text = "(unset)" if row.value is None or text == "" else text
    text = f"{text} = {row.means}" if row.means else text
    cut = text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[: VALUE_CHARACTERS_MAX - 1]}…"
    return clean_text(cut)


def _files(found: Inspection) -> str:
    return ", ".join(map(str, found.files)) or "no file"


def _is_below(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(f"{prefix}.")
