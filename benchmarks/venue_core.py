"""The paper exchange's core: mixed order operations, beside a bare matching engine and beside its goal.

Owns: one fixed mix of creates, cancels, decreases and amends over twenty markets and ten accounts.
Must not: measure the making of its own inputs.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.compare import Peer, Row, rate_row, report, side_by_side
from tests.paper.venues import NOW, STANDARD, list_market, market
from traderd.model.orders import OrderTerms, Side
from traderd.model.units import Count, Money, Price, Timestamp
from traderd.paper.ids import SeededIds
from traderd.paper.venue.messages import AmendTerms, VenueRefusal
from traderd.paper.venue.venue import Venue

OPERATIONS: Final = 20_000
MARKETS: Final = 20
ACCOUNTS: Final = 10
CASH: Final = Money(10**14)
GOAL_PER_S: Final = 50_000
SHARES: Final = {"create": 0.60, "cancel": 0.30, "decrease": 0.05, "amend": 0.05}
"""A quarter of the creates trades, as the prices below overlap by a few cents."""


@attrs.frozen
class Operation:
    """One step; `target` is the number of the create whose order it changes."""

    kind: str
    account: str
    terms: OrderTerms
    target: int


def operations(seed: int) -> list[Operation]:
    """Return the same mix for the same seed."""
    rng = random.Random(seed)
    made: list[Operation] = []
    creates: list[int] = []
    for number in range(OPERATIONS):
        kind = rng.choices(list(SHARES), list(SHARES.values()))[0] if creates else "create"
        if kind == "create":
            side = rng.choice((Side.BID, Side.ASK))
            cents = 50 + rng.randint(-8, 8) - 3 * side.sign
            terms = OrderTerms(
                ticker=f"KXDEMO-26DEC31-{rng.randrange(MARKETS)}",
                side=side,
                price=Price(cents * 100),
                count=Count(rng.randrange(100, 1_000)),
            )
            creates.append(number)
            made.append(Operation(kind, f"a{rng.randrange(ACCOUNTS)}", terms, number))
        else:
            target = creates.pop(rng.randrange(max(0, len(creates) - 2_000), len(creates)))
            if kind != "cancel":
                creates.append(target)
            made.append(Operation(kind, made[target].account, made[target].terms, target))
    return made


def ours(workload: list[Operation]) -> float:
    """Run them through the venue with accounts, collateral, fees and broadcasts; microseconds each."""
    markets = [market(f"KXDEMO-26DEC31-{n}", fees=STANDARD) for n in range(MARKETS)]
    built = Venue(ids=SeededIds(1))
    for each in markets:
        list_market(built, each)
    for account in range(ACCOUNTS):
        built.open_account(f"a{account}", CASH, NOW)
    ids: dict[int, str] = {}
    refused = 0
    gc.collect()
    started = time.process_time()
    for number, step in enumerate(workload):
        now = Timestamp(NOW + number * 1_000_000)
        try:
            if step.kind == "create":
                order = built.create_order(step.account, step.terms, f"c{number}", now)
                ids[number] = order.order_id
            elif step.kind == "cancel":
                built.cancel_order(step.account, ids[step.target], now)
            elif step.kind == "decrease":
                built.decrease_order(step.account, ids[step.target], now, reduce_by=Count(50))
            else:
                wanted = AmendTerms(
                    ticker=step.terms.ticker,
                    side=step.terms.side,
                    price=step.terms.price,
                    count=Count(step.terms.count + 100),
                )
                built.amend_order(step.account, ids[step.target], wanted, now)
        except VenueRefusal:
            refused += 1  # the order has traded meanwhile
        built.take_outbox()
    spent = time.process_time() - started
    built.check_money()
    if refused > OPERATIONS // 4 or len(built.trades()) < OPERATIONS // 10:
        raise RuntimeError("this is not the mix that it says it is")
    return spent / len(workload) * 1e6


def bare(workload: list[Operation]) -> float:
    """Run them through an engine that only matches; a change is a cancel and a new order there."""
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine

    engine = LightMatchingEngine()
    orders: dict[int, Any] = {}
    gc.collect()
    started = time.process_time()
    for number, step in enumerate(workload):
        terms = step.terms
        side = 1 if terms.side is Side.BID else 2
        if step.kind != "create":
            known = orders.pop(step.target)
            if known.leaves_qty > 0:
                engine.cancel_order(known.order_id, terms.ticker)
        if step.kind != "cancel":
            place = number if step.kind == "create" else step.target
            orders[place], _ = engine.add_order(terms.ticker, terms.price, terms.count, side)
    return (time.process_time() - started) / len(workload) * 1e6


def rows() -> list[Row]:
    """Return the core's cost beside the bare engine's, and its rate beside the goal."""
    workload = operations(1)
    peer = Peer(
        name="an engine that only matches (no accounts, fees, news), lightmatchingengine",
        distribution="lightmatchingengine",
        goal=0.1,
        run=partial(bare, workload),
    )
    compared = side_by_side(
        "venue core: one mixed order operation", partial(ours, workload), [peer]
    )
    mine_us = compared[0].ours
    return [*compared, rate_row("venue core: mixed order operations", 1e6 / mine_us, GOAL_PER_S)]


if __name__ == "__main__":
    sys.exit(report(rows(), "venue_core.json"))
