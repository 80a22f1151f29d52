"""What a metric is: a name with its unit, a meaning in words, and how it is read off the present state.

Owns: the two types by which the tables of metrics are written, and the names of their numbers in JSON.
Must not: keep a number; each is read anew from views and statistics whenever somebody asks.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

from traderd.core.view import StateView
from traderd.model.units import NS_PER_S, Money, Timestamp
from traderd.runtime.inbox import InboxStatistics
from traderd.services.context import Context
from traderd.services.feed_meter import FeedMeter
from traderd.store.journal import JournalStatistics

Number: TypeAlias = float
"""Prometheus knows no other; what is exact elsewhere becomes a float only here, where nobody computes with it."""
Samples: TypeAlias = Mapping[tuple[str, ...], Number | None]
"""Values by the values of the labels; None: not known, so there is no sample."""

FEED_PREFIX: Final = "traderd_market_data_"
PREFIX: Final = "traderd_"
MICRODOLLARS: Final = 1_000_000
QUANTILES: Final = {"0.5": 50, "0.99": 99}
"""The label `quantile` as Prometheus writes it, and the same in percent."""


class Kind(enum.Enum):
    """The types of Prometheus that are used."""

    COUNTER = "counter"
    """Only grows, except over a restart."""
    GAUGE = "gauge"
    SUMMARY = "summary"
    """Quantiles of the recent past; without the count and sum that a scraper cannot use over many daemons anyhow."""


@attrs.frozen(kw_only=True)
class Reading:
    """One look at the daemon, from which every metric of one scrape is read."""

    view: StateView
    now: Timestamp
    meter: FeedMeter
    inboxes: dict[str, InboxStatistics]
    journal: JournalStatistics
    journal_failed: bool
    clock_offset_ms: int
    environment: str
    version: str


@attrs.frozen(kw_only=True)
class Metric:
    """One row of a table of metrics."""

    name: str
    kind: Kind
    meaning: str
    """One sentence; the unit is the end of the name, a plain count where there is none."""
    labels: tuple[str, ...] = ()
    read: Callable[[Reading], Number | Samples | None]

    @property
    def word(self) -> str:
        """The name in `/v3/status`: without the prefix that all have."""
        return self.name.removeprefix(FEED_PREFIX).removeprefix(PREFIX)

    def samples(self, reading: Reading) -> dict[tuple[str, ...], Number]:
        """Return the values that are known, by the values of the labels."""
        value = self.read(reading)
        found = value if isinstance(value, Mapping) else {(): value}
        return {labels: number for labels, number in found.items() if number is not None}

    def document(self, reading: Reading) -> Number | dict[str, Number] | None:
        """Return the same for JSON: one number, or numbers by the value of the one label."""
        samples = self.samples(reading)
        if not self.labels:
            return samples.get(())
        return {labels[0]: number for labels, number in samples.items()}


def read_daemon(context: Context, *, version: str) -> Reading:
    """Look at the daemon now."""
    shared = context.shared
    return Reading(
        view=context.view,
        now=context.now(),
        meter=shared.feed_meter,
        inboxes=shared.bus.statistics_by_name(),
        journal=shared.journal.statistics(),
        journal_failed=shared.journal.failed is not None,
        clock_offset_ms=shared.venue.rest.clock_offset_ms,
        environment=context.config.environment,
        version=version,
    )


def dollars(money: Money | None) -> Number | None:
    """Return an amount in dollars."""
    return None if money is None else money / MICRODOLLARS


def seconds(duration_ns: int | None) -> Number | None:
    """Return a duration in seconds."""
    return None if duration_ns is None else duration_ns / NS_PER_S


def since(at: Timestamp | None, now: Timestamp) -> Number | None:
    """Return the seconds since a moment, None when it never came; a clock that stepped back gives 0."""
    return None if at is None else seconds(max(0, now - at))
