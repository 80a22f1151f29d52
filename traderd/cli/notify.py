"""`traderd notify`: try the channels, see what was told, mute a class, acknowledge alerts.

Owns: the arguments, the table, and durations as people write them.
Must not: send a message itself; the daemon does.
"""

from __future__ import annotations

import re
from typing import Any, Final

import click

from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient
from traderd.cli.halts import author_option, carry_out
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json
from traderd.cli.tables import Column
from traderd.cli.terminal_tables import show_lines, show_listing, terminal_width
from traderd.config import Config
from traderd.model.notices import NoticeClass
from traderd.runtime.log_text import clean_text

UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
NONE_SET_UP: Final = "no notifier is set up; docs/notifications.md tells how"
CLASSES: Final = tuple(kind.value for kind in NoticeClass)


class Duration(click.ParamType[int]):
    """`90s`, `30m`, `2h`, `1d`; its value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds; a wrong text is a usage error."""
        found = DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write it like 90s, 30m, 2h or 1d", param, ctx)
        return int(found[1]) * UNITS_S[found[2]]


class AlertNumber(click.ParamType[int]):
    """The number that the list gives an alert."""

    name = "alert"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; a wrong text is a usage error."""
        text = str(value)
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            self.fail(
                f"{text!r} is no number of an alert; `traderd notify list` shows them", param, ctx
            )
        return int(text)


ALERTS: Final = (
    Column("number", "alert", is_number=True),
    Column("at", "at (UTC)", is_time=True),
    Column("class", "class"),
    Column("told", "told times", is_number=True, droppable=True),
    Column("words", "what", wraps=True),
)
NOTICES: Final = (
    Column("at", "at (UTC)", is_time=True),
    Column("urgency", "urgency", droppable=True),
    Column("class", "class"),
    Column("words", "what", wraps=True),
)


@click.group()
def notify() -> None:
    """Notifications: try, mute, acknowledge.

    docs/notifications.md tells how to set one up.

    Example: traderd notify list
    """


@notify.command("list")
@daemon_command
def list_notices(client: DaemonClient, config: Config, as_json: bool) -> None:
    """Show channels, mutes, alerts and the newest notices.

    Example: traderd notify list
    """
    document = client.get("/v3/notices")
    if as_json:
        print_json({"environment": config.environment, **document})
        return
    show_lines([clean_text(line) for line in notice_lines(document)], indent=2)
    for name, title, columns in (
        ("alerts", "alerts", ALERTS),
        ("recent", "newest notices", NOTICES),
    ):
        if rows := [notice_row(one) for one in document[name]]:
            show_listing(
                title, columns, rows, environment=config.environment, width=terminal_width()
            )


@notify.command("test")
@daemon_command
@click.argument("name", required=False)
@author_option
def test_notifier(
    client: DaemonClient, config: Config, as_json: bool, name: str | None, author: str
) -> None:
    """Send a test message by the channel NAME, or by all of them.

    Exit code 1: a channel did not take it, and its line says why.

    Example: traderd notify test telegram
    """
    _ask(client, "notify-test", {"name": name, "author": author}, as_json)


@notify.command()
@daemon_command
@click.argument("kind", metavar="CLASS", type=click.Choice(CLASSES))
@click.option(
    "--for", "for_s", type=Duration(), required=True, help="90s, 30m, 2h, 1d; at most 7d."
)
@author_option
def mute(
    client: DaemonClient, config: Config, as_json: bool, kind: str, for_s: int, author: str
) -> None:
    """Send nothing of CLASS for a while.

    Its alerts are kept, and told when the mute ends unless somebody acknowledged them. A restart of the daemon ends every mute.

    Example: traderd notify mute trade --for 2h
    """
    _ask(client, "notify-mute", {"class": kind, "for_s": for_s, "author": author}, as_json)


@notify.command()
@daemon_command
@click.argument("kind", metavar="CLASS", type=click.Choice(CLASSES))
@author_option
def unmute(client: DaemonClient, config: Config, as_json: bool, kind: str, author: str) -> None:
    """Send notices of CLASS again.

    Example: traderd notify unmute trade
    """
    _ask(client, "notify-unmute", {"class": kind, "author": author}, as_json)


@notify.command()
@daemon_command
@click.argument("alerts", metavar="[ALERT]...", nargs=-1, type=AlertNumber())
@click.option("--all", "every", is_flag=True, help="Every alert that waits.")
@author_option
def ack(
    client: DaemonClient,
    config: Config,
    as_json: bool,
    alerts: tuple[int, ...],
    every: bool,
    author: str,
) -> None:
    """Acknowledge alerts, so that they are not told again.

    What an alert tells of goes on: a halt still stands.

    Example: traderd notify ack 3
    """
    if bool(alerts) == every:
        raise click.UsageError("name the alerts, or --all; `traderd notify list` shows them")
    body = {"author": author} if every else {"alerts": list(alerts), "author": author}
    _ask(client, "notify-ack", body, as_json)


def _ask(client: DaemonClient, verb: str, body: dict[str, Any], as_json: bool) -> None:
    try:
        carry_out(client, verb, body, as_json)
    except CommandFailed as exc:
        if exc.exit_code == exit_codes.REFUSED:
            # Neither risk nor mode refused: a channel did, or nothing is there of that name.
            raise CommandFailed(str(exc), exit_codes.ERROR, exc.document) from exc
        raise


def notice_lines(document: dict[str, Any]) -> list[str]:
    """Return the document of the notices as lines."""
    lines = [_channel_line(channel) for channel in document["notifiers"]] or [NONE_SET_UP]
    muted = [
        f"{kind} for {state['muted_for_s']:.0f} s"
        for kind, state in document["classes"].items()
        if state["muted_for_s"]
    ]
    lines.append(f"muted: {', '.join(muted) or 'nothing'}")
    if document["quiet_now"]:
        lines.append("quiet hours: only alerts are sent now")
    alerts = document["alerts"]
    lines.append(f"alerts that nobody has acknowledged: {len(alerts) or 'none'}")
    return lines


def notice_row(notice: dict[str, Any]) -> dict[str, Any]:
    """Return one notice as a row of the tables."""
    words = ": ".join(filter(None, (notice["title"], notice["text"])))
    return {**notice, "words": words}


def _channel_line(channel: dict[str, Any]) -> str:
    line = (
        f"{channel['name']} (plugin {channel['plugin']}): {', '.join(channel['classes'])}; delivered {channel['delivered']}, "
        f"failed {channel['failed']}, waiting {channel['waiting'] + channel['collected']}"
    )
    if channel["dropped"]:
        line += f", dropped {channel['dropped']}"
    return f"{line}; last error: {channel['last_error']}" if channel["last_error"] else line
