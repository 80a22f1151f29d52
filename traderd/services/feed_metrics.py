"""The metrics of market data: what came, how late, how good, and what was lost on the way.

Owns: the table, and the `market_data` document of `/v3/status`, which is the same table as JSON.
Must not: have a label whose values are markets: their number has no bound.
"""

from __future__ import annotations

from typing import Any, Final

from traderd.core.book_totals import AUDIT_RESULTS
from traderd.core.drift import KINDS_MAX
from traderd.core.lag_window import percentile
from traderd.core.quality_records import LINE_LAGS
from traderd.model.events import BookFault, FeedName
from traderd.model.units import NS_PER_MS
from traderd.services.metric_table import (
    QUANTILES,
    Kind,
    Metric,
    Number,
    Reading,
    Samples,
    seconds,
    since,
)

COUNTER: Final = Kind.COUNTER
GAUGE: Final = Kind.GAUGE
UNFOLLOWED: Final = BookFault.NOT_FOLLOWED
"""Why a forgotten book gives no prices: an ordinary change of the universe and no fault."""


def _lag(reading: Reading) -> Samples:
    qualities = reading.view.market_data.qualities
    return {(label,): seconds(qualities.lag_percentile(p)) for label, p in QUANTILES.items()}


def _line_silence(reading: Reading) -> Number | None:
    return max((each.silent_s for each in reading.meter.connections()), default=None)


def _backlog(reading: Reading) -> Number:
    return sum(each.backlog_bytes for each in reading.meter.connections())


def _own_lag(reading: Reading) -> Number | None:
    lag_ns = reading.meter.own_lag_ns
    return None if lag_ns is None else seconds(lag_ns)


def _grades(reading: Reading) -> Samples:
    return {(grade.value,): count for grade, count in reading.view.grades().items()}


def _faults(reading: Reading) -> Samples:
    faults = reading.view.market_data.qualities.totals.faults
    return {(fault.value,): faults[fault] for fault in BookFault if fault is not UNFOLLOWED}


def _audits(reading: Reading) -> Samples:
    audits = reading.view.market_data.qualities.totals.audits
    return {(result,): audits[result] for result in AUDIT_RESULTS}


def _drift(reading: Reading) -> Samples:
    return {(kind,): count for kind, count in reading.view.market_data.drift.counts.items()}


CONNECTIONS: Final = (
    Metric(
        name="traderd_market_data_markets_connected",
        kind=GAUGE,
        meaning="Markets whose book can be trusted now.",
        read=lambda r: r.view.market_data.usable_books(),
    ),
    Metric(
        name="traderd_market_data_markets_below_grade",
        kind=GAUGE,
        meaning="Of these, markets whose book is graded below risk.min_book_grade: strategies take no new risk there.",
        read=lambda r: r.view.books_below_grade(),
    ),
    Metric(
        name="traderd_market_data_markets_wanted",
        kind=GAUGE,
        meaning="Markets that are followed.",
        read=lambda r: len(r.view.followed),
    ),
    Metric(
        name="traderd_market_data_markets_shed",
        kind=GAUGE,
        meaning="Followed markets whose books are given up under load for a while.",
        read=lambda r: len(r.view.universe.shed),
    ),
    Metric(
        name="traderd_market_data_connections",
        kind=GAUGE,
        meaning="WebSocket connections that stand.",
        read=lambda r: len(r.view.feed(FeedName.MARKET_DATA).standing),
    ),
    Metric(
        name="traderd_market_data_connections_wanted",
        kind=GAUGE,
        meaning="WebSocket connections that the markets are spread over.",
        read=lambda r: r.view.feed(FeedName.MARKET_DATA).wanted,
    ),
    Metric(
        name="traderd_market_data_connection_losses_total",
        kind=COUNTER,
        meaning="Connections that were lost; those that were closed because nobody needed them are not counted.",
        read=lambda r: r.view.feed(FeedName.MARKET_DATA).losses,
    ),
    Metric(
        name="traderd_market_data_line_silence_seconds",
        kind=GAUGE,
        meaning="Since the last byte of the quietest connection, pings included: above 20 the line is dead.",
        read=_line_silence,
    ),
    Metric(
        name="traderd_market_data_message_age_seconds",
        kind=GAUGE,
        meaning="Since the last delta, snapshot or trade of any market: quiet markets are no fault.",
        read=lambda r: since(r.view.market_data.last_message_at, r.now),
    ),
)
VOLUME: Final = (
    Metric(
        name="traderd_market_data_bytes_total",
        kind=COUNTER,
        meaning="Bytes read from all connections, frames of every kind included.",
        read=lambda r: r.meter.counts(r.view.market_data).bytes,
    ),
    Metric(
        name="traderd_market_data_frames_total",
        kind=COUNTER,
        meaning="Messages read from all connections.",
        read=lambda r: r.meter.counts(r.view.market_data).frames,
    ),
    Metric(
        name="traderd_market_data_backlog_bytes",
        kind=GAUGE,
        meaning="Bytes read without a connection running dry in between: above 0 the daemon is behind.",
        read=_backlog,
    ),
    Metric(
        name="traderd_market_data_own_lag_seconds",
        kind=GAUGE,
        meaning="How long news waits for the daemon before it is folded; from 1 on, books nobody has an interest in are given up.",
        read=_own_lag,
    ),
    Metric(
        name="traderd_market_data_deltas_total",
        kind=COUNTER,
        meaning="Changes of one book level.",
        read=lambda r: r.view.market_data.deltas_received,
    ),
    Metric(
        name="traderd_market_data_snapshots_total",
        kind=COUNTER,
        meaning="Whole books.",
        read=lambda r: r.view.market_data.snapshots_received,
    ),
    Metric(
        name="traderd_market_data_trades_total",
        kind=COUNTER,
        meaning="Public trades, each once, those read later included.",
        read=lambda r: r.view.market_data.trades_seen,
    ),
    Metric(
        name="traderd_market_data_trades_backfilled_total",
        kind=COUNTER,
        meaning="Public trades that the feed had missed and that were read later.",
        read=lambda r: r.view.market_data.tape.backfilled,
    ),
    Metric(
        name="traderd_market_data_trade_gaps_left_total",
        kind=COUNTER,
        meaning="Readings of missed trades that could not bring all of them.",
        read=lambda r: r.view.market_data.tape.gaps_left,
    ),
    Metric(
        name="traderd_market_data_lag_seconds",
        kind=Kind.SUMMARY,
        meaning="From the exchange's stamp to our reading, with the measured offset of the clocks, over the last "
        f"{LINE_LAGS} samples of each connection.",
        labels=("quantile",),
        read=_lag,
    ),
)
FAULTS: Final = (
    Metric(
        name="traderd_market_data_gaps_total",
        kind=COUNTER,
        meaning="Holes in the sequence numbers; each puts the books of one subscription in doubt.",
        read=lambda r: r.view.market_data.gaps,
    ),
    Metric(
        name="traderd_market_data_resyncs_total",
        kind=COUNTER,
        meaning="Books made good again by a snapshot after a fault.",
        read=lambda r: r.view.market_data.resyncs,
    ),
    Metric(
        name="traderd_market_data_dropped_deltas_total",
        kind=COUNTER,
        meaning="Deltas left out because their book was in doubt; the snapshot has them.",
        read=lambda r: r.view.market_data.dropped_deltas(),
    ),
    Metric(
        name="traderd_market_data_snapshots_requested_total",
        kind=COUNTER,
        meaning="Snapshots asked for to repair a book.",
        read=lambda r: r.view.market_data.snapshots_requested,
    ),
    Metric(
        name="traderd_market_data_snapshots_delayed_total",
        kind=COUNTER,
        meaning="Snapshots that had to wait because the budget for them was spent.",
        read=lambda r: r.view.market_data.snapshots_delayed,
    ),
    Metric(
        name="traderd_market_data_stale_frames_total",
        kind=COUNTER,
        meaning="Frames with an old sequence number: copies and late ones.",
        read=lambda r: r.view.market_data.stale_frames,
    ),
    Metric(
        name="traderd_market_data_unexpected_frames_total",
        kind=COUNTER,
        meaning="Frames of books that nobody follows, or of a subscription that has ended.",
        read=lambda r: r.view.market_data.unexpected_frames,
    ),
    Metric(
        name="traderd_market_data_subscriptions_ended_total",
        kind=COUNTER,
        meaning="Subscriptions that the exchange ended, or whose numbers began anew.",
        read=lambda r: r.view.market_data.subscriptions_ended,
    ),
    Metric(
        name="traderd_market_data_overflows_total",
        kind=COUNTER,
        meaning="Subscriptions that the exchange ended because the daemon read too slowly.",
        read=lambda r: r.meter.counts(r.view.market_data).overflows,
    ),
    Metric(
        name="traderd_frames_refused_total",
        kind=COUNTER,
        meaning="Frames of either feed that were left out: not understood, or the exchange's no to a command.",
        read=lambda r: r.view.market_data.drift.refused,
    ),
    Metric(
        name="traderd_frame_drift_total",
        kind=COUNTER,
        meaning="Frames of either feed that depart from what this version knows, by kind of departure (at most "
        f"{KINDS_MAX} and others).",
        labels=("kind",),
        read=_drift,
    ),
)
BOOKS: Final = (
    Metric(
        name="traderd_book_grade_markets",
        kind=GAUGE,
        meaning="Books of each grade, A the best, as of the last look at each.",
        labels=("grade",),
        read=_grades,
    ),
    Metric(
        name="traderd_book_faults_total",
        kind=COUNTER,
        meaning="Times that the book of a followed market came in doubt, by reason.",
        labels=("fault",),
        read=_faults,
    ),
    Metric(
        name="traderd_book_audits_total",
        kind=COUNTER,
        meaning="Comparisons with the exchange's REST books: agreed, differed (to be looked at again), wrong "
        "(differed twice in the same way), or inconclusive (too much moved to say).",
        labels=("result",),
        read=_audits,
    ),
)
FEED_METRICS: Final = (*CONNECTIONS, *VOLUME, *FAULTS, *BOOKS)


def market_data_document(reading: Reading, at_s: float) -> dict[str, Any]:
    """Return every metric of the feed under its word, and besides what Prometheus computes by itself or has no label for.

    Args:
        reading: the look at the daemon.
        at_s: the clock of the meter, for rates.
    """
    meter, data = reading.meter, reading.view.market_data
    return {
        **{metric.word: metric.document(reading) for metric in FEED_METRICS},
        "per_second": meter.rates(at_s, data),
        "deltas_per_second": meter.delta_rates(),
        "lines": [
            {
                "connection": each.connection,
                "frames": each.frames,
                "bytes": each.bytes,
                "silent_s": round(each.silent_s, 1),
                "backlog_bytes": each.backlog_bytes,
                "behind_s": round(each.behind_s, 1),
                "lag_p50_ms": _line_lag_ms(reading, each.connection, 50),
                "lag_p99_ms": _line_lag_ms(reading, each.connection, 99),
            }
            for each in meter.connections()
        ],
    }


def _line_lag_ms(reading: Reading, connection: int, percent: int) -> float | None:
    line = reading.view.market_data.qualities.line(connection)
    lag_ns = None if line is None else percentile(line.lags, percent)
    return None if lag_ns is None else round(lag_ns / NS_PER_MS, 1)
