"""`traderd exchange serve`: the exchange in the foreground.

Owns: its options, and what they may be together.
Must not: serve; `paper.serve` does.
"""

from __future__ import annotations

import math
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from traderd.cli.exchange_client import keys_dir_option
from traderd.cli.exchange_files import read_fault_plan, read_file
from traderd.cli.exchange_keys import key_type_option
from traderd.cli.options import PORT_MAX
from traderd.errors import BadInput
from traderd.model.units import Money, parse_money
from traderd.paper.faults.plan import FaultPlan
from traderd.paper.settings import Dialect, ExchangeSettings, Tier
from traderd.runtime.env import RealEnv

if TYPE_CHECKING:
    from traderd.paper.scenario import Scenario
    from traderd.paper.serve import Served, ServeOptions

EVENTS_PER_S_MAX: Final = 1_000.0
"""Bounds the order flow as `exchange.events_per_s` does."""
MARKETS_MAX: Final = 100_000
"""Bounds made up markets, as a scenario's `generated` table does."""
SEED_MAX: Final = 2**63 - 1
DEFAULT_ACCOUNT: Final = "trader:1000.00"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, PORT_MAX),
    default=8006,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--scenario",
    "scenario_name",
    metavar="NAME|FILE",
    help="Markets to begin with: a packaged scenario or a TOML file.",
)
@click.option(
    "--markets",
    type=click.IntRange(1, MARKETS_MAX),
    help="Make up so many markets instead of reading a scenario.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    help="Order flow and all ids repeat from run to run; random without it.",
)
@click.option(
    "--events-per-s",
    type=click.FloatRange(0, EVENTS_PER_S_MAX),
    default=6.0,
    show_default=True,
    help="Order flow; 0 for none.",
)
@click.option(
    "--tier",
    type=click.Choice([tier.value for tier in Tier]),
    default=Tier.BASIC.value,
    show_default=True,
    help="Rate limits of every account.",
)
@click.option(
    "--dialect",
    type=click.Choice([dialect.value for dialect in Dialect]),
    default=Dialect.V2.value,
    show_default=True,
    help="legacy serves V1 orders and the fields of December 2025 too.",
)
@click.option(
    "--balance",
    type=click.Choice(("available", "cash")),
    default="available",
    show_default=True,
    help="Whether the balance has the collateral of resting orders taken off.",
)
@click.option(
    "--thursday-pause", is_flag=True, help="Pause trading on Thursdays 03:00-05:00 ET, as Kalshi."
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME:DOLLARS",
    help="An account with a key file of its own; repeatable. Default: the scenario's, "
    f"else {DEFAULT_ACCOUNT}.",
)
@keys_dir_option
@key_type_option
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(path_type=Path),
    help="A TOML file of what goes wrong.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file that keeps everything over a restart; without it nothing is kept.",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    help="Written as JSON {rest_url, ws_url, admin_url, accounts, …} once it can serve.",
)
@click.option(
    "--log-requests",
    is_flag=True,
    help="Print a line for each request: time, method, path, status, code, account, milliseconds.",
)
def serve(**options: Any) -> None:
    """Serve the exchange until SIGTERM or Ctrl-C.

    Clients sign with the keys in --keys-dir, as they do on Kalshi.

    With --seed a trader's own records must not outlive the exchange: it would take repeated trade ids for fills that
    it knows. With --state they may, because ids go on where they were.

    Example: traderd exchange serve --port 8006 --account alice:500
    """
    # Not in any range, because every comparison with it is false.
    if math.isnan(options["events_per_s"]):
        raise click.UsageError("--events-per-s must be a number")
    if options["scenario_name"] is not None and options["markets"] is not None:
        raise click.UsageError("--markets makes up a scenario; it does not go with --scenario")
    _serve(_serve_options(**options))


def _serve_options(
    *,
    scenario_name: str | None,
    markets: int | None,
    seed: int | None,
    thursday_pause: bool,
    events_per_s: float,
    tier: str,
    dialect: str,
    balance: str,
    accounts: tuple[str, ...],
    faults_file: Path | None,
    log_requests: bool,
    **same: Any,
) -> ServeOptions:
    from traderd.paper.serve import ServeOptions

    scenario = _scenario(scenario_name, markets, seed)
    if thursday_pause:
        scenario = _with_thursday_pause(scenario)
    given = parse_accounts(accounts)
    theirs = {spec.name: spec.money for spec in scenario.accounts}
    return ServeOptions(
        scenario=scenario,
        seed=seed,
        accounts=given or theirs or parse_accounts((DEFAULT_ACCOUNT,)),
        flow_rate=events_per_s,
        settings=ExchangeSettings(
            tier=Tier(tier), dialect=Dialect(dialect), balance_is_available=balance == "available"
        ),
        log=click.echo if log_requests else None,
        faults=FaultPlan() if faults_file is None else read_fault_plan(faults_file),
        **same,
    )


def _scenario(name: str | None, markets: int | None, seed: int | None) -> Scenario:
    from traderd.paper import scenario

    if markets is not None:
        return scenario.generated_scenario(markets, 1 if seed is None else seed)
    if name is None:
        return scenario.default_scenario()
    if name in scenario.packaged_names():
        return scenario.packaged_scenario(name)
    known = ", ".join(scenario.packaged_names())
    content = read_file(Path(name), what="the scenario", cure=f"packaged are: {known}")
    return scenario.parse_scenario(content, source=name)


def _with_thursday_pause(scenario: Scenario) -> Scenario:
    from traderd.paper.scenario.file import PauseSpec
    from traderd.paper.venue.calendar import THURSDAY_PAUSE

    pause = PauseSpec.of(THURSDAY_PAUSE)
    if pause in scenario.weekly_pauses:
        return scenario
    return msgspec.structs.replace(scenario, weekly_pauses=(*scenario.weekly_pauses, pause))


def parse_accounts(texts: tuple[str, ...]) -> dict[str, Money]:
    """Return names and opening cash; raises UsageError."""
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


def _serve(options: ServeOptions) -> None:
    import trio

    from traderd.paper.serve import serve_exchange
    from traderd.runtime.systemd import open_manager

    env = RealEnv()

    async def main() -> None:
        with (
            env.signals(signal.SIGTERM, signal.SIGINT) as received,
            open_manager(env, warn=partial(click.echo, err=True)) as systemd,
        ):
            async with trio.open_nursery() as nursery:
                served = await nursery.start(partial(serve_exchange, options, env=env))
                _greet(served)
                systemd.ready(f"serves {served.ready.rest_url}")
                async for _ in received:
                    systemd.stopping("stopping")
                    nursery.cancel_scope.cancel(reason="asked to stop")
                    break

    trio.run(main)


def _greet(served: Served) -> None:
    from traderd.cli.exchange_hints import start_lines

    click.echo("\n".join(start_lines(served.ready)))
