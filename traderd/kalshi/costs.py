"""What a request costs, in tokens.

Owns: Kalshi's list of costs (`GET /account/endpoint_costs`) and what is assumed as long as it was not read.
Must not: count tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import attrs

COST_DEFAULT: Final = 10
"""Kalshi: of whatever is not listed."""
COST_MAX: Final = 1_000
"""Bounds a cost that is believed: a hundred times that of a request that is not listed."""
_ORDERS: Final = "/trade-api/v2/portfolio/events/orders"


class Cost(NamedTuple):
    """What one endpoint costs; for a batch, each of its items."""

    method: str
    path: str
    """From the root, parameters as `:name`."""
    tokens: int


DOCUMENTED: Final = (
    Cost("DELETE", f"{_ORDERS}/:order_id", 2),
    Cost("DELETE", f"{_ORDERS}/batched", 2),
    Cost("DELETE", _ORDERS, 2),
    Cost("GET", "/trade-api/v2/portfolio/orders/:order_id", 2),
)
"""Kalshi: rate limits page; what the daemon sends that is cheaper than the default."""


@attrs.frozen
class CostTable:
    """A list of costs, made for looking up."""

    default: int = COST_DEFAULT
    listed: tuple[Cost, ...] = DOCUMENTED
    _words: dict[tuple[str, str], int] = attrs.field(init=False, factory=dict)
    _patterns: dict[tuple[str, int], list[tuple[list[str], int]]] = attrs.field(
        init=False, factory=dict
    )

    def __attrs_post_init__(self) -> None:
        for cost in self.listed:
            segments = cost.path.split("/")
            if any(segment.startswith(":") for segment in segments):
                alike = self._patterns.setdefault((cost.method, len(segments)), [])
                alike.append((segments, max(0, cost.tokens)))
            else:
                self._words[cost.method, cost.path] = max(0, cost.tokens)

    def tokens(self, method: str, path: str) -> int:
        """Return what one request costs, or one item of a batch; `path` is from the root, without its query."""
        exact = self._words.get((method, path))
        if exact is not None:
            return exact
        segments = path.split("/")
        for pattern, tokens in self._patterns.get((method, len(segments)), ()):
            if all(map(_fits, pattern, segments)):
                return tokens
        return self.default


def cost_table(default: int, listed: Iterable[Cost]) -> CostTable:
    """Return the table that an exchange told; a default below 1, and what no bucket could pay for, is not believed."""
    likely = default if 0 < default <= COST_MAX else COST_DEFAULT
    return CostTable(likely, tuple(cost for cost in listed if cost.tokens <= COST_MAX))


def _fits(pattern: str, segment: str) -> bool:
    if not pattern.startswith(":"):
        return pattern == segment
    # An id has a digit. A word in its place (`queue_positions`) is an endpoint of its own, at the default cost.
    return any(map(str.isdigit, segment))
