"""Talking to a running daemon over its control socket.

Owns: one request and its answer, or a sentence why there is none.
Must not: retry a verb; a verb whose answer was lost may have been carried out.
"""

from __future__ import annotations

import http.client
import socket  # sim-ok: the command line is a process of its own, outside the daemon
from pathlib import Path
from typing import Any, Final

import attrs

from traderd.cli import exit_codes
from traderd.cli.json_request import CommandFailed, Peer, ask_json
from traderd.cli.progress import signs_of_life
from traderd.runtime.log_text import clean_text

TIME_OUT_S: Final = 35.0
"""Bounds the wait for a verb's answer: the daemon itself bounds a verb at 30 s."""
READ_TIME_OUT_S: Final = 5.0
"""Bounds the wait for a document: a daemon that is well answers within milliseconds."""
STUCK: Final = (
    "the daemon runs but does not answer: it may be stopped or stuck, so nothing can be learned from it; "
    "`traderd kill` cancels every order without it"
)
"""What to think of it, and what helps."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the name in the Host header is resolved by nobody."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect, and leave no socket behind when nobody listens."""
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # sim-ok: see the import
        unix.settimeout(self.timeout)
        try:
            unix.connect(str(self._path))
        except BaseException:
            unix.close()
            raise
        self.sock = unix


@attrs.frozen
class DaemonClient:
    """One daemon, found by its control socket."""

    socket_path: Path
    timeout_s: float = TIME_OUT_S
    """Bounds the connecting, and each wait for more of a verb's answer; a read waits READ_TIME_OUT_S at most."""
    shows_progress: bool = False
    """Give signs of life on the standard error while a verb takes long."""

    def get(self, path: str) -> Any:
        """Return a document; raises CommandFailed."""
        status, document = self._request("GET", path, None)
        # An unhealthy daemon answers 503 with the same document, and its state is what was asked for.
        if status in {200, 503} and "error" not in document:
            return document
        raise _failure(status, document)

    def command(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb and return its outcome; raises CommandFailed when it was not done."""
        with signs_of_life(
            f"{verb}: the daemon works", self._what_is_left, quiet=not self.shows_progress
        ):
            status, document = self._request("POST", f"/v3/commands/{verb}", body)
        if status == 200:
            return document
        raise _failure(status, document)

    def _what_is_left(self) -> str:
        try:
            account = self.get("/v3/status")["account"]
        except (CommandFailed, KeyError):
            return ""
        orders, positions = account["open_orders"], account["positions"]
        return f"open orders {orders}, positions {positions}"

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        headers = {} if body is None else {"Content-Type": "application/json"}
        peer = Peer(
            name="the daemon",
            not_running=f"no traderd is running here ({self.socket_path} does not answer); start one "
            "with `traderd run`, or name its --environment or --state-dir",
            doubt=STUCK
            if body is None
            else f"what was asked for may still be carried out; {STUCK}",
        )
        timeout_s = min(self.timeout_s, READ_TIME_OUT_S) if body is None else self.timeout_s
        connection = _UnixConnection(self.socket_path, timeout_s)
        return ask_json(connection, peer, method, path, body, headers)


def _failure(status: int, document: dict[str, Any]) -> CommandFailed:
    error = document.get("error")
    if isinstance(error, dict):
        code = exit_codes.USAGE if status == 400 else exit_codes.ERROR
        words = clean_text(f"{error.get('sentence')} ({error.get('cure')})")
        return CommandFailed(words, code, document)
    refused = {"denied", "rejected", "unavailable"}
    code = exit_codes.REFUSED if document.get("answer") in refused else exit_codes.ERROR
    return CommandFailed(outcome_sentence(document), code, document)


def outcome_sentence(outcome: dict[str, Any]) -> str:
    """Return an outcome's sentence with the key of its order: who placed one needs it to look or to cancel.

    Escaped: it may hold words of other people or of the exchange, which must not move the cursor.
    """
    sentence, key = str(outcome.get("sentence", "no reason was given")), outcome.get("key")
    return clean_text(sentence if key is None or key in sentence else f"{sentence} (order {key})")
