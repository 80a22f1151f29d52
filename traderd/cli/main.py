"""The commands of `traderd`.

Owns: names, options, help texts and exit codes of the command line.
Must not: do a command's work; it calls the app, the exchange or the running daemon.
"""

from __future__ import annotations

import sys
import time  # sim-ok: `--watch` waits in a process of its own, outside the daemon
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from traderd import __version__
from traderd.cli import exit_codes, tables
from traderd.cli.client import CommandFailed, DaemonClient
from traderd.config import ENVIRONMENTS, Config, load_config
from traderd.errors import ConfigError, StoreError, TraderdError, describe_error
from traderd.runtime.env import RealEnv

WATCH_INTERVAL_S: Final = 2.0
SOCKET_FILE: Final = "control.sock"
CONTEXT_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options by which every command finds its configuration."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="Set one setting, for example --set risk.max_open_orders=4.",
        ),
        click.option("--state-dir", help="Where journal, lock and control socket are."),
        click.option("--environment", "-e", type=click.Choice(ENVIRONMENTS), help="Default: sim."),
        click.option(
            "--config",
            "-c",
            "config_file",
            type=click.Path(path_type=Path),
            help="A traderd.toml; default: the one in this directory, if there is one.",
        ),
    ):
        command = option(command)
    return command


def daemon_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add settings and --json, and hand the command a client of the running daemon."""

    @settings_options
    @click.option("--json", "as_json", is_flag=True, help="Print the daemon's document as JSON.")
    @wraps(command)
    def wrapped(
        config_file: Path | None,
        environment: str | None,
        state_dir: str | None,
        settings: tuple[str, ...],
        as_json: bool,
        **rest: Any,
    ) -> None:
        config = _config(config_file, environment, state_dir, settings, reads_only=True)
        client = DaemonClient(config.state_path() / SOCKET_FILE)
        command(client=client, config=config, as_json=as_json, **rest)

    return wrapped


@click.group(context_settings=CONTEXT_SETTINGS)
@click.version_option(__version__, message="traderd %(version)s")
def cli() -> None:
    """A Kalshi trading daemon.

    Without an account and without a network `traderd run` trades on its own exchange.
    """


@cli.command()
@settings_options
@click.option("--port", type=int, help="Of the console; default 8005.")
@click.option("--log-level", type=click.Choice(("debug", "info", "warning", "error")))
def run(
    config_file: Path | None,
    environment: str | None,
    state_dir: str | None,
    settings: tuple[str, ...],
    port: int | None,
    log_level: str | None,
) -> None:
    """Run the daemon in the foreground.

    Example: traderd run --port 8006 --set strategies.spread_maker.markets_max=2
    """
    import trio

    from traderd.app import run_daemon

    extra = {"web.port": port, "log.level": log_level}
    config = _config(config_file, environment, state_dir, settings, extra=extra)

    async def main() -> None:
        await run_daemon(config, env=RealEnv(), log_stream=sys.stdout, directory=Path.cwd())

    trio.run(main)


@cli.command()
@daemon_command
@click.option("--watch", is_flag=True, help="Show it again every two seconds until Ctrl-C.")
def status(client: DaemonClient, config: Config, as_json: bool, watch: bool) -> None:
    """Show state, health, money and connections of the running daemon.

    Example: traderd status --watch
    """
    console = Console()
    while True:
        document = client.get("/v3/status")
        if watch and console.is_terminal and not as_json:
            console.clear()
        if as_json:
            _print_json(document)
        else:
            tables.show_status(console, document)
        if not watch:
            return
        time.sleep(WATCH_INTERVAL_S)  # sim-ok: see the import


def _list_command(name: str, columns: tuple[tuple[str, str, bool], ...], text: str) -> None:
    @cli.command(name, help=f"{text}\n\nExample: traderd {name} --json")
    @daemon_command
    def show(client: DaemonClient, config: Config, as_json: bool) -> None:
        document = client.get(f"/v3/{name}")
        if as_json:
            _print_json(document)
        else:
            tables.show_table(
                Console(), name, columns, document[name], environment=config.environment
            )


_list_command("orders", tables.ORDER_COLUMNS, "List live orders and the newest finished ones.")
_list_command("positions", tables.POSITION_COLUMNS, "List positions and what they earned.")
_list_command("fills", tables.FILL_COLUMNS, "List the newest fills.")


@cli.command()
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
    """Place one order: SIDE of the YES book, COUNT contracts at PRICE dollars.

    A bid buys YES; an ask sells YES, which is buying NO at 1 - PRICE.

    Example: traderd place KXMLBGAME-26AUG072140LADAZ-LAD bid 5 0.60
    """
    tif = "immediate_or_cancel" if ioc else "good_till_canceled"
    body = {
        "ticker": ticker,
        "side": side,
        "count": count,
        "price_dollars": price,
        "post_only": post_only,
        "time_in_force": tif,
    }
    _carry_out(client, "place", body, as_json)


@cli.command()
@daemon_command
@click.argument("key", required=False)
@click.option("--all", "everything", is_flag=True, help="Every order that this daemon placed.")
@click.option("--market", help="With --all: only those of one market.")
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
        raise click.UsageError("name one order, or say --all")
    if key is not None:
        _carry_out(client, "cancel", {"key": key}, as_json)
    else:
        _carry_out(client, "cancel-all", {"ticker": market}, as_json)


@cli.command()
@daemon_command
@click.option("--reason", default="asked for on the command line")
def pause(client: DaemonClient, config: Config, as_json: bool, reason: str) -> None:
    """Take no new risk; orders rest.  Survives restarts until `traderd resume`.

    Example: traderd pause --reason "news at 14:00"
    """
    _carry_out(client, "pause", {"reason": reason}, as_json)


@cli.command()
@daemon_command
def resume(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Undo `traderd pause`.

    Example: traderd resume
    """
    _carry_out(client, "resume", {}, as_json)


@cli.command()
@daemon_command
def calibrate(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Compare the account with the exchange now.

    Example: traderd calibrate
    """
    _carry_out(client, "calibrate", {}, as_json)


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"traderd {__version__}")


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    from traderd.cli.exchange import exchange

    cli.add_command(exchange)
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exit_codes.USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CommandFailed as exc:
        _fail(str(exc), exc.exit_code)
    except Exception as exc:
        code = _exit_code_of(exc)
        if code is None:
            raise
        _fail(describe_error(exc), code)


def _exit_code_of(error: BaseException) -> int | None:
    """Return the exit code of an error that was foreseen; a nursery may have wrapped it."""
    if isinstance(error, BaseExceptionGroup):
        codes = [_exit_code_of(inner) for inner in error.exceptions]
        return None if None in codes else codes[0]
    if isinstance(error, ConfigError):
        return exit_codes.CONFIGURATION
    if isinstance(error, (StoreError, TraderdError)):
        return exit_codes.ERROR
    return None


def _fail(sentence: str, code: int) -> None:
    click.echo(f"traderd: {sentence}", err=True)
    sys.exit(code)


def _carry_out(client: DaemonClient, verb: str, body: dict[str, Any], as_json: bool) -> None:
    outcome = client.command(verb, body)
    if as_json:
        _print_json(outcome)
    else:
        click.echo(outcome["sentence"])


def _print_json(document: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _config(
    config_file: Path | None,
    environment: str | None,
    state_dir: str | None,
    settings: tuple[str, ...],
    *,
    extra: dict[str, Any] | None = None,
    reads_only: bool = False,
) -> Config:
    flags: dict[str, Any] = {"environment": environment, "state_dir": state_dir, **(extra or {})}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set needs SECTION.KEY=VALUE, not {setting!r}")
        flags[key] = value.split(",") if key == "market_data.markets" else value
    return load_config(
        variables=RealEnv().variables,
        directory=Path.cwd(),
        config_file=config_file,
        flags=flags,
        check=not reads_only,
    )
