"""`traderd`: the group of all commands, the daemon in the foreground, and how the process ends.

Owns: which exit code each kind of error has.
Must not: do a command's work; it calls the app, the exchange or the running daemon.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from traderd import __version__
from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed
from traderd.cli.lazy_commands import LazyCommands
from traderd.cli.options import PORT_MAX, read_config, settings_options
from traderd.cli.plugin_commands import GroupWithPlugins
from traderd.errors import ConfigError, TraderdError, describe_error
from traderd.runtime.env import RealEnv
from traderd.runtime.lean_imports import HTTP_2, lean_imports
from traderd.runtime.log_text import clean_text

CONTEXT_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(
    cls=GroupWithPlugins,
    commands=LazyCommands(),
    context_settings=CONTEXT_SETTINGS,
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 configuration, 5 no answer in time, "
    "6 refused by risk, mode or exchange, 7 drift found.",
)
@click.version_option(__version__, message="traderd %(version)s")
def cli() -> None:
    """A Kalshi trading daemon.

    Without an account and without a network `traderd run` trades on its own exchange.
    """


@cli.command()
@settings_options
@click.option(
    "--port",
    type=click.IntRange(0, PORT_MAX),
    help="Of the console; default 8005, 0 takes a free one.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="What the log tells; default info.",
)
@click.option("--live", is_flag=True, help="Risk real money; production asks for it, see `arm`.")
def run(port: int | None, log_level: str | None, live: bool, **options: Any) -> None:
    """Run the daemon in the foreground.

    Example: traderd run --port 8006 --set strategies.spread_maker.markets_max=2
    """
    import trio

    with lean_imports(HTTP_2):
        from traderd.app import run_daemon

    # Read again on SIGHUP: the files may say something new, the options stay.
    reread = partial(read_config, **options, extra={"web.port": port, "log.level": log_level})
    config = reread()

    async def main() -> None:
        await run_daemon(
            config,
            env=RealEnv(),
            log_stream=sys.stdout,
            directory=Path.cwd(),
            live=live,
            reread=reread,
        )

    trio.run(main)


@cli.command()
def version() -> None:
    """Print the version.

    Example: traderd version
    """
    click.echo(f"traderd {__version__}")


def main() -> None:
    """Run the command line and end the process with a documented exit code."""
    try:
        # A reader who leaves (`| head`) is click's affair: exit code 1 and no words.
        code = cli.main(prog_name="traderd", standalone_mode=False)
        # Without its standalone mode click returns the code of an `Exit` instead of raising it.
        sys.exit(code if isinstance(code, int) else exit_codes.OK)
    except click.exceptions.Exit as exc:
        sys.exit(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exit_codes.USAGE)
    except click.Abort as exc:
        if isinstance(exc.__context__, EOFError):
            # No Ctrl-C: a question came, and nobody is there to answer it.
            click.echo(
                # The question stands on the line still.
                "\ntraderd: nobody answers; give each answer as an option, see --help",
                err=True,
            )
            sys.exit(exit_codes.USAGE)
        sys.exit(exit_codes.INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(exit_codes.INTERRUPTED)
    except Exception as exc:
        code = exit_code_of(exc)
        if code is None:
            raise
        # Words of the exchange or of a file may be in it; its lines stay.
        click.echo(clean_text(f"traderd: {describe_error(exc)}", block=True), err=True)
        sys.exit(code)


def exit_code_of(error: BaseException) -> int | None:
    """Return the exit code of an error that was foreseen, None of any other; a nursery may have wrapped it."""
    if isinstance(error, BaseExceptionGroup):
        codes = [exit_code_of(inner) for inner in error.exceptions]
        return None if None in codes else codes[0]
    if isinstance(error, CommandFailed):
        return error.exit_code
    if isinstance(error, ConfigError):
        return exit_codes.CONFIGURATION
    return exit_codes.ERROR if isinstance(error, TraderdError) else None
