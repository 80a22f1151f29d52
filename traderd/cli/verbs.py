"""The commands that ask the daemon to do something.

Owns: their arguments, and the sentence of each outcome on the terminal.
Must not: judge what is asked; the daemon answers, and a refusal is its exit code.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import click
import msgspec

from traderd.cli.client import DaemonClient, outcome_sentence
from traderd.cli.halts import carry_out, dry_run_option
from traderd.cli.options import daemon_command, print_json, show_items
from traderd.config import Config
from traderd.model.orders import SelfTradePrevention


@click.command()
@daemon_command
@click.argument("ticker")
@click.argument("side", type=click.Choice(("bid", "ask")), metavar="SIDE")
@click.argument("count")
@click.argument("price")
@click.option("--post-only", is_flag=True, help="Refuse rather than take.")
@click.option("--ioc", is_flag=True, help="Cancel at once what does not fill at once.")
@click.option("--fok", is_flag=True, help="Fill all of it at once, or nothing.")
@click.option("--reduce-only", is_flag=True, help="With --ioc: close at most what is held.")
@click.option("--expires-in", metavar="SECONDS", type=int, help="End it by itself after this.")
@click.option(
    "--own-gives-way",
    is_flag=True,
    help="Where it meets an order of our own, that one ends; else this one does.",
)
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
    fok: bool,
    reduce_only: bool,
    expires_in: int | None,
    own_gives_way: bool,
) -> None:
    """Place one order.

    SIDE is bid or ask, of the YES book: a bid buys YES; an ask sells YES, which is buying NO at 1 - PRICE. COUNT is in
    contracts, PRICE in dollars.

    Example: traderd place KXMLBGAME-26AUG072140LADAZ-LAD bid 5 0.60
    """
    if ioc and fok:
        raise click.UsageError("--ioc and --fok exclude each other")
    if post_only and (ioc or fok):
        raise click.UsageError(
            "--post-only rests and never takes; --ioc and --fok take and never rest"
        )
    if reduce_only and not ioc:
        raise click.UsageError("--reduce-only needs --ioc: it closes now, or not at all")
    if expires_in is not None and (ioc or fok):
        raise click.UsageError(
            "--expires-in is for an order that rests; --ioc and --fok never rest"
        )
    body = {
        "ticker": ticker,
        "side": side,
        "count": count,
        "price_dollars": price,
        "post_only": post_only,
        "reduce_only": reduce_only,
        "time_in_force": _time_in_force(ioc, fok),
        "expires_in_s": expires_in,
    }
    if own_gives_way:
        body["self_trade_prevention"] = SelfTradePrevention.MAKER.value
    carry_out(client, "place", body, as_json)


def _time_in_force(ioc: bool, fok: bool) -> str:
    if fok:
        return "fill_or_kill"
    return "immediate_or_cancel" if ioc else "good_till_canceled"


@click.command("place-orders")
@daemon_command
@click.argument("file", type=click.File("rb"))
def place_orders(client: DaemonClient, config: Config, as_json: bool, file: BinaryIO) -> None:
    """Place the orders of a JSON FILE in few requests.

    The file, or the standard input as -, holds a list of objects with the fields of `POST /v3/commands/place`: ticker, side, count,
    price_dollars, and post_only, reduce_only, time_in_force, expires_in_s if needed. Each order stands and falls
    alone. What became of each is printed with its key, also when some were refused (exit code 6).

    Example: traderd place-orders -
    """
    try:
        orders = msgspec.json.decode(file.read())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise click.UsageError(f"{file.name} is not JSON: {exc}") from exc
    outcome = client.command("place-orders", {"orders": orders})
    if as_json:
        print_json(outcome)
        return
    click.echo(outcome_sentence(outcome))
    show_items(outcome)


@click.command()
@daemon_command
@click.argument("key")
@click.option("--price", metavar="DOLLARS", help="The new price of YES.")
@click.option("--count", metavar="CONTRACTS", help="The new total; what has filled is part of it.")
def amend(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    key: str,
    price: str | None,
    count: str | None,
) -> None:
    """Change price or size of the resting order KEY.

    It loses its place in the queue unless it only becomes smaller, and it may trade at once.

    Example: traderd amend 1a2b3c4d-1-7 --price 0.61
    """
    if price is None and count is None:
        raise click.UsageError("give --price, --count, or both")
    carry_out(client, "amend", {"key": key, "price_dollars": price, "count": count}, as_json)


@click.command()
@daemon_command
@click.argument("key")
@click.option("--by", "by", metavar="CONTRACTS", help="So many fewer.")
@click.option("--to", "to", metavar="CONTRACTS", help="So many that may still fill.")
def decrease(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    key: str,
    by: str | None,
    to: str | None,
) -> None:
    """Make the resting order KEY smaller.

    It keeps its place in the queue.

    Example: traderd decrease 1a2b3c4d-1-7 --to 2
    """
    if (by is None) == (to is None):
        raise click.UsageError("give either --by or --to")
    carry_out(client, "decrease", {"key": key, "by": by, "to": to}, as_json)


@click.command()
@daemon_command
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="Every order that this daemon placed.")
@click.option("--market", metavar="TICKER", help="With --all: only those of one market.")
@click.option("--strategy", metavar="NAME", help="With --all: only those of one strategy.")
@dry_run_option
def cancel(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    key: str | None,
    everything: bool,
    market: str | None,
    strategy: str | None,
    dry_run: bool,
) -> None:
    """Cancel one order by its KEY, or all of them.

    Example: traderd cancel --all
    """
    if (market is not None or strategy is not None) and not everything:
        raise click.UsageError("--market and --strategy go with --all")
    if key is None and not everything:
        raise click.UsageError(
            "name one order by its KEY (`traderd orders` lists them), or say --all"
        )
    if key is not None and everything:
        raise click.UsageError("KEY is one order and --all is every order: give one of the two")
    body: dict[str, Any] = {"key": key}
    if everything:
        body = {"ticker": market, "strategy": strategy}
    carry_out(
        client, "cancel-all" if everything else "cancel", body | {"dry_run": dry_run}, as_json
    )


@click.command()
@daemon_command
def calibrate(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Compare the account with the exchange now.

    It says how much differed, and books what was missed. `traderd reconcile` does the same, shows each difference and exits 7 on drift.

    Example: traderd calibrate
    """
    carry_out(client, "calibrate", {}, as_json)


@click.command("reset-strategy")
@daemon_command
@click.argument("strategy")
def reset_strategy(client: DaemonClient, config: Config, as_json: bool, strategy: str) -> None:
    """Let a STRATEGY go on that its order group stopped.

    The group at the exchange bounds a burst of fills; `traderd status` lists the strategies that it stopped as STOPPED.

    Example: traderd reset-strategy spread_maker
    """
    carry_out(client, "reset-strategy", {"strategy": strategy}, as_json)
