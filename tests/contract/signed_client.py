"""A small signed REST client over the standard library, for tests and benchmarks that need a real socket."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from traderd.kalshi.auth import load_signer


class SignedClient:
    """One keep-alive connection of one account; `request` returns (status, JSON or None)."""

    def __init__(self, ready: dict[str, Any], account: int = 0) -> None:
        parts = urlsplit(ready["rest_url"])
        entry = ready["accounts"][account]
        self.prefix = parts.path
        self.signer = load_signer(entry["key_id"], Path(entry["key_file"]))
        assert parts.hostname is not None
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, query: str = ""
    ) -> tuple[int, Any]:
        whole = self.prefix + path
        headers = self.signer.headers(method, whole, time.time_ns() // 1_000_000)
        payload = None
        if body is not None:
            payload = json.dumps(body)
            headers["Content-Type"] = "application/json"
        self.connection.request(method, whole + query, payload, headers)
        reply = self.connection.getresponse()
        raw = reply.read()
        return reply.status, json.loads(raw) if raw else None

    def place(self, ticker: str, side: str, count: str, price: str, **more: Any) -> tuple[int, Any]:
        order = {
            "ticker": ticker,
            "side": side,
            "count": count,
            "price": price,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        }
        return self.request("POST", "/portfolio/events/orders", order | more)

    def all(self, path: str, key: str, query: str = "limit=1000") -> list[Any]:
        """Return every item of a list, page by page."""
        found: list[Any] = []
        cursor = ""
        while True:
            status, page = self.request("GET", path, query=f"?{query}&cursor={cursor}")
            assert status == 200, page
            found += page[key]
            cursor = page.get("cursor") or ""
            if not cursor:
                return found

    def close(self) -> None:
        self.connection.close()
