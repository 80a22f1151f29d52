"""An exchange under test whose faults are a plan."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from tests.paper.served import open_bench
from traderd.paper.faults.plan import FaultKind, FaultRule


def rule(kind: str, **fields: Any) -> FaultRule:
    return FaultRule(kind=FaultKind(kind), **fields)


@asynccontextmanager
async def bench_with(*rules: dict[str, Any]):
    """Run a quiet exchange with these rules on; each is written as in a plan."""
    async with open_bench() as bench:
        bench.exchange.faults.set_plan([rule(**fields) for fields in rules])
        yield bench
