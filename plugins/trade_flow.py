"""An observation feature: who has pressed the market in the last minute.

`trade_flow_imbalance` is (bought - sold) / (bought + sold) of the public trades of the last 60 s, by the side that took, in
1/10 000: +10 000 when takers only bought YES, 0 when nobody traded. It is computed from the trades in the observation, which are
the newest 20 at most, so in a busy market it looks back less far. Copy this file to add a number of your own; it must be a pure
function of the observation, because recordings are replayed with it.
"""

from __future__ import annotations

from traderd.plugin_api import NS_PER_S, Observation, ObservationFeature, hookimpl

WINDOW_S = 60
WHOLE = 10_000


def trade_flow_imbalance(seen: Observation) -> int:
    """Return the imbalance in 1/10 000, rounded towards 0."""
    recent = [trade for trade in seen.trades if seen.at - trade.at <= WINDOW_S * NS_PER_S]
    total = sum(trade.count for trade in recent)
    net = sum(trade.taker_side.sign * trade.count for trade in recent)
    if total == 0:
        return 0
    size = abs(net) * WHOLE // total
    return size if net > 0 else -size


@hookimpl
def traderd_observations() -> list[ObservationFeature]:
    """Offer the one feature."""
    return [
        ObservationFeature(
            name="trade_flow_imbalance",
            unit="1/10 000",
            meaning="Bought less sold of all that traded in the last 60 s, by the taker's side.",
            read=trade_flow_imbalance,
        )
    ]
