"""`traderd exchange keys`: key files for accounts that will be served.

Owns: the options of `keys new`.
Must not: make keys; `paper.key_files` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from traderd.cli.exchange_client import keys_dir_option
from traderd.cli.options import print_json
from traderd.runtime.env import RealEnv


@click.group()
def keys() -> None:
    """Key files of the exchange's accounts.

    Example: traderd exchange keys new alice
    """


@keys.command()
@keys_dir_option
@click.option(
    "--key-type",
    type=click.Choice(("rsa", "ed25519")),
    default="rsa",
    show_default=True,
    help="Older clients know RSA only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where the key is as JSON.")
@click.argument("name")
def new(name: str, keys_dir: Path, key_type: str, as_json: bool) -> None:
    """Make the key of an account to serve.

    It is used by the next `traderd exchange serve --account NAME:DOLLARS` with these --keys-dir. A running exchange makes keys with `POST /api_keys/generate`, as on Kalshi.

    Example: traderd exchange keys new alice --key-type ed25519
    """
    from traderd.paper.key_files import make_key_file

    made = make_key_file(
        keys_dir, name, RealEnv().new_id(), "ed25519" if key_type == "ed25519" else "rsa"
    )
    if as_json:
        print_json({"name": made.name, "key_id": made.key_id, "key_file": str(made.path)})
    else:
        click.echo(f"{made.name}: key {made.key_id} in {made.path}")
