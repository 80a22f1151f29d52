"""Metrics of plugins: beside ours, checked, and never able to spoil a scrape."""

import math

import pytest

from tests.services.still_daemon import still_daemon
from tests.services.test_metrics import PROMTOOL, families, promtool_on, scrape
from traderd.services.extensions import Owned, PluginMetric
from traderd.services.plugin_metrics import SAMPLES_MAX, checked_samples


def metric(read, name="a", **changes):
    return PluginMetric(**{"name": name, "meaning": "A.", "read": read} | changes)


def serve(daemon, *metrics, in_use=lambda: True):
    owned = [Owned("mine", one, in_use) for one in metrics]
    daemon.shared.extensions.replace(notifiers=(), routes=(), metrics=owned, features=())


def fail(look):
    raise ZeroDivisionError("division by zero")


async def test_a_metric_is_served_with_its_prefix_type_and_labels(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        serve(
            daemon,
            metric(lambda look: len(look.orders), "orders"),
            metric(
                lambda _: {("x",): 1.5, ('y"\n',): 2},
                "worth_dollars",
                unit="dollars",
                labels=("kind",),
            ),
            metric(lambda _: 3, "seen_total", is_counter=True),
        )
        text = scrape(daemon)
        assert families(text)["traderd_plugin_orders"] == "gauge"
        assert b"traderd_plugin_orders 0.0\n" in text
        assert b'traderd_plugin_worth_dollars{kind="x"} 1.5\n' in text
        assert families(text)["traderd_plugin_seen_total"] == "counter"
        if PROMTOOL is not None:
            assert promtool_on(text) == (0, b"")


async def test_one_that_fails_is_missing_and_listed_and_the_others_are_there(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        serve(
            daemon, metric(fail, "bad"), metric(lambda _: "7", "worse"), metric(lambda _: 7, "good")
        )
        for _ in range(2):
            text = scrape(daemon)
        assert b"traderd_plugin_good 7.0" in text
        assert b"traderd_plugin_bad" not in text
        assert b"traderd_state" in text
        bad, worse = daemon.shared.extensions.faults.all()
        assert (bad.what, bad.count) == ("metric bad", 2)
        assert "test_plugin_metrics.py:" in bad.where
        assert worse.error == "ValueError: it returned '7', which is no number"


async def test_what_is_not_known_has_no_sample(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        serve(daemon, metric(lambda _: None))
        assert b"\ntraderd_plugin_a " not in scrape(daemon)


async def test_a_quarantined_plugin_is_not_asked(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        serve(daemon, metric(fail), in_use=lambda: False)
        assert b"traderd_plugin" not in scrape(daemon)
        assert daemon.shared.extensions.faults.all() == ()


@pytest.mark.parametrize(
    ("labels", "answer", "words"),
    [
        ((), "text", "no number"),
        ((), True, "no number"),
        (("a",), 1.0, "labels"),
        (("a",), {"x": 1.0}, "labels"),
        (("a",), {("x", "y"): 1.0}, "labels"),
        (("a",), {(str(n),): 1.0 for n in range(SAMPLES_MAX + 1)}, "at most 200"),
    ],
)
def test_a_wrong_answer_is_refused(labels, answer, words):
    with pytest.raises(ValueError, match=words):
        checked_samples(metric(lambda _: answer, labels=labels), answer)


def test_not_a_number_is_not_known():
    assert checked_samples(metric(None), math.nan) == {}
    assert checked_samples(metric(None), 2) == {(): 2.0}
