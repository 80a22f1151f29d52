"""Descriptions that plugins give: what cannot be served is refused where it is made, and what fails has file and line."""

import pytest

from traderd.plugin_manager import load_plugins
from traderd.services.extensions import (
    FAULTS_MAX,
    CommandAnswer,
    CommandSpec,
    Extensions,
    Faults,
    ObservationFeature,
    Owned,
    PluginMetric,
    Route,
    RouteAnswer,
    line_of,
)


def metric(name="a_dollars", **changes):
    return PluginMetric(**{"name": name, "meaning": "A.", "read": lambda _: 1.0} | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Capitals"}, "must match regex"),
        ({"name": "a-b"}, "must match regex"),
        ({"name": "a", "unit": "dollars"}, "must end with its unit: _dollars"),
        ({"name": "a", "is_counter": True}, "must end with _total"),
        ({"name": "a_dollars", "unit": "cents"}, "'unit' must be in"),
        ({"meaning": ""}, "meaning"),
        ({"name": "age_ms"}, "use base units"),
        ({"name": "a_gauge"}, "in whole words"),
        ({"name": "orders_total"}, "may go down"),
        ({"labels": ("quantile",)}, "has a label"),
        ({"labels": ("a b",)}, "use small letters"),
    ],
)
def test_a_metric_that_prometheus_would_not_like_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        metric(**changes)


def test_a_counter_has_its_unit_before_the_total():
    assert metric("a_dollars_total", unit="dollars", is_counter=True).is_counter


@pytest.mark.parametrize("path", ["", "/a", "../a", "a//b", "a b", ".hidden", "a/../b"])
def test_a_path_that_points_elsewhere_is_refused(path):
    with pytest.raises(ValueError, match="regex"):
        Route(path=path, answer=None)


def test_a_route_is_a_get_or_a_post():
    assert Route(path="a/b.csv", answer=None).method == "GET"
    with pytest.raises(ValueError, match="in"):
        Route(path="a", answer=None, method="DELETE")


def test_an_answer_in_json_says_so():
    answer = RouteAnswer.json({"a": 1})
    assert (answer.body, answer.content_type) == (b'{"a":1}', "application/json")


def test_a_command_needs_an_example_that_begins_with_it():
    def run(daemon):
        return CommandAnswer(text="", document={})

    assert CommandSpec(name="x", meaning="X.", example="traderd x --json", run=run).name == "x"
    with pytest.raises(ValueError, match="must begin with `traderd x`"):
        CommandSpec(name="x", meaning="X.", example="run x", run=run)


def test_a_feature_has_a_name_that_can_be_a_column():
    with pytest.raises(ValueError, match="regex"):
        ObservationFeature(name="a b", unit="1", meaning="A.", read=lambda _: 1)


def raised(text="bad"):
    try:
        raise ValueError(text)
    except ValueError as exc:
        return exc


def test_a_fault_has_file_and_line_and_is_counted():
    told = []
    faults = Faults(on_fault=lambda fault, is_strike: told.append((fault.count, is_strike)))
    for _ in range(3):
        fault = faults.note("mine", "metric a", raised())
    (kept,) = faults.all()
    assert kept is fault
    assert (kept.plugin, kept.what, kept.count) == ("mine", "metric a", 3)
    assert kept.error == "ValueError: bad"
    assert kept.where.startswith(__file__)
    faults.note("mine", "metric a", raised(), is_strike=False)
    assert told == [(1, True), (2, True), (3, True), (4, False)]


def test_secrets_can_be_taken_out_of_the_words_of_a_fault():
    faults = Faults()
    fault = faults.note("mine", "x", raised("hush"), masked=lambda text: text.replace("hush", "*"))
    assert fault.error == "ValueError: *"


def test_faults_are_bounded_and_forgotten_with_their_plugin():
    faults = Faults()
    for number in range(FAULTS_MAX + 10):
        faults.note("mine", f"metric {number}", "bad")
    faults.note("other", "metric", "bad")
    assert len(faults.all()) == FAULTS_MAX
    faults.forget("mine")
    assert [fault.plugin for fault in faults.all()] == ["other"]


def test_the_line_is_that_of_the_plugin_and_not_of_the_library_it_called():
    with pytest.raises(AttributeError) as caught:
        load_plugins("not a list of paths")
    assert line_of(caught.value).startswith(__file__)
    assert line_of(ValueError("never raised")) == ""


async def test_who_waits_hears_that_the_lists_are_new(autojump_clock):
    extensions = Extensions()
    changed = extensions.changed
    assert not changed.is_set()
    extensions.replace(notifiers=[Owned("a", 1)], routes=[], metrics=[], features=[])
    assert changed.is_set()
    assert not extensions.changed.is_set()
    assert extensions.notifiers == (Owned("a", 1),)
