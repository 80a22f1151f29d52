"""One JSON request over HTTP and its answer, for every command that talks to a running program.

Owns: what can go wrong on the way, the exit code of each, and the failure that carries it.
Must not: know whom it talks to, or send a request again; one whose answer was lost may have been carried out.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from traderd.cli import exit_codes
from traderd.errors import TraderdError


class CommandFailed(TraderdError):
    """A command could not be carried out; carries the exit code, and the document that said so if there was one."""

    def __init__(
        self, sentence: str, exit_code: int, document: dict[str, Any] | None = None
    ) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self.document = document


@attrs.frozen(kw_only=True)
class Peer:
    """Who is asked, in the words of a failure."""

    name: str
    """As in "NAME's answer could not be read"."""
    not_running: str
    """The sentence when nobody is there, with its cure."""
    doubt: str
    """What follows "no answer within 30 s; "."""

    def is_away(self) -> CommandFailed:
        """Return the failure that nobody is there."""
        return CommandFailed(self.not_running, exit_codes.NOT_RUNNING)


def ask_json(
    connection: http.client.HTTPConnection,
    peer: Peer,
    method: str,
    path: str,
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
) -> tuple[int, dict[str, Any]]:
    """Return the answer's status and document, and close the connection.

    Raises:
        CommandFailed: nobody is there, no answer within the connection's time, or one that is no document.
    """
    payload = None if body is None else msgspec.json.encode(body)
    try:
        # Who is full says so without reading, and may be gone before all is written; what was said is there.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, path, body=payload, headers=dict(headers))
        answer = connection.getresponse()
        document = msgspec.json.decode(answer.read())
    except (FileNotFoundError, ConnectionRefusedError) as exc:
        raise peer.is_away() from exc
    except TimeoutError as exc:
        sentence = f"no answer within {connection.timeout:.0f} s; {peer.doubt}"
        raise CommandFailed(sentence, exit_codes.TIME_OUT) from exc
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as exc:
        raise CommandFailed(
            f"{peer.name}'s answer could not be read: {exc}", exit_codes.ERROR
        ) from exc
    finally:
        connection.close()
    if not isinstance(document, dict):
        raise CommandFailed(f"{peer.name}'s answer is not a document", exit_codes.ERROR)
    return answer.status, document
