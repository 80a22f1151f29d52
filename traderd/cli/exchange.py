"""`traderd exchange`: the exchange of its own, for other processes, and its operator's commands.

Owns: the group of commands.
Must not: hold a command.
"""

from __future__ import annotations

import click

from traderd.cli import exchange_keys, exchange_verbs
from traderd.cli.exchange_serve import serve


@click.group(
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 no exchange is served with these keys, "
    "4 configuration, 5 no answer in time, 6 refused by the exchange."
)
def exchange() -> None:
    """The paper exchange as a program of its own.

    `serve` runs it; everything else is said to one that runs, and finds it by its --keys-dir.

    Example: traderd exchange serve
    """


for _command in (serve, exchange_keys.keys, *exchange_verbs.COMMANDS):
    exchange.add_command(_command)
