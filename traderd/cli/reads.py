"""The commands that only look: status, balance, orders, positions, fills, markets, book.

Owns: their options and which document each of them shows.
Must not: compute what the daemon did not say.
"""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import quote

import click

from traderd.cli import exit_codes, tables
from traderd.cli.book_view import book_lines, unavailable_sentence
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json
from traderd.cli.status_lines import BALANCE_FIELDS, LABEL_WIDTH, balance_lines, status_lines
from traderd.cli.terminal_tables import show_lines, show_listing, terminal_width
from traderd.cli.watch import watchable
from traderd.config import TOKEN_FILE, Config
from traderd.runtime.log_text import clean_text

MARKETS_MAX: Final = 1_000
"""Bounds the markets of one answer, as the daemon does."""


@click.command()
@daemon_command
@watchable
@click.option("--history", is_flag=True, help="The last status boxes, oldest first, to copy.")
def status(client: DaemonClient, config: Config, as_json: bool, history: bool) -> None:
    """Show state, health, money and how market data does.

    Example: traderd status --watch
    """
    document = client.get("/v3/status-history" if history else "/v3/status")
    if as_json:
        print_json(document)
    elif history:
        boxes = document["boxes"]
        click.echo(
            "\n".join(clean_text(box, block=True) for box in boxes)
            if boxes
            else "no status box yet: the first comes 30 s after ready"
        )
    else:
        token_file = config.state_path() / TOKEN_FILE
        show_lines(status_lines(document, token_file=token_file), indent=LABEL_WIDTH)


def _list_command(
    name: str, columns: tuple[tables.Column, ...], text: str, *, newest_last: bool = False
) -> click.Command:
    @click.command(name, help=f"{text}\n\nExample: traderd {name} --json")
    @daemon_command
    @partial(watchable, newest_last=newest_last)
    def show(client: DaemonClient, config: Config, as_json: bool) -> None:
        document = client.get(f"/v3/{name}")
        if as_json:
            print_json(document)
        else:
            show_listing(
                name,
                columns,
                document[name],
                environment=config.environment,
                width=terminal_width(),
            )

    return show


orders = _list_command("orders", tables.ORDERS, "List live orders and the newest finished ones.")


@click.command()
@daemon_command
@watchable
@click.option(
    "--strategies", is_flag=True, help="What each strategy earned, by its own average cost."
)
def positions(client: DaemonClient, config: Config, as_json: bool, strategies: bool) -> None:
    """List positions and what they earned.

    Unrealized profit is shown at the price at which a position could be closed ("at bid") and at the middle of its book
    ("at mid").

    Example: traderd positions --strategies
    """
    columns: tuple[tables.Column, ...]
    if strategies:
        name, columns = "strategies", tables.STRATEGIES
        rows = client.get("/v3/status")["account"]["strategies"]
    else:
        name, columns = "positions", tables.POSITIONS
        rows = client.get("/v3/positions")["positions"]
    if as_json:
        print_json({name: rows})
        return
    show_listing(name, columns, rows, environment=config.environment, width=terminal_width())


@click.command()
@daemon_command
@watchable
def balance(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Show the money, and whether the exchange agrees.

    It is what the last reading of the account said; `traderd reconcile` reads it anew and exits 7 on drift.

    Example: traderd balance
    """
    account = client.get("/v3/status")["account"]
    if as_json:
        names = (*BALANCE_FIELDS, "balance_read_at", "balance_age_s", "reconciled_age_s")
        document = {name: account.get(name) for name in names}
        print_json({
            "environment": config.environment,
            **document,
            "proof": account["balance_proof"],
        })
        return
    show_lines(balance_lines(account, environment=config.environment), indent=len("proof: "))


fills = _list_command("fills", tables.FILLS, "List the newest fills.", newest_last=True)


@click.command()
@daemon_command
@watchable
def markets(client: DaemonClient, config: Config, as_json: bool) -> None:
    """List followed markets with prices, grade and reason.

    Prices are in dollars for YES; those of a book that cannot be trusted are left out.

    Example: traderd markets --json
    """
    document = client.get(f"/v3/markets?limit={MARKETS_MAX}")
    if as_json:
        print_json(document)
        return
    rows = document["markets"]
    show_listing(
        "markets", tables.MARKETS, rows, environment=config.environment, width=terminal_width()
    )
    lines = [clean_text(problem) for problem in document.get("problems", ())]
    left_out = document["followed"] - len(rows)
    if left_out:
        lines.append(f"(and {left_out} more; `traderd book TICKER` shows any of them)")
    # A pipe gets a line a market and nothing else.
    show_lines(lines, indent=2, err=terminal_width() is None)


@click.command()
@daemon_command
@watchable
@click.argument("ticker")
@click.option(
    "--last-known",
    is_flag=True,
    help="Show the prices that were known last when the book cannot be trusted now.",
)
def book(
    client: DaemonClient, config: Config, as_json: bool, ticker: str, last_known: bool
) -> None:
    """Show one book: prices, depth, grade and age.

    Besides the best prices: spread, mid, microprice, imbalance and last trade. Prices are in dollars for YES, sizes in
    contracts. A book that cannot be trusted is an error (exit code 1) unless --last-known is given; --json prints its
    document all the same.

    Example: traderd book KXMLBGAME-26AUG072140LADAZ-LAD
    """
    if not ticker.strip():
        raise click.UsageError("name a market; `traderd markets` lists those that are followed")
    document = client.get(f"/v3/books/{quote(ticker, safe='')}")
    is_refused = not document["usable"] and not last_known
    if as_json:
        print_json(document)
    elif not is_refused:
        show_lines(book_lines(document, environment=config.environment), indent=LABEL_WIDTH)
    if is_refused:
        raise CommandFailed(unavailable_sentence(document), exit_codes.ERROR)
