"""`GET /metrics`: every table of metrics in Prometheus' text format, computed when somebody asks.

Owns: the registry, which is ours alone: nothing is counted here, and what other libraries register stays theirs.
Must not: be imported before the console is wanted, or read anything but the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from traderd import __version__
from traderd.services.context import Context
from traderd.services.daemon_metrics import DAEMON_METRICS, TRADING_METRICS
from traderd.services.feed_metrics import FEED_METRICS
from traderd.services.metric_table import Kind, Metric, Reading, read_daemon
from traderd.services.plugin_metrics import plugin_families
from traderd.web.api import ReadRoute

PATH: Final = "/metrics"
COUNTER_SUFFIX: Final = "_total"


def metrics_route(context: Context) -> ReadRoute:
    """Return the read that the console serves beside its own."""
    registry = CollectorRegistry()
    registry.register(_Tables(context))
    # Memory, processor time, file descriptors, and collections of garbage: the library's own names.
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return ReadRoute(
        path=PATH,
        content_type=CONTENT_TYPE_PLAIN_0_0_4,
        body=lambda: generate_latest(registry),
        summary="The metrics of docs/metrics.md in the text format of Prometheus.",
    )


def tables(*, trading: bool) -> tuple[Metric, ...]:
    """Return the metrics that are served; with trading off none has a word of it."""
    return (*FEED_METRICS, *DAEMON_METRICS, *(TRADING_METRICS if trading else ()))


class _Tables(Collector):
    """The tables as the library wants them; it calls `collect` once a scrape."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Family]:
        """Read everything from one look, so that the numbers of one scrape belong together."""
        reading = read_daemon(self._context, version=__version__)
        for metric in tables(trading=self._context.config.trading_enabled):
            yield _family(metric, reading)
        yield from plugin_families(self._context)


def _family(metric: Metric, reading: Reading) -> Family:
    # The library puts the suffix of counters on by itself.
    is_counter = metric.kind is Kind.COUNTER
    name = metric.name.removesuffix(COUNTER_SUFFIX) if is_counter else metric.name
    family = Family(name, metric.meaning, metric.kind.value)
    for values, number in metric.samples(reading).items():
        labels = dict(zip(metric.labels, values, strict=True))
        family.add_sample(metric.name, labels, number)
    return family
