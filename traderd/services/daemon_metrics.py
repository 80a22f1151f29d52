"""The metrics of everything but market data: state, services, inboxes, journal, orders, money.

Owns: the two tables; the one of trading is left out when trading is off.
Must not: have a label whose values come from outside without a bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from traderd.core.lag_window import percentile
from traderd.core.orders import ORDERS_KEPT_MAX
from traderd.model.events import Author, FeedName
from traderd.model.orders import OrderStatus
from traderd.model.states import State
from traderd.model.units import NS_PER_MS
from traderd.runtime.inbox import HANDLER_TIMES_KEPT, InboxStatistics
from traderd.services.condition_documents import health_word
from traderd.services.metric_table import (
    QUANTILES,
    Kind,
    Metric,
    Reading,
    Samples,
    dollars,
    seconds,
    since,
)

COUNTER: Final = Kind.COUNTER
GAUGE: Final = Kind.GAUGE
MS_PER_S: Final = 1_000
RUNNING: Final = "running"
HEALTH_WORDS: Final = ("healthy", "degraded", "unhealthy")
LOOP_QUANTILES: Final = {**QUANTILES, "1": 100}
"""With the worst one, which is what held everybody up."""


def _halts(reading: Reading) -> Samples:
    found = Counter(halt.author for halt in reading.view.conditions.halts.values())
    return {(author.value,): found[author] for author in Author}


def _services_up(reading: Reading) -> Samples:
    services = reading.view.services
    return {(name,): services[name].status == RUNNING for name in sorted(services)}


def _restarts(reading: Reading) -> Samples:
    restarts = reading.view.restarts
    return {(name,): restarts.get(name, 0) for name in sorted(reading.view.services)}


def _loop_lag(reading: Reading) -> Samples:
    lags = reading.meter.loop_lags
    return {(label,): seconds(percentile(lags, p)) for label, p in LOOP_QUANTILES.items()}


def _each_inbox(read: Callable[[InboxStatistics], int]) -> Callable[[Reading], Samples]:
    return lambda reading: {(name,): read(one) for name, one in sorted(reading.inboxes.items())}


def _handlers(reading: Reading) -> Samples:
    found: dict[tuple[str, ...], float] = {}
    for name, one in sorted(reading.inboxes.items()):
        found[name, "0.5"] = one.handler_p50_ms / MS_PER_S
        found[name, "0.99"] = one.handler_p99_ms / MS_PER_S
    return found


def _commit(reading: Reading) -> float | None:
    last = reading.journal.last_commit_ms
    return None if last is None else last / MS_PER_S


def _orders(reading: Reading) -> Samples:
    view = reading.view
    kept = view.recent_orders(ORDERS_KEPT_MAX + len(view.live_orders()))
    found = Counter(order.status for order in kept)
    return {(status.value,): found[status] for status in OrderStatus}


DAEMON_METRICS: Final = (
    Metric(
        name="traderd_build_info",
        kind=GAUGE,
        meaning="Always 1; the labels tell what runs.",
        labels=("version", "environment"),
        read=lambda r: {(r.version, r.environment): 1},
    ),
    Metric(
        name="traderd_state",
        kind=GAUGE,
        meaning="1 for the state that the daemon is in, 0 for every other.",
        labels=("state",),
        read=lambda r: {(state.value,): state is r.view.state for state in State},
    ),
    Metric(
        name="traderd_health",
        kind=GAUGE,
        meaning="1 for healthy, degraded or unhealthy, whichever it is, 0 for the others.",
        labels=("health",),
        read=lambda r: {(word,): word == health_word(r.view) for word in HEALTH_WORDS},
    ),
    Metric(
        name="traderd_degraded_parts",
        kind=GAUGE,
        meaning="Parts that are not well and that trading does not depend on.",
        read=lambda r: len(r.view.conditions.degraded),
    ),
    Metric(
        name="traderd_service_up",
        kind=GAUGE,
        meaning="1 while the service runs.",
        labels=("service",),
        read=_services_up,
    ),
    Metric(
        name="traderd_service_restarts_total",
        kind=COUNTER,
        meaning="Restarts after a crash.",
        labels=("service",),
        read=_restarts,
    ),
    Metric(
        name="traderd_inbox_depth_events",
        kind=GAUGE,
        meaning="Events that wait now.",
        labels=("inbox",),
        read=_each_inbox(lambda one: one.depth),
    ),
    Metric(
        name="traderd_inbox_peak_events",
        kind=GAUGE,
        meaning="The most that ever waited.",
        labels=("inbox",),
        read=_each_inbox(lambda one: one.peak),
    ),
    Metric(
        name="traderd_inbox_received_events_total",
        kind=COUNTER,
        meaning="Events that came.",
        labels=("inbox",),
        read=_each_inbox(lambda one: one.received),
    ),
    Metric(
        name="traderd_inbox_dropped_events_total",
        kind=COUNTER,
        meaning="Events that the reader will never see.",
        labels=("inbox",),
        read=_each_inbox(lambda one: one.dropped),
    ),
    Metric(
        name="traderd_inbox_conflated_events_total",
        kind=COUNTER,
        meaning="Events that a newer one of the same key replaced before they were read: nothing is missing.",
        labels=("inbox",),
        read=_each_inbox(lambda one: one.conflated),
    ),
    Metric(
        name="traderd_inbox_handler_seconds",
        kind=Kind.SUMMARY,
        meaning=f"How long the reader was busy with one batch, over its last {HANDLER_TIMES_KEPT}.",
        labels=("inbox", "quantile"),
        read=_handlers,
    ),
    Metric(
        name="traderd_loop_lag_seconds",
        kind=Kind.SUMMARY,
        meaning="How late a task ran that was due, over one look a second of the last minute.",
        labels=("quantile",),
        read=_loop_lag,
    ),
    Metric(
        name="traderd_clock_offset_seconds",
        kind=GAUGE,
        meaning="The exchange's clock minus ours, from its Date headers.",
        read=lambda r: seconds(r.clock_offset_ms * NS_PER_MS),
    ),
    Metric(
        name="traderd_journal_commit_seconds",
        kind=GAUGE,
        meaning="How long the last group commit took, the disk's confirmation included.",
        read=_commit,
    ),
    Metric(
        name="traderd_journal_commits_total",
        kind=COUNTER,
        meaning="Group commits.",
        read=lambda r: r.journal.commits,
    ),
    Metric(
        name="traderd_journal_rows",
        kind=GAUGE,
        meaning="Rows on the disk, those of earlier runs included.",
        read=lambda r: r.journal.rows,
    ),
    Metric(
        name="traderd_journal_pending_rows",
        kind=GAUGE,
        meaning="Rows that wait for the disk.",
        read=lambda r: r.journal.pending,
    ),
    Metric(
        name="traderd_journal_failed",
        kind=GAUGE,
        meaning="1 when the journal has failed, so that no order is created any more.",
        read=lambda r: r.journal_failed,
    ),
)
TRADING_METRICS: Final = (
    Metric(
        name="traderd_private_connections",
        kind=GAUGE,
        meaning="WebSocket connections for our own orders and fills that stand.",
        read=lambda r: len(r.view.feed(FeedName.PRIVATE).standing),
    ),
    Metric(
        name="traderd_paused",
        kind=GAUGE,
        meaning="1 while a person has paused new risk.",
        read=lambda r: r.view.conditions.paused is not None,
    ),
    Metric(
        name="traderd_venue_paused",
        kind=GAUGE,
        meaning="1 while the exchange has paused trading.",
        read=lambda r: r.view.conditions.venue_paused is not None,
    ),
    Metric(
        name="traderd_halts",
        kind=GAUGE,
        meaning="Halts that stand, by who raised them.",
        labels=("author",),
        read=_halts,
    ),
    Metric(
        name="traderd_open_orders",
        kind=GAUGE,
        meaning="Orders that can still fill, unknown ones included.",
        read=lambda r: len(r.view.live_orders()),
    ),
    Metric(
        name="traderd_orders",
        kind=GAUGE,
        meaning="Orders in memory by status: all that can still fill, and the newest that are over, "
        f"{ORDERS_KEPT_MAX} together.",
        labels=("status",),
        read=_orders,
    ),
    Metric(
        name="traderd_fills_total",
        kind=COUNTER,
        meaning="Our fills, those of earlier runs in the journal included.",
        read=lambda r: r.view.ledger.fill_count,
    ),
    Metric(
        name="traderd_order_denials_total",
        kind=COUNTER,
        meaning="Orders that the risk gate refused, by rule.",
        labels=("rule",),
        read=lambda r: {(rule,): count for rule, count in r.view.denials.items()},
    ),
    Metric(
        name="traderd_positions",
        kind=GAUGE,
        meaning="Markets with an open position.",
        read=lambda r: len(r.view.ledger.open_positions()),
    ),
    Metric(
        name="traderd_balance_dollars",
        kind=GAUGE,
        meaning="The exchange's word for our cash, from the last reading.",
        read=lambda r: dollars(r.view.account.balance),
    ),
    Metric(
        name="traderd_portfolio_value_dollars",
        kind=GAUGE,
        meaning="The exchange's word for the value of our positions, from the last reading.",
        read=lambda r: dollars(r.view.account.portfolio_value),
    ),
    Metric(
        name="traderd_realized_pnl_dollars",
        kind=GAUGE,
        meaning="Profit of closed contracts by our ledger, before fees.",
        read=lambda r: dollars(r.view.ledger.realized_pnl),
    ),
    Metric(
        name="traderd_unrealized_pnl_dollars",
        kind=GAUGE,
        meaning="Profit of open contracts if they were closed at the other side's best price.",
        read=lambda r: dollars(r.view.unrealized_pnl()),
    ),
    Metric(
        name="traderd_fees_dollars",
        kind=GAUGE,
        meaning="Fees paid by our ledger.",
        read=lambda r: dollars(r.view.ledger.fees_paid),
    ),
    Metric(
        name="traderd_exposure_dollars",
        kind=GAUGE,
        meaning="Worst-case loss over all markets, as if all that may still fill had filled.",
        read=lambda r: dollars(r.view.exposure()),
    ),
    Metric(
        name="traderd_account_age_seconds",
        kind=GAUGE,
        meaning="Since the account was last read from the exchange.",
        read=lambda r: since(r.view.account.read_at, r.now),
    ),
    Metric(
        name="traderd_reconciliation_differences_total",
        kind=COUNTER,
        meaning="What readings of the account found to differ from what we knew, by kind.",
        labels=("kind",),
        read=lambda r: {(kind,): n for kind, n in sorted(r.view.account.differences.items())},
    ),
)
