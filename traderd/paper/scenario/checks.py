"""What a scenario's tables must be to each other: known names, once each, and books that can be.

Owns: the checks of a whole scenario, each with a sentence that names the table and the cure.
Must not: know TOML.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from traderd.errors import BadInput
from traderd.model.units import format_price
from traderd.paper.scenario.file import (
    FeeChangeSpec,
    MarketSpec,
    Scenario,
    parse_levels,
    parse_strike,
)
from traderd.paper.scenario.generator import series_of_generated


def check_scenario(scenario: Scenario) -> None:
    """Raise BadInput for the first thing that cannot be."""
    if not scenario.markets and scenario.generated is None:
        raise BadInput("there is no market; add a [[markets]] table, or [generated]")
    _check_names(scenario)
    for series in scenario.series:
        with _at("series", series.ticker):
            _ = series.fees
    for event in scenario.events:
        with _at("events", event.ticker):
            _ = event.fee_override
    for number, change in enumerate(scenario.fee_changes, start=1):
        with _at("fee_changes", f"number {number}"):
            _check_fee_change(change, scenario)
    for market in scenario.markets:
        with _at("markets", market.ticker):
            _check_times(market)
            _check_book(market)
            parse_strike(market.floor_strike, "floor_strike")
            parse_strike(market.cap_strike, "cap_strike")
    for number, pause in enumerate(scenario.weekly_pauses, start=1):
        with _at("weekly_pauses", f"number {number}"):
            _ = pause.pause
    for account in scenario.accounts:
        with _at("accounts", account.name):
            if account.money < 0:
                raise BadInput("the cash is negative; give 0 or more")


@contextmanager
def _at(table: str, name: str) -> Iterator[None]:
    try:
        yield
    except BadInput as exc:
        raise BadInput(f"[[{table}]] {name}: {exc}") from exc


def _check_names(scenario: Scenario) -> None:
    series = [each.ticker for each in scenario.series]
    events = [each.ticker for each in scenario.events]
    made_up = series_of_generated() if scenario.generated is not None else ()
    groups = {
        "series": [*series, *(each.ticker for each in made_up)],
        "events": events,
        "markets": [each.ticker for each in scenario.markets],
        "accounts": [each.name for each in scenario.accounts],
    }
    for table, names in groups.items():
        for name, times in Counter(names).items():
            if times > 1:
                raise BadInput(f"[[{table}]] {name} appears twice; rename or remove one")
    known_series, known_events = frozenset(series), frozenset(events)
    for event in scenario.events:
        if event.series not in known_series:
            raise BadInput(
                f"[[events]] {event.ticker} names the unknown series {event.series}; add its [[series]] table"
            )
    for market in scenario.markets:
        if market.event not in known_events:
            raise BadInput(
                f"[[markets]] {market.ticker} names the unknown event {market.event}; add its [[events]] table"
            )


def _check_fee_change(change: FeeChangeSpec, scenario: Scenario) -> None:
    if bool(change.series) is bool(change.event):
        raise BadInput("give either series or event")
    if change.series:
        if all(each.ticker != change.series for each in scenario.series):
            raise BadInput(f"the series {change.series} is unknown; add its [[series]] table")
        if change.fee_type is None:
            raise BadInput("a series always has fees; give fee_type")
    elif all(each.ticker != change.event for each in scenario.events):
        raise BadInput(f"the event {change.event} is unknown; add its [[events]] table")
    _ = change.fees


def _check_times(market: MarketSpec) -> None:
    if market.opens_in_s >= market.closes_in_s:
        raise BadInput("it closes before it opens; raise closes_in_s or lower opens_in_s")
    latest = market.latest_expiration_in_s
    if latest is not None and latest < market.closes_in_s:
        raise BadInput("it expires before it closes; raise latest_expiration_in_s")


def _check_book(market: MarketSpec) -> None:
    grid = market.grid
    bids, asks = parse_levels(market.bids), parse_levels(market.asks)
    for side, levels in (("bids", bids), ("asks", asks)):
        prices = [price for price, _ in levels]
        if any(later <= earlier for earlier, later in pairwise(prices)):
            raise BadInput(f"{side} do not ascend; write them from the lowest price to the highest")
        for price, count in levels:
            if not grid.allows(price):
                raise BadInput(
                    f"{side} hold an impossible level at {format_price(price)}; the grid is {grid.describe()}"
                )
            if count <= 0:
                raise BadInput(
                    f"{side} hold an impossible level at {format_price(price)}; its count must be above 0"
                )
    if bids and asks and bids[-1][0] >= asks[0][0]:
        raise BadInput("the opening book is crossed; every bid must be below every ask")
