"""Order-book frames as Kalshi sends them, made before anything is measured: the same for the same numbers.

Owns: a random but lawful feed (no level below zero, no crossed book) of many markets on one subscription.
Must not: measure.
"""

from __future__ import annotations

import random
import struct
from typing import Final

MARKETS: Final = 200
LEVELS: Final = 20
SID: Final = 1
MARKET_ID: Final = "957ed958-9b9b-4a98-b024-16a394cd214c"
SUBSCRIBED: Final = (
    b'{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":%d}}' % SID
)
TS_MS: Final = 1_786_085_188_978
FRAMES_PER_MS: Final = 20
"""How many frames have the same time: what 20,000 a second give."""


def ticker(number: int) -> str:
    """Return the name of a market, as long as Kalshi's are."""
    return f"KXMLBGAME-26AUG071840NYM{number:04d}-NYM"


class Market:
    """The true levels of one market, in cents: YES bids below 50, NO bids below 50."""

    def __init__(self, number: int, rng: random.Random, *, in_yes_prices: bool) -> None:
        self.ticker, self.rng = ticker(number), rng
        self.in_yes_prices = in_yes_prices
        self.sides = {
            side: {price: rng.randrange(1, 500) * 100 for price in range(49 - LEVELS, 49)}
            for side in ("yes", "no")
        }

    def snapshot(self, seq: int) -> bytes:
        """Return the whole book."""
        body = ",".join(
            f'"{side}_dollars_fp":['
            + ",".join(f'["{self.price(side, p)}","{_count(c)}"]' for p, c in levels.items())
            + "]"
            for side, levels in self.sides.items()
        )
        return (
            f'{{"type":"orderbook_snapshot","sid":{SID},"seq":{seq},"msg":{{"market_ticker":"{self.ticker}",'
            f'"market_id":"{MARKET_ID}",{body}}}}}'
        ).encode()

    def price(self, side: str, cents: int) -> str:
        """Return a price as it is quoted: NO in NO prices, or in YES prices when the client asked for them."""
        return f"0.{100 - cents if side == 'no' and self.in_yes_prices else cents:02d}00"

    def delta(self, seq: int) -> bytes:
        """Change one level and return the frame that says so; one in eight takes a whole level away."""
        rng = self.rng
        side = "yes" if rng.random() < 0.5 else "no"
        levels = self.sides[side]
        price = rng.randrange(49 - LEVELS, 49)
        size = levels.get(price, 0)
        if size and rng.random() < 0.125:
            change = -size
        elif size > 10_000 and rng.random() < 0.5:
            change = -rng.randrange(1, 100) * 100
        else:
            change = rng.randrange(1, 100) * 100
        levels[price] = size + change
        if not levels[price]:
            del levels[price]
        return (
            f'{{"type":"orderbook_delta","sid":{SID},"seq":{seq},"msg":{{"market_ticker":"{self.ticker}",'
            f'"market_id":"{MARKET_ID}","price_dollars":"{self.price(side, price)}",'
            f'"delta_fp":"{_count(change)}","side":"{side}","ts":"2026-08-07T06:46:28.97871Z",'
            f'"ts_ms":{TS_MS + seq // FRAMES_PER_MS}}}}}'
        ).encode()


def feed(
    deltas: int, *, markets: int = MARKETS, in_yes_prices: bool = False, seed: int = 1
) -> tuple[list[bytes], list[bytes]]:
    """Return the snapshots of all markets and then deltas, numbered from 1 in one sequence."""
    rng = random.Random(seed)
    books = [Market(number, rng, in_yes_prices=in_yes_prices) for number in range(markets)]
    snapshots = [book.snapshot(seq) for seq, book in enumerate(books, 1)]
    changes = [rng.choice(books).delta(markets + number) for number in range(1, deltas + 1)]
    return snapshots, changes


def as_frame(payload: bytes) -> bytes:
    """Return an unmasked WebSocket text frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", 0x81, 126, size) + payload
    return struct.pack("!BBQ", 0x81, 127, size) + payload


def _count(hundredths: int) -> str:
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
