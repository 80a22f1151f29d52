"""The commands that make something happen on a running exchange.

Owns: their arguments, and the sentence of each outcome on the terminal.
Must not: judge what is asked; the exchange answers, and a refusal is its exit code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import msgspec

from traderd.cli import tables
from traderd.cli.client import outcome_sentence
from traderd.cli.exchange_client import ExchangeClient, exchange_command
from traderd.cli.exchange_files import read_fault_plan
from traderd.cli.options import print_json
from traderd.cli.terminal_tables import show_table, terminal_width

NUMBERS_MAY_BE_NEGATIVE: Final = {"ignore_unknown_options": True}
"""So that `-5` is an argument and not an option."""


@click.command()
@exchange_command
@click.argument("ticker")
@click.argument("result", type=click.Choice(("yes", "no", "scalar")))
@click.option("--value", metavar="DOLLARS", help="What a YES contract is worth; with scalar.")
@click.option("--now", is_flag=True, help="Pay at once, without the settlement timer.")
def settle(
    client: ExchangeClient, as_json: bool, ticker: str, result: str, value: str | None, now: bool
) -> None:
    """Say how the market TICKER ended, and pay.

    One that trades is closed first. Without --now it is paid when its settlement timer has run out.

    Example: traderd exchange settle KXMLBGAME-26AUG072140LADAZ-LAD yes --now
    """
    body = {"ticker": ticker, "result": result, "value": value, "now": now}
    _carry_out(client, "settle", body, as_json)


@click.command()
@exchange_command
@click.argument("ticker")
def dispute(client: ExchangeClient, as_json: bool, ticker: str) -> None:
    """Hold back a market that is determined and not yet paid.

    `settle` says again how it ended.

    Example: traderd exchange dispute KXMLBGAME-26AUG072140LADAZ-LAD
    """
    _carry_out(client, "dispute", {"ticker": ticker}, as_json)


@click.command()
@exchange_command
@click.argument("ticker", required=False)
@click.option("--whole-exchange", is_flag=True, help="Cancels are refused too.")
def pause(client: ExchangeClient, as_json: bool, ticker: str | None, whole_exchange: bool) -> None:
    """Take no orders: in the market TICKER, or everywhere.

    Example: traderd exchange pause --whole-exchange
    """
    _carry_out(client, "pause", {"ticker": ticker, "whole_exchange": whole_exchange}, as_json)


@click.command()
@exchange_command
@click.argument("ticker", required=False)
def resume(client: ExchangeClient, as_json: bool, ticker: str | None) -> None:
    """Take orders again: in the market TICKER, or everywhere.

    What rested in a market that was paused by itself is canceled, as on Kalshi.

    Example: traderd exchange resume
    """
    _carry_out(client, "resume", {"ticker": ticker}, as_json)


@click.command()
@exchange_command
@click.argument("ticker")
def close(client: ExchangeClient, as_json: bool, ticker: str) -> None:
    """Close the market TICKER now.

    Example: traderd exchange close KXMLBGAME-26AUG072140LADAZ-LAD
    """
    _carry_out(client, "close", {"ticker": ticker}, as_json)


@click.command()
@exchange_command
@click.argument("ticker")
@click.option(
    "--closes-in",
    "closes_in_s",
    type=click.IntRange(min=1),
    default=3_600,
    show_default=True,
    metavar="SECONDS",
    help="Its new close time, from now.",
)
def reopen(client: ExchangeClient, as_json: bool, ticker: str, closes_in_s: int) -> None:
    """Let the market TICKER trade until another close time.

    Example: traderd exchange reopen KXMLBGAME-26AUG072140LADAZ-LAD
    """
    _carry_out(client, "reopen", {"ticker": ticker, "closes_in_s": closes_in_s}, as_json)


@click.command(context_settings=NUMBERS_MAY_BE_NEGATIVE)
@exchange_command
@click.argument("account")
@click.argument("dollars")
def deposit(client: ExchangeClient, as_json: bool, account: str, dollars: str) -> None:
    """Put DOLLARS into ACCOUNT; below 0 they are taken out.

    Example: traderd exchange deposit trader 250.00
    """
    _carry_out(client, "deposit", {"account": account, "dollars": dollars}, as_json)


@click.command()
@exchange_command
def reset(client: ExchangeClient, as_json: bool) -> None:
    """Begin anew, with the same keys and accounts.

    The markets are as the scenario has them, and every account has the cash it was opened with. Every WebSocket is dropped, and so is what happened so far, in a state file too.

    Example: traderd exchange reset
    """
    _carry_out(client, "reset", {}, as_json)


@click.command(context_settings=NUMBERS_MAY_BE_NEGATIVE)
@exchange_command
@click.argument("offset_s", type=float, metavar="SECONDS")
def clock(client: ExchangeClient, as_json: bool, offset_s: float) -> None:
    """Let the exchange's clock be wrong by SECONDS.

    Below 0 it is behind; 0 sets it right. The times that it tells never go back: they wait.

    Example: traderd exchange clock -20
    """
    _carry_out(client, "clock", {"offset_s": offset_s}, as_json)


@click.command("drop-websockets")
@exchange_command
@click.option("--channel", help="Only those subscribed to it; default: all.")
def drop_websockets(client: ExchangeClient, as_json: bool, channel: str | None) -> None:
    """Break WebSockets without a close frame.

    So does a network that goes away.

    Example: traderd exchange drop-websockets --channel fill
    """
    _carry_out(client, "drop-websockets", {"channel": channel}, as_json)


@click.command()
@exchange_command
@click.option(
    "--set",
    "plan",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Put the rules of this TOML file in the place of those that are on.",
)
@click.option("--clear", is_flag=True, help="Be a good exchange again.")
def faults(client: ExchangeClient, as_json: bool, plan: Path | None, clear: bool) -> None:
    """Show the faults that are on, or change them.

    Example: traderd exchange faults --set faults.toml
    """
    if plan is not None and clear:
        raise click.UsageError("--set replaces what is on; --clear is not needed with it")
    if plan is not None:
        document = client.ask("PUT", "/faults", msgspec.to_builtins(read_fault_plan(plan)))
    else:
        document = client.ask("DELETE" if clear else "GET", "/faults")
    if as_json:
        print_json(document)
    elif clear or not document["fault"]:
        click.echo("no fault is on")
    else:
        show_table("", FAULTS, [_row(f) for f in document["fault"]], width=terminal_width())


@click.command()
@exchange_command
def status(client: ExchangeClient, as_json: bool) -> None:
    """Show accounts, markets and connections of the exchange.

    Example: traderd exchange status
    """
    document = client.ask("GET", "/status")
    if as_json:
        print_json(document)
        return
    click.echo("\n".join(_headline(document)))
    for columns, rows in ((ACCOUNTS, document["accounts"]), (MARKETS, document["markets"])):
        click.echo()
        show_table("", columns, rows, width=terminal_width())
    if (left_out := sum(document["market_counts"].values()) - len(document["markets"])) > 0:
        click.echo(f"(and {left_out} more markets)")


COMMANDS: Final = (
    *(settle, dispute, pause, resume, close, reopen),
    *(deposit, reset, clock, faults, drop_websockets, status),
)

ACCOUNTS: Final = (
    tables.Column("name", "account"),
    tables.Column("cash_dollars", "cash $", is_number=True),
    tables.Column("available_dollars", "available $", is_number=True),
    tables.Column("portfolio_value_dollars", "positions $", is_number=True),
    tables.Column("positions", "positions", is_number=True, droppable=True),
    tables.Column("resting_orders", "resting", is_number=True, droppable=True),
    tables.Column("fills", "fills", is_number=True, droppable=True),
)
MARKETS: Final = (
    tables.Column("ticker", "market"),
    tables.Column("status", "status"),
    tables.Column("yes_bid_dollars", "bid $", is_number=True),
    tables.Column("yes_ask_dollars", "ask $", is_number=True),
    tables.Column("last_price_dollars", "last $", is_number=True, droppable=True),
    tables.Column("volume_fp", "volume", is_number=True, droppable=True),
    tables.Column("close_time", "closes (UTC)", is_time=True, droppable=True),
    tables.Column("result", "result", droppable=True),
)
FAULTS: Final = (
    tables.Column("kind", "fault"),
    tables.Column("what", "what", wraps=True),
    tables.Column("seen", "concerned", is_number=True),
    tables.Column("struck", "struck", is_number=True),
)


def _carry_out(client: ExchangeClient, verb: str, body: dict[str, Any], as_json: bool) -> None:
    outcome = client.ask("POST", f"/{verb}", body)
    if as_json:
        print_json(outcome)
    else:
        click.echo(outcome_sentence(outcome))


def _row(fault: dict[str, Any]) -> dict[str, Any]:
    apart = ("kind", "seen", "struck")
    words = [f"{name}={value}" for name, value in fault.items() if name not in apart]
    return {name: fault[name] for name in apart} | {"what": " ".join(words) or "everything"}


def _headline(document: dict[str, Any]) -> list[str]:
    counts = ", ".join(f"{n} {word}" for word, n in sorted(document["market_counts"].items()))
    lines = [
        f"exchange {document['rest_url']} · {document['time']}",
        f"clients    {document['connections']} connections, {document['websockets']} WebSockets",
        f"markets    {counts}",
    ]
    if document["paused"]:
        lines.append(f"PAUSED     {document['paused']}")
    if offset_s := document["clock_offset_s"]:
        side = "behind" if offset_s < 0 else "ahead"
        lines.append(f"CLOCK      {abs(offset_s):g} s {side}")
    if document["faults"]:
        lines.append(f"FAULTS     {document['faults']} on; see `traderd exchange faults`")
    return lines
