import pytest

from tests.services.still_daemon import still_daemon
from traderd.model.units import Money, Timestamp
from traderd.services.metric_table import Kind, Metric, dollars, read_daemon, seconds, since


def metric(value, *, labels=(), name="traderd_market_data_gaps_total"):
    return Metric(
        name=name, kind=Kind.COUNTER, meaning="A test.", labels=labels, read=lambda reading: value
    )


def test_the_word_of_a_metric_is_its_name_without_what_all_have():
    assert metric(1).word == "gaps_total"
    assert metric(1, name="traderd_book_grade_markets").word == "book_grade_markets"


@pytest.mark.parametrize(
    ("value", "labels", "samples", "document"),
    [
        (3, (), {(): 3}, 3),
        (0, (), {(): 0}, 0),
        (None, (), {}, None),
        ({("A",): 1, ("B",): None}, ("grade",), {("A",): 1}, {"A": 1}),
        ({}, ("grade",), {}, {}),
    ],
)
def test_what_is_not_known_has_no_sample(value, labels, samples, document):
    one = metric(value, labels=labels)
    assert one.samples(None) == samples
    assert one.document(None) == document


def test_exact_units_become_floats_in_dollars_and_seconds():
    assert (dollars(Money(998_772_500)), dollars(None)) == (998.7725, None)
    assert (seconds(1_500_000_000), seconds(None)) == (1.5, None)
    assert since(Timestamp(10), Timestamp(5)) == 0
    assert since(None, Timestamp(5)) is None


async def test_a_reading_takes_everything_from_one_moment(autojump_clock, tmp_path):
    async with still_daemon(tmp_path) as daemon:
        context = daemon.context("web")
        with context.subscribe(int):
            reading = read_daemon(context, version="1.2.3")
        assert (reading.environment, reading.version) == ("sim", "1.2.3")
        assert reading.now == daemon.now()
        assert list(reading.inboxes) == ["web"]
        assert reading.journal_failed is False
