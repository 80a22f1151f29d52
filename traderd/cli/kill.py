"""`traderd kill`: the kill switch.

Owns: its options and what it prints. Everything heavy is imported inside, and little of that.
Must not: need a daemon.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.halts import BY_PERSON, author_option, dry_run_option, reason_option
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import print_json, read_config, settings_options, show_parts
from traderd.config import CONTROL_SOCKET, Config
from traderd.errors import ConfigError, ExchangeError
from traderd.runtime.env import RealEnv
from traderd.runtime.log_text import clean_text

if TYPE_CHECKING:
    from traderd.cli.kill_target import KillTarget

NOTHING_DONE: Final = "NOTHING WAS CANCELLED"
"""How every kill begins that ended with exit code 4."""


@click.command()
@settings_options
@reason_option
@author_option
@click.option(
    "--only-ours",
    is_flag=True,
    help="Cancel only what this state directory's daemon placed; default: every order of the account.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="When to give up verifying; the latch stays.",
)
@dry_run_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def kill(
    reason: str,
    author: str,
    only_ours: bool,
    timeout_s: float,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Cancel every order, verify it, and let no new one leave.

    It needs the key and the network, not the daemon: one that runs is told and does its part, one that hangs or is dead is done without.
    The latch survives restarts until `traderd clear-halt kill`. SIGUSR1 to the daemon, or a file `kill.latch` in its state directory, pull the switch too.

    It goes to the exchange on which the daemon of this state directory traded, whatever the configuration says now, and names it.

    Exits with 0 when the exchange listed no order twice in a row (or ended with its daemon), 1 when that could not be verified, 4 when NOTHING WAS CANCELLED because of the configuration, 5 when the time was over.

    Example: traderd kill --environment paper --reason "prices look wrong"
    """
    if dry_run:
        _dry_run(read_config(**options, check=False), only_ours=only_ours, as_json=as_json)
        return
    try:
        config = read_config(**options, check=False)
    except ConfigError as exc:
        raise _nothing_done(f"{NOTHING_DONE}, and there is no latch: {exc}", as_json) from exc
    import trio

    from traderd.runtime.lean_imports import HTTP_2, without_terminal_tools

    # A person waits for it, and what draws tables takes as long to load as an exchange to answer.
    with without_terminal_tools(HTTP_2):
        from traderd.cli.kill_report import KillOptions
        from traderd.cli.kill_run import kill_run

    chosen = KillOptions(
        reason=reason or BY_PERSON, by=author, only_ours=only_ours, timeout_s=timeout_s
    )
    env = RealEnv()

    async def main() -> Any:
        return await kill_run(config, chosen, env=env, tell=_quiet if as_json else _tell)

    try:
        report = trio.run(main)
    except ConfigError as exc:
        # Whoever pulls it in a hurry must not take a complaint about a file for the end of it.
        raise _nothing_done(f"{NOTHING_DONE}: {exc}", as_json) from exc
    if as_json:
        print_json(report.document())
    else:
        click.echo(clean_text(report.sentence))
        show_parts(report.items)
    if report.exit_code != exit_codes.OK:
        sys.exit(report.exit_code)


def _nothing_done(sentence: str, as_json: bool) -> ConfigError:
    if as_json:
        code = exit_codes.CONFIGURATION
        print_json({"verified": False, "sentence": sentence, "exit_code": code})
    return ConfigError(sentence)


def _tell(words: str) -> None:
    click.echo(clean_text(words), err=True)


def _quiet(_words: str) -> None:
    # The document says all of it.
    pass


def _dry_run(config: Config, *, only_ours: bool, as_json: bool) -> None:
    import trio

    from traderd.cli.kill_report import order_document
    from traderd.cli.kill_run import resting_orders
    from traderd.cli.kill_target import find_target
    from traderd.kalshi.order_reads import listed_words
    from traderd.model.units import counted

    env = RealEnv()
    target = trio.run(find_target, config, env)
    if target.note:
        click.echo(target.note, err=True)
    if target.config.embedded:
        _ask_daemon(target, config.state_path(), only_ours=only_ours, as_json=as_json)
        return

    async def main() -> Any:
        return await resting_orders(target.config, env=env, only_ours=only_ours)

    try:
        records = trio.run(main)
    except ExchangeError as exc:
        raise CommandFailed(
            f"the resting orders could not be read: {exc}", exit_codes.ERROR
        ) from exc
    items = [
        {
            "answer": "done",
            "sentence": f"cancel {listed_words(record)}",
            "key": record.client_order_id or record.order_id,
        }
        for record in records
    ]
    rests = "rests" if len(items) == 1 else "rest"
    sentence = (
        f"dry run, nothing is done: {counted(len(items), 'order')} {rests} at {target.exchange} and would be cancelled, which costs $0.00, and nothing "
        "but cancels would leave until `traderd clear-halt kill`"
    )
    if as_json:
        rows = [order_document(record) for record in records]
        print_json({"dry_run": True, "sentence": sentence, "items": items, "orders": rows})
        return
    click.echo(clean_text(sentence))
    show_parts(items)


def _ask_daemon(target: KillTarget, directory: Path, *, only_ours: bool, as_json: bool) -> None:
    from traderd.cli.client import READ_TIME_OUT_S, DaemonClient
    from traderd.cli.halts import carry_out
    from traderd.cli.kill_target import why_not_over

    # Nothing is done, so it waits as long as for a document.
    client = DaemonClient(directory / CONTROL_SOCKET, timeout_s=READ_TIME_OUT_S)
    try:
        carry_out(client, "kill", {"only_ours": only_ours, "dry_run": True}, as_json)
    except CommandFailed as exc:
        if exc.exit_code != exit_codes.NOT_RUNNING:
            raise
        if why := why_not_over(target, directory):
            sentence = f"nobody knows what a kill would cancel: {why}"
            raise CommandFailed(sentence, exit_codes.ERROR) from exc
    else:
        return
    sentence = (
        f"dry run, nothing is done: nothing can rest, {target.exchange} ended with the daemon; nothing but cancels "
        "would leave until `traderd clear-halt kill`"
    )
    if as_json:
        print_json({"dry_run": True, "sentence": sentence, "items": [], "orders": []})
        return
    click.echo(clean_text(sentence))
