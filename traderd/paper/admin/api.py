"""The admin address: what the operator may ask of a running exchange, over HTTP on this machine only.

Owns: who may ask (the token, the Host header, no browsers), paths, and every refusal as a sentence.
Must not: listen (`serve`), or do what is asked (`admin_verbs`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import msgspec

from traderd.errors import BadInput, StoreError
from traderd.paper.admin import verbs as admin_verbs
from traderd.paper.admin.status import status_document
from traderd.paper.exchange import PaperExchange
from traderd.paper.faults.plan import decode_fault_plan
from traderd.paper.serving.http_server import Request, Response
from traderd.paper.venue.messages import VenueRefusal

PREFIX: Final = "/admin"
HOST_NAMES: Final = ("127.0.0.1", "localhost")
"""A page whose name was made to point at this machine carries another one (DNS rebinding)."""
TOKEN_MIN_CHARACTERS: Final = 32

_Answer = dict[str, Any]


class _Refused(Exception):
    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


@attrs.define(eq=False)
class AdminApi:
    """Answers the operator of one exchange."""

    exchange: PaperExchange
    token: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        assert len(self.token) >= TOKEN_MIN_CHARACTERS, "a token that could be guessed"

    async def handle(self, request: Request) -> Response:
        """Answer one request; what was done is on the disk, if there is a state file, before the answer."""
        try:
            self._check_sender(request.headers)
            document = self._find(request)(request.body)
            self.exchange.settle()
            await self.exchange.wait_durable()
        except _Refused as exc:
            return _refusal(exc.status, exc.code, str(exc))
        except VenueRefusal as exc:
            return _refusal(exc.status, exc.code, exc.details or exc.message)
        except BadInput as exc:
            return _refusal(400, "invalid_parameters", str(exc))
        except StoreError as exc:
            return _refusal(503, "state_unavailable", str(exc))
        return Response(status=200, body=msgspec.json.encode(document))

    def upgrade(self, request: Request) -> Response:
        """Refuse WebSockets: there are none here."""
        return _refusal(404, "page_not_found", "there is no WebSocket at the admin address")

    def _check_sender(self, headers: Mapping[str, str]) -> None:
        host, _, port = headers.get("host", "").rpartition(":")
        if host not in HOST_NAMES or not (port.isascii() and port.isdigit()):
            raise _Refused(403, "forbidden", "the Host header does not name the admin address")
        if "origin" in headers:
            raise _Refused(403, "forbidden", "the admin address does not talk to browsers")
        given = headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {self.token}".encode()):
            raise _Refused(
                401, "unauthorized", "the token is not the one in admin.json of the keys directory"
            )

    def _find(self, request: Request) -> Callable[[bytes], _Answer]:
        methods = self._routes().get(request.path.removeprefix(PREFIX))
        if methods is None or not request.path.startswith(f"{PREFIX}/"):
            raise _Refused(404, "page_not_found", f"there is nothing at {request.path}")
        work = methods.get(request.method)
        if work is None:
            raise _Refused(405, "method_not_allowed", f"use {' or '.join(methods)}")
        return work

    def _routes(self) -> dict[str, dict[str, Callable[[bytes], _Answer]]]:
        routes: dict[str, dict[str, Callable[[bytes], _Answer]]] = {
            f"/{name}": {"POST": verb.bound_to(self.exchange)}
            for name, verb in admin_verbs.VERBS.items()
        }
        routes["/status"] = {"GET": lambda body: status_document(self.exchange)}
        routes["/faults"] = {
            "GET": lambda body: {"fault": self.exchange.faults.report()},
            "PUT": self._set_faults,
            "DELETE": self._clear_faults,
        }
        return routes

    def _set_faults(self, body: bytes) -> _Answer:
        rules = decode_fault_plan(body).fault
        self.exchange.faults.set_plan(rules)
        return {"sentence": f"{len(rules)} faults are on", "fault": self.exchange.faults.report()}

    def _clear_faults(self, body: bytes) -> _Answer:
        self.exchange.faults.clear()
        return {"sentence": "no fault is on", "fault": []}


def _refusal(status: int, code: str, sentence: str) -> Response:
    body = {"error": {"code": code, "sentence": sentence}}
    return Response(status=status, body=msgspec.json.encode(body))
