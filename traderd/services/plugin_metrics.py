"""The metrics of plugins, on `/metrics` beside ours.

Owns: their prefix, the check of what a plugin's function returned, and that one which fails is only missing.
Must not: let a failure of one metric touch the scrape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client.metrics_core import Metric as Family

from traderd.core.look import Look, take_look
from traderd.services.context import Context
from traderd.services.extensions import PluginMetric

PREFIX: Final = "traderd_plugin_"
SAMPLES_MAX: Final = 200
"""Bounds the samples of one metric: a label that grows with the markets would drown a server of metrics."""
TOTAL: Final = "_total"


def look_now(context: Context) -> Look:
    """Return the account as it is now."""
    return take_look(
        context.view,
        at=context.now(),
        environment=context.config.environment,
        trading=context.config.trading_enabled,
    )


def plugin_families(context: Context) -> Iterator[Family]:
    """Yield each metric of a plugin that could be read."""
    extensions = context.shared.extensions
    if not extensions.metrics:
        return
    look = look_now(context)
    for owned in extensions.metrics:
        if not owned.in_use():
            continue
        metric = owned.item
        try:
            samples = checked_samples(metric, metric.read(look))
        except Exception as exc:  # noqa: BLE001 - a foreign function may fail in any way; it is listed
            # Its guard has counted what it raised; what it returned is told here only.
            extensions.faults.note(owned.plugin, f"metric {metric.name}", exc, is_strike=False)
            continue
        yield _family(metric, samples)


def checked_samples(metric: PluginMetric, answer: Any) -> dict[tuple[str, ...], float]:
    """Return what a metric's function returned, by the values of its labels.

    Raises:
        ValueError: it is no number, or its labels do not fit.
    """
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        answer = {(): answer}
    if len(answer) > SAMPLES_MAX:
        raise ValueError(f"it returned {len(answer)} samples, at most {SAMPLES_MAX} are served")
    samples: dict[tuple[str, ...], float] = {}
    for labels, number in answer.items():
        if not isinstance(labels, tuple) or len(labels) != len(metric.labels):
            raise ValueError(f"it returned the labels {labels!r} for {metric.labels!r}")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"it returned {number!r}, which is no number")
        if not math.isnan(number):
            samples[tuple(str(label) for label in labels)] = float(number)
    return samples


def _family(metric: PluginMetric, samples: Mapping[tuple[str, ...], float]) -> Family:
    name = f"{PREFIX}{metric.name}"
    kind = "counter" if metric.is_counter else "gauge"
    # The library puts the suffix of counters on by itself.
    family = Family(name.removesuffix(TOTAL) if metric.is_counter else name, metric.meaning, kind)
    for values, number in samples.items():
        family.add_sample(name, dict(zip(metric.labels, values, strict=True)), number)
    return family
