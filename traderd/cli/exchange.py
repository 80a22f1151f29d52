"""`traderd exchange`: the exchange of its own, for other processes.

Owns: the options of `exchange serve`.
Must not: serve; `paper.serve` does.
"""

from __future__ import annotations

import math
import signal
from functools import partial
from pathlib import Path
from typing import Final

import click

from traderd.errors import BadInput
from traderd.model.units import Money, parse_money
from traderd.runtime.env import RealEnv

PORT_MAX: Final = 65_535
EVENTS_PER_S_MAX: Final = 1_000.0
"""Bounds the order flow as `exchange.events_per_s` does."""


@click.group()
def exchange() -> None:
    """The paper exchange as a program of its own.

    Example: traderd exchange serve
    """


@exchange.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, PORT_MAX),
    default=8006,
    show_default=True,
    help="0 takes a free one.",
)
@click.option("--seed", default=1, show_default=True, help="Of the synthetic order flow.")
@click.option(
    "--events-per-s",
    type=click.FloatRange(0, EVENTS_PER_S_MAX),
    default=6.0,
    show_default=True,
    help="Order flow; 0 for none.",
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME:DOLLARS",
    default=("trader:1000.00",),
    show_default=True,
    help="An account with a key file of its own; repeatable.",
)
@click.option(
    "--keys-dir",
    type=click.Path(path_type=Path),
    default=Path("exchange-keys"),
    show_default=True,
    help="Where NAME.pem and NAME.id are, or will be.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    help="Written as JSON {rest_url, ws_url, accounts} once it can serve.",
)
def serve(
    host: str,
    port: int,
    seed: int,
    events_per_s: float,
    accounts: tuple[str, ...],
    keys_dir: Path,
    ready_file: Path | None,
) -> None:
    """Serve the exchange until SIGTERM or Ctrl-C.

    What happened on it is lost then. Clients sign with the keys in --keys-dir, as they do on Kalshi.

    Example: traderd exchange serve --port 8006 --account alice:500
    """
    # Not in any range, because every comparison with it is false.
    if math.isnan(events_per_s):
        raise click.UsageError("--events-per-s must be a number")
    import trio

    from traderd.paper.scenario import default_scenario
    from traderd.paper.serve import serve_exchange

    env = RealEnv()
    serving = partial(
        serve_exchange,
        env=env,
        host=host,
        port=port,
        scenario=default_scenario(),
        seed=seed,
        accounts=_parse_accounts(accounts),
        keys_dir=keys_dir,
        ready_file=ready_file,
        flow_rate=events_per_s,
    )

    async def main() -> None:
        with env.signals(signal.SIGTERM, signal.SIGINT) as received:
            async with trio.open_nursery() as nursery:
                running = await nursery.start(serving)
                click.echo(f"REST       {running.rest_url}")
                click.echo(f"WebSocket  {running.ws_url}")
                click.echo(f"keys       {keys_dir}")
                async for _ in received:
                    nursery.cancel_scope.cancel(reason="asked to stop")
                    break

    trio.run(main)


def _parse_accounts(texts: tuple[str, ...]) -> dict[str, Money]:
    accounts: dict[str, Money] = {}
    for text in texts:
        name, colon, dollars = text.partition(":")
        if not name or not colon:
            raise click.UsageError(f"--account needs NAME:DOLLARS, not {text!r}")
        if name in accounts:
            raise click.UsageError(f"--account {name} is given twice")
        try:
            cash = parse_money(dollars, what=f"the cash of {name}")
        except BadInput as exc:
            raise click.UsageError(str(exc)) from exc
        if cash < 0:
            raise click.UsageError(f"the cash of {name} must not be below 0")
        accounts[name] = cash
    return accounts
