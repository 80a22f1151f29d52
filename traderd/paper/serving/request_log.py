"""One line for each request, for whoever wants to see what a client does.

Owns: what stands in a line: time, method, path, status, code, account, milliseconds. Never a query, a header or a body.
Must not: change an answer, or fail because nobody reads the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs
import msgspec

from traderd.model.units import Timestamp, format_time
from traderd.paper.serving.http_server import (
    ConnectionDropped,
    Request,
    RequestHandler,
    Response,
    SessionHandler,
    UpgradeHandler,
)
from traderd.runtime.env import Env

NOTHING: Final = "-"
"""Stands for a code or an account that there is none of."""
DROPPED: Final = "dropped"
"""Stands for the status of a request that got no answer."""
SWITCHED: Final = "101"
"""HTTP's status of a request that became a WebSocket."""


@attrs.define(eq=False)
class RequestLog:
    """Writes a line for each request that its handlers see: those that could be read as HTTP."""

    env: Env
    who: Callable[[Mapping[str, str]], str | None]
    """The account's name that a request's headers claim; None for nobody's."""
    write: Callable[[str], None]
    """Takes one line; no more come after it raised OSError."""
    _is_on: bool = attrs.field(default=True, init=False)

    def handler(self, handle: RequestHandler) -> RequestHandler:
        """Return a handler that does the same and is logged."""

        async def logged(request: Request) -> Response:
            began = self.env.monotonic()
            status, code = DROPPED, NOTHING
            try:
                response = await handle(request)
                status, code = str(response.status), code_of(response)
            except ConnectionDropped:
                raise
            except Exception:
                # A defect of ours, which the connection answers so.
                status, code = "500", "internal_error"
                raise
            finally:
                self._log(request, status, code, began)
            return response

        return logged

    def upgrader(self, upgrade: UpgradeHandler) -> UpgradeHandler:
        """Return an upgrade handler that does the same and is logged."""

        def logged(request: Request) -> Response | SessionHandler:
            began = self.env.monotonic()
            answer = upgrade(request)
            if isinstance(answer, Response):
                self._log(request, str(answer.status), code_of(answer), began)
            else:
                self._log(request, SWITCHED, NOTHING, began)
            return answer

        return logged

    def _log(self, request: Request, status: str, code: str, began: float) -> None:
        if not self._is_on:
            return
        words = (
            format_time(Timestamp(self.env.wall_ns())),
            request.method,
            request.path,
            status,
            code,
            self.who(request.headers) or NOTHING,
            f"{(self.env.monotonic() - began) * 1000:.1f}ms",
        )
        try:
            self.write(" ".join(_one_word(word) for word in words))
        except OSError:
            # Whoever read the lines went away; the exchange serves on.
            self._is_on = False


def code_of(response: Response) -> str:
    """Return the code of a refusal in any of its shapes, "-" for none."""
    if response.status < 400:
        return NOTHING
    try:
        body = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        return NOTHING
    error = body.get("error", body) if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    return code if isinstance(code, str) and code else NOTHING


def _one_word(text: str) -> str:
    # Columns stay columns, and nobody writes lines of his own by his account's name.
    return "".join(each if each.isprintable() and not each.isspace() else "_" for each in text)
