"""A venue with WebSocket clients, without any socket: commands in, frames out, all as JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.paper.venues import NOW, TICKER, market, venue
from traderd.kalshi.wire.commands import ERROR_TEXT
from traderd.model.orders import Side
from traderd.model.units import NS_PER_MS, parse_count, parse_price
from traderd.paper.feed.audience import Audience
from traderd.paper.feed.publisher import Publisher
from traderd.paper.feed.session import FeedSession
from traderd.paper.venue.venue import Venue

OTHER = "KXDEMO-26DEC31-B"
SENT_MS = NOW // NS_PER_MS + 5
"""When every frame here is sent."""


class Hall:
    """A venue and everybody who listens to it."""

    def __init__(self, built: Venue) -> None:
        self.venue = built
        self.audience = Audience()
        self.publisher = Publisher(built, self.audience)

    def client(self, account: str = "ann") -> Client:
        return Client(self, account)

    def publish(self) -> None:
        for news in self.venue.take_outbox():
            self.publisher.publish(news, SENT_MS)


class Client:
    """One session, its frames read as JSON."""

    def __init__(self, hall: Hall, account: str) -> None:
        self.hall = hall
        self.raw: list[bytes] = []
        self.session = FeedSession(
            account_id=account,
            venue=hall.venue,
            audience=hall.audience,
            send=self.raw.append,
            now_ms=lambda: SENT_MS,
        )
        self._ids = 0

    def say(self, cmd: str, **params: Any) -> list[dict[str, Any]]:
        """Send a command and return what came."""
        self._ids += 1
        message = {"id": self._ids, "cmd": cmd} | ({"params": params} if params else {})
        self.session.command(json.dumps(message))
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        assert all(frame.endswith(b"}\n") for frame in self.raw)
        got = [json.loads(frame) for frame in self.raw]
        self.raw.clear()
        return got

    def heard(self) -> list[dict[str, Any]]:
        """Publish what happened and return what came of it."""
        self.hall.publish()
        return self.take()


def hall_of_two() -> Hall:
    """Return two markets, the first with a bid at 0.45 and an ask at 0.52."""
    built = venue(market(), market(OTHER))
    built.street.add(TICKER, Side.BID, parse_price("0.45"), parse_count("10"), NOW)
    built.street.add(TICKER, Side.ASK, parse_price("0.52"), parse_count("3"), NOW)
    built.take_outbox()
    return Hall(built)


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in frames]


def error(code: int, command_id: int = 1):
    return [{"type": "error", "id": command_id, "msg": {"code": code, "msg": ERROR_TEXT[code]}}]


def take(hall, count: str = "1") -> None:
    hall.venue.street.take(TICKER, Side.BID, parse_price("0.52"), parse_count(count), NOW)
