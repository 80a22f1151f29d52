"""`traderd init`: from nothing to a set-up that works, in at most five questions.

Owns: the questions, their order, and what is said at the end. `init_answers` judges, `init_files` writes, the doctor checks.
Must not: write anything before the last answer, or over a file without saying so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from traderd.cli import exit_codes
from traderd.cli.doctor import examine_set_up, show_finding
from traderd.cli.init_answers import (
    DEFAULT_LIMIT,
    NO_MARKETS,
    Answers,
    needs_key,
    read_environment,
    read_key_file,
    read_key_id,
    read_limits,
    read_markets,
)
from traderd.cli.init_files import Written, planned_files, write_files
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import print_json
from traderd.errors import BadInput

if TYPE_CHECKING:
    from traderd.cli.doctor_report import DoctorReport

T = TypeVar("T")

TRIES_MAX: Final = 5
"""Bounds how often one question is asked: a script that feeds answers must not loop for ever."""


@click.command()
@click.option(
    "--environment", "-e", metavar="NAME", help="sim, paper, local or production; `demo` is paper."
)
@click.option("--key-id", metavar="ID", help="Of the API key; `sim` needs none.")
@click.option("--key-file", metavar="FILE", help="Where the private key is.")
@click.option(
    "--markets", metavar="LIST", help="TICKER,TICKER or series:NAME,series:NAME; `all` in sim."
)
@click.option(
    "--limits", metavar="DOLLARS", help=f"What may be at risk at most; default {DEFAULT_LIMIT}."
)
@click.option(
    "--yes", "-y", is_flag=True, help="Ask nothing: take the default of what is not given."
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are there; the old ones are kept beside."
)
@click.option("--offline", is_flag=True, help="Do not try the network afterwards.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; implies --yes.")
def init(
    environment: str | None,
    key_id: str | None,
    key_file: str | None,
    markets: str | None,
    limits: str | None,
    yes: bool,
    overwrite: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Set up traderd in this directory.

    At most five questions: environment, key id, key file, markets, and how much may be at risk; each can be a flag. It writes traderd.toml and .env.NAME (mode 0600), checks them as `traderd doctor` does, and names the next command.

    Example: traderd init --environment sim --limits 100 --yes --overwrite
    """
    ask = Questions(silent=yes or as_json)
    answers = ask.all(environment, key_id, key_file, markets, limits)
    files = planned_files(answers, Path.cwd())
    _agree_to_overwrite([path for path in files if path.exists()], overwrite, silent=ask.silent)
    written = write_files(files)
    if not as_json:
        for each in written:
            kept = f" (what stood there is now {each.kept.name})" if each.kept else ""
            click.echo(f"wrote {each.path}{kept}")
    report = _check(answers, offline=offline)
    if as_json:
        print_json(_document(answers, written, report))
    else:
        _conclude(report)
    if report.exit_code:
        raise CommandFailed(
            f"the set-up is written, and {report.sentence}; `traderd doctor` checks again",
            report.exit_code,
        )


class Questions:
    """Asks for what no flag gave, and asks again when an answer cannot be."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent

    def all(
        self,
        environment: str | None,
        key_id: str | None,
        key_file: str | None,
        markets: str | None,
        limits: str | None,
    ) -> Answers:
        """Return all answers; raises UsageError for a flag that cannot be, or one that is missing when nothing is asked."""
        place = self._one(
            "--environment",
            environment,
            "Which environment (sim: play money here, paper: Kalshi's demo, local: only prices, production)",
            "sim",
            read_environment,
        )
        given_id = given_file = ""
        if needs_key(place):
            given_id = self._one("--key-id", key_id, "The id of your API key", None, read_key_id)
            given_file = self._one(
                "--key-file",
                key_file,
                "The file with its private key",
                None,
                lambda text: read_key_file(text, given_id),
            )
        chosen = self._one(
            "--markets",
            markets,
            "Which markets (tickers with commas, or series:NAME)",
            None if needs_key(place) else NO_MARKETS,
            lambda text: read_markets(text, place),
        )
        at_risk = self._one(
            "--limits",
            limits,
            "How many dollars may be at risk at most",
            DEFAULT_LIMIT,
            read_limits,
        )
        return Answers(
            environment=place, key_id=given_id, key_file=given_file, markets=chosen, limits=at_risk
        )

    def _one(
        self,
        flag: str,
        given: str | None,
        question: str,
        default: str | None,
        read: Callable[[str], T],
    ) -> T:
        if given is not None:
            try:
                return read(given)
            except BadInput as exc:
                if self.silent:
                    raise click.UsageError(f"{flag}: {exc}") from exc
                click.echo(f"{flag}: {exc}")
        elif self.silent:
            if default is None:
                raise click.UsageError(f"{flag} is needed here; without --yes it is asked for")
            return read(default)
        for _ in range(TRIES_MAX):
            text = click.prompt(question, default=default or "", show_default=default is not None)
            try:
                return read(text)
            except BadInput as exc:
                click.echo(f"That cannot be: {exc}.")
        raise click.UsageError(
            f"{flag}: no answer that can be, {TRIES_MAX} times; nothing was written"
        )


def _agree_to_overwrite(there: list[Path], overwrite: bool, *, silent: bool) -> None:
    if not there or overwrite:
        return
    names = " and ".join(path.name for path in there)
    are = "is" if len(there) == 1 else "are"
    if silent:
        raise CommandFailed(
            f"{names} {are} there already, and nothing was written; --overwrite replaces what is there and keeps the old "
            "beside it",
            exit_codes.REFUSED,
        )
    if not click.confirm(
        f"{names} {are} there already. Replace? The old will be kept beside the new"
    ):
        raise CommandFailed("nothing was written", exit_codes.REFUSED)


def _check(answers: Answers, *, offline: bool) -> DoctorReport:
    options: dict[str, Any] = {
        "config_file": Path.cwd() / "traderd.toml",
        "environment": answers.environment,
        "state_dir": None,
        "settings": (),
    }
    return examine_set_up(options, offline=offline, tell=lambda finding: None)


def _conclude(report: DoctorReport) -> None:
    for finding in report.findings:
        if finding.verdict.value in {"warning", "failed"}:
            show_finding(finding)
    if report.exit_code == exit_codes.OK:
        click.echo(f"{report.sentence} · {report.environment}")
        click.echo("next: traderd run")


def _document(answers: Answers, written: list[Written], report: DoctorReport) -> dict[str, Any]:
    return {
        "environment": answers.environment,
        "files": [
            {"path": str(each.path), "kept": None if each.kept is None else str(each.kept)}
            for each in written
        ],
        "checks": report.document()["checks"],
        "ok": report.exit_code == exit_codes.OK,
        "next": "traderd run" if report.exit_code == exit_codes.OK else "traderd doctor",
    }
