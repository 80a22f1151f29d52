from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.web.live_looking import LiveLookingSource
from traderd.web.access import AccessRules
from traderd.web.http_app import create_app
from traderd.web.live import LiveHub

TOKEN = "correct-horse-battery-staple"


class Face:
    """An application over a live-looking source, with the parts that tests reach for."""

    def __init__(self) -> None:
        self.source = LiveLookingSource()
        self.hub = LiveHub(self.source)
        self.stop = trio.Event()
        self.access = AccessRules(control_token=TOKEN)
        self.app = create_app(self.source, self.hub, access=self.access, stop=self.stop)
        self.client = self.app.test_client()

    async def get(self, path: str, *, host: str = "127.0.0.1:8005", **headers: str) -> Any:
        return await self.client.get(path, headers={"Host": host, **headers})

    async def post(self, verb: str, body: bytes = b"{}", **headers: str) -> Any:
        given = {
            "Host": "127.0.0.1:8005",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {TOKEN}",
        }
        given.update({name.replace("_", "-"): value for name, value in headers.items()})
        return await self.client.post(f"/v3/commands/{verb}", headers=given, data=body)


@pytest.fixture
def face() -> Face:
    return Face()
