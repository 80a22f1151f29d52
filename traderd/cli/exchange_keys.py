"""`traderd exchange keys`: key files for accounts that will be served.

Owns: the options of `keys new`, and `--key-type` for whoever else makes keys.
Must not: make keys; `paper.key_files` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traderd.cli.exchange_client import keys_dir_option
from traderd.cli.options import print_json
from traderd.runtime.env import RealEnv

if TYPE_CHECKING:
    from traderd.paper.key_files import KeyType


def key_type_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says of which type a key is made; its values are those of `KeyType`."""
    return click.option(
        "--key-type",
        type=click.Choice(("rsa", "ed25519")),
        default="rsa",
        show_default=True,
        help="Of keys that are made; older clients know RSA only.",
    )(command)


@click.group()
def keys() -> None:
    """Key files of the exchange's accounts.

    Example: traderd exchange keys new alice
    """


@keys.command()
@keys_dir_option
@key_type_option
@click.option("--json", "as_json", is_flag=True, help="Print where the key is as JSON.")
@click.argument("name")
def new(name: str, keys_dir: Path, key_type: KeyType, as_json: bool) -> None:
    """Make the key of an account to serve.

    It is used by the next `traderd exchange serve --account NAME:DOLLARS` with these --keys-dir. A running exchange makes keys with `POST /api_keys/generate`, as on Kalshi.

    Example: traderd exchange keys new alice --key-type ed25519
    """
    from traderd.paper.key_files import make_key_file

    made = make_key_file(keys_dir, name, RealEnv().new_id(), key_type)
    if as_json:
        print_json({"name": made.name, "key_id": made.key_id, "key_file": str(made.path)})
    else:
        click.echo(f"{made.name}: key {made.key_id} in {made.path}")
