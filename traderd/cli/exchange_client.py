"""Talking to a running exchange at its admin address.

Owns: finding it by the keys directory, one request and its answer, or a sentence why there is none.
Must not: repeat a verb; one whose answer was lost may have been carried out.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import click

from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed, Peer, ask_json
from traderd.paper.admin.access import ADMIN_FILE, AdminAccess, decode_admin_access

TIME_OUT_S: Final = 30.0
"""Bounds the wait for an answer: a reset of a hundred thousand markets takes some seconds."""
DEFAULT_KEYS_DIR: Final = Path("exchange-keys")


@attrs.frozen
class ExchangeClient:
    """One exchange, found by the directory that it keeps its keys in."""

    keys_dir: Path

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to one request below the admin address; raises CommandFailed."""
        access = self._access()
        parts = urlsplit(access.admin_url)
        headers = {"Authorization": f"Bearer {access.token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=TIME_OUT_S
        )
        status, document = ask_json(
            connection, self._peer, method, f"{parts.path}{path}", body, headers
        )
        if status == 200:
            return document
        raise _failure(status, document)

    @property
    def _peer(self) -> Peer:
        return Peer(
            name="the exchange",
            not_running=f"no exchange is served with the keys in {self.keys_dir}; start one with "
            "`traderd exchange serve`, or name its --keys-dir",
            doubt="it may still be done, look with `traderd exchange status`",
        )

    def _access(self) -> AdminAccess:
        path = self.keys_dir / ADMIN_FILE
        try:
            return decode_admin_access(path.read_bytes(), source=str(path))
        except (FileNotFoundError, NotADirectoryError):
            raise self._peer.is_away() from None
        except OSError as exc:
            raise CommandFailed(f"{path}: {exc.strerror or exc}", exit_codes.ERROR) from exc


def exchange_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --keys-dir and --json, and hand the command a client of the running exchange."""

    @keys_dir_option
    @click.option("--json", "as_json", is_flag=True, help="Print the exchange's answer as JSON.")
    @wraps(command)
    def wrapped(keys_dir: Path, **options: Any) -> None:
        command(client=ExchangeClient(keys_dir), **options)

    return wrapped


def keys_dir_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option by which an exchange and its commands find each other."""
    return click.option(
        "--keys-dir",
        type=click.Path(path_type=Path),
        default=DEFAULT_KEYS_DIR,
        show_default=True,
        help="Where the exchange's NAME.pem, NAME.id and admin.json are.",
    )(command)


def _failure(status: int, document: dict[str, Any]) -> CommandFailed:
    error = document.get("error")
    sentence = error.get("sentence") if isinstance(error, dict) else None
    known = {400: exit_codes.USAGE, 401: exit_codes.ERROR, 403: exit_codes.ERROR}
    # The rest that is the asker's affair is a step that cannot be taken now.
    other = exit_codes.REFUSED if status in (404, 409) else exit_codes.ERROR
    return CommandFailed(str(sentence or f"HTTP {status}"), known.get(status, other))
