"""`traderd arm`: allow real orders on production for a day, or take that back.

Owns: the typed confirmation, and what is said before and after.
Must not: start, stop or change a daemon; it only writes the file that the next start asks for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.halts import author_option
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import print_json, read_config, settings_options
from traderd.config import Config
from traderd.config_secrets import mask_key_id
from traderd.runtime.env import RealEnv

PRODUCTION: Final = "production"
NS_PER_S: Final = 1_000_000_000


@click.command()
@settings_options
@author_option
@click.option("--reason", default="", help="Kept in the file.")
@click.option("--off", is_flag=True, help="Take it back: the next start refuses to trade.")
@click.option("--confirm", metavar="WORD", help=f"`{PRODUCTION}`, instead of typing it when asked.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def arm(
    author: str, reason: str, off: bool, confirm: str | None, as_json: bool, **options: Any
) -> None:
    """Allow orders with real money, for 24 hours.

    The daemon trades on production only when all three are there: trading.live = true, this within the last 24 hours, and `traderd run --live`. It is asked for at each start and holds for one state directory and one API key. --off takes it back; a daemon that runs goes on, `traderd kill` stops it.

    Example: traderd arm --environment production --confirm production
    """
    from traderd.store.armed import Armed, remove_armed, write_armed

    config = read_config(**options, check=False)
    if config.environment != PRODUCTION:
        raise CommandFailed(
            f"only production is armed, this is {config.environment}, where no real money is; name --environment {PRODUCTION}",
            exit_codes.REFUSED,
        )
    directory = config.state_path()
    if off:
        was = remove_armed(directory)
        words = "no longer armed" if was else "it was not armed"
        _tell(
            {"environment": PRODUCTION, "armed": False, "was_armed": was},
            f"production: {words}",
            as_json,
        )
        return
    _confirm(config, confirm, as_json=as_json)
    armed = Armed(by=author, at=RealEnv().wall_ns(), key_id=config.exchange.key_id, reason=reason)
    write_armed(directory, armed)
    until = datetime.fromtimestamp(armed.until // NS_PER_S, tz=UTC).isoformat()
    missing = (
        ""
        if config.trading.live
        else "; trading.live is false, set it to true in traderd.toml first"
    )
    if not config.exchange.key_id:
        missing += "; no API key is set: it must be armed again for the one that you set"
    _tell(
        {"environment": PRODUCTION, "armed": True, "by": author, "until": until},
        f"production is armed by {author} until {until}{missing}\nnext: traderd run --environment {PRODUCTION} --live",
        as_json,
    )


def _confirm(config: Config, given: str | None, *, as_json: bool) -> None:
    masked = mask_key_id(config.exchange.key_id)
    key = f"key {masked}" if masked else "no key is set yet"
    if given is None and not as_json:
        click.echo(f"The next `traderd run --live` sends orders with REAL MONEY ({key}).")
        given = click.prompt(f"Type {PRODUCTION} to allow it", default="", show_default=False)
    if given != PRODUCTION:
        raise CommandFailed(
            f"nothing was armed: the word is {PRODUCTION}, with --confirm or typed",
            exit_codes.REFUSED,
        )


def _tell(document: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(words)
