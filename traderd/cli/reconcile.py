"""`traderd reconcile`: compare the account with the exchange now, and say by the exit code whether they agree.

Owns: which differences belong to this comparison, the table, and the exit code of each verdict.
Must not: judge; the daemon compared.
"""

from __future__ import annotations

from typing import Any, Final

import click

from traderd.cli import exit_codes, tables
from traderd.cli.client import DaemonClient
from traderd.cli.halts import author_option, dry_run_option
from traderd.cli.options import daemon_command, print_json
from traderd.cli.terminal_tables import terminal_width
from traderd.config import Config
from traderd.runtime.log_text import clean_text

EQUAL: Final = "equal"
DRIFT: Final = "drift"
UNDECIDED: Final = "undecided"
EXIT_CODES: Final = {
    EQUAL: exit_codes.OK,
    DRIFT: exit_codes.DRIFT,
    UNDECIDED: exit_codes.ERROR,
}
NOT_COMPARED: Final = ("undecided", "inconclusive", "not_yet")
"""Where the proof of the balance stands while it says neither yes nor no."""
DIFFERENCES: Final = (
    tables.Column("kind", "difference"),
    tables.Column("subject", "of"),
    tables.Column("ours", "we had", wraps=True),
    tables.Column("theirs", "the exchange says", wraps=True),
)


@click.command()
@daemon_command
@click.option(
    "--accept-balance",
    is_flag=True,
    help="Take over what nothing explains of the balance: the same as --adopt balance.",
)
@click.option(
    "--adopt",
    "adopt",
    metavar="ITEM",
    multiple=True,
    help="Take over the exchange's word on this difference, or on `all`; may be repeated.",
)
@click.option(
    "--ignore",
    "ignore",
    metavar="ITEM",
    multiple=True,
    help="Note this difference, or `all`: it stops nothing and is told no more until it changes.",
)
@author_option
@dry_run_option
def reconcile(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    accept_balance: bool,
    adopt: tuple[str, ...],
    ignore: tuple[str, ...],
    author: str,
    dry_run: bool,
) -> None:
    """Compare the whole account, and exit 7 on drift.

    Positions, orders, fills, settlements and the balance. Exit code 0: everything is equal. Exit code 7: something differed, and the table says what; missed fills and
    orders are booked and adopted by the comparison itself, so the next one may be equal. Exit code 1: undecided, because money
    moved meanwhile, a row of the account cannot be read, a settlement is not listed yet, or nobody knows yet what became of an
    order; ask again in some seconds.

    What stands has an item's name, such as `balance` or `position:TICKER`. With --adopt or --ignore the account is read first, then
    this is done about it with your name in the journal, and the exit code tells what stands still. An item that does not stand
    is refused (6), and nothing is done.

    Example: traderd reconcile --adopt position:KXMLBGAME-26AUG072140LADAZ-LAD --dry-run
    """
    adopt = (*adopt, "balance") if accept_balance and "balance" not in adopt else adopt
    decides = bool(adopt or ignore)
    if dry_run and not decides:
        raise click.UsageError(
            "--dry-run goes with --adopt or --ignore: a comparison changes no order"
        )
    before = _reconciliation(client)["version"]
    if decides:
        body = {"adopt": list(adopt), "ignore": list(ignore), "author": author, "dry_run": dry_run}
        outcome = client.command("reconcile", body)
    else:
        outcome = client.command("calibrate", {})
    document = summary(_reconciliation(client), after_version=before, decided=decides)
    if as_json:
        items = [item["sentence"] for item in outcome.get("items", ())]
        told = {"sentence": outcome["sentence"], "decided": items}
        print_json({"environment": config.environment, **told, **document})
    else:
        if decides:
            click.echo("\n".join(clean_text(line) for line in _decided(outcome)))
        for line in lines(document, environment=config.environment, width=terminal_width()):
            click.echo(line)
    raise click.exceptions.Exit(EXIT_CODES[document["verdict"]])


def _decided(outcome: dict[str, Any]) -> list[str]:
    return [outcome["sentence"], *(f"  {item['sentence']}" for item in outcome.get("items", ()))]


def _reconciliation(client: DaemonClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/v3/reconciliation")
    return document


def summary(
    reconciliation: dict[str, Any], *, after_version: int, decided: bool = False
) -> dict[str, Any]:
    """Return what the readings after a version found, and what stands as a mismatch.

    Where somebody `decided`, only what stands still is drift: what the readings found was decided about.
    """
    differences = [
        difference
        for reading in reconciliation["readings"]
        if reading["version"] > after_version
        for difference in reading["differences"]
    ]
    balance, mismatches = reconciliation["balance"], reconciliation["mismatches"]
    # A daemon of an earlier version names nothing that stands.
    standing = reconciliation.get("standing", [])
    drift = bool(
        balance["is_drift"]
        or mismatches
        or any(not one["is_ignored"] for one in standing)
        or (not decided and any(one["is_drift"] for one in differences))
    )
    undecided = _undecided(reconciliation)
    return {
        "verdict": DRIFT if drift else UNDECIDED if undecided else EQUAL,
        "drift": drift,
        "undecided": undecided,
        "version": reconciliation["version"],
        "read_at": reconciliation["read_at"],
        "read_age_s": reconciliation.get("read_age_s"),
        "differences": differences,
        "mismatches": mismatches,
        "standing": standing,
        "unreadable": reconciliation.get("unreadable", []),
        "settling": reconciliation["settling"],
        "balance": balance,
    }


def _undecided(reconciliation: dict[str, Any]) -> list[str]:
    """Return what keeps anybody from saying that all is equal."""
    found = [f"{ticker}: its settlement is not listed yet" for ticker in reconciliation["settling"]]
    balance = reconciliation["balance"]
    if balance["status"] in NOT_COMPARED:
        found.append(f"balance: {balance['sentence']}")
    # A daemon of an earlier version does not tell them.
    found += [one["sentence"] for one in reconciliation.get("orders_in_doubt", ())]
    return found


def lines(document: dict[str, Any], *, environment: str, width: int | None) -> list[str]:
    """Return the table of differences and what stands, for people."""
    shown: list[str] = []
    if document["differences"]:
        shown += tables.listing(
            "differences",
            DIFFERENCES,
            document["differences"],
            environment=environment,
            width=width,
        )
    shown += [f"MISMATCH   {each['sentence']}" for each in document["mismatches"]]
    shown += [
        f"{'ignored' if one['is_ignored'] else 'stands':<11}{one['item']}: {one['ours']} here, {one['theirs']} there"
        for one in document["standing"]
    ]
    shown += [f"undecided  {sentence}" for sentence in document["undecided"]]
    balance = document["balance"]
    if balance["status"] not in NOT_COMPARED:
        shown.append(f"balance    {balance['sentence']}")
    if balance["since"] is not None:
        shown.append(f"           since {balance['since']}")
    verdict = document["verdict"]
    shown.append(
        f"{verdict.upper() if document['drift'] else verdict}: reading {document['version']} · {environment}"
    )
    return [clean_text(line) for line in shown]
