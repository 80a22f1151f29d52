"""The commands that ask the daemon to do something.

Owns: their arguments, and the sentence of each outcome on the terminal.
Must not: judge what is asked; the daemon answers, and a refusal is its exit code.
"""

from __future__ import annotations

from typing import Any, Final

import click

from traderd.cli.client import DaemonClient
from traderd.cli.options import daemon_command, print_json
from traderd.config import Config

BY_PERSON: Final = "asked for on the command line"


@click.command()
@daemon_command
@click.argument("ticker")
@click.argument("side", type=click.Choice(("bid", "ask")))
@click.argument("count")
@click.argument("price")
@click.option("--post-only", is_flag=True, help="Refuse rather than take.")
@click.option("--ioc", is_flag=True, help="Cancel at once what does not fill at once.")
def place(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    ticker: str,
    side: str,
    count: str,
    price: str,
    post_only: bool,
    ioc: bool,
) -> None:
    """Place one order.

    SIDE is of the YES book: a bid buys YES; an ask sells YES, which is buying NO at 1 - PRICE. COUNT is in
    contracts, PRICE in dollars.

    Example: traderd place KXMLBGAME-26AUG072140LADAZ-LAD bid 5 0.60
    """
    body = {
        "ticker": ticker,
        "side": side,
        "count": count,
        "price_dollars": price,
        "post_only": post_only,
        "time_in_force": "immediate_or_cancel" if ioc else "good_till_canceled",
    }
    _carry_out(client, "place", body, as_json)


@click.command()
@daemon_command
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="Every order that this daemon placed.")
@click.option("--market", metavar="TICKER", help="With --all: only those of one market.")
def cancel(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    key: str | None,
    everything: bool,
    market: str | None,
) -> None:
    """Cancel one order by its KEY, or all of them.

    Example: traderd cancel --all
    """
    if (key is None) == (not everything):
        raise click.UsageError("name one order by its key, or say --all, not both")
    if market is not None and not everything:
        raise click.UsageError("--market goes with --all")
    if key is not None:
        _carry_out(client, "cancel", {"key": key}, as_json)
    else:
        _carry_out(client, "cancel-all", {"ticker": market}, as_json)


@click.command()
@daemon_command
@click.option("--reason", default=BY_PERSON, show_default=True, help="Shown wherever it matters.")
def pause(client: DaemonClient, config: Config, as_json: bool, reason: str) -> None:
    """Take no new risk; orders rest.

    It survives restarts until `traderd resume`; only the embedded exchange starts anew each time.

    Example: traderd pause --reason "news at 14:00"
    """
    _carry_out(client, "pause", {"reason": reason}, as_json)


@click.command()
@daemon_command
def resume(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Undo `traderd pause`.

    Example: traderd resume
    """
    _carry_out(client, "resume", {}, as_json)


@click.command()
@daemon_command
@click.option("--reason", default=BY_PERSON, show_default=True, help="Shown wherever it matters.")
@click.option("--market", metavar="TICKER", help="Halt only this market.")
def halt(
    client: DaemonClient, config: Config, as_json: bool, reason: str, market: str | None
) -> None:
    """Stop new risk until `traderd clear-halt`.

    It survives restarts; only the embedded exchange starts anew each time.

    Example: traderd halt --market KXMLBGAME-26AUG072140LADAZ-LAD --reason "rain delay"
    """
    _carry_out(client, "halt", {"reason": reason, "ticker": market}, as_json)


@click.command("clear-halt")
@daemon_command
@click.argument("halt_id")
def clear_halt(client: DaemonClient, config: Config, as_json: bool, halt_id: str) -> None:
    """End the halt HALT_ID; `traderd status` lists them.

    Example: traderd clear-halt breaker
    """
    _carry_out(client, "clear-halt", {"halt_id": halt_id}, as_json)


@click.command()
@daemon_command
def calibrate(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Compare the account with the exchange now.

    Example: traderd calibrate
    """
    _carry_out(client, "calibrate", {}, as_json)


COMMANDS: Final = (place, cancel, pause, resume, halt, clear_halt, calibrate)


def _carry_out(client: DaemonClient, verb: str, body: dict[str, Any], as_json: bool) -> None:
    outcome = client.command(verb, body)
    if as_json:
        print_json(outcome)
        return
    sentence, key = outcome["sentence"], outcome["key"]
    # Who placed an order needs its key to cancel it.
    click.echo(sentence if key is None or key in sentence else f"{sentence} (order {key})")
