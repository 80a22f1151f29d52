"""An operator of an exchange under test: the admin address without a socket."""

from __future__ import annotations

import json
from typing import Any

from traderd.paper.admin.api import AdminApi
from traderd.paper.exchange import PaperExchange
from traderd.paper.serving.http_server import Request, Response

TOKEN = "0123456789abcdef" * 4


class Operator:
    """Asks the admin address as the command line does."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.api = AdminApi(exchange, TOKEN)

    async def send(
        self, method: str, path: str, body: bytes = b"", **headers: str | None
    ) -> Response:
        usual = {"host": "127.0.0.1:4000", "authorization": f"Bearer {TOKEN}"}
        merged = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in merged.items() if value is not None}
        request = Request(method=method, path=path, query=(), headers=given, body=body)
        return await self.api.handle(request)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        raw = b"" if body is None else json.dumps(body).encode()
        response = await self.send(method, f"/admin{path}", raw)
        return response.status, json.loads(response.body)

    async def do(self, verb: str, **body: Any) -> dict[str, Any]:
        """Carry out a verb that must succeed."""
        status, document = await self.ask("POST", f"/{verb}", body)
        assert status == 200, document
        return document

    async def refused(self, verb: str, **body: Any) -> tuple[int, str, str]:
        status, document = await self.ask("POST", f"/{verb}", body)
        assert status >= 400, document
        return status, document["error"]["code"], document["error"]["sentence"]
