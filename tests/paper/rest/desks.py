"""What the tests of REST handlers share: the whole interface over a small venue, and clients that sign."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.paper.served import API, VirtualEnv
from tests.paper.venues import NOW, bid, venue
from traderd.model.units import Timestamp
from traderd.paper.auth_check import ApiKey, KeyRegistry
from traderd.paper.rest.api import RestApi
from traderd.paper.rest.call import Desk
from traderd.paper.serving.http_server import Request, Response
from traderd.paper.settings import ExchangeSettings, Tier
from traderd.paper.venue.venue import Venue

PRIVATE = Ed25519PrivateKey.generate()
"""Everybody's: the exchange tells clients apart by the id of their key."""


class RestBench:
    """A venue with two members, and its REST interface without a server in front."""

    def __init__(
        self,
        *,
        tier: Tier = Tier.UNLIMITED,
        accounts: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.env = VirtualEnv()
        # Whatever Trio's clock shows: it starts anywhere, and at 0 only under `autojump_clock`.
        self.env.offset_ns = NOW - self.env.wall_ns()
        self.venue: Venue = venue(accounts=accounts)
        self.keys = KeyRegistry()
        self.desk = Desk(
            venue=self.venue,
            keys=self.keys,
            settings=ExchangeSettings(tier=tier, **settings),
            new_id=self.env.new_id,
        )
        self.api = RestApi(env=self.env, desk=self.desk, now=self.now, settle=self.settle)
        self.news: list[Any] = []
        for name in self.venue.account_ids():
            self.add_key(name, name)

    def now(self) -> Timestamp:
        return Timestamp(self.env.wall_ns())

    def settle(self) -> None:
        self.venue.advance(self.now())
        self.news += self.venue.take_outbox()

    def add_key(self, key_id: str, account_id: str, **more: Any) -> None:
        """Add a key that is asked with as `by=key_id`."""
        public_key = PRIVATE.public_key()
        self.keys.add(ApiKey(key_id=key_id, account_id=account_id, public_key=public_key, **more))

    def signed(self, key_id: str, method: str, path: str, private: Any = PRIVATE) -> dict[str, str]:
        stamp = str(self.env.wall_ns() // 1_000_000)
        signature = private.sign(f"{stamp}{method}{path}".encode())
        return {
            "kalshi-access-key": key_id,
            "kalshi-access-timestamp": stamp,
            "kalshi-access-signature": base64.b64encode(signature).decode(),
        }

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = "ann",
        query: tuple[tuple[str, str], ...] = (),
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Send one request; `body` is JSON, bytes go out as they are."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        head = {"content-type": "application/json"} if body is not None else {}
        if by is not None:
            head |= self.signed(by, method, API + path)
        return await self.api.handle(
            Request(
                method=method,
                path=API + path,
                query=query,
                headers=head | (headers or {}),
                body=raw,
            )
        )

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Send one request and return status and decoded body; the path may carry a simple query."""
        path, _, query = path.partition("?")
        pairs = tuple(tuple(pair.split("=", 1)) for pair in query.split("&") if pair)
        response = await self.send(method, path, body, query=pairs, **more)
        return response.status, json.loads(response.body) if response.body else None

    def rest_order(self, owner: str = "ann", **more: Any) -> str:
        """Rest a small order and return its id."""
        return self.venue.create_order(owner, bid("1", "0.1000"), None, self.now(), **more).order_id
