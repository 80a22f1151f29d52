"""Metrics: how much money is at stake in each series of markets, and what the day earned.

`traderd_plugin_gross_exposure_dollars{series="KXHIGHNY"}` is what positions cost plus what resting orders would, on whichever
side; it nets nothing, so it shows concentration that the exact worst loss of an event hides. Copy this file to serve a number
of your own.
"""

from __future__ import annotations

from typing import Any

from traderd.plugin_api import Look, PluginMetric, hookimpl

MICRODOLLARS = 1_000_000


def gross_exposure(look: Look) -> dict[tuple[str, ...], float]:
    """Return the dollars at stake by series."""
    found: dict[str, int] = {}
    for position in look.positions:
        found[position.series] = found.get(position.series, 0) + position.cost
    for order in look.orders:
        found[order.series] = found.get(order.series, 0) + order.cost
    return {(series,): money / MICRODOLLARS for series, money in sorted(found.items()) if money}


def day_profit(look: Look) -> float | None:
    """Return the profit of the trading day in dollars, None while it is not known."""
    return None if look.day_profit is None else look.day_profit / MICRODOLLARS


@hookimpl
def traderd_metrics(config: Any) -> list[PluginMetric]:
    """Offer both where orders can be sent."""
    if not config.trading_enabled:
        return []
    return [
        PluginMetric(
            name="gross_exposure_dollars",
            meaning="Cost of positions and of resting orders, by series of markets, nothing netted.",
            unit="dollars",
            labels=("series",),
            read=gross_exposure,
        ),
        PluginMetric(
            name="day_profit_dollars",
            meaning="Profit since the trading day began, as loss limits count it.",
            unit="dollars",
            read=day_profit,
        ),
    ]
