"""The whole REST interface over a small venue, without sockets: what its public reads answer at a chosen time."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import trio

from tests.paper.served import VirtualEnv
from tests.paper.venues import NOW
from traderd.model.units import NS_PER_S, Timestamp
from traderd.paper.auth_check import KeyRegistry
from traderd.paper.rest.api import PREFIX, RestApi
from traderd.paper.rest.call import Desk
from traderd.paper.serving.http_server import Request, Response
from traderd.paper.settings import Dialect, ExchangeSettings
from traderd.paper.venue.venue import Venue

LEGACY = ExchangeSettings(dialect=Dialect.LEGACY)


class Reader:
    """Asks one venue; `now` is the exchange's time and may be moved."""

    def __init__(self, built: Venue, settings: ExchangeSettings | None = None) -> None:
        self.venue = built
        self.now = NOW
        self.desk = Desk(
            venue=built,
            keys=KeyRegistry(),
            settings=settings or ExchangeSettings(),
            new_id=lambda: "new-id",
        )
        self._api = RestApi(
            env=VirtualEnv(), desk=self.desk, now=lambda: self.now, settle=self._settle
        )

    def _settle(self) -> None:
        self.venue.advance(self.now)
        self.venue.take_outbox()

    def later(self, seconds: int) -> Timestamp:
        """Let time pass, and do what comes due."""
        self.now = Timestamp(self.now + seconds * NS_PER_S)
        self._settle()
        return self.now

    def response(self, path: str, method: str = "GET", body: bytes = b"") -> Response:
        route, _, query = path.partition("?")
        request = Request(
            method=method,
            path=PREFIX + route,
            query=tuple(parse_qsl(query, keep_blank_values=True)),
            headers={"content-type": "application/json"},
            body=body,
        )
        return trio.run(self._api.handle, request)

    def get(self, path: str) -> Any:
        """Return the body of an answer that must be a 200."""
        response = self.response(path)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def refusal(self, path: str) -> tuple[int, str]:
        """Return a refusal's status and what it says most precisely."""
        response = self.response(path)
        assert response.status >= 400, response.body
        body = json.loads(response.body)
        if "msg" in body:
            return response.status, body["msg"]
        error = body["error"]
        return response.status, error.get("details") or error["code"]
