"""Talking to a running daemon over its control socket.

Owns: one request and its answer, or a sentence why there is none.
Must not: retry a verb; a verb whose answer was lost may have been carried out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs

from traderd.cli import exit_codes
from traderd.errors import TraderdError

TIME_OUT_S: Final = 35.0
"""Bounds the wait for an answer: the daemon itself bounds a verb at 30 s."""
UNIX_HOST: Final = "http://localhost"
"""The name in the Host header; over a Unix socket nobody resolves it."""


class CommandFailed(TraderdError):
    """A command could not be carried out; carries the exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


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
        import httpx

        if not self.socket_path.exists():
            raise self._not_running()
        transport = httpx.HTTPTransport(uds=str(self.socket_path))
        try:
            with httpx.Client(
                transport=transport, base_url=UNIX_HOST, timeout=TIME_OUT_S, trust_env=False
            ) as http:
                answer = http.request(method, path, json=body)
                document = answer.json()
        except httpx.ConnectError as exc:
            raise self._not_running() from exc
        except httpx.TimeoutException as exc:
            raise CommandFailed(
                f"no answer within {TIME_OUT_S:.0f} s; a verb may still be carried out, look with "
                "`traderd status`",
                exit_codes.TIME_OUT,
            ) from exc
        except (httpx.HTTPError, ValueError) as exc:
            raise CommandFailed(
                f"the daemon's answer could not be read: {exc}", exit_codes.ERROR
            ) from exc
        if not isinstance(document, dict):
            raise CommandFailed("the daemon's answer is not a document", exit_codes.ERROR)
        return answer.status_code, document

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
