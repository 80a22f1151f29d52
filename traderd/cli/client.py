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
import msgspec

from traderd.cli import exit_codes
from traderd.errors import TraderdError

TIME_OUT_S: Final = 35.0
"""Bounds the wait for an answer: the daemon itself bounds a verb at 30 s."""


class CommandFailed(TraderdError):
    """A command could not be carried out; carries the exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the name in the Host header is resolved by nobody."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIME_OUT_S)
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

    def get(self, path: str) -> Any:
        """Return a document; raises CommandFailed."""
        status, document = self._request("GET", path, None)
        # An unhealthy daemon answers 503 with the same document, and its state is what was asked for.
        if status in {200, 503} and "error" not in document:
            return document
        raise _failure(status, document)

    def command(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb and return its outcome; raises CommandFailed when it was not done."""
        status, document = self._request("POST", f"/v3/commands/{verb}", body)
        if status == 200:
            return document
        raise _failure(status, document)

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None
    ) -> tuple[int, dict[str, Any]]:
        connection = _UnixConnection(self.socket_path)
        payload = None if body is None else msgspec.json.encode(body)
        headers = {} if payload is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, body=payload, headers=headers)
            answer = connection.getresponse()
            document = msgspec.json.decode(answer.read())
        except (FileNotFoundError, ConnectionRefusedError) as exc:
            raise self._not_running() from exc
        except TimeoutError as exc:
            raise CommandFailed(
                f"no answer within {TIME_OUT_S:.0f} s; a verb may still be carried out, look with "
                "`traderd status`",
                exit_codes.TIME_OUT,
            ) from exc
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as exc:
            raise CommandFailed(
                f"the daemon's answer could not be read: {exc}", exit_codes.ERROR
            ) from exc
        finally:
            connection.close()
        if not isinstance(document, dict):
            raise CommandFailed("the daemon's answer is not a document", exit_codes.ERROR)
        return answer.status, document

    def _not_running(self) -> CommandFailed:
        return CommandFailed(
            f"no traderd is running here ({self.socket_path} does not answer); start one with "
            "`traderd run`, or name its --environment or --state-dir",
            exit_codes.NOT_RUNNING,
        )


def _failure(status: int, document: dict[str, Any]) -> CommandFailed:
    error = document.get("error")
    if isinstance(error, dict):
        code = exit_codes.USAGE if status == 400 else exit_codes.ERROR
        return CommandFailed(f"{error.get('sentence')} ({error.get('cure')})", code)
    answer, sentence = document.get("answer"), str(document.get("sentence", "no reason was given"))
    refused = {"denied", "rejected", "unavailable"}
    return CommandFailed(sentence, exit_codes.REFUSED if answer in refused else exit_codes.ERROR)
